/* apiserver/transcode.h: rendered JSON as protobuf, for clients that take nothing else.
 *
 * Objects are kept as JSON, so a client that accepts both is given JSON. */
#pragma once
#include "apiserver/request.h"

/* Replaces the JSON of one object or list by its protobuf envelope. False (JSON stays) when the
 * kind has none. */
MUST_CHECK bool transcode_protobuf(struct buf *bytes);
/* Appends the reply's list in its envelope, straight from the stored objects: for what
 * render_is_plain(). False, with nothing appended, when the kind has no protobuf. */
MUST_CHECK bool transcode_list(struct buf *out, const struct request *request);
