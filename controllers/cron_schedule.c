#include "controllers/cron_schedule.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/parse.h"
#include "base/zone.h"

#define YEARS_MAX   5
#define SECOND_US   INT64_C(1000000)
#define MINUTE_S    60
#define HOUR_S      3600
#define YEAR_S      ((int64_t)366 * 86400)
#define EVERY_MAX_S ((int64_t)10 * 366 * 86400)

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const struct field {
    int64_t min, max;
    const char *const *names; /* of min, min + 1, ... */
    size_t name_count;
} fields[] = {
    {0, 59, NULL, 0},         {0, 23, NULL, 0},     {1, 31, NULL, 0},
    {1, 12, month_names, 12}, {0, 6, day_names, 7},
};

static const struct {
    const char *name, *fields;
} words[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

/* ---- reading ---- */

static bool read_value(const struct field *field, struct str text, int64_t *out)
{
    for (size_t i = 0; i < field->name_count; i++)
        if (text.len == 3 && strncasecmp(text.data, field->names[i], 3) == 0) {
            *out = field->min + (int64_t)i;
            return true;
        }
    return parse_i64(text, field->min, field->max, out);
}

/* "5", "1-5", "*", each with "/step". */
static bool read_range(const struct field *field, struct str text, uint64_t *bits)
{
    struct str step_text = text;
    struct str range = str_cut(&step_text, '/'), last = range;
    int64_t from = field->min, to = field->max, step = 1;
    if (step_text.data && !parse_i64(step_text, 1, field->max + 1, &step))
        return false;
    if (!str_is(range, "*") && !str_is(range, "?")) {
        struct str first = str_cut(&last, '-');
        if (!read_value(field, first, &from))
            return false;
        to = step_text.data ? field->max : from;
        if (last.data && !read_value(field, last, &to))
            return false;
    }
    for (int64_t value = from; value <= to; value += step)
        *bits |= UINT64_C(1) << value;
    return from <= to;
}

static bool read_field(const struct field *field, struct str text, uint64_t *bits, bool *any)
{
    *any = text.len && (text.data[0] == '*' || text.data[0] == '?');
    *bits = 0;
    if (!text.len)
        return false;
    while (text.data)
        if (!read_range(field, str_cut(&text, ','), bits))
            return false;
    return true;
}

static struct str next_word(struct str *rest)
{
    *rest = str_trim(*rest);
    size_t len = 0;
    while (len < rest->len && rest->data[len] != ' ' && rest->data[len] != '\t')
        len++;
    struct str word = {rest->data, len};
    rest->data += len;
    rest->len -= len;
    return word;
}

/* "1h30m", "90s": whole seconds and more. */
static bool read_every(struct str text, int64_t *out_us)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'h', 3600}, {'m', 60}, {'s', 1}};
    int64_t total_s = 0;
    while (text.len) {
        size_t digits = 0, unit = 0;
        int64_t number;
        while (digits < text.len && isdigit((unsigned char)text.data[digits]))
            digits++;
        if (digits == text.len || !parse_i64((struct str){text.data, digits}, 0, 1000000, &number))
            return false;
        while (unit < ARRAY_LEN(units) && units[unit].unit != text.data[digits])
            unit++;
        if (unit == ARRAY_LEN(units))
            return false;
        total_s += number * units[unit].seconds;
        if (total_s > EVERY_MAX_S)
            return false;
        text.data += digits + 1;
        text.len -= digits + 1;
    }
    *out_us = total_s * SECOND_US;
    return total_s > 0;
}

bool cron_parse(struct str text, struct cron_schedule *out)
{
    uint64_t *sets[] = {&out->minutes, &out->hours, &out->days, &out->months, &out->weekdays};
    bool any[ARRAY_LEN(fields)];
    *out = (struct cron_schedule){0};
    text = str_trim(text);
    if (str_starts(text, STR("@every ")))
        return read_every(str_trim((struct str){text.data + 7, text.len - 7}), &out->every_us);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(text, words[i].name))
            text = str_of(words[i].fields);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (!read_field(&fields[i], next_word(&text), sets[i], &any[i]))
            return false;
    out->any_day = any[2];
    out->any_weekday = any[4];
    return str_trim(text).len == 0;
}

/* ---- reckoning ---- */

static bool has(uint64_t bits, int value)
{
    return bits >> value & 1;
}

static bool day_matches(const struct cron_schedule *schedule, const struct tm *at)
{
    bool day = has(schedule->days, at->tm_mday), weekday = has(schedule->weekdays, at->tm_wday);
    if (schedule->any_day || schedule->any_weekday)
        return day && weekday;
    return day || weekday; /* both are named: either will do */
}

/* Goes to the start of the next month, day, hour or minute when that one does not match; false when
 * all match. Hours pass as they do there: one that clocks leap over does not come, one that they
 * repeat comes twice. */
static bool skip(const struct cron_schedule *schedule, int64_t *at_s)
{
    struct tm there;
    time_t local = (time_t)(*at_s + zone_offset(schedule->zone, *at_s));
    if (!gmtime_r(&local, &there))
        return false;
    bool month = has(schedule->months, there.tm_mon + 1),
         hour = has(schedule->hours, there.tm_hour);
    int64_t to_next_hour_s = HOUR_S - there.tm_min * MINUTE_S - there.tm_sec;
    if (month && day_matches(schedule, &there)) {
        if (hour && has(schedule->minutes, there.tm_min))
            return false;
        *at_s += hour ? MINUTE_S : to_next_hour_s;
        return true;
    }
    struct tm next = {.tm_year = there.tm_year,
                      .tm_mon = there.tm_mon + !month,
                      .tm_mday = month ? there.tm_mday + 1 : 1};
    int64_t next_s = zone_from_local(schedule->zone, (int64_t)timegm(&next));
    *at_s = next_s > *at_s ? next_s : *at_s + to_next_hour_s;
    return true;
}

int64_t cron_next(const struct cron_schedule *schedule, int64_t after_us)
{
    int64_t start_s = after_us / SECOND_US;
    if (schedule->every_us)
        return start_s * SECOND_US + schedule->every_us;
    start_s += MINUTE_S - start_s % MINUTE_S;
    for (int64_t at_s = start_s; at_s <= start_s + YEARS_MAX * YEAR_S;)
        if (!skip(schedule, &at_s))
            return at_s * SECOND_US;
    return 0;
}
