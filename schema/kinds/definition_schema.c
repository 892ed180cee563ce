/* What the schemas of a CustomResourceDefinition may say, node by node; definition_structure.c sees
 * to it that they are structural, schema/crd_schema.h to their defaults and patterns,
 * schema/crd_rule.h to their rules. */
#include "schema/crd_rule.h"
#include "schema/crd_schema.h"
#include "schema/kinds/definition.h"

/* What holds where a node stands. */
struct place {
    bool is_root;
    bool in_meta;            /* of kind, apiVersion or metadata, also of embedded resources */
    const char *no_defaults; /* why there may be none; NULL */
};

static bool is_text(const json_t *schema, const char *member, const char *text)
{
    return strcmp(rule_text(schema, member), text) == 0;
}

/* ---- what OpenAPI has and Kubernetes has not ---- */

static const struct unsupported_row {
    const char *member;
    bool (*is_set)(const json_t *schema, const char *member);
} unsupported_rows[] = {
    {"id", rule_filled},          {"additionalItems", rule_has}, {"patternProperties", rule_filled},
    {"definitions", rule_filled}, {"dependencies", rule_has},    {"$ref", rule_has},
};

static void check_standard(struct error *err, const struct path *at, const json_t *schema,
                           const struct place *place)
{
    static const char *const types[] = {"array",  "boolean", "integer", "number",
                                        "object", "string",  NULL};
    CLEANUP(free_ptr) char *detail = xasprintf("must not be set %s", place->no_defaults);
    check_enum(err, at, schema, "type", types);
    if (place->no_defaults && rule_has(schema, "default"))
        rule_forbidden(err, PATH(at, "default"), "%s", detail);
    for (size_t i = 0; i < ARRAY_LEN(unsupported_rows); i++)
        if (unsupported_rows[i].is_set(schema, unsupported_rows[i].member))
            rule_forbidden(err, PATH(at, unsupported_rows[i].member), "%s is not supported",
                           unsupported_rows[i].member);
    if (is_text(schema, "type", "null"))
        rule_forbidden(err, PATH(at, "type"),
                       "type cannot be set to null, use nullable as an alternative");
    if (json_array_size(json_object_get(schema, "items")))
        rule_forbidden(err, PATH(at, "items"), "items must be a schema object and not an array");
    if (place->in_meta && rule_bool(schema, "x-kubernetes-embedded-resource"))
        rule_forbidden(err, PATH(at, "x-kubernetes-embedded-resource"),
                       "must not be used inside of resource meta");
    if (rule_bool(schema, "uniqueItems"))
        rule_forbidden(err, PATH(at, "uniqueItems"),
                       "uniqueItems cannot be set to true since the runtime complexity becomes "
                       "quadratic");
}

/* ---- how lists and maps are merged ---- */

static void check_set(struct error *err, const struct path *at, const json_t *items)
{
    static const char atomic[] = "must be atomic as item of a list with x-kubernetes-list-type=set";
    const json_t *list = json_object_get(items, "x-kubernetes-list-type");
    if (is_text(items, "type", "array") && json_is_string(list) &&
        !is_text(items, "x-kubernetes-list-type", "atomic"))
        rule_invalid(err, PATH(at, "x-kubernetes-list-type"), list, "%s", atomic);
    if (is_text(items, "type", "object") && !is_text(items, "x-kubernetes-map-type", "atomic"))
        rule_invalid(err, PATH(at, "x-kubernetes-map-type"), list, "%s", atomic);
}

static void check_map_key(struct error *err, const struct path *at, const json_t *items,
                          const char *name)
{
    const json_t *key = member_object(member_object(items, "properties"), name);
    const struct path *path = PATH_KEY(PATH(at, "properties"), name);
    if (!key)
        return;
    if (!json_array_has_text(member_array(items, "required"), name) && !rule_has(key, "default"))
        rule_required(err, PATH(path, "default"),
                      "this property is in x-kubernetes-list-map-keys, so it must have a default "
                      "or be a required property");
    if (rule_bool(key, "nullable"))
        rule_forbidden(err, PATH(path, "nullable"),
                       "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
}

/* The names of a map list's keys. */
static void check_keys(struct error *err, const struct path *at, const json_t *schema)
{
    const json_t *items = member_object(schema, "items"), *item,
                 *keys = member_array(schema, "x-kubernetes-list-map-keys");
    const struct path *path = PATH(at, "x-kubernetes-list-map-keys");
    json_auto_t *seen = json_object();
    LIST_EACH (keys, i, item) {
        const char *name = json_string_value(item) ? json_string_value(item) : "";
        const json_t *key = member_object(member_object(items, "properties"), name);
        const struct path *of = PATH_KEY(PATH(PATH(at, "items"), "properties"), name);
        if (!key)
            rule_invalid_list(err, path, "string", keys,
                              "entries must all be names of item properties");
        else if (is_text(key, "type", "array") || is_text(key, "type", "object"))
            rule_invalid_text(err, PATH(of, "type"), rule_text(items, "type"),
                              "must be a scalar type if parent array's x-kubernetes-list-type is "
                              "map");
        if (rule_seen(seen, name))
            rule_invalid_list(err, path, "string", keys, "must not contain duplicate entries");
    }
}

static void check_map(struct error *err, const struct path *at, const json_t *schema)
{
    const json_t *items = member_object(schema, "items");
    const struct path *path = PATH(at, "items");
    if (!json_array_size(member_array(schema, "x-kubernetes-list-map-keys")))
        rule_required(err, PATH(at, "x-kubernetes-list-map-keys"),
                      "must not be empty if x-kubernetes-list-type is map");
    if (!rule_has(schema, "items"))
        rule_required(err, path, "must have a schema if x-kubernetes-list-type is map");
    else if (!items)
        rule_invalid(err, path, json_object_get(schema, "items"),
                     "must only have a single schema if x-kubernetes-list-type is map");
    else if (!is_text(items, "type", "object"))
        rule_invalid_text(err, PATH(path, "type"), rule_text(items, "type"),
                          "must be object if parent array's x-kubernetes-list-type is map");
    else
        check_keys(err, at, schema);
}

/* Items that have to be told apart. */
static void check_items(struct error *err, const struct path *at, const json_t *schema,
                        const char *list)
{
    const json_t *items = member_object(schema, "items"), *item;
    const struct path *path = PATH(at, "items");
    if (!items)
        return;
    if (rule_bool(items, "nullable"))
        rule_forbidden(err, PATH(path, "nullable"),
                       "cannot be nullable when x-kubernetes-list-type is %s", list);
    LIST_EACH (strcmp(list, "map") == 0 ? member_array(schema, "x-kubernetes-list-map-keys") : NULL,
               i, item) {
        if (json_is_string(item))
            check_map_key(err, path, items, json_string_value(item));
    }
}

static void check_merge(struct error *err, const struct path *at, const json_t *schema)
{
    static const char *const lists[] = {"atomic", "set", "map", NULL};
    static const char *const maps[] = {"atomic", "granular", NULL};
    static const char keyed[] = "must be map if x-kubernetes-list-map-keys is non-empty";
    const char *list = rule_text(schema, "x-kubernetes-list-type");
    bool is_map = strcmp(list, "map") == 0, is_set = strcmp(list, "set") == 0;
    if (rule_has(schema, "x-kubernetes-map-type"))
        check_type_is(err, at, schema, "object",
                      "must be object if x-kubernetes-map-type is specified");
    check_enum(err, at, schema, "x-kubernetes-map-type", maps);
    if (rule_has(schema, "x-kubernetes-list-type") && !is_text(schema, "type", "array"))
        check_type_is(err, at, schema, "array",
                      "must be array if x-kubernetes-list-type is specified");
    else if (is_set && member_object(schema, "items"))
        check_set(err, PATH(at, "items"), member_object(schema, "items"));
    check_enum(err, at, schema, "x-kubernetes-list-type", lists);
    if (json_array_size(member_array(schema, "x-kubernetes-list-map-keys")) && !is_map) {
        if (rule_has(schema, "x-kubernetes-list-type"))
            rule_invalid_text(err, PATH(at, "x-kubernetes-list-type"), list, keyed);
        else
            rule_required(err, PATH(at, "x-kubernetes-list-type"), keyed);
    }
    if (is_map)
        check_map(err, at, schema);
    if (is_map || is_set)
        check_items(err, at, schema, list);
}

/* ---- every node ---- */

static void check_node(struct error *err, const struct path *at, const json_t *schema,
                       const struct place *place);

static void check_additional(struct error *err, const struct path *at, const json_t *schema,
                             const struct place *place)
{
    const json_t *additional = json_object_get(schema, "additionalProperties");
    const struct path *path = PATH(at, "additionalProperties");
    struct place inner = {.in_meta = place->in_meta, .no_defaults = place->no_defaults};
    if (json_object_size(member_object(schema, "properties")) &&
        (json_is_false(additional) || json_is_object(additional)))
        rule_forbidden(err, path, "additionalProperties and properties are mutual exclusive");
    if (place->in_meta)
        inner.no_defaults = "inside additionalProperties applying to object metadata";
    if (json_is_object(additional))
        check_node(err, path, additional, &inner);
}

static void check_properties(struct error *err, const struct path *at, const json_t *schema,
                             const struct place *place)
{
    static const char *const heads[] = {"metadata", "kind", "apiVersion", NULL};
    bool whole = place->is_root || rule_bool(schema, "x-kubernetes-embedded-resource");
    const char *name;
    json_t *property;
    MAP_EACH (member_object(schema, "properties"), name, property) {
        CLEANUP(free_ptr) char *why = xasprintf("in top-level %s", name);
        bool head = whole && rule_one_of(name, heads);
        const struct place inner = {.in_meta = place->in_meta || head,
                                    .no_defaults =
                                        head && place->is_root ? why : place->no_defaults};
        check_node(err, PATH_KEY(PATH(at, "properties"), name), property, &inner);
    }
}

static void check_junctors(struct error *err, const struct path *at, const json_t *schema,
                           const struct place *place)
{
    static const char *const lists[] = {"allOf", "oneOf", "anyOf"};
    const struct place inner = {.in_meta = place->in_meta, .no_defaults = place->no_defaults};
    const json_t *not = member_object(schema, "not"), *item;
    if (not )
        check_node(err, PATH(at, "not"), not, &inner);
    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        LIST_EACH (member_array(schema, lists[k]), i, item)
            check_node(err, PATH_AT(PATH(at, lists[k]), i), item, &inner);
}

static void check_node(struct error *err, const struct path *at, const json_t *schema,
                       const struct place *place)
{
    const json_t *preserved = json_object_get(schema, "x-kubernetes-preserve-unknown-fields");
    const struct place inner = {.in_meta = place->in_meta, .no_defaults = place->no_defaults};
    check_standard(err, at, schema, place);
    check_additional(err, at, schema, place);
    check_properties(err, at, schema, place);
    check_junctors(err, at, schema, place);
    if (member_object(schema, "items"))
        check_node(err, PATH(at, "items"), member_object(schema, "items"), &inner);
    if (json_is_false(preserved))
        rule_invalid(err, PATH(at, "x-kubernetes-preserve-unknown-fields"), preserved,
                     "must be true or undefined");
    check_merge(err, at, schema);
}

/* ---- the whole ---- */

/* With a status of its own, nothing may be said of the whole that says something of the status. */
static void check_root(struct error *err, const struct path *at, const json_t *schema)
{
    static const char *const refused[] = {"id",
                                          "$schema",
                                          "$ref",
                                          "nullable",
                                          "default",
                                          "enum",
                                          "maxProperties",
                                          "minProperties",
                                          "allOf",
                                          "oneOf",
                                          "anyOf",
                                          "not",
                                          "patternProperties",
                                          "dependencies",
                                          "additionalItems",
                                          "definitions",
                                          "x-kubernetes-embedded-resource",
                                          "x-kubernetes-int-or-string",
                                          "x-kubernetes-list-map-keys",
                                          "x-kubernetes-list-type",
                                          "x-kubernetes-map-type"};
    const char *type = rule_text(schema, "type");
    bool more = rule_has(schema, "additionalProperties");
    if (*type && strcmp(type, "object") != 0) {
        rule_invalid_text(err, PATH(at, "type"), type,
                          "only \"object\" is allowed as the type at the root of the schema if the "
                          "status subresource is enabled");
        return;
    }
    for (size_t i = 0; !more && i < ARRAY_LEN(refused); i++)
        more = rule_filled(schema, refused[i]);
    if (more)
        rule_invalid(err, at, schema,
                     "only [Description Type Format Title Maximum ExclusiveMaximum Minimum "
                     "ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems "
                     "MultipleOf Required Items Properties ExternalDocs Example "
                     "XPreserveUnknownFields XValidations] fields are allowed at the root of the "
                     "schema if the status subresource is enabled");
}

/* Whether a node has what upstream's structural schemas have no place for. */
static bool is_foreign(const json_t *schema)
{
    bool foreign =
        rule_filled(schema, "$schema") || json_is_array(json_object_get(schema, "items"));
    for (size_t i = 0; !foreign && i < ARRAY_LEN(unsupported_rows); i++)
        foreign = unsupported_rows[i].is_set(schema, unsupported_rows[i].member);
    return foreign;
}

static bool has_foreign(const json_t *schema)
{
    static const char *const parts[] = {"items", "additionalProperties", "not"};
    static const char *const lists[] = {"allOf", "oneOf", "anyOf"};
    const char *name;
    json_t *property, *item;
    if (!schema)
        return false;
    bool found = is_foreign(schema);
    for (size_t i = 0; !found && i < ARRAY_LEN(parts); i++)
        found = has_foreign(member_object(schema, parts[i]));
    for (size_t k = 0; !found && k < ARRAY_LEN(lists); k++)
        LIST_EACH (member_array(schema, lists[k]), i, item)
            found = found || has_foreign(item);
    MAP_EACH (member_object(schema, "properties"), name, property)
        found = found || has_foreign(property);
    return found;
}

bool definition_is_news(const struct error_cause *cause, const void *arg)
{
    const struct error *told = arg;
    for (size_t i = 0; i < told->cause_count; i++)
        if (strcmp(cause->field, told->causes[i].field) == 0 &&
            strcmp(cause->message, told->causes[i].message) == 0)
            return false;
    return true;
}

/* Patterns and defaults, which compiling judges, what each node may say, and, when all that is
 * well, the rules. `structural`: the schema can be compiled. */
static void check_nodes(struct error *err, const struct path *at, const json_t *schema,
                        bool structural)
{
    const struct place place = {.is_root = true};
    CLEANUP(error_clear) struct error compiled = {0};
    CLEANUP(error_clear) struct error nodes = {0};
    CLEANUP(free_ptr) char *path = path_text(at);
    struct crd_memory *memory = crd_memory_new();
    const struct crd_node *root = structural ? crd_compile(memory, schema, path, &compiled) : NULL;
    check_node(&nodes, at, schema, &place);
    if (root && !nodes.cause_count)
        crd_rules_compile(memory, root, path, &compiled);
    error_move_causes(err, &compiled, definition_is_news, &nodes);
    error_move_causes(err, &nodes, NULL, NULL);
    crd_memory_free(memory);
}

void check_definition_schema(struct error *err, const struct path *above, const json_t *schema,
                             bool has_status)
{
    CLEANUP(error_clear) struct error found = {0};
    const struct path *at = PATH(above, "openAPIV3Schema");
    schema = member_object(schema, "openAPIV3Schema");
    if (!schema)
        return;
    if (has_status)
        check_root(&found, at, schema);
    if (rule_bool(schema, "nullable"))
        rule_forbidden(&found, PATH(at, "nullable"), "nullable cannot be true at the root");
    bool foreign = has_foreign(schema);
    size_t before = found.cause_count;
    if (!foreign)
        check_definition_structure(&found, at, schema);
    check_nodes(&found, at, schema, !foreign && found.cause_count == before);
    if (foreign && !found.cause_count)
        rule_invalid_text(&found, at, "", "OpenAPIV3Schema 'schema' is not supported");
    error_move_causes(err, &found, NULL, NULL);
}
