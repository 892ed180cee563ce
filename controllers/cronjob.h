/* controllers/cronjob.h: Jobs by the clock. Source: Kubernetes docs, "CronJob"; upstream
 * pkg/controller/cronjob (v2). */
#pragma once
#include "controllers/plan.h"

struct cronjob_seen {
    const json_t *cronjob;
    json_t *const *jobs; /* that it controls */
    size_t job_count;
    int64_t now_us;
};
void cronjob_decide(const struct cronjob_seen *seen, struct plan *plan);

struct controller;
extern const struct controller cronjob_controller;
