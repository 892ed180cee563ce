/* schema/go_base64.h: base64 as upstream's decoder takes it: the standard alphabet with padding,
 * line breaks anywhere, and bits to spare in the last character. */
#pragma once
#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* Appends the bytes; or says `at` which input byte Go finds them illegal.
 * Source: Go 1.23, encoding/base64. */
MUST_CHECK bool go_base64_decode(struct buf *out, struct str text, size_t *at);
