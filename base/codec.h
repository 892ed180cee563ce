/* base/codec.h: base64, hexadecimal, SHA-256. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum base64_kind { BASE64_STANDARD, BASE64_URL /* no padding */ };

void base64_encode(struct buf *out, const void *data, size_t len, enum base64_kind kind);
/* Strict: alphabet, padding and no trailing bits. Appends to `out`; false when it is malformed or
 * too long. */
MUST_CHECK bool base64_decode(struct buf *out, struct str text, enum base64_kind kind);
void hex_encode(struct buf *out, const void *data, size_t len);
void sha256(const void *data, size_t len, unsigned char out[32]);
/* Lower-case hexadecimal, terminated. */
void sha256_hex(const void *data, size_t len, char out[65]);
