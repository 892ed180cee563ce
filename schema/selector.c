/* Selectors: what they hold and how they match. Reading their text is selector_parse.c. */
#include "schema/selector.h"

#include "base/parse.h"
#include "schema/meta.h"
#include "schema/selector_internal.h"

#define REQUIREMENTS_MAX 1024

bool selector_value_add(struct requirement *requirement, struct str value)
{
    for (size_t i = 0; i < requirement->value_count; i++)
        if (str_is(value, requirement->values[i]))
            return true;
    requirement->values = xreallocarray(requirement->values, requirement->value_count + 1,
                                        sizeof(*requirement->values));
    requirement->values[requirement->value_count++] = str_dup(value);
    return true;
}

void requirement_clear(struct requirement *requirement)
{
    for (size_t i = 0; i < requirement->value_count; i++)
        free(requirement->values[i]);
    free(requirement->values);
    free(requirement->key);
    *requirement = (struct requirement){0};
}

bool selector_add(struct selector *selector, struct requirement *requirement)
{
    if (selector->count == REQUIREMENTS_MAX)
        return false;
    selector->items = xreallocarray(selector->items, selector->count + 1, sizeof(*selector->items));
    selector->items[selector->count++] = *requirement;
    *requirement = (struct requirement){0};
    return true;
}

struct selector *selector_new(void)
{
    return xcalloc(1, sizeof(struct selector));
}

void selector_free(struct selector *selector)
{
    if (!selector)
        return;
    for (size_t i = 0; i < selector->count; i++)
        requirement_clear(&selector->items[i]);
    free(selector->items);
    free(selector);
}

bool selector_empty(const struct selector *selector)
{
    return !selector || (selector->count == 0 && !selector->nothing);
}

static bool has_value(const struct requirement *requirement, const char *value)
{
    for (size_t i = 0; i < requirement->value_count; i++)
        if (strcmp(requirement->values[i], value) == 0)
            return true;
    return false;
}

static bool compares(const struct requirement *requirement, const char *value)
{
    int64_t have, want;
    if (!value || !parse_i64(str_of(value), INT64_MIN, INT64_MAX, &have) ||
        !parse_i64(str_of(requirement->values[0]), INT64_MIN, INT64_MAX, &want))
        return false;
    return requirement->op == SELECT_GREATER ? have > want : have < want;
}

bool requirement_matches(const struct requirement *requirement, const char *value)
{
    switch (requirement->op) {
    case SELECT_IN:
        return value && has_value(requirement, value);
    case SELECT_NOT_IN:
        return !value || !has_value(requirement, value);
    case SELECT_EXISTS:
        return value != NULL;
    case SELECT_ABSENT:
        return value == NULL;
    case SELECT_GREATER:
    case SELECT_LESS:
        return compares(requirement, value);
    }
    return false;
}

bool selector_matches_json(const struct selector *selector, const json_t *labels)
{
    for (size_t i = 0; selector && i < selector->count; i++) {
        const char *value = json_string_value(json_object_get(labels, selector->items[i].key));
        if (!requirement_matches(&selector->items[i], value))
            return false;
    }
    return !selector || !selector->nothing;
}

const char *selector_exact(const struct selector *selector, const char *path)
{
    for (size_t i = 0; selector && i < selector->count; i++) {
        const struct requirement *item = &selector->items[i];
        if (item->op == SELECT_IN && item->value_count == 1 && strcmp(item->key, path) == 0)
            return item->values[0];
    }
    return NULL;
}

static const struct json_operator {
    const char *name;
    enum select_op op;
} json_operators[] = {
    {"In", SELECT_IN},
    {"NotIn", SELECT_NOT_IN},
    {"Exists", SELECT_EXISTS},
    {"DoesNotExist", SELECT_ABSENT},
};

static bool add_expression(struct selector *selector, const json_t *expression, struct error *err)
{
    const char *name = json_text(expression, "operator"), *key = json_text(expression, "key");
    const json_t *values = json_object_get(expression, "values");
    CLEANUP(requirement_clear) struct requirement requirement = {.key = xstrdup(key ? key : "")};
    const struct json_operator *found = NULL;
    for (size_t i = 0; i < ARRAY_LEN(json_operators); i++)
        if (text_eq(name, json_operators[i].name))
            found = &json_operators[i];
    if (!found)
        return error_bad_request(err, "\"%s\" is not a valid label selector operator",
                                 name ? name : "");
    requirement.op = found->op;
    for (size_t i = 0; i < json_array_size(values); i++) {
        const char *text = json_string_value(json_array_get(values, i));
        selector_value_add(&requirement, str_of(text ? text : ""));
    }
    if (!requirement_check(&requirement, err))
        return false;
    if (!selector_add(selector, &requirement))
        return error_bad_request(err, "a selector may have at most %d requirements",
                                 REQUIREMENTS_MAX);
    return true;
}

static bool add_map(struct selector *selector, const json_t *labels)
{
    const char *key;
    json_t *value;
    json_object_foreach (labels, key, value) {
        CLEANUP(requirement_clear)
        struct requirement requirement = {.op = SELECT_IN, .key = xstrdup(key)};
        selector_value_add(&requirement,
                           str_of(json_string_value(value) ? json_string_value(value) : ""));
        if (!selector_add(selector, &requirement))
            return false;
    }
    return true;
}

struct selector *selector_from_json(const json_t *label_selector, struct error *err)
{
    struct selector *selector = selector_new();
    const json_t *expressions = json_object_get(label_selector, "matchExpressions");
    selector->nothing = !label_selector || json_is_null(label_selector);
    bool ok = add_map(selector, json_object_get(label_selector, "matchLabels"));
    if (!ok)
        error_bad_request(err, "a selector may have at most %d requirements", REQUIREMENTS_MAX);
    for (size_t i = 0; ok && i < json_array_size(expressions); i++)
        ok = add_expression(selector, json_array_get(expressions, i), err);
    if (ok)
        return selector;
    selector_free(selector);
    return NULL;
}

struct selector *selector_from_map(const json_t *labels)
{
    struct selector *selector = selector_new();
    if (!add_map(selector, labels))
        selector->nothing = true;
    return selector;
}
