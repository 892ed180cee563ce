/* Defaults: the rules of the kind first (schema/kind.h), then what follows from the types: their
 * defaults, and the values that Go prints even when nobody set them (`status: {}`, `resources: {}`,
 * `replicas: 0`, `creationTimestamp: null` in a template), which some clients insist on. */
#include <string.h>

#include "schema/crd_schema.h"
#include "schema/decode.h"
#include "schema/kind.h"

static void fill_struct(const struct type *type, json_t *object, unsigned depth);

static json_t *default_value(const char *text)
{
    struct error ignored = {0};
    json_t *value = json_parse(str_of(text), JSON_LOAD_LENIENT, &ignored);
    error_clear(&ignored);
    return value;
}

/* What Go prints of a field that nobody set; NULL: nothing. */
static json_t *zero_value(const struct field *field)
{
    if (field->flags & FIELD_DEFAULTED)
        return default_value(field->default_json);
    if (field->card != CARD_ONE || (field->flags & FIELD_POINTER))
        return json_null();
    switch ((enum field_kind)field->kind) {
    case FIELD_REF:
        return field->ref->flags & (TYPE_UNION | TYPE_UNWRAPPED) ? NULL : json_object();
    case FIELD_STRING:
        return json_string("");
    case FIELD_INT32:
    case FIELD_INT64:
    case FIELD_DOUBLE:
    case FIELD_INT_OR_STRING:
        return json_integer(0);
    case FIELD_BOOL:
        return json_false();
    case FIELD_QUANTITY:
        return json_string("0");
    case FIELD_DURATION:
        return json_string("0s");
    default:
        return json_null();
    }
}

static void fill_item(const struct field *field, json_t *value, unsigned depth)
{
    if (json_is_object(value))
        fill_struct(field->ref, value, depth + 1);
}

/* Fills the structs inside one field. */
static void fill_field(const struct field *field, json_t *value, unsigned depth)
{
    const char *key;
    json_t *item;
    size_t at;
    if (field->card == CARD_ONE) {
        fill_item(field, value, depth);
    } else if (field->card == CARD_LIST) {
        json_array_foreach (value, at, item)
            fill_item(field, item, depth);
    } else {
        json_object_foreach (value, key, item)
            fill_item(field, item, depth);
    }
}

/* Upstream keeps objects as protobuf, where an empty list is none: it is read back as null. */
static bool is_empty_list(const struct field *field, const json_t *value)
{
    return field->card == CARD_LIST && json_is_array(value) && !json_array_size(value);
}

static void fill_struct(const struct type *type, json_t *object, unsigned depth)
{
    if (depth > JSON_DEPTH_MAX || (type->flags & (TYPE_UNION | TYPE_UNWRAPPED)))
        return;
    for (size_t i = 0; i < type->zero_count; i++) {
        const struct field *field = &type->fields[type->zeroes[i]];
        json_t *there = json_object_getn(object, field->name, field->name_len);
        json_t *zero = there && !is_empty_list(field, there) ? NULL : zero_value(field);
        if (zero)
            json_object_setn_new_nocheck(object, field->name, field->name_len, zero);
    }
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        json_t *value = json_object_iter_value(at);
        struct str key = {json_object_iter_key(at), json_object_iter_key_len(at)};
        const struct field *field =
            json_is_object(value) || json_is_array(value) ? type_field(type, key) : NULL;
        if (field && field->kind == FIELD_REF)
            fill_field(field, value, depth);
    }
}

void schema_default_member(const struct type *type, json_t *object, const char *name)
{
    const struct field *field = type->custom ? NULL : type_field(type, str_of(name));
    if (!field || field->kind != FIELD_REF || field->card != CARD_ONE ||
        (field->flags & FIELD_POINTER))
        return;
    fill_struct(field->ref, json_ensure_object(object, name), 0);
}

/* The kind's own rules, if the type is a served kind. */
static void set_kind_defaults(const struct type *type, json_t *value)
{
    for (const char *const *gvk = type->gvks; gvk && *gvk; gvk++) {
        const char *last = strrchr(*gvk, '/');
        struct str rest = {*gvk, (size_t)(last - *gvk)}, group = STR("");
        if (memchr(rest.data, '/', rest.len))
            group = str_cut(&rest, '/');
        const struct resource *resource = resource_by_kind(group, rest, str_of(last + 1));
        const struct kind_rules *rules = resource ? kind_rules(resource->key) : NULL;
        if (rules && rules->set_defaults)
            rules->set_defaults(value);
    }
}

void schema_default(const struct type *type, json_t *value)
{
    if (!json_is_object(value))
        return;
    if (!type->custom) {
        set_kind_defaults(type, value);
        fill_struct(type, value, 0);
        return;
    }
    crd_default(type->custom, value);
    json_t *metadata = json_object_get(value, "metadata");
    if (json_is_null(json_object_get(metadata, "creationTimestamp")))
        json_object_del(metadata, "creationTimestamp"); /* the server sets it */
}
