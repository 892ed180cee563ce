/* apiserver/tunnel_internal.h: what tunnel.c (opening), tunnel_log.c and tunnel_pump.c share. */
#pragma once
#include <pthread.h>

#include "apiserver/backend.h"
#include "apiserver/tunnel.h"

#define TUNNELS_MAX       1024
#define TUNNEL_BUFFER_MAX ((size_t)256 << 10)

struct tunnels {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct tunnel *first; /* guarded by lock: those with a thread */
    unsigned count;       /* guarded by lock */
    bool stopping;        /* guarded by lock */
};

struct tunnel {
    struct tunnels *tunnels;
    struct backend node;   /* the thread's, once there is one */
    struct buf head, rest; /* the node's answer, and what came with it */
    bool upgraded;         /* exec and the like; else a log */
    struct tunnel *previous, *next;

    /* upgraded: the client's side; the thread's */
    int client;
    struct MHD_UpgradeResponseHandle *handle;

    /* a log */
    struct MHD_Connection *http;
    int client_fd; /* looked at, never read */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct buf queue;   /* guarded by lock: from the node, not yet sent */
    size_t queue_taken; /* guarded by lock */
    bool ended;         /* guarded by lock: nothing more will come */
    bool parked;        /* guarded by lock: the connection is suspended */
    bool abandoned;     /* guarded by lock: the request is over */
    bool threaded;      /* guarded by lock: a thread owns the tunnel as well */
};

/* Runs `work(tunnel)` on a thread of its own, which then ends with tunnel_finish(). False when
 * there are too many. */
MUST_CHECK bool tunnel_start(struct tunnel *tunnel, void *(*work)(void *tunnel));
/* The thread's last call. */
void tunnel_finish(struct tunnel *tunnel);
void tunnel_destroy(struct tunnel *tunnel);

struct MHD_Response *tunnel_log_response(struct tunnel *tunnel);
struct MHD_Response *tunnel_pump_response(struct tunnel *tunnel);
