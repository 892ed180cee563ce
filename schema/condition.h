/* schema/condition.h: status.conditions, in the shape that workloads share.
 * Source: Kubernetes API conventions, "Typical status properties". */
#pragma once
#include <stdint.h>

#include "base/json.h"

struct condition {
    const char *type, *status, *reason, *message;
};

/* Borrowed; NULL when absent. */
json_t *condition_find(const json_t *conditions, const char *type);
/* Whether it is there with that status ("True"). */
bool condition_is(const json_t *conditions, const char *type, const char *status);
/* Removes it. True when it was there. */
bool condition_remove(json_t *conditions, const char *type);
/* As upstream's SetXCondition: nothing when status and reason are as before; otherwise a new one at
 * the end, whose lastTransitionTime stays when the status did. `updated`: also writes
 * lastUpdateTime (Deployments). */
bool condition_set(json_t *conditions, const struct condition *want, int64_t now_us, bool updated);
