/* Scale of the workloads; Events of events.k8s.io, which are core Events under other names; and
 * HorizontalPodAutoscalers of autoscaling/v1. */
#include "apiserver/view.h"

#include <string.h>

#include "schema/autoscaler_form.h"
#include "schema/crd.h"
#include "schema/decode.h"
#include "schema/meta.h"
#include "schema/selector.h"

/* ---- Scale ---- */

/* A workload's LabelSelector, or a ReplicationController's plain map. */
static void scale_selector(json_t *status, const json_t *selector)
{
    struct buf text = BUF_TEXT;
    bool plain = !json_at(selector, "matchLabels") && !json_at(selector, "matchExpressions");
    json_auto_t *labels = plain ? json_pack("{s:O*}", "matchLabels", selector) : NULL;
    if (selector_write(&text, labels ? labels : selector))
        json_set_text(status, "selector", text.data);
    buf_free(&text);
}

static json_t *scale_show(const struct resource *resource, const json_t *stored)
{
    static const char *const kept[] = {"name", "namespace", "uid", "resourceVersion",
                                       "creationTimestamp"};
    json_t *scale = json_pack("{s:s, s:s, s:{}, s:{}, s:{}}", "kind", "Scale", "apiVersion",
                              "autoscaling/v1", "metadata", "spec", "status");
    json_t *metadata = json_object_get(scale, "metadata"),
           *status = json_object_get(scale, "status");
    (void)resource;
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (json_at(stored, "metadata", kept[i]))
            json_object_set(metadata, kept[i], json_at(stored, "metadata", kept[i]));
    json_object_set_new(json_object_get(scale, "spec"), "replicas",
                        json_integer(json_int_or(json_at(stored, "spec", "replicas"), 0)));
    json_object_set_new(status, "replicas",
                        json_integer(json_int_or(json_at(stored, "status", "replicas"), 0)));
    scale_selector(status, json_at(stored, "spec", "selector"));
    return scale;
}

static json_t *scale_accept(const struct resource *resource, const json_t *shown, const json_t *old,
                            struct error *err)
{
    int64_t replicas = json_int_or(json_at(shown, "spec", "replicas"), 0);
    (void)resource;
    if (replicas < 0) {
        error_add_cause(err, CAUSE_INVALID, "spec.replicas",
                        "Invalid value: %lld: must be greater than or equal to 0",
                        (long long)replicas);
        if (!error_seal_invalid(err, "Scale", "autoscaling", meta_name(old)))
            return NULL;
    }
    json_t *object = json_deep_copy(old);
    json_object_set_new(json_ensure_object(object, "spec"), "replicas", json_integer(replicas));
    json_t *metadata = json_ensure_object(object, "metadata");
    const char *revision = meta_resource_version(shown);
    json_set_text(metadata, "resourceVersion", *revision ? revision : NULL);
    return object;
}

/* ---- events.k8s.io ---- */

static const struct renamed {
    const char *core, *events;
} event_fields[] = {
    {"involvedObject", "regarding"},
    {"message", "note"},
    {"source", "deprecatedSource"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"count", "deprecatedCount"},
    {"reportingComponent", "reportingController"},
};

static json_t *event_rename(const json_t *from, bool to_events)
{
    json_t *event = json_copy((json_t *)(uintptr_t)from);
    for (size_t i = 0; i < ARRAY_LEN(event_fields); i++) {
        const struct renamed *row = &event_fields[i];
        const char *have = to_events ? row->core : row->events,
                   *want = to_events ? row->events : row->core;
        json_t *value = json_object_get(event, have);
        if (value)
            json_object_set(event, want, value);
        json_object_del(event, have);
    }
    json_set_text(event, "apiVersion", to_events ? "events.k8s.io/v1" : "v1");
    return event;
}

static json_t *event_restore(const json_t *shown)
{
    return event_rename(shown, false);
}

static json_t *event_show(const struct resource *resource, const json_t *stored)
{
    static const char *const omitted[] = {"reportingController", "reportingInstance"};
    json_t *event = event_rename(stored, true);
    (void)resource;
    for (size_t i = 0; i < ARRAY_LEN(omitted); i++)
        if (text_eq(json_text(event, omitted[i]), ""))
            json_object_del(event, omitted[i]);
    return event;
}

/* What a client of this group may not change; the core group's may. Stored name, printed path. */
static const char *const event_fixed[][2] = {
    {"involvedObject", "involvedObject"},
    {"reason", "reason"},
    {"message", "message"},
    {"source", "source"},
    {"firstTimestamp", "firstTimestamp"},
    {"lastTimestamp", "lastTimestamp"},
    {"count", "count"},
    {"type", "type"},
    {"eventTime", "eventTime"},
    {"action", "action"},
    {"related", "related"},
    {"reportingComponent", "reportingController"},
    {"reportingInstance", "reportingInstance"},
};

/* There is something that Go would not print. */
static bool event_has(const json_t *event, const char *name)
{
    const json_t *value = json_object_get(event, name);
    return value && !json_is_null(value) && (!json_is_object(value) || json_object_size(value)) &&
           (!json_is_integer(value) || json_integer_value(value)) &&
           !text_eq(json_string_value(value), "");
}

static void check_event_series(const json_t *event, struct error *err)
{
    const json_t *series = json_object_get(event, "series");
    if (!json_is_object(series))
        return;
    if (json_int_or(json_object_get(series, "count"), 0) < 2)
        error_add_invalid(err, "series.count", "", "should be at least 2");
    if (!json_text(series, "lastObservedTime"))
        error_add_required(err, "series.lastObservedTime", NULL);
}

static void check_event_create(const json_t *event, struct error *err)
{
    static const char *const unset[] = {"firstTimestamp", "lastTimestamp", "count", "source"};
    const char *type = json_text(event, "type");
    check_event_series(event, err);
    if (!event_has(event, "eventTime"))
        error_add_required(err, "eventTime", NULL);
    if (!text_eq(type, "Normal") && !text_eq(type, "Warning")) {
        CLEANUP(free_ptr) char *why = xasprintf("has invalid value: %s", type ? type : "");
        error_add_invalid(err, "type", "", why);
    }
    for (size_t i = 0; i < ARRAY_LEN(unset); i++)
        if (event_has(event, unset[i]))
            error_add_invalid(err, unset[i], "", "needs to be unset");
}

static void check_event_update(const json_t *event, const json_t *old, struct error *err)
{
    if (!json_equal(json_object_get(event, "series"), json_object_get(old, "series")))
        check_event_series(event, err);
    for (size_t i = 0; i < ARRAY_LEN(event_fixed); i++) {
        const char *name = event_fixed[i][0], *text = json_text(event, name);
        const json_t *now = json_object_get(event, name), *was = json_object_get(old, name);
        bool gone = !event_has(event, name) && !event_has(old, name);
        if (!gone && !json_equal(now, was))
            error_add_invalid(err, event_fixed[i][1], text ? text : "", "field is immutable");
    }
}

static json_t *event_accept(const struct resource *resource, const json_t *shown, const json_t *old,
                            struct error *err)
{
    json_auto_t *event = event_restore(shown);
    if (old)
        check_event_update(event, old, err);
    else
        check_event_create(event, err);
    if (!error_seal_invalid(err, resource->kind, resource->group, meta_name(event)))
        return NULL;
    schema_default(type_find("io.k8s.api.core.v1.Event"), event);
    return TAKE(event);
}

/* ---- autoscaling/v1 ---- */

static json_t *autoscaler_show(const struct resource *resource, const json_t *stored)
{
    json_t *shown = autoscaler_to_v1(stored);
    schema_default(resource->type, shown);
    return shown;
}

/* Defaults are v2's, as they are when upstream reads back what it has stored. */
static json_t *autoscaler_accept(const struct resource *resource, const json_t *shown,
                                 const json_t *old, struct error *err)
{
    const struct type *stored_type = resource_by_key(resource->key)->type;
    json_t *stored = autoscaler_from_v1(shown);
    (void)old;
    if (schema_shape(stored_type, stored, FIELD_VALIDATION_IGNORE, NULL, err)) {
        schema_default(stored_type, stored);
        return stored;
    }
    json_decref(stored);
    return NULL;
}

#define AUTOSCALERS "horizontalpodautoscalers.autoscaling"

static const struct view views[] = {
    {"deployments.apps", "scale", "deployments.apps", scale_show, scale_accept, NULL, NULL},
    {"replicasets.apps", "scale", "replicasets.apps", scale_show, scale_accept, NULL, NULL},
    {"statefulsets.apps", "scale", "statefulsets.apps", scale_show, scale_accept, NULL, NULL},
    {"replicationcontrollers", "scale", "replicationcontrollers", scale_show, scale_accept, NULL,
     NULL},
    {"events", "", "events", event_show, event_accept, "events.k8s.io/v1", event_restore},
    {AUTOSCALERS, "", AUTOSCALERS, autoscaler_show, autoscaler_accept, "autoscaling/v1",
     autoscaler_from_v1},
    {AUTOSCALERS, "status", AUTOSCALERS, autoscaler_show, autoscaler_accept, "autoscaling/v1",
     autoscaler_from_v1},
};

static const struct view custom_scale = {NULL, "scale", NULL, crd_scale_show, crd_scale_accept,
                                         NULL, NULL};

const struct view *view_find(const struct resource *resource, const char *sub)
{
    if (resource->type && resource->type->custom)
        return strcmp(sub, "scale") == 0 ? &custom_scale : NULL;
    for (size_t i = 0; i < ARRAY_LEN(views); i++)
        if (strcmp(views[i].key, resource->key) == 0 && strcmp(views[i].sub, sub) == 0 &&
            (!views[i].api_version || strcmp(views[i].api_version, resource->api_version) == 0))
            return &views[i];
    return NULL;
}

void view_mark_unset(const struct request *request, json_t *scale)
{
    if (request->view == &custom_scale && !crd_scale_has_replicas(request->resource, request->old))
        json_object_set_new(json_ensure_object(scale, "spec"), "replicas",
                            json_integer(CRD_SCALE_UNSET));
}
