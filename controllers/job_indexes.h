/* controllers/job_indexes.h: the indexes of an Indexed Job, as bits and as the text that its status
 * has ("0-2,5"). Pure. */
#pragma once
#include "base/json.h"

#define JOB_INDEX_ANNOTATION         "batch.kubernetes.io/job-completion-index"
#define JOB_INDEX_FAILURE_ANNOTATION "batch.kubernetes.io/job-index-failure-count"
#define JOB_INDEX_IGNORED_ANNOTATION "batch.kubernetes.io/job-index-ignored-failure-count"
#define JOB_INDEX_MAX                100000 /* completions of an Indexed Job, as the API limits them */

enum job_index_bits {
    JOB_INDEX_SUCCEEDED = 1 << 0,
    JOB_INDEX_FAILED = 1 << 1,
    JOB_INDEX_BUSY = 1 << 2, /* has a Pod that must end before there is another */
};

/* One index and, of a Job with backoffLimitPerIndex, the last Pod of it that has failed. */
struct job_index {
    unsigned bits;             /* enum job_index_bits */
    int32_t failures, ignored; /* with that Pod's own */
    int64_t failed_us;
    const json_t *last; /* borrowed */
};

/* The Pod's own index; -1: none. */
int64_t job_index_of(const json_t *pod);
/* Sets `bit` where the text says so. */
void job_indexes_read(struct job_index *indexes, int64_t count, const char *text, unsigned bit);
/* Owned; "" for none. */
char *job_indexes_write(const struct job_index *indexes, int64_t count, unsigned bit);
int64_t job_indexes_count(const struct job_index *indexes, int64_t count, unsigned bit);
/* Which rule of a successPolicy is met, -1: none. Source: Kubernetes docs, "Success policy". */
int64_t job_success_of(const json_t *policy, const struct job_index *indexes, int64_t count);
