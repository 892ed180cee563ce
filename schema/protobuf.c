/* Envelopes and frames around protobuf messages. */
#include "schema/protobuf.h"

#include <string.h>

#include "base/json_scan.h"
#include "schema/wire.h"

static const char magic[4] = {'k', '8', 's', 0};

/* Numbers of runtime.Unknown and runtime.TypeMeta. */
enum { UNKNOWN_TYPE_META = 1, UNKNOWN_RAW, UNKNOWN_CONTENT_ENCODING, UNKNOWN_CONTENT_TYPE };
enum { TYPE_META_API_VERSION = 1, TYPE_META_KIND };
/* Of every list. */
enum { LIST_META = 1, LIST_ITEMS };
/* Of meta.v1.WatchEvent and runtime.RawExtension. */
enum { EVENT_TYPE = 1, EVENT_OBJECT };
enum { EXTENSION_RAW = 1 };

#define FRAME_LENGTH_SIZE 4

static bool read_type_meta(struct str message, struct protobuf_envelope *out)
{
    struct wire_reader reader = wire_reader_of(message);
    struct wire_field field;
    while (wire_next(&reader, &field)) {
        if (field.type == WIRE_BYTES && field.number == TYPE_META_API_VERSION)
            out->api_version = field.bytes;
        if (field.type == WIRE_BYTES && field.number == TYPE_META_KIND)
            out->kind = field.bytes;
    }
    return !reader.malformed;
}

bool protobuf_open(struct str body, struct protobuf_envelope *out, struct error *err)
{
    struct wire_field field;
    if (!str_starts(body, (struct str){magic, sizeof(magic)}))
        return error_bad_request(
            err, "provided data does not appear to be a protobuf message, expected prefix "
                 "[107 56 115 0]");
    struct wire_reader reader =
        wire_reader_of((struct str){body.data + sizeof(magic), body.len - sizeof(magic)});
    *out = (struct protobuf_envelope){STR(""), STR(""), STR("")};
    while (wire_next(&reader, &field)) {
        if (field.type != WIRE_BYTES)
            continue;
        if (field.number == UNKNOWN_TYPE_META && !read_type_meta(field.bytes, out))
            return error_bad_request(err, "proto: malformed message");
        if (field.number == UNKNOWN_RAW)
            out->message = field.bytes;
    }
    return !reader.malformed || error_bad_request(err, "proto: malformed message");
}

static void add_magic(struct buf *out, struct str api_version, struct str kind)
{
    buf_add(out, magic, sizeof(magic));
    size_t meta = wire_begin_sized(out, UNKNOWN_TYPE_META, api_version.len + kind.len);
    wire_bytes(out, TYPE_META_API_VERSION, api_version);
    wire_bytes(out, TYPE_META_KIND, kind);
    wire_end(out, meta);
}

size_t protobuf_begin(struct buf *out, struct str api_version, struct str kind, size_t expected)
{
    add_magic(out, api_version, kind);
    return wire_begin_sized(out, UNKNOWN_RAW, expected);
}

/* contentEncoding and contentType, both "". */
const struct str protobuf_after = {
    (const char[]){UNKNOWN_CONTENT_ENCODING << 3 | WIRE_BYTES, 0,
                   UNKNOWN_CONTENT_TYPE << 3 | WIRE_BYTES, 0},
    4,
};

void protobuf_end(struct buf *out, size_t mark)
{
    wire_end(out, mark);
    buf_add_str(out, protobuf_after);
}

void protobuf_before(struct buf *out, struct str api_version, struct str kind, size_t len)
{
    add_magic(out, api_version, kind);
    wire_head(out, UNKNOWN_RAW, len);
}

bool protobuf_encode_object(struct buf *out, const struct type *type, struct str json)
{
    size_t mark = protobuf_begin(out, json_member_text(json, STR("apiVersion")),
                                 json_member_text(json, STR("kind")), json.len / 4 * 3);
    if (!protobuf_encode(out, type, json))
        return false;
    protobuf_end(out, mark);
    return buf_ok(out);
}

static bool encode_field(struct buf *out, uint32_t number, const struct type *type, struct str json)
{
    size_t mark = wire_begin_sized(out, number, json.len / 4 * 3);
    if (!protobuf_encode(out, type, json))
        return false;
    wire_end(out, mark);
    return buf_ok(out);
}

bool protobuf_list_meta(struct buf *out, struct str list_meta)
{
    return encode_field(out, LIST_META, type_find("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"),
                        list_meta);
}

bool protobuf_list_item(struct buf *out, const struct type *type, struct str item)
{
    return encode_field(out, LIST_ITEMS, type, item);
}

void protobuf_before_item(struct buf *out, size_t len)
{
    wire_head(out, LIST_ITEMS, len);
}

/* Appends all of a frame that is before `rest` more bytes of the envelope that begins with `start`.
 */
static void add_frame(struct buf *out, const char *event, struct str start, size_t rest)
{
    CLEANUP(buf_free) struct buf raw = BUF_TEXT;
    size_t at = out->len;
    wire_head(&raw, EXTENSION_RAW, start.len + rest);
    buf_add(out, "\0\0\0\0", FRAME_LENGTH_SIZE);
    wire_bytes(out, EVENT_TYPE, str_of(event));
    wire_head(out, EVENT_OBJECT, raw.len + start.len + rest);
    buf_add_str(out, buf_str(&raw));
    buf_add_str(out, start);
    if (!buf_ok(out))
        return;
    size_t len = out->len - at - FRAME_LENGTH_SIZE + rest;
    for (size_t i = 0; i < FRAME_LENGTH_SIZE; i++)
        out->data[at + i] = (char)(unsigned char)(len >> (24 - 8 * i));
}

void protobuf_watch_event(struct buf *out, const char *event, struct str envelope)
{
    add_frame(out, event, envelope, 0);
}

void protobuf_before_watched(struct buf *out, const char *event, struct str api_version,
                             struct str kind, size_t len)
{
    CLEANUP(buf_free) struct buf start = BUF_TEXT;
    protobuf_before(&start, api_version, kind, len);
    add_frame(out, event, buf_str(&start), len + protobuf_after.len);
}
