/* Plans: what a tenant may use. Built-in ones are made at the first start and are the operator's to
 * change. */
#include <string.h>

#include "base/json.h"
#include "quota/quota.h"
#include "schema/meta.h"
#include "base/quantity.h"
#include "store/cache.h"
#include "tenancy/tenancy_internal.h"

/* What a plan limits, and by how much in each of the built-in ones: against accidents, not to be
 * felt. Operators who sell by size make Plans of their own. */
static const char *const builtin_names[] = {"small", "medium", "large"};
static const char *const builtin_descriptions[] = {
    "One service, or a trial", "A team and its services", "Production of a larger customer"};
static const struct limit_row {
    const char *counter, *limits[ARRAY_LEN(builtin_names)];
} builtin_limits[] = {
    // clang-format off
    {"requests.cpu",           {"1000",   "4000",   "16000"}},
    {"requests.memory",        {"4Ti",    "16Ti",   "64Ti"}},
    {"limits.cpu",             {"4000",   "16000",  "64000"}},
    {"limits.memory",          {"16Ti",   "64Ti",   "256Ti"}},
    {"requests.storage",       {"100Gi",  "1Ti",    "10Ti"}},
    {"persistentvolumeclaims", {"100",    "1000",   "10000"}},
    {"pods",                   {"10000",  "20000",  "50000"}},
    {"services",               {"1000",   "5000",   "20000"}},
    {"services.loadbalancers", {"2",      "20",     "100"}},
    {"services.nodeports",     {"20",     "100",    "500"}},
    {"namespaces",             {"1000",   "5000",   "10000"}},
    {"configmaps",             {"50000",  "100000", "200000"}},
    {"secrets",                {"50000",  "100000", "200000"}},
    {"events",                 {"50000",  "100000", "200000"}},
    {"objects",                {"200000", "500000", "1000000"}},
    {"bytes",                  {"1Gi",    "4Gi",    "16Gi"}},
    // clang-format on
};

json_t *plan_builtin(void)
{
    json_t *plans = json_array();
    for (size_t plan = 0; plan < ARRAY_LEN(builtin_names); plan++) {
        json_t *limits = json_object();
        for (size_t i = 0; i < ARRAY_LEN(builtin_limits); i++)
            json_set_text(limits, builtin_limits[i].counter, builtin_limits[i].limits[plan]);
        json_array_append_new(plans, json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:o}}", "kind", "Plan",
                                               "apiVersion", "tenancy.warren.dev/v1", "metadata",
                                               "name", builtin_names[plan], "spec", "description",
                                               builtin_descriptions[plan], "limits", limits));
    }
    return plans;
}

/* ---- where limits come from ---- */

static bool read_object(struct tenancy *tenancy, const char *resource, const char *name,
                        json_t **value, struct error *err)
{
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    if (!cache_get(tenancy->host, resource, "", name, &object, err))
        return false;
    *value = object ? object_json(object) : NULL;
    return true;
}

/* The limits of a Plan; borrowed from `*plan`, a new reference. Of one that is gone they are those
 * of the default one as it is built in: no tenant is ever without any. */
static bool read_limits(struct tenancy *tenancy, const char *name, json_t **plan,
                        const json_t **limits, struct error *err)
{
    if (!read_object(tenancy, PLANS, name, plan, err))
        return false;
    if (!*plan) {
        json_auto_t *builtin = plan_builtin();
        *plan = json_incref(json_array_get(builtin, 0));
    }
    *limits = json_at(*plan, "spec", "limits");
    return true;
}

/* The plan's limits, with the Tenant's own in their place. Between a cluster's birth and its
 * Tenant's, which another server may see later than the cluster, those of the default plan hold. */
bool plan_limits(void *arg, struct cluster *cluster, json_t **limits, struct error *err)
{
    struct tenancy *tenancy = arg;
    json_auto_t *tenant = NULL, *plan = NULL;
    const json_t *planned;
    if (cluster->id == tenancy->host->id)
        return true; /* the operator's own */
    if (!read_object(tenancy, TENANTS, cluster->name, &tenant, err) ||
        !read_limits(tenancy, json_text(tenant, "spec", "plan") ?: PLAN_DEFAULT, &plan, &planned,
                     err))
        return false;
    *limits = json_object();
    json_object_update(*limits, (json_t *)(uintptr_t)planned); /* read, not changed */
    json_object_update(*limits, json_at(tenant, "spec", "limits"));
    return true;
}

/* ---- when they change, whoever changed them ---- */

static bool spec_changed(const struct object *object, const struct object *before)
{
    json_auto_t *now = object_json(object), *was = before ? object_json(before) : NULL;
    return !was || !json_equal(json_at(now, "spec"), json_at(was, "spec"));
}

static void forget_all(struct store *store)
{
    size_t count;
    struct cluster **clusters = store_clusters(store, &count);
    for (size_t i = 0; i < count; i++) {
        quota_forget_plan(clusters[i]);
        cluster_unref(clusters[i]);
    }
    free(clusters);
}

void plan_changed(void *arg, struct cluster *cluster, enum event_type type, struct object *object,
                  struct object *before)
{
    (void)arg;
    if (cluster->id != CLUSTER_HOST_ID || type == EVENT_DELETED)
        return;
    if (strcmp(object->resource, PLANS) == 0 && type == EVENT_MODIFIED &&
        spec_changed(object, before))
        forget_all(cluster->store);
    if (strcmp(object->resource, TENANTS) != 0 || !spec_changed(object, before))
        return;
    struct cluster *tenant = store_cluster(cluster->store, object->name);
    if (tenant)
        quota_forget_plan(tenant);
    cluster_unref(tenant);
}

/* ---- what may be written ---- */

void plan_check_limits(const json_t *limits, const char *field, struct error *err)
{
    json_t *value,
        *tree = (json_t *)(uintptr_t)limits; /* iterators take a mutable one; nothing is changed */
    const char *name;
    json_object_foreach (tree, name, value) {
        CLEANUP(free_ptr) char *path = xasprintf("%s[%s]", field, name);
        struct quantity quantity;
        const char *text = json_string_value(value);
        if (!quota_plan_counter(name))
            error_add_cause(err, CAUSE_NOT_SUPPORTED, path,
                            "Unsupported value: \"%s\": is no limit that a plan can have", name);
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

static bool before_plan(void *arg, const struct api_caller *caller, json_t *object,
                        const json_t *old, struct error *err)
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

const struct api_hook plan_hook = {.resource = PLANS, .before = before_plan};
