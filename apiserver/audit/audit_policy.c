#include "apiserver/audit/audit_policy.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define API_VERSION "audit.k8s.io/v1"
#define RULES_MAX   1000 /* each is looked at for every request */

const char *const audit_level_names[AUDIT_LEVELS] = {"None", "Metadata", "Request",
                                                     "RequestResponse"};
const char *const audit_stage_names[] = {[AUDIT_RECEIVED] = "RequestReceived",
                                         [AUDIT_STARTED] = "ResponseStarted",
                                         [AUDIT_COMPLETE] = "ResponseComplete",
                                         [AUDIT_PANIC] = "Panic"};

/* Resources of one group; empty sets: all. */
struct group_rule {
    char *group;
    struct strset resources, names;
};

struct rule {
    struct audit_verdict verdict;
    struct strset users, groups, verbs, namespaces, urls;
    struct group_rule *resources;
    size_t resource_count;
};

struct audit_policy {
    struct rule *rules;
    size_t count;
};

void audit_policy_free(struct audit_policy *policy)
{
    if (!policy)
        return;
    for (size_t i = 0; i < policy->count; i++) {
        struct rule *rule = &policy->rules[i];
        struct strset *const sets[] = {&rule->users, &rule->groups, &rule->verbs, &rule->namespaces,
                                       &rule->urls};
        for (size_t k = 0; k < ARRAY_LEN(sets); k++)
            strset_clear(sets[k]);
        for (size_t k = 0; k < rule->resource_count; k++) {
            free(rule->resources[k].group);
            strset_clear(&rule->resources[k].resources);
            strset_clear(&rule->resources[k].names);
        }
        free(rule->resources);
    }
    free(policy->rules);
    free(policy);
}

/* ---- reading: every function gives false with err, which says where ---- */

static bool check_fields(const json_t *object, const char *path, const char *const *known,
                         struct error *err)
{
    json_t *tree = (json_t *)(uintptr_t)object, *value; /* iterated, not changed */
    const char *key;
    if (!json_is_object(object))
        return error_bad_request(err, "%s: must be an object", path);
    json_object_foreach (tree, key, value) {
        bool found = false;
        for (size_t i = 0; known[i] && !found; i++)
            found = strcmp(known[i], key) == 0;
        if (!found)
            return error_bad_request(err, "unknown field \"%s%s%s\"", path, *path ? "." : "", key);
    }
    return true;
}

static bool read_texts(const json_t *object, const char *path, const char *key, struct strset *out,
                       struct error *err)
{
    const json_t *list = json_object_get(object, key), *item;
    size_t i;
    if (list && !json_is_null(list) && !json_is_array(list))
        return error_bad_request(err, "%s.%s: must be an array", path, key);
    json_array_foreach (list, i, item) {
        if (!json_is_string(item))
            return error_bad_request(err, "%s.%s[%zu]: must be a string", path, key, i);
        strset_add(out, json_string_value(item));
    }
    return true;
}

static bool read_stages(const json_t *object, const char *path, unsigned *out, struct error *err)
{
    CLEANUP(strset_clear) struct strset names = {0};
    if (!read_texts(object, path, "omitStages", &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        int stage = -1;
        for (int k = AUDIT_RECEIVED; k <= AUDIT_PANIC; k++)
            stage = strcmp(audit_stage_names[k], names.items[i]) == 0 ? k : stage;
        if (stage < 0)
            return error_bad_request(err,
                                     "%s.omitStages: Unsupported value: \"%s\": supported values: "
                                     "\"Panic\", \"RequestReceived\", \"ResponseComplete\", "
                                     "\"ResponseStarted\"",
                                     path, names.items[i]);
        *out |= 1U << stage;
    }
    return true;
}

static bool read_flag(const json_t *object, const char *path, const char *key, bool *out,
                      struct error *err)
{
    const json_t *value = json_object_get(object, key);
    if (value && !json_is_null(value) && !json_is_boolean(value))
        return error_bad_request(err, "%s.%s: must be a boolean", path, key);
    *out = json_bool_or(value, *out);
    return true;
}

static bool read_level(const json_t *object, const char *path, enum audit_level *out,
                       struct error *err)
{
    const char *text = json_text(object, "level");
    if (!text || !*text)
        return error_bad_request(err, "%s.level: Required value", path);
    for (int i = AUDIT_NONE; i < AUDIT_LEVELS; i++)
        if (strcmp(audit_level_names[i], text) == 0) {
            *out = (enum audit_level)i;
            return true;
        }
    return error_bad_request(err,
                             "%s.level: Unsupported value: \"%s\": supported values: \"Metadata\", "
                             "\"None\", \"Request\", \"RequestResponse\"",
                             path, text);
}

static bool check_urls(const struct rule *rule, const char *path, struct error *err)
{
    if (rule->urls.count && (rule->resource_count || rule->namespaces.count))
        return error_bad_request(err,
                                 "%s.nonResourceURLs: Invalid value: rules cannot apply to both "
                                 "regular resources and non-resource URLs",
                                 path);
    for (size_t i = 0; i < rule->urls.count; i++) {
        const char *url = rule->urls.items[i], *star = strchr(url, '*');
        if (strcmp(url, "*") == 0)
            continue;
        if (*url != '/')
            return error_bad_request(err,
                                     "%s.nonResourceURLs: Invalid value: \"%s\": non-resource URL "
                                     "rules must begin with a '/' character",
                                     path, url);
        if (star && star[1])
            return error_bad_request(err,
                                     "%s.nonResourceURLs: Invalid value: \"%s\": non-resource URL "
                                     "wildcards '*' must be the final character of the rule",
                                     path, url);
    }
    return true;
}

static bool read_resources(const json_t *object, const char *path, struct rule *rule,
                           struct error *err)
{
    static const char *const known[] = {"group", "resources", "resourceNames", NULL};
    const json_t *list = json_object_get(object, "resources"), *item;
    size_t i;
    if (list && !json_is_null(list) && !json_is_array(list))
        return error_bad_request(err, "%s.resources: must be an array", path);
    rule->resources = xcalloc(json_array_size(list) + 1, sizeof(*rule->resources));
    json_array_foreach (list, i, item) {
        struct group_rule *group = &rule->resources[rule->resource_count++];
        CLEANUP(free_ptr) char *at = xasprintf("%s.resources[%zu]", path, i);
        const char *name = json_text(item, "group");
        group->group = xstrdup(name ? name : "");
        if (!check_fields(item, at, known, err) ||
            !read_texts(item, at, "resources", &group->resources, err) ||
            !read_texts(item, at, "resourceNames", &group->names, err))
            return false;
        if (group->names.count && !group->resources.count)
            return error_bad_request(err,
                                     "%s.resourceNames: Invalid value: using resourceNames "
                                     "requires at least one resource",
                                     at);
    }
    return true;
}

static bool read_rule(const json_t *object, const char *path, struct rule *rule, struct error *err)
{
    static const char *const known[] = {
        "level",           "users",      "userGroups",        "verbs", "resources", "namespaces",
        "nonResourceURLs", "omitStages", "omitManagedFields", NULL};
    return check_fields(object, path, known, err) &&
           read_level(object, path, &rule->verdict.level, err) &&
           read_texts(object, path, "users", &rule->users, err) &&
           read_texts(object, path, "userGroups", &rule->groups, err) &&
           read_texts(object, path, "verbs", &rule->verbs, err) &&
           read_texts(object, path, "namespaces", &rule->namespaces, err) &&
           read_texts(object, path, "nonResourceURLs", &rule->urls, err) &&
           read_resources(object, path, rule, err) && check_urls(rule, path, err) &&
           read_stages(object, path, &rule->verdict.omits, err) &&
           read_flag(object, path, "omitManagedFields", &rule->verdict.omits_managed, err);
}

static bool read_policy(const json_t *tree, struct audit_policy *policy, struct error *err)
{
    static const char *const known[] = {
        "apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields", NULL};
    struct audit_verdict all = {0};
    const json_t *rules = json_object_get(tree, "rules");
    if (!check_fields(tree, "", known, err))
        return false;
    if (!text_eq(json_text(tree, "apiVersion"), API_VERSION) ||
        !text_eq(json_text(tree, "kind"), "Policy"))
        return error_bad_request(err, "it is no Policy of " API_VERSION);
    if (!read_stages(tree, "", &all.omits, err) ||
        !read_flag(tree, "", "omitManagedFields", &all.omits_managed, err))
        return false;
    size_t count = json_array_size(rules);
    if (count == 0 || count > RULES_MAX)
        return error_bad_request(err, "loaded illegal policy with %zu rules", count);
    policy->rules = xcalloc(count, sizeof(*policy->rules));
    for (size_t i = 0; i < count; i++) {
        CLEANUP(free_ptr) char *path = xasprintf("rules[%zu]", i);
        policy->rules[i].verdict = all;
        policy->count++;
        if (!read_rule(json_array_get(rules, i), path, &policy->rules[i], err))
            return false;
    }
    return true;
}

struct audit_policy *audit_policy_read(struct str text, struct error *err)
{
    json_auto_t *tree = yaml_parse(text, JSON_LOAD_STRICT, err);
    if (!tree)
        return NULL;
    struct audit_policy *policy = xcalloc(1, sizeof(*policy));
    if (read_policy(tree, policy, err))
        return policy;
    audit_policy_free(policy);
    return NULL;
}

/* ---- deciding ---- */

static bool in_groups(const struct rule *rule, const struct user *user)
{
    for (size_t i = 0; i < rule->groups.count; i++)
        if (user_in(user, rule->groups.items[i]))
            return true;
    return false;
}

/* "pods", "pods/log", "*", "pods/STAR", "STAR/scale" (each star an asterisk). */
static bool names_resource(const char *pattern, const struct audit_asked *asked)
{
    size_t len = strlen(asked->resource);
    if (strcmp(pattern, "*") == 0)
        return true;
    if (*asked->sub && strncmp(pattern, "*/", 2) == 0 && strcmp(pattern + 2, asked->sub) == 0)
        return true;
    if (strncmp(pattern, asked->resource, len) != 0)
        return false;
    pattern += len;
    return strcmp(pattern, "/*") == 0 ||
           (*asked->sub ? *pattern == '/' && strcmp(pattern + 1, asked->sub) == 0 : !*pattern);
}

static bool group_fits(const struct group_rule *group, const struct audit_asked *asked)
{
    if (strcmp(group->group, asked->group) != 0)
        return false;
    if (!group->resources.count)
        return true;
    if (group->names.count && !strset_has(&group->names, asked->name))
        return false;
    for (size_t i = 0; i < group->resources.count; i++)
        if (names_resource(group->resources.items[i], asked))
            return true;
    return false;
}

static bool resource_fits(const struct rule *rule, const struct audit_asked *asked)
{
    if (!asked->is_resource ||
        (rule->namespaces.count && !strset_has(&rule->namespaces, asked->ns)))
        return false;
    for (size_t i = 0; i < rule->resource_count; i++)
        if (group_fits(&rule->resources[i], asked))
            return true;
    return rule->resource_count == 0;
}

static bool url_fits(const struct rule *rule, const struct audit_asked *asked)
{
    for (size_t i = 0; !asked->is_resource && i < rule->urls.count; i++) {
        const char *url = rule->urls.items[i];
        size_t len = strlen(url);
        if (strcmp(url, asked->path) == 0 ||
            (len && url[len - 1] == '*' && strncmp(url, asked->path, len - 1) == 0))
            return true;
    }
    return false;
}

static bool fits(const struct rule *rule, const struct audit_asked *asked)
{
    const struct user *user = asked->user;
    if (rule->users.count && !(user && user->name && strset_has(&rule->users, user->name)))
        return false;
    if (rule->groups.count && !(user && in_groups(rule, user)))
        return false;
    if (rule->verbs.count && !strset_has(&rule->verbs, asked->verb))
        return false;
    if (rule->namespaces.count || rule->resource_count)
        return resource_fits(rule, asked);
    return !rule->urls.count || url_fits(rule, asked);
}

struct audit_verdict audit_policy_decide(const struct audit_policy *policy,
                                         const struct audit_asked *asked)
{
    for (size_t i = 0; i < policy->count; i++)
        if (fits(&policy->rules[i], asked))
            return policy->rules[i].verdict;
    return (struct audit_verdict){.level = AUDIT_NONE};
}
