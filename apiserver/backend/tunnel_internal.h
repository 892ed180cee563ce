/* apiserver/backend/tunnel_internal.h: what tunnel.c (opening), tunnel_queue.c, tunnel_log.c,
 * tunnel_pump.c and forward.c share. */
#pragma once
#include <pthread.h>

#include "apiserver/backend/backend.h"
#include "apiserver/backend/tunnel.h"

#define TUNNELS_MAX       1024
#define TUNNEL_BUFFER_MAX ((size_t)256 << 10)

struct tunnels {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct tunnel *first; /* guarded by lock: those with a thread */
    unsigned count;       /* guarded by lock */
    bool stopping;        /* guarded by lock */
};

struct forward;

struct tunnel {
    struct tunnels *tunnels;
    struct forward *forward; /* a forwarded request (forward.c); NULL: a node's stream */
    struct backend node;     /* the thread's, once there is one */
    struct buf head, rest;   /* the node's answer, and what came with it */
    bool upgraded;           /* exec and the like; else the answer's body goes through the queue */
    struct tunnel *previous, *next;

    gnutls_session_t client_session; /* upgraded: the client's side; the thread's, with client_fd */

    /* the queue */
    struct MHD_Connection *http;
    int client_fd; /* of the queue's client only looked at, never read */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct buf queue;   /* guarded by lock: from the node, not yet sent */
    size_t queue_taken; /* guarded by lock */
    bool ended;         /* guarded by lock: nothing more will come */
    bool broken;        /* guarded by lock: and something is missing */
    bool parked;        /* guarded by lock: the connection is suspended */
    bool abandoned;     /* guarded by lock: the request is over */
    bool threaded;      /* guarded by lock: a thread owns the tunnel as well */
};

/* Runs `work(tunnel)` on a thread of its own, which then ends with tunnel_finish(). False when
 * there are too many. */
MUST_CHECK bool tunnel_start(struct tunnel *tunnel, void *(*work)(void *tunnel));
/* The thread's last call. */
void tunnel_finish(struct tunnel *tunnel);
/* The same, but the tunnel stays, as its request's alone. */
void tunnel_release(struct tunnel *tunnel);
/* The thread has connected. Takes the backend; false when the server stops. */
MUST_CHECK bool tunnel_connected(struct tunnel *tunnel, const struct backend *node);
struct tunnel *tunnel_new(const struct request *request, bool upgraded);
void tunnel_destroy(struct tunnel *tunnel);

/* ---- tunnel_queue.c: from a thread to the client's response ---- */

/* Waits while the queue is full. False when the request is over. */
MUST_CHECK bool tunnel_deliver(struct tunnel *tunnel, const char *bytes, size_t len);
/* Nothing more will come; `broken`: although something should. */
void tunnel_deliver_end(struct tunnel *tunnel, bool broken);
/* A suspended connection does not notice that its client has gone. */
bool tunnel_client_gone(const struct tunnel *tunnel);
/* `size` may be MHD_SIZE_UNKNOWN. */
struct MHD_Response *tunnel_queue_response(struct tunnel *tunnel, uint64_t size);

struct MHD_Response *tunnel_log_response(struct tunnel *tunnel);
struct MHD_Response *tunnel_pump_response(struct tunnel *tunnel);
