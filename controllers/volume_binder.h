/* controllers/volume_binder.h: PersistentVolumes and the claims that they are bound to, one to one;
 * and what keeps both while they are used. Volumes are not made here: that is a provisioner's work,
 * which is told by annotations. Source: Kubernetes docs, "Persistent Volumes"; upstream
 * pkg/controller/volume/persistentvolume, pvprotection, pvcprotection. */
#pragma once
#include "controllers/controller.h"
#include "controllers/plan.h"

#define VOLUMES "persistentvolumes"
#define CLAIMS  "persistentvolumeclaims"

struct claim_seen {
    const json_t *claim;
    const json_t *volume;   /* that spec.volumeName names; NULL: there is none */
    json_t *const *volumes; /* all, where the claim names none */
    size_t volume_count;
    const json_t *class; /* its StorageClass; NULL: there is none */
    bool consumed;       /* a Pod waits for it */
};
/* Pure. One write a look: the change brings the next look. */
void volume_claim_decide(const struct claim_seen *seen, struct plan *plan);

struct volume_seen {
    const json_t *volume;
    const json_t *claim; /* that spec.claimRef names; NULL: there is none */
};
void volume_decide(const struct volume_seen *seen, struct plan *plan);

/* volume_match.c */
/* The smallest volume that the claim can have, or the one that is reserved for it; NULL.
 * `reserved`: only the latter. */
const json_t *volume_match(const json_t *claim, json_t *const *volumes, size_t count,
                           bool reserved);
/* Why the claim cannot have it: upstream's words; NULL when it can. Static. */
const char *volume_mismatch(const json_t *claim, const json_t *volume);
/* Whether spec.claimRef names this very claim, or one of its name that has no uid yet. */
bool volume_is_for(const json_t *volume, const json_t *claim);
/* The class of a claim or volume; "" for none. */
const char *storage_class_of(const json_t *object);

/* Finalizers that hold back the deletion of what is used, when nothing uses it any more. Pure. */
void volume_protect(const char *resource, const json_t *object, bool used, struct plan *plan);
/* The claim that a volume of the Pod's spec names, or that an ephemeral one has made for it; NULL:
 * it is of another kind. Owned. */
char *pod_claim_name(const json_t *pod, const json_t *volume);
/* Whether a Pod that has a node, and has not ended, uses the claim; with `unscheduled`, one without
 * a node, too. */
bool pod_uses_claim(const json_t *pod, const char *claim, bool unscheduled);

enum claim_use {
    CLAIM_MOUNTED, /* by a Pod that has a node */
    CLAIM_WANTED,  /* by one without a node, too */
};
/* Whether a Pod of the claim's namespace uses it. */
MUST_CHECK bool claim_observe_use(struct cluster *cluster, const char *ns, const char *claim,
                                  enum claim_use use, bool *used, struct error *err);
/* For rows whose keys are claims: a volume concerns its claim, one that nobody has all that wait; a
 * Pod those that it names. */
void claim_map_volume(struct cluster *cluster, const struct object *volume,
                      const struct object *before, void (*add)(void *arg, const char *key),
                      void *arg);
void claim_map_pod(struct cluster *cluster, const struct object *pod, const struct object *before,
                   void (*add)(void *arg, const char *key), void *arg);
#define VOLUME_BINDER_USER "system:serviceaccount:kube-system:persistent-volume-binder"

extern const struct controller claim_binder, volume_binder, claim_protection, volume_protection;
