/* pods/eviction: a delete that asks the Pod's disruption budget first, and takes its share of it.
 *
 * The share is taken by a write of the budget's status of its own, before that of the Pod: two
 * evictions at once cannot take the same one, and the disruption controller counts the Pod as gone
 * from then on. Source: pkg/registry/core/pod/storage/eviction.go. */
#include <string.h>

#include "apiserver/body.h"
#include "apiserver/delete.h"
#include "apiserver/pod_condition.h"
#include "apiserver/special.h"
#include "apiserver/steps.h"
#include "base/clock.h"
#include "schema/condition.h"
#include "schema/meta.h"
#include "schema/selector.h"

#define CAUSE         "DisruptionBudget"
#define BUDGETS       "poddisruptionbudgets.policy"
#define TRIES_MAX     20   /* of taking a share, against others' writes */
#define DISRUPTED_MAX 2000 /* Pods that a budget counts as gone before it has seen them go */

enum step_result step_eviction_decode(struct request *request)
{
    request->eviction = body_decode(request, request->type, "Eviction", "v1", true);
    const char *name = meta_name(request->eviction);
    if (!request->error.code && *name && strcmp(name, request->route.name) != 0)
        error_bad_request(&request->error, "name in URL does not match name in Eviction object");
    if (request->error.code)
        return STEP_FAIL;
    json_set_text(request->eviction, "apiVersion", "policy/v1"); /* v1beta1 is read, too */
    return STEP_NEXT;
}

/* ---- what the budget says ---- */

/* Finished Pods and those that never started are nobody's budget. */
static bool counts_for_budgets(const json_t *pod)
{
    const char *phase = json_text(pod, "status", "phase");
    return !meta_deleting(pod) && !text_eq(phase, "Succeeded") && !text_eq(phase, "Failed") &&
           !text_eq(phase, "Pending");
}

static int64_t status_number(const json_t *budget, const char *name)
{
    return json_int_or(json_at(budget, "status", name), 0);
}

/* A Pod that is not ready is none of those that the budget keeps, when so many are healthy as it
 * wants, or when it says so. */
static bool goes_freely(const json_t *budget, const json_t *pod)
{
    int64_t desired = status_number(budget, "desiredHealthy");
    if (condition_is(json_at(pod, "status", "conditions"), "Ready", "True"))
        return false;
    return text_eq(json_text(budget, "spec", "unhealthyPodEvictionPolicy"), "AlwaysAllow") ||
           (desired > 0 && status_number(budget, "currentHealthy") >= desired);
}

static void refuse(struct error *err, int retry_after_s)
{
    error_set(err, ERROR_TOO_MANY_REQUESTS,
              "Cannot evict pod as it would violate the pod's disruption budget.");
    err->retry_after_s = retry_after_s;
}

static bool has_share(const json_t *budget, struct error *err)
{
    const char *name = meta_name(budget);
    int64_t allowed = status_number(budget, "disruptionsAllowed");
    if (status_number(budget, "observedGeneration") <
        json_int_or(json_at(budget, "metadata", "generation"), 0)) {
        refuse(err, 10);
        error_set_cause(err, CAUSE, NULL,
                        "The disruption budget %s is still being processed by the server.", name);
        return false;
    }
    if (allowed < 0)
        return error_forbidden(err, "poddisruptionbudget.policy", name,
                               "pdb disruptions allowed is negative");
    if (json_object_size(json_at(budget, "status", "disruptedPods")) > DISRUPTED_MAX)
        return error_forbidden(err, "poddisruptionbudget.policy", name,
                               "DisruptedPods map too big - too many evictions not confirmed by "
                               "PDB controller");
    if (allowed > 0)
        return true;
    refuse(err, 0);
    error_set_cause(err, CAUSE, NULL,
                    "The disruption budget %s needs %lld healthy pods and has %lld currently", name,
                    (long long)status_number(budget, "desiredHealthy"),
                    (long long)status_number(budget, "currentHealthy"));
    return false;
}

/* ---- taking a share ---- */

static void spend(json_t *budget, const char *pod)
{
    char now[TIME_TEXT_SIZE];
    json_t *status = json_ensure_object(budget, "status");
    time_format(clock_now_us(), now);
    json_object_set_new(status, "disruptionsAllowed",
                        json_integer(status_number(budget, "disruptionsAllowed") - 1));
    json_set_text(json_ensure_object(status, "disruptedPods"), pod, now);
}

/* Until nobody else writes in between. May wait. */
static bool take_share(struct request *request, const char *name)
{
    CLEANUP(user_clear) struct user user = {0};
    const struct api_caller caller = {request->api, request->cluster, &user};
    const char *ns = request_ns(request);
    user_internal(&user, "system:apiserver", true);
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        json_auto_t *budget = NULL;
        if (!api_get(&caller, BUDGETS, ns, name, &budget, &request->error) ||
            !has_share(budget, &request->error))
            return false;
        spend(budget, request->route.name);
        if (api_update(&caller, BUDGETS, "status", ns, name, budget, NULL, &request->error))
            return true;
        if (request->error.reason != ERROR_CONFLICT)
            return false;
        error_clear(&request->error);
    }
    error_set(&request->error, ERROR_TIMEOUT,
              "Timeout: couldn't update PodDisruptionBudget \"%s\" due to conflicts", name);
    request->error.retry_after_s = 10;
    return false;
}

static bool is_tried_out(const struct request *request)
{
    return request->dry_run ||
           json_array_size(json_at(request->eviction, "deleteOptions", "dryRun")) > 0;
}

static enum step_result ask_budget(struct request *request, const json_t *budget)
{
    if (goes_freely(budget, request->old))
        return STEP_NEXT;
    if (!has_share(budget, &request->error))
        return STEP_FAIL;
    if (is_tried_out(request))
        return STEP_NEXT;
    if (!request->may_block)
        return STEP_BLOCK;
    request->took_share = take_share(request, meta_name(budget));
    return request->took_share ? STEP_NEXT : STEP_FAIL;
}

/* The Pod's budget, and how many it has; a new reference, NULL when that is none. */
static json_t *find_budget(const struct request *request, const struct object_list *budgets,
                           size_t *count)
{
    json_t *found = NULL;
    *count = 0;
    for (size_t i = 0; i < budgets->count; i++) {
        CLEANUP(error_clear) struct error unreadable = {0}; /* is nobody's */
        json_auto_t *budget = object_json(budgets->items[i]);
        struct selector *selector =
            selector_from_json(json_at(budget, "spec", "selector"), &unreadable);
        if (selector && selector_matches_labels(selector, request->current)) {
            json_decref(found);
            found = json_incref(budget);
            (*count)++;
        }
        selector_free(selector);
    }
    return found;
}

static enum step_result check_budgets(struct request *request)
{
    CLEANUP(object_list_free) struct object_list budgets = {0};
    struct cache_range range = {.ns = request_ns(request)};
    bool gone = false;
    size_t count;
    if (request->took_share || !counts_for_budgets(request->old))
        return STEP_NEXT;
    enum step_result result = request_list(request, BUDGETS, &range, &budgets, &gone);
    if (result != STEP_NEXT)
        return result;
    json_auto_t *budget = find_budget(request, &budgets, &count);
    if (count < 2)
        return budget ? ask_budget(request, budget) : STEP_NEXT;
    error_set(&request->error, ERROR_UNKNOWN,
              "This pod has more than one PodDisruptionBudget, which the eviction subresource does "
              "not support.");
    return STEP_FAIL;
}

enum step_result step_evict(struct request *request)
{
    enum step_result result = check_budgets(request);
    if (result != STEP_NEXT)
        return result;
    request->answers_status = true;
    result = delete_plan(request, json_object_get(request->eviction, "deleteOptions"));
    if (result == STEP_NEXT)
        pod_condition_set(request->object, "DisruptionTarget", "EvictionByEvictionAPI",
                          "Eviction API: evicting");
    return result;
}
