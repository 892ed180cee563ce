/* host/scheduler/plugin_affinity.c: NodeAffinity: nodeSelector, required and preferred node
 * affinity. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"
#include "host/scheduler/framework.h"
#include "schema/meta.h"

static bool compare_numbers(const json_t *values, const char *have, bool greater)
{
    const char *want = json_string_value(json_array_get(values, 0));
    int64_t left, right;
    if (!want || !have || !parse_i64(str_of(have), INT64_MIN, INT64_MAX, &left) ||
        !parse_i64(str_of(want), INT64_MIN, INT64_MAX, &right))
        return false;
    return greater ? left > right : left < right;
}

static bool in_values(const json_t *values, const char *have)
{
    return have && json_array_has_text(values, have);
}

/* One requirement against a value; NULL: the node has none. */
static bool requirement_matches(const json_t *requirement, const char *have)
{
    const json_t *values = json_object_get(requirement, "values");
    const char *operator_name = json_text(requirement, "operator");
    if (!operator_name)
        return false;
    if (strcmp(operator_name, "In") == 0)
        return in_values(values, have);
    if (strcmp(operator_name, "NotIn") == 0)
        return !in_values(values, have);
    if (strcmp(operator_name, "Exists") == 0)
        return have;
    if (strcmp(operator_name, "DoesNotExist") == 0)
        return !have;
    if (strcmp(operator_name, "Gt") == 0 || strcmp(operator_name, "Lt") == 0)
        return compare_numbers(values, have, operator_name[0] == 'G');
    return false;
}

bool node_selector_term_matches(const json_t *term, const struct node_info *node)
{
    const json_t *labels = json_object_get(term, "matchExpressions"),
                 *fields = json_object_get(term, "matchFields");
    if (!json_array_size(labels) && !json_array_size(fields))
        return false; /* an empty term selects nothing */
    for (size_t i = 0; i < json_array_size(labels); i++) {
        const json_t *requirement = json_array_get(labels, i);
        const char *key = json_text(requirement, "key");
        if (!key || !requirement_matches(requirement, meta_label(node->node, key)))
            return false;
    }
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *requirement = json_array_get(fields, i);
        if (!text_eq(json_text(requirement, "key"), "metadata.name") ||
            !requirement_matches(requirement, node->name))
            return false;
    }
    return true;
}

bool node_selector_matches(const json_t *selector, const struct node_info *node)
{
    const json_t *terms = json_object_get(selector, "nodeSelectorTerms");
    for (size_t i = 0; i < json_array_size(terms); i++)
        if (node_selector_term_matches(json_array_get(terms, i), node))
            return true;
    return false;
}

bool node_affinity_required(const struct pod_info *pod, const struct node_info *node)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_at(pod->pod, "spec", "nodeSelector"), key, value)
    {
        if (!text_eq(meta_label(node->node, key), json_string_value(value)))
            return false;
    }
    const json_t *required = json_at(pod->pod, "spec", "affinity", "nodeAffinity",
                                     "requiredDuringSchedulingIgnoredDuringExecution");
    return !required || node_selector_matches(required, node);
}

static void filter_affinity(const struct cycle *cycle, void *state, const struct node_info *node,
                            struct filter_status *status)
{
    (void)state;
    if (!node_affinity_required(cycle->pod, node))
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
        if (node_selector_term_matches(json_object_get(item, "preference"), node))
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
