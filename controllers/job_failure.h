/* controllers/job_failure.h: what a Job's podFailurePolicy says of a Pod that has failed.
 * Source: Kubernetes docs, "Pod failure policy"; upstream pkg/controller/job/pod_failure_policy. */
#pragma once
#include "base/json.h"

enum job_failure {
    JOB_FAILURE_COUNT, /* against backoffLimit; also where no rule matches */
    JOB_FAILURE_IGNORE,
    JOB_FAILURE_FAIL_INDEX,
    JOB_FAILURE_FAIL_JOB,
};

/* `policy` may be NULL. With FAIL_JOB, `*message` says which rule matched; owned. Pure. */
enum job_failure job_failure_of(const json_t *policy, const json_t *pod, char **message);
