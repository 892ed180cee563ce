/* From the host to the tenants: Pods' changes wake the tenants' keys, Events are told in the
 * tenants' words. */
#include <stdio.h>
#include <string.h>

#include "schema/meta.h"
#include "vcluster/names.h"
#include "vcluster/status.h"
#include "vcluster/syncer_internal.h"

struct cluster *sync_owner_of(struct vcluster *vcluster, const char *kind, const char *host_key,
                              char **tenant_key)
{
    CLEANUP(free_ptr) char *key = NULL;
    int64_t id;
    if (!mapping_to_tenant(vcluster->mappings, kind, host_key, &id, &key))
        return NULL;
    if (tenant_key)
        *tenant_key = TAKE(key);
    return store_cluster_by_id(api_store(vcluster->api), id);
}

enum reconcile_result sync_host_pod(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                    struct error *err)
{
    struct vcluster *vcluster = arg;
    CLEANUP(free_ptr) char *tenant_key = NULL;
    CLEANUP(cluster_unref_ptr)
    struct cluster *owner = sync_owner_of(vcluster, "pods", reconcile->key, &tenant_key);
    (void)again_ms;
    (void)err;
    if (owner)
        controllers_enqueue(vcluster->controllers, SYNC_PODS, owner, tenant_key);
    return RECONCILE_DONE;
}

/* ---- events ---- */

struct naming {
    struct vcluster *vcluster;
    const char *host_ns;
    int64_t cluster_id;
};

/* The tenant's name for a host name of any kind that Events speak of. */
static char *tenant_name(void *arg, const char *host_name)
{
    static const char *const kinds[] = {"pods", "configmaps", "secrets", "services"};
    const struct naming *naming = arg;
    CLEANUP(free_ptr) char *host_key = xasprintf("%s/%s", naming->host_ns, host_name);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        CLEANUP(free_ptr) char *key = NULL;
        int64_t id = 0;
        if (!mapping_to_tenant(naming->vcluster->mappings, kinds[i], host_key, &id, &key) ||
            id != naming->cluster_id)
            continue;
        return xstrdup(strchr(key, '/') + 1);
    }
    return NULL;
}

/* The node that the event's Pod is on, owned; NULL when it is on none. */
static char *host_node_of(struct vcluster *vcluster, const char *host_ns, const char *pod)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *host_pod = NULL;
    if (!sync_read(vcluster->host, "pods", host_ns, pod, &host_pod, &err))
        return NULL;
    const char *node = json_text(host_pod, "spec", "nodeName");
    return node ? xstrdup(node) : NULL;
}

static bool tell_tenant(struct vcluster *vcluster, struct cluster *owner, const char *tenant_key,
                        const json_t *event, struct error *err)
{
    char ns[254], name[254];
    json_auto_t *pod = NULL;
    const char *host_ns = meta_namespace(event), *message = json_text(event, "message");
    const struct api_caller on_tenant = {vcluster->api, owner, &vcluster->user};
    sync_cut(tenant_key, ns, name);
    if (!sync_read(owner, "pods", ns, name, &pod, err) || !pod)
        return pod == NULL && err->code == 0;
    struct naming naming = {vcluster, host_ns, owner->id};
    CLEANUP(free_ptr)
    char *node = host_node_of(vcluster, host_ns, json_text(event, "involvedObject", "name"));
    CLEANUP(free_ptr)
    char *text =
        status_text(owner->name, host_ns, ns, node, message ? message : "", tenant_name, &naming);
    json_auto_t *copy = json_deep_copy(event);
    json_object_set_new(copy, "metadata",
                        json_pack("{s:o, s:s}", "name",
                                  json_sprintf("%s.%s", name, meta_uid(event)), "namespace", ns));
    json_t *about = json_object_get(copy, "involvedObject");
    json_set_text(about, "namespace", ns);
    json_set_text(about, "name", name);
    json_set_text(about, "uid", meta_uid(pod));
    json_object_del(about, "resourceVersion");
    json_set_text(copy, "message", text);
    json_set_text(copy, "reportingInstance", NULL);
    json_object_del(json_object_get(copy, "source"), "host");
    json_auto_t *have = NULL;
    if (!sync_read(owner, "events", ns, meta_name(copy), &have, err))
        return false;
    if (have && json_equal(json_object_get(have, "count"), json_object_get(copy, "count")))
        return true;
    bool told = have ? api_update(&on_tenant, "events", "", ns, meta_name(copy), copy, NULL, err)
                     : api_create(&on_tenant, "events", ns, copy, NULL, err);
    /* A namespace that is going takes no Events, and nobody will read them. */
    return told || err->reason == ERROR_FORBIDDEN || err->reason == ERROR_NOT_FOUND;
}

enum reconcile_result sync_event(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                 struct error *err)
{
    struct vcluster *vcluster = arg;
    CLEANUP(free_ptr) char *tenant_key = NULL;
    json_auto_t *event = NULL;
    (void)again_ms;
    if (!sync_read(reconcile->cluster, "events", reconcile->ns, reconcile->name, &event, err))
        return RECONCILE_RETRY;
    if (!event || !text_eq(json_text(event, "involvedObject", "kind"), "Pod"))
        return RECONCILE_DONE;
    const char *name = json_text(event, "involvedObject", "name");
    CLEANUP(free_ptr) char *host_key = xasprintf("%s/%s", reconcile->ns, name ? name : "");
    CLEANUP(cluster_unref_ptr)
    struct cluster *owner = sync_owner_of(vcluster, "pods", host_key, &tenant_key);
    if (!owner || atomic_load(&owner->state) != CLUSTER_ACTIVE)
        return RECONCILE_DONE;
    return tell_tenant(vcluster, owner, tenant_key, event, err) ? RECONCILE_DONE : RECONCILE_RETRY;
}

/* ---- logs and exec ---- */

/* The host Pod behind a Pod, in `*host_key` and `*host_pod`; NULL when there is none. */
static bool find_host_pod(struct vcluster *vcluster, struct cluster *cluster, const char *key,
                          char **host_key, json_t **host_pod, struct error *err)
{
    char host_ns[254], host_name[254];
    *host_key = cluster->id == CLUSTER_HOST_ID
                    ? xstrdup(key)
                    : mapping_to_host(vcluster->mappings, cluster, "pods", key);
    if (!*host_key)
        return true;
    sync_cut(*host_key, host_ns, host_name);
    return sync_read(vcluster->host, "pods", host_ns, host_name, host_pod, err);
}

/* Where another server is on duty, it maps Pods that this one may not have heard of. */
static bool hears_of(struct vcluster *vcluster, struct cluster *cluster)
{
    return cluster->id == CLUSTER_HOST_ID || controllers_on_duty(vcluster->controllers);
}

bool sync_pod_target(void *arg, struct cluster *cluster, const char *ns, const char *pod,
                     struct api_pod_target *target, struct error *err)
{
    struct vcluster *vcluster = arg;
    char host_ns[254], host_name[254];
    json_auto_t *host_pod = NULL, *node = NULL;
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", ns, pod), *host_key = NULL;
    if (!find_host_pod(vcluster, cluster, key, &host_key, &host_pod, err))
        return false;
    if (!host_pod && !hears_of(vcluster, cluster)) {
        free(TAKE(host_key));
        if (!mapping_reload(vcluster->mappings, cluster, err) ||
            !find_host_pod(vcluster, cluster, key, &host_key, &host_pod, err))
            return false;
    }
    if (!host_pod)
        return error_bad_request(err, "pod %s does not have a host assigned", pod);
    sync_cut(host_key, host_ns, host_name);
    const char *node_name = json_text(host_pod, "spec", "nodeName");
    if (!node_name)
        return error_bad_request(err, "pod %s does not have a host assigned", pod);
    if (!sync_read(vcluster->host, "nodes", "", node_name, &node, err))
        return false;
    target->node_url = api_node_url(node);
    if (!target->node_url)
        return error_unavailable(err, "the node of pod %s has no address", pod);
    target->ns = xstrdup(host_ns);
    target->pod = xstrdup(host_name);
    return true;
}
