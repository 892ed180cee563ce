/* controllers/replicaset.h: how many Pods a ReplicaSet has, and which go first; a
 * ReplicationController is the same with another name and a plain map for a selector.
 * Source: Kubernetes docs, "ReplicaSet"; upstream pkg/controller/replicaset,
 * pkg/controller/replication and controller_utils (ranking). */
#pragma once
#include "controllers/plan.h"
#include "schema/selector.h"

#define REPLICASET_BURST 500 /* most Pods made or deleted by one sync */

/* What tells the two kinds apart. */
struct replica_kind {
    const char *resource, *group, *api_version, *kind;
};
extern const struct replica_kind replica_kind_set, replica_kind_controller;

struct replicaset_seen {
    const struct replica_kind *kind;
    const json_t *replicaset;
    const struct selector *selector;
    json_t *const
        *pods; /* every Pod of the namespace that the selector matches or that names this owner */
    size_t pod_count;
    json_t *const *siblings; /* active Pods of ReplicaSets with the same controller; to spread
                                deletions over nodes */
    size_t sibling_count;
    int64_t now_us;
};

/* Adopts, releases, creates, deletes. Pure: same input, same plan. */
void replicaset_decide(const struct replicaset_seen *seen, struct plan *plan);
/* Writes the status that follows from what was seen; `failure` is what creating or deleting met, or
 * NULL. */
void replicaset_decide_status(const struct replicaset_seen *seen, const char *failure_reason,
                              const char *failure, struct plan *plan);
/* The Pods to delete first come first. `pods` are rearranged. */
void replicaset_rank(json_t **pods, size_t count, const struct replicaset_seen *seen);

struct controller;
extern const struct controller replicaset_controller, replication_controller;
