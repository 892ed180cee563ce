/* Finding a Pod and connecting to it through its node. */
#include "apiserver/backend/reach.h"

#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/backend/node_tls.h"
#include "apiserver/backend/reach_internal.h"

#define CANDIDATES_MAX 1000 /* what the endpoints controller writes at most */
#define REFUSAL_MAX    ((size_t)4 << 10)

void reach_place_clear(struct reach_place *place)
{
    free(place->ns);
    free(place->pod);
    free(place->address);
    *place = (struct reach_place){0};
}

/* ---- finding ---- */

/* The object as a tree; *out NULL when there is none. */
static bool read_json(struct cluster *cluster, const char *resource, const char *ns,
                      const char *name, json_t **out, struct error *err)
{
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    *out = NULL;
    if (!cache_get(cluster, store_intern(resource), ns, name, &object, err))
        return false;
    if (object)
        *out = object_json(object);
    return true;
}

static void set_place(struct reach_place *place, const char *ns, const char *pod,
                      const char *address, unsigned port)
{
    *place = (struct reach_place){xstrdup(ns), xstrdup(pod), xstrdup(address), port};
}

static bool resolve_pod(struct cluster *cluster, const struct reach_target *target,
                        struct reach_place *place, struct error *err)
{
    json_auto_t *pod = NULL;
    if (!read_json(cluster, "pods", target->ns, target->name, &pod, err))
        return false;
    if (!pod)
        return error_not_found(err, "pods", target->name);
    const char *address = json_text(pod, "status", "podIP");
    unsigned port = reach_pod_port(pod, target->port, target->default_port);
    if (!address || !*address)
        return error_bad_request(err, "address not allowed");
    if (!port)
        return error_bad_request(err, "pod %s has no port \"%s\"", target->name, target->port);
    set_place(place, target->ns, target->name, address, port);
    return true;
}

/* The address is the Pod's own; *found false when it is not. */
static bool check(struct cluster *cluster, const char *ns, const struct reach_candidate *candidate,
                  bool *found, struct error *err)
{
    json_auto_t *pod = NULL;
    if (!read_json(cluster, "pods", ns, candidate->pod, &pod, err))
        return false;
    *found = pod && reach_pod_has(pod, candidate->address);
    return true;
}

/* Starts anywhere, so that load spreads, and takes the first that holds. */
static bool pick(struct cluster *cluster, const json_t *endpoints, const char *ns,
                 const char *port_name, struct reach_place *place, bool *found, struct error *err)
{
    struct reach_candidate candidate;
    size_t count = 0;
    unsigned short seed;
    while (count < CANDIDATES_MAX && reach_candidate(endpoints, ns, port_name, count, &candidate))
        count++;
    random_bytes(&seed, sizeof(seed));
    *found = false;
    for (size_t i = 0; i < count && !*found; i++) {
        if (!reach_candidate(endpoints, ns, port_name, (seed + i) % count, &candidate))
            break;
        if (!check(cluster, ns, &candidate, found, err))
            return false;
    }
    if (*found)
        set_place(place, ns, candidate.pod, candidate.address, candidate.port);
    return true;
}

static bool resolve_service(struct cluster *cluster, const struct reach_target *target,
                            struct reach_place *place, struct error *err)
{
    json_auto_t *service = NULL;
    json_auto_t *endpoints = NULL;
    bool found = false;
    if (!read_json(cluster, "services", target->ns, target->name, &service, err) ||
        !read_json(cluster, "endpoints", target->ns, target->name, &endpoints, err))
        return false;
    if (!service)
        return error_not_found(err, "services", target->name);
    const char *port_name = reach_service_port(service, target->port, err);
    if (!port_name || !pick(cluster, endpoints, target->ns, port_name, place, &found, err))
        return false;
    return found ||
           error_unavailable(err, "no endpoints available for service \"%s\"", target->name);
}

bool reach_resolve(struct cluster *cluster, const struct reach_target *target,
                   struct reach_place *place, struct error *err)
{
    return target->kind == REACH_POD ? resolve_pod(cluster, target, place, err)
                                     : resolve_service(cluster, target, place, err);
}

/* ---- dialling ---- */

static bool failed(const struct reach_place *place, const char *why, struct error *err)
{
    bool six = strchr(place->address, ':');
    error_clear(err);
    return error_unavailable(err, "dial tcp %s%s%s:%u: %s", six ? "[" : "", place->address,
                             six ? "]" : "", place->port, why);
}

/* What the node says of its own connection into the Pod, in the words of Go's dialler. */
static const char *reason_of(struct backend *node, int status, const struct buf *rest)
{
    char bytes[512];
    struct buf text = BUF_INIT(REFUSAL_MAX);
    ssize_t got;
    if (status == 404)
        return "connect: no route to host";
    buf_add(&text, rest->data, rest->len);
    while (buf_ok(&text) &&
           (got = backend_receive(node, bytes, sizeof(bytes), BACKEND_WAIT_MS)) > 0)
        buf_add(&text, bytes, (size_t)got);
    bool refused = buf_ok(&text) && text.len && strcasestr(text.data, "refused");
    buf_free(&text);
    return refused ? "connect: connection refused" : "i/o timeout";
}

/* The node's connection becomes the Pod's. `rest`: what came from the Pod already; made here. */
static bool enter_pod(struct backend *node, const struct api_pod_target *target,
                      const struct reach_place *place, struct buf *rest, struct error *err)
{
    struct buf text = BUF_TEXT, head = {0};
    const char *host = strstr(target->node_url, "://");
    buf_printf(&text,
               "POST /portForward/%s/%s?port=%u HTTP/1.1\r\nHost: %s\r\nConnection: "
               "Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n",
               target->ns, target->pod, place->port, host ? host + 3 : "node");
    bool ok =
        backend_send(node, buf_str(&text)) && backend_read_head(node, &head, rest, BACKEND_WAIT_MS);
    int status = ok ? head_status(&head) : 0;
    if (!ok)
        failed(place, "i/o timeout", err);
    else if (status == 429)
        error_set(err, ERROR_TOO_MANY_REQUESTS, "too many streams to this node");
    else if (status != 101)
        failed(place, reason_of(node, status, rest), err);
    buf_free(&text);
    buf_free(&head);
    return status == 101;
}

static void target_clear(struct api_pod_target *target)
{
    free(target->node_url);
    free(target->ns);
    free(target->pod);
    free(target->container);
}

bool reach_dial(struct api *api, struct cluster *cluster, const struct reach_place *place, int *fd,
                struct error *err)
{
    CLEANUP(target_clear) struct api_pod_target target = {0};
    CLEANUP(error_clear) struct error why = {0};
    struct backend node = {.fd = -1};
    CLEANUP(buf_free) struct buf rest = {0};
    if (!api->pod_target)
        return failed(place, "no node serves this cluster", err);
    if (!api->pod_target(api->pod_target_arg, cluster, place->ns, place->pod, &target, &why))
        return failed(place, "connect: no route to host", err);
    struct reach_stream *stream = reach_stream_new(api->reach, cluster->id, err);
    if (!stream)
        return false;
    if (!node_connect(api, target.node_url, &node, &why))
        failed(place, "connect: no route to host", err);
    else if (enter_pod(&node, &target, place, &rest, err))
        return reach_stream_run(stream, &node, buf_str(&rest), fd, err);
    backend_close(&node);
    reach_stream_drop(stream);
    return false;
}

bool reach_connect(struct api *api, struct cluster *cluster, const struct reach_target *target,
                   int *fd, struct error *err)
{
    CLEANUP(reach_place_clear) struct reach_place place = {0};
    return reach_resolve(cluster, target, &place, err) && reach_dial(api, cluster, &place, fd, err);
}

/* ---- elsewhere ---- */

struct job {
    struct api *api;
    struct cluster *cluster;
    enum reach_kind kind;
    char *ns, *name, *port;
    unsigned default_port;
    reach_done_fn done;
    void *arg;
};

static void job_free(struct job *job)
{
    cluster_unref(job->cluster);
    free(job->ns);
    free(job->name);
    free(job->port);
    free(job);
}

static void run_job(void *arg)
{
    struct job *job = arg;
    CLEANUP(error_clear) struct error err = {0};
    struct reach_target target = {job->kind, job->ns, job->name, job->port, job->default_port};
    int fd = -1;
    bool ok = reach_connect(job->api, job->cluster, &target, &fd, &err);
    job->done(job->arg, ok ? fd : -1, ok ? NULL : &err);
    job_free(job);
}

bool reach_start(struct api *api, struct cluster *cluster, const struct reach_target *target,
                 reach_done_fn done, void *arg)
{
    struct job *job = xmalloc(sizeof(*job));
    *job = (struct job){api,
                        cluster_ref(cluster),
                        target->kind,
                        xstrdup(target->ns),
                        xstrdup(target->name),
                        xstrdup(target->port),
                        target->default_port,
                        done,
                        arg};
    if (pool_submit(api->pool, run_job, job))
        return true;
    job_free(job);
    return false;
}
