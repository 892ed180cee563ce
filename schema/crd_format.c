/* The string formats that upstream's validator knows; others fit everything. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/parse.h"
#include "schema/crd_schema.h"
#include "schema/meta.h"

static bool digits(const char *text, const char *shape)
{
    for (; *shape; shape++, text++)
        if (*shape == '0' ? !isdigit((unsigned char)*text) : *text != *shape)
            return false;
    return *text == '\0';
}

static bool is_date(const char *text)
{
    CLEANUP(free_ptr) char *whole = xasprintf("%sT00:00:00Z", text);
    int64_t at_us;
    return digits(text, "0000-00-00") && time_parse(str_of(whole), &at_us);
}

static bool is_date_time(const char *text)
{
    int64_t at_us;
    return time_parse(str_of(text), &at_us);
}

static bool is_uuid(const char *text)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return text[36] == '\0';
}

static bool is_ipv4(const char *text)
{
    struct in_addr out;
    return inet_pton(AF_INET, text, &out) == 1;
}

static bool is_ipv6(const char *text)
{
    struct in6_addr out;
    return inet_pton(AF_INET6, text, &out) == 1;
}

static bool is_cidr(const char *text)
{
    struct str rest = str_of(text), address = str_cut(&rest, '/');
    CLEANUP(free_ptr) char *copy = str_dup(address);
    int64_t bits;
    return rest.data && ((is_ipv4(copy) && parse_i64(rest, 0, 32, &bits)) ||
                         (is_ipv6(copy) && parse_i64(rest, 0, 128, &bits)));
}

static bool is_uri(const char *text)
{
    size_t scheme =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    return *text == '/' || (scheme && isalpha((unsigned char)*text) && text[scheme] == ':' &&
                            !strpbrk(text, " \t\r\n"));
}

static bool is_email(const char *text)
{
    const char *at = strrchr(text, '@');
    return at && at != text && at[1] && !strpbrk(text, " \t\r\n");
}

static bool is_hostname(const char *text)
{
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '-' && *at != '.')
            return false;
    return *text && strlen(text) <= 255 && *text != '-' && *text != '.';
}

static bool is_base64(const char *text)
{
    struct buf out = BUF_TEXT;
    bool ok = base64_decode(&out, str_of(text), BASE64_STANDARD);
    buf_free(&out);
    return ok;
}

static bool is_mac(const char *text)
{
    for (size_t i = 0; i < 17; i++)
        if (i % 3 == 2 ? text[i] != ':' && text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    return text[17] == '\0';
}

static const struct format_row {
    const char *name;
    bool (*fits)(const char *text);
} format_rows[] = {
    {"date", is_date},
    {"date-time", is_date_time},
    {"datetime", is_date_time},
    {"uuid", is_uuid},
    {"uuid3", is_uuid},
    {"uuid4", is_uuid},
    {"uuid5", is_uuid},
    {"ipv4", is_ipv4},
    {"ipv6", is_ipv6},
    {"cidr", is_cidr},
    {"uri", is_uri},
    {"email", is_email},
    {"hostname", is_hostname},
    {"byte", is_base64},
    {"mac", is_mac},
};

bool crd_format_fits(const char *format, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(format_rows); i++)
        if (strcmp(format, format_rows[i].name) == 0)
            return format_rows[i].fits(value);
    return true;
}
