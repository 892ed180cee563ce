#include "schema/go_time.h"

#include <stdio.h>

#include "base/clock.h"
#include "schema/go_text.h"

#define FRACTION ".000000"
#define ZONE     "Z07:00"

static const char *const layouts[] = {
    [GO_TIME_SECONDS] = "2006-01-02T15:04:05" ZONE,
    [GO_TIME_MICRO] = "2006-01-02T15:04:05" FRACTION ZONE,
};

enum unit { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, UNITS };

/* The numbers of a layout in order, and what stands before each. Days are looked at when the month
 * is known; an hour may have one digit. */
static const struct part {
    const char *text, *before;
    size_t digits_min, digits_max;
    int min, max;
    const char *name;
} parts[UNITS] = {
    [YEAR] = {"2006", "", 4, 4, 0, 9999, ""},      [MONTH] = {"01", "-", 2, 2, 1, 12, "month"},
    [DAY] = {"02", "-", 2, 2, 0, 99, ""},          [HOUR] = {"15", "T", 1, 2, 0, 23, "hour"},
    [MINUTE] = {"04", ":", 2, 2, 0, 59, "minute"}, [SECOND] = {"05", ":", 2, 2, 0, 59, "second"},
};

/* What is being read, and what to say when it ends early. */
struct scan {
    struct str text, rest;
    const char *layout;
    struct buf *why;
};

static bool unlike(const struct scan *scan, struct str rest, const char *part)
{
    buf_add_text(scan->why, "parsing time ");
    go_quote(scan->why, scan->text);
    buf_printf(scan->why, " as \"%s\": cannot parse ", scan->layout);
    go_quote(scan->why, rest);
    buf_printf(scan->why, " as \"%s\"", part);
    return false;
}

static bool out_of_range(const struct scan *scan, const char *name)
{
    buf_add_text(scan->why, "parsing time ");
    go_quote(scan->why, scan->text);
    buf_printf(scan->why, ": %s out of range", name);
    return false;
}

static void skip(struct scan *scan, size_t count)
{
    scan->rest = (struct str){scan->rest.data + count, scan->rest.len - count};
}

static size_t count_digits(struct str text)
{
    size_t count = 0;
    while (count < text.len && text.data[count] >= '0' && text.data[count] <= '9')
        count++;
    return count;
}

static int number(struct str text, size_t digits)
{
    int value = 0;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (text.data[i] - '0');
    return value;
}

static bool read_part(struct scan *scan, const struct part *part, int *value)
{
    if (*part->before && (!scan->rest.len || scan->rest.data[0] != *part->before))
        return unlike(scan, scan->rest, part->before);
    skip(scan, *part->before ? 1 : 0);
    size_t digits = count_digits(scan->rest);
    if (digits < part->digits_min)
        return unlike(scan, scan->rest, part->text);
    digits = digits > part->digits_max ? part->digits_max : digits;
    *value = number(scan->rest, digits);
    skip(scan, digits);
    return (*value >= part->min && *value <= part->max) || out_of_range(scan, part->name);
}

static bool read_fraction(struct scan *scan, enum go_time_layout layout, int64_t *fraction_us)
{
    const size_t micro_digits = sizeof(FRACTION) - 2;
    struct str rest = scan->rest;
    bool point = rest.len && (rest.data[0] == '.' || rest.data[0] == ',');
    size_t digits = point ? count_digits((struct str){rest.data + 1, rest.len - 1}) : 0;
    *fraction_us = 0;
    if (layout == GO_TIME_MICRO && digits < micro_digits)
        return unlike(scan, rest, FRACTION);
    if (!digits)
        return true; /* what is there is no zone, then */
    for (size_t i = 0; i < micro_digits; i++)
        *fraction_us = *fraction_us * 10 + (i < digits ? rest.data[1 + i] - '0' : 0);
    skip(scan, 1 + (layout == GO_TIME_MICRO ? micro_digits : digits));
    return true;
}

static bool read_zone(struct scan *scan, int64_t *offset_s)
{
    struct str rest = scan->rest;
    *offset_s = 0;
    if (rest.len && rest.data[0] == 'Z') {
        skip(scan, 1);
        return true;
    }
    if (rest.len < sizeof(ZONE) - 1 || rest.data[3] != ':' ||
        (rest.data[0] != '+' && rest.data[0] != '-'))
        return unlike(scan, rest, ZONE);
    struct str hours = {rest.data + 1, 2}, minutes = {rest.data + 4, 2};
    if (count_digits(hours) < 2 || count_digits(minutes) < 2)
        return unlike(scan, rest, ZONE);
    skip(scan, sizeof(ZONE) - 1);
    if (number(hours, 2) > 24) /* people do write 24 and 60 */
        return out_of_range(scan, "time zone offset hour");
    if (number(minutes, 2) > 60)
        return out_of_range(scan, "time zone offset minute");
    *offset_s = (number(hours, 2) * 60 + number(minutes, 2)) * (rest.data[0] == '-' ? -60 : 60);
    return true;
}

bool go_time_parse(struct str text, enum go_time_layout layout, int64_t *at_us, struct buf *why)
{
    struct scan scan = {.text = text, .rest = text, .layout = layouts[layout], .why = why};
    int values[UNITS];
    int64_t fraction_us, offset_s, whole_us;
    for (size_t i = 0; i < UNITS; i++)
        if (!read_part(&scan, &parts[i], &values[i]))
            return false;
    if (!read_fraction(&scan, layout, &fraction_us) || !read_zone(&scan, &offset_s))
        return false;
    if (scan.rest.len) {
        buf_add_text(why, "parsing time ");
        go_quote(why, text);
        buf_add_text(why, ": extra text: ");
        go_quote(why, scan.rest);
        return false;
    }
    char plain[TIME_TEXT_SIZE];
    (void)snprintf(plain, sizeof(plain), "%04d-%02d-%02dT%02d:%02d:%02dZ", values[YEAR],
                   values[MONTH], values[DAY], values[HOUR], values[MINUTE], values[SECOND]);
    if (!time_parse(str_of(plain), &whole_us))
        return out_of_range(&scan, "day");
    *at_us = whole_us - offset_s * 1000000 + fraction_us;
    return true;
}
