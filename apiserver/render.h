/* apiserver/render.h: objects and lists as JSON text, in the shape that a client asked for. */
#pragma once
#include "apiserver/request.h"

/* The stored bytes are the answer: no Table, no PartialObjectMetadata, no view. */
bool render_is_plain(const struct request *request);
/* One object in the request's shape. */
void render_object(struct buf *out, const struct request *request, const struct object *object);
/* One object of a watch: a Table's columns go with the first only. */
void render_event(struct buf *out, const struct request *request, const struct object *object,
                  bool headers);
/* The same from a tree in stored form; `converted`: a webhook made it, and no schema's defaults are
 * put in any more. */
void render_tree(struct buf *out, const struct request *request, json_t *tree, bool converted,
                 bool headers);
/* What was made for the request, in the order of its type where that is the resource's or the
 * subresource's. */
void render_json(struct buf *out, const struct request *request, const json_t *json);
/* The request's reply.list when it is not plain. */
void render_list(struct buf *out, const struct request *request);
/* `{"kind":"PodList",...,"items":[` of a plain list. */
void render_list_head(struct buf *out, const struct request *request);
/* `]}`: what follows them. */
void render_list_tail(struct buf *out, const struct request *request);
/* `{"resourceVersion":"5","continue":"...","remainingItemCount":3}` of the request's reply.list. */
void render_list_meta(struct buf *out, const struct request *request);
/* What the items of a list do not repeat, since it says so for all: the kind and apiVersion that
 * their stored form begins with. */
struct item_prefix {
    char text[256];
    size_t len;
};
void render_item_prefix(struct item_prefix *prefix, const struct request *request);
/* A stored object of a plain list, from behind its opening brace; borrowed. */
struct str render_item_rest(const struct item_prefix *prefix, const struct object *object);
void render_bookmark(struct buf *out, const struct request *request, int64_t revision,
                     bool initial_end);
/* The Status of a watch that fell out of history. */
void render_expired(struct buf *out, int64_t revision);
