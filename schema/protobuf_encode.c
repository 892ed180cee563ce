/* JSON text to protobuf messages in one pass: no tree, no tokens. The text is our own, so that its
 * grammar is not checked again; what is none gives false or another message.
 *
 * Go's generated code writes every value that is not a pointer, zero or not, in ascending order of
 * numbers, and maps by key; we write the same bytes. Nearly always members stand in that order in
 * the text. So each value is written as it comes, with the zeroes that belong before it, and where
 * each one is in the message is kept: one whose members came in another order is put right at its
 * end (schema/protobuf_order.c). */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/go_duration.h"
#include "base/json_scan.h"
#include "base/json_tape.h"
#include "base/parse.h"
#include "schema/protobuf.h"
#include "schema/protobuf_memo.h"
#include "schema/protobuf_order.h"
#include "schema/wire.h"

#define MESSAGE_EXPECTED 128 /* bytes: one that is shorter is cheap to move */
#define EXPECTED_MEMBERS 1024
#define EXPECTED_SHIFT   54 /* of 64 bits, so that EXPECTED_MEMBERS are left */

struct encoder {
    struct buf *out;
    const char *at, *end;
    struct buf scratch; /* the last string that had escapes */
    struct buf moved;   /* of protobuf_order.h */
    unsigned depth;
    struct protobuf_memo *memo; /* NULL: none */
    uint64_t path;              /* of memo_path(), with a memo */
};

static bool encode_struct(struct encoder *encoder, const struct type *type);
static bool encode_item(struct encoder *encoder, const struct field *field, uint32_t number);

/* ---- the text ---- */

static char peek_past_space(struct encoder *encoder)
{
    while (encoder->at < encoder->end && (unsigned char)*encoder->at <= ' ')
        encoder->at++;
    return encoder->at < encoder->end ? *encoder->at : '\0';
}

static char peek(struct encoder *encoder)
{
    bool here = encoder->at < encoder->end && (unsigned char)*encoder->at > ' ';
    return here ? *encoder->at : peek_past_space(encoder);
}

/* Past `c`, if that comes. */
static bool take(struct encoder *encoder, char c)
{
    bool here = peek(encoder) == c;
    encoder->at += here;
    return here;
}

/* Any value, as it stands in the text. */
static bool take_raw(struct encoder *encoder, struct str *raw)
{
    (void)peek(encoder); /* only to be past white space */
    const char *start = encoder->at, *stop = json_scan_value(start, encoder->end);
    if (!stop)
        return false;
    *raw = (struct str){start, (size_t)(stop - start)};
    encoder->at = stop;
    return true;
}

static bool skip(struct encoder *encoder)
{
    struct str raw;
    return take_raw(encoder, &raw);
}

/* Behind the quote of a string: `*escaped` when it is in `scratch`. */
static bool rest_of_string(struct encoder *encoder, struct str *text, bool *escaped)
{
    *escaped = false;
    const char *start = encoder->at, *stop = json_scan_string(start, encoder->end, escaped);
    if (stop == encoder->end)
        return false;
    *text = (struct str){start, (size_t)(stop - start)};
    encoder->at = stop + 1;
    if (*escaped)
        *text = json_unescape(*text, &encoder->scratch);
    return true;
}

/* "" for what is no string. */
static bool take_text(struct encoder *encoder, struct str *text)
{
    bool escaped;
    if (take(encoder, '"'))
        return rest_of_string(encoder, text, &escaped);
    *text = STR("");
    return skip(encoder);
}

/* The name of a member, and the colon behind it. */
static bool take_name(struct encoder *encoder, struct str *name, bool *escaped)
{
    return take(encoder, '"') && rest_of_string(encoder, name, escaped) && take(encoder, ':');
}

/* 0 for what is no integer. */
static bool take_integer(struct encoder *encoder, int64_t *value)
{
    struct str raw;
    if (!take_raw(encoder, &raw))
        return false;
    if (!parse_i64(raw, INT64_MIN, INT64_MAX, value))
        *value = 0;
    return true;
}

static bool take_bool(struct encoder *encoder, struct str *raw, bool *value)
{
    bool ok = take_raw(encoder, raw);
    *value = ok && str_eq(*raw, STR("true"));
    return ok;
}

static bool take_null(struct encoder *encoder)
{
    struct str raw;
    return peek(encoder) == 'n' && take_raw(encoder, &raw);
}

/* The next item of an array, or member of an object, that `*first` says has just been opened: true
 * when there is one; else the end is taken, and `*ok` false when that is not there. */
static bool next(struct encoder *encoder, char end, bool *first, bool *ok)
{
    char c = peek(encoder);
    if (c == end) {
        encoder->at++;
        return false;
    }
    if (!*first && c != ',') {
        *ok = false;
        return false;
    }
    encoder->at += !*first;
    *first = false;
    return true;
}

/* ---- scalars ---- */

static bool encode_text(struct encoder *encoder, uint32_t number)
{
    struct str text;
    if (!take_text(encoder, &text))
        return false;
    wire_bytes(encoder->out, number, text);
    return true;
}

static bool encode_integer(struct encoder *encoder, uint32_t number)
{
    int64_t value;
    if (!take_integer(encoder, &value))
        return false;
    wire_varint(encoder->out, number, (uint64_t)value);
    return true;
}

static bool encode_bool(struct encoder *encoder, uint32_t number)
{
    struct str raw;
    bool value;
    if (!take_bool(encoder, &raw, &value))
        return false;
    wire_varint(encoder->out, number, value);
    return true;
}

static bool encode_double(struct encoder *encoder, uint32_t number)
{
    struct str raw;
    bool is_number = strchr("-0123456789", peek(encoder)) != NULL;
    if (!take_raw(encoder, &raw))
        return false;
    buf_clear(&encoder->scratch);
    buf_add_str(&encoder->scratch, is_number ? raw : STR("0"));
    if (!buf_ok(&encoder->scratch))
        return false;
    wire_double(encoder->out, number, strtod(encoder->scratch.data, NULL));
    return true;
}

static bool encode_bytes(struct encoder *encoder, uint32_t number)
{
    struct str text;
    if (!take_text(encoder, &text))
        return false;
    size_t mark = wire_begin_sized(encoder->out, number, text.len - text.len / 4);
    if (!base64_decode(encoder->out, text, BASE64_STANDARD))
        return false;
    wire_end(encoder->out, mark);
    return true;
}

/* Timestamp: an empty message stands for the zero time. */
static bool encode_time(struct encoder *encoder, uint32_t number)
{
    int64_t at_us;
    struct str text;
    struct buf *out = encoder->out;
    bool is_time = peek(encoder) == '"';
    size_t mark = wire_begin(out, number);
    if (!take_text(encoder, &text) || (is_time && !time_parse(text, &at_us)))
        return false;
    if (is_time) {
        int64_t micros = at_us % 1000000;
        if (micros < 0)
            micros += 1000000;
        wire_varint(out, 1, (uint64_t)((at_us - micros) / 1000000));
        wire_varint(out, 2, (uint64_t)(micros * 1000));
    }
    wire_end(out, mark);
    return true;
}

static bool encode_duration(struct encoder *encoder, uint32_t number)
{
    int64_t ns = 0;
    struct str text;
    size_t mark = wire_begin(encoder->out, number);
    if (!take_text(encoder, &text) || !go_duration_parse(text, &ns))
        return false;
    wire_varint(encoder->out, 1, (uint64_t)ns);
    wire_end(encoder->out, mark);
    return true;
}

static bool encode_quantity(struct encoder *encoder, uint32_t number)
{
    size_t mark = wire_begin(encoder->out, number);
    if (!encode_text(encoder, 1))
        return false;
    wire_end(encoder->out, mark);
    return true;
}

static bool encode_int_or_string(struct encoder *encoder, uint32_t number)
{
    bool is_text = peek(encoder) == '"';
    struct str text = STR("");
    int64_t integer = 0;
    if (!(is_text ? take_text(encoder, &text) : take_integer(encoder, &integer)))
        return false;
    size_t mark = wire_begin_sized(encoder->out, number, text.len);
    wire_varint(encoder->out, 1, is_text);
    wire_varint(encoder->out, 2, (uint64_t)integer);
    wire_bytes(encoder->out, 3, text);
    wire_end(encoder->out, mark);
    return true;
}

/* RawExtension, FieldsV1 and JSON: a message whose one field holds JSON text. */
static bool encode_raw(struct encoder *encoder, uint32_t number)
{
    struct str raw;
    if (!take_raw(encoder, &raw))
        return false;
    size_t mark = wire_begin_sized(encoder->out, number, raw.len + 4);
    wire_bytes(encoder->out, 1, raw);
    wire_end(encoder->out, mark);
    return true;
}

/* ---- what the object before had as well ---- */

typedef bool (*encode_fn)(struct encoder *encoder, const struct field *field);

/* What `encode` would do for a value that ends by itself. */
static bool encode_alike(struct encoder *encoder, const struct field *field, encode_fn encode)
{
    struct buf *out = encoder->out;
    struct memo_place *place = memo_place(encoder->memo, encoder->path, field);
    if (!place)
        return encode(encoder, field);
    const char *text = encoder->at;
    size_t message = out->len;
    size_t len = memo_again(place, (struct str){text, (size_t)(encoder->end - text)}, out);
    encoder->at += len;
    if (len)
        return true;
    if (!encode(encoder, field))
        return false;
    if (buf_ok(out))
        memo_keep(place, (struct str){text, (size_t)(encoder->at - text)},
                  (struct str){out->data + message, out->len - message});
    return true;
}

/* The same for any value that is at `step`. */
static bool encode_at(struct encoder *encoder, uint64_t step, const struct field *field,
                      encode_fn encode)
{
    char first = peek(encoder);
    if (!encoder->memo || (first != '{' && first != '['))
        return encode(encoder, field);
    uint64_t above = encoder->path;
    encoder->path = memo_path(above, step);
    bool ok = encode_alike(encoder, field, encode);
    encoder->path = above;
    return ok;
}

/* ---- lists ---- */

/* Nothing for what is no list. */
static bool encode_texts(struct encoder *encoder, uint32_t number)
{
    bool first = true, ok = true;
    if (!take(encoder, '['))
        return skip(encoder);
    while (next(encoder, ']', &first, &ok))
        if (!encode_text(encoder, number))
            return false;
    return ok;
}

static bool encode_plain(struct encoder *encoder, const struct field *field)
{
    return encode_item(encoder, field, field->number);
}

/* A list and its items share the field, and are told apart by their first character: of an item
 * that may begin like a list nothing is remembered. */
static bool encode_list_item(struct encoder *encoder, const struct field *field, size_t index)
{
    return peek(encoder) == '{' ? encode_at(encoder, index, field, encode_plain)
                                : encode_plain(encoder, field);
}

static bool encode_list(struct encoder *encoder, const struct field *field)
{
    bool first = true, ok = true;
    if (!take(encoder, '['))
        return skip(encoder);
    for (size_t index = 0; next(encoder, ']', &first, &ok); index++) {
        if (take_null(encoder))
            protobuf_zero_item(encoder->out, field, field->number);
        else if (!encode_list_item(encoder, field, index))
            return false;
    }
    return ok;
}

/* ---- messages ---- */

static bool encode_message(struct encoder *encoder, uint32_t number, const struct type *type)
{
    size_t mark = wire_begin_sized(encoder->out, number, MESSAGE_EXPECTED);
    if (!encode_struct(encoder, type))
        return false;
    wire_end(encoder->out, mark);
    return true;
}

static bool encode_messages(struct encoder *encoder, uint32_t number, const struct type *type)
{
    bool first = true, ok = take(encoder, '[');
    while (ok && next(encoder, ']', &first, &ok))
        if (!encode_message(encoder, number, type))
            return false;
    return ok;
}

static bool encode_alternative(struct encoder *encoder, const struct field *row)
{
    char first = peek(encoder);
    if (row->kind == FIELD_BOOL) {
        wire_varint(encoder->out, row->number, first != 'f');
        return true;
    }
    if (first != (row->card == CARD_LIST ? '[' : '{'))
        return true;
    if (row->kind != FIELD_REF)
        return encode_texts(encoder, row->number);
    return first == '[' ? encode_messages(encoder, row->number, row->ref)
                        : encode_message(encoder, row->number, row->ref);
}

/* The contents of JSONSchemaPropsOrBool and its like: each alternative looks at the same value. */
static bool encode_union(struct encoder *encoder, const struct type *type)
{
    (void)peek(encoder); /* only to be past white space */
    const char *start = encoder->at;
    for (size_t i = 0; i < type->wrapper_count; i++) {
        encoder->at = start;
        if (!encode_alternative(encoder, &type->wrappers[i]))
            return false;
    }
    encoder->at = start;
    return skip(encoder);
}

static bool encode_ref(struct encoder *encoder, uint32_t number, const struct type *type)
{
    if (!(type->flags & (TYPE_UNION | TYPE_UNWRAPPED)))
        return encode_message(encoder, number, type);
    size_t mark = wire_begin_sized(encoder->out, number, MESSAGE_EXPECTED);
    if (!(type->flags & TYPE_UNWRAPPED ? encode_texts(encoder, type->wrappers[0].number)
                                       : encode_union(encoder, type)))
        return false;
    wire_end(encoder->out, mark);
    return true;
}

/* One value, which is not null. */
static bool encode_item(struct encoder *encoder, const struct field *field, uint32_t number)
{
    switch ((enum field_kind)field->kind) {
    case FIELD_STRING:
        return encode_text(encoder, number);
    case FIELD_INT32:
    case FIELD_INT64:
        return encode_integer(encoder, number);
    case FIELD_BOOL:
        return encode_bool(encoder, number);
    case FIELD_DOUBLE:
        return encode_double(encoder, number);
    case FIELD_BYTES:
        return encode_bytes(encoder, number);
    case FIELD_TIME:
    case FIELD_MICRO_TIME:
        return encode_time(encoder, number);
    case FIELD_DURATION:
        return encode_duration(encoder, number);
    case FIELD_QUANTITY:
        return encode_quantity(encoder, number);
    case FIELD_INT_OR_STRING:
        return encode_int_or_string(encoder, number);
    case FIELD_RAW:
    case FIELD_FIELDS_V1:
    case FIELD_JSON:
        return encode_raw(encoder, number);
    case FIELD_STRING_LIST:
        return encode_texts(encoder, number);
    case FIELD_REF:
        return encode_ref(encoder, number, field->ref);
    }
    return false;
}

/* ---- maps ---- */

/* Writes one entry, and fills `entry`. */
static bool encode_entry(struct encoder *encoder, const struct field *field,
                         struct proto_entry *entry)
{
    bool escaped;
    entry->start = encoder->out->len;
    size_t mark = wire_begin(encoder->out, field->number);
    if (!take_name(encoder, &entry->key, &escaped))
        return false;
    wire_bytes(encoder->out, 1, entry->key);
    if (escaped)
        entry->key.data = entry->owned = str_dup(entry->key);
    if (take_null(encoder))
        protobuf_zero_item(encoder->out, field, 2);
    else if (!encode_item(encoder, field, 2))
        return false;
    wire_end(encoder->out, mark);
    entry->end = encoder->out->len;
    return true;
}

static bool encode_map(struct encoder *encoder, const struct field *field)
{
    bool first = true, ok = true;
    CLEANUP(proto_entries_clear) struct proto_entries entries;
    proto_entries_init(&entries);
    if (!take(encoder, '{'))
        return skip(encoder);
    while (next(encoder, '}', &first, &ok))
        if (!encode_entry(encoder, field, proto_entries_add(&entries)))
            return false;
    return ok && proto_entries_order(&entries, encoder->out, &encoder->moved);
}

/* ---- structs ---- */

static bool encode_value(struct encoder *encoder, const struct field *field)
{
    if (field->card == CARD_MAP)
        return encode_map(encoder, field);
    if (field->card == CARD_LIST)
        return encode_list(encoder, field);
    return encode_plain(encoder, field);
}

/* Behind the name of a member. One that is null, or that the type does not know, is as if it were
 * not there; the last of equal names wins. */
static bool encode_member(struct encoder *encoder, struct proto_order *order,
                          const struct field *field)
{
    if (!field || !field->number)
        return skip(encoder);
    if (take_null(encoder)) {
        proto_order_drop(order, field);
        return true;
    }
    proto_order_begin(order, encoder->out, field);
    if (!encode_at(encoder, (uintptr_t)field, field, encode_value))
        return false;
    proto_order_end(order, encoder->out, field);
    return true;
}

/* Objects of a kind look alike: which member followed the one before (or began the struct) is
 * remembered, by thread, as what to look for first. Types with messages are never freed. */
static const struct field **expected_after(const struct type *type, const struct field *before)
{
    static _Thread_local const struct field *expected[EXPECTED_MEMBERS];
    uintptr_t key = before ? (uintptr_t)before : (uintptr_t)type;
    return &expected[((uint64_t)key * 0x9e3779b97f4a7c15u) >> EXPECTED_SHIFT];
}

static bool is_of(const struct type *type, const struct field *field)
{
    return field >= type->fields && field < type->fields + type->field_count;
}

/* Past the name of `field`, and its colon, if just that comes. */
static bool take_expected(struct encoder *encoder, const struct field *field)
{
    const char *at = encoder->at;
    size_t len = field->name_len, whole = len + strlen("\"\":");
    if ((size_t)(encoder->end - at) < whole || *at != '"' ||
        memcmp(at + 1, field->name, len) != 0 || at[len + 1] != '"' || at[len + 2] != ':')
        return false;
    encoder->at += whole;
    return true;
}

/* The next member's name. `*field`: the member before, or NULL; then this one, NULL when the type
 * has none of the name. */
static bool take_field(struct encoder *encoder, const struct type *type, const struct field **field)
{
    const struct field **expected = expected_after(type, *field);
    bool escaped;
    struct str name;
    if (*expected && is_of(type, *expected) && take_expected(encoder, *expected)) {
        *field = *expected;
        return true;
    }
    if (!take_name(encoder, &name, &escaped))
        return false;
    *field = type_field(type, name);
    if (*field)
        *expected = *field;
    return true;
}

static bool encode_members(struct encoder *encoder, struct proto_order *order)
{
    bool first = true, ok = true;
    const struct field *field = NULL;
    if (!take(encoder, '{'))
        return skip(encoder);
    while (next(encoder, '}', &first, &ok))
        if (!take_field(encoder, order->type, &field) || !encode_member(encoder, order, field))
            return false;
    return ok;
}

static bool encode_struct(struct encoder *encoder, const struct type *type)
{
    struct proto_order order;
    if (encoder->depth == JSON_DEPTH_MAX || !proto_order_init(&order, type, encoder->out->len))
        return false;
    encoder->depth++;
    bool ok = encode_members(encoder, &order) &&
              proto_order_finish(&order, encoder->out, &encoder->moved);
    encoder->depth--;
    return ok;
}

bool protobuf_encode_next(struct protobuf_memo *memo, struct buf *out, const struct type *type,
                          struct str json)
{
    struct encoder encoder = {.out = out,
                              .memo = memo,
                              .at = json.data,
                              .end = json.data + json.len,
                              .scratch = BUF_INIT(json.len + 1),
                              .moved = BUF_INIT(out->max)};
    bool ok = peek(&encoder) == '{' && encode_struct(&encoder, type);
    buf_free(&encoder.scratch);
    buf_free(&encoder.moved);
    return ok && buf_ok(out);
}

bool protobuf_encode(struct buf *out, const struct type *type, struct str json)
{
    return protobuf_encode_next(NULL, out, type, json);
}
