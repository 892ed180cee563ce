/* schema/json_time.h: metav1.Time in trees. */
#pragma once
#include <stdint.h>

#include "base/json.h"

/* Microseconds since 1970 of an RFC 3339 text; 0 when it is none or absent. */
int64_t json_time_us(const json_t *text);
json_t *json_time(int64_t at_us);
