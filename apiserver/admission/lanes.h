/* apiserver/admission/lanes.h: threads for requests that wait for somebody outside: webhooks.
 *
 * They are apart from the server's pool, and each cluster has a share of them, so that a webhook
 * that hangs costs its own cluster's writes and nobody else's. Threads are made as they are needed
 * and end when they have been idle; a server whose clusters have no webhooks has none.
 *
 * Own components call on threads of their own, of which there are few: lanes_enter() lets only some
 * of them wait outside at once, and makes a cluster that was slow rest for as long as it took.
 * Any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"

#define LANES_MAX            256
#define LANES_SHARE          16  /* of one cluster */
#define LANES_SHARE_BUSY     4   /* while half of all are in use */
#define LANES_SHARE_SCARCE   1   /* while three quarters are */
#define LANES_QUEUE_SHARE    512 /* jobs of one cluster that wait */
#define LANES_INSIDE         3   /* own components' threads that are outside, of all clusters */
#define LANES_INSIDE_WAIT_MS 200

struct lanes;
struct lanes *lanes_new(void);
/* Waits for what is queued. */
void lanes_free(struct lanes *lanes);
/* False when too many of the cluster's jobs wait already: answer 429. */
bool lanes_submit(struct lanes *lanes, int64_t cluster, pool_job_fn job, void *arg);

/* One of several parts of one request's work. */
typedef void (*lanes_part_fn)(void *arg, size_t part);
/* Runs run(arg, 0) to run(arg, count - 1), each once and begun in that order, and returns when all
 * have ended. The calling thread does what no other lane does: lanes of the cluster that are free
 * at once help, unless half of all are in use. It never waits for one to become free, so it may be
 * called on a lane; the cluster has no more than its share all the same. */
void lanes_spread(struct lanes *lanes, int64_t cluster, size_t count, lanes_part_fn run, void *arg);

/* Before the calling thread, one of our own components', waits outside. Waits at most
 * LANES_INSIDE_WAIT_MS, and not for one that rests longer; false when it may not: try again later.
 * After true, lanes_leave(). */
bool lanes_enter(struct lanes *lanes, int64_t cluster);
void lanes_leave(struct lanes *lanes, int64_t cluster, int64_t entered_mono_ns);
