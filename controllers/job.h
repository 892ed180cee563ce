/* controllers/job.h: Jobs: Pods until enough have succeeded.
 *
 * Every Pod carries a finalizer until its end is counted: first its uid is written into
 * status.uncountedTerminatedPods, then the finalizer goes, then the uid becomes a number. So none
 * is counted twice or lost, whatever stops between. Source: Kubernetes docs, "Jobs"; upstream
 * pkg/controller/job. */
#pragma once
#include "controllers/plan.h"

#define JOB_FINALIZER "batch.kubernetes.io/job-tracking"

struct job_seen {
    const json_t *job;
    json_t *const *pods; /* that it controls, by name */
    size_t pod_count;
    int64_t now_us;
};
void job_decide(const struct job_seen *seen, struct plan *plan);
/* The Job is gone: its Pods need not be counted any more. */
void job_release_decide(json_t *const *pods, size_t count, struct plan *plan);
/* Complete or Failed. */
const char *job_finished(const json_t *job);

/* Finished Jobs with a time to live go when it is over. */
void job_ttl_decide(const json_t *job, int64_t now_us, struct plan *plan);

struct controller;
extern const struct controller job_controller, job_ttl_controller;
