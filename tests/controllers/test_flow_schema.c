/* FlowSchemas: whether their priority level is there. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/flow_schema.h"
#include "schema/condition.h"

#define NOW_US 1760000000000000 /* 2025-10-09T08:53:20Z */
#define MADE   "{'metadata':{'name':'f'},'spec':{'priorityLevelConfiguration':{'name':'low'}}"
#define SAID                                                                                       \
    ",'status':{'conditions':[{'type':'Other','status':'True'},{'type':'Dangling','status':"       \
    "'False','reason':'Found','message':'This FlowSchema references the "                          \
    "PriorityLevelConfiguration object named \\\"low\\\" and it exists'}]}}"

static void decides(void **state)
{
    static const struct {
        const char *name, *made;
        bool found;
        const char *status, *reason; /* NULL: nothing is to be done */
        size_t conditions;
    } rows[] = {
        {"new", MADE "}", true, "False", "Found", 1},
        {"new, with no level", MADE "}", false, "True", "NotFound", 1},
        {"as it was", MADE SAID, true, NULL, NULL, 0},
        {"the level went", MADE SAID, false, "True", "NotFound", 2},
        {"another level",
         "{'metadata':{'name':'f'},'spec':{'priorityLevelConfiguration':{'name':'high'}}" SAID,
         true, "False", "Found", 2},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *flow_schema = sim_json(rows[i].made);
        CLEANUP(plan_clear) struct plan plan = {0};
        CLEANUP(plan_clear) struct plan again = {0};
        flow_schema_decide(flow_schema, rows[i].found, NOW_US, &plan);
        if (plan.count != (rows[i].status ? 1 : 0))
            fail_msg("%s: %zu actions", rows[i].name, plan.count);
        if (!rows[i].status)
            continue;
        const json_t *list = json_at(plan.items[0].body, "status", "conditions");
        const json_t *told = condition_find(list, "Dangling");
        if (json_array_size(list) != rows[i].conditions ||
            strcmp(json_text(told, "status"), rows[i].status) != 0 ||
            strcmp(json_text(told, "reason"), rows[i].reason) != 0 ||
            strcmp(json_text(told, "lastTransitionTime"), "2025-10-09T08:53:20Z") != 0) {
            CLEANUP(free_ptr) char *text = json_dumps(list, 0);
            fail_msg("%s: %s", rows[i].name, text);
        }
        flow_schema_decide(plan.items[0].body, rows[i].found, NOW_US + 1, &again);
        assert_int_equal(again.count, 0); /* deciding twice */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decides)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
