/* Containers are looked through 64 bytes at a time without a branch for each string in them: bits
 * say where quotes and brackets are, and from the quotes follows what is inside of strings. */
#include "base/json_scan.h"

#define BLOCK 64

const char *json_scan_escaped(const char *at, const char *end)
{
    do
        at = json_scan_text(at + (end - at > 1 ? 2 : 1), end);
    while (at < end && *at == '\\');
    return at;
}

/* A bit for each byte of the block that is `c` once the bits of `ignored` are set in it. */
static inline uint64_t bytes_that_are(const char *block, char c, char ignored)
{
    uint64_t found = 0;
#ifdef __SSE2__
    for (unsigned i = 0; i < BLOCK; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + i));
        __m128i same =
            _mm_cmpeq_epi8(_mm_or_si128(bytes, _mm_set1_epi8(ignored)), _mm_set1_epi8(c));
        found |= (uint64_t)(uint16_t)_mm_movemask_epi8(same) << i;
    }
#else
    for (unsigned i = 0; i < BLOCK; i++)
        found |= (uint64_t)((block[i] | ignored) == c) << i;
#endif
    return found;
}

/* What is carried from block to block. */
struct scan {
    uint64_t inside;  /* all bits are set in the middle of a string */
    uint64_t escaped; /* 1 behind a backslash that escapes */
    uint64_t depth;
};

static uint64_t escaped_bytes(struct scan *scan, uint64_t backslashes)
{
    uint64_t escaped = scan->escaped;
    scan->escaped = 0;
    for (uint64_t left = backslashes & ~escaped; left;) {
        uint64_t first = left & -left;
        escaped |= first << 1;
        left &= ~(first | first << 1);
        if (first >> (BLOCK - 1))
            scan->escaped = 1;
    }
    return escaped;
}

/* Each bit is the parity of the bits up to it. */
static uint64_t parities(uint64_t bits)
{
    for (unsigned shift = 1; shift < BLOCK; shift *= 2)
        bits ^= bits << shift;
    return bits;
}

/* Where in the block the container ends; BLOCK: not here. */
static unsigned scan_block(struct scan *scan, const char *block)
{
    uint64_t quotes =
        bytes_that_are(block, '"', 0) & ~escaped_bytes(scan, bytes_that_are(block, '\\', 0));
    uint64_t inside = parities(quotes) ^ scan->inside;
    scan->inside = inside >> (BLOCK - 1) ? UINT64_MAX : 0;
    uint64_t opening = bytes_that_are(block, '{', '{' ^ '[') & ~inside,
             closing = bytes_that_are(block, '}', '}' ^ ']') & ~inside;
    uint64_t closing_count = (uint64_t)__builtin_popcountll(closing);
    if (closing_count < scan->depth) {
        scan->depth += (uint64_t)__builtin_popcountll(opening) - closing_count;
        return BLOCK;
    }
    for (uint64_t left = opening | closing; left; left &= left - 1) {
        uint64_t first = left & -left;
        scan->depth += first & opening ? 1 : UINT64_MAX;
        if (!scan->depth)
            return (unsigned)__builtin_ctzll(first);
    }
    return BLOCK;
}

const char *json_scan_container(const char *at, const char *end)
{
    struct scan scan = {0};
    for (; at < end; at += BLOCK) {
        char rest[BLOCK] = {0};
        size_t len = (size_t)(end - at);
        if (len < BLOCK)
            memcpy(rest, at, len);
        unsigned found = scan_block(&scan, len < BLOCK ? rest : at);
        if (found < BLOCK)
            return at + found + 1;
        if (!scan.depth || len <= BLOCK)
            return NULL;
    }
    return NULL;
}

const char *json_scan_value(const char *at, const char *end)
{
    bool escaped;
    if (at >= end)
        return NULL;
    if (*at == '{' || *at == '[')
        return json_scan_container(at, end);
    if (*at == '"') {
        const char *quote = json_scan_string(at + 1, end, &escaped);
        return quote < end ? quote + 1 : NULL;
    }
    while (at < end && *at != ',' && *at != '}' && *at != ']' && (unsigned char)*at > ' ')
        at++;
    return at;
}

struct str json_member(struct str json, struct str name)
{
    const char *at = json.data, *end = json.data + json.len;
    bool escaped;
    while (end - at > 2 && (*at == '{' || *at == ',') && at[1] == '"') {
        struct str key = {at + 2, (size_t)(json_scan_string(at + 2, end, &escaped) - at - 2)};
        const char *value = key.data + key.len + 2, /* past a quote and a colon */
            *behind = value < end ? json_scan_value(value, end) : NULL;
        if (!behind)
            break;
        if (str_eq(key, name))
            return (struct str){value, (size_t)(behind - value)};
        at = behind;
    }
    return STR("");
}

struct str json_member_text(struct str json, struct str name)
{
    struct str value = json_member(json, name);
    bool is_text = value.len >= 2 && value.data[0] == '"';
    return is_text ? (struct str){value.data + 1, value.len - 2} : STR("");
}
