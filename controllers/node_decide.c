#include <string.h>

#include "base/mem.h"
#include "controllers/node.h"
#include "controllers/node_fit.h"
#include "controllers/observe.h"
#include "controllers/pod_state.h"
#include "schema/condition.h"
#include "schema/json_time.h"
#include "schema/meta.h"

#define STOPPED "Kubelet stopped posting node status."
#define NEVER   "Kubelet never posted node status."

/* ---- silence ---- */

static int64_t silent_at(const struct node_seen *seen)
{
    if (seen->heard_us)
        return seen->heard_us + NODE_GRACE_US;
    return json_time_us(json_at(seen->node, "metadata", "creationTimestamp")) +
           NODE_STARTUP_GRACE_US;
}

static void make_unknown(const struct node_seen *seen, struct plan *plan)
{
    static const char *const types[] = {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"};
    const json_t *old = json_object_get(seen->node, "status");
    json_t *status = old ? json_deep_copy(old) : json_object();
    json_t *conditions = json_ensure_array(status, "conditions");
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        json_t *before = condition_find(conditions, types[i]);
        json_auto_t *beat = json_incref(json_object_get(before, "lastHeartbeatTime"));
        const struct condition want = {types[i], "Unknown",
                                       before ? "NodeStatusUnknown" : "NodeStatusNeverUpdated",
                                       before ? STOPPED : NEVER};
        if (condition_set(conditions, &want, seen->now_us, false) && beat)
            json_object_set(condition_find(conditions, types[i]), "lastHeartbeatTime", beat);
    }
    plan_status(plan, "nodes", seen->node, status)->flags |= PLAN_ABSENT_OK;
    plan_event(plan, seen->node, "Normal", "NodeNotReady", "Node %s status is now: NodeNotReady",
               meta_name(seen->node));
}

/* Nobody says any more whether the node's Pods are ready. */
static void doubt_pods(const struct node_seen *seen, struct plan *plan)
{
    for (size_t i = 0; i < seen->pod_count; i++) {
        const json_t *pod = seen->pods[i];
        if (!pod_is_ready(pod) || meta_deleting(pod))
            continue;
        json_t *conditions = json_deep_copy(json_at(pod, "status", "conditions"));
        json_t *ready = condition_find(conditions, "Ready");
        json_set_text(ready, "status", "False");
        json_object_set_new(ready, "lastTransitionTime", json_time(seen->now_us));
        json_t *patch = json_pack("{s:{s:s, s:s}, s:{s:o}}", "metadata", "uid", meta_uid(pod),
                                  "resourceVersion", meta_resource_version(pod), "status",
                                  "conditions", conditions);
        plan_patch(plan, "pods", pod, patch)->subresource = "status";
        plan_event(plan, pod, "Warning", "NodeNotReady", "Node is not ready");
    }
}

/* ---- taints ---- */

static const struct managed_taint {
    const char *key, *effect, *condition, *status; /* condition NULL: spec.unschedulable */
} managed[] = {
    {"node.kubernetes.io/not-ready", "NoSchedule", "Ready", "False"},
    {"node.kubernetes.io/unreachable", "NoSchedule", "Ready", "Unknown"},
    {"node.kubernetes.io/not-ready", "NoExecute", "Ready", "False"},
    {"node.kubernetes.io/unreachable", "NoExecute", "Ready", "Unknown"},
    {"node.kubernetes.io/memory-pressure", "NoSchedule", "MemoryPressure", "True"},
    {"node.kubernetes.io/disk-pressure", "NoSchedule", "DiskPressure", "True"},
    {"node.kubernetes.io/pid-pressure", "NoSchedule", "PIDPressure", "True"},
    {"node.kubernetes.io/network-unavailable", "NoSchedule", "NetworkUnavailable", "True"},
    {"node.kubernetes.io/unschedulable", "NoSchedule", NULL, NULL},
};

static const struct managed_taint *find_managed(const json_t *taint)
{
    for (size_t i = 0; i < ARRAY_LEN(managed); i++)
        if (text_eq(json_text(taint, "key"), managed[i].key) &&
            text_eq(json_text(taint, "effect"), managed[i].effect))
            return &managed[i];
    return NULL;
}

/* Before a node has said anything, its admission taint stays. */
static bool is_wanted(const struct managed_taint *taint, const json_t *node)
{
    const json_t *conditions = json_at(node, "status", "conditions");
    if (!taint->condition)
        return json_is_true(json_at(node, "spec", "unschedulable"));
    if (!condition_find(conditions, "Ready"))
        return strcmp(taint->key, "node.kubernetes.io/not-ready") == 0 &&
               strcmp(taint->effect, "NoSchedule") == 0;
    return condition_is(conditions, taint->condition, taint->status);
}

static const json_t *find_taint(const json_t *taints, const struct managed_taint *want)
{
    for (size_t i = 0; i < json_array_size(taints); i++)
        if (find_managed(json_array_get(taints, i)) == want)
            return json_array_get(taints, i);
    return NULL;
}

/* NoExecute taints say since when, also those of users: tolerationSeconds counts from there. */
static json_t *with_time(const json_t *taint, int64_t now_us)
{
    json_t *copy = json_deep_copy(taint);
    if (text_eq(json_text(copy, "effect"), "NoExecute") && !json_text(copy, "timeAdded"))
        json_object_set_new(copy, "timeAdded", json_time(now_us));
    return copy;
}

static json_t *make_taints(const struct node_seen *seen)
{
    const json_t *old = json_at(seen->node, "spec", "taints");
    json_t *taints = json_array();
    for (size_t i = 0; i < json_array_size(old); i++) {
        const json_t *taint = json_array_get(old, i);
        const struct managed_taint *row = find_managed(taint);
        if (!row || is_wanted(row, seen->node))
            json_array_append_new(taints, with_time(taint, seen->now_us));
    }
    for (size_t i = 0; i < ARRAY_LEN(managed); i++) {
        if (!is_wanted(&managed[i], seen->node) || find_taint(old, &managed[i]))
            continue;
        json_auto_t *taint =
            json_pack("{s:s, s:s}", "key", managed[i].key, "effect", managed[i].effect);
        json_array_append_new(taints, with_time(taint, seen->now_us));
    }
    return taints;
}

static void decide_taints(const struct node_seen *seen, struct plan *plan)
{
    json_auto_t *taints = make_taints(seen);
    const json_t *old = json_at(seen->node, "spec", "taints");
    if (semantic_equal(taints, old))
        return;
    json_t *node = json_deep_copy(seen->node);
    json_t *spec = json_ensure_object(node, "spec");
    if (json_array_size(taints))
        json_object_set(spec, "taints", taints);
    else
        json_object_del(spec, "taints");
    plan_update(plan, "nodes", "", node)->flags |= PLAN_ABSENT_OK;
}

void node_decide(const struct node_seen *seen, struct plan *plan)
{
    const json_t *conditions = json_at(seen->node, "status", "conditions");
    int64_t at_us = silent_at(seen);
    bool unknown = condition_is(conditions, "Ready", "Unknown");
    if (meta_deleting(seen->node))
        return;
    if (seen->monitored && at_us <= seen->now_us && !unknown) {
        make_unknown(seen, plan);
        return;
    }
    decide_taints(seen, plan);
    if (unknown)
        doubt_pods(seen, plan);
    else if (seen->monitored)
        plan_again(plan, (at_us - seen->now_us) / 1000 + 1);
}

/* ---- eviction ---- */

/* Until when the Pod may stay with this taint; INT64_MAX: for ever, 0: not at all. */
static int64_t may_stay_until(const json_t *pod, const json_t *taint, int64_t now_us)
{
    const json_t *tolerations = json_at(pod, "spec", "tolerations");
    int64_t since_us = json_time_us(json_object_get(taint, "timeAdded")), until_us = 0;
    bool tolerated = false;
    for (size_t i = 0; i < json_array_size(tolerations); i++) {
        const json_t *toleration = json_array_get(tolerations, i);
        const json_t *seconds = json_object_get(toleration, "tolerationSeconds");
        if (!node_fit_matches(toleration, taint))
            continue;
        int64_t s = json_is_integer(seconds) ? json_integer_value(seconds) : INT32_MAX;
        int64_t end_us = json_is_integer(seconds)
                             ? (since_us ? since_us : now_us) + (s < 0           ? 0
                                                                 : s > INT32_MAX ? INT32_MAX
                                                                                 : s) *
                                                                    1000000
                             : INT64_MAX;
        until_us =
            !tolerated || end_us < until_us ? end_us : until_us; /* the shortest of them counts */
        tolerated = true;
    }
    return until_us;
}

/* Says why the Pod has to go, and its last phase where nobody else will (NULL: somebody will). */
static void say_why(const json_t *pod, const struct condition *target, const char *phase,
                    int64_t now_us, struct plan *plan)
{
    const json_t *old = json_at(pod, "status", "conditions");
    json_auto_t *conditions = old ? json_deep_copy(old) : json_array();
    if (!condition_set(conditions, target, now_us, false) && !phase)
        return;
    json_t *patch = json_pack("{s:{s:s, s:s}, s:{s:O, s:s*}}", "metadata", "uid", meta_uid(pod),
                              "resourceVersion", meta_resource_version(pod), "status", "conditions",
                              conditions, "phase", phase);
    plan_patch(plan, "pods", pod, patch)->subresource = "status";
}

void eviction_decide(const struct node_seen *seen, struct plan *plan)
{
    const json_t *taints = json_at(seen->node, "spec", "taints");
    for (size_t i = 0; i < seen->pod_count; i++) {
        const json_t *pod = seen->pods[i];
        int64_t until_us = INT64_MAX;
        for (size_t j = 0; j < json_array_size(taints); j++) {
            const json_t *taint = json_array_get(taints, j);
            if (!text_eq(json_text(taint, "effect"), "NoExecute"))
                continue;
            int64_t end_us = may_stay_until(pod, taint, seen->now_us);
            until_us = end_us < until_us ? end_us : until_us;
        }
        if (meta_deleting(pod) || until_us == INT64_MAX)
            continue;
        if (until_us > seen->now_us) {
            plan_again(plan, (until_us - seen->now_us) / 1000 + 1);
            continue;
        }
        plan_event(plan, pod, "Normal", "TaintManagerEviction", "Marking for deletion Pod %s/%s",
                   meta_namespace(pod), meta_name(pod));
        const struct condition target = {"DisruptionTarget", "True", "DeletionByTaintManager",
                                         "Taint manager: deleting due to NoExecute taint"};
        say_why(pod, &target, NULL, seen->now_us, plan);
        plan_delete(plan, "pods", pod);
    }
}

void pod_gc_decide(json_t *const *pods, size_t count, int64_t now_us, struct plan *plan)
{
    static const struct condition target = {"DisruptionTarget", "True", "DeletionByPodGC",
                                            "PodGC: node no longer exists"};
    for (size_t i = 0; i < count; i++) {
        if (!pod_is_terminal(pods[i]))
            say_why(pods[i], &target, "Failed", now_us, plan);
        plan_delete(plan, "pods", pods[i])->grace_s = 0;
    }
}

void unscheduled_decide(const json_t *pod, int64_t now_us, struct plan *plan)
{
    const char *node = json_text(pod, "spec", "nodeName");
    int64_t left_us =
        json_time_us(json_at(pod, "metadata", "deletionTimestamp")) + NODE_UNSCHEDULED_US - now_us;
    if (!meta_deleting(pod) || pod_is_terminal(pod) || (node && *node))
        return;
    if (left_us > 0) {
        plan_again(plan, left_us / 1000 + 1);
        return;
    }
    json_t *patch = json_pack("{s:{s:s}, s:{s:s}}", "metadata", "uid", meta_uid(pod), "status",
                              "phase", "Failed");
    plan_patch(plan, "pods", pod, patch)->subresource = "status";
}
