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

static const char *const metric_types[] = {"ContainerResource", "External", "Object", "Pods",
                                           "Resource",          NULL};

static bool is_positive(const json_t *value)
{
    struct quantity quantity;
    return json_is_string(value) && quantity_parse(str_of(json_string_value(value)), &quantity) &&
           quantity.nano > 0;
}

static void check_target(struct error *err, const struct path *at, const json_t *target)
{
    static const char *const types[] = {"Utilization", "Value", "AverageValue", NULL};
    static const char *const amounts[] = {"value", "averageValue"};
    const json_t *percent = json_object_get(target, "averageUtilization");
    check_required(err, at, target, "type", "must specify a metric target type");
    if (!rule_one_of(rule_text(target, "type"), types))
        rule_invalid_text(err, PATH(at, "type"), rule_text(target, "type"),
                          "must be either Utilization, Value, or AverageValue");
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++)
        if (rule_has(target, amounts[i]) && !is_positive(json_object_get(target, amounts[i])))
            rule_invalid(err, PATH(at, amounts[i]), json_object_get(target, amounts[i]),
                         "must be positive");
    if (json_is_integer(percent) && json_integer_value(percent) < 1)
        rule_invalid(err, PATH(at, "averageUtilization"), percent, RULE_POSITIVE);
}

static void check_metric_name(struct error *err, const struct path *at, const json_t *source)
{
    const struct path *path = PATH(at, "metric");
    const json_t *metric = member_object(source, "metric");
    if (check_required(err, path, metric, "name", "must specify a metric name"))
        check_name(err, path, metric, "name", name_check_path_segment);
}

/* One of a kind of target: a raw amount or one in relation, neither none nor both. */
static void check_either(struct error *err, const struct path *at, const json_t *target)
{
    bool percent = rule_has(target, "averageUtilization"), raw = rule_has(target, "averageValue");
    if (!percent && !raw)
        rule_required(err, PATH(at, "averageUtilization"),
                      "must set either a target raw value or a target utilization");
    if (percent && raw)
        rule_forbidden(err, PATH(at, "averageValue"),
                       "may not set both a target raw value and a target utilization");
}

static void check_reference(struct error *err, const struct path *at, const json_t *reference)
{
    check_name_required(err, at, reference, "kind", name_check_path_segment);
    check_name_required(err, at, reference, "name", name_check_path_segment);
}

static void check_object_source(struct error *err, const struct path *at, const json_t *source)
{
    const json_t *target = member_object(source, "target");
    check_reference(err, PATH(at, "describedObject"), member_object(source, "describedObject"));
    check_metric_name(err, at, source);
    check_target(err, PATH(at, "target"), target);
    if (!rule_has(target, "value") && !rule_has(target, "averageValue"))
        rule_required(err, PATH(PATH(at, "target"), "averageValue"),
                      "must set either a target value or averageValue");
}

static void check_external_source(struct error *err, const struct path *at, const json_t *source)
{
    const json_t *target = member_object(source, "target");
    const struct path *path = PATH(at, "target");
    bool value = rule_has(target, "value"), average = rule_has(target, "averageValue");
    check_metric_name(err, at, source);
    check_target(err, path, target);
    if (!value && !average)
        rule_required(err, PATH(path, "averageValue"),
                      "must set either a target value for metric or a per-pod target");
    if (value && average)
        rule_forbidden(err, PATH(path, "value"),
                       "may not set both a target value for metric and a per-pod target");
}

static void check_pods_source(struct error *err, const struct path *at, const json_t *source)
{
    const json_t *target = member_object(source, "target");
    check_metric_name(err, at, source);
    check_target(err, PATH(at, "target"), target);
    if (!rule_has(target, "averageValue"))
        rule_required(err, PATH(PATH(at, "target"), "averageValue"),
                      "must specify a positive target averageValue");
}

static void check_resource_source(struct error *err, const struct path *at, const json_t *source)
{
    check_required(err, at, source, "name", "must specify a resource name");
    check_target(err, PATH(at, "target"), member_object(source, "target"));
    check_either(err, PATH(at, "target"), member_object(source, "target"));
}

static void check_container_source(struct error *err, const struct path *at, const json_t *source)
{
    check_required(err, at, source, "name", "must specify a resource name");
    if (check_required(err, at, source, "container", "must specify a container"))
        check_name(err, at, source, "container", name_check_dns_label);
    check_target(err, PATH(at, "target"), member_object(source, "target"));
    check_either(err, PATH(at, "target"), member_object(source, "target"));
}

static const struct metric_row {
    const char *type, *member;
    void (*check)(struct error *err, const struct path *at, const json_t *source);
} metric_rows[] = {
    {"Object", "object", check_object_source},
    {"External", "external", check_external_source},
    {"Pods", "pods", check_pods_source},
    {"Resource", "resource", check_resource_source},
    {"ContainerResource", "containerResource", check_container_source},
};

/* Only the first source is looked into; a second one is one too many. */
static void check_metric(struct error *err, const struct path *at, const json_t *metric)
{
    const char *type = rule_text(metric, "type");
    size_t present = 0;
    check_required(err, at, metric, "type", "must specify a metric source type");
    check_enum_given(err, at, metric, "type", metric_types);
    for (size_t i = 0; i < ARRAY_LEN(metric_rows); i++) {
        const json_t *source = member_object(metric, metric_rows[i].member);
        if (source && ++present == 1)
            metric_rows[i].check(err, PATH(at, metric_rows[i].member), source);
    }
    for (size_t i = 0; i < ARRAY_LEN(metric_rows); i++)
        if (strcmp(metric_rows[i].type, type) == 0 && !rule_has(metric, metric_rows[i].member))
            rule_required(err, PATH(at, metric_rows[i].member),
                          "must populate information for the given metric source");
    for (size_t i = 0; present > 1 && i < ARRAY_LEN(metric_rows); i++)
        if (strcmp(metric_rows[i].type, type) != 0 && rule_has(metric, metric_rows[i].member))
            rule_forbidden(err, PATH(at, metric_rows[i].member),
                           "must populate the given metric source only");
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

/* Nothing to be scaled from: only what counts something other than Pods can tell when to begin. */
static void check_metrics(struct error *err, const json_t *spec)
{
    const json_t *item, *min = json_object_get(spec, "minReplicas");
    bool outside = false;
    LIST_EACH (member_array(spec, "metrics"), i, item) {
        check_metric(err, PATH_AT(PATH(SPEC, "metrics"), i), item);
        outside = outside || strcmp(rule_text(item, "type"), "Object") == 0 ||
                  strcmp(rule_text(item, "type"), "External") == 0;
    }
    if (json_is_integer(min) && json_integer_value(min) == 0 && !outside)
        rule_forbidden(err, PATH(SPEC, "metrics"),
                       "must specify at least one Object or External metric to support scaling to "
                       "zero replicas");
}

static void validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec");
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
    check_metrics(err, spec);
    check_scaling(err, PATH(behavior, "scaleUp"), json_at(spec, "behavior", "scaleUp"));
    check_scaling(err, PATH(behavior, "scaleDown"), json_at(spec, "behavior", "scaleDown"));
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    const json_t *status = json_object_get(object, "status");
    (void)old;
    if (is_main(subresource))
        validate(object, err);
    if (!is_sub(subresource, "status"))
        return;
    check_min(err, PATH(NULL, "status"), status, "currentReplicas", 0);
    check_min(err, PATH(NULL, "status"), status, "desiredReplicas", 0);
}

const struct kind_rules kind_autoscalers = {
    .resource = "horizontalpodautoscalers.autoscaling",
    .set_defaults = set_defaults,
    .prepare_create = strategy_status_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
};
