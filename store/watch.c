#include "store/cache_internal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/refs.h"
#include "store/store_internal.h"

static void arm(struct watch *watch)
{
    if (watch->armed)
        return;
    watch->armed = true;
    watch->newer = watch->cache->armed;
    watch->link = &watch->cache->armed;
    if (watch->newer)
        watch->newer->link = &watch->newer;
    watch->cache->armed = watch;
}

static void disarm(struct watch *watch)
{
    if (!watch->armed)
        return;
    watch->armed = false;
    *watch->link = watch->newer;
    if (watch->newer)
        watch->newer->link = watch->link;
}

void resource_cache_wake(struct resource_cache *cache)
{
    while (cache->armed) {
        struct watch *watch = cache->armed;
        disarm(watch);
        if (watch->wake)
            watch->wake(watch->arg);
    }
}

enum cache_list_result watch_open(struct cluster *cluster, const char *resource, int64_t revision,
                                  void (*wake)(void *arg), void *arg, struct watch **out)
{
    struct resource_cache *cache = cluster_cache_lock(cluster, resource);
    if (!cache)
        return CACHE_LIST_COLD;
    if (revision < cache->ring.floor) {
        cluster_cache_unlock(cache);
        return CACHE_LIST_GONE;
    }
    struct watch *watch = xmalloc(sizeof(*watch));
    *watch = (struct watch){.cluster = cluster_ref(cluster),
                            .cache = cache,
                            .wake = wake,
                            .arg = arg,
                            .behind = revision,
                            .next = event_ring_after(&cache->ring, revision)};
    cache->watch_count++;
    refs_take(&cache->refs);
    event_budget_used(cache);
    cluster_cache_unlock(cache);
    *out = watch;
    return CACHE_LIST_OK;
}

void watch_close(struct watch *watch)
{
    if (!watch)
        return;
    pthread_mutex_lock(&watch->cache->lock);
    disarm(watch);
    watch->cache->watch_count--;
    pthread_mutex_unlock(&watch->cache->lock);
    resource_cache_unref(watch->cache);
    cluster_unref(watch->cluster);
    free(watch);
}

enum watch_result watch_next(struct watch *watch, struct event **event)
{
    struct resource_cache *cache = watch->cache;
    enum watch_result result = WATCH_EMPTY;
    pthread_mutex_lock(&cache->lock);
    if (cache->state != RESOURCE_WARM || watch->next < cache->ring.first)
        result = WATCH_GONE;
    /* One that was opened ahead of us passes by what it has seen elsewhere. */
    while (result == WATCH_EMPTY && watch->next < cache->ring.end) {
        struct event *next = event_ring_at(&cache->ring, watch->next++);
        if (next->revision <= watch->behind)
            continue;
        refs_take(&next->refs);
        *event = next;
        watch->behind = next->revision;
        result = WATCH_EVENT;
    }
    if (result == WATCH_EMPTY)
        arm(watch);
    pthread_mutex_unlock(&cache->lock);
    return result;
}

int64_t watch_revision(struct watch *watch)
{
    struct resource_cache *cache = watch->cache;
    pthread_mutex_lock(&cache->lock);
    int64_t revision = watch->behind;
    if (cache->state == RESOURCE_WARM && watch->next == cache->ring.end) {
        int64_t applied = atomic_load(&watch->cluster->revision);
        revision = applied > revision ? applied : revision;
    }
    pthread_mutex_unlock(&cache->lock);
    return revision;
}
