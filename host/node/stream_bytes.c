/* One connection into a Pod, byte for byte, until either side ends it. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "host/node/stream_session.h"

#define BLOCK ((size_t)32 << 10)

struct lane { /* read on one side, not yet written on the other */
    char bytes[BLOCK];
    size_t start, end;
    bool closed; /* the reading side has ended */
};

struct pump {
    const struct session *session;
    struct wire *wire;
    struct lane in, out; /* to the Pod, to the client */
    bool broken;
};

static bool would_block(void)
{
    return errno == EAGAIN || errno == EINTR;
}

static bool empty(const struct lane *lane)
{
    return lane->start == lane->end;
}

static void filled(struct lane *lane, ssize_t got)
{
    if (got > 0) {
        lane->start = 0;
        lane->end = (size_t)got;
    } else if (got == 0 || !would_block()) {
        lane->closed = true;
    }
}

static bool wants_more(const struct lane *lane)
{
    return !lane->closed && empty(lane);
}

/* Counts what was sent. False when no more goes now. */
static bool drained(struct pump *pump, struct lane *lane, ssize_t sent)
{
    if (sent < 0 && would_block())
        return false;
    pump->broken = sent <= 0;
    if (sent > 0)
        lane->start += (size_t)sent;
    return sent > 0;
}

static void move_in(struct pump *pump)
{
    struct lane *lane = &pump->in;
    const struct session *session = pump->session;
    if (wants_more(lane))
        filled(lane, wire_recv(pump->wire, lane->bytes, BLOCK));
    while (!empty(lane) && drained(pump, lane,
                                   send(session->pod_fd, lane->bytes + lane->start,
                                        lane->end - lane->start, MSG_DONTWAIT | MSG_NOSIGNAL)))
        continue;
}

static void move_out(struct pump *pump)
{
    struct lane *lane = &pump->out;
    if (wants_more(lane))
        filled(lane, recv(pump->session->pod_fd, lane->bytes, BLOCK, MSG_DONTWAIT));
    while (!empty(lane) &&
           drained(pump, lane,
                   wire_send_bytes(pump->wire, lane->bytes + lane->start, lane->end - lane->start)))
        continue;
}

static short events(const struct lane *from, const struct lane *to)
{
    return (short)((empty(from) && !from->closed ? POLLIN : 0) | (empty(to) ? 0 : POLLOUT));
}

static bool wait_for_bytes(struct pump *pump)
{
    const struct session *session = pump->session;
    struct pollfd sides[3] = {{.fd = session->wire.fd, .events = events(&pump->in, &pump->out)},
                              {.fd = session->pod_fd, .events = events(&pump->out, &pump->in)},
                              {.fd = session->stop_fd, .events = POLLIN}};
    int ready = poll(sides, ARRAY_LEN(sides), -1);
    return (ready > 0 || (ready < 0 && errno == EINTR)) && !sides[2].revents &&
           !(sides[0].revents & (POLLERR | POLLNVAL));
}

void session_bytes(struct session *session)
{
    struct pump *pump = xcalloc(1, sizeof(*pump));
    pump->session = session;
    pump->wire = &session->wire;
    do {
        move_in(pump);
        move_out(pump);
        if ((pump->in.closed && empty(&pump->in)) || (pump->out.closed && empty(&pump->out)))
            break;
    } while (!pump->broken && wait_for_bytes(pump));
    free(pump);
}
