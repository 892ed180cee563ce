/* Namespace: its content goes, Pods first, then its finalizer; ServiceAccount and root CA of a
 * living one. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/namespace.h"
#include "controllers/root_ca.h"
#include "controllers/serviceaccount.h"
#include "schema/condition.h"
#include "schema/meta.h"

static char pods_key[] = "pods", maps_key[] = "configmaps", version[] = "v1", kind[] = "K";
static const struct stored_kind pods = {pods_key, version, kind, true, true, true};
static const struct stored_kind maps = {maps_key, version, kind, true, true, true};

#define ENDING                                                                                     \
    "{'metadata':{'name':'n','uid':'u','deletionTimestamp':'2026-01-01T00:00:00Z'},'spec':{'"      \
    "finalizers':"                                                                                 \
    "['kubernetes']},'status':{'phase':'Terminating'}}"

static void decide(const char *text, const char *pod_list, const char *map_list, struct plan *plan)
{
    json_auto_t *namespace = sim_json(text), *some_pods = sim_json(pod_list),
                *some_maps = sim_json(map_list);
    struct namespace_content content[2] = {{&maps, {0}}, {&pods, {0}}};
    for (size_t i = 0; i < json_array_size(some_maps); i++)
        json_list_add(&content[0].objects, json_incref(json_array_get(some_maps, i)));
    for (size_t i = 0; i < json_array_size(some_pods); i++)
        json_list_add(&content[1].objects, json_incref(json_array_get(some_pods, i)));
    namespace_decide(&(struct namespace_seen){namespace, content, 2, 1760000000000000}, plan);
    json_list_free(&content[0].objects);
    json_list_free(&content[1].objects);
}

#define NAMED(name) "{'metadata':{'name':'" name "','namespace':'n','uid':'u-" name "'}}"
#define LEAVING(name)                                                                              \
    "{'metadata':{'name':'" name                                                                   \
    "','namespace':'n','deletionTimestamp':'2026-01-01T00:00:00Z','finalizers':['x/y']}}"

static void ends_step_by_step(void **state)
{
    static const struct {
        const char *name, *namespace, *pods, *maps, *plan;
    } rows[] = {
        {"lives", "{'metadata':{'name':'n'},'spec':{'finalizers':['kubernetes']}}", "[]", "[]", ""},
        {"Pods first", ENDING, "[" NAMED("p") "]", "[" NAMED("m") "]", "delete pods p\n"},
        {"the rest waits for Pods", ENDING, "[" LEAVING("p") "]", "[" NAMED("m") "]",
         "update namespaces/status n\n"},
        {"then the rest", ENDING, "[]", "[" NAMED("m") "," NAMED("o") "]",
         "delete configmaps m\ndelete configmaps o\n"},
        {"empty: finalized", ENDING, "[]", "[]", "update namespaces/finalize n\n"},
        {"finalized already",
         "{'metadata':{'name':'n','deletionTimestamp':'2026-01-01T00:00:00Z'},'spec':{'finalizers':"
         "['other']}}",
         "[]", "[]", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        decide(rows[i].namespace, rows[i].pods, rows[i].maps, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
}

static void tells_what_remains(void **state)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    (void)state;
    decide(ENDING, "[" LEAVING("p") "," LEAVING("q") "]", "[" NAMED("m") "]", &plan);
    const json_t *conditions = json_at(plan.items[0].body, "status", "conditions");
    const json_t *content = condition_find(conditions, "NamespaceContentRemaining");
    const json_t *finalizers = condition_find(conditions, "NamespaceFinalizersRemaining");
    assert_string_equal(json_text(content, "message"),
                        "Some resources are remaining: configmaps. has 1 resource "
                        "instances, pods. has 2 resource instances");
    assert_string_equal(
        json_text(finalizers, "message"),
        "Some content in the namespace has finalizers remaining: x/y in 2 resource instances");
    assert_string_equal(
        json_text(condition_find(conditions, "NamespaceDeletionContentFailure"), "status"),
        "False");
    assert_true(plan.again_ms > 0);
}

static void deciding_twice_says_nothing_new(void **state)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    CLEANUP(plan_clear) struct plan again = {0};
    (void)state;
    decide(ENDING, "[" LEAVING("p") "]", "[]", &plan);
    CLEANUP(free_ptr) char *text = json_dumps(plan.items[0].body, 0);
    decide(text, "[" LEAVING("p") "]", "[]", &again);
    assert_int_equal(again.count, 0);
}

static void living_namespaces_get_their_own(void **state)
{
    static const struct {
        const char *name, *namespace, *account, *map, *plan;
    } rows[] = {
        {"first sync", "{'metadata':{'name':'n'}}", NULL, NULL,
         "create serviceaccounts default\ncreate configmaps kube-root-ca.crt\n"},
        {"converged", "{'metadata':{'name':'n'}}", "{}", "{'data':{'ca.crt':'PEM'}}", ""},
        {"another CA", "{'metadata':{'name':'n'}}", "{}",
         "{'metadata':{'name':'kube-root-ca.crt','namespace':'n'},'data':{'ca.crt':'OLD','more':'x'"
         "}}",
         "update configmaps kube-root-ca.crt\n"},
        {"ending", "{'metadata':{'name':'n','deletionTimestamp':'2026-01-01T00:00:00Z'}}", NULL,
         NULL, ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        json_auto_t *namespace = sim_json(rows[i].namespace);
        json_auto_t *account = rows[i].account ? sim_json(rows[i].account) : NULL;
        json_auto_t *map = rows[i].map ? sim_json(rows[i].map) : NULL;
        serviceaccount_decide(&(struct serviceaccount_seen){namespace, account}, &plan);
        root_ca_decide(&(struct root_ca_seen){namespace, map, "PEM"}, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_step_by_step),
        cmocka_unit_test(tells_what_remains),
        cmocka_unit_test(deciding_twice_says_nothing_new),
        cmocka_unit_test(living_namespaces_get_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
