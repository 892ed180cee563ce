/* apiserver/stream_convert.h: the objects of one event of a watch on their way through a conversion
 * webhook, on a lane (lanes.h), while the stream's connection sleeps. */
#pragma once
#include "apiserver/stream.h"

#define STREAM_CONVERT_MAX 2 /* as it is, and as it was */

struct stream_convert;

enum convert_state { CONVERT_PENDING, CONVERT_DONE, CONVERT_FAILED };

/* Whether any of them has to go there to be shown to this stream's client. */
bool stream_convert_needed(const struct stream *stream, struct object *const *objects,
                           size_t count);
/* Begins, with at most STREAM_CONVERT_MAX; the stream is woken at the end. NULL with err when too
 * many wait. I/O thread. */
struct stream_convert *stream_convert_start(struct stream *stream, struct object *const *objects,
                                            size_t count, struct error *err);
/* On CONVERT_DONE `*objects` are in the order in which they came, until the drop; on CONVERT_FAILED
 * err says why. */
enum convert_state stream_convert_look(struct stream_convert *convert,
                                       struct object *const **objects, struct error *err);
/* The stream is not interested any more, or has what it wanted. NULL is fine. */
void stream_convert_drop(struct stream_convert *convert);
