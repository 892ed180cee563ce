/* A head, two pieces for each item (what is before it, and the item), a tail. */
#include "apiserver/list_body.h"

#include <stdlib.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/message_cache.h"
#include "apiserver/render.h"
#include "schema/protobuf.h"

struct list_body {
    const struct request *request;
    struct buf head, tail;
    struct item_prefix prefix; /* of JSON */
    struct message **messages; /* referenced, one an item; NULL: JSON */
    size_t count;              /* of the items: may outlive the request */
    struct buf before;         /* what is before the message at the cursor */
    size_t size;
    /* the cursor */
    bool in_head;
    size_t item;   /* count: the tail */
    unsigned part; /* 0: before an item, 1: the item */
    size_t offset;
};

static struct list_body *list_body_new(const struct request *request)
{
    struct list_body *body = xcalloc(1, sizeof(*body));
    body->request = request;
    body->count = request->reply.list.count;
    body->head = body->tail = body->before = BUF_TEXT;
    body->in_head = true;
    return body;
}

void list_body_free(struct list_body *body)
{
    if (!body)
        return;
    for (size_t i = 0; body->messages && i < body->count; i++)
        message_unref(body->messages[i]);
    free(body->messages);
    buf_free(&body->head);
    buf_free(&body->tail);
    buf_free(&body->before);
    free(body);
}

size_t list_body_size(const struct list_body *body)
{
    return body->size;
}

/* ---- JSON ---- */

static struct str json_before(size_t item)
{
    return item ? STR(",{") : STR("{");
}

struct list_body *list_body_json(const struct request *request)
{
    const struct object_list *list = &request->reply.list;
    struct list_body *body = list_body_new(request);
    render_item_prefix(&body->prefix, request);
    render_list_head(&body->head, request);
    render_list_tail(&body->tail, request);
    buf_add_char(&body->tail, '\n');
    body->size = body->head.len + body->tail.len;
    for (size_t i = 0; i < body->count; i++)
        body->size += json_before(i).len + render_item_rest(&body->prefix, list->items[i]).len;
    return body;
}

/* ---- protobuf ---- */

static bool take_messages(struct list_body *body, struct protobuf_memo *memo)
{
    const struct request *request = body->request;
    const struct object_list *list = &request->reply.list;
    body->messages = xcalloc(body->count + 1, sizeof(*body->messages));
    for (size_t i = 0; i < body->count; i++) {
        body->messages[i] = message_cache_get_next(request->api->messages, list->items[i],
                                                   request->resource->type, memo);
        if (!body->messages[i])
            return false;
    }
    return true;
}

static struct str protobuf_before_at(struct list_body *body, size_t item)
{
    buf_clear(&body->before);
    protobuf_before_item(&body->before, body->messages[item]->len);
    return buf_str(&body->before);
}

/* The message of the list is its metadata and its items. */
static bool measure(struct list_body *body)
{
    CLEANUP(buf_free) struct buf rendered = BUF_TEXT;
    CLEANUP(buf_free) struct buf meta = BUF_TEXT;
    const struct resource *row = body->request->resource;
    render_list_meta(&rendered, body->request);
    if (!protobuf_list_meta(&meta, buf_str(&rendered)))
        return false;
    size_t items = 0;
    for (size_t i = 0; i < body->count; i++)
        items += protobuf_before_at(body, i).len + body->messages[i]->len;
    protobuf_before(&body->head, str_of(resource_api_version(row)), str_of(row->list_kind),
                    meta.len + items);
    buf_add_str(&body->head, buf_str(&meta));
    body->size = body->head.len + items + protobuf_after.len;
    return true;
}

struct list_body *list_body_protobuf(const struct request *request)
{
    if (request->resource->type->flags & TYPE_NO_PROTOBUF)
        return NULL;
    struct list_body *body = list_body_new(request);
    struct protobuf_memo *memo = protobuf_memo_new();
    bool ok = take_messages(body, memo) && measure(body);
    protobuf_memo_free(memo);
    if (ok)
        return body;
    list_body_free(body);
    return NULL;
}

/* ---- the cursor ---- */

static struct str piece_before(struct list_body *body)
{
    return body->messages ? protobuf_before_at(body, body->item) : json_before(body->item);
}

static struct str piece_item(const struct list_body *body)
{
    if (!body->messages)
        return render_item_rest(&body->prefix, body->request->reply.list.items[body->item]);
    const struct message *message = body->messages[body->item];
    return (struct str){message->data, message->len};
}

static struct str piece_at(struct list_body *body)
{
    if (body->in_head)
        return buf_str(&body->head);
    if (body->item == body->count)
        return body->messages ? protobuf_after : buf_str(&body->tail);
    return body->part == 0 ? piece_before(body) : piece_item(body);
}

static void advance(struct list_body *body)
{
    body->offset = 0;
    if (body->in_head) {
        body->in_head = false;
    } else if (body->part == 0 && body->item < body->count) {
        body->part = 1;
    } else {
        body->part = 0;
        body->item++;
    }
}

size_t list_body_copy(struct list_body *body, char *out, size_t max)
{
    size_t copied = 0;
    while (copied < max && body->item <= body->count) {
        struct str piece = piece_at(body);
        size_t left = piece.len - body->offset, take = left < max - copied ? left : max - copied;
        if (take)
            memcpy(out + copied, piece.data + body->offset, take);
        copied += take;
        body->offset += take;
        if (body->offset == piece.len)
            advance(body);
    }
    return copied;
}
