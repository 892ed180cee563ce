/* controllers/replicaset_rank.c: which Pods a scale-down deletes first: a chain of comparisons,
 * each a row. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "controllers/observe.h"
#include "controllers/pod_state.h"
#include "controllers/replicaset.h"
#include "schema/json_time.h"
#include "schema/meta.h"

/* What is compared, read once. */
struct ranked {
    json_t *pod;
    const char *uid;
    bool assigned, ready;
    int phase;
    int64_t cost, neighbours, restarts;
    int64_t ready_age_us, age_us; /* 0: not known */
};

static int phase_rank(const char *phase)
{
    if (strcmp(phase, "Pending") == 0)
        return 0;
    return strcmp(phase, "Running") == 0 ? 2 : 1;
}

static int64_t deletion_cost(const json_t *pod)
{
    int64_t cost = 0;
    const char *text = meta_annotation(pod, "controller.kubernetes.io/pod-deletion-cost");
    if (text && !parse_i64(str_of(text), INT32_MIN, INT32_MAX, &cost))
        return 0;
    return cost;
}

static int64_t neighbours(const json_t *pod, const struct replicaset_seen *seen)
{
    const char *node = json_text(pod, "spec", "nodeName");
    int64_t count = 0;
    for (size_t i = 0; node && i < seen->sibling_count; i++)
        count += text_eq(json_text(seen->siblings[i], "spec", "nodeName"), node);
    return count;
}

static int64_t age(int64_t since_us, int64_t now_us)
{
    return since_us ? now_us - since_us : 0;
}

static struct ranked rank(json_t *pod, const struct replicaset_seen *seen)
{
    const char *node = json_text(pod, "spec", "nodeName");
    return (struct ranked){
        .pod = pod,
        .uid = meta_uid(pod),
        .assigned = node && node[0],
        .ready = pod_is_ready(pod),
        .phase = phase_rank(pod_phase(pod)),
        .cost = deletion_cost(pod),
        .neighbours = neighbours(pod, seen),
        .restarts = pod_restarts_max(pod),
        .ready_age_us = age(pod_ready_since_us(pod), seen->now_us),
        .age_us = age(json_time_us(json_at(pod, "metadata", "creationTimestamp")), seen->now_us),
    };
}

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Ages count by their magnitude, so that of Pods made at about the same time a random one goes. */
static int log2_of(int64_t age_us)
{
    int bits = 0;
    for (int64_t seconds = age_us / 1000000; seconds > 1; seconds /= 2)
        bits++;
    return bits;
}

static int by_age(int64_t a, int64_t b, const char *uid_a, const char *uid_b)
{
    if (!a || !b)
        return order(b != 0, a != 0);
    int magnitude = order(log2_of(a), log2_of(b));
    return magnitude ? magnitude : strcmp(uid_a, uid_b);
}

static int compare(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    const int steps[] = {
        order(a->assigned, b->assigned),
        order(a->phase, b->phase),
        order(a->ready, b->ready),
        order(a->cost, b->cost),
        order(b->neighbours, a->neighbours),
        a->ready && b->ready && a->ready_age_us != b->ready_age_us
            ? by_age(a->ready_age_us, b->ready_age_us, a->uid, b->uid)
            : 0,
        order(b->restarts, a->restarts),
        a->age_us != b->age_us ? by_age(a->age_us, b->age_us, a->uid, b->uid) : 0,
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (steps[i])
            return steps[i];
    return strcmp(a->uid, b->uid);
}

void replicaset_rank(json_t **pods, size_t count, const struct replicaset_seen *seen)
{
    if (count == 0)
        return;
    CLEANUP(free_ptr) struct ranked *all = xcalloc(count, sizeof(*all));
    for (size_t i = 0; i < count; i++)
        all[i] = rank(pods[i], seen);
    qsort(all, count, sizeof(*all), compare);
    for (size_t i = 0; i < count; i++)
        pods[i] = all[i].pod;
}
