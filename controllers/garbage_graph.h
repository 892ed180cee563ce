/* controllers/garbage_graph.h: who names whom as owner, in one cluster, while it is needed.
 *
 * Built from the caches when something first goes, kept in step by the change feed, dropped when
 * nothing goes any more. Only objects that have owners are in it. Any thread; has a lock of its
 * own. */
#pragma once
#include "base/error.h"
#include "store/cache.h"

struct graph;

struct graph *graph_new(void);
void graph_free(struct graph *graph);
/* Reads every stored kind of the cluster, once. Blocking. One thread at a time; changes may come in
 * meanwhile. */
MUST_CHECK bool graph_build(struct graph *graph, struct cluster *cluster, struct error *err);
bool graph_is_built(struct graph *graph);
void graph_changed(struct graph *graph, enum event_type type, const struct object *object);

struct graph_item {
    const char *resource; /* interned by the store */
    char *ns, *name;      /* owned */
};
struct graph_items {
    struct graph_item *items;
    size_t count;
};
/* Copies of all that name `uid`. */
void graph_dependents(struct graph *graph, const char *uid, struct graph_items *out);
void graph_items_free(struct graph_items *items);
