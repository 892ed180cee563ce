#include "host/network/keeper.h"

#include <time.h>

#include "base/clock.h"

#define GATHER_NS     15000000
#define GATHER_NS_MAX 1000000000
#define RETRY_NS      2000000000

/* Until the view is newer than `done`; false when it is time to end. */
static bool wait_for_change(struct keeper *keeper, uint64_t done)
{
    const struct keeper_job *job = &keeper->job;
    struct view *view = keeper->view;
    pthread_mutex_lock(&view->lock);
    while (!keeper->stopping &&
           ((view->synced & job->lists) != job->lists || *job->version == done))
        pthread_cond_wait(&view->changed, &view->lock);
    bool goes_on = !keeper->stopping;
    pthread_mutex_unlock(&view->lock);
    return goes_on;
}

static void rest(int64_t ns)
{
    const struct timespec time = {ns / 1000000000, ns % 1000000000};
    nanosleep(&time, NULL);
}

/* With a share it takes a part of one processor at most, however often things change. */
static int64_t rest_after(const struct keeper_job *job, int64_t worked_ns)
{
    int64_t ns = worked_ns * job->rest_share;
    return ns < GATHER_NS ? GATHER_NS : ns > GATHER_NS_MAX ? GATHER_NS_MAX : ns;
}

static void *work(void *arg)
{
    struct keeper *keeper = arg;
    const struct keeper_job *job = &keeper->job;
    uint64_t done = UINT64_MAX, version;
    int64_t rest_ns = GATHER_NS;
    while (wait_for_change(keeper, done)) {
        rest(rest_ns);
        int64_t began = clock_mono_ns();
        bool ok = job->update(job->arg, &version);
        rest_ns = ok ? rest_after(job, clock_mono_ns() - began) : RETRY_NS;
        if (ok)
            done = version;
    }
    return NULL;
}

bool keeper_start(struct keeper *keeper, struct view *view, const struct keeper_job *job)
{
    *keeper = (struct keeper){.view = view, .job = *job};
    return pthread_create(&keeper->thread, NULL, work, keeper) == 0;
}

void keeper_stop(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->view->lock);
    keeper->stopping = true;
    pthread_cond_broadcast(&keeper->view->changed);
    pthread_mutex_unlock(&keeper->view->lock);
    pthread_join(keeper->thread, NULL);
}
