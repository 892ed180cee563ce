/* Tenant of tenancy.warren.dev: strategy and selectable fields. What its values may be, tenancy/
 * checks, which knows plans. */
#include "schema/kinds/kinds.h"

static void index_fields(const json_t *object, index_add_fn add, void *arg)
{
    index_paths(object, (const char *const[]){"spec.plan", "status.phase", NULL}, add, arg);
}

const struct kind_rules kind_tenants = {
    .resource = "tenants.tenancy.warren.dev",
    .prepare_create = strategy_status_create,
    .prepare_update = strategy_status_update,
    .index = index_fields,
    .name_format = "dns-label",
    .has_generation = true,
};
