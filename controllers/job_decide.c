#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "controllers/job.h"
#include "controllers/job_failure.h"
#include "controllers/job_indexes.h"
#include "controllers/job_surplus.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "controllers/pod_state.h"
#include "schema/condition.h"
#include "schema/json_time.h"
#include "schema/meta.h"

#define JOBS             "jobs.batch"
#define BACKOFF_FIRST_US ((int64_t)10 * 1000 * 1000)
#define BACKOFF_MAX_US   ((int64_t)600 * 1000 * 1000)
#define PODS_PER_SYNC    500

/* A look at a Job, and the status that is being made. */
struct job_view {
    const struct job_seen *seen;
    const json_t *spec;
    json_t *status;                          /* a copy */
    bool indexed, per_index, replace_failed; /* per_index: has backoffLimitPerIndex */
    int64_t parallelism, completions;        /* completions -1: any success is enough */
    int64_t active, ready, terminating, succeeded, failed, failed_indexes;
    int64_t kept; /* failed Pods that are not counted before there is another of their index */
    struct job_index *indexes; /* Indexed: so many as completions */
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

/* The index that the Pod is for; NULL: none of this Job's. */
static struct job_index *index_for(const struct job_view *view, const json_t *pod)
{
    int64_t index = view->indexed ? job_index_of(pod) : -1;
    return index >= 0 && index < view->completions ? &view->indexes[index] : NULL;
}

static void write_indexes(struct job_view *view, const char *key, unsigned bit, bool empty_too)
{
    CLEANUP(free_ptr) char *text = job_indexes_write(view->indexes, view->completions, bit);
    json_set_text(view->status, key, text[0] || empty_too ? text : NULL);
}

static bool is_ending(const struct job_view *view)
{
    const json_t *conditions = json_object_get(view->status, "conditions");
    return condition_is(conditions, "FailureTarget", "True") ||
           condition_is(conditions, "SuccessCriteriaMet", "True");
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

/* When the last of its containers ended; 0 when one has not, or none says. */
static int64_t containers_ended_at(const json_t *pod)
{
    const json_t *statuses = json_at(pod, "status", "containerStatuses");
    int64_t latest_us = 0;
    for (size_t i = 0; i < json_array_size(statuses); i++) {
        int64_t at_us =
            json_time_us(json_at(json_array_get(statuses, i), "state", "terminated", "finishedAt"));
        if (!at_us)
            return 0;
        latest_us = at_us > latest_us ? at_us : latest_us;
    }
    return latest_us;
}

/* From when on a Pod is over, by the best that is known of it. */
static int64_t finished_at(const json_t *pod)
{
    const json_t *ready = condition_find(json_at(pod, "status", "conditions"), "Ready");
    const json_t *deleted = json_at(pod, "metadata", "deletionTimestamp");
    int64_t grace_s = json_int_or(json_at(pod, "metadata", "deletionGracePeriodSeconds"), 0);
    int64_t at_us = containers_ended_at(pod);
    if (!at_us && text_eq(json_text(ready, "status"), "False"))
        at_us = json_time_us(json_object_get(ready, "lastTransitionTime"));
    if (!at_us && deleted)
        at_us = json_time_us(deleted) - grace_s * 1000000;
    return at_us ? at_us : json_time_us(json_at(pod, "metadata", "creationTimestamp"));
}

/* What the Job's policy says of a Pod that has failed. */
static enum job_failure failure_of_pod(struct job_view *view, const json_t *pod)
{
    CLEANUP(free_ptr) char *message = NULL;
    enum job_failure failure =
        job_failure_of(json_object_get(view->spec, "podFailurePolicy"), pod, &message);
    if (failure == JOB_FAILURE_FAIL_JOB && !view->verdict)
        view->verdict = TAKE(message);
    return failure;
}

static int32_t count_of(const json_t *pod, const char *annotation)
{
    const char *text = meta_annotation(pod, annotation);
    int64_t count;
    return text && parse_i64(str_of(text), 0, INT32_MAX - 1, &count) ? (int32_t)count : 0;
}

/* An index is tried until it has failed once more often than it may. How often is on its Pods: each
 * says how often its index had failed before. */
static void note_failure(struct job_view *view, struct job_index *index, const json_t *pod)
{
    enum job_failure failure = failure_of_pod(view, pod);
    int32_t before = count_of(pod, JOB_INDEX_FAILURE_ANNOTATION);
    int32_t ignored = count_of(pod, JOB_INDEX_IGNORED_ANNOTATION);
    bool counts = failure != JOB_FAILURE_IGNORE;
    if (failure == JOB_FAILURE_FAIL_INDEX ||
        (counts && before >= int_at(view->spec, "backoffLimitPerIndex", 0)))
        index->bits |= JOB_INDEX_FAILED;
    if (index->last && before + ignored + 1 <= index->failures + index->ignored)
        return;
    index->last = pod;
    index->failures = before + counts;
    index->ignored = ignored + !counts;
    index->failed_us = finished_at(pod);
}

/* A Pod that is being deleted has failed, unless the Job waits for what becomes of it. */
static bool has_failed(const struct job_view *view, const json_t *pod)
{
    return strcmp(pod_phase(pod), "Failed") == 0 ||
           (meta_deleting(pod) && !pod_is_terminal(pod) && !view->replace_failed);
}

/* What the Pods say of their indexes, before any of them is counted. */
static void note_indexes(struct job_view *view)
{
    for (size_t i = 0; i < view->seen->pod_count; i++) {
        const json_t *pod = view->seen->pods[i];
        struct job_index *index = index_for(view, pod);
        if (!index)
            continue;
        if (strcmp(pod_phase(pod), "Succeeded") == 0)
            index->bits |= JOB_INDEX_SUCCEEDED;
        else if (!has_failed(view, pod))
            index->bits |= JOB_INDEX_BUSY;
        else if (view->per_index && has_finalizer(pod) &&
                 (pod_is_terminal(pod) || !is_ending(view)))
            note_failure(view, index, pod);
    }
}

/* Its annotations are the only count of its index, until another Pod has taken them over. */
static bool is_kept(const struct job_view *view, const json_t *pod)
{
    const struct job_index *index = view->per_index ? index_for(view, pod) : NULL;
    return index && index->last == pod && !index->bits && !is_ending(view);
}

/* A Pod that is over: noted, or (when it is noted already) freed. */
static void take_finished(struct job_view *view, const json_t *pod, struct plan *plan)
{
    bool succeeded = strcmp(pod_phase(pod), "Succeeded") == 0;
    json_t *uids = uncounted(view, succeeded ? "succeeded" : "failed");
    if (!succeeded && has_finalizer(pod) && is_kept(view, pod)) {
        view->kept++;
        return;
    }
    if (!succeeded && has_finalizer(pod) && failure_of_pod(view, pod) == JOB_FAILURE_IGNORE) {
        release_pod(pod, plan);
        return;
    }
    if (!succeeded && finished_at(pod) > view->last_failure_us)
        view->last_failure_us = finished_at(pod);
    if (!has_finalizer(pod))
        return;
    if (json_array_has_text(uids, meta_uid(pod)))
        release_pod(pod, plan);
    else
        json_array_append_new(uids, json_string(meta_uid(pod)));
}

/* Those that go because the Job has failed count as failed, those that go because it has succeeded
 * do not count. */
static void take_deleting(struct job_view *view, const json_t *pod, struct plan *plan)
{
    const json_t *conditions = json_object_get(view->status, "conditions");
    view->terminating++;
    if (!view->replace_failed || condition_is(conditions, "FailureTarget", "True"))
        take_finished(view, pod, plan);
    else if (is_ending(view) && has_finalizer(pod))
        release_pod(pod, plan);
}

static void count_pods(struct job_view *view, struct plan *plan)
{
    note_indexes(view);
    for (size_t i = 0; i < view->seen->pod_count; i++) {
        const json_t *pod = view->seen->pods[i];
        if (pod_is_terminal(pod)) {
            take_finished(view, pod, plan);
            continue;
        }
        if (meta_deleting(pod)) {
            take_deleting(view, pod, plan);
            continue;
        }
        view->active++;
        view->ready += pod_is_ready(pod);
    }
}

static void sum_up(struct job_view *view)
{
    view->failed = view->kept + int_at(view->status, "failed", 0) +
                   (int64_t)json_array_size(uncounted(view, "failed"));
    view->succeeded = int_at(view->status, "succeeded", 0) +
                      (int64_t)json_array_size(uncounted(view, "succeeded"));
    if (!view->indexed)
        return;
    view->succeeded = job_indexes_count(view->indexes, view->completions, JOB_INDEX_SUCCEEDED);
    write_indexes(view, "completedIndexes", JOB_INDEX_SUCCEEDED, false);
    if (view->succeeded)
        json_object_set_new(view->status, "succeeded", json_integer(view->succeeded));
    if (!view->per_index)
        return;
    for (int64_t i = 0; i < view->completions; i++) /* one that has succeeded after all has */
        if (view->indexes[i].bits & JOB_INDEX_SUCCEEDED)
            view->indexes[i].bits &= ~(unsigned)JOB_INDEX_FAILED;
    view->failed_indexes = job_indexes_count(view->indexes, view->completions, JOB_INDEX_FAILED);
    write_indexes(view, "failedIndexes", JOB_INDEX_FAILED, true);
}

/* ---- Pods ---- */

/* How long after the n-th failure another Pod comes: twice as long each time. */
static int64_t backoff_us(int64_t failures)
{
    int64_t delay_us = BACKOFF_FIRST_US;
    for (int64_t i = 1; i < failures && delay_us < BACKOFF_MAX_US; i++)
        delay_us *= 2;
    return delay_us < BACKOFF_MAX_US ? delay_us : BACKOFF_MAX_US;
}

static int64_t index_wait_us(const struct job_view *view, const struct job_index *index)
{
    int64_t failures = (int64_t)index->failures + index->ignored;
    int64_t until_us = failures ? index->failed_us + backoff_us(failures) : 0;
    return until_us > view->seen->now_us ? until_us - view->seen->now_us : 0;
}

/* The first that is neither finished nor busy, nor waits for its turn. */
static int64_t next_index(struct job_view *view, struct plan *plan)
{
    for (int64_t i = 0; i < view->completions; i++) {
        struct job_index *index = &view->indexes[i];
        int64_t wait_us = index->bits ? 0 : index_wait_us(view, index);
        if (wait_us)
            plan_again(plan, wait_us / 1000 + 1);
        if (index->bits || wait_us)
            continue;
        index->bits |= JOB_INDEX_BUSY;
        return i;
    }
    return -1;
}

static void set_failures(json_t *pod, const struct job_index *index)
{
    CLEANUP(free_ptr) char *failures = xasprintf("%d", (int)index->failures);
    CLEANUP(free_ptr) char *ignored = xasprintf("%d", (int)index->ignored);
    meta_set_annotation(pod, JOB_INDEX_FAILURE_ANNOTATION, failures);
    if (index->ignored)
        meta_set_annotation(pod, JOB_INDEX_IGNORED_ANNOTATION, ignored);
}

static void set_index(json_t *pod, const char *job, int64_t index)
{
    CLEANUP(free_ptr) char *number = xasprintf("%lld", (long long)index);
    CLEANUP(free_ptr) char *prefix = xasprintf("%s-%s-", job, number);
    CLEANUP(free_ptr) char *hostname = xasprintf("%s-%s", job, number);
    json_t *containers[] = {json_at(pod, "spec", "containers"),
                            json_at(pod, "spec", "initContainers")};
    meta_set_annotation(pod, JOB_INDEX_ANNOTATION, number);
    meta_set_label(pod, JOB_INDEX_ANNOTATION, number);
    json_set_text(json_object_get(pod, "metadata"), "generateName", prefix);
    json_set_text(json_object_get(pod, "spec"), "hostname", hostname);
    for (size_t c = 0; c < ARRAY_LEN(containers); c++)
        for (size_t i = 0; i < json_array_size(containers[c]); i++)
            json_array_append_new(json_ensure_array(json_array_get(containers[c], i), "env"),
                                  json_pack("{s:s, s:{s:{s:s}}}", "name", "JOB_COMPLETION_INDEX",
                                            "valueFrom", "fieldRef", "fieldPath",
                                            "metadata.annotations['" JOB_INDEX_ANNOTATION "']"));
}

static bool create_pod(struct job_view *view, struct plan *plan)
{
    const json_t *job = view->seen->job;
    int64_t index = view->indexed ? next_index(view, plan) : 0;
    if (index < 0)
        return false;
    json_t *pod = pod_from_template(json_object_get(view->spec, "template"), meta_name(job),
                                    owner_reference(job, "batch/v1", "Job"));
    json_array_append_new(json_ensure_array(json_object_get(pod, "metadata"), "finalizers"),
                          json_string(JOB_FINALIZER));
    if (view->indexed)
        set_index(pod, meta_name(job), index);
    if (view->per_index)
        set_failures(pod, &view->indexes[index]);
    struct plan_action *action = plan_create(plan, "pods", meta_namespace(job), pod);
    action->flags = PLAN_SLOW_START | PLAN_GO_ON;          /* the status is told in any case */
    action->about = json_incref((json_t *)(uintptr_t)job); /* only read */
    action->ok_reason = "SuccessfulCreate";
    action->ok_text = "Created pod: ";
    action->fail_reason = "FailedCreate";
    action->fail_text = "Error creating: ";
    return true;
}

static void delete_pod(struct job_view *view, const json_t *pod, struct plan *plan)
{
    struct plan_action *action = plan_delete(plan, "pods", pod);
    action->about = json_incref((json_t *)(uintptr_t)view->seen->job); /* only read */
    action->ok_reason = "SuccessfulDelete";
    action->ok_text = "Deleted pod: ";
}

/* It is not to count, so it is let go before. */
static void remove_pod(struct job_view *view, const json_t *pod, struct plan *plan)
{
    if (has_finalizer(pod))
        release_pod(pod, plan);
    delete_pod(view, pod, plan);
}

static void each_active(struct job_view *view, struct plan *plan,
                        void (*act)(struct job_view *view, const json_t *pod, struct plan *plan))
{
    for (size_t i = 0; i < view->seen->pod_count; i++)
        if (pod_is_active(view->seen->pods[i]))
            act(view, view->seen->pods[i], plan);
}

/* False when there are not too many, nor any that are for no index or for one that another is for.
 */
static bool remove_surplus(struct job_view *view, int64_t least, struct plan *plan)
{
    CLEANUP(free_ptr)
    const json_t **go = xcalloc(view->seen->pod_count + 1, sizeof(*go));
    const struct job_surplus surplus = {view->seen->pods, view->seen->pod_count,
                                        view->indexed ? view->completions : -1, least};
    size_t count = job_surplus_find(&surplus, go);
    for (size_t i = 0; i < count; i++)
        remove_pod(view, go[i], plan);
    return count;
}

/* How long all new Pods wait after a failure; with a limit for each index they wait by index. */
static int64_t backoff_left_us(const struct job_view *view)
{
    if (!view->failed || !view->last_failure_us || view->per_index)
        return 0;
    int64_t until_us = view->last_failure_us + backoff_us(view->failed);
    return until_us > view->seen->now_us ? until_us - view->seen->now_us : 0;
}

static int64_t wanted_active(const struct job_view *view)
{
    if (view->completions < 0) /* a work queue: after the first success what runs goes on */
        return view->succeeded ? view->active : view->parallelism;
    int64_t left = view->completions - view->succeeded - view->failed_indexes;
    left = left > 0 ? left : 0;
    return left < view->parallelism ? left : view->parallelism;
}

static void manage_pods(struct job_view *view, struct plan *plan)
{
    int64_t wanted = wanted_active(view), missing = wanted - view->active;
    int64_t wait_us = backoff_left_us(view);
    if (remove_surplus(view, missing < 0 ? -missing : 0, plan))
        return;
    if (view->replace_failed)
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
        each_active(view, plan, complete ? remove_pod : delete_pod);
        return;
    }
    if (view->terminating || view->kept || !counted(view))
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

/* Indexes that have failed fail the Job when they are too many, or when all others are done. */
static const char *failure_of_indexes(const struct job_view *view, const char **message)
{
    const json_t *most = json_object_get(view->spec, "maxFailedIndexes");
    *message = "Job has exceeded the specified maximal number of failed indexes";
    if (json_is_integer(most) && view->failed_indexes > json_integer_value(most))
        return "MaxFailedIndexesExceeded";
    *message = "Job has failed indexes";
    return view->failed_indexes && view->failed_indexes + view->succeeded >= view->completions
               ? "FailedIndexes"
               : NULL;
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
    if (view->failed > int_at(view->spec, "backoffLimit", view->per_index ? INT32_MAX : 6))
        return "BackoffLimitExceeded";
    *message = "Job was active longer than specified deadline";
    if (past_deadline(view, plan))
        return "DeadlineExceeded";
    return view->per_index ? failure_of_indexes(view, message) : NULL;
}

static bool is_complete(const struct job_view *view)
{
    if (view->completions < 0)
        return view->succeeded > 0 && view->active == 0;
    return view->succeeded >= view->completions;
}

/* Why it has succeeded; NULL: it has not yet. `*message` is owned. */
static const char *success_of(const struct job_view *view, char **message)
{
    const json_t *met =
        condition_find(json_object_get(view->status, "conditions"), "SuccessCriteriaMet");
    int64_t rule = view->indexed ? job_success_of(json_object_get(view->spec, "successPolicy"),
                                                  view->indexes, view->completions)
                                 : -1;
    if (met) {
        const char *said = json_text(met, "message");
        *message = xstrdup(said ? said : "");
        return json_text(met, "reason");
    }
    if (rule >= 0) {
        *message = xasprintf("Matched rules at index %lld", (long long)rule);
        return "SuccessPolicy";
    }
    if (!is_complete(view))
        return NULL;
    *message = xstrdup("Reached expected number of succeeded pods");
    return "CompletionsReached";
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
    CLEANUP(free_ptr) char *how = NULL;
    const json_t *conditions = json_object_get(view->status, "conditions");
    bool met = condition_is(conditions, "SuccessCriteriaMet", "True"); /* stands, whatever fails */
    const char *message = NULL, *why = met ? NULL : failure_of(view, &message, plan);
    const char *reason = why ? NULL : success_of(view, &how);
    bool suspended = json_is_true(json_object_get(view->spec, "suspend"));
    if (why)
        finish(view, false, why, message, plan);
    else if (reason)
        finish(view, true, reason, how, plan);
    else if (suspended)
        each_active(view, plan, remove_pod);
    else
        manage_pods(view, plan);
    if (!why && !reason)
        suspend(view, suspended, plan);
}

/* The Job is being deleted: whoever takes its Pods, or deletes them, is not kept waiting. */
static void release_rest(const struct job_view *view, struct plan *plan)
{
    for (size_t i = 0; i < view->seen->pod_count; i++) {
        const json_t *pod = view->seen->pods[i];
        if (!pod_is_terminal(pod) && !has_failed(view, pod) && has_finalizer(pod))
            release_pod(pod, plan);
    }
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
    json_object_set_new(view->status, "terminating", json_integer(view->terminating));
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
        .replace_failed = text_eq(json_text(spec, "podReplacementPolicy"), "Failed"),
    };
    if (job_finished(seen->job)) {
        job_release_decide(seen->pods, seen->pod_count, plan);
        return;
    }
    if (view.completions < 0 || view.completions > JOB_INDEX_MAX)
        view.indexed = false;
    view.per_index = view.indexed && json_is_integer(json_object_get(spec, "backoffLimitPerIndex"));
    json_auto_t *status = view.status = old ? json_deep_copy(old) : json_object();
    CLEANUP(free_ptr)
    struct job_index *indexes =
        xcalloc(view.indexed ? (size_t)view.completions + 1 : 1, sizeof(*indexes));
    view.indexes = indexes;
    if (!json_object_get(status, "startTime") && !json_is_true(json_object_get(spec, "suspend")))
        json_object_set_new(status, "startTime", json_time(seen->now_us));
    if (view.indexed && json_text(status, "completedIndexes"))
        job_indexes_read(indexes, view.completions, json_text(status, "completedIndexes"),
                         JOB_INDEX_SUCCEEDED);
    if (view.per_index && json_text(status, "failedIndexes"))
        job_indexes_read(indexes, view.completions, json_text(status, "failedIndexes"),
                         JOB_INDEX_FAILED);
    flush_uncounted(&view, "succeeded", "succeeded");
    flush_uncounted(&view, "failed", "failed");
    count_pods(&view, plan);
    sum_up(&view);
    if (meta_deleting(seen->job))
        release_rest(&view, plan);
    else
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
