#include "controllers/disruption.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/strset.h"
#include "controllers/observe.h"
#include "controllers/pod_state.h"
#include "schema/condition.h"
#include "schema/json_time.h"
#include "schema/meta.h"

#define BUDGETS "poddisruptionbudgets.policy"

/* A number or a share of `total`, rounded up. */
static int64_t resolve(const json_t *value, int64_t total)
{
    struct str text = str_of(json_string_value(value));
    int64_t percent;
    if (json_is_integer(value))
        return json_integer_value(value);
    text.len -= text.len && text.data[text.len - 1] == '%';
    return parse_i64(text, 0, 100, &percent) ? (total * percent + 99) / 100 : 0;
}

/* Evictions that were granted and have not shown yet; each counts as gone until it does or is given
 * up. */
static json_t *pending_evictions(const struct disruption_seen *seen)
{
    const json_t *old = json_at(seen->budget, "status", "disruptedPods");
    json_t *left = json_object();
    for (size_t i = 0; i < seen->pod_count; i++) {
        json_t *at = json_object_get(old, meta_name(seen->pods[i]));
        if (!at || meta_deleting(seen->pods[i]) ||
            json_time_us(at) + DISRUPTION_EXPIRES_US <= seen->now_us)
            continue;
        json_object_set(left, meta_name(seen->pods[i]), at);
    }
    return left;
}

static int64_t count_healthy(const struct disruption_seen *seen, const json_t *evictions)
{
    int64_t count = 0;
    for (size_t i = 0; i < seen->pod_count; i++)
        count += pod_is_ready(seen->pods[i]) && !meta_deleting(seen->pods[i]) &&
                 !json_object_get(evictions, meta_name(seen->pods[i]));
    return count;
}

static void bounds(const struct disruption_seen *seen, int64_t *expected, int64_t *desired)
{
    const json_t *unavailable = json_at(seen->budget, "spec", "maxUnavailable");
    const json_t *available = json_at(seen->budget, "spec", "minAvailable");
    *expected = seen->expected;
    if (unavailable) {
        *desired = *expected - resolve(unavailable, *expected);
    } else if (json_is_integer(available)) {
        *expected = (int64_t)seen->pod_count;
        *desired = json_integer_value(available);
    } else {
        *desired = resolve(available, *expected);
    }
    *desired = *desired < 0 ? 0 : *desired;
}

static void set_condition(json_t *status, bool allowed, const char *reason, const char *message,
                          int64_t now_us)
{
    const struct condition want = {"DisruptionAllowed", allowed ? "True" : "False", reason,
                                   message};
    const json_t *generation = json_object_get(status, "observedGeneration");
    json_t *conditions = json_ensure_array(status, "conditions");
    (void)condition_set(conditions, &want, now_us, false); /* what it was is written below, too */
    json_t *condition = condition_find(conditions, want.type);
    json_set_text(condition, "message", message);
    if (generation)
        json_object_set_new(condition, "observedGeneration",
                            json_integer(json_integer_value(generation)));
}

/* Nothing may go while nobody knows how many there should be; the rest stays as it was. */
static json_t *failed_status(const struct disruption_seen *seen, const json_t *old)
{
    static const char *const counts[] = {"currentHealthy", "desiredHealthy", "expectedPods"};
    json_t *status = old ? json_deep_copy(old) : json_object();
    json_object_set_new(status, "disruptionsAllowed", json_integer(0));
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        if (!json_object_get(status, counts[i]))
            json_object_set_new(status, counts[i], json_integer(0));
    set_condition(status, false, "SyncFailed", seen->problem, seen->now_us);
    return status;
}

static json_t *counted_status(const struct disruption_seen *seen, const json_t *old,
                              json_t *evictions)
{
    int64_t expected, desired, healthy = count_healthy(seen, evictions);
    bounds(seen, &expected, &desired);
    int64_t allowed = expected <= 0 || healthy < desired ? 0 : healthy - desired;
    json_t *status =
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "disruptionsAllowed", (json_int_t)allowed,
                  "currentHealthy", (json_int_t)healthy, "desiredHealthy", (json_int_t)desired,
                  "expectedPods", (json_int_t)expected, "observedGeneration",
                  (json_int_t)json_int_or(json_at(seen->budget, "metadata", "generation"), 0));
    if (json_object_size(evictions))
        json_object_set(status, "disruptedPods", evictions);
    if (json_object_get(old, "conditions"))
        json_object_set_new(status, "conditions",
                            json_deep_copy(json_object_get(old, "conditions")));
    set_condition(status, allowed, allowed ? "SufficientPods" : "InsufficientPods", "",
                  seen->now_us);
    return status;
}

/* ---- what is said about it ---- */

/* As Go prints a LabelSelector. */
static void print_selector(const json_t *selector, struct buf *out)
{
    CLEANUP(strset_clear) struct strset names = {0};
    const json_t *labels = json_object_get(selector, "matchLabels"), *value, *requirement;
    const char *name;
    size_t i;
    json_object_foreach ((json_t *)(uintptr_t)labels, name, value)
        strset_add(&names, name);
    buf_add_text(out, "&LabelSelector{MatchLabels:map[string]string{");
    for (i = 0; i < names.count; i++)
        buf_printf(out, "%s: %s,", names.items[i], json_text(labels, names.items[i]));
    buf_add_text(out, "},MatchExpressions:[]LabelSelectorRequirement{");
    json_array_foreach (json_object_get(selector, "matchExpressions"), i, requirement) {
        const json_t *values = json_object_get(requirement, "values");
        buf_printf(out, "LabelSelectorRequirement{Key:%s,Operator:%s,Values:[",
                   json_text(requirement, "key"), json_text(requirement, "operator"));
        for (size_t j = 0; j < json_array_size(values); j++)
            buf_printf(out, "%s%s", j ? " " : "", json_string_value(json_array_get(values, j)));
        buf_add_text(out, "],},");
    }
    buf_add_text(out, "},}");
}

static void tell_unmanaged(const struct disruption_seen *seen, struct plan *plan)
{
    CLEANUP(buf_free) struct buf selector = BUF_TEXT;
    print_selector(json_at(seen->budget, "spec", "selector"), &selector);
    plan_event(plan, seen->budget, "Warning", "UnmanagedPods",
               "Pods selected by this PodDisruptionBudget (selector: %s) were found to be "
               "unmanaged. As a result, the status of the PDB cannot be calculated correctly, "
               "which may result in undefined behavior. To account for these pods please set "
               "\".spec.minAvailable\" field of the PDB to an integer value.",
               selector.data);
}

/* Granted, and not gone in all that time. The namespace stands where upstream has it. */
static void tell_expired(const struct disruption_seen *seen, const json_t *old,
                         const json_t *evictions, struct plan *plan)
{
    for (size_t i = 0; i < seen->pod_count; i++) {
        const json_t *pod = seen->pods[i];
        if (json_at(old, "disruptedPods", meta_name(pod)) && !meta_deleting(pod) &&
            !json_object_get(evictions, meta_name(pod)))
            plan_event(plan, pod, "Warning", "NotDeleted",
                       "Pod was expected by PDB %s/%s to be deleted but it wasn't",
                       meta_namespace(seen->budget), meta_namespace(seen->budget));
    }
}

void disruption_decide(const struct disruption_seen *seen, struct plan *plan)
{
    const json_t *old = json_object_get(seen->budget, "status");
    json_auto_t *evictions = pending_evictions(seen);
    json_t *status =
        seen->problem ? failed_status(seen, old) : counted_status(seen, old, evictions);
    if (!seen->problem && json_object_size(evictions))
        plan_again(plan, DISRUPTION_EXPIRES_US / 1000);
    if (semantic_equal(status, old)) {
        json_decref(status);
        return;
    }
    plan_status(plan, BUDGETS, seen->budget, status)->flags |= PLAN_ABSENT_OK;
    if (!seen->pod_count)
        plan_event(plan, seen->budget, "Normal", "NoPods", "No matching pods found");
    if (seen->problem)
        plan_event(plan, seen->budget, "Warning", "CalculateExpectedPodCountFailed",
                   "Failed to calculate the number of expected pods: %s", seen->problem);
    else
        tell_expired(seen, old, evictions, plan);
    if (!seen->problem && seen->unmanaged)
        tell_unmanaged(seen, plan);
}
