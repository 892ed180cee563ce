/* controllers/frame_internal.h: what the frame's own files share. */
#pragma once
#include <pthread.h>

#include "auth/user.h"
#include "base/metrics.h"
#include "base/strmap.h"
#include "controllers/controller.h"

#define CONTROLLER_ROWS_MAX 64
#define TAKES_MAX           4

/* A controller as it runs: its row and what is made from it once. */
struct controller_row {
    const struct controller *spec;
    struct user user;
    const char *queue; /* what upstream calls its work queue */
    struct metric *adds, *retries, *depth, *unfinished, *longest;
};

/* Which rows a change of one resource wakes. */
struct listener {
    size_t count;
    struct {
        uint32_t kind;
        controller_map_fn map;
    } items[CONTROLLER_ROWS_MAX];
};

/* settle.c: clusters with unfinished work, so that a restart looks at those only. Any thread. */
struct settle;
struct settle *settle_new(struct store *store, struct work_queue *queue);
bool settle_start(struct settle *settle, struct error *err);
void settle_stop(struct settle *settle); /* ends the thread and frees */
/* A change was turned into keys. Called in revision order within a cluster, after the keys were
 * added. */
void settle_seen(struct settle *settle, struct cluster *cluster, int64_t revision);
/* The key waits on a timer (`waits`), or does no longer. A cluster with waiting keys never settles.
 */
void settle_wait(struct settle *settle, struct cluster *cluster, uint32_t kind, const char *key,
                 bool waits);
/* A key is finished: if it was the last, the cluster settles after a quiet while. */
void settle_done(struct settle *settle, struct cluster *cluster);
/* Forgets a cluster that is gone. */
void settle_forget(struct settle *settle, int64_t cluster_id);

enum duty {
    DUTY_NONE,   /* another server's: keys are dropped */
    DUTY_TAKING, /* keys are kept until what must come first is done */
    DUTY_ON,
};

struct controllers {
    struct api *api;
    struct store *store;
    struct work_queue *queue;
    struct settle *settle;
    struct controller_row
        rows[CONTROLLER_ROWS_MAX]; /* frozen by controllers_start, as are the listeners */
    size_t row_count;
    struct strmap listeners; /* resource -> struct listener */
    struct listener every;   /* those of "*" */
    pthread_t *threads;
    unsigned thread_count, thread_max;
    atomic_bool running;
    _Atomic enum duty duty;
    struct {
        bool (*fn)(void *arg, struct error *err);
        void *arg;
    } takes[TAKES_MAX]; /* frozen by controllers_start */
    size_t take_count;
    int64_t event_ttl_us;
};

/* The work queue's kind for "look at the whole cluster"; the rows come first. */
#define KIND_RELIST CONTROLLER_ROWS_MAX
/* And for "come on duty", in the host's group. */
#define KIND_TAKE (CONTROLLER_ROWS_MAX + 1)

/* Turns every object of `cluster` into keys of the rows that listen. Blocking. */
bool relist_cluster(struct controllers *controllers, struct cluster *cluster, struct error *err);
/* Whether a row has to do with a cluster at all. */
bool row_serves(const struct controller *spec, const struct cluster *cluster);
void row_map(struct controllers *controllers, struct cluster *cluster, uint32_t kind,
             controller_map_fn map, const struct object *object, const struct object *before);

/* frame_metrics.c: the work queue under upstream's metric names, as if each row had its own. */
void row_measure(struct controller_row *row); /* makes its metrics */
void row_worked(const struct controller_row *row, int64_t waited_ns, int64_t worked_ns);
/* For metrics_collect(); `arg` is the controllers. */
void controllers_measure(void *arg);
