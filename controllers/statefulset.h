/* controllers/statefulset.h: Pods with an identity that stays: a name, a number, claims of their
 * own. Source: Kubernetes docs, "StatefulSets"; upstream pkg/controller/statefulset. */
#pragma once
#include "controllers/plan.h"

struct statefulset_seen {
    const json_t *set;
    json_t *const *revisions;
    size_t revision_count;
    json_t *const *pods; /* that it controls */
    size_t pod_count;
    const json_t *claims; /* name -> PersistentVolumeClaim; those that are named as the set's */
    int64_t now_us;
};
/* Pure. With OrderedReady one Pod a look; with Parallel all at once. */
void statefulset_decide(const struct statefulset_seen *seen, struct plan *plan);

struct controller;
extern const struct controller statefulset_controller;
