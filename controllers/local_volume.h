/* controllers/local_volume.h: the provisioner of volumes that are folders on a node
 * (schema/local_volume.h): makes the PersistentVolume that a claim waits for, lets it grow with its
 * claim, and deletes it when the claim is gone.
 *
 * Source: Kubernetes docs, "Dynamic Volume Provisioning", "Expanding Persistent Volumes Claims". */
#pragma once
#include "controllers/plan.h"

struct local_claim_seen {
    const json_t *claim;
    const json_t *class;  /* its StorageClass; NULL: there is none */
    const json_t *volume; /* that it is bound to, or that was made for it; NULL: there is none */
    bool consumed;        /* claim_observe_consumed */
};
/* Pure. One write a look, as volume_claim_decide(). */
void local_claim_decide(const struct local_claim_seen *seen, struct plan *plan);
/* Pure. */
void local_volume_decide(const json_t *volume, struct plan *plan);
/* "pvc-UID": the volume that is made for a claim. Owned. */
char *local_volume_name(const json_t *claim);

struct controller;
extern const struct controller local_provisioner, local_reclaimer;
