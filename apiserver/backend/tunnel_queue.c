/* A bounded queue from a tunnel's thread, which reads from behind, to the I/O thread, which sends.
 */
#include <poll.h>
#include <string.h>

#include "apiserver/backend/tunnel_internal.h"

#define BLOCK ((size_t)16 << 10)

static ssize_t queue_read(void *cls, uint64_t pos, char *out, size_t max)
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
        result =
            tunnel->broken ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
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

bool tunnel_deliver(struct tunnel *tunnel, const char *bytes, size_t len)
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

void tunnel_deliver_end(struct tunnel *tunnel, bool broken)
{
    pthread_mutex_lock(&tunnel->lock);
    tunnel->ended = true;
    tunnel->broken = broken;
    wake(tunnel);
    pthread_mutex_unlock(&tunnel->lock);
}

bool tunnel_client_gone(const struct tunnel *tunnel)
{
    struct pollfd socket = {.fd = tunnel->client_fd, .events = POLLRDHUP};
    return poll(&socket, 1, 0) > 0 && (socket.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

struct MHD_Response *tunnel_queue_response(struct tunnel *tunnel, uint64_t size)
{
    return MHD_create_response_from_callback(size, BLOCK, queue_read, tunnel, NULL);
}
