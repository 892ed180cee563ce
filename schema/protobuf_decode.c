/* Protobuf messages to JSON trees. Whatever is in the message comes from outside: wrong wire types,
 * bad UTF-8, broken lengths and runaway nesting are a 400; unknown numbers are skipped, as Go's
 * generated code does. */
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "schema/decode_internal.h"
#include "base/go_duration.h"
#include "schema/go_text.h"
#include "schema/protobuf.h"
#include "schema/wire.h"

#define BYTES_MAX ((size_t)8 << 20)

struct decoder {
    struct error *err;
};

static json_t *decode_struct(struct decoder *decoder, const struct type *type, struct str message,
                             unsigned depth);
static bool decode_into(struct decoder *decoder, const struct type *type,
                        const struct proto_slot *slots, size_t count, struct str message,
                        json_t *object, unsigned depth);

static json_t *refuse(struct decoder *decoder, const char *why)
{
    (void)error_bad_request(decoder->err, "proto: %s", why); /* false is all that it says */
    return NULL;
}

/* UTF-8 without NUL, which JSON text could not hold for us. */
static json_t *decode_text(struct decoder *decoder, struct str bytes)
{
    json_t *text = bytes.len && memchr(bytes.data, '\0', bytes.len)
                       ? NULL
                       : json_stringn(bytes.len ? bytes.data : "", bytes.len);
    return text ? text : refuse(decoder, "field contains invalid UTF-8");
}

/* The fields numbered 1 to 3 of the small messages that stand for scalars. */
struct small {
    uint64_t values[4];
    struct str bytes[4];
    bool seen[4];
};

static bool read_small(struct str message, struct small *out)
{
    struct wire_reader reader = wire_reader_of(message);
    struct wire_field field;
    *out = (struct small){.bytes = {STR(""), STR(""), STR(""), STR("")}};
    while (wire_next(&reader, &field)) {
        if (field.number >= ARRAY_LEN(out->values))
            continue;
        out->seen[field.number] = true;
        out->values[field.number] = field.value;
        if (field.type == WIRE_BYTES)
            out->bytes[field.number] = field.bytes;
    }
    return !reader.malformed;
}

static json_t *decode_time(struct decoder *decoder, const struct small *small, bool micro)
{
    char text[TIME_TEXT_SIZE];
    int64_t seconds = (int64_t)small->values[1], nanos = (int32_t)small->values[2];
    if (!small->seen[1] && !small->seen[2])
        return json_null();
    if (seconds < -62135596800 || seconds > 253402300799 || nanos < 0 || nanos > 999999999)
        return refuse(decoder, "time out of range");
    int64_t at_us = seconds * 1000000 + nanos / 1000;
    if (micro)
        time_format_micro(at_us, text);
    else
        time_format(at_us, text);
    return json_string(text);
}

static json_t *name_or_empty(struct str name)
{
    json_t *text =
        name.len && !memchr(name.data, '\0', name.len) ? json_stringn(name.data, name.len) : NULL;
    return text ? text : json_string("");
}

/* `members` with kind and apiVersion in front of them. */
static json_t *with_kind(const struct protobuf_envelope *envelope, json_t *members)
{
    json_t *object = json_object();
    json_object_set_new(object, "kind", name_or_empty(envelope->kind));
    json_object_set_new(object, "apiVersion", name_or_empty(envelope->api_version));
    json_object_update(object, members);
    return object;
}

/* An object in an envelope inside a message: a List's items may come that way. */
static json_t *decode_nested(struct decoder *decoder, struct str raw, unsigned depth)
{
    struct protobuf_envelope envelope;
    if (!protobuf_open(raw, &envelope, decoder->err))
        return NULL;
    struct str rest = envelope.api_version, group = STR("");
    if (rest.len && memchr(rest.data, '/', rest.len))
        group = str_cut(&rest, '/');
    const struct type *type = type_of_kind(group, rest, envelope.kind);
    if (!type)
        return refuse(decoder, "unknown kind of raw object");
    json_auto_t *members = decode_struct(decoder, type, envelope.message, depth + 1);
    return members ? with_kind(&envelope, members) : NULL;
}

static json_t *decode_raw(struct decoder *decoder, const struct small *small, unsigned depth)
{
    static const char magic[4] = {'k', '8', 's', 0};
    struct str raw = small->bytes[1];
    if (!small->seen[1] || !raw.len)
        return json_null();
    if (str_starts(raw, (struct str){magic, sizeof(magic)}))
        return decode_nested(decoder, raw, depth);
    return json_parse(raw, JSON_LOAD_LENIENT, decoder->err);
}

static json_t *decode_small(struct decoder *decoder, const struct field *field, struct str message,
                            unsigned depth)
{
    struct small small;
    char text[GO_DURATION_TEXT_SIZE];
    if (!read_small(message, &small))
        return refuse(decoder, "malformed message");
    switch ((enum field_kind)field->kind) {
    case FIELD_TIME:
    case FIELD_MICRO_TIME:
        return decode_time(decoder, &small, field->kind == FIELD_MICRO_TIME);
    case FIELD_DURATION:
        go_duration_format((int64_t)small.values[1], text);
        return json_string(text);
    case FIELD_QUANTITY:
        return decode_text(decoder, small.bytes[1].len ? small.bytes[1] : STR("0"));
    case FIELD_INT_OR_STRING:
        return small.values[1] ? decode_text(decoder, small.bytes[3])
                               : json_integer((int32_t)small.values[2]);
    default:
        return decode_raw(decoder, &small, depth);
    }
}

static json_t *decode_bytes(struct str bytes)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(BYTES_MAX);
    base64_encode(&text, bytes.data ? bytes.data : "", bytes.len, BASE64_STANDARD);
    return buf_ok(&text) ? json_stringn(text.data ? text.data : "", text.len) : NULL;
}

/* Repeated strings under number `number`. */
static json_t *decode_texts(struct decoder *decoder, uint32_t number, struct str message)
{
    struct wire_reader reader = wire_reader_of(message);
    struct wire_field field;
    json_auto_t *list = json_array();
    while (wire_next(&reader, &field)) {
        if (field.number != number || field.type != WIRE_BYTES)
            continue;
        json_t *item = decode_text(decoder, field.bytes);
        if (!item)
            return NULL;
        json_array_append_new(list, item);
    }
    return reader.malformed ? refuse(decoder, "malformed message") : TAKE(list);
}

static const struct field *union_row(const struct type *type, uint32_t number)
{
    for (size_t i = 0; i < type->wrapper_count; i++)
        if (type->wrappers[i].number == number)
            return &type->wrappers[i];
    return NULL;
}

/* Adds an item of one alternative to what has been found: a later alternative replaces a bool. */
static bool take_alternative(json_t **found, const struct field *row, json_t *item)
{
    if (!item)
        return false;
    if (row->card == CARD_ONE) {
        json_decref(*found);
        *found = item;
        return true;
    }
    if (!json_is_array(*found)) {
        json_decref(*found);
        *found = json_array();
    }
    json_array_append_new(*found, item);
    return true;
}

static json_t *decode_union(struct decoder *decoder, const struct type *type, struct str message,
                            unsigned depth)
{
    struct wire_reader reader = wire_reader_of(message);
    struct wire_field field;
    json_auto_t *found = NULL;
    bool has_schema = false;
    while (wire_next(&reader, &field)) {
        const struct field *row = union_row(type, field.number);
        json_t *item = NULL;
        if (!row || (row->kind == FIELD_BOOL && has_schema))
            continue;
        if ((row->kind == FIELD_BOOL) != (field.type == WIRE_VARINT))
            return refuse(decoder, "wrong wireType");
        if (row->kind == FIELD_BOOL)
            item = json_boolean(field.value);
        else if (row->kind == FIELD_REF)
            item = field.type == WIRE_BYTES
                       ? decode_struct(decoder, row->ref, field.bytes, depth + 1)
                       : NULL;
        else
            item = field.type == WIRE_BYTES ? decode_text(decoder, field.bytes) : NULL;
        if (!take_alternative(&found, row, item))
            return decoder->err->code ? NULL : refuse(decoder, "wrong wireType");
        has_schema = has_schema || row->kind == FIELD_REF;
    }
    if (reader.malformed)
        return refuse(decoder, "malformed message");
    return found ? TAKE(found) : json_null();
}

static json_t *decode_ref(struct decoder *decoder, const struct type *type, struct str message,
                          unsigned depth)
{
    if (type->flags & TYPE_UNION)
        return decode_union(decoder, type, message, depth);
    if (type->flags & TYPE_UNWRAPPED)
        return decode_texts(decoder, type->wrappers[0].number, message);
    return decode_struct(decoder, type, message, depth + 1);
}

static enum wire_type wire_type_of(const struct field *field)
{
    switch ((enum field_kind)field->kind) {
    case FIELD_INT32:
    case FIELD_INT64:
    case FIELD_BOOL:
        return WIRE_VARINT;
    case FIELD_DOUBLE:
        return WIRE_FIXED64;
    default:
        return WIRE_BYTES;
    }
}

static json_t *decode_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return json_real(value); /* NULL for what JSON cannot hold */
}

static json_t *decode_item(struct decoder *decoder, const struct field *field,
                           const struct wire_field *wire, unsigned depth)
{
    json_t *made;
    if (wire->type != wire_type_of(field))
        return refuse(decoder, "wrong wireType");
    switch ((enum field_kind)field->kind) {
    case FIELD_STRING:
        return decode_text(decoder, wire->bytes);
    case FIELD_INT32:
        return json_integer((int32_t)wire->value);
    case FIELD_INT64:
        return json_integer((int64_t)wire->value);
    case FIELD_BOOL:
        return json_boolean(wire->value);
    case FIELD_DOUBLE:
        made = decode_double(wire->value);
        break;
    case FIELD_BYTES:
        made = decode_bytes(wire->bytes);
        break;
    case FIELD_REF:
        return decode_ref(decoder, field->ref, wire->bytes, depth);
    default:
        return decode_small(decoder, field, wire->bytes, depth);
    }
    return made ? made : refuse(decoder, "value out of range");
}

/* What a map's entry without a value holds. */
static json_t *zero_entry(struct decoder *decoder, const struct field *field, unsigned depth)
{
    const struct wire_field nothing = {.number = 2, .type = wire_type_of(field), .bytes = STR("")};
    return decode_item(decoder, field, &nothing, depth);
}

static bool decode_entry(struct decoder *decoder, const struct field *field, struct str message,
                         json_t *map, unsigned depth)
{
    struct wire_reader reader = wire_reader_of(message);
    struct wire_field part;
    struct str key = STR("");
    json_auto_t *value = NULL;
    while (wire_next(&reader, &part)) {
        if (part.number == 1 && part.type == WIRE_BYTES)
            key = part.bytes;
        if (part.number != 2)
            continue;
        json_decref(value);
        value = decode_item(decoder, field, &part, depth);
        if (!value)
            return false;
    }
    if (reader.malformed)
        return refuse(decoder, "malformed message") != NULL;
    if (!value && !(value = zero_entry(decoder, field, depth)))
        return false;
    bool clean = !key.len || !memchr(key.data, '\0', key.len);
    if (!clean || json_object_setn(map, key.len ? key.data : "", key.len, value) != 0)
        return refuse(decoder, "key contains invalid UTF-8") != NULL;
    return true;
}

/* A packed run of integers, which other encoders may send. */
static bool decode_packed(struct decoder *decoder, const struct field *field, struct str bytes,
                          json_t *list)
{
    struct wire_field part = {.type = WIRE_VARINT};
    while (bytes.len) {
        unsigned shift = 0;
        part.value = 0;
        for (;; shift += 7) {
            if (!bytes.len || shift > 63)
                return refuse(decoder, "malformed message") != NULL;
            unsigned char byte = (unsigned char)*bytes.data;
            bytes = (struct str){bytes.data + 1, bytes.len - 1};
            part.value |= (uint64_t)(byte & 0x7f) << shift;
            if (!(byte & 0x80))
                break;
        }
        json_t *item = decode_item(decoder, field, &part, 0);
        if (!item)
            return false;
        json_array_append_new(list, item);
    }
    return true;
}

static bool decode_field(struct decoder *decoder, const struct field *field,
                         const struct wire_field *wire, json_t *object, unsigned depth)
{
    json_t *item;
    if (field->card == CARD_MAP)
        return wire->type == WIRE_BYTES
                   ? decode_entry(decoder, field, wire->bytes,
                                  json_ensure_object(object, field->name), depth)
                   : refuse(decoder, "wrong wireType") != NULL;
    if (field->card == CARD_LIST && wire->type == WIRE_BYTES && wire_type_of(field) == WIRE_VARINT)
        return decode_packed(decoder, field, wire->bytes, json_ensure_array(object, field->name));
    item = decode_item(decoder, field, wire, depth);
    if (!item)
        return false;
    if (field->card == CARD_LIST)
        json_array_append_new(json_ensure_array(object, field->name), item);
    else
        json_object_setn_new_nocheck(object, field->name, field->name_len, item);
    return true;
}

static const struct proto_slot *find_slot(const struct proto_slot *slots, size_t count,
                                          uint32_t number)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slots[middle].number == number)
            return &slots[middle];
        if (slots[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool decode_into(struct decoder *decoder, const struct type *type,
                        const struct proto_slot *slots, size_t count, struct str message,
                        json_t *object, unsigned depth)
{
    struct wire_reader reader = wire_reader_of(message);
    struct wire_field wire;
    while (wire_next(&reader, &wire)) {
        const struct proto_slot *slot = find_slot(slots, count, wire.number);
        if (!slot)
            continue;
        if (!slot->is_wrapper) {
            if (!decode_field(decoder, &type->fields[slot->index], &wire, object, depth))
                return false;
        } else if (wire.type != WIRE_BYTES) {
            return refuse(decoder, "wrong wireType") != NULL;
        } else if (!decode_into(decoder, type, &type->slots[slot->first], slot->count, wire.bytes,
                                object, depth)) {
            return false;
        }
    }
    return !reader.malformed || refuse(decoder, "malformed message") != NULL;
}

static json_t *decode_struct(struct decoder *decoder, const struct type *type, struct str message,
                             unsigned depth)
{
    json_auto_t *object = json_object();
    if (depth > JSON_DEPTH_MAX)
        return refuse(decoder, "the message nests too deep");
    if (!decode_into(decoder, type, type->slots, type->slot_count, message, object, depth))
        return NULL;
    return TAKE(object);
}

json_t *protobuf_decode(const struct type *type, struct str message, struct error *err)
{
    struct decoder decoder = {.err = err};
    json_auto_t *object = decode_struct(&decoder, type, message, 0);
    if (!object || !schema_shape(type, object, FIELD_VALIDATION_IGNORE, NULL, err))
        return NULL;
    return TAKE(object);
}

json_t *protobuf_decode_object(const struct type *type, struct str body, struct error *err)
{
    struct protobuf_envelope envelope;
    if (!protobuf_open(body, &envelope, err))
        return NULL;
    json_auto_t *members = protobuf_decode(type, envelope.message, err);
    return members ? with_kind(&envelope, members) : NULL;
}
