/* Strategic merge patch: each directive, lists by key and as sets, order, and what must be refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "schema/patch.h"
#include "tests/schema/support_kind.h"

#define POD     "io.k8s.api.core.v1.Pod"
#define DEPLOY  "io.k8s.api.apps.v1.Deployment"
#define SERVICE "io.k8s.api.core.v1.Service"
#define BUDGET  "io.k8s.api.policy.v1.PodDisruptionBudget"
#define C(list) "{'spec':{'containers':[" list "]}}"

static const struct strategic_case {
    const char *name, *type, *target, *patch, *result; /* result NULL: refused */
    /* clang-format off */
} cases[] = {
    {"a scalar", POD, "{'spec':{'nodeName':'a','hostNetwork':true}}", "{'spec':{'nodeName':'b'}}",
     "{'spec':{'nodeName':'b','hostNetwork':true}}"},
    {"null deletes", POD, "{'metadata':{'labels':{'a':'1','b':'2'}}}", "{'metadata':{'labels':{'a':null,'c':'3'}}}",
     "{'metadata':{'labels':{'b':'2','c':'3'}}}"},
    {"null of what is not there", POD, "{}", "{'metadata':{'labels':{'a':null}}}", "{'metadata':{'labels':{}}}"},
    {"containers merge by name", POD, C("{'name':'a','image':'1'},{'name':'b','image':'2'}"), C("{'name':'b','image':'3'}"),
     C("{'name':'a','image':'1'},{'name':'b','image':'3'}")},
    {"a new container", POD, C("{'name':'a','image':'1'}"), C("{'name':'b','image':'2'}"),
     C("{'name':'b','image':'2'},{'name':'a','image':'1'}")},
    {"delete one", POD, C("{'name':'a'},{'name':'b'}"), C("{'name':'a','$patch':'delete'}"), C("{'name':'b'}")},
    {"replace the list", POD, C("{'name':'a'},{'name':'b'}"), C("{'name':'c'},{'$patch':'replace'}"), C("{'name':'c'}")},
    {"replace a map", POD, "{'metadata':{'labels':{'a':'1'}}}", "{'metadata':{'labels':{'b':'2','$patch':'replace'}}}",
     "{'metadata':{'labels':{'b':'2'}}}"},
    {"delete a map", POD, "{'metadata':{'labels':{'a':'1'},'name':'n'}}", "{'metadata':{'labels':{'$patch':'delete'}}}",
     "{'metadata':{'labels':{},'name':'n'}}"},
    {"an atomic list is replaced", POD, C("{'name':'a','command':['x','y']}"), C("{'name':'a','command':['z']}"),
     C("{'name':'a','command':['z']}")},
    {"finalizers are a set", POD, "{'metadata':{'finalizers':['a','b']}}", "{'metadata':{'finalizers':['b','c']}}",
     "{'metadata':{'finalizers':['a','b','c']}}"},
    {"delete from a set", POD, "{'metadata':{'finalizers':['a','b','c']}}",
     "{'metadata':{'$deleteFromPrimitiveList/finalizers':['b']}}", "{'metadata':{'finalizers':['a','c']}}"},
    {"delete and add", POD, "{'metadata':{'finalizers':['a','b']}}",
     "{'metadata':{'$deleteFromPrimitiveList/finalizers':['b'],'finalizers':['c']}}", "{'metadata':{'finalizers':['c','a']}}"},
    {"delete from no list", POD, "{'metadata':{}}", "{'metadata':{'$deleteFromPrimitiveList/finalizers':['b']}}", "{'metadata':{}}"},
    {"order, no change", POD, C("{'name':'a'},{'name':'b'}"),
     "{'spec':{'$setElementOrder/containers':[{'name':'b'},{'name':'a'}]}}", C("{'name':'b'},{'name':'a'}")},
    {"order with a change", POD, C("{'name':'a'},{'name':'b'}"),
     "{'spec':{'$setElementOrder/containers':[{'name':'c'},{'name':'a'},{'name':'b'}],'containers':[{'name':'c'}]}}",
     C("{'name':'c'},{'name':'a'},{'name':'b'}")},
    {"the server's own items keep their place", POD, C("{'name':'x'},{'name':'a'},{'name':'b'}"),
     "{'spec':{'$setElementOrder/containers':[{'name':'b'},{'name':'a'}]}}", C("{'name':'x'},{'name':'b'},{'name':'a'}")},
    {"order of a set", POD, "{'metadata':{'finalizers':['a','b']}}",
     "{'metadata':{'$setElementOrder/finalizers':['c','b','a'],'finalizers':['c']}}", "{'metadata':{'finalizers':['c','b','a']}}"},
    {"order with a deletion", POD, C("{'name':'a'},{'name':'b'}"),
     "{'spec':{'$setElementOrder/containers':[{'name':'b'}],'containers':[{'name':'a','$patch':'delete'}]}}", C("{'name':'b'}")},
    {"order with a deletion and an addition", POD, C("{'name':'a'},{'name':'b'},{'name':'x'}"),
     "{'spec':{'$setElementOrder/containers':[{'name':'b'},{'name':'c'}],'containers':[{'name':'c'},{'name':'a','$patch':'delete'}]}}",
     C("{'name':'b'},{'name':'x'},{'name':'c'}")},
    {"an addition alone", POD, C("{'name':'b'},{'name':'x'}"),
     "{'spec':{'$setElementOrder/containers':[{'name':'b'},{'name':'c'}],'containers':[{'name':'c'}]}}",
     C("{'name':'b'},{'name':'c'},{'name':'x'}")},
    {"a map that is replaced", BUDGET, "{'spec':{'selector':{'matchLabels':{'a':'1'}},'minAvailable':1}}",
     "{'spec':{'selector':{'matchLabels':{'b':'2'}}}}", "{'spec':{'selector':{'matchLabels':{'b':'2'}},'minAvailable':1}}"},
    {"order that does not fit", POD, C("{'name':'a'}"),
     "{'spec':{'$setElementOrder/containers':[{'name':'a'}],'containers':[{'name':'b'}]}}", NULL},
    {"retain keys", DEPLOY, "{'spec':{'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxSurge':1}}}}",
     "{'spec':{'strategy':{'$retainKeys':['type'],'type':'Recreate'}}}", "{'spec':{'strategy':{'type':'Recreate'}}}"},
    {"retain keys that leave one out", DEPLOY, "{'spec':{'strategy':{}}}",
     "{'spec':{'strategy':{'$retainKeys':['type'],'rollingUpdate':{}}}}", NULL},
    {"volumes: another source", POD, "{'spec':{'volumes':[{'name':'v','emptyDir':{}}]}}",
     "{'spec':{'volumes':[{'$retainKeys':['name','hostPath'],'name':'v','hostPath':{'path':'/'}}]}}",
     "{'spec':{'volumes':[{'name':'v','hostPath':{'path':'/'}}]}}"},
    {"ports merge by number", SERVICE, "{'spec':{'ports':[{'port':80,'name':'a'},{'port':81,'name':'b'}]}}",
     "{'spec':{'ports':[{'port':81,'name':'c'}]}}", "{'spec':{'ports':[{'port':80,'name':'a'},{'port':81,'name':'c'}]}}"},
    {"an empty order says nothing", POD, "{'spec':{}}",
     "{'spec':{'$setElementOrder/containers':[],'containers':[{'name':'b'},{'name':'a'}]}}", C("{'name':'b'},{'name':'a'}")},
    {"an order with one that is not there", POD, C("{'name':'a'},{'name':'b'}"),
     "{'spec':{'$setElementOrder/containers':[{'name':'b'},{'name':'x'},{'name':'a'}]}}", C("{'name':'b'},{'name':'a'}")},
    {"replace among items", POD, C("{'name':'a'},{'name':'b'}"), C("{'name':'c'},{'$patch':'replace'}"), C("{'name':'c'}")},
    {"no merge key", POD, C("{'name':'a'}"), C("{'image':'x'}"), NULL},
    {"an unknown directive", POD, "{'spec':{}}", "{'spec':{'$patch':'frob'}}", NULL},
    {"merge among items", POD, C("{'name':'a'}"), C("{'name':'a','$patch':'merge'}"), NULL},
    {"lists of lists", POD, C("{'name':'a'}"), "{'spec':{'containers':[[1]]}}", NULL},
    {"another type", POD, "{'spec':{'nodeName':'a'}}", "{'spec':{'nodeName':{'b':null,'c':1}}}", "{'spec':{'nodeName':{'c':1}}}"},
    {"tolerations are atomic", POD, "{'spec':{'tolerations':[{'key':'a'}]}}", "{'spec':{'tolerations':[{'key':'b'}]}}",
     "{'spec':{'tolerations':[{'key':'b'}]}}"},
    {"env deep inside", DEPLOY, "{'spec':{'template':{'spec':{'containers':[{'name':'a','env':[{'name':'X','value':'1'}]}]}}}}",
     "{'spec':{'template':{'spec':{'containers':[{'name':'a','env':[{'name':'Y','value':'2'}]}]}}}}",
     "{'spec':{'template':{'spec':{'containers':[{'name':'a','env':[{'name':'Y','value':'2'},{'name':'X','value':'1'}]}]}}}}"},
    {"conditions by type", POD, "{'status':{'conditions':[{'type':'Ready','status':'False'}]}}",
     "{'status':{'$setElementOrder/conditions':[{'type':'Ready'}],'conditions':[{'type':'Ready','status':'True'}]}}",
     "{'status':{'conditions':[{'type':'Ready','status':'True'}]}}"},
    {"kubectl apply of a new image", DEPLOY,
     "{'spec':{'replicas':3,'template':{'spec':{'containers':[{'name':'a','image':'1','imagePullPolicy':'Always'}],'dnsPolicy':'X'}}}}",
     "{'spec':{'template':{'spec':{'$setElementOrder/containers':[{'name':'a'}],'containers':[{'name':'a','image':'2'}]}}}}",
     "{'spec':{'replicas':3,'template':{'spec':{'containers':[{'name':'a','image':'2','imagePullPolicy':'Always'}],'dnsPolicy':'X'}}}}"},
    {"nothing", POD, "{'spec':{'nodeName':'a'}}", "{}", "{'spec':{'nodeName':'a'}}"},
    {"a custom type knows nothing", NULL, "{'spec':{'l':[1]}}", "{'spec':{'l':[2],'m':{'n':1}}}", "{'spec':{'l':[2],'m':{'n':1}}}"},
};
/* clang-format on */

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct strategic_case *row = &cases[i];
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *target = kind_json(row->target), *kept = json_deep_copy(target);
        json_auto_t *patch = kind_json(row->patch),
                    *want = row->result ? kind_json(row->result) : NULL;
        json_auto_t *got =
            patch_strategic_tree(row->type ? type_find(row->type) : NULL, target, patch, &err);
        if (!got != !want || (got && !json_equal(got, want)))
            fail_msg("%s: %s", row->name,
                     got           ? json_dumps(got, 0)
                     : err.message ? err.message
                                   : "no message");
        if (!got)
            assert_true(err.code == 400 || err.code == 422 || err.code == 500);
        assert_true(json_equal(target, kept));
    }
}

/* As Go prints them; what upstream makes no Status of is a 500 that names no reason. */
static void test_words(void **state)
{
    static const struct {
        const char *name, *target, *patch;
        int code;
        const char *message;
    } rows[] = {
        {"no merge key", C("{'name':'a'}"),
         C("{'image':'x','ports':[{'containerPort':1}],'stdin':true}"), 500,
         "map: map[image:x ports:[map[containerPort:1]] stdin:true] does not contain declared "
         "merge key: name"},
        {"no merge key to delete by", C("{'name':'a'}"), C("{'$patch':'delete'}"), 500,
         "map: map[$patch:delete] does not contain declared merge key: name"},
        {"an unknown directive", "{'spec':{}}", "{'spec':{'$patch':'frob','a':null}}", 500,
         "unknown patch type: frob in map: map[$patch:frob a:<nil>]"},
        {"one among items", C("{'name':'a'}"), C("{'$patch':'frob','name':'a'}"), 500,
         "unknown patch type: frob in map: map[$patch:frob name:a]"},
        {"merge among items", C("{'name':'a'}"), C("{'name':'a','$patch':'merge'}"), 500,
         "merging lists cannot yet be specified in the patch"},
        {"another order", "{'spec':{}}",
         "{'spec':{'$setElementOrder/containers':[{'name':'a'}],'containers':[{'name':'b'}]}}", 500,
         "The order in patch list:\n[map[name:b]]\n doesn't match $setElementOrder "
         "list:\n[map[name:a]]\n"},
        {"an order that is none", "{'spec':{}}", "{'spec':{'$setElementOrder/containers':'x'}}",
         500, "expected a []interface {}, but received a string"},
        {"an order of what is no list", "{'spec':{}}",
         "{'spec':{'$setElementOrder/containers':[],'containers':{}}}", 500,
         "expected a []interface {}, but received a map[string]interface {}"},
        {"an order of nothing", "{'spec':{}}", "{'spec':{'$setElementOrder':[]}}", 400,
         "invalid patch format of setElementOrder list"},
        {"keys that are no list", "{'spec':{}}", "{'spec':{'$retainKeys':'x'}}", 400,
         "invalid patch format of retainKeys"},
        {"keys that leave one out", "{'spec':{}}", "{'spec':{'$retainKeys':[],'nodeName':'x'}}",
         400, "invalid patch format of retainKeys"},
        {"no list to delete", "{'metadata':{}}", "{'metadata':{'$deleteFromPrimitiveList':[]}}",
         400, "invalid patch format of primitive list"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *target = kind_json(rows[i].target), *patch = kind_json(rows[i].patch);
        json_auto_t *got = patch_strategic_tree(type_find(POD), target, patch, &err);
        if (got || err.code != rows[i].code || strcmp(err.message, rows[i].message) != 0)
            fail_msg("%s: %d %s", rows[i].name, err.code, got ? "taken" : err.message);
    }
}

static void test_long_lists(void **state)
{
    json_auto_t *target = json_pack("{s:{s:[]}}", "spec", "containers"),
                *patch = json_pack("{s:{s:[]}}", "spec", "containers");
    CLEANUP(error_clear) struct error err = {0};
    (void)state;
    for (int i = 0; i < 20000; i++) { /* quadratic work would take minutes */
        CLEANUP(free_ptr) char *name = xasprintf("c%d", i);
        json_array_append_new(json_at(target, "spec", "containers"),
                              json_pack("{s:s}", "name", name));
        json_array_append_new(json_at(patch, "spec", "containers"),
                              json_pack("{s:s,s:s}", "name", name, "image", "x"));
    }
    json_auto_t *got = patch_strategic_tree(type_find(POD), target, patch, &err);
    assert_non_null(got);
    assert_int_equal(json_array_size(json_at(got, "spec", "containers")), 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_long_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
