/* The loop that moves the bytes of all reached streams: between the caller's end of a socket pair
 * and the TLS connection to a node. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apiserver/backend/reach_internal.h"
#include "base/clock.h"

#define BLOCK      ((size_t)16 << 10)
#define ROUNDS_MAX 16 /* blocks that one stream may move before the others have their turn */
#define SWEEP_MS   60000
#define EVENTS_MAX 64

struct lane { /* read on one side, not yet written on the other */
    char bytes[BLOCK];
    size_t start, end;
    bool closed; /* the reading side has ended */
};

struct reach_stream {
    struct reach *reach;
    unsigned place;            /* in reach->places */
    struct reach_stream *next; /* in the inbox, then among the loop's */

    /* the loop's, once it runs */
    struct backend near, node; /* our end of the pair; the node */
    struct lane up, down;      /* to the node, to the caller */
    int64_t used_mono_ns;
    bool over;  /* nothing more can move */
    bool again; /* stopped in the middle: its turn comes again without an event */
};

struct reach {
    int epoll_fd, wake_fd;
    pthread_t thread;
    struct reach_stream *first; /* the loop's: those that run */
    pthread_mutex_t lock;
    struct reach_stream *inbox; /* guarded by lock: those that begin */
    int64_t places[REACH_MAX];  /* guarded by lock: whose each stream is; 0: a free place */
    bool started, stopping;     /* guarded by lock */
};

/* ---- one stream ---- */

static bool empty(const struct lane *lane)
{
    return lane->start == lane->end;
}

/* True when bytes moved. */
static bool move(struct reach_stream *stream, struct lane *lane, struct backend *from,
                 struct backend *to)
{
    bool moved = false;
    if (empty(lane) && !lane->closed) {
        ssize_t got = backend_read(from, lane->bytes, BLOCK);
        lane->closed = got == 0 || got == BACKEND_BROKEN;
        lane->start = 0;
        lane->end = got > 0 ? (size_t)got : 0;
        moved = got > 0;
    }
    while (!empty(lane)) {
        ssize_t sent = backend_write(to, lane->bytes + lane->start, lane->end - lane->start);
        stream->over = stream->over || sent == BACKEND_BROKEN;
        if (sent <= 0)
            break;
        lane->start += (size_t)sent;
        moved = true;
    }
    return moved;
}

static void turn(struct reach_stream *stream)
{
    stream->used_mono_ns = clock_mono_ns();
    stream->again = true;
    for (unsigned i = 0; i < ROUNDS_MAX && stream->again; i++) {
        bool up = move(stream, &stream->up, &stream->near, &stream->node);
        bool down = move(stream, &stream->down, &stream->node, &stream->near);
        stream->again = up || down;
    }
    stream->over = stream->over || (stream->up.closed && empty(&stream->up)) ||
                   (stream->down.closed && empty(&stream->down));
}

/* Closing the descriptors takes them out of the loop. */
void reach_stream_drop(struct reach_stream *stream)
{
    struct reach *reach = stream->reach;
    pthread_mutex_lock(&reach->lock);
    reach->places[stream->place] = 0;
    pthread_mutex_unlock(&reach->lock);
    backend_close(&stream->near);
    backend_close(&stream->node);
    free(stream);
}

/* Under the lock. False when all are taken, or this cluster's share is. */
static bool take_place(struct reach *reach, int64_t cluster_id, unsigned *place)
{
    unsigned mine = 0, spare = REACH_MAX;
    for (unsigned i = 0; i < REACH_MAX; i++) {
        mine += reach->places[i] == cluster_id;
        if (!reach->places[i] && spare == REACH_MAX)
            spare = i;
    }
    if (spare == REACH_MAX || mine >= REACH_SHARE)
        return false;
    reach->places[spare] = cluster_id;
    *place = spare;
    return true;
}

struct reach_stream *reach_stream_new(struct reach *reach, int64_t cluster_id, struct error *err)
{
    unsigned place;
    pthread_mutex_lock(&reach->lock);
    bool ok = !reach->stopping && take_place(reach, cluster_id, &place);
    pthread_mutex_unlock(&reach->lock);
    if (!ok) {
        error_set(err, ERROR_TOO_MANY_REQUESTS, "too many connections to Pods of this cluster");
        return NULL;
    }
    struct reach_stream *stream = xcalloc(1, sizeof(*stream));
    stream->reach = reach;
    stream->place = place;
    stream->near.fd = stream->node.fd = -1;
    return stream;
}

/* ---- the loop ---- */

static bool watch(const struct reach *reach, int fd, struct reach_stream *stream)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = stream};
    return epoll_ctl(reach->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Takes in the streams that begin. False when the server stops. */
static bool take_inbox(struct reach *reach)
{
    uint64_t count;
    (void)!read(reach->wake_fd, &count, sizeof(count)); /* edge-triggered: only to reset it */
    pthread_mutex_lock(&reach->lock);
    struct reach_stream *next, *stream = reach->inbox;
    reach->inbox = NULL;
    bool stopping = reach->stopping;
    pthread_mutex_unlock(&reach->lock);
    for (; stream; stream = next) {
        next = stream->next;
        stream->next = reach->first;
        reach->first = stream;
        stream->again = true;
        stream->over =
            !watch(reach, stream->near.fd, stream) || !watch(reach, stream->node.fd, stream);
    }
    return !stopping;
}

/* Gives the streams that something happened to, or that stopped in the middle, their turn. True
 * when some have to go on. */
static bool take_turns(struct reach *reach, bool sweep)
{
    int64_t oldest = clock_mono_ns() - (int64_t)REACH_IDLE_S * 1000000000;
    bool more = false;
    for (struct reach_stream **at = &reach->first, *stream; (stream = *at);) {
        if (stream->again && !stream->over)
            turn(stream);
        if (stream->over || (sweep && stream->used_mono_ns < oldest)) {
            *at = stream->next;
            reach_stream_drop(stream);
            continue;
        }
        more = more || stream->again;
        at = &stream->next;
    }
    return more;
}

static void *loop(void *arg)
{
    struct reach *reach = arg;
    struct epoll_event events[EVENTS_MAX];
    for (bool more = false, open = true; open;) {
        int count = epoll_wait(reach->epoll_fd, events, EVENTS_MAX, more ? 0 : SWEEP_MS);
        for (int i = 0; i < count; i++) {
            struct reach_stream *stream = events[i].data.ptr;
            if (stream)
                stream->again = true;
            else
                open = take_inbox(reach);
        }
        more = take_turns(reach, count == 0 && !more);
    }
    return NULL;
}

/* Under the lock. */
static bool post(struct reach *reach, struct reach_stream *stream)
{
    uint64_t one = 1;
    if (!reach->started)
        reach->started = pthread_create(&reach->thread, NULL, loop, reach) == 0;
    if (!reach->started || reach->stopping)
        return false;
    stream->next = reach->inbox;
    reach->inbox = stream;
    (void)!write(reach->wake_fd, &one, sizeof(one)); /* an eventfd of ours takes it */
    return true;
}

bool reach_stream_run(struct reach_stream *stream, struct backend *node, struct str first, int *fd,
                      struct error *err)
{
    struct reach *reach = stream->reach;
    int pair[2] = {-1, -1};
    stream->node = *node;
    *node = (struct backend){.fd = -1};
    bool ok = first.len <= BLOCK &&
              socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0;
    if (ok) {
        stream->near.fd = pair[0];
        if (first.len)
            memcpy(stream->down.bytes, first.data, first.len);
        stream->down.end = first.len;
        stream->used_mono_ns = clock_mono_ns();
        pthread_mutex_lock(&reach->lock);
        ok = post(reach, stream);
        pthread_mutex_unlock(&reach->lock);
    }
    if (ok) {
        *fd = pair[1];
        return true;
    }
    close_fd(&pair[1]);
    reach_stream_drop(stream);
    return error_unavailable(err, "the connection to the Pod could not be kept");
}

struct reach *reach_new(void)
{
    struct reach *reach = xcalloc(1, sizeof(*reach));
    reach->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    reach->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&reach->lock, NULL);
    (void)watch(reach, reach->wake_fd, NULL); /* fails with the descriptors: none runs then */
    return reach;
}

void reach_free(struct reach *reach)
{
    uint64_t one = 1;
    if (!reach)
        return;
    pthread_mutex_lock(&reach->lock);
    bool started = reach->started;
    reach->stopping = true;
    pthread_mutex_unlock(&reach->lock);
    (void)!write(reach->wake_fd, &one, sizeof(one)); /* an eventfd of ours takes it */
    if (started)
        pthread_join(reach->thread, NULL);
    for (struct reach_stream *stream; (stream = reach->first ? reach->first : reach->inbox);) {
        *(stream == reach->first ? &reach->first : &reach->inbox) = stream->next;
        reach_stream_drop(stream);
    }
    close(reach->epoll_fd);
    close(reach->wake_fd);
    pthread_mutex_destroy(&reach->lock);
    free(reach);
}
