#include "tests/schema/support_protobuf.h"

#include "schema/decode.h"

typedef bool (*encode_fn)(struct buf *out, const struct type *type, struct str json);

static bool encode(struct buf *out, const struct type *type, const json_t *tree, encode_fn fn)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_write(&text, tree);
    return fn(out, type, buf_str(&text));
}

bool tree_encode(struct buf *out, const struct type *type, const json_t *tree)
{
    return encode(out, type, tree, protobuf_encode);
}

bool tree_encode_object(struct buf *out, const struct type *type, const json_t *tree)
{
    return encode(out, type, tree, protobuf_encode_object);
}

json_t *tree_decode(const struct type *type, struct str message, struct error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(PROTOBUF_JSON_MAX);
    if (!protobuf_to_json(&text, type, message, err))
        return NULL;
    return schema_decode(type, buf_str(&text), FIELD_VALIDATION_IGNORE, NULL, err);
}
