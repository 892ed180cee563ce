/* HorizontalPodAutoscalers: autoscaling/v2's form, which is stored. */
#include "schema/kinds/kinds.h"
#include "schema/meta.h"
#include "base/quantity.h"

#define SPEC       PATH(NULL, "spec")
#define WINDOW_MAX 3600
#define PERIOD_MAX 1800

static json_t *policy(const char *type, int64_t value, int64_t seconds)
{
    return json_pack("{s:s,s:I,s:I}", "type", type, "value", (json_int_t)value, "periodSeconds",
                     (json_int_t)seconds);
}

static void behavior_defaults(json_t *behavior)
{
    if (!behavior)
        return;
    json_t *up = default_object(behavior, "scaleUp"), *down = default_object(behavior, "scaleDown");
    default_int(up, "stabilizationWindowSeconds", 0);
    default_text(up, "selectPolicy", "Max");
    if (up && !rule_has(up, "policies"))
        json_object_set_new(up, "policies",
                            json_pack("[o,o]", policy("Pods", 4, 15), policy("Percent", 100, 15)));
    default_text(down, "selectPolicy", "Max");
    if (down && !rule_has(down, "policies"))
        json_object_set_new(down, "policies", json_pack("[o]", policy("Percent", 100, 15)));
}

static void set_defaults(json_t *object)
{
    json_t *spec = member_object(object, "spec");
    bool old_form = rule_has(spec, "targetCPUUtilizationPercentage") ||
                    strcmp(rule_text(object, "apiVersion"), "autoscaling/v1") == 0;
    default_int(spec, "minReplicas", 1);
    if (spec && !old_form && !rule_filled(spec, "metrics"))
        json_object_set_new(spec, "metrics",
                            json_pack("[{s:s,s:{s:s,s:{s:s,s:i}}}]", "type", "Resource", "resource",
                                      "name", "cpu", "target", "type", "Utilization",
                                      "averageUtilization", 80));
    behavior_defaults(member_object(spec, "behavior"));
}

static void prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
}

static const struct metric_row {
    const char *type, *member;
    const char *targets[2]; /* exactly one of them; the second may be NULL */
} metric_rows[] = {
    {"ContainerResource", "containerResource", {"averageUtilization", "averageValue"}},
    {"External", "external", {"value", "averageValue"}},
    {"Object", "object", {"value", "averageValue"}},
    {"Pods", "pods", {"averageValue", NULL}},
    {"Resource", "resource", {"averageUtilization", "averageValue"}},
};
static const char *const metric_types[] = {"ContainerResource", "External", "Object", "Pods",
                                           "Resource",          NULL};

static bool is_positive(const json_t *value)
{
    struct quantity quantity;
    if (json_is_integer(value))
        return json_integer_value(value) >= 1;
    return json_is_string(value) && quantity_parse(str_of(json_string_value(value)), &quantity) &&
           quantity.nano > 0;
}

static void check_target(struct error *err, const struct path *at, const json_t *target,
                         const struct metric_row *row)
{
    static const char *const types[] = {"AverageValue", "Utilization", "Value", NULL};
    const char *type = rule_text(target, "type");
    size_t count = 0;
    check_required(err, at, target, "type", "must specify a metric target type");
    if (!rule_one_of(type, types))
        rule_invalid_text(err, PATH(at, "type"), type,
                          "must be either Utilization, Value, or AverageValue");
    for (size_t i = 0; i < ARRAY_LEN(row->targets) && row->targets[i]; i++) {
        const json_t *value = json_object_get(target, row->targets[i]);
        count += value && !json_is_null(value);
        if (value && !is_positive(value))
            rule_invalid(err, PATH(at, row->targets[i]), value, "%s",
                         json_is_integer(value) ? RULE_POSITIVE : "must be positive");
    }
    if (count == 0 && !row->targets[1])
        rule_required(err, PATH(at, row->targets[0]),
                      "must specify a positive target averageValue");
    else if (count == 0 && strcmp(row->targets[0], "value") == 0)
        rule_required(err, PATH(at, "averageValue"),
                      "must set either a target value for metric or a per-pod target");
    else if (count == 0)
        rule_required(err, PATH(at, "averageUtilization"),
                      "must set either a target raw value or a target utilization");
    else if (count > 1 && strcmp(row->targets[0], "value") == 0)
        rule_forbidden(err, PATH(at, "value"),
                       "may not set both a target value for metric and a per-pod target");
    else if (count > 1)
        rule_forbidden(err, PATH(at, "averageValue"),
                       "may not set both a target raw value and a target utilization");
}

static void check_metric(struct error *err, const struct path *at, const json_t *metric)
{
    const char *type = rule_text(metric, "type");
    if (!*type) {
        rule_required(err, PATH(at, "type"), "must specify a metric source type");
        return;
    }
    check_enum(err, at, metric, "type", metric_types);
    for (size_t i = 0; i < ARRAY_LEN(metric_rows); i++) {
        const struct metric_row *row = &metric_rows[i];
        const json_t *source = member_object(metric, row->member);
        const struct path *path = PATH(at, row->member);
        bool mine = strcmp(row->type, type) == 0;
        if (source && !mine)
            rule_forbidden(err, path, "must populate the given metric source only");
        else if (!source && mine)
            rule_required(err, path, "must populate information for the given metric source");
        else if (source)
            check_target(err, PATH(path, "target"), member_object(source, "target"), row);
        if (source && mine && text_ends(row->member, "esource"))
            check_required(err, path, source, "name", "must specify a resource name");
    }
}

static void check_scaling(struct error *err, const struct path *at, const json_t *rules)
{
    static const char *const selects[] = {"Disabled", "Max", "Min", NULL};
    static const char *const types[] = {"Percent", "Pods", NULL};
    const json_t *item, *window = json_object_get(rules, "stabilizationWindowSeconds");
    if (!rules)
        return;
    if (json_int_or(window, 0) < 0)
        rule_invalid(err, PATH(at, "stabilizationWindowSeconds"), window,
                     "must be greater than or equal to zero");
    if (json_int_or(window, 0) > WINDOW_MAX)
        rule_invalid(err, PATH(at, "stabilizationWindowSeconds"), window,
                     "must be less than or equal to %d", WINDOW_MAX);
    check_enum(err, at, rules, "selectPolicy", selects);
    if (!rule_filled(rules, "policies"))
        rule_required(err, PATH(at, "policies"), "must specify at least one Policy");
    LIST_EACH (member_array(rules, "policies"), i, item) {
        const struct path *path = PATH_AT(PATH(at, "policies"), i);
        check_enum_given(err, path, item, "type", types);
        if (rule_int(item, "value", 0) <= 0)
            rule_invalid(err, PATH(path, "value"), json_object_get(item, "value"),
                         "must be greater than zero");
        if (rule_int(item, "periodSeconds", 0) <= 0)
            rule_invalid(err, PATH(path, "periodSeconds"), json_object_get(item, "periodSeconds"),
                         "must be greater than zero");
        else if (rule_int(item, "periodSeconds", 0) > PERIOD_MAX)
            rule_invalid(err, PATH(path, "periodSeconds"), json_object_get(item, "periodSeconds"),
                         "must be less than or equal to %d", PERIOD_MAX);
    }
}

static void check_reference(struct error *err, const struct path *at, const json_t *reference)
{
    check_name_required(err, at, reference, "kind", name_check_path_segment);
    check_name_required(err, at, reference, "name", name_check_path_segment);
}

static void validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *item;
    const json_t *min = json_object_get(spec, "minReplicas"),
                 *max = json_object_get(spec, "maxReplicas");
    const struct path *behavior = PATH(SPEC, "behavior");
    check_min(err, SPEC, spec, "minReplicas", 1);
    if (json_int_or(max, 0) < 1) {
        json_auto_t *shown = json_integer(json_int_or(max, 0));
        rule_invalid(err, PATH(SPEC, "maxReplicas"), shown, RULE_POSITIVE);
    }
    if (json_is_integer(min) && json_int_or(max, 0) < json_integer_value(min))
        rule_invalid(err, PATH(SPEC, "maxReplicas"), max,
                     "must be greater than or equal to `minReplicas`");
    check_reference(err, PATH(SPEC, "scaleTargetRef"), member_object(spec, "scaleTargetRef"));
    LIST_EACH (member_array(spec, "metrics"), i, item)
        check_metric(err, PATH_AT(PATH(SPEC, "metrics"), i), item);
    check_scaling(err, PATH(behavior, "scaleUp"), json_at(spec, "behavior", "scaleUp"));
    check_scaling(err, PATH(behavior, "scaleDown"), json_at(spec, "behavior", "scaleDown"));
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    (void)old;
    if (is_main(subresource))
        validate(object, err);
}

const struct kind_rules kind_autoscalers = {
    .resource = "horizontalpodautoscalers.autoscaling",
    .set_defaults = set_defaults,
    .prepare_create = strategy_status_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
};
