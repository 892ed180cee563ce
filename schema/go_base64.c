#include "schema/go_base64.h"

#include <stdint.h>
#include <string.h>

#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define GROUP    4 /* characters that make three bytes */

static bool is_break(char c)
{
    return c == '\r' || c == '\n';
}

static void skip_breaks(struct str text, size_t *next)
{
    while (*next < text.len && is_break(text.data[*next]))
        (*next)++;
}

static void put_group(struct buf *out, uint32_t bits, size_t count)
{
    bits <<= 6 * (GROUP - count);
    for (size_t i = 0; i + 1 < count; i++)
        buf_add_char(out, (char)(bits >> (16 - 8 * i) & 0xff));
}

/* Behind the first '=' of a group of `count` characters: the second where two are due, then the
 * end. */
static bool pad(struct str text, size_t count, size_t next, size_t *at)
{
    *at = next - 1;
    if (count < 2)
        return false;
    if (count == 2) {
        skip_breaks(text, &next);
        *at = next == text.len ? text.len : next - 1;
        if (next == text.len || text.data[next] != '=')
            return false;
        next++;
    }
    skip_breaks(text, &next);
    *at = next;
    return next == text.len;
}

bool go_base64_decode(struct buf *out, struct str text, size_t *at)
{
    uint32_t bits = 0;
    size_t count = 0;
    for (size_t next = 0; next < text.len;) {
        char c = text.data[next++];
        const char *place = c ? strchr(ALPHABET, c) : NULL;
        if (is_break(c))
            continue;
        if (c == '=') {
            put_group(out, bits, count);
            return pad(text, count, next, at) && buf_ok(out);
        }
        *at = next - 1;
        if (!place)
            return false;
        bits = bits << 6 | (uint32_t)(place - ALPHABET);
        if (++count == GROUP) {
            put_group(out, bits, count);
            bits = 0;
            count = 0;
        }
    }
    *at = text.len - count;
    return !count && buf_ok(out);
}
