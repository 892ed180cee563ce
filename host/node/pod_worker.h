/* host/node/pod_worker.h: everything the agent knows of one Pod.
 *
 * A worker is found by the Pod's uid and counted; the `pods` crew works on one Pod with one thread
 * at a time. Other threads (watch, pulls, probes, hooks) change only what `lock` guards, then queue
 * the Pod. */
#pragma once
#include "host/node/node_internal.h"
#include "host/node/pod_decide.h"
#include "host/node/volumes.h"

#define TERMINATION_MESSAGE_MAX 4096
#define EPHEMERAL_MAX           16

struct ended {
    unsigned attempt;
    char *message; /* of the container's own, owned; NULL: none */
    int exit_code, exit_signal;
    bool oom_killed;
    bool unstarted; /* its process never ran; the message says why */
    int64_t started_us, finished_us;
};

struct container_state {
    char *name; /* frozen, as the class */
    enum container_class class;

    /* Changed by the pod job alone, under the worker's lock; it reads them without: */
    enum run_state run;
    unsigned attempt;        /* of what runs or ended last */
    unsigned next_attempt;   /* for the next start */
    unsigned probed_attempt; /* attempt + 1 for which probes run */
    int64_t started_us;
    struct ended ended, last; /* how it ended, when it did; the attempt before */
    bool has_last;
    int64_t start_failed_us;            /* 0: the last start did not fail */
    char *start_reason, *start_message; /* why */

    /* Owned by the pod job: */
    char *image_digest;
    char *image_ran; /* as the spec of what runs or ended last named it; NULL: nothing did */
    bool replacing;  /* it was ended because its image changed */
    struct backoff crash, start_backoff;
    bool backoff_told;

    /* Guarded by the worker's lock: */
    enum image_state image;
    char *image_wanted; /* whose state this is; NULL while UNKNOWN from the start */
    struct backoff image_backoff;
    int64_t image_failed_us;
    char *image_reason, *image_message;
    bool started, ready, must_restart;
    int64_t probe_grace_s; /* of the probe that gave up; -1: the Pod's */
    enum stop_state stop;
    int64_t stop_deadline_us;
};

struct pod_worker {
    struct node *node;
    char *uid, *namespace, *name, *dir; /* frozen */
    int64_t group;                      /* frozen: who takes turns */
    unsigned refs;                      /* guarded by node->lock */
    bool holds_ports;                   /* guarded by node->lock: its host ports are its own */

    pthread_mutex_t lock;
    json_t *pod;                        /* guarded by lock; the tree itself is frozen */
    bool gone;                          /* guarded by lock */
    char pod_ip[CNI_ADDRESS_SIZE];      /* guarded by lock; "" until there is one */
    struct container_state *containers; /* room for EPHEMERAL_MAX more than the Pod began with */
    _Atomic size_t count; /* grows by the pod job alone; what lies below is complete */

    /* Owned by the pod job: */
    struct volumes volumes;
    bool prepared, has_remains, adopted;
    bool finished;  /* a final phase was written: never again */
    bool finalized; /* the DELETE was accepted */
    struct backoff prepare_backoff;
    int64_t prepare_failed_us;
    bool failing;
    bool rejected; /* it never had a place here */
    char *fail_reason, *fail_message;
    int64_t start_time_us;
    int64_t volumes_again_us;
    json_t *written; /* the status as it was written last */
};

/* From the watch: makes or updates the Pod's worker and queues it. */
void pod_worker_see(struct node *node, const json_t *pod, bool gone);
/* Ephemeral containers that were added since; past EPHEMERAL_MAX they are not run. For the pod job.
 */
void pod_worker_take_ephemeral(struct pod_worker *worker, const json_t *pod);
/* A counted reference, or NULL. */
struct pod_worker *pod_worker_find(struct node *node, const char *uid);
struct pod_worker *pod_worker_find_named(struct node *node, const char *namespace,
                                         const char *name);
void pod_worker_unref(struct pod_worker *worker);
/* Queues the Pod. */
void pod_worker_wake(struct pod_worker *worker);
/* A new reference to the Pod as it was seen last. */
json_t *pod_worker_pod(struct pod_worker *worker);
/* With pod_ip, host_ip and what absent limits mean filled in; `pod` outlives it. */
void pod_worker_view(struct pod_worker *worker, const json_t *pod, struct pod_view *view);
struct container_state *pod_worker_container(struct pod_worker *worker, const char *name);
/* "NAME-ATTEMPT": the runtime's name of a container. Owned. */
char *container_runtime_name(const struct container_state *container, unsigned attempt);
/* "DIR/logs/NS_NAME_UID/CONTAINER/ATTEMPT.log"; owned. */
char *pod_log_path(const struct pod_worker *worker, const char *container, unsigned attempt);
char *pod_log_dir(const struct pod_worker *worker);
/* The file that a container may say in why it ended, on this machine. Owned. */
char *pod_message_path(const struct pod_worker *worker, const char *container, unsigned attempt);

/* pod_sync.c: the job. */
int64_t pod_sync_job(void *arg, const char *uid);

/* pod_admit.c: whether the node can take it at all. On failure the worker fails, and says why. */
MUST_CHECK bool pod_admit(struct pod_worker *worker, const json_t *pod);
void pod_admit_release(struct pod_worker *worker);

/* pod_prepare.c: volumes, sandbox and network, and their end. */
MUST_CHECK bool pod_prepare(struct pod_worker *worker, const struct pod_view *view,
                            struct error *err);
MUST_CHECK bool pod_teardown(struct pod_worker *worker, struct error *err);
/* Whether sandbox and network stand from before; sets the address. */
void pod_adopt(struct pod_worker *worker);
/* Removes the sandboxes and folders of Pods that are not there (any more). */
void pod_sweep(struct node *node);

/* pod_start.c: one container. On failure `*reason` is the waiting reason (static). */
MUST_CHECK bool pod_start_container(struct pod_worker *worker, const struct pod_view *view,
                                    struct container_state *container, const char **reason,
                                    struct error *err);

/* termination.c: what an ended container said, or the end of its log where its policy says so.
 * Owned; NULL: nothing. */
char *pod_termination_message(const struct pod_worker *worker, const json_t *spec,
                              const struct ended *ended);
/* Makes the file; called before the container starts. */
MUST_CHECK bool pod_make_message_file(const struct pod_worker *worker, const char *container,
                                      unsigned attempt, char **path, struct error *err);

/* image_pull.c */
/* What was found of another image counts no more. The worker's lock is held. */
void pod_want_image(struct container_state *container, const char *image);
void pod_find_image(struct pod_worker *worker, const json_t *pod,
                    struct container_state *container);
int64_t pod_pull_job(void *arg, const char *key);

/* probe.c and hook.c: side jobs; keys are "UID/CONTAINER/WHAT". */
void pod_start_probes(struct pod_worker *worker, const json_t *pod,
                      struct container_state *container);
int64_t pod_probe_job(void *arg, const char *key);
int64_t pod_pre_stop_job(void *arg, const char *key);
int64_t pod_post_start_job(void *arg, const char *key);
