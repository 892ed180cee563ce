/* Which addresses a tenant's webhook URL must not lead to. Sources: IANA's special-purpose address
 * registries (RFC 6890 and what follows it). */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "apiserver/admission/callout.h"

struct range4 {
    uint32_t first;
    unsigned bits;
};

#define IP4(a, b, c, d)                                                                            \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const struct range4 ranges4[] = {
    {IP4(0, 0, 0, 0), 8},      {IP4(10, 0, 0, 0), 8},     {IP4(100, 64, 0, 0), 10},
    {IP4(127, 0, 0, 0), 8},    {IP4(169, 254, 0, 0), 16}, {IP4(172, 16, 0, 0), 12},
    {IP4(192, 0, 0, 0), 24},   {IP4(192, 0, 2, 0), 24},   {IP4(192, 88, 99, 0), 24},
    {IP4(192, 168, 0, 0), 16}, {IP4(198, 18, 0, 0), 15},  {IP4(198, 51, 100, 0), 24},
    {IP4(203, 0, 113, 0), 24}, {IP4(224, 0, 0, 0), 4},    {IP4(240, 0, 0, 0), 4},
};

static bool is_private4(uint32_t address)
{
    for (size_t i = 0; i < ARRAY_LEN(ranges4); i++)
        if ((address ^ ranges4[i].first) >> (32 - ranges4[i].bits) == 0)
            return true;
    return false;
}

static const struct range6 {
    uint8_t first[16];
    unsigned bits;
    int embeds; /* byte at which an IPv4 address stands that decides; -1: none, all are private */
} ranges6[] = {
    {{0}, 128, -1},
    {{[15] = 1}, 128, -1},
    {{[10] = 0xff, [11] = 0xff}, 96, 12}, /* ::ffff:0:0/96 */
    {{0}, 96, -1},                        /* ::/96, IPv4-compatible */
    {{0x00, 0x64, 0xff, 0x9b}, 96, 12},   /* NAT64 */
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, -1},
    {{0x01, 0x00}, 64, -1},             /* discard */
    {{0x20, 0x01, 0x00, 0x00}, 23, -1}, /* protocol assignments, Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, -1}, /* documentation */
    {{0x20, 0x02}, 16, 2},              /* 6to4 */
    {{0xfc, 0x00}, 7, -1},              /* unique local */
    {{0xfe, 0x80}, 10, -1},             /* link-local */
    {{0xfe, 0xc0}, 10, -1},             /* site-local */
    {{0xff, 0x00}, 8, -1},              /* multicast */
};

static bool in_range6(const uint8_t *address, const struct range6 *range)
{
    size_t whole = range->bits / 8;
    unsigned rest = range->bits % 8;
    if (memcmp(address, range->first, whole) != 0)
        return false;
    return !rest || ((address[whole] ^ range->first[whole]) >> (8 - rest)) == 0;
}

static bool is_private6(const uint8_t *address)
{
    for (size_t i = 0; i < ARRAY_LEN(ranges6); i++) {
        const struct range6 *range = &ranges6[i];
        if (!in_range6(address, range))
            continue;
        if (range->embeds < 0)
            return true;
        const uint8_t *at = address + range->embeds;
        return is_private4(IP4(at[0], at[1], at[2], at[3]));
    }
    return false;
}

bool callout_is_private(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, address, sizeof(four));
        return is_private4(ntohl(four.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, address, sizeof(six));
        return is_private6(six.sin6_addr.s6_addr);
    }
    return true;
}
