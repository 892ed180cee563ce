/* controllers/job_surplus.h: which of a Job's running Pods go when there are too many.
 * Source: upstream pkg/controller/job (activePodsForRemoval). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct job_surplus {
    json_t *const *pods; /* the Job's, of which those that run matter */
    size_t count;
    int64_t completions; /* of an Indexed Job; -1: it is not Indexed */
    int64_t least;       /* at least so many go */
};
/* Fills `out`, which has room for `count`, and returns how many go: of an Indexed Job all that are
 * for no index, and all but one of each; then those that got least far. Pure. */
size_t job_surplus_find(const struct job_surplus *surplus, const json_t **out);
