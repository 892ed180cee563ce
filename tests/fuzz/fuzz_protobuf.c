/* Protobuf bodies: whatever is decoded can be encoded, and then decodes to the same. The first byte
 * picks the type; odd ones take the rest for an envelope. */
#include <assert.h>
#include <stdint.h>

#include "base/json.h"
#include "schema/decode.h"
#include "schema/protobuf.h"
#include "schema/resource.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *decode(const struct type *type, struct str body, bool envelope, struct error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(PROTOBUF_JSON_MAX);
    if (envelope)
        return protobuf_decode_object(type, body, err);
    if (!protobuf_to_json(&text, type, body, err))
        return NULL;
    return schema_decode(type, buf_str(&text), FIELD_VALIDATION_IGNORE, NULL, err);
}

static bool encode(struct buf *out, const struct type *type, const json_t *value)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_write(&text, value);
    return protobuf_encode(out, type, buf_str(&text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count;
    const struct resource *const *rows = resource_all(&count);
    if (size < 1)
        return 0;
    bool envelope = data[0] & 1;
    const struct type *type = rows[(data[0] >> 1) % count]->type;
    struct str body = {(const char *)data + 1, size - 1};
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf bytes = BUF_TEXT;
    CLEANUP(buf_free) struct buf again_bytes = BUF_TEXT;
    json_auto_t *value = decode(type, body, envelope, &err);
    if (!value) {
        assert(err.code >= 400 && err.message);
        return 0;
    }
    bool ok = encode(&bytes, type, value);
    assert(ok);
    json_auto_t *again = decode(type, buf_str(&bytes), false, &err);
    assert(again);
    ok = encode(&again_bytes, type, again);
    assert(ok && str_eq(buf_str(&bytes), buf_str(&again_bytes)));
    return 0;
}
