/* store/cache_internal.h: what a cluster's cache is made of.
 *
 * cluster part → one resource_cache a resource → object_set (the present) and event_ring (how it
 * came about). Locks, in this order: the cluster's apply lock, cluster_cache.lock,
 * resource_cache.lock, event_budget.lock. */
#pragma once
#include <pthread.h>

#include "store/cache.h"
#include "store/event_budget.h"

/* ---- the present, by (ns, name): an array of leaves, each a sorted array; O(log n) to find,
 * bounded moves to change. Members are references that the set owns. Guarded by its owner's lock.
 * ---- */

struct object_leaf;
struct object_set {
    struct object_leaf **leaves;
    size_t leaf_count, leaf_capacity, count;
};
struct object_cursor {
    const struct object_set *set;
    size_t leaf, item;
};
/* Borrowed; NULL when it is not there. */
struct object *object_set_peek(const struct object_set *set, const char *ns, const char *name);
/* Takes the reference; returns what it replaced, whose reference is now the caller's, or NULL. */
struct object *object_set_put(struct object_set *set, struct object *object);
/* Gives the reference to the caller; NULL when it is not there. */
struct object *object_set_remove(struct object_set *set, const char *ns, const char *name);
/* At the key or the next one; `behind`: never at the key itself. */
struct object_cursor object_set_seek(const struct object_set *set, const char *ns, const char *name,
                                     bool behind);
struct object *object_cursor_next(struct object_cursor *cursor); /* borrowed; NULL at the end */
size_t object_cursor_rank(const struct object_cursor *cursor);   /* how many are before it */
void object_set_clear(struct object_set *set);

/* ---- the recent past: events in revision order, bounded by count, bytes and age ---- */

#define RING_EVENTS_MAX 100000
#define RING_BYTES_MAX  (16 << 20)
#define RING_AGE_NS     ((int64_t)300 * 1000000000)

struct event_ring {
    struct ring_slot {
        struct event *event; /* referenced */
        int64_t at_mono_ns;
    } * slots;
    size_t capacity;     /* a power of two */
    uint64_t first, end; /* sequence numbers: [first, end) are held */
    size_t bytes;        /* what only the ring keeps alive: `before` bodies and the events */
    int64_t floor;       /* every event behind this revision is held */
};
struct event *event_new(enum event_type type, int64_t revision, struct object *object,
                        struct object *before);
/* Takes the reference. Drops what is over the bounds. */
void event_ring_push(struct event_ring *ring, struct event *event, int64_t now_mono_ns);
/* Borrowed; `first <= sequence < end`. */
struct event *event_ring_at(const struct event_ring *ring, uint64_t sequence);
/* The sequence number of the first event behind `revision`. */
uint64_t event_ring_after(const struct event_ring *ring, int64_t revision);
/* Drops the oldest events until it holds at most so many bytes, but none of the last `events_min`.
 */
void event_ring_shrink(struct event_ring *ring, size_t bytes_max, uint64_t events_min);
/* Drops events that are older than RING_AGE_NS. */
void event_ring_expire(struct event_ring *ring, int64_t now_mono_ns);
void event_ring_clear(struct event_ring *ring);

/* ---- one resource ---- */

enum resource_state {
    RESOURCE_COLD,
    RESOURCE_FILLING, /* changes that arrive are kept in `pending` */
    RESOURCE_WARM,
    RESOURCE_DEAD, /* dropped: watches on it are gone */
};

struct watch {
    struct cluster *cluster;      /* referenced */
    struct resource_cache *cache; /* referenced */
    void (*wake)(void *arg);
    void *arg;
    int64_t behind;              /* events up to this revision are not for it */
    uint64_t next;               /* guarded by cache->lock, as what follows */
    bool armed;                  /* saw the end: wake it */
    struct watch *newer, **link; /* the cache's list of armed watches */
};

struct resource_cache {
    atomic_uint refs;
    const char *resource;
    pthread_mutex_t lock;
    pthread_cond_t filled; /* broadcast when FILLING ends */
    enum resource_state state;
    struct object_set objects;
    struct event_ring ring;
    struct event **pending; /* referenced; `before` is not known yet */
    size_t pending_count, pending_capacity;
    struct watch *armed; /* watches to wake at the next event */
    unsigned watch_count;
    struct event_budget *budget;            /* the store's */
    struct resource_cache *colder, *hotter; /* guarded by budget->lock, as what follows */
    size_t counted;                         /* of its ring's bytes; written under both locks */
};
void resource_cache_unref(struct resource_cache *cache);
/* Wakes and forgets every armed watch; under cache->lock. */
void resource_cache_wake(struct resource_cache *cache);

struct cluster_cache {
    struct cluster_part part;
    pthread_mutex_t lock; /* guards what follows */
    struct resource_cache **items;
    size_t count, capacity;
};

/* The cache of a resource, referenced; made (cold) when `make`; else NULL when there is none. */
struct resource_cache *cluster_cache_find(struct cluster *cluster, const char *resource, bool make);
/* The resource's cache, locked and referenced, if it is warm; else NULL. */
struct resource_cache *cluster_cache_lock(struct cluster *cluster, const char *resource);
void cluster_cache_unlock(struct resource_cache *cache);
/* One change, into the cache and into cluster->revision. Under the cluster's apply lock. `*before`
 * gets a reference to what the cache held, or NULL. */
void cache_apply(struct cluster *cluster, enum event_type type, int64_t revision,
                 struct object *object, struct object **before);
/* Fills a cold cache from the database; the caller has set FILLING. Blocking. */
MUST_CHECK bool cache_fill(struct cluster *cluster, struct resource_cache *cache,
                           struct error *err);
/* What a fill has read: the state at `snapshot` and what led to it. */
struct cache_contents {
    struct object_set objects;
    struct event_ring ring;
    int64_t snapshot;
};
/* Takes what is in `contents` (NULL: the fill failed), adds what happened meanwhile, and wakes who
 * waits. */
void cache_finish_fill(struct resource_cache *cache, struct cache_contents *contents);
/* Kills every resource's cache of a cluster: watches say GONE, the next use fills anew. Takes the
 * apply lock. True if there was any. */
bool cluster_cache_drop(struct cluster *cluster);
/* Forgets events that are too old. */
void cluster_cache_expire(struct cluster *cluster, int64_t now_mono_ns);
