/* PodDisruptionBudgets: how many Pods may go now. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/disruption.h"
#include "schema/condition.h"

static void budgets(void **state)
{
    static const struct {
        const char *name, *spec;
        int pods, ready;
        int64_t expected;
        int64_t allowed, desired, told; /* told: expectedPods */
    } rows[] = {
        {"no Pods", "'minAvailable':1", 0, 0, -1, 0, 1, 0},
        {"one to spare", "'minAvailable':2", 3, 3, 3, 1, 2, 3},
        {"none to spare", "'minAvailable':3", 3, 3, 3, 0, 3, 3},
        {"one is not ready", "'minAvailable':2", 3, 2, 3, 0, 2, 3},
        {"half", "'minAvailable':'50%'", 4, 4, 4, 2, 2, 4},
        {"half of five is three", "'minAvailable':'50%'", 5, 5, 5, 2, 3, 5},
        {"one may be missing", "'maxUnavailable':1", 3, 3, 3, 1, 2, 3},
        {"one is missing already", "'maxUnavailable':1", 2, 2, 3, 0, 2, 3},
        {"a share may be missing", "'maxUnavailable':'40%'", 5, 5, 5, 2, 3, 5},
        {"none may", "'maxUnavailable':0", 3, 3, 3, 0, 3, 3},
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
        disruption_decide(
            &(struct disruption_seen){budget, pods.items, pods.count, rows[i].expected, 1}, &plan);
        const json_t *status = json_object_get(plan.items[0].body, "status");
        if (json_int_or(json_object_get(status, "disruptionsAllowed"), -1) != rows[i].allowed ||
            json_int_or(json_object_get(status, "desiredHealthy"), -1) != rows[i].desired ||
            json_int_or(json_object_get(status, "expectedPods"), -1) != rows[i].told ||
            !condition_is(json_object_get(status, "conditions"), "DisruptionAllowed",
                          rows[i].allowed ? "True" : "False")) {
            CLEANUP(free_ptr) char *found = json_dumps(status, 0);
            fail_msg("%s: %s", rows[i].name, found);
        }
        disruption_decide(&(struct disruption_seen){plan.items[0].body, pods.items, pods.count,
                                                    rows[i].expected, 1},
                          &again);
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
            &(struct disruption_seen){budget, pods, 2, 2, INT64_C(1760000000) * 1000000}, &plan);
        const json_t *status = json_object_get(plan.items[0].body, "status");
        if (json_int_or(json_object_get(status, "disruptionsAllowed"), -1) != rows[i].allowed)
            fail_msg("%s", rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budgets),
        cmocka_unit_test(granted_evictions_count_as_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
