/* host/scheduler/plugin_preemption.c: DefaultPreemption: whom to stop so that a Pod fits.
 *
 * On each node where it might help: all that are worth less leave, then as many as possible come
 * back, those first that a PodDisruptionBudget protects. Among the nodes the one wins where the
 * least is lost. Source: Kubernetes docs, "Pod Priority and Preemption"; upstream
 * pkg/scheduler/framework/preemption. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "host/scheduler/framework.h"
#include "schema/meta.h"

#define CANDIDATES_MIN  100 /* or a tenth of the nodes: then enough were found */
#define CANDIDATES_PART 10

/* A node, and what it would cost. */
struct candidate {
    struct node_info *node;
    struct pod_info **victims; /* owned; the first is worth the most */
    size_t victim_count, violations;
    bool inside; /* the Pod is a tenant's, and so are the victims: its own priorities count */
};

/* For the host's own Pods tenants' priorities mean nothing: they could buy themselves out. */
static int64_t worth(const struct pod_info *pod, bool inside)
{
    return inside ? pod->rank : pod->priority;
}

/* ---- PodDisruptionBudgets ---- */

static bool is_covered(const json_t *budget, const struct pod_info *pod)
{
    CLEANUP(error_clear) struct error err = {0};
    const json_t *labels = json_at(pod->pod, "metadata", "labels");
    const json_t *wanted = json_at(budget, "spec", "selector");
    if (strcmp(meta_namespace(budget), pod->told_ns) != 0 || !json_object_size(labels) ||
        !json_object_size(wanted) ||
        json_object_get(json_at(budget, "status", "disruptedPods"), pod->name))
        return false;
    struct selector *selector = selector_from_json(wanted, &err);
    bool covered = selector && selector_matches_json(selector, labels);
    selector_free(selector);
    return covered;
}

/* Whether stopping the Pod asks more of a budget than it allows; `used` counts by budget. */
static bool violates(const json_t *budgets, const struct pod_info *pod, int64_t *used)
{
    bool violated = false;
    for (size_t i = 0; i < json_array_size(budgets); i++) {
        const json_t *budget = json_array_get(budgets, i);
        if (is_covered(budget, pod))
            violated |= ++used[i] > json_int_or(json_at(budget, "status", "disruptionsAllowed"), 0);
    }
    return violated;
}

/* Sorts those whose stopping violates a budget to the front; how many they are. */
static size_t protected_first(const json_t *budgets, struct pod_info **pods, size_t count)
{
    CLEANUP(free_ptr) int64_t *used = xcalloc(json_array_size(budgets) + 1, sizeof(*used));
    CLEANUP(free_ptr) struct pod_info **others = xcalloc(count + 1, sizeof(struct pod_info *));
    size_t violating = 0, rest = 0;
    for (size_t i = 0; i < count; i++) {
        if (violates(budgets, pods[i], used))
            pods[violating++] = pods[i];
        else
            others[rest++] = pods[i];
    }
    memcpy(&pods[violating], others, rest * sizeof(struct pod_info *));
    return violating;
}

/* ---- one node ---- */

/* The more important first; among equals who runs longer. One that does not run yet is the last. */
static int by_worth(const void *left, const void *right, void *arg)
{
    const struct pod_info *a = *(struct pod_info *const *)left;
    const struct pod_info *b = *(struct pod_info *const *)right;
    const bool *inside = arg;
    int64_t a_us = a->started_us ? a->started_us : INT64_MAX;
    int64_t b_us = b->started_us ? b->started_us : INT64_MAX;
    if (worth(a, *inside) != worth(b, *inside))
        return worth(a, *inside) > worth(b, *inside) ? -1 : 1;
    return a_us < b_us ? -1 : a_us > b_us;
}

static struct pod_info **lesser_pods(const struct pod_info *pod, const struct node_info *node,
                                     size_t *count)
{
    struct pod_info **lesser = xcalloc(node->pod_count + 1, sizeof(struct pod_info *));
    *count = 0;
    for (size_t i = 0; i < node->pod_count; i++)
        if (pod_may_preempt(pod, node->pods[i]))
            lesser[(*count)++] = node->pods[i];
    bool inside = pod->tenant[0];
    qsort_r(lesser, *count, sizeof(struct pod_info *), by_worth, &inside);
    return lesser;
}

struct trial {
    const struct profile *profile;
    const struct cycle *cycle;
    size_t at;
    struct node_info *node; /* as it would be */
};

/* Puts the Pod back if there is still room for the other. */
static bool reprieve(const struct trial *trial, struct pod_info *pod)
{
    CLEANUP(filter_status_clear) struct filter_status status = {0};
    node_info_add_pod(trial->node, pod);
    if (schedule_fits(trial->profile, trial->cycle->pod, trial->cycle->snapshot, trial->at,
                      trial->node, &status))
        return true;
    node_info_remove_pod(trial->node, pod);
    return false;
}

/* Fills `out` with the fewest that must go; false with `why` when all leaving does not help. */
static bool select_victims(const struct trial *trial, struct candidate *out, struct reasons *why)
{
    CLEANUP(filter_status_clear) struct filter_status status = {0};
    const struct cycle *cycle = trial->cycle;
    size_t count, kept = 0;
    CLEANUP(free_ptr) struct pod_info **lesser = lesser_pods(cycle->pod, trial->node, &count);
    if (!count) {
        reasons_add(why, "No preemption victims found for incoming pod");
        return false;
    }
    for (size_t i = 0; i < count; i++)
        node_info_remove_pod(trial->node, lesser[i]);
    if (!schedule_fits(trial->profile, cycle->pod, cycle->snapshot, trial->at, trial->node,
                       &status)) {
        for (size_t i = 0; i < status.reason_count; i++)
            reasons_add(why, status.reasons[i]);
        return false;
    }
    size_t violating = protected_first(cycle->snapshot->budgets, lesser, count);
    for (size_t i = 0; i < count; i++) {
        if (reprieve(trial, lesser[i]))
            continue;
        out->violations += i < violating;
        lesser[kept++] = lesser[i];
    }
    out->inside = cycle->pod->tenant[0];
    qsort_r(lesser, kept, sizeof(struct pod_info *), by_worth, &out->inside);
    out->node = cycle->snapshot->nodes[trial->at];
    out->victims = TAKE(lesser);
    out->victim_count = kept;
    return kept > 0;
}

/* ---- which node ---- */

static int64_t highest(const struct candidate *candidate)
{
    return worth(candidate->victims[0], candidate->inside);
}

/* Shifted, so that one of negative priority still counts as a loss. */
static int64_t total(const struct candidate *candidate)
{
    int64_t sum = 0;
    for (size_t i = 0; i < candidate->victim_count; i++)
        sum += worth(candidate->victims[i], candidate->inside) + (int64_t)INT32_MAX + 1;
    return sum;
}

/* When the first of its most important victims started. */
static int64_t earliest(const struct candidate *candidate)
{
    int64_t first_us = INT64_MAX;
    for (size_t i = 0; i < candidate->victim_count; i++) {
        const struct pod_info *victim = candidate->victims[i];
        if (worth(victim, candidate->inside) == highest(candidate) && victim->started_us &&
            victim->started_us < first_us)
            first_us = victim->started_us;
    }
    return first_us;
}

static int64_t violations(const struct candidate *candidate)
{
    return (int64_t)candidate->violations;
}

static int64_t victims(const struct candidate *candidate)
{
    return (int64_t)candidate->victim_count;
}

/* The less the better, the first difference decides. */
static bool is_better(const struct candidate *a, const struct candidate *b)
{
    static int64_t (*const costs[])(const struct candidate *) = {violations, highest, total,
                                                                 victims};
    for (size_t i = 0; i < ARRAY_LEN(costs); i++) {
        int64_t left = costs[i](a), right = costs[i](b);
        if (left != right)
            return left < right;
    }
    return earliest(a) > earliest(b);
}

static void keep_better(struct candidate *best, struct candidate *other)
{
    if (!best->node || is_better(other, best)) {
        struct candidate swapped = *best;
        *best = *other;
        *other = swapped;
    }
    free(other->victims);
}

/* ---- the extension point ---- */

/* Whom it has stopped on its node are still ending: their room is what it waits for. */
static bool waits_for_victims(const struct cycle *cycle, const enum filter_code *codes)
{
    const struct snapshot *snapshot = cycle->snapshot;
    for (size_t n = 0; cycle->pod->nominated[0] && n < snapshot->node_count; n++) {
        const struct node_info *node = snapshot->nodes[n];
        if (strcmp(node->name, cycle->pod->nominated) != 0 || codes[n] == FILTER_UNRESOLVED)
            continue;
        for (size_t i = 0; i < node->pod_count; i++)
            if (node->pods[i]->deleting && pod_may_preempt(cycle->pod, node->pods[i]))
                return true;
    }
    return false;
}

static void preempt(const struct profile *profile, const struct cycle *cycle,
                    const enum filter_code *codes, uint64_t seed, struct preemption *out)
{
    const struct snapshot *snapshot = cycle->snapshot;
    CLEANUP(reasons_clear) struct reasons why = {0};
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    struct candidate best = {0};
    size_t count = snapshot->node_count, found = 0, enough = count / CANDIDATES_PART;
    enough = enough > CANDIDATES_MIN ? enough : CANDIDATES_MIN;
    for (size_t i = 0; i < count && found < enough; i++) {
        size_t at = (seed % count + i) % count;
        if (codes[at] == FILTER_UNRESOLVED) {
            reasons_add(&why, "Preemption is not helpful for scheduling");
            continue;
        }
        struct candidate candidate = {0};
        const struct trial trial = {profile, cycle, at, node_info_copy(snapshot->nodes[at])};
        if (select_victims(&trial, &candidate, &why)) {
            keep_better(&best, &candidate);
            found++;
        } else {
            free(candidate.victims);
        }
        node_info_free(trial.node);
    }
    if (!best.node) {
        reasons_print(&why, count, &text);
        out->message = buf_take(&text);
    }
    out->node = best.node;
    out->victims = best.victims;
    out->victim_count = best.victim_count;
}

static void post_filter(const struct profile *profile, const struct cycle *cycle,
                        const enum filter_code *codes, uint64_t seed, struct preemption *out)
{
    if (cycle->pod->yields) {
        out->message = xstrdup("not eligible due to preemptionPolicy=Never.");
        return;
    }
    out->waits = waits_for_victims(cycle, codes);
    if (out->waits)
        out->message = xstrdup("not eligible due to a terminating pod on the nominated node.");
    else
        preempt(profile, cycle, codes, seed, out);
}

const struct plugin plugin_preemption = {.name = "DefaultPreemption", .post_filter = post_filter};
