#include "base/parse.h"

bool parse_i64(struct str text, int64_t min, int64_t max, int64_t *out)
{
    bool negative = text.len && text.data[0] == '-';
    int64_t value = 0;
    size_t i = negative ? 1 : 0;
    if (i == text.len)
        return false;
    for (; i < text.len; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    /* Built downwards, so that INT64_MIN is reachable. */
    if (!negative && __builtin_sub_overflow(0, value, &value))
        return false;
    if (value < min || value > max)
        return false;
    *out = value;
    return true;
}
