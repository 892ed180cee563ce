/* controllers/controller.h: the frame that every reconcile loop hangs in, for every cluster at
 * once.
 *
 * A controller is a row: which resources wake it, how a changed object becomes a key, and
 * reconcile(cluster, key). One work queue serves all controllers of all clusters; a cluster with
 * nothing to do has no thread, timer or memory in it. Level-triggered: a key says where to look,
 * never what happened. Clusters whose revision passed what they last settled at are looked at as a
 * whole (`relist`) when this server comes on duty. Upper floors (host/, vcluster/) add rows of
 * their own.
 *
 * Of several servers over one database one is on duty: it alone turns changes into keys, for all
 * rows of all clusters. On the others keys are dropped. */
#pragma once
#include "apiserver/api.h"
#include "base/work_queue.h"

struct controllers;

struct reconcile {
    struct controllers *controllers;
    struct cluster *cluster;
    struct api_caller caller; /* acts as the controller's own identity in that cluster */
    const char *key;          /* "namespace/name", or "name" of a cluster-scoped object */
    char ns[254], name[254];  /* the key, cut */
    int64_t now_us;
};

enum reconcile_result {
    RECONCILE_DONE,
    RECONCILE_RETRY, /* with back-off; err says why */
    RECONCILE_AGAIN, /* `again_ms` from now */
};
struct plan;
/* How a key ends whose plan was applied, or failed: comes back then, or when the plan says so. */
enum reconcile_result reconcile_end(bool applied, const struct plan *plan, int64_t *again_ms);

struct controller;
/* Calls add(arg, key) for each key that a change of `object` (or `before`) concerns. Must not
 * block: where a cache is cold, it adds the name "*": every object of the row's first source there.
 */
typedef void (*controller_map_fn)(struct cluster *cluster, const struct object *object,
                                  const struct object *before,
                                  void (*add)(void *arg, const char *key), void *arg);

struct controller_source {
    const char *resource;  /* storage key; "*": every resource, custom ones too */
    controller_map_fn map; /* NULL: the object's own key */
};
struct controller {
    const char *name; /* "deployment-controller": its service account, metric label and log name;
                         not empty */
    const char *user; /* NULL: system:serviceaccount:kube-system:NAME */
    const struct controller_source *sources; /* ended by a NULL resource */
    bool host_only, tenants_only;
    bool is_master; /* acts with system:masters: what upstream's API server does by itself */
    enum reconcile_result (*reconcile)(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                       struct error *err);
    void *arg;
    /* False for objects of its sources that the row has nothing to do with: no worker is woken for
     * them. Must not block. NULL: it wants all. */
    bool (*wants)(void *arg, struct cluster *cluster, const struct object *object);
    /* For rows that must know what happened (the garbage collector): sees every change of every
     * cluster in place of a source of "*", whose map then serves only when a cluster is looked at
     * anew. Must not block. NULL: none. */
    void (*changed)(void *arg, struct cluster *cluster, enum event_type type,
                    const struct object *object, const struct object *before,
                    void (*add)(void *add_arg, const char *key), void *add_arg);
    void (*free)(void *arg); /* at controllers_stop; may be NULL */
};

struct controllers_options {
    struct api *api;
    unsigned threads;    /* 0: 4 */
    int64_t event_ttl_s; /* 0: an hour */
};
/* Rows are added between new and start. */
struct controllers *controllers_new(const struct controllers_options *options);
void controllers_add(struct controllers *controllers,
                     const struct controller *row); /* borrowed for life */
/* Every Kubernetes controller of this folder. */
void controllers_add_kubernetes(struct controllers *controllers);
/* What has to be done, on a worker, when this server comes on duty, before any key is worked on: at
 * start, and after another has died; in the order in which they were given. A failure is tried
 * again. Before controllers_start. */
void controllers_when_on_duty(struct controllers *controllers,
                              bool (*take)(void *arg, struct error *err), void *arg);
/* Whether this server is. Any thread. */
bool controllers_on_duty(const struct controllers *controllers);
MUST_CHECK bool controllers_start(struct controllers *controllers, struct error *err);
void controllers_stop(
    struct controllers *controllers); /* finishes what is being worked on; frees */
/* Asks `name`'s reconcile for a key, from outside (another cluster's change): any thread. Off duty
 * it does nothing. */
void controllers_enqueue(struct controllers *controllers, const char *name, struct cluster *cluster,
                         const char *key);
void controllers_enqueue_after(struct controllers *controllers, const char *name,
                               struct cluster *cluster, const char *key, int64_t delay_ms);
/* Looks at everything in `cluster` anew, as at start: after it was resumed or filled from a backup.
 * Any thread. */
void controllers_relist(struct controllers *controllers, struct cluster *cluster);
/* Emits an Event about `object` (core/v1, counted up when it repeats). Errors are dropped: events
 * are best effort. */
void controller_event(const struct api_caller *caller, const json_t *object, const char *type,
                      const char *reason, const char *format, ...) PRINTF_LIKE(5, 6);
