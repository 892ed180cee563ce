/* base/json_scan.h: finding the way in text that is known to be JSON, such as we wrote ourselves:
 * where a string and where an object ends. Grammar is not checked; nothing behind `end` is read.
 * Pure. */
#pragma once
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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

/* From behind the opening quote of a string to its closing one; `end` when there is none.
 * `*escaped` is set when it has backslashes, and left alone else. */
const char *json_scan_string(const char *at, const char *end, bool *escaped);
/* From the opening brace or bracket to behind the closing one; NULL when there is none. */
const char *json_scan_container(const char *at, const char *end);
/* From the first byte of any value to behind its last; NULL when it has no end. */
const char *json_scan_value(const char *at, const char *end);

/* The value of a member of a document that is an object without white space, as it stands in the
 * text; empty when there is no such member. Its name has no escapes. */
struct str json_member(struct str json, struct str name);
/* Of a member that is a string: what is between its quotes; "" for others. */
struct str json_member_text(struct str json, struct str name);
