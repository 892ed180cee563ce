/* host/scheduler/claims.h: the PersistentVolumeClaims of a Pod that waits for a node, and what they
 * are bound to, or will be once the node is known. */
#pragma once
#include "controllers/controller.h"
#include "controllers/observe.h"
#include "host/scheduler/framework.h"

struct claims {
    json_t *tree;             /* snapshot.claims; NULL for a Pod that has none */
    struct json_list volumes; /* snapshot.volumes */
    bool delayed;             /* one is not bound before its Pod has a node */
};
void claims_clear(struct claims *claims);
MUST_CHECK bool claims_read(struct cluster *cluster, const struct pod_info *pod,
                            struct claims *claims, struct error *err);
/* Whether one is not bound yet: the Pod is to be tried again as soon as it is. */
bool claims_wait(const json_t *claims);
/* Appends what is to be written before a Pod with the snapshot's claims goes to `node`: volumes for
 * claims that have waited for the node, or the node on those whose volume is still to be made; and
 * the node on local volumes (schema/local_volume.h) that have no place yet. Pure. */
void claims_settle(const struct snapshot *snapshot, const json_t *node, struct plan *plan);
