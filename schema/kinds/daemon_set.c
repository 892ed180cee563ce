/* DaemonSets, ReplicationControllers and PodTemplates. */
#include "base/parse.h"
#include "schema/kinds/workload.h"
#include "schema/meta.h"

#define SPEC PATH(NULL, "spec")

/* How often the template changed: v1 shows it as an annotation, since v1 has no field for it. */
#define TEMPLATE_GENERATION "deprecated.daemonset.template.generation"

static int64_t template_generation(const json_t *object)
{
    const char *text = meta_annotation(object, TEMPLATE_GENERATION);
    int64_t value = 0;
    return text && parse_i64(str_of(text), 1, INT64_MAX - 1, &value) ? value : 1;
}

static void set_template_generation(json_t *object, int64_t generation)
{
    CLEANUP(free_ptr) char *text = xasprintf("%lld", (long long)generation);
    meta_set_annotation(object, TEMPLATE_GENERATION, text);
}

static void daemon_defaults(json_t *object)
{
    json_t *spec = member_object(object, "spec");
    json_t *strategy = spec ? default_object(spec, "updateStrategy") : NULL;
    default_text(strategy, "type", "RollingUpdate");
    if (strcmp(rule_text(strategy, "type"), "RollingUpdate") == 0) {
        json_t *rolling = default_object(strategy, "rollingUpdate");
        default_int(rolling, "maxUnavailable", 1);
        default_int(rolling, "maxSurge", 0);
    }
    default_int(spec, "revisionHistoryLimit", 10);
    pod_template_defaults(spec);
    if (!meta_annotation(object, TEMPLATE_GENERATION)) /* what is written has it: its writer's */
        set_template_generation(object, 0);
}

static void daemon_prepare_create(json_t *object)
{
    strategy_status_create(object);
    set_template_generation(object, template_generation(object));
}

static void daemon_prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
    bool same = json_equal(json_at(object, "spec", "template"), json_at(old, "spec", "template"));
    set_template_generation(object, template_generation(old) + (same ? 0 : 1));
}

static void keep_status(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
}

static void check_daemon_strategy(struct error *err, const json_t *spec)
{
    static const char *const types[] = {"RollingUpdate", "OnDelete", NULL};
    const json_t *strategy = member_object(spec, "updateStrategy"),
                 *rolling = member_object(strategy, "rollingUpdate");
    const struct path *at = PATH(SPEC, "updateStrategy"), *rolling_at = PATH(at, "rollingUpdate");
    const char *type = rule_text(strategy, "type");
    if (strcmp(type, "RollingUpdate") != 0) {
        if (strcmp(type, "OnDelete") != 0)
            rule_not_supported(err, at, strategy, types);
        return;
    }
    if (!rolling) {
        rule_required(err, rolling_at, NULL);
        return;
    }
    const json_t *unavailable = json_object_get(rolling, "maxUnavailable"),
                 *surge = json_object_get(rolling, "maxSurge");
    check_int_or_percent(err, rolling_at, rolling, "maxUnavailable");
    check_int_or_percent(err, rolling_at, rolling, "maxSurge");
    check_percent_max(err, rolling_at, rolling, "maxUnavailable");
    check_percent_max(err, rolling_at, rolling, "maxSurge");
    if (!is_zero_int_or_percent(unavailable) && !is_zero_int_or_percent(surge)) {
        CLEANUP(free_ptr) char *shown = int_or_string_go(surge);
        rule_invalid_raw(err, PATH(rolling_at, "maxSurge"), shown,
                         "may not be set when maxUnavailable is non-zero");
    } else if (is_zero_int_or_percent(unavailable) && is_zero_int_or_percent(surge))
        rule_required(err, PATH(rolling_at, "maxUnavailable"), "cannot be 0 when maxSurge is 0");
}

/* One that is missing selects nothing, and one that cannot be read is told only that. */
static void check_daemon_selector(struct error *err, const json_t *spec)
{
    const json_t *selector = member_object(spec, "selector");
    if (selector)
        check_workload_selector(err, SPEC, spec, "daemonset");
}

static void daemon_validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec");
    check_daemon_selector(err, spec);
    check_workload_template(err, SPEC, spec, "DaemonSet");
    check_min(err, SPEC, spec, "minReadySeconds", 0);
    check_daemon_strategy(err, spec);
    check_min(err, SPEC, spec, "revisionHistoryLimit", 0);
}

static const char *const daemon_counts[] = {
    "currentNumberScheduled", "numberMisscheduled",
    "desiredNumberScheduled", "numberReady",
    "observedGeneration",     "updatedNumberScheduled",
    "numberAvailable",        "numberUnavailable",
    "collisionCount",         NULL,
};
static const struct status_order no_orders[] = {{NULL, NULL, NULL}};

static void daemon_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                   struct error *err)
{
    if (is_sub(subresource, "status")) {
        check_counts(err, object, old, daemon_counts, no_orders);
        return;
    }
    daemon_validate(object, err);
    check_selector_immutable(err, PATH(SPEC, "selector"), json_at(object, "spec", "selector"),
                             json_at(old, "spec", "selector"));
}

const struct kind_rules kind_daemon_sets = {
    .resource = "daemonsets.apps",
    .set_defaults = daemon_defaults,
    .prepare_create = daemon_prepare_create,
    .prepare_update = daemon_prepare_update,
    .validate = daemon_validate,
    .validate_update = daemon_validate_update,
    .has_generation = true,
};

static void controller_defaults(json_t *object)
{
    json_t *spec = member_object(object, "spec");
    json_t *labels = json_at(spec, "template", "metadata", "labels");
    json_t *meta = labels ? json_ensure_object(object, "metadata") : NULL;
    if (labels && !rule_filled(spec, "selector"))
        json_object_set_new(spec, "selector", json_deep_copy(labels));
    if (labels && !rule_filled(meta, "labels"))
        json_object_set_new(meta, "labels", json_deep_copy(labels));
    default_int(spec, "replicas", 1);
    if (rule_has(spec, "template"))
        pod_template_defaults(spec);
}

/* Every pair of `selector` stands in `labels`. */
static bool selects(const json_t *selector, const json_t *labels)
{
    const char *key;
    json_t *value;
    MAP_EACH (selector, key, value) {
        if (!json_equal(value, json_object_get(labels, key)))
            return false;
    }
    return true;
}

static void controller_validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"),
                 *selector = member_object(spec, "selector");
    const json_t *labels = json_at(spec, "template", "metadata", "labels");
    check_min(err, SPEC, spec, "minReadySeconds", 0);
    if (json_object_size(selector) == 0)
        rule_required(err, PATH(SPEC, "selector"), NULL);
    check_min(err, SPEC, spec, "replicas", 0);
    if (json_object_size(selector) && !selects(selector, labels)) {
        CLEANUP(free_ptr) char *shown = rule_map_go(labels);
        rule_invalid_raw(err, PATH(PATH(PATH(SPEC, "template"), "metadata"), "labels"), shown,
                         "`selector` does not match template `labels`");
    }
    check_template_pods(err, SPEC, spec, "ReplicationController");
}

static const char *const controller_counts[] = {
    "replicas",          "fullyLabeledReplicas", "readyReplicas",
    "availableReplicas", "observedGeneration",   NULL,
};
static const struct status_order controller_orders[] = {
    {"fullyLabeledReplicas", STATUS_REPLICAS},
    {"readyReplicas", STATUS_REPLICAS},
    {"availableReplicas", STATUS_REPLICAS},
    {"availableReplicas", "readyReplicas", "readyReplicas"},
    {NULL, NULL, NULL},
};

static void controller_validate_update(const json_t *object, const json_t *old,
                                       const char *subresource, struct error *err)
{
    if (is_sub(subresource, "status"))
        check_counts(err, object, old, controller_counts, controller_orders);
    else
        controller_validate(object, err);
}

static void controller_index(const json_t *object, index_add_fn add, void *arg)
{
    CLEANUP(free_ptr)
    char *replicas =
        xasprintf("%lld", (long long)json_int_or(json_at(object, "status", "replicas"), 0));
    add(arg, "status.replicas", replicas);
}

const struct kind_rules kind_replication_controllers = {
    .resource = "replicationcontrollers",
    .set_defaults = controller_defaults,
    .prepare_create = strategy_status_create,
    .prepare_update = keep_status,
    .validate = controller_validate,
    .validate_update = controller_validate_update,
    .index = controller_index,
    .has_generation = true,
};

static void template_prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    (void)subresource;
    strategy_generation_update(
        object, old,
        !rule_equal(json_object_get(object, "template"), json_object_get(old, "template")));
}

static void template_validate(const json_t *object, struct error *err)
{
    check_pod_template(err, PATH(NULL, "template"), member_object(object, "template"));
}

static void template_validate_update(const json_t *object, const json_t *old,
                                     const char *subresource, struct error *err)
{
    (void)old;
    (void)subresource;
    template_validate(object, err);
}

const struct kind_rules kind_pod_templates = {
    .resource = "podtemplates",
    .set_defaults = pod_template_defaults,
    .prepare_create = strategy_generation_create,
    .prepare_update = template_prepare_update,
    .validate = template_validate,
    .validate_update = template_validate_update,
};
