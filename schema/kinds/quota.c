/* ResourceQuotas and LimitRanges. */
#include "schema/kinds/pod.h"
#include "schema/meta.h"
#include "base/quantity.h"

#define SPEC PATH(NULL, "spec")

static void quota_defaults(json_t *object)
{
    resource_list_defaults(json_at(object, "spec", "hard"));
    resource_list_defaults(json_at(object, "status", "hard"));
    resource_list_defaults(json_at(object, "status", "used"));
}

static void quota_prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
}

static const char *const quota_names[] = {
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
    NULL,
};

static bool is_quota_name(const char *name)
{
    return rule_one_of(name, quota_names) || resource_is_hugepages(name) ||
           text_starts(name, "requests.hugepages-");
}

static void check_quota_name(struct error *err, const struct path *path, const char *name)
{
    check_resource_name(err, path, name);
    if (!strchr(name, '/') && !is_quota_name(name))
        rule_invalid_text(err, path, name, "must be a standard resource for quota");
}

static void check_hard(struct error *err, const struct path *path, const json_t *list)
{
    const char *key;
    json_t *value;
    MAP_EACH (list, key, value) {
        check_quota_name(err, PATH_KEY(path, key), key);
        check_resource_amount(err, PATH_KEY(path, key), key, value);
    }
}

static const char *const scopes[] = {"Terminating",
                                     "NotTerminating",
                                     "BestEffort",
                                     "NotBestEffort",
                                     "PriorityClass",
                                     "CrossNamespacePodAffinity",
                                     NULL};
static const char *const selector_operators[] = {"In", "NotIn", "Exists", "DoesNotExist", NULL};

/* Which resources a scope can be about; of one that there is not, nothing is said. */
static bool scope_covers(const char *scope, const char *resource)
{
    static const char *const compute[] = {
        "pods",       "cpu",           "memory", "requests.cpu", "requests.memory",
        "limits.cpu", "limits.memory", NULL};
    if (strcmp(scope, "BestEffort") == 0)
        return strcmp(resource, "pods") == 0;
    return !rule_one_of(scope, scopes) || rule_one_of(resource, compute);
}

static void invalid_scopes(struct error *err, const struct path *path, const json_t *spec,
                           const char *detail)
{
    rule_invalid_list(err, path, "core.ResourceQuotaScope", member_array(spec, "scopes"), detail);
}

static bool has_both(const json_t *list, const char *a, const char *b)
{
    return json_array_has_text(list, a) && json_array_has_text(list, b);
}

/* Resources that the scope is not about. */
static void check_scoped(struct error *err, const struct path *path, const json_t *spec,
                         const char *scope)
{
    const char *key;
    json_t *value;
    MAP_EACH (member_object(spec, "hard"), key, value) {
        if (is_quota_name(key) && !scope_covers(scope, key))
            invalid_scopes(err, path, spec, "unsupported scope applied to resource");
    }
}

static void check_conflicts(struct error *err, const json_t *spec, const json_t *list)
{
    static const char *const pairs[][2] = {{"BestEffort", "NotBestEffort"},
                                           {"Terminating", "NotTerminating"}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (has_both(list, pairs[i][0], pairs[i][1]))
            invalid_scopes(err, PATH(SPEC, "scopes"), spec, "conflicting scopes");
}

static void check_scopes(struct error *err, const json_t *spec)
{
    const json_t *list = member_array(spec, "scopes"), *item;
    const struct path *path = PATH(SPEC, "scopes");
    LIST_EACH (list, i, item) {
        const char *scope = json_string_value(item) ? json_string_value(item) : "";
        if (!rule_one_of(scope, scopes))
            invalid_scopes(err, path, spec, "unsupported scope");
        check_scoped(err, path, spec, scope);
    }
    check_conflicts(err, spec, list);
}

static void check_scope_values(struct error *err, const struct path *at, const json_t *expression)
{
    const char *op = rule_text(expression, "operator");
    const json_t *values = member_array(expression, "values");
    if (!rule_one_of(op, selector_operators))
        rule_invalid_text(err, PATH(at, "operator"), op, "not a valid selector operator");
    else if (text_ends(op, "In") && json_array_size(values) == 0)
        rule_required(
            err, PATH(at, "values"),
            "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
    else if (!text_ends(op, "In") && json_array_size(values))
        rule_invalid_list(
            err, PATH(at, "values"), "string", values,
            "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
}

static void check_scope_expression(struct error *err, const struct path *at, const json_t *spec,
                                   const json_t *expression)
{
    const char *scope = rule_text(expression, "scopeName"), *op = rule_text(expression, "operator");
    bool known = rule_one_of(scope, scopes);
    if (!known)
        rule_invalid_text(err, PATH(at, "scopeName"), scope, "unsupported scope");
    check_scoped(err, at, spec, scope);
    if (known && strcmp(scope, "PriorityClass") != 0 && strcmp(op, "Exists") != 0)
        rule_invalid_text(
            err, PATH(at, "operator"), op,
            "must be 'Exist' only operator when scope is any of ResourceQuotaScopeTerminating, "
            "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
            "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity");
    check_scope_values(err, at, expression);
}

static void check_scope_selector(struct error *err, const json_t *spec)
{
    const struct path *at = PATH(PATH(SPEC, "scopeSelector"), "matchExpressions");
    const json_t *expression;
    json_auto_t *named = json_array();
    LIST_EACH (json_at(spec, "scopeSelector", "matchExpressions"), i, expression) {
        check_scope_expression(err, at, spec, expression);
        json_array_append_new(named, json_string(rule_text(expression, "scopeName")));
    }
    check_conflicts(err, spec, named);
}

static void quota_validate_spec(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec");
    check_hard(err, PATH(SPEC, "hard"), member_object(spec, "hard"));
    check_scopes(err, spec);
    check_scope_selector(err, spec);
}

static void quota_validate_status(const json_t *object, struct error *err)
{
    const struct path *status = PATH(NULL, "status");
    check_hard(err, PATH(status, "hard"), json_at(object, "status", "hard"));
    check_hard(err, PATH(status, "used"), json_at(object, "status", "used"));
}

static void quota_validate(const json_t *object, struct error *err)
{
    quota_validate_spec(object, err);
    quota_validate_status(object, err);
}

/* Each of `list` is in `other`. */
static bool is_within(const json_t *list, const json_t *other)
{
    const json_t *item;
    LIST_EACH (list, i, item)
        if (!json_is_string(item) || !json_array_has_text(other, json_string_value(item)))
            return false;
    return true;
}

static void quota_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                  struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *now = member_array(spec, "scopes"),
                 *before = json_at(old, "spec", "scopes");
    if (is_sub(subresource, "status")) {
        quota_validate_status(object, err);
        return;
    }
    quota_validate_spec(object, err);
    if (!is_within(now, before) || !is_within(before, now))
        invalid_scopes(err, PATH(SPEC, "scopes"), spec, RULE_IMMUTABLE);
}

const struct kind_rules kind_resource_quotas = {
    .resource = "resourcequotas",
    .set_defaults = quota_defaults,
    .prepare_create = strategy_status_create,
    .prepare_update = quota_prepare_update,
    .validate = quota_validate,
    .validate_update = quota_validate_update,
};

/* Copies into `list` what it lacks of `from`. */
static void fill_list(json_t *item, const char *member, const json_t *from)
{
    const char *key;
    json_t *value;
    json_t *list = json_object_size(from) ? default_object(item, member) : NULL;
    MAP_EACH (from, key, value) {
        if (list && !json_object_get(list, key))
            json_object_set_new(list, key, json_deep_copy(value));
    }
}

static const char *const limit_members[] = {"max", "min", "default", "defaultRequest",
                                            "maxLimitRequestRatio"};

static void range_defaults(json_t *object)
{
    json_t *item;
    LIST_EACH (json_at(object, "spec", "limits"), i, item) {
        if (strcmp(rule_text(item, "type"), "Container") == 0) {
            fill_list(item, "default", member_object(item, "max"));
            fill_list(item, "defaultRequest", member_object(item, "default"));
            fill_list(item, "defaultRequest", member_object(item, "min"));
        }
        for (size_t k = 0; k < ARRAY_LEN(limit_members); k++)
            resource_list_defaults(member_object(item, limit_members[k]));
    }
}

static bool amount(const json_t *item, const char *member, const char *key, struct quantity *out)
{
    const char *text = json_string_value(json_object_get(member_object(item, member), key));
    return text && quantity_parse(str_of(text), out);
}

/* `low` may not be above `high`; which member is to blame, and whose value is shown. */
static const struct limit_order {
    const char *low, *high, *blamed, *shown;
    const char *low_words, *high_words;
    /* clang-format off */
} limit_orders[] = {
    {"min", "max", "min", "min", "min", "max"},
    {"min", "defaultRequest", "defaultRequest", "defaultRequest", "min", "default request"},
    {"defaultRequest", "max", "defaultRequest", "defaultRequest", "default request", "max"},
    {"defaultRequest", "default", "defaultRequest", "defaultRequest", "default request", "default limit"},
    {"min", "default", "default", "min", "min", "default"},
    {"default", "max", "default", "max", "default", "max"},
};
/* clang-format on */

static void check_limit_order(struct error *err, const struct path *at, const json_t *item,
                              const char *key)
{
    struct quantity low, high;
    char low_text[QUANTITY_TEXT_SIZE], high_text[QUANTITY_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(limit_orders); i++) {
        const struct limit_order *row = &limit_orders[i];
        if (!amount(item, row->low, key, &low) || !amount(item, row->high, key, &high) ||
            quantity_compare(&low, &high) <= 0)
            continue;
        quantity_format(&low, low_text);
        quantity_format(&high, high_text);
        CLEANUP(free_ptr)
        char *detail = xasprintf("%s value %s is greater than %s value %s", row->low_words,
                                 low_text, row->high_words, high_text);
        rule_invalid_raw(err, PATH_KEY(PATH(at, row->blamed), key),
                         strcmp(row->shown, row->low) ? high_text : low_text, detail);
    }
}

static void check_ratio(struct error *err, const struct path *at, const json_t *item,
                        const char *key)
{
    struct quantity ratio, max, min, one = quantity_from_milli(1000, QUANTITY_DECIMAL_SI);
    const char *text = rule_text(member_object(item, "maxLimitRequestRatio"), key);
    const struct path *path = PATH_KEY(PATH(at, "maxLimitRequestRatio"), key);
    if (!amount(item, "maxLimitRequestRatio", key, &ratio))
        return;
    if (quantity_compare(&ratio, &one) < 0) {
        CLEANUP(free_ptr) char *detail = xasprintf("ratio %s is less than 1", text);
        rule_invalid_raw(err, path, text, detail);
    } else if (amount(item, "max", key, &max) && amount(item, "min", key, &min) &&
               quantity_milli(&min) > 0 &&
               (__int128)quantity_milli(&ratio) * quantity_milli(&min) >
                   (__int128)quantity_milli(&max) * 1000) {
        CLEANUP(free_ptr)
        char *detail = xasprintf("ratio %s is greater than max/min = %.6f", text,
                                 (double)quantity_milli(&max) / (double)quantity_milli(&min));
        rule_invalid_raw(err, path, text, detail);
    }
}

/* Limits on containers and Pods are of what those can have. */
static void check_limit_name(struct error *err, const struct path *path, const char *type,
                             const char *name)
{
    if (rule_one_of(type, (const char *const[]){"Pod", "Container", NULL}))
        check_container_resource_name(err, path, name);
    else
        check_resource_name(err, path, name);
}

static void check_limit_type(struct error *err, const struct path *path, const char *type)
{
    rule_named(err, path, type, name_check_qualified);
    if (!name_check_qualified(type) && !strchr(type, '/') &&
        !rule_one_of(type,
                     (const char *const[]){"Pod", "Container", "PersistentVolumeClaim", NULL}))
        rule_invalid_text(err, path, type, "must be a standard limit type or fully qualified");
}

static void check_same_default(struct error *err, const struct path *at, const json_t *item,
                               const char *key)
{
    struct quantity value, request;
    if (resource_can_overcommit(key) || !amount(item, "default", key, &value) ||
        !amount(item, "defaultRequest", key, &request) || quantity_compare(&value, &request) == 0)
        return;
    const char *shown = rule_text(member_object(item, "defaultRequest"), key);
    CLEANUP(free_ptr)
    char *detail = xasprintf("default value %s must equal to defaultRequest value %s in %s",
                             rule_text(member_object(item, "default"), key), shown, key);
    rule_invalid_raw(err, PATH_KEY(PATH(at, "defaultRequest"), key), shown, detail);
}

/* Adds the names in one member to `keys`. */
static void check_limit_names(struct error *err, const struct path *at, const json_t *item,
                              const char *member, json_t *keys)
{
    const char *key;
    json_t *value;
    MAP_EACH (member_object(item, member), key, value) {
        check_limit_name(err, PATH_KEY(PATH(at, member), key), rule_text(item, "type"), key);
        (void)rule_seen(keys, key); /* again is fine */
    }
}

static void check_limit(struct error *err, const struct path *at, const json_t *item)
{
    const char *type = rule_text(item, "type"), *key;
    json_t *value;
    json_auto_t *keys = json_object();
    bool is_pod = strcmp(type, "Pod") == 0;
    check_limit_names(err, at, item, "max", keys);
    check_limit_names(err, at, item, "min", keys);
    for (size_t i = 2; i < 4; i++) {
        if (!is_pod)
            check_limit_names(err, at, item, limit_members[i], keys);
        else if (json_object_size(member_object(item, limit_members[i])))
            rule_forbidden(err, PATH(at, limit_members[i]),
                           "may not be specified when `type` is 'Pod'");
    }
    if (strcmp(type, "PersistentVolumeClaim") == 0 &&
        !rule_has(member_object(item, "min"), "storage") &&
        !rule_has(member_object(item, "max"), "storage"))
        rule_required(
            err, PATH(at, "limits"),
            "either minimum or maximum storage value is required, but neither was provided");
    check_limit_names(err, at, item, "maxLimitRequestRatio", keys);
    json_object_foreach (keys, key, value) {
        check_limit_order(err, at, item, key);
        check_ratio(err, at, item, key);
        check_same_default(err, at, item, key);
    }
}

static void range_validate(const json_t *object, struct error *err)
{
    const json_t *limits = json_at(object, "spec", "limits"), *item;
    const struct path *path = PATH(SPEC, "limits");
    json_auto_t *seen = json_object();
    LIST_EACH (limits, i, item) {
        const char *type = rule_text(item, "type");
        check_limit_type(err, PATH(PATH_AT(path, i), "type"), type);
        if (rule_seen(seen, type))
            rule_duplicate(err, PATH(PATH_AT(path, i), "type"), json_object_get(item, "type"));
        check_limit(err, PATH_AT(path, i), item);
    }
}

static void range_validate_update(const json_t *object, const json_t *old, const char *subresource,
                                  struct error *err)
{
    (void)old;
    (void)subresource;
    range_validate(object, err);
}

const struct kind_rules kind_limit_ranges = {
    .resource = "limitranges",
    .set_defaults = range_defaults,
    .validate = range_validate,
    .validate_update = range_validate_update,
};
