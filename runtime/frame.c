/* Frames: see the header. Descriptors travel with the first byte of a frame. */
#include "runtime/frame.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/system_error.h"

void frame_fds_close(struct frame_fds *fds)
{
    for (size_t i = 0; i < fds->count; i++)
        close(fds->fds[i]);
    fds->count = 0;
}

/* Waits for `events`. False with an error at the deadline. */
static bool await(int socket, short events, int64_t deadline_mono_ns, struct error *err)
{
    for (;;) {
        int64_t left_ms = (deadline_mono_ns - clock_mono_ns()) / 1000000;
        if (left_ms <= 0)
            return error_set(err, ERROR_TIMEOUT, "the sandbox's shim does not answer");
        struct pollfd poller = {.fd = socket, .events = events};
        int ready = poll(&poller, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return error_system(err, "poll");
    }
}

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * FRAME_FDS_MAX)];
};

static void attach_fds(struct msghdr *message, union control *control, const struct frame_fds *fds)
{
    memset(control, 0, sizeof(*control));
    message->msg_control = control->bytes;
    message->msg_controllen = CMSG_SPACE(sizeof(int) * fds->count);
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds->count);
    memcpy(CMSG_DATA(header), fds->fds, sizeof(int) * fds->count);
}

bool frame_send(int socket, const json_t *message, const struct frame_fds *fds,
                int64_t deadline_mono_ns, struct error *err)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(FRAME_MAX + 4);
    uint32_t len = 0;
    buf_add(&out, &len, sizeof(len));
    json_write(&out, message);
    if (!buf_ok(&out))
        return error_set(err, ERROR_TOO_LARGE, "the message to the shim is too large");
    len = (uint32_t)(out.len - sizeof(len));
    memcpy(out.data, &len, sizeof(len));
    for (size_t sent = 0; sent < out.len;) {
        union control control;
        struct iovec piece = {out.data + sent, out.len - sent};
        struct msghdr header = {.msg_iov = &piece, .msg_iovlen = 1};
        if (sent == 0 && fds && fds->count)
            attach_fds(&header, &control, fds);
        ssize_t done = sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done >= 0)
            sent += (size_t)done;
        else if (errno == EAGAIN) {
            if (!await(socket, POLLOUT, deadline_mono_ns, err))
                return false;
        } else if (errno != EINTR)
            return error_system(err, "write to the shim");
    }
    return true;
}

static void collect_fds(struct msghdr *header, struct frame_fds *fds)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(at) + i * sizeof(int), sizeof(fd));
            if (fds && fds->count < FRAME_FDS_MAX)
                fds->fds[fds->count++] = fd;
            else
                close(fd);
        }
    }
}

/* One read of at most `want` bytes. Bytes read; 0: none there yet; -1: ended or broken. */
static ssize_t read_piece(int socket, char *into, size_t want, struct frame_fds *fds)
{
    union control control;
    struct iovec piece = {into, want};
    struct msghdr header = {.msg_iov = &piece,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
    ssize_t got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    collect_fds(&header, fds);
    return got == 0 ? -1 : got;
}

/* How many bytes the frame in `in` still lacks; -1 when its length is nonsense. */
static int64_t bytes_missing(const struct buf *in)
{
    uint32_t len;
    if (in->len < sizeof(len))
        return (int64_t)(sizeof(len) - in->len);
    memcpy(&len, in->data, sizeof(len));
    if (len > FRAME_MAX)
        return -1;
    return (int64_t)(len + sizeof(len) - in->len);
}

/* As frame_poll, keeping descriptors. */
static int advance(int socket, struct buf *in, struct frame_fds *fds, json_t **message)
{
    int64_t missing;
    CLEANUP(error_clear) struct error ignored = {0};
    while ((missing = bytes_missing(in)) > 0 || in->len == sizeof(uint32_t)) {
        if (missing == 0)
            return -1;
        char *room = buf_reserve(in, (size_t)missing);
        ssize_t got = room ? read_piece(socket, room, (size_t)missing, fds) : -1;
        if (got <= 0)
            return (int)got;
        in->len += (size_t)got;
    }
    if (missing < 0)
        return -1;
    struct str text = {in->data + sizeof(uint32_t), in->len - sizeof(uint32_t)};
    *message = json_parse(text, JSON_LOAD_STRICT, &ignored);
    return *message ? 1 : -1;
}

int frame_poll(int socket, struct buf *in, json_t **message)
{
    return advance(socket, in, NULL, message);
}

json_t *frame_receive(int socket, struct frame_fds *fds, int64_t deadline_mono_ns,
                      struct error *err)
{
    CLEANUP(buf_free) struct buf in = BUF_INIT(FRAME_MAX + 4);
    json_t *message = NULL;
    if (fds)
        fds->count = 0;
    for (;;) {
        int state = advance(socket, &in, fds, &message);
        if (state > 0)
            return message;
        if (state == 0 && await(socket, POLLIN, deadline_mono_ns, err))
            continue;
        if (state < 0)
            error_set(err, ERROR_UNAVAILABLE, "the sandbox's shim has ended");
        if (fds)
            frame_fds_close(fds);
        return NULL;
    }
}
