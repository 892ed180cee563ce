/* Decisions: masters, then nodes, then roles; and the words for them. */
#include <string.h>

#include "rbac/compiled.h"
#include "rbac/node.h"
#include "store/cache.h"

/* "pods/log" */
static char *full_resource(const struct rbac_attributes *attributes)
{
    return *attributes->subresource
               ? xasprintf("%s/%s", attributes->resource, attributes->subresource)
               : xstrdup(attributes->resource);
}

struct decide {
    const struct rbac_attributes *attributes;
    const struct grant *by; /* the grant that allows it */
};

static bool decide_grant(void *arg, const struct grant *grant)
{
    struct decide *decide = arg;
    if (!rule_list_allows(&grant->role->rules, decide->attributes))
        return true;
    decide->by = grant;
    return false;
}

static char *reason_of(const struct grant *grant)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    CLEANUP(free_ptr)
    char *name =
        *grant->ns ? xasprintf("%s/%s", grant->binding, grant->ns) : xstrdup(grant->binding);
    buf_printf(&text, "RBAC: allowed by %s ", *grant->ns ? "RoleBinding" : "ClusterRoleBinding");
    rule_quote(&text, name);
    buf_printf(&text, " of %s ", grant->role_kind);
    rule_quote(&text, grant->role->name);
    buf_printf(&text, " to %s ", grant->subject_kind);
    rule_quote(&text, grant->subject);
    return buf_take(&text);
}

enum rbac_decision rbac_authorize(struct cluster *cluster, const struct rbac_attributes *attributes,
                                  char **reason)
{
    if (user_in(attributes->user, "system:masters")) {
        if (reason)
            *reason = NULL;
        return RBAC_ALLOW;
    }
    CLEANUP(rbac_part_unref_ptr) struct rbac_part *part = rbac_part_get(cluster);
    enum rbac_decision node = node_authorize(cluster, part, attributes);
    if (node == RBAC_ALLOW && reason)
        *reason = NULL;
    if (node != RBAC_NO_OPINION)
        return node;
    CLEANUP(compiled_unref_ptr) struct compiled *compiled = compiled_get(cluster, part);
    if (!compiled)
        return RBAC_COLD;
    struct decide decide = {.attributes = attributes};
    compiled_visit(compiled, attributes->user, attributes->path ? "" : attributes->ns, decide_grant,
                   &decide);
    if (!decide.by)
        return RBAC_NO_OPINION;
    if (reason)
        *reason = reason_of(decide.by);
    return RBAC_ALLOW;
}

bool rbac_warm(struct cluster *cluster, struct error *err)
{
    static const char *const resources[] = {RBAC_CLUSTER_ROLES, RBAC_ROLES,
                                            RBAC_CLUSTER_ROLE_BINDINGS, RBAC_ROLE_BINDINGS};
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        if (!cache_warm(cluster, resources[i], err))
            return false;
    CLEANUP(rbac_part_unref_ptr) struct rbac_part *part = rbac_part_get(cluster);
    return !atomic_load(&part->wants_pods) ||
           (cache_warm(cluster, "pods", err) && cache_warm(cluster, "persistentvolumes", err));
}

bool rbac_forbid(struct error *err, const struct rbac_attributes *attributes)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    buf_add_text(&text, "User ");
    rule_quote(&text, attributes->user->name);
    buf_printf(&text, " cannot %s ", attributes->verb);
    if (attributes->path) {
        buf_add_text(&text, "path ");
        rule_quote(&text, attributes->path);
        return error_set(err, ERROR_FORBIDDEN, "forbidden: %s", text.data);
    }
    CLEANUP(free_ptr) char *resource = full_resource(attributes);
    buf_add_text(&text, "resource ");
    rule_quote(&text, resource);
    buf_add_text(&text, " in API group ");
    rule_quote(&text, attributes->group);
    buf_add_text(&text, *attributes->ns ? " in the namespace " : " at the cluster scope");
    if (*attributes->ns)
        rule_quote(&text, attributes->ns);
    CLEANUP(free_ptr)
    char *qualified = *attributes->group
                          ? xasprintf("%s.%s", attributes->resource, attributes->group)
                          : xstrdup(attributes->resource);
    return error_forbidden(err, qualified, attributes->name, "%s", text.data);
}

/* ---- SelfSubjectRulesReview ---- */

static bool add_rules(void *arg, const struct grant *grant)
{
    json_t *status = arg;
    for (size_t i = 0; i < grant->role->rules.count; i++) {
        const struct rule *rule = &grant->role->rules.items[i];
        json_array_append_new(json_at(status, *rule->urls ? "nonResourceRules" : "resourceRules"),
                              rule_json(rule));
    }
    return true;
}

json_t *rbac_rules(struct cluster *cluster, const struct user *user, const char *ns)
{
    CLEANUP(rbac_part_unref_ptr) struct rbac_part *part = rbac_part_get(cluster);
    CLEANUP(compiled_unref_ptr) struct compiled *compiled = compiled_get(cluster, part);
    if (!compiled)
        return NULL;
    bool is_node = rbac_node_name(user) != NULL;
    json_t *status =
        json_pack("{s:[], s:[], s:b}", "resourceRules", "nonResourceRules", "incomplete", is_node);
    if (is_node)
        json_set_text(status, "evaluationError",
                      "node authorizer does not support user rule resolution");
    compiled_visit(compiled, user, ns, add_rules, status);
    return status;
}
