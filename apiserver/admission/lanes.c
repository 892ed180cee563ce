#include "apiserver/admission/lanes.h"

#include <assert.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/mem.h"

#define IDLE_S      10
#define STACK_BYTES ((size_t)1 << 20)
#define SECOND_NS   ((int64_t)1000000000)
#define SLOW_NS     SECOND_NS /* an inside call that took longer makes its cluster rest */

struct job {
    pool_job_fn run;
    void *arg;
    struct job *next;
};

/* What one cluster uses; in a list that is gone through in turn. */
struct share {
    int64_t cluster;
    unsigned running, waiting;
    bool inside;          /* one of our own threads is outside for it */
    int64_t rest_mono_ns; /* none before then */
    struct job *first, *last;
    struct share *next;
};

struct lanes {
    pthread_mutex_t lock;
    pthread_cond_t work, changed;
    /* guarded by lock */
    struct share *shares;
    unsigned threads, idle, running, inside;
    bool stopping;
};

struct lanes *lanes_new(void)
{
    struct lanes *lanes = xcalloc(1, sizeof(*lanes));
    pthread_mutex_init(&lanes->lock, NULL);
    cond_init(&lanes->work);
    cond_init(&lanes->changed);
    return lanes;
}

/* ---- shares; under the lock ---- */

static bool is_idle(const struct share *share, int64_t now)
{
    return !share->running && !share->waiting && !share->inside && share->rest_mono_ns <= now;
}

/* The cluster's, made when it has none; forgets those of clusters that use nothing any more. */
static struct share *share_of(struct lanes *lanes, int64_t cluster)
{
    struct share **at = &lanes->shares, *found = NULL;
    int64_t now = clock_mono_ns();
    while (*at) {
        struct share *share = *at;
        if (share->cluster == cluster) {
            found = share;
        } else if (is_idle(share, now)) {
            *at = share->next;
            free(share);
            continue;
        }
        at = &share->next;
    }
    if (found)
        return found;
    *at = xcalloc(1, sizeof(**at));
    (*at)->cluster = cluster;
    return *at;
}

/* The fewer there are, the more clusters they are for. */
static unsigned allowance(const struct lanes *lanes)
{
    if (lanes->running < LANES_MAX / 2)
        return LANES_SHARE;
    return lanes->running < LANES_MAX / 4 * 3 ? LANES_SHARE_BUSY : LANES_SHARE_SCARCE;
}

/* Jobs that only a thread is missing for. */
static unsigned runnable(const struct lanes *lanes)
{
    unsigned count = 0, most = allowance(lanes);
    for (const struct share *share = lanes->shares; share; share = share->next) {
        unsigned more = share->running < most ? most - share->running : 0;
        count += share->waiting < more ? share->waiting : more;
    }
    return count;
}

/* Puts the share behind all others. */
static void send_back(struct lanes *lanes, struct share *share)
{
    struct share **at = &lanes->shares;
    while (*at != share)
        at = &(*at)->next;
    *at = share->next;
    while (*at)
        at = &(*at)->next;
    *at = share;
    share->next = NULL;
}

/* The next job of a cluster that may have one more thread. */
static struct job *next_job(struct lanes *lanes, struct share **of)
{
    for (struct share *share = lanes->shares; share; share = share->next) {
        struct job *job = share->first;
        if (!job || share->running >= allowance(lanes))
            continue;
        share->first = job->next;
        share->waiting--;
        share->running++;
        lanes->running++;
        send_back(lanes, share);
        *of = share;
        return job;
    }
    return NULL;
}

/* ---- threads ---- */

/* Under the lock, which it gives up meanwhile. */
static void run_job(struct lanes *lanes, struct share *share, struct job *job)
{
    pthread_mutex_unlock(&lanes->lock);
    job->run(job->arg);
    free(job);
    pthread_mutex_lock(&lanes->lock);
    share->running--; /* a share with something running is not forgotten */
    lanes->running--;
}

static void *work(void *arg)
{
    struct lanes *lanes = arg;
    struct share *share;
    pthread_mutex_lock(&lanes->lock);
    for (;;) {
        struct job *job = next_job(lanes, &share);
        if (job) {
            run_job(lanes, share, job);
            continue;
        }
        if (lanes->stopping)
            break;
        lanes->idle++;
        bool in_time =
            cond_wait_until(&lanes->work, &lanes->lock, clock_mono_ns() + IDLE_S * SECOND_NS);
        lanes->idle--;
        if (!in_time)
            break;
    }
    lanes->threads--;
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->lock);
    return NULL;
}

/* Under the lock. A thread that cannot be made is not missed while another one runs. */
static void add_thread(struct lanes *lanes)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    lanes->threads += pthread_create(&thread, &attributes, work, lanes) == 0;
    pthread_attr_destroy(&attributes);
}

/* Under the lock. */
static void append(struct lanes *lanes, struct share *share, pool_job_fn run, void *arg)
{
    struct job *job = xmalloc(sizeof(*job));
    *job = (struct job){run, arg, NULL};
    if (share->first)
        share->last->next = job;
    else
        share->first = job;
    share->last = job;
    share->waiting++;
    pthread_cond_signal(&lanes->work);
    /* One that was woken for an earlier job counts as idle until it has the lock. */
    if (lanes->idle < runnable(lanes) && lanes->threads < LANES_MAX)
        add_thread(lanes);
}

bool lanes_submit(struct lanes *lanes, int64_t cluster, pool_job_fn run, void *arg)
{
    pthread_mutex_lock(&lanes->lock);
    struct share *share = share_of(lanes, cluster);
    if (!lanes->threads)
        add_thread(lanes);
    bool taken = share->waiting < LANES_QUEUE_SHARE && lanes->threads > 0;
    if (taken)
        append(lanes, share, run, arg);
    pthread_mutex_unlock(&lanes->lock);
    return taken;
}

/* ---- work in parts ---- */

/* On its caller's stack. */
struct spread {
    struct lanes *lanes;
    lanes_part_fn run;
    void *arg;
    size_t count;
    /* guarded by lanes->lock */
    size_t next;
    unsigned helpers; /* that run or are queued */
};

/* Under the lock, which it gives up meanwhile. */
static void run_parts(struct spread *spread)
{
    while (spread->next < spread->count) {
        size_t part = spread->next++;
        pthread_mutex_unlock(&spread->lanes->lock);
        spread->run(spread->arg, part);
        pthread_mutex_lock(&spread->lanes->lock);
    }
}

static void help(void *arg)
{
    struct spread *spread = arg;
    struct lanes *lanes = spread->lanes;
    pthread_mutex_lock(&lanes->lock);
    run_parts(spread);
    if (--spread->helpers == 0) /* the last word about it: its caller may go */
        pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->lock);
}

/* Under the lock. As many as would begin at once. */
static void call_helpers(struct spread *spread, int64_t cluster)
{
    struct lanes *lanes = spread->lanes;
    struct share *share = share_of(lanes, cluster);
    unsigned used = share->running + share->waiting;
    size_t most = used < LANES_SHARE ? LANES_SHARE - used : 0;
    if (lanes->running >= LANES_MAX / 2)
        return;
    for (size_t i = 1; i < spread->count && i <= most; i++) {
        spread->helpers++;
        append(lanes, share, help, spread);
    }
}

/* Under the lock. Those that did not begin are not needed any more. */
static void dismiss(struct spread *spread, int64_t cluster)
{
    struct share *share = share_of(spread->lanes, cluster);
    struct job **at = &share->first, *last = NULL;
    while (*at) {
        struct job *job = *at;
        if (job->run == help && job->arg == spread) {
            *at = job->next;
            free(job);
            share->waiting--;
            spread->helpers--;
            continue;
        }
        last = job;
        at = &job->next;
    }
    share->last = last;
}

void lanes_spread(struct lanes *lanes, int64_t cluster, size_t count, lanes_part_fn run, void *arg)
{
    struct spread spread = {.lanes = lanes, .run = run, .arg = arg, .count = count};
    pthread_mutex_lock(&lanes->lock);
    if (count > 1)
        call_helpers(&spread, cluster);
    run_parts(&spread);
    if (spread.helpers)
        dismiss(&spread, cluster);
    while (spread.helpers)
        pthread_cond_wait(&lanes->changed, &lanes->lock);
    pthread_mutex_unlock(&lanes->lock);
}

/* ---- threads of others ---- */

bool lanes_enter(struct lanes *lanes, int64_t cluster)
{
    int64_t until = clock_mono_ns() + LANES_INSIDE_WAIT_MS * INT64_C(1000000);
    struct share *share;
    bool entered = false, in_time = true;
    pthread_mutex_lock(&lanes->lock);
    while (!entered && in_time) {
        share = share_of(lanes, cluster);
        entered = lanes->inside < LANES_INSIDE && !share->inside &&
                  share->rest_mono_ns <= clock_mono_ns();
        if (!entered && share->rest_mono_ns > until)
            break; /* waiting is of no use to a cluster that has longer to rest */
        if (!entered)
            in_time = cond_wait_until(&lanes->changed, &lanes->lock, until);
    }
    if (entered) {
        share->inside = true;
        lanes->inside++;
    }
    pthread_mutex_unlock(&lanes->lock);
    return entered;
}

void lanes_leave(struct lanes *lanes, int64_t cluster, int64_t entered_mono_ns)
{
    int64_t now = clock_mono_ns(), took = now - entered_mono_ns;
    pthread_mutex_lock(&lanes->lock);
    struct share *share = share_of(lanes, cluster);
    assert(share->inside && lanes->inside);
    share->inside = false;
    lanes->inside--;
    share->rest_mono_ns = took > SLOW_NS ? now + took : 0;
    pthread_cond_broadcast(&lanes->changed);
    pthread_mutex_unlock(&lanes->lock);
}

void lanes_free(struct lanes *lanes)
{
    if (!lanes)
        return;
    pthread_mutex_lock(&lanes->lock);
    lanes->stopping = true;
    pthread_cond_broadcast(&lanes->work);
    while (lanes->threads)
        pthread_cond_wait(&lanes->changed, &lanes->lock);
    pthread_mutex_unlock(&lanes->lock);
    for (struct share *share = lanes->shares, *next; share; share = next) {
        next = share->next;
        free(share);
    }
    pthread_cond_destroy(&lanes->changed);
    pthread_cond_destroy(&lanes->work);
    pthread_mutex_destroy(&lanes->lock);
    free(lanes);
}
