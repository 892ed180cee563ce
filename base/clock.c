#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define UUID_BYTES 16

int64_t clock_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_mono_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Days since 1970-01-01 in the Gregorian calendar, by eras of 400 years that begin in March.
 * Without libc's: it takes the time zone's lock, and these run for each time in each object. */
static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100),
            part = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * part + 2) / 5 + 1);
    *month = (int)(part < 10 ? part + 3 : part - 9);
    *year = years + era * 400 + (*month <= 2);
}

/* Writes `value` with `width` digits. */
static char *put(char *out, int64_t value, size_t width)
{
    for (size_t i = width; i > 0; i--, value /= 10)
        out[i - 1] = (char)('0' + value % 10);
    return out + width;
}

static void format(int64_t at_us, bool micro, char out[TIME_TEXT_SIZE])
{
    int64_t fraction = at_us % 1000000, seconds = at_us / 1000000, year;
    int month, day;
    if (fraction < 0) {
        fraction += 1000000;
        seconds--;
    }
    int64_t of_day = seconds % 86400;
    if (of_day < 0)
        of_day += 86400;
    date_of((seconds - of_day) / 86400, &year, &month, &day);
    const struct {
        int64_t value;
        size_t width;
        char mark;
    } parts[] = {{year < 0 ? 0 : year, 4, '-'},
                 {month, 2, '-'},
                 {day, 2, 'T'},
                 {of_day / 3600, 2, ':'},
                 {of_day / 60 % 60, 2, ':'},
                 {of_day % 60, 2, micro ? '.' : 'Z'}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        out = put(out, parts[i].value, parts[i].width);
        *out++ = parts[i].mark;
    }
    if (micro) {
        out = put(out, fraction, 6);
        *out++ = 'Z';
    }
    *out = '\0';
}

void time_format(int64_t at_us, char out[TIME_TEXT_SIZE])
{
    format(at_us, false, out);
}

void time_format_micro(int64_t at_us, char out[TIME_TEXT_SIZE])
{
    format(at_us, true, out);
}

/* Reads `count` digits and moves on. */
static bool digits(struct str *rest, size_t count, int *value)
{
    *value = 0;
    if (rest->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        char c = rest->data[i];
        if (c < '0' || c > '9')
            return false;
        *value = *value * 10 + (c - '0');
    }
    rest->data += count;
    rest->len -= count;
    return true;
}

static bool one_of(struct str *rest, const char *allowed, char *found)
{
    if (!rest->len || !strchr(allowed, rest->data[0]))
        return false;
    *found = rest->data[0];
    rest->data++;
    rest->len--;
    return true;
}

/* `.123456789`: keeps microseconds. */
static bool fraction_parse(struct str *rest, int64_t *fraction_us)
{
    int64_t unit = 100000;
    size_t count = 0;
    *fraction_us = 0;
    for (rest->data++, rest->len--; rest->len && *rest->data >= '0' && *rest->data <= '9';
         count++) {
        *fraction_us += unit * (*rest->data - '0');
        unit /= 10;
        rest->data++;
        rest->len--;
    }
    return count > 0;
}

static bool offset_parse(struct str *rest, int64_t *offset_s)
{
    char sign;
    int hours, minutes;
    char colon;
    if (!one_of(rest, "Zz+-", &sign))
        return false;
    *offset_s = 0;
    if (sign == 'Z' || sign == 'z')
        return true;
    if (!digits(rest, 2, &hours) || !one_of(rest, ":", &colon) || !digits(rest, 2, &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *offset_s = (hours * 60 + minutes) * 60 * (sign == '-' ? -1 : 1);
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool time_parse(struct str text, int64_t *at_us)
{
    int year, month, day, hour, minute, second;
    int64_t fraction_us = 0, offset_s;
    char mark;
    if (!digits(&text, 4, &year) || !one_of(&text, "-", &mark) || !digits(&text, 2, &month) ||
        !one_of(&text, "-", &mark) || !digits(&text, 2, &day) || !one_of(&text, "Tt", &mark) ||
        !digits(&text, 2, &hour) || !one_of(&text, ":", &mark) || !digits(&text, 2, &minute) ||
        !one_of(&text, ":", &mark) || !digits(&text, 2, &second))
        return false;
    if (text.len && text.data[0] == '.' && !fraction_parse(&text, &fraction_us))
        return false;
    if (!offset_parse(&text, &offset_s) || text.len)
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
        minute > 59 || second > 59)
        return false;
    int64_t seconds = ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    *at_us = (seconds - offset_s) * 1000000 + fraction_us;
    return true;
}

void random_bytes(void *out, size_t len)
{
    char *at = out;
    while (len) {
        ssize_t got = getrandom(at, len, 0);
        if (got <= 0)
            abort();
        at += got;
        len -= (size_t)got;
    }
}

/* Each answer has one: random bytes come for many at once, and what is used is forgotten. */
static void uuid_bytes(unsigned char out[UUID_BYTES])
{
    static _Thread_local struct {
        unsigned char bytes[32 * UUID_BYTES];
        size_t left;
    } pool;
    if (!pool.left) {
        random_bytes(pool.bytes, sizeof(pool.bytes));
        pool.left = sizeof(pool.bytes);
    }
    pool.left -= UUID_BYTES;
    memcpy(out, pool.bytes + pool.left, UUID_BYTES);
    memset(pool.bytes + pool.left, 0, UUID_BYTES);
}

void uuid_make(char out[UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[UUID_BYTES];
    uuid_bytes(bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

void random_name_suffix(char *out, size_t len)
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    unsigned char byte;
    for (size_t i = 0; i < len; i++) {
        do
            random_bytes(&byte, 1);
        while (byte >= 256 - 256 % (sizeof(alphabet) - 1));
        out[i] = alphabet[byte % (sizeof(alphabet) - 1)];
    }
    out[len] = '\0';
}
