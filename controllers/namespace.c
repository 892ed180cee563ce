#include "controllers/namespace.h"

#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "base/strset.h"
#include "controllers/controller.h"
#include "schema/condition.h"
#include "schema/meta.h"

#define AGAIN_MS 2000 /* content that is slow to go also wakes us when it goes */

/* ---- decide ---- */

static bool pods_remain(const struct namespace_seen *seen)
{
    for (size_t i = 0; i < seen->content_count; i++)
        if (strcmp(seen->content[i].kind->resource, "pods") == 0 && seen->content[i].objects.count)
            return true;
    return false;
}

static size_t delete_objects(const struct namespace_content *content, size_t room,
                             struct plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < content->objects.count && count < room; i++) {
        const json_t *object = content->objects.items[i];
        if (meta_deleting(object))
            continue;
        struct plan_action *action = plan_delete(plan, content->kind->resource, object);
        action->propagation = "Background";
        action->flags |= PLAN_GO_ON;
        count++;
    }
    return count;
}

static size_t decide_deletes(const struct namespace_seen *seen, struct plan *plan)
{
    bool pods_first = pods_remain(seen);
    size_t count = 0;
    for (size_t i = 0; i < seen->content_count && count < NAMESPACE_DELETES_MAX; i++) {
        const struct namespace_content *content = &seen->content[i];
        if (content->kind->deletable &&
            (!pods_first || strcmp(content->kind->resource, "pods") == 0))
            count += delete_objects(content, NAMESPACE_DELETES_MAX - count, plan);
    }
    return count;
}

struct remaining {
    struct strset kinds;      /* "pods. has 2 resource instances" */
    struct strmap finalizers; /* name -> count, as a pointer-sized number */
};

static void remaining_free(struct remaining *remaining)
{
    strset_clear(&remaining->kinds);
    strmap_clear(&remaining->finalizers);
}

static void count_finalizers(const json_t *object, struct strmap *finalizers)
{
    const json_t *names = json_at(object, "metadata", "finalizers");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        uintptr_t count = (uintptr_t)strmap_get(finalizers, name ? name : "");
        (void)strmap_put(finalizers, name ? name : "", (void *)(count + 1));
    }
}

static void count_remaining(const struct namespace_seen *seen, struct remaining *remaining)
{
    for (size_t i = 0; i < seen->content_count; i++) {
        const struct namespace_content *content = &seen->content[i];
        const char *resource = content->kind->resource;
        if (!content->objects.count)
            continue;
        CLEANUP(free_ptr)
        char *text = xasprintf("%s%s has %zu resource instances", resource,
                               strchr(resource, '.') ? "" : ".", content->objects.count);
        (void)strset_add(&remaining->kinds, text);
        for (size_t j = 0; j < content->objects.count; j++)
            count_finalizers(content->objects.items[j], &remaining->finalizers);
    }
}

static void join(const struct strset *set, struct buf *out)
{
    for (size_t i = 0; i < set->count; i++)
        buf_printf(out, "%s%s", i ? ", " : "", set->items[i]);
}

static void set_remaining(const struct namespace_seen *seen, const struct remaining *remaining,
                          json_t *conditions)
{
    static const struct condition removed = {"NamespaceContentRemaining", "False", "ContentRemoved",
                                             "All content successfully removed"};
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    buf_add_text(&text, "Some resources are remaining: ");
    join(&remaining->kinds, &text);
    const struct condition some = {"NamespaceContentRemaining", "True", "SomeResourcesRemain",
                                   text.data};
    (void)condition_set(conditions, remaining->kinds.count ? &some : &removed, seen->now_us, false);
}

static void set_finalizers(const struct namespace_seen *seen, const struct remaining *remaining,
                           json_t *conditions)
{
    static const struct condition none = {"NamespaceFinalizersRemaining", "False",
                                          "ContentHasNoFinalizers",
                                          "All content-preserving finalizers finished"};
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    CLEANUP(strset_clear) struct strset lines = {0};
    const char *name;
    void *count;
    for (size_t i = 0; strmap_next(&remaining->finalizers, &i, &name, &count);) {
        CLEANUP(free_ptr)
        char *line = xasprintf("%s in %zu resource instances", name, (size_t)(uintptr_t)count);
        (void)strset_add(&lines, line);
    }
    buf_add_text(&text, "Some content in the namespace has finalizers remaining: ");
    join(&lines, &text);
    const struct condition some = {"NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain",
                                   text.data};
    (void)condition_set(conditions, lines.count ? &some : &none, seen->now_us, false);
}

static json_t *make_status(const struct namespace_seen *seen)
{
    static const struct condition fine[] = {
        {"NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered",
         "All resources successfully discovered"},
        {"NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions",
         "All legacy kube types successfully parsed"},
        {"NamespaceDeletionContentFailure", "False", "ContentDeleted",
         "All content successfully deleted, may be waiting on finalization"},
    };
    CLEANUP(remaining_free) struct remaining remaining = {0};
    const json_t *old = json_object_get(seen->namespace, "status");
    json_t *status = old ? json_deep_copy(old) : json_object();
    json_t *conditions = json_ensure_array(status, "conditions");
    count_remaining(seen, &remaining);
    json_set_text(status, "phase", "Terminating");
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        (void)condition_set(conditions, &fine[i], seen->now_us, false);
    set_remaining(seen, &remaining, conditions);
    set_finalizers(seen, &remaining, conditions);
    return status;
}

static bool is_empty(const struct namespace_seen *seen)
{
    for (size_t i = 0; i < seen->content_count; i++)
        if (seen->content[i].objects.count)
            return false;
    return true;
}

static void decide_finalize(const struct namespace_seen *seen, struct plan *plan)
{
    json_t *body = json_deep_copy(seen->namespace);
    json_t *old = json_at(seen->namespace, "spec", "finalizers"), *finalizers = json_array();
    for (size_t i = 0; i < json_array_size(old); i++)
        if (!text_eq(json_string_value(json_array_get(old, i)), "kubernetes"))
            json_array_append(finalizers, json_array_get(old, i));
    json_object_set_new(json_ensure_object(body, "spec"), "finalizers", finalizers);
    plan_update(plan, "namespaces", "finalize", body)->flags |= PLAN_ABSENT_OK;
}

void namespace_decide(const struct namespace_seen *seen, struct plan *plan)
{
    if (!meta_deleting(seen->namespace) ||
        !json_array_has_text(json_at(seen->namespace, "spec", "finalizers"), "kubernetes"))
        return;
    if (is_empty(seen)) {
        decide_finalize(seen, plan);
        return;
    }
    if (decide_deletes(seen, plan)) { /* what is left afterwards is told by the next look */
        plan_again(plan, 1);
        return;
    }
    json_t *status = make_status(seen);
    if (semantic_equal(status, json_object_get(seen->namespace, "status")))
        json_decref(status);
    else
        plan_status(plan, "namespaces", seen->namespace, status)->flags |= PLAN_ABSENT_OK;
    plan_again(plan, AGAIN_MS);
}

/* ---- observe and do ---- */

struct observed {
    json_t *namespace;
    struct stored_kinds kinds;
    struct namespace_content *content;
    size_t content_count;
};

static void observed_free(struct observed *observed)
{
    for (size_t i = 0; i < observed->content_count; i++)
        json_list_free(&observed->content[i].objects);
    free(observed->content);
    stored_kinds_free(&observed->kinds);
    json_decref(observed->namespace);
}

static bool observe_content(const struct reconcile *reconcile, struct observed *observed,
                            struct error *err)
{
    if (!stored_kinds_list(reconcile->cluster, &observed->kinds, err))
        return false;
    observed->content = xcalloc(observed->kinds.count + 1, sizeof(*observed->content));
    for (size_t i = 0; i < observed->kinds.count; i++) {
        struct stored_kind *kind = &observed->kinds.items[i];
        if (!kind->namespaced)
            continue;
        struct namespace_content *content = &observed->content[observed->content_count++];
        content->kind = kind;
        const struct observe_query query = {.resource = kind->resource, .ns = reconcile->name};
        if (!observe_list(reconcile->cluster, &query, &content->objects, err))
            return false;
    }
    return true;
}

static enum reconcile_result reconcile_namespace(void *arg, struct reconcile *reconcile,
                                                 int64_t *again_ms, struct error *err)
{
    (void)arg;
    CLEANUP(observed_free) struct observed observed = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, "namespaces", "", reconcile->name, &observed.namespace,
                     err))
        return RECONCILE_RETRY;
    if (!observed.namespace || !meta_deleting(observed.namespace))
        return RECONCILE_DONE;
    if (!observe_content(reconcile, &observed, err))
        return RECONCILE_RETRY;
    const struct namespace_seen seen = {
        .namespace = observed.namespace,
        .content = observed.content,
        .content_count = observed.content_count,
        .now_us = reconcile->now_us,
    };
    namespace_decide(&seen, &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err), &plan, again_ms);
}

/* ---- what wakes it ---- */

static bool has_mark(const struct object *object)
{
    static const char mark[] = "\"deletionTimestamp\":";
    return memmem(object->body.data, object->body.len, mark, sizeof(mark) - 1);
}

static void map_namespace(struct cluster *cluster, const struct object *object,
                          const struct object *before, void (*add)(void *arg, const char *key),
                          void *arg)
{
    (void)cluster;
    (void)before;
    if (has_mark(object))
        add(arg, object->name);
}

/* Something that was being deleted has gone: its namespace may be empty now. */
static void map_content(struct cluster *cluster, const struct object *object,
                        const struct object *before, void (*add)(void *arg, const char *key),
                        void *arg)
{
    CLEANUP(object_unref_ptr) struct object *namespace = NULL;
    (void)before;
    if (!object->ns[0] || !has_mark(object))
        return;
    if (cache_peek(cluster, "namespaces", "", object->ns, &namespace) == CACHE_HIT &&
        has_mark(namespace))
        add(arg, object->ns);
}

static const struct controller_source sources[] = {
    {"namespaces", map_namespace}, {"*", map_content}, {NULL, NULL}};

const struct controller namespace_controller = {
    .name = "namespace-controller",
    .sources = sources,
    .reconcile = reconcile_namespace,
};
