/* The status of a Job: other controllers may write it (spec.managedBy), and clients rely on what it
 * says. What was wrong before stays as it is: an update is blamed for what it changes. */
#include "base/clock.h"
#include "schema/kinds/job.h"

#define STATUS     PATH(NULL, "status")
#define CONDITIONS PATH(STATUS, "conditions")

struct seen {
    const json_t *status;
    bool complete, failed, failure_target, success_met;
};

static bool is_true(const json_t *status, const char *type)
{
    const json_t *condition;
    LIST_EACH (member_array(status, "conditions"), i, condition) {
        if (strcmp(rule_text(condition, "type"), type) == 0)
            return strcmp(rule_text(condition, "status"), "True") == 0;
    }
    return false;
}

static struct seen see(const json_t *object)
{
    const json_t *status = json_object_get(object, "status");
    return (struct seen){.status = status,
                         .complete = is_true(status, "Complete"),
                         .failed = is_true(status, "Failed"),
                         .failure_target = is_true(status, "FailureTarget"),
                         .success_met = is_true(status, "SuccessCriteriaMet")};
}

static void check_pairs(struct error *err, const struct seen *now, const struct seen *was)
{
    const struct {
        bool both, before;
        const char *detail;
    } rows[] = {
        {now->complete && now->failed, was->complete && was->failed,
         "cannot set Complete=True and Failed=true conditions"},
        {now->complete && now->failure_target, was->complete && was->failure_target,
         "cannot set Complete=True and FailureTarget=true conditions"},
        {now->success_met && now->failed, false,
         "cannot set SuccessCriteriaMet=True and Failed=true conditions"},
        {now->success_met && now->failure_target, false,
         "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].both && !rows[i].before)
            rule_invalid_bare(err, CONDITIONS, rows[i].detail);
}

/* What ended stays ended. */
static void check_ends(struct error *err, const struct seen *now, const struct seen *was)
{
    const struct {
        bool lost;
        const char *detail;
    } rows[] = {
        {was->failed && !now->failed, "cannot disable the terminal Failed=True condition"},
        {was->complete && !now->complete, "cannot disable the terminal Complete=True condition"},
        {was->failure_target && !now->failure_target,
         "cannot disable the terminal FailureTarget=True condition"},
        {was->success_met && !now->success_met,
         "cannot disable the SuccessCriteriaMet=True condition"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].lost)
            rule_invalid_bare(err, CONDITIONS, rows[i].detail);
}

static void check_completion_time(struct error *err, const struct seen *now, const struct seen *was)
{
    const json_t *end = json_object_get(now->status, "completionTime");
    const char *end_text = rule_text(now->status, "completionTime"),
               *begin = rule_text(now->status, "startTime");
    const char *before = rule_text(was->status, "completionTime");
    const struct path *path = PATH(STATUS, "completionTime");
    bool changed = strcmp(end_text, before) != 0;
    int64_t end_us, begin_us;
    if ((changed || now->complete != was->complete) && *end_text && !now->complete)
        rule_invalid(err, path, end,
                     "cannot set completionTime when there is no Complete=True condition");
    if ((changed || now->complete != was->complete) && !*end_text && now->complete)
        rule_required(err, path, "completionTime is required for Complete jobs");
    if (changed && *end_text && time_parse(str_of(end_text), &end_us) &&
        time_parse(str_of(begin), &begin_us) && end_us < begin_us)
        rule_invalid(err, path, end, "completionTime cannot be set before startTime");
    if (changed && *end_text && *before)
        rule_invalid(err, path, end, "completionTime cannot be mutated");
}

/* Jobs whose completions can be scaled may have fewer that succeeded. */
static void check_counters(struct error *err, const json_t *object, const struct seen *now,
                           const struct seen *was)
{
    static const char *const counts[] = {"active", "succeeded", "failed", "ready", "terminating"};
    const json_t *spec = json_object_get(object, "spec");
    bool scales = job_is_indexed(spec) && rule_equal(json_object_get(spec, "completions"),
                                                     json_object_get(spec, "parallelism"));
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        check_min(err, STATUS, now->status, counts[i], 0);
    for (size_t i = 1; i < 3; i++)
        if (rule_int(now->status, counts[i], 0) < rule_int(was->status, counts[i], 0) &&
            (i == 2 || !scales))
            rule_invalid(err, PATH(STATUS, counts[i]), json_object_get(now->status, counts[i]),
                         "cannot decrease the %s counter", counts[i]);
}

void check_job_status(const json_t *object, const json_t *old, struct error *err)
{
    const struct seen now = see(object), was = see(old);
    check_counters(err, object, &now, &was);
    check_pairs(err, &now, &was);
    check_ends(err, &now, &was);
    check_completion_time(err, &now, &was);
}
