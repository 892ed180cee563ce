/* host/scheduler/claims.h: the PersistentVolumeClaims of a Pod that waits for a node, and what they
 * are bound to. */
#pragma once
#include "controllers/controller.h"
#include "host/scheduler/framework.h"

/* `*claims` gets snapshot.claims; NULL for a Pod that has none. */
MUST_CHECK bool claims_read(struct cluster *cluster, const struct pod_info *pod, json_t **claims,
                            struct error *err);
/* Whether one is not bound yet: the Pod is to be tried again as soon as it is. */
bool claims_wait(const json_t *claims);
/* Pins to `node` the local volumes (schema/local_volume.h) that have no place yet. */
MUST_CHECK bool claims_pin(const struct api_caller *caller, const json_t *claims,
                           const json_t *node, struct error *err);
