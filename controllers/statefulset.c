#include "controllers/statefulset.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "controllers/revision.h"
#include "controllers/statefulset_claims.h"
#include "schema/meta.h"

#define SETS "statefulsets.apps"

struct observed {
    json_t *set, *claims;
    struct json_list pods, revisions;
    bool claimed; /* a Pod is adopted or released first */
};

static void observed_free(struct observed *observed)
{
    json_decref(observed->set);
    json_decref(observed->claims);
    json_list_free(&observed->pods);
    json_list_free(&observed->revisions);
}

/* A Pod of another name is never this set's. */
static bool has_set_name(const json_t *set, const json_t *pod)
{
    CLEANUP(free_ptr) char *prefix = xasprintf("%s-", meta_name(set));
    return text_starts(meta_name(pod), prefix);
}

static bool observe_pods(const struct reconcile *reconcile, struct observed *observed,
                         struct plan *plan, struct error *err)
{
    struct selector *selector = selector_from_json(json_at(observed->set, "spec", "selector"), err);
    const struct claim claim = {observed->set, "apps/v1", "StatefulSet", "pods", selector, NULL};
    bool ok = selector && claim_observe(reconcile->cluster, reconcile->ns, &claim, has_set_name,
                                        &observed->pods, &observed->claimed, plan, err);
    selector_free(selector);
    return ok;
}

static bool observe_claims(const struct reconcile *reconcile, struct observed *observed,
                           struct error *err)
{
    CLEANUP(object_list_free) struct object_list list = {0};
    observed->claims = json_object();
    if (!json_array_size(json_at(observed->set, "spec", "volumeClaimTemplates")))
        return true;
    if (!cache_list(reconcile->cluster, "persistentvolumeclaims", reconcile->ns, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++)
        if (claim_is_named(observed->set, list.items[i]->name))
            json_object_set_new(observed->claims, list.items[i]->name, object_json(list.items[i]));
    return true;
}

static enum reconcile_result reconcile_statefulset(void *arg, struct reconcile *reconcile,
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
        !observe_claims(reconcile, &observed, err) ||
        !revision_observe(reconcile->cluster, observed.set, &observed.revisions, err))
        return RECONCILE_RETRY;
    const struct statefulset_seen seen = {
        .set = observed.set,
        .revisions = observed.revisions.items,
        .revision_count = observed.revisions.count,
        .pods = observed.pods.items,
        .pod_count = observed.pods.count,
        .claims = observed.claims,
        .now_us = reconcile->now_us,
    };
    if (!observed.claimed)
        statefulset_decide(&seen, &plan);
    return reconcile_end(plan_apply(&reconcile->caller, &plan, NULL, err) ||
                             error_is_terminating(err),
                         &plan, again_ms);
}

static void map_owned(struct cluster *cluster, const struct object *object,
                      const struct object *before, void (*add)(void *arg, const char *key),
                      void *arg)
{
    (void)cluster;
    owner_map(object, before, "apps", "StatefulSet", add, arg);
}

static const struct controller_source sources[] = {
    {SETS, NULL}, {"pods", map_owned}, {REVISIONS, map_owned}, {NULL, NULL}};

const struct controller statefulset_controller = {
    .name = "statefulset-controller",
    .sources = sources,
    .reconcile = reconcile_statefulset,
};
