/* What an update may leave as it was although the schema forbids it by now. Each row is modelled on
 * a case of upstream's ratcheting tests, or on what its code says of one that they leave out. */
#include "tests/test.h"

#include "base/json.h"
#include "schema/crd.h"
#include "schema/crd_rule.h"
#include "tests/schema/support_kind.h"

/* clang-format off */
#define RULE(text)  "'x-kubernetes-validations':[{'rule':'" text "'}]" /* text: with \\' for a quote */
#define MIN         "v: Invalid value: 5: v in body should be greater than or equal to 10"
#define NUMBERS     "'type':'object','additionalProperties':{'type':'integer','minimum':1000}"
#define TWO(more)   "'type':'object','properties':{'a':{'type':'string','maxLength':2},'b':{'type':'integer'}}" more
#define LONG        "v.a: Too long: may not be more than 2 bytes"
#define PAIRS(more) "'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['n','p']," more \
                    "'items':{'type':'object','required':['n','p'],'properties':{'n':{'type':'string'},'p':{'type':'integer','multipleOf':2},'f':{'type':'string'}}}"
#define A(f)        "{'n':'a','p':443,'f':'" f "'}"
#define B           "{'n':'b','p':2379,'f':'x'}"
#define C           "{'n':'c','p':8080,'f':'x'}"
#define ITEMS(what) "'type':'array'," what "'items':{'type':'object','additionalProperties':{'type':'string','minLength':6}}"
#define SHORT(path) path ": Invalid value: 'value': " path " in body should be at least 6 chars long"
#define RULED       "'type':'object','additionalProperties':{'type':'object','properties':{'s':{'type':'string'," \
                    RULE("self.startsWith(\\'k8s\\')") "},'i':{'type':'integer'}}}"
#define UNRULED(at) at ": Invalid value: 'string': failed rule: self.startsWith('k8s')"

static const struct row {
    const char *schema, *before, *now; /* of `v` */
    const char *said;                  /* causes and warnings, a line each: "W ..." */
} rows[] = {
    {"'type':'integer','minimum':10", "0", "0", ""}, {"'type':'integer','minimum':10", "0", "5", MIN},
    {"'type':'integer','minimum':10", "0", "11", ""}, {"'type':'integer','minimum':10", "11", "5", MIN},
    {"'type':'integer','maximum':20", "1000", "1000", ""},
    {"'type':'integer','maximum':20", "1000", "21", "v: Invalid value: 21: v in body should be less than or equal to 20"},
    {"'type':'string','enum':['A','B']", "'old'", "'old'", ""},
    {"'type':'string','enum':['A','B']", "'old'", "'D'", "v: Unsupported value: 'D': supported values: 'A', 'B'"},
    {"'type':'string','enum':['A','B']", "'A'", "'old'", "v: Unsupported value: 'old': supported values: 'A', 'B'"},
    {"'type':'string','minLength':10", "'value'", "'value'", ""},
    {"'type':'string','minLength':10", "'longer value'", "'value'", "v: Invalid value: 'value': v in body should be at least 10 chars long"},
    {"'type':'string','pattern':'^[1-9]+$'", "'no'", "'no'", ""},
    {"'type':'string','pattern':'^[1-9]+$'", "'no'", "'w123'", "v: Invalid value: 'w123': v in body should match '^[1-9]+$'"},
    {"'type':'string','format':'byte'", "'no format'", "'no format'", ""},
    {"'type':'string','format':'date-time'", "'2018-11-13T20:20:39+00:00'", "'YQ=='", "v: Invalid value: 'YQ==': v in body must be of type date-time: 'YQ=='"},
    {"'type':'integer'", "'was a string'", "'was a string'", ""},

    {NUMBERS, "{'a':1,'b':1000000}", "{'a':1,'b':2000}", ""},
    {NUMBERS, "{'a':1,'b':2000}", "{'a':2,'b':2000}", "v.a: Invalid value: 2: v.a in body should be greater than or equal to 1000"},
    {NUMBERS ",'maxProperties':1", "{'a':1000,'b':1000}", "{'b':1000,'a':1000}", ""},
    {NUMBERS ",'maxProperties':1", "{'a':1000,'b':1000}", "{'a':1001,'b':1000}", "v: Too many: 2: must have at most 1 items"},
    {NUMBERS ",'minProperties':2", "{'a':1000,'b':1000}", "{'a':1000}", "v: Invalid value: 1: v in body should have at least 2 properties"},
    {TWO(",'required':['c']"), "{'a':'x'}", "{'a':'x'}", ""},
    {TWO(",'required':['c']"), "{'a':'x'}", "{'a':'y'}", "v.c: Required value"},
    {TWO(""), "{'a':'long','b':1}", "{'a':'long','b':2}", ""},
    {TWO(""), "{'a':'long','b':1}", "{'a':'longer','b':2}", LONG},
    {TWO(""), "{'b':1}", "{'a':'long','b':1}", LONG},

    {"'type':'array','minItems':10,'items':{'type':'string'}", "['1','2']", "['1','2']", ""},
    {"'type':'array','minItems':10,'items':{'type':'string'}", "['1','2']", "['1','2','3']", "v: Invalid value: 3: v in body should have at least 10 items"},
    {"'type':'array','maxItems':1,'items':{'type':'string'}", "['1','2','3']", "['1','2']", "v: Too many: 2: must have at most 1 items"},
    {"'type':'array','maxItems':1,'items':{'type':'string'}", "['1','2']", "['2','1']", "v: Too many: 2: must have at most 1 items"},
    {ITEMS(""), "[{'k':'value'}]", "[{'k':'value'}]", ""},
    {ITEMS(""), "[{'k':'value'}]", "[{'k':'value','l':'is long'}]", SHORT("v[0].k")},
    {ITEMS("'x-kubernetes-list-type':'atomic',"), "[{'k':'value'},{'k':'long enough'}]", "[{'k':'long enough'},{'k':'value'}]", SHORT("v[1].k")},
    {PAIRS("'maxItems':1,"), "[" A("x") "," C "]", "[" C "," A("x") "]", ""},
    {PAIRS("'maxItems':1,"), "[" A("x") "]", "[" A("x") "," C "]", "v: Too many: 2: must have at most 1 items"},
    {PAIRS("'maxItems':1,"), "[" A("x") "," C "]", "[" A("y") "," C "]", "v: Too many: 2: must have at most 1 items"},
    {PAIRS(""), "[" A("x") "," B "]", "[" B "," C "," A("changed") "]", ""},
    {PAIRS(""), "[" B "]", "[" A("new") "," B "]", "v[0].p: Invalid value: 443: v[0].p in body should be a multiple of 2"},

    /* What narrows a value down is not let pass by itself. */
    {"'type':'object','properties':{'a':{'type':'string'},'b':{'type':'integer'}},'allOf':[{'properties':{'a':{'maxLength':2}}}]",
     "{'a':'long','b':1}", "{'a':'long','b':2}", LONG "\n<nil>: Invalid value: '': 'v' must validate all the schemas (allOf). None validated"},
    {"'type':'object','properties':{'a':{'type':'string'},'b':{'type':'integer'}},'allOf':[{'properties':{'a':{'maxLength':2}}}]",
     "{'a':'long','b':1}", "{'a':'long','b':1}", ""},
    {"'type':'object','properties':{'a':{'type':'string'},'b':{'type':'integer'}},'not':{'required':['a']}",
     "{'a':'long','b':1}", "{'a':'long','b':2}", "<nil>: Invalid value: '': 'v' must not validate the schema (not)"},
    /* What the schema does not name cannot be told to be the same. */
    {"'type':'object','x-kubernetes-preserve-unknown-fields':true,'maxProperties':1", "{'a':1,'b':2}", "{'a':1,'b':2}", "v: Too many: 2: must have at most 1 items"},

    {RULED, "{'a':{'s':'x','i':5}}", "{'a':{'s':'x','i':15},'b':{'s':'k8s x','i':1}}", "W " UNRULED("v[a].s")},
    {RULED, "{'a':{'s':'x'}}", "{'a':{'s':'y'}}", UNRULED("v[a].s")},
    {RULED, "{'a':{'s':'x'},'b':{'s':'k8s'}}", "{'a':{'s':'k8s'},'b':{'s':'x'}}", UNRULED("v[b].s")},
    {"'type':'array','maxItems':9,'items':{'type':'string'," RULE("self != \\'x\\'") "}", "['x','y']", "['x','y']", "W v[0]: Invalid value: 'string': failed rule: self != 'x'"},
    {"'type':'array','maxItems':9,'items':{'type':'string'," RULE("self != \\'x\\'") "}", "['x','y']", "['x']", "v[0]: Invalid value: 'string': failed rule: self != 'x'"},
    {"'type':'string'," RULE("self == \\'x\\' || oldSelf != \\'y\\'"), "'y'", "'y'", "v: Invalid value: 'string': failed rule: self == 'x' || oldSelf != 'y'"},
    {"'type':'string'," RULE("self == \\'x\\' || oldSelf != \\'y\\'"), "'y'", "'x'", ""},
    {"'type':'string','x-kubernetes-validations':[{'rule':'!oldSelf.hasValue()','message':'is new','optionalOldSelf':true}]", NULL, "'a'", ""},
    {"'type':'string','x-kubernetes-validations':[{'rule':'!oldSelf.hasValue()','message':'is new','optionalOldSelf':true}]", "'a'", "'a'", "v: Invalid value: 'string': is new"},
    {"'type':'string','nullable':true," RULE("self == oldSelf"), "null", "'a'", ""},
};
/* clang-format on */

static json_t *object_of(const char *value)
{
    CLEANUP(free_ptr) char *text = xasprintf("{'kind':'A','v':%s}", value);
    return kind_json(text);
}

static void say(struct buf *said, const struct error *err, const struct warnings *warnings)
{
    for (size_t i = 0; i < err->cause_count; i++)
        buf_printf(said, "%s%s: %s", said->len ? "\n" : "", err->causes[i].field,
                   err->causes[i].message);
    for (size_t i = 0; i < warnings->count; i++)
        buf_printf(said, "%sW %s", said->len ? "\n" : "", warnings->items[i]);
}

static void check_row(const struct row *row)
{
    static const struct subresource none;
    CLEANUP(error_clear) struct error err = {0}, verdict = {0};
    CLEANUP(warnings_free) struct warnings warnings = {0};
    CLEANUP(buf_free) struct buf said = BUF_TEXT;
    CLEANUP(free_ptr)
    char *text = xasprintf("{'type':'object','properties':{'v':{%s}}}", row->schema);
    json_auto_t *schema = kind_json(text), *now = object_of(row->now),
                *old = row->before ? object_of(row->before) : NULL;
    struct crd_memory *memory = crd_memory_new();
    const struct crd_node *root = crd_compile(memory, schema, "schema", &err);
    if (root)
        crd_rules_compile(memory, root, "schema", &err);
    if (err.cause_count)
        fail_msg("%s: %s", row->schema, err.causes[0].message);
    const struct type type = {.custom = root};
    const struct resource resource = {.type = &type, .subresources = &none};
    crd_object_validate(&(struct crd_write){&resource, now, old, ""}, &warnings, &verdict);
    say(&said, &verdict, &warnings);
    for (size_t i = 0; i < said.len; i++)
        said.data[i] = said.data[i] == '"' ? '\'' : said.data[i];
    if (strcmp(said.len ? said.data : "", row->said) != 0)
        print_error("%s: %s to %s says\n%s\nnot\n%s\n", row->schema,
                    row->before ? row->before : "nothing", row->now, said.len ? said.data : "",
                    row->said);
    crd_memory_free(memory);
    assert_string_equal(said.len ? said.data : "", row->said);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_row(&rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
