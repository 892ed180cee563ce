/* The syncer's rows and its life. */
#include "vcluster/vcluster.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "controllers/volume_binder.h"
#include "schema/meta.h"
#include "vcluster/names.h"
#include "vcluster/syncer_internal.h"

#define KEY_SIZE 512

/* "RESOURCE/NAMESPACE/NAME", for the row that takes both ConfigMaps and Secrets. */
static void map_config(struct cluster *cluster, const struct object *object,
                       const struct object *before, void (*add)(void *arg, const char *key),
                       void *arg)
{
    char key[KEY_SIZE];
    (void)cluster;
    (void)before;
    (void)snprintf(key, sizeof(key), "%s/%s/%s", object->resource, object->ns, object->name);
    add(arg, key);
}

/* Of one that no Pod has used there is nothing on the host; who maps it looks at it then. */
static bool is_mapped(void *arg, struct cluster *cluster, const struct object *object)
{
    const struct vcluster *vcluster = arg;
    char key[KEY_SIZE];
    (void)snprintf(key, sizeof(key), "%s/%s", object->ns, object->name);
    CLEANUP(free_ptr)
    char *host_key = mapping_to_host(vcluster->mappings, cluster, object->resource, key);
    return host_key != NULL;
}

static const struct controller_source pod_sources[] = {
    {"pods", NULL}, {CLAIMS, sync_map_claim_pods}, {0}};
static const struct controller_source host_pod_sources[] = {{"pods", NULL}, {0}};
static const struct controller_source volume_sources[] = {
    {VOLUMES, NULL}, {CLAIMS, sync_map_claim}, {0}};
static const struct controller_source service_sources[] = {{"services", NULL}, {0}};
static const struct controller_source api_sources[] = {
    {"services", NULL}, {"endpoints", NULL}, {"endpointslices.discovery.k8s.io", NULL}, {0}};
static const struct controller_source slice_sources[] = {{"endpointslices.discovery.k8s.io", NULL},
                                                         {0}};
static const struct controller_source policy_sources[] = {
    {"networkpolicies.networking.k8s.io", NULL}, {"namespaces", sync_map_namespace_policies}, {0}};
static const struct controller_source config_sources[] = {
    {"configmaps", map_config}, {"secrets", map_config}, {0}};
static const struct controller_source event_sources[] = {{"events", NULL}, {0}};
static const struct controller_source node_sources[] = {{"nodes", sync_map_node}, {0}};
static const struct controller_source host_node_sources[] = {{"nodes", NULL}, {0}};

#define SYNCER_USER "system:warren-syncer"

/* clang-format off */
static const struct controller rows[] = {
    {.name = SYNC_PODS, .sources = pod_sources, .tenants_only = true, .reconcile = sync_pod},
    {.name = SYNC_SERVICES, .sources = service_sources, .tenants_only = true, .reconcile = sync_service},
    {.name = SYNC_API, .sources = api_sources, .wants = sync_wants_api, .reconcile = sync_api},
    {.name = SYNC_SLICES, .sources = slice_sources, .tenants_only = true, .reconcile = sync_slice},
    {.name = SYNC_POLICIES, .sources = policy_sources, .tenants_only = true, .reconcile = sync_policy},
    {.name = SYNC_CONFIGS, .sources = config_sources, .tenants_only = true, .wants = is_mapped, .reconcile = sync_config},
    {.name = SYNC_VOLUMES, .sources = volume_sources, .tenants_only = true, .reconcile = sync_volume},
    {.name = SYNC_NODES, .sources = node_sources, .tenants_only = true, .reconcile = sync_node},
    {.name = SYNC_HOST_PODS, .sources = host_pod_sources, .host_only = true, .reconcile = sync_host_pod},
    {.name = SYNC_EVENTS, .sources = event_sources, .host_only = true, .reconcile = sync_event},
    {.name = SYNC_HOST_NODES, .sources = host_node_sources, .host_only = true, .reconcile = sync_host_node,
     .changed = sync_host_node_changed},
};
/* clang-format on */

struct vcluster_rows {
    struct vcluster vcluster;
    struct controller rows[ARRAY_LEN(rows)]; /* with our arg; the frame borrows them */
};

/* The mappings are what another server may have changed. The clusters' own ports are this server's,
 * and nobody else would renew their Pods' tokens. */
static bool take(void *arg, struct error *err)
{
    struct vcluster *vcluster = arg;
    if (!mapping_reload(vcluster->mappings, NULL, err))
        return false;
    size_t count;
    struct cluster **clusters = store_clusters(api_store(vcluster->api), &count);
    for (size_t i = 0; i < count; i++) {
        CLEANUP(free_ptr)
        char *published =
            mapping_to_host(vcluster->mappings, clusters[i], "services", SYNC_API_SERVICE);
        if (published) {
            controllers_enqueue(vcluster->controllers, SYNC_SERVICES, clusters[i],
                                SYNC_API_SERVICE);
            vcluster_resync(vcluster, clusters[i]);
        }
        cluster_unref(clusters[i]);
    }
    free(clusters);
    return sync_publish_host(vcluster, err);
}

struct vcluster *vcluster_new(struct api *api, struct controllers *controllers, struct error *err)
{
    struct vcluster_rows *made = xcalloc(1, sizeof(*made));
    struct vcluster *vcluster = &made->vcluster;
    vcluster->api = api;
    vcluster->controllers = controllers;
    vcluster->mappings = mapping_open(api_store(api), err);
    if (!vcluster->mappings) {
        free(made);
        return NULL;
    }
    vcluster->host = store_cluster_by_id(api_store(api), CLUSTER_HOST_ID);
    user_internal(&vcluster->user, SYNCER_USER, true);
    vcluster->on_host = (struct api_caller){api, vcluster->host, &vcluster->user};
    vcluster->tenants = sync_tenants(vcluster);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        made->rows[i] = rows[i];
        made->rows[i].user = SYNCER_USER;
        made->rows[i].arg = vcluster;
        controllers_add(controllers, &made->rows[i]);
    }
    api_set_pod_target(api, sync_pod_target, vcluster);
    controllers_when_on_duty(controllers, take, vcluster);
    return vcluster;
}

const struct scheduler_tenants *vcluster_tenants(const struct vcluster *vcluster)
{
    return &vcluster->tenants;
}

void vcluster_free(struct vcluster *vcluster)
{
    if (!vcluster)
        return;
    mapping_close(vcluster->mappings);
    cluster_unref(vcluster->host);
    user_clear(&vcluster->user);
    free((struct vcluster_rows *)(void *)vcluster);
}

/* ---- suspending, resuming, deleting ---- */

static bool delete_pod(struct vcluster *vcluster, const struct object *pod, struct error *err)
{
    json_auto_t *tree = object_json(pod);
    return meta_deleting(tree) ||
           sync_remove(&vcluster->on_host, "pods", pod->ns, pod->name, pod->uid, -1, err);
}

static void collect_key(void *arg, const char *tenant_key)
{
    strset_add(arg, tenant_key);
}

bool vcluster_stop_pods(struct vcluster *vcluster, struct cluster *cluster, bool *empty,
                        struct error *err)
{
    char host_ns[HOST_NAME_MAX + 1];
    CLEANUP(object_list_free) struct object_list pods = {0};
    CLEANUP(strset_clear) struct strset keys = {0};
    names_host_namespace(cluster->name, host_ns);
    *empty = false;
    if (!cache_list(vcluster->host, "pods", host_ns, &pods, err))
        return false;
    for (size_t i = 0; i < pods.count; i++)
        if (!delete_pod(vcluster, pods.items[i], err))
            return false;
    *empty = pods.count == 0;
    if (!*empty)
        return true;
    /* Without a mapping a Pod is started anew on resuming, instead of being taken for evicted. */
    mapping_each(vcluster->mappings, cluster, "pods", NULL, collect_key, &keys);
    for (size_t i = 0; i < keys.count; i++)
        if (!mapping_release(vcluster->mappings, cluster, "pods", keys.items[i], err))
            return false;
    return true;
}

bool vcluster_remove(struct vcluster *vcluster, struct cluster *cluster, bool *empty,
                     struct error *err)
{
    char host_ns[HOST_NAME_MAX + 1];
    json_auto_t *there = NULL;
    names_host_namespace(cluster->name, host_ns);
    *empty = false;
    if (!sync_read(vcluster->host, "namespaces", "", host_ns, &there, err))
        return false;
    if (there && text_eq(meta_label(there, NOTE_CLUSTER),
                         cluster->name)) /* another of that name is not ours */
        return meta_deleting(there) ||
               sync_remove(&vcluster->on_host, "namespaces", "", host_ns, meta_uid(there), -1, err);
    *empty = true;
    return mapping_release_all(vcluster->mappings, cluster, err);
}

void vcluster_resync(struct vcluster *vcluster, struct cluster *cluster)
{
    CLEANUP(object_list_free) struct object_list pods = {0};
    CLEANUP(error_clear) struct error err = {0};
    if (!sync_look_at_nodes(vcluster, cluster, &err) ||
        !cache_list(cluster, "pods", NULL, &pods, &err)) {
        log_warn("syncer", "cluster %s is not looked at again: %s", cluster->name,
                 error_reason_text(err.reason));
        return;
    }
    for (size_t i = 0; i < pods.count; i++) {
        char key[KEY_SIZE];
        (void)snprintf(key, sizeof(key), "%s/%s", pods.items[i]->ns, pods.items[i]->name);
        controllers_enqueue(vcluster->controllers, SYNC_PODS, cluster, key);
    }
}
