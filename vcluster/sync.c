/* What every syncer row needs. */
#include "vcluster/syncer_internal.h"

#include <stdio.h>
#include <string.h>

#include "schema/meta.h"
#include "vcluster/names.h"

struct sync sync_begin(struct vcluster *vcluster, struct reconcile *reconcile)
{
    return (struct sync){vcluster,
                         reconcile,
                         reconcile->cluster,
                         {vcluster->api, reconcile->cluster, &vcluster->user},
                         NULL,
                         false};
}

void sync_cut(const char *key, char ns[254], char name[254])
{
    const char *slash = strchr(key, '/');
    (void)snprintf(ns, 254, "%.*s", slash ? (int)(slash - key) : 0, key);
    (void)snprintf(name, 254, "%s", slash ? slash + 1 : key);
}

bool sync_read(struct cluster *cluster, const char *resource, const char *ns, const char *name,
               json_t **object, struct error *err)
{
    CLEANUP(object_unref_ptr) struct object *found = NULL;
    if (!cache_get(cluster, resource, ns, name, &found, err))
        return false;
    *object = found ? object_json(found) : NULL;
    return true;
}

bool sync_namespace(struct sync *sync, struct error *err)
{
    char name[HOST_NAME_MAX + 1];
    json_auto_t *there = NULL;
    CLEANUP(error_clear) struct error why = {0};
    names_host_namespace(sync->cluster->name, name);
    if (!sync_read(sync->vcluster->host, "namespaces", "", name, &there, err))
        return false;
    if (there && text_eq(meta_label(there, NOTE_CLUSTER), sync->cluster->name))
        return true;
    if (there)
        return error_set(err, ERROR_CONFLICT, "the host's namespace %s is not this cluster's",
                         name);
    json_auto_t *want =
        json_pack("{s:s, s:s, s:{s:s, s:{s:s}}}", "apiVersion", "v1", "kind", "Namespace",
                  "metadata", "name", name, "labels", NOTE_CLUSTER, sync->cluster->name);
    if (api_create(&sync->vcluster->on_host, "namespaces", "", want, NULL, &why) ||
        why.reason == ERROR_ALREADY_EXISTS)
        return true;
    error_move(err, &why);
    return false;
}

/* Whether everything that `want` says is in `have`: the host may have added defaults. */
static bool contains(const json_t *have, const json_t *want)
{
    const char *key;
    json_t *member;
    if (json_is_array(want)) {
        if (json_array_size(want) != json_array_size(have))
            return false;
        for (size_t i = 0; i < json_array_size(want); i++)
            if (!contains(json_array_get(have, i), json_array_get(want, i)))
                return false;
        return true;
    }
    if (!json_is_object(want))
        return json_equal(have, want);
    json_object_foreach (want, key, member) {
        if (!contains(json_object_get(have, key), member))
            return false;
    }
    return true;
}

/* What means something by being absent: the host must not keep what the tenant removed. To what the
 * syncer says of a NetworkPolicy the host adds nothing. */
static bool keeps_nothing(const json_t *have, const json_t *want)
{
    static const char *const maps[] = {"data", "binaryData"};
    if (text_eq(json_text(want, "kind"), "NetworkPolicy") &&
        !json_equal(json_object_get(have, "spec"), json_object_get(want, "spec")))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(maps); i++)
        if (json_object_size(json_object_get(have, maps[i])) !=
            json_object_size(json_object_get(want, maps[i])))
            return false;
    return true;
}

bool sync_put(struct sync *sync, const char *resource, json_t *want, const json_t *have,
              struct error *err)
{
    const struct api_caller *on_host = &sync->vcluster->on_host;
    const char *ns = meta_namespace(want), *name = meta_name(want);
    if (!have)
        return api_create(on_host, resource, ns, want, NULL, err);
    if (contains(have, want) && keeps_nothing(have, want))
        return true;
    json_auto_t *next = json_deep_copy(want);
    json_set_text(json_object_get(next, "metadata"), "resourceVersion",
                  meta_resource_version(have));
    /* One of the same name in the tenant's cluster took the place of what never changes: so it
     * goes, and comes again. */
    if (json_is_true(json_object_get(have, "immutable")))
        return sync_remove(on_host, resource, ns, name, meta_uid(have), -1, err) &&
               api_create(on_host, resource, ns, want, NULL, err);
    return api_update(on_host, resource, "", ns, name, next, NULL, err);
}

bool sync_remove(const struct api_caller *caller, const char *resource, const char *ns,
                 const char *name, const char *uid, int64_t grace_s, struct error *err)
{
    const struct api_delete_options options = {
        .uid = uid, .propagation = "Background", .grace_s = grace_s};
    CLEANUP(error_clear) struct error why = {0};
    if (api_delete(caller, resource, ns, name, &options, &why) || why.reason == ERROR_NOT_FOUND)
        return true;
    error_move(err, &why);
    return false;
}

bool sync_drop(struct sync *sync, const char *kind, const char *resource, const char *key,
               struct error *err)
{
    char host_ns[254], host_name[254];
    struct mapping_index *mappings = sync->vcluster->mappings;
    CLEANUP(free_ptr) char *host_key = mapping_to_host(mappings, sync->cluster, kind, key);
    if (!host_key)
        return true;
    sync_cut(host_key, host_ns, host_name);
    return sync_remove(&sync->vcluster->on_host, resource, host_ns, host_name, NULL, -1, err) &&
           mapping_release(mappings, sync->cluster, kind, key, err);
}

char *sync_config_name(void *arg, const char *kind, const char *ns, const char *name)
{
    struct sync *sync = arg;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *host_key = NULL;
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s/%s", kind, ns, name);
    if (!*name)
        return xstrdup("unmapped"); /* the node finds nothing of that name and says so */
    if (!mapping_claim(sync->vcluster->mappings, sync->cluster, kind, ns, name, &host_key, &err)) {
        sync->unmapped = true;
        return xstrdup("unmapped");
    }
    controllers_enqueue(sync->vcluster->controllers, SYNC_CONFIGS, sync->cluster, key);
    return xstrdup(strchr(host_key, '/') + 1);
}

void sync_enqueue_api_service(struct sync *sync)
{
    controllers_enqueue(sync->vcluster->controllers, SYNC_SERVICES, sync->cluster,
                        SYNC_API_SERVICE);
}
