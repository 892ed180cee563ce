/* Leases. */
#include "schema/kinds/kinds.h"

static void validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec");
    const json_t *duration = json_object_get(spec, "leaseDurationSeconds");
    const struct path *at = PATH(NULL, "spec");
    if (json_is_integer(duration) && json_integer_value(duration) <= 0)
        rule_invalid(err, PATH(at, "leaseDurationSeconds"), duration, RULE_POSITIVE);
    check_min(err, at, spec, "leaseTransitions", 0);
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    (void)old;
    (void)subresource;
    validate(object, err);
}

const struct kind_rules kind_leases = {
    .resource = "leases.coordination.k8s.io",
    .validate = validate,
    .validate_update = validate_update,
};
