/* controllers/garbage.c: the row: which objects to look at, and what is around them.
 *
 * Keys say where to look: "gone|UID" the dependents of an object that went, "item|RESOURCE|NS|NAME"
 * an object itself, "owner|APIVERSION|KIND|NS|NAME" an owner that may wait for its dependents,
 * "idle" whether the graph is still used. */
#include "controllers/garbage.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "controllers/controller.h"
#include "controllers/garbage_graph.h"
#include "controllers/kinds.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "schema/meta.h"

#define ROW_NAME      "generic-garbage-collector"
#define GRAPH_IDLE_MS 30000

struct held {
    struct graph *graph;
    unsigned users; /* workers that read it now */
    bool building;
    int64_t used_us;
};

struct garbage {
    struct controller row;
    pthread_mutex_t lock; /* taken before a graph's */
    pthread_cond_t built;
    struct strmap graphs; /* cluster id -> struct held; guarded by lock */
};

/* ---- changes to keys ---- */

static bool has_text(const struct object *object, const char *text)
{
    return memmem(object->body.data, object->body.len, text, strlen(text));
}

static bool waits_for_us(const struct object *object)
{
    return has_text(object, "\"deletionTimestamp\":") &&
           (has_text(object, "\"foregroundDeletion\"") || has_text(object, "\"orphan\""));
}

static void add_item(const char *resource, const char *ns, const char *name,
                     void (*add)(void *arg, const char *key), void *arg)
{
    CLEANUP(free_ptr) char *key = xasprintf("item|%s|%s|%s", resource, ns, name);
    add(arg, key);
}

/* Owners that may have waited for this object. */
static void add_owners(const struct object *object, const json_t *references,
                       void (*add)(void *arg, const char *key), void *arg)
{
    for (size_t i = 0; i < json_array_size(references); i++) {
        const json_t *reference = json_array_get(references, i);
        const char *version = json_text(reference, "apiVersion"),
                   *kind = json_text(reference, "kind");
        const char *name = json_text(reference, "name");
        if (!version || !kind || !name ||
            !json_is_true(json_object_get(reference, "blockOwnerDeletion")))
            continue;
        CLEANUP(free_ptr)
        char *key = xasprintf("owner|%s|%s|%s|%s", version, kind, object->ns, name);
        add(arg, key);
    }
}

static void keep_graph(struct garbage *garbage, struct cluster *cluster, enum event_type type,
                       const struct object *object)
{
    char id[24];
    (void)snprintf(id, sizeof(id), "%lld", (long long)cluster->id);
    pthread_mutex_lock(&garbage->lock);
    struct held *held = strmap_get(&garbage->graphs, id);
    if (held)
        graph_changed(held->graph, type, object);
    pthread_mutex_unlock(&garbage->lock);
}

static void on_change(void *arg, struct cluster *cluster, enum event_type type,
                      const struct object *object, const struct object *before,
                      void (*add)(void *add_arg, const char *key), void *add_arg)
{
    if (strcmp(object->resource, "events") == 0)
        return; /* own nothing and are many */
    json_auto_t *references = owner_references_of(object);
    json_auto_t *old = before ? owner_references_of(before) : NULL;
    keep_graph(arg, cluster, type, object);
    bool changed =
        !before ||
        (references || old ? !(references && old && json_equal(references, old)) : false);
    if (type == EVENT_DELETED) {
        CLEANUP(free_ptr) char *key = xasprintf("gone|%s", object->uid);
        add(add_arg, key);
        add_owners(object, references, add, add_arg);
        return;
    }
    if ((references && changed) || waits_for_us(object))
        add_item(object->resource, object->ns, object->name, add, add_arg);
    if (old && changed)
        add_owners(object, old, add, add_arg);
}

/* When a cluster is looked at anew. */
static void map_item(struct cluster *cluster, const struct object *object,
                     const struct object *before, void (*add)(void *arg, const char *key),
                     void *arg)
{
    (void)cluster;
    (void)before;
    if (strcmp(object->resource, "events") != 0 &&
        (has_text(object, "\"ownerReferences\":[{") || waits_for_us(object)))
        add_item(object->resource, object->ns, object->name, add, arg);
}

/* ---- the graph, while it is needed ---- */

static struct held *held_of(struct garbage *garbage, const char *id)
{
    struct held *held = strmap_get(&garbage->graphs, id);
    if (!held) {
        held = xcalloc(1, sizeof(*held));
        held->graph = graph_new();
        (void)strmap_put(&garbage->graphs, id, held); /* there was none */
    }
    return held;
}

static void release(struct garbage *garbage, struct held *held, int64_t now_us)
{
    pthread_mutex_lock(&garbage->lock);
    held->users--;
    held->used_us = now_us;
    pthread_mutex_unlock(&garbage->lock);
}

/* The graph, built; one worker builds it and others wait. Give back by release(). */
static struct held *acquire(struct garbage *garbage, const struct reconcile *reconcile,
                            struct error *err)
{
    char id[24];
    (void)snprintf(id, sizeof(id), "%lld", (long long)reconcile->cluster->id);
    pthread_mutex_lock(&garbage->lock);
    struct held *held = held_of(garbage, id);
    held->users++;
    while (held->building)
        pthread_cond_wait(&garbage->built, &garbage->lock);
    bool ready = graph_is_built(held->graph);
    held->building = !ready;
    pthread_mutex_unlock(&garbage->lock);
    if (ready)
        return held;
    ready = graph_build(held->graph, reconcile->cluster, err);
    pthread_mutex_lock(&garbage->lock);
    held->building = false;
    pthread_cond_broadcast(&garbage->built);
    pthread_mutex_unlock(&garbage->lock);
    controllers_enqueue_after(reconcile->controllers, ROW_NAME, reconcile->cluster, "idle",
                              GRAPH_IDLE_MS);
    if (ready)
        return held;
    release(garbage, held, reconcile->now_us);
    return NULL;
}

static enum reconcile_result drop_if_idle(struct garbage *garbage,
                                          const struct reconcile *reconcile, int64_t *again_ms)
{
    char id[24];
    (void)snprintf(id, sizeof(id), "%lld", (long long)reconcile->cluster->id);
    pthread_mutex_lock(&garbage->lock);
    struct held *held = strmap_get(&garbage->graphs, id);
    bool busy =
        held && (held->users || reconcile->now_us - held->used_us < (int64_t)GRAPH_IDLE_MS * 1000);
    if (held && !busy)
        (void)strmap_remove(&garbage->graphs, id); /* it is `held` */
    pthread_mutex_unlock(&garbage->lock);
    if (busy) {
        *again_ms = GRAPH_IDLE_MS;
        return RECONCILE_AGAIN;
    }
    if (held)
        graph_free(held->graph);
    free(held);
    return RECONCILE_DONE;
}

/* ---- one object ---- */

struct observed {
    json_t *object;
    enum owner_state *owners;
    struct garbage_dependent *dependents;
    size_t dependent_count;
};

static void observed_free(struct observed *observed)
{
    for (size_t i = 0; i < observed->dependent_count; i++)
        json_decref((json_t *)(uintptr_t)observed->dependents[i].object);
    free(observed->dependents);
    free(observed->owners);
    json_decref(observed->object);
}

static bool observe_owner(struct cluster *cluster, const struct stored_kinds *kinds, const char *ns,
                          const json_t *reference, enum owner_state *state, struct error *err)
{
    const char *version = json_text(reference, "apiVersion"), *kind = json_text(reference, "kind");
    const char *name = json_text(reference, "name"), *uid = json_text(reference, "uid");
    json_auto_t *owner = NULL;
    *state = OWNER_SOLID; /* what we cannot look up is never taken for gone */
    const struct stored_kind *row =
        version && kind ? stored_kinds_find(kinds, version, kind) : NULL;
    if (!row || !name || !uid || (row->namespaced && !ns[0]))
        return true;
    if (!observe_get(cluster, row->resource, row->namespaced ? ns : "", name, &owner, err))
        return false;
    if (!owner || strcmp(meta_uid(owner), uid) != 0)
        *state = OWNER_ABSENT;
    else if (garbage_is_foreground(owner))
        *state = OWNER_WAITING;
    return true;
}

static bool observe_owners(const struct reconcile *reconcile, const char *ns,
                           struct observed *observed, struct error *err)
{
    const json_t *references = json_at(observed->object, "metadata", "ownerReferences");
    size_t count = json_array_size(references);
    CLEANUP(stored_kinds_free) struct stored_kinds kinds = {0};
    observed->owners = xcalloc(count + 1, sizeof(*observed->owners));
    if (count && !stored_kinds_list(reconcile->cluster, &kinds, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!observe_owner(reconcile->cluster, &kinds, ns, json_array_get(references, i),
                           &observed->owners[i], err))
            return false;
    return true;
}

static bool needs_dependents(const struct observed *observed)
{
    size_t count = json_array_size(json_at(observed->object, "metadata", "ownerReferences"));
    if (garbage_is_foreground(observed->object) || garbage_is_orphaning(observed->object))
        return true;
    for (size_t i = 0; i < count; i++)
        if (observed->owners[i] == OWNER_WAITING)
            return true;
    return false;
}

static bool observe_dependents(struct garbage *garbage, const struct reconcile *reconcile,
                               struct observed *observed, struct error *err)
{
    CLEANUP(graph_items_free) struct graph_items items = {0};
    struct held *held = acquire(garbage, reconcile, err);
    if (!held)
        return false;
    graph_dependents(held->graph, meta_uid(observed->object), &items);
    release(garbage, held, reconcile->now_us);
    observed->dependents = xcalloc(items.count + 1, sizeof(*observed->dependents));
    for (size_t i = 0; i < items.count; i++) {
        json_t *dependent;
        if (!observe_get(reconcile->cluster, items.items[i].resource, items.items[i].ns,
                         items.items[i].name, &dependent, err))
            return false;
        if (dependent)
            observed->dependents[observed->dependent_count++] =
                (struct garbage_dependent){items.items[i].resource, dependent};
    }
    return true;
}

/* A foreground deletion begins with its dependents. */
static void wake_dependents(const struct reconcile *reconcile, const struct observed *observed)
{
    for (size_t i = 0; i < observed->dependent_count; i++) {
        const json_t *dependent = observed->dependents[i].object;
        if (meta_deleting(dependent))
            continue;
        CLEANUP(free_ptr)
        char *key = xasprintf("item|%s|%s|%s", observed->dependents[i].resource,
                              meta_namespace(dependent), meta_name(dependent));
        controllers_enqueue(reconcile->controllers, ROW_NAME, reconcile->cluster, key);
    }
}

static bool collect(struct garbage *garbage, const struct reconcile *reconcile,
                    const char *resource, const char *ns, const char *name, struct error *err)
{
    CLEANUP(observed_free) struct observed observed = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, resource, ns, name, &observed.object, err))
        return false;
    if (!observed.object)
        return true;
    if (!observe_owners(reconcile, ns, &observed, err) ||
        (needs_dependents(&observed) && !observe_dependents(garbage, reconcile, &observed, err)))
        return false;
    const struct garbage_seen seen = {resource, observed.object, observed.owners,
                                      observed.dependents, observed.dependent_count};
    garbage_decide(&seen, &plan);
    if (plan.count == 0 && garbage_is_foreground(observed.object))
        wake_dependents(reconcile, &observed);
    return plan_apply(&reconcile->caller, &plan, NULL, err);
}

static bool collect_dependents(struct garbage *garbage, const struct reconcile *reconcile,
                               const char *uid, struct error *err)
{
    CLEANUP(graph_items_free) struct graph_items items = {0};
    struct held *held = acquire(garbage, reconcile, err);
    if (!held)
        return false;
    graph_dependents(held->graph, uid, &items);
    release(garbage, held, reconcile->now_us);
    bool ok = true;
    for (size_t i = 0; i < items.count; i++) {
        CLEANUP(error_clear) struct error why = {0};
        if (!collect(garbage, reconcile, items.items[i].resource, items.items[i].ns,
                     items.items[i].name, &why)) {
            error_move(err, &why);
            ok = false;
        }
    }
    return ok;
}

static bool collect_owner(struct garbage *garbage, const struct reconcile *reconcile,
                          char *const *parts, struct error *err)
{
    CLEANUP(stored_kinds_free) struct stored_kinds kinds = {0};
    CLEANUP(object_unref_ptr) struct object *owner = NULL;
    if (!stored_kinds_list(reconcile->cluster, &kinds, err))
        return false;
    const struct stored_kind *row = stored_kinds_find(&kinds, parts[1], parts[2]);
    if (!row)
        return true;
    const char *ns = row->namespaced ? parts[3] : "";
    if (!cache_get(reconcile->cluster, row->resource, ns, parts[4], &owner, err))
        return false;
    return !owner || !waits_for_us(owner) ||
           collect(garbage, reconcile, row->resource, ns, parts[4], err);
}

#define PARTS_MAX 5

static size_t cut(char *text, char *parts[PARTS_MAX])
{
    size_t count = 0;
    while (count < PARTS_MAX) {
        parts[count++] = text;
        char *bar = strchr(text, '|');
        if (!bar || count == PARTS_MAX)
            break;
        *bar = '\0';
        text = bar + 1;
    }
    return count;
}

static enum reconcile_result reconcile_garbage(void *arg, struct reconcile *reconcile,
                                               int64_t *again_ms, struct error *err)
{
    struct garbage *garbage = arg;
    CLEANUP(free_ptr) char *key = xstrdup(reconcile->key);
    char *parts[PARTS_MAX];
    size_t count = cut(key, parts);
    bool ok = true;
    if (strcmp(parts[0], "idle") == 0)
        return drop_if_idle(garbage, reconcile, again_ms);
    if (strcmp(parts[0], "gone") == 0 && count == 2)
        ok = collect_dependents(garbage, reconcile, parts[1], err);
    else if (strcmp(parts[0], "item") == 0 && count == 4)
        ok = collect(garbage, reconcile, parts[1], parts[2], parts[3], err);
    else if (strcmp(parts[0], "owner") == 0 && count == 5)
        ok = collect_owner(garbage, reconcile, parts, err);
    return ok ? RECONCILE_DONE : RECONCILE_RETRY;
}

/* ---- the row ---- */

static void garbage_free(void *arg)
{
    struct garbage *garbage = arg;
    const char *id;
    void *value;
    for (size_t i = 0; strmap_next(&garbage->graphs, &i, &id, &value);) {
        graph_free(((struct held *)value)->graph);
        free(value);
    }
    strmap_clear(&garbage->graphs);
    pthread_cond_destroy(&garbage->built);
    pthread_mutex_destroy(&garbage->lock);
    free(garbage);
}

void garbage_add(struct controllers *controllers)
{
    static const struct controller_source sources[] = {{"*", map_item}, {NULL, NULL}};
    struct garbage *garbage = xcalloc(1, sizeof(*garbage));
    pthread_mutex_init(&garbage->lock, NULL);
    pthread_cond_init(&garbage->built, NULL);
    garbage->row = (struct controller){
        .name = ROW_NAME,
        .sources = sources,
        .reconcile = reconcile_garbage,
        .arg = garbage,
        .changed = on_change,
        .free = garbage_free,
    };
    controllers_add(controllers, &garbage->row);
}
