#include "store/cache_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/mem.h"
#include "base/refs.h"
#include "store/store_internal.h"

#define WARM_WAIT_S 30

/* ---- the parts ---- */

static struct resource_cache *resource_cache_new(struct event_budget *budget, const char *resource)
{
    struct resource_cache *cache = xcalloc(1, sizeof(*cache));
    cond_init(&cache->filled);
    pthread_mutex_init(&cache->lock, NULL);
    atomic_init(&cache->refs, 1);
    cache->budget = budget;
    cache->resource = resource;
    return cache;
}

/* What it holds, not what it is. Under the lock, or with the last reference. */
static void resource_cache_empty(struct resource_cache *cache)
{
    object_set_clear(&cache->objects);
    event_ring_clear(&cache->ring);
    event_budget_shrunk(cache);
    for (size_t i = 0; i < cache->pending_count; i++)
        event_unref(cache->pending[i]);
    free(cache->pending);
    cache->pending = NULL;
    cache->pending_count = cache->pending_capacity = 0;
}

void resource_cache_unref(struct resource_cache *cache)
{
    if (!cache || !refs_drop(&cache->refs))
        return;
    assert(!cache->watch_count);
    resource_cache_empty(cache);
    pthread_mutex_destroy(&cache->lock);
    pthread_cond_destroy(&cache->filled);
    free(cache);
}

static void resource_cache_unref_ptr(struct resource_cache **cache)
{
    resource_cache_unref(*cache);
}

static void resource_cache_kill(struct resource_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    if (cache->state != RESOURCE_FILLING) /* else whoever fills it empties it */
        resource_cache_empty(cache);
    cache->state = RESOURCE_DEAD;
    resource_cache_wake(cache);
    pthread_cond_broadcast(&cache->filled);
    pthread_mutex_unlock(&cache->lock);
}

static void cluster_cache_free(struct cluster_part *part)
{
    struct cluster_cache *all = (struct cluster_cache *)part;
    for (size_t i = 0; i < all->count; i++) {
        resource_cache_kill(all->items[i]);
        resource_cache_unref(all->items[i]);
    }
    free(all->items);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static struct cluster_part *cluster_cache_new(struct cluster *cluster)
{
    (void)cluster;
    struct cluster_cache *all = xcalloc(1, sizeof(*all));
    all->part.free = cluster_cache_free;
    pthread_mutex_init(&all->lock, NULL);
    return &all->part;
}

/* Borrowed. Under all->lock. */
static struct resource_cache *find_item(const struct cluster_cache *all, const char *resource)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i]->resource == resource)
            return all->items[i];
    return NULL;
}

static struct resource_cache *add_item(struct cluster_cache *all, struct event_budget *budget,
                                       const char *resource)
{
    if (all->count == all->capacity) {
        all->capacity = all->capacity ? all->capacity * 2 : 4;
        all->items = xreallocarray(all->items, all->capacity, sizeof(struct resource_cache *));
    }
    return all->items[all->count++] = resource_cache_new(budget, resource);
}

struct resource_cache *cluster_cache_find(struct cluster *cluster, const char *resource, bool make)
{
    struct cluster_part *part =
        make ? cluster_part_get(cluster, CLUSTER_PART_CACHE, cluster_cache_new)
             : cluster_part_peek(cluster, CLUSTER_PART_CACHE);
    if (!part)
        return NULL;
    struct cluster_cache *all = (struct cluster_cache *)part;
    pthread_mutex_lock(&all->lock);
    struct resource_cache *found = find_item(all, resource);
    if (!found && make)
        found = add_item(all, &cluster->store->events, resource);
    if (found)
        refs_take(&found->refs);
    pthread_mutex_unlock(&all->lock);
    cluster_part_unref(part);
    return found;
}

struct resource_cache *cluster_cache_lock(struct cluster *cluster, const char *resource)
{
    struct resource_cache *cache = cluster_cache_find(cluster, store_intern(resource), false);
    cluster_touch(cluster);
    if (!cache)
        return NULL;
    pthread_mutex_lock(&cache->lock);
    if (cache->state == RESOURCE_WARM)
        return cache;
    pthread_mutex_unlock(&cache->lock);
    resource_cache_unref(cache);
    return NULL;
}

void cluster_cache_unlock(struct resource_cache *cache)
{
    pthread_mutex_unlock(&cache->lock);
    resource_cache_unref(cache);
}

bool cluster_cache_drop(struct cluster *cluster)
{
    cluster_apply_lock(cluster);
    struct cluster_part *part = cluster_part_peek(cluster, CLUSTER_PART_CACHE);
    struct cluster_cache *all = (struct cluster_cache *)part;
    if (part) {
        cluster_part_drop(cluster, CLUSTER_PART_CACHE);
        pthread_mutex_lock(&all->lock);
        for (size_t i = 0; i < all->count; i++)
            resource_cache_kill(all->items[i]);
        pthread_mutex_unlock(&all->lock);
    }
    cluster_apply_unlock(cluster);
    cluster_part_unref(part);
    return part != NULL;
}

/* ---- applying ---- */

static void add_pending(struct resource_cache *cache, struct event *event)
{
    if (cache->pending_count == cache->pending_capacity) {
        cache->pending_capacity = cache->pending_capacity ? cache->pending_capacity * 2 : 16;
        cache->pending =
            xreallocarray(cache->pending, cache->pending_capacity, sizeof(struct event *));
    }
    cache->pending[cache->pending_count++] = event;
}

/* Changes the present and remembers the event. Under the lock. */
static void apply_warm(struct resource_cache *cache, enum event_type type, int64_t revision,
                       struct object *object, struct object **before)
{
    if (type == EVENT_DELETED)
        *before = object_set_remove(&cache->objects, object->ns, object->name);
    else
        *before = object_set_put(&cache->objects, object_ref(object));
    event_ring_push(&cache->ring, event_new(type, revision, object, *before), clock_mono_ns());
    event_budget_used(cache);
}

void cache_apply(struct cluster *cluster, enum event_type type, int64_t revision,
                 struct object *object, struct object **before)
{
    CLEANUP(resource_cache_unref_ptr)
    struct resource_cache *cache = cluster_cache_find(cluster, object->resource, false);
    if (!cache) {
        atomic_store(&cluster->revision, revision);
        return;
    }
    pthread_mutex_lock(&cache->lock);
    bool warm = cache->state == RESOURCE_WARM;
    if (warm)
        apply_warm(cache, type, revision, object, before);
    else if (cache->state == RESOURCE_FILLING)
        add_pending(cache, event_new(type, revision, object, NULL));
    /* Within the lock, so that a list never shows more than the revision that it claims. */
    atomic_store(&cluster->revision, revision);
    if (warm)
        resource_cache_wake(cache);
    pthread_mutex_unlock(&cache->lock);
}

/* ---- filling ---- */

/* True when the caller is the one to fill it; else `*warm` says how waiting ended. */
static bool claim_fill(struct resource_cache *cache, bool *warm)
{
    int64_t until_mono_ns = clock_mono_ns() + WARM_WAIT_S * INT64_C(1000000000);
    bool in_time = true;
    pthread_mutex_lock(&cache->lock);
    while (cache->state == RESOURCE_FILLING && in_time)
        in_time = cond_wait_until(&cache->filled, &cache->lock, until_mono_ns);
    bool mine = cache->state == RESOURCE_COLD;
    *warm = cache->state == RESOURCE_WARM;
    if (mine)
        cache->state = RESOURCE_FILLING;
    pthread_mutex_unlock(&cache->lock);
    return mine;
}

bool cache_warm(struct cluster *cluster, const char *resource, struct error *err)
{
    const char *key = store_intern(resource);
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        bool warm;
        cluster_touch(cluster);
        CLEANUP(resource_cache_unref_ptr)
        struct resource_cache *cache = cluster_cache_find(cluster, key, true);
        if (claim_fill(cache, &warm)) {
            if (!cache_fill(cluster, cache, err))
                return store_fail(err);
            warm = true;
        }
        if (warm)
            return true;
    }
    return error_unavailable(err, "the cache of %s is not filled in time", resource);
}

void cache_finish_fill(struct resource_cache *cache, struct cache_contents *contents)
{
    pthread_mutex_lock(&cache->lock);
    bool dead = cache->state == RESOURCE_DEAD;
    if (contents && !dead) {
        cache->objects = contents->objects;
        cache->ring = contents->ring;
        *contents = (struct cache_contents){.snapshot = contents->snapshot};
        event_budget_used(cache);
    }
    for (size_t i = 0; i < cache->pending_count; i++) {
        CLEANUP(object_unref_ptr) struct object *before = NULL;
        const struct event *event = cache->pending[i];
        if (contents && !dead && event->revision > contents->snapshot)
            apply_warm(cache, event->type, event->revision, event->object, &before);
        event_unref(cache->pending[i]);
    }
    free(cache->pending);
    cache->pending = NULL;
    cache->pending_count = cache->pending_capacity = 0;
    if (!dead)
        cache->state = contents ? RESOURCE_WARM : RESOURCE_COLD;
    pthread_cond_broadcast(&cache->filled);
    pthread_mutex_unlock(&cache->lock);
}

/* ---- reading ---- */

enum cache_result cache_peek(struct cluster *cluster, const char *resource, const char *ns,
                             const char *name, struct object **object)
{
    struct resource_cache *cache = cluster_cache_lock(cluster, resource);
    if (!cache)
        return CACHE_COLD;
    struct object *found = object_set_peek(&cache->objects, ns, name);
    if (found)
        *object = object_ref(found);
    cluster_cache_unlock(cache);
    return found ? CACHE_HIT : CACHE_ABSENT;
}

bool cache_get(struct cluster *cluster, const char *resource, const char *ns, const char *name,
               struct object **object, struct error *err)
{
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        struct object *found = NULL;
        enum cache_result result = cache_peek(cluster, resource, ns, name, &found);
        if (result != CACHE_COLD) {
            *object = found;
            return true;
        }
        if (!cache_warm(cluster, resource, err))
            return false;
    }
    return error_unavailable(err, "the cache of %s is lost again and again", resource);
}

int64_t cache_revision(struct cluster *cluster, const char *resource)
{
    struct resource_cache *cache = cluster_cache_lock(cluster, resource);
    if (!cache)
        return 0;
    int64_t revision = atomic_load(&cluster->revision);
    cluster_cache_unlock(cache);
    return revision;
}

void cluster_cache_expire(struct cluster *cluster, int64_t now_mono_ns)
{
    struct cluster_part *part = cluster_part_peek(cluster, CLUSTER_PART_CACHE);
    struct cluster_cache *all = (struct cluster_cache *)part;
    if (!part)
        return;
    pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < all->count; i++) {
        pthread_mutex_lock(&all->items[i]->lock);
        event_ring_expire(&all->items[i]->ring, now_mono_ns);
        event_budget_shrunk(all->items[i]);
        pthread_mutex_unlock(&all->items[i]->lock);
    }
    pthread_mutex_unlock(&all->lock);
    cluster_part_unref(part);
}

static bool is_watched(struct cluster *cluster)
{
    struct cluster_part *part = cluster_part_peek(cluster, CLUSTER_PART_CACHE);
    struct cluster_cache *all = (struct cluster_cache *)part;
    bool watched = false;
    if (!part)
        return false;
    pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < all->count && !watched; i++) {
        pthread_mutex_lock(&all->items[i]->lock);
        watched = all->items[i]->watch_count > 0;
        pthread_mutex_unlock(&all->items[i]->lock);
    }
    pthread_mutex_unlock(&all->lock);
    cluster_part_unref(part);
    return watched;
}

unsigned cache_drop_idle(struct store *store, int64_t idle_ms)
{
    size_t count;
    unsigned dropped = 0;
    struct cluster **all = store_clusters(store, &count);
    int64_t limit = clock_mono_ns() - idle_ms * 1000000;
    for (size_t i = 0; i < count; i++) {
        if (atomic_load(&all[i]->used_mono_ns) < limit && !is_watched(all[i])) {
            /* A watch that opens at this instant says GONE and is opened again. */
            bool cached = cluster_cache_drop(all[i]);
            dropped += cluster_part_drop_idle(all[i]) || cached;
        }
        cluster_unref(all[i]);
    }
    free(all);
    return dropped;
}
