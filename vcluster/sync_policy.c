/* NetworkPolicies of a tenant, as ones of its host namespace. */
#include <string.h>

#include "schema/meta.h"
#include "vcluster/syncer_internal.h"
#include "vcluster/translate.h"

#define POLICIES "networkpolicies.networking.k8s.io"
#define KIND     "networkpolicies" /* in the mapping table */

/* A namespace that is gone may stay on a policy's list: nothing is in it. */
void sync_map_namespace_policies(struct cluster *cluster, const struct object *ns,
                                 const struct object *before,
                                 void (*add)(void *arg, const char *key), void *arg)
{
    static const char word[] = "\"namespaceSelector\"";
    const struct cache_range all = {0};
    struct object_list policies = {0};
    if (before && object_same_labels(ns, before))
        return;
    if (cache_list_peek(cluster, POLICIES, &all, &policies) != CACHE_LIST_OK) {
        add(arg, "*");
        return;
    }
    for (size_t i = 0; i < policies.count; i++) {
        const struct object *policy = policies.items[i];
        CLEANUP(free_ptr) char *key = xasprintf("%s/%s", policy->ns, policy->name);
        if (memmem(policy->body.data, policy->body.len, word, strlen(word)))
            add(arg, key);
    }
    object_list_free(&policies);
}

/* Every Namespace of the tenant's cluster. */
static bool list_namespaces(struct sync *sync, json_t **namespaces, struct error *err)
{
    CLEANUP(object_list_free) struct object_list list = {0};
    if (!cache_list(sync->cluster, "namespaces", NULL, &list, err))
        return false;
    *namespaces = json_array();
    for (size_t i = 0; i < list.count; i++)
        json_array_append_new(*namespaces, object_json(list.items[i]));
    return true;
}

static bool drop(struct sync *sync, struct error *err)
{
    return sync_drop(sync, KIND, POLICIES, sync->reconcile->key, err);
}

/* One that is not allowed has nothing on the host, and its Pods are as open as without it. */
static bool put(struct sync *sync, const json_t *policy, struct error *err)
{
    char host_ns[254], host_name[254];
    CLEANUP(free_ptr) char *host_key = NULL;
    CLEANUP(error_clear) struct error refused = {0};
    json_auto_t *have = NULL, *namespaces = NULL;
    if (!list_namespaces(sync, &namespaces, err) ||
        !mapping_claim(sync->vcluster->mappings, sync->cluster, KIND, sync->reconcile->ns,
                       sync->reconcile->name, &host_key, err))
        return false;
    sync_cut(host_key, host_ns, host_name);
    const struct translate_context context = {
        .cluster = sync->cluster->name, .host_ns = host_ns, .host_name = host_name};
    json_auto_t *want = translate_network_policy(&context, policy, namespaces, &refused);
    if (!want) {
        controller_event(&sync->on_tenant, policy, "Warning", "NotAllowed", "%s", refused.message);
        return drop(sync, err);
    }
    return sync_namespace(sync, err) &&
           sync_read(sync->vcluster->host, POLICIES, host_ns, host_name, &have, err) &&
           sync_put(sync, POLICIES, want, have, err);
}

enum reconcile_result sync_policy(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                  struct error *err)
{
    struct sync sync = sync_begin(arg, reconcile);
    json_auto_t *policy = NULL;
    (void)again_ms;
    if (!sync_read(sync.cluster, POLICIES, reconcile->ns, reconcile->name, &policy, err))
        return RECONCILE_RETRY;
    bool done = policy && !meta_deleting(policy) ? put(&sync, policy, err) : drop(&sync, err);
    return done ? RECONCILE_DONE : RECONCILE_RETRY;
}
