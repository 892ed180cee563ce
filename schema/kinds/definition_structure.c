/* Whether a schema of a CustomResourceDefinition is structural: what a value looks like is said
 * once, outside of allOf, anyOf, oneOf and not, which only narrow it down. Source:
 * apiextensions-apiserver pkg/apiserver/schema. */
#include <stdlib.h>

#include "schema/kinds/definition.h"

void check_type_is(struct error *err, const struct path *at, const json_t *schema,
                   const char *wanted, const char *detail)
{
    const char *type = rule_text(schema, "type");
    if (!*type)
        rule_required(err, PATH(at, "type"), detail);
    else if (strcmp(type, wanted) != 0)
        rule_invalid_text(err, PATH(at, "type"), type, detail);
}

enum level { AT_ROOT, AT_ITEM, AT_FIELD };

/* Alternatives that say no more than x-kubernetes-int-or-string does are let be. */
enum skipped { SKIP_NONE = 0, SKIP_ANY_OF = 1 << 0, SKIP_FIRST_ANY_OF = 1 << 1 };

static const char *const junctors[] = {"allOf", "anyOf", "oneOf"};

/* ---- what only narrows down ---- */

static const struct nested_row {
    const char *member;
    bool (*is_set)(const json_t *schema, const char *member);
    const char *detail;
} nested_rows[] = {
    {"type", rule_filled, "must be empty to be structural"},
    {"additionalProperties", rule_has, "must be undefined to be structural"},
    {"default", rule_has, "must be undefined to be structural"},
    {"title", rule_filled, "must be empty to be structural"},
    {"description", rule_filled, "must be empty to be structural"},
    {"nullable", rule_filled, "must be false to be structural"},
    {"externalDocs", rule_has, "must be undefined to be structural"},
    {"x-kubernetes-preserve-unknown-fields", rule_filled, "must be false to be structural"},
    {"x-kubernetes-embedded-resource", rule_filled, "must be false to be structural"},
    {"x-kubernetes-int-or-string", rule_filled, "must be false to be structural"},
    {"x-kubernetes-list-map-keys", rule_filled, "must be empty to be structural"},
    {"x-kubernetes-list-type", rule_has, "must be undefined to be structural"},
    {"x-kubernetes-map-type", rule_has, "must be undefined to be structural"},
    {"x-kubernetes-validations", rule_filled, "must be empty to be structural"},
};

static void check_nested(struct error *err, const struct path *at, const json_t *schema,
                         unsigned skipped);

static void check_values(struct error *err, const struct path *at, const json_t *schema,
                         unsigned skipped)
{
    const json_t *item;
    for (size_t k = 0; k < ARRAY_LEN(junctors); k++) {
        const struct path *path = PATH(at, junctors[k]);
        bool all = strcmp(junctors[k], "allOf") == 0;
        if (strcmp(junctors[k], "anyOf") == 0 && (skipped & SKIP_ANY_OF))
            continue;
        LIST_EACH (member_array(schema, junctors[k]), i, item)
            check_nested(err, PATH_AT(path, i), item,
                         all && i == 0 && (skipped & SKIP_FIRST_ANY_OF) ? SKIP_ANY_OF : SKIP_NONE);
    }
    if (member_object(schema, "not"))
        check_nested(err, PATH(at, "not"), member_object(schema, "not"), SKIP_NONE);
}

static void check_nested(struct error *err, const struct path *at, const json_t *schema,
                         unsigned skipped)
{
    const struct path *properties = PATH(at, "properties");
    const char *name;
    json_t *property;
    check_values(err, at, schema, skipped);
    if (member_object(schema, "items"))
        check_nested(err, PATH(at, "items"), member_object(schema, "items"), SKIP_NONE);
    MAP_EACH (member_object(schema, "properties"), name, property)
        check_nested(err, PATH_KEY(properties, name), property, SKIP_NONE);
    for (size_t i = 0; i < ARRAY_LEN(nested_rows); i++)
        if (nested_rows[i].is_set(schema, nested_rows[i].member))
            rule_forbidden(err, PATH(at, nested_rows[i].member), "%s", nested_rows[i].detail);
    if (rule_has(member_object(schema, "properties"), "metadata"))
        rule_forbidden(err, PATH_KEY(properties, "metadata"),
                       "must not be specified in a nested context");
}

/* ---- what says how a value looks ---- */

/* [{type: integer}, {type: string}], and nothing else. */
static bool is_int_or_string(const json_t *any_of)
{
    static const char *const types[] = {"integer", "string"};
    bool same = json_array_size(any_of) == ARRAY_LEN(types);
    for (size_t i = 0; same && i < ARRAY_LEN(types); i++) {
        const json_t *item = json_array_get(any_of, i);
        same = json_object_size(item) == 1 && strcmp(rule_text(item, "type"), types[i]) == 0;
    }
    return same;
}

static unsigned skipped_of(const json_t *schema)
{
    const json_t *first = json_array_get(member_array(schema, "allOf"), 0);
    return (is_int_or_string(member_array(schema, "anyOf")) ? SKIP_ANY_OF : SKIP_NONE) |
           (is_int_or_string(member_array(first, "anyOf")) ? SKIP_FIRST_ANY_OF : SKIP_NONE);
}

static void check_extensions(struct error *err, const struct path *at, const json_t *schema)
{
    static const char *const others[] = {"x-kubernetes-preserve-unknown-fields",
                                         "x-kubernetes-embedded-resource"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (rule_bool(schema, "x-kubernetes-int-or-string") && rule_bool(schema, others[i]))
            rule_invalid(err, PATH(at, others[i]), json_object_get(schema, others[i]),
                         "must be false if x-kubernetes-int-or-string is true");
}

static void check_type(struct error *err, const struct path *at, const json_t *schema,
                       enum level level)
{
    static const char *const missing[] = {
        [AT_ROOT] = "must not be empty at the root",
        [AT_ITEM] = "must not be empty for specified array items",
        [AT_FIELD] = "must not be empty for specified object fields",
    };
    const char *type = rule_text(schema, "type");
    const struct path *path = PATH(at, "type");
    bool embedded = rule_bool(schema, "x-kubernetes-embedded-resource");
    if (embedded && strcmp(type, "object") != 0)
        check_type_is(err, at, schema, "object",
                      "must be object if x-kubernetes-embedded-resource is true");
    else if (!*type && !rule_bool(schema, "x-kubernetes-int-or-string") &&
             !rule_bool(schema, "x-kubernetes-preserve-unknown-fields"))
        rule_required(err, path, missing[level]);
    if (embedded && rule_has(schema, "additionalProperties"))
        rule_forbidden(err, PATH(at, "additionalProperties"),
                       "must not be used if x-kubernetes-embedded-resource is set");
    if (level == AT_ROOT && *type && strcmp(type, "object") != 0)
        rule_invalid_text(err, path, type, "must be object at the root");
}

/* Only the names of objects may be narrowed. */
static void check_metadata(struct error *err, const struct path *at, const json_t *metadata)
{
    const char *key;
    json_t *value;
    bool more = false;
    MAP_EACH (metadata, key, value)
        more = more || (strcmp(key, "type") != 0 && strcmp(key, "properties") != 0 &&
                        strcmp(key, "default") != 0 && rule_filled(metadata, key));
    MAP_EACH (member_object(metadata, "properties"), key, value)
        more = more || (strcmp(key, "name") != 0 && strcmp(key, "generateName") != 0);
    if (more)
        rule_forbidden(err, at,
                       "must not specify anything other than name and generateName, but metadata "
                       "is implicitly specified");
}

/* The head that every resource has, the whole and those embedded in it. */
static void check_head(struct error *err, const struct path *at, const json_t *schema,
                       enum level level)
{
    static const struct {
        const char *member, *type, *detail;
    } rows[] = {{"kind", "string", "must be string"},
                {"apiVersion", "string", "must be string"},
                {"metadata", "object", "must be object"}};
    bool embedded = rule_bool(schema, "x-kubernetes-embedded-resource");
    const json_t *properties = member_object(schema, "properties");
    const struct path *path = PATH(at, "properties");
    for (size_t i = 0; (embedded || level == AT_ROOT) && i < ARRAY_LEN(rows); i++) {
        const json_t *property = member_object(properties, rows[i].member);
        if (property && strcmp(rule_text(property, "type"), rows[i].type) != 0)
            rule_invalid_text(err, PATH(PATH_KEY(path, rows[i].member), "type"),
                              rule_text(property, "type"), rows[i].detail);
    }
    if (level == AT_ROOT && member_object(properties, "metadata"))
        check_metadata(err, PATH_KEY(path, "metadata"), member_object(properties, "metadata"));
    if (embedded && !rule_bool(schema, "x-kubernetes-preserve-unknown-fields") &&
        json_object_size(properties) == 0)
        rule_required(err, path,
                      "must not be empty if x-kubernetes-embedded-resource is true without "
                      "x-kubernetes-preserve-unknown-fields");
}

static void check_shape(struct error *err, const struct path *at, const json_t *schema,
                        enum level level)
{
    const json_t *items = member_object(schema, "items"),
                 *additional = member_object(schema, "additionalProperties");
    const struct path *properties = PATH(at, "properties");
    const char *name;
    json_t *property;
    if (strcmp(rule_text(schema, "type"), "array") == 0 && !items)
        rule_required(err, PATH(at, "items"), "must be specified");
    if (items)
        check_shape(err, PATH(at, "items"), items, AT_ITEM);
    MAP_EACH (member_object(schema, "properties"), name, property)
        check_shape(err, PATH_KEY(properties, name), property, AT_FIELD);
    if (level == AT_ROOT && rule_has(schema, "additionalProperties"))
        rule_forbidden(err, PATH(at, "additionalProperties"), "must not be used at the root");
    if (additional)
        check_shape(err, PATH(at, "additionalProperties"), additional, AT_FIELD);
    check_extensions(err, at, schema);
    check_values(err, at, schema, skipped_of(schema));
    check_type(err, at, schema, level);
    check_head(err, at, schema, level);
}

/* ---- what is narrowed down must be there ---- */

/* A schema, and where it stands. */
struct spot {
    const struct path *at;
    const json_t *schema;
};

static void check_complete_nested(struct error *err, struct spot shape, struct spot nested);

static void check_complete(struct error *err, struct spot shape, struct spot values)
{
    const json_t *not = member_object(values.schema, "not"), *item;
    if (not )
        check_complete_nested(err, shape, (struct spot){PATH(values.at, "not"), not });
    for (size_t k = 0; k < ARRAY_LEN(junctors); k++) {
        const struct path *path = PATH(values.at, junctors[k]);
        LIST_EACH (member_array(values.schema, junctors[k]), i, item)
            check_complete_nested(err, shape, (struct spot){PATH_AT(path, i), item});
    }
}

static void check_complete_nested(struct error *err, struct spot shape, struct spot nested)
{
    const struct path *shapes = PATH(shape.at, "properties"),
                      *nesteds = PATH(nested.at, "properties");
    const json_t *items = member_object(nested.schema, "items");
    const char *name;
    json_t *property;
    if (!shape.schema) {
        CLEANUP(free_ptr) char *where = path_text(nested.at);
        CLEANUP(free_ptr) char *detail = xasprintf("because it is defined in %s", where);
        rule_required(err, shape.at, detail);
        return;
    }
    check_complete(err, shape, nested);
    if (items)
        check_complete_nested(
            err, (struct spot){PATH(shape.at, "items"), member_object(shape.schema, "items")},
            (struct spot){PATH(nested.at, "items"), items});
    MAP_EACH (member_object(nested.schema, "properties"), name, property)
        check_complete_nested(
            err,
            (struct spot){PATH_KEY(shapes, name),
                          member_object(member_object(shape.schema, "properties"), name)},
            (struct spot){PATH_KEY(nesteds, name), property});
}

/* ---- all of it ---- */

static int by_text(const void *a, const void *b)
{
    const struct error_cause *left = a, *right = b;
    CLEANUP(free_ptr) char *one = xasprintf("%s: %s", left->field, left->message);
    CLEANUP(free_ptr) char *other = xasprintf("%s: %s", right->field, right->message);
    return strcmp(one, other);
}

void check_definition_structure(struct error *err, const struct path *at, const json_t *schema)
{
    CLEANUP(error_clear) struct error found = {0};
    const struct spot whole = {at, schema};
    check_shape(&found, at, schema, AT_ROOT);
    check_complete(&found, whole, whole);
    if (found.cause_count)
        qsort(found.causes, found.cause_count, sizeof(*found.causes), by_text);
    error_move_causes(err, &found, NULL, NULL);
}
