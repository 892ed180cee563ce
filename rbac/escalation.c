/* Nobody gives what they do not have: writes of roles need every right in them, writes of bindings
 * every right of the role they bind, unless the user may "escalate" or "bind". Source: upstream
 * pkg/registry/rbac. */
#include <string.h>

#include "base/json.h"
#include "base/strset.h"
#include "rbac/compiled.h"

#define RBAC_GROUP "rbac.authorization.k8s.io"
/* A rule falls apart into groups x resources x verbs x names single rights; more than this of them
 * are not told apart. */
#define RIGHTS_MAX 20000

/* ---- what the user has ---- */

struct owned {
    const struct rule **items;
    size_t count, capacity;
};

static bool add_owned(void *arg, const struct grant *grant)
{
    struct owned *owned = arg;
    for (size_t i = 0; i < grant->role->rules.count; i++) {
        if (owned->count == owned->capacity) {
            owned->capacity = owned->capacity ? owned->capacity * 2 : 64;
            owned->items = xreallocarray(owned->items, owned->capacity, sizeof(*owned->items));
        }
        owned->items[owned->count++] = &grant->role->rules.items[i];
    }
    return true;
}

static bool owned_covers(const struct owned *owned, const struct rule *wanted)
{
    for (size_t i = 0; i < owned->count; i++)
        if (rule_covers(owned->items[i], wanted))
            return true;
    return false;
}

/* ---- what is missing ---- */

/* Descriptions, sorted and each once. Rights on one resource that differ by verb alone are told
 * together: `simple` maps their group and resource to the verbs. */
struct missing {
    const struct owned *owned;
    struct strset texts;
    struct strmap simple; /* "GROUP/RESOURCE": struct verbs */
    size_t looked;
    bool too_many;
};

struct verbs {
    const char *group, *resource;
    const char **items; /* borrowed */
    size_t count, capacity;
};

static void add_text(struct missing *missing, const struct rule *rule)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    rule_describe(&text, rule);
    if (buf_ok(&text))
        strset_add(&missing->texts, text.data);
}

static void add_simple(struct missing *missing, const char *group, const char *resource,
                       const char *verb)
{
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", group, resource);
    struct verbs *verbs = strmap_get(&missing->simple, key);
    if (!verbs) {
        verbs = xcalloc(1, sizeof(*verbs));
        verbs->group = group;
        verbs->resource = resource;
        strmap_put(&missing->simple, key, verbs);
    }
    if (verbs->count + 1 >= verbs->capacity) {
        verbs->capacity = verbs->capacity ? verbs->capacity * 2 : 8;
        verbs->items = xreallocarray(verbs->items, verbs->capacity, sizeof(*verbs->items));
    }
    verbs->items[verbs->count++] = verb;
    verbs->items[verbs->count] = NULL;
}

static bool count_one(struct missing *missing)
{
    if (++missing->looked <= RIGHTS_MAX)
        return true;
    missing->too_many = true;
    return false;
}

/* One single right: verb, group, resource, name, URL, each a list of one or of none. */
static bool check_right(struct missing *missing, const char *const *one[5], bool simple)
{
    const struct rule right = {
        .verbs = one[0], .groups = one[1], .resources = one[2], .names = one[3], .urls = one[4]};
    if (!count_one(missing))
        return false;
    if (owned_covers(missing->owned, &right))
        return true;
    if (simple)
        add_simple(missing, right.groups[0], right.resources[0], right.verbs[0]);
    else
        add_text(missing, &right);
    return true;
}

static bool check_resource(struct missing *missing, const struct rule *rule, const char *group,
                           const char *resource, const char *verb)
{
    const char *verbs[] = {verb, NULL}, *groups[] = {group, NULL}, *resources[] = {resource, NULL};
    const char *none[] = {NULL};
    if (!*rule->names)
        return check_right(missing, (const char *const *[5]){verbs, groups, resources, none, none},
                           true);
    for (const char *const *name = rule->names; *name; name++) {
        const char *names[] = {*name, NULL};
        if (!check_right(missing, (const char *const *[5]){verbs, groups, resources, names, none},
                         false))
            return false;
    }
    return true;
}

static bool check_urls(struct missing *missing, const struct rule *rule, const char *verb)
{
    const char *verbs[] = {verb, NULL}, *none[] = {NULL};
    for (const char *const *url = rule->urls; *url; url++) {
        const char *urls[] = {*url, NULL};
        if (!check_right(missing, (const char *const *[5]){verbs, none, none, none, urls}, false))
            return false;
    }
    return true;
}

static void check_rule(struct missing *missing, const struct rule *rule)
{
    if (owned_covers(missing->owned, rule))
        return; /* as a whole: spares taking it apart, which is what a hostile rule makes dear */
    for (const char *const *group = rule->groups; *group; group++)
        for (const char *const *resource = rule->resources; *resource; resource++)
            for (const char *const *verb = rule->verbs; *verb; verb++)
                if (!check_resource(missing, rule, *group, *resource, *verb))
                    return;
    for (const char *const *verb = rule->verbs; *verb; verb++)
        if (!check_urls(missing, rule, *verb))
            return;
}

static void missing_seal(struct missing *missing)
{
    const char *key;
    void *value;
    for (size_t i = 0; strmap_next(&missing->simple, &i, &key, &value);) {
        struct verbs *verbs = value;
        const char *groups[] = {verbs->group, NULL}, *resources[] = {verbs->resource, NULL},
                   *none[] = {NULL};
        add_text(missing, &(struct rule){.verbs = verbs->items,
                                         .groups = groups,
                                         .resources = resources,
                                         .names = none,
                                         .urls = none});
        free(verbs->items);
        free(verbs);
    }
    strmap_clear(&missing->simple);
}

static bool refuse(struct error *err, const struct user *user, const char *resource,
                   const char *name, const struct missing *missing)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    CLEANUP(free_ptr) const char **groups = xcalloc(user->groups.count + 1, sizeof(*groups));
    for (size_t i = 0; i < user->groups.count; i++)
        groups[i] = user->groups_said[i];
    buf_add_text(&text, "user ");
    rule_quote(&text, user->name);
    buf_add_text(&text, " (groups=");
    rule_quote_list(&text, groups);
    buf_add_text(&text, ") is attempting to grant RBAC permissions not currently held:");
    for (size_t i = 0; i < missing->texts.count; i++)
        buf_printf(&text, "\n%s", missing->texts.items[i]);
    if (missing->too_many)
        buf_add_text(&text, "\n(the rules are too many to compare one by one)");
    return error_forbidden(err, resource, name, "%s", text.data);
}

/* Does `user` hold every right in `rules`, in `ns`? */
static bool confirm(const struct compiled *compiled, const struct user *user, const char *ns,
                    const struct rule_list *rules, struct missing *missing)
{
    struct owned owned = {0};
    compiled_visit(compiled, user, ns, add_owned, &owned);
    missing->owned = &owned;
    for (size_t i = 0; i < rules->count && !missing->too_many; i++)
        check_rule(missing, &rules->items[i]);
    missing_seal(missing);
    missing->owned = NULL;
    free(owned.items);
    return missing->texts.count == 0 && !missing->too_many;
}

/* ---- the verbs that lift the check ---- */

struct scope {
    struct cluster *cluster;
    const struct compiled *compiled;
    const struct user *user;
    const char *resource; /* what is written */
    const char *ns, *name;
};

static bool may(const struct scope *scope, const char *verb, const char *plural, const char *name)
{
    struct rbac_attributes attributes = {.user = scope->user,
                                         .verb = verb,
                                         .group = RBAC_GROUP,
                                         .resource = plural,
                                         .subresource = "",
                                         .ns = scope->ns,
                                         .name = name};
    return rbac_authorize(scope->cluster, &attributes, NULL) == RBAC_ALLOW;
}

static bool confirm_or_refuse(const struct scope *scope, const struct rule_list *rules,
                              struct error *err)
{
    struct missing missing = {0};
    bool held = confirm(scope->compiled, scope->user, scope->ns, rules, &missing);
    if (!held)
        refuse(err, scope->user, scope->resource, scope->name, &missing);
    strset_clear(&missing.texts);
    return held;
}

/* An aggregated role takes its rules from others that anybody may label: only who has everything
 * may make one. */
static bool check_aggregation(const struct scope *scope, struct error *err)
{
    const char *any[] = {"*", NULL}, *none[] = {NULL};
    const struct rule full[] = {
        {.verbs = any, .groups = any, .resources = any, .names = none, .urls = none},
        {.verbs = any, .groups = none, .resources = none, .names = none, .urls = any}};
    CLEANUP(error_clear) struct error why = {0};
    if (confirm_or_refuse(scope, &(struct rule_list){.items = full, .count = ARRAY_LEN(full)},
                          &why))
        return true;
    return error_forbidden(err, scope->resource, scope->name,
                           "must have cluster-admin privileges to use the aggregationRule");
}

static bool check_role(const struct scope *scope, const json_t *object, struct error *err)
{
    const char *plural = strcmp(scope->resource, RBAC_ROLES) == 0 ? "roles" : "clusterroles";
    if (may(scope, "escalate", plural, scope->name))
        return true;
    if (json_at(object, "aggregationRule") && !check_aggregation(scope, err))
        return false;
    struct arena arena = ARENA_UNBOUNDED;
    struct rule_list rules = rule_list_compile(&arena, json_at(object, "rules"));
    bool held = confirm_or_refuse(scope, &rules, err);
    arena_clear(&arena);
    return held;
}

static bool check_binding(const struct scope *scope, const json_t *object, struct error *err)
{
    const char *kind = json_text(object, "roleRef", "kind") ?: "",
               *name = json_text(object, "roleRef", "name") ?: "";
    bool is_role = strcmp(kind, "Role") == 0;
    if (may(scope, "bind", is_role ? "roles" : "clusterroles", name))
        return true;
    const struct role *role = compiled_role(scope->compiled, kind, scope->ns, name);
    if (!role)
        return error_not_found(err, is_role ? RBAC_ROLES : RBAC_CLUSTER_ROLES, name);
    return confirm_or_refuse(scope, &role->rules, err);
}

static const struct {
    const char *resource;
    bool (*check)(const struct scope *scope, const json_t *object, struct error *err);
} check_rows[] = {
    {RBAC_ROLES, check_role},
    {RBAC_CLUSTER_ROLES, check_role},
    {RBAC_ROLE_BINDINGS, check_binding},
    {RBAC_CLUSTER_ROLE_BINDINGS, check_binding},
};

bool rbac_check_escalation(struct cluster *cluster, const struct user *user, const char *resource,
                           const json_t *object, struct error *err)
{
    if (user_in(user, "system:masters"))
        return true;
    CLEANUP(rbac_part_unref_ptr) struct rbac_part *part = rbac_part_get(cluster);
    CLEANUP(compiled_unref_ptr) struct compiled *compiled = compiled_get(cluster, part);
    if (!compiled)
        return error_unavailable(err, "the cluster's roles cannot be read now");
    struct scope scope = {.cluster = cluster,
                          .compiled = compiled,
                          .user = user,
                          .resource = resource,
                          .ns = json_text(object, "metadata", "namespace") ?: "",
                          .name = json_text(object, "metadata", "name") ?: ""};
    for (size_t i = 0; i < ARRAY_LEN(check_rows); i++)
        if (strcmp(check_rows[i].resource, resource) == 0)
            return check_rows[i].check(&scope, object, err);
    return true;
}
