/* Port-forward: pairs of streams (data, error), each with a connection into the Pod's network. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/parse.h"
#include "host/node/stream_session.h"

#define BLOCK_SIZE (32 << 10)
#define HELD_HIGH  ((size_t)1 << 20)
#define HELD_MAX   ((size_t)4 << 20)

struct forward {
    char *request_id;     /* SPDY: what joins the two streams; owned */
    uint32_t data, error; /* stream ids or channels; 0: not open (SPDY) */
    bool used, connected;
    uint16_t port;
    int fd;
    struct buf held; /* from the client, not yet written */
    size_t held_sent;
    bool client_done, pod_done;
};

struct pump {
    struct session *session;
    struct wire *wire;
    struct forward forwards[SESSION_PORTS_MAX];
};

/* ---- one connection ---- */

static void forward_close(struct forward *forward)
{
    if (forward->fd >= 0)
        close(forward->fd);
    buf_free(&forward->held);
    free(forward->request_id);
    *forward = (struct forward){.fd = -1};
}

/* Tells why on the error stream and ends both. */
static void forward_fail(struct pump *pump, struct forward *forward, const char *message)
{
    wire_send(pump->wire, forward->error, str_of(message));
    wire_send_end(pump->wire, forward->error);
    wire_reset(pump->wire, forward->data);
    forward_close(forward);
}

static void forward_connect(struct pump *pump, struct forward *forward)
{
    CLEANUP(error_clear) struct error err = {0};
    forward->connected = true;
    if (sandbox_connect(pump->session->runtime, pump->session->sandbox, NULL, forward->port,
                        &forward->fd, &err)) {
        int flags = fcntl(forward->fd, F_GETFL);
        if (flags >= 0)
            (void)fcntl(forward->fd, F_SETFL, flags | O_NONBLOCK); /* a socket of ours */
        return;
    }
    forward->fd = -1;
    CLEANUP(free_ptr)
    char *message = xasprintf("error forwarding port %u to pod %s: %s", forward->port,
                              pump->session->sandbox, err.message);
    forward_fail(pump, forward, message);
}

static void forward_write(struct forward *forward)
{
    size_t left = forward->held.len - forward->held_sent;
    if (left && forward->fd >= 0) {
        ssize_t put =
            send(forward->fd, forward->held.data + forward->held_sent, left, MSG_NOSIGNAL);
        if (put > 0)
            forward->held_sent += (size_t)put;
        else if (put < 0 && errno != EAGAIN && errno != EINTR)
            forward->held_sent = forward->held.len; /* the reading side will notice */
    }
    if (forward->held_sent < forward->held.len)
        return;
    buf_clear(&forward->held);
    forward->held_sent = 0;
    if (forward->client_done && forward->fd >= 0)
        (void)shutdown(forward->fd, SHUT_WR); /* twice does no harm */
}

static void forward_read(struct pump *pump, struct forward *forward)
{
    char bytes[BLOCK_SIZE];
    ssize_t got = recv(forward->fd, bytes, sizeof(bytes), 0);
    if (got > 0) {
        wire_send(pump->wire, forward->data, (struct str){bytes, (size_t)got});
        return;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    wire_send_end(pump->wire, forward->data);
    wire_send_end(pump->wire, forward->error);
    forward_close(forward);
}

/* ---- events ---- */

static struct forward *find_by_channel(struct pump *pump, uint32_t channel)
{
    for (size_t i = 0; i < SESSION_PORTS_MAX; i++)
        if (pump->forwards[i].used &&
            (pump->forwards[i].data == channel || pump->forwards[i].error == channel))
            return &pump->forwards[i];
    return NULL;
}

static struct forward *find_or_make(struct pump *pump, const char *request_id)
{
    struct forward *spare = NULL;
    for (size_t i = 0; i < SESSION_PORTS_MAX; i++) {
        struct forward *one = &pump->forwards[i];
        if (one->used && text_eq(one->request_id, request_id))
            return one;
        if (!one->used && !spare)
            spare = one;
    }
    if (spare)
        *spare = (struct forward){
            .used = true, .request_id = xstrdup(request_id), .fd = -1, .held = BUF_INIT(HELD_MAX)};
    return spare;
}

static void take_open(struct pump *pump, uint32_t stream)
{
    int64_t port;
    const char *type = wire_header(pump->wire, "streamtype"),
               *id = wire_header(pump->wire, "requestid"),
               *port_text = wire_header(pump->wire, "port");
    bool is_data = text_eq(type, "data");
    struct forward *forward = NULL;
    if (port_text && parse_i64(str_of(port_text), 1, 65535, &port) &&
        (is_data || text_eq(type, "error")))
        forward = find_or_make(pump, id ? id : port_text);
    if (!forward || (is_data ? forward->data : forward->error)) {
        wire_reset(pump->wire, stream);
        return;
    }
    wire_accept(pump->wire, stream);
    forward->port = (uint16_t)port;
    if (is_data)
        forward->data = stream;
    else
        forward->error = stream;
    if (forward->data && forward->error && !forward->connected)
        forward_connect(pump, forward);
}

static void take_close(struct pump *pump, const struct wire_event *event)
{
    struct forward *forward = find_by_channel(pump, event->channel);
    if (!forward || forward->data != event->channel)
        return; /* the client closes its side of the error stream at once */
    if (event->kind == WIRE_RESET) {
        forward_close(forward);
        return;
    }
    forward->client_done = true;
    forward_write(forward);
}

/* False at the connection's end. */
static bool take_events(struct pump *pump)
{
    for (struct wire_event event;;) {
        stream_wire_next(pump->wire, &event);
        struct forward *forward =
            event.kind == WIRE_DATA ? find_by_channel(pump, event.channel) : NULL;
        switch (event.kind) {
        case WIRE_NONE:
            return true;
        case WIRE_OPEN:
            take_open(pump, event.channel);
            break;
        case WIRE_DATA:
            if (forward && forward->data == event.channel && forward->fd >= 0) {
                buf_add(&forward->held, event.data.data, event.data.len);
                forward_write(forward);
            }
            break;
        case WIRE_CLOSE:
        case WIRE_RESET:
            take_close(pump, &event);
            break;
        case WIRE_END:
            return false;
        }
    }
}

/* ---- the loop ---- */

/* The first two polls are the wire and the stop; the others follow the forwards. */
static void fill_polls(const struct pump *pump, struct pollfd *polls)
{
    bool full = wire_is_full(pump->wire), choked = false;
    for (size_t i = 0; i < SESSION_PORTS_MAX; i++) {
        const struct forward *one = &pump->forwards[i];
        size_t held = one->held.len - one->held_sent;
        choked = choked || held > HELD_HIGH;
        polls[i + 2] = (struct pollfd){one->used ? one->fd : -1,
                                       (short)((full ? 0 : POLLIN) | (held ? POLLOUT : 0)), 0};
    }
    polls[0] = (struct pollfd){
        pump->wire->fd,
        (short)((choked ? 0 : POLLIN) | (wire_wants_write(pump->wire) ? POLLOUT : 0)), 0};
    polls[1] = (struct pollfd){pump->session->stop_fd, POLLIN, 0};
}

/* On channels no connection can be added: with the last one the session ends. */
static bool is_over(const struct pump *pump)
{
    if (pump->wire->kind != WIRE_CHANNELS)
        return false;
    for (size_t i = 0; i < SESSION_PORTS_MAX; i++)
        if (pump->forwards[i].used)
            return false;
    return true;
}

static bool turn(struct pump *pump)
{
    struct pollfd polls[SESSION_PORTS_MAX + 2];
    fill_polls(pump, polls);
    if (poll(polls, SESSION_PORTS_MAX + 2, -1) < 0 && errno != EINTR)
        return false;
    if (polls[1].revents)
        return false;
    for (size_t i = 0; i < SESSION_PORTS_MAX; i++) {
        struct forward *one = &pump->forwards[i];
        if (polls[i + 2].revents & POLLOUT)
            forward_write(one);
        if (one->used && one->fd >= 0 && (polls[i + 2].revents & (POLLIN | POLLHUP | POLLERR)))
            forward_read(pump, one);
    }
    if ((polls[0].revents & (POLLIN | POLLHUP | POLLERR)) && !wire_read(pump->wire))
        return false;
    return take_events(pump) && wire_flush(pump->wire) && !is_over(pump);
}

/* Channels: two a port (data, error), each of which begins with the port's number, low byte first.
 */
static void open_channels(struct pump *pump)
{
    for (size_t i = 0; i < pump->session->port_count; i++) {
        struct forward *one = &pump->forwards[i];
        uint16_t port = pump->session->ports[i];
        const char head[2] = {(char)(port & 0xff), (char)(port >> 8)};
        *one = (struct forward){.used = true,
                                .data = (uint32_t)(i * 2),
                                .error = (uint32_t)(i * 2 + 1),
                                .port = port,
                                .fd = -1,
                                .held = BUF_INIT(HELD_MAX)};
        wire_send(pump->wire, one->data, (struct str){head, 2});
        wire_send(pump->wire, one->error, (struct str){head, 2});
        forward_connect(pump, one);
    }
}

void session_forward(struct session *session)
{
    struct pump *pump = xcalloc(1, sizeof(*pump));
    pump->session = session;
    pump->wire = &session->wire;
    for (size_t i = 0; i < SESSION_PORTS_MAX; i++)
        pump->forwards[i].fd = -1;
    if (session->wire.kind == WIRE_CHANNELS)
        open_channels(pump);
    if (take_events(pump) && wire_flush(pump->wire))
        while (turn(pump))
            continue;
    wire_finish(pump->wire);
    (void)wire_flush(pump->wire); /* it may be gone already */
    for (size_t i = 0; i < SESSION_PORTS_MAX; i++)
        forward_close(&pump->forwards[i]);
    free(pump);
}
