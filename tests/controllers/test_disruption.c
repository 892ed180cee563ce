/* PodDisruptionBudgets: how many Pods may go now. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/disruption.h"
#include "controllers/observe.h"
#include "schema/condition.h"

#define NOW_US 1760000000000000 /* 2025-10-09T08:53:20Z */

static void budgets(void **state)
{
    static const struct {
        const char *name, *spec;
        int pods, ready;
        int64_t expected;
        int64_t allowed, desired, told; /* told: expectedPods */
    } rows[] = {
        {"no Pods", "'minAvailable':1", 0, 0, 0, 0, 1, 0},
        {"one to spare", "'minAvailable':2", 3, 3, 3, 1, 2, 3},
        {"none to spare", "'minAvailable':3", 3, 3, 3, 0, 3, 3},
        {"one is not ready", "'minAvailable':2", 3, 2, 3, 0, 2, 3},
        {"half", "'minAvailable':'50%'", 4, 4, 4, 2, 2, 4},
        {"half of five is three", "'minAvailable':'50%'", 5, 5, 5, 2, 3, 5},
        {"one may be missing", "'maxUnavailable':1", 3, 3, 3, 1, 2, 3},
        {"one is missing already", "'maxUnavailable':1", 2, 2, 3, 0, 2, 3},
        {"a share may be missing", "'maxUnavailable':'40%'", 5, 5, 5, 2, 3, 5},
        {"none may", "'maxUnavailable':0", 3, 3, 3, 0, 3, 3},
        {"a number counts Pods of nobody", "'minAvailable':1", 2, 2, 0, 1, 1, 2},
        {"a share of nobody's Pods is none", "'minAvailable':'50%'", 2, 2, 0, 0, 0, 0},
        {"of nobody's Pods none may be missing", "'maxUnavailable':1", 2, 2, 0, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        CLEANUP(plan_clear) struct plan again = {0};
        CLEANUP(json_list_free) struct json_list pods = {0};
        CLEANUP(free_ptr)
        char *text = xasprintf(
            "{'metadata':{'name':'b','namespace':'d','generation':1},'spec':{%s}}", rows[i].spec);
        json_auto_t *budget = sim_json(text);
        for (int j = 0; j < rows[i].pods; j++) {
            CLEANUP(free_ptr)
            char *pod =
                xasprintf("{'metadata':{'name':'p%d'},'status':{'conditions':[{'type':'Ready',"
                          "'status':'%s'}]}}",
                          j, j < rows[i].ready ? "True" : "False");
            json_list_add(&pods, sim_json(pod));
        }
        struct disruption_seen seen = {.budget = budget,
                                       .pods = pods.items,
                                       .pod_count = pods.count,
                                       .expected = rows[i].expected,
                                       .now_us = 1};
        disruption_decide(&seen, &plan);
        const json_t *status = json_object_get(plan.items[0].body, "status");
        if (json_int_or(json_object_get(status, "disruptionsAllowed"), -1) != rows[i].allowed ||
            json_int_or(json_object_get(status, "desiredHealthy"), -1) != rows[i].desired ||
            json_int_or(json_object_get(status, "expectedPods"), -1) != rows[i].told ||
            !condition_is(json_object_get(status, "conditions"), "DisruptionAllowed",
                          rows[i].allowed ? "True" : "False")) {
            CLEANUP(free_ptr) char *found = json_dumps(status, 0);
            fail_msg("%s: %s", rows[i].name, found);
        }
        seen.budget = plan.items[0].body;
        disruption_decide(&seen, &again);
        assert_int_equal(again.count, 0); /* deciding twice */
    }
}

static void granted_evictions_count_as_gone(void **state)
{
    static const struct {
        const char *name, *granted;
        int64_t allowed;
    } rows[] = {
        {"just granted", "2025-10-09T08:53:00Z", 0},
        {"never happened", "2025-10-09T08:50:00Z", 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        CLEANUP(free_ptr)
        char *text = xasprintf("{'metadata':{'name':'b'},'spec':{'minAvailable':1},'status':{'"
                               "disruptedPods':{'a':'%s'}}}",
                               rows[i].granted);
        json_auto_t *budget = sim_json(text);
        json_auto_t *a = sim_json(
            "{'metadata':{'name':'a'},'status':{'conditions':[{'type':'Ready','status':'True'}]}}");
        json_auto_t *b = sim_json(
            "{'metadata':{'name':'b'},'status':{'conditions':[{'type':'Ready','status':'True'}]}}");
        json_t *pods[] = {a, b};
        disruption_decide(
            &(struct disruption_seen){
                .budget = budget, .pods = pods, .pod_count = 2, .expected = 2, .now_us = NOW_US},
            &plan);
        const json_t *status = json_object_get(plan.items[0].body, "status");
        if (json_int_or(json_object_get(status, "disruptionsAllowed"), -1) != rows[i].allowed)
            fail_msg("%s", rows[i].name);
    }
}

#define SELECTOR                                                                                   \
    "'selector':{'matchLabels':{'b':'2','a':'1'},'matchExpressions':[{'key':'k',"                  \
    "'operator':'In','values':['x','y']}]}"
#define BUDGET                                                                                     \
    "{'metadata':{'name':'b','namespace':'d','generation':2},'spec':{'maxUnavailable':1," SELECTOR \
    "}"

/* What is written and said when the status changes. */
static void tells(void **state)
{
    static const struct {
        const char *name, *budget, *pods;
        bool unmanaged;
        const char *problem;
        const char *condition, *reason, *message; /* message: of the event */
        /* clang-format off */
    } rows[] = {
        {"nothing to guard", BUDGET "}", "[]", false, NULL,
         "{'type':'DisruptionAllowed','status':'False','lastTransitionTime':'2025-10-09T08:53:20Z',"
         "'reason':'InsufficientPods','message':'','observedGeneration':2}",
         "NoPods", "No matching pods found"},
        {"Pods of nobody", BUDGET "}", "[{'metadata':{'name':'p','namespace':'d'}}]", true, NULL,
         "{'type':'DisruptionAllowed','status':'False','lastTransitionTime':'2025-10-09T08:53:20Z',"
         "'reason':'InsufficientPods','message':'','observedGeneration':2}",
         "UnmanagedPods",
         "Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},"
         "MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}) were found to be unmanaged. "
         "As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. "
         "To account for these pods please set \".spec.minAvailable\" field of the PDB to an integer value."},
        {"a kind without a scale", BUDGET ",'status':{'disruptionsAllowed':1,'currentHealthy':2,'desiredHealthy':1,'expectedPods':2,'observedGeneration':1}}",
         "[{'metadata':{'name':'p','namespace':'d'}}]", false, "jobs.batch does not implement the scale subresource",
         "{'type':'DisruptionAllowed','status':'False','lastTransitionTime':'2025-10-09T08:53:20Z',"
         "'reason':'SyncFailed','message':'jobs.batch does not implement the scale subresource','observedGeneration':1}",
         "CalculateExpectedPodCountFailed",
         "Failed to calculate the number of expected pods: jobs.batch does not implement the scale subresource"},
        {"another generation", BUDGET ",'status':{'disruptedPods':{'p':'2025-10-09T08:50:00Z'},'conditions':["
         "{'type':'DisruptionAllowed','status':'False','lastTransitionTime':'2025-10-09T08:00:00Z','reason':'InsufficientPods','message':'','observedGeneration':1}]}}",
         "[{'metadata':{'name':'p','namespace':'d'}}]", false, NULL,
         "{'type':'DisruptionAllowed','status':'False','lastTransitionTime':'2025-10-09T08:00:00Z',"
         "'reason':'InsufficientPods','message':'','observedGeneration':2}",
         "NotDeleted", "Pod was expected by PDB d/d to be deleted but it wasn't"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        CLEANUP(plan_clear) struct plan again = {0};
        json_auto_t *budget = sim_json(rows[i].budget), *list = sim_json(rows[i].pods);
        json_auto_t *want = sim_json(rows[i].condition);
        json_t *pods[] = {json_array_get(list, 0)};
        struct disruption_seen seen = {.budget = budget,
                                       .pods = pods,
                                       .pod_count = json_array_size(list),
                                       .unmanaged = rows[i].unmanaged,
                                       .problem = rows[i].problem,
                                       .now_us = NOW_US};
        disruption_decide(&seen, &plan);
        assert_int_equal(plan.count, 2);
        const json_t *found = json_at(plan.items[0].body, "status", "conditions");
        if (!semantic_equal(json_array_get(found, 0), want) || json_array_size(found) != 1) {
            CLEANUP(free_ptr) char *text = json_dumps(found, 0);
            fail_msg("%s: %s", rows[i].name, text);
        }
        if (!text_eq(plan.items[1].ok_reason, rows[i].reason) ||
            !text_eq(plan.items[1].message, rows[i].message))
            fail_msg("%s: %s: %s", rows[i].name, plan.items[1].ok_reason, plan.items[1].message);
        seen.budget = plan.items[0].body;
        disruption_decide(&seen, &again);
        assert_int_equal(again.count, 0);
    }
}

/* The condition of Pods that were to go and stayed. */
static void stale_targets(void **state)
{
    static const struct {
        const char *name, *pod, *plan;
        int64_t again_ms;
        /* clang-format off */
    } rows[] = {
        {"no condition", "{'metadata':{'name':'p'},'status':{}}", "", 0},
        {"two minutes old", "{'metadata':{'name':'p'},'status':{'conditions':[{'type':'DisruptionTarget','status':'True','reason':'EvictionByEvictionAPI',"
         "'message':'m','lastTransitionTime':'2025-10-09T08:51:20Z'}]}}", "update pods/status p\n", 0},
        {"a minute old", "{'metadata':{'name':'p'},'status':{'conditions':[{'type':'DisruptionTarget','status':'True','lastTransitionTime':'2025-10-09T08:52:20Z'}]}}", "", 60001},
        {"false already", "{'metadata':{'name':'p'},'status':{'conditions':[{'type':'DisruptionTarget','status':'False','lastTransitionTime':'2025-10-09T08:00:00Z'}]}}", "", 0},
        {"by its kubelet", "{'metadata':{'name':'p'},'status':{'conditions':[{'type':'DisruptionTarget','status':'True','reason':'TerminationByKubelet','lastTransitionTime':'2025-10-09T08:00:00Z'}]}}", "", 0},
        {"going", "{'metadata':{'name':'p','deletionTimestamp':'2025-10-09T08:53:00Z'},'status':{'conditions':[{'type':'DisruptionTarget','status':'True','lastTransitionTime':'2025-10-09T08:00:00Z'}]}}", "", 0},
        {"ended", "{'metadata':{'name':'p'},'status':{'phase':'Failed','conditions':[{'type':'DisruptionTarget','status':'True','lastTransitionTime':'2025-10-09T08:00:00Z'}]}}", "", 0},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        json_auto_t *pod = sim_json(rows[i].pod);
        disruption_target_decide(pod, NOW_US, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0 || plan.again_ms != rows[i].again_ms)
            fail_msg("%s: %s, again in %lld ms", rows[i].name, text, (long long)plan.again_ms);
        if (!plan.count)
            continue;
        json_auto_t *want = sim_json("{'type':'DisruptionTarget','status':'False',"
                                     "'lastTransitionTime':'2025-10-09T08:53:20Z'}");
        assert_true(semantic_equal(
            json_array_get(json_at(plan.items[0].body, "status", "conditions"), 0), want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budgets),
        cmocka_unit_test(granted_evictions_count_as_gone),
        cmocka_unit_test(tells),
        cmocka_unit_test(stale_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
