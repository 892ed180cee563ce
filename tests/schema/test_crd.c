/* Schemas of custom resources: what they make of an object, and what they say about it. */
#include <string.h>

#include "base/json.h"
#include "schema/crd_schema.h"
#include "tests/schema/support_kind.h"
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
     "<nil>: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found "
     "none "
     "valid"},
    {"list keys",
     "{\"type\":\"object\",\"properties\":{\"l\":{\"type\":\"array\",\"x-kubernetes-list-type\":"
     "\"map\",\"x-kubernetes-list-map-keys\":[\"k\"],\"items\":{\"type\":\"object\",\"properties\":"
     "{\"k\":{\"type\":\"string\"}}}}}}",
     "{\"l\":[{\"k\":\"a\"},{\"k\":\"a\"}]}", "{\"l\":[{\"k\":\"a\"},{\"k\":\"a\"}]}",
     "spec.l[1]: Duplicate value: map[string]interface {}{\"k\":\"a\"}"},
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

/* clang-format off */
/* What upstream's validator says of each, in its order: of a member `v` with this schema. */
#define NOT_INTEGER "v: Invalid value: 'number': v in body must be of type integer: 'number'"
#define NONE_ALL    "<nil>: Invalid value: '': 'v' must validate all the schemas (allOf). None validated"
static const struct said_row {
    const char *schema, *value, *said; /* lines; "": valid */
} said_rows[] = {
    {"'type':'integer'", "1.0", ""}, {"'type':'integer'", "1e2", ""}, {"'type':'integer'", "1.5", NOT_INTEGER},
    {"'type':'integer'", "1e21", NOT_INTEGER}, {"'type':'integer'", "9223372036854775808", NOT_INTEGER},
    {"'type':'integer'", "9223372036854775807", ""},
    {"'type':'integer'", "9007199254740991.0", ""}, {"'type':'integer'", "9007199254740992.0", NOT_INTEGER},
    {"'type':'integer'", "-9007199254740991.0", ""}, {"'type':'integer'", "-9007199254740992.0", NOT_INTEGER},
    {"'type':'integer'", "1.000000001", ""}, {"'type':'integer'", "1.00000001", NOT_INTEGER},
    {"'type':'integer'", "1e-12", NOT_INTEGER}, {"'type':'integer'", "-1.000000001", NOT_INTEGER},
    {"'type':'integer'", "-2.0", ""}, {"'type':'integer'", "-0.0", ""},
    {"'type':'integer','format':'int32'", "2147483648", ""}, {"'type':'number','format':'float'", "1e39", ""},
    {"'x-kubernetes-int-or-string':true", "1.0", ""},
    {"'x-kubernetes-int-or-string':true", "1e30", "v: Invalid value: 'number': v in body must be of type integer,string: 'number'"},
    {"'type':'number','enum':[1,2.5,100]", "1.0", ""}, {"'type':'number','enum':[1,2.5,100]", "1e2", ""},
    {"'type':'number','enum':[1,2.5,100]", "1.5", ""}, {"'type':'number','enum':[1,2.5,100]", "2.5", ""},
    {"'type':'number','enum':[1,2.5,100]", "2", "v: Unsupported value: 2: supported values: '1', '2.5', '100'"},
    {"'type':'number','enum':[1,2.5,100]", "3.5", "v: Unsupported value: 3.5: supported values: '1', '2.5', '100'"},
    {"'type':'array','items':{'type':'number'},'enum':[[1,2],[2.5]]", "[1.0,2]", "v: Unsupported value: []interface {}{1, 2}: supported values: '[1,2]', '[2.5]'"},
    {"'type':'integer','multipleOf':3", "6.0", ""}, {"'type':'integer','multipleOf':3", "7", "v: Invalid value: 7: v in body should be a multiple of 3"},
    {"'type':'integer','multipleOf':3", "9007199254740993", ""},
    {"'type':'integer','multipleOf':2.5", "5", "v: Invalid value: 5: v in body should be a multiple of 2"},
    {"'type':'integer','multipleOf':2.5", "4", ""}, {"'type':'integer','multipleOf':2.5", "5.0", ""},
    {"'type':'integer','multipleOf':2.5", "4.0", "v: Invalid value: 4: v in body should be a multiple of 2.5"},
    {"'type':'number','multipleOf':0.1", "0.3", ""}, {"'type':'number','multipleOf':0.1", "0.7", ""}, {"'type':'number','multipleOf':0.1", "-0.3", ""},
    {"'type':'number','multipleOf':0.1", "0.35", "v: Invalid value: 0.35: v in body should be a multiple of 0.1"},
    {"'type':'number','multipleOf':0.1", "1e20", "v: Invalid value: 1e+20: v in body should be a multiple of 0.1"},
    {"'type':'number','multipleOf':0.5", "1", ""},
    {"'type':'integer','maximum':5.5,'minimum':-1.5", "6", "v: Invalid value: 6: v in body should be less than or equal to 5"},
    {"'type':'integer','maximum':5.5,'minimum':-1.5", "6.0", "v: Invalid value: 6: v in body should be less than or equal to 5.5"},
    {"'type':'integer','maximum':5.5,'minimum':-1.5", "-2", "v: Invalid value: -2: v in body should be greater than or equal to -1"},
    {"'type':'number','maximum':2.5", "3", "v: Invalid value: 3: v in body should be less than or equal to 2"}, {"'type':'number','maximum':2.5", "2.5", ""},
    {"'type':'number','minimum':0.5,'exclusiveMinimum':true", "0.5", "v: Invalid value: 0.5: v in body should be greater than 0.5"},
    {"'type':'number','minimum':0.5,'exclusiveMinimum':true", "0", "v: Invalid value: 0: v in body should be greater than 0"},
    {"'type':'number','minimum':-1e-7", "-1e-6", "v: Invalid value: -1e-06: v in body should be greater than or equal to -1e-07"},
    {"'type':'number','maximum':1234567.5", "3e7", "v: Invalid value: 3e+07: v in body should be less than or equal to 1.2345675e+06"},
    {"'type':'number','maximum':1234567.5", "12345678.25", "v: Invalid value: 1.234567825e+07: v in body should be less than or equal to 1.2345675e+06"},
    {"'type':'number','maximum':100", "1e3", "v: Invalid value: 1000: v in body should be less than or equal to 100"},
    {"'type':'number','minimum':-0.00001234", "-0.00002", "v: Invalid value: -2e-05: v in body should be greater than or equal to -1.234e-05"},
    {"'type':'integer','maximum':9223372036854775807", "1e19", NOT_INTEGER "\nv: Invalid value: 1e+19: v in body should be less than or equal to 9.223372036854776e+18"},
    {"'type':'integer','enum':[1],'maximum':3,'minimum':9,'multipleOf':2", "5.5",
     NOT_INTEGER "\nv: Invalid value: 5.5: v in body should be a multiple of 2\nv: Invalid value: 5.5: v in body should be greater than or equal to 9\n"
     "v: Invalid value: 5.5: v in body should be less than or equal to 3\nv: Unsupported value: 5.5: supported values: '1'"},
    {"'type':'string','enum':['a','b'],'minLength':3,'pattern':'^x','maxLength':1", "'cc'", "v: Too long: may not be more than 1 bytes\nv: Unsupported value: 'cc': supported values: 'a', 'b'"},
    {"'type':'string','enum':['a','b'],'minLength':3", "5", "v: Invalid value: 'integer': v in body must be of type string: 'integer'\nv: Unsupported value: 5: supported values: 'a', 'b'"},
    {"'type':'string','format':'date','enum':['x'],'minLength':20,'anyOf':[{'maxLength':1}]", "'zz'",
     "<nil>: Invalid value: '': 'v' must validate at least one schema (anyOf)\nv: Too long: may not be more than 1 bytes\n"
     "v: Invalid value: 'zz': v in body should be at least 20 chars long\n"
     "v: Invalid value: 'zz': v in body must be of type date: 'zz'\nv: Unsupported value: 'zz': supported values: 'x'"},
    {"'type':'array','minItems':3,'items':{'type':'integer'},'enum':[[1]],'allOf':[{'minItems':4}]", "[1,'x']",
     "v: Invalid value: 2: v in body should have at least 4 items\n" NONE_ALL "\nv[1]: Invalid value: 'string': v[1] in body must be of type integer: 'string'\n"
     "v: Invalid value: 2: v in body should have at least 3 items\nv: Unsupported value: []interface {}{1, 'x'}: supported values: '[1]'"},
    {"'type':'object','required':['z'],'minProperties':3,'properties':{'a':{'type':'string'}},'enum':[{'q':1}],'allOf':[{'required':['w']}],'not':{'required':['a']}", "{'a':1}",
     "v.w: Required value\n" NONE_ALL "\n<nil>: Invalid value: '': 'v' must not validate the schema (not)\n"
     "v: Unsupported value: map[string]interface {}{'a':1}: supported values: '{\\'q\\':1}'\nv: Invalid value: 1: v in body should have at least 3 properties"},
    {"'type':'object','required':['z'],'properties':{'a':{'type':'string'}}", "{'a':1}", "v.a: Invalid value: 'integer': v.a in body must be of type string: 'integer'\nv.z: Required value"},
    /* Of alternatives, the first of those that looked at most says why. */
    {"'type':'string','oneOf':[{'maxLength':2},{'pattern':'^x'}]", "'abc'",
     "<nil>: Invalid value: '': 'v' must validate one and only one schema (oneOf). Found none valid\nv: Too long: may not be more than 2 bytes"},
    {"'type':'string','oneOf':[{'maxLength':3},{'pattern':'^a'}]", "'abc'",
     "<nil>: Invalid value: '': 'v' must validate one and only one schema (oneOf). Found 2 valid alternatives"},
    {"'type':'object','properties':{'a':{'type':'string'},'b':{'type':'string'}},'anyOf':[{'properties':{'a':{'maxLength':1}}},"
     "{'required':['c'],'properties':{'a':{'maxLength':1},'b':{'minLength':1}}}]", "{'a':'xy','b':'z'}",
     "<nil>: Invalid value: '': 'v' must validate at least one schema (anyOf)\nv.a: Too long: may not be more than 1 bytes\nv.c: Required value"},
    {"'type':'string','anyOf':[{'anyOf':[{'maxLength':1}]}]", "'ab'",
     "<nil>: Invalid value: '': 'v' must validate at least one schema (anyOf)\nv: Too long: may not be more than 1 bytes"},
    {"'type':'array','x-kubernetes-list-type':'set','items':{'type':'number'}", "[1.5,2,2,1.0,1]", "v[2]: Duplicate value: 2"},
};
/* clang-format on */

static void check_said(const struct said_row *row)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf said = BUF_TEXT;
    CLEANUP(free_ptr)
    char *text = xasprintf("{'schema':{'type':'object','properties':{'v':{%s}}},'object':{'v':%s}}",
                           row->schema, row->value);
    json_auto_t *parts = kind_json(text);
    struct crd_memory *memory = crd_memory_new();
    const struct crd_node *node =
        crd_compile(memory, json_object_get(parts, "schema"), "schema", &err);
    assert_non_null(node);
    crd_validate(node, json_object_get(parts, "object"), NULL, &err);
    for (size_t i = 0; i < err.cause_count; i++)
        buf_printf(&said, "%s%s: %s", i ? "\n" : "", err.causes[i].field, err.causes[i].message);
    CLEANUP(free_ptr) char *wanted = xstrdup(row->said);
    for (char *at = wanted; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    if (strcmp(wanted, said.len ? said.data : "") != 0)
        fail_msg("%s %s: says %s, not %s", row->schema, row->value,
                 said.len ? said.data : "nothing", wanted);
    crd_memory_free(memory);
}

static void test_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(said_rows); i++)
        check_said(&said_rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_said),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
