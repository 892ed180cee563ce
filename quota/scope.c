/* A quota's scopes: which Pods it speaks of. */
#include <string.h>

#include "quota/usage.h"

static bool is_terminating(const json_t *pod)
{
    return json_int_or(json_at(pod, "spec", "activeDeadlineSeconds"), -1) >= 0;
}

static bool states_compute(const json_t *container)
{
    static const char *const which[] = {"requests", "limits"}, *const names[] = {"cpu", "memory"};
    for (size_t i = 0; i < ARRAY_LEN(which); i++)
        for (size_t k = 0; k < ARRAY_LEN(names); k++) {
            int64_t milli;
            if (amount_parse(json_at(container, "resources", which[i], names[k]), &milli) &&
                milli > 0)
                return true;
        }
    return false;
}

static bool is_best_effort(const json_t *pod)
{
    static const char *const lists[] = {"containers", "initContainers"};
    for (size_t list = 0; list < ARRAY_LEN(lists); list++) {
        size_t i;
        const json_t *container;
        json_array_foreach (json_at(pod, "spec", lists[list]), i, container)
            if (states_compute(container))
                return false;
    }
    return true;
}

static bool crosses_namespaces(const json_t *term)
{
    return json_array_size(json_at(term, "namespaces")) > 0 || json_at(term, "namespaceSelector");
}

static bool has_cross_affinity(const json_t *pod)
{
    static const char *const kinds[] = {"podAffinity", "podAntiAffinity"};
    for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
        const json_t *affinity = json_at(pod, "spec", "affinity", kinds[kind]), *term;
        size_t i;
        json_array_foreach (json_at(affinity, "requiredDuringSchedulingIgnoredDuringExecution"), i,
                            term)
            if (crosses_namespaces(term))
                return true;
        json_array_foreach (json_at(affinity, "preferredDuringSchedulingIgnoredDuringExecution"), i,
                            term)
            if (crosses_namespaces(json_at(term, "podAffinityTerm")))
                return true;
    }
    return false;
}

static bool priority_matches(const json_t *pod, const char *operator, const json_t * values)
{
    const char *class = json_text(pod, "spec", "priorityClassName");
    bool has = class && *class;
    if (strcmp(operator, "Exists") == 0)
        return has;
    if (strcmp(operator, "DoesNotExist") == 0)
        return !has;
    bool listed = has && json_array_has_text(values, class);
    return strcmp(operator, "In") == 0 ? listed : strcmp(operator, "NotIn") == 0 && !listed;
}

static bool scope_matches(const char *scope, const char *operator, const json_t * values,
                          const json_t *pod)
{
    static const struct {
        const char *scope;
        bool (*holds)(const json_t *pod);
        bool wanted;
    } rows[] = {
        {"Terminating", is_terminating, true},
        {"NotTerminating", is_terminating, false},
        {"BestEffort", is_best_effort, true},
        {"NotBestEffort", is_best_effort, false},
        {"CrossNamespacePodAffinity", has_cross_affinity, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].scope, scope) == 0)
            return rows[i].holds(pod) == rows[i].wanted;
    return strcmp(scope, "PriorityClass") == 0 && priority_matches(pod, operator, values);
}

bool usage_in_scope(const json_t *quota, const char *resource, const json_t *object)
{
    const json_t *scopes = json_at(quota, "spec", "scopes"), *item;
    const json_t *selectors = json_at(quota, "spec", "scopeSelector", "matchExpressions");
    size_t i;
    if (strcmp(resource, "pods") != 0)
        return json_array_size(scopes) == 0 && json_array_size(selectors) == 0;
    json_array_foreach (scopes, i, item)
        if (!scope_matches(json_string_value(item) ?: "", "Exists", NULL, object))
            return false;
    json_array_foreach (selectors, i, item)
        if (!scope_matches(json_text(item, "scopeName") ?: "", json_text(item, "operator") ?: "",
                           json_at(item, "values"), object))
            return false;
    return true;
}
