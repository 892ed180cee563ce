#include "controllers/clusterrole.h"

#include <string.h>

#include "controllers/controller.h"
#include "controllers/observe.h"
#include "schema/meta.h"

#define CLUSTERROLES "clusterroles.rbac.authorization.k8s.io"

static bool has_rule(const json_t *rules, const json_t *rule)
{
    for (size_t i = 0; i < json_array_size(rules); i++)
        if (semantic_equal(json_array_get(rules, i), rule))
            return true;
    return false;
}

static void add_selected(const struct clusterrole_seen *seen, const struct selector *selector,
                         json_t *rules)
{
    for (size_t i = 0; i < seen->other_count; i++) {
        const json_t *other = seen->others[i], *own = json_object_get(other, "rules");
        if (strcmp(meta_name(other), meta_name(seen->role)) == 0 ||
            !selector_matches_json(selector, json_at(other, "metadata", "labels")))
            continue;
        for (size_t j = 0; j < json_array_size(own); j++)
            if (!has_rule(rules, json_array_get(own, j)))
                json_array_append(rules, json_array_get(own, j));
    }
}

void clusterrole_decide(const struct clusterrole_seen *seen, struct plan *plan)
{
    const json_t *selectors = json_at(seen->role, "aggregationRule", "clusterRoleSelectors");
    json_auto_t *rules = json_array();
    if (!json_object_get(seen->role, "aggregationRule"))
        return;
    for (size_t i = 0; i < json_array_size(selectors); i++) {
        CLEANUP(error_clear) struct error err = {0};
        struct selector *selector = selector_from_json(json_array_get(selectors, i), &err);
        if (selector)
            add_selected(seen, selector, rules);
        selector_free(selector);
    }
    if (semantic_equal(rules, json_object_get(seen->role, "rules")))
        return;
    json_t *role =
        json_copy((json_t *)(uintptr_t)seen->role); /* shallow: the other members are only read */
    json_object_set(role, "rules", rules);
    plan_update(plan, CLUSTERROLES, "", role)->flags |= PLAN_ABSENT_OK;
}

static enum reconcile_result reconcile_clusterrole(void *arg, struct reconcile *reconcile,
                                                   int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *role = NULL;
    CLEANUP(json_list_free) struct json_list others = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, CLUSTERROLES, "", reconcile->key, &role, err))
        return RECONCILE_RETRY;
    if (!role || !json_object_get(role, "aggregationRule"))
        return RECONCILE_DONE;
    if (!observe_list(reconcile->cluster, &(struct observe_query){.resource = CLUSTERROLES},
                      &others, err))
        return RECONCILE_RETRY;
    clusterrole_decide(&(struct clusterrole_seen){role, others.items, others.count}, &plan);
    return plan_apply(&reconcile->caller, &plan, NULL, err) ? RECONCILE_DONE : RECONCILE_RETRY;
}

static bool aggregates(const struct object *role)
{
    static const char mark[] = "\"aggregationRule\":{";
    return memmem(role->body.data, role->body.len, mark, sizeof(mark) - 1);
}

/* Only a role with labels can be part of another. */
static void map_role(struct cluster *cluster, const struct object *role,
                     const struct object *before, void (*add)(void *arg, const char *key),
                     void *arg)
{
    CLEANUP(object_list_free) struct object_list roles = {0};
    if (aggregates(role))
        add(arg, role->name);
    if (!role->label_count && !(before && before->label_count))
        return;
    if (cache_list_peek(cluster, CLUSTERROLES, &(struct cache_range){0}, &roles) != CACHE_LIST_OK) {
        add(arg, "*");
        return;
    }
    for (size_t i = 0; i < roles.count; i++)
        if (aggregates(roles.items[i]))
            add(arg, roles.items[i]->name);
}

static const struct controller_source sources[] = {{CLUSTERROLES, map_role}, {NULL, NULL}};

const struct controller clusterrole_controller = {
    .name = "clusterrole-aggregation-controller",
    .sources = sources,
    .reconcile = reconcile_clusterrole,
};
