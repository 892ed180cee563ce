#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/zone.h"
#include "controllers/cron_schedule.h"
#include "controllers/cronjob.h"
#include "controllers/job.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "schema/condition.h"
#include "schema/json_time.h"
#include "schema/meta.h"

#define CRONJOBS "cronjobs.batch"
#define JOBS     "jobs.batch"
#define MISSED_MAX                                                                                 \
    100 /* more missed times than this are told once, and only the last one counts                 \
         */
#define SECOND_US INT64_C(1000000)

struct cron_view {
    const struct cronjob_seen *seen;
    const json_t *spec;
    json_t *status; /* a copy */
    struct plan *plan;
};

/* ---- what is running ---- */

static json_t *reference_of(const json_t *job)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "apiVersion", "batch/v1", "kind", "Job",
                     "namespace", meta_namespace(job), "name", meta_name(job), "uid", meta_uid(job),
                     "resourceVersion", meta_resource_version(job));
}

static const json_t *find_active(const json_t *active, const char *uid)
{
    for (size_t i = 0; i < json_array_size(active); i++)
        if (text_eq(json_text(json_array_get(active, i), "uid"), uid))
            return json_array_get(active, i);
    return NULL;
}

static int64_t completed_at(const json_t *job)
{
    return json_time_us(json_at(job, "status", "completionTime"));
}

static void note_finished(struct cron_view *view, const json_t *job, const char *end)
{
    int64_t last_us = json_time_us(json_object_get(view->status, "lastSuccessfulTime"));
    if (find_active(json_at(view->seen->cronjob, "status", "active"), meta_uid(job)))
        plan_event(view->plan, view->seen->cronjob, "Normal", "SawCompletedJob",
                   "Saw completed job: %s, condition: %s", meta_name(job), end);
    if (strcmp(end, "Complete") == 0 && completed_at(job) > last_us)
        json_object_set_new(view->status, "lastSuccessfulTime", json_time(completed_at(job)));
}

static void list_active(struct cron_view *view)
{
    json_t *active = json_array();
    for (size_t i = 0; i < view->seen->job_count; i++) {
        const json_t *job = view->seen->jobs[i];
        const char *end = job_finished(job);
        const json_t *known =
            find_active(json_at(view->seen->cronjob, "status", "active"), meta_uid(job));
        if (end)
            note_finished(view, job, end);
        else
            json_array_append_new(active, known ? json_deep_copy(known) : reference_of(job));
    }
    if (json_array_size(active))
        json_object_set(view->status, "active", active);
    else
        json_object_del(view->status, "active");
    json_decref(active);
}

/* ---- history ---- */

static int by_start(const void *left, const void *right)
{
    int64_t a = json_time_us(json_at(*(json_t *const *)left, "status", "startTime"));
    int64_t b = json_time_us(json_at(*(json_t *const *)right, "status", "startTime"));
    return (a > b) - (a < b);
}

static void trim(struct cron_view *view, const char *end, const char *limit_key, int64_t fallback)
{
    int64_t limit = json_int_or(json_object_get(view->spec, limit_key), fallback);
    CLEANUP(free_ptr) json_t **jobs = xcalloc(view->seen->job_count + 1, sizeof(*jobs));
    size_t count = 0;
    for (size_t i = 0; i < view->seen->job_count; i++)
        if (text_eq(job_finished(view->seen->jobs[i]), end) && !meta_deleting(view->seen->jobs[i]))
            jobs[count++] = view->seen->jobs[i];
    if ((int64_t)count <= limit)
        return;
    qsort(jobs, count, sizeof(*jobs), by_start);
    for (size_t i = 0; i < count - (size_t)(limit < 0 ? 0 : limit); i++) {
        struct plan_action *action = plan_delete(view->plan, JOBS, jobs[i]);
        action->propagation = "Background";
        action->about = json_incref((json_t *)(uintptr_t)view->seen->cronjob); /* only read */
        action->ok_reason = "SuccessfulDelete";
        action->ok_text = "Deleted job ";
    }
}

/* ---- the next one ---- */

/* RFC 3339, by the clocks there. */
static char *stamp(const struct zone *zone, int64_t at_us)
{
    char text[TIME_TEXT_SIZE];
    int64_t east_s = zone_offset(zone, at_us / SECOND_US);
    int64_t minutes = (east_s < 0 ? -east_s : east_s) / 60;
    time_format(at_us + east_s * SECOND_US, text);
    if (!minutes)
        return xstrdup(text);
    return xasprintf("%.*s%c%02lld:%02lld", (int)strcspn(text, "Z"), text, east_s < 0 ? '-' : '+',
                     (long long)(minutes / 60), (long long)(minutes % 60));
}

static void create_job(struct cron_view *view, const struct zone *zone, int64_t at_us)
{
    const json_t *cronjob = view->seen->cronjob,
                 *template = json_object_get(view->spec, "jobTemplate");
    CLEANUP(free_ptr)
    char *name = xasprintf("%.52s-%lld", meta_name(cronjob), (long long)(at_us / SECOND_US / 60));
    const json_t *labels = json_at(template, "metadata", "labels");
    const json_t *annotations = json_at(template, "metadata", "annotations");
    json_t *job = json_pack("{s:s, s:s, s:{s:s, s:s, s:[o]}}", "apiVersion", "batch/v1", "kind",
                            "Job", "metadata", "name", name, "namespace", meta_namespace(cronjob),
                            "ownerReferences", owner_reference(cronjob, "batch/v1", "CronJob"));
    CLEANUP(free_ptr) char *scheduled = stamp(zone, at_us);
    if (labels)
        json_object_set_new(json_object_get(job, "metadata"), "labels", json_deep_copy(labels));
    if (annotations)
        json_object_set_new(json_object_get(job, "metadata"), "annotations",
                            json_deep_copy(annotations));
    meta_set_annotation(job, "batch.kubernetes.io/cronjob-scheduled-timestamp", scheduled);
    json_object_set_new(job, "spec", json_deep_copy(json_object_get(template, "spec")));
    struct plan_action *action = plan_create(view->plan, JOBS, meta_namespace(cronjob), job);
    action->flags = PLAN_EXISTS_OK; /* the name says for which time it is: never twice */
    action->about = json_incref((json_t *)(uintptr_t)cronjob); /* only read */
    action->ok_reason = "SuccessfulCreate";
    action->ok_text = "Created job ";
    action->fail_reason = "FailedCreate";
    action->fail_text = "Error creating job: ";
    json_object_set_new(view->status, "lastScheduleTime", json_time(at_us));
}

/* The last time that has come since the last one that was used; 0: none. */
static int64_t due_time(struct cron_view *view, const struct cron_schedule *schedule)
{
    const json_t *deadline = json_object_get(view->spec, "startingDeadlineSeconds");
    int64_t from_us = json_time_us(json_object_get(view->status, "lastScheduleTime")), due_us = 0,
            missed = 0;
    if (!from_us)
        from_us = json_time_us(json_at(view->seen->cronjob, "metadata", "creationTimestamp"));
    if (json_is_integer(deadline) &&
        view->seen->now_us - json_integer_value(deadline) * SECOND_US > from_us)
        from_us = view->seen->now_us - json_integer_value(deadline) * SECOND_US;
    int64_t at_us = cron_next(schedule, from_us);
    if (!at_us)
        plan_event(view->plan, view->seen->cronjob, "Warning", "InvalidSchedule",
                   "invalid schedule: %s : time difference between two schedules is less than 1 "
                   "second",
                   json_text(view->spec, "schedule"));
    for (; at_us && at_us <= view->seen->now_us; at_us = cron_next(schedule, at_us)) {
        due_us = at_us;
        if (++missed == MISSED_MAX) { /* a long sleep: on from an hour ago */
            int64_t recent_us = view->seen->now_us - 3600 * SECOND_US;
            at_us = recent_us > at_us ? recent_us : at_us;
            plan_event(view->plan, view->seen->cronjob, "Warning", "TooManyMissedTimes",
                       "too many missed start times. Set or decrease .spec.startingDeadlineSeconds "
                       "or check clock skew");
        }
        if (missed > 10 * MISSED_MAX)
            break;
    }
    return due_us;
}

static bool may_start(struct cron_view *view)
{
    const char *policy = json_text(view->spec, "concurrencyPolicy");
    const json_t *active = json_object_get(view->status, "active");
    if (text_eq(policy, "Forbid") && json_array_size(active)) {
        plan_event(
            view->plan, view->seen->cronjob, "Normal", "JobAlreadyActive",
            "Not starting job because prior execution is running and concurrency policy is Forbid");
        return false;
    }
    if (!text_eq(policy, "Replace"))
        return true;
    for (size_t i = 0; i < view->seen->job_count; i++)
        if (!job_finished(view->seen->jobs[i]) && !meta_deleting(view->seen->jobs[i]))
            plan_delete(view->plan, JOBS, view->seen->jobs[i])->propagation = "Background";
    return true;
}

/* The zone that is named, owned; it stays NULL for UTC. False with an event when there is none. */
static bool find_zone(struct cron_view *view, struct zone **zone)
{
    const char *name = json_text(view->spec, "timeZone");
    if (!name || zone_find(str_of(name), zone))
        return true;
    plan_event(view->plan, view->seen->cronjob, "Warning", "UnknownTimeZone",
               "invalid timeZone: \"%s\": unknown time zone %s", name, name);
    return false;
}

static void schedule_next(struct cron_view *view)
{
    struct cron_schedule schedule;
    CLEANUP(zone_free_ptr) struct zone *zone = NULL;
    const char *text = json_text(view->spec, "schedule");
    if (meta_deleting(view->seen->cronjob) || !find_zone(view, &zone) ||
        json_is_true(json_object_get(view->spec, "suspend")))
        return;
    if (!text || !cron_parse(str_of(text), &schedule)) {
        plan_event(view->plan, view->seen->cronjob, "Warning", "UnparseableSchedule",
                   "unparseable schedule: %s", text ? text : "");
        return;
    }
    schedule.zone = zone;
    int64_t due_us = due_time(view, &schedule);
    if (due_us && may_start(view))
        create_job(view, zone, due_us);
    int64_t next_us = cron_next(&schedule, view->seen->now_us);
    if (next_us)
        plan_again(view->plan, (next_us - view->seen->now_us) / 1000 + 100); /* never just before */
}

void cronjob_decide(const struct cronjob_seen *seen, struct plan *plan)
{
    const json_t *old = json_at(seen->cronjob, "status");
    json_auto_t *status = old ? json_deep_copy(old) : json_object();
    struct cron_view view = {seen, json_object_get(seen->cronjob, "spec"), status, plan};
    list_active(&view);
    trim(&view, "Complete", "successfulJobsHistoryLimit", 3);
    trim(&view, "Failed", "failedJobsHistoryLimit", 1);
    schedule_next(&view);
    if (!semantic_equal(status, old))
        plan_status(plan, CRONJOBS, seen->cronjob, json_incref(status))->flags |= PLAN_ABSENT_OK;
}
