/* Label and field selectors: grammar, messages, matching. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "schema/selector.h"

#define NAME_PART                                                                                  \
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "  \
    "with an alphanumeric "                                                                        \
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "        \
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

static void test_label_matching(void **state)
{
    static const struct {
        const char *selector, *labels;
        bool yes;
    } cases[] = {
        {"", "{}", true},
        {"a=b", "{\"a\":\"b\"}", true},
        {"a=b", "{\"a\":\"c\"}", false},
        {"a==b", "{\"a\":\"b\"}", true},
        {"a=b", "{}", false},
        {"a!=b", "{}", true},
        {"a!=b", "{\"a\":\"b\"}", false},
        {"a in (b,c)", "{\"a\":\"c\"}", true},
        {"a in (b,c)", "{\"a\":\"d\"}", false},
        {"a notin (b,c)", "{\"a\":\"d\"}", true},
        {"a notin (b,c)", "{}", true},
        {"a", "{\"a\":\"\"}", true},
        {"!a", "{}", true},
        {"!a", "{\"a\":\"x\"}", false},
        {"a=", "{\"a\":\"\"}", true},
        {"a in ()", "{\"a\":\"\"}", true},
        {"a in (,)", "{\"a\":\"\"}", true},
        {"a in (x,)", "{\"a\":\"\"}", true},
        {"a in (x,,y)", "{\"a\":\"y\"}", true},
        {"a>5", "{\"a\":\"6\"}", true},
        {"a>5", "{\"a\":\"5\"}", false},
        {"a<5", "{\"a\":\"4\"}", true},
        {"a<5", "{\"a\":\"x\"}", false},
        {"a=b,c!=d , e", "{\"a\":\"b\",\"e\":\"1\"}", true},
        {"in=notin", "{\"in\":\"notin\"}", true},
        {"in in (in)", "{\"in\":\"in\"}", true},
        {"example.com/x=y", "{\"example.com/x\":\"y\"}", true},
        {" a = b ", "{\"a\":\"b\"}", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct selector *selector = selector_parse_labels(str_of(cases[i].selector), &err);
        if (!selector)
            fail_msg("%s: %s", cases[i].selector, err.message);
        json_auto_t *labels = json_loads(cases[i].labels, 0, NULL);
        if (selector_matches_json(selector, labels) != cases[i].yes)
            fail_msg("%s on %s: want %d", cases[i].selector, cases[i].labels, cases[i].yes);
        selector_free(selector);
    }
}

static void test_label_errors(void **state)
{
    static const struct {
        const char *selector, *message;
        /* clang-format off */
    } cases[] = {
        {"=a", "found '=', expected: !, identifier, or 'end of string'"},
        {",", "found ',', expected: !, identifier, or 'end of string'"},
        {"a,", "found '', expected: identifier after ','"},
        {"a=b,,c=d", "found ',', expected: identifier after ','"},
        {"a=b c", "found 'c', expected: ',' or 'end of string'"},
        {"!a=b", "found '=', expected: ',' or 'end of string'"},
        {"a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
        {"a in b", "unable to parse requirement: found 'b' expected: '('"},
        {"a in (b", "unable to parse requirement: found '', expected: ',' or ')'"},
        {"a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"},
        {"a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"},
        {"a in (b,=)", "unable to parse requirement: found '=', expected: ',', or identifier"},
        {"a==!b", "unable to parse requirement: found '!', expected: identifier"},
        {"a=(", "unable to parse requirement: found '(', expected: identifier"},
        {"!", "unable to parse requirement: found '', expected: identifier"},
        {"a>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer"},
        {"-a=b", "unable to parse requirement: <nil>: Invalid value: \"-a\": " NAME_PART},
        {"/a=b", "unable to parse requirement: <nil>: Invalid value: \"/a\": prefix part must be non-empty"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(error_clear) struct error err = {0};
        struct selector *selector = selector_parse_labels(str_of(cases[i].selector), &err);
        if (selector)
            fail_msg("%s: accepted", cases[i].selector);
        if (err.code != 400 || strcmp(err.message, cases[i].message) != 0)
            fail_msg("%s: %d %s\nwant %s", cases[i].selector, err.code, err.message,
                     cases[i].message);
    }
}

static void test_long_value(void **state)
{
    char text[80] = "a=";
    CLEANUP(error_clear) struct error err = {0};
    (void)state;
    memset(text + 2, 'x', 64);
    text[66] = '\0';
    assert_null(selector_parse_labels(str_of(text), &err));
    assert_non_null(
        strstr(err.message, "unable to parse requirement: values[0][a]: Invalid value: \"xxxx"));
    assert_non_null(strstr(err.message, "must be no more than 63 characters"));
}

static void test_from_json(void **state)
{
    static const struct {
        const char *selector, *labels;
        int want; /* -1: refused */
        /* clang-format off */
    } cases[] = {
        {"{}", "{\"a\":\"b\"}", 1},
        {"null", "{\"a\":\"b\"}", 0},
        {"{\"matchLabels\":{\"a\":\"b\"}}", "{\"a\":\"b\",\"c\":\"d\"}", 1},
        {"{\"matchLabels\":{\"a\":\"b\"}}", "{}", 0},
        {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"x\",\"y\"]}]}", "{\"a\":\"y\"}", 1},
        {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"NotIn\",\"values\":[\"x\"]}]}", "{}", 1},
        {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\"}]}", "{\"a\":\"\"}", 1},
        {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"DoesNotExist\"}]}", "{\"a\":\"\"}", 0},
        {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Gt\",\"values\":[\"1\"]}]}", "{}", -1},
        {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\"}]}", "{}", -1},
        {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\",\"values\":[\"1\"]}]}", "{}", -1},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *value = json_loads(cases[i].selector, JSON_DECODE_ANY, NULL);
        json_auto_t *labels = json_loads(cases[i].labels, 0, NULL);
        struct selector *selector = selector_from_json(value, &err);
        int got = selector ? selector_matches_json(selector, labels) : -1;
        if (got != cases[i].want)
            fail_msg("%s on %s: got %d", cases[i].selector, cases[i].labels, got);
        selector_free(selector);
    }
    json_auto_t *map = json_loads("{\"a\":\"b\"}", 0, NULL);
    struct selector *selector = selector_from_map(map);
    assert_true(selector_matches_json(selector, map));
    assert_false(selector_matches_json(selector, NULL));
    assert_false(selector_empty(selector));
    selector_free(selector);
    assert_true(selector_empty(NULL));
}

static void test_fields(void **state)
{
    static const char *const allowed[] = {"spec.nodeName", "spec.host", "source", NULL};
    const struct resource pods = {.key = "pods", .selectable = allowed}, plain = {.key = "leases"},
                          jobs = {.key = "jobs.batch"};
    static const struct {
        const char *text, *path, *exact, *message;
        /* clang-format off */
    } cases[] = {
        {"metadata.name=x", "metadata.name", "x", NULL},
        {"metadata.name==x", "metadata.name", "x", NULL},
        {"metadata.name!=x", "metadata.name", NULL, NULL},
        {"spec.host=n", "spec.nodeName", "n", NULL},
        {"source=kubelet", "source", "kubelet", NULL},
        {"spec.nodeName=a\\,b\\=c\\\\", "spec.nodeName", "a,b=c\\", NULL},
        {"metadata.namespace=n,spec.nodeName=", "spec.nodeName", "", NULL},
        {"", "metadata.name", NULL, NULL},
        {"a=b", NULL, NULL, "field label not supported: a"},
        {"a", NULL, NULL, "invalid selector: 'a'; can't understand 'a'"},
        {"spec.nodeName=a=b", NULL, NULL, "invalid field selector: unescaped character in value: 61"},
        {"spec.nodeName=a\\b", NULL, NULL, "invalid field selector: invalid escape sequence: \\b"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(error_clear) struct error err = {0};
        struct selector *selector = selector_parse_fields(str_of(cases[i].text), &pods, &err);
        if (!selector != (cases[i].message != NULL) ||
            (err.message && strcmp(err.message, cases[i].message) != 0))
            fail_msg("%s: %s", cases[i].text, err.message ? err.message : "accepted");
        if (selector && !text_eq(selector_exact(selector, cases[i].path), cases[i].exact))
            fail_msg("%s: wrong exact value", cases[i].text);
        selector_free(selector);
    }
    CLEANUP(error_clear) struct error err = {0};
    assert_null(selector_parse_fields(STR("a=b"), &plain, &err));
    assert_string_equal(
        err.message,
        "\"a\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"");
    error_clear(&err);
    assert_null(selector_parse_fields(STR("a=b"), &jobs, &err));
    assert_string_equal(err.message, "field label \"a\" not supported for Job");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_label_matching), cmocka_unit_test(test_label_errors),
        cmocka_unit_test(test_long_value),     cmocka_unit_test(test_from_json),
        cmocka_unit_test(test_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
