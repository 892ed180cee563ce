/* schema/kinds/job.h: a Job's spec, which CronJobs embed. */
#pragma once
#include "schema/kinds/workload.h"

void job_spec_defaults(json_t *spec); /* may be NULL */
void check_job_spec(struct error *err, const struct path *at, const json_t *spec);
bool job_is_indexed(const json_t *spec);
/* Its completions and limits by index, podFailurePolicy and successPolicy. */
void check_job_policies(struct error *err, const struct path *at, const json_t *spec);
/* "1,3-5": how many they are, all below `completions`. NULL when they can be read, else what is
 * wrong, in upstream's words; owned. */
char *job_read_indexes(const char *text, int64_t completions, int64_t *total);
/* An update of a Job's status: what it may say, and what it may not take back. */
void check_job_status(const json_t *object, const json_t *old, struct error *err);
/* The five fields of cron, or @hourly and the like. NULL when fine, else what is wrong, in
 * upstream's words; owned. */
char *cron_check(const char *schedule);
