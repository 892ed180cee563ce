/* From the host to the tenants: Pods' changes wake the tenants' keys, Events are told in the tenants' words, nodes appear
 * as pseudo nodes where a tenant has Pods on them. */
#include <stdio.h>
#include <string.h>

#include "schema/meta.h"
#include "vcluster/names.h"
#include "vcluster/status.h"
#include "vcluster/syncer_internal.h"

/* Referenced cluster and owned key of the tenant's object behind a host object; NULL when it is nobody's. */
static struct cluster *owner_of(struct vcluster *vcluster, const char *kind, const char *host_key, char **tenant_key)
{
    int64_t id;
    if (!mapping_to_tenant(vcluster->mappings, kind, host_key, &id, tenant_key))
        return NULL;
    return store_cluster_by_id(api_store(vcluster->api), id);
}

enum reconcile_result sync_host_pod(void *arg, struct reconcile *reconcile, int64_t *again_ms, struct error *err)
{
    struct vcluster *vcluster = arg;
    CLEANUP(free_ptr) char *tenant_key = NULL;
    CLEANUP(cluster_unref_ptr) struct cluster *owner = owner_of(vcluster, "pods", reconcile->key, &tenant_key);
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
        if (!mapping_to_tenant(naming->vcluster->mappings, kinds[i], host_key, &id, &key) || id != naming->cluster_id)
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

static bool tell_tenant(struct vcluster *vcluster, struct cluster *owner, const char *tenant_key, const json_t *event,
                        struct error *err)
{
    char ns[254], name[254];
    json_auto_t *pod = NULL;
    const char *host_ns = meta_namespace(event), *message = json_text(event, "message");
    const struct api_caller on_tenant = {vcluster->api, owner, &vcluster->user};
    sync_cut(tenant_key, ns, name);
    if (!sync_read(owner, "pods", ns, name, &pod, err) || !pod)
        return pod == NULL && err->code == 0;
    struct naming naming = {vcluster, host_ns, owner->id};
    CLEANUP(free_ptr) char *node = host_node_of(vcluster, host_ns, json_text(event, "involvedObject", "name"));
    CLEANUP(free_ptr) char *text = status_text(owner->name, host_ns, ns, node, message ? message : "", tenant_name, &naming);
    json_auto_t *copy = json_deep_copy(event);
    json_object_set_new(copy, "metadata", json_pack("{s:o, s:s}", "name", json_sprintf("%s.%s", name, meta_uid(event)),
                                                    "namespace", ns));
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

enum reconcile_result sync_event(void *arg, struct reconcile *reconcile, int64_t *again_ms, struct error *err)
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
    CLEANUP(cluster_unref_ptr) struct cluster *owner = owner_of(vcluster, "pods", host_key, &tenant_key);
    if (!owner || atomic_load(&owner->state) != CLUSTER_ACTIVE)
        return RECONCILE_DONE;
    return tell_tenant(vcluster, owner, tenant_key, event, err) ? RECONCILE_DONE : RECONCILE_RETRY;
}

/* ---- nodes ---- */

/* The host node that a pseudo node stands for. New tree; NULL when it is gone. */
static bool find_host_node(struct vcluster *vcluster, const char *cluster, const char *pseudo, json_t **node, struct error *err)
{
    CLEANUP(object_list_free) struct object_list nodes = {0};
    *node = NULL;
    if (!cache_list(vcluster->host, "nodes", NULL, &nodes, err))
        return false;
    for (size_t i = 0; i < nodes.count && !*node; i++) {
        char name[HOST_NAME_MAX + 1];
        names_pseudo_node(cluster, nodes.items[i]->name, name);
        if (strcmp(name, pseudo) == 0)
            *node = object_json(nodes.items[i]);
    }
    return true;
}

static bool has_pods_on(struct cluster *cluster, const char *node, bool *found, struct error *err)
{
    CLEANUP(object_list_free) struct object_list pods = {0};
    *found = false;
    if (!cache_list(cluster, "pods", NULL, &pods, err))
        return false;
    for (size_t i = 0; i < pods.count && !*found; i++)
        *found = strcmp(object_field(pods.items[i], "spec.nodeName"), node) == 0;
    return true;
}

static bool put_node(struct sync *sync, const json_t *want, const json_t *have, struct error *err)
{
    const char *name = meta_name(want);
    json_auto_t *made = NULL;
    json_auto_t *next = json_deep_copy(want);
    if (!have) {
        if (!api_create(&sync->on_tenant, "nodes", "", next, &made, err))
            return false;
        have = made;
    }
    if (json_equal(json_object_get(have, "status"), json_object_get(want, "status")))
        return true;
    json_auto_t *status = json_deep_copy(have);
    json_object_set(status, "status", json_object_get(want, "status"));
    return api_update(&sync->on_tenant, "nodes", "status", "", name, status, NULL, err);
}

enum reconcile_result sync_node(void *arg, struct reconcile *reconcile, int64_t *again_ms, struct error *err)
{
    struct sync sync = sync_begin(arg, reconcile);
    json_auto_t *have = NULL, *host_node = NULL;
    bool used = false;
    (void)again_ms;
    if (!sync_read(sync.cluster, "nodes", "", reconcile->key, &have, err) ||
        !find_host_node(sync.vcluster, sync.cluster->name, reconcile->key, &host_node, err) ||
        !has_pods_on(sync.cluster, reconcile->key, &used, err))
        return RECONCILE_RETRY;
    if (!host_node || !used) {
        bool done = !have || sync_remove(&sync.on_tenant, "nodes", "", reconcile->key, NULL, -1, err);
        return done ? RECONCILE_DONE : RECONCILE_RETRY;
    }
    json_auto_t *want = status_pseudo_node(sync.cluster->name, host_node);
    return put_node(&sync, want, have, err) ? RECONCILE_DONE : RECONCILE_RETRY;
}

/* A host node changed: every cluster that has Pods on it looks at its pseudo node. */
enum reconcile_result sync_host_node(void *arg, struct reconcile *reconcile, int64_t *again_ms, struct error *err)
{
    struct vcluster *vcluster = arg;
    CLEANUP(object_list_free) struct object_list pods = {0};
    CLEANUP(strset_clear) struct strset seen = {0};
    (void)again_ms;
    if (!cache_list(vcluster->host, "pods", NULL, &pods, err))
        return RECONCILE_RETRY;
    for (size_t i = 0; i < pods.count; i++) {
        CLEANUP(free_ptr) char *tenant_key = NULL;
        CLEANUP(free_ptr) char *host_key = xasprintf("%s/%s", pods.items[i]->ns, pods.items[i]->name);
        if (strcmp(object_field(pods.items[i], "spec.nodeName"), reconcile->name) != 0)
            continue;
        CLEANUP(cluster_unref_ptr) struct cluster *owner = owner_of(vcluster, "pods", host_key, &tenant_key);
        if (!owner || !strset_add(&seen, owner->name))
            continue;
        char pseudo[HOST_NAME_MAX + 1];
        names_pseudo_node(owner->name, reconcile->name, pseudo);
        controllers_enqueue(vcluster->controllers, SYNC_NODES, owner, pseudo);
    }
    return RECONCILE_DONE;
}

/* ---- logs and exec ---- */

bool sync_pod_target(void *arg, struct cluster *cluster, const char *ns, const char *pod, struct api_pod_target *target,
                     struct error *err)
{
    struct vcluster *vcluster = arg;
    char host_ns[254], host_name[254];
    json_auto_t *host_pod = NULL, *node = NULL;
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", ns, pod), *host_key = NULL;
    if (cluster->id == CLUSTER_HOST_ID)
        host_key = xstrdup(key);
    else
        host_key = mapping_to_host(vcluster->mappings, cluster, "pods", key);
    if (!host_key)
        return error_bad_request(err, "pod %s does not have a host assigned", pod);
    sync_cut(host_key, host_ns, host_name);
    if (!sync_read(vcluster->host, "pods", host_ns, host_name, &host_pod, err))
        return false;
    const char *node_name = json_text(host_pod, "spec", "nodeName");
    if (!node_name)
        return error_bad_request(err, "pod %s does not have a host assigned", pod);
    if (!sync_read(vcluster->host, "nodes", "", node_name, &node, err))
        return false;
    const json_t *addresses = json_at(node, "status", "addresses");
    int64_t port = json_int_or(json_at(node, "status", "daemonEndpoints", "kubeletEndpoint", "Port"), 10250);
    const char *address = NULL;
    for (size_t i = 0; i < json_array_size(addresses) && !address; i++)
        if (text_eq(json_text(json_array_get(addresses, i), "type"), "InternalIP"))
            address = json_text(json_array_get(addresses, i), "address");
    if (!address)
        return error_unavailable(err, "the node of pod %s has no address", pod);
    target->node_url = xasprintf("https://%s:%lld", address, (long long)port);
    target->ns = xstrdup(host_ns);
    target->pod = xstrdup(host_name);
    return true;
}
