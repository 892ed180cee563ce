#include "base/go_duration.h"

#include <stdio.h>

static const struct unit {
    const char *name;
    int64_t ns;
} units[] = {
    {"ns", 1},       {"us", 1000},      {"\xc2\xb5s", 1000}, {"\xce\xbcs", 1000},
    {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000},  {"h", 3600000000000},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What is at the front of `rest` up to the next number, which is cut off there. */
static struct str take_name(struct str *rest)
{
    struct str name = {rest->data, 0};
    while (name.len < rest->len && !is_digit(rest->data[name.len]) && rest->data[name.len] != '.')
        name.len++;
    *rest = (struct str){rest->data + name.len, rest->len - name.len};
    return name;
}

/* The whole name counts, which "m" and "ms" need. */
static const struct unit *find_unit(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (str_is(name, units[i].name))
            return &units[i];
    return NULL;
}

/* One `12.5h`: adds its nanoseconds to `*total`. */
static bool take_part(struct str *rest, __int128 *total)
{
    __int128 value = 0, fraction = 0, scale = 1;
    size_t i = 0, digits = 0;
    for (; i < rest->len && is_digit(rest->data[i]); i++, digits++)
        if ((value = value * 10 + (rest->data[i] - '0')) > INT64_MAX)
            return false;
    if (i < rest->len && rest->data[i] == '.')
        for (i++; i < rest->len && is_digit(rest->data[i]); i++, digits++)
            if (scale < 1000000000000000000) {
                fraction = fraction * 10 + (rest->data[i] - '0');
                scale *= 10;
            }
    if (!digits)
        return false;
    *rest = (struct str){rest->data + i, rest->len - i};
    const struct unit *unit = find_unit(take_name(rest));
    if (!unit)
        return false;
    *total += value * unit->ns + fraction * unit->ns / scale;
    return *total <= (__int128)INT64_MAX;
}

bool go_duration_parse(struct str text, int64_t *ns)
{
    __int128 total = 0;
    struct str rest = text;
    bool negative = text.len && text.data[0] == '-';
    if (text.len && (text.data[0] == '-' || text.data[0] == '+'))
        rest = (struct str){text.data + 1, text.len - 1};
    if (str_is(rest, "0")) {
        *ns = 0;
        return true;
    }
    if (!rest.len)
        return false;
    while (rest.len)
        if (!take_part(&rest, &total))
            return false;
    *ns = (int64_t)(negative ? -total : total);
    return true;
}

/* Cuts off a number's digits and point; false when there is no digit. */
static bool take_digits(struct str *rest)
{
    size_t used = 0, digits = 0;
    for (; used < rest->len && (is_digit(rest->data[used]) || rest->data[used] == '.'); used++)
        digits += is_digit(rest->data[used]);
    *rest = (struct str){rest->data + used, rest->len - used};
    return digits;
}

void go_duration_error(struct buf *out, struct str text)
{
    struct str rest = text, unit = {"", 0};
    if (text.len && (text.data[0] == '-' || text.data[0] == '+'))
        rest = (struct str){text.data + 1, text.len - 1};
    bool unknown = false, missing = false;
    while (rest.len && !unknown && !missing && take_digits(&rest)) {
        unit = take_name(&rest);
        missing = !unit.len;
        unknown = unit.len && !find_unit(unit);
    }
    buf_add_text(out, "time: ");
    if (unknown)
        buf_printf(out, "unknown unit \"" STR_FMT "\" in", STR_ARG(unit));
    else
        buf_add_text(out, missing ? "missing unit in" : "invalid");
    buf_printf(out, " duration \"" STR_FMT "\"", STR_ARG(text));
}

/* `value` in units of `unit_ns` with as many decimals as it needs. */
static int format_decimal(char *out, size_t size, uint64_t value_ns, uint64_t unit_ns)
{
    int len = snprintf(out, size, "%llu", (unsigned long long)(value_ns / unit_ns));
    uint64_t fraction = value_ns % unit_ns;
    if (fraction)
        out[len++] = '.';
    while (fraction) {
        unit_ns /= 10;
        out[len++] = (char)('0' + fraction / unit_ns);
        fraction %= unit_ns;
    }
    out[len] = '\0';
    return len;
}

void go_duration_format(int64_t ns, char out[GO_DURATION_TEXT_SIZE])
{
    uint64_t left = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    size_t len = 0;
    if (ns < 0)
        out[len++] = '-';
    if (left && left < 1000000000) {
        uint64_t unit = left < 1000 ? 1 : left < 1000000 ? 1000 : 1000000;
        len += (size_t)format_decimal(out + len, GO_DURATION_TEXT_SIZE - len, left, unit);
        (void)snprintf(out + len, GO_DURATION_TEXT_SIZE - len, "%s",
                       unit == 1      ? "ns"
                       : unit == 1000 ? "\xc2\xb5s"
                                      : "ms");
        return;
    }
    uint64_t seconds = left / 1000000000, hours = seconds / 3600, minutes = seconds / 60 % 60;
    if (hours)
        len += (size_t)snprintf(out + len, GO_DURATION_TEXT_SIZE - len, "%lluh",
                                (unsigned long long)hours);
    if (hours || minutes)
        len += (size_t)snprintf(out + len, GO_DURATION_TEXT_SIZE - len, "%llum",
                                (unsigned long long)minutes);
    left -= (hours * 3600 + minutes * 60) * 1000000000;
    len += (size_t)format_decimal(out + len, GO_DURATION_TEXT_SIZE - len, left, 1000000000);
    (void)snprintf(out + len, GO_DURATION_TEXT_SIZE - len, "s");
}
