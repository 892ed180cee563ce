/* Plans: what a tenant may use. Built-in ones are made at the first start and are the operator's to change. */
#include <string.h>

#include "base/json.h"
#include "quota/quota.h"
#include "schema/meta.h"
#include "schema/quantity.h"
#include "store/cache.h"
#include "tenancy/tenancy_internal.h"

static const char *const builtin_rows[] = {
    "{kind: Plan, apiVersion: tenancy.warren.dev/v1, metadata: {name: small}, spec: {description: 'To try it, or for one small "
    "service', limits: {pods: '20', requests.cpu: '2', requests.memory: 4Gi, limits.cpu: '8', limits.memory: 16Gi, "
    "requests.storage: 20Gi, services: '50', services.loadbalancers: '1', services.nodeports: '0', persistentvolumeclaims: "
    "'10', namespaces: '20', configmaps: '1000', secrets: '1000', objects: '20000', events: '20000', bytes: 128Mi}}}",
    "{kind: Plan, apiVersion: tenancy.warren.dev/v1, metadata: {name: medium}, spec: {description: A team and its services, "
    "limits: {pods: '100', requests.cpu: '16', requests.memory: 32Gi, limits.cpu: '64', limits.memory: 128Gi, "
    "requests.storage: 200Gi, services: '250', services.loadbalancers: '5', services.nodeports: '20', persistentvolumeclaims: "
    "'50', namespaces: '100', configmaps: '5000', secrets: '5000', objects: '100000', events: '50000', bytes: 512Mi}}}",
    "{kind: Plan, apiVersion: tenancy.warren.dev/v1, metadata: {name: large}, spec: {description: Production of a larger "
    "customer, limits: {pods: '1000', requests.cpu: '128', requests.memory: 512Gi, limits.cpu: '512', limits.memory: 2Ti, "
    "requests.storage: 5Ti, services: '2500', services.loadbalancers: '25', services.nodeports: '100', "
    "persistentvolumeclaims: '500', namespaces: '1000', configmaps: '50000', secrets: '50000', objects: '1000000', events: "
    "'200000', bytes: 4Gi}}}",
};

json_t *plan_builtin(void)
{
    json_t *plans = json_array();
    for (size_t i = 0; i < ARRAY_LEN(builtin_rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_array_append_new(plans, yaml_parse(str_of(builtin_rows[i]), JSON_LOAD_STRICT, &err));
    }
    return plans;
}

/* ---- where limits come from ---- */

static bool read_object(struct tenancy *tenancy, const char *resource, const char *name, json_t **value, struct error *err)
{
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    if (!cache_get(tenancy->host, resource, "", name, &object, err))
        return false;
    *value = object ? object_json(object) : NULL;
    return true;
}

/* The plan's limits, with the Tenant's own in their place. A plan that is gone limits nothing but what the Tenant says:
 * the hook below keeps plans that are in use. */
bool plan_limits(void *arg, struct cluster *cluster, json_t **limits, struct error *err)
{
    struct tenancy *tenancy = arg;
    json_auto_t *tenant = NULL, *plan = NULL;
    if (cluster->id == tenancy->host->id)
        return true; /* the operator's own */
    if (!read_object(tenancy, TENANTS, cluster->name, &tenant, err))
        return false;
    const char *name = json_text(tenant, "spec", "plan");
    if (name && !read_object(tenancy, PLANS, name, &plan, err))
        return false;
    *limits = json_object();
    json_object_update(*limits, json_at(plan, "spec", "limits"));
    json_object_update(*limits, json_at(tenant, "spec", "limits"));
    return true;
}

/* ---- what may be written ---- */

void plan_check_limits(const json_t *limits, const char *field, struct error *err)
{
    json_t *value, *tree = (json_t *)(uintptr_t)limits; /* iterators take a mutable one; nothing is changed */
    const char *name;
    json_object_foreach (tree, name, value) {
        CLEANUP(free_ptr) char *path = xasprintf("%s[%s]", field, name);
        struct quantity quantity;
        const char *text = json_string_value(value);
        if (!quota_plan_counter(name))
            error_add_cause(err, CAUSE_NOT_SUPPORTED, path, "Unsupported value: \"%s\": is no limit that a plan can have", name);
        else if (!text || !quantity_parse(str_of(text), &quantity) || quantity.nano < 0)
            error_add_invalid(err, path, text ?: "", "must be a quantity that is not negative");
    }
}

static bool in_use(struct tenancy *tenancy, const char *plan, bool *used, struct error *err)
{
    struct object_list tenants = {0};
    *used = false;
    if (!cache_list(tenancy->host, TENANTS, NULL, &tenants, err))
        return false;
    for (size_t i = 0; i < tenants.count && !*used; i++)
        *used = strcmp(object_field(tenants.items[i], "spec.plan"), plan) == 0;
    object_list_free(&tenants);
    return true;
}

static bool before_plan(void *arg, const struct api_caller *caller, json_t *object, const json_t *old, struct error *err)
{
    bool used;
    (void)caller;
    if (object) {
        plan_check_limits(json_at(object, "spec", "limits"), "spec.limits", err);
        return error_seal_invalid(err, "Plan", "tenancy.warren.dev", meta_name(object));
    }
    if (!in_use(arg, meta_name(old), &used, err))
        return false;
    return !used || error_forbidden(err, PLANS, meta_name(old), "there are tenants with this plan");
}

/* Every cluster of the plan asks for its limits again. */
static void after_plan(void *arg, const struct api_caller *caller, const json_t *object, const json_t *old)
{
    struct tenancy *tenancy = arg;
    struct object_list tenants = {0};
    CLEANUP(error_clear) struct error ignored = {0}; /* they ask again when they were idle */
    (void)caller;
    if (!object || !old || !cache_list(tenancy->host, TENANTS, NULL, &tenants, &ignored))
        return;
    for (size_t i = 0; i < tenants.count; i++) {
        struct cluster *cluster = store_cluster(api_store(tenancy->api), tenants.items[i]->name);
        if (cluster && strcmp(object_field(tenants.items[i], "spec.plan"), meta_name(object)) == 0)
            quota_forget_plan(cluster);
        cluster_unref(cluster);
    }
    object_list_free(&tenants);
}

const struct api_hook plan_hook = {.resource = PLANS, .before = before_plan, .after = after_plan};
