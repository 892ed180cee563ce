/* CronJobs: when the fields say so, and what is started then. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "controllers/cron_schedule.h"
#include "controllers/cronjob.h"
#include "schema/meta.h"

static int64_t at(const char *text)
{
    int64_t us = 0;
    assert_true(time_parse(str_of(text), &us));
    return us;
}

static void next_times(void **state)
{
    static const struct {
        const char *schedule, *after, *next; /* next NULL: never */
    } rows[] = {
        {"* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"},
        {"* * * * *", "2026-01-01T00:00:59Z", "2026-01-01T00:01:00Z"},
        {"*/15 * * * *", "2026-01-01T00:16:00Z", "2026-01-01T00:30:00Z"},
        {"5/20 * * * *", "2026-01-01T00:06:00Z", "2026-01-01T00:25:00Z"},
        {"0 3 * * *", "2026-01-01T03:00:00Z", "2026-01-02T03:00:00Z"},
        {"30 9 * * 1-5", "2026-01-02T09:30:00Z", "2026-01-05T09:30:00Z"},
        {"0 0 * * MON", "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z"},
        {"0 0 1 jan,Jul *", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"},
        {"0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
        {"0 0 13 * 5", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"}, /* the 13th or a Friday */
        {"0 0 31 2 *", "2026-01-01T00:00:00Z", NULL},
        {"@hourly", "2026-01-01T00:30:00Z", "2026-01-01T01:00:00Z"},
        {"@yearly", "2026-01-01T00:30:00Z", "2027-01-01T00:00:00Z"},
        {"@every 90s", "2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z"},
        {"59 23 31 12 *", "2026-12-31T23:58:59Z", "2026-12-31T23:59:00Z"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cron_schedule schedule;
        char text[TIME_TEXT_SIZE];
        if (!cron_parse(str_of(rows[i].schedule), &schedule))
            fail_msg("%s is not read", rows[i].schedule);
        int64_t next = cron_next(&schedule, at(rows[i].after));
        time_format(next, text);
        if (rows[i].next ? strcmp(text, rows[i].next) != 0 : next != 0)
            fail_msg("%s after %s: %s", rows[i].schedule, rows[i].after, text);
    }
}

static void what_is_no_schedule(void **state)
{
    static const char *const rows[] = {
        "",
        "*",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "*/0 * * * *",
        "5-1 * * * *",
        "a * * * *",
        ", * * * *",
        "1- * * * *",
        "@sometimes",
        "@every",
        "@every 5x",
        "@every 0s",
        "@every 900000h",
        "-1 * * * *",
        "1,,2 * * * *",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cron_schedule schedule;
        if (cron_parse(str_of(rows[i]), &schedule))
            fail_msg("\"%s\" was read", rows[i]);
    }
}

#define CRONJOB(more, status)                                                                      \
    "{'apiVersion':'batch/"                                                                        \
    "v1','kind':'CronJob','metadata':{'name':'tick','namespace':'d','uid':'c','creationTimestamp'" \
    ":"                                                                                            \
    "'2026-01-01T00:00:30Z'},'spec':{'schedule':'* * * * *'" more                                  \
    ",'jobTemplate':{'metadata':{'labels':{'a':'b'}},"                                             \
    "'spec':{'parallelism':1}}},'status':{" status "}}"
#define RUNNING "[{'metadata':{'name':'tick-1','namespace':'d','uid':'j1'}}]"
#define DONE(name, start)                                                                          \
    "{'metadata':{'name':'" name "','namespace':'d','uid':'" name                                  \
    "'},'status':{'startTime':'" start "','conditions':[{'type':'Complete','status':'True'}]}}"

static void decisions(void **state)
{
    static const struct {
        const char *name, *cronjob, *jobs, *now, *plan;
    } rows[] = {
        {"not yet", CRONJOB("", ""), "[]", "2026-01-01T00:00:50Z", ""},
        {"the first time", CRONJOB("", ""), "[]", "2026-01-01T00:01:00Z",
         "create jobs.batch tick-29453761\nupdate cronjobs.batch/status tick\n"},
        {"done for this minute", CRONJOB("", "'lastScheduleTime':'2026-01-01T00:01:00Z'"), "[]",
         "2026-01-01T00:01:30Z", ""},
        {"only the last of those missed", CRONJOB("", "'lastScheduleTime':'2026-01-01T00:01:00Z'"),
         "[]", "2026-01-01T00:05:10Z",
         "create jobs.batch tick-29453765\nupdate cronjobs.batch/status tick\n"},
        {"too late",
         CRONJOB(",'startingDeadlineSeconds':5", "'lastScheduleTime':'2026-01-01T00:01:00Z'"), "[]",
         "2026-01-01T00:05:10Z", ""},
        {"suspended", CRONJOB(",'suspend':true", ""), "[]", "2026-01-01T00:05:00Z", ""},
        {"one runs: forbidden", CRONJOB(",'concurrencyPolicy':'Forbid'", "'active':[{'uid':'j1'}]"),
         RUNNING, "2026-01-01T00:05:00Z",
         "event events tick Normal JobAlreadyActive: Not starting job because prior execution is "
         "running and concurrency "
         "policy is Forbid\n"},
        {"one runs: allowed", CRONJOB("", "'active':[{'uid':'j1'}]"), RUNNING,
         "2026-01-01T00:05:00Z",
         "create jobs.batch tick-29453765\nupdate cronjobs.batch/status tick\n"},
        {"one runs: replaced", CRONJOB(",'concurrencyPolicy':'Replace'", "'active':[{'uid':'j1'}]"),
         RUNNING, "2026-01-01T00:05:00Z",
         "delete jobs.batch tick-1\ncreate jobs.batch tick-29453765\nupdate cronjobs.batch/status "
         "tick\n"},
        {"finished: told",
         CRONJOB("", "'lastScheduleTime':'2026-01-01T00:05:00Z','active':[{'uid':'x'}]"),
         "[" DONE("x", "2026-01-01T00:05:00Z") "]", "2026-01-01T00:05:30Z",
         "event events tick Normal SawCompletedJob: Saw completed job: x, condition: Complete\n"
         "update cronjobs.batch/status tick\n"},
        {"history is cut",
         CRONJOB(",'successfulJobsHistoryLimit':1", "'lastScheduleTime':'2026-01-01T00:05:00Z'"),
         "[" DONE("new", "2026-01-01T00:05:00Z") "," DONE("old", "2026-01-01T00:04:00Z") "]",
         "2026-01-01T00:05:30Z", "delete jobs.batch old\n"},
        {"no such zone", CRONJOB(",'timeZone':'Mars/Olympus'", ""), "[]", "2026-01-01T00:05:00Z",
         "event events tick Warning UnknownTimeZone: invalid timeZone: Mars/Olympus\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        json_auto_t *cronjob = sim_json(rows[i].cronjob), *jobs = sim_json(rows[i].jobs);
        json_t *list[4];
        for (size_t j = 0; j < json_array_size(jobs); j++)
            list[j] = json_array_get(jobs, j);
        cronjob_decide(
            &(struct cronjob_seen){cronjob, list, json_array_size(jobs), at(rows[i].now)}, &plan);
        CLEANUP(free_ptr) char *text = sim_text(&plan);
        if (strcmp(text, rows[i].plan) != 0)
            fail_msg("%s: %s", rows[i].name, text);
    }
}

static void a_long_sleep_costs_no_long_count(void **state)
{
    CLEANUP(plan_clear) struct plan plan = {0};
    json_auto_t *cronjob = sim_json(CRONJOB("", ""));
    (void)state;
    cronjob_decide(&(struct cronjob_seen){cronjob, NULL, 0, at("2036-01-01T00:00:10Z")}, &plan);
    assert_string_equal(json_text(plan.items[plan.count - 1].body, "status", "lastScheduleTime"),
                        "2036-01-01T00:00:00Z");
    assert_string_equal(plan.items[0].ok_reason, "TooManyMissedTimes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_times),
        cmocka_unit_test(what_is_no_schedule),
        cmocka_unit_test(decisions),
        cmocka_unit_test(a_long_sleep_costs_no_long_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
