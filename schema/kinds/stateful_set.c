/* StatefulSets and ControllerRevisions. */
#include "schema/kinds/workload.h"
#include "schema/meta.h"

#define SPEC PATH(NULL, "spec")

static void claim_template_defaults(json_t *claim)
{
    default_text(claim, "apiVersion", "v1");
    default_text(claim, "kind", "PersistentVolumeClaim");
    default_text(json_ensure_object(claim, "status"), "phase", "Pending");
    claim_spec_defaults(member_object(claim, "spec"));
}

static void set_defaults(json_t *object)
{
    json_t *spec = member_object(object, "spec"), *claim;
    json_t *strategy = spec ? default_object(spec, "updateStrategy") : NULL;
    default_text(spec, "podManagementPolicy", "OrderedReady");
    if (strategy && !*rule_text(strategy, "type")) {
        default_text(strategy, "type", "RollingUpdate");
        default_object(strategy, "rollingUpdate");
    }
    if (strcmp(rule_text(strategy, "type"), "RollingUpdate") == 0)
        default_int(member_object(strategy, "rollingUpdate"), "partition", 0);
    json_t *retention = spec ? default_object(spec, "persistentVolumeClaimRetentionPolicy") : NULL;
    default_text(retention, "whenDeleted", "Retain");
    default_text(retention, "whenScaled", "Retain");
    default_int(spec, "replicas", 1);
    default_int(spec, "revisionHistoryLimit", 10);
    pod_template_defaults(spec);
    LIST_EACH (member_array(spec, "volumeClaimTemplates"), i, claim)
        claim_template_defaults(claim);
}

static void prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
}

static void check_strategy(struct error *err, const json_t *spec)
{
    static const char *const types[] = {"OnDelete", "RollingUpdate", NULL};
    const json_t *strategy = member_object(spec, "updateStrategy"),
                 *rolling = member_object(strategy, "rollingUpdate");
    const struct path *at = PATH(SPEC, "updateStrategy");
    const char *type = rule_text(strategy, "type");
    if (!*type)
        rule_required(err, at, NULL);
    else if (strcmp(type, "OnDelete") == 0 && rolling)
        rule_invalid(err, PATH(at, "rollingUpdate"), rolling,
                     "only allowed for updateStrategy 'RollingUpdate'");
    else if (strcmp(type, "RollingUpdate") == 0)
        check_min(err, PATH(at, "rollingUpdate"), rolling, "partition", 0);
    else if (!rule_one_of(type, types))
        rule_invalid(err, at, strategy, "must be 'RollingUpdate' or 'OnDelete'");
}

static void validate(const json_t *object, struct error *err)
{
    static const char *const management[] = {"OrderedReady", "Parallel", NULL};
    static const char *const retention[] = {"Retain", "Delete", NULL};
    const json_t *spec = json_object_get(object, "spec"),
                 *policy = member_object(spec, "persistentVolumeClaimRetentionPolicy");
    const struct path *policy_at = PATH(SPEC, "persistentVolumeClaimRetentionPolicy");
    if (!*rule_text(spec, "podManagementPolicy"))
        rule_required(err, PATH(SPEC, "podManagementPolicy"), NULL);
    else if (!rule_one_of(rule_text(spec, "podManagementPolicy"), management))
        rule_invalid(err, PATH(SPEC, "podManagementPolicy"),
                     json_object_get(spec, "podManagementPolicy"), "must be '%s' or '%s'",
                     "OrderedReady", "Parallel");
    check_strategy(err, spec);
    check_enum_given(err, policy_at, policy, "whenDeleted", retention);
    check_enum_given(err, policy_at, policy, "whenScaled", retention);
    check_min(err, SPEC, spec, "replicas", 0);
    check_min(err, SPEC, spec, "minReadySeconds", 0);
    check_min(err, PATH(SPEC, "ordinals"), member_object(spec, "ordinals"), "start", 0);
    check_workload_selector(err, SPEC, spec, "statefulset");
    (void)check_selector_reads(err, SPEC, spec, ""); /* its Pods are looked at all the same */
    check_claiming_template(err, SPEC, spec, "StatefulSet");
}

/* What may change; the rest of the spec is fixed at creation. */
static const char *const changeable[] = {"replicas",
                                         "ordinals",
                                         "template",
                                         "updateStrategy",
                                         "minReadySeconds",
                                         "persistentVolumeClaimRetentionPolicy",
                                         NULL};

static const char *const counts[] = {
    "replicas",          "readyReplicas",      "currentReplicas", "updatedReplicas",
    "availableReplicas", "observedGeneration", "collisionCount",  NULL,
};
static const struct status_order orders[] = {
    {"readyReplicas", STATUS_REPLICAS},
    {"currentReplicas", STATUS_REPLICAS},
    {"updatedReplicas", STATUS_REPLICAS},
    {"availableReplicas", STATUS_REPLICAS},
    {"availableReplicas", "readyReplicas", "status.readyReplicas"},
    {NULL, NULL, NULL},
};

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    if (is_sub(subresource, "status")) {
        check_counts(err, object, old, counts, orders);
        return;
    }
    validate(object, err);
    if (!rule_same_except(json_object_get(object, "spec"), json_object_get(old, "spec"),
                          changeable))
        rule_forbidden(
            err, SPEC,
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
            "'updateStrategy', "
            "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
}

const struct kind_rules kind_stateful_sets = {
    .resource = "statefulsets.apps",
    .set_defaults = set_defaults,
    .prepare_create = strategy_status_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .name_format = "dns-label",
    .has_generation = true,
};

static void revision_validate(const json_t *object, struct error *err)
{
    if (!rule_has(object, "data"))
        rule_required(err, PATH(NULL, "data"), "data is mandatory");
    check_min(err, NULL, object, "revision", 0);
}

static void revision_validate_update(const json_t *object, const json_t *old,
                                     const char *subresource, struct error *err)
{
    (void)subresource;
    revision_validate(object, err);
    if (!json_equal(json_object_get(object, "data"), json_object_get(old, "data")))
        rule_invalid(err, PATH(NULL, "data"), json_object_get(object, "data"), RULE_IMMUTABLE);
}

const struct kind_rules kind_controller_revisions = {
    .resource = "controllerrevisions.apps",
    .validate = revision_validate,
    .validate_update = revision_validate_update,
};
