/* controllers/settle.c: which clusters have unfinished work.
 *
 * A cluster is remembered here from its first change until nothing of it waits, is worked on or
 * sits on a timer; then, after a quiet while (so that a busy cluster does not write its mark for
 * each key), store_cluster_settled() records the revision up to which all keys were worked off. A
 * restart looks only at clusters beyond their mark. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "controllers/frame_internal.h"

#define QUIET_NS ((int64_t)2 * 1000 * 1000 * 1000)

struct active {
    struct cluster *cluster; /* referenced */
    struct strmap waiting;   /* "KIND/KEY" of keys on a timer */
    int64_t revision;        /* up to which changes were turned into keys */
    int64_t due_mono_ns;     /* when it may settle, while it is in the list */
    bool listed;
    struct active *next;
};

struct settle {
    struct store *store;
    struct work_queue *queue;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* guarded by lock */
    struct strmap clusters;      /* id -> struct active */
    struct active *first, *last; /* those that wait to settle, the soonest first */
    bool stop;
};

#define ID_TEXT 24

static void id_text(int64_t id, char out[ID_TEXT])
{
    (void)snprintf(out, ID_TEXT, "%lld", (long long)id);
}

static struct active *active_of(struct settle *settle, struct cluster *cluster)
{
    char id[ID_TEXT];
    id_text(cluster->id, id);
    struct active *active = strmap_get(&settle->clusters, id);
    if (!active) {
        active = xcalloc(1, sizeof(*active));
        active->cluster = cluster_ref(cluster);
        (void)strmap_put(&settle->clusters, id, active); /* there was none */
    }
    return active;
}

static void active_free(struct active *active)
{
    strmap_clear(&active->waiting);
    cluster_unref(active->cluster);
    free(active);
}

static void unlist(struct settle *settle, struct active *active)
{
    struct active *before = NULL;
    for (struct active **at = &settle->first; *at; before = *at, at = &(*at)->next)
        if (*at == active) {
            *at = active->next;
            if (settle->last == active)
                settle->last = before;
            break;
        }
    active->listed = false;
    active->next = NULL;
}

static struct active *take_active(struct settle *settle, int64_t cluster_id)
{
    char id[ID_TEXT];
    id_text(cluster_id, id);
    struct active *active = strmap_remove(&settle->clusters, id);
    if (active && active->listed)
        unlist(settle, active);
    return active;
}

void settle_seen(struct settle *settle, struct cluster *cluster, int64_t revision)
{
    pthread_mutex_lock(&settle->lock);
    struct active *active = active_of(settle, cluster);
    if (revision > active->revision)
        active->revision = revision;
    pthread_mutex_unlock(&settle->lock);
    settle_done(settle, cluster); /* a change that woke nobody must settle too */
}

void settle_wait(struct settle *settle, struct cluster *cluster, uint32_t kind, const char *key,
                 bool waits)
{
    char id[600];
    (void)snprintf(id, sizeof(id), "%u/%s", kind, key);
    pthread_mutex_lock(&settle->lock);
    if (waits) {
        struct active *active = active_of(settle, cluster);
        (void)strmap_put(&active->waiting, id, active); /* a set: the value means nothing */
    } else {
        char cluster_id[ID_TEXT];
        id_text(cluster->id, cluster_id);
        struct active *active = strmap_get(&settle->clusters, cluster_id);
        if (active)
            (void)strmap_remove(&active->waiting, id);
    }
    pthread_mutex_unlock(&settle->lock);
}

static bool may_settle(struct settle *settle, const struct active *active)
{
    return active->waiting.count == 0 && work_queue_busy(settle->queue, active->cluster->id) == 0;
}

void settle_done(struct settle *settle, struct cluster *cluster)
{
    char id[ID_TEXT];
    id_text(cluster->id, id);
    pthread_mutex_lock(&settle->lock);
    struct active *active = strmap_get(&settle->clusters, id);
    if (active && !active->listed && may_settle(settle, active)) {
        active->due_mono_ns = clock_mono_ns() + QUIET_NS;
        active->listed = true;
        active->next = NULL;
        if (settle->last)
            settle->last->next = active;
        else
            settle->first = active;
        settle->last = active;
        pthread_cond_signal(&settle->wake);
    }
    pthread_mutex_unlock(&settle->lock);
}

void settle_forget(struct settle *settle, int64_t cluster_id)
{
    pthread_mutex_lock(&settle->lock);
    struct active *active = take_active(settle, cluster_id);
    pthread_mutex_unlock(&settle->lock);
    if (active)
        active_free(active);
}

/* The revision is read before the queue is asked: whatever was seen by then was in the queue by
 * then. */
static void settle_first(struct settle *settle)
{
    struct active *active = settle->first;
    int64_t revision = active->revision;
    unlist(settle, active);
    if (!may_settle(settle, active))
        return;
    (void)take_active(settle, active->cluster->id); /* it is this one */
    pthread_mutex_unlock(&settle->lock);
    CLEANUP(error_clear) struct error err = {0};
    if (!store_cluster_settled(active->cluster, revision, &err))
        log_debug("controllers", "cluster %s stays unsettled: %s", active->cluster->name,
                  err.message);
    active_free(active); /* unsettled at worst: a restart looks at it once more than needed */
    pthread_mutex_lock(&settle->lock);
}

static void *settler(void *arg)
{
    struct settle *settle = arg;
    pthread_mutex_lock(&settle->lock);
    while (!settle->stop) {
        if (!settle->first) {
            pthread_cond_wait(&settle->wake, &settle->lock);
        } else if (settle->first->due_mono_ns <= clock_mono_ns()) {
            settle_first(settle);
        } else {
            cond_wait_until(&settle->wake, &settle->lock, settle->first->due_mono_ns);
        }
    }
    pthread_mutex_unlock(&settle->lock);
    return NULL;
}

struct settle *settle_new(struct store *store, struct work_queue *queue)
{
    struct settle *settle = xcalloc(1, sizeof(*settle));
    settle->store = store;
    settle->queue = queue;
    pthread_mutex_init(&settle->lock, NULL);
    cond_init(&settle->wake);
    return settle;
}

bool settle_start(struct settle *settle, struct error *err)
{
    int failure = pthread_create(&settle->thread, NULL, settler, settle);
    settle->started = !failure;
    return failure ? error_internal(err, "starting the settling thread: %s", strerror(failure))
                   : true;
}

void settle_stop(struct settle *settle)
{
    pthread_mutex_lock(&settle->lock);
    settle->stop = true;
    pthread_cond_signal(&settle->wake);
    pthread_mutex_unlock(&settle->lock);
    if (settle->started)
        pthread_join(settle->thread, NULL);
    const char *id;
    void *active;
    for (size_t i = 0; strmap_next(&settle->clusters, &i, &id, &active);)
        active_free(active);
    strmap_clear(&settle->clusters);
    pthread_cond_destroy(&settle->wake);
    pthread_mutex_destroy(&settle->lock);
    free(settle);
}
