/* Times and doubles as text. Days by the civil calendar: no clock, no locale, no zone of the
 * process. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/go_duration.h"
#include "cel/calendar.h"
#include "cel/eval.h"

#define NANOS 1000000000

int64_t cel_days(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct cel_civil cel_civil_of(int64_t seconds)
{
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    struct cel_civil out = {.hour = rest / 3600, .minute = rest / 60 % 60, .second = rest % 60};
    out.weekday = ((days + 4) % 7 + 7) % 7;
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    out.day = of_year - (153 * month + 2) / 5 + 1;
    out.month = month < 10 ? month + 3 : month - 9;
    out.year = year + era * 400 + (out.month <= 2);
    out.yearday = days - cel_days(out.year, 1, 1);
    return out;
}

bool cel_time_in_range(struct cel_time time)
{
    return time.seconds >= -62135596800 && time.seconds <= 253402300799;
}

__int128 cel_time_nanos(struct cel_time time)
{
    return (__int128)time.seconds * NANOS + time.nanos;
}

struct cel_time cel_time_of_nanos(__int128 nanos, enum cel_value_kind kind)
{
    struct cel_time time = {.seconds = (int64_t)(nanos / NANOS), .nanos = (int32_t)(nanos % NANOS)};
    if (kind == CEL_VALUE_TIMESTAMP && time.nanos < 0) {
        time.seconds--;
        time.nanos += NANOS;
    }
    return time;
}

struct cel_value cel_of_time(struct cel_time time, enum cel_value_kind kind)
{
    return (struct cel_value){.kind = (uint8_t)kind, .time = time};
}

/* ---- RFC 3339 ---- */

static bool take_number(struct str *text, size_t digits, int64_t least, int64_t most, int64_t *out)
{
    *out = 0;
    if (text->len < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)text->data[i]))
            return false;
        *out = *out * 10 + (text->data[i] - '0');
    }
    *text = (struct str){text->data + digits, text->len - digits};
    return *out >= least && *out <= most;
}

static bool take_char(struct str *text, char c)
{
    if (!text->len || text->data[0] != c)
        return false;
    *text = (struct str){text->data + 1, text->len - 1};
    return true;
}

static bool take_date(struct str *text, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year, month, day;
    if (!take_number(text, 4, 0, 9999, &year) || !take_char(text, '-') ||
        !take_number(text, 2, 1, 12, &month) || !take_char(text, '-') ||
        !take_number(text, 2, 1, 31, &day))
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    *days = cel_days(year, month, day);
    return day <= lengths[month - 1] + (month == 2 && leap);
}

static int32_t take_fraction(struct str *text)
{
    int32_t nanos = 0;
    int digits = 0;
    if (text->len < 2 || text->data[0] != '.' || !isdigit((unsigned char)text->data[1]))
        return 0;
    for (take_char(text, '.'); text->len && isdigit((unsigned char)text->data[0]);
         take_char(text, text->data[0]))
        if (digits++ < 9)
            nanos = nanos * 10 + (text->data[0] - '0');
    for (; digits < 9; digits++)
        nanos *= 10;
    return nanos;
}

/* Z or +hh:mm, in seconds east. */
static bool take_offset(struct str *text, int64_t *seconds)
{
    int64_t hours, minutes;
    *seconds = 0;
    if (take_char(text, 'Z'))
        return true;
    bool west = text->len && text->data[0] == '-';
    if (!take_char(text, west ? '-' : '+') || !take_number(text, 2, 0, 24, &hours) ||
        !take_char(text, ':') || !take_number(text, 2, 0, 60, &minutes))
        return false;
    *seconds = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

bool cel_parse_timestamp(struct str text, struct cel_time *out)
{
    int64_t days, hour, minute, second, offset;
    if (!take_date(&text, &days) || !take_char(&text, 'T') ||
        !take_number(&text, 2, 0, 23, &hour) || !take_char(&text, ':') ||
        !take_number(&text, 2, 0, 59, &minute) || !take_char(&text, ':') ||
        !take_number(&text, 2, 0, 59, &second))
        return false;
    out->nanos = take_fraction(&text);
    if (!take_offset(&text, &offset) || text.len)
        return false;
    out->seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset;
    return true;
}

bool cel_parse_date(struct str text, struct cel_time *out)
{
    int64_t days;
    if (!take_date(&text, &days) || text.len)
        return false;
    *out = (struct cel_time){.seconds = days * 86400};
    return true;
}

/* Digits after the point, without the zeroes at their end. */
static void add_fraction(struct buf *out, int32_t nanos)
{
    char digits[16];
    if (!nanos)
        return;
    int len = snprintf(digits, sizeof(digits), ".%09d", nanos < 0 ? -nanos : nanos);
    while (len && digits[len - 1] == '0')
        len--;
    buf_add(out, digits, (size_t)len);
}

void cel_write_timestamp(struct buf *out, struct cel_time time)
{
    const struct cel_civil at = cel_civil_of(time.seconds);
    buf_printf(out, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld", (long long)at.year,
               (long long)at.month, (long long)at.day, (long long)at.hour, (long long)at.minute,
               (long long)at.second);
    add_fraction(out, time.nanos);
    buf_add_char(out, 'Z');
}

/* ---- durations ---- */

bool cel_parse_duration(struct str text, struct cel_time *out)
{
    int64_t nanos;
    if (!go_duration_parse(text, &nanos))
        return false;
    *out = cel_time_of_nanos(nanos, CEL_VALUE_DURATION);
    return true;
}

void cel_write_duration(struct buf *out, struct cel_time time)
{
    bool negative = time.seconds < 0 || time.nanos < 0;
    uint64_t seconds = time.seconds < 0 ? 0 - (uint64_t)time.seconds : (uint64_t)time.seconds;
    buf_printf(out, "%s%llu", negative ? "-" : "", (unsigned long long)seconds);
    add_fraction(out, time.nanos);
    buf_add_char(out, 's');
}

/* ---- doubles ---- */

/* As Go's strconv.FormatFloat(value, 'g', -1, 64). */
void cel_write_double(struct buf *out, double value)
{
    char digits[40];
    int precision = 0;
    if (isnan(value) || isinf(value)) {
        buf_add_text(out, isnan(value) ? "NaN" : value < 0 ? "-Inf" : "+Inf");
        return;
    }
    do
        snprintf(digits, sizeof(digits), "%.*e", precision, value);
    while (strtod(digits, NULL) != value && ++precision < 17);
    const char *mark = strchr(digits, 'e');
    long exponent = strtol(mark + 1, NULL, 10);
    if (exponent < -4 || exponent >= 6) {
        buf_add_text(out, digits);
        return;
    }
    buf_printf(out, "%.*f", precision > exponent ? (int)(precision - exponent) : 0, value);
}
