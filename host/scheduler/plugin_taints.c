/* host/scheduler/plugin_taints.c: TaintToleration. */
#include <string.h>

#include "base/json.h"
#include "host/scheduler/framework.h"

static bool tolerates(const json_t *toleration, const json_t *taint)
{
    const char *key = json_text(toleration, "key"), *effect = json_text(toleration, "effect");
    const char *op = json_text(toleration, "operator"), *value = json_text(toleration, "value");
    const char *taint_value = json_text(taint, "value");
    if (effect && effect[0] && !text_eq(effect, json_text(taint, "effect")))
        return false;
    if (key && key[0] && !text_eq(key, json_text(taint, "key")))
        return false;
    if (text_eq(op, "Exists"))
        return true;
    if (op && op[0] && strcmp(op, "Equal") != 0)
        return false;
    return key && key[0] && strcmp(value ? value : "", taint_value ? taint_value : "") == 0;
}

bool toleration_tolerates(const json_t *tolerations, const json_t *taint)
{
    for (size_t i = 0; i < json_array_size(tolerations); i++)
        if (tolerates(json_array_get(tolerations, i), taint))
            return true;
    return false;
}

static void filter_taints(const struct cycle *cycle, void *state, const struct node_info *node,
                          struct filter_status *status)
{
    const json_t *taints = json_at(node->node, "spec", "taints");
    const json_t *tolerations = json_at(cycle->pod->pod, "spec", "tolerations");
    (void)state;
    for (size_t i = 0; i < json_array_size(taints); i++) {
        const json_t *taint = json_array_get(taints, i);
        const char *effect = json_text(taint, "effect"), *value = json_text(taint, "value");
        if (text_eq(effect, "PreferNoSchedule") || toleration_tolerates(tolerations, taint))
            continue;
        filter_refuse(status, FILTER_UNRESOLVED, "node(s) had untolerated taint {%s: %s}",
                      json_text(taint, "key"), value ? value : "");
        return;
    }
}

static int64_t score_taints(const struct cycle *cycle, void *state, const struct node_info *node)
{
    const json_t *taints = json_at(node->node, "spec", "taints");
    const json_t *tolerations = json_at(cycle->pod->pod, "spec", "tolerations");
    int64_t count = 0;
    (void)state;
    for (size_t i = 0; i < json_array_size(taints); i++) {
        const json_t *taint = json_array_get(taints, i);
        count += text_eq(json_text(taint, "effect"), "PreferNoSchedule") &&
                 !toleration_tolerates(tolerations, taint);
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
