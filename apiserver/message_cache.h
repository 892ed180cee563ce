/* apiserver/message_cache.h: stored objects as protobuf messages, and as the cells of Tables, each
 * made once and shared by lists and watches.
 *
 * Objects are kept as JSON. Their messages stay only while somebody asks for them: at most
 * MESSAGE_CACHE_MAX bytes of messages and of the objects they are of, and none for which nobody
 * asked since MESSAGE_CACHE_IDLE_NS or twice that. Any thread; its locks are leaves. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

#include "schema/type.h"
#include "store/object.h"

#define MESSAGE_CACHE_MAX     ((size_t)64 << 20)
#define MESSAGE_CACHE_IDLE_NS ((int64_t)60 * 1000000000)

struct message { /* immutable, shared */
    atomic_uint refs;
    size_t len;
    char data[]; /* without an envelope */
};
void message_unref(struct message *message);

struct message_cache;
struct protobuf_memo;
struct resource;
struct message_cache *message_cache_new(void);
void message_cache_free(struct message_cache *cache);
/* The message of a stored object, referenced; NULL when it has none. */
struct message *message_cache_get(struct message_cache *cache, struct object *object,
                                  const struct type *type);
/* The same for one after the other, as of a list; protobuf_encode_next() says what `memo` is. */
struct message *message_cache_get_next(struct message_cache *cache, struct object *object,
                                       const struct type *type, struct protobuf_memo *memo);
/* Of an object of what is built in: for table_row_of_cells() (schema/table.h). */
struct message *message_cache_get_cells(struct message_cache *cache, struct object *object,
                                        const struct resource *resource);
/* Drops what is idle, and what is of objects that are no longer the present; does nothing when it
 * did so less than MESSAGE_CACHE_IDLE_NS ago. */
void message_cache_expire(struct message_cache *cache, int64_t now_mono_ns);
/* What it holds, in bytes. */
size_t message_cache_size(struct message_cache *cache);
