/* base/work_queue.h: keys waiting to be worked on, once each, fairly between groups.
 *
 * Mirrors client-go's rate-limiting work queue: a key that is added while it waits is merged; one
 * that is added while it is being worked on is done again afterwards; a failed key comes back after
 * an exponential back-off. Groups (a cluster's id) take turns, so that one with many keys cannot
 * starve the rest. An empty group costs nothing. Keys are `kind` (which worker function) and text.
 * Any thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct work_queue;

struct work_item {
    int64_t group; /* cluster id */
    uint32_t kind; /* index of the controller */
    char *key;     /* "namespace/name" or "name"; owned by the item */
    unsigned failures;
    int64_t taken_mono_ns, waited_ns; /* when a worker got it, and how long it was ready before */
};

struct work_queue_options {
    int64_t backoff_first_ms, backoff_max_ms; /* 0: 5 ms and 1,000 s, as upstream */
    uint32_t items_max;                       /* 0: 1,000,000; adds past it are refused */
    uint32_t kinds;                           /* that work_queue_report() tells of, from 0 on */
};

struct work_queue *work_queue_new(const struct work_queue_options *options);
/* No worker may be in work_queue_take any more. */
void work_queue_free(struct work_queue *queue);
/* False only when the queue is full or stopped. */
bool work_queue_add(struct work_queue *queue, int64_t group, uint32_t kind, const char *key);
bool work_queue_add_after(struct work_queue *queue, int64_t group, uint32_t kind, const char *key,
                          int64_t delay_ms);
/* Blocks until there is work or the queue stops; NULL when it stopped. Give the item to one of the
 * next three. */
struct work_item *work_queue_take(struct work_queue *queue);
void work_queue_done(struct work_queue *queue,
                     struct work_item *item); /* success: forgets its failures */
/* Failure: back-off, which for this time is at most `most_ms` (0: what the queue was made with). */
void work_queue_retry(struct work_queue *queue, struct work_item *item, int64_t most_ms);
void work_queue_again(struct work_queue *queue, struct work_item *item,
                      int64_t delay_ms); /* success, look again later */
/* Forgets every waiting key of a group (its cluster is gone). */
void work_queue_drop_group(struct work_queue *queue, int64_t group);
/* Wakes and ends all takers. */
void work_queue_stop(struct work_queue *queue);
/* What goes on with the keys of one kind. */
struct work_report {
    uint32_t waiting;
    int64_t working_ns, longest_ns; /* of those being worked on: all together, and the longest */
};
/* Of the kinds that the queue was made for; an array of as many. */
void work_queue_report(struct work_queue *queue, struct work_report *kinds);
/* Keys waiting or being worked on, for one group or (group 0) all. Delayed ones do not count. */
uint32_t work_queue_busy(struct work_queue *queue, int64_t group);
