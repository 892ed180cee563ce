/* Roles and bindings. */
#include "schema/kinds/workload.h"
#include "schema/meta.h"

#define RBAC_GROUP "rbac.authorization.k8s.io"

static void check_rule(struct error *err, const struct path *at, const json_t *rule,
                       bool namespaced)
{
    bool urls = rule_filled(rule, "nonResourceURLs");
    if (!rule_filled(rule, "verbs"))
        rule_required(err, PATH(at, "verbs"), "verbs must contain at least one value");
    if (urls && namespaced)
        rule_invalid(err, PATH(at, "nonResourceURLs"), json_object_get(rule, "nonResourceURLs"),
                     "namespaced rules cannot apply to non-resource URLs");
    if (urls && (rule_filled(rule, "apiGroups") || rule_filled(rule, "resources") ||
                 rule_filled(rule, "resourceNames")))
        rule_invalid(err, PATH(at, "nonResourceURLs"), json_object_get(rule, "nonResourceURLs"),
                     "rules cannot apply to both regular resources and non-resource URLs");
    if (urls)
        return;
    if (!rule_filled(rule, "apiGroups"))
        rule_required(err, PATH(at, "apiGroups"),
                      "resource rules must supply at least one api group");
    if (!rule_filled(rule, "resources"))
        rule_required(err, PATH(at, "resources"),
                      "resource rules must supply at least one resource");
}

static void check_rules(const json_t *object, bool namespaced, struct error *err)
{
    const json_t *rule;
    LIST_EACH (member_array(object, "rules"), i, rule)
        check_rule(err, PATH_AT(PATH(NULL, "rules"), i), rule, namespaced);
}

static void role_validate(const json_t *object, struct error *err)
{
    check_rules(object, true, err);
}

static void role_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                 struct error *err)
{
    (void)old;
    (void)subresource;
    role_validate(object, err);
}

static void cluster_role_validate(const json_t *object, struct error *err)
{
    const json_t *aggregation = member_object(object, "aggregationRule"), *selector;
    const json_t *selectors = member_array(aggregation, "clusterRoleSelectors");
    const struct path *path = PATH(PATH(NULL, "aggregationRule"), "clusterRoleSelectors");
    check_rules(object, false, err);
    if (aggregation && json_array_size(selectors) == 0)
        rule_required(err, path,
                      "at least one clusterRoleSelector required if aggregationRule is non-nil");
    LIST_EACH (selectors, i, selector) {
        check_label_selector(err, PATH_AT(path, i), selector);
        if (!selector_is_readable(selector))
            rule_invalid_text(err, PATH_AT(path, i), "null", "invalid label selector.");
    }
}

static void cluster_role_validate_update(const json_t *object, const json_t *old,
                                         const char *subresource, struct error *err)
{
    (void)old;
    (void)subresource;
    cluster_role_validate(object, err);
}

static void binding_defaults(json_t *object)
{
    json_t *subject;
    default_text(member_object(object, "roleRef"), "apiGroup", RBAC_GROUP);
    LIST_EACH (member_array(object, "subjects"), i, subject) {
        if (strcmp(rule_text(subject, "kind"), "User") == 0 ||
            strcmp(rule_text(subject, "kind"), "Group") == 0)
            default_text(subject, "apiGroup", RBAC_GROUP);
    }
}

/* What a subject of a kind must look like. */
static void check_subject(struct error *err, const struct path *at, const json_t *subject,
                          bool namespaced)
{
    static const char *const kinds[] = {"ServiceAccount", "User", "Group", NULL};
    const char *kind = rule_text(subject, "kind"), *group = rule_text(subject, "apiGroup");
    bool account = strcmp(kind, "ServiceAccount") == 0;
    check_required(err, at, subject, "name", NULL);
    if (!rule_one_of(kind, kinds)) {
        check_enum_given(err, at, subject, "kind", kinds);
        return;
    }
    if (account)
        check_name(err, at, subject, "name", name_check_dns_subdomain);
    if (strcmp(group, account ? "" : RBAC_GROUP) != 0)
        check_enum_given(err, at, subject, "apiGroup",
                         (const char *const[]){account ? "" : RBAC_GROUP, NULL});
    if (account && !namespaced)
        check_required(err, at, subject, "namespace", NULL);
}

static void check_binding(const json_t *object, bool namespaced, struct error *err)
{
    const json_t *ref = json_object_get(object, "roleRef"), *subject;
    const struct path *at = PATH(NULL, "roleRef");
    check_enum_given(err, at, ref, "apiGroup", (const char *const[]){RBAC_GROUP, NULL});
    check_enum_given(err, at, ref, "kind",
                     (const char *const[]){namespaced ? "Role" : "ClusterRole",
                                           namespaced ? "ClusterRole" : NULL, NULL});
    check_name_required(err, at, ref, "name", name_check_path_segment);
    LIST_EACH (member_array(object, "subjects"), i, subject)
        check_subject(err, PATH_AT(PATH(NULL, "subjects"), i), subject, namespaced);
}

static void check_binding_update(const json_t *object, const json_t *old, struct error *err)
{
    const json_t *ref = json_object_get(object, "roleRef");
    if (!rule_equal(ref, json_object_get(old, "roleRef"))) {
        CLEANUP(free_ptr)
        char *shown =
            xasprintf("rbac.RoleRef{APIGroup:\"%s\", Kind:\"%s\", Name:\"%s\"}",
                      rule_text(ref, "apiGroup"), rule_text(ref, "kind"), rule_text(ref, "name"));
        rule_invalid_raw(err, PATH(NULL, "roleRef"), shown, "cannot change roleRef");
    }
}

static void role_binding_validate(const json_t *object, struct error *err)
{
    check_binding(object, true, err);
}

static void role_binding_update(const json_t *object, const json_t *old, const char *subresource,
                                struct error *err)
{
    (void)subresource;
    check_binding(object, true, err);
    check_binding_update(object, old, err);
}

static void cluster_role_binding_validate(const json_t *object, struct error *err)
{
    check_binding(object, false, err);
}

static void cluster_role_binding_update(const json_t *object, const json_t *old,
                                        const char *subresource, struct error *err)
{
    (void)subresource;
    check_binding(object, false, err);
    check_binding_update(object, old, err);
}

const struct kind_rules kind_roles = {
    .resource = "roles.rbac.authorization.k8s.io",
    .validate = role_validate,
    .validate_update = role_validate_update,
    .name_format = "path-segment",
};

const struct kind_rules kind_cluster_roles = {
    .resource = "clusterroles.rbac.authorization.k8s.io",
    .validate = cluster_role_validate,
    .validate_update = cluster_role_validate_update,
    .name_format = "path-segment",
};

const struct kind_rules kind_role_bindings = {
    .resource = "rolebindings.rbac.authorization.k8s.io",
    .set_defaults = binding_defaults,
    .validate = role_binding_validate,
    .validate_update = role_binding_update,
    .name_format = "path-segment",
};

const struct kind_rules kind_cluster_role_bindings = {
    .resource = "clusterrolebindings.rbac.authorization.k8s.io",
    .set_defaults = binding_defaults,
    .validate = cluster_role_binding_validate,
    .validate_update = cluster_role_binding_update,
    .name_format = "path-segment",
};
