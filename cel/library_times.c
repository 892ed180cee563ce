/* The getters of timestamps and durations. */
#include "base/buf.h"
#include "base/parse.h"
#include "base/zone.h"
#include "cel/calendar.h"
#include "cel/library.h"

/* +hh:mm */
static bool fixed_offset(struct str text, int64_t *seconds)
{
    struct str rest = text;
    int64_t hours, minutes;
    bool west = text.len && text.data[0] == '-';
    if (text.len && (text.data[0] == '-' || text.data[0] == '+'))
        rest = (struct str){text.data + 1, text.len - 1};
    struct str head = str_cut(&rest, ':');
    if (!rest.data || head.len != 2 || rest.len != 2 || !parse_i64(head, 0, 23, &hours) ||
        !parse_i64(rest, 0, 59, &minutes))
        return false;
    *seconds = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

static bool named_offset(struct str name, int64_t at_s, int64_t *offset_s)
{
    CLEANUP(zone_free_ptr) struct zone *zone = zone_load(name);
    *offset_s = zone_offset(zone, at_s);
    return zone != NULL;
}

/* The date there; the second argument, if any, names the zone. False with an error in *out. */
static bool civil(struct cel_eval *eval, const struct cel_value *args, struct cel_civil *at,
                  struct cel_value *out)
{
    int64_t offset = 0;
    bool zoned = args[1].kind == CEL_VALUE_STRING && args[1].text.data;
    struct str zone = zoned ? args[1].text : STR("UTC");
    bool utc = !zone.len || str_is(zone, "UTC");
    if (!utc && !fixed_offset(zone, &offset) &&
        !named_offset(zone, args[0].time.seconds, &offset)) {
        *out = cel_fail(eval, "unknown time zone " STR_FMT, STR_ARG(zone));
        return false;
    }
    *at = cel_civil_of(args[0].time.seconds + offset);
    return true;
}

#define GETTER(name, expression)                                                                   \
    struct cel_value cel_lib_##name(struct cel_eval *eval, const struct cel_value *args)           \
    {                                                                                              \
        struct cel_civil at;                                                                       \
        struct cel_value failure;                                                                  \
        return civil(eval, args, &at, &failure) ? cel_of_int(expression) : failure;                \
    }
#define SPAN(name, per)                                                                            \
    struct cel_value cel_lib_##name(struct cel_eval *eval, const struct cel_value *args)           \
    {                                                                                              \
        (void)eval; /* nothing can fail */                                                         \
        return cel_of_int((int64_t)(cel_time_nanos(args[0].time) / (per)));                        \
    }

GETTER(get_full_year, at.year)
GETTER(get_month, at.month - 1)
GETTER(get_date, at.day)
GETTER(get_day_of_month, at.day - 1)
GETTER(get_day_of_week, at.weekday)
GETTER(get_day_of_year, at.yearday)
GETTER(get_hours, at.hour)
GETTER(get_minutes, at.minute)
GETTER(get_seconds, at.second)
GETTER(get_milliseconds, args[0].time.nanos / 1000000)
SPAN(duration_hours, (__int128)3600 * 1000000000)
SPAN(duration_minutes, (__int128)60 * 1000000000)
SPAN(duration_seconds, (__int128)1000000000)
SPAN(duration_milliseconds, (__int128)1000000)
