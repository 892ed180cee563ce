/* IP addresses and CIDRs. Source: apiserver's pkg/cel/library ip.go and cidr.go, by their
 * behaviour. */
#include <arpa/inet.h>
#include <string.h>

#include "base/buf.h"
#include "base/parse.h"
#include "cel/library.h"

#define TEXT_SIZE 64

static bool is_mapped(const struct cel_address *address)
{
    static const unsigned char prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return address->len == 16 && memcmp(address->bytes, prefix, sizeof(prefix)) == 0;
}

static bool read_address(struct str text, struct cel_address *out)
{
    char copy[TEXT_SIZE];
    if (!text.len || text.len >= sizeof(copy) || memchr(text.data, '\0', text.len))
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *out = (struct cel_address){.len = strchr(copy, ':') ? 16 : 4};
    return inet_pton(out->len == 4 ? AF_INET : AF_INET6, copy, out->bytes) == 1;
}

bool cel_address_parse(struct str text, struct cel_address *out)
{
    return read_address(text, out) && !is_mapped(out);
}

void cel_address_write(struct buf *out, const struct cel_address *address)
{
    char text[TEXT_SIZE] = "";
    (void)inet_ntop(address->len == 4 ? AF_INET : AF_INET6, address->bytes, text,
                    sizeof(text)); /* there is room */
    buf_add_text(out, text);
}

static struct cel_value keep(struct cel_eval *eval, const struct cel_type *type,
                             const struct cel_address *address)
{
    struct cel_address *kept = cel_eval_alloc(eval, 1, sizeof(*kept));
    if (!kept)
        return cel_stopped(eval);
    *kept = *address;
    return cel_of_opaque(type, kept);
}

static const struct cel_address *address_of(const struct cel_value *value)
{
    return value->opaque;
}

/* ---- ip ---- */

static struct cel_value wrong_ip(struct cel_eval *eval, struct str text)
{
    struct cel_address address;
    const char *percent = text.len ? memchr(text.data, '%', text.len) : NULL;
    if (percent)
        return cel_fail(eval, "IP address \"" STR_FMT "\" with zone value is not allowed",
                        STR_ARG(text));
    if (read_address(text, &address))
        return cel_fail(eval, "IPv4-mapped IPv6 address \"" STR_FMT "\" is not allowed",
                        STR_ARG(text));
    return cel_fail(eval,
                    "IP Address \"" STR_FMT
                    "\" parse error during conversion from string: ParseAddr(\"" STR_FMT
                    "\"): unable to parse IP",
                    STR_ARG(text), STR_ARG(text));
}

struct cel_value cel_lib_ip(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_address address;
    return cel_address_parse(args[0].text, &address) ? keep(eval, &cel_ip, &address)
                                                     : wrong_ip(eval, args[0].text);
}

struct cel_value cel_lib_is_ip(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_address address;
    (void)eval; /* nothing can fail */
    return cel_of_bool(cel_address_parse(args[0].text, &address));
}

struct cel_value cel_lib_ip_is_canonical(struct cel_eval *eval, const struct cel_value *args)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    struct cel_address address;
    if (!cel_address_parse(args[0].text, &address))
        return wrong_ip(eval, args[0].text);
    cel_address_write(&text, &address);
    return cel_of_bool(str_eq(buf_str(&text), args[0].text));
}

struct cel_value cel_lib_ip_family(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return cel_of_int(address_of(args)->len == 4 ? 4 : 6);
}

/* Whether the address begins with those bits. */
static bool within(const struct cel_address *address, const unsigned char *bytes, size_t len,
                   unsigned bits)
{
    if (address->len != len || memcmp(address->bytes, bytes, bits / 8) != 0)
        return false;
    unsigned rest = bits % 8;
    return !rest || (address->bytes[bits / 8] ^ bytes[bits / 8]) >> (8 - rest) == 0;
}

#define BYTES(...) ((const unsigned char[16]){__VA_ARGS__})
#define TEST(name, expression)                                                                     \
    struct cel_value cel_lib_##name(struct cel_eval *eval, const struct cel_value *args)           \
    {                                                                                              \
        const struct cel_address *at = address_of(args);                                           \
        (void)eval; /* nothing can fail */                                                         \
        return cel_of_bool(expression);                                                            \
    }

static bool is_unspecified(const struct cel_address *at)
{
    return within(at, BYTES(0), 4, 32) || within(at, BYTES(0), 16, 128);
}

static bool is_loopback(const struct cel_address *at)
{
    return within(at, BYTES(127), 4, 8) || within(at, BYTES([15] = 1), 16, 128);
}

static bool is_link_local_multicast(const struct cel_address *at)
{
    return within(at, BYTES(224, 0, 0), 4, 24) ||
           (at->len == 16 && at->bytes[0] == 0xff && (at->bytes[1] & 0xf) == 2);
}

static bool is_link_local_unicast(const struct cel_address *at)
{
    return within(at, BYTES(169, 254), 4, 16) || within(at, BYTES(0xfe, 0x80), 16, 10);
}

static bool is_multicast(const struct cel_address *at)
{
    return within(at, BYTES(224), 4, 4) || within(at, BYTES(0xff), 16, 8);
}

static bool is_broadcast(const struct cel_address *at)
{
    return within(at, BYTES(255, 255, 255, 255), 4, 32);
}

TEST(ip_is_unspecified, is_unspecified(at))
TEST(ip_is_loopback, is_loopback(at))
TEST(ip_is_link_local_multicast, is_link_local_multicast(at))
TEST(ip_is_link_local_unicast, is_link_local_unicast(at))
TEST(ip_is_global_unicast, !is_unspecified(at) && !is_loopback(at) && !is_multicast(at) &&
                               !is_link_local_unicast(at) && !is_broadcast(at))

struct cel_value cel_lib_ip_string(struct cel_eval *eval, const struct cel_value *args)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    cel_address_write(&text, address_of(args));
    return cel_copy_text(eval, buf_str(&text));
}

/* ---- cidr ---- */

static bool cidr_parse(struct str text, struct cel_address *out)
{
    struct str bits = text, head = str_cut(&bits, '/');
    int64_t count;
    bool padded = bits.len > 1 && bits.data[0] == '0';
    if (!bits.data || padded || !cel_address_parse(head, out) ||
        !parse_i64(bits, 0, out->len * 8, &count))
        return false;
    out->bits = (uint8_t)count;
    return true;
}

static struct cel_value wrong_cidr(struct cel_eval *eval, struct str text)
{
    bool slash = text.len && memchr(text.data, '/', text.len);
    return cel_fail(
        eval,
        "network address parse error during conversion from string: netip.ParsePrefix(\"" STR_FMT
        "\"): %s",
        STR_ARG(text), slash ? "unable to parse IP" : "no '/'");
}

struct cel_value cel_lib_cidr(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_address address;
    return cidr_parse(args[0].text, &address) ? keep(eval, &cel_cidr, &address)
                                              : wrong_cidr(eval, args[0].text);
}

struct cel_value cel_lib_is_cidr(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_address address;
    (void)eval; /* nothing can fail */
    return cel_of_bool(cidr_parse(args[0].text, &address));
}

struct cel_value cel_lib_cidr_contains_ip(struct cel_eval *eval, const struct cel_value *args)
{
    const struct cel_address *cidr = address_of(args);
    struct cel_address address;
    if (args[1].kind == CEL_VALUE_OPAQUE)
        address = *address_of(&args[1]);
    else if (!cel_address_parse(args[1].text, &address))
        return wrong_ip(eval, args[1].text);
    return cel_of_bool(within(&address, cidr->bytes, cidr->len, cidr->bits));
}

struct cel_value cel_lib_cidr_contains_cidr(struct cel_eval *eval, const struct cel_value *args)
{
    const struct cel_address *cidr = address_of(args);
    struct cel_address other;
    if (args[1].kind == CEL_VALUE_OPAQUE)
        other = *address_of(&args[1]);
    else if (!cidr_parse(args[1].text, &other))
        return wrong_cidr(eval, args[1].text);
    return cel_of_bool(other.bits >= cidr->bits &&
                       within(&other, cidr->bytes, cidr->len, cidr->bits));
}

struct cel_value cel_lib_cidr_ip(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_address address = *address_of(args);
    address.bits = 0;
    return keep(eval, &cel_ip, &address);
}

struct cel_value cel_lib_cidr_prefix_length(struct cel_eval *eval, const struct cel_value *args)
{
    (void)eval; /* nothing can fail */
    return cel_of_int(address_of(args)->bits);
}

struct cel_value cel_lib_cidr_masked(struct cel_eval *eval, const struct cel_value *args)
{
    struct cel_address address = *address_of(args);
    for (unsigned bit = address.bits; bit < address.len * 8U; bit++)
        address.bytes[bit / 8] &= (unsigned char)~(0x80U >> bit % 8);
    return keep(eval, &cel_cidr, &address);
}

struct cel_value cel_lib_cidr_string(struct cel_eval *eval, const struct cel_value *args)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    cel_address_write(&text, address_of(args));
    buf_printf(&text, "/%u", address_of(args)->bits);
    return cel_copy_text(eval, buf_str(&text));
}
