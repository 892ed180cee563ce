/* A tenant's PersistentVolume and the host's claim that stands for it.
 *
 * Volumes come into a tenant's cluster by its own provisioner (schema/local_volume.h), as an API
 * object and nothing more. With the first Pod that uses one it gets a claim on the host, of the
 * class that is the default there, and that claim stays until the tenant's volume is gone: so data
 * follow the volume, whatever becomes of the tenant's claims. */
#include <string.h>

#include "base/quantity.h"
#include "controllers/volume_binder.h"
#include "schema/local_volume.h"
#include "schema/meta.h"
#include "vcluster/syncer_internal.h"
#include "vcluster/translate.h"

/* ---- what a Pod's claim leads to ---- */

static bool is_ours(const json_t *volume)
{
    return text_eq(json_text(volume, "spec", "csi", "driver"), LOCAL_VOLUME_DRIVER);
}

static bool not_bound(struct sync *sync, struct error *err, const char *message)
{
    free(sync->unbound);
    sync->unbound = xstrdup(message);
    return error_set(err, ERROR_UNAVAILABLE, "%s", message);
}

/* The volume that the claim is bound to, if both sides say so. */
static bool find_volume(struct sync *sync, const char *ns, const char *name, json_t **volume,
                        struct error *err)
{
    json_auto_t *claim = NULL;
    if (!sync_read(sync->cluster, CLAIMS, ns, name, &claim, err))
        return false;
    if (!claim) {
        CLEANUP(free_ptr) char *message = xasprintf("persistentvolumeclaim \"%s\" not found", name);
        return not_bound(sync, err, message);
    }
    const char *bound = json_text(claim, "spec", "volumeName");
    if (!bound || !text_eq(json_text(claim, "status", "phase"), "Bound"))
        return not_bound(sync, err, "pod has unbound immediate PersistentVolumeClaims");
    if (!sync_read(sync->cluster, VOLUMES, "", bound, volume, err))
        return false;
    return text_eq(json_text(*volume, "spec", "claimRef", "uid"), meta_uid(claim)) ||
           not_bound(sync, err, "pod has unbound immediate PersistentVolumeClaims");
}

char *sync_claim_name(void *arg, const char *ns, const char *claim, struct error *err)
{
    struct sync *sync = arg;
    json_auto_t *volume = NULL;
    CLEANUP(free_ptr) char *host_key = NULL;
    if (!find_volume(sync, ns, claim, &volume, err))
        return NULL;
    const char *name = meta_name(volume);
    if (!is_ours(volume)) {
        error_set(err, ERROR_FORBIDDEN,
                  "persistentVolumeClaim: volume \"%s\" is of a type that is not supported in a "
                  "virtual cluster",
                  name);
        return NULL;
    }
    if (!mapping_claim(sync->vcluster->mappings, sync->cluster, VOLUMES, "", name, &host_key, err))
        return NULL;
    controllers_enqueue(sync->vcluster->controllers, SYNC_VOLUMES, sync->cluster, name);
    return xstrdup(strchr(host_key, '/') + 1);
}

/* ---- the host's claim ---- */

static bool is_less(const json_t *a, const json_t *b)
{
    struct quantity left = {0}, right = {0};
    return json_is_string(a) && json_is_string(b) &&
           quantity_parse(str_of(json_string_value(a)), &left) &&
           quantity_parse(str_of(json_string_value(b)), &right) &&
           quantity_compare(&left, &right) < 0;
}

/* What the tenant's quota was charged for: a volume that says more than its claim asks for gets no
 * more. */
static json_t *size_of(const json_t *volume, const json_t *claim)
{
    json_t *has = json_at(volume, "spec", "capacity", "storage"),
           *asked = json_at(claim, "spec", "resources", "requests", "storage");
    return is_less(has, asked) ? has : asked;
}

/* Nothing else of it may change once it is bound. */
static bool grow(struct sync *sync, const json_t *have, json_t *size, struct error *err)
{
    if (meta_deleting(have)) /* of a volume that had this name before */
        return error_unavailable(err, "claim %s on the host is still being deleted",
                                 meta_name(have));
    if (!is_less(json_at(have, "spec", "resources", "requests", "storage"), size))
        return true;
    json_auto_t *next = json_deep_copy(have);
    json_object_set(json_at(next, "spec", "resources", "requests"), "storage", size);
    return api_update(&sync->vcluster->on_host, CLAIMS, "", meta_namespace(have), meta_name(have),
                      next, NULL, err);
}

static bool put(struct sync *sync, const json_t *volume, const char *host_key, struct error *err)
{
    char host_ns[254], host_name[254];
    json_auto_t *claim = NULL, *have = NULL;
    const json_t *ref = json_at(volume, "spec", "claimRef");
    const char *ns = json_text(ref, "namespace"), *name = json_text(ref, "name");
    if (!ns || !name || !sync_read(sync->cluster, CLAIMS, ns, name, &claim, err))
        return !ns || !name;
    if (!claim)
        return true; /* kept as it is, for the next claim */
    sync_cut(host_key, host_ns, host_name);
    if (!sync_namespace(sync, err) ||
        !sync_read(sync->vcluster->host, CLAIMS, host_ns, host_name, &have, err))
        return false;
    if (have)
        return grow(sync, have, size_of(volume, claim), err);
    const struct translate_context context = {
        .cluster = sync->cluster->name, .host_ns = host_ns, .host_name = host_name};
    json_auto_t *want = translate_claim(&context, claim, json_at(volume, "spec", "accessModes"),
                                        size_of(volume, claim));
    return api_create(&sync->vcluster->on_host, CLAIMS, host_ns, want, NULL, err);
}

enum reconcile_result sync_volume(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                  struct error *err)
{
    struct sync sync = sync_begin(arg, reconcile);
    json_auto_t *volume = NULL;
    (void)again_ms;
    CLEANUP(free_ptr) char *key = xasprintf("/%s", reconcile->name);
    CLEANUP(free_ptr)
    char *host_key = mapping_to_host(sync.vcluster->mappings, sync.cluster, VOLUMES, key);
    if (!host_key)
        return RECONCILE_DONE;
    if (!sync_read(sync.cluster, VOLUMES, "", reconcile->name, &volume, err))
        return RECONCILE_RETRY;
    bool done =
        volume ? put(&sync, volume, host_key, err) : sync_drop(&sync, VOLUMES, CLAIMS, key, err);
    return done ? RECONCILE_DONE : RECONCILE_RETRY;
}

void sync_map_claim(struct cluster *cluster, const struct object *claim,
                    const struct object *before, void (*add)(void *arg, const char *key), void *arg)
{
    json_auto_t *tree = object_json(claim);
    const char *volume = json_text(tree, "spec", "volumeName");
    (void)cluster;
    (void)before;
    if (volume && *volume)
        add(arg, volume);
}

void sync_map_claim_pods(struct cluster *cluster, const struct object *claim,
                         const struct object *before, void (*add)(void *arg, const char *key),
                         void *arg)
{
    struct object_list pods = {0};
    const struct cache_range range = {.ns = claim->ns};
    (void)before;
    if (cache_list_peek(cluster, "pods", &range, &pods) != CACHE_LIST_OK) {
        add(arg, "*");
        return;
    }
    for (size_t i = 0; i < pods.count; i++) {
        json_auto_t *pod = object_json(pods.items[i]);
        CLEANUP(free_ptr) char *key = xasprintf("%s/%s", claim->ns, pods.items[i]->name);
        if (pod_uses_claim(pod, claim->name, true))
            add(arg, key);
    }
    object_list_free(&pods);
}
