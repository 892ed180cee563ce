/* Protobuf messages to the text of JSON: no tree. Whatever is in the message comes from outside:
 * wrong wire types, broken lengths and runaway nesting are a 400; unknown numbers are skipped, as
 * Go's generated code does. Strings are quoted as they are: who reads the text refuses what is no
 * UTF-8.
 *
 * The one idea: the fields of a message are read in one go and put in order, then each run of one
 * number is written. So a field that came in pieces is whole, which is protobuf's rule for lists,
 * for maps and for messages alike. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/go_duration.h"
#include "base/json_tape.h"
#include "schema/decode.h"
#include "schema/protobuf.h"
#include "schema/protobuf_parts.h"
#include "schema/wire.h"

struct decoder {
    struct buf *out;
    struct parts parts;    /* of every message that is being written */
    struct json_tape tape; /* to check raw JSON on */
    unsigned depth;
    struct error *err;
};

static bool write_message(struct decoder *decoder, const struct type *type, struct run run);
static bool write_rest(struct decoder *decoder, const struct type *type, struct run run);

static bool refuse(struct decoder *decoder, const char *why)
{
    return error_bad_request(decoder->err, "proto: %s", why);
}

static bool open_messages(struct decoder *decoder, struct run run, struct run *parts)
{
    return parts_open(&decoder->parts, run, parts) || refuse(decoder, "malformed message");
}

static bool all_are(const struct decoder *decoder, struct run run, enum wire_type type)
{
    return parts_are(&decoder->parts, run, type);
}

/* ---- text ---- */

static void write_text(struct decoder *decoder, struct str text)
{
    json_write_string(decoder->out, text);
}

static void write_word(struct decoder *decoder, struct str word)
{
    buf_add_str(decoder->out, word);
}

/* Takes the comma behind the last member or item, if there is one, for the end. */
static void close_with(struct decoder *decoder, char end)
{
    struct buf *out = decoder->out;
    if (out->len && out->data[out->len - 1] == ',')
        out->data[out->len - 1] = end;
    else
        buf_add_char(out, end);
}

static void write_name(struct decoder *decoder, const struct field *field)
{
    struct buf *out = decoder->out;
    char *room = buf_reserve(out, field->name_len + 3);
    if (!room)
        return;
    room[0] = '"';
    memcpy(room + 1, field->name, field->name_len);
    memcpy(room + 1 + field->name_len, "\":", 3);
    out->len += field->name_len + 3;
}

/* ---- the small messages that stand for scalars: their fields are numbered 1 to 3 ---- */

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

static bool write_time(struct decoder *decoder, const struct small *small, bool micro)
{
    char text[TIME_TEXT_SIZE];
    int64_t seconds = (int64_t)small->values[1], nanos = (int32_t)small->values[2];
    if (!small->seen[1] && !small->seen[2]) {
        write_word(decoder, STR("null"));
        return true;
    }
    if (seconds < -62135596800 || seconds > 253402300799 || nanos < 0 || nanos > 999999999)
        return refuse(decoder, "time out of range");
    int64_t at_us = seconds * 1000000 + nanos / 1000;
    if (micro)
        time_format_micro(at_us, text);
    else
        time_format(at_us, text);
    write_text(decoder, str_of(text));
    return true;
}

/* The object in an envelope. */
static bool write_object(struct decoder *decoder, const struct type *type,
                         const struct protobuf_envelope *envelope)
{
    const struct wire_field message = {.type = WIRE_BYTES, .bytes = envelope->message};
    size_t first = decoder->parts.count;
    parts_push(&decoder->parts, &message);
    write_word(decoder, STR("{\"kind\":"));
    write_text(decoder, envelope->kind);
    write_word(decoder, STR(",\"apiVersion\":"));
    write_text(decoder, envelope->api_version);
    buf_add_char(decoder->out, ',');
    bool ok = write_rest(decoder, type, (struct run){first, first + 1});
    parts_cut(&decoder->parts, first);
    return ok;
}

/* An object in an envelope inside a message: a List's items may come that way. */
static bool write_nested(struct decoder *decoder, struct str raw)
{
    struct protobuf_envelope envelope;
    if (!protobuf_open(raw, &envelope, decoder->err))
        return false;
    struct str rest = envelope.api_version, group = STR("");
    if (rest.len && memchr(rest.data, '/', rest.len))
        group = str_cut(&rest, '/');
    const struct type *type = type_of_kind(group, rest, envelope.kind);
    return type ? write_object(decoder, type, &envelope)
                : refuse(decoder, "unknown kind of raw object");
}

/* JSON inside, which must be one whole value: it could be the end of one, and more. */
static bool write_raw(struct decoder *decoder, struct str raw)
{
    static const char magic[4] = {'k', '8', 's', 0};
    if (str_starts(raw, (struct str){magic, sizeof(magic)}))
        return write_nested(decoder, raw);
    if (raw.len && !json_tape_read(&decoder->tape, raw, decoder->err))
        return false;
    write_word(decoder, raw.len ? raw : STR("null"));
    return true;
}

static bool write_small(struct decoder *decoder, const struct field *field, struct str message)
{
    struct small small;
    char text[GO_DURATION_TEXT_SIZE];
    if (!read_small(message, &small))
        return refuse(decoder, "malformed message");
    switch ((enum field_kind)field->kind) {
    case FIELD_TIME:
    case FIELD_MICRO_TIME:
        return write_time(decoder, &small, field->kind == FIELD_MICRO_TIME);
    case FIELD_DURATION:
        go_duration_format((int64_t)small.values[1], text);
        write_text(decoder, str_of(text));
        return true;
    case FIELD_QUANTITY:
        write_text(decoder, small.bytes[1].len ? small.bytes[1] : STR("0"));
        return true;
    case FIELD_INT_OR_STRING:
        if (small.values[1])
            write_text(decoder, small.bytes[3]);
        else
            buf_add_i64(decoder->out, (int32_t)small.values[2]);
        return true;
    default:
        return write_raw(decoder, small.bytes[1]);
    }
}

/* ---- values ---- */

/* A list of strings. */
static bool write_texts(struct decoder *decoder, struct run run)
{
    if (!all_are(decoder, run, WIRE_BYTES))
        return refuse(decoder, "wrong wireType");
    buf_add_char(decoder->out, '[');
    for (size_t i = run.first; i < run.end; i++) {
        write_text(decoder, decoder->parts.items[i].wire.bytes);
        buf_add_char(decoder->out, ',');
    }
    close_with(decoder, ']');
    return true;
}

/* The message of ExtraValue and its like: its strings. */
static bool write_unwrapped(struct decoder *decoder, const struct type *type, struct run run)
{
    struct run parts, texts = {0};
    if (!open_messages(decoder, run, &parts))
        return false;
    for (size_t at = parts.first; at < parts.end;) {
        struct run found = parts_next(&decoder->parts, parts, &at);
        if (parts_number(&decoder->parts, found) == type->wrappers[0].number)
            texts = found;
    }
    bool ok = write_texts(decoder, texts);
    parts_cut(&decoder->parts, parts.first);
    return ok;
}

static bool write_messages(struct decoder *decoder, const struct type *type, struct run run)
{
    buf_add_char(decoder->out, '[');
    for (size_t i = run.first; i < run.end; i++) {
        if (!write_message(decoder, type, (struct run){i, i + 1}))
            return false;
        buf_add_char(decoder->out, ',');
    }
    close_with(decoder, ']');
    return true;
}

static bool write_alternative(struct decoder *decoder, const struct field *row, struct run run)
{
    if (!all_are(decoder, run, row->kind == FIELD_BOOL ? WIRE_VARINT : WIRE_BYTES))
        return refuse(decoder, "wrong wireType");
    if (row->kind == FIELD_BOOL)
        write_word(decoder, parts_last(&decoder->parts, run)->value ? STR("true") : STR("false"));
    else if (row->kind != FIELD_REF)
        return write_texts(decoder, run);
    else if (row->card == CARD_LIST)
        return write_messages(decoder, row->ref, run);
    else
        return write_message(decoder, row->ref, run);
    return true;
}

/* The alternative that is there; a schema before the bool that Go writes beside it. */
static bool write_union(struct decoder *decoder, const struct type *type, struct run run)
{
    struct run parts, taken = {0};
    const struct field *row = NULL;
    if (!open_messages(decoder, run, &parts))
        return false;
    for (size_t at = parts.first; at < parts.end;) {
        struct run found = parts_next(&decoder->parts, parts, &at);
        for (size_t i = 0; i < type->wrapper_count; i++) {
            const struct field *other = &type->wrappers[i];
            if (other->number == parts_number(&decoder->parts, found) &&
                (!row || other->kind != FIELD_BOOL))
                row = other, taken = found;
        }
    }
    if (!row)
        write_word(decoder, STR("null"));
    bool ok = !row || write_alternative(decoder, row, taken);
    parts_cut(&decoder->parts, parts.first);
    return ok;
}

static bool write_ref(struct decoder *decoder, const struct type *type, struct run run)
{
    if (type->flags & TYPE_UNION)
        return write_union(decoder, type, run);
    if (type->flags & TYPE_UNWRAPPED)
        return write_unwrapped(decoder, type, run);
    return write_message(decoder, type, run);
}

static bool write_double(struct decoder *decoder, uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    json_auto_t *real = json_real(value); /* NULL for what JSON cannot hold */
    if (!real)
        return refuse(decoder, "value out of range");
    json_write(decoder->out, real);
    return true;
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

/* One value, which may have come in pieces. */
static bool write_item(struct decoder *decoder, const struct field *field, struct run run)
{
    struct buf *out = decoder->out;
    if (!all_are(decoder, run, wire_type_of(field)))
        return refuse(decoder, "wrong wireType");
    struct wire_field wire = *parts_last(&decoder->parts, run);
    switch ((enum field_kind)field->kind) {
    case FIELD_STRING:
        write_text(decoder, wire.bytes);
        return true;
    case FIELD_INT32:
        buf_add_i64(out, (int32_t)wire.value);
        return true;
    case FIELD_INT64:
        buf_add_i64(out, (int64_t)wire.value);
        return true;
    case FIELD_BOOL:
        write_word(decoder, wire.value ? STR("true") : STR("false"));
        return true;
    case FIELD_DOUBLE:
        return write_double(decoder, wire.value);
    case FIELD_BYTES:
        buf_add_char(out, '"');
        base64_encode(out, wire.bytes.data, wire.bytes.len, BASE64_STANDARD);
        buf_add_char(out, '"');
        return true;
    case FIELD_REF:
        return write_ref(decoder, field->ref, run);
    default:
        return write_small(decoder, field, wire.bytes);
    }
}

/* ---- fields ---- */

/* A packed run of integers, which other encoders may send. */
static bool write_packed(struct decoder *decoder, const struct field *field, struct str bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    struct wire_field part = {.type = WIRE_VARINT};
    size_t first = decoder->parts.count;
    while (wire_next_varint(&reader, &part.value)) {
        parts_push(&decoder->parts, &part);
        if (!write_item(decoder, field, (struct run){first, first + 1}))
            return false;
        buf_add_char(decoder->out, ',');
        parts_cut(&decoder->parts, first);
    }
    return !reader.malformed || refuse(decoder, "malformed message");
}

static bool write_list(struct decoder *decoder, const struct field *field, struct run run)
{
    bool packable = wire_type_of(field) == WIRE_VARINT;
    buf_add_char(decoder->out, '[');
    for (size_t i = run.first; i < run.end; i++) {
        struct wire_field wire = decoder->parts.items[i].wire;
        bool packed = packable && wire.type == WIRE_BYTES;
        if (packed ? !write_packed(decoder, field, wire.bytes)
                   : !write_item(decoder, field, (struct run){i, i + 1}))
            return false;
        if (!packed)
            buf_add_char(decoder->out, ',');
    }
    close_with(decoder, ']');
    return true;
}

/* What a map's entry without a value holds. */
static struct run push_nothing(struct decoder *decoder, const struct field *field)
{
    const struct wire_field nothing = {.number = 2, .type = wire_type_of(field), .bytes = STR("")};
    parts_push(&decoder->parts, &nothing);
    return (struct run){decoder->parts.count - 1, decoder->parts.count};
}

static bool write_entry(struct decoder *decoder, const struct field *field, struct run entry)
{
    struct run parts, value = {0};
    struct str key = STR("");
    if (!open_messages(decoder, entry, &parts))
        return false;
    for (size_t at = parts.first; at < parts.end;) {
        struct run run = parts_next(&decoder->parts, parts, &at);
        if (parts_number(&decoder->parts, run) == 1 &&
            parts_last(&decoder->parts, run)->type == WIRE_BYTES)
            key = parts_last(&decoder->parts, run)->bytes;
        if (parts_number(&decoder->parts, run) == 2)
            value = run;
    }
    write_text(decoder, key);
    buf_add_char(decoder->out, ':');
    if (value.first == value.end)
        value = push_nothing(decoder, field);
    bool ok = write_item(decoder, field, value);
    parts_cut(&decoder->parts, parts.first);
    return ok;
}

/* A key that comes twice is written twice: the last one counts for who reads it. */
static bool write_map(struct decoder *decoder, const struct field *field, struct run run)
{
    if (!all_are(decoder, run, WIRE_BYTES))
        return refuse(decoder, "wrong wireType");
    buf_add_char(decoder->out, '{');
    for (size_t i = run.first; i < run.end; i++) {
        if (!write_entry(decoder, field, (struct run){i, i + 1}))
            return false;
        buf_add_char(decoder->out, ',');
    }
    close_with(decoder, '}');
    return true;
}

/* Go's encoder writes every field that is no pointer; most of what is zero is nothing in JSON. */
static bool is_omitted(const struct field *field, const struct wire_field *wire)
{
    if (field->flags & FIELD_OFF)
        return true;
    if (field->card != CARD_ONE || !(field->flags & FIELD_OMIT_EMPTY) ||
        (field->flags & FIELD_POINTER))
        return false;
    switch ((enum field_kind)field->kind) {
    case FIELD_STRING:
    case FIELD_BYTES:
        return wire->type == WIRE_BYTES && !wire->bytes.len;
    case FIELD_INT32:
    case FIELD_INT64:
    case FIELD_BOOL:
        return wire->type == WIRE_VARINT && !wire->value;
    default:
        return false;
    }
}

static bool write_field(struct decoder *decoder, const struct field *field, struct run run)
{
    if (is_omitted(field, parts_last(&decoder->parts, run)))
        return true;
    write_name(decoder, field);
    bool ok = field->card == CARD_MAP    ? write_map(decoder, field, run)
              : field->card == CARD_LIST ? write_list(decoder, field, run)
                                         : write_item(decoder, field, run);
    buf_add_char(decoder->out, ',');
    return ok;
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

/* The members of the messages of `run`, each with a comma behind it. */
static bool write_members(struct decoder *decoder, const struct type *type,
                          const struct proto_slot *slots, size_t count, struct run run)
{
    struct run parts;
    if (!all_are(decoder, run, WIRE_BYTES))
        return refuse(decoder, "wrong wireType");
    if (!open_messages(decoder, run, &parts))
        return false;
    for (size_t at = parts.first; at < parts.end;) {
        struct run found = parts_next(&decoder->parts, parts, &at);
        const struct proto_slot *slot =
            find_slot(slots, count, parts_number(&decoder->parts, found));
        if (!slot)
            continue;
        bool ok = slot->is_wrapper
                      ? write_members(decoder, type, &type->slots[slot->first], slot->count, found)
                      : write_field(decoder, &type->fields[slot->index], found);
        if (!ok)
            return false;
    }
    parts_cut(&decoder->parts, parts.first);
    return true;
}

/* What comes behind the brace. */
static bool write_rest(struct decoder *decoder, const struct type *type, struct run run)
{
    if (decoder->depth >= JSON_DEPTH_MAX)
        return refuse(decoder, "the message nests too deep");
    decoder->depth++;
    bool ok = write_members(decoder, type, type->slots, type->slot_count, run);
    close_with(decoder, '}');
    decoder->depth--;
    return ok;
}

static bool write_message(struct decoder *decoder, const struct type *type, struct run run)
{
    buf_add_char(decoder->out, '{');
    return write_rest(decoder, type, run);
}

/* ---- whole messages ---- */

static void decoder_init(struct decoder *decoder, struct buf *out, struct error *err)
{
    decoder->out = out;
    decoder->err = err;
    parts_init(&decoder->parts);
    decoder->tape = (struct json_tape){0};
    decoder->depth = 0;
}

/* `ok`: nothing was wrong so far. */
static bool decoder_end(struct decoder *decoder, bool ok)
{
    parts_free(&decoder->parts);
    json_tape_free(&decoder->tape);
    return ok &&
           (buf_ok(decoder->out) ||
            error_set(decoder->err, ERROR_TOO_LARGE,
                      "Request entity too large: limit is %zu bytes as JSON", decoder->out->max));
}

bool protobuf_to_json(struct buf *out, const struct type *type, struct str message,
                      struct error *err)
{
    struct decoder decoder;
    const struct wire_field whole = {.type = WIRE_BYTES, .bytes = message};
    decoder_init(&decoder, out, err);
    parts_push(&decoder.parts, &whole);
    return decoder_end(&decoder, write_message(&decoder, type, (struct run){0, 1}));
}

bool protobuf_object_to_json(struct buf *out, const struct type *type, struct str body,
                             struct error *err)
{
    struct decoder decoder;
    struct protobuf_envelope envelope;
    decoder_init(&decoder, out, err);
    return decoder_end(&decoder, protobuf_open(body, &envelope, err) &&
                                     write_object(&decoder, type, &envelope));
}

json_t *protobuf_decode_object(const struct type *type, struct str body, struct error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(PROTOBUF_JSON_MAX);
    (void)buf_reserve(&text, 2 * body.len); /* so that it need not grow; failing is seen below */
    if (!protobuf_object_to_json(&text, type, body, err))
        return NULL;
    return schema_decode(type, buf_str(&text), FIELD_VALIDATION_IGNORE, NULL, err);
}
