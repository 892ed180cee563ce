/* tests/apiserver/support_watch.h: a watch that runs on a thread of its own and keeps what it saw.
 */
#pragma once
#include <pthread.h>

#include "support_fixture.h"

struct watcher {
    struct fixture *fixture;
    char *path;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct buf bytes; /* guarded by lock: the tail of a line */
    json_t *events;   /* guarded by lock: array of what came, in order */
    bool ended, stop; /* guarded by lock */
    long code;
};

void watcher_start(struct watcher *watcher, struct fixture *fixture, const char *path);
/* Waits until `count` events have come; false after `seconds`. */
bool watcher_wait(struct watcher *watcher, size_t count, unsigned seconds);
/* Waits for the end of the stream. */
bool watcher_wait_end(struct watcher *watcher, unsigned seconds);
void watcher_stop(struct watcher *watcher);
/* Of the n-th event; "" when there is none. */
const char *watcher_type(struct watcher *watcher, size_t n);
const char *watcher_name(struct watcher *watcher, size_t n);
