/* store/cache.h: reading: every (cluster, resource) that is in use, in memory, in step with the
 * change feed.
 *
 * A cache is filled from PostgreSQL on first use and dropped when its cluster is idle. Calls named
 * _peek never block and say CACHE_COLD when the cache is not filled: HTTP threads use those and
 * move the request to a pool thread to call cache_warm. All results are referenced, immutable
 * objects. Any thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/cluster.h"
#include "store/object.h"

enum cache_result { CACHE_HIT, CACHE_ABSENT, CACHE_COLD };

/* Fills the cache of (cluster, resource); at once when it is filled. Blocking. */
MUST_CHECK bool cache_warm(struct cluster *cluster, const char *resource, struct error *err);
/* One object; `*object` gets a reference on CACHE_HIT. `ns` is "" for cluster-scoped. */
enum cache_result cache_peek(struct cluster *cluster, const char *resource, const char *ns,
                             const char *name, struct object **object);
/* Warm and peek: true with *object NULL when absent; false only when the store failed. Blocking at
 * first use. */
MUST_CHECK bool cache_get(struct cluster *cluster, const char *resource, const char *ns,
                          const char *name, struct object **object, struct error *err);

struct object_list {
    struct object **items; /* by (ns, name); each referenced */
    size_t count;
    int64_t revision; /* the list is exactly this revision's state of the resource */
    bool more;        /* limit reached */
    size_t remaining; /* how many follow, when more */
};
void object_list_free(struct object_list *list);

struct cache_range {
    const char *ns;                    /* NULL or "": all namespaces */
    const char *after_ns, *after_name; /* start behind this key; NULL: at the start */
    size_t limit;                      /* 0: all */
    int64_t at_revision; /* 0: now; else that revision's state; CACHE_GONE when history does not
                            reach */
    bool (*keep)(const struct object *object,
                 void *arg); /* NULL: all; decides before limit counts */
    void *arg;
};
enum cache_list_result { CACHE_LIST_OK, CACHE_LIST_COLD, CACHE_LIST_GONE };
enum cache_list_result cache_list_peek(struct cluster *cluster, const char *resource,
                                       const struct cache_range *range, struct object_list *list);
/* Warm and list, everything of `ns` (NULL: all). Blocking at first use. */
MUST_CHECK bool cache_list(struct cluster *cluster, const char *resource, const char *ns,
                           struct object_list *list, struct error *err);
/* Whether anything of these resources (interned, at most 8) is stored, without filling a cache.
 * Blocking. */
MUST_CHECK bool cache_any(struct cluster *cluster, const char *const *resources, size_t count,
                          bool *any, struct error *err);
/* The last revision applied to this resource's cache (what a LIST reports); 0 when cold. */
int64_t cache_revision(struct cluster *cluster, const char *resource);

/* ---- watching ---- */

enum event_type { EVENT_ADDED, EVENT_MODIFIED, EVENT_DELETED };

struct event { /* immutable, shared, referenced */
    atomic_uint refs;
    enum event_type type;
    int64_t revision;
    struct object *object; /* of DELETED: last state, with the deletion's revision */
    struct object *before; /* the state before; NULL for ADDED */
};
void event_unref(struct event *event);

struct watch;
enum watch_result {
    WATCH_EVENT,
    WATCH_EMPTY,
    WATCH_GONE /* fell out of history or the cache was lost: 410 */
};

/* Sees every event of (cluster, resource) after `revision`. The cache must be warm (else
 * CACHE_LIST_COLD) and history must reach back to `revision` (else CACHE_LIST_GONE; the server then
 * answers 410 Expired). `wake` is called when there may be something new after WATCH_EMPTY; on any
 * thread, under the cache's lock: it must only post a message. */
enum cache_list_result watch_open(struct cluster *cluster, const char *resource, int64_t revision,
                                  void (*wake)(void *arg), void *arg, struct watch **out);
void watch_close(struct watch *watch); /* afterwards `wake` is never called */
/* The next event, referenced, in revision order. One thread at a time for one watch. */
enum watch_result watch_next(struct watch *watch, struct event **event);
/* Up to which revision this watch has seen all there was: for bookmarks. */
int64_t watch_revision(struct watch *watch);

/* Every change of every cluster, in revision order within a cluster, whoever wrote it: what feeds
 * controllers. `before` is NULL for creates and where it is not known. Called on writer and feed
 * threads: must not block. Set before store traffic starts; at most 8 listeners. `fn` NULL removes
 * the listener of `arg`: it is not running then and is never called again. */
typedef void (*store_change_fn)(void *arg, struct cluster *cluster, enum event_type type,
                                struct object *object, struct object *before);
void store_listen(struct store *store, store_change_fn fn, void *arg);
/* Drops the caches, and what is compiled from them, of clusters that were not used for `idle_ms`
 * and have no watch; returns of how many there was any. */
unsigned cache_drop_idle(struct store *store, int64_t idle_ms);
