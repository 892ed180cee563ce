/* base/parse.h: numbers from text, exactly: no white space, no trailing bytes, no overflow, no
 * octal. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"

/* Decimal with an optional minus; false when it is not one or lies outside min..max. */
MUST_CHECK bool parse_i64(struct str text, int64_t min, int64_t max, int64_t *out);
