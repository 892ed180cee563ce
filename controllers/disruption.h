/* controllers/disruption.h: how many Pods a PodDisruptionBudget lets go now.
 * Source: Kubernetes docs, "Disruptions"; upstream pkg/controller/disruption. */
#pragma once
#include "controllers/plan.h"

#define DISRUPTION_EXPIRES_US                                                                      \
    ((int64_t)120 * 1000 * 1000) /* an eviction that was granted but never happened */

struct disruption_seen {
    const json_t *budget;
    json_t *const *pods; /* that it selects */
    size_t pod_count;
    int64_t expected;    /* replicas that the Pods' controllers want together */
    bool unmanaged;      /* some of the Pods have no controller */
    const char *problem; /* why `expected` cannot be told; NULL: it is */
    int64_t now_us;
};
void disruption_decide(const struct disruption_seen *seen, struct plan *plan);

/* A Pod that was said to be disrupted and is still there after two minutes is not. */
void disruption_target_decide(const json_t *pod, int64_t now_us, struct plan *plan);

struct controller;
extern const struct controller disruption_controller;
extern const struct controller disruption_target_controller;
