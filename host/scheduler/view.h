/* host/scheduler/view.h: one cluster's nodes and Pods as the scheduler knows them, kept up to date
 * by watching.
 *
 * Used by one worker at a time (the work queue never gives a key to two). */
#pragma once
#include "host/scheduler/framework.h"
#include "store/cache.h"

/* A Pod that waits for a node. */
struct pending {
    struct pod_info *pod; /* in view->pods */
    unsigned attempts;
    int64_t not_before_us; /* back-off */
    bool claims;           /* one of its claims is not bound: tried again when it changes */
    bool delayed; /* which waits for the Pod's node: tried again when volumes change, too */
    bool company; /* may fit when others have come: affinity to them, or even spreading */
    bool moved;   /* such a claim has changed */
    bool stuck;   /* was found unschedulable; waits for a change that may help */
    int64_t stuck_since_us;
};

struct scheduler_tenants;

/* What a tenant says of the host's nodes, as last read. */
struct tenant_nodes {
    json_t *nodes; /* host name -> Node */
    int64_t version;
};

#define VIEW_STORAGE 3 /* claims, volumes, classes */

struct view {
    struct cluster *cluster;
    const struct scheduler_tenants *tenants; /* borrowed; NULL: nobody's Pods are tenants' */
    struct snapshot snapshot;
    struct strmap pods;      /* "NS/NAME" -> struct pod_info */
    struct strmap nodes;     /* name -> struct node_info */
    struct strmap pending;   /* "NS/NAME" -> struct pending */
    struct strmap nominated; /* "NS/NAME" -> name of the node where room is made for it, owned */
    struct strmap overlays;  /* tenant -> struct tenant_nodes */
    struct watch *pod_watch, *node_watch, *storage_watches[VIEW_STORAGE];
    /* What happened that may make stuck Pods fit: any, or those of which `view.c` says so. */
    bool relief, arrived, volumes_changed, classes_changed;
    int64_t used_us;
};

struct view *view_new(struct cluster *cluster, const struct scheduler_tenants *tenants);
void view_free(struct view *view);
/* Brings it up to date: loads at first and after the watch fell behind. Blocking at first use. */
MUST_CHECK bool view_update(struct view *view, int64_t now_us, struct error *err);
/* The Pod takes its place (or gives it back) before the API has said so. Room that is made for it
 * is no longer kept beside that, or is again as far as its status says. */
void view_assume(struct view *view, struct pod_info *pod, struct node_info *node);
void view_forget(struct view *view, struct pod_info *pod, struct node_info *node);
/* Room is being made for the Pod on `node`; "": no longer. */
void view_nominate(struct view *view, const struct pod_info *pod, const char *node);
/* The picture as it is for this Pod: of its tenant, with whom room is being made for. */
struct snapshot view_snapshot(struct view *view, const struct pod_info *pod);
void view_snapshot_clear(struct view *view, struct snapshot *snapshot);
/* Whether there is anybody that the Pod may stop. */
bool view_has_lesser(const struct view *view, const struct pod_info *pod);
/* Pods to try now, in `less` order, where a tenant's Pods take the turns that fall to it in the
 * order of their ranks; the array is the caller's, the items are not. */
struct pending **view_ready(struct view *view,
                            bool (*less)(const struct pod_info *a, const struct pod_info *b),
                            int64_t now_us, size_t *count);
/* When the next Pod's wait ends, or ended during this turn; 0: none waits. */
int64_t view_next(const struct view *view);
/* The tries of one Pod failed: it waits. */
void pending_stick(struct pending *pending, int64_t now_us);
