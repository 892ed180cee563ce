/* runtime/runtime_internal.h: an open runtime, for this folder's files only. */
#pragma once
#include <pthread.h>

#include "runtime/cgroup.h"
#include "runtime/frame.h"
#include "runtime/runtime.h"

struct runtime {
    char *root, *shim_path; /* frozen */
    struct cgroups *cgroups;
    pthread_mutex_t lock; /* guards what follows */
    int event_epoll;      /* -1: nobody asked for events yet */
    int event_socket;
    struct shim_watch {
        struct shim_watch *next;
        char *id;
        int pidfd;
    } * watches;
};

/* Locks ROOT/NAME against other processes and threads until the descriptor is closed. -1 with an
 * error. `operation` is flock's: LOCK_EX or LOCK_SH. */
int runtime_lock(struct runtime *runtime, const char *name, int operation, struct error *err);

/* One question to a sandbox's shim. `request` is consumed. The reply is a new reference; NOT_FOUND
 * when there is no such sandbox, UNAVAILABLE when its shim is dead. */
MUST_CHECK json_t *shim_ask(struct runtime *runtime, const char *sandbox, json_t *request,
                            struct frame_fds *fds, struct error *err);
/* The same where the answer is only yes or an error. */
MUST_CHECK bool shim_tell(struct runtime *runtime, const char *sandbox, json_t *request,
                          struct error *err);

/* Starts to watch a sandbox's shim for its death, when events were asked for. */
void runtime_watch_shim(struct runtime *runtime, const char *id);
