/* controllers/deployment_status.c: counts, and the conditions Available, Progressing and
 * ReplicaFailure. */
#include <string.h>

#include "base/mem.h"
#include "controllers/deployment_internal.h"
#include "controllers/observe.h"
#include "schema/condition.h"
#include "schema/json_time.h"
#include "schema/meta.h"

#define TIMED_OUT "ProgressDeadlineExceeded"

bool status_has_deadline(const json_t *deployment)
{
    const json_t *deadline = json_at(deployment, "spec", "progressDeadlineSeconds");
    return json_is_integer(deadline) && json_integer_value(deadline) != INT32_MAX;
}

static int64_t count_of(const json_t *status, const char *key)
{
    return json_int_or(json_object_get(status, key), 0);
}

static int64_t sum(const struct rollout *rollout, int64_t (*of)(const json_t *set))
{
    int64_t total = rollout->fresh ? of(rollout->fresh) : 0;
    for (size_t i = 0; i < rollout->old_count; i++)
        total += of(rollout->old[i]);
    return total;
}

static void set_available_condition(const struct rollout *rollout, json_t *conditions,
                                    int64_t available)
{
    static const struct condition yes = {"Available", "True", "MinimumReplicasAvailable",
                                         "Deployment has minimum availability."};
    static const struct condition no = {"Available", "False", "MinimumReplicasUnavailable",
                                        "Deployment does not have minimum availability."};
    bool enough = available >= rollout->replicas - rollout_max_unavailable(rollout);
    (void)condition_set(conditions, enough ? &yes : &no, rollout->seen->now_us, true);
}

/* Counts and Available; the other conditions as they are. */
static json_t *calculate(const struct rollout *rollout)
{
    const json_t *old = json_object_get(rollout->deployment, "status");
    int64_t total = rollout_replicas(rollout), available = rollout_available(rollout);
    const struct {
        const char *key;
        int64_t count;
    } counts[] = {
        {"observedGeneration",
         json_int_or(json_at(rollout->deployment, "metadata", "generation"), 0)},
        {"replicas", sum(rollout, set_actual)},
        {"updatedReplicas", rollout->fresh ? set_actual(rollout->fresh) : 0},
        {"readyReplicas", sum(rollout, set_ready)},
        {"availableReplicas", available},
        {"unavailableReplicas", total > available ? total - available : 0},
    };
    json_t *status = json_object();
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        if (counts[i].count)
            json_object_set_new(status, counts[i].key, json_integer(counts[i].count));
    json_t *conditions = json_object_get(old, "conditions");
    conditions = conditions ? json_deep_copy(conditions) : json_array();
    set_available_condition(rollout, conditions, available);
    json_object_set_new(status, "conditions", conditions);
    if (json_object_get(old, "collisionCount"))
        json_object_set(status, "collisionCount", json_object_get(old, "collisionCount"));
    return status;
}

/* ---- progress ---- */

static bool is_complete(const struct rollout *rollout, const json_t *status)
{
    return count_of(status, "updatedReplicas") == rollout->replicas &&
           count_of(status, "replicas") == rollout->replicas &&
           count_of(status, "availableReplicas") == rollout->replicas &&
           count_of(status, "observedGeneration") >=
               json_int_or(json_at(rollout->deployment, "metadata", "generation"), 0);
}

bool status_complete(const struct rollout *rollout)
{
    return is_complete(rollout, json_object_get(rollout->deployment, "status"));
}

static bool is_progressing(const json_t *old, const json_t *status)
{
    int64_t old_rest = count_of(old, "replicas") - count_of(old, "updatedReplicas");
    int64_t rest = count_of(status, "replicas") - count_of(status, "updatedReplicas");
    return count_of(status, "updatedReplicas") > count_of(old, "updatedReplicas") ||
           rest < old_rest || count_of(status, "readyReplicas") > count_of(old, "readyReplicas") ||
           count_of(status, "availableReplicas") > count_of(old, "availableReplicas");
}

/* When the deadline passes, counted from the last progress; 0: there is nothing to wait for. */
static int64_t deadline_us(const struct rollout *rollout, const json_t *condition)
{
    int64_t seconds =
        json_int_or(json_at(rollout->deployment, "spec", "progressDeadlineSeconds"), 0);
    const char *reason = json_text(condition, "reason");
    if (!condition || text_eq(reason, "NewReplicaSetAvailable") || text_eq(reason, TIMED_OUT))
        return 0;
    return json_time_us(json_object_get(condition, "lastUpdateTime")) + seconds * 1000000;
}

static bool is_timed_out(const struct rollout *rollout, const json_t *condition)
{
    if (condition && text_eq(json_text(condition, "reason"), TIMED_OUT))
        return true;
    int64_t at_us = deadline_us(rollout, condition);
    return at_us && at_us < rollout->seen->now_us;
}

static char *progress_message(const struct rollout *rollout, const char *what)
{
    bool set = rollout->fresh;
    return xasprintf("%s \"%s\" %s", set ? "ReplicaSet" : "Deployment",
                     meta_name(set ? rollout->fresh : rollout->deployment), what);
}

/* Progress is told by a new lastUpdateTime even while reason and status stay. */
static void set_still_progressing(const struct rollout *rollout, json_t *conditions)
{
    CLEANUP(free_ptr) char *message = progress_message(rollout, "is progressing.");
    const json_t *current = condition_find(conditions, "Progressing");
    json_auto_t *since = NULL;
    if (text_eq(json_text(current, "status"), "True"))
        since = json_incref(json_object_get(current, "lastTransitionTime"));
    (void)condition_remove(conditions, "Progressing");
    const struct condition want = {"Progressing", "True", "ReplicaSetUpdated", message};
    (void)condition_set(conditions, &want, rollout->seen->now_us, true);
    if (since)
        json_object_set(condition_find(conditions, "Progressing"), "lastTransitionTime", since);
}

static void set_progress(const struct rollout *rollout, const json_t *old, json_t *status)
{
    json_t *conditions = json_object_get(status, "conditions");
    const json_t *current = condition_find(conditions, "Progressing");
    if (!status_has_deadline(rollout->deployment)) {
        (void)condition_remove(conditions, "Progressing");
        return;
    }
    if (count_of(status, "replicas") == count_of(status, "updatedReplicas") &&
        text_eq(json_text(current, "reason"), "NewReplicaSetAvailable"))
        return;
    if (is_complete(rollout, status)) {
        CLEANUP(free_ptr) char *message = progress_message(rollout, "has successfully progressed.");
        const struct condition want = {"Progressing", "True", "NewReplicaSetAvailable", message};
        (void)condition_set(conditions, &want, rollout->seen->now_us, true);
    } else if (is_progressing(old, status)) {
        set_still_progressing(rollout, conditions);
    } else if (is_timed_out(rollout, current)) {
        CLEANUP(free_ptr) char *message = progress_message(rollout, "has timed out progressing.");
        const struct condition want = {"Progressing", "False", TIMED_OUT, message};
        (void)condition_set(conditions, &want, rollout->seen->now_us, true);
    }
}

static const json_t *find_failure(const struct rollout *rollout)
{
    const json_t *failure =
        condition_find(json_at(rollout->fresh, "status", "conditions"), "ReplicaFailure");
    for (size_t i = 0; !failure && i < rollout->old_count; i++)
        failure =
            condition_find(json_at(rollout->old[i], "status", "conditions"), "ReplicaFailure");
    return failure;
}

static void set_failure(const struct rollout *rollout, json_t *status)
{
    json_t *conditions = json_object_get(status, "conditions");
    const json_t *failure = find_failure(rollout);
    if (!failure) {
        (void)condition_remove(conditions, "ReplicaFailure"); /* there may be none */
        return;
    }
    const struct condition want = {"ReplicaFailure", json_text(failure, "status"),
                                   json_text(failure, "reason"), json_text(failure, "message")};
    (void)condition_set(conditions, &want, rollout->seen->now_us, true);
}

static void write_status(struct rollout *rollout, json_t *status)
{
    if (semantic_equal(status, json_object_get(rollout->deployment, "status")))
        json_decref(status);
    else
        plan_status(rollout->plan, DEPLOYMENTS, rollout->deployment, status)->flags |=
            PLAN_ABSENT_OK;
}

/* A rollout that is stuck changes nothing that would wake us: look again when its deadline has
 * passed. */
static void wait_for_deadline(struct rollout *rollout, const json_t *status)
{
    const json_t *condition = condition_find(json_object_get(status, "conditions"), "Progressing");
    int64_t at_us = deadline_us(rollout, condition);
    if (at_us && status_has_deadline(rollout->deployment) && !is_complete(rollout, status))
        plan_again(rollout->plan, (at_us - rollout->seen->now_us) / 1000 + 1000);
}

void status_sync(struct rollout *rollout, bool plain)
{
    json_t *status = calculate(rollout);
    if (!plain) {
        set_progress(rollout, json_object_get(rollout->deployment, "status"), status);
        set_failure(rollout, status);
        wait_for_deadline(rollout, status);
    }
    write_status(rollout, status);
}

void status_progressing(struct rollout *rollout, const char *status_text, const char *reason,
                        const char *message)
{
    const json_t *old = json_object_get(rollout->deployment, "status");
    json_t *status = old ? json_deep_copy(old) : json_object();
    const struct condition want = {"Progressing", status_text, reason, message};
    (void)condition_set(json_ensure_array(status, "conditions"), &want, rollout->seen->now_us,
                        true);
    write_status(rollout, status);
}

void status_created(struct rollout *rollout, const char *message, int64_t revision)
{
    json_t *deployment = json_deep_copy(rollout->deployment), *status = calculate(rollout);
    CLEANUP(free_ptr) char *number = xasprintf("%lld", (long long)revision);
    const struct condition want = {"Progressing", "True", "NewReplicaSetCreated", message};
    if (status_has_deadline(rollout->deployment))
        (void)condition_set(json_object_get(status, "conditions"), &want, rollout->seen->now_us,
                            true);
    meta_set_annotation(deployment, REVISION_ANNOTATION, number);
    json_object_set_new(deployment, "status", status);
    plan_update(rollout->plan, DEPLOYMENTS, "status", deployment)->flags |= PLAN_ABSENT_OK;
}

bool status_pause(struct rollout *rollout)
{
    const json_t *conditions = json_at(rollout->deployment, "status", "conditions");
    const char *reason = json_text(condition_find(conditions, "Progressing"), "reason");
    bool paused = json_is_true(json_at(rollout->deployment, "spec", "paused"));
    bool told = text_eq(reason, "DeploymentPaused");
    if (!status_has_deadline(rollout->deployment) || text_eq(reason, TIMED_OUT) || paused == told)
        return false;
    status_progressing(rollout, "Unknown", paused ? "DeploymentPaused" : "DeploymentResumed",
                       paused ? "Deployment is paused" : "Deployment is resumed");
    return true;
}
