/* controllers/deployment_internal.h: what the files of the Deployment controller share.
 *
 * deployment.c observes and acts; deployment_decide.c chooses the step; deployment_scale.c has the
 * arithmetic of replicas; deployment_revision.c finds, makes and numbers ReplicaSets;
 * deployment_status.c writes the status. */
#pragma once
#include "controllers/deployment.h"

#define DEPLOYMENTS "deployments.apps"
#define REPLICASETS "replicasets.apps"

#define REVISION_ANNOTATION "deployment.kubernetes.io/revision"
#define HISTORY_ANNOTATION  "deployment.kubernetes.io/revision-history"
#define DESIRED_ANNOTATION  "deployment.kubernetes.io/desired-replicas"
#define MAX_ANNOTATION      "deployment.kubernetes.io/max-replicas"
#define HASH_LABEL          "pod-template-hash"

/* The seen ReplicaSets, told apart. */
struct rollout {
    const struct deployment_seen *seen;
    const json_t *deployment;
    json_t *fresh; /* the one with the Deployment's template; NULL: none yet */
    json_t **old;  /* the others, the oldest first */
    size_t old_count;
    int64_t replicas, surge, unavailable; /* resolved against replicas */
    bool rolling;
    struct plan *plan;
};
void rollout_init(struct rollout *rollout, const struct deployment_seen *seen, struct plan *plan);
void rollout_free(struct rollout *rollout);

int64_t set_replicas(const json_t *set);  /* spec.replicas */
int64_t set_actual(const json_t *set);    /* status.replicas */
int64_t set_available(const json_t *set); /* status.availableReplicas */
int64_t set_ready(const json_t *set);
int64_t rollout_replicas(const struct rollout *rollout);  /* of all sets, spec */
int64_t rollout_available(const struct rollout *rollout); /* of all sets */
/* Most Pods that may be missing; 0 unless it rolls. */
int64_t rollout_max_unavailable(const struct rollout *rollout);
/* Pods beyond the wanted number; 0 unless it rolls. */
int64_t rollout_max_surge(const struct rollout *rollout);

/* deployment_scale.c; true when the plan changes a ReplicaSet's size. */
bool scale_set(struct rollout *rollout, json_t *set, int64_t replicas);
int64_t scale_fresh_target(const struct rollout *rollout, int64_t fresh_replicas);
bool scale_fresh(struct rollout *rollout);
bool scale_old(struct rollout *rollout);
bool scale_old_to_zero(struct rollout *rollout);
void scale_proportionally(struct rollout *rollout);
bool scale_is_event(const struct rollout *rollout);

/* deployment_revision.c */
json_t *revision_new_set(const struct rollout *rollout, int64_t replicas, int64_t revision);
int64_t revision_next(const struct rollout *rollout);
/* True when the ReplicaSet's or the Deployment's numbering had to be put right: the rest waits for
 * that. */
bool revision_sync(struct rollout *rollout);
void revision_clean_up(struct rollout *rollout);
int64_t revision_of(const json_t *object);

/* deployment_status.c */
bool status_has_deadline(const json_t *deployment);
/* Full status with progress conditions (rollout), or only counts (`plain`). */
void status_sync(struct rollout *rollout, bool plain);
/* The status with one Progressing condition replaced. */
void status_progressing(struct rollout *rollout, const char *status, const char *reason,
                        const char *message);
/* Counts before the new ReplicaSet has any Pod, so that its first ones are seen as progress. The
 * revision's annotation goes with it: a write of the status, unlike one of the spec, does not raise
 * the generation. */
void status_created(struct rollout *rollout, const char *message, int64_t revision);
bool status_complete(const struct rollout *rollout);
bool status_pause(struct rollout *rollout);
