/* Trees: what each function takes, lends, keeps in order and refuses; and a long row of random
 * steps beside a model that is too simple to be wrong. */
#include "tests/test.h"

#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>

#include "base/cell.h"
#include "base/document.h"
#include "base/json.h"

static json_t *tree(const char *text)
{
    json_error_t why;
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (!value)
        fail_msg("%s: %s", why.text, text);
    return value;
}

static void assert_text(const char *name, const json_t *value, const char *want)
{
    CLEANUP(free_ptr) char *got = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (!text_eq(got, want))
        fail_msg("%s: got %s, want %s", name, got ? got : "NULL", want ? want : "NULL");
}

/* ---- scalars ---- */

static void wrong_types(void **state)
{
    (void)state;
    static const char *const values[] = {"{}", "[]", "\"a\"", "7", "1.5", "true", "null"};
    for (size_t i = 0; i <= ARRAY_LEN(values); i++) {
        json_auto_t *value = i < ARRAY_LEN(values) ? tree(values[i]) : NULL;
        assert_int_equal(json_object_size(value), 0);
        assert_int_equal(json_array_size(value), 0);
        assert_null(json_object_get(value, "a"));
        assert_null(json_array_get(value, 0));
        assert_null(json_object_iter(value));
        assert_int_equal(json_object_del(value, "a"), -1);
        assert_int_equal(json_array_remove(value, 0), -1);
        assert_int_equal(json_object_set_new(value, "a", NULL), -1);
        assert_int_equal(json_array_append_new(value, NULL), -1);
        assert_int_equal(json_object_clear(value), json_is_object(value) ? 0 : -1);
        assert_int_equal(json_array_clear(value), json_is_array(value) ? 0 : -1);
        if (!json_is_object(value))
            assert_int_equal(json_object_set_new(value, "a", json_array()), -1);
        if (!json_is_array(value))
            assert_int_equal(json_array_append_new(value, json_array()), -1);
        assert_int_equal(json_integer_value(value), json_is_integer(value) ? 7 : 0);
        assert_int_equal(json_string_length(value), json_is_string(value) ? 1 : 0);
        assert_true((json_string_value(value) != NULL) == json_is_string(value));
        assert_true((json_number_value(value) > 0) == json_is_number(value));
    }
}

static void texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        bool fine;
    } rows[] = {
        {"", 0, true},
        {"a\0b", 3, true},
        {"gr\xc3\xbc\xc3\x9f"
         "e and a long text behind it",
         33, true},
        {"\xf0\x9f\x90\x87", 4, true},
        {"\xf0\x9f\x90", 3, false}, /* cut off */
        {"\xc0\xaf", 2, false},     /* overlong */
        {"\xe0\x80\xaf", 3, false},
        {"\xed\xa0\x80", 3, false},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4, false}, /* past U+10FFFF */
        {"eight by\x80", 9, false},
        {"\xff", 1, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *text = json_stringn(rows[i].text, rows[i].len), *object = json_object();
        assert_true((text != NULL) == rows[i].fine);
        if (text)
            assert_memory_equal(json_string_value(text), rows[i].text, rows[i].len + 1);
        assert_int_equal(json_string_length(text), rows[i].fine ? rows[i].len : 0);
        assert_int_equal(json_object_setn_new(object, rows[i].text, rows[i].len, json_true()),
                         rows[i].fine ? 0 : -1);
        assert_true(!json_object_getn(object, rows[i].text, rows[i].len) == !rows[i].fine);
    }
    assert_null(json_string(NULL));
    json_auto_t *long_one = json_sprintf("%0400d", 7), *short_one = json_sprintf("%s-%d", "a", 1);
    assert_int_equal(json_string_length(long_one), 400);
    assert_string_equal(json_string_value(short_one), "a-1");
}

static void numbers(void **state)
{
    (void)state;
    static const long long values[] = {INT64_MIN, -1, 0, 1, 255, 256, 65535, INT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        json_auto_t *one = json_integer(values[i]), *other = json_integer(values[i]);
        json_auto_t *real = json_real((double)values[i]);
        assert_true(json_integer_value(one) == values[i]);
        assert_true(json_equal(one, other));
        assert_false(json_equal(one, real));
    }
    json_auto_t *read = tree("1.50"), *made = json_real(1.5), *copied = json_deep_copy(read);
    assert_string_equal(json_real_literal(read), "1.50");
    assert_string_equal(json_real_literal(copied), "1.50");
    assert_null(json_real_literal(made));
    assert_true(json_equal(read, made));
    char long_one[JSON_LITERAL_MAX + 8];
    memset(long_one, '0', sizeof(long_one));
    memcpy(long_one, "1.5", 3);
    json_auto_t *forgotten = json_real_read(1.5, long_one, sizeof(long_one));
    assert_null(json_real_literal(forgotten));
    assert_null(json_real((double)INFINITY));
    assert_null(json_real((double)NAN));
}

/* ---- ownership ---- */

static void references(void **state)
{
    (void)state;
    json_auto_t *shared = json_string("shared"), *object = json_object(), *array = json_array();
    assert_int_equal(json_object_set(object, "a", shared), 0);
    assert_int_equal(json_object_set(object, "b", shared), 0);
    assert_int_equal(json_array_append(array, shared), 0);
    assert_int_equal(shared->references, 4);
    assert_int_equal(json_object_set(object, "b", json_true()), 0);
    assert_int_equal(shared->references, 3);
    assert_int_equal(json_array_set_new(array, 1, json_incref(shared)),
                     -1); /* taken all the same */
    assert_int_equal(json_object_set_new(object, "\xff", json_incref(shared)), -1);
    assert_int_equal(json_object_set_new(NULL, "a", json_incref(shared)), -1);
    assert_int_equal(shared->references, 3);
    assert_int_equal(json_object_set(object, "self", object), -1);
    assert_int_equal(json_array_append(array, array), -1);
    assert_int_equal(object->references, 1);
    json_auto_t *copy = json_deep_copy(object);
    assert_int_equal(shared->references, 4); /* never changes, so that copies share it */
    assert_ptr_not_equal(copy, object);
    json_array_clear(array);
    json_object_clear(object);
    assert_int_equal(shared->references, 2);
    assert_ptr_equal(json_object_get(copy, "a"), shared);
    assert_ptr_equal(json_true(), json_incref(json_true()));
}

static void copies(void **state)
{
    (void)state;
    json_auto_t *from = tree("{\"a\":{\"b\":[1,{\"c\":\"d\"}]},\"gone\":1,\"e\":300}");
    json_object_del(from, "gone");
    json_auto_t *shallow = json_copy(from), *deep = json_deep_copy(from);
    assert_true(json_equal(from, shallow) && json_equal(deep, from));
    assert_ptr_equal(json_object_get(shallow, "a"), json_object_get(from, "a"));
    assert_ptr_not_equal(json_object_get(deep, "a"), json_object_get(from, "a"));
    json_object_set_new(json_object_get(deep, "a"), "new", json_null());
    json_object_set_new(shallow, "new", json_null());
    assert_text("the original", from, "{\"a\":{\"b\":[1,{\"c\":\"d\"}]},\"e\":300}");
    assert_text("the copy", deep, "{\"a\":{\"b\":[1,{\"c\":\"d\"}],\"new\":null},\"e\":300}");
    assert_text("the shallow one", shallow,
                "{\"a\":{\"b\":[1,{\"c\":\"d\"}]},\"e\":300,\"new\":null}");
}

/* ---- pairs of trees ---- */

static void equality(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"{}", "{}", true},
        {"{}", "[]", false},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1}", "{\"b\":1}", false},
        {"{\"abd\":1}", "{\"abbd\":1}", false},
        {"{\"aXcd\":1}", "{\"aYcd\":1}", false}, /* the same mark */
        {"[1,2]", "[2,1]", false},
        {"1", "1.0", false},
        {"1.0", "1.0", true},
        {"\"a\"", "\"b\"", false},
        {"\"a\\u0000b\"", "\"a\\u0000c\"", false},
        {"true", "false", false},
        {"null", "null", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *a = tree(rows[i].a), *b = tree(rows[i].b);
        if (json_equal(a, b) != rows[i].equal || json_equal(b, a) != rows[i].equal)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
        assert_false(json_equal(a, NULL));
    }
    assert_false(json_equal(NULL, NULL));
}

static void updates(void **state)
{
    (void)state;
    static const char target[] = "{\"a\":{\"x\":1},\"b\":2}",
                      with[] = "{\"c\":3,\"a\":{\"y\":2},\"b\":null}";
    static const struct {
        int (*update)(json_t *object, const json_t *other);
        const char *want;
    } rows[] = {
        {json_object_update, "{\"a\":{\"y\":2},\"b\":null,\"c\":3}"},
        {json_object_update_missing, "{\"a\":{\"x\":1},\"b\":2,\"c\":3}"},
        {json_object_update_recursive, "{\"a\":{\"x\":1,\"y\":2},\"b\":null,\"c\":3}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *object = tree(target), *other = tree(with), *array = json_array();
        assert_int_equal(rows[i].update(object, other), 0);
        assert_text("updated", object, rows[i].want);
        assert_text("the other", other, with);
        assert_int_equal(rows[i].update(object, array), -1);
        assert_int_equal(rows[i].update(array, object), -1);
    }
}

/* ---- arrays ---- */

static void arrays(void **state)
{
    (void)state;
    json_auto_t *array = json_array();
    for (int i = 0; i < 40; i++)
        assert_int_equal(json_array_insert_new(array, (size_t)i / 2, json_integer(i)), 0);
    assert_int_equal(json_array_insert_new(array, 41, json_true()), -1);
    for (size_t i = 40; i-- > 4;)
        assert_int_equal(json_array_remove(array, i), 0);
    assert_text("removed", array, "[1,3,5,7]");
    assert_int_equal(json_array_remove(array, 4), -1);
    assert_int_equal(json_array_set_new(array, 1, json_string("x")), 0);
    assert_int_equal(json_array_extend(array, array), 0);
    assert_text("twice", array, "[1,\"x\",5,7,1,\"x\",5,7]");
    assert_int_equal(json_array_extend(array, json_true()), -1);
    size_t at, count = 0;
    json_t *item;
    json_array_foreach (array, at, item)
        count += json_is_string(item);
    assert_int_equal(count, 2);
    assert_int_equal(json_array_clear(array), 0);
    assert_null(json_array_get(array, 0));
}

/* ---- packing ---- */

static void packing(void **state)
{
    (void)state;
    json_t *const kept = json_object();
    static const char broken[] = "\xff", cut[] = {'c', 'u', 't', 's'};
    const struct {
        const char *name;
        json_t *value;
        const char *want;
    } rows[] = {
        {"scalars", json_pack("[s, i, I, b, b, f, n]", "a", -1, (json_int_t)INT64_MAX, 2, 0, 0.5),
         "[\"a\",-1,9223372036854775807,true,false,0.5,null]"},
        {"nested", json_pack("{s:{s:[], s:{}}, s:[{s:s}]}", "a", "b", "c", "d", "e", "f"),
         "{\"a\":{\"b\":[],\"c\":{}},\"d\":[{\"e\":\"f\"}]}"},
        {"trees", json_pack("[o, O, O]", json_array(), kept, kept), "[[],{},{}]"},
        {"key twice", json_pack("{s:i, s:i}", "a", 1, "a", 2), "{\"a\":2}"},
        {"cut", json_pack("[s%, s#]", cut, (size_t)3, cut, 1), "[\"cut\",\"c\"]"},
        {"left out", json_pack("{s:s*, s:o*, s:O*, s:i}", "a", NULL, "b", NULL, "c", NULL, "d", 1),
         "{\"d\":1}"},
        {"left out of an array", json_pack("[s*, o*, i]", NULL, NULL, 1), "[1]"},
        {"null", json_pack("[s?, o?, O?]", NULL, NULL, NULL), "[null,null,null]"},
        {"excused but there", json_pack("[s*, s?]", "a", "b"), "[\"a\",\"b\"]"},
        {"no text", json_pack("{s:s, s:o}", "a", NULL, "b", json_object()), NULL},
        {"no tree", json_pack("{s:o, s:o}", "a", NULL, "b", json_object()), NULL},
        {"no key", json_pack("{s:o, s:o}", NULL, json_object(), "b", json_object()), NULL},
        {"not UTF-8", json_pack("[s, o]", broken, json_object()), NULL},
        {"not UTF-8, excused", json_pack("[s?]", broken), NULL},
        {"key not UTF-8", json_pack("{s:o}", broken, json_object()), NULL},
        {"not finite", json_pack("[f]", (double)INFINITY), NULL},
        {"one text", json_pack("s", "a"), "\"a\""},
    };
    assert_int_equal(kept->references, 3);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_text(rows[i].name, rows[i].value, rows[i].want);
        json_decref(rows[i].value);
    }
    assert_int_equal(kept->references, 1);
    json_decref(kept);
}

/* ---- text ---- */

static void reading(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t flags;
        const char *want; /* NULL: refused */
    } rows[] = {
        {"{\"b\":1,\"a\":2,\"b\":3}", 0, "{\"b\":3,\"a\":2}"},
        {"7", 0, NULL},
        {"7", JSON_DECODE_ANY, "7"},
        {"[1] x", 0, NULL},
        {"[1] x", JSON_DISABLE_EOF_CHECK, "[1]"},
        {"[\"\\u0000\"]", 0, NULL},
        {"[\"\\u0000\"]", JSON_ALLOW_NUL, "[\"\\u0000\"]"},
        {"[", 0, NULL},
        {"", 0, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_error_t why = {""};
        json_auto_t *value = json_loads(rows[i].text, rows[i].flags, &why);
        assert_text(rows[i].text, value, rows[i].want);
        assert_true(!*why.text == !!rows[i].want);
    }
    assert_null(json_loads(NULL, 0, NULL));
    assert_null(json_loadb("[1]", 2, 0, NULL));
}

/* What jansson prints. */
static void printing(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        size_t flags;
        const char *want;
    } rows[] = {
        {"{\"b\":[1,2],\"a\":{}}", 0, "{\"b\": [1, 2], \"a\": {}}"},
        {"{\"b\":[1,2],\"a\":{}}", JSON_COMPACT | JSON_SORT_KEYS, "{\"a\":{},\"b\":[1,2]}"},
        {"{\"ab\":1,\"a\":[],\"a\\u0000\":2}", JSON_COMPACT | JSON_SORT_KEYS,
         "{\"a\":[],\"a\\u0000\":2,\"ab\":1}"},
        {"{\"b\":[1,{}]}", JSON_INDENT(2), "{\n  \"b\": [\n    1,\n    {}\n  ]\n}"},
        {"\"a\"", 0, NULL},
        {"[\"<\\/\\n\\\"\\u001f\\u007f\\u2028\"]", 0, "[\"</\\n\\\"\\u001F\x7f\xe2\x80\xa8\"]"},
        {"[1.0, 1e300, -0.1, 1e-7, 123456789012345680000]", JSON_COMPACT,
         "[1.0,1.0000000000000001e300,-0.10000000000000001,9.9999999999999995e-8,1."
         "2345678901234568e20]"},
        {"[0.1]", JSON_REAL_PRECISION(15), "[0.1]"},
        {"null", JSON_ENCODE_ANY, "null"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *value = tree(rows[i].value);
        CLEANUP(free_ptr) char *got = json_dumps(value, rows[i].flags);
        if (!text_eq(got, rows[i].want))
            fail_msg("%s: got %s", rows[i].value, got ? got : "NULL");
        char room[128] = "";
        size_t len = got ? strlen(got) : 0;
        assert_int_equal(json_dumpb(value, NULL, 0, rows[i].flags), len);
        assert_int_equal(json_dumpb(value, room, sizeof(room), rows[i].flags), len);
        assert_memory_equal(room, got ? got : "", len + 1);
    }
    assert_null(json_dumps(NULL, JSON_ENCODE_ANY));
}

/* ---- loops over objects ---- */

static void loops(void **state)
{
    (void)state;
    json_auto_t *object = json_object();
    const char *key, *inner;
    json_t *value, *ignored;
    void *next;
    size_t seen = 0;
    for (int i = 0; i < 60; i++) {
        CLEANUP(free_ptr) char *name = xasprintf("key%d", i);
        json_object_set_new(object, name, json_integer(i));
    }
    json_object_foreach_safe (object, next, key, value)
        if (json_integer_value(value) % 20)
            assert_int_equal(json_object_del(object, key), 0);
    assert_null(key);
    assert_text("every twentieth", object, "{\"key0\":0,\"key20\":20,\"key40\":40}");
    json_object_foreach (object, key, value) {
        json_object_foreach (object, inner, ignored)
            seen++;
        json_object_set_new(object, key, json_true());
        if (seen < 15) /* members may be added while it runs, and are seen */
            json_object_set_new(object, "more", json_null());
    }
    assert_int_equal(seen, 3 + 4 + 4 + 4);
    assert_text("changed", object, "{\"key0\":true,\"key20\":true,\"key40\":true,\"more\":true}");
    for (void *after, *at = json_object_iter(object); at; at = after) {
        assert_int_equal(json_object_iter_set_new(object, at, json_false()), 0);
        after = json_object_iter_next(object, at);
        if (strcmp(json_object_iter_key(at), "key20") == 0 || json_object_iter_key_len(at) == 4)
            json_object_deln(object, json_object_iter_key(at), json_object_iter_key_len(at));
    }
    assert_text("what is left", object, "{\"key40\":false}");
    json_object_foreach (NULL, key, value)
        fail();
}

/* ---- random steps ---- */

struct model {
    struct {
        char key[24];
        int value;
    } members[512];
    size_t count;
};

static size_t model_find(const struct model *model, const char *key)
{
    size_t at = 0;
    while (at < model->count && strcmp(model->members[at].key, key) != 0)
        at++;
    return at;
}

static void model_set(struct model *model, const char *key, int value)
{
    size_t at = model_find(model, key);
    if (at == model->count)
        (void)snprintf(model->members[model->count++].key, sizeof(model->members[0].key), "%s",
                       key);
    model->members[at].value = value;
}

static void model_remove(struct model *model, size_t at)
{
    model->count--;
    memmove(&model->members[at], &model->members[at + 1],
            (model->count - at) * sizeof(model->members[0]));
}

static void check_same(const struct model *model, const json_t *object)
{
    const char *key;
    json_t *value;
    size_t at = 0;
    assert_int_equal(json_object_size(object), model->count);
    json_object_foreach (object, key, value) {
        assert_string_equal(key, model->members[at].key);
        assert_int_equal(json_integer_value(value), model->members[at].value);
        assert_ptr_equal(json_object_get(object, key), value);
        at++;
    }
    assert_int_equal(at, model->count);
}

static unsigned next_random(unsigned *seed, unsigned below)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % below;
}

/* Some are of one length and alike at both ends and in the middle. */
static void make_key(char key[24], unsigned *seed, unsigned keys)
{
    unsigned number = next_random(seed, keys);
    (void)snprintf(key, 24, number % 2 ? "%u" : "x%03ux%03ux", number, 1000 - number);
}

static void random_steps(void **state)
{
    (void)state;
    static struct model model;
    unsigned seed = 1;
    json_t *object = json_object();
    model.count = 0;
    for (int step = 0; step < 40000; step++) {
        char key[24];
        int value = (int)next_random(&seed, 1000);
        make_key(key, &seed, step / 500 % 3 ? 12 : 500);
        size_t at = model_find(&model, key);
        switch (next_random(&seed, step / 4000 % 2 ? 4 : 9)) {
        case 0:
        case 1:
            assert_int_equal(json_object_del(object, key), at < model.count ? 0 : -1);
            if (at < model.count)
                model_remove(&model, at);
            break;
        case 2:
            assert_int_equal(json_integer_value(json_object_get(object, key)),
                             at < model.count ? model.members[at].value : 0);
            break;
        case 3:
            if (next_random(&seed, 200) == 0) {
                json_object_clear(object);
                model.count = 0;
            } else if (next_random(&seed, 20) == 0) {
                json_t *copy = json_deep_copy(object);
                assert_true(json_equal(copy, object));
                json_decref(object);
                object = copy;
            }
            break;
        default:
            assert_int_equal(json_object_set_new(object, key, json_integer(value)), 0);
            model_set(&model, key, value);
            break;
        }
        if (step % 50 == 0)
            check_same(&model, object);
    }
    check_same(&model, object);
    json_decref(object);
}

/* ---- memory ---- */

static void *drop(void *arg)
{
    json_decref(arg);
    return NULL;
}

static void *keep_and_drop(void *arg)
{
    for (int i = 0; i < 200; i++) {
        json_auto_t *mine = json_incref(arg), *copy = json_deep_copy(arg);
        assert_true(json_equal(mine, copy));
    }
    return NULL;
}

/* Made here, shared there, dropped elsewhere. */
static void threads(void **state)
{
    (void)state;
    pthread_t running[4];
    json_t *shared = tree("{\"a\":[1,2,300,\"text\"],\"b\":{\"c\":{},\"d\":\"another text\"}}");
    for (size_t i = 0; i < ARRAY_LEN(running); i++)
        assert_int_equal(pthread_create(&running[i], NULL, keep_and_drop, shared), 0);
    for (size_t i = 0; i < ARRAY_LEN(running); i++)
        assert_int_equal(pthread_join(running[i], NULL), 0);
    assert_int_equal(shared->references, 1);
    assert_int_equal(pthread_create(&running[0], NULL, drop, shared), 0);
    assert_int_equal(pthread_join(running[0], NULL), 0);
}

static void cells(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static void *held[COUNT];
    for (int round = 0; round < 3; round++) { /* more than a thread keeps */
        for (size_t i = 0; i < COUNT; i++) {
            size_t size = i % 700;
            assert_true(cell_room(size) >= size);
            held[i] = cell_take(size);
            memset(held[i], (int)i, cell_room(size));
        }
        for (size_t i = 0; i < COUNT; i++) {
            for (size_t j = 0; j < i % 700; j++)
                assert_int_equal(((unsigned char *)held[i])[j], i & 0xff);
            cell_give(held[i], i % 700);
        }
    }
    cell_give(NULL, 24);
}

static size_t bytes_in_use(void)
{
    struct mallinfo2 info =
        mallinfo2(); /* zeros under a sanitizer, which then has nothing to compare */
    return info.uordblks + info.hblkhd;
}

static void bounds(void **state)
{
    (void)state;
    static const char *const items[] = {
        "{}",          "[]",     "\"\"",          "300",
        "{\"\":\"\"}", "[\"\"]", "[[],[],{},{}]", "{\"a\":{\"b\":[300]}}"};
    for (size_t i = 0; i < 2 * ARRAY_LEN(items); i++) {
        CLEANUP(buf_free) struct buf text = BUF_TEXT;
        bool members = i >= ARRAY_LEN(items);
        for (int count = 0; count < 20000; count++) {
            buf_add_char(&text, count ? ',' : members ? '{' : '[');
            if (members)
                buf_printf(&text, "\"%x\":", count);
            buf_add_text(&text, items[i % ARRAY_LEN(items)]);
        }
        buf_add_char(&text, members ? '}' : ']');
        CLEANUP(error_clear) struct error err = {0};
        size_t before = bytes_in_use();
        json_auto_t *value = json_parse(buf_str(&text), JSON_LOAD_STRICT, &err);
        assert_non_null(value);
        size_t after = bytes_in_use(), bound = json_tree_bound(buf_str(&text));
        if (after > before && after - before > bound)
            fail_msg("%.30s: %zu bytes, more than %zu", text.data, after - before, bound);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_types),  cmocka_unit_test(texts),    cmocka_unit_test(numbers),
        cmocka_unit_test(references),   cmocka_unit_test(copies),   cmocka_unit_test(equality),
        cmocka_unit_test(updates),      cmocka_unit_test(arrays),   cmocka_unit_test(packing),
        cmocka_unit_test(reading),      cmocka_unit_test(printing), cmocka_unit_test(loops),
        cmocka_unit_test(random_steps), cmocka_unit_test(threads),  cmocka_unit_test(cells),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
