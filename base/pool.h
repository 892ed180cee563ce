/* base/pool.h: threads for jobs that may block (database reads, webhooks), with a bounded queue.
 * Any thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct pool;
typedef void (*pool_job_fn)(void *arg);

/* `threads` workers; at most `queue_max` jobs wait. */
struct pool *pool_new(unsigned threads, uint32_t queue_max);
/* Runs what is queued, then joins the workers. */
void pool_free(struct pool *pool);
/* False when the queue is full: answer 429 or 503. */
bool pool_submit(struct pool *pool, pool_job_fn job, void *arg);
