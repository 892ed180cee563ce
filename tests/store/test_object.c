#include "support_store.h"

#include <string.h>

#include "base/json.h"

static struct object *make(const char *json, int64_t revision)
{
    struct error err = {0};
    CLEANUP(buf_free) struct buf body = BUF_TEXT;
    struct object_draft draft;
    json_auto_t *value = json_parse(str_of(json), JSON_LOAD_STRICT, &err);
    assert_non_null(value);
    assert_true(object_draft_make(value, &body, &draft, &err));
    return object_new(store_intern("pods"), &draft, revision, value);
}

static void bodies(void **state)
{
    (void)state;
    static const struct {
        const char *name, *in, *out;
    } cases[] = {
        {"order and version",
         "{\"spec\":{},\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"3\"},\"apiVersion\":"
         "\"v1\",\"kind\":\"Pod\"}",
         "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"7\",\"name\":"
         "\"a\"},\"spec\":{}}"},
        {"empty metadata", "{\"kind\":\"Pod\",\"metadata\":{}}",
         "{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"7\"}}"},
        {"only an old version", "{\"metadata\":{\"resourceVersion\":\"1\"}}",
         "{\"metadata\":{\"resourceVersion\":\"7\"}}"},
        {"no metadata", "{\"a\":1}", "{\"metadata\":{\"resourceVersion\":\"7\"},\"a\":1}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(object_unref_ptr) struct object *object = make(cases[i].in, 7);
        if (!str_is(object->body, cases[i].out))
            fail_msg("%s: " STR_FMT, cases[i].name, STR_ARG(object->body));
    }
}

static void index_node(const char *resource, const json_t *value,
                       void (*add)(void *, const char *, const char *), void *arg)
{
    assert_string_equal("pods", resource);
    add(arg, "spec.nodeName", json_text(value, "spec", "nodeName"));
    add(arg, "a.first", "x");
}

static void labels_and_fields(void **state)
{
    (void)state;
    object_set_index(index_node);
    CLEANUP(object_unref_ptr)
    struct object *object =
        make("{\"kind\":\"Pod\",\"metadata\":{\"name\":\"n\",\"namespace\":\"s\",\"uid\":\"u\","
             "\"labels\":{\"z\":\"1\",\"app\":\"web\",\"m\":\"\"}},"
             "\"spec\":{\"nodeName\":\"one\"}}",
             1);
    object_set_index(NULL);
    assert_string_equal("web", object_label(object, "app"));
    assert_string_equal("1", object_label(object, "z"));
    assert_string_equal("", object_label(object, "m"));
    assert_null(object_label(object, "absent"));
    assert_string_equal("one", object_field(object, "spec.nodeName"));
    assert_string_equal("x", object_field(object, "a.first"));
    assert_string_equal("n", object_field(object, "metadata.name"));
    assert_string_equal("s", object_field(object, "metadata.namespace"));
    assert_string_equal("", object_field(object, "status.phase"));
    assert_string_equal("u", object->uid);
    assert_ptr_equal(object->resource, store_intern("pods"));
    json_auto_t *again = object_json(object);
    assert_string_equal("1", json_text(again, "metadata", "resourceVersion"));
}

static void too_large_is_refused(void **state)
{
    (void)state;
    struct error err = {0};
    struct object_draft draft;
    CLEANUP(buf_free) struct buf body = BUF_TEXT;
    char *text = xmalloc(1600000);
    memset(text, 'x', 1600000);
    json_auto_t *value = json_pack("{s:s%}", "data", text, (size_t)1600000);
    free(text);
    assert_false(object_draft_make(value, &body, &draft, &err));
    assert_int_equal(413, err.code);
    error_clear(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies),
        cmocka_unit_test(labels_and_fields),
        cmocka_unit_test(too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
