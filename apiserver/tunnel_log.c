/* A container's log on its way to the client: a thread reads from the node into a bounded queue,
 * the I/O thread sends from it. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "apiserver/tunnel_internal.h"

#define BLOCK    ((size_t)16 << 10)
#define PROBE_MS 5000

static ssize_t log_read(void *cls, uint64_t pos, char *out, size_t max)
{
    struct tunnel *tunnel = cls;
    ssize_t result;
    (void)pos;
    pthread_mutex_lock(&tunnel->lock);
    size_t left = tunnel->queue.len - tunnel->queue_taken;
    if (left) {
        size_t take = left < max ? left : max;
        memcpy(out, tunnel->queue.data + tunnel->queue_taken, take);
        tunnel->queue_taken += take;
        if (tunnel->queue_taken == tunnel->queue.len) {
            buf_clear(&tunnel->queue);
            tunnel->queue_taken = 0;
        }
        pthread_cond_broadcast(&tunnel->changed);
        result = (ssize_t)take;
    } else if (tunnel->ended) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        MHD_suspend_connection(tunnel->http);
        tunnel->parked = true;
        result = 0;
    }
    pthread_mutex_unlock(&tunnel->lock);
    return result;
}

/* Under the lock. */
static void wake(struct tunnel *tunnel)
{
    if (tunnel->parked) {
        tunnel->parked = false;
        MHD_resume_connection(tunnel->http);
    }
}

/* False when the request is over. */
static bool deliver(struct tunnel *tunnel, const char *bytes, size_t len)
{
    pthread_mutex_lock(&tunnel->lock);
    while (!tunnel->abandoned && tunnel->queue.len - tunnel->queue_taken >= TUNNEL_BUFFER_MAX)
        pthread_cond_wait(&tunnel->changed, &tunnel->lock);
    if (tunnel->queue_taken) {
        memmove(tunnel->queue.data, tunnel->queue.data + tunnel->queue_taken,
                tunnel->queue.len - tunnel->queue_taken);
        tunnel->queue.len -= tunnel->queue_taken;
        tunnel->queue_taken = 0;
    }
    buf_add(&tunnel->queue, bytes, len);
    bool alive = !tunnel->abandoned;
    wake(tunnel);
    pthread_mutex_unlock(&tunnel->lock);
    return alive;
}

/* A suspended connection does not notice that its client has gone. */
static bool client_gone(const struct tunnel *tunnel)
{
    struct pollfd socket = {.fd = tunnel->client_fd, .events = POLLRDHUP};
    return poll(&socket, 1, 0) > 0 && (socket.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void *read_log(void *arg)
{
    struct tunnel *tunnel = arg;
    char bytes[BLOCK];
    bool alive = tunnel->rest.len == 0 || deliver(tunnel, tunnel->rest.data, tunnel->rest.len);
    while (alive) {
        ssize_t got = backend_read(&tunnel->node, bytes, sizeof(bytes));
        if (got > 0) {
            alive = deliver(tunnel, bytes, (size_t)got);
        } else if (got == BACKEND_AGAIN) {
            struct pollfd node = {.fd = tunnel->node.fd, .events = POLLIN};
            alive = poll(&node, 1, PROBE_MS) != 0 || !client_gone(tunnel);
        } else {
            alive = false;
        }
    }
    pthread_mutex_lock(&tunnel->lock);
    tunnel->ended = true;
    wake(tunnel);
    pthread_mutex_unlock(&tunnel->lock);
    tunnel_finish(tunnel);
    return NULL;
}

struct MHD_Response *tunnel_log_response(struct tunnel *tunnel)
{
    if (!tunnel_start(tunnel, read_log))
        return NULL;
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, log_read, tunnel, NULL);
}
