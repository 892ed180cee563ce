#include "controllers/cluster_role.h"

#include <string.h>

#include "base/json.h"
#include "controllers/observe.h"
#include "rbac/rbac.h"
#include "schema/meta.h"

#define CLUSTER_ROLES "clusterroles.rbac.authorization.k8s.io"

static enum reconcile_result reconcile_cluster_role(void *arg, struct reconcile *reconcile,
                                                    int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *role = NULL;
    CLEANUP(json_list_free) struct json_list roles = {0};
    const struct observe_query query = {.resource = CLUSTER_ROLES};
    if (!observe_get(reconcile->cluster, CLUSTER_ROLES, "", reconcile->name, &role, err))
        return RECONCILE_RETRY;
    if (!json_at(role, "aggregationRule") || meta_deleting(role))
        return RECONCILE_DONE;
    if (!observe_list(reconcile->cluster, &query, &roles, err))
        return RECONCILE_RETRY;
    json_t *rules = rbac_aggregate(role, (const json_t *const *)roles.items, roles.count);
    bool same = semantic_equal(rules, json_object_get(role, "rules"));
    json_object_set_new(role, "rules", rules);
    return same || api_update(&reconcile->caller, CLUSTER_ROLES, "", "", reconcile->name, role,
                              NULL, err)
               ? RECONCILE_DONE
               : RECONCILE_RETRY;
}

/* Aggregated roles have the word in their body; one that has it elsewhere costs a look. */
static bool may_aggregate(const struct object *object, void *arg)
{
    static const char word[] = "\"aggregationRule\"";
    (void)arg;
    return memmem(object->body.data, object->body.len, word, sizeof(word) - 1) != NULL;
}

/* Any role may be a part of any aggregated one: all of those look again. The roles that a cluster
 * is born with are aggregated already: a new cluster costs nothing here. */
static void map_role(struct cluster *cluster, const struct object *object,
                     const struct object *before, void (*add)(void *arg, const char *key),
                     void *arg)
{
    struct object_list aggregated = {0};
    const struct cache_range range = {.keep = may_aggregate};
    if (!before && text_eq(object_label(object, "kubernetes.io/bootstrapping"), "rbac-defaults"))
        return;
    if (may_aggregate(object, NULL))
        add(arg, object->name);
    if (cache_list_peek(cluster, CLUSTER_ROLES, &range, &aggregated) != CACHE_LIST_OK)
        return;
    for (size_t i = 0; i < aggregated.count; i++)
        add(arg, aggregated.items[i]->name);
    object_list_free(&aggregated);
}

static const struct controller_source sources[] = {{CLUSTER_ROLES, map_role}, {NULL, NULL}};

const struct controller cluster_role_controller = {
    .name = "clusterrole-aggregation-controller",
    .sources = sources,
    .reconcile = reconcile_cluster_role,
};
