/* controllers/node.h: nodes that fall silent, the taints that say so, and Pods that must leave.
 * Source: Kubernetes docs, "Nodes", "Taints and Tolerations"; upstream
 * pkg/controller/nodelifecycle, tainteviction, podgc. */
#pragma once
#include "controllers/plan.h"

#define NODE_GRACE_US         ((int64_t)50 * 1000 * 1000) /* without a heartbeat until Ready is Unknown */
#define NODE_STARTUP_GRACE_US ((int64_t)60 * 1000 * 1000) /* for a node that has never sent one */
#define NODE_QUARANTINE_MS                                                                         \
    40000 /* from a node's end to its Pods': it may come back under its name */
#define NODE_UNSCHEDULED_US                                                                        \
    ((int64_t)20 * 1000 * 1000) /* from the deletion of a Pod without a node to its failure */

struct node_seen {
    const json_t *node;
    json_t *const *pods; /* on the node */
    size_t pod_count;
    bool monitored;   /* its agent renews a Lease; else only conditions are turned into taints */
    int64_t heard_us; /* when its heartbeat was last seen to change; 0: never */
    int64_t now_us;
};
/* Pure. Writes conditions or taints, one of them at a time. */
void node_decide(const struct node_seen *seen, struct plan *plan);

/* Deletes Pods that do not tolerate a NoExecute taint, or not for so long. Pure. */
void eviction_decide(const struct node_seen *seen, struct plan *plan);
/* Deletes Pods of a node that is gone, and says that they failed: finalizers may hold them. Pure.
 */
void pod_gc_decide(json_t *const *pods, size_t count, int64_t now_us, struct plan *plan);
/* Says that a Pod has failed which is being deleted, is held by finalizers and has no node: nobody
 * else will. Pure. */
void unscheduled_decide(const json_t *pod, int64_t now_us, struct plan *plan);

struct controllers;
struct controller;
void node_controller_add(struct controllers *controllers);
extern const struct controller eviction_controller, pod_gc_controller, unscheduled_controller;
