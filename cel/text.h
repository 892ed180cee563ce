/* cel/text.h: UTF-8, which CEL counts and cuts by code points. Internal to cel/. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* The length in bytes (1 to 4; 0 at the end) of the first code point, which goes to `*code` (may be
 * NULL). A byte that is no UTF-8 counts as one, U+FFFD, as in Go. */
size_t cel_text_next(struct str text, uint32_t *code);
/* Writes up to 4 bytes; returns how many. */
size_t cel_text_put(char *out, uint32_t code);
/* Code points. */
size_t cel_text_count(struct str text);
/* The byte at which the n-th code point begins; the length when there are no more. */
size_t cel_text_offset(struct str text, size_t n);
/* False when some byte is no UTF-8. */
bool cel_text_valid(struct str text);
