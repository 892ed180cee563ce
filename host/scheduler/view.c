#include "host/scheduler/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/strset.h"
#include "controllers/volume_binder.h"
#include "host/scheduler.h"
#include "host/scheduler/overlay.h"
#include "schema/meta.h"

#define HASTY_MAX        8 /* tries that a change of claims may bring without a wait */
#define BACKOFF_FIRST_US ((int64_t)1000 * 1000)
#define BACKOFF_MAX_US   ((int64_t)10 * 1000 * 1000)
#define STUCK_MAX_US                                                                               \
    ((int64_t)300 * 1000 * 1000) /* tried again after this even if nothing happened */

struct view *view_new(struct cluster *cluster, const struct scheduler_tenants *tenants)
{
    struct view *view = xcalloc(1, sizeof(*view));
    view->tenants = tenants;
    view->cluster = cluster_ref(cluster);
    return view;
}

static void clear_map(struct strmap *map, void (*free_value)(void *value))
{
    const char *key;
    void *value;
    for (size_t i = 0; strmap_next(map, &i, &key, &value);)
        free_value(value);
    strmap_clear(map);
}

static void free_pod(void *value)
{
    pod_info_free(value);
}

static void free_node(void *value)
{
    node_info_free(value);
}

static void free_overlay(void *value)
{
    struct tenant_nodes *overlay = value;
    json_decref(overlay->nodes);
    free(overlay);
}

static void view_clear(struct view *view)
{
    if (view->pod_watch)
        watch_close(view->pod_watch);
    if (view->node_watch)
        watch_close(view->node_watch);
    for (size_t i = 0; i < VIEW_STORAGE; i++) {
        if (view->storage_watches[i])
            watch_close(view->storage_watches[i]);
        view->storage_watches[i] = NULL;
    }
    view->pod_watch = view->node_watch = NULL;
    clear_map(&view->pending, free);
    clear_map(&view->nominated, free);
    clear_map(&view->overlays, free_overlay);
    clear_map(&view->nodes, free_node);
    clear_map(&view->pods, free_pod);
    free(view->snapshot.nodes);
    json_decref(view->snapshot.namespaces);
    view->snapshot = (struct snapshot){0};
}

void view_free(struct view *view)
{
    if (!view)
        return;
    view_clear(view);
    cluster_unref(view->cluster);
    free(view);
}

/* ---- Pods ---- */

static bool takes_room(const struct pod_info *pod)
{
    return pod->node[0] && !pod->terminal;
}

static bool waits(const struct pod_info *pod)
{
    return !pod->node[0] && !pod->terminal && !pod->deleting && !pod->gated;
}

static struct node_info *node_of(struct view *view, const struct pod_info *pod)
{
    return pod->node[0] ? strmap_get(&view->nodes, pod->node) : NULL;
}

/* Assumed Pods stand on a node that their own tree does not name yet, so every node that has it is
 * asked. */
static void leave_nodes(struct view *view, struct pod_info *pod)
{
    struct node_info *node = node_of(view, pod);
    if (node) {
        node_info_remove_pod(node, pod);
        return;
    }
    for (size_t i = 0; i < view->snapshot.node_count; i++)
        node_info_remove_pod(view->snapshot.nodes[i], pod);
}

static void drop_pod(struct view *view, const char *key)
{
    struct pod_info *old = strmap_remove(&view->pods, key);
    struct pending *pending = strmap_get(&view->pending, key);
    if (!old)
        return;
    if (pending)
        pending->pod = NULL;
    leave_nodes(view, old);
    pod_info_free(old);
}

static void forget_pending(struct view *view, const char *key)
{
    free(strmap_remove(&view->pending, key));
}

/* Whether a Pod that is refused now may fit because others are placed. */
static bool wants_company(const struct pod_info *pod)
{
    return json_array_size(json_at(pod->pod, "spec", "affinity", "podAffinity",
                                   "requiredDuringSchedulingIgnoredDuringExecution")) ||
           json_array_size(json_at(pod->pod, "spec", "topologySpreadConstraints"));
}

static bool same_part(const json_t *a, const json_t *b)
{
    return (!a && !b) || (a && b && json_equal(a, b));
}

static bool same_labels(const struct pod_info *a, const struct pod_info *b)
{
    return same_part(json_at(a->pod, "metadata", "labels"), json_at(b->pod, "metadata", "labels"));
}

static bool same_wish(const struct pod_info *a, const struct pod_info *b)
{
    return same_labels(a, b) && same_part(json_at(a->pod, "spec"), json_at(b->pod, "spec"));
}

static struct pending *wait_for_node(struct view *view, const char *key, struct pod_info *pod)
{
    struct pending *pending = strmap_get(&view->pending, key);
    if (!pending) {
        pending = xcalloc(1, sizeof(*pending));
        (void)strmap_put(&view->pending, key, pending); /* there was none */
    }
    pending->pod = pod;
    pending->company = wants_company(pod);
    return pending;
}

static void nominate(struct view *view, const char *key, const char *node)
{
    free(strmap_remove(&view->nominated, key));
    if (node[0])
        (void)strmap_put(&view->nominated, key, xstrdup(node)); /* removed before */
}

void view_nominate(struct view *view, const struct pod_info *pod, const char *node)
{
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", pod->ns, pod->name);
    nominate(view, key, node);
}

static void put_pod(struct view *view, const struct object *object)
{
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", object->ns, object->name);
    struct pod_info *old = strmap_get(&view->pods, key);
    if (old && old->revision >= object->revision)
        return;
    bool same = old && strcmp(old->uid, object->uid) == 0;
    bool had_room = old && takes_room(old);
    struct pod_info *pod = pod_info_new(object_json(object), object->revision);
    bool relabelled = same && !same_labels(old, pod), other_wish = same && !same_wish(old, pod);
    drop_pod(view, key);
    (void)strmap_put(&view->pods, key, pod); /* dropped before */
    struct node_info *node = takes_room(pod) ? node_of(view, pod) : NULL;
    if (node)
        node_info_add_pod(node, pod);
    view->relief |= had_room && (!(same && takes_room(pod)) || relabelled);
    view->arrived |= takes_room(pod) && !(same && had_room);
    if (!same || !waits(pod))
        forget_pending(view, key);
    nominate(view, key, waits(pod) ? pod->nominated : "");
    if (waits(pod)) {
        struct pending *pending = wait_for_node(view, key, pod);
        pending->stuck = pending->stuck && !other_wish;
    }
}

static void remove_pod(struct view *view, const struct object *object)
{
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", object->ns, object->name);
    const struct pod_info *old = strmap_get(&view->pods, key);
    view->relief |= (old && takes_room(old)) || strmap_get(&view->nominated, key);
    drop_pod(view, key);
    forget_pending(view, key);
    nominate(view, key, "");
}

/* ---- nodes ---- */

static void list_nodes(struct view *view)
{
    const char *name;
    void *node;
    size_t count = 0;
    view->snapshot.nodes =
        xreallocarray(view->snapshot.nodes, view->nodes.count + 1, sizeof(struct node_info *));
    for (size_t i = 0; strmap_next(&view->nodes, &i, &name, &node);)
        view->snapshot.nodes[count++] = node;
    view->snapshot.node_count = count;
}

static void place_pods(struct view *view, struct node_info *node)
{
    const char *key;
    void *value;
    for (size_t i = 0; strmap_next(&view->pods, &i, &key, &value);) {
        struct pod_info *pod = value;
        if (takes_room(pod) && strcmp(pod->node, node->name) == 0)
            node_info_add_pod(node, pod);
    }
}

static bool same_offer(const struct node_info *old, const struct node_info *fresh)
{
    static const char *const parts[][2] = {
        {"spec", NULL}, {"metadata", "labels"}, {"status", "allocatable"}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const char *const path[] = {parts[i][0], parts[i][1], NULL};
        if (!same_part(json_at_path(old->node, path), json_at_path(fresh->node, path)))
            return false;
    }
    return true;
}

static void put_node(struct view *view, const struct object *object)
{
    struct node_info *old = strmap_get(&view->nodes, object->name);
    if (old && old->revision >= object->revision)
        return;
    struct node_info *node = node_info_new(object_json(object), object->revision);
    view->relief |= !old || !same_offer(old, node);
    if (old) { /* assumed Pods stay on it */
        for (size_t i = 0; i < old->pod_count; i++)
            node_info_add_pod(node, old->pods[i]);
    } else {
        place_pods(view, node);
    }
    (void)strmap_put(&view->nodes, object->name, node); /* the old one is freed below */
    node_info_free(old);
    list_nodes(view);
}

static void remove_node(struct view *view, const struct object *object)
{
    node_info_free(strmap_remove(&view->nodes, object->name));
    list_nodes(view);
}

/* ---- storage ---- */

static const char *const storage[] = {CLAIMS, VOLUMES, "storageclasses.storage.k8s.io"};
_Static_assert(ARRAY_LEN(storage) == VIEW_STORAGE, "a watch each");

/* A claim concerns the Pods that wait for it. */
static void see_claim(struct view *view, const struct object *claim)
{
    const char *key;
    void *value;
    for (size_t i = 0; strmap_next(&view->pending, &i, &key, &value);) {
        struct pending *pending = value;
        pending->moved = pending->moved || (pending->claims && pending->pod &&
                                            strcmp(pending->pod->ns, claim->ns) == 0 &&
                                            pod_uses_claim(pending->pod->pod, claim->name, true));
    }
}

/* What things are is read with the Pod that needs them. */
static void see_storage(struct view *view, const struct object *object)
{
    if (strcmp(object->resource, CLAIMS) == 0)
        see_claim(view, object);
    else if (strcmp(object->resource, VOLUMES) == 0)
        view->volumes_changed = true;
    else
        view->classes_changed = true;
}

/* ---- following ---- */

static void on_wake(void *arg)
{
    (void)arg; /* the controller frame wakes the scheduler */
}

/* Nothing, since reading is by events that come after the list. */
static bool open_watch(struct view *view, const char *resource, int64_t revision,
                       struct watch **watch, struct error *err)
{
    if (watch_open(view->cluster, resource, revision, on_wake, view, watch) == CACHE_LIST_OK)
        return true;
    return error_unavailable(err, "the cache of %s was dropped while it was read", resource);
}

static bool follow_storage(struct view *view, struct error *err)
{
    for (size_t i = 0; i < VIEW_STORAGE; i++) {
        CLEANUP(object_list_free) struct object_list list = {0};
        if (!cache_list(view->cluster, storage[i], NULL, &list, err) ||
            !open_watch(view, storage[i], list.revision, &view->storage_watches[i], err))
            return false;
    }
    return true;
}

static bool load(struct view *view, struct error *err)
{
    CLEANUP(object_list_free) struct object_list nodes = {0};
    CLEANUP(object_list_free) struct object_list pods = {0};
    view_clear(view);
    if (!cache_list(view->cluster, "nodes", NULL, &nodes, err) ||
        !cache_list(view->cluster, "pods", NULL, &pods, err) ||
        !open_watch(view, "nodes", nodes.revision, &view->node_watch, err) ||
        !open_watch(view, "pods", pods.revision, &view->pod_watch, err) ||
        !follow_storage(view, err))
        return false;
    for (size_t i = 0; i < nodes.count; i++)
        put_node(view, nodes.items[i]);
    for (size_t i = 0; i < pods.count; i++)
        put_pod(view, pods.items[i]);
    return true;
}

static bool drain(struct view *view, struct watch *watch,
                  void (*put)(struct view *view, const struct object *object),
                  void (*drop)(struct view *view, const struct object *object))
{
    for (;;) {
        struct event *event = NULL;
        switch (watch_next(watch, &event)) {
        case WATCH_EVENT:
            (event->type == EVENT_DELETED ? drop : put)(view, event->object);
            event_unref(event);
            break;
        case WATCH_EMPTY:
            return true;
        case WATCH_GONE:
            return false;
        }
    }
}

/* Only while a Pod asks for them by selector would namespaces' labels matter; they are few and in
 * memory. */
static bool read_namespaces(struct view *view, struct error *err)
{
    CLEANUP(object_list_free) struct object_list list = {0};
    if (!cache_list(view->cluster, "namespaces", NULL, &list, err))
        return false;
    json_decref(view->snapshot.namespaces);
    view->snapshot.namespaces = json_object();
    for (size_t i = 0; i < list.count; i++) {
        json_t *labels = json_object();
        for (uint32_t j = 0; j < list.items[i]->label_count; j++)
            json_object_set_new(labels, list.items[i]->labels[j].key,
                                json_string(list.items[i]->labels[j].value));
        json_object_set_new(view->snapshot.namespaces, list.items[i]->name, labels);
    }
    return true;
}

/* What a Pod's claims wait for has changed: of an unknown class they do not even say what. */
static bool storage_moved(const struct view *view, const struct pending *pending)
{
    return pending->moved || (pending->delayed && view->volumes_changed) ||
           (pending->claims && view->classes_changed);
}

static void relieve(struct view *view, int64_t now_us)
{
    const char *key;
    void *value;
    for (size_t i = 0; strmap_next(&view->pending, &i, &key, &value);) {
        struct pending *pending = value;
        if (storage_moved(view, pending)) {
            pending->stuck = pending->moved = false;
            pending->not_before_us = pending->attempts < HASTY_MAX ? 0 : pending->not_before_us;
        } else if (pending->stuck && (view->relief || (view->arrived && pending->company) ||
                                      now_us - pending->stuck_since_us > STUCK_MAX_US)) {
            pending->stuck = false;
        }
    }
    view->relief = view->arrived = view->volumes_changed = view->classes_changed = false;
}

/* ---- what tenants say of the nodes ---- */

static void relieve_tenant(struct view *view, const char *tenant)
{
    const char *key;
    void *value;
    for (size_t i = 0; strmap_next(&view->pending, &i, &key, &value);) {
        struct pending *pending = value;
        if (strcmp(pending->pod->tenant, tenant) == 0)
            pending->stuck = false;
    }
}

static bool read_overlay(struct view *view, const char *tenant, struct error *err)
{
    struct tenant_nodes *overlay = strmap_get(&view->overlays, tenant);
    json_t *nodes = NULL;
    if (!overlay) {
        overlay = xcalloc(1, sizeof(*overlay));
        (void)strmap_put(&view->overlays, tenant, overlay); /* there was none */
    }
    if (!view->tenants->nodes(view->tenants->arg, tenant, &overlay->version, &nodes, err))
        return false;
    if (!nodes)
        return true;
    json_decref(overlay->nodes);
    overlay->nodes = nodes;
    relieve_tenant(view, tenant);
    return true;
}

/* Those of tenants whose Pods wait; the others' are read again when they have some. */
static bool read_overlays(struct view *view, struct error *err)
{
    CLEANUP(strset_clear) struct strset seen = {0};
    const char *key;
    void *value;
    for (size_t i = 0; view->tenants && strmap_next(&view->pending, &i, &key, &value);) {
        const struct pending *pending = value;
        const char *tenant = pending->pod->tenant;
        if (tenant[0] && strset_add(&seen, tenant) && !read_overlay(view, tenant, err))
            return false;
    }
    return true;
}

static size_t list_nominees(struct view *view, struct nominee *out)
{
    const char *key;
    void *node;
    size_t count = 0;
    for (size_t i = 0; strmap_next(&view->nominated, &i, &key, &node);) {
        struct pod_info *pod = strmap_get(&view->pods, key);
        if (pod && !pod->node[0])
            out[count++] = (struct nominee){pod, node};
    }
    return count;
}

struct snapshot view_snapshot(struct view *view, const struct pod_info *pod)
{
    const struct tenant_nodes *overlay =
        pod->tenant[0] ? strmap_get(&view->overlays, pod->tenant) : NULL;
    struct snapshot out = view->snapshot;
    if (overlay)
        out = overlay_snapshot(&view->snapshot, pod->tenant, overlay->nodes);
    if (view->nominated.count) {
        out.nominees = xcalloc(view->nominated.count, sizeof(*out.nominees));
        out.nominee_count = list_nominees(view, out.nominees);
    }
    return out;
}

void view_snapshot_clear(struct view *view, struct snapshot *snapshot)
{
    free(snapshot->nominees);
    if (snapshot->nodes != view->snapshot.nodes)
        overlay_clear(snapshot);
}

bool view_has_lesser(const struct view *view, const struct pod_info *pod)
{
    for (size_t i = 0; i < view->snapshot.node_count; i++)
        for (size_t j = 0; j < view->snapshot.nodes[i]->pod_count; j++)
            if (pod_may_preempt(pod, view->snapshot.nodes[i]->pods[j]))
                return true;
    return false;
}

static bool drain_storage(struct view *view)
{
    for (size_t i = 0; i < VIEW_STORAGE; i++)
        if (!view->storage_watches[i] ||
            !drain(view, view->storage_watches[i], see_storage, see_storage))
            return false;
    return true;
}

bool view_update(struct view *view, int64_t now_us, struct error *err)
{
    bool fresh = view->pod_watch && view->node_watch && drain_storage(view) &&
                 drain(view, view->node_watch, put_node, remove_node) &&
                 drain(view, view->pod_watch, put_pod, remove_pod);
    if (!fresh && !load(view, err)) {
        view_clear(view);
        return false;
    }
    if (view->pending.count && (!read_namespaces(view, err) || !read_overlays(view, err)))
        return false;
    relieve(view, now_us);
    return true;
}

void view_assume(struct view *view, struct pod_info *pod, struct node_info *node)
{
    view_nominate(view, pod, "");
    node_info_add_pod(node, pod);
}

void view_forget(struct view *view, struct pod_info *pod, struct node_info *node)
{
    node_info_remove_pod(node, pod);
    view_nominate(view, pod, pod->nominated);
}

/* ---- what to try ---- */

void pending_stick(struct pending *pending, int64_t now_us)
{
    int64_t backoff_us = BACKOFF_FIRST_US;
    for (unsigned i = 0; i < pending->attempts && backoff_us < BACKOFF_MAX_US; i++)
        backoff_us *= 2;
    pending->attempts++;
    pending->stuck = true;
    pending->stuck_since_us = now_us;
    pending->not_before_us = now_us + (backoff_us < BACKOFF_MAX_US ? backoff_us : BACKOFF_MAX_US);
}

static int compare(const void *left, const void *right, void *arg)
{
    bool (*const *less)(const struct pod_info *a, const struct pod_info *b) = arg;
    const struct pending *a = *(struct pending *const *)left, *b = *(struct pending *const *)right;
    return (*less)(a->pod, b->pod) ? -1 : (*less)(b->pod, a->pod) ? 1 : 0;
}

/* When it may be tried: a stuck one when something changes, or after long enough. */
static int64_t ready_at(const struct pending *pending)
{
    return pending->stuck ? pending->stuck_since_us + STUCK_MAX_US : pending->not_before_us;
}

static int by_tenant(const void *left, const void *right)
{
    const struct pod_info *a = (*(struct pending *const *)left)->pod;
    const struct pod_info *b = (*(struct pending *const *)right)->pod;
    int order = strcmp(a->tenant, b->tenant);
    if (order)
        return order;
    if (a->rank != b->rank)
        return a->rank > b->rank ? -1 : 1;
    if (a->created_us != b->created_us)
        return a->created_us < b->created_us ? -1 : 1;
    return strcmp(a->uid, b->uid);
}

/* Turns stay where they are between tenants, whatever priorities one of them gives its Pods. */
static void rank_within_tenants(struct pending **ready, size_t count)
{
    CLEANUP(strmap_clear) struct strmap next = {0}; /* tenant -> its next place in `ranked`, + 1 */
    CLEANUP(free_ptr) struct pending **ranked = xcalloc(count + 1, sizeof(struct pending *));
    memcpy(ranked, ready, count * sizeof(struct pending *));
    qsort(ranked, count, sizeof(struct pending *), by_tenant);
    for (size_t i = count; i-- > 0;)
        (void)strmap_put(&next, ranked[i]->pod->tenant, (void *)(uintptr_t)(i + 1));
    for (size_t i = 0; i < count; i++) {
        const char *tenant = ready[i]->pod->tenant;
        uintptr_t at = (uintptr_t)strmap_get(&next, tenant);
        if (!tenant[0])
            continue;
        ready[i] = ranked[at - 1];
        (void)strmap_put(&next, tenant, (void *)(at + 1));
    }
}

struct pending **view_ready(struct view *view,
                            bool (*less)(const struct pod_info *a, const struct pod_info *b),
                            int64_t now_us, size_t *count)
{
    struct pending **ready = xcalloc(view->pending.count + 1, sizeof(struct pending *));
    const char *key;
    void *value;
    *count = 0;
    for (size_t i = 0; strmap_next(&view->pending, &i, &key, &value);) {
        struct pending *pending = value;
        if (!pending->stuck && ready_at(pending) <= now_us)
            ready[(*count)++] = pending;
    }
    qsort_r(ready, *count, sizeof(struct pending *), compare, &less);
    if (view->tenants)
        rank_within_tenants(ready, *count);
    return ready;
}

int64_t view_next(const struct view *view)
{
    const char *key;
    void *value;
    int64_t next_us = 0;
    for (size_t i = 0; strmap_next(&view->pending, &i, &key, &value);) {
        int64_t at_us = ready_at(value);
        if (at_us && (!next_us || at_us < next_us)) /* 0: was tried and bound, or it would wait */
            next_us = at_us;
    }
    return next_us;
}
