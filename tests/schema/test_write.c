/* Objects as text: in which order their members come, and where the version goes. */
#include "schema/write.h"

#include <string.h>

#include "tests/schema/support_kind.h"
#include "tests/test.h"

/* clang-format off */
static const struct row {
    const char *name, *type; /* "custom": a custom resource */
    const char *object, *text;
} rows[] = {
    {"fields as declared", "io.k8s.api.apps.v1.Deployment",
     "{'status':{},'spec':{'template':{},'selector':{},'replicas':1},'metadata':{'labels':{},'name':'d'},'apiVersion':'apps/v1','kind':'Deployment'}",
     "{'kind':'Deployment','apiVersion':'apps/v1','metadata':{'name':'d','labels':{}},'spec':{'replicas':1,'selector':{},'template':{}},'status':{}}"},
    {"in order already", "io.k8s.api.core.v1.ConfigMap", "{'kind':'ConfigMap','metadata':{'name':'a'},'data':{}}", "{'kind':'ConfigMap','metadata':{'name':'a'},'data':{}}"},
    {"maps by key", "io.k8s.api.core.v1.ConfigMap", "{'data':{'b':'1','a':'2','aa':'3','B':'4','':'5','ä':'6'}}", "{'data':{'':'5','B':'4','a':'2','aa':'3','b':'1','ä':'6'}}"},
    {"lists of structs", "io.k8s.api.core.v1.PodSpec", "{'containers':[{'image':'i','name':'c','env':[{'value':'v','name':'n'}]},{'ports':[],'name':'d'}]}",
     "{'containers':[{'name':'c','image':'i','env':[{'name':'n','value':'v'}]},{'name':'d','ports':[]}]}"},
    {"flattened structs", "io.k8s.api.core.v1.Volume", "{'emptyDir':{'sizeLimit':'1','medium':'m'},'name':'v'}", "{'name':'v','emptyDir':{'medium':'m','sizeLimit':'1'}}"},
    {"what a struct does not know comes last", "io.k8s.api.core.v1.Pod", "{'zz':{'b':1,'a':2},'aa':1,'spec':{}}", "{'spec':{},'aa':1,'zz':{'b':1,'a':2}}"},
    {"raw values as they came", "io.k8s.api.apps.v1.ControllerRevision", "{'revision':1,'data':{'b':1,'a':{'d':1,'c':2}}}", "{'data':{'b':1,'a':{'d':1,'c':2}},'revision':1}"},
    {"unions", "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps",
     "{'properties':{'b':{'type':'string','description':'x'}},'items':{'type':'a','format':'b'},'additionalProperties':false,'type':'object','default':{'b':1,'a':2}}",
     "{'type':'object','default':{'b':1,'a':2},'items':{'type':'a','format':'b'},'properties':{'b':{'description':'x','type':'string'}},'additionalProperties':false}"},
    {"not what the type says", "io.k8s.api.core.v1.Pod", "{'spec':[{'b':1,'a':2}],'metadata':7}", "{'metadata':7,'spec':[{'b':1,'a':2}]}"},
    {"custom resources by key", "custom", "{'kind':'A','spec':{'b':[{'d':1,'c':2}],'a':null},'apiVersion':'g/v1','metadata':{'uid':'u','name':'n'},'Z':1,'data':1}",
     "{'Z':1,'apiVersion':'g/v1','data':1,'kind':'A','metadata':{'name':'n','uid':'u'},'spec':{'a':null,'b':[{'c':2,'d':1}]}}"},
    {"empty", "io.k8s.api.core.v1.Pod", "{}", "{}"}, {"empty, custom", "custom", "{}", "{}"},
};

static const struct draft_row {
    const char *name, *type, *object, *text; /* as revision 7 */
} drafts[] = {
    {"between others", "io.k8s.api.core.v1.Pod", "{'metadata':{'creationTimestamp':'t','resourceVersion':'3','uid':'u','name':'n'}}",
     "{'metadata':{'name':'n','uid':'u','resourceVersion':'7','creationTimestamp':'t'}}"},
    {"first", "io.k8s.api.core.v1.Pod", "{'metadata':{'labels':{}}}", "{'metadata':{'resourceVersion':'7','labels':{}}}"},
    {"last", "io.k8s.api.core.v1.Pod", "{'metadata':{'name':'n'}}", "{'metadata':{'name':'n','resourceVersion':'7'}}"},
    {"alone", "io.k8s.api.core.v1.Pod", "{'metadata':{'resourceVersion':'3'},'kind':'Pod'}", "{'kind':'Pod','metadata':{'resourceVersion':'7'}}"},
    {"no metadata", "io.k8s.api.core.v1.Pod", "{'spec':{}}", "{'metadata':{'resourceVersion':'7'},'spec':{}}"},
    {"custom", "custom", "{'spec':1,'metadata':{'uid':'u','name':'n'},'a':1}", "{'a':1,'metadata':{'name':'n','resourceVersion':'7','uid':'u'},'spec':1}"},
    {"custom, last", "custom", "{'metadata':{'name':'n'}}", "{'metadata':{'name':'n','resourceVersion':'7'}}"},
    {"unknown", "", "{'spec':1,'metadata':{'name':'n'},'kind':'A'}", "{'kind':'A','metadata':{'resourceVersion':'7','name':'n'},'spec':1}"},
};
/* clang-format on */

static const struct type *type_named(const char *name)
{
    static const struct type custom = {.custom = (const struct crd_node *)(uintptr_t)&custom};
    const struct type *type = strcmp(name, "custom") == 0 ? &custom : type_find(name);
    assert_true(type || !*name);
    return type;
}

static void check_text(const char *name, struct str text, const char *wanted)
{
    CLEANUP(free_ptr) char *got = str_dup(text);
    for (char *at = got; *at; at++)
        *at = *at == '"' ? '\'' : *at;
    if (strcmp(got, wanted) != 0)
        fail_msg("%s: %s, not %s", name, got, wanted);
}

static void test_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_free) struct buf out = BUF_TEXT;
        json_auto_t *object = kind_json(rows[i].object);
        schema_write(&out, type_named(rows[i].type), object);
        check_text(rows[i].name, buf_str(&out), rows[i].text);
    }
}

static void test_drafts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(drafts); i++) {
        CLEANUP(buf_free) struct buf out = BUF_TEXT;
        CLEANUP(error_clear) struct error err = {0};
        struct object_draft draft;
        json_auto_t *value = kind_json(drafts[i].object);
        assert_true(schema_draft_make(type_named(drafts[i].type), value, &out, &draft, &err));
        struct object *object = object_new("pods", &draft, 7, value);
        check_text(drafts[i].name, object->body, drafts[i].text);
        object_unref(object);
    }
}

/* More members than are at hand, from behind. */
static void test_many(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    json_auto_t *object = json_object(), *data = json_object();
    for (int i = 999; i >= 0; i--) {
        CLEANUP(free_ptr) char *key = xasprintf("k%03d", i);
        json_object_set_new(data, key, json_string(""));
    }
    json_object_set(object, "data", data);
    schema_write(&out, type_named("io.k8s.api.core.v1.ConfigMap"), object);
    json_auto_t *again = json_parse(buf_str(&out), JSON_LOAD_STRICT, &(struct error){0});
    assert_true(json_equal(object, again));
    const char *key, *before = "";
    json_t *value;
    json_object_foreach (json_object_get(again, "data"), key, value) {
        assert_true(strcmp(before, key) < 0);
        before = key;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_drafts),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
