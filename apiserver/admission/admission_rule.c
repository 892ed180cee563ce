#include "apiserver/admission/admission_rule.h"

#include <string.h>

#include "schema/meta.h"

/* ---- compiling ---- */

static const struct operation_row {
    const char *text;
    unsigned operations;
} operation_rows[] = {
    {"*", ASKED_CREATE | ASKED_UPDATE | ASKED_DELETE | ASKED_CONNECT},
    {"CREATE", ASKED_CREATE},
    {"UPDATE", ASKED_UPDATE},
    {"DELETE", ASKED_DELETE},
    {"CONNECT", ASKED_CONNECT},
};

static unsigned operations_of(const json_t *list)
{
    unsigned operations = 0;
    for (size_t i = 0; i < ARRAY_LEN(operation_rows); i++)
        if (json_array_has_text(list, operation_rows[i].text))
            operations |= operation_rows[i].operations;
    return operations;
}

static enum rule_scope scope_of(const char *text)
{
    if (text_eq(text, "Cluster"))
        return RULE_CLUSTER;
    return text_eq(text, "Namespaced") ? RULE_NAMESPACED : RULE_ANYWHERE;
}

static struct admission_rule *rules_of(const json_t *list, size_t *count)
{
    struct admission_rule *rules = xcalloc(json_array_size(list) + 1, sizeof(*rules));
    const json_t *item;
    size_t i;
    json_array_foreach (list, i, item)
        rules[i] = (struct admission_rule){
            .operations = operations_of(json_object_get(item, "operations")),
            .scope = scope_of(json_text(item, "scope")),
            .groups = json_object_get(item, "apiGroups"),
            .versions = json_object_get(item, "apiVersions"),
            .resources = json_object_get(item, "resources"),
            .names = json_object_get(item, "resourceNames"),
        };
    *count = json_array_size(list);
    return rules;
}

/* NULL when it selects everything. What was stored was checked. */
static struct selector *selector_of(const json_t *holder, const char *key)
{
    struct error ignored = {0};
    const json_t *given = json_object_get(holder, key);
    struct selector *selector = given ? selector_from_json(given, &ignored) : NULL;
    error_clear(&ignored);
    if (selector && selector_empty(selector)) {
        selector_free(selector);
        return NULL;
    }
    return selector;
}

void admission_match_init(struct admission_match *match, const json_t *holder,
                          const char *rules_key)
{
    *match = (struct admission_match){0};
    match->rules = rules_of(json_object_get(holder, rules_key), &match->rule_count);
    match->excluded =
        rules_of(json_object_get(holder, "excludeResourceRules"), &match->excluded_count);
    match->namespaces = selector_of(holder, "namespaceSelector");
    match->objects = selector_of(holder, "objectSelector");
    match->exact = text_eq(json_text(holder, "matchPolicy"), "Exact");
}

void admission_match_deinit(struct admission_match *match)
{
    free(match->rules);
    free(match->excluded);
    selector_free(match->namespaces);
    selector_free(match->objects);
    *match = (struct admission_match){0};
}

/* ---- rules ---- */

static bool has(const json_t *list, const char *text)
{
    return json_array_has_text(list, "*") || json_array_has_text(list, text);
}

static bool names_resource(const json_t *list, const char *plural, const char *sub)
{
    const json_t *item;
    size_t i;
    json_array_foreach (list, i, item) {
        struct str rest = str_of(json_string_value(item) ? json_string_value(item) : "");
        struct str resource = str_cut(&rest, '/');
        if ((str_is(resource, "*") || str_is(resource, plural)) &&
            (str_is(rest, "*") || str_is(rest, sub)))
            return true;
    }
    return false;
}

static bool is_namespaces(const struct resource *row)
{
    return strcmp(row->key, "namespaces") == 0;
}

static bool rule_matches(const struct admission_rule *rule, const struct asked *asked,
                         const struct resource *row)
{
    bool namespaced = *asked->ns && !is_namespaces(row);
    if (rule->scope != RULE_ANYWHERE && (rule->scope == RULE_NAMESPACED) != namespaced)
        return false;
    return (rule->operations & asked->operation) && has(rule->groups, row->group) &&
           has(rule->versions, row->version) &&
           names_resource(rule->resources, row->plural, asked->sub) &&
           (!json_array_size(rule->names) || json_array_has_text(rule->names, asked->name));
}

static bool any_matches(const struct admission_rule *rules, size_t count, const struct asked *asked,
                        const struct resource *row)
{
    for (size_t i = 0; i < count; i++)
        if (rule_matches(&rules[i], asked, row))
            return true;
    return false;
}

/* The row by which the rules match; NULL when they do not. Earlier rules come first. */
static const struct resource *matching_row(const struct admission_rule *rules, size_t count,
                                           const struct asked *asked, bool exact)
{
    const struct resource *others[ASKED_FORMS_MAX + 1];
    if (any_matches(rules, count, asked, asked->place.resource))
        return asked->place.resource;
    if (exact || !count)
        return NULL;
    asked_equivalents(asked, others);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; others[k]; k++)
            if (rule_matches(&rules[i], asked, others[k]))
                return others[k];
    return NULL;
}

/* ---- selectors ---- */

static enum match_result from_labels(const struct selector *selector, const json_t *labels)
{
    return selector_matches_json(selector, labels) ? MATCH_YES : MATCH_NO;
}

static enum match_result namespace_matches(const struct selector *selector,
                                           const struct asked *asked)
{
    const struct resource *row = asked->place.resource;
    CLEANUP(object_unref_ptr) struct object *namespace = NULL;
    if (!selector || (!*asked->ns && !is_namespaces(row)))
        return MATCH_YES;
    if (is_namespaces(row) && !*asked->sub &&
        (asked->operation == ASKED_CREATE || asked->operation == ASKED_UPDATE))
        return from_labels(selector, json_at(asked->object, "metadata", "labels"));
    enum step_result read = request_read(asked->request, "namespaces", "", asked->ns, &namespace);
    if (read != STEP_NEXT)
        return read == STEP_BLOCK ? MATCH_BLOCK : MATCH_FAIL;
    if (namespace)
        return selector_matches_labels(selector, namespace) ? MATCH_YES : MATCH_NO;
    error_not_found(&asked->request->error, "namespaces", asked->ns);
    return MATCH_FAIL;
}

static bool object_matches(const struct selector *selector, const json_t *object)
{
    return object && json_is_object(json_object_get(object, "metadata")) &&
           selector_matches_json(selector, json_at(object, "metadata", "labels"));
}

enum match_result admission_match(const struct admission_match *match, const struct asked *asked,
                                  bool open, const struct resource **row)
{
    if (match->objects && !object_matches(match->objects, asked->object) &&
        !object_matches(match->objects, asked->old))
        return MATCH_NO;
    if (matching_row(match->excluded, match->excluded_count, asked, match->exact))
        return MATCH_NO;
    *row = open && !match->rule_count
               ? asked->place.resource
               : matching_row(match->rules, match->rule_count, asked, match->exact);
    return *row ? namespace_matches(match->namespaces, asked) : MATCH_NO;
}
