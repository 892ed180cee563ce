/* tests/schema/support_protobuf.h: trees as protobuf, which the server makes from text alone. */
#pragma once
#include "schema/protobuf.h"

/* protobuf_encode() and protobuf_encode_object() of what the tree prints. */
MUST_CHECK bool tree_encode(struct buf *out, const struct type *type, const json_t *tree);
MUST_CHECK bool tree_encode_object(struct buf *out, const struct type *type, const json_t *tree);
/* The shaped tree of a message: NULL as protobuf_decode_object() for an envelope. */
MUST_CHECK json_t *tree_decode(const struct type *type, struct str message, struct error *err);
