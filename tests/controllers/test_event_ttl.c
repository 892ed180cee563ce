/* Events: how long they are kept. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/event_ttl.h"

#define NOW_US 1760000000000000 /* 2025-10-09T08:53:20Z */
#define MADE   "{'metadata':{'namespace':'n','name':'e','creationTimestamp':'2025-10-09T07:53:00Z'}"

static void decides(void **state)
{
    static const struct {
        const char *name, *event, *plan;
        int64_t again_ms;
        /* clang-format off */
    } rows[] = {
        {"an hour old", MADE "}", "delete events e\n", 0},
        {"a minute left", "{'metadata':{'namespace':'n','name':'e','creationTimestamp':'2025-10-09T07:54:20Z'}}", "", 60001},
        {"seen again", MADE ",'lastTimestamp':'2025-10-09T08:53:20Z'}", "", 3600001},
        {"a series", MADE ",'series':{'count':2,'lastObservedTime':'2025-10-09T08:53:10.000000Z'}}", "", 3590001},
        {"written again", "{'metadata':{'namespace':'n','name':'e','creationTimestamp':'2025-10-09T07:53:00Z','managedFields':[{'time':'2025-10-09T08:53:10Z'},{}]}}", "", 3590001},
        {"a time to come is no time", MADE ",'lastTimestamp':'2035-10-09T08:53:20Z'}", "delete events e\n", 0},
        {"no time at all", "{'metadata':{'namespace':'n','name':'e'},'eventTime':null}", "delete events e\n", 0},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *event = sim_json(rows[i].event);
        CLEANUP(plan_clear) struct plan plan = {0};
        event_ttl_decide(event, (int64_t)EVENT_TTL_DEFAULT_S * 1000000, NOW_US, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0 || plan.again_ms != rows[i].again_ms)
            fail_msg("%s: %s, again in %lld ms", rows[i].name, text, (long long)plan.again_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decides)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
