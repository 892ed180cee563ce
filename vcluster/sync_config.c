/* ConfigMaps and Secrets go to the host while a Pod of their namespace uses them, and no longer.
 *
 * Keys are "RESOURCE/NAMESPACE/NAME". */
#include <string.h>

#include "schema/meta.h"
#include "vcluster/syncer_internal.h"
#include "vcluster/translate.h"

struct use {
    const char *kind, *name;
    bool found;
};

static void compare(void *arg, const char *kind, const char *name)
{
    struct use *use = arg;
    use->found = use->found || (strcmp(kind, use->kind) == 0 && strcmp(name, use->name) == 0);
}

/* Whether a Pod of the namespace names it. */
static bool is_used(struct cluster *cluster, const char *kind, const char *ns, const char *name,
                    bool *used, struct error *err)
{
    CLEANUP(object_list_free) struct object_list pods = {0};
    struct use use = {kind, name, false};
    if (!cache_list(cluster, "pods", ns, &pods, err))
        return false;
    for (size_t i = 0; i < pods.count && !use.found; i++) {
        json_auto_t *pod = object_json(pods.items[i]);
        translate_pod_references(pod, compare, &use);
    }
    *used = use.found;
    return true;
}

static bool put(struct sync *sync, const char *resource, const json_t *tenant, const char *host_key,
                struct error *err)
{
    char host_ns[254], host_name[254];
    json_auto_t *have = NULL;
    sync_cut(host_key, host_ns, host_name);
    const struct translate_context context = {
        .cluster = sync->cluster->name, .host_ns = host_ns, .host_name = host_name};
    json_auto_t *want = translate_config(&context, tenant, err);
    if (!want || !sync_namespace(sync, err) ||
        !sync_read(sync->vcluster->host, resource, host_ns, host_name, &have, err))
        return false;
    return sync_put(sync, resource, want, have, err);
}

static bool drop(struct sync *sync, const char *resource, const char *tenant_key,
                 const char *host_key, bool release, struct error *err)
{
    char host_ns[254], host_name[254];
    sync_cut(host_key, host_ns, host_name);
    return sync_remove(&sync->vcluster->on_host, resource, host_ns, host_name, NULL, -1, err) &&
           (!release ||
            mapping_release(sync->vcluster->mappings, sync->cluster, resource, tenant_key, err));
}

/* A Pod that started while we let go of the mapping took the old one, and comes to nothing but this
 * reconcile: so look again afterwards, and map anew for it. */
static bool drop_unless_used(struct sync *sync, const char *resource, const char *tenant_key,
                             const char *host_key, const json_t *tenant, struct error *err)
{
    char ns[254], name[254];
    bool used = false;
    CLEANUP(free_ptr) char *next_key = NULL;
    sync_cut(tenant_key, ns, name);
    if (!drop(sync, resource, tenant_key, host_key, true, err) ||
        !is_used(sync->cluster, resource, ns, name, &used, err))
        return false;
    return !used || (mapping_claim(sync->vcluster->mappings, sync->cluster, resource, ns, name,
                                   &next_key, err) &&
                     (!tenant || put(sync, resource, tenant, next_key, err)));
}

enum reconcile_result sync_config(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                  struct error *err)
{
    struct sync sync = sync_begin(arg, reconcile);
    const char *slash = strchr(reconcile->key, '/');
    char ns[254], name[254];
    bool used = false;
    json_auto_t *tenant = NULL;
    (void)again_ms;
    if (!slash)
        return RECONCILE_DONE;
    CLEANUP(free_ptr) char *resource = xstrndup(reconcile->key, (size_t)(slash - reconcile->key));
    CLEANUP(free_ptr)
    char *host_key = mapping_to_host(sync.vcluster->mappings, sync.cluster, resource, slash + 1);
    if (!host_key)
        return RECONCILE_DONE;
    sync_cut(slash + 1, ns, name);
    if (!is_used(sync.cluster, resource, ns, name, &used, err) ||
        !sync_read(sync.cluster, resource, ns, name, &tenant, err))
        return RECONCILE_RETRY;
    bool done = used && tenant ? put(&sync, resource, tenant, host_key, err)
                : used         ? drop(&sync, resource, slash + 1, host_key, false, err)
                       : drop_unless_used(&sync, resource, slash + 1, host_key, tenant, err);
    return done ? RECONCILE_DONE : RECONCILE_RETRY;
}
