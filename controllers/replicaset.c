#include "controllers/replicaset.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "controllers/pod_state.h"
#include "schema/condition.h"
#include "schema/meta.h"

const struct replica_kind replica_kind_set = {"replicasets.apps", "apps", "apps/v1", "ReplicaSet"};
const struct replica_kind replica_kind_controller = {"replicationcontrollers", "", "v1",
                                                     "ReplicationController"};

/* ---- decide ---- */

/* The Pods that count: claimed and active. */
struct ours {
    json_t **pods;
    size_t count;
    size_t changed; /* adopted or released by the plan: look again before scaling */
};

static void ours_free(struct ours *ours)
{
    free(ours->pods);
}

static void claim_pods(const struct replicaset_seen *seen, struct ours *ours, struct plan *plan)
{
    const struct claim claim = {seen->replicaset, seen->kind->api_version, seen->kind->kind,
                                "pods",           seen->selector,          NULL};
    ours->pods = xcalloc(seen->pod_count + 1, sizeof(*ours->pods));
    for (size_t i = 0; i < seen->pod_count; i++) {
        if (!pod_is_active(seen->pods[i]))
            continue;
        switch (claim_decide(&claim, seen->pods[i], plan)) {
        case CLAIM_OURS:
            ours->pods[ours->count++] = seen->pods[i];
            break;
        case CLAIM_CHANGED:
            ours->changed++;
            break;
        case CLAIM_NOT_OURS:
            break;
        }
    }
}

static int64_t wanted(const struct replicaset_seen *seen)
{
    return json_int_or(json_at(seen->replicaset, "spec", "replicas"), 1);
}

static void decide_create(const struct replicaset_seen *seen, int64_t missing, struct plan *plan)
{
    const json_t *self = seen->replicaset;
    if (missing > REPLICASET_BURST)
        missing = REPLICASET_BURST;
    for (; missing > 0; missing--) {
        json_t *pod =
            pod_from_template(json_at(self, "spec", "template"), meta_name(self),
                              owner_reference(self, seen->kind->api_version, seen->kind->kind));
        struct plan_action *action = plan_create(plan, "pods", meta_namespace(self), pod);
        action->flags = PLAN_SLOW_START;
        action->about = json_incref((json_t *)(uintptr_t)self); /* only read */
        action->ok_reason = "SuccessfulCreate";
        action->ok_text = "Created pod: ";
        action->fail_reason = "FailedCreate";
        action->fail_text = "Error creating: ";
    }
}

static void decide_delete(const struct replicaset_seen *seen, struct ours *ours, int64_t surplus,
                          struct plan *plan)
{
    if (surplus > REPLICASET_BURST)
        surplus = REPLICASET_BURST;
    if ((size_t)surplus < ours->count)
        replicaset_rank(ours->pods, ours->count, seen);
    for (int64_t i = 0; i < surplus; i++) {
        struct plan_action *action = plan_delete(plan, "pods", ours->pods[i]);
        action->flags |= PLAN_GO_ON;
        action->about = json_incref((json_t *)(uintptr_t)seen->replicaset); /* only read */
        action->ok_reason = "SuccessfulDelete";
        action->ok_text = "Deleted pod: ";
        action->fail_reason = "FailedDelete";
        action->fail_text = "Error deleting: ";
    }
}

void replicaset_decide(const struct replicaset_seen *seen, struct plan *plan)
{
    CLEANUP(ours_free) struct ours ours = {0};
    claim_pods(seen, &ours, plan);
    if (ours.changed || meta_deleting(seen->replicaset))
        return;
    int64_t surplus = (int64_t)ours.count - wanted(seen);
    if (surplus < 0)
        decide_create(seen, -surplus, plan);
    else if (surplus > 0)
        decide_delete(seen, &ours, surplus, plan);
}

/* ---- status ---- */

struct counts {
    int64_t all, labelled, ready, available;
};

static struct counts count_pods(const struct replicaset_seen *seen, const struct ours *ours)
{
    int64_t min_ready_s = json_int_or(json_at(seen->replicaset, "spec", "minReadySeconds"), 0);
    const json_t *labels = json_at(seen->replicaset, "spec", "template", "metadata", "labels");
    struct selector *template = selector_from_map(labels);
    struct counts counts = {.all = (int64_t)ours->count};
    for (size_t i = 0; i < ours->count; i++) {
        const json_t *pod = ours->pods[i];
        counts.labelled +=
            !template || selector_matches_json(template, json_at(pod, "metadata", "labels"));
        counts.ready += pod_is_ready(pod);
        counts.available += pod_is_available(pod, min_ready_s, seen->now_us);
    }
    selector_free(template);
    return counts;
}

static void set_count(json_t *status, const char *key, int64_t count)
{
    if (count)
        json_object_set_new(status, key, json_integer(count));
}

static json_t *make_status(const struct replicaset_seen *seen, const struct counts *counts,
                           const char *failure_reason, const char *failure)
{
    const json_t *old = json_at(seen->replicaset, "status", "conditions");
    json_t *conditions = old ? json_deep_copy(old) : json_array();
    json_t *status = json_pack("{s:I}", "replicas", (json_int_t)counts->all);
    set_count(status, "fullyLabeledReplicas", counts->labelled);
    set_count(status, "readyReplicas", counts->ready);
    set_count(status, "availableReplicas", counts->available);
    set_count(status, "observedGeneration",
              json_int_or(json_at(seen->replicaset, "metadata", "generation"), 0));
    if (!failure_reason)
        (void)condition_remove(conditions, "ReplicaFailure"); /* there may be none */
    else if (!condition_find(conditions, "ReplicaFailure"))
        (void)condition_set(conditions,
                            &(struct condition){"ReplicaFailure", "True", failure_reason, failure},
                            seen->now_us, false);
    if (json_array_size(conditions))
        json_object_set(status, "conditions", conditions);
    json_decref(conditions);
    return status;
}

/* When the next Pod that is ready will have been so for long enough; 0 when none waits. */
static int64_t next_available_ms(const struct replicaset_seen *seen, const struct ours *ours)
{
    int64_t min_ready_s = json_int_or(json_at(seen->replicaset, "spec", "minReadySeconds"), 0),
            next_ms = 0;
    for (size_t i = 0; i < ours->count; i++) {
        const json_t *pod = ours->pods[i];
        if (!pod_is_ready(pod) || pod_is_available(pod, min_ready_s, seen->now_us))
            continue;
        int64_t ms = (pod_ready_since_us(pod) + min_ready_s * 1000000 - seen->now_us) / 1000 + 1;
        next_ms = !next_ms || ms < next_ms ? ms : next_ms;
    }
    return next_ms;
}

void replicaset_decide_status(const struct replicaset_seen *seen, const char *failure_reason,
                              const char *failure, struct plan *plan)
{
    CLEANUP(ours_free) struct ours ours = {0};
    CLEANUP(plan_clear) struct plan claims = {0};
    claim_pods(seen, &ours, &claims);
    struct counts counts = count_pods(seen, &ours);
    json_t *status = make_status(seen, &counts, failure_reason, failure);
    if (semantic_equal(status, json_object_get(seen->replicaset, "status")))
        json_decref(status);
    else
        plan_status(plan, seen->kind->resource, seen->replicaset, status)->flags |= PLAN_ABSENT_OK;
    int64_t next_ms = next_available_ms(seen, &ours);
    if (next_ms)
        plan_again(plan, next_ms);
}

/* ---- observe and do ---- */

struct observed {
    const struct replica_kind *kind;
    json_t *replicaset;
    struct selector *selector;
    struct json_list pods, siblings;
};

static void observed_free(struct observed *observed)
{
    json_decref(observed->replicaset);
    selector_free(observed->selector);
    json_list_free(&observed->pods);
    json_list_free(&observed->siblings);
}

/* Active Pods of every ReplicaSet that has the same controller, only when Pods are to be deleted.
 */
static bool observe_siblings(const struct reconcile *reconcile, struct observed *observed,
                             struct error *err)
{
    const char *controller = json_text(meta_controller(observed->replicaset), "uid");
    int64_t replicas = json_int_or(json_at(observed->replicaset, "spec", "replicas"), 1);
    CLEANUP(json_list_free) struct json_list sets = {0};
    if ((int64_t)observed->pods.count <= replicas || replicas == 0)
        return true;
    if (controller && !observe_list(reconcile->cluster,
                                    &(struct observe_query){.resource = observed->kind->resource,
                                                            .ns = reconcile->ns,
                                                            .owner_uid = controller},
                                    &sets, err))
        return false;
    if (!controller)
        json_list_add(&sets, json_incref(observed->replicaset));
    for (size_t i = 0; i < sets.count; i++) {
        CLEANUP(json_list_free) struct json_list pods = {0};
        const struct observe_query query = {
            .resource = "pods", .ns = reconcile->ns, .owner_uid = meta_uid(sets.items[i])};
        if (!observe_list(reconcile->cluster, &query, &pods, err))
            return false;
        for (size_t j = 0; j < pods.count; j++)
            if (pod_is_active(pods.items[j]))
                json_list_add(&observed->siblings, json_incref(pods.items[j]));
    }
    return true;
}

static struct selector *selector_of(const struct replica_kind *kind, const json_t *object,
                                    struct error *err)
{
    const json_t *selector = json_at(object, "spec", "selector");
    return kind == &replica_kind_controller ? selector_from_map(selector)
                                            : selector_from_json(selector, err);
}

static bool observe(const struct reconcile *reconcile, struct observed *observed, struct error *err)
{
    if (!observe_get(reconcile->cluster, observed->kind->resource, reconcile->ns, reconcile->name,
                     &observed->replicaset, err))
        return false;
    if (!observed->replicaset)
        return true;
    observed->selector = selector_of(observed->kind, observed->replicaset, err);
    if (!observed->selector)
        return false;
    const struct observe_query query = {
        .resource = "pods",
        .ns = reconcile->ns,
        .selector = observed->selector,
        .owner_uid = meta_uid(observed->replicaset),
    };
    return observe_list(reconcile->cluster, &query, &observed->pods, err) &&
           observe_siblings(reconcile, observed, err);
}

static enum reconcile_result reconcile_replicaset(void *arg, struct reconcile *reconcile,
                                                  int64_t *again_ms, struct error *err)
{
    CLEANUP(observed_free) struct observed observed = {.kind = arg};
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(plan_clear) struct plan status = {0};
    CLEANUP(error_clear) struct error why = {0};
    const struct plan_action *failed = NULL;
    if (!observe(reconcile, &observed, err))
        return RECONCILE_RETRY;
    if (!observed.replicaset)
        return RECONCILE_DONE;
    const struct replicaset_seen seen = {
        .kind = observed.kind,
        .replicaset = observed.replicaset,
        .selector = observed.selector,
        .pods = observed.pods.items,
        .pod_count = observed.pods.count,
        .siblings = observed.siblings.items,
        .sibling_count = observed.siblings.count,
        .now_us = reconcile->now_us,
    };
    replicaset_decide(&seen, &plan);
    bool managed =
        plan_apply(&reconcile->caller, &plan, &failed, &why) || error_is_terminating(&why);
    const char *reason = managed || !failed || failed->verb == PLAN_PATCH ? NULL
                         : failed->verb == PLAN_CREATE                    ? "FailedCreate"
                                                                          : "FailedDelete";
    replicaset_decide_status(&seen, reason, why.message, &status);
    if (!plan_apply(&reconcile->caller, &status, NULL, err))
        return RECONCILE_RETRY;
    if (!managed) {
        error_move(err, &why);
        return RECONCILE_RETRY;
    }
    *again_ms = status.again_ms;
    return status.again_ms ? RECONCILE_AGAIN : RECONCILE_DONE;
}

/* ---- what wakes it ---- */

/* A Pod without a controller may be adopted by any object of its namespace that selects it. */
static void map_orphan(const struct replica_kind *kind, struct cluster *cluster,
                       const struct object *pod, void (*add)(void *arg, const char *key), void *arg)
{
    CLEANUP(object_list_free) struct object_list sets = {0};
    if (!pod->label_count)
        return;
    if (cache_list_peek(cluster, kind->resource, &(struct cache_range){.ns = pod->ns}, &sets) !=
        CACHE_LIST_OK) {
        CLEANUP(free_ptr) char *every = xasprintf("%s/*", pod->ns);
        add(arg, every);
        return;
    }
    for (size_t i = 0; i < sets.count; i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *set = object_json(sets.items[i]);
        struct selector *selector = selector_of(kind, set, &err);
        if (selector && selector_matches_labels(selector, pod)) {
            CLEANUP(free_ptr) char *key = xasprintf("%s/%s", pod->ns, sets.items[i]->name);
            add(arg, key);
        }
        selector_free(selector);
    }
}

static void map_pod_of(const struct replica_kind *kind, struct cluster *cluster,
                       const struct object *pod, const struct object *before,
                       void (*add)(void *arg, const char *key), void *arg)
{
    json_auto_t *references = owner_references_of(pod);
    owner_map(pod, before, kind->group, kind->kind, add, arg);
    if (!references)
        map_orphan(kind, cluster, pod, add, arg);
}

static void map_set_pod(struct cluster *cluster, const struct object *pod,
                        const struct object *before, void (*add)(void *arg, const char *key),
                        void *arg)
{
    map_pod_of(&replica_kind_set, cluster, pod, before, add, arg);
}

static void map_controller_pod(struct cluster *cluster, const struct object *pod,
                               const struct object *before, void (*add)(void *arg, const char *key),
                               void *arg)
{
    map_pod_of(&replica_kind_controller, cluster, pod, before, add, arg);
}

static const struct controller_source set_sources[] = {
    {"replicasets.apps", NULL}, {"pods", map_set_pod}, {NULL, NULL}};
static const struct controller_source controller_sources[] = {
    {"replicationcontrollers", NULL}, {"pods", map_controller_pod}, {NULL, NULL}};

const struct controller replicaset_controller = {
    .name = "replicaset-controller",
    .sources = set_sources,
    .reconcile = reconcile_replicaset,
    .arg = (void *)(uintptr_t)&replica_kind_set, /* only read */
};

const struct controller replication_controller = {
    .name = "replication-controller",
    .sources = controller_sources,
    .reconcile = reconcile_replicaset,
    .arg = (void *)(uintptr_t)&replica_kind_controller, /* only read */
};
