/* controllers/deployment_decide.c: which step a Deployment takes next. One step a look: its effect
 * brings the next. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "controllers/deployment_internal.h"
#include "controllers/observe.h"
#include "controllers/owner.h"
#include "schema/condition.h"
#include "schema/meta.h"

/* ---- telling the ReplicaSets apart ---- */

static int by_age(const void *left, const void *right)
{
    const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
    const char *made_a = json_text(a, "metadata", "creationTimestamp");
    const char *made_b = json_text(b, "metadata", "creationTimestamp");
    int order = strcmp(made_a ? made_a : "", made_b ? made_b : "");
    return order ? order : strcmp(meta_name(a), meta_name(b));
}

static bool same_template(const json_t *template, const json_t *set)
{
    json_auto_t *theirs = json_deep_copy(json_at(set, "spec", "template"));
    json_auto_t *ours = json_deep_copy(template);
    (void)json_object_del(json_at(theirs, "metadata", "labels"), HASH_LABEL); /* may be absent */
    (void)json_object_del(json_at(ours, "metadata", "labels"), HASH_LABEL);
    return semantic_equal(ours, theirs);
}

/* "25%" of `total`, or the number. */
static int64_t scaled(const json_t *value, int64_t total, bool round_up, const char *fallback)
{
    const char *text = json_is_string(value) ? json_string_value(value) : fallback;
    int64_t percent;
    if (json_is_integer(value))
        return json_integer_value(value);
    struct str number = str_of(text);
    number.len -= text_ends(text, "%");
    if (!parse_i64(number, 0, INT32_MAX, &percent))
        return 0;
    return (total * percent + (round_up ? 99 : 0)) / 100;
}

static void resolve_limits(struct rollout *rollout)
{
    const json_t *strategy = json_at(rollout->deployment, "spec", "strategy");
    const json_t *rolling = json_object_get(strategy, "rollingUpdate");
    rollout->rolling = !text_eq(json_text(strategy, "type"), "Recreate");
    rollout->surge = scaled(json_object_get(rolling, "maxSurge"), rollout->replicas, true, "25%");
    rollout->unavailable =
        scaled(json_object_get(rolling, "maxUnavailable"), rollout->replicas, false, "25%");
    if (rollout->surge == 0 && rollout->unavailable == 0)
        rollout->unavailable = 1; /* neither up nor down would never move */
}

void rollout_init(struct rollout *rollout, const struct deployment_seen *seen, struct plan *plan)
{
    const json_t *template = json_at(seen->deployment, "spec", "template");
    *rollout = (struct rollout){
        .seen = seen,
        .deployment = seen->deployment,
        .replicas = json_int_or(json_at(seen->deployment, "spec", "replicas"), 1),
        .old = xcalloc(seen->set_count + 1, sizeof(json_t *)),
        .plan = plan,
    };
    resolve_limits(rollout);
    for (size_t i = 0; i < seen->set_count; i++)
        rollout->old[rollout->old_count++] = seen->sets[i];
    qsort(rollout->old, rollout->old_count, sizeof(json_t *), by_age);
    for (size_t i = 0; i < rollout->old_count && !rollout->fresh; i++) {
        if (!same_template(template, rollout->old[i]))
            continue;
        rollout->fresh = rollout->old[i];
        rollout->old_count--;
        memmove(&rollout->old[i], &rollout->old[i + 1],
                (rollout->old_count - i) * sizeof(json_t *));
    }
}

void rollout_free(struct rollout *rollout)
{
    free(rollout->old);
}

/* ---- steps ---- */

static void create_fresh(struct rollout *rollout)
{
    int64_t replicas = scale_fresh_target(rollout, 0);
    json_t *set = revision_new_set(rollout, replicas, revision_next(rollout));
    CLEANUP(free_ptr) char *message = xasprintf("Created new replica set \"%s\"", meta_name(set));
    struct plan_action *action =
        plan_create(rollout->plan, REPLICASETS, meta_namespace(rollout->deployment), set);
    if (replicas) {
        action->about = json_incref((json_t *)(uintptr_t)rollout->deployment); /* only read */
        action->ok_reason = "ScalingReplicaSet";
        action->message = xasprintf("Scaled up replica set %s from 0 to %lld", meta_name(set),
                                    (long long)replicas);
    }
    status_created(rollout, message, revision_next(rollout));
}

/* True when something is put right first, and the rest waits. */
static bool number_fresh(struct rollout *rollout)
{
    const json_t *conditions = json_at(rollout->deployment, "status", "conditions");
    if (revision_sync(rollout))
        return true;
    if (!rollout->fresh || !status_has_deadline(rollout->deployment) ||
        condition_find(conditions, "Progressing"))
        return false;
    CLEANUP(free_ptr)
    char *message = xasprintf("Found new replica set \"%s\"", meta_name(rollout->fresh));
    status_progressing(rollout, "True", "FoundNewReplicaSet", message);
    return true;
}

static void finish_step(struct rollout *rollout)
{
    if (status_complete(rollout))
        revision_clean_up(rollout);
    status_sync(rollout, false);
}

static void step_rolling(struct rollout *rollout)
{
    if (!rollout->fresh)
        create_fresh(rollout);
    else if (scale_fresh(rollout) || scale_old(rollout))
        status_sync(rollout, false);
    else
        finish_step(rollout);
}

static void step_recreate(struct rollout *rollout)
{
    if (scale_old_to_zero(rollout) || rollout->seen->old_pods)
        status_sync(rollout, false);
    else if (!rollout->fresh)
        create_fresh(rollout);
    else if (scale_fresh(rollout))
        status_sync(rollout, false);
    else
        finish_step(rollout);
}

static void step_scale(struct rollout *rollout)
{
    scale_proportionally(rollout);
    if (json_is_true(json_at(rollout->deployment, "spec", "paused")))
        revision_clean_up(rollout);
    status_sync(rollout, true);
}

static bool selects_all(const json_t *deployment)
{
    const json_t *selector = json_at(deployment, "spec", "selector");
    return !json_object_size(json_object_get(selector, "matchLabels")) &&
           !json_array_size(json_object_get(selector, "matchExpressions"));
}

void deployment_decide(const struct deployment_seen *seen, struct plan *plan)
{
    CLEANUP(rollout_free) struct rollout rollout;
    rollout_init(&rollout, seen, plan);
    bool paused = json_is_true(json_at(seen->deployment, "spec", "paused"));
    if (selects_all(seen->deployment))
        plan_event(plan, seen->deployment, "Warning", "SelectingAll",
                   "This deployment is selecting all pods. A non-empty selector is required.");
    else if (meta_deleting(seen->deployment))
        status_sync(&rollout, true);
    else if (status_pause(&rollout))
        return;
    else if (number_fresh(&rollout))
        return;
    else if (paused || scale_is_event(&rollout))
        step_scale(&rollout);
    else if (rollout.rolling)
        step_rolling(&rollout);
    else
        step_recreate(&rollout);
}

void deployment_decide_create_failed(const struct deployment_seen *seen, const char *set_name,
                                     bool taken, const char *why, struct plan *plan)
{
    CLEANUP(rollout_free) struct rollout rollout;
    rollout_init(&rollout, seen, plan);
    if (taken) { /* another hash next time */
        const json_t *old = json_object_get(seen->deployment, "status");
        json_t *status = old ? json_deep_copy(old) : json_object();
        int64_t collisions = json_int_or(json_object_get(status, "collisionCount"), 0);
        json_object_set_new(status, "collisionCount", json_integer(collisions + 1));
        plan_status(plan, DEPLOYMENTS, seen->deployment, status);
        return;
    }
    CLEANUP(free_ptr)
    char *message = xasprintf("Failed to create new replica set \"%s\": %s", set_name, why);
    if (status_has_deadline(seen->deployment))
        status_progressing(&rollout, "False", "ReplicaSetCreateError", message);
    plan_event(plan, seen->deployment, "Warning", "ReplicaSetCreateError", "%s", message);
}
