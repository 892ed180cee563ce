#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "controllers/condition.h"
#include "controllers/job.h"
#include "controllers/job_failure.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "controllers/pod_state.h"
#include "schema/meta.h"

#define JOBS             "jobs.batch"
#define INDEX_ANNOTATION "batch.kubernetes.io/job-completion-index"
#define BACKOFF_FIRST_US ((int64_t)10 * 1000 * 1000)
#define BACKOFF_MAX_US   ((int64_t)600 * 1000 * 1000)
#define INDEX_MAX        100000 /* completions of an Indexed Job, as the API limits them */
#define PODS_PER_SYNC    500

/* A look at a Job, and the status that is being made. */
struct job_view {
    const struct job_seen *seen;
    const json_t *spec;
    json_t *status; /* a copy */
    bool indexed;
    int64_t parallelism, completions; /* completions -1: any success is enough */
    int64_t active, ready, terminating, succeeded, failed;
    unsigned char *done; /* Indexed: bit 0 succeeded, bit 1 has an active Pod */
    int64_t last_failure_us;
    char *verdict; /* owned: what podFailurePolicy fails the Job for; NULL */
};

static int64_t int_at(const json_t *object, const char *key, int64_t fallback)
{
    return json_int_or(json_object_get(object, key), fallback);
}

const char *job_finished(const json_t *job)
{
    const json_t *conditions = json_at(job, "status", "conditions");
    if (condition_is(conditions, "Complete", "True"))
        return "Complete";
    return condition_is(conditions, "Failed", "True") ? "Failed" : NULL;
}

static int64_t index_of(const json_t *pod)
{
    const char *text = meta_annotation(pod, INDEX_ANNOTATION);
    int64_t index;
    return text && parse_i64(str_of(text), 0, INDEX_MAX, &index) ? index : -1;
}

static bool is_done(const struct job_view *view, int64_t index)
{
    return index >= 0 && index < view->completions && view->done[index] & 1;
}

/* "0-2,5" into bits. */
static void read_indexes(struct job_view *view, const char *text)
{
    struct str rest = str_of(text);
    while (rest.data && rest.len) {
        struct str part = str_cut(&rest, ','), last = part;
        struct str first = str_cut(&last, '-');
        int64_t from, to;
        if (!parse_i64(first, 0, INDEX_MAX, &from) ||
            !parse_i64(last.data ? last : first, 0, INDEX_MAX, &to))
            return;
        for (int64_t i = from; i <= to && i < view->completions; i++)
            view->done[i] |= 1;
    }
}

static void write_indexes(struct job_view *view)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    for (int64_t i = 0; i < view->completions; i++) {
        int64_t from = i;
        if (!is_done(view, i))
            continue;
        while (is_done(view, i + 1))
            i++;
        buf_printf(&text, "%s%lld", text.len ? "," : "", (long long)from);
        if (i > from)
            buf_printf(&text, "%c%lld", i > from + 1 ? '-' : ',', (long long)i);
    }
    json_set_text(view->status, "completedIndexes", text.len ? text.data : NULL);
}

/* ---- counting ---- */

static json_t *uncounted(struct job_view *view, const char *which)
{
    return json_ensure_array(json_ensure_object(view->status, "uncountedTerminatedPods"), which);
}

static bool has_finalizer(const json_t *pod)
{
    return meta_has_finalizer(pod, JOB_FINALIZER);
}

static const json_t *find_pod(const struct job_seen *seen, const char *uid)
{
    for (size_t i = 0; i < seen->pod_count; i++)
        if (text_eq(meta_uid(seen->pods[i]), uid))
            return seen->pods[i];
    return NULL;
}

/* uids whose Pod let go of its finalizer, or is gone, become numbers. */
static void flush_uncounted(struct job_view *view, const char *which, const char *counter)
{
    json_t *uids = uncounted(view, which), *left = json_array();
    int64_t count = int_at(view->status, counter, 0);
    for (size_t i = 0; i < json_array_size(uids); i++) {
        json_t *uid = json_array_get(uids, i);
        const json_t *pod = find_pod(view->seen, json_string_value(uid));
        if (pod && has_finalizer(pod))
            json_array_append(left, uid);
        else
            count++;
    }
    json_object_set_new(json_object_get(view->status, "uncountedTerminatedPods"), which, left);
    if (count && !(view->indexed && strcmp(counter, "succeeded") == 0))
        json_object_set_new(view->status, counter, json_integer(count));
}

static void release_pod(const json_t *pod, struct plan *plan)
{
    plan_patch(plan, "pods", pod,
               json_pack("{s:{s:s, s:s, s:o}}", "metadata", "uid", meta_uid(pod), "resourceVersion",
                         meta_resource_version(pod), "finalizers",
                         finalizers_without(pod, JOB_FINALIZER)));
}

void job_release_decide(json_t *const *pods, size_t count, struct plan *plan)
{
    for (size_t i = 0; i < count; i++)
        if (has_finalizer(pods[i]))
            release_pod(pods[i], plan);
}

static int64_t finished_at(const json_t *pod)
{
    const json_t *statuses = json_at(pod, "status", "containerStatuses");
    int64_t latest_us = 0;
    for (size_t i = 0; i < json_array_size(statuses); i++) {
        int64_t at_us =
            json_time_us(json_at(json_array_get(statuses, i), "state", "terminated", "finishedAt"));
        latest_us = at_us > latest_us ? at_us : latest_us;
    }
    return latest_us;
}

/* Whether the Job's policy wants this failure not to count. */
static bool is_ignored(struct job_view *view, const json_t *pod)
{
    CLEANUP(free_ptr) char *message = NULL;
    enum job_failure failure =
        job_failure_of(json_object_get(view->spec, "podFailurePolicy"), pod, &message);
    if (failure == JOB_FAILURE_FAIL_JOB && !view->verdict)
        view->verdict = TAKE(message);
    return failure == JOB_FAILURE_IGNORE;
}

/* A Pod that is over: noted, or (when it is noted already) freed. A deleted one that never finished
 * has failed. */
static void take_finished(struct job_view *view, const json_t *pod, struct plan *plan)
{
    bool succeeded = strcmp(pod_phase(pod), "Succeeded") == 0;
    json_t *uids = uncounted(view, succeeded ? "succeeded" : "failed");
    int64_t index = index_of(pod);
    if (!succeeded && has_finalizer(pod) && is_ignored(view, pod)) {
        release_pod(pod, plan);
        return;
    }
    if (!succeeded && finished_at(pod) > view->last_failure_us)
        view->last_failure_us = finished_at(pod);
    if (view->indexed && succeeded && index >= 0 && index < view->completions)
        view->done[index] |= 1;
    if (!has_finalizer(pod))
        return;
    if (json_array_has_text(uids, meta_uid(pod)))
        release_pod(pod, plan);
    else
        json_array_append_new(uids, json_string(meta_uid(pod)));
}

static void count_pods(struct job_view *view, struct plan *plan)
{
    for (size_t i = 0; i < view->seen->pod_count; i++) {
        const json_t *pod = view->seen->pods[i];
        int64_t index = index_of(pod);
        if (pod_is_terminal(pod)) {
            take_finished(view, pod, plan);
            continue;
        }
        if (meta_deleting(pod)) {
            view->terminating++;
            if (!json_text(pod, "spec", "nodeName"))
                take_finished(view, pod, plan); /* nobody will ever say how it ended */
            continue;
        }
        view->active++;
        view->ready += pod_is_ready(pod);
        if (view->indexed && index >= 0 && index < view->completions)
            view->done[index] |= 2;
    }
}

static void sum_up(struct job_view *view)
{
    view->failed =
        int_at(view->status, "failed", 0) + (int64_t)json_array_size(uncounted(view, "failed"));
    view->succeeded = int_at(view->status, "succeeded", 0) +
                      (int64_t)json_array_size(uncounted(view, "succeeded"));
    if (!view->indexed)
        return;
    view->succeeded = 0;
    for (int64_t i = 0; i < view->completions; i++)
        view->succeeded += is_done(view, i);
    write_indexes(view);
    if (view->succeeded)
        json_object_set_new(view->status, "succeeded", json_integer(view->succeeded));
}

/* ---- Pods ---- */

static int64_t next_index(struct job_view *view)
{
    for (int64_t i = 0; i < view->completions; i++)
        if (!view->done[i]) {
            view->done[i] |= 2;
            return i;
        }
    return -1;
}

static void set_index(json_t *pod, const char *job, int64_t index)
{
    CLEANUP(free_ptr) char *number = xasprintf("%lld", (long long)index);
    CLEANUP(free_ptr) char *prefix = xasprintf("%s-%s-", job, number);
    CLEANUP(free_ptr) char *hostname = xasprintf("%s-%s", job, number);
    json_t *containers[] = {json_at(pod, "spec", "containers"),
                            json_at(pod, "spec", "initContainers")};
    meta_set_annotation(pod, INDEX_ANNOTATION, number);
    meta_set_label(pod, INDEX_ANNOTATION, number);
    json_set_text(json_object_get(pod, "metadata"), "generateName", prefix);
    json_set_text(json_object_get(pod, "spec"), "hostname", hostname);
    for (size_t c = 0; c < ARRAY_LEN(containers); c++)
        for (size_t i = 0; i < json_array_size(containers[c]); i++)
            json_array_append_new(json_ensure_array(json_array_get(containers[c], i), "env"),
                                  json_pack("{s:s, s:{s:{s:s}}}", "name", "JOB_COMPLETION_INDEX",
                                            "valueFrom", "fieldRef", "fieldPath",
                                            "metadata.annotations['" INDEX_ANNOTATION "']"));
}

static bool create_pod(struct job_view *view, struct plan *plan)
{
    const json_t *job = view->seen->job;
    int64_t index = view->indexed ? next_index(view) : 0;
    if (index < 0)
        return false;
    json_t *pod = pod_from_template(json_object_get(view->spec, "template"), meta_name(job),
                                    owner_reference(job, "batch/v1", "Job"));
    json_array_append_new(json_ensure_array(json_object_get(pod, "metadata"), "finalizers"),
                          json_string(JOB_FINALIZER));
    if (view->indexed)
        set_index(pod, meta_name(job), index);
    struct plan_action *action = plan_create(plan, "pods", meta_namespace(job), pod);
    action->flags = PLAN_SLOW_START;
    action->about = json_incref((json_t *)(uintptr_t)job); /* only read */
    action->ok_reason = "SuccessfulCreate";
    action->ok_text = "Created pod: ";
    action->fail_reason = "FailedCreate";
    action->fail_text = "Error creating: ";
    return true;
}

static void delete_active(struct job_view *view, int64_t count, struct plan *plan)
{
    for (size_t i = view->seen->pod_count; i-- > 0 && count > 0;) {
        const json_t *pod = view->seen->pods[i];
        if (!pod_is_active(pod))
            continue;
        struct plan_action *action = plan_delete(plan, "pods", pod);
        action->about = json_incref((json_t *)(uintptr_t)view->seen->job); /* only read */
        action->ok_reason = "SuccessfulDelete";
        action->ok_text = "Deleted pod: ";
        count--;
    }
}

/* How long new Pods wait after a failure: twice as long each time. */
static int64_t backoff_left_us(const struct job_view *view)
{
    int64_t delay_us = BACKOFF_FIRST_US;
    if (!view->failed || !view->last_failure_us)
        return 0;
    for (int64_t i = 1; i < view->failed && delay_us < BACKOFF_MAX_US; i++)
        delay_us *= 2;
    int64_t until_us =
        view->last_failure_us + (delay_us < BACKOFF_MAX_US ? delay_us : BACKOFF_MAX_US);
    return until_us > view->seen->now_us ? until_us - view->seen->now_us : 0;
}

static int64_t wanted_active(const struct job_view *view)
{
    if (view->completions < 0) /* a work queue: the first success stops new Pods */
        return view->succeeded
                   ? (view->active < view->parallelism ? view->active : view->parallelism)
                   : view->parallelism;
    int64_t left = view->completions - view->succeeded;
    left = left > 0 ? left : 0;
    return left < view->parallelism ? left : view->parallelism;
}

static void manage_pods(struct job_view *view, struct plan *plan)
{
    int64_t wanted = wanted_active(view), missing = wanted - view->active;
    int64_t wait_us = backoff_left_us(view);
    if (missing < 0) {
        delete_active(view, -missing, plan);
        return;
    }
    if (text_eq(json_text(view->spec, "podReplacementPolicy"), "Failed"))
        missing -= view->terminating;
    if (missing > 0 && wait_us) {
        plan_again(plan, wait_us / 1000 + 1);
        return;
    }
    for (int64_t i = 0; i < missing && i < PODS_PER_SYNC; i++)
        if (!create_pod(view, plan))
            break;
}

/* ---- ends ---- */

static void add_condition(struct job_view *view, const char *type, const char *reason,
                          const char *message)
{
    json_t *conditions = json_ensure_array(view->status, "conditions");
    const struct condition want = {type, "True", reason, message};
    if (condition_set(conditions, &want, view->seen->now_us, false))
        json_object_set_new(condition_find(conditions, type), "lastProbeTime",
                            json_time(view->seen->now_us));
}

static bool counted(struct job_view *view)
{
    return !json_array_size(uncounted(view, "succeeded")) &&
           !json_array_size(uncounted(view, "failed"));
}

/* Two steps: what will be, while Pods are still ending; then what is. */
static void finish(struct job_view *view, bool complete, const char *reason, const char *message,
                   struct plan *plan)
{
    add_condition(view, complete ? "SuccessCriteriaMet" : "FailureTarget", reason, message);
    if (view->active) {
        delete_active(view, view->active, plan);
        return;
    }
    if (view->terminating || !counted(view))
        return;
    add_condition(view, complete ? "Complete" : "Failed", reason, message);
    if (complete) {
        json_object_set_new(view->status, "completionTime", json_time(view->seen->now_us));
        plan_event(plan, view->seen->job, "Normal", "Completed", "Job completed");
    } else {
        plan_event(plan, view->seen->job, "Warning", reason, "%s", message);
    }
}

static bool past_deadline(const struct job_view *view, struct plan *plan)
{
    const json_t *deadline = json_object_get(view->spec, "activeDeadlineSeconds");
    int64_t start_us = json_time_us(json_object_get(view->status, "startTime"));
    if (!json_is_integer(deadline) || !start_us)
        return false;
    int64_t left_us = start_us + json_integer_value(deadline) * 1000000 - view->seen->now_us;
    if (left_us > 0)
        plan_again(plan, left_us / 1000 + 1);
    return left_us <= 0;
}

/* Why it has failed; NULL: it has not. */
static const char *failure_of(struct job_view *view, const char **message, struct plan *plan)
{
    const json_t *target =
        condition_find(json_object_get(view->status, "conditions"), "FailureTarget");
    *message = json_text(target, "message");
    if (target)
        return json_text(target, "reason");
    *message = view->verdict;
    if (view->verdict)
        return "PodFailurePolicy";
    *message = "Job has reached the specified backoff limit";
    if (view->failed > int_at(view->spec, "backoffLimit", 6))
        return "BackoffLimitExceeded";
    *message = "Job was active longer than specified deadline";
    return past_deadline(view, plan) ? "DeadlineExceeded" : NULL;
}

static bool is_complete(const struct job_view *view)
{
    if (view->completions < 0)
        return view->succeeded > 0 && view->active == 0;
    return view->succeeded >= view->completions;
}

static void suspend(struct job_view *view, bool suspended, struct plan *plan)
{
    json_t *conditions = json_ensure_array(view->status, "conditions");
    const struct condition now = {"Suspended", suspended ? "True" : "False",
                                  suspended ? "JobSuspended" : "JobResumed",
                                  suspended ? "Job suspended" : "Job resumed"};
    if (!suspended && !condition_find(conditions, "Suspended"))
        return;
    if (!condition_set(conditions, &now, view->seen->now_us, false))
        return;
    if (suspended)
        json_object_del(view->status, "startTime");
    else
        json_object_set_new(view->status, "startTime", json_time(view->seen->now_us));
    plan_event(plan, view->seen->job, "Normal", suspended ? "Suspended" : "Resumed", "%s",
               now.message);
}

static void decide_course(struct job_view *view, struct plan *plan)
{
    const char *message, *reason = failure_of(view, &message, plan);
    bool suspended = json_is_true(json_object_get(view->spec, "suspend"));
    if (reason)
        finish(view, false, reason, message, plan);
    else if (is_complete(view))
        finish(view, true, "CompletionsReached", "Reached expected number of succeeded pods", plan);
    else if (suspended)
        delete_active(view, view->active, plan);
    else
        manage_pods(view, plan);
    if (!reason && !is_complete(view))
        suspend(view, suspended, plan);
}

/* ---- the status ---- */

static void set_count(json_t *status, const char *key, int64_t count)
{
    if (count)
        json_object_set_new(status, key, json_integer(count));
    else
        json_object_del(status, key);
}

static void write_status(struct job_view *view, struct plan *plan)
{
    json_t *pending = json_object_get(view->status, "uncountedTerminatedPods");
    static const char *const kinds[] = {"succeeded", "failed"};
    set_count(view->status, "active", view->active);
    set_count(view->status, "terminating", view->terminating);
    json_object_set_new(view->status, "ready", json_integer(view->ready));
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (!json_array_size(json_object_get(pending, kinds[i])))
            json_object_del(pending, kinds[i]);
    if (!semantic_equal(view->status, json_object_get(view->seen->job, "status")))
        plan_status(plan, JOBS, view->seen->job, json_incref(view->status))->flags |=
            PLAN_ABSENT_OK;
}

void job_decide(const struct job_seen *seen, struct plan *plan)
{
    const json_t *spec = json_object_get(seen->job, "spec"),
                 *old = json_object_get(seen->job, "status");
    struct job_view view = {
        .seen = seen,
        .spec = spec,
        .indexed = text_eq(json_text(spec, "completionMode"), "Indexed"),
        .parallelism = int_at(spec, "parallelism", 1),
        .completions = int_at(spec, "completions", -1),
    };
    if (job_finished(seen->job)) {
        job_release_decide(seen->pods, seen->pod_count, plan);
        return;
    }
    if (view.completions > INDEX_MAX)
        view.indexed = false;
    json_auto_t *status = view.status = old ? json_deep_copy(old) : json_object();
    CLEANUP(free_ptr)
    unsigned char *done = xcalloc(view.indexed ? (size_t)view.completions + 2 : 1, 1);
    view.done = done;
    if (!json_object_get(status, "startTime") && !json_is_true(json_object_get(spec, "suspend")))
        json_object_set_new(status, "startTime", json_time(seen->now_us));
    if (view.indexed && json_text(status, "completedIndexes"))
        read_indexes(&view, json_text(status, "completedIndexes"));
    flush_uncounted(&view, "succeeded", "succeeded");
    flush_uncounted(&view, "failed", "failed");
    count_pods(&view, plan);
    sum_up(&view);
    if (!meta_deleting(seen->job))
        decide_course(&view, plan);
    write_status(&view, plan);
    free(view.verdict);
}

void job_ttl_decide(const json_t *job, int64_t now_us, struct plan *plan)
{
    const json_t *ttl = json_at(job, "spec", "ttlSecondsAfterFinished");
    const char *end = job_finished(job);
    if (!end || !json_is_integer(ttl) || meta_deleting(job))
        return;
    const json_t *condition = condition_find(json_at(job, "status", "conditions"), end);
    int64_t left_us = json_time_us(json_object_get(condition, "lastTransitionTime")) +
                      json_integer_value(ttl) * 1000000 - now_us;
    if (left_us > 0)
        plan_again(plan, left_us / 1000 + 1);
    else
        plan_delete(plan, JOBS, job)->propagation = "Foreground";
}
