#include "host/node/crew.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/work_queue.h"

#define FULL_MS 50 /* how soon a key of a group that has its share is offered again */

struct worker_slot {
    struct crew *crew;
    pthread_t thread;
    int64_t group; /* guarded by the crew's lock: what it works for; 0: nothing */
};

struct crew {
    struct work_queue *queue;
    const crew_fn *jobs;
    void *arg;
    unsigned thread_count, group_max;
    pthread_mutex_t lock;
    struct worker_slot slots[];
};

/* Takes a share of the group's; false when it has all of them. */
static bool take_share(struct worker_slot *slot, int64_t group)
{
    struct crew *crew = slot->crew;
    unsigned busy = 0;
    pthread_mutex_lock(&crew->lock);
    for (unsigned i = 0; i < crew->thread_count; i++)
        busy += crew->slots[i].group == group;
    bool free_share = busy < crew->group_max;
    if (free_share)
        slot->group = group;
    pthread_mutex_unlock(&crew->lock);
    return free_share;
}

static void give_share(struct worker_slot *slot)
{
    pthread_mutex_lock(&slot->crew->lock);
    slot->group = 0;
    pthread_mutex_unlock(&slot->crew->lock);
}

static void work_on(struct worker_slot *slot, struct work_item *item)
{
    struct crew *crew = slot->crew;
    if (!take_share(slot, item->group)) {
        work_queue_again(crew->queue, item, FULL_MS);
        return;
    }
    int64_t again_ms = crew->jobs[item->kind](crew->arg, item->key);
    give_share(slot);
    if (again_ms == CREW_RETRY)
        work_queue_retry(crew->queue, item, 0);
    else if (again_ms > 0)
        work_queue_again(crew->queue, item, again_ms);
    else
        work_queue_done(crew->queue, item);
}

static void *crew_run(void *arg)
{
    struct worker_slot *slot = arg;
    for (struct work_item *item; (item = work_queue_take(slot->crew->queue));)
        work_on(slot, item);
    return NULL;
}

struct crew *crew_new(const crew_fn *jobs, unsigned threads, unsigned group_max, void *arg)
{
    struct work_queue_options options = {
        .backoff_first_ms = 1000, .backoff_max_ms = 60000, .items_max = 100000};
    struct crew *crew = xcalloc(1, sizeof(*crew) + threads * sizeof(crew->slots[0]));
    crew->queue = work_queue_new(&options);
    crew->jobs = jobs;
    crew->arg = arg;
    crew->group_max = group_max;
    crew->thread_count = threads;
    pthread_mutex_init(&crew->lock, NULL);
    for (unsigned i = 0; i < threads; i++) {
        crew->slots[i].crew = crew;
        if (pthread_create(&crew->slots[i].thread, NULL, crew_run, &crew->slots[i]) != 0)
            abort(); /* no threads at start: as xmalloc */
    }
    return crew;
}

void crew_stop(struct crew *crew)
{
    if (!crew)
        return;
    work_queue_stop(crew->queue);
    for (unsigned i = 0; i < crew->thread_count; i++)
        pthread_join(crew->slots[i].thread, NULL);
}

void crew_free(struct crew *crew)
{
    if (!crew)
        return;
    work_queue_free(crew->queue);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

void crew_add(struct crew *crew, int64_t group, uint32_t kind, const char *key, int64_t delay_ms)
{
    if (delay_ms > 0)
        work_queue_add_after(crew->queue, group, kind, key, delay_ms);
    else
        work_queue_add(crew->queue, group, kind, key);
}
