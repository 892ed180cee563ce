/* controllers/daemonset.h: one Pod on each node that it fits.
 * Source: Kubernetes docs, "DaemonSet"; upstream pkg/controller/daemon. */
#pragma once
#include "controllers/plan.h"

struct daemonset_seen {
    const json_t *set;
    json_t *const *revisions;
    size_t revision_count;
    json_t *const *nodes; /* by name */
    size_t node_count;
    json_t *const *pods; /* that it controls */
    size_t pod_count;
    int64_t now_us;
};
void daemonset_decide(const struct daemonset_seen *seen, struct plan *plan);

struct controller;
extern const struct controller daemonset_controller;
