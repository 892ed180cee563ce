/* controllers/statefulset_claims.h: the PersistentVolumeClaims of a StatefulSet: their names, and
 * who takes them along. Pure. Source: Kubernetes docs, "PersistentVolumeClaim retention". */
#pragma once
#include "controllers/plan.h"

/* "TEMPLATE-SET-ORDINAL". Owned. */
char *claim_name_of(const json_t *set, const json_t *template, int64_t ordinal);
/* Whether a claim of this name can be the set's. */
bool claim_is_named(const json_t *set, const char *name);

struct claims_seen {
    const json_t *set;
    const json_t *claims; /* name -> claim */
    json_t *const *pods;  /* the set's */
    size_t pod_count;
    int64_t start, replicas;
};
/* The ownerReferences of a claim that is to be made for an ordinal of the set; new, NULL for none.
 */
json_t *claim_owners(const json_t *set);
/* By persistentVolumeClaimRetentionPolicy a claim goes with its set, or with its Pod when the set
 * shrinks. Before any Pod goes: the garbage collector does the rest. */
void claims_decide(const struct claims_seen *seen, struct plan *plan);
