/* RFC 6902: its examples, and what must be refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "schema/patch.h"

static const struct patch_case {
    const char *name, *target, *patch, *result; /* NULL: refused */
    /* clang-format off */
} cases[] = {
    {"A.1 add a member", "{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\"}]",
     "{\"baz\":\"qux\",\"foo\":\"bar\"}"},
    {"A.2 add an element", "{\"foo\":[\"bar\",\"baz\"]}", "[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":\"qux\"}]",
     "{\"foo\":[\"bar\",\"qux\",\"baz\"]}"},
    {"A.3 remove a member", "{\"baz\":\"qux\",\"foo\":\"bar\"}", "[{\"op\":\"remove\",\"path\":\"/baz\"}]",
     "{\"foo\":\"bar\"}"},
    {"A.4 remove an element", "{\"foo\":[\"bar\",\"qux\",\"baz\"]}", "[{\"op\":\"remove\",\"path\":\"/foo/1\"}]",
     "{\"foo\":[\"bar\",\"baz\"]}"},
    {"A.5 replace", "{\"baz\":\"qux\",\"foo\":\"bar\"}", "[{\"op\":\"replace\",\"path\":\"/baz\",\"value\":\"boo\"}]",
     "{\"baz\":\"boo\",\"foo\":\"bar\"}"},
    {"A.6 move a member", "{\"foo\":{\"bar\":\"baz\",\"waldo\":\"fred\"},\"qux\":{\"corge\":\"grault\"}}",
     "[{\"op\":\"move\",\"from\":\"/foo/waldo\",\"path\":\"/qux/thud\"}]",
     "{\"foo\":{\"bar\":\"baz\"},\"qux\":{\"corge\":\"grault\",\"thud\":\"fred\"}}"},
    {"A.7 move an element", "{\"foo\":[\"all\",\"grass\",\"cows\",\"eat\"]}",
     "[{\"op\":\"move\",\"from\":\"/foo/1\",\"path\":\"/foo/3\"}]", "{\"foo\":[\"all\",\"cows\",\"eat\",\"grass\"]}"},
    {"A.8 test, success", "{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}",
     "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"qux\"},{\"op\":\"test\",\"path\":\"/foo/1\",\"value\":2}]",
     "{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}"},
    {"A.9 test, failure", "{\"baz\":\"qux\"}", "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"bar\"}]", NULL},
    {"A.10 add a nested member", "{\"foo\":\"bar\"}",
     "[{\"op\":\"add\",\"path\":\"/child\",\"value\":{\"grandchild\":{}}}]", "{\"foo\":\"bar\",\"child\":{\"grandchild\":{}}}"},
    {"A.11 unknown members are ignored", "{\"foo\":\"bar\"}",
     "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\",\"xyz\":123}]", "{\"foo\":\"bar\",\"baz\":\"qux\"}"},
    {"A.12 add to nothing", "{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz/bat\",\"value\":\"qux\"}]", NULL},
    {"A.14 escapes", "{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":10}]", "{\"/\":9,\"~1\":10}"},
    {"A.15 strings are not numbers", "{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":\"10\"}]", NULL},
    {"A.16 append an array", "{\"foo\":[\"bar\"]}", "[{\"op\":\"add\",\"path\":\"/foo/-\",\"value\":[\"abc\",\"def\"]}]",
     "{\"foo\":[\"bar\",[\"abc\",\"def\"]]}"},
    {"copy", "{\"a\":{\"b\":1}}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/c\"},{\"op\":\"replace\",\"path\":\"/c/b\",\"value\":2}]",
     "{\"a\":{\"b\":1},\"c\":{\"b\":2}}"},
    {"an index from the end", "{\"a\":[1,2,3]}", "[{\"op\":\"remove\",\"path\":\"/a/-1\"}]", "{\"a\":[1,2]}"},
    {"an index past the end", "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/2\",\"value\":1}]", NULL},
    {"add at the end", "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":2}]", "{\"a\":[1,2]}"},
    {"remove what is not there", "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", NULL},
    {"replace what is not there", "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":1}]", "{\"a\":1,\"b\":1}"},
    {"replace an item that is not there", "{\"a\":[1]}", "[{\"op\":\"replace\",\"path\":\"/a/1\",\"value\":1}]", NULL},
    {"replace under what is not there", "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b/c\",\"value\":1}]", NULL},
    {"copy what is not there", "{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"/b\",\"path\":\"/c\"}]", "{\"a\":1,\"c\":null}"},
    {"copy an item that is not there", "{\"a\":[]}", "[{\"op\":\"copy\",\"from\":\"/a/0\",\"path\":\"/c\"}]", NULL},
    {"move what is not there", "{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/b\",\"path\":\"/c\"}]", NULL},
    {"a value is left out", "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\"},{\"op\":\"replace\",\"path\":\"/a\"}]",
     "{\"a\":null,\"b\":null}"},
    {"add everything", "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"\",\"value\":{}}]", NULL},
    {"remove everything", "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"\"}]", NULL},
    {"copy everything", "{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"\",\"path\":\"/b\"}]", NULL},
    {"copy over everything", "{\"a\":{}}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"\"}]", NULL},
    {"move over everything", "{\"a\":{}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"\"}]", NULL},
    {"replace everything by a scalar", "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":1}]", NULL},
    {"test everything", "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"\",\"value\":{\"a\":1}}]", "{\"a\":1}"},
    {"test past the end", "{\"a\":[]}", "[{\"op\":\"test\",\"path\":\"/a/0\",\"value\":null}]", NULL},
    {"1.50 is not 1.5", "{\"a\":1.5}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1.50}]", NULL},
    {"1.5 in a list", "{\"a\":[1.5]}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":[1.5]}]", "{\"a\":[1.5]}"},
    {"1 is not 1.0", "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1.0}]", NULL},
    {"indexes as Go reads them", "{\"a\":[1,2,3,4]}", "[{\"op\":\"remove\",\"path\":\"/a/+3\"},{\"op\":\"remove\",\"path\":\"/a/01\"}]",
     "{\"a\":[1,3]}"},
    {"an index with two signs", "{\"a\":[1]}", "[{\"op\":\"remove\",\"path\":\"/a/+-1\"}]", NULL},
    {"behind the end", "{\"a\":[1]}", "[{\"op\":\"remove\",\"path\":\"/a/-\"}]", NULL},
    {"null is no operation", "{}", "[null]", NULL},
    {"test of null and absence", "{\"a\":null}",
     "[{\"op\":\"test\",\"path\":\"/a\",\"value\":null},{\"op\":\"test\",\"path\":\"/b\",\"value\":null}]", "{\"a\":null}"},
    {"replace all", "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":{\"b\":2}}]", "{\"b\":2}"},
    {"an unknown operation", "{}", "[{\"op\":\"frob\",\"path\":\"/a\"}]", NULL},
    {"no path", "{}", "[{\"op\":\"add\",\"value\":1}]", NULL},
    {"a path without a slash", "{}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", NULL},
    {"something before the slash", "{}", "[{\"op\":\"add\",\"path\":\"x/a\",\"value\":1}]", "{\"a\":1}"},
    {"an escape that is none", "{\"a~2\":1,\"b\":1}", "[{\"op\":\"remove\",\"path\":\"/a~2\"}]", "{\"b\":1}"},
    {"move into itself", "{\"a\":{\"b\":{}}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b/c\"}]", NULL},
    {"move shifts the target", "{\"a\":[{\"x\":1},{\"y\":2}]}", "[{\"op\":\"move\",\"from\":\"/a/0\",\"path\":\"/a/0/z\"}]",
     "{\"a\":[{\"y\":2,\"z\":{\"x\":1}}]}"},
    {"not an array", "{}", "{\"op\":\"add\"}", NULL},
    {"not JSON", "{}", "[", NULL},
    {"an entry that is no object", "{}", "[1]", NULL},
    {"nothing", "{\"a\":1}", "[]", "{\"a\":1}"},
};
/* clang-format on */

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *target = json_loads(cases[i].target, 0, NULL), *kept = json_deep_copy(target);
        json_auto_t *want = cases[i].result ? json_loads(cases[i].result, 0, NULL) : NULL;
        CLEANUP(warnings_free) struct warnings found = {0};
        json_auto_t *got = patch_json(target, str_of(cases[i].patch), &found, &err);
        if (!got != !want || (got && !json_equal(got, want)))
            fail_msg("%s: %s", cases[i].name, got ? json_dumps(got, 0) : err.message);
        assert_true(json_equal(target, kept));
    }
}

static void test_status(void **state)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *target = json_object();
    (void)state;
    assert_null(patch_json(target, STR("[{\"op\":\"remove\",\"path\":\"/a\"}]"), NULL, &err));
    assert_int_equal(err.code, 422);
    assert_string_equal(err.message,
                        "the server rejected our request due to an error in our request");
}

static void test_words(void **state)
{
    static const struct {
        const char *patch, *strict, *plain;
    } rows[] = {
        {"{}",
         "error decoding patch: json: cannot unmarshal object into Go value of type "
         "[]handlers.jsonPatchOp",
         "json: cannot unmarshal object into Go value of type jsonpatch.Patch"},
        {"[1]",
         "error decoding patch: json: cannot unmarshal number into Go value of type "
         "handlers.jsonPatchOp",
         "json: cannot unmarshal number into Go value of type jsonpatch.Operation"},
        {"[", "error decoding patch: unexpected end of JSON input", "unexpected end of JSON input"},
    };
    json_auto_t *target = json_object();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int strict = 0; strict < 2; strict++) {
            CLEANUP(error_clear) struct error err = {0};
            CLEANUP(warnings_free) struct warnings found = {0};
            assert_null(patch_json(target, str_of(rows[i].patch), strict ? &found : NULL, &err));
            assert_int_equal(err.code, 400);
            assert_string_equal(err.message, strict ? rows[i].strict : rows[i].plain);
        }
}

/* What strictness finds in the text itself. */
static void test_found(void **state)
{
    static const struct {
        const char *patch, *found[4];
    } rows[] = {
        {"[{\"op\":\"add\",\"path\":\"/a\",\"value\":{\"foo\":1}},null]", {NULL}},
        {"[{\"op\":\"add\",\"path\":\"/a\",\"foo\":{\"b\":1,\"b\":2}}]",
         {"json patch unknown field \"[0].foo\""}},
        {"[{\"op\":\"add\",\"path\":\"/a\",\"value\":[{\"b\":1,\"b\":2}],\"op\":\"add\",\"x\":1}]",
         {"json patch duplicate field \"[0].value[0].b\"", "json patch duplicate field \"[0].op\"",
          "json patch unknown field \"[0].x\""}},
    };
    json_auto_t *target = json_object();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(warnings_free) struct warnings found = {0};
        json_auto_t *ignored = patch_json(target, str_of(rows[i].patch), &found, &err);
        size_t count = 0;
        for (; rows[i].found[count]; count++)
            assert_string_equal(count < found.count ? found.items[count] : "",
                                rows[i].found[count]);
        assert_int_equal(found.count, count);
    }
}

static void test_limits(void **state)
{
    struct buf patch = BUF_TEXT;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *target = json_loads(
        "{\"a\":{\"x\":\"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\"}}", 0, NULL);
    (void)state;
    buf_add_char(&patch, '[');
    for (int i = 0; i < PATCH_OPERATIONS_MAX + 1; i++)
        buf_printf(&patch, "%s{\"op\":\"add\",\"path\":\"/b\",\"value\":1}", i ? "," : "");
    buf_add_char(&patch, ']');
    assert_null(patch_json(target, buf_str(&patch), NULL, &err));
    assert_int_equal(err.code, 413);
    assert_string_equal(err.message,
                        "The allowed maximum operations in a JSON patch is 10000, got 10001");
    buf_clear(&patch);
    buf_add_char(&patch, '[');
    for (int i = 0; i < 100; i++) /* doubles each time */
        buf_printf(&patch, "%s{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/a/c%d\"}", i ? "," : "",
                   i);
    buf_add_char(&patch, ']');
    error_clear(&err);
    assert_null(patch_json(target, buf_str(&patch), NULL, &err));
    assert_int_equal(err.code, 422);
    buf_free(&patch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_status),
                                       cmocka_unit_test(test_words), cmocka_unit_test(test_found),
                                       cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
