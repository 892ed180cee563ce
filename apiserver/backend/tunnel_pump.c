/* An upgraded connection: bytes both ways until one side ends. What is inside (WebSocket, SPDY) is
 * between client and node.
 *
 * The connection is taken from libmicrohttpd by suspending it: its own way of upgrading (0.9.75)
 * moves the bytes of TLS connections four at a time. It gets the connection back to close it. */
#include <poll.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/connection.h"
#include "apiserver/backend/forward_internal.h"
#include "apiserver/backend/tunnel_internal.h"

#define BLOCK   ((size_t)32 << 10)
#define IDLE_MS (4 * 3600 * 1000) /* upstream's streaming idle timeout */

struct lane { /* bytes read on one side and not yet written on the other */
    char bytes[BLOCK];
    size_t start, end;
    bool closed; /* the reading side has ended */
};

struct pump {
    struct tunnel *tunnel;
    struct lane up, down;  /* to the node, to the client */
    struct backend client; /* libmicrohttpd's, lent while it is suspended */
    bool broken;
};

static void fill(struct lane *lane, struct backend *from)
{
    if (lane->closed || lane->start != lane->end)
        return;
    ssize_t got = backend_read(from, lane->bytes, BLOCK);
    if (got > 0) {
        lane->start = 0;
        lane->end = (size_t)got;
    } else if (got != BACKEND_AGAIN) {
        lane->closed = true;
    }
}

static void drain(struct pump *pump, struct lane *lane, struct backend *to)
{
    while (lane->start < lane->end) {
        ssize_t sent = backend_write(to, lane->bytes + lane->start, lane->end - lane->start);
        if (sent == BACKEND_AGAIN)
            return;
        if (sent <= 0) {
            pump->broken = true;
            return;
        }
        lane->start += (size_t)sent;
    }
}

static bool empty(const struct lane *lane)
{
    return lane->start == lane->end;
}

static short events(const struct lane *from, const struct lane *to)
{
    return (short)((empty(from) && !from->closed ? POLLIN : 0) | (empty(to) ? 0 : POLLOUT));
}

/* True while there is something to wait for. A client that goes while the node takes nothing ends
 * it all the same. */
static bool wait_for_bytes(struct pump *pump)
{
    const struct backend *client = &pump->client, *node = &pump->tunnel->node;
    struct pollfd sides[2] = {{.fd = client->fd, .events = events(&pump->up, &pump->down)},
                              {.fd = node->fd, .events = events(&pump->down, &pump->up)}};
    if ((empty(&pump->down) && backend_pending(node)) ||
        (empty(&pump->up) && backend_pending(client)))
        return true;
    int ready = poll(sides, ARRAY_LEN(sides), IDLE_MS);
    return ready > 0 && !(sides[0].revents & (POLLERR | POLLNVAL));
}

/* Either side's end ends both: the protocols inside have closing frames of their own. */
static void run(struct pump *pump)
{
    while (!pump->broken) {
        fill(&pump->up, &pump->client);
        drain(pump, &pump->up, &pump->tunnel->node);
        fill(&pump->down, &pump->tunnel->node);
        drain(pump, &pump->down, &pump->client);
        if ((pump->up.closed && empty(&pump->up)) || (pump->down.closed && empty(&pump->down)))
            return;
        if (!wait_for_bytes(pump))
            return;
    }
}

/* ---- taking the connection ---- */

static void *pump_thread(void *arg)
{
    struct tunnel *tunnel = arg;
    struct pump *pump = xcalloc(1, sizeof(*pump));
    struct MHD_Connection *http = tunnel->http;
    pump->tunnel = tunnel;
    pump->client = (struct backend){.fd = tunnel->client_fd, .session = tunnel->client_session};
    if (tunnel->rest.len && tunnel->rest.len <= BLOCK) {
        memcpy(pump->down.bytes, tunnel->rest.data, tunnel->rest.len);
        pump->down.end = tunnel->rest.len;
    }
    if (backend_send(&pump->client, buf_str(&tunnel->queue)))
        run(pump);
    if (pump->client.session)
        gnutls_bye(pump->client.session, GNUTLS_SHUT_WR);
    free(pump);
    MHD_resume_connection(http);
    tunnel_finish(tunnel);
    return NULL;
}

static enum MHD_Result add_header(void *arg, enum MHD_ValueKind kind, const char *key,
                                  const char *value)
{
    (void)kind;
    buf_printf(arg, "%s: %s\r\n", key, value);
    return MHD_YES;
}

/* The answer's head, as libmicrohttpd would have sent it. */
static void write_head(struct buf *out, struct MHD_Response *response)
{
    buf_add_text(out, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n");
    (void)MHD_get_response_headers(response, add_header, out); /* the count */
    buf_add_text(out, "\r\n");
}

void tunnel_take_connection(struct request *request, struct MHD_Response *response)
{
    struct tunnel *tunnel = request->reply.tunnel;
    request->reply.tunnel = NULL; /* the thread's from here on */
    request->connection->upgraded = true;
    write_head(&tunnel->queue, response);
    tunnel->client_session = request->connection->session;
    server_lend(request);
    if (tunnel_start(tunnel, pump_thread))
        return;
    MHD_resume_connection(tunnel->http);
    tunnel_destroy(tunnel);
}

struct MHD_Response *tunnel_pump_response(struct tunnel *tunnel)
{
    static const char *const names[] = {"Upgrade", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol",
                                        "X-Stream-Protocol-Version"};
    static char nothing[1];
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    if (response && tunnel->forward) {
        forward_copy_upgrade(response, tunnel);
        return response;
    }
    for (size_t i = 0; response && i < ARRAY_LEN(names); i++) {
        struct str value = head_value(&tunnel->head, names[i]);
        CLEANUP(free_ptr) char *text = str_dup(value);
        if (value.len)
            MHD_add_response_header(response, names[i], text);
    }
    return response;
}
