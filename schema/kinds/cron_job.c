/* CronJobs: the schedule's grammar, the time zone, the Job inside. */
#include "base/parse.h"
#include "base/zone.h"
#include "schema/kinds/job.h"
#include "schema/meta.h"

#define SPEC        PATH(NULL, "spec")
#define TEMPLATE    PATH(PATH(SPEC, "jobTemplate"), "spec")
#define NAME_MAX_52 52

static void set_defaults(json_t *object)
{
    json_t *spec = member_object(object, "spec");
    default_text(spec, "concurrencyPolicy", "Allow");
    default_bool(spec, "suspend", false);
    default_int(spec, "successfulJobsHistoryLimit", 3);
    default_int(spec, "failedJobsHistoryLimit", 1);
    job_spec_defaults(member_object(member_object(spec, "jobTemplate"), "spec"));
}

static void prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    strategy_status_update(object, old, subresource);
}

static const struct cron_field {
    int64_t min, max;
    const char *const *names; /* from min on; NULL: numbers only */
} cron_fields[] = {
    {0, 59, NULL},
    {0, 23, NULL},
    {1, 31, NULL},
    {1, 12,
     (const char *const[]){"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct",
                           "nov", "dec", NULL}},
    {0, 6, (const char *const[]){"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL}},
};

static bool is_name(const struct cron_field *field, struct str text, int64_t *value)
{
    for (size_t i = 0; field->names && field->names[i]; i++)
        if (text.len == 3 && strncasecmp(text.data, field->names[i], 3) == 0) {
            *value = field->min + (int64_t)i;
            return true;
        }
    return false;
}

static bool cron_number(const struct cron_field *field, struct str text, int64_t *value,
                        struct buf *why)
{
    if (is_name(field, text, value) || parse_i64(text, 0, INT32_MAX, value))
        return true;
    buf_printf(why,
               "failed to parse int from " STR_FMT ": strconv.Atoi: parsing \"" STR_FMT
               "\": invalid syntax",
               STR_ARG(text), STR_ARG(text));
    return false;
}

/* "low-high" with its bounds: upstream's sentences. */
static bool cron_bounds(const struct cron_field *field, struct str text, int64_t low, int64_t high,
                        struct buf *why)
{
    if (low < field->min)
        buf_printf(why, "beginning of range (%lld) below minimum (%lld): " STR_FMT, (long long)low,
                   (long long)field->min, STR_ARG(text));
    else if (high > field->max)
        buf_printf(why, "end of range (%lld) above maximum (%lld): " STR_FMT, (long long)high,
                   (long long)field->max, STR_ARG(text));
    else if (low > high)
        buf_printf(why, "beginning of range (%lld) beyond end of range (%lld): " STR_FMT,
                   (long long)low, (long long)high, STR_ARG(text));
    return why->len == 0;
}

/* "*", "?", "5", "1-5", each with "/2". */
static bool cron_range(const struct cron_field *field, struct str text, struct buf *why)
{
    int64_t low = field->min, high = field->max, step = 1;
    struct str steps = text, range = str_cut(&steps, '/'), end = range, first = str_cut(&end, '-');
    bool star = str_is(range, "*") || str_is(range, "?");
    if (!star && !cron_number(field, first, &low, why))
        return false;
    if (!star && end.data && !cron_number(field, end, &high, why))
        return false;
    if (!star && !end.data && !steps.data)
        high = low;
    if (steps.data && !parse_i64(steps, 0, INT32_MAX, &step))
        buf_printf(why,
                   "failed to parse int from " STR_FMT ": strconv.Atoi: parsing \"" STR_FMT
                   "\": invalid syntax",
                   STR_ARG(steps), STR_ARG(steps));
    else if (cron_bounds(field, text, low, high, why) && step == 0)
        buf_printf(why, "step of range should be a positive number: " STR_FMT, STR_ARG(text));
    return why->len == 0;
}

static bool cron_part(const struct cron_field *field, struct str text, struct buf *why)
{
    while (text.data)
        if (!cron_range(field, str_cut(&text, ','), why))
            return false;
    return true;
}

static bool is_descriptor(const char *schedule)
{
    static const char *const names[] = {"@yearly", "@annually", "@monthly", "@weekly",
                                        "@daily",  "@midnight", "@hourly",  NULL};
    size_t len = strlen(schedule);
    if (text_starts(schedule, "@every "))
        return len > 8 && strspn(schedule + 7, "0123456789.hmsun") == len - 7;
    return rule_one_of(schedule, names);
}

/* The words of a schedule; how many there are, of which at most `max` are kept. */
static size_t cron_words(const char *schedule, struct str *words, size_t max)
{
    size_t count = 0;
    struct str rest = str_trim(str_of(schedule));
    while (rest.data && rest.len) {
        struct str word = str_cut(&rest, ' ');
        if (word.len && count < max)
            words[count] = word;
        count += word.len > 0;
    }
    return count;
}

static bool is_zone(const char *name)
{
    CLEANUP(zone_free_ptr) struct zone *zone = NULL;
    return zone_find(str_of(name), &zone);
}

/* Cuts "TZ=Europe/Vienna " off, which says where the hours are meant. False when that is nowhere.
 */
static bool cut_zone(const char **schedule, struct buf *why)
{
    struct str rest = str_of(*schedule);
    if (!text_starts(*schedule, "TZ=") && !text_starts(*schedule, "CRON_TZ="))
        return true;
    struct str name = str_cut(&rest, ' ');
    (void)str_cut(&name, '=');
    CLEANUP(free_ptr) char *zone = str_dup(name);
    *schedule = rest.data ? rest.data : "";
    *schedule += strspn(*schedule, " ");
    if (!is_zone(zone))
        buf_printf(why, "provided bad location %s: unknown time zone %s", zone, zone);
    return why->len == 0;
}

char *cron_check(const char *schedule)
{
    struct str words[8];
    struct buf why = BUF_TEXT;
    if (!cut_zone(&schedule, &why))
        return buf_take(&why);
    size_t count = cron_words(schedule, words, ARRAY_LEN(words));
    if (*schedule == '@') {
        if (!is_descriptor(schedule))
            buf_printf(&why, "unrecognized descriptor: %s", schedule);
    } else if (count != ARRAY_LEN(cron_fields)) {
        buf_printf(&why, "expected exactly 5 fields, found %zu: [", count);
        for (size_t i = 0; i < count && i < ARRAY_LEN(words); i++)
            buf_printf(&why, "%s" STR_FMT, i ? " " : "", STR_ARG(words[i]));
        buf_add_char(&why, ']');
    }
    for (size_t i = 0; *schedule != '@' && why.len == 0 && i < count; i++)
        (void)cron_part(&cron_fields[i], words[i], &why); /* says so in `why` */
    if (why.len)
        return buf_take(&why);
    buf_free(&why);
    return NULL;
}

static void check_zone(struct error *err, const json_t *spec)
{
    const char *zone = rule_text(spec, "timeZone");
    const struct path *path = PATH(SPEC, "timeZone");
    if (!rule_has(spec, "timeZone"))
        return;
    if (!*zone) {
        rule_invalid_text(err, path, zone, "timeZone must be nil or non-empty string");
        return;
    }
    if (strcasecmp(zone, "Local") == 0)
        rule_invalid_text(
            err, path, zone,
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
    if (strcmp(zone, "Local") != 0 && !is_zone(zone)) {
        CLEANUP(free_ptr) char *detail = xasprintf("unknown time zone %s", zone);
        rule_invalid_text(err, path, zone, detail);
    }
}

/* `zoned_before`: what is updated had a zone in its schedule. */
static void check_schedule(struct error *err, const json_t *spec, bool zoned_before)
{
    const char *schedule = rule_text(spec, "schedule");
    CLEANUP(free_ptr) char *wrong = cron_check(schedule);
    const struct path *path = PATH(SPEC, "schedule");
    bool zoned = strstr(schedule, "TZ") != NULL;
    if (!*schedule) {
        rule_required(err, path, NULL);
        return;
    }
    if (wrong)
        rule_invalid_text(err, path, schedule, wrong);
    if (zoned && zoned_before && rule_has(spec, "timeZone"))
        rule_invalid_text(err, path, schedule,
                          "cannot use both timeZone field and TZ or CRON_TZ in schedule");
    else if (zoned && !zoned_before)
        rule_invalid_text(err, path, schedule,
                          "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
}

/* `before`: what is updated, NULL when it is created. */
static void check_spec(const json_t *spec, const json_t *before, struct error *err)
{
    static const char *const policies[] = {"Allow", "Forbid", "Replace", NULL};
    const json_t *job = json_at(spec, "jobTemplate", "spec");
    check_schedule(err, spec, strstr(rule_text(before, "schedule"), "TZ") != NULL);
    check_min(err, SPEC, spec, "startingDeadlineSeconds", 0);
    if (!before ||
        !rule_equal(json_object_get(spec, "timeZone"), json_object_get(before, "timeZone")))
        check_zone(err, spec);
    check_enum_required(err, SPEC, spec, "concurrencyPolicy", policies);
    check_job_spec(err, TEMPLATE, job);
    if (rule_has(job, "selector"))
        rule_invalid(err, PATH(TEMPLATE, "selector"), json_object_get(job, "selector"),
                     "`selector` will be auto-generated");
    if (rule_bool(job, "manualSelector"))
        rule_not_supported(err, PATH(TEMPLATE, "manualSelector"),
                           json_object_get(job, "manualSelector"),
                           (const char *const[]){"nil", "false", NULL});
    check_min(err, SPEC, spec, "successfulJobsHistoryLimit", 0);
    check_min(err, SPEC, spec, "failedJobsHistoryLimit", 0);
}

static void validate(const json_t *object, struct error *err)
{
    check_spec(json_object_get(object, "spec"), NULL, err);
    if (strlen(meta_name(object)) > NAME_MAX_52)
        rule_invalid_text(err, PATH(PATH(NULL, "metadata"), "name"), meta_name(object),
                          "must be no more than 52 characters");
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource,
                            struct error *err)
{
    if (is_main(subresource))
        check_spec(json_object_get(object, "spec"), json_object_get(old, "spec"), err);
}

const struct kind_rules kind_cron_jobs = {
    .resource = "cronjobs.batch",
    .set_defaults = set_defaults,
    .prepare_create = strategy_status_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .has_generation = true,
};
