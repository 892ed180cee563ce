#include "controllers/job_surplus.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "controllers/job_indexes.h"
#include "controllers/pod_state.h"
#include "schema/json_time.h"
#include "schema/meta.h"

/* What is compared, read once. */
struct running {
    const json_t *pod;
    int64_t index; /* -1: none of the Job's */
    bool extra;    /* goes in any case */
    bool assigned, ready;
    int phase;
    int64_t ready_us, created_us, restarts;
};

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int phase_rank(const char *phase)
{
    if (strcmp(phase, "Running") == 0)
        return 2;
    return strcmp(phase, "Unknown") == 0;
}

/* Those that got least far first; of equals the younger. */
static int by_progress(const void *left, const void *right)
{
    const struct running *a = left, *b = right;
    const int steps[] = {
        order(b->extra, a->extra),           order(a->assigned, b->assigned),
        order(a->phase, b->phase),           order(a->ready, b->ready),
        order(b->ready_us, a->ready_us),     order(b->restarts, a->restarts),
        order(b->created_us, a->created_us),
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (steps[i])
            return steps[i];
    return strcmp(meta_name(a->pod), meta_name(b->pod));
}

static int by_index(const void *left, const void *right)
{
    const struct running *a = left, *b = right;
    int indexes = order(a->index, b->index);
    return indexes ? indexes : by_progress(left, right);
}

static struct running read_pod(const json_t *pod, int64_t completions)
{
    const char *node = json_text(pod, "spec", "nodeName");
    int64_t index = job_index_of(pod);
    return (struct running){
        .pod = pod,
        .index = index < completions ? index : -1,
        .assigned = node && node[0],
        .ready = pod_is_ready(pod),
        .phase = phase_rank(pod_phase(pod)),
        .ready_us = pod_ready_since_us(pod),
        .created_us = json_time_us(json_at(pod, "metadata", "creationTimestamp")),
        .restarts = pod_restarts_max(pod),
    };
}

static int64_t mark_extra(struct running *all, size_t count)
{
    int64_t extra = 0;
    qsort(all, count, sizeof(*all), by_index);
    for (size_t i = 0; i < count; i++) {
        bool again = i + 1 < count && all[i + 1].index == all[i].index;
        all[i].extra = all[i].index < 0 || again;
        extra += all[i].extra;
    }
    return extra;
}

size_t job_surplus_find(const struct job_surplus *surplus, const json_t **out)
{
    CLEANUP(free_ptr) struct running *all = xcalloc(surplus->count + 1, sizeof(*all));
    size_t count = 0;
    int64_t extra = 0;
    for (size_t i = 0; i < surplus->count; i++)
        if (pod_is_active(surplus->pods[i]))
            all[count++] = read_pod(surplus->pods[i], surplus->completions);
    if (surplus->completions >= 0)
        extra = mark_extra(all, count);
    int64_t go = extra > surplus->least ? extra : surplus->least;
    if (!go)
        return 0;
    qsort(all, count, sizeof(*all), by_progress);
    for (size_t i = 0; i < count && (int64_t)i < go; i++)
        out[i] = all[i].pod;
    return (size_t)go < count ? (size_t)go : count;
}
