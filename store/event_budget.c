/* One budget for the rings of past events of all clusters together. Rings that hold anything are in
 * a list, the one that was used longest ago first; who brings the sum over the budget takes from
 * there. It holds its own cache's lock then, so the others' are only tried: a ring that is in use
 * this instant is passed over. */
#include "store/event_budget.h"

#include "store/cache_internal.h"

void event_budget_init(struct event_budget *budget, size_t bytes_max)
{
    *budget = (struct event_budget){.bytes_max = bytes_max};
    pthread_mutex_init(&budget->lock, NULL);
}

void event_budget_deinit(struct event_budget *budget)
{
    pthread_mutex_destroy(&budget->lock);
}

/* ---- the list; all of this under budget->lock ---- */

static void take_out(struct event_budget *budget, struct resource_cache *cache)
{
    *(cache->colder ? &cache->colder->hotter : &budget->coldest) = cache->hotter;
    *(cache->hotter ? &cache->hotter->colder : &budget->hottest) = cache->colder;
    cache->colder = cache->hotter = NULL;
}

static void put_last(struct event_budget *budget, struct resource_cache *cache)
{
    cache->colder = budget->hottest;
    *(budget->hottest ? &budget->hottest->hotter : &budget->coldest) = cache;
    budget->hottest = cache;
}

/* Counts what the ring holds now. A ring is in the list while it is counted for anything. */
static void count(struct event_budget *budget, struct resource_cache *cache, bool used)
{
    size_t before = cache->counted, now = cache->ring.bytes;
    budget->bytes += now - before;
    cache->counted = now;
    if (before && (used || !now))
        take_out(budget, cache);
    if (now && (used || !before))
        put_last(budget, cache);
}

static void shrink(struct event_budget *budget, struct resource_cache *cache)
{
    size_t excess = budget->bytes - budget->bytes_max;
    if (pthread_mutex_trylock(&cache->lock) != 0)
        return;
    event_ring_shrink(&cache->ring, cache->ring.bytes > excess ? cache->ring.bytes - excess : 0, 0);
    count(budget, cache, false);
    pthread_mutex_unlock(&cache->lock);
}

/* ---- what caches call, with their lock held ---- */

void event_budget_used(struct resource_cache *cache)
{
    struct event_budget *budget = cache->budget;
    event_ring_shrink(&cache->ring, budget->bytes_max, 1); /* its watches wait for the newest */
    pthread_mutex_lock(&budget->lock);
    count(budget, cache, true);
    for (struct resource_cache *at = budget->coldest, *next;
         at && budget->bytes > budget->bytes_max; at = next) {
        next = at->hotter;
        if (at != cache)
            shrink(budget, at);
    }
    pthread_mutex_unlock(&budget->lock);
}

void event_budget_shrunk(struct resource_cache *cache)
{
    struct event_budget *budget = cache->budget;
    if (cache->counted == cache->ring.bytes)
        return;
    pthread_mutex_lock(&budget->lock);
    count(budget, cache, false);
    pthread_mutex_unlock(&budget->lock);
}

size_t event_budget_bytes(struct event_budget *budget)
{
    pthread_mutex_lock(&budget->lock);
    size_t bytes = budget->bytes;
    pthread_mutex_unlock(&budget->lock);
    return bytes;
}
