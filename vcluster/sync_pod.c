/* A tenant's Pod and the host Pod that runs it.
 *
 * The tenant owns the spec, the host owns node and status. The host Pod's life follows the tenant
 * Pod's, but for one thing: a host Pod that is gone although it had been there takes the tenant's
 * Pod with it, as an eviction does. */
#include <string.h>

#include "host/pod_notes.h"
#include "schema/condition.h"
#include "schema/meta.h"
#include "vcluster/names.h"
#include "vcluster/status.h"
#include "vcluster/syncer_internal.h"
#include "vcluster/translate.h"

#define API_SERVICE_ADDRESS "10.96.0.1"
#define EPHEMERAL           "ephemeralContainers"

struct pod_seen {
    json_t *tenant, *host; /* NULL: absent */
    char *key, *host_key;  /* host_key NULL: never mapped */
    char host_ns[254], host_name[254];
};

static void seen_clear(struct pod_seen *seen)
{
    json_decref(seen->tenant);
    json_decref(seen->host);
    free(seen->key);
    free(seen->host_key);
}

static bool observe(struct sync *sync, struct pod_seen *seen, struct error *err)
{
    const struct reconcile *reconcile = sync->reconcile;
    seen->key = xstrdup(reconcile->key);
    seen->host_key = mapping_to_host(sync->vcluster->mappings, sync->cluster, "pods", seen->key);
    if (!sync_read(sync->cluster, "pods", reconcile->ns, reconcile->name, &seen->tenant, err))
        return false;
    if (!seen->host_key)
        return true;
    sync_cut(seen->host_key, seen->host_ns, seen->host_name);
    return sync_read(sync->vcluster->host, "pods", seen->host_ns, seen->host_name, &seen->host,
                     err);
}

enum pod_step {
    POD_NOTHING,
    POD_FORGET,    /* both are gone: give the mapping back */
    POD_STOP_HOST, /* delete the host Pod, with the tenant's grace */
    POD_CLOSE,     /* the host Pod is gone and something holds the tenant's: say that it ended */
    POD_FINISH,    /* the host Pod is gone: let the tenant's go */
    POD_EVICT,     /* the host Pod vanished: delete the tenant's */
    POD_START,     /* create the host Pod */
    POD_FOLLOW,    /* both are there: specs over, status back */
};

static bool is_finished(const json_t *pod)
{
    const char *phase = json_text(pod, "status", "phase");
    return text_eq(phase, "Succeeded") || text_eq(phase, "Failed");
}

/* The host Pod of another life of the same name. */
static bool is_stale(const struct pod_seen *seen)
{
    const char *uid = meta_annotation(seen->host, NOTE_UID);
    return seen->host && seen->tenant && !text_eq(uid, meta_uid(seen->tenant));
}

/* By a finalizer: it stays when it is deleted, and somebody wants to know how it ended. */
static bool is_held(const json_t *pod)
{
    return json_array_size(json_at(pod, "metadata", "finalizers")) > 0;
}

/* Nobody may place it yet. */
static bool is_gated(const json_t *pod)
{
    return json_array_size(json_at(pod, "spec", "schedulingGates")) > 0;
}

/* It had a host Pod: a node alone says nothing, a tenant may name one itself. */
static bool was_placed(const json_t *pod)
{
    return json_text(pod, "spec", "nodeName") &&
           (json_text(pod, "status", "startTime") ||
            condition_is(json_at(pod, "status", "conditions"), "PodScheduled", "True"));
}

/* Pure. */
static enum pod_step decide(const struct pod_seen *seen)
{
    if (!seen->tenant && !seen->host)
        return seen->host_key ? POD_FORGET : POD_NOTHING;
    if (!seen->tenant || is_stale(seen))
        return meta_deleting(seen->host) ? POD_NOTHING : POD_STOP_HOST;
    if (meta_deleting(seen->tenant)) {
        if (!seen->host)
            return is_held(seen->tenant) && !is_finished(seen->tenant) ? POD_CLOSE : POD_FINISH;
        return meta_deleting(seen->host) ? POD_FOLLOW : POD_STOP_HOST;
    }
    if (seen->host)
        return POD_FOLLOW;
    if (is_finished(seen->tenant) || is_gated(seen->tenant))
        return POD_NOTHING;
    return seen->host_key && was_placed(seen->tenant) ? POD_EVICT : POD_START;
}

/* ---- starting ---- */

/* Why a Pod has no place: the condition's reason, the event's, and the words of both. */
struct refusal {
    const char *reason, *event, *message;
};

/* Says on the tenant's Pod why it cannot be run. */
static bool report(struct sync *sync, const json_t *pod, const struct refusal *why,
                   struct error *err)
{
    char now[TIME_TEXT_SIZE];
    time_format(sync->reconcile->now_us, now);
    const json_t *conditions = json_at(pod, "status", "conditions");
    for (size_t i = 0; i < json_array_size(conditions); i++)
        if (text_eq(json_text(json_array_get(conditions, i), "message"), why->message))
            return true;
    json_auto_t *next = json_deep_copy(pod);
    json_t *list = json_ensure_array(json_ensure_object(next, "status"), "conditions");
    condition_remove(list, "PodScheduled");
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", "PodScheduled",
                                          "status", "False", "reason", why->reason, "message",
                                          why->message, "lastTransitionTime", now));
    controller_event(&sync->on_tenant, pod, "Warning", why->event, "%s", why->message);
    return api_update(&sync->on_tenant, "pods", "status", meta_namespace(pod), meta_name(pod), next,
                      NULL, err);
}

static bool report_refusal(struct sync *sync, const json_t *pod, const struct error *why,
                           struct error *err)
{
    return report(sync, pod, &(struct refusal){"NotAllowed", "NotAllowed", why->message}, err);
}

/* As a scheduler of the tenant's own would: it is tried again when a claim of the Pod changes. */
static bool report_unbound(struct sync *sync, const json_t *pod, const char *message,
                           struct error *err)
{
    CLEANUP(object_list_free) struct object_list nodes = {0};
    if (!cache_list(sync->cluster, "nodes", NULL, &nodes, err))
        return false;
    CLEANUP(free_ptr)
    char *text = xasprintf("0/%zu nodes are available: %s. preemption: 0/%zu nodes are available: "
                           "%zu Preemption is not helpful "
                           "for scheduling.",
                           nodes.count, message, nodes.count, nodes.count);
    return report(sync, pod, &(struct refusal){"Unschedulable", "FailedScheduling", text}, err);
}

/* The namespace's Services, as trees, for service links. */
static json_t *list_services(struct cluster *cluster, const char *ns)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(object_list_free) struct object_list list = {0};
    json_t *services = json_array();
    if (cache_list(cluster, "services", ns, &list, &err))
        for (size_t i = 0; i < list.count; i++)
            json_array_append_new(services, object_json(list.items[i]));
    return services;
}

/* The host node that a pseudo node of this cluster stands for. */
static char *host_node_name(void *arg, const char *pseudo)
{
    struct sync *sync = arg;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(object_list_free) struct object_list nodes = {0};
    if (!cache_list(sync->vcluster->host, "nodes", NULL, &nodes, &err))
        return NULL;
    for (size_t i = 0; i < nodes.count; i++) {
        char name[HOST_NAME_MAX + 1];
        names_pseudo_node(sync->cluster->name, nodes.items[i]->name, name);
        if (strcmp(name, pseudo) == 0)
            return xstrdup(nodes.items[i]->name);
    }
    return NULL;
}

/* The handler of the Pod's RuntimeClass, when it is none that names what nodes have: owned, else
 * NULL. A host Pod keeps what it was made with: its class may be gone since. */
static bool find_handler(struct sync *sync, const struct pod_seen *seen, char **handler,
                         struct error *err)
{
    static const char *const ours[] = {"runc", "crun", "warren"};
    const char *name = json_text(seen->tenant, "spec", "runtimeClassName");
    const char *note = meta_annotation(seen->host, POD_NOTE_HANDLER);
    json_auto_t *class = NULL;
    *handler = note ? xstrdup(note) : NULL;
    if (!name || seen->host)
        return true;
    if (!sync_read(sync->cluster, "runtimeclasses.node.k8s.io", "", name, &class, err))
        return false;
    if (!class)
        return error_unavailable(err, "RuntimeClass %s of Pod %s is gone", name,
                                 meta_name(seen->tenant));
    const char *named = json_text(class, "handler");
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (text_eq(named, ours[i]))
            return true;
    *handler = xstrdup(named ? named : "");
    return true;
}

/* A host Pod's volumes stay what they are. */
static char *keep_claim(void *arg, const char *ns, const char *claim, struct error *err)
{
    (void)arg;
    (void)ns;
    (void)err;
    return xstrdup(claim);
}

/* The host Pod as it should be; NULL with FORBIDDEN when the tenant may not have it, and with
 * UNAVAILABLE for now. */
static json_t *translate(struct sync *sync, const struct pod_seen *seen, const char *token_secret,
                         struct error *err)
{
    CLEANUP(free_ptr) char *handler = NULL;
    if (!find_handler(sync, seen, &handler, err))
        return NULL;
    json_auto_t *services = list_services(sync->cluster, meta_namespace(seen->tenant));
    const struct translate_context context = {.cluster = sync->cluster->name,
                                              .host_ns = seen->host_ns,
                                              .host_name = seen->host_name,
                                              .cluster_ip = API_SERVICE_ADDRESS,
                                              .services = services,
                                              .token_secret = token_secret,
                                              .handler = handler,
                                              .name_of = sync_config_name,
                                              .node_of = host_node_name,
                                              .claim_of = seen->host ? keep_claim : sync_claim_name,
                                              .arg = sync};
    json_auto_t *want = translate_pod(&context, seen->tenant, err);
    if (!want || !sync->unmapped)
        return TAKE(want);
    error_unavailable(err, "a ConfigMap or Secret of Pod %s has no name on the host yet",
                      meta_name(seen->tenant));
    return NULL;
}

/* What is refused is told to the tenant; everything else is tried again. */
static bool pass_refusal(struct sync *sync, const json_t *pod, struct error *refused,
                         struct error *err)
{
    if (sync->unbound)
        return report_unbound(sync, pod, sync->unbound, err);
    if (refused->reason == ERROR_FORBIDDEN)
        return report_refusal(sync, pod, refused, err);
    error_move(err, refused);
    return false;
}

static bool start(struct sync *sync, struct pod_seen *seen, int64_t *again_ms, struct error *err)
{
    CLEANUP(free_ptr) char *token_secret = NULL;
    CLEANUP(error_clear) struct error refused = {0};
    if (!seen->host_key &&
        !mapping_claim(sync->vcluster->mappings, sync->cluster, "pods",
                       meta_namespace(seen->tenant), meta_name(seen->tenant), &seen->host_key, err))
        return false;
    sync_cut(seen->host_key, seen->host_ns, seen->host_name);
    if (!sync_namespace(sync, err) || !sync_token(sync, seen->tenant, &token_secret, again_ms, err))
        return false;
    json_auto_t *want = translate(sync, seen, token_secret, &refused);
    if (!want)
        return pass_refusal(sync, seen->tenant, &refused, err);
    sync_enqueue_api_service(sync);
    CLEANUP(error_clear) struct error why = {0};
    json_object_del(json_object_get(want, "spec"),
                    EPHEMERAL); /* they come to a Pod that is there */
    if (api_create(&sync->vcluster->on_host, "pods", seen->host_ns, want, NULL, &why) ||
        why.reason == ERROR_ALREADY_EXISTS)
        return true;
    if (why.reason == ERROR_FORBIDDEN || why.reason == ERROR_INVALID)
        return report_refusal(sync, seen->tenant, &why, err);
    error_move(err, &why);
    return false;
}

/* ---- following ---- */

/* Binds the tenant's Pod to the pseudo node of the node that the host chose. */
static bool bind_pod(struct sync *sync, const json_t *tenant, const char *host_node,
                     struct error *err)
{
    char node[HOST_NAME_MAX + 1];
    CLEANUP(error_clear) struct error why = {0};
    names_pseudo_node(sync->cluster->name, host_node, node);
    json_auto_t *binding = json_pack(
        "{s:s, s:s, s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}}", "apiVersion", "v1", "kind", "Binding",
        "metadata", "name", meta_name(tenant), "namespace", meta_namespace(tenant), "uid",
        meta_uid(tenant), "target", "apiVersion", "v1", "kind", "Node", "name", node);
    if (api_post_sub(&sync->on_tenant, "pods", "binding", meta_namespace(tenant), meta_name(tenant),
                     binding, NULL, &why) ||
        why.reason == ERROR_CONFLICT)
        return true;
    error_move(err, &why);
    return false;
}

static void take_images(json_t *next, const json_t *want, const char *field)
{
    json_t *list = json_at(next, "spec", field), *images = json_at(want, "spec", field);
    for (size_t i = 0; i < json_array_size(list) && i < json_array_size(images); i++)
        json_object_set(json_array_get(list, i), "image",
                        json_object_get(json_array_get(images, i), "image"));
}

/* Tolerations are only ever added. */
static void take_tolerations(json_t *next, const json_t *want)
{
    const json_t *wanted = json_at(want, "spec", "tolerations");
    json_t *have = json_ensure_array(json_object_get(next, "spec"), "tolerations");
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        json_t *one = json_array_get(wanted, i);
        bool known = false;
        for (size_t j = 0; j < json_array_size(have) && !known; j++)
            known = json_equal(one, json_array_get(have, j));
        if (!known)
            json_array_append(have, one);
    }
}

/* Ephemeral containers that the host Pod lacks. Those that it has stay as they were made: the
 * Services that their environment names have changed meanwhile. */
static bool add_ephemeral(struct sync *sync, const struct pod_seen *seen, const json_t *want,
                          struct error *err)
{
    const json_t *wanted = json_at(want, "spec", EPHEMERAL);
    size_t have = json_array_size(json_at(seen->host, "spec", EPHEMERAL));
    CLEANUP(error_clear) struct error why = {0};
    if (json_array_size(wanted) <= have)
        return true;
    json_auto_t *next = json_deep_copy(seen->host);
    json_t *list = json_ensure_array(json_object_get(next, "spec"), EPHEMERAL);
    for (size_t i = have; i < json_array_size(wanted); i++)
        json_array_append(list, json_array_get(wanted, i));
    if (api_update(&sync->vcluster->on_host, "pods", "ephemeralcontainers", seen->host_ns,
                   seen->host_name, next, NULL, &why))
        return true;
    if (why.reason == ERROR_FORBIDDEN || why.reason == ERROR_INVALID)
        return report_refusal(sync, seen->tenant, &why, err);
    error_move(err, &why);
    return false;
}

/* What the tenant says of its readiness gates, for the node to see. */
static bool share_gates(struct sync *sync, const struct pod_seen *seen, struct error *err)
{
    json_auto_t *next = status_gates_to_host(seen->tenant, seen->host);
    return !next || api_update(&sync->vcluster->on_host, "pods", "status", seen->host_ns,
                               seen->host_name, next, NULL, err);
}

/* What a tenant may change on a running Pod goes over: images, deadline, tolerations, labels,
 * annotations. */
static bool update_host(struct sync *sync, const struct pod_seen *seen, int64_t *again_ms,
                        struct error *err)
{
    CLEANUP(free_ptr) char *token_secret = NULL;
    CLEANUP(error_clear) struct error refused = {0};
    if (!is_finished(seen->host) && !sync_token(sync, seen->tenant, &token_secret, again_ms, err))
        return false;
    json_auto_t *want = translate(sync, seen, token_secret, &refused);
    if (!want)
        return pass_refusal(sync, seen->tenant, &refused, err);
    json_auto_t *next = json_deep_copy(seen->host);
    json_t *meta = json_object_get(next, "metadata"), *wanted = json_object_get(want, "metadata");
    json_object_set(meta, "labels", json_object_get(wanted, "labels"));
    json_object_set(meta, "annotations", json_object_get(wanted, "annotations"));
    take_images(next, want, "initContainers");
    take_images(next, want, "containers");
    take_tolerations(next, want);
    if (json_at(want, "spec", "activeDeadlineSeconds"))
        json_object_set(json_object_get(next, "spec"), "activeDeadlineSeconds",
                        json_at(want, "spec", "activeDeadlineSeconds"));
    if (json_equal(next, seen->host))
        return share_gates(sync, seen, err) && add_ephemeral(sync, seen, want, err);
    return api_update(&sync->vcluster->on_host, "pods", "", seen->host_ns, seen->host_name, next,
                      NULL, err);
}

/* The host stops the Pod by itself, for room or because of its node: the tenant sees it go with the
 * same grace. */
static bool stop_tenant(struct sync *sync, const struct pod_seen *seen, struct error *err)
{
    int64_t grace_s =
        json_int_or(json_at(seen->host, "metadata", "deletionGracePeriodSeconds"), -1);
    return atomic_load(&sync->cluster->state) !=
               CLUSTER_ACTIVE || /* suspended meanwhile: that stops host Pods only */
           sync_remove(&sync->on_tenant, "pods", sync->reconcile->ns, sync->reconcile->name,
                       meta_uid(seen->tenant), grace_s, err);
}

static bool follow(struct sync *sync, struct pod_seen *seen, int64_t *again_ms, struct error *err)
{
    const json_t *tenant = seen->tenant;
    const char *host_node = json_text(seen->host, "spec", "nodeName");
    CLEANUP(error_clear) struct error why = {0};
    if (host_node && !json_text(tenant, "spec", "nodeName") && !meta_deleting(tenant))
        return bind_pod(sync, tenant, host_node,
                        err); /* its own change brings us back for the status */
    json_auto_t *status = status_from_host(sync->cluster->name, tenant, seen->host);
    if (!json_equal(status, json_object_get(tenant, "status"))) {
        json_auto_t *next = json_deep_copy(tenant);
        json_object_set(next, "status", status);
        if (!api_update(&sync->on_tenant, "pods", "status", meta_namespace(tenant),
                        meta_name(tenant), next, NULL, &why) &&
            why.reason != ERROR_CONFLICT && why.reason != ERROR_NOT_FOUND) {
            error_move(err, &why);
            return false;
        }
    }
    if (meta_deleting(tenant))
        return true;
    return meta_deleting(seen->host) ? stop_tenant(sync, seen, err)
                                     : update_host(sync, seen, again_ms, err);
}

/* ---- ending ---- */

static void look_at_config(void *arg, const char *tenant_key)
{
    struct sync *sync = arg;
    static const char *const kinds[] = {"configmaps", "secrets"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        CLEANUP(free_ptr)
        char *host = mapping_to_host(sync->vcluster->mappings, sync->cluster, kinds[i], tenant_key);
        CLEANUP(free_ptr) char *key = xasprintf("%s/%s", kinds[i], tenant_key);
        if (host)
            controllers_enqueue(sync->vcluster->controllers, SYNC_CONFIGS, sync->cluster, key);
    }
}

/* The Pod is gone on both sides: so are its token, its mapping, and perhaps the last use of a
 * ConfigMap. */
static bool forget(struct sync *sync, const struct pod_seen *seen, struct error *err)
{
    const char *ns = sync->reconcile->ns;
    if (!sync_token_remove(sync, seen->key, err) ||
        !mapping_release(sync->vcluster->mappings, sync->cluster, "pods", seen->key, err))
        return false;
    mapping_each(sync->vcluster->mappings, sync->cluster, "configmaps", ns, look_at_config, sync);
    mapping_each(sync->vcluster->mappings, sync->cluster, "secrets", ns, look_at_config, sync);
    return true;
}

/* The grace of the tenant's Pod. A Pod that is held gets a second at the least: with none, the host
 * Pod is gone before its node can say how the containers ended. */
static int64_t grace_of(const struct pod_seen *seen)
{
    if (!seen->tenant || is_stale(seen))
        return -1;
    int64_t grace_s =
        json_int_or(json_at(seen->tenant, "metadata", "deletionGracePeriodSeconds"), -1);
    return grace_s == 0 && is_held(seen->tenant) ? 1 : grace_s;
}

static bool stop_host(struct sync *sync, const struct pod_seen *seen, struct error *err)
{
    int64_t grace_s = grace_of(seen);
    return sync_remove(&sync->vcluster->on_host, "pods", seen->host_ns, seen->host_name,
                       meta_uid(seen->host), grace_s, err);
}

static bool close_tenant(struct sync *sync, const struct pod_seen *seen, struct error *err)
{
    json_auto_t *next = json_deep_copy(seen->tenant);
    json_object_set_new(next, "status", status_of_lost(seen->tenant, sync->reconcile->now_us));
    return api_update(&sync->on_tenant, "pods", "status", meta_namespace(next), meta_name(next),
                      next, NULL, err);
}

static bool finish(struct sync *sync, const struct pod_seen *seen, struct error *err)
{
    return sync_remove(&sync->on_tenant, "pods", sync->reconcile->ns, sync->reconcile->name,
                       meta_uid(seen->tenant), 0, err);
}

static bool take_step(struct sync *sync, struct pod_seen *seen, int64_t *again_ms,
                      struct error *err)
{
    switch (decide(seen)) {
    case POD_NOTHING:
        return true;
    case POD_FORGET:
        return forget(sync, seen, err);
    case POD_STOP_HOST:
        return stop_host(sync, seen, err);
    case POD_CLOSE:
        return close_tenant(sync, seen, err);
    case POD_FINISH:
    case POD_EVICT:
        return finish(sync, seen, err);
    case POD_START:
        return start(sync, seen, again_ms, err);
    case POD_FOLLOW:
        return follow(sync, seen, again_ms, err);
    }
    return true;
}

enum reconcile_result sync_pod(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                               struct error *err)
{
    struct sync sync = sync_begin(arg, reconcile);
    CLEANUP(seen_clear) struct pod_seen seen = {0};
    *again_ms = 0;
    bool done = observe(&sync, &seen, err) && take_step(&sync, &seen, again_ms, err);
    free(sync.unbound);
    if (!done)
        return RECONCILE_RETRY;
    return *again_ms ? RECONCILE_AGAIN : RECONCILE_DONE;
}
