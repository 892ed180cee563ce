/* apiserver/pod_condition.h: conditions of a Pod that the API server itself sets. */
#pragma once
#include "base/json.h"

/* Sets it to True, from now on. `reason` and `message` may be NULL. */
void pod_condition_set(json_t *pod, const char *type, const char *reason, const char *message);
