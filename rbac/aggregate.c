/* Aggregated ClusterRoles: a role whose rules are those of the roles that its selectors pick. */
#include <string.h>

#include "base/json.h"
#include "rbac/rbac.h"
#include "schema/selector.h"

static const char *name_of(const json_t *role)
{
    return json_text(role, "metadata", "name") ?: "";
}

static int by_name(const void *a, const void *b)
{
    return strcmp(name_of(*(const json_t *const *)a), name_of(*(const json_t *const *)b));
}

static bool is_picked(const json_t *selectors, const json_t *role)
{
    size_t i;
    const json_t *item;
    json_array_foreach (selectors, i, item) {
        CLEANUP(error_clear) struct error ignored = {0};
        struct selector *selector = selector_from_json(item, &ignored);
        bool matches =
            selector && selector_matches_json(selector, json_at(role, "metadata", "labels"));
        selector_free(selector);
        if (matches)
            return true;
    }
    return false;
}

static void add_once(json_t *rules, json_t *rule)
{
    size_t i;
    const json_t *present;
    json_array_foreach (rules, i, present)
        if (json_equal(present, rule))
            return;
    json_array_append(rules, rule);
}

json_t *rbac_aggregate(const json_t *role, const json_t *const *roles, size_t role_count)
{
    const json_t *selectors = json_at(role, "aggregationRule", "clusterRoleSelectors");
    if (!json_at(role, "aggregationRule"))
        return NULL;
    CLEANUP(free_ptr) const json_t **sorted = xcalloc(role_count + 1, sizeof(*sorted));
    json_t *rules = json_array(), *rule;
    for (size_t i = 0; i < role_count; i++)
        sorted[i] = roles[i];
    qsort(sorted, role_count, sizeof(*sorted), by_name);
    for (size_t i = 0; i < role_count; i++) {
        size_t at;
        if (strcmp(name_of(sorted[i]), name_of(role)) == 0 || !is_picked(selectors, sorted[i]))
            continue; /* a role that picks itself would hold on to rules for ever */
        json_array_foreach (json_at(sorted[i], "rules"), at, rule)
            add_once(rules, rule);
    }
    return rules;
}
