#include "controllers/daemonset.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "controllers/revision.h"
#include "schema/meta.h"

#define SETS "daemonsets.apps"

struct observed {
    json_t *set;
    struct json_list pods, nodes, revisions;
    bool claimed; /* a Pod is adopted or released first */
};

static void observed_free(struct observed *observed)
{
    json_decref(observed->set);
    json_list_free(&observed->pods);
    json_list_free(&observed->nodes);
    json_list_free(&observed->revisions);
}

static bool observe_pods(const struct reconcile *reconcile, struct observed *observed,
                         struct plan *plan, struct error *err)
{
    struct selector *selector = selector_from_json(json_at(observed->set, "spec", "selector"), err);
    const struct claim claim = {observed->set, "apps/v1", "DaemonSet", "pods", selector, NULL};
    bool ok = selector && claim_observe(reconcile->cluster, reconcile->ns, &claim, NULL,
                                        &observed->pods, &observed->claimed, plan, err);
    selector_free(selector);
    return ok;
}

static enum reconcile_result reconcile_daemonset(void *arg, struct reconcile *reconcile,
                                                 int64_t *again_ms, struct error *err)
{
    (void)arg;
    CLEANUP(observed_free) struct observed observed = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, SETS, reconcile->ns, reconcile->name, &observed.set, err))
        return RECONCILE_RETRY;
    if (!observed.set)
        return RECONCILE_DONE;
    if (!observe_pods(reconcile, &observed, &plan, err) ||
        !observe_list(reconcile->cluster, &(struct observe_query){.resource = "nodes"},
                      &observed.nodes, err) ||
        !revision_observe(reconcile->cluster, observed.set, &observed.revisions, err))
        return RECONCILE_RETRY;
    const struct daemonset_seen seen = {
        .set = observed.set,
        .revisions = observed.revisions.items,
        .revision_count = observed.revisions.count,
        .nodes = observed.nodes.items,
        .node_count = observed.nodes.count,
        .pods = observed.pods.items,
        .pod_count = observed.pods.count,
        .now_us = reconcile->now_us,
    };
    if (!observed.claimed)
        daemonset_decide(&seen, &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err) ||
                             error_is_terminating(err),
                         &plan, again_ms);
}

static void map_owned(struct cluster *cluster, const struct object *object,
                      const struct object *before, void (*add)(void *arg, const char *key),
                      void *arg)
{
    (void)cluster;
    owner_map(object, before, "apps", "DaemonSet", add, arg);
}

static bool same_place(const struct object *node, const struct object *before)
{
    json_auto_t *now = object_json(node), *then = object_json(before);
    return semantic_equal(json_object_get(now, "spec"), json_object_get(then, "spec")) &&
           semantic_equal(json_at(now, "metadata", "labels"), json_at(then, "metadata", "labels"));
}

/* A node that comes, goes, or changes its labels or taints concerns every DaemonSet; its heartbeats
 * none. */
static void map_node(struct cluster *cluster, const struct object *node,
                     const struct object *before, void (*add)(void *arg, const char *key),
                     void *arg)
{
    CLEANUP(object_list_free) struct object_list sets = {0};
    if (before && same_place(node, before))
        return;
    if (cache_list_peek(cluster, SETS, &(struct cache_range){0}, &sets) != CACHE_LIST_OK) {
        add(arg, "*");
        return;
    }
    for (size_t i = 0; i < sets.count; i++) {
        CLEANUP(free_ptr) char *key = xasprintf("%s/%s", sets.items[i]->ns, sets.items[i]->name);
        add(arg, key);
    }
}

static const struct controller_source sources[] = {
    {SETS, NULL}, {"pods", map_owned}, {REVISIONS, map_owned}, {"nodes", map_node}, {NULL, NULL}};

const struct controller daemonset_controller = {
    .name = "daemon-set-controller",
    .sources = sources,
    .reconcile = reconcile_daemonset,
};
