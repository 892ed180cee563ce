/* RFC 7386: the examples of its appendix. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "schema/patch.h"

static const struct merge_case {
    const char *target, *patch, *result;
} cases[] = {
    {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
    {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
    {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
    {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
    {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
    {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
    {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
    {"{\"a\":\"foo\"}", "null", "null"},
    {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
    {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
    {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
    {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    /* Not the RFC's. */
    {"{}", "{\"a\":[null,{\"b\":null,\"c\":[{\"d\":null}]}]}", "{\"a\":[null,{\"c\":[{}]}]}"},
    {"{\"a\":[1]}", "{\"a\":[{\"b\":null}]}", "{\"a\":[{}]}"},
    {"{\"a\":{}}", "{\"a\":[null,{\"b\":null}]}", "{\"a\":[null,{\"b\":null}]}"},
};

static void test_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_auto_t *target = json_loads(cases[i].target, JSON_DECODE_ANY, NULL);
        json_auto_t *patch = json_loads(cases[i].patch, JSON_DECODE_ANY, NULL);
        json_auto_t *want = json_loads(cases[i].result, JSON_DECODE_ANY, NULL);
        json_auto_t *got = patch_merge_tree(target, patch);
        if (!json_equal(got, want))
            fail_msg("%s with %s: got %s", cases[i].target, cases[i].patch,
                     json_dumps(got, JSON_ENCODE_ANY));
    }
}

static void test_bodies(void **state)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *target = json_loads("{\"a\":1}", 0, NULL);
    CLEANUP(warnings_free) struct warnings found = {0};
    json_auto_t *got = patch_merge(target, STR("{\"b\":2}"), &found, &err);
    (void)state;
    assert_non_null(got);
    assert_null(patch_merge(target, STR("{"), &found, &err));
    assert_int_equal(err.code, 400);
    error_clear(&err);
    assert_null(patch_merge(target, STR("[]"), &found, &err));
    assert_int_equal(err.code, 400);
    assert_string_equal(err.message, "error decoding patch: json: cannot unmarshal array into Go "
                                     "value of type map[string]interface {}");
    error_clear(&err);
    assert_null(patch_merge(target, STR("[]"), NULL, &err));
    assert_string_equal(err.message, "Invalid JSON Patch");
    error_clear(&err);
    assert_null(patch_merge(target, STR("null"), &found, &err));
    assert_string_equal(err.message, "Invalid JSON Patch");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples),
                                       cmocka_unit_test(test_bodies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
