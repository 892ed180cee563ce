/* Schemas of custom resources: what they make of an object, and what they say about it. */
#include <string.h>

#include "base/json.h"
#include "schema/crd_schema.h"
#include "tests/test.h"

static json_t *parsed(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static const struct row {
    const char *name, *schema; /* of spec */
    const char *spec, *after;  /* pruned and defaulted */
    const char *cause;         /* "FIELD: MESSAGE" of the first one; NULL: valid */
} rows[] = {
    {"unknown fields go", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}",
     "{\"a\":\"x\",\"b\":1}", "{\"a\":\"x\"}", NULL},
    {"unknown fields stay", "{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}",
     "{\"b\":{\"c\":1}}", "{\"b\":{\"c\":1}}", NULL},
    {"maps keep their keys",
     "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\",\"properties\":{\"a\":{"
     "\"type\":\"integer\"}}}}",
     "{\"k\":{\"a\":1,\"b\":2}}", "{\"k\":{\"a\":1}}", NULL},
    {"defaults fill, also where null is not allowed",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"default\":3},\"b\":{"
     "\"type\":\"object\",\"default\":{},\"properties\":{\"c\":{\"type\":\"string\",\"default\":"
     "\"x\"}}}}}",
     "{\"a\":null}", "{\"a\":3,\"b\":{\"c\":\"x\"}}", NULL},
    {"nullable",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"nullable\":true}}}",
     "{\"a\":null}", "{\"a\":null}", NULL},
    {"null", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":null}",
     "{\"a\":null}",
     "spec.a: Invalid value: \"null\": spec.a in body must be of type integer: \"null\""},
    {"type", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":\"1\"}",
     "{\"a\":\"1\"}",
     "spec.a: Invalid value: \"string\": spec.a in body must be of type integer: \"string\""},
    {"int or string",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"x-kubernetes-int-or-string\":true}}}",
     "{\"a\":true}", "{\"a\":true}",
     "spec.a: Invalid value: \"boolean\": spec.a in body must be of type integer,string: "
     "\"boolean\""},
    {"required", "{\"type\":\"object\",\"required\":[\"a\"]}", "{}", "{}",
     "spec.a: Required value"},
    {"enum",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"enum\":[\"x\",\"y\"]}}}",
     "{\"a\":\"z\"}", "{\"a\":\"z\"}",
     "spec.a: Unsupported value: \"z\": supported values: \"x\", \"y\""},
    {"minimum", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":1}}}",
     "{\"a\":0}", "{\"a\":0}",
     "spec.a: Invalid value: 0: spec.a in body should be greater than or equal to 1"},
    {"maxLength",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"maxLength\":2}}}",
     "{\"a\":\"xyz\"}", "{\"a\":\"xyz\"}", "spec.a: Too long: may not be more than 2 bytes"},
    {"pattern that never ends",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"^(a+)+$\"}}}",
     "{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}",
     "{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}",
     "spec.a: Invalid value: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\": spec.a in body should "
     "match '^(a+)+$'"},
    {"format",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"format\":\"date-time\"}}}",
     "{\"a\":\"x\"}", "{\"a\":\"x\"}",
     "spec.a: Invalid value: \"x\": spec.a in body must be of type date-time: \"x\""},
    {"oneOf",
     "{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true,\"oneOf\":[{\"required\":["
     "\"a\"]},{\"required\":[\"b\"]}]}",
     "{}", "{}",
     "spec: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found "
     "none "
     "valid"},
    {"list keys",
     "{\"type\":\"object\",\"properties\":{\"l\":{\"type\":\"array\",\"x-kubernetes-list-type\":"
     "\"map\",\"x-kubernetes-list-map-keys\":[\"k\"],\"items\":{\"type\":\"object\",\"properties\":"
     "{\"k\":{\"type\":\"string\"}}}}}}",
     "{\"l\":[{\"k\":\"a\"},{\"k\":\"a\"}]}", "{\"l\":[{\"k\":\"a\"},{\"k\":\"a\"}]}",
     "spec.l[1]: Duplicate value: {\"k\":\"a\"}"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(free_ptr)
        char *text = xasprintf("{\"type\":\"object\",\"properties\":{\"spec\":%s}}", row->schema);
        json_auto_t *schema = parsed(text), *spec = parsed(row->spec), *after = parsed(row->after);
        json_auto_t *object = json_pack("{s:s, s:O}", "kind", "A", "spec", spec);
        struct crd_memory *memory = crd_memory_new();
        const struct crd_node *node = crd_compile(memory, schema, "schema", &err);
        if (!node)
            fail_msg("%s: does not compile: %s", row->name, err.causes[0].message);
        crd_prune(node, object, NULL);
        crd_default(node, object);
        if (!json_equal(json_object_get(object, "spec"), after))
            fail_msg("%s: spec is %s", row->name, json_dumps(object, 0));
        crd_validate(node, object, NULL, &err);
        CLEANUP(free_ptr)
        char *cause = err.cause_count
                          ? xasprintf("%s: %s", err.causes[0].field, err.causes[0].message)
                          : xstrdup("");
        if (strcmp(cause, row->cause ? row->cause : "") != 0)
            fail_msg("%s: %s", row->name, cause);
        crd_memory_free(memory);
    }
}

/* A schema that nests for ever, and one that is only wide. */
static void test_limits(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *schema = parsed("{\"type\":\"string\"}");
    for (int i = 0; i < 2 * CRD_DEPTH_MAX; i++)
        schema = json_pack("{s:s, s:{s:o}}", "type", "object", "properties", "a", schema);
    struct crd_memory *memory = crd_memory_new();
    assert_null(crd_compile(memory, schema, "schema", &err));
    assert_int_equal(err.cause_count, 1);
    crd_memory_free(memory);
}

/* A default that does not fit its own schema; a small object whose defaults would fill memory. */
static void test_defaults(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *wrong = parsed("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\","
                                "\"default\":\"x\"}}}");
    struct crd_memory *memory = crd_memory_new();
    assert_null(crd_compile(memory, wrong, "schema", &err));
    assert_string_equal(err.causes[0].field, "schema.properties[a].default");
    crd_memory_free(memory);

    CLEANUP(error_clear) struct error none = {0};
    CLEANUP(free_ptr) char *big = xcalloc(100001, 1);
    memset(big, 'x', 100000);
    json_auto_t *schema = json_pack("{s:s, s:{s:{s:s, s:{s:s, s:{s:{s:s, s:s}}}}}}", "type",
                                    "object", "properties", "l", "type", "array", "items", "type",
                                    "object", "properties", "a", "type", "string", "default", big);
    json_auto_t *object = json_object();
    json_t *list = json_ensure_array(object, "l");
    for (int i = 0; i < 10000; i++)
        json_array_append_new(list, json_object());
    memory = crd_memory_new();
    const struct crd_node *node = crd_compile(memory, schema, "schema", &none);
    assert_non_null(node);
    crd_default(node, object);
    assert_non_null(json_object_get(json_array_get(list, 0), "a"));
    assert_null(json_object_get(json_array_get(list, 9999), "a"));
    crd_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
