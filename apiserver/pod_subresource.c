/* pods/binding and pods/eviction. Source: pkg/registry/core/pod/storage. */
#include <string.h>

#include "apiserver/body.h"
#include "apiserver/delete.h"
#include "apiserver/special.h"
#include "apiserver/steps.h"
#include "base/clock.h"
#include "schema/meta.h"
#include "schema/selector.h"

/* ---- binding ---- */

/* To True. `reason` and `message` may be NULL. */
static void set_condition(json_t *pod, const char *type, const char *reason, const char *message)
{
    char now[TIME_TEXT_SIZE];
    json_t *conditions = json_ensure_array(json_ensure_object(pod, "status"), "conditions"),
           *condition;
    size_t i;
    time_format(clock_now_us(), now);
    json_array_foreach (conditions, i, condition)
        if (text_eq(json_text(condition, "type"), type)) {
            json_array_remove(conditions, i);
            break;
        }
    json_array_append_new(conditions,
                          json_pack("{s:s, s:s, s:n, s:s, s:s*, s:s*}", "type", type, "status",
                                    "True", "lastProbeTime", "lastTransitionTime", now, "reason",
                                    reason, "message", message));
}

static void copy_annotations(const json_t *binding, json_t *pod)
{
    const char *key;
    json_t *value;
    json_object_foreach (json_at(binding, "metadata", "annotations"), key, value)
        if (json_is_string(value))
            meta_set_annotation(pod, key, json_string_value(value));
}

static bool check_binding(struct request *request, const json_t *binding, const char *name)
{
    struct error *err = &request->error;
    const char *node = json_text(binding, "target", "name"), *uid = meta_uid(binding),
               *on = json_text(request->old, "spec", "nodeName");
    const char *kind = json_text(binding, "target", "kind");
    if (kind && *kind && strcmp(kind, "Node") != 0)
        return error_set(
            err, ERROR_UNKNOWN,
            "target.kind: Unsupported value: \"%s\": supported values: \"Node\", \"<empty>\"",
            kind);
    if (!node || !*node)
        return error_set(err, ERROR_UNKNOWN, "target.name: Required value");
    if (*uid && strcmp(uid, request->current->uid) != 0)
        return error_conflict(
            err, "pods/binding", name,
            "Precondition failed: UID in precondition: %s, UID in object meta: %s", uid,
            request->current->uid);
    if (meta_deleting(request->old))
        return error_conflict(err, "pods/binding", name,
                              "pod %s is being deleted, cannot be assigned to a host", name);
    if (on && *on)
        return error_conflict(err, "pods/binding", name,
                              "pod %s is already assigned to node \"%s\"", name, on);
    if (json_array_size(json_at(request->old, "spec", "schedulingGates")) > 0)
        return error_conflict(err, "pods/binding", name,
                              "pod %s has non-empty .spec.schedulingGates", name);
    return true;
}

enum step_result step_bind(struct request *request)
{
    json_auto_t *binding = request->object;
    request->object = NULL;
    const char *name = *request->route.name ? request->route.name : meta_name(binding);
    if (*meta_name(binding) && strcmp(meta_name(binding), name) != 0) {
        error_bad_request(&request->error, "name in URL does not match name in Binding object");
        return STEP_FAIL;
    }
    enum step_result result =
        request_read(request, "pods", request_ns(request), name, &request->current);
    if (result != STEP_NEXT)
        return result;
    if (!request->current) {
        error_not_found(&request->error, "pods", name);
        return STEP_FAIL;
    }
    request->storage = store_intern("pods");
    request->old = object_json(request->current);
    if (!check_binding(request, binding, name))
        return STEP_FAIL;
    request->object = json_deep_copy(request->old);
    json_set_text(json_ensure_object(request->object, "spec"), "nodeName",
                  json_text(binding, "target", "name"));
    copy_annotations(binding, request->object);
    set_condition(request->object, "PodScheduled", NULL, NULL);
    request->write.op = STORE_UPDATE;
    request->answers_status = true;
    return STEP_NEXT;
}

/* ---- eviction ---- */

enum step_result step_eviction_decode(struct request *request)
{
    request->eviction = body_decode(request, request->type, "Eviction", "v1", true);
    const char *name = meta_name(request->eviction);
    if (!request->error.code && *name && strcmp(name, request->route.name) != 0)
        error_bad_request(&request->error, "name in URL does not match name in Eviction object");
    return request->error.code ? STEP_FAIL : STEP_NEXT;
}

static bool budget_refuses(struct request *request, const json_t *budget)
{
    struct error *err = &request->error;
    const char *name = meta_name(budget);
    int64_t seen = json_int_or(json_at(budget, "status", "observedGeneration"), 0);
    int64_t allowed = json_int_or(json_at(budget, "status", "disruptionsAllowed"), 0);
    bool behind = seen < json_int_or(json_at(budget, "metadata", "generation"), 0);
    if (!behind && allowed > 0)
        return false;
    error_set(err, ERROR_TOO_MANY_REQUESTS,
              "Cannot evict pod as it would violate the pod's disruption budget.");
    err->retry_after_s = behind ? 10 : 0;
    err->causes = xcalloc(1, sizeof(*err->causes));
    err->cause_count = 1;
    err->causes[0].type = xstrdup("DisruptionBudget");
    err->causes[0].message =
        behind
            ? xasprintf("The disruption budget %s is still being processed by the server.", name)
            : xasprintf("The disruption budget %s needs %lld healthy pods and has %lld currently",
                        name,
                        (long long)json_int_or(json_at(budget, "status", "desiredHealthy"), 0),
                        (long long)json_int_or(json_at(budget, "status", "currentHealthy"), 0));
    return true;
}

/* Finished Pods and those that never started are nobody's budget. */
static bool counts_for_budgets(const json_t *pod)
{
    const char *phase = json_text(pod, "status", "phase");
    return !meta_deleting(pod) && !text_eq(phase, "Succeeded") && !text_eq(phase, "Failed") &&
           !text_eq(phase, "Pending");
}

static enum step_result check_budgets(struct request *request)
{
    struct object_list budgets = {0};
    struct cache_range range = {.ns = request_ns(request)};
    bool gone = false, refused = false;
    if (!counts_for_budgets(request->old))
        return STEP_NEXT;
    enum step_result result =
        request_list(request, "poddisruptionbudgets.policy", &range, &budgets, &gone);
    if (result != STEP_NEXT)
        return result;
    for (size_t i = 0; i < budgets.count && !refused; i++) {
        json_auto_t *budget = object_json(budgets.items[i]);
        struct selector *selector =
            selector_from_json(json_at(budget, "spec", "selector"), &request->error);
        refused = selector && selector_matches_labels(selector, request->current) &&
                  budget_refuses(request, budget);
        selector_free(selector);
    }
    object_list_free(&budgets);
    return refused || request->error.code ? STEP_FAIL : STEP_NEXT;
}

enum step_result step_evict(struct request *request)
{
    enum step_result result = check_budgets(request);
    if (result != STEP_NEXT)
        return result;
    request->answers_status = true;
    result = delete_plan(request, json_object_get(request->eviction, "deleteOptions"));
    if (result == STEP_NEXT)
        set_condition(request->object, "DisruptionTarget", "EvictionByEvictionAPI",
                      "Eviction API: evicting");
    return result;
}
