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
    bool consumed;       /* a Pod waits for it, and where it will be is known or does not matter */
    const char *pods;    /* those that use it and have no node, with commas; "" and NULL: none */
    size_t pod_count;
};
/* Pure. One write a look: the change brings the next look. */
void volume_claim_decide(const struct claim_seen *seen, struct plan *plan);

struct volume_seen {
    const json_t *volume;
    const json_t *claim; /* that spec.claimRef names; NULL: there is none */
};
void volume_decide(const struct volume_seen *seen, struct plan *plan);

/* volume_match.c */
struct volume_wish {
    const json_t *claim;
    const json_t *node;  /* from where it is to be reached; NULL: from anywhere */
    const json_t *taken; /* by name: volumes that are others'; may be NULL */
    bool reserved;       /* only one that is reserved for the claim */
};
/* The smallest volume that the claim can have, or the one that is reserved for it; NULL. */
const json_t *volume_match(const struct volume_wish *wish, json_t *const *volumes, size_t count);
/* Whether the volume can be reached from the node. */
bool volume_reaches(const json_t *volume, const json_t *node);
/* Why the claim cannot have it: upstream's words; NULL when it can. Static. */
const char *volume_mismatch(const json_t *claim, const json_t *volume);
/* Whether spec.claimRef names this very claim, or one of its name that has no uid yet. */
bool volume_is_for(const json_t *volume, const json_t *claim);
/* The class of a claim or volume; "" for none. */
const char *storage_class_of(const json_t *object);
/* Whether claims of the class get their volume only when the node of their Pod is known. */
bool storage_class_waits(const json_t *class);

/* The volume's half of a bond: appends it, unless it holds already (false). volume_decide.c */
bool volume_bind(const json_t *volume, const json_t *claim, struct plan *plan);
/* On a claim whose volume waits for its Pod: the name of the node that the scheduler chose. */
#define SELECTED_NODE "volume.kubernetes.io/selected-node"

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
/* Whether a claim whose class waits may have its volume: the scheduler has chosen a node; or, in a
 * tenant's cluster, whose Pods get theirs on the host after their claims are bound, a Pod uses it.
 */
MUST_CHECK bool claim_observe_consumed(struct cluster *cluster, const json_t *claim, bool *consumed,
                                       struct error *err);
/* For rows whose keys are claims: a volume concerns its claim, one that nobody has all that wait; a
 * Pod those that it names. */
void claim_map_volume(struct cluster *cluster, const struct object *volume,
                      const struct object *before, void (*add)(void *arg, const char *key),
                      void *arg);
void claim_map_pod(struct cluster *cluster, const struct object *pod, const struct object *before,
                   void (*add)(void *arg, const char *key), void *arg);
#define VOLUME_BINDER_USER "system:serviceaccount:kube-system:persistent-volume-binder"

extern const struct controller claim_binder, volume_binder, claim_protection, volume_protection;
