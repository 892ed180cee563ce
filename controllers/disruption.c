#include "controllers/disruption.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/strset.h"
#include "controllers/controller.h"
#include "controllers/kinds.h"
#include "controllers/observe.h"
#include "controllers/pod_state.h"
#include "schema/condition.h"
#include "schema/json_time.h"
#include "schema/meta.h"

#define BUDGETS "poddisruptionbudgets.policy"

/* ---- decide ---- */

/* A number or a share of `total`, rounded up. */
static int64_t resolve(const json_t *value, int64_t total)
{
    struct str text = str_of(json_string_value(value));
    int64_t percent;
    if (json_is_integer(value))
        return json_integer_value(value);
    text.len -= text.len && text.data[text.len - 1] == '%';
    return parse_i64(text, 0, 100, &percent) ? (total * percent + 99) / 100 : 0;
}

/* Evictions that were granted and have not shown yet; each counts as gone until it does or is given
 * up. */
static json_t *pending_evictions(const struct disruption_seen *seen, int64_t *count)
{
    const json_t *old = json_at(seen->budget, "status", "disruptedPods");
    json_t *left = json_object();
    *count = 0;
    for (size_t i = 0; i < seen->pod_count; i++) {
        json_t *at = json_object_get(old, meta_name(seen->pods[i]));
        if (!at || meta_deleting(seen->pods[i]) ||
            json_time_us(at) + DISRUPTION_EXPIRES_US <= seen->now_us)
            continue;
        json_object_set(left, meta_name(seen->pods[i]), at);
        (*count)++;
    }
    return left;
}

static int64_t count_healthy(const struct disruption_seen *seen, const json_t *evictions)
{
    int64_t count = 0;
    for (size_t i = 0; i < seen->pod_count; i++)
        count += pod_is_ready(seen->pods[i]) && !meta_deleting(seen->pods[i]) &&
                 !json_object_get(evictions, meta_name(seen->pods[i]));
    return count;
}

static void bounds(const struct disruption_seen *seen, int64_t *expected, int64_t *desired)
{
    const json_t *unavailable = json_at(seen->budget, "spec", "maxUnavailable");
    const json_t *available = json_at(seen->budget, "spec", "minAvailable");
    *expected = seen->expected >= 0 ? seen->expected : (int64_t)seen->pod_count;
    if (unavailable) {
        *desired = *expected - resolve(unavailable, *expected);
    } else if (json_is_integer(available)) {
        *expected = (int64_t)seen->pod_count;
        *desired = json_integer_value(available);
    } else {
        *desired = resolve(available, *expected);
    }
    *desired = *desired < 0 ? 0 : *desired;
}

static void set_condition(const struct disruption_seen *seen, json_t *status, int64_t allowed)
{
    const struct condition want = {"DisruptionAllowed", allowed ? "True" : "False",
                                   allowed ? "SufficientPods" : "InsufficientPods", ""};
    json_t *conditions = json_ensure_array(status, "conditions");
    json_t *before = condition_find(conditions, "DisruptionAllowed");
    bool moved = condition_set(conditions, &want, seen->now_us, false);
    if (moved || !before)
        json_object_set_new(
            condition_find(conditions, "DisruptionAllowed"), "observedGeneration",
            json_integer(json_int_or(json_at(seen->budget, "metadata", "generation"), 0)));
}

void disruption_decide(const struct disruption_seen *seen, struct plan *plan)
{
    int64_t expected, desired, pending;
    const json_t *old = json_object_get(seen->budget, "status");
    json_auto_t *evictions = pending_evictions(seen, &pending);
    int64_t healthy = count_healthy(seen, evictions);
    bounds(seen, &expected, &desired);
    int64_t allowed = expected <= 0 || healthy < desired ? 0 : healthy - desired;
    json_t *status =
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "disruptionsAllowed", (json_int_t)allowed,
                  "currentHealthy", (json_int_t)healthy, "desiredHealthy", (json_int_t)desired,
                  "expectedPods", (json_int_t)expected, "observedGeneration",
                  (json_int_t)json_int_or(json_at(seen->budget, "metadata", "generation"), 0));
    if (pending) {
        json_object_set(status, "disruptedPods", evictions);
        plan_again(plan, DISRUPTION_EXPIRES_US / 1000);
    }
    if (json_object_get(old, "conditions"))
        json_object_set_new(status, "conditions",
                            json_deep_copy(json_object_get(old, "conditions")));
    set_condition(seen, status, allowed);
    if (semantic_equal(status, old))
        json_decref(status);
    else
        plan_status(plan, BUDGETS, seen->budget, status)->flags |= PLAN_ABSENT_OK;
}

/* ---- observe and do ---- */

/* What a Pod's controller wants: its own spec.replicas, or that of the Deployment above it. */
static bool wanted_by(const struct reconcile *reconcile, const struct stored_kinds *kinds,
                      const json_t *object, struct strset *counted, int64_t *sum, struct error *err)
{
    const json_t *reference = meta_controller(object);
    const char *version = json_text(reference, "apiVersion"), *kind = json_text(reference, "kind");
    const char *name = json_text(reference, "name"), *uid = json_text(reference, "uid");
    json_auto_t *controller = NULL;
    if (!version || !kind || !name || !uid)
        return true;
    const struct stored_kind *row = stored_kinds_find(kinds, version, kind);
    if (!row)
        return true;
    if (!observe_get(reconcile->cluster, row->resource, row->namespaced ? reconcile->ns : "", name,
                     &controller, err))
        return false;
    if (!controller || strcmp(meta_uid(controller), uid) != 0)
        return true;
    if (meta_controller(controller) && strcmp(kind, "ReplicaSet") == 0)
        return wanted_by(reconcile, kinds, controller, counted, sum, err);
    if (strset_add(counted, uid))
        *sum += json_int_or(json_at(controller, "spec", "replicas"), 1);
    return true;
}

static bool observe_expected(const struct reconcile *reconcile, const struct json_list *pods,
                             int64_t *expected, struct error *err)
{
    CLEANUP(stored_kinds_free) struct stored_kinds kinds = {0};
    CLEANUP(strset_clear) struct strset counted = {0};
    int64_t sum = 0;
    if (!stored_kinds_list(reconcile->cluster, &kinds, err))
        return false;
    for (size_t i = 0; i < pods->count; i++)
        if (!wanted_by(reconcile, &kinds, pods->items[i], &counted, &sum, err))
            return false;
    *expected = counted.count ? sum : -1;
    return true;
}

static enum reconcile_result reconcile_budget(void *arg, struct reconcile *reconcile,
                                              int64_t *again_ms, struct error *err)
{
    (void)arg;
    json_auto_t *budget = NULL;
    CLEANUP(json_list_free) struct json_list all = {0}, pods = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    int64_t expected = -1;
    if (!observe_get(reconcile->cluster, BUDGETS, reconcile->ns, reconcile->name, &budget, err))
        return RECONCILE_RETRY;
    if (!budget)
        return RECONCILE_DONE;
    struct selector *selector = selector_from_json(json_at(budget, "spec", "selector"), err);
    const struct observe_query query = {
        .resource = "pods", .ns = reconcile->ns, .selector = selector};
    bool seen_pods = selector && observe_list(reconcile->cluster, &query, &all, err);
    selector_free(selector);
    for (size_t i = 0; i < all.count; i++)
        if (!pod_is_terminal(all.items[i]))
            json_list_add(&pods, json_incref(all.items[i]));
    if (!seen_pods || !observe_expected(reconcile, &pods, &expected, err))
        return RECONCILE_RETRY;
    disruption_decide(
        &(struct disruption_seen){budget, pods.items, pods.count, expected, reconcile->now_us},
        &plan);
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
