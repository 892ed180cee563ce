/* base/json_scan.h: finding the way in text that is known to be JSON, such as we wrote ourselves:
 * where a string and where an object ends. Grammar is not checked; nothing behind `end` is read.
 * Pure. */
#pragma once
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/str.h"

#define JSON_EACH_BYTE(value) (UINT64_MAX / 255 * (value))

/* Of eight bytes, the first in memory lowest: the high bit of each zero byte is set; above the
 * lowest one also of others. */
static inline uint64_t json_zero_bytes(uint64_t word)
{
    return (word - JSON_EACH_BYTE(1)) & ~word & JSON_EACH_BYTE(0x80);
}

static inline uint64_t json_load_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return le64toh(word);
}

/* The first quote or backslash at or after `at`; `end` when there is none. */
static inline const char *json_scan_text(const char *at, const char *end)
{
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i found = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                     _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
        unsigned bits = (unsigned)_mm_movemask_epi8(found);
        if (bits)
            return at + __builtin_ctz(bits);
    }
#endif
    for (; end - at >= 8; at += 8) {
        uint64_t word = json_load_word(at);
        uint64_t found = json_zero_bytes(word ^ JSON_EACH_BYTE('"')) |
                         json_zero_bytes(word ^ JSON_EACH_BYTE('\\'));
        if (found)
            return at + __builtin_ctzll(found) / 8;
    }
    while (at < end && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* json_scan_string() from a backslash on. */
const char *json_scan_escaped(const char *at, const char *end);

/* From behind the opening quote of a string to its closing one; `end` when there is none.
 * `*escaped` is set when it has backslashes, and left alone else. */
static inline const char *json_scan_string(const char *at, const char *end, bool *escaped)
{
    at = json_scan_text(at, end);
    if (at == end || *at != '\\')
        return at;
    *escaped = true;
    return json_scan_escaped(at, end);
}

/* From the opening brace or bracket to behind the closing one; NULL when there is none. */
const char *json_scan_container(const char *at, const char *end);
/* From the first byte of any value to behind its last; NULL when it has no end. */
const char *json_scan_value(const char *at, const char *end);

/* The value of a member of a document that is an object without white space, as it stands in the
 * text; empty when there is no such member. Its name has no escapes. */
struct str json_member(struct str json, struct str name);
/* Of a member that is a string: what is between its quotes; "" for others. */
struct str json_member_text(struct str json, struct str name);
