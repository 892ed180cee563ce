/* store/event_budget.h: what the past events of all clusters may take in memory together.
 *
 * Each cache's ring is bounded by itself; this bounds their sum. Over it the ring that was used
 * longest ago gives up its oldest events: a watch that comes back for those later is told GONE, and
 * lists again. Only for this folder. */
#pragma once
#include <pthread.h>
#include <stddef.h>

#define EVENT_BYTES_DEFAULT ((size_t)128 << 20)

struct resource_cache;

struct event_budget {
    size_t bytes_max;
    pthread_mutex_t lock; /* guards the rest; taken last */
    size_t bytes;
    struct resource_cache *coldest, *hottest; /* those whose rings hold anything */
};
void event_budget_init(struct event_budget *budget, size_t bytes_max);
void event_budget_deinit(struct event_budget *budget);

/* The cache's ring has grown, or somebody wants what it holds: it is the last to give way now.
 * Takes from others what is over the budget. Under cache->lock. */
void event_budget_used(struct resource_cache *cache);
/* The ring may hold less than before. Under cache->lock, or with the last reference. */
void event_budget_shrunk(struct resource_cache *cache);
size_t event_budget_bytes(struct event_budget *budget); /* what they hold now. Any thread */
