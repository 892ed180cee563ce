/* A container's log on its way to the client: a thread reads it from the node. */
#include <poll.h>

#include "apiserver/backend/tunnel_internal.h"

#define BLOCK    ((size_t)16 << 10)
#define PROBE_MS 5000

static void *read_log(void *arg)
{
    struct tunnel *tunnel = arg;
    char bytes[BLOCK];
    bool alive =
        tunnel->rest.len == 0 || tunnel_deliver(tunnel, tunnel->rest.data, tunnel->rest.len);
    while (alive) {
        ssize_t got = backend_read(&tunnel->node, bytes, sizeof(bytes));
        if (got > 0) {
            alive = tunnel_deliver(tunnel, bytes, (size_t)got);
        } else if (got == BACKEND_AGAIN) {
            struct pollfd node = {.fd = tunnel->node.fd, .events = POLLIN};
            alive = poll(&node, 1, PROBE_MS) != 0 || !tunnel_client_gone(tunnel);
        } else {
            alive = false;
        }
    }
    tunnel_deliver_end(tunnel, false);
    tunnel_finish(tunnel);
    return NULL;
}

struct MHD_Response *tunnel_log_response(struct tunnel *tunnel)
{
    return tunnel_start(tunnel, read_log) ? tunnel_queue_response(tunnel, MHD_SIZE_UNKNOWN) : NULL;
}
