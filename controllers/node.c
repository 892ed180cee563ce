/* controllers/node.c: the rows of node.h.
 *
 * Heartbeats are timed by when their change was seen here, not by what the node's clock says. So
 * the node row keeps a few bytes for each node of the host cluster. Tenants' nodes are views: only
 * their conditions are turned into taints. */
#include "controllers/node.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "schema/meta.h"

#define LEASE_NS "kube-node-lease"

struct heard {
    char text[2 * TIME_TEXT_SIZE]; /* the Lease's renewTime and the Ready condition's heartbeat, as
                                      last seen */
    int64_t at_us;
};

struct nodes {
    struct controller row;
    pthread_mutex_t lock;
    struct strmap heard; /* node -> struct heard; guarded by lock */
};

/* ---- the node row ---- */

static void beat_text(const json_t *node, const json_t *lease, char *out, size_t size)
{
    const char *renewed = json_text(lease, "spec", "renewTime"), *beat = NULL;
    const json_t *conditions = json_at(node, "status", "conditions");
    for (size_t i = 0; i < json_array_size(conditions); i++)
        if (text_eq(json_text(json_array_get(conditions, i), "type"), "Ready"))
            beat = json_text(json_array_get(conditions, i), "lastHeartbeatTime");
    (void)snprintf(out, size, "%s%s", renewed ? renewed : "", beat ? beat : "");
}

/* When the heartbeat was last seen to change; 0 when there was none. */
static int64_t hear(struct nodes *nodes, const json_t *node, const json_t *lease, int64_t now_us)
{
    char text[2 * TIME_TEXT_SIZE];
    int64_t at_us = 0;
    beat_text(node, lease, text, sizeof(text));
    pthread_mutex_lock(&nodes->lock);
    struct heard *heard = strmap_get(&nodes->heard, meta_uid(node));
    if (!heard && text[0]) {
        heard = xcalloc(1, sizeof(*heard));
        (void)strmap_put(&nodes->heard, meta_uid(node), heard); /* there was none */
    }
    if (heard && strcmp(heard->text, text) != 0) {
        memcpy(heard->text, text, sizeof(text));
        heard->at_us = now_us;
    }
    at_us = heard ? heard->at_us : 0;
    pthread_mutex_unlock(&nodes->lock);
    return at_us;
}

static bool observe_pods(const struct reconcile *reconcile, const char *node, struct json_list *out,
                         struct error *err)
{
    const struct observe_query query = {
        .resource = "pods", .field = "spec.nodeName", .value = node};
    return observe_list(reconcile->cluster, &query, out, err);
}

static enum reconcile_result finish(const struct reconcile *reconcile, const struct plan *plan,
                                    int64_t *again_ms, struct error *err)
{
    return reconcile_end(plan_apply(&reconcile->caller, plan, NULL, err), plan, again_ms);
}

static enum reconcile_result reconcile_node(void *arg, struct reconcile *reconcile,
                                            int64_t *again_ms, struct error *err)
{
    struct nodes *nodes = arg;
    json_auto_t *node = NULL, *lease = NULL;
    CLEANUP(json_list_free) struct json_list pods = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    bool monitored = reconcile->cluster->id == CLUSTER_HOST_ID;
    if (!observe_get(reconcile->cluster, "nodes", "", reconcile->name, &node, err))
        return RECONCILE_RETRY;
    if (!node)
        return RECONCILE_DONE;
    if (monitored && (!observe_get(reconcile->cluster, "leases.coordination.k8s.io", LEASE_NS,
                                   reconcile->name, &lease, err) ||
                      !observe_pods(reconcile, reconcile->name, &pods, err)))
        return RECONCILE_RETRY;
    const struct node_seen seen = {
        .node = node,
        .pods = pods.items,
        .pod_count = pods.count,
        .monitored = monitored,
        .heard_us = monitored ? hear(nodes, node, lease, reconcile->now_us) : 0,
        .now_us = reconcile->now_us,
    };
    node_decide(&seen, &plan);
    return finish(reconcile, &plan, again_ms, err);
}

static void map_lease(struct cluster *cluster, const struct object *lease,
                      const struct object *before, void (*add)(void *arg, const char *key),
                      void *arg)
{
    (void)cluster;
    (void)before;
    if (strcmp(lease->ns, LEASE_NS) == 0)
        add(arg, lease->name);
}

static void nodes_free(void *arg)
{
    struct nodes *nodes = arg;
    const char *uid;
    void *heard;
    for (size_t i = 0; strmap_next(&nodes->heard, &i, &uid, &heard);)
        free(heard);
    strmap_clear(&nodes->heard);
    pthread_mutex_destroy(&nodes->lock);
    free(nodes);
}

void node_controller_add(struct controllers *controllers)
{
    static const struct controller_source sources[] = {
        {"nodes", NULL}, {"leases.coordination.k8s.io", map_lease}, {NULL, NULL}};
    struct nodes *nodes = xcalloc(1, sizeof(*nodes));
    pthread_mutex_init(&nodes->lock, NULL);
    nodes->row = (struct controller){
        .name = "node-controller",
        .sources = sources,
        .reconcile = reconcile_node,
        .arg = nodes,
        .free = nodes_free,
    };
    controllers_add(controllers, &nodes->row);
}

/* ---- eviction ---- */

static bool has_no_execute(const struct object *node)
{
    static const char mark[] = "\"NoExecute\"";
    return memmem(node->body.data, node->body.len, mark, sizeof(mark) - 1);
}

static enum reconcile_result reconcile_eviction(void *arg, struct reconcile *reconcile,
                                                int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *node = NULL;
    CLEANUP(json_list_free) struct json_list pods = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, "nodes", "", reconcile->name, &node, err))
        return RECONCILE_RETRY;
    if (!node)
        return RECONCILE_DONE;
    if (!observe_pods(reconcile, reconcile->name, &pods, err))
        return RECONCILE_RETRY;
    const struct node_seen seen = {
        .node = node, .pods = pods.items, .pod_count = pods.count, .now_us = reconcile->now_us};
    eviction_decide(&seen, &plan);
    return finish(reconcile, &plan, again_ms, err);
}

static void map_tainted(struct cluster *cluster, const struct object *node,
                        const struct object *before, void (*add)(void *arg, const char *key),
                        void *arg)
{
    (void)cluster;
    (void)before;
    if (has_no_execute(node))
        add(arg, node->name);
}

/* A Pod that comes to a node which is tainted already. */
static void map_tainted_pod(struct cluster *cluster, const struct object *pod,
                            const struct object *before, void (*add)(void *arg, const char *key),
                            void *arg)
{
    CLEANUP(object_unref_ptr) struct object *node = NULL;
    const char *name = object_field(pod, "spec.nodeName");
    (void)before;
    if (name[0] && cache_peek(cluster, "nodes", "", name, &node) == CACHE_HIT &&
        has_no_execute(node))
        add(arg, name);
}

static const struct controller_source eviction_sources[] = {
    {"nodes", map_tainted}, {"pods", map_tainted_pod}, {NULL, NULL}};

const struct controller eviction_controller = {
    .name = "taint-eviction-controller",
    .user = "system:serviceaccount:kube-system:node-controller",
    .sources = eviction_sources,
    .reconcile = reconcile_eviction,
};

/* ---- Pods of nodes that are gone ---- */

/* "NODE": a node may be gone: look again when it had time to come back. "gone/NODE": it had. */
static enum reconcile_result reconcile_pod_gc(void *arg, struct reconcile *reconcile,
                                              int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *node = NULL;
    CLEANUP(json_list_free) struct json_list pods = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(free_ptr) char *later = xasprintf("gone/%s", reconcile->name);
    if (!observe_get(reconcile->cluster, "nodes", "", reconcile->name, &node, err))
        return RECONCILE_RETRY;
    if (node)
        return RECONCILE_DONE;
    if (!reconcile->ns[0]) {
        controllers_enqueue_after(reconcile->controllers, "pod-garbage-collector",
                                  reconcile->cluster, later, NODE_QUARANTINE_MS);
        return RECONCILE_DONE;
    }
    if (!observe_pods(reconcile, reconcile->name, &pods, err))
        return RECONCILE_RETRY;
    pod_gc_decide(pods.items, pods.count, reconcile->now_us, &plan);
    return finish(reconcile, &plan, again_ms, err);
}

/* What is bound to a node that does not exist; cheap to tell once nodes are in memory. */
static void map_orphan(struct cluster *cluster, const struct object *pod,
                       const struct object *before, void (*add)(void *arg, const char *key),
                       void *arg)
{
    CLEANUP(object_unref_ptr) struct object *node = NULL;
    const char *name = object_field(pod, "spec.nodeName");
    (void)before;
    if (name[0] && cache_peek(cluster, "nodes", "", name, &node) == CACHE_ABSENT)
        add(arg, name);
}

static const struct controller_source pod_gc_sources[] = {
    {"nodes", NULL}, {"pods", map_orphan}, {NULL, NULL}};

const struct controller pod_gc_controller = {
    .name = "pod-garbage-collector",
    .sources = pod_gc_sources,
    .host_only = true, /* a tenant's nodes are views of where its Pods are */
    .reconcile = reconcile_pod_gc,
};

/* ---- Pods that never came to a node ---- */

static enum reconcile_result reconcile_unscheduled(void *arg, struct reconcile *reconcile,
                                                   int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *pod = NULL;
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, "pods", reconcile->ns, reconcile->name, &pod, err))
        return RECONCILE_RETRY;
    if (!pod)
        return RECONCILE_DONE;
    unscheduled_decide(pod, reconcile->now_us, &plan);
    return finish(reconcile, &plan, again_ms, err);
}

/* A mark in an annotation's text wakes it for nothing. */
static void map_unscheduled(struct cluster *cluster, const struct object *pod,
                            const struct object *before, void (*add)(void *arg, const char *key),
                            void *arg)
{
    static const char mark[] = "\"deletionTimestamp\":";
    (void)cluster;
    (void)before;
    if (object_field(pod, "spec.nodeName")[0] ||
        !memmem(pod->body.data, pod->body.len, mark, sizeof(mark) - 1))
        return;
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", pod->ns, pod->name);
    add(arg, key);
}

static const struct controller_source unscheduled_sources[] = {{"pods", map_unscheduled},
                                                               {NULL, NULL}};

const struct controller unscheduled_controller = {
    .name = "unscheduled-pod-collector",
    .user = "system:serviceaccount:kube-system:pod-garbage-collector",
    .sources = unscheduled_sources,
    .reconcile = reconcile_unscheduled,
};
