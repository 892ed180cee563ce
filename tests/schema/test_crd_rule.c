/* x-kubernetes-validations: what a definition may say, and what its objects must be. */
#include "tests/test.h"

#include "base/json.h"
#include "schema/crd.h"
#include "schema/crd_rule.h"

static json_t *parsed(const char *text)
{
    CLEANUP(error_clear) struct error err = {0};
    json_t *value = json_parse(str_of(text), JSON_LOAD_LENIENT, &err);
    if (!value)
        fail_msg("%s: %s", err.message, text);
    return value;
}

/* "FIELD: MESSAGE" of each cause, one a line. Owned. */
static char *causes(const struct error *err)
{
    struct buf text = BUF_TEXT;
    for (size_t i = 0; i < err->cause_count; i++)
        buf_printf(&text, "%s%s: %s", i ? "\n" : "", err->causes[i].field, err->causes[i].message);
    char *out = buf_take(&text);
    return out ? out : xstrdup("");
}

/* ---- definitions ---- */

struct definition_row {
    const char *name, *spec; /* spec: the schema of the property `spec` */
    const char *wanted;
};

#define RULES(text) "\"x-kubernetes-validations\":[" text "]"
#define AT          "schema.properties[spec]"
#define HINT                                                                                       \
    " (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, "  \
    "maps, and strings are "                                                                       \
    "declared)"
#define SHOWN(rule)                                                                                \
    "Invalid value: apiextensions.ValidationRule{Rule:\"" rule                                     \
    "\", Message:\"\", MessageExpression:\"\", "                                                   \
    "Reason:(*apiextensions.FieldValueErrorReason)(nil), FieldPath:\"\", "                         \
    "OptionalOldSelf:(*bool)(nil)}: "

static const struct definition_row definitions[] = {
    {"fine",
     "{\"type\":\"integer\"," RULES("{\"rule\":\"self > 0\",\"message\":\"must be positive\"}") "}",
     ""},
    {"an object with more",
     "{\"type\":\"object\",\"additionalProperties\":true," RULES("{\"rule\":\"self == self\"}") "}",
     ""},
    {"empty", "{\"type\":\"integer\"," RULES("{\"rule\":\" \"}") "}",
     AT ".x-kubernetes-validations[0].rule: Required value: rule is not specified"},
    {"unknown name", "{\"type\":\"integer\"," RULES("{\"rule\":\"foo > 0\"}") "}",
     AT ".x-kubernetes-validations[0].rule: " SHOWN(
         "foo > 0") "compilation failed: ERROR: <input>:1:1: undeclared reference to 'foo' (in "
                    "container '')\n | foo > 0\n | ^"},
    {"no bool", "{\"type\":\"integer\"," RULES("{\"rule\":\"self\"}") "}",
     AT
     ".x-kubernetes-validations[0].rule: " SHOWN("self") "cel expression must evaluate to a bool"},
    {"unknown field",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}," RULES(
         "{\"rule\":\"self.b == ''\"}") "}",
     AT ".x-kubernetes-validations[0].rule: " SHOWN(
         "self.b == ''") "compilation failed: ERROR: <input>:1:5: undefined field 'b'\n | self.b "
                         "== ''\n | ....^"},
    {"line break without message",
     "{\"type\":\"integer\"," RULES("{\"rule\":\"self > 0\\n&& true\"}") "}",
     AT ".x-kubernetes-validations[0].message: Required value: message must be specified if rule "
        "contains line breaks"},
    {"reason", "{\"type\":\"integer\"," RULES("{\"rule\":\"self > 0\",\"reason\":\"Odd\"}") "}",
     AT ".x-kubernetes-validations[0].reason: Unsupported value: \"Odd\": supported values: "
        "\"FieldValueDuplicate\", "
        "\"FieldValueForbidden\", \"FieldValueInvalid\", \"FieldValueRequired\""},
    {"field path",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}," RULES(
         "{\"rule\":\"true\",\"fieldPath\":\".b\"}") "}",
     AT ".x-kubernetes-validations[0].fieldPath: Invalid value: \".b\": fieldPath must be a valid "
        "path: does not refer to "
        "a valid field"},
    {"message expression",
     "{\"type\":\"integer\"," RULES("{\"rule\":\"self > 0\",\"messageExpression\":\"1\"}") "}",
     AT ".x-kubernetes-validations[0].messageExpression: Invalid value: "
        "apiextensions.ValidationRule{Rule:\"self > 0\", "
        "Message:\"\", MessageExpression:\"1\", "
        "Reason:(*apiextensions.FieldValueErrorReason)(nil), FieldPath:\"\", "
        "OptionalOldSelf:(*bool)(nil)}: messageExpression must evaluate to a string"},
    {"transition in a set",
     "{\"type\":\"array\",\"x-kubernetes-list-type\":\"set\",\"maxItems\":5,\"items\":{\"type\":"
     "\"string\",\"maxLength\":9," RULES("{\"rule\":\"self == oldSelf\"}") "}}",
     AT ".items.x-kubernetes-validations[0].rule: Invalid value: \"self == oldSelf\": oldSelf "
        "cannot be used on the "
        "uncorrelatable portion of the schema within " AT},
    {"optional old self for nothing",
     "{\"type\":\"integer\"," RULES("{\"rule\":\"self > 0\",\"optionalOldSelf\":true}") "}",
     AT ".x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if "
        "oldSelf is not used in rule"},
    {"in an alternative",
     "{\"type\":\"integer\",\"anyOf\":[{\"minimum\":1," RULES("{\"rule\":\"true\"}") "}]}",
     AT ".anyOf[0].x-kubernetes-validations: Forbidden: must be empty to be structural"},
    {"in a part of a value",
     "{\"type\":\"integer\",\"allOf\":[{" RULES("{\"rule\":\"true\"}") "}]}",
     AT ".allOf[0].x-kubernetes-validations: Forbidden: must be empty to be structural"},
    {"below what it must not be",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"not\":{\"properties\":{"
     "\"a\":{" RULES("{\"rule\":\"true\"}") "}}}}",
     AT ".not.properties[a].x-kubernetes-validations: Forbidden: must be empty to be structural"},
    {"a default that a rule forbids",
     "{\"type\":\"integer\",\"default\":0," RULES("{\"rule\":\"self > 0\"}") "}",
     AT ".default: Invalid value: \"integer\": failed rule: self > 0"},
    {"expensive",
     "{\"type\":\"array\",\"items\":{\"type\":\"string\"}," RULES(
         "{\"rule\":\"self.all(a, self.all(b, a != b || true))\"}") "}",
     AT ".x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by "
        "factor of more than 100x" HINT "\n" AT
        ".x-kubernetes-validations[0].rule: Forbidden: contributed to estimated rule cost total "
        "exceeding cost limit for entire OpenAPIv3 schema\nschema: Forbidden: "
        "x-kubernetes-validations estimated rule "
        "cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x" HINT},
    {"bounded",
     "{\"type\":\"array\",\"maxItems\":10,\"items\":{\"type\":\"string\",\"maxLength\":10}," RULES(
         "{\"rule\":\"self.all(a, self.all(b, a != b || true))\"}") "}",
     ""},
};

static void test_definitions(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(definitions); i++) {
        const struct definition_row *row = &definitions[i];
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(free_ptr)
        char *text = xasprintf("{\"type\":\"object\",\"properties\":{\"spec\":%s}}", row->spec);
        json_auto_t *schema = parsed(text);
        struct crd_memory *memory = crd_memory_new();
        const struct crd_node *root = crd_compile(memory, schema, "schema", &err);
        if (root)
            crd_rules_compile(memory, root, "schema", &err);
        CLEANUP(free_ptr) char *found = causes(&err);
        if (strcmp(found, row->wanted) != 0) {
            print_error("%s:\n%s\nwanted:\n%s\n", row->name, found, row->wanted);
            wrong++;
        }
        crd_memory_free(memory);
    }
    assert_int_equal(wrong, 0);
}

/* ---- objects ---- */

struct object_row {
    const char *name, *spec, *now, *before; /* of `spec`; before NULL: created */
    const char *wanted;
};

#define ONE(type, rule) "{\"type\":\"" type "\"," RULES("{\"rule\":\"" rule "\"}") "}"
#define PORTS                                                                                      \
    "{\"type\":\"array\",\"maxItems\":4,\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-"   \
    "map-keys\":[\"name\"],"                                                                       \
    "\"items\":{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{\"name\":{\"type\":"   \
    "\"string\"},\"port\":{"                                                                       \
    "\"type\":\"integer\"}}," RULES("{\"rule\":\"self.port >= oldSelf.port\"}") "}}"

/* clang-format off */
static const struct object_row objects[] = {
    {"holds", ONE("integer", "self > 0"), "1", NULL, ""},
    {"fails", ONE("integer", "self > 0"), "0", NULL, "spec: Invalid value: \"integer\": failed rule: self > 0"},
    {"message", "{\"type\":\"integer\"," RULES("{\"rule\":\"self > 0\",\"message\":\" be positive \"}") "}", "0", NULL,
     "spec: Invalid value: \"integer\": be positive"},
    {"message expression",
     "{\"type\":\"integer\"," RULES(
         "{\"rule\":\"self > 0\",\"messageExpression\":\"'not %d'.format([self])\",\"message\":\"m\"}") "}",
     "-3", NULL, "spec: Invalid value: \"integer\": not -3"},
    {"message expression that fails",
     "{\"type\":\"integer\"," RULES("{\"rule\":\"self > 0\",\"messageExpression\":\"string(1/0)\",\"message\":\"m\"}") "}",
     "-3", NULL, "spec: Invalid value: \"integer\": m"},
    {"reason and path",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}," RULES(
         "{\"rule\":\"has(self.a)\",\"reason\":\"FieldValueRequired\",\"fieldPath\":\".a\",\"message\":\"is needed\"}") "}",
     "{}", NULL, "spec.a: Required value: is needed"},
    {"forbidden",
     "{\"type\":\"integer\"," RULES("{\"rule\":\"self > 0\",\"reason\":\"FieldValueForbidden\"}") "}", "0", NULL,
     "spec: Forbidden: failed rule: self > 0"},
    {"error", ONE("integer", "1 / self > 0"), "0", NULL,
     "spec: Invalid value: \"integer\": division by zero evaluating rule: 1 / self > 0"},
    {"int or string",
     "{\"x-kubernetes-int-or-string\":true," RULES("{\"rule\":\"self.startsWith('a')\"}") "}", "1", NULL,
     "spec: Invalid value: \"\": 'no such overload: startsWith(int, string)': call arguments did not match a supported "
     "operator, function or macro signature for rule: self.startsWith('a')"},
    {"transition on create", ONE("integer", "self == oldSelf"), "1", NULL, ""},
    {"transition", ONE("integer", "self == oldSelf"), "1", "2",
     "spec: Invalid value: \"integer\": failed rule: self == oldSelf"},
    {"optional old self",
     "{\"type\":\"integer\"," RULES("{\"rule\":\"oldSelf.orValue(7) == self\",\"optionalOldSelf\":true}") "}", "1", NULL,
     "spec: Invalid value: \"integer\": failed rule: oldSelf.orValue(7) == self"},
    {"map list items", PORTS, "[{\"name\":\"a\",\"port\":1},{\"name\":\"b\",\"port\":5}]",
     "[{\"name\":\"b\",\"port\":6}]", "spec[1]: Invalid value: \"object\": failed rule: self.port >= oldSelf.port"},
    {"map values",
     "{\"type\":\"object\",\"additionalProperties\":" ONE("integer", "self > 0") "}", "{\"a\":0}", NULL,
     "spec[a]: Invalid value: \"integer\": failed rule: self > 0"},
    {"unchanged", ONE("integer", "self > 0"), "0", "0", ""},
    {"unchanged in a changed one",
     "{\"type\":\"object\",\"properties\":{\"a\":" ONE("integer", "self > 0") ",\"b\":{\"type\":\"integer\"}}}",
     "{\"a\":0,\"b\":1}", "{\"a\":0,\"b\":2}", ""},
    {"structure first", ONE("integer", "self > 0"), "\"x\"", NULL,
     "spec: Invalid value: \"string\": spec in body must be of type integer: \"string\"\n<nil>: Invalid value: \"null\": "
     "some validation rules were not checked because the object was invalid; correct the existing errors to complete "
     "validation"},
    {"structure ratchets", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"maxLength\":1},\"b\":{\"type\":"
                           "\"integer\"}}}",
     "{\"a\":\"long\",\"b\":1}", "{\"a\":\"long\",\"b\":2}", ""},
    {"structure of what changed",
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"maxLength\":1}}}", "{\"a\":\"longer\"}",
     "{\"a\":\"long\"}", "spec.a: Too long: may not be more than 1 bytes"},
    {"dates", "{\"type\":\"string\",\"format\":\"date-time\"," RULES("{\"rule\":\"self.getFullYear() == 2024\"}") "}",
     "\"2023-01-01T00:00:00Z\"", NULL, "spec: Invalid value: \"string\": failed rule: self.getFullYear() == 2024"},
    {"escaped names",
     "{\"type\":\"object\",\"properties\":{\"a-b\":{\"type\":\"integer\"},\"for\":{\"type\":\"integer\"}}," RULES(
         "{\"rule\":\"self.a__dash__b < self.__for__\"}") "}",
     "{\"a-b\":2,\"for\":1}", NULL, "spec: Invalid value: \"object\": failed rule: self.a__dash__b < self.__for__"},
};
/* clang-format on */

static void test_objects(void **state)
{
    (void)state;
    unsigned wrong = 0;
    static const struct subresource none;
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        const struct object_row *row = &objects[i];
        CLEANUP(error_clear) struct error err = {0}, verdict = {0};
        CLEANUP(free_ptr)
        char *text = xasprintf("{\"type\":\"object\",\"properties\":{\"spec\":%s}}", row->spec);
        CLEANUP(free_ptr) char *now_text = xasprintf("{\"kind\":\"A\",\"spec\":%s}", row->now);
        CLEANUP(free_ptr)
        char *old_text =
            row->before ? xasprintf("{\"kind\":\"A\",\"spec\":%s}", row->before) : NULL;
        json_auto_t *schema = parsed(text), *now = parsed(now_text),
                    *old = old_text ? parsed(old_text) : NULL;
        struct crd_memory *memory = crd_memory_new();
        const struct crd_node *root = crd_compile(memory, schema, "schema", &err);
        if (root)
            crd_rules_compile(memory, root, "schema", &err);
        if (err.cause_count)
            fail_msg("%s: %s", row->name, err.causes[0].message);
        const struct type type = {.custom = root};
        const struct resource resource = {.type = &type, .subresources = &none};
        crd_object_validate(&(struct crd_write){&resource, now, old, ""}, NULL, &verdict);
        CLEANUP(free_ptr) char *found = causes(&verdict);
        if (strcmp(found, row->wanted) != 0) {
            print_error("%s:\n%s\nwanted:\n%s\n", row->name, found, row->wanted);
            wrong++;
        }
        crd_memory_free(memory);
    }
    assert_int_equal(wrong, 0);
}

/* At the root there is no path, and a resource's own head can be read. */
static void test_root(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0}, verdict = {0};
    json_auto_t *schema = parsed("{\"type\":\"object\"," RULES(
        "{\"rule\":\"self.metadata.name == 'a' && self.kind == 'A'\"}") "}");
    json_auto_t *object = parsed("{\"kind\":\"A\",\"metadata\":{\"name\":\"b\"}}");
    struct crd_memory *memory = crd_memory_new();
    const struct crd_node *root = crd_compile(memory, schema, "schema", &err);
    crd_rules_compile(memory, root, "schema", &err);
    assert_int_equal(err.cause_count, 0);
    crd_rules_run(root, object, NULL, NULL, &verdict);
    assert_int_equal(verdict.cause_count, 1);
    assert_string_equal(verdict.causes[0].field, "<nil>");
    crd_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definitions),
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
