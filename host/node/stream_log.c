/* A log over WebSocket: what the container says, as it says it, until the log or the client ends.
 */
#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "host/node/stream_session.h"

#define BLOCK_SIZE (32 << 10)
#define LINGER_MS  2000 /* for the peer to take what is left */

/* What the client sends is read past, but for its good-bye. */
static bool is_open(struct wire *wire)
{
    struct wire_event event;
    do
        stream_wire_next(wire, &event);
    while (event.kind != WIRE_NONE && event.kind != WIRE_END);
    return event.kind == WIRE_NONE;
}

/* Until all is sent. False when the client or the agent ends. */
static bool send_all(struct session *session)
{
    struct wire *wire = &session->wire;
    while (wire_flush(wire)) {
        if (!wire_wants_write(wire))
            return true;
        struct pollfd fds[2] = {{wire->fd, POLLIN | POLLOUT, 0}, {session->stop_fd, POLLIN, 0}};
        if ((poll(fds, 2, -1) < 0 && errno != EINTR) || fds[1].revents)
            return false;
        if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) && (!wire_read(wire) || !is_open(wire)))
            return false;
    }
    return false;
}

/* The client answers our good-bye with its own, or hangs up. */
static void linger(struct session *session)
{
    int64_t until_ns = clock_mono_ns() + INT64_C(1000000) * LINGER_MS;
    wire_finish(&session->wire);
    while (clock_mono_ns() < until_ns && send_all(session)) {
        struct pollfd fds[2] = {{session->wire.fd, POLLIN, 0}, {session->stop_fd, POLLIN, 0}};
        if (poll(fds, 2, LINGER_MS) <= 0 || fds[1].revents || !wire_read(&session->wire) ||
            !is_open(&session->wire))
            return;
    }
}

void session_log(struct session *session)
{
    char bytes[BLOCK_SIZE];
    ssize_t got;
    while ((got = session->log.read(session->log.arg, bytes, sizeof(bytes))) > 0) {
        wire_send(&session->wire, 0, (struct str){bytes, (size_t)got});
        if (!send_all(session))
            return;
    }
    linger(session);
}
