/* controllers/cron_schedule.h: when a CronJob's five fields say so.
 * Source: Kubernetes docs, "CronJob"; the syntax of cron(5): lists, ranges, steps, names, and
 * @hourly and its like. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"

struct zone;

struct cron_schedule {
    uint64_t minutes, hours, days, months, weekdays; /* bit sets */
    bool any_day, any_weekday;                       /* "*": then the other one decides alone */
    int64_t every_us;                                /* "@every 5m"; 0: by the fields */
    const struct zone *zone;                         /* whose clocks; NULL: UTC */
};
/* False when it is none. Its clocks are UTC's until the caller names others. */
MUST_CHECK bool cron_parse(struct str text, struct cron_schedule *out);
/* The first time after `after_us`; 0 when there is none within five years. */
int64_t cron_next(const struct cron_schedule *schedule, int64_t after_us);
