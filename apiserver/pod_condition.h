/* apiserver/pod_condition.h: conditions of a Pod that the API server itself reads and sets. */
#pragma once
#include <stdbool.h>

#include "base/json.h"

/* Whether that condition is there and True. */
bool pod_condition_holds(const json_t *pod, const char *type);
/* Sets it to True, from now on. `reason` and `message` may be NULL. */
void pod_condition_set(json_t *pod, const char *type, const char *reason, const char *message);
