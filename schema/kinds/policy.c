/* PodDisruptionBudgets, PriorityClasses, RuntimeClasses. */
#include "schema/kinds/workload.h"
#include "schema/meta.h"

#define SPEC              PATH(NULL, "spec")
#define USER_PRIORITY_MAX 1000000000

static void budget_prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
}

static void budget_validate(const json_t *object, struct error *err)
{
    static const char *const policies[] = {"AlwaysAllow", "IfHealthyBudget", NULL};
    static const char *const members[] = {"minAvailable", "maxUnavailable"};
    const json_t *spec = json_object_get(object, "spec");
    if (rule_has(spec, "minAvailable") && rule_has(spec, "maxUnavailable"))
        rule_invalid(err, SPEC, spec, "minAvailable and maxUnavailable cannot be both set");
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        check_int_or_percent(err, SPEC, spec, members[i]);
        check_percent_max(err, SPEC, spec, members[i]);
    }
    check_label_selector(err, PATH(SPEC, "selector"), member_object(spec, "selector"));
    check_enum(err, SPEC, spec, "unhealthyPodEvictionPolicy", policies);
}

static void budget_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                   struct error *err)
{
    static const char *const counts[] = {"disruptionsAllowed", "currentHealthy", "desiredHealthy",
                                         "expectedPods"};
    (void)old;
    if (!is_sub(subresource, "status")) {
        budget_validate(object, err);
        return;
    }
    check_meta_conditions(err, PATH(PATH(NULL, "status"), "conditions"),
                          json_at(object, "status", "conditions"));
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        check_min(err, PATH(NULL, "status"), json_object_get(object, "status"), counts[i], 0);
}

const struct kind_rules kind_disruption_budgets = {
    .resource = "poddisruptionbudgets.policy",
    .prepare_create = strategy_status_create,
    .prepare_update = budget_prepare_update,
    .validate = budget_validate,
    .validate_update = budget_validate_update,
    .has_generation = true,
};

static const struct system_class {
    const char *name;
    int64_t value;
} system_classes[] = {{"system-node-critical", 2000001000},
                      {"system-cluster-critical", 2000000000}};

static void priority_defaults(json_t *object)
{
    default_text(object, "preemptionPolicy", "PreemptLowerPriority");
}

static void priority_prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    (void)subresource;
    strategy_generation_update(object, old, false);
}

static bool is_system_class(const json_t *object)
{
    for (size_t i = 0; i < ARRAY_LEN(system_classes); i++)
        if (strcmp(system_classes[i].name, meta_name(object)) == 0)
            return rule_int(object, "value", 0) == system_classes[i].value &&
                   !rule_bool(object, "globalDefault");
    return false;
}

static void priority_validate(const json_t *object, struct error *err)
{
    static const char *const policies[] = {"PreemptLowerPriority", "Never", NULL};
    if (text_starts(meta_name(object), "system-")) {
        if (!is_system_class(object))
            rule_forbidden(err, PATH(PATH(NULL, "metadata"), "name"),
                           "priority class names with 'system-' prefix are reserved for system use "
                           "only. error: %s is not a known "
                           "system priority class",
                           meta_name(object));
    } else if (rule_int(object, "value", 0) > USER_PRIORITY_MAX) {
        rule_forbidden(err, PATH(NULL, "value"),
                       "maximum allowed value of a user defined priority is %d", USER_PRIORITY_MAX);
    }
    check_enum(err, NULL, object, "preemptionPolicy", policies);
}

static void priority_validate_update(const json_t *object, const json_t *old,
                                     const char *subresource, struct error *err)
{
    (void)subresource;
    if (rule_int(object, "value", 0) != rule_int(old, "value", 0))
        rule_forbidden(err, PATH(NULL, "value"), "may not be changed in an update.");
    check_immutable(err, NULL, object, old, "preemptionPolicy");
}

const struct kind_rules kind_priority_classes = {
    .resource = "priorityclasses.scheduling.k8s.io",
    .set_defaults = priority_defaults,
    .prepare_create = strategy_generation_create,
    .prepare_update = priority_prepare_update,
    .validate = priority_validate,
    .validate_update = priority_validate_update,
};

static void runtime_defaults(json_t *object)
{
    resource_list_defaults(json_at(object, "overhead", "podFixed"));
}

static void runtime_validate(const json_t *object, struct error *err)
{
    const json_t *scheduling = member_object(object, "scheduling");
    const char *handler = rule_text(object, "handler"), *wrong = name_check_dns_label(handler);
    const struct path *at = PATH(NULL, "scheduling");
    if (wrong)
        rule_invalid_text(err, PATH(NULL, "handler"), handler, wrong);
    check_overhead(err, PATH(PATH(NULL, "overhead"), "podFixed"),
                   json_at(object, "overhead", "podFixed"));
    check_labels(err, PATH(at, "nodeSelector"), member_object(scheduling, "nodeSelector"));
    check_tolerations(err, PATH(PATH(at, "tolerations"), "tolerations"), /* as upstream names it */
                      member_array(scheduling, "tolerations"));
}

static void runtime_validate_update(const json_t *object, const json_t *old,
                                    const char *subresource, struct error *err)
{
    (void)subresource;
    check_immutable(err, NULL, object, old, "handler");
}

const struct kind_rules kind_runtime_classes = {
    .resource = "runtimeclasses.node.k8s.io",
    .set_defaults = runtime_defaults,
    .validate = runtime_validate,
    .validate_update = runtime_validate_update,
};
