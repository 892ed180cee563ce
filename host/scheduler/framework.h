/* host/scheduler/framework.h: the scheduling framework's shape: what plugins see and where they
 * hook in.
 *
 * A cycle for one Pod: pre-filter, then filter over all nodes; if some are left: score, reserve,
 * permit, bind; if none: post-filter looks for Pods that may be stopped to make room, or tells why
 * there are none. Plugins are tables of pure functions over a `struct snapshot`; what one wants to
 * carry from pre-filter to filter and score stands in `struct cycle`.
 *
 * Tenants' Pods share the host's queue and nodes, but their priorities are facts of their own
 * cluster: among Pods of one tenant `rank` counts, against everybody else the host's `priority`. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/document.h"
#include "base/error.h"
#include "base/strmap.h"
#include "host/host_port.h"
#include "schema/selector.h"

#define SCORE_MAX 100

/* Named amounts: cpu in thousandths, everything else in whole units. Few, so a list. */
struct amounts {
    struct amount {
        char *name;
        int64_t value;
    } * items;
    size_t count;
};
void sched_amounts_free(struct amounts *amounts);
int64_t sched_amounts_get(const struct amounts *amounts, const char *name);
void sched_amounts_add(struct amounts *amounts, const char *name, int64_t value);
void amounts_max(struct amounts *amounts, const char *name, int64_t value);

/* A Pod as the scheduler sees it. Frozen after pod_info_new. */
struct pod_info {
    json_t *pod; /* of the Pod's tree, what plugins, events and patches read (keep_what_matters) */
    const char *ns, *name, *uid;    /* in `pod` */
    const char *node;               /* in `pod`; "" while unscheduled */
    const char *nominated;          /* in `pod`: status.nominatedNodeName; "" without */
    const char *profile;            /* spec.schedulerName */
    const char *tenant;             /* in `pod`: whose Pod it is; "" for the host's own */
    const char *told_ns, *told_uid; /* in `pod`: what its owner calls it */
    int64_t priority;               /* on the host */
    int64_t rank;                   /* among Pods of the same owner */
    int64_t created_us, started_us, revision;
    struct amounts requests;
    struct amounts
        scored; /* as requests, with upstream's least amounts where cpu or memory are not stated */
    json_t *own_tolerations; /* of what the tenant says of nodes; NULL: none beside the spec's */
    struct host_port *ports;
    size_t port_count;
    bool deleting, terminal, gated;
    bool yields; /* preemptionPolicy Never: it stops nobody */
};
struct pod_info *pod_info_new(json_t *pod, int64_t revision); /* takes the tree */
void pod_info_free(struct pod_info *info);
/* Whether the Pod tolerates a taint of a Node. One that its tenant set (overlay.h) is also matched
 * with its own tolerations. */
bool pod_info_tolerates(const struct pod_info *pod, const json_t *taint);
/* Whether `pod` may stop `victim`: it is worth more, and never another tenant's or the host's. */
bool pod_may_preempt(const struct pod_info *pod, const struct pod_info *victim);

struct node_info {
    json_t *node;
    const char *name; /* in `node` */
    int64_t revision;
    struct amounts allocatable, requested, scored;
    struct pod_info *
        *pods; /* borrowed from the snapshot: those that are bound to this node and not finished */
    size_t pod_count, pod_capacity;
};
struct node_info *node_info_new(json_t *node, int64_t revision); /* takes the tree */
void node_info_free(struct node_info *info);
/* Another of the same node and Pods, to ask "what if" with. */
struct node_info *node_info_copy(const struct node_info *node);
void node_info_add_pod(struct node_info *node, struct pod_info *pod);
void node_info_remove_pod(struct node_info *node, struct pod_info *pod);

/* A Pod for which room is being made on a node. */
struct nominee {
    struct pod_info *pod;
    const char *node;
};

/* Nodes, by name, and what is on them. */
struct snapshot {
    struct node_info **nodes;
    size_t node_count;
    json_t *namespaces; /* name -> labels, for namespace selectors; may be NULL */
    struct nominee *nominees;
    size_t nominee_count;
    const json_t *budgets; /* PodDisruptionBudgets of whose Pods may be stopped; may be NULL */
    const json_t *claims;  /* the Pod's: name -> {claim, volume, class, own}, each absent when there
                              is none; `own`: to be made for an ephemeral volume; may be NULL */
    json_t *const *volumes; /* all, where one of the claims waits for the Pod's node */
    size_t volume_count;
    const json_t *kin; /* LabelSelector of the Pods that it is to be kept apart from when it asks
                          for no spreading itself; NULL: of none */
};

enum filter_code {
    FILTER_OK,
    FILTER_NO,         /* preempting others on the node might help */
    FILTER_UNRESOLVED, /* nothing on the node would help */
};
#define FILTER_REASONS_MAX 8
struct filter_status {
    enum filter_code code;
    char *reasons[FILTER_REASONS_MAX]; /* owned */
    size_t reason_count;
};
void filter_refuse(struct filter_status *status, enum filter_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);
void filter_status_clear(struct filter_status *status);

/* One Pod's cycle. Slots belong to the plugin of that index. */
struct cycle {
    const struct pod_info *pod;
    const struct snapshot *snapshot;
    void **states; /* by plugin index */
};

struct profile;

/* What a post-filter found. */
struct preemption {
    struct node_info *node;    /* NULL: nothing helps */
    struct pod_info **victims; /* owned array; the first is worth the most */
    size_t victim_count;
    char *message; /* owned: why nothing helps, in upstream's words */
    bool waits;    /* it is not to be asked while victims from before are still ending */
};
void preemption_clear(struct preemption *preemption);

struct plugin {
    const char *name;
    int64_t weight; /* default, of its score */
    /* Queue sort: whether a goes before b. */
    bool (*less)(const struct pod_info *a, const struct pod_info *b);
    /* Prepares a state for the cycle (may be NULL); pre-filter may refuse every node at once by
     * status. */
    void *(*pre_filter)(const struct cycle *cycle, struct filter_status *status);
    void (*free_state)(void *state);
    void (*filter)(const struct cycle *cycle, void *state, const struct node_info *node,
                   struct filter_status *status);
    /* No node passed: `codes` says of each whether others' leaving might help. */
    void (*post_filter)(const struct profile *profile, const struct cycle *cycle,
                        const enum filter_code *codes, uint64_t seed, struct preemption *out);
    /* More than one node passed, those in `fit`: what score will need of all of them. */
    void (*pre_score)(const struct cycle *cycle, void *state, struct node_info *const *fit,
                      size_t count);
    /* Any scale; normalize brings all nodes' scores to 0..SCORE_MAX. NULL normalize: it is already.
     */
    int64_t (*score)(const struct cycle *cycle, void *state, const struct node_info *node);
    void (*normalize)(const struct cycle *cycle, void *state, int64_t *scores, size_t count);
    /* Takes and gives back what the Pod will use; permit may hold a Pod back (false: try again
     * later). */
    void (*reserve)(const struct cycle *cycle, struct node_info *node);
    void (*unreserve)(const struct cycle *cycle, struct node_info *node);
    bool (*permit)(const struct cycle *cycle, const struct node_info *node);
};

/* All plugins, in upstream's default order; ended by NULL. */
extern const struct plugin *const scheduler_plugins[];
#define SCHEDULER_PLUGINS_MAX 16

extern const struct plugin plugin_priority_sort, plugin_node_unschedulable, plugin_node_name,
    plugin_taint_toleration, plugin_node_affinity, plugin_node_ports, plugin_resources_fit,
    plugin_resources_balanced, plugin_image_locality, plugin_topology_spread, plugin_pod_affinity,
    plugin_volume_binding, plugin_preemption;

/* A profile, resolved: which plugins run and with which weight. */
struct profile {
    const char *name;
    const struct plugin *plugins[SCHEDULER_PLUGINS_MAX];
    int64_t weights[SCHEDULER_PLUGINS_MAX];
    size_t count;
};

/* ---- one decision ---- */

struct decision {
    struct node_info *node;       /* NULL: none fits */
    char *message;                /* owned; why none does, in upstream's words */
    int64_t feasible;             /* how many nodes passed the filters */
    struct preemption preemption; /* whom to stop, when `node` is NULL */
};
void decision_free(struct decision *decision);
/* Pure: the same Pod, snapshot and `seed` give the same node. */
void schedule_decide(const struct profile *profile, const struct pod_info *pod,
                     const struct snapshot *snapshot, uint64_t seed, struct decision *out);

/* Whether the Pod fits on the `at`-th node if that looked like `node`. Pure. */
bool schedule_fits(const struct profile *profile, const struct pod_info *pod,
                   const struct snapshot *snapshot, size_t at, struct node_info *node,
                   struct filter_status *status);
/* Upstream's count of reasons: "0/3 nodes are available: 1 Insufficient cpu, 2 ...". */
struct reasons {
    struct strmap texts; /* text -> how many nodes, as a pointer-sized number */
};
void reasons_add(struct reasons *reasons, const char *text);
void reasons_print(const struct reasons *reasons, size_t nodes, struct buf *out);
void reasons_clear(struct reasons *reasons);

/* Linear helpers that several plugins use. */
void normalize_default(int64_t *scores, size_t count, bool reverse);
