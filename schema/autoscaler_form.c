#include "schema/autoscaler_form.h"

#include <strings.h>

#include "schema/meta.h"

#define PREFIX          "autoscaling.alpha.kubernetes.io/"
#define METRICS         PREFIX "metrics"
#define CURRENT_METRICS PREFIX "current-metrics"
#define CONDITIONS      PREFIX "conditions"
#define BEHAVIOR        PREFIX "behavior"

static const char *const annotations[] = {METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR};

/* ---- metrics: v1's are flat, v2's nested ---- */

/* One member of a metric, in v1's order, and where v2 has it. */
struct move {
    const char *flat;
    const char *outer, *inner; /* inner NULL: at `outer` itself */
    bool printed;              /* v1 prints "0" for none */
};

struct form {
    const char *type, *member;
    const struct move *wanted, *current; /* ended by a row without a name */
};

#define AT(flat_, outer_)                                                                          \
    {                                                                                              \
        .flat = (flat_), .outer = (outer_)                                                         \
    }
#define IN(flat_, outer_, inner_)                                                                  \
    {                                                                                              \
        .flat = (flat_), .outer = (outer_), .inner = (inner_)                                      \
    }
#define SHOWN(flat_, outer_, inner_)                                                               \
    {                                                                                              \
        .flat = (flat_), .outer = (outer_), .inner = (inner_), .printed = true                     \
    }
#define MOVES(...) ((const struct move[]){__VA_ARGS__, {.flat = NULL}})

/* clang-format off */
static const struct form forms[] = {
    {"Object", "object",
     MOVES(AT("target", "describedObject"), IN("metricName", "metric", "name"), SHOWN("targetValue", "target", "value"),
           IN("selector", "metric", "selector"), IN("averageValue", "target", "averageValue")),
     MOVES(AT("target", "describedObject"), IN("metricName", "metric", "name"), SHOWN("currentValue", "current", "value"),
           IN("selector", "metric", "selector"), IN("averageValue", "current", "averageValue"))},
    {"Pods", "pods",
     MOVES(IN("metricName", "metric", "name"), SHOWN("targetAverageValue", "target", "averageValue"),
           IN("selector", "metric", "selector")),
     MOVES(IN("metricName", "metric", "name"), SHOWN("currentAverageValue", "current", "averageValue"),
           IN("selector", "metric", "selector"))},
    {"Resource", "resource",
     MOVES(AT("name", "name"), IN("targetAverageUtilization", "target", "averageUtilization"),
           IN("targetAverageValue", "target", "averageValue")),
     MOVES(AT("name", "name"), IN("currentAverageUtilization", "current", "averageUtilization"),
           SHOWN("currentAverageValue", "current", "averageValue"))},
    {"ContainerResource", "containerResource",
     MOVES(AT("name", "name"), IN("targetAverageUtilization", "target", "averageUtilization"),
           IN("targetAverageValue", "target", "averageValue"), AT("container", "container")),
     MOVES(AT("name", "name"), IN("currentAverageUtilization", "current", "averageUtilization"),
           SHOWN("currentAverageValue", "current", "averageValue"), AT("container", "container"))},
    {"External", "external",
     MOVES(IN("metricName", "metric", "name"), IN("metricSelector", "metric", "selector"),
           IN("targetValue", "target", "value"), IN("targetAverageValue", "target", "averageValue")),
     MOVES(IN("metricName", "metric", "name"), IN("metricSelector", "metric", "selector"),
           SHOWN("currentValue", "current", "value"), IN("currentAverageValue", "current", "averageValue"))},
};
/* clang-format on */

static const struct form *form_of(const json_t *metric)
{
    const char *type = json_text(metric, "type");
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (text_eq(type, forms[i].type))
            return &forms[i];
    return NULL;
}

static json_t *flatten(const struct form *form, const json_t *metric, bool current)
{
    const struct move *moves = current ? form->current : form->wanted;
    const json_t *nested = json_object_get(metric, form->member);
    json_t *flat = json_object();
    for (size_t i = 0; moves[i].flat; i++) {
        json_t *value = json_object_get(nested, moves[i].outer);
        if (moves[i].inner)
            value = json_object_get(value, moves[i].inner);
        if (value)
            json_object_set(flat, moves[i].flat, value);
        else if (moves[i].printed)
            json_object_set_new(flat, moves[i].flat, json_string("0"));
    }
    return json_pack("{s:s, s:o}", "type", form->type, form->member, flat);
}

/* A zero stands for nothing where the average is what is meant. */
static bool is_filler(const struct move *move, const json_t *flat)
{
    return text_eq(move->inner, "value") && text_eq(json_text(flat, move->flat), "0") &&
           (json_object_get(flat, "averageValue") || json_object_get(flat, "targetAverageValue"));
}

static const char *target_type(const json_t *target)
{
    if (json_object_get(target, "averageUtilization"))
        return "Utilization";
    return json_object_get(target, "averageValue") ? "AverageValue" : "Value";
}

static json_t *nest(const struct form *form, const json_t *metric, bool current)
{
    const struct move *moves = current ? form->current : form->wanted;
    const json_t *flat = json_object_get(metric, form->member);
    json_t *nested = json_object();
    for (size_t i = 0; moves[i].flat; i++) {
        json_t *value = json_object_get(flat, moves[i].flat);
        if (!value || is_filler(&moves[i], flat))
            continue;
        if (moves[i].inner)
            json_object_set(json_ensure_object(nested, moves[i].outer), moves[i].inner, value);
        else
            json_object_set(nested, moves[i].outer, value);
    }
    json_t *target = current ? NULL : json_ensure_object(nested, "target");
    if (target)
        json_set_text(target, "type", target_type(target));
    return json_pack("{s:s, s:o}", "type", form->type, form->member, nested);
}

static bool is_cpu(const json_t *metric)
{
    return text_eq(json_text(metric, "type"), "Resource") &&
           text_eq(json_text(metric, "resource", "name"), "cpu");
}

/* ---- the texts of annotations ---- */

static void annotate(json_t *object, const char *key, const json_t *value)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_write(&text, value);
    meta_set_annotation(object, key, text.data);
}

/* The annotation's document; NULL when there is none, or none of that kind. */
static json_t *annotated(const json_t *object, const char *key, json_type type)
{
    struct error ignored = {0};
    const char *text = meta_annotation(object, key);
    json_t *value = text ? json_parse(str_of(text), JSON_LOAD_LENIENT, &ignored) : NULL;
    error_clear(&ignored);
    if (value && json_typeof(value) == type)
        return value;
    json_decref(value);
    return NULL;
}

/* A member whatever the case of its name, as Go reads. */
static json_t *member_of(const json_t *object, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value)
        if (strcasecmp(key, name) == 0)
            return json_is_null(value) ? NULL : value;
    return NULL;
}

static const char *const rule_members[][2] = {
    {"StabilizationWindowSeconds", "stabilizationWindowSeconds"},
    {"SelectPolicy", "selectPolicy"},
    {"Policies", "policies"},
};
static const char *const policy_members[][2] = {
    {"Type", "type"},
    {"Value", "value"},
    {"PeriodSeconds", "periodSeconds"},
};

/* Members renamed: to v1's annotation (which says null for what is missing), or back. */
static json_t *renamed(const json_t *from, const char *const (*names)[2], size_t count, bool to_v1)
{
    json_t *to = json_object();
    for (size_t i = 0; i < count; i++) {
        json_t *value = member_of(from, names[i][1]);
        if (value)
            json_object_set(to, names[i][!to_v1], value);
        else if (to_v1)
            json_object_set_new(to, names[i][0], json_null());
    }
    return to;
}

static json_t *scaling_rules(const json_t *from, bool to_v1)
{
    json_t *rules = renamed(from, rule_members, ARRAY_LEN(rule_members), to_v1),
           *policies = json_array(), *policy;
    const json_t *list = member_of(from, "policies");
    size_t i;
    json_array_foreach (list, i, policy)
        json_array_append_new(policies,
                              renamed(policy, policy_members, ARRAY_LEN(policy_members), to_v1));
    if (json_is_array(list))
        json_object_set(rules, rule_members[ARRAY_LEN(rule_members) - 1][!to_v1], policies);
    json_decref(policies);
    return rules;
}

static json_t *behavior_form(const json_t *from, bool to_v1)
{
    static const char *const directions[][2] = {{"ScaleUp", "scaleUp"}, {"ScaleDown", "scaleDown"}};
    json_t *behavior = json_object();
    for (size_t i = 0; i < ARRAY_LEN(directions); i++) {
        const json_t *rules = member_of(from, directions[i][1]);
        if (rules)
            json_object_set_new(behavior, directions[i][!to_v1], scaling_rules(rules, to_v1));
        else if (to_v1)
            json_object_set_new(behavior, directions[i][0], json_null());
    }
    return behavior;
}

/* ---- the objects ---- */

static json_t *with_members(const json_t *from, const char *const *members)
{
    json_t *to = json_object();
    for (; *members; members++)
        if (json_object_get(from, *members))
            json_object_set(to, *members, json_object_get(from, *members));
    return to;
}

static const char *const spec_members[] = {"scaleTargetRef", "minReplicas", "maxReplicas", NULL};
static const char *const status_members[] = {"observedGeneration", "lastScaleTime",
                                             "currentReplicas", "desiredReplicas", NULL};

static json_t *object_of(const json_t *from, const char *api_version)
{
    json_t *object =
        json_pack("{s:s, s:s}", "kind", "HorizontalPodAutoscaler", "apiVersion", api_version);
    json_t *metadata = json_deep_copy(json_object_get(from, "metadata"));
    if (metadata)
        json_object_set_new(object, "metadata", metadata);
    json_object_set_new(object, "spec", with_members(json_object_get(from, "spec"), spec_members));
    json_object_set_new(object, "status",
                        with_members(json_object_get(from, "status"), status_members));
    return object;
}

/* Flat forms of `metrics`; with `cpu`, the first utilization of CPU goes there instead. */
static json_t *flat_metrics(const json_t *metrics, bool current, json_t **cpu)
{
    json_t *list = json_array(), *metric;
    size_t i;
    json_array_foreach (metrics, i, metric) {
        const struct form *form = form_of(metric);
        json_t *percent =
            is_cpu(metric)
                ? json_at(metric, "resource", current ? "current" : "target", "averageUtilization")
                : NULL;
        bool first = percent && !*cpu;
        if (first)
            *cpu = percent;
        if (form && (current || !first))
            json_array_append_new(list, flatten(form, metric, current));
    }
    return list;
}

json_t *autoscaler_to_v1(const json_t *v2)
{
    const json_t *spec = json_object_get(v2, "spec"), *status = json_object_get(v2, "status");
    const json_t *conditions = json_object_get(status, "conditions"),
                 *behavior = json_object_get(spec, "behavior");
    json_t *object = object_of(v2, "autoscaling/v1"), *target = NULL, *have = NULL;
    json_auto_t *metrics = flat_metrics(json_object_get(spec, "metrics"), false, &target);
    json_auto_t *current = flat_metrics(json_object_get(status, "currentMetrics"), true, &have);
    if (target)
        json_object_set(json_object_get(object, "spec"), "targetCPUUtilizationPercentage", target);
    if (have)
        json_object_set(json_object_get(object, "status"), "currentCPUUtilizationPercentage", have);
    if (json_array_size(metrics))
        annotate(object, METRICS, metrics);
    if (json_array_size(current))
        annotate(object, CURRENT_METRICS, current);
    if (json_array_size(conditions))
        annotate(object, CONDITIONS, conditions);
    if (json_is_object(behavior)) {
        json_auto_t *form = behavior_form(behavior, true);
        annotate(object, BEHAVIOR, form);
    }
    return object;
}

static void add_nested(json_t *list, const json_t *flat, bool current)
{
    json_t *metric;
    size_t i;
    json_array_foreach (flat, i, metric) {
        const struct form *form = form_of(metric);
        if (form)
            json_array_append_new(list, nest(form, metric, current));
    }
}

static json_t *cpu_metric(json_t *percent, bool current)
{
    json_auto_t *flat =
        json_pack("{s:s, s:{s:s, s:O}}", "type", "Resource", "resource", "name", "cpu",
                  current ? "currentAverageUtilization" : "targetAverageUtilization", percent);
    return nest(form_of(flat), flat, current);
}

static void drop_annotations(json_t *object)
{
    json_t *metadata = json_object_get(object, "metadata"),
           *notes = json_object_get(metadata, "annotations");
    if (!notes)
        return;
    for (size_t i = 0; i < ARRAY_LEN(annotations); i++)
        json_object_del(notes, annotations[i]);
    if (json_object_size(notes) == 0)
        json_object_del(metadata, "annotations");
}

static void restore_spec(json_t *object, const json_t *v1)
{
    json_t *spec = json_object_get(object, "spec"),
           *percent = json_at(v1, "spec", "targetCPUUtilizationPercentage");
    json_auto_t *flat = annotated(v1, METRICS, JSON_ARRAY),
                *behavior = annotated(v1, BEHAVIOR, JSON_OBJECT);
    json_auto_t *metrics = json_array();
    add_nested(metrics, flat, false);
    if (json_is_integer(percent))
        json_array_append_new(metrics, cpu_metric(percent, false));
    if (json_array_size(metrics))
        json_object_set(spec, "metrics", metrics);
    json_auto_t *form = behavior ? behavior_form(behavior, false) : NULL;
    if (json_object_size(form))
        json_object_set(spec, "behavior", form);
}

static void restore_status(json_t *object, const json_t *v1)
{
    json_t *status = json_object_get(object, "status"),
           *percent = json_at(v1, "status", "currentCPUUtilizationPercentage");
    json_auto_t *flat = annotated(v1, CURRENT_METRICS, JSON_ARRAY),
                *conditions = annotated(v1, CONDITIONS, JSON_ARRAY);
    json_auto_t *metrics = json_array();
    if (flat)
        add_nested(metrics, flat, true);
    else if (json_is_integer(percent))
        json_array_append_new(metrics, cpu_metric(percent, true));
    if (json_array_size(metrics))
        json_object_set(status, "currentMetrics", metrics);
    if (json_array_size(conditions))
        json_object_set(status, "conditions", conditions);
}

json_t *autoscaler_from_v1(const json_t *v1)
{
    json_t *object = object_of(v1, "autoscaling/v2");
    restore_spec(object, v1);
    restore_status(object, v1);
    drop_annotations(object);
    return object;
}
