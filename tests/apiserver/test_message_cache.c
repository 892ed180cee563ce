/* Messages of stored objects: made once, shared, bounded, and gone when nobody asks. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "apiserver/message_cache.h"
#include "base/json.h"
#include "schema/protobuf.h"
#include "schema/resource.h"
#include "schema/table.h"
#include "store/store.h"
#include "tests/test.h"

#define LATER_NS (10 * MESSAGE_CACHE_IDLE_NS)

static const struct type *type;

/* A ConfigMap with a value of `size` bytes. */
static struct object *config_map(int number, size_t size)
{
    struct error err = {0};
    struct object_draft draft;
    CLEANUP(buf_free) struct buf bytes = BUF_TEXT;
    CLEANUP(free_ptr) char *value = xcalloc(1, size + 1);
    memset(value, 'v', size);
    json_auto_t *map = json_pack("{s:s,s:s,s:{s:i},s:{s:s}}", "kind", "ConfigMap", "apiVersion",
                                 "v1", "metadata", "generation", number, "data", "k", value);
    assert_true(object_draft_make(map, &bytes, &draft, &err));
    return object_new("configmaps", &draft, number + 1, map);
}

static void messages_are_shared(void **state)
{
    struct message_cache *cache = message_cache_new();
    struct object *object = config_map(1, 10), *other = config_map(1, 10);
    CLEANUP(buf_free) struct buf wanted = BUF_TEXT;
    (void)state;
    assert_true(protobuf_encode(&wanted, type, object->body));
    struct message *first = message_cache_get(cache, object, type),
                   *again = message_cache_get(cache, object, type),
                   *of_other = message_cache_get(cache, other, type);
    assert_ptr_equal(first, again);
    assert_ptr_not_equal(first, of_other);
    assert_int_equal(first->len, wanted.len);
    assert_memory_equal(first->data, wanted.data, wanted.len);
    message_cache_free(cache); /* who holds one keeps it */
    assert_memory_equal(first->data, wanted.data, wanted.len);
    message_unref(first);
    message_unref(again);
    message_unref(of_other);
    object_unref(object);
    object_unref(other);
}

/* Beside the message of the same object. */
static void cells_are_shared(void **state)
{
    struct message_cache *cache = message_cache_new();
    const struct resource *resource = resource_by_key("configmaps");
    struct object *object = config_map(1, 10);
    CLEANUP(buf_free) struct buf wanted = BUF_TEXT;
    (void)state;
    table_cells(&wanted, resource, object);
    struct message *message = message_cache_get(cache, object, type),
                   *first = message_cache_get_cells(cache, object, resource),
                   *again = message_cache_get_cells(cache, object, resource);
    assert_ptr_equal(first, again);
    assert_ptr_not_equal(first, message);
    assert_int_equal(first->len, wanted.len);
    assert_memory_equal(first->data, wanted.data, wanted.len);
    message_unref(message);
    message_unref(first);
    message_unref(again);
    object_unref(object);
    message_cache_free(cache);
}

static void what_has_none_has_none(void **state)
{
    struct message_cache *cache = message_cache_new();
    struct object *object = config_map(1, 10);
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_null(message_cache_get(cache, object,
                                      type_find("io.k8s.apimachinery.pkg.apis.meta.v1.Table")));
    assert_int_equal(message_cache_size(cache), 0);
    object_unref(object);
    message_cache_free(cache);
}

static void idle_messages_go(void **state)
{
    struct message_cache *cache = message_cache_new();
    struct object *used = config_map(1, 10), *unused = config_map(2, 10), *gone = config_map(3, 10);
    (void)state;
    message_unref(message_cache_get(cache, unused, type));
    for (int i = 0; i < 2; i++)
        message_unref(message_cache_get(cache, used, type));
    for (int i = 0; i < 2; i++)
        message_unref(message_cache_get(cache, gone, type));
    object_unref(gone);
    size_t all = message_cache_size(cache);
    message_cache_expire(cache, LATER_NS);
    size_t one = message_cache_size(cache);
    assert_true(one > 0 && one < all / 2);
    message_unref(message_cache_get(cache, used, type));
    message_cache_expire(cache, LATER_NS + 1); /* too soon */
    message_cache_expire(cache, 2 * LATER_NS);
    assert_int_equal(message_cache_size(cache), one);
    message_cache_expire(cache, 3 * LATER_NS);
    assert_int_equal(message_cache_size(cache), 0);
    message_unref(message_cache_get(cache, used, type)); /* and may come back */
    assert_int_equal(message_cache_size(cache), one);
    object_unref(used);
    object_unref(unused);
    message_cache_free(cache);
}

static void size_is_bounded(void **state)
{
    struct message_cache *cache = message_cache_new();
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct object *object = config_map(i, (size_t)100 << 10);
        for (int times = i % 3; times >= 0; times--)
            message_unref(message_cache_get(cache, object, type));
        object_unref(object);
        assert_true(message_cache_size(cache) <= MESSAGE_CACHE_MAX);
    }
    assert_true(message_cache_size(cache) > MESSAGE_CACHE_MAX / 2);
    struct object *huge = config_map(1, (size_t)1 << 20);
    size_t before = message_cache_size(cache);
    struct message *message = message_cache_get(cache, huge, type);
    assert_true(message->len > (size_t)1 << 20);
    assert_int_equal(message_cache_size(cache), before);
    message_unref(message);
    object_unref(huge);
    message_cache_free(cache);
}

/* Several threads ask for the same objects while a cache of them forgets. */
#define THREADS 4
#define OBJECTS 64
#define TIMES   200

struct asker {
    struct message_cache *cache;
    struct object **objects;
};

static void *ask(void *arg)
{
    struct asker *asker = arg;
    for (int i = 0; i < TIMES; i++)
        for (int j = 0; j < OBJECTS; j++) {
            struct message *message = message_cache_get(asker->cache, asker->objects[j], type);
            assert(message && message->len > 100);
            message_unref(message);
        }
    return NULL;
}

static void many_ask_at_once(void **state)
{
    struct object *objects[OBJECTS];
    struct asker asker = {message_cache_new(), objects};
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < OBJECTS; i++)
        objects[i] = config_map(i, 100);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &asker), 0);
    for (int i = 1; i < 100; i++)
        message_cache_expire(asker.cache, i * LATER_NS);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    message_cache_expire(asker.cache, 200 * LATER_NS);
    message_cache_expire(asker.cache, 300 * LATER_NS);
    assert_int_equal(message_cache_size(asker.cache), 0);
    for (int i = 0; i < OBJECTS; i++)
        object_unref(objects[i]);
    message_cache_free(asker.cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_shared),    cmocka_unit_test(cells_are_shared),
        cmocka_unit_test(what_has_none_has_none), cmocka_unit_test(idle_messages_go),
        cmocka_unit_test(size_is_bounded),        cmocka_unit_test(many_ask_at_once),
    };
    type = type_find("io.k8s.api.core.v1.ConfigMap");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
