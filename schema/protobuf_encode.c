/* JSON text to protobuf messages, straight from a tape of its tokens: no tree. Go's generated code
 * writes every value that is not a pointer, zero or not, in ascending order of numbers; we write
 * the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/go_duration.h"
#include "base/json_tape.h"
#include "base/parse.h"
#include "schema/protobuf.h"
#include "schema/wire.h"

#define FIELDS_MAX 64         /* of one type: a test checks it */
#define NOTHING    UINT32_MAX /* in place of a token: no value is there */

struct encoder {
    struct buf *out;
    const struct json_tape *tape;
    struct buf scratch;
};

static bool encode_struct(struct encoder *encoder, const struct type *type, uint32_t at);

static const struct json_token *token_at(const struct encoder *encoder, uint32_t at)
{
    return &encoder->tape->tokens[at];
}

static bool is_kind(const struct encoder *encoder, uint32_t at, enum json_token_kind kind)
{
    return at != NOTHING && token_at(encoder, at)->kind == kind;
}

/* "" for what is no string. */
static struct str text_of(struct encoder *encoder, uint32_t at)
{
    if (!is_kind(encoder, at, JSON_TOKEN_STRING))
        return STR("");
    return json_tape_string(encoder->tape, token_at(encoder, at), &encoder->scratch);
}

/* 0 for what is no integer. */
static int64_t integer_of(const struct encoder *encoder, uint32_t at)
{
    int64_t value = 0;
    if (is_kind(encoder, at, JSON_TOKEN_INTEGER) &&
        !parse_i64(json_tape_raw(encoder->tape, token_at(encoder, at)), INT64_MIN, INT64_MAX,
                   &value))
        return 0;
    return value;
}

static double number_of(struct encoder *encoder, uint32_t at)
{
    if (!is_kind(encoder, at, JSON_TOKEN_INTEGER) && !is_kind(encoder, at, JSON_TOKEN_REAL))
        return 0;
    buf_clear(&encoder->scratch);
    buf_add_str(&encoder->scratch, json_tape_raw(encoder->tape, token_at(encoder, at)));
    return buf_ok(&encoder->scratch) ? strtod(encoder->scratch.data, NULL) : 0;
}

/* What a message made of this value may take: mostly less than its text. */
static size_t expected(const struct encoder *encoder, uint32_t at)
{
    size_t len = at == NOTHING ? 0 : token_at(encoder, at)->len;
    return len - len / 4;
}

/* ---- scalars ---- */

static bool encode_bytes(struct encoder *encoder, uint32_t number, uint32_t at)
{
    struct str text = text_of(encoder, at);
    if (at == NOTHING)
        return true;
    size_t mark = wire_begin_sized(encoder->out, number, text.len - text.len / 4);
    if (!base64_decode(encoder->out, text, BASE64_STANDARD))
        return false;
    wire_end(encoder->out, mark);
    return true;
}

/* Timestamp: an empty message stands for the zero time. */
static bool encode_time(struct encoder *encoder, uint32_t number, uint32_t at)
{
    int64_t at_us;
    struct buf *out = encoder->out;
    size_t mark = wire_begin(out, number);
    if (is_kind(encoder, at, JSON_TOKEN_STRING)) {
        if (!time_parse(text_of(encoder, at), &at_us))
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

static bool encode_duration(struct encoder *encoder, uint32_t number, uint32_t at)
{
    int64_t ns = 0;
    size_t mark = wire_begin(encoder->out, number);
    if (at != NOTHING && !go_duration_parse(text_of(encoder, at), &ns))
        return false;
    wire_varint(encoder->out, 1, (uint64_t)ns);
    wire_end(encoder->out, mark);
    return true;
}

static void encode_quantity(struct encoder *encoder, uint32_t number, uint32_t at)
{
    size_t mark = wire_begin(encoder->out, number);
    wire_bytes(encoder->out, 1, at != NOTHING ? text_of(encoder, at) : STR("0"));
    wire_end(encoder->out, mark);
}

static void encode_int_or_string(struct encoder *encoder, uint32_t number, uint32_t at)
{
    size_t mark = wire_begin_sized(encoder->out, number, expected(encoder, at));
    wire_varint(encoder->out, 1, is_kind(encoder, at, JSON_TOKEN_STRING));
    wire_varint(encoder->out, 2, (uint64_t)integer_of(encoder, at));
    wire_bytes(encoder->out, 3, text_of(encoder, at));
    wire_end(encoder->out, mark);
}

/* RawExtension, FieldsV1 and JSON: a message whose one field holds JSON text. */
static void encode_raw(struct encoder *encoder, uint32_t number, uint32_t at)
{
    size_t mark =
        wire_begin_sized(encoder->out, number, at == NOTHING ? 0 : token_at(encoder, at)->len);
    if (at != NOTHING) {
        struct str raw = json_tape_raw(encoder->tape, token_at(encoder, at));
        if (token_at(encoder, at)->kind == JSON_TOKEN_STRING)
            raw = (struct str){raw.data - 1, raw.len + 2}; /* with its quotes */
        wire_bytes(encoder->out, 1, raw);
    }
    wire_end(encoder->out, mark);
}

static void encode_texts(struct encoder *encoder, uint32_t number, uint32_t list)
{
    if (!is_kind(encoder, list, JSON_TOKEN_ARRAY))
        return;
    for (uint32_t at = list + 1; at < token_at(encoder, list)->next;
         at = token_at(encoder, at)->next)
        wire_bytes(encoder->out, number, text_of(encoder, at));
}

/* ---- messages ---- */

static bool encode_message(struct encoder *encoder, uint32_t number, const struct type *type,
                           uint32_t at)
{
    size_t mark = wire_begin_sized(encoder->out, number, expected(encoder, at));
    if (!encode_struct(encoder, type, at))
        return false;
    wire_end(encoder->out, mark);
    return true;
}

/* The contents of JSONSchemaPropsOrBool and its like. */
static bool encode_union(struct encoder *encoder, const struct type *type, uint32_t value)
{
    bool list = is_kind(encoder, value, JSON_TOKEN_ARRAY);
    for (size_t i = 0; i < type->wrapper_count; i++) {
        const struct field *row = &type->wrappers[i];
        if (row->kind == FIELD_BOOL)
            wire_varint(encoder->out, row->number, !is_kind(encoder, value, JSON_TOKEN_FALSE));
        if (row->kind == FIELD_STRING && row->card == CARD_LIST)
            encode_texts(encoder, row->number, value);
        bool fits = row->card == CARD_LIST ? list : is_kind(encoder, value, JSON_TOKEN_OBJECT);
        if (row->kind != FIELD_REF || !fits)
            continue;
        uint32_t end = list ? token_at(encoder, value)->next : value + 1;
        for (uint32_t at = list ? value + 1 : value; at < end; at = token_at(encoder, at)->next)
            if (!encode_message(encoder, row->number, row->ref, at))
                return false;
    }
    return true;
}

static bool encode_ref(struct encoder *encoder, uint32_t number, const struct type *type,
                       uint32_t at)
{
    if (!(type->flags & (TYPE_UNION | TYPE_UNWRAPPED)))
        return encode_message(encoder, number, type, at);
    size_t mark = wire_begin_sized(encoder->out, number, expected(encoder, at));
    if (type->flags & TYPE_UNWRAPPED)
        encode_texts(encoder, type->wrappers[0].number, at);
    else if (!encode_union(encoder, type, at))
        return false;
    wire_end(encoder->out, mark);
    return true;
}

/* One value; NOTHING is the zero value. */
static bool encode_item(struct encoder *encoder, const struct field *field, uint32_t number,
                        uint32_t at)
{
    struct buf *out = encoder->out;
    switch ((enum field_kind)field->kind) {
    case FIELD_STRING:
        wire_bytes(out, number, text_of(encoder, at));
        return true;
    case FIELD_INT32:
    case FIELD_INT64:
        wire_varint(out, number, (uint64_t)integer_of(encoder, at));
        return true;
    case FIELD_BOOL:
        wire_varint(out, number, is_kind(encoder, at, JSON_TOKEN_TRUE));
        return true;
    case FIELD_DOUBLE:
        wire_double(out, number, number_of(encoder, at));
        return true;
    case FIELD_BYTES:
        return encode_bytes(encoder, number, at);
    case FIELD_TIME:
    case FIELD_MICRO_TIME:
        return encode_time(encoder, number, at);
    case FIELD_DURATION:
        return encode_duration(encoder, number, at);
    case FIELD_QUANTITY:
        encode_quantity(encoder, number, at);
        return true;
    case FIELD_INT_OR_STRING:
        encode_int_or_string(encoder, number, at);
        return true;
    case FIELD_RAW:
    case FIELD_FIELDS_V1:
    case FIELD_JSON:
        encode_raw(encoder, number, at);
        return true;
    case FIELD_STRING_LIST:
        encode_texts(encoder, number, at);
        return true;
    case FIELD_REF:
        return encode_ref(encoder, number, field->ref, at);
    }
    return false;
}

/* ---- maps: entries sorted by key, as Go's generated code writes them ---- */

struct entry {
    struct str key;
    char *owned; /* the key, where it is not in the text; NULL */
    uint32_t value;
};

struct entries {
    struct entry *items, at_hand[32];
    size_t count;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *p = a, *q = b;
    return str_compare(p->key, q->key);
}

static void read_entries(struct encoder *encoder, uint32_t map, struct entries *entries)
{
    uint32_t end = token_at(encoder, map)->next;
    size_t most = (end - map) / 2;
    entries->count = 0;
    entries->items = most <= ARRAY_LEN(entries->at_hand) ? entries->at_hand
                                                         : xcalloc(most, sizeof(*entries->items));
    for (uint32_t at = map + 1; at < end; at = token_at(encoder, at + 1)->next) {
        struct entry *entry = &entries->items[entries->count++];
        *entry = (struct entry){.key = text_of(encoder, at), .value = at + 1};
        if (token_at(encoder, at)->escaped)
            entry->key.data = entry->owned = str_dup(entry->key);
    }
}

static void sort_entries(struct entries *entries)
{
    size_t sorted = 1;
    while (sorted < entries->count &&
           compare_entries(&entries->items[sorted - 1], &entries->items[sorted]) <= 0)
        sorted++;
    if (sorted < entries->count)
        qsort(entries->items, entries->count, sizeof(*entries->items), compare_entries);
}

static void entries_clear(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->items[i].owned);
    if (entries->items != entries->at_hand)
        free(entries->items);
}

static uint32_t value_or_nothing(const struct encoder *encoder, uint32_t at)
{
    return is_kind(encoder, at, JSON_TOKEN_NULL) ? NOTHING : at;
}

static bool encode_entry(struct encoder *encoder, const struct field *field,
                         const struct entry *entry)
{
    size_t mark = wire_begin_sized(encoder->out, field->number,
                                   entry->key.len + expected(encoder, entry->value));
    wire_bytes(encoder->out, 1, entry->key);
    if (!encode_item(encoder, field, 2, value_or_nothing(encoder, entry->value)))
        return false;
    wire_end(encoder->out, mark);
    return true;
}

static bool encode_map(struct encoder *encoder, const struct field *field, uint32_t map)
{
    struct entries entries;
    bool ok = true;
    if (!is_kind(encoder, map, JSON_TOKEN_OBJECT))
        return true;
    read_entries(encoder, map, &entries);
    sort_entries(&entries);
    for (size_t i = 0; ok && i < entries.count; i++)
        ok = encode_entry(encoder, field, &entries.items[i]);
    entries_clear(&entries);
    return ok;
}

/* ---- structs ---- */

static bool encode_list(struct encoder *encoder, const struct field *field, uint32_t list)
{
    if (!is_kind(encoder, list, JSON_TOKEN_ARRAY))
        return true;
    uint32_t end = token_at(encoder, list)->next;
    for (uint32_t at = list + 1; at < end; at = token_at(encoder, at)->next)
        if (!encode_item(encoder, field, field->number, value_or_nothing(encoder, at)))
            return false;
    return true;
}

static bool encode_field(struct encoder *encoder, const struct field *field, uint32_t at)
{
    if (field->card == CARD_MAP)
        return encode_map(encoder, field, at);
    if (field->card == CARD_LIST)
        return encode_list(encoder, field, at);
    return (at == NOTHING && (field->flags & FIELD_POINTER)) ||
           encode_item(encoder, field, field->number, at);
}

/* `values` has the value of each of the type's fields, or NOTHING. */
static bool encode_slots(struct encoder *encoder, const struct type *type,
                         const struct proto_slot *slots, size_t count, const uint32_t *values)
{
    for (size_t i = 0; i < count; i++) {
        if (!slots[i].is_wrapper) {
            if (!encode_field(encoder, &type->fields[slots[i].index], values[slots[i].index]))
                return false;
            continue;
        }
        size_t mark = wire_begin(encoder->out, slots[i].number);
        if (!encode_slots(encoder, type, &type->slots[slots[i].first], slots[i].count, values))
            return false;
        wire_end(encoder->out, mark);
    }
    return true;
}

/* Members that the type does not know are left out; the last of equal keys wins. */
static bool encode_struct(struct encoder *encoder, const struct type *type, uint32_t object)
{
    uint32_t values[FIELDS_MAX];
    if (type->field_count > FIELDS_MAX)
        return false;
    for (size_t i = 0; i < type->field_count; i++)
        values[i] = NOTHING;
    uint32_t end =
        is_kind(encoder, object, JSON_TOKEN_OBJECT) ? token_at(encoder, object)->next : 0;
    for (uint32_t at = object + 1; at < end; at = token_at(encoder, at + 1)->next) {
        const struct field *field = type_field(type, text_of(encoder, at));
        if (field)
            values[field - type->fields] = value_or_nothing(encoder, at + 1);
    }
    return encode_slots(encoder, type, type->slots, type->slot_count, values);
}

bool protobuf_encode(struct buf *out, const struct type *type, const struct json_tape *tape)
{
    struct encoder encoder = {.out = out, .tape = tape, .scratch = BUF_INIT(tape->text.len + 1)};
    bool ok = is_kind(&encoder, 0, JSON_TOKEN_OBJECT) && encode_struct(&encoder, type, 0);
    buf_free(&encoder.scratch);
    return ok && buf_ok(out);
}
