/* An upgraded connection: bytes both ways until one side ends. What is inside (WebSocket, SPDY) is
 * between client and node. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "apiserver/connection.h"
#include "apiserver/forward_internal.h"
#include "apiserver/tunnel_internal.h"

#define BLOCK   ((size_t)32 << 10)
#define IDLE_MS (4 * 3600 * 1000) /* upstream's streaming idle timeout */
#define LAST_MS 250               /* for what is still on its way when the client has gone */

struct lane { /* bytes read on one side and not yet written on the other */
    char bytes[BLOCK];
    size_t start, end;
    bool closed; /* the reading side has ended */
};

struct pump {
    struct tunnel *tunnel;
    struct lane up, down; /* to the node, to the client */
    bool broken;
    bool client_gone;
};

static void read_client(struct pump *pump)
{
    struct lane *lane = &pump->up;
    if (lane->closed || lane->start != lane->end)
        return;
    ssize_t got = recv(pump->tunnel->client, lane->bytes, BLOCK, MSG_DONTWAIT);
    if (got > 0) {
        lane->start = 0;
        lane->end = (size_t)got;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        lane->closed = true;
    }
}

static void read_node(struct pump *pump)
{
    struct lane *lane = &pump->down;
    if (lane->closed || lane->start != lane->end)
        return;
    ssize_t got = backend_read(&pump->tunnel->node, lane->bytes, BLOCK);
    if (got > 0) {
        lane->start = 0;
        lane->end = (size_t)got;
    } else if (got != BACKEND_AGAIN) {
        lane->closed = true;
    }
}

static void write_node(struct pump *pump)
{
    struct lane *lane = &pump->up;
    while (lane->start < lane->end) {
        ssize_t sent =
            backend_write(&pump->tunnel->node, lane->bytes + lane->start, lane->end - lane->start);
        if (sent == BACKEND_AGAIN)
            return;
        if (sent <= 0) {
            pump->broken = true;
            return;
        }
        lane->start += (size_t)sent;
    }
}

static void write_client(struct pump *pump)
{
    struct lane *lane = &pump->down;
    while (lane->start < lane->end) {
        ssize_t sent = send(pump->tunnel->client, lane->bytes + lane->start,
                            lane->end - lane->start, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
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

/* True while there is something to wait for. libmicrohttpd (0.9.75) hands us one end of a socket
 * pair and does not tell there that a TLS client has gone, so its own socket is looked at as well.
 */
static bool wait_for_bytes(struct pump *pump)
{
    const struct tunnel *tunnel = pump->tunnel;
    struct pollfd sides[3] = {{.fd = tunnel->client},
                              {.fd = tunnel->node.fd},
                              {.fd = pump->client_gone ? -1 : tunnel->client_fd}};
    sides[0].events = (short)((empty(&pump->up) ? POLLIN : 0) | (empty(&pump->down) ? 0 : POLLOUT));
    sides[1].events = (short)((empty(&pump->down) ? POLLIN : 0) | (empty(&pump->up) ? 0 : POLLOUT));
    sides[2].events = POLLRDHUP;
    if (empty(&pump->down) && backend_pending(&tunnel->node))
        return true;
    int ready = poll(sides, ARRAY_LEN(sides), pump->client_gone ? LAST_MS : IDLE_MS);
    pump->client_gone = pump->client_gone || sides[2].revents;
    return ready > 0;
}

/* Either side's end ends both: the protocols inside have closing frames of their own. */
static void run(struct pump *pump)
{
    while (!pump->broken) {
        read_client(pump);
        write_node(pump);
        read_node(pump);
        write_client(pump);
        if ((pump->up.closed && empty(&pump->up)) || (pump->down.closed && empty(&pump->down)))
            return;
        if (!wait_for_bytes(pump))
            return;
    }
}

static void *pump_thread(void *arg)
{
    struct tunnel *tunnel = arg;
    struct pump *pump = xcalloc(1, sizeof(*pump));
    pump->tunnel = tunnel;
    if (tunnel->rest.len && tunnel->rest.len <= BLOCK) {
        memcpy(pump->down.bytes, tunnel->rest.data, tunnel->rest.len);
        pump->down.end = tunnel->rest.len;
    }
    if (tunnel->queue.len && tunnel->queue.len <= BLOCK) {
        memcpy(pump->up.bytes, tunnel->queue.data, tunnel->queue.len);
        pump->up.end = tunnel->queue.len;
    }
    run(pump);
    free(pump);
    MHD_upgrade_action(tunnel->handle, MHD_UPGRADE_ACTION_CLOSE);
    tunnel_finish(tunnel);
    return NULL;
}

static void on_upgrade(void *cls, struct MHD_Connection *http, void *context, const char *extra,
                       size_t extra_len, MHD_socket socket,
                       struct MHD_UpgradeResponseHandle *handle)
{
    struct tunnel *tunnel = cls;
    struct request *request = context;
    (void)http;
    request->reply.tunnel = NULL; /* the thread's from here on */
    request->connection->upgraded = true;
    tunnel->client = socket;
    tunnel->handle = handle;
    buf_add(&tunnel->queue, extra, extra_len);
    if (tunnel_start(tunnel, pump_thread))
        return;
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
    tunnel_destroy(tunnel);
}

struct MHD_Response *tunnel_pump_response(struct tunnel *tunnel)
{
    static const char *const names[] = {"Upgrade", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol",
                                        "X-Stream-Protocol-Version"};
    struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgrade, tunnel);
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
