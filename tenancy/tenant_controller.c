/* Makes clusters be what their Tenants say: open, suspended, or gone. Level-triggered and
 * restart-safe: each look does the next step of whatever is left to do. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strmap.h"
#include "schema/meta.h"
#include "store/cache.h"
#include "tenancy/tenancy_internal.h"

#define STEP_MS        100
#define ORPHAN_AGE_US  (60 * INT64_C(1000000))
#define ORPHAN_LOOK_MS (90 * 1000)

static enum reconcile_result again(int64_t *again_ms, int64_t delay_ms)
{
    *again_ms = delay_ms;
    return RECONCILE_AGAIN;
}

static bool set_state(struct cluster *cluster, enum cluster_state state, struct error *err)
{
    return atomic_load(&cluster->state) == state || store_cluster_set_state(cluster, state, err);
}

/* Host first, so that nothing runs for a cluster that is gone; then the rows. `*gone` when both are
 * done. */
static bool remove_cluster(struct tenancy *tenancy, struct cluster *cluster, bool *gone,
                           struct error *err)
{
    bool empty = false;
    *gone = false;
    if (!set_state(cluster, CLUSTER_DELETING, err) ||
        !vcluster_remove(tenancy->vcluster, cluster, &empty, err))
        return false;
    if (!empty)
        return true;
    *gone = store_cluster_delete(cluster, err);
    return *gone;
}

static bool release(struct tenancy *tenancy, const json_t *tenant, struct error *err)
{
    const struct api_caller caller = {
        .api = tenancy->api, .cluster = tenancy->host, .user = &tenancy->user};
    json_auto_t *finalizers = json_array();
    json_t *item;
    size_t i;
    json_array_foreach (json_at(tenant, "metadata", "finalizers"), i, item)
        if (!text_eq(json_string_value(item), TENANT_FINALIZER))
            json_array_append(finalizers, item);
    json_auto_t *patch =
        json_pack("{s:{s:O, s:s}}", "metadata", "finalizers", finalizers, "uid", meta_uid(tenant));
    if (api_patch(&caller, TENANTS, "", "", meta_name(tenant), patch, NULL, err))
        return true;
    return err->reason == ERROR_NOT_FOUND ? (error_clear(err), true) : false;
}

static enum reconcile_result reconcile_deleting(struct tenancy *tenancy, const json_t *tenant,
                                                struct cluster *cluster, int64_t *again_ms,
                                                struct error *err)
{
    bool gone = true;
    if (!meta_has_finalizer(tenant, TENANT_FINALIZER))
        return RECONCILE_DONE;
    if (cluster && !remove_cluster(tenancy, cluster, &gone, err))
        return RECONCILE_RETRY;
    if (!gone)
        return again(again_ms, STEP_MS);
    return release(tenancy, tenant, err) ? RECONCILE_DONE : RECONCILE_RETRY;
}

/* Back from suspension: its Pods are looked at again before it counts as active, so that a crash in
 * between is made good. */
static enum reconcile_result reconcile_active(struct tenancy *tenancy, const json_t *tenant,
                                              struct cluster *cluster, struct error *err)
{
    const struct api_caller caller = {
        .api = tenancy->api, .cluster = tenancy->host, .user = &tenancy->user};
    if (!set_state(cluster, CLUSTER_ACTIVE, err))
        return RECONCILE_RETRY;
    if (text_eq(json_text(tenant, "status", "phase"), "Active"))
        return RECONCILE_DONE;
    if (text_eq(json_text(tenant, "status", "phase"), "Suspended"))
        controllers_relist(tenancy->controllers,
                           cluster); /* what its controllers were not told meanwhile */
    vcluster_resync(tenancy->vcluster, cluster);
    json_auto_t *patch = json_pack("{s:{s:s}, s:{s:s}}", "metadata", "resourceVersion",
                                   meta_resource_version(tenant), "status", "phase", "Active");
    return api_patch(&caller, TENANTS, "status", "", meta_name(tenant), patch, NULL, err)
               ? RECONCILE_DONE
               : RECONCILE_RETRY;
}

static enum reconcile_result reconcile_suspended(struct tenancy *tenancy, struct cluster *cluster,
                                                 int64_t *again_ms, struct error *err)
{
    bool empty = false;
    if (!set_state(cluster, CLUSTER_SUSPENDED, err) ||
        !vcluster_stop_pods(tenancy->vcluster, cluster, &empty, err))
        return RECONCILE_RETRY;
    return empty ? RECONCILE_DONE : again(again_ms, STEP_MS);
}

/* Without a Tenant: left by a creation that was cut short; a creation that is under way is young.
 */
static bool is_orphan(struct cluster *cluster, int64_t now_us, bool *orphan, struct error *err)
{
    CLEANUP(object_unref_ptr) struct object *first = NULL;
    int64_t at_us = 0;
    *orphan = false;
    if (cluster->id == CLUSTER_HOST_ID)
        return true;
    if (!cache_get(cluster, "namespaces", "", "kube-system", &first, err))
        return false;
    json_auto_t *value = first ? object_json(first) : NULL;
    const char *created = json_text(value, "metadata", "creationTimestamp");
    *orphan = !created || !time_parse(str_of(created), &at_us) || at_us + ORPHAN_AGE_US < now_us;
    return true;
}

static enum reconcile_result reconcile_orphan(struct tenancy *tenancy, struct cluster *cluster,
                                              int64_t now_us, int64_t *again_ms, struct error *err)
{
    bool orphan, gone;
    if (!is_orphan(cluster, now_us, &orphan, err))
        return RECONCILE_RETRY;
    if (!orphan)
        return cluster->id == CLUSTER_HOST_ID ? RECONCILE_DONE : again(again_ms, ORPHAN_LOOK_MS);
    log_warn("tenancy", "removing cluster %s, which has no tenant", cluster->name);
    if (!remove_cluster(tenancy, cluster, &gone, err))
        return RECONCILE_RETRY;
    return gone ? RECONCILE_DONE : again(again_ms, STEP_MS);
}

static enum reconcile_result reconcile_tenant(void *arg, struct reconcile *reconcile,
                                              int64_t *again_ms, struct error *err)
{
    struct tenancy *tenancy = arg;
    CLEANUP(cluster_unref_ptr)
    struct cluster *cluster = store_cluster(api_store(tenancy->api), reconcile->name);
    json_auto_t *tenant = NULL;
    if (!tenant_read(tenancy, reconcile->name, &tenant, err))
        return RECONCILE_RETRY;
    /* A cluster of that name with another uid is not this Tenant's. */
    if (tenant && cluster && strcmp(cluster->uid, meta_uid(tenant)) != 0)
        return RECONCILE_DONE;
    if (!tenant)
        return cluster ? reconcile_orphan(tenancy, cluster, reconcile->now_us, again_ms, err)
                       : RECONCILE_DONE;
    if (meta_deleting(tenant))
        return reconcile_deleting(tenancy, tenant, cluster, again_ms, err);
    if (!cluster)
        return RECONCILE_DONE;
    return tenant_state(tenant) == CLUSTER_SUSPENDED
               ? reconcile_suspended(tenancy, cluster, again_ms, err)
               : reconcile_active(tenancy, tenant, cluster, err);
}

/* ---- coming on duty ---- */

/* Tenants that were in the middle of something; `names` gets them all. */
static bool look_at_tenants(struct tenancy *tenancy, struct strmap *names, struct error *err)
{
    struct object_list tenants = {0};
    if (!cache_list(tenancy->host, TENANTS, NULL, &tenants, err))
        return false;
    for (size_t i = 0; i < tenants.count; i++) {
        const struct object *tenant = tenants.items[i];
        strmap_put(names, tenant->name, tenancy);
        if (strcmp(object_field(tenant, "status.phase"), "Active") != 0)
            controllers_enqueue(tenancy->controllers, TENANT_CONTROLLER, tenancy->host,
                                tenant->name);
    }
    object_list_free(&tenants);
    return true;
}

bool tenant_take(void *arg, struct error *err)
{
    struct tenancy *tenancy = arg;
    CLEANUP(strmap_clear) struct strmap names = {0};
    size_t count = 0;
    if (!look_at_tenants(tenancy, &names, err))
        return false;
    struct cluster **clusters = store_clusters(api_store(tenancy->api), &count);
    for (size_t i = 0; i < count; i++) {
        if (clusters[i]->id != CLUSTER_HOST_ID && !strmap_has(&names, clusters[i]->name))
            controllers_enqueue(tenancy->controllers, TENANT_CONTROLLER, tenancy->host,
                                clusters[i]->name);
        cluster_unref(clusters[i]);
    }
    free(clusters);
    return true;
}

static const struct controller_source sources[] = {{TENANTS, NULL}, {NULL, NULL}};

const struct controller tenant_controller = {.name = TENANT_CONTROLLER,
                                             .user = TENANCY_USER,
                                             .sources = sources,
                                             .host_only = true,
                                             .reconcile = reconcile_tenant};
