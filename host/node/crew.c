#include "host/node/crew.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/work_queue.h"

struct crew {
    struct work_queue *queue;
    const crew_fn *jobs;
    void *arg;
    unsigned thread_count;
    pthread_t threads[];
};

static void *crew_run(void *arg)
{
    struct crew *crew = arg;
    for (struct work_item *item; (item = work_queue_take(crew->queue));) {
        int64_t again_ms = crew->jobs[item->kind](crew->arg, item->key);
        if (again_ms == CREW_RETRY)
            work_queue_retry(crew->queue, item);
        else if (again_ms > 0)
            work_queue_again(crew->queue, item, again_ms);
        else
            work_queue_done(crew->queue, item);
    }
    return NULL;
}

struct crew *crew_new(const crew_fn *jobs, unsigned threads, void *arg)
{
    struct work_queue_options options = {
        .backoff_first_ms = 1000, .backoff_max_ms = 60000, .items_max = 100000};
    struct crew *crew = xcalloc(1, sizeof(*crew) + threads * sizeof(crew->threads[0]));
    crew->queue = work_queue_new(&options);
    crew->jobs = jobs;
    crew->arg = arg;
    for (; crew->thread_count < threads; crew->thread_count++)
        if (pthread_create(&crew->threads[crew->thread_count], NULL, crew_run, crew) != 0)
            abort(); /* no threads at start: as xmalloc */
    return crew;
}

void crew_stop(struct crew *crew)
{
    if (!crew)
        return;
    work_queue_stop(crew->queue);
    for (; crew->thread_count; crew->thread_count--)
        pthread_join(crew->threads[crew->thread_count - 1], NULL);
}

void crew_free(struct crew *crew)
{
    if (!crew)
        return;
    work_queue_free(crew->queue);
    free(crew);
}

void crew_add(struct crew *crew, int64_t group, uint32_t kind, const char *key, int64_t delay_ms)
{
    if (delay_ms > 0)
        work_queue_add_after(crew->queue, group, kind, key, delay_ms);
    else
        work_queue_add(crew->queue, group, kind, key);
}
