/* An update of a Job's status: counts, conditions that exclude each other, what ended stays ended.
 *
 * What was wrong before may stay as it is: a rule is asked only where what it is about changes.
 * Source: upstream's pkg/apis/batch/validation and the strategy of jobs. */
#include "base/clock.h"
#include "base/parse.h"
#include "schema/kinds/job.h"

#define STATUS     PATH(NULL, "status")
#define CONDITIONS PATH(STATUS, "conditions")

struct seen {
    const json_t *spec, *status;
    bool complete, failed, failure_target, success_met, finished;
};

/* What is said now, what was said before, and what differs. */
struct change {
    struct seen now, was;
    bool complete, failed, failure_target, success_met, finished;
    bool active, ready, terminating, start, end, uncounted, completed_indexes, failed_indexes;
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
    struct seen seen = {.spec = json_object_get(object, "spec"),
                        .status = status,
                        .complete = is_true(status, "Complete"),
                        .failed = is_true(status, "Failed"),
                        .failure_target = is_true(status, "FailureTarget"),
                        .success_met = is_true(status, "SuccessCriteriaMet")};
    seen.finished = seen.complete || seen.failed;
    return seen;
}

static bool differs(const struct change *change, const char *member)
{
    return !rule_equal(json_object_get(change->now.status, member),
                       json_object_get(change->was.status, member));
}

static struct change compare(const json_t *object, const json_t *old)
{
    struct change change = {.now = see(object), .was = see(old)};
    const struct seen *now = &change.now, *was = &change.was;
    change.complete = now->complete != was->complete;
    change.failed = now->failed != was->failed;
    change.failure_target = now->failure_target != was->failure_target;
    change.success_met = now->success_met != was->success_met;
    change.finished = now->finished != was->finished;
    change.active = differs(&change, "active");
    change.ready = differs(&change, "ready");
    change.terminating = differs(&change, "terminating");
    change.start = differs(&change, "startTime");
    change.end = differs(&change, "completionTime");
    change.uncounted = differs(&change, "uncountedTerminatedPods");
    change.completed_indexes = differs(&change, "completedIndexes");
    change.failed_indexes = differs(&change, "failedIndexes");
    return change;
}

/* ---- counts ---- */

static void check_uncounted(struct error *err, const json_t *status)
{
    static const char *const members[] = {"succeeded", "failed"};
    const json_t *pods = member_object(status, "uncountedTerminatedPods"), *uid;
    json_auto_t *seen = json_object();
    for (size_t k = 0; k < ARRAY_LEN(members); k++)
        LIST_EACH (member_array(pods, members[k]), i, uid) {
            const char *text = json_string_value(uid) ? json_string_value(uid) : "";
            const struct path *path =
                PATH_AT(PATH(PATH(STATUS, "uncountedTerminatedPods"), members[k]), i);
            if (!*text)
                rule_invalid_text(err, path, text, "must not be empty");
            else if (rule_seen(seen, text))
                rule_duplicate(err, path, uid);
        }
}

static void check_numbers(struct error *err, const json_t *status)
{
    static const char *const counts[] = {"active", "succeeded", "failed", "ready", "terminating"};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        check_min(err, STATUS, status, counts[i], 0);
    check_uncounted(err, status);
}

/* ---- the end ---- */

static void check_conditions(struct error *err, const struct change *change)
{
    const struct seen *now = &change->now;
    if (now->complete && now->failed && (change->complete || change->failed))
        rule_invalid_bare(err, CONDITIONS, "cannot set Complete=True and Failed=true conditions");
    if (now->complete && now->failure_target && (change->complete || change->failure_target))
        rule_invalid_bare(err, CONDITIONS,
                          "cannot set Complete=True and FailureTarget=true conditions");
}

static void check_completion_time(struct error *err, const struct change *change)
{
    const struct seen *now = &change->now;
    const json_t *end = json_object_get(now->status, "completionTime");
    const char *end_text = rule_text(now->status, "completionTime"),
               *begin_text = rule_text(now->status, "startTime");
    const struct path *path = PATH(STATUS, "completionTime");
    int64_t end_us, begin_us;
    if ((change->complete || change->end) && *end_text && !now->complete)
        rule_invalid(err, path, end,
                     "cannot set completionTime when there is no Complete=True condition");
    if ((change->complete || change->end) && !*end_text && now->complete)
        rule_required(err, path, "completionTime is required for Complete jobs");
    if ((change->start || change->end) && time_parse(str_of(end_text), &end_us) &&
        time_parse(str_of(begin_text), &begin_us) && end_us < begin_us)
        rule_invalid(err, path, end, "completionTime cannot be set before startTime");
}

static void check_finished(struct error *err, const struct change *change)
{
    const struct seen *now = &change->now;
    const json_t *pods = member_object(now->status, "uncountedTerminatedPods");
    if ((change->failed || change->failed_indexes) && now->failed && !now->failure_target)
        rule_invalid_bare(
            err, CONDITIONS,
            "cannot set Failed=True condition without the FailureTarget=true condition");
    if ((change->complete || change->success_met) && now->complete && !now->success_met)
        rule_invalid_bare(
            err, CONDITIONS,
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition");
    if (!now->finished)
        return;
    if ((change->finished || change->active) && rule_int(now->status, "active", 0) > 0)
        rule_invalid(err, PATH(STATUS, "active"), json_object_get(now->status, "active"),
                     "active>0 is invalid for finished job");
    if ((change->finished || change->start) && !*rule_text(now->status, "startTime"))
        rule_required(err, PATH(STATUS, "startTime"), "startTime is required for finished job");
    if ((change->finished || change->uncounted) &&
        (rule_filled(pods, "failed") || rule_filled(pods, "succeeded")))
        rule_invalid(err, PATH(STATUS, "uncountedTerminatedPods"), pods,
                     "uncountedTerminatedPods needs to be empty for finished job");
}

/* ---- indexes ---- */

static void check_indexes_read(struct error *err, const struct seen *now, const char *member)
{
    int64_t total;
    CLEANUP(free_ptr)
    char *wrong = job_read_indexes(rule_text(now->status, member),
                                   rule_int(now->spec, "completions", 0), &total);
    if (wrong)
        rule_invalid(err, PATH(STATUS, member), json_object_get(now->status, member),
                     "error parsing %s: %s", member, wrong);
}

/* "4-7"; false when it is no interval. */
static bool read_interval(struct str text, int64_t *from, int64_t *to)
{
    struct str first = str_cut(&text, '-');
    if (!parse_i64(first, 0, INT32_MAX, from))
        return false;
    *to = *from;
    return !text.data || parse_i64(text, 0, INT32_MAX, to);
}

/* The first index that both have, or -1. Both rise. */
static int64_t first_common(struct str a, struct str b)
{
    struct str of_a = str_cut(&a, ','), of_b = str_cut(&b, ',');
    int64_t a_from, a_to, b_from, b_to;
    while (of_a.data && of_b.data) {
        bool read_a = read_interval(of_a, &a_from, &a_to);
        bool read_b = read_interval(of_b, &b_from, &b_to);
        if (read_a && read_b && a_from <= b_to && b_from <= a_to)
            return a_from > b_from ? a_from : b_from;
        if (!read_a || (read_b && a_from <= b_from))
            of_a = a.data ? str_cut(&a, ',') : (struct str){0};
        else
            of_b = b.data ? str_cut(&b, ',') : (struct str){0};
    }
    return -1;
}

static void check_overlap(struct error *err, const json_t *status)
{
    const json_t *failed = json_object_get(status, "failedIndexes");
    int64_t common = first_common(str_of(rule_text(status, "completedIndexes")),
                                  str_of(rule_text(status, "failedIndexes")));
    if (common >= 0)
        rule_invalid(err, PATH(STATUS, "failedIndexes"), failed,
                     "failedIndexes and completedIndexes overlap at index: %lld",
                     (long long)common);
}

static void check_indexes(struct error *err, const struct change *change)
{
    const struct seen *now = &change->now;
    bool counted = rule_has(now->spec, "completions"),
         limited = rule_has(now->spec, "backoffLimitPerIndex");
    const json_t *failed = json_object_get(now->status, "failedIndexes"),
                 *completed = json_object_get(now->status, "completedIndexes");
    if (change->completed_indexes && counted)
        check_indexes_read(err, now, "completedIndexes");
    if (change->failed_indexes && counted && limited)
        check_indexes_read(err, now, "failedIndexes");
    if (change->completed_indexes && rule_filled(now->status, "completedIndexes") &&
        !job_is_indexed(now->spec))
        rule_invalid(err, PATH(STATUS, "completedIndexes"), completed,
                     "cannot set non-empty completedIndexes when non-indexed completion mode");
    if (change->failed_indexes && json_is_string(failed) && !limited)
        rule_invalid(err, PATH(STATUS, "failedIndexes"), failed,
                     "cannot set non-null failedIndexes when backoffLimitPerIndex is null");
    if ((change->failed_indexes || change->completed_indexes) && counted)
        check_overlap(err, now->status);
}

static void check_pods(struct error *err, const struct change *change)
{
    const json_t *status = change->now.status;
    if ((change->finished || change->terminating) && change->now.finished &&
        rule_int(status, "terminating", 0) > 0)
        rule_invalid(err, PATH(STATUS, "terminating"), json_object_get(status, "terminating"),
                     "terminating>0 is invalid for finished job");
    if ((change->ready || change->active) &&
        rule_int(status, "ready", 0) > rule_int(status, "active", 0))
        rule_invalid(err, PATH(STATUS, "ready"), json_object_get(status, "ready"),
                     "cannot set more ready pods than active");
}

static void check_success(struct error *err, const struct seen *now)
{
    if (now->success_met && now->failed)
        rule_invalid_bare(err, CONDITIONS,
                          "cannot set SuccessCriteriaMet=True and Failed=true conditions");
    if (now->success_met && now->failure_target)
        rule_invalid_bare(err, CONDITIONS,
                          "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
    if (rule_has(now->spec, "successPolicy") && !now->success_met && now->complete)
        rule_invalid_bare(err, CONDITIONS,
                          "cannot set Complete=True for Job with SuccessPolicy unless "
                          "SuccessCriteriaMet=True");
}

/* ---- what may not be taken back ---- */

static void check_ends(struct error *err, const struct change *change)
{
    const struct seen *now = &change->now, *was = &change->was;
    const struct {
        bool lost;
        const char *detail;
    } rows[] = {
        {was->failed && !now->failed, "cannot disable the terminal Failed=True condition"},
        {was->complete && !now->complete, "cannot disable the terminal Complete=True condition"},
        {was->failure_target && !now->failure_target,
         "cannot disable the terminal FailureTarget=True condition"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].lost)
            rule_invalid_bare(err, CONDITIONS, rows[i].detail);
}

static void check_counter(struct error *err, const struct change *change, const char *member)
{
    int64_t now = rule_int(change->now.status, member, 0);
    if (now >= rule_int(change->was.status, member, 0))
        return;
    json_auto_t *shown = json_integer(now);
    rule_invalid(err, PATH(STATUS, member), shown, "cannot decrease the %s counter", member);
}

/* Jobs whose completions can be scaled may have fewer that succeeded. */
static void check_counters(struct error *err, const struct change *change)
{
    const json_t *spec = change->now.spec;
    bool scales = job_is_indexed(spec) && rule_equal(json_object_get(spec, "completions"),
                                                     json_object_get(spec, "parallelism"));
    check_counter(err, change, "failed");
    if (!scales)
        check_counter(err, change, "succeeded");
}

static void check_kept(struct error *err, const struct change *change)
{
    const struct seen *now = &change->now, *was = &change->was;
    if (change->end && rule_has(now->status, "completionTime") &&
        rule_has(was->status, "completionTime"))
        rule_invalid(err, PATH(STATUS, "completionTime"),
                     json_object_get(now->status, "completionTime"),
                     "completionTime cannot be mutated");
    if (change->start && rule_has(was->status, "startTime") && !rule_bool(now->spec, "suspend"))
        rule_required(err, PATH(STATUS, "startTime"),
                      "startTime cannot be removed for unsuspended job");
    if (was->success_met && !now->success_met)
        rule_invalid_bare(err, CONDITIONS, "cannot disable the SuccessCriteriaMet=True condition");
    if (was->complete && !was->success_met && now->success_met)
        rule_invalid_bare(err, CONDITIONS,
                          "cannot set SuccessCriteriaMet=True for Job already has Complete=true "
                          "conditions");
}

void check_job_status(const json_t *object, const json_t *old, struct error *err)
{
    const struct change change = compare(object, old);
    check_numbers(err, change.now.status);
    check_conditions(err, &change);
    check_completion_time(err, &change);
    check_finished(err, &change);
    check_indexes(err, &change);
    check_pods(err, &change);
    check_success(err, &change.now);
    check_ends(err, &change);
    check_counters(err, &change);
    check_kept(err, &change);
}
