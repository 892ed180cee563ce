/* Metadata: names' formats, validation on create and update. */
#include "tests/schema/support_kind.h"

#include <string.h>

#include "schema/meta.h"

static void test_names(void **state)
{
    static const struct {
        const char *format, *value;
        bool prefix, fine;
    } cases[] = {
        {"dns-label", "abc", false, true},     {"dns-label", "a-b-1", false, true},
        {"dns-label", "", false, false},       {"dns-label", "Abc", false, false},
        {"dns-label", "-a", false, false},     {"dns-label", "a-", false, false},
        {"dns-label", "a-", true, true},       {"dns-label", "a.b", false, false},
        {"dns-label", "1", false, true},       {"dns-1035-label", "1a", false, false},
        {"dns-1035-label", "a1", false, true}, {NULL, "a.b.c", false, true},
        {NULL, "a..b", false, false},          {NULL, ".a", false, false},
        {NULL, "a_b", false, false},           {"path-segment", "system:admin", false, true},
        {"path-segment", "a/b", false, false}, {"path-segment", "..", false, false},
        {"path-segment", "a%b", false, false}, {"path-segment", "A B", false, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (!name_check(cases[i].format, cases[i].value, cases[i].prefix) != cases[i].fine)
            fail_msg("%s as %s", cases[i].value,
                     cases[i].format ? cases[i].format : "dns-subdomain");
    assert_string_equal(name_check_dns_label("a.b"), "must not contain dots");
    assert_null(name_check_qualified("example.com/My_name.x"));
    assert_non_null(name_check_qualified("a/b/c"));
    assert_string_equal(name_check_qualified("a/"), "name part must be non-empty");
    assert_null(name_check_label_value(""));
    assert_non_null(name_check_label_value("a b"));
}

static char *causes_text(const struct error *err)
{
    struct buf text = BUF_TEXT;
    for (size_t i = 0; i < err->cause_count; i++)
        buf_printf(&text, "%s%s: %s", i ? "\n" : "", err->causes[i].field, err->causes[i].message);
    return buf_take(&text);
}

static void test_validate(void **state)
{
    static const struct resource pods = {
        .key = "pods", .namespaced = true, .unconditional_update = true};
    static const struct resource nodes = {.key = "nodes"},
                                 custom = {.key = "widgets.example.com", .namespaced = false};
    static const struct {
        const char *name;
        const struct resource *resource;
        const char *meta, *causes;
        /* clang-format off */
    } cases[] = {
        {"fine", &custom, "{\"name\":\"a\"}", ""},
        {"no name", &custom, "{}", "metadata.name: Required value: name or generateName is required"},
        {"a bad name", &custom, "{\"name\":\"A\"}", "metadata.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain must cons"},
        {"a bad base", &custom, "{\"name\":\"a\",\"generateName\":\"AB-\"}",
         "metadata.generateName: Invalid value: \"AB-\": a lowercase RFC 1123 subdomain must co"},
        {"a namespace too many", &custom, "{\"name\":\"a\",\"namespace\":\"b\"}",
         "metadata.namespace: Forbidden: not allowed on this type"},
        {"a namespace too few", &pods, "{\"name\":\"a\"}", "metadata.namespace: Required value"},
        {"a bad label", &custom, "{\"name\":\"a\",\"labels\":{\"a b\":\"c d\"}}",
         "metadata.labels: Invalid value: \"a b\": name part must consist of alphanumeric ch\n"
         "metadata.labels: Invalid value: \"c d\": a valid label must be an empty string or "},
        {"annotations in capitals", &custom, "{\"name\":\"a\",\"annotations\":{\"Example.COM/A\":\"any thing\"}}", ""},
        {"an owner without a uid", &custom,
         "{\"name\":\"a\",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"p\"}]}",
         "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty"},
        {"an event for an owner", &custom,
         "{\"name\":\"a\",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"name\":\"p\",\"uid\":\"u\"}]}",
         "metadata.ownerReferences: Invalid value: {\"apiVersion\":\"v1\",\"kind\":\"Event\",\"name\":\"p\","},
        {"custom finalizers may be plain", &custom, "{\"name\":\"a\",\"finalizers\":[\"mine\"]}", ""},
        {"built-in ones may not", &nodes, "{\"name\":\"a\",\"finalizers\":[\"mine\"]}",
         "metadata.finalizers[0]: Invalid value: \"mine\": name is neither a standard finalizer name n"},
        {"both orphan and foreground", &custom, "{\"name\":\"a\",\"finalizers\":[\"orphan\",\"foregroundDeletion\"]}",
         "metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\"]: finalizer "},
        {"a negative generation", &custom, "{\"name\":\"a\",\"generation\":-1}",
         "metadata.generation: Invalid value: -1: must be greater than or equal to 0"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *meta = json_loads(cases[i].meta, 0, NULL),
                    *object = json_pack("{s:O}", "metadata", meta);
        meta_validate(cases[i].resource, object, &err);
        CLEANUP(free_ptr) char *got = causes_text(&err);
        if (!lines_begin(got, cases[i].causes))
            fail_msg("%s:\n%s\nwant:\n%s", cases[i].name, got, cases[i].causes);
    }
}

static void test_update(void **state)
{
    static const struct resource leases = {.key = "widgets.example.com",
                                           .unconditional_update = false};
    static const struct {
        const char *name, *old, *meta, *causes;
    } cases[] = {
        {"fine", "{\"name\":\"a\",\"uid\":\"u\"}",
         "{\"name\":\"a\",\"uid\":\"u\",\"resourceVersion\":\"1\"}", ""},
        {"no version", "{\"name\":\"a\"}", "{\"name\":\"a\"}",
         "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"},
        {"another uid", "{\"name\":\"a\",\"uid\":\"u\"}",
         "{\"name\":\"a\",\"uid\":\"v\",\"resourceVersion\":\"1\"}",
         "metadata.uid: Invalid value: \"v\": field is immutable"},
        {"an older generation", "{\"name\":\"a\",\"generation\":2}",
         "{\"name\":\"a\",\"generation\":1,\"resourceVersion\":\"1\"}",
         "metadata.generation: Invalid value: 1: must not be decremented"},
        {"a finalizer too late", "{\"name\":\"a\",\"deletionTimestamp\":\"t\"}",
         "{\"name\":\"a\",\"deletionTimestamp\":\"t\",\"resourceVersion\":\"1\",\"finalizers\":["
         "\"x.y/z\"]}",
         "metadata.finalizers: Forbidden: no new finalizers can be added if the object is b"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *meta = json_loads(cases[i].meta, 0, NULL),
                    *object = json_pack("{s:O}", "metadata", meta);
        json_auto_t *before = json_loads(cases[i].old, 0, NULL),
                    *old = json_pack("{s:O}", "metadata", before);
        meta_validate_update(&leases, object, old, &err);
        CLEANUP(free_ptr) char *got = causes_text(&err);
        if (!lines_begin(got, cases[i].causes))
            fail_msg("%s:\n%s\nwant:\n%s", cases[i].name, got, cases[i].causes);
    }
}

static void test_readers(void **state)
{
    json_auto_t *object =
        json_loads("{\"metadata\":{\"name\":\"n\",\"finalizers\":[\"f\"],\"labels\":{\"a\":\"b\"},"
                   "\"ownerReferences\":[{\"name\":\"x\"},{\"name\":\"y\",\"controller\":true}]}}",
                   0, NULL);
    (void)state;
    assert_string_equal(meta_name(object), "n");
    assert_string_equal(meta_namespace(object), "");
    assert_string_equal(meta_name(NULL), "");
    assert_true(meta_has_finalizer(object, "f"));
    assert_false(meta_has_finalizer(object, "g"));
    assert_false(meta_deleting(object));
    assert_string_equal(meta_label(object, "a"), "b");
    assert_null(meta_annotation(object, "a"));
    assert_string_equal(json_string_value(json_object_get(meta_controller(object), "name")), "y");
    meta_set_annotation(object, "k", "v");
    assert_string_equal(meta_annotation(object, "k"), "v");
    meta_set_annotation(object, "k", NULL);
    assert_null(meta_annotation(object, "k"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names), cmocka_unit_test(test_validate),
        cmocka_unit_test(test_update), cmocka_unit_test(test_readers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
