/* CronJobs: when the fields say so, and what is started then. */
#include "tests/controllers/support_sim.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/zone.h"
#include "controllers/cron_schedule.h"
#include "controllers/cronjob.h"
#include "schema/meta.h"

static int64_t at(const char *text)
{
    int64_t us = 0;
    assert_true(time_parse(str_of(text), &us));
    return us;
}

struct next_row {
    const char *schedule, *after, *next; /* next NULL: never */
};

static void expect_next(const struct next_row *row, const struct zone *zone)
{
    struct cron_schedule schedule;
    char text[TIME_TEXT_SIZE];
    if (!cron_parse(str_of(row->schedule), &schedule))
        fail_msg("%s is not read", row->schedule);
    schedule.zone = zone;
    int64_t next = cron_next(&schedule, at(row->after));
    time_format(next, text);
    if (row->next ? strcmp(text, row->next) != 0 : next != 0)
        fail_msg("%s after %s: %s", row->schedule, row->after, text);
}

static void next_times(void **state)
{
    static const struct next_row rows[] = {
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
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_next(&rows[i], NULL);
}

static void next_times_elsewhere(void **state)
{
    static const struct {
        const char *zone;
        struct next_row row;
    } rows[] = {
        {"America/New_York", {"0 9 * * *", "2026-01-01T00:00:00Z", "2026-01-01T14:00:00Z"}},
        {"America/New_York", {"0 9 * * *", "2026-07-01T00:00:00Z", "2026-07-01T13:00:00Z"}},
        {"Asia/Kathmandu", {"0 0 1 * *", "2026-01-01T00:00:00Z", "2026-01-31T18:15:00Z"}},
        {"Pacific/Kiritimati", {"0 0 * * 1", "2026-01-01T00:00:00Z", "2026-01-04T10:00:00Z"}},
        /* Clocks leap from 2:00 to 3:00 on March 8, and go back to 1:00 on November 1. */
        {"America/New_York", {"30 2 * * *", "2026-03-07T08:00:00Z", "2026-03-09T06:30:00Z"}},
        {"America/New_York", {"0 3 * * *", "2026-03-08T05:00:00Z", "2026-03-08T07:00:00Z"}},
        {"America/New_York", {"30 1 * * *", "2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z"}},
        {"America/New_York", {"30 1 * * *", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"}},
        {"America/New_York", {"30 1 * * *", "2026-11-01T06:30:00Z", "2026-11-02T06:30:00Z"}},
        /* ... from midnight on: that day has none. */
        {"Africa/Cairo", {"0 0 * * *", "2026-04-23T21:00:00Z", "2026-04-24T21:00:00Z"}},
        {"Africa/Cairo", {"0 1 * * *", "2026-04-23T21:00:00Z", "2026-04-23T22:00:00Z"}},
        {"America/New_York", {"0 0 31 2 *", "2026-01-01T00:00:00Z", NULL}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(zone_free_ptr) struct zone *zone = zone_load(str_of(rows[i].zone));
        assert_non_null(zone);
        expect_next(&rows[i].row, zone);
    }
}

static void what_is_no_zone(void **state)
{
    static const char *const rows[] = {"",          "Mars/Olympus",  "../etc/passwd", "Europe",
                                       "tzdata.zi", "Europe/../UTC", "/Europe/Vienna"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(zone_free_ptr) struct zone *zone = zone_load(str_of(rows[i]));
        if (zone)
            fail_msg("\"%s\" was loaded", rows[i]);
    }
    assert_int_equal(zone_offset(NULL, 1), 0);
    assert_int_equal(zone_from_local(NULL, 1), 1);
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
         "event events tick Warning UnknownTimeZone: invalid timeZone: \"Mars/Olympus\": unknown "
         "time "
         "zone Mars/Olympus\n"},
        {"elsewhere, not yet",
         "{'metadata':{'name':'tick','creationTimestamp':"
         "'2026-01-01T00:00:30Z'},'spec':{'schedule':'0 9 * * *','timeZone':'America/New_York'}}",
         "[]", "2026-01-01T13:59:00Z", ""},
        {"elsewhere",
         "{'metadata':{'name':'tick','creationTimestamp':"
         "'2026-01-01T00:00:30Z'},'spec':{'schedule':'0 9 * * *','timeZone':'America/New_York'}}",
         "[]", "2026-01-01T14:00:00Z",
         "create jobs.batch tick-29454600\nupdate cronjobs.batch/status tick\n"},
        {"never",
         "{'metadata':{'name':'tick','creationTimestamp':'2026-01-01T00:00:30Z'},"
         "'spec':{'schedule':'59 23 31 2 *'}}",
         "[]", "2026-01-01T00:05:00Z",
         "event events tick Warning InvalidSchedule: invalid schedule: 59 23 31 2 * : time "
         "difference between two schedules is less than 1 second\n"},
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

static void the_hour_is_told_by_the_clocks_there(void **state)
{
    static const struct {
        const char *zone, *stamp;
    } rows[] = {{"UTC", "2026-01-01T00:01:00Z"},
                {"America/New_York", "2025-12-31T19:01:00-05:00"},
                {"Asia/Kathmandu", "2026-01-01T05:46:00+05:45"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(plan_clear) struct plan plan = {0};
        json_auto_t *cronjob = sim_json(CRONJOB("", ""));
        json_set_text(json_object_get(cronjob, "spec"), "timeZone", rows[i].zone);
        cronjob_decide(&(struct cronjob_seen){cronjob, NULL, 0, at("2026-01-01T00:01:00Z")}, &plan);
        assert_string_equal(json_text(plan.items[0].body, "metadata", "annotations",
                                      "batch.kubernetes.io/cronjob-scheduled-timestamp"),
                            rows[i].stamp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_times),
        cmocka_unit_test(next_times_elsewhere),
        cmocka_unit_test(what_is_no_zone),
        cmocka_unit_test(the_hour_is_told_by_the_clocks_there),
        cmocka_unit_test(what_is_no_schedule),
        cmocka_unit_test(decisions),
        cmocka_unit_test(a_long_sleep_costs_no_long_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
