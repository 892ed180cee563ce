/* CronJobs: the schedule's grammar, the time zone, the Job inside. */
#include <sys/stat.h>

#include "base/parse.h"
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
    {1, 12, (const char *const[]){"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL}},
    {0, 6, (const char *const[]){"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL}},
};

static bool cron_number(const struct cron_field *field, struct str text, int64_t *value)
{
    for (size_t i = 0; field->names && field->names[i]; i++)
        if (text.len == 3 && strncasecmp(text.data, field->names[i], 3) == 0) {
            *value = field->min + (int64_t)i;
            return true;
        }
    return parse_i64(text, field->min, field->max, value);
}

/* "*", "?", "5", "1-5", each with "/2". */
static bool cron_range(const struct cron_field *field, struct str text)
{
    int64_t low, high, step;
    struct str rest = text, range = str_cut(&rest, '/');
    if (rest.data && !parse_i64(rest, 1, INT32_MAX, &step))
        return false;
    if (str_is(range, "*") || str_is(range, "?"))
        return true;
    rest = range;
    struct str first = str_cut(&rest, '-');
    if (!cron_number(field, first, &low))
        return false;
    return !rest.data || (cron_number(field, rest, &high) && low <= high);
}

static bool cron_part(const struct cron_field *field, struct str text)
{
    while (text.data)
        if (!cron_range(field, str_cut(&text, ',')))
            return false;
    return true;
}

static bool is_descriptor(const char *schedule)
{
    static const char *const names[] = {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", NULL};
    size_t len = strlen(schedule);
    if (text_starts(schedule, "@every "))
        return len > 8 && strspn(schedule + 7, "0123456789.hmsun") == len - 7;
    return rule_one_of(schedule, names);
}

const char *cron_check(const char *schedule)
{
    struct str rest = str_trim(str_of(schedule));
    size_t count = 0;
    if (rest.len && rest.data[0] == '@')
        return is_descriptor(schedule) ? NULL : "unrecognized descriptor";
    while (rest.data && rest.len) {
        struct str part = str_cut(&rest, ' ');
        if (part.len == 0)
            continue;
        if (count >= ARRAY_LEN(cron_fields))
            return "expected exactly 5 fields";
        if (!cron_part(&cron_fields[count++], part))
            return "failed to parse int from a field";
    }
    return count == ARRAY_LEN(cron_fields) ? NULL : "expected exactly 5 fields";
}

/* A file of the zone database, named without leaving it. */
static bool is_zone(const char *name)
{
    struct stat info;
    if (!*name || *name == '/' || strstr(name, "..") || strlen(name) > 100)
        return false;
    if (strcmp(name, "UTC") == 0)
        return true;
    CLEANUP(free_ptr) char *path = xasprintf("/usr/share/zoneinfo/%s", name);
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static void check_zone(struct error *err, const json_t *spec)
{
    const char *zone = rule_text(spec, "timeZone");
    const struct path *path = PATH(SPEC, "timeZone");
    if (!rule_has(spec, "timeZone"))
        return;
    if (!*zone) {
        rule_invalid_text(err, path, zone, "timeZone must be nil or non-empty string");
    } else if (strcasecmp(zone, "Local") == 0) {
        rule_invalid_text(err, path, zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
    } else if (!is_zone(zone)) {
        CLEANUP(free_ptr) char *detail = xasprintf("unknown time zone %s", zone);
        rule_invalid_text(err, path, zone, detail);
    }
}

static void check_schedule(struct error *err, const json_t *spec, bool create)
{
    const char *schedule = rule_text(spec, "schedule"), *wrong;
    const struct path *path = PATH(SPEC, "schedule");
    bool zoned = strstr(schedule, "TZ=") != NULL;
    if (!*schedule) {
        rule_required(err, path, NULL);
        return;
    }
    if (zoned && rule_has(spec, "timeZone"))
        rule_invalid_text(err, path, schedule, "cannot use TZ or CRON_TZ in schedule when timeZone field is set");
    else if (zoned && create)
        rule_invalid_text(err, path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
    else if (!zoned && (wrong = cron_check(schedule)))
        rule_invalid_text(err, path, schedule, wrong);
}

static void check_spec(const json_t *object, struct error *err, bool create)
{
    static const char *const policies[] = {"Allow", "Forbid", "Replace", NULL};
    static const char *const numbers[] = {"startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"};
    const json_t *spec = json_object_get(object, "spec"), *job = json_at(spec, "jobTemplate", "spec");
    check_schedule(err, spec, create);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        check_min(err, SPEC, spec, numbers[i], 0);
    check_zone(err, spec);
    check_enum_required(err, SPEC, spec, "concurrencyPolicy", policies);
    if (rule_has(job, "selector"))
        rule_invalid(err, PATH(TEMPLATE, "selector"), json_object_get(job, "selector"), "`selector` will be auto-generated");
    if (rule_bool(job, "manualSelector"))
        rule_not_supported(err, PATH(TEMPLATE, "manualSelector"), json_object_get(job, "manualSelector"),
                           (const char *const[]){"nil", "false", NULL});
    check_job_spec(err, TEMPLATE, job);
}

static void validate(const json_t *object, struct error *err)
{
    if (strlen(meta_name(object)) > NAME_MAX_52)
        rule_invalid_text(err, PATH(PATH(NULL, "metadata"), "name"), meta_name(object), "must be no more than 52 characters");
    check_spec(object, err, true);
}

static void validate_update(const json_t *object, const json_t *old, const char *subresource, struct error *err)
{
    (void)old;
    if (is_main(subresource))
        check_spec(object, err, false);
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
