/* Listing the present or, by undoing events, a past state. */
#include "store/cache_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/store_internal.h"

void object_list_free(struct object_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        object_unref(list->items[i]);
    free(list->items);
    *list = (struct object_list){0};
}

struct gather {
    struct object **items; /* borrowed while the lock is held */
    size_t count, capacity;
};

static void gather_add(struct gather *gather, struct object *object)
{
    if (gather->count == gather->capacity) {
        gather->capacity = gather->capacity ? gather->capacity * 2 : 64;
        gather->items = xreallocarray(gather->items, gather->capacity, sizeof(struct object *));
    }
    gather->items[gather->count++] = object;
}

static bool all_namespaces(const struct cache_range *range)
{
    return !range->ns || !*range->ns;
}

static struct object_cursor seek(const struct object_set *set, const struct cache_range *range)
{
    if (range->after_name)
        return object_set_seek(set, range->after_ns ? range->after_ns : "", range->after_name,
                               true);
    return object_set_seek(set, all_namespaces(range) ? "" : range->ns, "", false);
}

/* How many items of the range are at or behind the cursor. */
static size_t count_from(const struct object_set *set, const struct cache_range *range,
                         const struct object_cursor *at)
{
    size_t end = set->count;
    if (!all_namespaces(range)) {
        /* The first key behind every name of the namespace: "\x01" sorts behind the end of "ns". */
        CLEANUP(free_ptr) char *next = xasprintf("%s\x01", range->ns);
        struct object_cursor cursor = object_set_seek(set, next, "", false);
        end = object_cursor_rank(&cursor);
    }
    size_t start = object_cursor_rank(at);
    return end > start ? end - start : 0;
}

/* The present: at most `max` objects, and how many there are in all. */
static void gather_present(const struct object_set *set, const struct cache_range *range,
                           size_t max, struct gather *gather, size_t *total)
{
    struct object_cursor cursor = seek(set, range);
    *total = count_from(set, range, &cursor);
    while (gather->count < *total && gather->count < max)
        gather_add(gather, object_cursor_next(&cursor));
}

/* ---- the past ---- */

struct undo {
    const struct event *event; /* the first event of its key behind the wanted revision: `before` is
                                  what was there */
    size_t order;
};

static int compare_keys(const struct object *a, const struct object *b)
{
    int order = strcmp(a->ns, b->ns);
    return order ? order : strcmp(a->name, b->name);
}

static int compare_undos(const void *left, const void *right)
{
    const struct undo *a = left, *b = right;
    int order = compare_keys(a->event->object, b->event->object);
    return order ? order : a->order < b->order ? -1 : a->order > b->order;
}

static bool in_range(const struct object *object, const struct cache_range *range)
{
    if (!all_namespaces(range) && strcmp(object->ns, range->ns) != 0)
        return false;
    if (!range->after_name)
        return true;
    int order = strcmp(object->ns, range->after_ns ? range->after_ns : "");
    return order > 0 || (order == 0 && strcmp(object->name, range->after_name) > 0);
}

/* Events behind `revision` in range, by key, the first of each key only. */
static size_t collect_undos(const struct event_ring *ring, const struct cache_range *range,
                            struct undo **out)
{
    uint64_t first = event_ring_after(ring, range->at_revision);
    struct undo *undos = xcalloc((size_t)(ring->end - first), sizeof(*undos));
    size_t count = 0, kept = 0;
    for (uint64_t i = first; i < ring->end; i++) {
        const struct event *event = event_ring_at(ring, i);
        if (in_range(event->object, range))
            undos[count++] = (struct undo){event, (size_t)i};
    }
    if (count)
        qsort(undos, count, sizeof(*undos), compare_undos);
    for (size_t i = 0; i < count; i++)
        if (!kept || compare_keys(undos[kept - 1].event->object, undos[i].event->object) != 0)
            undos[kept++] = undos[i];
    *out = undos;
    return kept;
}

/* Merges the present with what has to be undone; both are in order. */
static void gather_past(struct resource_cache *cache, const struct cache_range *range,
                        struct gather *gather)
{
    CLEANUP(free_ptr) struct undo *undos = NULL;
    size_t undo_count = collect_undos(&cache->ring, range, &undos), at = 0;
    struct object_cursor cursor = seek(&cache->objects, range);
    size_t left = count_from(&cache->objects, range, &cursor);
    struct object *object = left ? object_cursor_next(&cursor) : NULL;
    while (object || at < undo_count) {
        int order = !object            ? 1
                    : at == undo_count ? -1
                                       : compare_keys(object, undos[at].event->object);
        if (order < 0) {
            gather_add(gather, object);
        } else {
            if (undos[at].event->before)
                gather_add(gather, undos[at].event->before);
            at++;
        }
        if (order <= 0)
            object = --left ? object_cursor_next(&cursor) : NULL;
    }
}

/* ---- the list ---- */

static void take_references(struct gather *gather)
{
    for (size_t i = 0; i < gather->count; i++)
        object_ref(gather->items[i]);
}

/* Outside the lock: lets `keep` decide, then cuts at the limit. */
static void cut(const struct cache_range *range, struct gather *gather, size_t total,
                struct object_list *list)
{
    size_t kept = 0, read = 0;
    for (; read < gather->count && (!range->limit || kept < range->limit); read++) {
        struct object *object = gather->items[read];
        if (!range->keep || range->keep(object, range->arg))
            gather->items[kept++] = object;
        else
            object_unref(object);
    }
    bool more = false;
    for (size_t i = read; i < gather->count; i++) {
        more = more || !range->keep || range->keep(gather->items[i], range->arg);
        object_unref(gather->items[i]);
    }
    list->items = gather->items;
    list->count = kept;
    list->more = more || (!range->keep && total > read);
    list->remaining = list->more ? total - read : 0;
}

enum cache_list_result cache_list_peek(struct cluster *cluster, const char *resource,
                                       const struct cache_range *range, struct object_list *list)
{
    struct resource_cache *cache = cluster_cache_lock(cluster, resource);
    if (!cache)
        return CACHE_LIST_COLD;
    int64_t now = atomic_load(&cluster->revision);
    bool past = range->at_revision && range->at_revision < now;
    struct gather gather = {0};
    size_t total;
    if (past && range->at_revision < cache->ring.floor) {
        cluster_cache_unlock(cache);
        return CACHE_LIST_GONE;
    }
    if (past && event_ring_after(&cache->ring, range->at_revision) < cache->ring.end) {
        gather_past(cache, range, &gather);
        total = gather.count;
    } else {
        gather_present(&cache->objects, range,
                       range->limit && !range->keep ? range->limit : SIZE_MAX, &gather, &total);
    }
    take_references(&gather);
    cluster_cache_unlock(cache);
    *list = (struct object_list){.revision = past ? range->at_revision : now};
    cut(range, &gather, total, list);
    return CACHE_LIST_OK;
}

bool cache_list(struct cluster *cluster, const char *resource, const char *ns,
                struct object_list *list, struct error *err)
{
    const struct cache_range range = {.ns = ns};
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        if (cache_list_peek(cluster, resource, &range, list) == CACHE_LIST_OK)
            return true;
        if (!cache_warm(cluster, resource, err))
            return false;
    }
    return error_unavailable(err, "the cache of %s is lost again and again", resource);
}
