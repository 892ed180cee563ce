/* apiserver/list_body.h: a list on its way out, put together from what is kept of its items: their
 * JSON, or the protobuf messages that everybody shares. It is never whole in memory. For what
 * render_is_plain(). One thread at a time. */
#pragma once
#include <stddef.h>

struct request;
struct list_body;

/* Of the request's reply.list; the request must outlive all that is copied from it. */
struct list_body *list_body_json(const struct request *request);
/* NULL when its items have no protobuf. */
struct list_body *list_body_protobuf(const struct request *request);
void list_body_free(struct list_body *body);
/* All of it, in bytes. */
size_t list_body_size(const struct list_body *body);
/* The next bytes, at most `max`; returns how many: 0 at the end. */
size_t list_body_copy(struct list_body *body, char *out, size_t max);
