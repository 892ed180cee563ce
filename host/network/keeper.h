/* host/network/keeper.h: a thread that keeps one nftables table in step with the view. It waits for
 * the view to change, lets a burst of changes gather for a moment, and has the table made anew. */
#pragma once
#include <pthread.h>

#include "host/network/view.h"

struct keeper_job {
    unsigned lists;          /* that must have come before the first table: bits 1 << view_kind */
    const uint64_t *version; /* of the view, that the table follows; guarded by the view's lock */
    unsigned rest_share;     /* it rests for so many times as long as it worked; 0: just a moment */
    /* Makes the table say what the view says now, on the thread, without the view's lock; sets the
     * version that it made it of. False when nftables refuses it: it is tried again. */
    bool (*update)(void *arg, uint64_t *version);
    void *arg;
};

struct keeper {
    struct view *view; /* borrowed */
    struct keeper_job job;
    pthread_t thread;
    bool stopping; /* guarded by the view's lock */
};

/* False when there can be no thread. The keeper stays where it is until it is stopped. */
MUST_CHECK bool keeper_start(struct keeper *keeper, struct view *view,
                             const struct keeper_job *job);
/* Ends the thread; what is in the table stays. */
void keeper_stop(struct keeper *keeper);
