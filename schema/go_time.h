/* schema/go_time.h: times as upstream's decoder takes them: by Go's time.Parse, which is neither as
 * strict nor as lenient as RFC 3339, and in whose words it refuses others. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum go_time_layout {
    GO_TIME_SECONDS, /* metav1.Time: a fraction may follow */
    GO_TIME_MICRO,   /* metav1.MicroTime: exactly six digits of one */
};

/* Microseconds since the epoch. When `text` is no time, appends to `why` what time.Parse says.
 * Source: Go 1.23, time/format.go. */
MUST_CHECK bool go_time_parse(struct str text, enum go_time_layout layout, int64_t *at_us,
                              struct buf *why);
