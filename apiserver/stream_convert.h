/* apiserver/stream_convert.h: one object of a watch on its way through a conversion webhook, on a
 * lane (lanes.h), while the stream's connection sleeps. */
#pragma once
#include "apiserver/stream.h"

struct stream_convert;

enum convert_state { CONVERT_PENDING, CONVERT_DONE, CONVERT_FAILED };

/* Whether the object has to go there to be shown to this stream's client. */
bool stream_convert_needed(const struct stream *stream, struct object *object);
/* Begins; the stream is woken at the end. NULL with err when too many wait. I/O thread. */
struct stream_convert *stream_convert_start(struct stream *stream, struct object *object,
                                            struct error *err);
/* On CONVERT_DONE `*object` is referenced; on CONVERT_FAILED err says why. */
enum convert_state stream_convert_look(struct stream_convert *convert, struct object **object,
                                       struct error *err);
/* The stream is not interested any more, or has what it wanted. NULL is fine. */
void stream_convert_drop(struct stream_convert *convert);
