/* base/go_duration.h: time.Duration as text: `1h0m0s`, `1.5s`, `300ms`. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define GO_DURATION_TEXT_SIZE 40

/* As time.ParseDuration; false when it is none or does not fit. */
MUST_CHECK bool go_duration_parse(struct str text, int64_t *ns);
/* What time.ParseDuration says of text that it refuses: `time: missing unit in duration "1"`. */
void go_duration_error(struct buf *out, struct str text);
/* As Duration.String. */
void go_duration_format(int64_t ns, char out[GO_DURATION_TEXT_SIZE]);
