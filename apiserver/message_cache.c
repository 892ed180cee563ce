/* Shards, each a hash table by the object's address and a queue by age. An entry references its
 * object, so that its address is no other's meanwhile. What is oldest goes first when a shard is
 * full, but for what was asked for since it was queued: that is queued once more. */
#include "apiserver/message_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/refs.h"
#include "schema/protobuf.h"
#include "schema/table.h"

#define SHARDS      16
#define SHARD_MAX   (MESSAGE_CACHE_MAX / SHARDS)
#define BUCKETS_MIN 64
#define MESSAGE_MAX (SHARD_MAX / 8) /* larger ones are not kept */

struct entry {
    struct entry *same_bucket, *newer;
    struct object *object;   /* referenced */
    const void *form;        /* what the message is: struct type, or struct resource for cells */
    struct message *message; /* referenced */
    bool used;               /* since it was queued, or looked at by message_cache_expire() */
};

struct shard {
    pthread_mutex_t lock; /* guards what follows */
    struct entry **buckets;
    size_t bucket_count, count, bytes;
    struct entry *oldest, **newest;
};

struct message_cache {
    struct shard shards[SHARDS];
    _Atomic int64_t expired_mono_ns;
};

/* ---- messages ---- */

void message_unref(struct message *message)
{
    if (message && refs_drop(&message->refs))
        free(message);
}

static struct message *message_ref(struct message *message)
{
    refs_take(&message->refs);
    return message;
}

/* How a form is made; false when the object has none. */
typedef bool (*make_fn)(struct buf *out, const struct object *object, const void *form,
                        struct protobuf_memo *memo);

static bool make_protobuf(struct buf *out, const struct object *object, const void *form,
                          struct protobuf_memo *memo)
{
    const struct type *type = form;
    (void)buf_reserve(out, object->body.len); /* so that it seldom grows; failing is seen below */
    return !(type->flags & TYPE_NO_PROTOBUF) && protobuf_encode_next(memo, out, type, object->body);
}

static bool make_cells(struct buf *out, const struct object *object, const void *form,
                       struct protobuf_memo *memo)
{
    (void)memo; /* of protobuf */
    table_cells(out, form, object);
    return buf_ok(out);
}

/* In place: behind room for what comes before the bytes. */
static struct message *message_new(const struct object *object, const void *form, make_fn make,
                                   struct protobuf_memo *memo)
{
    CLEANUP(buf_free) struct buf bytes = BUF_TEXT;
    if (!buf_reserve(&bytes, sizeof(struct message)))
        return NULL;
    bytes.len = sizeof(struct message);
    if (!make(&bytes, object, form, memo))
        return NULL;
    size_t size = bytes.len;
    struct message *message = xreallocarray(buf_take(&bytes), 1, size);
    atomic_init(&message->refs, 1);
    message->len = size - sizeof(*message);
    return message;
}

/* ---- shards; under their locks ---- */

static size_t hash_of(const struct object *object)
{
    uint64_t address = (uint64_t)(uintptr_t)object;
    return (size_t)(address * 0x9e3779b97f4a7c15u >> 20);
}

static struct entry **bucket_of(const struct shard *shard, const struct object *object)
{
    return &shard->buckets[hash_of(object) / SHARDS % shard->bucket_count];
}

static struct entry *find(const struct shard *shard, const struct object *object, const void *form)
{
    struct entry *entry = shard->bucket_count ? *bucket_of(shard, object) : NULL;
    while (entry && (entry->object != object || entry->form != form))
        entry = entry->same_bucket;
    return entry;
}

static size_t size_of(const struct entry *entry)
{
    return sizeof(*entry) + sizeof(*entry->message) + entry->message->len + entry->object->body.len;
}

static void put_in_bucket(struct shard *shard, struct entry *entry)
{
    struct entry **bucket = bucket_of(shard, entry->object);
    entry->same_bucket = *bucket;
    *bucket = entry;
}

static void enqueue(struct shard *shard, struct entry *entry)
{
    entry->newer = NULL;
    entry->used = false;
    *shard->newest = entry;
    shard->newest = &entry->newer;
}

static struct entry *dequeue(struct shard *shard)
{
    struct entry *entry = shard->oldest;
    shard->oldest = entry->newer;
    if (!shard->oldest)
        shard->newest = &shard->oldest;
    return entry;
}

static void widen(struct shard *shard)
{
    free(shard->buckets);
    shard->bucket_count = shard->bucket_count ? shard->bucket_count * 4 : BUCKETS_MIN;
    shard->buckets = xcalloc(shard->bucket_count, sizeof(struct entry *));
    for (struct entry *entry = shard->oldest; entry; entry = entry->newer)
        put_in_bucket(shard, entry);
}

/* Of an entry that is not queued any more. */
static void drop(struct shard *shard, struct entry *entry)
{
    struct entry **link = bucket_of(shard, entry->object);
    while (*link != entry)
        link = &(*link)->same_bucket;
    *link = entry->same_bucket;
    shard->count--;
    shard->bytes -= size_of(entry);
    object_unref(entry->object);
    message_unref(entry->message);
    free(entry);
}

/* At most once around the queue: what is used all the time must go as well. */
static void make_room(struct shard *shard)
{
    for (size_t chances = shard->count; shard->bytes > SHARD_MAX && shard->oldest;) {
        struct entry *entry = dequeue(shard);
        if (entry->used && chances) {
            chances--;
            enqueue(shard, entry);
        } else {
            drop(shard, entry);
        }
    }
}

static void keep(struct shard *shard, struct object *object, const void *form,
                 struct message *message)
{
    if (message->len > MESSAGE_MAX || find(shard, object, form))
        return;
    struct entry *entry = xcalloc(1, sizeof(*entry));
    *entry =
        (struct entry){.object = object_ref(object), .form = form, .message = message_ref(message)};
    if (shard->count == shard->bucket_count)
        widen(shard);
    shard->count++;
    shard->bytes += size_of(entry);
    put_in_bucket(shard, entry);
    enqueue(shard, entry);
    make_room(shard);
}

/* An object that only this cache still holds is no longer the present, nor on its way out. */
static void shard_expire(struct shard *shard)
{
    for (size_t left = shard->count; left; left--) {
        struct entry *entry = dequeue(shard);
        bool alone = atomic_load_explicit(&entry->object->refs, memory_order_relaxed) == 1;
        if (entry->used && !alone)
            enqueue(shard, entry);
        else
            drop(shard, entry);
    }
    if (shard->count)
        return;
    free(shard->buckets);
    shard->buckets = NULL;
    shard->bucket_count = 0;
}

/* ---- the cache ---- */

struct message_cache *message_cache_new(void)
{
    struct message_cache *cache = xcalloc(1, sizeof(*cache));
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&cache->shards[i].lock, NULL);
        cache->shards[i].newest = &cache->shards[i].oldest;
    }
    return cache;
}

void message_cache_free(struct message_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        while (shard->oldest)
            drop(shard, dequeue(shard));
        free(shard->buckets);
        pthread_mutex_destroy(&shard->lock);
    }
    free(cache);
}

static struct message *get(struct message_cache *cache, struct object *object, const void *form,
                           make_fn make, struct protobuf_memo *memo)
{
    struct shard *shard = &cache->shards[hash_of(object) % SHARDS];
    struct message *message = NULL;
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = find(shard, object, form);
    if (entry) {
        entry->used = true;
        message = message_ref(entry->message);
    }
    pthread_mutex_unlock(&shard->lock);
    if (message || !(message = message_new(object, form, make, memo)))
        return message;
    pthread_mutex_lock(&shard->lock);
    keep(shard, object, form, message);
    pthread_mutex_unlock(&shard->lock);
    return message;
}

struct message *message_cache_get(struct message_cache *cache, struct object *object,
                                  const struct type *type)
{
    return get(cache, object, type, make_protobuf, NULL);
}

struct message *message_cache_get_next(struct message_cache *cache, struct object *object,
                                       const struct type *type, struct protobuf_memo *memo)
{
    return get(cache, object, type, make_protobuf, memo);
}

struct message *message_cache_get_cells(struct message_cache *cache, struct object *object,
                                        const struct resource *resource)
{
    return get(cache, object, resource, make_cells, NULL);
}

void message_cache_expire(struct message_cache *cache, int64_t now_mono_ns)
{
    int64_t last = atomic_load(&cache->expired_mono_ns);
    if (now_mono_ns - last < MESSAGE_CACHE_IDLE_NS ||
        !atomic_compare_exchange_strong(&cache->expired_mono_ns, &last, now_mono_ns))
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&cache->shards[i].lock);
        shard_expire(&cache->shards[i]);
        pthread_mutex_unlock(&cache->shards[i].lock);
    }
}

size_t message_cache_size(struct message_cache *cache)
{
    size_t bytes = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&cache->shards[i].lock);
        bytes += cache->shards[i].bytes;
        pthread_mutex_unlock(&cache->shards[i].lock);
    }
    return bytes;
}
