/* The thread of a forwarded request: connects, sends, reads the answer's head, answers the client,
 * and then moves the rest of the answer's body. */
#include "apiserver/backend/forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "apiserver/api_internal.h"
#include "apiserver/backend/backend_tls.h"
#include "apiserver/connection.h"
#include "apiserver/encode.h"
#include "apiserver/backend/forward_internal.h"
#include "apiserver/backend/node_tls.h"
#include "apiserver/backend/rewrite.h"
#include "base/clock.h"
#include "base/parse.h"

#define BLOCK    ((size_t)16 << 10)
#define PROBE_MS 1000
#define IDLE_NS  ((int64_t)REACH_IDLE_S * 1000000000)
#define SEND_MAX ((size_t)64 << 10) /* a request's head */
#define PAGE_MAX ((size_t)2 << 20)  /* of HTML, whose links are rewritten */

void forward_target_clear(struct forward_target *target)
{
    reach_place_clear(&target->place);
    char *const texts[] = {target->node_url, target->server_name, target->roots, target->cert,
                           target->key,      target->host,        target->path,  target->prefix};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(texts[i]);
    buf_free(&target->more);
    *target = (struct forward_target){0};
}

void forward_free(struct forward *forward)
{
    if (!forward)
        return;
    forward_target_clear(&forward->target);
    buf_free(&forward->head);
    buf_free(&forward->body);
    buf_free(&forward->up);
    buf_free(&forward->ahead);
    flow_forward_leave(forward->share);
    cluster_unref(forward->cluster);
    free(forward);
}

/* ---- connecting ---- */

/* `backend` has what there is of the connection also when this fails. */
static bool dial(struct forward *forward, struct api *api, struct backend *backend,
                 struct error *err)
{
    const struct forward_target *target = &forward->target;
    if (target->node_url)
        return node_connect(api, target->node_url, backend, err);
    if (!reach_dial(api, forward->cluster, &target->place, &backend->fd, err))
        return false;
    if (!(target->flags & FORWARD_TLS))
        return true;
    const struct backend_peer peer = {.server_name = target->server_name,
                                      .roots = target->roots,
                                      .cert = target->cert,
                                      .key = target->key,
                                      .insecure = target->flags & FORWARD_INSECURE};
    return backend_secure(backend, &peer, err);
}

static bool connect_backend(struct tunnel *tunnel, struct error *err)
{
    struct forward *forward = tunnel->forward;
    struct backend backend = {.fd = -1};
    bool ok = dial(forward, forward->request->api, &backend, err);
    bool open = tunnel_connected(tunnel, &backend);
    return ok && (open || error_unavailable(err, "the server is stopping"));
}

/* ---- the answer's head ---- */

/* False when waiting has to end. */
static bool go_on_waiting(const struct tunnel *tunnel, int64_t until_mono_ns, struct error *err)
{
    if (tunnel_client_gone(tunnel))
        return error_unavailable(err, "context canceled");
    if (clock_mono_ns() > until_mono_ns)
        return error_set(err, ERROR_TIMEOUT, "context deadline exceeded");
    return true;
}

/* "100 Continue" and its like say nothing to us. */
static bool is_interim(const struct buf *head)
{
    int status = head_status(head);
    return status >= 100 && status < 200 && status != 101;
}

/* A whole head, of what was read so far. */
static bool next_head(struct tunnel *tunnel, struct str bytes)
{
    while (head_take(&tunnel->head, &tunnel->rest, bytes)) {
        if (!is_interim(&tunnel->head))
            return true;
        buf_free(&tunnel->head);
        tunnel->head = tunnel->rest;
        tunnel->rest = BUF_INIT(BACKEND_HEAD_MAX);
        bytes = (struct str){0};
    }
    return false;
}

static bool read_head(struct tunnel *tunnel, struct error *err)
{
    const struct forward *forward = tunnel->forward;
    char bytes[4096];
    int64_t now = clock_mono_ns(), limit = (int64_t)forward->target.head_ms * 1000000;
    tunnel->head = BUF_INIT(BACKEND_HEAD_MAX);
    tunnel->rest = BUF_INIT(BACKEND_HEAD_MAX);
    for (;;) {
        ssize_t got = backend_receive(&tunnel->node, bytes, sizeof(bytes), PROBE_MS);
        if (got > 0) {
            if (next_head(tunnel, (struct str){bytes, (size_t)got}))
                break;
            if (!buf_ok(&tunnel->head))
                return error_unavailable(err, "net/http: HTTP/1.x transport connection broken");
        } else if (got != BACKEND_AGAIN) {
            return error_unavailable(err, "EOF");
        } else if (!go_on_waiting(tunnel, now + (limit ? limit : IDLE_NS), err)) {
            return false;
        }
    }
    return head_status(&tunnel->head) || error_unavailable(err, "malformed HTTP response");
}

/* ---- the answer's body ---- */

typedef bool (*take_fn)(void *arg, const char *bytes, size_t len);

/* Gives the body to `take`, as it comes, until it ends or `take` has enough: MORE then, and when
 * the client goes or nothing comes any more. */
static enum framing_result read_body(struct tunnel *tunnel, take_fn take, void *arg)
{
    struct framing *framing = &tunnel->forward->framing;
    char bytes[BLOCK];
    size_t len = tunnel->rest.len;
    enum framing_result result = framing_take(framing, tunnel->rest.data, &len);
    bool wanted = len == 0 || take(arg, tunnel->rest.data, len);
    int64_t used = clock_mono_ns();
    buf_clear(&tunnel->rest);
    while (wanted && result == FRAMING_MORE) {
        ssize_t got = backend_receive(&tunnel->node, bytes, sizeof(bytes), PROBE_MS);
        if (got == BACKEND_AGAIN) {
            wanted = !tunnel_client_gone(tunnel) && clock_mono_ns() - used < IDLE_NS;
        } else if (got <= 0) {
            result = framing_close(framing);
        } else {
            len = (size_t)got;
            result = framing_take(framing, bytes, &len);
            wanted = len == 0 || take(arg, bytes, len);
            used = clock_mono_ns();
        }
    }
    return result;
}

/* ---- pages ---- */

static bool is_page(const struct tunnel *tunnel)
{
    const struct forward *forward = tunnel->forward;
    struct str type = head_value(&tunnel->head, "Content-Type");
    return forward->target.prefix && forward->framing.kind != FRAMING_NONE &&
           str_is(str_trim(str_cut(&type, ';')), "text/html") &&
           !head_value(&tunnel->head, "Location").len &&
           !head_value(&tunnel->head, "Content-Encoding").len;
}

static bool add_to_page(void *arg, const char *bytes, size_t len)
{
    struct buf *page = arg;
    buf_add(page, bytes, len);
    return page->len < PAGE_MAX;
}

static char *page_url(const void *arg, const char *url)
{
    const struct forward_target *target = arg;
    return forward_seen_url(target, target->prefix + target->cluster_len, url);
}

/* A page is read as a whole, so that its links can be made to lead here again; one that is too
 * large goes on as it is. */
static void read_page(struct tunnel *tunnel)
{
    struct forward *forward = tunnel->forward;
    struct buf page = BUF_INIT(PAGE_MAX + BACKEND_HEAD_MAX);
    forward->over = read_body(tunnel, add_to_page, &page);
    forward->ahead = page;
    if (forward->over != FRAMING_END)
        return;
    forward->ahead = BUF_INIT(4 * PAGE_MAX);
    rewrite_html(&forward->ahead, buf_str(&page), page_url, &forward->target);
    if (buf_ok(&forward->ahead)) {
        buf_free(&page);
        return;
    }
    buf_free(&forward->ahead);
    forward->ahead = page;
}

/* ---- one exchange ---- */

enum outcome { OUTCOME_ANSWERED, OUTCOME_FAILED, OUTCOME_ABANDONED };

static enum outcome exchange(struct tunnel *tunnel, struct error *err)
{
    struct forward *forward = tunnel->forward;
    if (!connect_backend(tunnel, err))
        return OUTCOME_FAILED;
    bool sent = backend_send(&tunnel->node, buf_str(&forward->head)) &&
                backend_send(&tunnel->node, buf_str(&forward->body));
    (void)sent; /* it may have answered before it read all */
    if (forward->streams && !forward_send_body(tunnel))
        return OUTCOME_ABANDONED;
    if (!read_head(tunnel, err))
        return OUTCOME_FAILED;
    tunnel->upgraded = head_status(&tunnel->head) == 101;
    if (tunnel->upgraded && !forward->wants_upgrade)
        return error_unavailable(err, "unexpected protocol switch"), OUTCOME_FAILED;
    if (!tunnel->upgraded && !framing_init(&forward->framing, &tunnel->head, forward->to_head))
        return error_unavailable(err, "net/http: HTTP/1.x transport connection broken"),
               OUTCOME_FAILED;
    if (!tunnel->upgraded && is_page(tunnel))
        read_page(tunnel);
    return OUTCOME_ANSWERED;
}

/* In upstream's words: the transport's own are in front. */
static void tell(struct request *request, const struct forward *forward, struct error *err)
{
    bool node = forward->target.node_url;
    CLEANUP(free_ptr)
    char *text = xasprintf("error trying to reach service: %s", err->message ? err->message : "");
    if (err->code == 429) {
        error_move(&request->error, err);
        request->error.retry_after_s = 1;
    } else if (!(forward->target.flags & FORWARD_PLAIN_ERRORS)) {
        error_unavailable(&request->error, "%s", node ? err->message : text);
    } else if (err->code == 504 && forward->target.head_ms >= FORWARD_REQUEST_MS) {
        error_set(&request->error, ERROR_TIMEOUT,
                  "Timeout: request did not complete within the allotted timeout");
    } else {
        CLEANUP(free_ptr) char *line = xasprintf("%s\n", text);
        (void)reply_text(request, 503, line);
    }
    error_clear(err);
}

static bool deliver(void *arg, const char *bytes, size_t len)
{
    return tunnel_deliver(arg, bytes, len);
}

/* What was read ahead, then the rest as it comes. */
static void move_body(struct tunnel *tunnel)
{
    struct forward *forward = tunnel->forward;
    const struct buf *ahead = &forward->ahead;
    bool wanted = true;
    for (size_t at = 0; at < ahead->len && wanted; at += BLOCK)
        wanted = tunnel_deliver(tunnel, ahead->data + at,
                                ahead->len - at < BLOCK ? ahead->len - at : BLOCK);
    enum framing_result result = forward->over;
    if (wanted && result == FRAMING_MORE)
        result = read_body(tunnel, deliver, tunnel);
    tunnel_deliver_end(tunnel, result != FRAMING_END);
}

/* The request is answered from here on, and no longer the thread's. */
static void answer(struct request *request)
{
    request->response = encode_response(request, &request->response_code);
    server_resume(request);
}

static void *run(void *arg)
{
    struct tunnel *tunnel = arg;
    struct request *request = tunnel->forward->request;
    struct error err = {0};
    enum outcome outcome = exchange(tunnel, &err);
    if (outcome == OUTCOME_ABANDONED) {
        tunnel_finish(tunnel);
        return NULL;
    }
    if (outcome == OUTCOME_FAILED) {
        tell(request, tunnel->forward, &err);
        tunnel->upgraded = false;
    } else {
        request->reply.kind = REPLY_TUNNEL;
        request->reply.code = head_status(&tunnel->head);
    }
    bool goes_on = outcome == OUTCOME_ANSWERED && !tunnel->upgraded;
    if (!goes_on)
        tunnel_release(tunnel);
    answer(request);
    if (!goes_on)
        return NULL;
    move_body(tunnel);
    tunnel_finish(tunnel);
    return NULL;
}

/* ---- beginning ---- */

static void client_address(const struct request *request, char out[INET6_ADDRSTRLEN])
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    memcpy(out, "127.0.0.1", 10);
    if (!request->connection ||
        getpeername(request->connection->fd, (struct sockaddr *)&address, &len) != 0)
        return;
    (void)getnameinfo((struct sockaddr *)&address, len, out, INET6_ADDRSTRLEN, NULL, 0,
                      NI_NUMERICHOST); /* the default stays when this fails */
}

static struct forward *forward_new(struct request *request, struct forward_target *target,
                                   struct cluster_part *share)
{
    struct forward *forward = xcalloc(1, sizeof(*forward));
    char address[INET6_ADDRSTRLEN];
    client_address(request, address);
    forward->request = request;
    forward->cluster = cluster_ref(request->cluster);
    forward->share = share;
    forward->head = BUF_INIT(SEND_MAX);
    forward->up = BUF_INIT(2 * TUNNEL_BUFFER_MAX);
    forward->wants_upgrade = forward_is_upgrade(request);
    forward->to_head = strcmp(request->method, "HEAD") == 0;
    forward->streams = request->early;
    forward_head_write(&forward->head, request, target, address);
    forward->target = *target;
    *target = (struct forward_target){0};
    if (!forward->target.host) {
        const char *host = MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, "Host");
        forward->target.host = xstrdup(host ? host : "");
    }
    return forward;
}

enum step_result forward_start(struct request *request, struct forward_target *target)
{
    struct cluster_part *share = flow_forward_enter(request->cluster, FORWARD_SHARE);
    if (!share) {
        error_set(&request->error, ERROR_TOO_MANY_REQUESTS,
                  "Too many requests, please try again later.");
        request->error.retry_after_s = 1;
        return STEP_FAIL;
    }
    struct tunnel *tunnel = tunnel_new(request, false);
    struct forward *forward = tunnel->forward = forward_new(request, target, share);
    request->reply.tunnel = tunnel;
    if (!buf_ok(&forward->head))
        return error_bad_request(&request->error, "the request's head is too large"), STEP_FAIL;
    if (!forward->streams) {
        forward->body = request->body;
        request->body = BUF_INIT(BODY_MAX);
    }
    flow_leave(request);
    server_suspend(request);
    if (tunnel_start(tunnel, run)) /* the thread's from here on */
        return STEP_WAIT;
    error_unavailable(&request->error, "too many streams");
    answer(request);
    return STEP_WAIT;
}

/* ---- the response ---- */

struct MHD_Response *forward_response(struct tunnel *tunnel)
{
    const struct forward *forward = tunnel->forward;
    struct str length = head_value(&tunnel->head, "Content-Length");
    int status = head_status(&tunnel->head);
    uint64_t size = forward->framing.kind == FRAMING_LENGTH || forward->over == FRAMING_END
                        ? forward->framing.left + forward->ahead.len
                    : forward->framing.kind == FRAMING_NONE ? 0
                                                            : MHD_SIZE_UNKNOWN;
    int64_t announced;
    if (forward->to_head && parse_i64(length, 0, INT64_MAX, &announced))
        size = (uint64_t)announced;
    bool bare = size == 0 || status == 204 || status == 304;
    struct MHD_Response *response =
        bare ? MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT)
             : tunnel_queue_response(tunnel, size);
    if (response)
        forward_head_copy(response, &tunnel->head, &forward->target);
    return response;
}

void forward_copy_upgrade(struct MHD_Response *response, struct tunnel *tunnel)
{
    CLEANUP(free_ptr) char *protocol = str_dup(head_value(&tunnel->head, "Upgrade"));
    forward_head_copy(response, &tunnel->head, &tunnel->forward->target);
    if (protocol && *protocol)
        MHD_add_response_header(response, "Upgrade", protocol);
}
