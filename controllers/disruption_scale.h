/* controllers/disruption_scale.h: how many Pods the controllers of a budget's Pods want together.
 *
 * A Pod's controller is asked by its scale subresource, whatever kind it is; a ReplicaSet of a
 * Deployment counts as its Deployment.
 * Source: upstream pkg/controller/disruption, getExpectedScale and its finders. */
#pragma once
#include "base/error.h"
#include "controllers/observe.h"

struct reconcile;

struct disruption_scale {
    int64_t expected; /* replicas; Pods without a controller add nothing */
    bool unmanaged;   /* there are such Pods */
    char *problem;    /* owned; why it cannot be told, in upstream's words; NULL: it can */
};
void disruption_scale_clear(struct disruption_scale *scale);

/* False for what another try may mend; blocking. */
MUST_CHECK bool disruption_scale_observe(const struct reconcile *reconcile,
                                         const struct json_list *pods, struct disruption_scale *out,
                                         struct error *err);
