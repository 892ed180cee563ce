/* One connection into a Pod, byte for byte, until either side ends it. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "host/node/stream_session.h"

#define BLOCK   ((size_t)32 << 10)
#define LAST_MS 250 /* for what is still on its way when the client has gone */

struct lane { /* read on one side, not yet written on the other */
    char bytes[BLOCK];
    size_t start, end;
    bool closed; /* the reading side has ended */
};

struct pump {
    const struct session *session;
    struct lane in, out; /* to the Pod, to the client */
    bool broken, client_gone;
};

static bool would_block(void)
{
    return errno == EAGAIN || errno == EINTR;
}

static bool empty(const struct lane *lane)
{
    return lane->start == lane->end;
}

static void fill(struct lane *lane, int fd)
{
    if (lane->closed || !empty(lane))
        return;
    ssize_t got = recv(fd, lane->bytes, BLOCK, MSG_DONTWAIT);
    if (got > 0) {
        lane->start = 0;
        lane->end = (size_t)got;
    } else if (got == 0 || !would_block()) {
        lane->closed = true;
    }
}

static void drain(struct pump *pump, struct lane *lane, int fd)
{
    while (!empty(lane)) {
        ssize_t sent = send(fd, lane->bytes + lane->start, lane->end - lane->start,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && would_block())
            return;
        if (sent <= 0) {
            pump->broken = true;
            return;
        }
        lane->start += (size_t)sent;
    }
}

static short events(const struct lane *from, const struct lane *to)
{
    return (short)((empty(from) && !from->closed ? POLLIN : 0) | (empty(to) ? 0 : POLLOUT));
}

/* libmicrohttpd (0.9.75) does not tell on its end of the pair that a TLS client has gone. */
static bool wait_for_bytes(struct pump *pump)
{
    const struct session *session = pump->session;
    struct pollfd sides[4] = {
        {.fd = session->wire.fd, .events = events(&pump->in, &pump->out)},
        {.fd = session->pod_fd, .events = events(&pump->out, &pump->in)},
        {.fd = session->stop_fd, .events = POLLIN},
        {.fd = pump->client_gone ? -1 : session->client_fd, .events = POLLRDHUP}};
    int ready = poll(sides, ARRAY_LEN(sides), pump->client_gone ? LAST_MS : -1);
    pump->client_gone = pump->client_gone || sides[3].revents;
    return (ready > 0 || (ready < 0 && errno == EINTR)) && !sides[2].revents;
}

void session_bytes(struct session *session)
{
    struct pump *pump = xcalloc(1, sizeof(*pump));
    pump->session = session;
    do {
        fill(&pump->in, session->wire.fd);
        drain(pump, &pump->in, session->pod_fd);
        fill(&pump->out, session->pod_fd);
        drain(pump, &pump->out, session->wire.fd);
        if ((pump->in.closed && empty(&pump->in)) || (pump->out.closed && empty(&pump->out)))
            break;
    } while (!pump->broken && wait_for_bytes(pump));
    free(pump);
}
