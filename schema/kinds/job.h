/* schema/kinds/job.h: a Job's spec, which CronJobs embed. */
#pragma once
#include "schema/kinds/workload.h"

void job_spec_defaults(json_t *spec); /* may be NULL */
void check_job_spec(struct error *err, const struct path *at, const json_t *spec);
/* The five fields of cron, or @hourly and the like. NULL when fine, else what is wrong, in upstream's words; owned. */
char *cron_check(const char *schedule);
