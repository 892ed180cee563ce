/* What a version of a CustomResourceDefinition says beside its schema's structure: columns, fields
 * to select by, scale, and lists that apply merges by key.
 *
 * Upstream keeps what all versions have in common in one place of the spec, and blames it there. */
#include "schema/kinds/definition.h"
#include "schema/crd.h"

#define SPEC           PATH(NULL, "spec")
#define SELECTABLE_MAX 8

static bool is_common(const json_t *versions, const char *member)
{
    const json_t *first = json_object_get(json_array_get(versions, 0), member), *version;
    LIST_EACH (versions, i, version) {
        if (!rule_equal(json_object_get(version, member), first))
            return false;
    }
    return true;
}

/* ---- columns ---- */

static void check_json_path(struct error *err, const struct path *path, const char *text)
{
    if (*text && *text != '.')
        rule_invalid_text(err, path, text, "must be a simple json path starting with .");
}

static void check_column(struct error *err, const struct path *at, const json_t *column)
{
    static const char *const types[] = {"boolean", "date", "integer", "number", "string", NULL};
    static const char *const formats[] = {"byte",  "date",  "date-time", "double", "float",
                                          "int32", "int64", "password",  NULL};
    const char *type = rule_text(column, "type"), *format = rule_text(column, "format");
    const char *known = "must be one of boolean,date,integer,number,string";
    check_required(err, at, column, "name", NULL);
    if (check_required(err, at, column, "type", known) && !rule_one_of(type, types))
        rule_invalid_text(err, PATH(at, "type"), type, known);
    if (*format && !rule_one_of(format, formats))
        rule_invalid_text(err, PATH(at, "format"), format,
                          "must be one of byte,date,date-time,double,float,int32,int64,password");
    if (*rule_text(column, "jsonPath"))
        check_json_path(err, PATH(at, "JSONPath"), rule_text(column, "jsonPath"));
    else
        rule_required(err, PATH(at, "JSONPath"), NULL);
}

static void check_columns(struct error *err, const struct path *at, const json_t *version)
{
    const json_t *column;
    LIST_EACH (member_array(version, "additionalPrinterColumns"), i, column)
        check_column(err, PATH_AT(PATH(at, "additionalPrinterColumns"), i), column);
}

/* ---- fields to select by ---- */

/* The schema of ".spec.color"; NULL, with a reason, when the path leads nowhere. Borrowed. */
static const json_t *schema_at(const json_t *schema, const char *text, const char **why)
{
    struct str rest = str_of(text + (*text == '.'));
    if (*text != '.' || strpbrk(text, "[]")) {
        *why = *text == '.' ? "array notation is not allowed" : "expected [ or .";
        return NULL;
    }
    while (schema && rest.data) {
        struct str part = str_cut(&rest, '.');
        schema = json_object_getn(json_object_get(schema, "properties"), part.data, part.len);
    }
    *why = "does not refer to a valid field";
    return schema;
}

static void check_selectable(struct error *err, const struct path *at, const json_t *field,
                             const json_t *schema)
{
    static const char *const types[] = {"boolean", "integer", "string", NULL};
    const char *text = rule_text(field, "jsonPath"), *why;
    if (!check_required(err, at, field, "jsonPath", NULL))
        return;
    const json_t *found = schema_at(schema, text, &why);
    if (!found) {
        rule_invalid(err, PATH(at, "jsonPath"), json_object_get(field, "jsonPath"),
                     "is an invalid path: %s", why);
        return;
    }
    if (str_starts(str_of(text), STR(".metadata.")))
        rule_invalid_text(err, at, text, "must not point to fields in metadata");
    if (!rule_one_of(rule_text(found, "type"), types))
        rule_invalid_text(err, at, text,
                          "must point to a field of type string, boolean or integer. Enum string "
                          "fields and strings with formats are allowed.");
}

static void check_selectables(struct error *err, const struct path *at, const json_t *version)
{
    const json_t *fields = member_array(version, "selectableFields"), *field;
    const struct path *path = PATH(at, "selectableFields");
    json_auto_t *seen = json_object();
    LIST_EACH (fields, i, field) {
        check_selectable(err, PATH_AT(path, i), field,
                         json_at(version, "schema", "openAPIV3Schema"));
        if (*rule_text(field, "jsonPath") && rule_seen(seen, rule_text(field, "jsonPath")))
            rule_duplicate(err, PATH_AT(path, i), json_object_get(field, "jsonPath"));
    }
    if (json_object_size(seen) > SELECTABLE_MAX)
        rule_too_many(err, path, json_object_size(seen), SELECTABLE_MAX);
}

/* ---- scale ---- */

static void check_scale(struct error *err, const struct path *above, const json_t *version)
{
    static const struct {
        const char *member, *prefix, *other, *detail;
    } rows[] = {
        {"specReplicasPath", ".spec.", NULL, "should be a json path under .spec"},
        {"statusReplicasPath", ".status.", NULL, "should be a json path under .status"},
        {"labelSelectorPath", ".spec.", ".status.",
         "should be a json path under either .spec or .status"},
    };
    const json_t *scale = json_at(version, "subresources", "scale");
    const struct path *at = PATH(PATH(above, "subresources"), "scale");
    for (size_t i = 0; scale && i < ARRAY_LEN(rows); i++) {
        const char *text = rule_text(scale, rows[i].member);
        struct str path = str_of(text);
        if (!*text && !rows[i].other)
            rule_required(err, PATH(at, rows[i].member), NULL);
        else if (*text && *text != '.')
            check_json_path(err, PATH(at, rows[i].member), text);
        else if (*text && !str_starts(path, str_of(rows[i].prefix)) &&
                 !(rows[i].other && str_starts(path, str_of(rows[i].other))))
            rule_invalid_text(err, PATH(at, rows[i].member), text, rows[i].detail);
    }
}

/* ---- how lists and maps are merged ---- */

static bool is_listed(const json_t *list, const char *name)
{
    const json_t *item;
    LIST_EACH (list, i, item) {
        if (json_is_string(item) && strcmp(json_string_value(item), name) == 0)
            return true;
    }
    return false;
}

static void check_map_key(struct error *err, const struct path *at, const json_t *schema,
                          const char *name)
{
    const json_t *items = member_object(schema, "items");
    const json_t *key = member_object(member_object(items, "properties"), name);
    const struct path *path = PATH_KEY(PATH(PATH(at, "items"), "properties"), name);
    const char *type = rule_text(key, "type");
    if (!key) {
        rule_invalid(err, PATH(at, "x-kubernetes-list-map-keys"),
                     json_object_get(schema, "x-kubernetes-list-map-keys"),
                     "entries must all be names of item properties");
        return;
    }
    if (strcmp(type, "array") == 0 || strcmp(type, "object") == 0)
        rule_invalid_text(err, PATH(path, "type"), rule_text(items, "type"),
                          "must be a scalar type if parent array's x-kubernetes-list-type is map");
    if (!is_listed(member_array(items, "required"), name) && !rule_has(key, "default"))
        rule_required(err, PATH(path, "default"),
                      "this property is in x-kubernetes-list-map-keys, so it must have a default "
                      "or be a required property");
    if (rule_bool(key, "nullable"))
        rule_forbidden(err, PATH(path, "nullable"),
                       "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
}

static void check_merge(struct error *err, const struct path *at, const json_t *schema)
{
    static const char *const lists[] = {"atomic", "map", "set", NULL};
    static const char *const maps[] = {"atomic", "granular", NULL};
    const char *list = rule_text(schema, "x-kubernetes-list-type");
    const json_t *keys = member_array(schema, "x-kubernetes-list-map-keys"), *key;
    json_auto_t *seen = json_object();
    check_enum(err, at, schema, "x-kubernetes-list-type", lists);
    check_enum(err, at, schema, "x-kubernetes-map-type", maps);
    if (*list && strcmp(rule_text(schema, "type"), "array") != 0)
        rule_invalid_text(err, PATH(at, "type"), rule_text(schema, "type"),
                          "must be array if x-kubernetes-list-type is specified");
    if (rule_has(schema, "x-kubernetes-map-type") &&
        strcmp(rule_text(schema, "type"), "object") != 0)
        rule_invalid_text(err, PATH(at, "type"), rule_text(schema, "type"),
                          "must be object if x-kubernetes-map-type is specified");
    if (json_array_size(keys) && strcmp(list, "map") != 0)
        rule_invalid_text(err, PATH(at, "x-kubernetes-list-type"), list,
                          "must be map if x-kubernetes-list-map-keys is non-empty");
    if ((strcmp(list, "map") == 0 || strcmp(list, "set") == 0) &&
        rule_bool(member_object(schema, "items"), "nullable"))
        rule_forbidden(err, PATH(PATH(at, "items"), "nullable"),
                       "cannot be nullable when x-kubernetes-list-type is %s", list);
    LIST_EACH (strcmp(list, "map") == 0 ? keys : NULL, i, key) {
        const char *name = json_string_value(key) ? json_string_value(key) : "";
        check_map_key(err, at, schema, name);
        if (rule_seen(seen, name))
            rule_invalid(err, PATH(at, "x-kubernetes-list-map-keys"), keys,
                         "must not contain duplicate entries");
    }
}

/* How deep a schema may nest, crd_compile() has seen to. */
static void check_merges(struct error *err, const struct path *at, const json_t *schema)
{
    const char *name;
    json_t *property;
    check_merge(err, at, schema);
    MAP_EACH (member_object(schema, "properties"), name, property)
        check_merges(err, PATH_KEY(PATH(at, "properties"), name), property);
    if (member_object(schema, "items"))
        check_merges(err, PATH(at, "items"), member_object(schema, "items"));
    if (member_object(schema, "additionalProperties"))
        check_merges(err, PATH(at, "additionalProperties"),
                     member_object(schema, "additionalProperties"));
}

/* Only the names of objects may be narrowed. */
static void check_metadata(struct error *err, const struct path *at, const json_t *schema)
{
    const json_t *metadata = member_object(member_object(schema, "properties"), "metadata");
    const struct path *path = PATH_KEY(PATH(at, "properties"), "metadata");
    const char *key;
    json_t *value;
    bool more = false;
    MAP_EACH (metadata, key, value)
        more = more || (strcmp(key, "type") != 0 && strcmp(key, "properties") != 0);
    MAP_EACH (member_object(metadata, "properties"), key, value)
        more = more || (strcmp(key, "name") != 0 && strcmp(key, "generateName") != 0);
    if (more)
        rule_forbidden(err, path,
                       "must not specify anything other than name and generateName, but metadata "
                       "is implicitly specified");
}

static void check_schema(struct error *err, const struct path *at, const json_t *version)
{
    const json_t *schema = json_at(version, "schema", "openAPIV3Schema");
    if (!schema)
        return;
    check_metadata(err, at, schema);
    check_merges(err, at, schema);
}

/* ---- all of it ---- */

static const struct {
    const char *member;
    void (*check)(struct error *err, const struct path *at, const json_t *version);
} parts[] = {
    {"subresources", check_scale},
    {"additionalPrinterColumns", check_columns},
    {"selectableFields", check_selectables},
};

static void check_all(const json_t *definition, struct error *err)
{
    const json_t *versions = json_at(definition, "spec", "versions"), *version;
    bool one_schema = is_common(versions, "schema");
    const struct path *common = PATH(PATH(SPEC, "validation"), "openAPIV3Schema");
    LIST_EACH (versions, i, version) {
        const struct path *at = PATH_AT(PATH(SPEC, "versions"), i);
        for (size_t k = 0; k < ARRAY_LEN(parts); k++)
            if (!is_common(versions, parts[k].member))
                parts[k].check(err, at, version);
            else if (i == 0)
                parts[k].check(err, SPEC, version);
        if (!one_schema)
            check_schema(err, PATH(PATH(at, "schema"), "openAPIV3Schema"), version);
        else if (i == 0)
            check_schema(err, common, version);
    }
}

/* Whether nobody has said so yet: schemas are looked at when they are compiled, too. */
static bool is_news(const struct error_cause *cause, const void *arg)
{
    const struct error *told = arg;
    for (size_t i = 0; i < told->cause_count; i++)
        if (strcmp(cause->field, told->causes[i].field) == 0 &&
            strcmp(cause->message, told->causes[i].message) == 0)
            return false;
    return true;
}

void check_definition_versions(const json_t *definition, const json_t *old, struct error *err)
{
    CLEANUP(error_clear) struct error before = {0};
    CLEANUP(error_clear) struct error found = {0};
    if (json_array_size(json_at(definition, "spec", "versions")) > CRD_VERSIONS_MAX)
        return; /* crd_check() says so */
    if (old)
        check_all(old, &before);
    if (!before.cause_count) /* what was wrong already is not this update's fault */
        check_all(definition, &found);
    error_move_causes(err, &found, is_news, err);
}
