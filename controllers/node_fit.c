#include "controllers/node_fit.h"

#include <string.h>

#include "base/parse.h"
#include "schema/meta.h"

bool node_fit_matches(const json_t *toleration, const json_t *taint)
{
    const char *key = json_text(toleration, "key"), *effect = json_text(toleration, "effect");
    const char *kind = json_text(toleration, "operator"), *value = json_text(toleration, "value");
    const char *theirs = json_text(taint, "value");
    if (effect && effect[0] && !text_eq(effect, json_text(taint, "effect")))
        return false;
    if (key && key[0] && !text_eq(key, json_text(taint, "key")))
        return false;
    if (text_eq(kind, "Exists"))
        return true;
    if (kind && kind[0] && strcmp(kind, "Equal") != 0)
        return false;
    return key && key[0] && strcmp(value ? value : "", theirs ? theirs : "") == 0;
}

bool node_fit_tolerates(const json_t *tolerations, const json_t *taint)
{
    for (size_t i = 0; i < json_array_size(tolerations); i++)
        if (node_fit_matches(json_array_get(tolerations, i), taint))
            return true;
    return false;
}

static bool compare_numbers(const json_t *values, const char *have, bool greater)
{
    const char *want = json_string_value(json_array_get(values, 0));
    int64_t left, right;
    if (!want || !have || !parse_i64(str_of(have), INT64_MIN, INT64_MAX, &left) ||
        !parse_i64(str_of(want), INT64_MIN, INT64_MAX, &right))
        return false;
    return greater ? left > right : left < right;
}

static bool in(const json_t *values, const char *have)
{
    return have && json_array_has_text(values, have);
}

static bool not_in(const json_t *values, const char *have)
{
    return !in(values, have);
}

static bool exists(const json_t *values, const char *have)
{
    (void)values;
    return have;
}

static bool does_not_exist(const json_t *values, const char *have)
{
    (void)values;
    return !have;
}

static bool greater(const json_t *values, const char *have)
{
    return compare_numbers(values, have, true);
}

static bool less(const json_t *values, const char *have)
{
    return compare_numbers(values, have, false);
}

static const struct {
    const char *name;
    bool (*holds)(const json_t *values, const char *have);
} operators[] = {
    {"In", in},      {"NotIn", not_in}, {"Exists", exists}, {"DoesNotExist", does_not_exist},
    {"Gt", greater}, {"Lt", less},
};

/* One requirement against a value; NULL: the node has none. */
static bool requirement_holds(const json_t *requirement, const char *have)
{
    const char *name = json_text(requirement, "operator");
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
        if (text_eq(name, operators[i].name))
            return operators[i].holds(json_object_get(requirement, "values"), have);
    return false;
}

bool node_fit_term(const json_t *term, const json_t *node)
{
    const json_t *labels = json_object_get(term, "matchExpressions"),
                 *fields = json_object_get(term, "matchFields");
    if (!json_array_size(labels) && !json_array_size(fields))
        return false;
    for (size_t i = 0; i < json_array_size(labels); i++) {
        const json_t *requirement = json_array_get(labels, i);
        const char *key = json_text(requirement, "key");
        if (!key || !requirement_holds(requirement, meta_label(node, key)))
            return false;
    }
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *requirement = json_array_get(fields, i);
        if (!text_eq(json_text(requirement, "key"), "metadata.name") ||
            !requirement_holds(requirement, meta_name(node)))
            return false;
    }
    return true;
}

bool node_fit_selector(const json_t *selector, const json_t *node)
{
    const json_t *terms = json_object_get(selector, "nodeSelectorTerms");
    for (size_t i = 0; i < json_array_size(terms); i++)
        if (node_fit_term(json_array_get(terms, i), node))
            return true;
    return false;
}

static bool fits_topology(const json_t *term, const json_t *node)
{
    const json_t *expressions = json_object_get(term, "matchLabelExpressions");
    for (size_t i = 0; i < json_array_size(expressions); i++) {
        const json_t *expression = json_array_get(expressions, i);
        const char *key = json_text(expression, "key");
        if (!key || !in(json_object_get(expression, "values"), meta_label(node, key)))
            return false;
    }
    return true;
}

bool node_fit_topologies(const json_t *terms, const json_t *node)
{
    for (size_t i = 0; i < json_array_size(terms); i++)
        if (fits_topology(json_array_get(terms, i), node))
            return true;
    return false;
}

bool node_fit_required(const json_t *pod_spec, const json_t *node)
{
    const char *key;
    json_t *value;
    json_object_foreach (json_at(pod_spec, "nodeSelector"), key, value) {
        if (!text_eq(meta_label(node, key), json_string_value(value)))
            return false;
    }
    const json_t *required = json_at(pod_spec, "affinity", "nodeAffinity",
                                     "requiredDuringSchedulingIgnoredDuringExecution");
    return !required || node_fit_selector(required, node);
}
