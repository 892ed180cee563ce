#include "host/network/address_set.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/parse.h"

void address_set_clear(struct address_set *set)
{
    free(set->ranges);
    *set = (struct address_set){0};
}

void address_set_add(struct address_set *set, struct address_range range)
{
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? set->capacity * 2 : 8;
        set->ranges = xreallocarray(set->ranges, set->capacity, sizeof(*set->ranges));
    }
    set->ranges[set->count++] = range;
}

static int compare(const void *a, const void *b)
{
    const struct address_range *left = a, *right = b;
    return (left->first > right->first) - (left->first < right->first);
}

void address_set_seal(struct address_set *set)
{
    size_t kept = 0;
    if (!set->count)
        return;
    qsort(set->ranges, set->count, sizeof(*set->ranges), compare);
    for (size_t i = 1; i < set->count; i++) {
        struct address_range *last = &set->ranges[kept], next = set->ranges[i];
        if (next.first > last->last)
            set->ranges[++kept] = next;
        else if (next.last > last->last)
            last->last = next.last;
    }
    set->count = kept + 1;
}

/* Adds to `out` what of `range` lies in none of `other` from `*at` on, which moves past those that
 * end before it does. */
static void add_gaps(struct address_set *out, struct address_range range,
                     const struct address_set *other, size_t *at)
{
    while (*at < other->count && other->ranges[*at].last < range.first)
        (*at)++;
    for (size_t i = *at; i < other->count && other->ranges[i].first <= range.last; i++) {
        const struct address_range *hole = &other->ranges[i];
        if (hole->first > range.first)
            address_set_add(out, (struct address_range){range.first, hole->first - 1});
        if (hole->last >= range.last)
            return;
        range.first = hole->last + 1;
    }
    address_set_add(out, range);
}

void address_set_subtract(struct address_set *set, const struct address_set *other)
{
    struct address_set left = {0};
    size_t at = 0;
    for (size_t i = 0; i < set->count; i++)
        add_gaps(&left, set->ranges[i], other, &at);
    address_set_clear(set);
    *set = left;
}

bool address_set_has(const struct address_set *set, uint32_t address)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].last < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->count && set->ranges[low].first <= address;
}

bool address_set_is_all(const struct address_set *set)
{
    return set->count == 1 && set->ranges[0].first == 0 && set->ranges[0].last == UINT32_MAX;
}

bool address_parse(const char *text, uint32_t *out)
{
    struct in_addr address;
    if (!text || inet_pton(AF_INET, text, &address) != 1)
        return false;
    *out = ntohl(address.s_addr);
    return true;
}

bool address_parse_block(const char *text, struct address_range *out)
{
    struct str rest = str_of(text);
    CLEANUP(free_ptr) char *base = str_dup(str_cut(&rest, '/'));
    int64_t bits;
    if (!address_parse(base, &out->first) || !parse_i64(rest, 0, 32, &bits))
        return false;
    uint32_t past = (uint32_t)((UINT64_C(1) << (32 - bits)) - 1);
    out->first &= ~past;
    out->last = out->first | past;
    return true;
}
