/* A request's body on its way through: from the I/O thread, by a bounded queue, to the thread of
 * the forwarded request. */
#include <string.h>
#include <strings.h>

#include "apiserver/backend/aggregate.h"
#include "apiserver/api_internal.h"
#include "apiserver/backend/forward_internal.h"
#include "base/parse.h"

#define BLOCK       ((size_t)16 << 10)
#define DISCARD_MAX ((size_t)16 << 20) /* of a body that nobody wants, before the client is cut */

static const char *header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, name);
}

bool forward_wants_body(const struct request *request)
{
    const char *length = header(request, "Content-Length");
    struct route route;
    struct error ignored = {0};
    int64_t size = -1;
    if (!header(request, "Transfer-Encoding") &&
        (!length || !parse_i64(str_of(length), 1, INT64_MAX, &size)))
        return false;
    bool ok = route_parse(&route, request->method, request->target, &ignored);
    bool wants = ok && (route_is_proxy(&route) ||
                        (route.is_resource && (size < 0 || size > (int64_t)BODY_MAX) &&
                         aggregate_may_serve(route.group, route.version)));
    error_clear(&ignored);
    route_clear(&route);
    return wants;
}

/* ---- the I/O thread's side; all under the lock ---- */

static enum MHD_Result body_ended(struct request *request, struct forward *forward)
{
    forward->up_ended = true;
    request->early = false;
    request->phase = PHASE_RUNNING;
    request->suspended = true;
    MHD_suspend_connection(request->http);
    return MHD_YES;
}

static enum MHD_Result body_piece(struct request *request, struct forward *forward,
                                  const char *data, size_t *size)
{
    size_t held = forward->up.len;
    if (forward->up_discard) {
        forward->up_dropped += *size;
        *size = 0;
        return forward->up_dropped <= DISCARD_MAX ? MHD_YES : MHD_NO;
    }
    size_t room = held < TUNNEL_BUFFER_MAX ? TUNNEL_BUFFER_MAX - held : 0;
    size_t take = *size < room ? *size : room;
    buf_add(&forward->up, data, take);
    *size -= take;
    if (*size) {
        forward->up_parked = true;
        MHD_suspend_connection(request->http);
    }
    return MHD_YES;
}

enum MHD_Result forward_body(struct request *request, const char *data, size_t *size)
{
    struct tunnel *tunnel = request->reply.tunnel;
    struct forward *forward = tunnel->forward;
    pthread_mutex_lock(&tunnel->lock);
    enum MHD_Result result =
        *size ? body_piece(request, forward, data, size) : body_ended(request, forward);
    pthread_cond_broadcast(&tunnel->changed);
    pthread_mutex_unlock(&tunnel->lock);
    return result;
}

/* ---- the thread's side ---- */

/* Under the lock. */
static void make_room(struct tunnel *tunnel, size_t taken)
{
    struct forward *forward = tunnel->forward;
    if (taken)
        memmove(forward->up.data, forward->up.data + taken, forward->up.len - taken);
    forward->up.len -= taken;
    if (forward->up_parked) {
        forward->up_parked = false;
        MHD_resume_connection(tunnel->http);
    }
}

/* The next bytes; 0 at the end; -1 when the request is over. */
static ssize_t next_piece(struct tunnel *tunnel, char *out, size_t max)
{
    struct forward *forward = tunnel->forward;
    ssize_t result = -1;
    pthread_mutex_lock(&tunnel->lock);
    while (!tunnel->abandoned && !forward->up_ended && forward->up.len == 0)
        pthread_cond_wait(&tunnel->changed, &tunnel->lock);
    if (!tunnel->abandoned) {
        size_t take = forward->up.len < max ? forward->up.len : max;
        if (take) {
            memcpy(out, forward->up.data, take);
            make_room(tunnel, take);
        }
        result = (ssize_t)take;
    }
    pthread_mutex_unlock(&tunnel->lock);
    return result;
}

static bool send_piece(struct tunnel *tunnel, const char *bytes, size_t len, bool chunked)
{
    struct buf text = BUF_TEXT;
    if (chunked)
        buf_printf(&text, "%zx\r\n", len);
    buf_add(&text, bytes, len);
    if (chunked)
        buf_add_text(&text, "\r\n");
    bool ok = backend_send(&tunnel->node, buf_str(&text));
    buf_free(&text);
    return ok;
}

static void discard(struct tunnel *tunnel)
{
    pthread_mutex_lock(&tunnel->lock);
    tunnel->forward->up_discard = true;
    buf_clear(&tunnel->forward->up);
    make_room(tunnel, 0);
    pthread_mutex_unlock(&tunnel->lock);
}

bool forward_send_body(struct tunnel *tunnel)
{
    struct request *request = tunnel->forward->request;
    bool chunked = header(request, "Transfer-Encoding") != NULL, taken = true;
    char bytes[BLOCK];
    server_take_body(request); /* the I/O thread's until the body has ended */
    for (;;) {
        ssize_t got = next_piece(tunnel, bytes, sizeof(bytes));
        if (got < 0)
            return false;
        if (got == 0)
            break;
        if (taken && !send_piece(tunnel, bytes, (size_t)got, chunked)) {
            taken = false;
            discard(tunnel);
        }
    }
    if (taken && chunked)
        taken = send_piece(tunnel, "", 0, true);
    return true;
}
