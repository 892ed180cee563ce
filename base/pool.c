/* Workers over one bounded ring of jobs. */
#include "base/pool.h"

#include <pthread.h>

#include "base/mem.h"

struct job {
    pool_job_fn run;
    void *arg;
};

struct pool {
    unsigned thread_count;
    uint32_t capacity;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* guarded by lock */
    struct job *ring;
    uint32_t first, count;
    bool stopping;
    pthread_t threads[];
};

/* False when the pool stops and nothing is left. */
static bool next_job(struct pool *pool, struct job *job)
{
    pthread_mutex_lock(&pool->lock);
    while (!pool->count && !pool->stopping)
        pthread_cond_wait(&pool->wake, &pool->lock);
    bool found = pool->count > 0;
    if (found) {
        *job = pool->ring[pool->first];
        pool->first = (pool->first + 1) % pool->capacity;
        pool->count--;
    }
    pthread_mutex_unlock(&pool->lock);
    return found;
}

static void *work(void *arg)
{
    struct pool *pool = arg;
    struct job job;
    while (next_job(pool, &job))
        job.run(job.arg);
    return NULL;
}

struct pool *pool_new(unsigned threads, uint32_t queue_max)
{
    struct pool *pool = xcalloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
    pool->capacity = queue_max ? queue_max : 1;
    pool->ring = xcalloc(pool->capacity, sizeof(*pool->ring));
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&pool->threads[pool->thread_count], NULL, work, pool) == 0)
            pool->thread_count++;
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->ring);
    free(pool);
}

bool pool_submit(struct pool *pool, pool_job_fn run, void *arg)
{
    pthread_mutex_lock(&pool->lock);
    bool taken = pool->thread_count && !pool->stopping && pool->count < pool->capacity;
    if (taken) {
        pool->ring[(pool->first + pool->count) % pool->capacity] = (struct job){run, arg};
        pool->count++;
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->lock);
    return taken;
}
