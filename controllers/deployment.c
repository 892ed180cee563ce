#include "controllers/deployment.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/controller.h"
#include "controllers/deployment_internal.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "controllers/pod_state.h"
#include "schema/meta.h"

struct observed {
    json_t *deployment;
    struct selector *selector;
    struct json_list sets;
    bool old_pods, claimed; /* claimed: a ReplicaSet is adopted or released first */
};

static void observed_free(struct observed *observed)
{
    json_decref(observed->deployment);
    selector_free(observed->selector);
    json_list_free(&observed->sets);
}

static bool observe_sets(const struct reconcile *reconcile, struct observed *observed,
                         struct plan *plan, struct error *err)
{
    const struct claim claim = {observed->deployment, "apps/v1",          "Deployment",
                                REPLICASETS,          observed->selector, NULL};
    return claim_observe(reconcile->cluster, reconcile->ns, &claim, NULL, &observed->sets,
                         &observed->claimed, plan, err);
}

/* Recreate waits until every Pod of the old ReplicaSets has ended, also those that are still being
 * stopped. */
static bool observe_old_pods(const struct reconcile *reconcile, struct observed *observed,
                             struct error *err)
{
    CLEANUP(json_list_free) struct json_list pods = {0};
    struct plan none = {0};
    const struct deployment_seen seen = {
        .deployment = observed->deployment,
        .sets = observed->sets.items,
        .set_count = observed->sets.count,
    };
    const struct observe_query query = {
        .resource = "pods", .ns = reconcile->ns, .selector = observed->selector};
    if (!observe_list(reconcile->cluster, &query, &pods, err))
        return false;
    CLEANUP(rollout_free) struct rollout rollout;
    rollout_init(&rollout, &seen, &none);
    for (size_t i = 0; i < rollout.old_count; i++) {
        observed->old_pods |= set_actual(rollout.old[i]) > 0;
        for (size_t j = 0; j < pods.count; j++)
            observed->old_pods |= owner_is_controller(pods.items[j], meta_uid(rollout.old[i])) &&
                                  !pod_is_terminal(pods.items[j]);
    }
    return true;
}

static bool observe(const struct reconcile *reconcile, struct observed *observed, struct plan *plan,
                    struct error *err)
{
    if (!observe_get(reconcile->cluster, DEPLOYMENTS, reconcile->ns, reconcile->name,
                     &observed->deployment, err))
        return false;
    if (!observed->deployment)
        return true;
    observed->selector = selector_from_json(json_at(observed->deployment, "spec", "selector"), err);
    if (!observed->selector || !observe_sets(reconcile, observed, plan, err))
        return false;
    bool recreate =
        text_eq(json_text(observed->deployment, "spec", "strategy", "type"), "Recreate");
    return !recreate || observe_old_pods(reconcile, observed, err);
}

/* The one failure that shows in the status. */
static void tell_create_failed(const struct reconcile *reconcile,
                               const struct deployment_seen *seen, const struct plan_action *failed,
                               const struct error *why)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(error_clear) struct error err = {0};
    bool taken = why->reason == ERROR_ALREADY_EXISTS;
    deployment_decide_create_failed(seen, failed->name, taken, why->message ? why->message : "",
                                    &plan);
    if (!plan_apply(&reconcile->caller, &plan, NULL, &err))
        return; /* the key comes back anyway */
}

static enum reconcile_result reconcile_deployment(void *arg, struct reconcile *reconcile,
                                                  int64_t *again_ms, struct error *err)
{
    (void)arg;
    CLEANUP(observed_free) struct observed observed = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(error_clear) struct error why = {0};
    const struct plan_action *failed = NULL;
    if (!observe(reconcile, &observed, &plan, err))
        return RECONCILE_RETRY;
    if (!observed.deployment)
        return RECONCILE_DONE;
    const struct deployment_seen seen = {
        .deployment = observed.deployment,
        .sets = observed.sets.items,
        .set_count = observed.sets.count,
        .old_pods = observed.old_pods,
        .now_us = reconcile->now_us,
    };
    if (!observed.claimed)
        deployment_decide(&seen, &plan);
    if (!plan_apply(&reconcile->caller, &plan, &failed, &why) && !error_is_terminating(&why)) {
        if (failed && failed->verb == PLAN_CREATE)
            tell_create_failed(reconcile, &seen, failed, &why);
        error_move(err, &why);
        return RECONCILE_RETRY;
    }
    *again_ms = plan.again_ms;
    return plan.again_ms ? RECONCILE_AGAIN : RECONCILE_DONE;
}

/* ---- what wakes it ---- */

static void map_set(struct cluster *cluster, const struct object *set, const struct object *before,
                    void (*add)(void *arg, const char *key), void *arg)
{
    (void)cluster;
    owner_map(set, before, "apps", "Deployment", add, arg);
    json_auto_t *references = owner_references_of(set);
    if (!references &&
        set->label_count) { /* an orphan: one of the namespace's Deployments may select it */
        CLEANUP(free_ptr) char *every = xasprintf("%s/*", set->ns);
        add(arg, every);
    }
}

struct via {
    struct cluster *cluster;
    const char *ns;
    void (*add)(void *arg, const char *key);
    void *arg;
};

static void via_set(void *arg, const char *key)
{
    struct via *via = arg;
    CLEANUP(object_unref_ptr) struct object *set = NULL;
    const char *name = strchr(key, '/');
    if (name && cache_peek(via->cluster, REPLICASETS, via->ns, name + 1, &set) == CACHE_HIT)
        owner_map(set, NULL, "apps", "Deployment", via->add, via->arg);
}

/* Recreate waits for the last old Pod to go; other changes of Pods show in their ReplicaSet's
 * status. */
static void map_pod(struct cluster *cluster, const struct object *pod, const struct object *before,
                    void (*add)(void *arg, const char *key), void *arg)
{
    struct via via = {cluster, pod->ns, add, arg};
    if (memmem(pod->body.data, pod->body.len, "\"deletionTimestamp\"", 19))
        owner_map(pod, before, "apps", "ReplicaSet", via_set, &via);
}

static const struct controller_source sources[] = {
    {DEPLOYMENTS, NULL}, {REPLICASETS, map_set}, {"pods", map_pod}, {NULL, NULL}};

const struct controller deployment_controller = {
    .name = "deployment-controller",
    .sources = sources,
    .reconcile = reconcile_deployment,
};
