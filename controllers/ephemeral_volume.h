/* controllers/ephemeral_volume.h: the claims of Pods' ephemeral volumes: made from the template in
 * the Pod, owned by it, and gone with it.
 *
 * Source: Kubernetes docs, "Ephemeral Volumes"; upstream pkg/controller/volume/ephemeral. */
#pragma once
#include "controllers/plan.h"

/* Pure. `claims` has what is there under the names of the volumes' claims (pod_claim_name()). */
void ephemeral_volume_decide(const json_t *pod, const json_t *claims, struct plan *plan);

struct controller;
extern const struct controller ephemeral_volume_controller;
