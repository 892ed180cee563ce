/* host/scheduler/plugin_taints.c: TaintToleration. */
#include "base/json.h"
#include "host/scheduler/framework.h"

static void filter_taints(const struct cycle *cycle, void *state, const struct node_info *node,
                          struct filter_status *status)
{
    const json_t *taints = json_at(node->node, "spec", "taints");
    (void)state;
    for (size_t i = 0; i < json_array_size(taints); i++) {
        const json_t *taint = json_array_get(taints, i);
        const char *effect = json_text(taint, "effect"), *value = json_text(taint, "value");
        if (text_eq(effect, "PreferNoSchedule") || pod_info_tolerates(cycle->pod, taint))
            continue;
        filter_refuse(status, FILTER_UNRESOLVED, "node(s) had untolerated taint {%s: %s}",
                      json_text(taint, "key"), value ? value : "");
        return;
    }
}

static int64_t score_taints(const struct cycle *cycle, void *state, const struct node_info *node)
{
    const json_t *taints = json_at(node->node, "spec", "taints");
    int64_t count = 0;
    (void)state;
    for (size_t i = 0; i < json_array_size(taints); i++) {
        const json_t *taint = json_array_get(taints, i);
        count += text_eq(json_text(taint, "effect"), "PreferNoSchedule") &&
                 !pod_info_tolerates(cycle->pod, taint);
    }
    return count;
}

static void normalize_taints(const struct cycle *cycle, void *state, int64_t *scores, size_t count)
{
    (void)cycle;
    (void)state;
    normalize_default(scores, count, true);
}

const struct plugin plugin_taint_toleration = {
    .name = "TaintToleration",
    .weight = 3,
    .filter = filter_taints,
    .score = score_taints,
    .normalize = normalize_taints,
};
