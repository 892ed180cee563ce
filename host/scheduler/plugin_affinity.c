/* host/scheduler/plugin_affinity.c: NodeAffinity: nodeSelector, required and preferred node
 * affinity. */
#include "base/json.h"
#include "controllers/node_fit.h"
#include "host/scheduler/framework.h"

static void filter_affinity(const struct cycle *cycle, void *state, const struct node_info *node,
                            struct filter_status *status)
{
    (void)state;
    if (!node_fit_required(json_object_get(cycle->pod->pod, "spec"), node->node))
        filter_refuse(status, FILTER_UNRESOLVED,
                      "node(s) didn't match Pod's node affinity/selector");
}

static int64_t score_affinity(const struct cycle *cycle, void *state, const struct node_info *node)
{
    const json_t *preferred = json_at(cycle->pod->pod, "spec", "affinity", "nodeAffinity",
                                      "preferredDuringSchedulingIgnoredDuringExecution");
    int64_t sum = 0;
    (void)state;
    for (size_t i = 0; i < json_array_size(preferred); i++) {
        const json_t *item = json_array_get(preferred, i);
        if (node_fit_term(json_object_get(item, "preference"), node->node))
            sum += json_int_or(json_object_get(item, "weight"), 0);
    }
    return sum;
}

static void normalize_affinity(const struct cycle *cycle, void *state, int64_t *scores,
                               size_t count)
{
    (void)cycle;
    (void)state;
    normalize_default(scores, count, false);
}

const struct plugin plugin_node_affinity = {
    .name = "NodeAffinity",
    .weight = 2,
    .filter = filter_affinity,
    .score = score_affinity,
    .normalize = normalize_affinity,
};
