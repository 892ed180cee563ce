/* controllers/deployment.h: a Deployment's ReplicaSets: rolling update, revisions, progress.
 * Source: Kubernetes docs, "Deployments"; upstream pkg/controller/deployment. */
#pragma once
#include "base/json.h"
#include "controllers/plan.h"

struct deployment_seen {
    const json_t *deployment;
    json_t *const *sets; /* ReplicaSets that it controls */
    size_t set_count;
    bool old_pods; /* a Pod of an old ReplicaSet is not finished yet (asked for Recreate only) */
    int64_t now_us;
};

/* Pure. Spec changes and the status that goes with them. */
void deployment_decide(const struct deployment_seen *seen, struct plan *plan);
/* What follows from a ReplicaSet that could not be created: `taken` when its name is another's. */
void deployment_decide_create_failed(const struct deployment_seen *seen, const char *set_name,
                                     bool taken, const char *why, struct plan *plan);

struct controller;
extern const struct controller deployment_controller;
