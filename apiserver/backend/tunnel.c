/* Opening a tunnel: the Pod, its container, its node, and the node's answer. */
#include "apiserver/backend/tunnel.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "apiserver/api_internal.h"
#include "apiserver/connection.h"
#include "apiserver/backend/forward_internal.h"
#include "apiserver/backend/node_tls.h"
#include "apiserver/backend/tunnel_internal.h"
#include "base/parse.h"
#include "schema/meta.h"

#define ERROR_BODY_MAX ((size_t)16 << 10)

/* ---- which container ---- */

static const char *const container_lists[] = {"containers", "initContainers",
                                              "ephemeralContainers"};

static bool has_container(const json_t *pod, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(container_lists); i++)
        if (json_named(json_at(pod, "spec", container_lists[i]), name))
            return true;
    return false;
}

static char *container_names(const json_t *pod)
{
    struct buf names = BUF_TEXT;
    const json_t *container;
    size_t i;
    json_array_foreach (json_at(pod, "spec", "containers"), i, container)
        buf_printf(&names, "%s%s", i ? " " : "", json_text(container, "name"));
    return buf_take(&names);
}

/* The container that the request means: the one it names, or the only one. NULL with an error. */
static const char *choose_container(struct request *request, const json_t *pod)
{
    const char *given = route_arg(&request->route, "container"), *name = request->route.name;
    const json_t *containers = json_at(pod, "spec", "containers");
    if (given && *given) {
        if (has_container(pod, given))
            return given;
        error_bad_request(&request->error, "container %s is not valid for pod %s", given, name);
        return NULL;
    }
    if (json_array_size(containers) == 1)
        return json_text(json_array_get(containers, 0), "name");
    CLEANUP(free_ptr) char *names = container_names(pod);
    error_bad_request(&request->error,
                      "a container name must be specified for pod %s, choose one of: [%s]", name,
                      names);
    return NULL;
}

/* ---- the request to the node ---- */

static const struct tunnel_row {
    const char *sub, *path;
    bool container, upgraded;
} tunnel_rows[] = {
    {"log", "containerLogs", true, false},
    {"exec", "exec", true, true},
    {"attach", "attach", true, true},
    {"portforward", "portForward", false, true},
};

static const struct tunnel_row *row_of(const char *sub)
{
    for (size_t i = 0; i < ARRAY_LEN(tunnel_rows); i++)
        if (strcmp(tunnel_rows[i].sub, sub) == 0)
            return &tunnel_rows[i];
    return NULL;
}

static void add_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c);
        if (plain)
            buf_add_char(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

/* The kubelet's names for streams differ from the API's. */
static const char *node_argument(const char *key)
{
    static const char *const names[][2] = {
        {"stdin", "input"}, {"stdout", "output"}, {"stderr", "error"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(key, names[i][0]) == 0)
            return names[i][1];
    return key;
}

static void add_arguments(struct buf *out, const struct route *route)
{
    char separator = '?';
    for (size_t i = 0; i < route->arg_count; i++) {
        const char *key = route->args[i].key, *value = route->args[i].value,
                   *name = node_argument(key);
        if (strcmp(key, "container") == 0)
            continue;
        if (name != key && (strcasecmp(value, "false") == 0 || strcmp(value, "0") == 0))
            continue;
        buf_add_char(out, separator);
        add_escaped(out, name);
        buf_add_char(out, '=');
        add_escaped(out, name == key ? value : "1");
        separator = '&';
    }
}

/* Headers that make an upgrade; nothing else of the client's reaches the node. */
static void add_upgrade_headers(struct buf *out, const struct request *request)
{
    static const char *const names[] = {"Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version",
                                        "Sec-WebSocket-Protocol", "X-Stream-Protocol-Version"};
    buf_add_text(out, "Connection: Upgrade\r\n");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, names[i]);
        if (value && !strpbrk(value, "\r\n"))
            buf_printf(out, "%s: %s\r\n", names[i], value);
    }
}

/* Of a log only where the client asks for a WebSocket. */
static bool is_upgraded(const struct request *request, const struct tunnel_row *row)
{
    const char *upgrade = MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, "Upgrade");
    return row->upgraded || (upgrade && strcasecmp(upgrade, "websocket") == 0);
}

static void add_request(struct buf *out, const struct request *request,
                        const struct tunnel_row *row, const struct api_pod_target *target)
{
    const char *host = strstr(target->node_url, "://");
    buf_printf(out, "%s /%s/", row->upgraded ? request->method : "GET", row->path);
    add_escaped(out, target->ns);
    buf_add_char(out, '/');
    add_escaped(out, target->pod);
    if (row->container) {
        buf_add_char(out, '/');
        add_escaped(out, target->container);
    }
    add_arguments(out, &request->route);
    /* A log is read until the node closes: HTTP/1.0 has no chunks to undo. */
    buf_printf(out, " HTTP/1.%c\r\nHost: %s\r\n", is_upgraded(request, row) ? '1' : '0',
               host ? host + 3 : "node");
    if (is_upgraded(request, row))
        add_upgrade_headers(out, request);
    buf_add_text(out, "\r\n");
}

/* ---- opening ---- */

static void target_clear(struct api_pod_target *target)
{
    free(target->node_url);
    free(target->ns);
    free(target->pod);
    free(target->container);
}

static bool find_target(struct request *request, const struct tunnel_row *row,
                        struct api_pod_target *target)
{
    struct api *api = request->api;
    json_auto_t *pod = object_json(request->current);
    const char *container = row->container ? choose_container(request, pod) : NULL,
               *node = json_text(pod, "spec", "nodeName");
    if (row->container && !container)
        return false;
    if (!node || !*node)
        return error_bad_request(&request->error, "pod %s does not have a host assigned",
                                 request->route.name);
    if (!api->pod_target)
        return error_unavailable(&request->error, "no node serves this cluster");
    if (container)
        target->container = xstrdup(container);
    return api->pod_target(api->pod_target_arg, request->cluster, request->current->ns,
                           request->current->name, target, &request->error);
}

/* The text with `to` wherever it has `from`; owned. */
static char *renamed(const char *text, const char *from, const char *to)
{
    struct buf out = BUF_INIT(2 * ERROR_BODY_MAX);
    size_t len = strlen(from);
    for (const char *at; len && (at = strstr(text, from)); text = at + len) {
        buf_add(&out, text, (size_t)(at - text));
        buf_add_text(&out, to);
    }
    buf_add_text(&out, text);
    char *result = buf_take(&out);
    return result ? result : xstrdup("");
}

/* What a node refused with is the client's answer: a Status if it is one, else its text. The node
 * knows the Pod by its name on the host, which is none of the client's. */
static bool refused(struct request *request, struct tunnel *tunnel,
                    const struct api_pod_target *target, int status)
{
    char bytes[4096];
    struct buf body = BUF_INIT(ERROR_BODY_MAX);
    struct error ignored = {0};
    ssize_t got = 0;
    int64_t length = ERROR_BODY_MAX; /* a node that says none closes the connection */
    if (!parse_i64(head_value(&tunnel->head, "Content-Length"), 0, ERROR_BODY_MAX, &length))
        length = ERROR_BODY_MAX;
    buf_add(&body, tunnel->rest.data, tunnel->rest.len);
    while (buf_ok(&body) && body.len < (size_t)length &&
           (got = backend_receive(&tunnel->node, bytes, sizeof(bytes), BACKEND_WAIT_MS)) > 0)
        buf_add(&body, bytes, (size_t)got);
    json_auto_t *json = body.len ? json_parse(buf_str(&body), JSON_LOAD_LENIENT, &ignored) : NULL;
    error_clear(&ignored);
    const char *message = json_text(json, "message");
    CLEANUP(free_ptr)
    char *raw = message ? xstrdup(message) : xstrndup(body.len ? body.data : "", body.len);
    buf_free(&body);
    CLEANUP(free_ptr) char *text = renamed(raw, target->pod, request->current->name);
    if (status == 404)
        error_set(&request->error, ERROR_NOT_FOUND, "%s", text);
    else if (status >= 400 && status < 500)
        error_bad_request(&request->error, "%s", text);
    else
        error_internal(&request->error, "the node refused: %s", text);
    return false;
}

struct tunnel *tunnel_new(const struct request *request, bool upgraded)
{
    struct tunnel *tunnel = xcalloc(1, sizeof(*tunnel));
    tunnel->tunnels = request->api->tunnels;
    tunnel->upgraded = upgraded;
    tunnel->node.fd = -1;
    tunnel->http = request->http;
    tunnel->client_fd = request->connection ? request->connection->fd : -1;
    tunnel->queue = BUF_INIT(2 * TUNNEL_BUFFER_MAX);
    pthread_mutex_init(&tunnel->lock, NULL);
    pthread_cond_init(&tunnel->changed, NULL);
    return tunnel;
}

static bool open_tunnel(struct request *request, const struct tunnel_row *row,
                        const struct api_pod_target *target)
{
    bool upgraded = is_upgraded(request, row);
    struct tunnel *tunnel = request->reply.tunnel = tunnel_new(request, upgraded);
    struct buf text = BUF_TEXT;
    if (!node_connect(request->api, target->node_url, &tunnel->node, &request->error))
        return false;
    add_request(&text, request, row, target);
    bool ok = backend_send(&tunnel->node, buf_str(&text)) &&
              backend_read_head(&tunnel->node, &tunnel->head, &tunnel->rest, BACKEND_WAIT_MS);
    buf_free(&text);
    if (!ok)
        return error_unavailable(&request->error, "error dialing backend: the node did not answer");
    int status = head_status(&tunnel->head);
    if (status != (upgraded ? 101 : 200))
        return refused(request, tunnel, target, status);
    request->reply.code = status;
    request->reply.kind = REPLY_TUNNEL;
    return true;
}

enum step_result step_tunnel(struct request *request)
{
    const struct tunnel_row *row = row_of(request->route.sub);
    CLEANUP(target_clear) struct api_pod_target target = {0};
    if (!request->may_block)
        return STEP_BLOCK;
    enum step_result result =
        request_read(request, "pods", request_ns(request), request->route.name, &request->current);
    if (result != STEP_NEXT)
        return result;
    if (!request->current) {
        error_not_found(&request->error, "pods", request->route.name);
        return STEP_FAIL;
    }
    if (!request->http || (row->upgraded && !MHD_lookup_connection_value(
                                                request->http, MHD_HEADER_KIND, "Upgrade"))) {
        error_bad_request(
            &request->error,
            "you must specify at least 1 of stdin, stdout, stderr, and upgrade the connection");
        return STEP_FAIL;
    }
    if (!find_target(request, row, &target) || !open_tunnel(request, row, &target))
        return STEP_FAIL;
    flow_leave(request);
    return STEP_DONE;
}

/* ---- life ---- */

void tunnel_destroy(struct tunnel *tunnel)
{
    forward_free(tunnel->forward);
    backend_close(&tunnel->node);
    buf_free(&tunnel->head);
    buf_free(&tunnel->rest);
    buf_free(&tunnel->queue);
    pthread_cond_destroy(&tunnel->changed);
    pthread_mutex_destroy(&tunnel->lock);
    free(tunnel);
}

void tunnel_free(struct tunnel *tunnel)
{
    if (!tunnel)
        return;
    pthread_mutex_lock(&tunnel->lock);
    bool threaded = tunnel->threaded;
    tunnel->abandoned = true;
    if (threaded && tunnel->node.fd >= 0)
        shutdown(tunnel->node.fd, SHUT_RDWR);
    pthread_cond_broadcast(&tunnel->changed);
    pthread_mutex_unlock(&tunnel->lock);
    if (!threaded)
        tunnel_destroy(tunnel);
}

static bool start_detached(void *(*work)(void *arg), void *arg)
{
    pthread_t thread;
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    bool ok = pthread_create(&thread, &detached, work, arg) == 0;
    pthread_attr_destroy(&detached);
    return ok;
}

bool tunnel_start(struct tunnel *tunnel, void *(*work)(void *tunnel))
{
    struct tunnels *tunnels = tunnel->tunnels;
    pthread_mutex_lock(&tunnels->lock);
    bool ok = !tunnels->stopping && tunnels->count < TUNNELS_MAX;
    if (ok) {
        tunnel->threaded = true;
        ok = start_detached(work, tunnel);
        tunnel->threaded = ok;
    }
    if (ok) {
        tunnels->count++;
        tunnel->previous = NULL;
        tunnel->next = tunnels->first;
        if (tunnel->next)
            tunnel->next->previous = tunnel;
        tunnels->first = tunnel;
    }
    pthread_mutex_unlock(&tunnels->lock);
    return ok;
}

/* The thread's part is over; true when nobody else holds the tunnel. */
static bool leave(struct tunnel *tunnel)
{
    struct tunnels *tunnels = tunnel->tunnels;
    pthread_mutex_lock(&tunnels->lock);
    if (tunnel->previous)
        tunnel->previous->next = tunnel->next;
    else
        tunnels->first = tunnel->next;
    if (tunnel->next)
        tunnel->next->previous = tunnel->previous;
    pthread_mutex_unlock(&tunnels->lock);
    pthread_mutex_lock(&tunnel->lock);
    tunnel->threaded = false;
    bool last = tunnel->abandoned || tunnel->upgraded;
    pthread_mutex_unlock(&tunnel->lock);
    return last;
}

/* Last, so that who waits for the count may free the rest. */
static void uncount(struct tunnels *tunnels)
{
    pthread_mutex_lock(&tunnels->lock);
    tunnels->count--;
    pthread_cond_broadcast(&tunnels->changed);
    pthread_mutex_unlock(&tunnels->lock);
}

void tunnel_finish(struct tunnel *tunnel)
{
    struct tunnels *tunnels = tunnel->tunnels;
    if (leave(tunnel))
        tunnel_destroy(tunnel);
    uncount(tunnels);
}

void tunnel_release(struct tunnel *tunnel)
{
    struct tunnels *tunnels = tunnel->tunnels;
    (void)leave(tunnel); /* the request holds it, and is the caller's */
    uncount(tunnels);
}

bool tunnel_connected(struct tunnel *tunnel, const struct backend *node)
{
    struct tunnels *tunnels = tunnel->tunnels;
    pthread_mutex_lock(&tunnels->lock);
    tunnel->node = *node;
    bool open = !tunnels->stopping;
    pthread_mutex_unlock(&tunnels->lock);
    return open;
}

struct job {
    struct tunnels *tunnels;
    void (*work)(void *arg);
    void *arg;
};

static void *run_job(void *arg)
{
    struct job job = *(struct job *)arg;
    free(arg);
    job.work(job.arg);
    uncount(job.tunnels);
    return NULL;
}

bool tunnels_run(struct tunnels *tunnels, void (*work)(void *arg), void *arg)
{
    struct job *job = xmalloc(sizeof(*job));
    *job = (struct job){tunnels, work, arg};
    pthread_mutex_lock(&tunnels->lock);
    bool ok = !tunnels->stopping && tunnels->count < TUNNELS_MAX && start_detached(run_job, job);
    tunnels->count += ok;
    pthread_mutex_unlock(&tunnels->lock);
    if (!ok)
        free(job);
    return ok;
}

struct tunnels *tunnels_new(void)
{
    struct tunnels *tunnels = xcalloc(1, sizeof(*tunnels));
    pthread_mutex_init(&tunnels->lock, NULL);
    pthread_cond_init(&tunnels->changed, NULL);
    return tunnels;
}

void tunnels_cut(struct tunnels *tunnels)
{
    pthread_mutex_lock(&tunnels->lock);
    tunnels->stopping = true;
    for (struct tunnel *tunnel = tunnels->first; tunnel; tunnel = tunnel->next)
        if (tunnel->node.fd >= 0)
            shutdown(tunnel->node.fd, SHUT_RDWR);
    pthread_mutex_unlock(&tunnels->lock);
}

void tunnels_stop(struct tunnels *tunnels)
{
    tunnels_cut(tunnels);
    pthread_mutex_lock(&tunnels->lock);
    while (tunnels->count)
        pthread_cond_wait(&tunnels->changed, &tunnels->lock);
    pthread_mutex_unlock(&tunnels->lock);
}

void tunnels_free(struct tunnels *tunnels)
{
    if (!tunnels)
        return;
    pthread_cond_destroy(&tunnels->changed);
    pthread_mutex_destroy(&tunnels->lock);
    free(tunnels);
}

struct MHD_Response *tunnel_response(struct request *request, struct encoding *encoding)
{
    struct tunnel *tunnel = request->reply.tunnel;
    if (tunnel->forward && !tunnel->upgraded)
        return forward_response(tunnel);
    if (!tunnel->upgraded)
        encoding->type = "text/plain";
    return tunnel->upgraded ? tunnel_pump_response(tunnel) : tunnel_log_response(tunnel);
}
