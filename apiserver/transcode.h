/* apiserver/transcode.h: rendered JSON as protobuf, for clients that take nothing else.
 *
 * Objects are kept as JSON, so a client that accepts both is given JSON. */
#pragma once
#include "apiserver/request.h"

/* Replaces the JSON of one object or list by its protobuf envelope. False (JSON stays) when the
 * kind has none. */
MUST_CHECK bool transcode_protobuf(struct buf *bytes);
