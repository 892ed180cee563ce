/* The host's nodes as Nodes of tenants' clusters, and what tenants say of them as the host's
 * scheduler asks for it. */
#include <stdio.h>
#include <string.h>

#include "host/scheduler/overlay.h"
#include "schema/meta.h"
#include "vcluster/names.h"
#include "vcluster/node_view.h"
#include "vcluster/syncer_internal.h"

#define EVERYWHERE "everywhere" /* "everywhere/NODE": a host's node, for every cluster */
#define FACTS      "facts"      /* "facts/NODE": what a tenant says of a node has changed */

/* Of what tenants say, the host's scheduler takes so much: it serves all of them. */
#define TOLD_MAX    ((size_t)64 << 10) /* of one object */
#define BUDGETS_MAX 200

/* ---- a tenant's Node ---- */

/* The host node that a pseudo node stands for. New tree; NULL when it is gone. */
static bool find_host_node(struct vcluster *vcluster, const char *cluster, const char *pseudo,
                           json_t **node, struct error *err)
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

/* Metadata and spec first, the status when they are as they should be: each is a write of its own.
 */
static bool put_node(struct sync *sync, json_t *want, const json_t *have, struct error *err)
{
    json_auto_t *made = NULL;
    if (!have) {
        if (!api_create(&sync->on_tenant, "nodes", "", want, &made, err))
            return false;
        json_object_set(made, "status", json_object_get(want, "status"));
        return api_update(&sync->on_tenant, "nodes", "status", "", meta_name(want), made, NULL,
                          err);
    }
    if (!json_equal(json_object_get(have, "spec"), json_object_get(want, "spec")))
        return api_update(&sync->on_tenant, "nodes", "", "", meta_name(want), want, NULL,
                          err); /* this brings us back */
    if (json_equal(json_object_get(have, "status"), json_object_get(want, "status")))
        return true;
    return api_update(&sync->on_tenant, "nodes", "status", "", meta_name(want), want, NULL, err);
}

enum reconcile_result sync_node(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                struct error *err)
{
    struct sync sync = sync_begin(arg, reconcile);
    json_auto_t *have = NULL, *host_node = NULL;
    (void)again_ms;
    if (strcmp(reconcile->ns, FACTS) == 0) {
        scheduler_wake(sync.vcluster->controllers, sync.vcluster->host);
        return RECONCILE_DONE;
    }
    if (!sync_read(sync.cluster, "nodes", "", reconcile->key, &have, err) ||
        !find_host_node(sync.vcluster, sync.cluster->name, reconcile->key, &host_node, err))
        return RECONCILE_RETRY;
    if (meta_deleting(have))
        return RECONCILE_DONE;
    if (!host_node || !node_view_shown(host_node)) {
        bool done =
            !have || !node_view_is_ours(have) ||
            sync_remove(&sync.on_tenant, "nodes", "", reconcile->key, meta_uid(have), -1, err);
        return done ? RECONCILE_DONE : RECONCILE_RETRY;
    }
    json_auto_t *want = node_view(sync.cluster->name, host_node, have);
    return put_node(&sync, want, have, err) ? RECONCILE_DONE : RECONCILE_RETRY;
}

static bool same_facts(const struct object *node, const struct object *before)
{
    json_auto_t *now = object_json(node), *then = object_json(before);
    static const char *const parts[][2] = {
        {"spec", NULL}, {"metadata", "labels"}, {"status", "capacity"}, {"status", "allocatable"}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const char *const path[] = {parts[i][0], parts[i][1], NULL};
        const json_t *a = json_at_path(now, path), *b = json_at_path(then, path);
        if (a != b && !(a && b && json_equal(a, b)))
            return false;
    }
    return true;
}

void sync_map_node(struct cluster *cluster, const struct object *node, const struct object *before,
                   void (*add)(void *arg, const char *key), void *arg)
{
    CLEANUP(free_ptr) char *facts = xasprintf(FACTS "/%s", node->name);
    (void)cluster;
    add(arg, node->name);
    if (!before || !same_facts(node, before))
        add(arg, facts);
}

/* ---- a host's node ---- */

static void enqueue_in(struct vcluster *vcluster, struct cluster *cluster, const char *host_node)
{
    char pseudo[HOST_NAME_MAX + 1];
    names_pseudo_node(cluster->name, host_node, pseudo);
    controllers_enqueue(vcluster->controllers, SYNC_NODES, cluster, pseudo);
}

static void enqueue_everywhere(struct vcluster *vcluster, const char *host_node)
{
    size_t count;
    struct cluster **clusters = store_clusters(api_store(vcluster->api), &count);
    for (size_t i = 0; i < count; i++) {
        if (clusters[i]->id != CLUSTER_HOST_ID)
            enqueue_in(vcluster, clusters[i], host_node);
        cluster_unref(clusters[i]);
    }
    free(clusters);
}

/* Clusters that have Pods on the node are told each heartbeat, all others only what matters to
 * them. */
enum reconcile_result sync_host_node(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                     struct error *err)
{
    struct vcluster *vcluster = arg;
    CLEANUP(object_list_free) struct object_list pods = {0};
    CLEANUP(strset_clear) struct strset seen = {0};
    (void)again_ms;
    if (strcmp(reconcile->ns, EVERYWHERE) == 0) {
        enqueue_everywhere(vcluster, reconcile->name);
        return RECONCILE_DONE;
    }
    if (!cache_list(vcluster->host, "pods", NULL, &pods, err))
        return RECONCILE_RETRY;
    for (size_t i = 0; i < pods.count; i++) {
        CLEANUP(free_ptr)
        char *host_key = xasprintf("%s/%s", pods.items[i]->ns, pods.items[i]->name);
        if (strcmp(object_field(pods.items[i], "spec.nodeName"), reconcile->name) != 0)
            continue;
        CLEANUP(cluster_unref_ptr)
        struct cluster *owner = sync_owner_of(vcluster, "pods", host_key, NULL);
        if (owner && strset_add(&seen, owner->name))
            enqueue_in(vcluster, owner, reconcile->name);
    }
    return RECONCILE_DONE;
}

void sync_host_node_changed(void *arg, struct cluster *cluster, enum event_type type,
                            const struct object *object, const struct object *before,
                            void (*add)(void *add_arg, const char *key), void *add_arg)
{
    (void)arg;
    (void)cluster;
    if (strcmp(object->resource, "nodes") != 0)
        return;
    json_auto_t *now = object_json(object), *then = before ? object_json(before) : NULL;
    CLEANUP(free_ptr) char *key = xasprintf(EVERYWHERE "/%s", object->name);
    if (type != EVENT_MODIFIED || !then || node_view_differs(now, then))
        add(add_arg, key);
}

bool vcluster_nodes(struct vcluster *vcluster, const char *cluster, json_t **out, struct error *err)
{
    CLEANUP(object_list_free) struct object_list nodes = {0};
    if (!cache_list(vcluster->host, "nodes", NULL, &nodes, err))
        return false;
    *out = json_array();
    for (size_t i = 0; i < nodes.count; i++) {
        json_auto_t *node = object_json(nodes.items[i]);
        if (node_view_shown(node))
            json_array_append_new(*out, node_view(cluster, node, NULL));
    }
    return true;
}

bool sync_look_at_nodes(struct vcluster *vcluster, struct cluster *cluster, struct error *err)
{
    CLEANUP(object_list_free) struct object_list nodes = {0};
    if (!cache_list(vcluster->host, "nodes", NULL, &nodes, err))
        return false;
    for (size_t i = 0; i < nodes.count; i++)
        enqueue_in(vcluster, cluster, nodes.items[i]->name);
    return true;
}

/* ---- what the scheduler asks ---- */

static int64_t mix(int64_t version, const char *name, int64_t revision)
{
    uint64_t hash = ((uint64_t)version ^ (uint64_t)revision) * UINT64_C(1099511628211);
    for (const char *at = name; *at; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
    return (int64_t)hash;
}

/* A tenant's Nodes that stand for the host's, in the order of `hosts`; NULL where it has none. It
 * may make others, as many as it likes: they are not looked at. */
static bool find_theirs(struct cluster *cluster, const struct object_list *hosts,
                        struct object **theirs, struct error *err)
{
    for (size_t i = 0; i < hosts->count; i++) {
        char pseudo[HOST_NAME_MAX + 1];
        names_pseudo_node(cluster->name, hosts->items[i]->name, pseudo);
        if (!cache_get(cluster, store_intern("nodes"), "", pseudo, &theirs[i], err))
            return false;
    }
    return true;
}

/* Changes with each of those Nodes and with which nodes the host has; never 0. */
static int64_t version_of(struct object *const *theirs, const struct object_list *hosts)
{
    int64_t version = 1;
    for (size_t i = 0; i < hosts->count; i++)
        version = mix(version, hosts->items[i]->name, theirs[i] ? theirs[i]->revision : 0);
    return version ? version : 1;
}

static json_t *by_host_name(struct object *const *theirs, const struct object_list *hosts)
{
    json_t *out = json_object();
    for (size_t i = 0; i < hosts->count; i++)
        if (theirs[i])
            json_object_set_new(out, hosts->items[i]->name,
                                theirs[i]->body.len > TOLD_MAX ? overlay_closed()
                                                               : object_json(theirs[i]));
    return out;
}

static bool tell_nodes(void *arg, const char *tenant, int64_t *version, json_t **out,
                       struct error *err)
{
    struct vcluster *vcluster = arg;
    CLEANUP(object_list_free) struct object_list hosts = {0};
    CLEANUP(cluster_unref_ptr)
    struct cluster *cluster = store_cluster(api_store(vcluster->api), tenant);
    if (!cache_list(vcluster->host, "nodes", NULL, &hosts, err))
        return false;
    struct object **theirs = xcalloc(hosts.count + 1, sizeof(struct object *));
    bool ok = !cluster || find_theirs(cluster, &hosts, theirs, err);
    int64_t now = ok ? version_of(theirs, &hosts) : 0;
    if (ok && now != *version) {
        *version = now;
        *out = by_host_name(theirs, &hosts);
    }
    for (size_t i = 0; i < hosts.count; i++)
        object_unref(theirs[i]);
    free(theirs);
    return ok;
}

/* Those beyond protect nothing from the tenant's own Pods: each victim is held against all. */
static bool tell_budgets(void *arg, const char *tenant, json_t **out, struct error *err)
{
    struct vcluster *vcluster = arg;
    CLEANUP(object_list_free) struct object_list budgets = {0};
    CLEANUP(cluster_unref_ptr)
    struct cluster *cluster = store_cluster(api_store(vcluster->api), tenant);
    if (cluster && !cache_list(cluster, "poddisruptionbudgets.policy", NULL, &budgets, err))
        return false;
    *out = json_array();
    for (size_t i = 0; i < budgets.count && json_array_size(*out) < BUDGETS_MAX; i++)
        if (budgets.items[i]->body.len <= TOLD_MAX)
            json_array_append_new(*out, object_json(budgets.items[i]));
    return true;
}

struct scheduler_tenants sync_tenants(struct vcluster *vcluster)
{
    return (struct scheduler_tenants){
        .nodes = tell_nodes, .budgets = tell_budgets, .arg = vcluster};
}
