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

size_t protobuf_begin(struct buf *out, struct str api_version, struct str kind, size_t expected)
{
    buf_add(out, magic, sizeof(magic));
    size_t meta = wire_begin_sized(out, UNKNOWN_TYPE_META, api_version.len + kind.len);
    wire_bytes(out, TYPE_META_API_VERSION, api_version);
    wire_bytes(out, TYPE_META_KIND, kind);
    wire_end(out, meta);
    return wire_begin_sized(out, UNKNOWN_RAW, expected);
}

void protobuf_end(struct buf *out, size_t mark)
{
    wire_end(out, mark);
    wire_bytes(out, UNKNOWN_CONTENT_ENCODING, STR(""));
    wire_bytes(out, UNKNOWN_CONTENT_TYPE, STR(""));
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

void protobuf_watch_event(struct buf *out, const char *event, struct str envelope)
{
    size_t start = out->len;
    buf_add(out, "\0\0\0\0", 4); /* the length, once it is known */
    wire_bytes(out, 1, str_of(event));
    size_t object = wire_begin_sized(out, 2, envelope.len + 4);
    wire_bytes(out, 1, envelope);
    wire_end(out, object);
    if (!buf_ok(out))
        return;
    size_t len = out->len - start - 4;
    for (size_t i = 0; i < 4; i++)
        out->data[start + i] = (char)(unsigned char)(len >> (24 - 8 * i));
}
