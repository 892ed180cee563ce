#include "controllers/resourcequota.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "controllers/plan.h"
#include "quota/quota.h"

static enum reconcile_result reconcile_quota(void *arg, struct reconcile *reconcile,
                                             int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *quota = NULL;
    json_t *status = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, "resourcequotas", reconcile->ns, reconcile->name, &quota,
                     err))
        return RECONCILE_RETRY;
    if (!quota)
        return RECONCILE_DONE;
    if (!quota_status(reconcile->cluster, quota, &status, err))
        return RECONCILE_RETRY;
    if (semantic_equal(status, json_object_get(quota, "status")))
        json_decref(status);
    else
        plan_status(&plan, "resourcequotas", quota, status)->flags |= PLAN_ABSENT_OK;
    return plan_apply(&reconcile->caller, &plan, NULL, err) ? RECONCILE_DONE : RECONCILE_RETRY;
}

/* Any object may count. A namespace without quotas costs one look into memory; where quotas were
 * never read, none was charged either. */
static void map_counted(struct cluster *cluster, const struct object *object,
                        const struct object *before, void (*add)(void *arg, const char *key),
                        void *arg)
{
    CLEANUP(object_list_free) struct object_list quotas = {0};
    if (!object->ns[0] || strcmp(object->resource, "events") == 0 ||
        strcmp(object->resource, "resourcequotas") == 0)
        return;
    (void)before;
    if (cache_list_peek(cluster, "resourcequotas", &(struct cache_range){.ns = object->ns},
                        &quotas) != CACHE_LIST_OK)
        return;
    for (size_t i = 0; i < quotas.count; i++) {
        CLEANUP(free_ptr) char *key = xasprintf("%s/%s", object->ns, quotas.items[i]->name);
        add(arg, key);
    }
}

static const struct controller_source sources[] = {
    {"resourcequotas", NULL}, {"*", map_counted}, {NULL, NULL}};

const struct controller resourcequota_controller = {
    .name = "resourcequota-controller",
    .sources = sources,
    .reconcile = reconcile_quota,
};
