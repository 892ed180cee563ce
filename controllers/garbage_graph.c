#include "controllers/garbage_graph.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "controllers/kinds.h"
#include "controllers/owner.h"

/* An object with owners. */
struct dependent {
    char *uid, *ns, *name;
    const char *resource;
    int64_t revision;
    char **owners; /* uids */
    size_t owner_count;
};

struct children {
    struct dependent **items;
    size_t count, capacity;
};

struct graph {
    pthread_mutex_t lock;
    /* guarded by lock */
    struct strmap dependents; /* uid -> struct dependent */
    struct strmap owners;     /* uid of an owner -> struct children */
    struct strmap gone; /* uids deleted while it is being built: the lists may still show them */
    bool built;
};

struct graph *graph_new(void)
{
    struct graph *graph = xcalloc(1, sizeof(*graph));
    pthread_mutex_init(&graph->lock, NULL);
    return graph;
}

static void dependent_free(struct dependent *dependent)
{
    for (size_t i = 0; i < dependent->owner_count; i++)
        free(dependent->owners[i]);
    free(dependent->owners);
    free(dependent->uid);
    free(dependent->ns);
    free(dependent->name);
    free(dependent);
}

void graph_free(struct graph *graph)
{
    const char *uid;
    void *value;
    if (!graph)
        return;
    for (size_t i = 0; strmap_next(&graph->dependents, &i, &uid, &value);)
        dependent_free(value);
    for (size_t i = 0; strmap_next(&graph->owners, &i, &uid, &value);) {
        free(((struct children *)value)->items);
        free(value);
    }
    strmap_clear(&graph->dependents);
    strmap_clear(&graph->owners);
    strmap_clear(&graph->gone);
    pthread_mutex_destroy(&graph->lock);
    free(graph);
}

static void unlink_child(struct graph *graph, const char *owner, const struct dependent *child)
{
    struct children *children = strmap_get(&graph->owners, owner);
    for (size_t i = 0; children && i < children->count; i++)
        if (children->items[i] == child) {
            children->items[i] = children->items[--children->count];
            break;
        }
    if (children && !children->count) {
        (void)strmap_remove(&graph->owners, owner); /* it is `children` */
        free(children->items);
        free(children);
    }
}

static void link_child(struct graph *graph, const char *owner, struct dependent *child)
{
    struct children *children = strmap_get(&graph->owners, owner);
    if (!children) {
        children = xcalloc(1, sizeof(*children));
        (void)strmap_put(&graph->owners, owner, children); /* there was none */
    }
    if (children->count == children->capacity) {
        children->capacity = children->capacity ? children->capacity * 2 : 4;
        children->items =
            xreallocarray(children->items, children->capacity, sizeof(struct dependent *));
    }
    children->items[children->count++] = child;
}

static void remove_dependent(struct graph *graph, const char *uid)
{
    struct dependent *dependent = strmap_remove(&graph->dependents, uid);
    if (!dependent)
        return;
    for (size_t i = 0; i < dependent->owner_count; i++)
        unlink_child(graph, dependent->owners[i], dependent);
    dependent_free(dependent);
}

static struct dependent *dependent_new(const struct object *object, const json_t *references)
{
    struct dependent *dependent = xcalloc(1, sizeof(*dependent));
    dependent->uid = xstrdup(object->uid);
    dependent->ns = xstrdup(object->ns);
    dependent->name = xstrdup(object->name);
    dependent->resource = object->resource;
    dependent->revision = object->revision;
    dependent->owners = xcalloc(json_array_size(references) + 1, sizeof(char *));
    for (size_t i = 0; i < json_array_size(references); i++) {
        const char *uid = json_text(json_array_get(references, i), "uid");
        if (uid)
            dependent->owners[dependent->owner_count++] = xstrdup(uid);
    }
    return dependent;
}

/* Under the lock. */
static void put(struct graph *graph, const struct object *object, const json_t *references)
{
    const struct dependent *old = strmap_get(&graph->dependents, object->uid);
    if ((old && old->revision >= object->revision) || strmap_has(&graph->gone, object->uid))
        return;
    remove_dependent(graph, object->uid);
    if (!json_array_size(references))
        return;
    struct dependent *dependent = dependent_new(object, references);
    (void)strmap_put(&graph->dependents, dependent->uid, dependent); /* removed above */
    for (size_t i = 0; i < dependent->owner_count; i++)
        link_child(graph, dependent->owners[i], dependent);
}

void graph_changed(struct graph *graph, enum event_type type, const struct object *object)
{
    json_auto_t *references = type == EVENT_DELETED ? NULL : owner_references_of(object);
    pthread_mutex_lock(&graph->lock);
    if (type == EVENT_DELETED) {
        remove_dependent(graph, object->uid);
        if (!graph->built)
            (void)strmap_put(&graph->gone, object->uid, graph); /* a set: the value means nothing */
    } else {
        put(graph, object, references);
    }
    pthread_mutex_unlock(&graph->lock);
}

static bool build_kind(struct graph *graph, struct cluster *cluster, const char *resource,
                       struct error *err)
{
    CLEANUP(object_list_free) struct object_list list = {0};
    if (!cache_list(cluster, resource, NULL, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        json_auto_t *references = owner_references_of(list.items[i]);
        if (!references)
            continue;
        pthread_mutex_lock(&graph->lock);
        put(graph, list.items[i], references);
        pthread_mutex_unlock(&graph->lock);
    }
    return true;
}

bool graph_build(struct graph *graph, struct cluster *cluster, struct error *err)
{
    CLEANUP(stored_kinds_free) struct stored_kinds kinds = {0};
    if (!stored_kinds_list(cluster, &kinds, err))
        return false;
    for (size_t i = 0; i < kinds.count; i++)
        if (strcmp(kinds.items[i].resource, "events") != 0 &&
            !build_kind(graph, cluster, kinds.items[i].resource, err))
            return false;
    pthread_mutex_lock(&graph->lock);
    graph->built = true;
    strmap_clear(&graph->gone);
    pthread_mutex_unlock(&graph->lock);
    return true;
}

bool graph_is_built(struct graph *graph)
{
    pthread_mutex_lock(&graph->lock);
    bool built = graph->built;
    pthread_mutex_unlock(&graph->lock);
    return built;
}

void graph_dependents(struct graph *graph, const char *uid, struct graph_items *out)
{
    pthread_mutex_lock(&graph->lock);
    const struct children *children = strmap_get(&graph->owners, uid);
    out->count = children ? children->count : 0;
    out->items = xcalloc(out->count + 1, sizeof(*out->items));
    for (size_t i = 0; i < out->count; i++)
        out->items[i] = (struct graph_item){
            .resource = children->items[i]->resource,
            .ns = xstrdup(children->items[i]->ns),
            .name = xstrdup(children->items[i]->name),
        };
    pthread_mutex_unlock(&graph->lock);
}

void graph_items_free(struct graph_items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        free(items->items[i].ns);
        free(items->items[i].name);
    }
    free(items->items);
    *items = (struct graph_items){0};
}
