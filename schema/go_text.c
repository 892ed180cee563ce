#include "schema/go_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

static const char *const go_names[] = {
    [FIELD_STRING] = "string",
    [FIELD_INT32] = "int32",
    [FIELD_INT64] = "int64",
    [FIELD_BOOL] = "bool",
    [FIELD_DOUBLE] = "float64",
    [FIELD_BYTES] = "[]uint8",
    [FIELD_TIME] = "v1.Time",
    [FIELD_MICRO_TIME] = "v1.MicroTime",
    [FIELD_DURATION] = "v1.Duration",
    [FIELD_QUANTITY] = "resource.Quantity",
    [FIELD_INT_OR_STRING] = "intstr.IntOrString",
    [FIELD_RAW] = "runtime.RawExtension",
    [FIELD_FIELDS_V1] = "v1.FieldsV1",
    [FIELD_JSON] = "v1.JSON",
    [FIELD_STRING_LIST] = "[]string",
};

void go_quote(struct buf *out, struct str text)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_add_text(out, "\\n");
        else if (c == '\t')
            buf_add_text(out, "\\t");
        else if (c == '\r')
            buf_add_text(out, "\\r");
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_add_char(out, (char)c);
    }
    buf_add_char(out, '"');
}

const char *type_short_name(const struct type *type)
{
    const char *dot = strrchr(type->name, '.');
    return dot ? dot + 1 : type->name;
}

void go_struct_type(struct buf *out, const struct type *type)
{
    const char *last = type_short_name(type), *package = last > type->name ? last - 1 : last;
    while (package > type->name && package[-1] != '.')
        package--;
    buf_add_text(out, package);
}

void go_field_type(struct buf *out, const struct field *field, bool item)
{
    if (!item && field->card == CARD_LIST)
        buf_add_text(out, "[]");
    if (!item && field->card == CARD_MAP)
        buf_add_text(out, "map[string]");
    if (field->kind == FIELD_REF)
        go_struct_type(out, field->ref);
    else
        buf_add_text(out, go_names[field->kind]);
}

void go_value_kind(struct buf *out, const json_t *value, bool with_number)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "object",  [JSON_ARRAY] = "array", [JSON_STRING] = "string",
        [JSON_INTEGER] = "number", [JSON_REAL] = "number", [JSON_TRUE] = "bool",
        [JSON_FALSE] = "bool",     [JSON_NULL] = "null",
    };
    buf_add_text(out, names[json_typeof(value)]);
    if (!with_number || !json_is_number(value))
        return;
    buf_add_char(out, ' ');
    if (json_real_literal(value))
        buf_add_text(out, json_real_literal(value));
    else
        json_write(out, value);
}

const char *go_type_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "map[string]interface {}",
        [JSON_ARRAY] = "[]interface {}",
        [JSON_STRING] = "string",
        [JSON_INTEGER] = "int64",
        [JSON_REAL] = "float64",
        [JSON_TRUE] = "bool",
        [JSON_FALSE] = "bool",
        [JSON_NULL] = "<nil>",
    };
    return names[value ? json_typeof(value) : JSON_NULL];
}

void go_interface_type(struct buf *out, const json_t *value)
{
    buf_add_text(out, !value || json_is_null(value) ? "%!s(<nil>)" : go_type_name(value));
}

/* Numbers convert to any kind of number and, for Go, whole ones to text; the converter wants
 * neither. */
static bool is_convertible(const struct field *field, const json_t *value)
{
    bool number = field->kind == FIELD_INT32 || field->kind == FIELD_INT64;
    return json_is_real(value) ? number : json_is_integer(value) && field->kind == FIELD_STRING;
}

void go_conversion_error(struct buf *out, const struct field *field, bool item, const json_t *value)
{
    static const char *const kinds[] = {
        [JSON_OBJECT] = "map",    [JSON_ARRAY] = "slice",  [JSON_STRING] = "string",
        [JSON_INTEGER] = "int64", [JSON_REAL] = "float64", [JSON_TRUE] = "bool",
        [JSON_FALSE] = "bool",    [JSON_NULL] = "invalid",
    };
    const char *kind = kinds[json_typeof(value)];
    bool bytes = field->kind == FIELD_BYTES || field->kind == FIELD_STRING_LIST;
    if (!item && field->card == CARD_MAP)
        buf_printf(out, "cannot restore map from %s", kind);
    else if (bytes || (!item && field->card == CARD_LIST))
        buf_printf(out, "cannot restore slice from %s", kind);
    else if (field->kind == FIELD_REF)
        buf_printf(out, "cannot restore struct from: %s", kind);
    else if (is_convertible(field, value))
        buf_printf(out, "cannot convert %s to %s", kind, go_names[field->kind]);
    else
        buf_printf(out, "unrecognized type: %s", go_names[field->kind]);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Owned; the keys are the map's. */
static const char **sorted_keys(const json_t *map)
{
    const char *key;
    json_t *member;
    size_t count = 0;
    const char **keys = xcalloc(json_object_size(map) + 1, sizeof(*keys));
    json_object_foreach (map, key, member)
        keys[count++] = key;
    qsort(keys, count, sizeof(*keys), compare_keys);
    return keys;
}

static void print_map(struct buf *out, const json_t *map)
{
    CLEANUP(free_ptr) const char **keys = sorted_keys(map);
    buf_add_text(out, "map[");
    for (size_t i = 0; i < json_object_size(map); i++) {
        buf_printf(out, "%s%s:", i ? " " : "", keys[i]);
        go_print(out, json_object_get(map, keys[i]));
    }
    buf_add_char(out, ']');
}

/* With the fewest digits that read back the same, and an exponent below 1e-4 and from 1e6 on. */
static void print_real(struct buf *out, double value)
{
    char text[40];
    double again = 0;
    int digits = 0;
    int64_t exponent = 0;
    do {
        (void)snprintf(text, sizeof(text), "%.*e", digits, value);
        again = strtod(text, NULL);
    } while (!(again >= value && again <= value) && ++digits < 17);
    const char *mark = strchr(text, 'e') + 1;
    if (!parse_i64(str_of(*mark == '+' ? mark + 1 : mark), -400, 400, &exponent))
        exponent = 0; /* it wrote it */
    if (exponent < -4 || exponent >= 6)
        buf_add_text(out, text);
    else
        buf_printf(out, "%.*f", digits > exponent ? digits - (int)exponent : 0, value);
}

void go_print(struct buf *out, const json_t *value)
{
    if (json_is_object(value)) {
        print_map(out, value);
    } else if (json_is_array(value)) {
        buf_add_char(out, '[');
        for (size_t i = 0; i < json_array_size(value); i++) {
            buf_add_text(out, i ? " " : "");
            go_print(out, json_array_get(value, i));
        }
        buf_add_char(out, ']');
    } else if (json_is_string(value)) {
        buf_add(out, json_string_value(value), json_string_length(value));
    } else if (!value || json_is_null(value)) {
        buf_add_text(out, "<nil>");
    } else if (json_is_real(value)) {
        print_real(out, json_real_value(value));
    } else {
        json_write(out, value);
    }
}

static void print_map_syntax(struct buf *out, const json_t *map)
{
    CLEANUP(free_ptr) const char **keys = sorted_keys(map);
    buf_add_text(out, "map[string]interface {}{");
    for (size_t i = 0; i < json_object_size(map); i++) {
        buf_add_text(out, i ? ", " : "");
        go_quote(out, str_of(keys[i]));
        buf_add_char(out, ':');
        go_print_syntax(out, json_object_get(map, keys[i]));
    }
    buf_add_char(out, '}');
}

void go_print_syntax(struct buf *out, const json_t *value)
{
    if (json_is_object(value)) {
        print_map_syntax(out, value);
    } else if (json_is_array(value)) {
        buf_add_text(out, "[]interface {}{");
        for (size_t i = 0; i < json_array_size(value); i++) {
            buf_add_text(out, i ? ", " : "");
            go_print_syntax(out, json_array_get(value, i));
        }
        buf_add_char(out, '}');
    } else if (json_is_string(value)) {
        go_quote(out, (struct str){json_string_value(value), json_string_length(value)});
    } else if (!value || json_is_null(value)) {
        buf_add_text(out, "interface {}(nil)");
    } else if (json_is_real(value)) {
        print_real(out, json_real_value(value));
    } else {
        json_write(out, value);
    }
}
