/* What a version of a CustomResourceDefinition says: its schema, columns, fields to select by,
 * scale.
 *
 * Upstream keeps what all versions have in common in one place of the spec, and blames it there. */
#include "schema/kinds/definition.h"
#include "schema/crd.h"

#define SPEC           PATH(NULL, "spec")
#define SELECTABLE_MAX 8
#define WARNING_MAX    256

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
        rule_invalid_text(err, PATH(at, "jsonPath"), text, "must not point to fields in metadata");
    if (!rule_one_of(rule_text(found, "type"), types))
        rule_invalid_text(err, PATH(at, "jsonPath"), text,
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
            rule_duplicate(err, PATH(PATH_AT(path, i), "jsonPath"),
                           json_object_get(field, "jsonPath"));
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

/* ---- versions that go ---- */

/* What Go holds to be no printable character: controls, spaces but the common one, and what directs
 * how text is shown. Of others, that nobody has given a meaning yet, nothing is said. */
static bool is_printable(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } rows[] = {
        {0, 0x1f},          {0x7f, 0xa0},        {0xad, 0xad},     {0x600, 0x605},
        {0x61c, 0x61c},     {0x6dd, 0x6dd},      {0x70f, 0x70f},   {0x1680, 0x1680},
        {0x180e, 0x180e},   {0x2000, 0x200f},    {0x2028, 0x202f}, {0x205f, 0x206f},
        {0x3000, 0x3000},   {0xe000, 0xf8ff},    {0xfeff, 0xfeff}, {0xfff0, 0xfffb},
        {0xe0000, 0xe007f}, {0xf0000, 0x10ffff},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (c >= rows[i].first && c <= rows[i].last)
            return false;
    return true;
}

/* The first character of a text that is UTF-8 and is not empty. */
static uint32_t first_character(struct str text)
{
    size_t len = str_utf8_character(text);
    uint32_t c = (unsigned char)text.data[0];
    c &= len > 1 ? 0x7fU >> len : 0x7fU;
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)text.data[i] & 0x3fU);
    return c;
}

static void check_deprecation(struct error *err, const struct path *at, const json_t *version)
{
    const json_t *warning = json_object_get(version, "deprecationWarning");
    const struct path *path = PATH(at, "deprecationWarning");
    struct str text = {json_string_value(warning), json_string_length(warning)};
    if (!text.data)
        return;
    if (!rule_bool(version, "deprecated")) {
        rule_invalid(err, path, warning, "can only be set for deprecated versions");
        return;
    }
    if (text.len > WARNING_MAX)
        rule_invalid(err, path, warning, "must be <= 256 characters long");
    if (text.len == 0)
        rule_invalid(err, path, warning, "must not be an empty string");
    for (size_t i = 0, len; i < text.len; i += len) {
        struct str rest = {text.data + i, text.len - i};
        len = str_utf8_character(rest);
        if (!len || !is_printable(first_character(rest))) {
            rule_invalid(err, path, warning,
                         "must only contain printable UTF-8 characters; non-printable character "
                         "found at index %zu",
                         i);
            return;
        }
    }
}

/* ---- all of it ---- */

static bool has_status(const json_t *version)
{
    return rule_has(json_object_get(version, "subresources"), "status");
}

static bool any_has_status(const json_t *versions)
{
    const json_t *version;
    bool found = false;
    LIST_EACH (versions, i, version)
        found = found || has_status(version);
    return found;
}

static void check_schema(struct error *err, const struct path *at, const json_t *version)
{
    check_definition_schema(err, PATH(at, "schema"), json_object_get(version, "schema"),
                            has_status(version));
}

/* In upstream's order. */
static const struct part {
    const char *member;
    const char *with; /* what must be common, too, for the member to be so */
    void (*check)(struct error *err, const struct path *at, const json_t *version);
} parts[] = {
    {"schema", NULL, check_schema},
    {"subresources", NULL, check_scale},
    {"additionalPrinterColumns", NULL, check_columns},
    {"selectableFields", "schema", check_selectables},
};

static bool is_shared(const json_t *versions, const struct part *part)
{
    return is_common(versions, part->member) && (!part->with || is_common(versions, part->with));
}

void check_definition_version(struct error *err, const json_t *spec, size_t i)
{
    const json_t *versions = member_array(spec, "versions"), *version = json_array_get(versions, i);
    const struct path *at = PATH_AT(PATH(SPEC, "versions"), i);
    check_deprecation(err, at, version);
    for (size_t k = 0; k < ARRAY_LEN(parts); k++)
        if (!is_shared(versions, &parts[k]))
            parts[k].check(err, at, version);
}

void check_definition_common(struct error *err, const json_t *spec)
{
    const json_t *versions = member_array(spec, "versions"), *first = json_array_get(versions, 0);
    if (first && is_common(versions, "schema"))
        check_definition_schema(err, PATH(SPEC, "validation"), json_object_get(first, "schema"),
                                any_has_status(versions));
    for (size_t k = 1; first && k < ARRAY_LEN(parts); k++)
        if (is_shared(versions, &parts[k]))
            parts[k].check(err, SPEC, first);
}
