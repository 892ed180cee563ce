/* JSON trees to protobuf messages. Go's generated code writes every value that is not a pointer,
 * zero or not, in ascending order of numbers; we write the same bytes. */
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/go_duration.h"
#include "schema/protobuf.h"
#include "schema/wire.h"

#define FIELDS_MAX 64 /* of one type: a test checks it */

static bool encode_struct(struct buf *out, const struct type *type, const json_t *object,
                          unsigned depth);

static struct str text_of(const json_t *value)
{
    return json_is_string(value) ? (struct str){json_string_value(value), json_string_length(value)}
                                 : STR("");
}

static bool encode_bytes(struct buf *out, uint32_t number, const json_t *value)
{
    CLEANUP(buf_free) struct buf bytes = BUF_INIT(out->max);
    if (!value)
        return true;
    if (!base64_decode(&bytes, text_of(value), BASE64_STANDARD))
        return false;
    wire_bytes(out, number, buf_str(&bytes));
    return true;
}

/* Timestamp: an empty message stands for the zero time. */
static bool encode_time(struct buf *out, uint32_t number, const json_t *value)
{
    int64_t at_us;
    size_t mark = wire_begin(out, number);
    if (json_is_string(value)) {
        if (!time_parse(text_of(value), &at_us))
            return false;
        int64_t micros = at_us % 1000000;
        if (micros < 0)
            micros += 1000000;
        wire_varint(out, 1, (uint64_t)((at_us - micros) / 1000000));
        wire_varint(out, 2, (uint64_t)(micros * 1000));
    }
    wire_end(out, mark);
    return true;
}

static bool encode_duration(struct buf *out, uint32_t number, const json_t *value)
{
    int64_t ns = 0;
    size_t mark = wire_begin(out, number);
    if (value && !go_duration_parse(text_of(value), &ns))
        return false;
    wire_varint(out, 1, (uint64_t)ns);
    wire_end(out, mark);
    return true;
}

static bool encode_quantity(struct buf *out, uint32_t number, const json_t *value)
{
    size_t mark = wire_begin(out, number);
    wire_bytes(out, 1, value ? text_of(value) : STR("0"));
    wire_end(out, mark);
    return true;
}

static bool encode_int_or_string(struct buf *out, uint32_t number, const json_t *value)
{
    size_t mark = wire_begin(out, number);
    wire_varint(out, 1, json_is_string(value));
    wire_varint(out, 2, (uint64_t)json_integer_value(value));
    wire_bytes(out, 3, text_of(value));
    wire_end(out, mark);
    return true;
}

/* RawExtension, FieldsV1 and JSON: a message whose one field holds JSON text. */
static bool encode_raw(struct buf *out, uint32_t number, const json_t *value)
{
    size_t mark = wire_begin(out, number);
    if (value) {
        size_t text = wire_begin(out, 1);
        json_write(out, value);
        wire_end(out, text);
    }
    wire_end(out, mark);
    return true;
}

static bool encode_texts(struct buf *out, uint32_t number, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        wire_bytes(out, number, text_of(json_array_get(list, i)));
    return true;
}

/* The contents of JSONSchemaPropsOrBool and its like. */
static bool encode_union(struct buf *out, const struct type *type, const json_t *value,
                         unsigned depth)
{
    for (size_t i = 0; i < type->wrapper_count; i++) {
        const struct field *field = &type->wrappers[i];
        if (field->kind == FIELD_BOOL)
            wire_varint(out, field->number, !json_is_false(value));
        if (field->kind == FIELD_STRING && field->card == CARD_LIST)
            (void)encode_texts(out, field->number, value); /* cannot fail */
        bool fits = field->card == CARD_LIST ? json_is_array(value) : json_is_object(value);
        if (field->kind != FIELD_REF || !fits)
            continue;
        size_t count = field->card == CARD_LIST ? json_array_size(value) : 1;
        for (size_t j = 0; j < count; j++) {
            size_t mark = wire_begin(out, field->number);
            const json_t *item = field->card == CARD_LIST ? json_array_get(value, j) : value;
            if (!encode_struct(out, field->ref, item, depth + 1))
                return false;
            wire_end(out, mark);
        }
    }
    return true;
}

static bool encode_ref(struct buf *out, uint32_t number, const struct type *type,
                       const json_t *value, unsigned depth)
{
    bool ok;
    size_t mark = wire_begin(out, number);
    if (type->flags & TYPE_UNION)
        ok = encode_union(out, type, value, depth);
    else if (type->flags & TYPE_UNWRAPPED)
        ok = encode_texts(out, type->wrappers[0].number, value);
    else
        ok = encode_struct(out, type, value, depth + 1);
    wire_end(out, mark);
    return ok;
}

/* One value; NULL is the zero value. */
static bool encode_item(struct buf *out, const struct field *field, uint32_t number,
                        const json_t *value, unsigned depth)
{
    switch ((enum field_kind)field->kind) {
    case FIELD_STRING:
        wire_bytes(out, number, text_of(value));
        return true;
    case FIELD_INT32:
    case FIELD_INT64:
        wire_varint(out, number, (uint64_t)json_integer_value(value));
        return true;
    case FIELD_BOOL:
        wire_varint(out, number, json_is_true(value));
        return true;
    case FIELD_DOUBLE:
        wire_double(out, number, json_number_value(value));
        return true;
    case FIELD_BYTES:
        return encode_bytes(out, number, value);
    case FIELD_TIME:
    case FIELD_MICRO_TIME:
        return encode_time(out, number, value);
    case FIELD_DURATION:
        return encode_duration(out, number, value);
    case FIELD_QUANTITY:
        return encode_quantity(out, number, value);
    case FIELD_INT_OR_STRING:
        return encode_int_or_string(out, number, value);
    case FIELD_RAW:
    case FIELD_FIELDS_V1:
    case FIELD_JSON:
        return encode_raw(out, number, value);
    case FIELD_STRING_LIST:
        return encode_texts(out, number, value);
    case FIELD_REF:
        return encode_ref(out, number, field->ref, value, depth);
    }
    return false;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool encode_entry(struct buf *out, const struct field *field, const char *key,
                         const json_t *value, unsigned depth)
{
    size_t mark = wire_begin(out, field->number);
    wire_bytes(out, 1, str_of(key));
    if (!encode_item(out, field, 2, value, depth))
        return false;
    wire_end(out, mark);
    return true;
}

/* Entries sorted by key, as Go's generated code writes maps. */
static bool encode_map(struct buf *out, const struct field *field, const json_t *map,
                       unsigned depth)
{
    json_t *self = (json_t *)(uintptr_t)map; /* jansson's iterators are not const */
    size_t count = 0;
    CLEANUP(free_ptr) const char **keys = xcalloc(json_object_size(map) + 1, sizeof(*keys));
    for (void *at = json_object_iter(self); at; at = json_object_iter_next(self, at))
        keys[count++] = json_object_iter_key(at);
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 0; i < count; i++)
        if (!encode_entry(out, field, keys[i], json_object_get(map, keys[i]), depth))
            return false;
    return true;
}

static bool encode_field(struct buf *out, const struct field *field, const json_t *value,
                         unsigned depth)
{
    if (json_is_null(value))
        value = NULL;
    if (field->card == CARD_MAP)
        return !value || encode_map(out, field, value, depth);
    if (field->card == CARD_ONE)
        return (!value && (field->flags & FIELD_POINTER)) ||
               encode_item(out, field, field->number, value, depth);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        if (!encode_item(out, field, field->number, json_is_null(item) ? NULL : item, depth))
            return false;
    }
    return true;
}

/* `values` has the value of each of the type's fields, or NULL. */
static bool encode_slots(struct buf *out, const struct type *type, const struct proto_slot *slots,
                         size_t count, const json_t *const *values, unsigned depth)
{
    for (size_t i = 0; i < count; i++) {
        if (!slots[i].is_wrapper) {
            if (!encode_field(out, &type->fields[slots[i].index], values[slots[i].index], depth))
                return false;
            continue;
        }
        size_t mark = wire_begin(out, slots[i].number);
        if (!encode_slots(out, type, &type->slots[slots[i].first], slots[i].count, values, depth))
            return false;
        wire_end(out, mark);
    }
    return true;
}

static bool encode_struct(struct buf *out, const struct type *type, const json_t *object,
                          unsigned depth)
{
    const json_t *values[FIELDS_MAX] = {0};
    json_t *self = (json_t *)(uintptr_t)object; /* jansson's iterators are not const */
    if (depth > JSON_DEPTH_MAX || type->field_count > FIELDS_MAX)
        return false;
    for (void *at = json_object_iter(self); at; at = json_object_iter_next(self, at)) {
        const struct field *field =
            type_field(type, (struct str){json_object_iter_key(at), json_object_iter_key_len(at)});
        if (field)
            values[field - type->fields] = json_object_iter_value(at);
    }
    return encode_slots(out, type, type->slots, type->slot_count, values, depth);
}

bool protobuf_encode(struct buf *out, const struct type *type, const json_t *value)
{
    return json_is_object(value) && encode_struct(out, type, value, 0) && buf_ok(out);
}
