/* Deployments and ReplicaSets. */
#include "schema/kinds/workload.h"
#include "schema/meta.h"

#define SPEC PATH(NULL, "spec")

static void deployment_defaults(json_t *object)
{
    json_t *spec = member_object(object, "spec");
    json_t *strategy = spec ? default_object(spec, "strategy") : NULL;
    default_int(spec, "replicas", 1);
    default_text(strategy, "type", "RollingUpdate");
    if (strategy && strcmp(rule_text(strategy, "type"), "RollingUpdate") == 0) {
        json_t *rolling = default_object(strategy, "rollingUpdate");
        if (rolling && !rule_has(rolling, "maxUnavailable"))
            json_object_set_new(rolling, "maxUnavailable", json_string("25%"));
        if (rolling && !rule_has(rolling, "maxSurge"))
            json_object_set_new(rolling, "maxSurge", json_string("25%"));
    }
    default_int(spec, "revisionHistoryLimit", 10);
    default_int(spec, "progressDeadlineSeconds", 600);
    pod_template_defaults(spec);
}

static void deployment_prepare_create(json_t *object)
{
    strategy_status_create(object);
    strategy_generation_create(object);
}

/* The generation follows annotations as well as spec: rollbacks of old are written into them. */
static void deployment_prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
    if (is_sub(subresource, "status"))
        strategy_keep(json_ensure_object(object, "metadata"), json_object_get(old, "metadata"),
                      "labels");
    bool changed = is_main(subresource) || is_sub(subresource, "scale");
    changed =
        changed && (!rule_equal(json_object_get(object, "spec"), json_object_get(old, "spec")) ||
                    !rule_equal(json_at(object, "metadata", "annotations"),
                                json_at(old, "metadata", "annotations")));
    strategy_generation_update(object, old, changed);
}

static void check_rolling(struct error *err, const struct path *at, const json_t *rolling)
{
    const json_t *unavailable = json_object_get(rolling, "maxUnavailable");
    check_int_or_percent(err, at, rolling, "maxUnavailable");
    check_int_or_percent(err, at, rolling, "maxSurge");
    if (is_zero_int_or_percent(unavailable) &&
        is_zero_int_or_percent(json_object_get(rolling, "maxSurge"))) {
        CLEANUP(free_ptr) char *shown = int_or_string_go(unavailable);
        rule_invalid_raw(err, PATH(at, "maxUnavailable"), shown,
                         "may not be 0 when `maxSurge` is 0");
    }
    check_percent_max(err, at, rolling, "maxUnavailable");
}

static void check_strategy(struct error *err, const json_t *spec)
{
    static const char *const types[] = {"Recreate", "RollingUpdate", NULL};
    const json_t *strategy = member_object(spec, "strategy"),
                 *rolling = member_object(strategy, "rollingUpdate");
    const struct path *at = PATH(SPEC, "strategy");
    const char *type = rule_text(strategy, "type");
    if (strcmp(type, "Recreate") == 0) {
        if (rolling)
            rule_forbidden(err, PATH(at, "rollingUpdate"),
                           "may not be specified when strategy `type` is 'Recreate'");
    } else if (strcmp(type, "RollingUpdate") == 0) {
        if (rolling)
            check_rolling(err, PATH(at, "rollingUpdate"), rolling);
        else
            rule_required(err, PATH(at, "rollingUpdate"),
                          "this should be defaulted and never be nil");
    } else {
        rule_not_supported(err, at, strategy, types);
    }
}

static void deployment_validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"),
                 *deadline = json_object_get(spec, "progressDeadlineSeconds");
    check_min(err, SPEC, spec, "replicas", 0);
    check_workload_selector(err, SPEC, spec, "deployment");
    if (check_selector_reads(err, SPEC, spec, "invalid label selector"))
        check_workload_template(err, SPEC, spec, "ReplicaSet");
    check_strategy(err, spec);
    check_min(err, SPEC, spec, "minReadySeconds", 0);
    check_min(err, SPEC, spec, "revisionHistoryLimit", 0);
    check_min(err, SPEC, spec, "progressDeadlineSeconds", 0);
    if (json_is_integer(deadline) &&
        json_integer_value(deadline) <= rule_int(spec, "minReadySeconds", 0))
        rule_invalid(err, PATH(SPEC, "progressDeadlineSeconds"), deadline,
                     "must be greater than minReadySeconds");
}

static const char *const deployment_counts[] = {
    "observedGeneration", "replicas",
    "updatedReplicas",    "readyReplicas",
    "availableReplicas",  "unavailableReplicas",
    "collisionCount",     NULL,
};
static const struct status_order deployment_orders[] = {
    {"updatedReplicas", STATUS_REPLICAS},
    {"readyReplicas", STATUS_REPLICAS},
    {"availableReplicas", STATUS_REPLICAS},
    {"availableReplicas", "readyReplicas", "readyReplicas"},
    {NULL, NULL, NULL},
};

static void deployment_validate_update(const json_t *object, const json_t *old,
                                       const char *subresource, struct error *err)
{
    if (is_sub(subresource, "status")) {
        check_counts(err, object, old, deployment_counts, deployment_orders);
        return;
    }
    deployment_validate(object, err);
    check_selector_immutable(err, PATH(SPEC, "selector"), json_at(object, "spec", "selector"),
                             json_at(old, "spec", "selector"));
}

const struct kind_rules kind_deployments = {
    .resource = "deployments.apps",
    .set_defaults = deployment_defaults,
    .prepare_create = deployment_prepare_create,
    .prepare_update = deployment_prepare_update,
    .validate = deployment_validate,
    .validate_update = deployment_validate_update,
    .has_generation = true,
};

static void replica_set_defaults(json_t *object)
{
    json_t *spec = member_object(object, "spec");
    default_int(spec, "replicas", 1);
    pod_template_defaults(spec);
}

static void replica_set_prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
}

static void replica_set_validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec");
    check_min(err, SPEC, spec, "replicas", 0);
    check_min(err, SPEC, spec, "minReadySeconds", 0);
    check_workload_selector(err, SPEC, spec, "deployment");
    if (check_selector_reads(err, SPEC, spec, "invalid label selector"))
        check_workload_template(err, SPEC, spec, "ReplicaSet");
}

static const char *const replica_set_counts[] = {
    "replicas",          "fullyLabeledReplicas", "readyReplicas",
    "availableReplicas", "observedGeneration",   NULL,
};
static const struct status_order replica_set_orders[] = {
    {"fullyLabeledReplicas", STATUS_REPLICAS},
    {"readyReplicas", STATUS_REPLICAS},
    {"availableReplicas", STATUS_REPLICAS},
    {"availableReplicas", "readyReplicas", "readyReplicas"},
    {NULL, NULL, NULL},
};

static void replica_set_validate_update(const json_t *object, const json_t *old,
                                        const char *subresource, struct error *err)
{
    if (is_sub(subresource, "status")) {
        check_counts(err, object, old, replica_set_counts, replica_set_orders);
        return;
    }
    replica_set_validate(object, err);
    check_selector_immutable(err, PATH(SPEC, "selector"), json_at(object, "spec", "selector"),
                             json_at(old, "spec", "selector"));
}

const struct kind_rules kind_replica_sets = {
    .resource = "replicasets.apps",
    .set_defaults = replica_set_defaults,
    .prepare_create = strategy_status_create,
    .prepare_update = replica_set_prepare_update,
    .validate = replica_set_validate,
    .validate_update = replica_set_validate_update,
    .has_generation = true,
};
