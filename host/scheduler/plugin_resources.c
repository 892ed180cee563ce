/* host/scheduler/plugin_resources.c: NodeResourcesFit (LeastAllocated) and
 * NodeResourcesBalancedAllocation. */
#include <string.h>

#include "base/mem.h"
#include "host/scheduler/framework.h"

static const char *const scored_names[] = {"cpu", "memory"};

static void filter_fit(const struct cycle *cycle, void *state, const struct node_info *node,
                       struct filter_status *status)
{
    const struct amounts *requests = &cycle->pod->requests;
    (void)state;
    if ((int64_t)node->pod_count + 1 > sched_amounts_get(&node->allocatable, "pods"))
        filter_refuse(status, FILTER_NO, "Too many pods");
    for (size_t i = 0; i < requests->count; i++) {
        const char *name = requests->items[i].name;
        int64_t want = requests->items[i].value, all = sched_amounts_get(&node->allocatable, name);
        if (want <= 0 || want <= all - sched_amounts_get(&node->requested, name))
            continue;
        filter_refuse(status, want > all ? FILTER_UNRESOLVED : FILTER_NO, "Insufficient %s", name);
    }
}

/* The free share after the Pod came, averaged over cpu and memory. */
static int64_t score_least(const struct cycle *cycle, void *state, const struct node_info *node)
{
    int64_t sum = 0, weights = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scored_names); i++) {
        int64_t all = sched_amounts_get(&node->allocatable, scored_names[i]);
        int64_t used = sched_amounts_get(&node->scored, scored_names[i]) +
                       sched_amounts_get(&cycle->pod->scored, scored_names[i]);
        if (!all)
            continue;
        sum += used < all ? (int64_t)((__int128)(all - used) * SCORE_MAX / all) : 0;
        weights++;
    }
    return weights ? sum / weights : 0;
}

const struct plugin plugin_resources_fit = {
    .name = "NodeResourcesFit",
    .weight = 1,
    .filter = filter_fit,
    .score = score_least,
};

/* Of two resources the standard deviation is half their distance. In parts of 10,000. */
static int64_t score_balanced(const struct cycle *cycle, void *state, const struct node_info *node)
{
    int64_t parts[ARRAY_LEN(scored_names)], count = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scored_names); i++) {
        int64_t all = sched_amounts_get(&node->allocatable, scored_names[i]);
        int64_t used = sched_amounts_get(&node->requested, scored_names[i]) +
                       sched_amounts_get(&cycle->pod->requests, scored_names[i]);
        if (!all)
            continue;
        parts[count++] = used < all ? (int64_t)((__int128)used * 10000 / all) : 10000;
    }
    if (count < 2)
        return SCORE_MAX;
    int64_t distance = parts[0] > parts[1] ? parts[0] - parts[1] : parts[1] - parts[0];
    return (10000 - distance / 2) * SCORE_MAX / 10000;
}

const struct plugin plugin_resources_balanced = {
    .name = "NodeResourcesBalancedAllocation",
    .weight = 1,
    .score = score_balanced,
};
