/* Envelopes and frames around protobuf messages. */
#include "schema/protobuf.h"

#include <string.h>

#include "schema/wire.h"

static const char magic[4] = {'k', '8', 's', 0};

/* Numbers of runtime.Unknown and runtime.TypeMeta. */
enum { UNKNOWN_TYPE_META = 1, UNKNOWN_RAW, UNKNOWN_CONTENT_ENCODING, UNKNOWN_CONTENT_TYPE };
enum { TYPE_META_API_VERSION = 1, TYPE_META_KIND };

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

void protobuf_wrap(struct buf *out, const char *api_version, const char *kind, struct str message)
{
    buf_add(out, magic, sizeof(magic));
    size_t meta = wire_begin(out, UNKNOWN_TYPE_META);
    wire_bytes(out, TYPE_META_API_VERSION, str_of(api_version));
    wire_bytes(out, TYPE_META_KIND, str_of(kind));
    wire_end(out, meta);
    wire_bytes(out, UNKNOWN_RAW, message);
    wire_bytes(out, UNKNOWN_CONTENT_ENCODING, STR(""));
    wire_bytes(out, UNKNOWN_CONTENT_TYPE, STR(""));
}

bool protobuf_encode_object(struct buf *out, const struct type *type, const json_t *object)
{
    CLEANUP(buf_free) struct buf message = BUF_INIT(out->max);
    const char *api_version = json_text(object, "apiVersion"), *kind = json_text(object, "kind");
    if (!protobuf_encode(&message, type, object))
        return false;
    protobuf_wrap(out, api_version ? api_version : "", kind ? kind : "", buf_str(&message));
    return buf_ok(out);
}

bool protobuf_list_meta(struct buf *out, const json_t *list_meta)
{
    size_t mark = wire_begin(out, 1);
    bool ok =
        !list_meta ||
        protobuf_encode(out, type_find("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"), list_meta);
    wire_end(out, mark);
    return ok && buf_ok(out);
}

void protobuf_list_item(struct buf *out, struct str message)
{
    wire_bytes(out, 2, message);
}

void protobuf_watch_event(struct buf *out, const char *event, struct str envelope)
{
    size_t start = out->len;
    buf_add(out, "\0\0\0\0", 4); /* the length, once it is known */
    wire_bytes(out, 1, str_of(event));
    size_t object = wire_begin(out, 2);
    wire_bytes(out, 1, envelope);
    wire_end(out, object);
    if (!buf_ok(out))
        return;
    size_t len = out->len - start - 4;
    for (size_t i = 0; i < 4; i++)
        out->data[start + i] = (char)(unsigned char)(len >> (24 - 8 * i));
}
