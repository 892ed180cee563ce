/* Every type, with random objects: what is decoded is what was written, in JSON and through
 * protobuf; what is made wrong in one place is refused there. */
#include "tests/test.h"

#include <string.h>

#include "base/json.h"
#include "schema/decode.h"
#include "schema/protobuf.h"
#include "tests/schema/support_protobuf.h"
#include "tests/schema/support_random.h"

#define SEEDS 12

static char *rendered(const json_t *value)
{
    struct buf out = BUF_TEXT;
    json_write(&out, value);
    return buf_take(&out);
}

static bool is_object_type(const struct type *type)
{
    return !(type->flags & (TYPE_UNION | TYPE_UNWRAPPED));
}

static void each_object(void (*check)(const struct type *, json_t *))
{
    size_t count;
    const struct type *const *types = type_all(&count);
    for (size_t i = 0; i < count; i++) {
        for (uint64_t seed = 0; is_object_type(types[i]) && seed < SEEDS; seed++) {
            json_auto_t *object = random_object(types[i], seed * 1000 + i);
            check(types[i], object);
        }
    }
}

static void check_json(const struct type *type, json_t *object)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *text = rendered(object);
    json_auto_t *decoded = schema_decode(type, str_of(text), FIELD_VALIDATION_STRICT, NULL, &err);
    if (!decoded)
        fail_msg("%s: %s in %s", type->name, err.message, text);
    if (!json_equal(object, decoded)) {
        CLEANUP(free_ptr) char *other = rendered(decoded);
        fail_msg("%s:\n%s\n%s", type->name, text, other);
    }
}

static void json_round_trip(void **state)
{
    (void)state;
    each_object(check_json);
}

/* What a field that nobody set looks like after protobuf. */
static bool is_zero(const json_t *value)
{
    const char *key;
    json_t *member, *self = (json_t *)(uintptr_t)value;
    const char *text = json_string_value(value);
    if (json_is_object(value)) {
        json_object_foreach (self, key, member)
            if (!is_zero(member))
                return false;
        return true;
    }
    if (json_is_array(value))
        return !json_array_size(value);
    return json_is_null(value) || json_is_false(value) ||
           (json_is_integer(value) && !json_integer_value(value)) ||
           (json_is_number(value) && !(json_number_value(value) > 0) &&
            !(json_number_value(value) < 0)) ||
           (text && (!*text || strcmp(text, "0") == 0 || strcmp(text, "0s") == 0));
}

/* All of `part` is in `whole`; what is only in `whole` is zero. */
static bool extends(const json_t *whole, const json_t *part)
{
    const char *key;
    json_t *member, *self = (json_t *)(uintptr_t)whole;
    if (json_is_array(part)) {
        if (json_array_size(part) != json_array_size(whole))
            return false;
        for (size_t i = 0; i < json_array_size(part); i++)
            if (!extends(json_array_get(whole, i), json_array_get(part, i)))
                return false;
        return true;
    }
    if (!json_is_object(part) || !json_is_object(whole))
        return json_equal(whole, part);
    json_object_foreach (self, key, member) {
        const json_t *other = json_object_get(part, key);
        if (other ? !extends(member, other) : !is_zero(member))
            return false;
    }
    json_object_foreach ((json_t *)(uintptr_t)part, key, member)
        if (!json_object_get(whole, key))
            return false;
    return true;
}

static json_t *through_protobuf(const struct type *type, const json_t *object)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf message = BUF_TEXT;
    if (!tree_encode(&message, type, object))
        fail_msg("%s: not encoded", type->name);
    json_t *decoded = protobuf_decode(type, buf_str(&message), &err);
    if (!decoded)
        fail_msg("%s: %s", type->name, err.message);
    return decoded;
}

static void check_protobuf(const struct type *type, json_t *object)
{
    if (type->flags & TYPE_NO_PROTOBUF)
        return;
    json_auto_t *once = through_protobuf(type, object), *twice = through_protobuf(type, once);
    CLEANUP(free_ptr) char *text = rendered(object);
    CLEANUP(free_ptr) char *text_once = rendered(once);
    CLEANUP(free_ptr) char *text_twice = rendered(twice);
    if (!extends(once, object))
        fail_msg("%s:\n%s\n%s", type->name, text, text_once);
    if (!json_equal(once, twice))
        fail_msg("%s:\n%s\n%s", type->name, text_once, text_twice);
}

static void protobuf_round_trip(void **state)
{
    (void)state;
    each_object(check_protobuf);
}

/* Puts something wrong at the end of a random path. Writes the path; false when the object is
 * empty. */
static bool spoil(json_t *object, uint64_t *random, struct buf *path)
{
    for (;;) {
        size_t size = json_object_size(object), skip;
        if (!size || *random % 4 == 0) {
            json_object_set_new(object, "notThere", json_integer(1));
            buf_printf(path, "%snotThere", path->len ? "." : "");
            return true;
        }
        *random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
        skip = (size_t)(*random >> 33) % size;
        void *at = json_object_iter(object);
        while (skip--)
            at = json_object_iter_next(object, at);
        if (!json_is_object(json_object_iter_value(at)))
            return false;
        buf_printf(path, "%s%s", path->len ? "." : "", json_object_iter_key(at));
        object = json_object_iter_value(at);
    }
}

static void unknown_fields_are_named(void **state)
{
    (void)state;
    const struct type *type = type_find("io.k8s.api.apps.v1.Deployment");
    uint64_t random = 7;
    unsigned found = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        CLEANUP(buf_free) struct buf path = BUF_TEXT;
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *object = random_object(type, seed);
        if (!spoil(object, &random, &path))
            continue;
        CLEANUP(free_ptr) char *text = rendered(object);
        CLEANUP(free_ptr)
        char *want = xasprintf("strict decoding error: unknown field \"%s\"", path.data);
        json_auto_t *decoded =
            schema_decode(type, str_of(text), FIELD_VALIDATION_STRICT, NULL, &err);
        if (decoded)
            continue; /* the path ended in a map of strings, or inside a raw value */
        if (strstr(err.message, "strict"))
            assert_string_equal(err.message, want);
        found++;
    }
    assert_true(found > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_round_trip),
        cmocka_unit_test(protobuf_round_trip),
        cmocka_unit_test(unknown_fields_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
