/* What a budget's controller looks at, and when. */
#include "controllers/disruption.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/controller.h"
#include "controllers/disruption_scale.h"
#include "controllers/observe.h"
#include "schema/meta.h"

#define BUDGETS "poddisruptionbudgets.policy"

/* Where a number is given, the Pods that are there are what counts. */
static bool needs_scale(const json_t *budget)
{
    return !json_is_integer(json_at(budget, "spec", "minAvailable"));
}

static enum reconcile_result reconcile_budget(void *arg, struct reconcile *reconcile,
                                              int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *budget = NULL;
    CLEANUP(json_list_free) struct json_list pods = {0};
    CLEANUP(disruption_scale_clear) struct disruption_scale scale = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, BUDGETS, reconcile->ns, reconcile->name, &budget, err))
        return RECONCILE_RETRY;
    if (!budget)
        return RECONCILE_DONE;
    struct selector *selector = selector_from_json(json_at(budget, "spec", "selector"), err);
    const struct observe_query query = {
        .resource = "pods", .ns = reconcile->ns, .selector = selector};
    bool seen_pods = selector && observe_list(reconcile->cluster, &query, &pods, err);
    selector_free(selector);
    if (!seen_pods ||
        (needs_scale(budget) && !disruption_scale_observe(reconcile, &pods, &scale, err)))
        return RECONCILE_RETRY;
    const struct disruption_seen seen = {
        .budget = budget,
        .pods = pods.items,
        .pod_count = pods.count,
        .expected = scale.expected,
        .unmanaged = scale.unmanaged,
        .problem = scale.problem,
        .now_us = reconcile->now_us,
    };
    disruption_decide(&seen, &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err), &plan, again_ms);
}

/* ---- what wakes it ---- */

static void map_pod(struct cluster *cluster, const struct object *pod, const struct object *before,
                    void (*add)(void *arg, const char *key), void *arg)
{
    CLEANUP(object_list_free) struct object_list budgets = {0};
    if (cache_list_peek(cluster, BUDGETS, &(struct cache_range){.ns = pod->ns}, &budgets) !=
        CACHE_LIST_OK) {
        CLEANUP(free_ptr) char *every = xasprintf("%s/*", pod->ns);
        add(arg, every);
        return;
    }
    for (size_t i = 0; i < budgets.count; i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *budget = object_json(budgets.items[i]);
        struct selector *selector = selector_from_json(json_at(budget, "spec", "selector"), &err);
        if (selector && (selector_matches_labels(selector, pod) ||
                         (before && selector_matches_labels(selector, before)))) {
            CLEANUP(free_ptr) char *key = xasprintf("%s/%s", pod->ns, budgets.items[i]->name);
            add(arg, key);
        }
        selector_free(selector);
    }
}

static const struct controller_source sources[] = {
    {BUDGETS, NULL}, {"pods", map_pod}, {NULL, NULL}};

const struct controller disruption_controller = {
    .name = "disruption-controller",
    .sources = sources,
    .reconcile = reconcile_budget,
};
