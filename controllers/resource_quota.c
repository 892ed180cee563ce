#include "controllers/resource_quota.h"

#include "base/json.h"
#include "controllers/observe.h"
#include "quota/quota.h"
#include "schema/meta.h"

#define QUOTAS "resourcequotas"

static bool write_status(struct reconcile *reconcile, json_t *quota, json_t *status,
                         struct error *err)
{
    if (semantic_equal(status, json_object_get(quota, "status")))
        return true;
    json_object_set(quota, "status", status);
    return api_update(&reconcile->caller, QUOTAS, "status", reconcile->ns, reconcile->name, quota,
                      NULL, err) ||
           err->reason == ERROR_NOT_FOUND;
}

static enum reconcile_result reconcile_quota(void *arg, struct reconcile *reconcile,
                                             int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *quota = NULL, *status = NULL;
    if (!observe_get(reconcile->cluster, QUOTAS, reconcile->ns, reconcile->name, &quota, err))
        return RECONCILE_RETRY;
    if (!quota || meta_deleting(quota))
        return RECONCILE_DONE;
    /* New or changed limits are counted, whatever the counters say; then the counters are true. */
    bool settled = semantic_equal(json_at(quota, "spec", "hard"), json_at(quota, "status", "hard"));
    bool known = settled ? quota_used(reconcile->cluster, quota, &status, err)
                         : quota_status(reconcile->cluster, quota, &status, err);
    return known && write_status(reconcile, quota, status, err) ? RECONCILE_DONE : RECONCILE_RETRY;
}

/* Every quota of the object's namespace. Where quotas are not in memory, nothing has been written
 * against them here. */
static void map_counted(struct cluster *cluster, const struct object *object,
                        const struct object *before, void (*add)(void *arg, const char *key),
                        void *arg)
{
    (void)before;
    struct object_list quotas = {0};
    const struct cache_range range = {.ns = object->ns};
    if (!*object->ns || cache_list_peek(cluster, QUOTAS, &range, &quotas) != CACHE_LIST_OK)
        return;
    for (size_t i = 0; i < quotas.count; i++) {
        CLEANUP(free_ptr)
        char *key = xasprintf("%s/%s", quotas.items[i]->ns, quotas.items[i]->name);
        add(arg, key);
    }
    object_list_free(&quotas);
}

static const struct controller_source sources[] = {
    {QUOTAS, NULL},
    {"pods", map_counted},
    {"services", map_counted},
    {"configmaps", map_counted},
    {"secrets", map_counted},
    {"persistentvolumeclaims", map_counted},
    {"replicationcontrollers", map_counted},
    {"serviceaccounts", map_counted},
    {"deployments.apps", map_counted},
    {"replicasets.apps", map_counted},
    {"statefulsets.apps", map_counted},
    {"daemonsets.apps", map_counted},
    {"jobs.batch", map_counted},
    {"cronjobs.batch", map_counted},
    {"ingresses.networking.k8s.io", map_counted},
    {NULL, NULL},
};

const struct controller resource_quota_controller = {
    .name = "resourcequota-controller",
    .sources = sources,
    .reconcile = reconcile_quota,
};
