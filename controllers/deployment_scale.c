/* controllers/deployment_scale.c: how many replicas each ReplicaSet gets. Whole numbers only. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "controllers/deployment_internal.h"
#include "schema/meta.h"

int64_t set_replicas(const json_t *set)
{
    return json_int_or(json_at(set, "spec", "replicas"), 1);
}

int64_t set_actual(const json_t *set)
{
    return json_int_or(json_at(set, "status", "replicas"), 0);
}

int64_t set_available(const json_t *set)
{
    return json_int_or(json_at(set, "status", "availableReplicas"), 0);
}

int64_t set_ready(const json_t *set)
{
    return json_int_or(json_at(set, "status", "readyReplicas"), 0);
}

static int64_t sum(const struct rollout *rollout, int64_t (*of)(const json_t *set))
{
    int64_t total = rollout->fresh ? of(rollout->fresh) : 0;
    for (size_t i = 0; i < rollout->old_count; i++)
        total += of(rollout->old[i]);
    return total;
}

int64_t rollout_replicas(const struct rollout *rollout)
{
    return sum(rollout, set_replicas);
}

int64_t rollout_available(const struct rollout *rollout)
{
    return sum(rollout, set_available);
}

int64_t rollout_max_unavailable(const struct rollout *rollout)
{
    if (!rollout->rolling || rollout->replicas == 0)
        return 0;
    return rollout->unavailable < rollout->replicas ? rollout->unavailable : rollout->replicas;
}

int64_t rollout_max_surge(const struct rollout *rollout)
{
    return rollout->rolling ? rollout->surge : 0;
}

static int64_t annotation_number(const json_t *set, const char *key, int64_t fallback)
{
    const char *text = meta_annotation(set, key);
    int64_t value;
    return text && parse_i64(str_of(text), 0, INT32_MAX, &value) ? value : fallback;
}

static bool set_number(json_t *set, const char *key, int64_t value)
{
    if (annotation_number(set, key, -1) == value)
        return false;
    CLEANUP(free_ptr) char *text = xasprintf("%lld", (long long)value);
    meta_set_annotation(set, key, text);
    return true;
}

bool scale_set(struct rollout *rollout, json_t *set, int64_t replicas)
{
    int64_t before = set_replicas(set);
    json_auto_t *copy = json_deep_copy(set);
    bool annotated = set_number(copy, DESIRED_ANNOTATION, rollout->replicas);
    annotated |= set_number(copy, MAX_ANNOTATION, rollout->replicas + rollout_max_surge(rollout));
    if (before == replicas && !annotated)
        return false;
    json_object_set_new(json_object_get(copy, "spec"), "replicas", json_integer(replicas));
    struct plan_action *action = plan_update(rollout->plan, REPLICASETS, "", json_incref(copy));
    if (before == replicas)
        return false;
    action->about = json_incref((json_t *)(uintptr_t)rollout->deployment); /* only read */
    action->ok_reason = "ScalingReplicaSet";
    action->message =
        xasprintf("Scaled %s replica set %s from %lld to %lld", replicas > before ? "up" : "down",
                  meta_name(set), (long long)before, (long long)replicas);
    return true;
}

int64_t scale_fresh_target(const struct rollout *rollout, int64_t fresh_replicas)
{
    if (!rollout->rolling)
        return rollout->replicas;
    int64_t room = rollout->replicas + rollout->surge - rollout_replicas(rollout);
    if (room <= 0)
        return fresh_replicas;
    int64_t missing = rollout->replicas - fresh_replicas;
    return fresh_replicas + (room < missing ? room : missing);
}

bool scale_fresh(struct rollout *rollout)
{
    int64_t now = set_replicas(rollout->fresh);
    if (now == rollout->replicas)
        return false;
    int64_t target = now > rollout->replicas ? rollout->replicas : scale_fresh_target(rollout, now);
    return scale_set(rollout, rollout->fresh, target);
}

/* Takes up to `budget` Pods away from the old sets: first those that are not available. */
static bool shrink_old(struct rollout *rollout, int64_t unhealthy_budget)
{
    bool changed = false;
    int64_t healthy_budget =
        rollout_available(rollout) - (rollout->replicas - rollout_max_unavailable(rollout));
    for (size_t i = 0; i < rollout->old_count; i++) {
        json_t *set = rollout->old[i];
        int64_t replicas = set_replicas(set), available = set_available(set);
        int64_t sick = replicas > available ? replicas - available : 0;
        int64_t cut = sick < unhealthy_budget ? sick : unhealthy_budget;
        unhealthy_budget -= cut;
        int64_t rest = replicas - cut;
        int64_t more = rest < healthy_budget ? rest : healthy_budget;
        if (more > 0) {
            healthy_budget -= more;
            cut += more;
        }
        if (cut > 0)
            changed |= scale_set(rollout, set, replicas - cut);
    }
    return changed;
}

bool scale_old(struct rollout *rollout)
{
    int64_t fresh = rollout->fresh ? set_replicas(rollout->fresh) : 0;
    int64_t all = rollout_replicas(rollout);
    if (all - fresh == 0)
        return false;
    int64_t fresh_missing = fresh - (rollout->fresh ? set_available(rollout->fresh) : 0);
    int64_t budget = all - (rollout->replicas - rollout_max_unavailable(rollout)) - fresh_missing;
    return budget > 0 && shrink_old(rollout, budget);
}

bool scale_old_to_zero(struct rollout *rollout)
{
    bool changed = false;
    for (size_t i = 0; i < rollout->old_count; i++)
        if (set_replicas(rollout->old[i]))
            changed |= scale_set(rollout, rollout->old[i], 0);
    return changed;
}

/* ---- when the Deployment itself was scaled, or is paused ---- */

static void each_active(const struct rollout *rollout, json_t **out, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < rollout->old_count; i++)
        if (set_replicas(rollout->old[i]) > 0)
            out[(*count)++] = rollout->old[i];
    if (rollout->fresh && set_replicas(rollout->fresh) > 0)
        out[(*count)++] = rollout->fresh;
}

bool scale_is_event(const struct rollout *rollout)
{
    size_t count;
    CLEANUP(free_ptr) json_t **active = xcalloc(rollout->old_count + 1, sizeof(*active));
    each_active(rollout, active, &count);
    for (size_t i = 0; i < count; i++)
        if (annotation_number(active[i], DESIRED_ANNOTATION, rollout->replicas) !=
            rollout->replicas)
            return true;
    return false;
}

static bool is_saturated(const struct rollout *rollout)
{
    const json_t *fresh = rollout->fresh;
    return fresh && annotation_number(fresh, DESIRED_ANNOTATION, -1) == rollout->replicas &&
           set_replicas(fresh) == rollout->replicas && set_available(fresh) == rollout->replicas;
}

/* By size, larger first; among equals the newer first when growing, else the older. */
static int by_size_newer(const void *left, const void *right)
{
    const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
    int64_t difference = set_replicas(b) - set_replicas(a);
    if (difference)
        return difference > 0 ? 1 : -1;
    const char *made_a = json_text(a, "metadata", "creationTimestamp");
    const char *made_b = json_text(b, "metadata", "creationTimestamp");
    int order = strcmp(made_b ? made_b : "", made_a ? made_a : "");
    return order ? order : strcmp(meta_name(b), meta_name(a));
}

static int by_size_older(const void *left, const void *right)
{
    const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
    return set_replicas(a) == set_replicas(b) ? -by_size_newer(left, right)
                                              : by_size_newer(left, right);
}

/* Rounded to the nearest, halves away from zero. */
static int64_t divide_round(int64_t a, int64_t b)
{
    return a >= 0 ? (2 * a + b) / (2 * b) : -((-2 * a + b) / (2 * b));
}

/* What this set's share of `left` more (or fewer, negative) replicas is. */
static int64_t share(const struct rollout *rollout, const json_t *set, int64_t left)
{
    int64_t size = set_replicas(set), fraction = -size;
    if (rollout->replicas) {
        int64_t before = annotation_number(set, MAX_ANNOTATION, 0);
        if (!before)
            before = json_int_or(json_at(rollout->deployment, "status", "replicas"), 0);
        if (!before)
            return 0;
        fraction =
            divide_round(size * (rollout->replicas + rollout_max_surge(rollout)), before) - size;
    }
    if (left > 0)
        return fraction < left ? fraction : left;
    return fraction > left ? fraction : left;
}

static void spread(struct rollout *rollout, json_t **active, size_t count)
{
    int64_t allowed = rollout->replicas > 0 ? rollout->replicas + rollout_max_surge(rollout) : 0,
            total = 0;
    CLEANUP(free_ptr) int64_t *sizes = xcalloc(count + 1, sizeof(*sizes));
    for (size_t i = 0; i < count; i++)
        total += set_replicas(active[i]);
    int64_t left = allowed - total;
    qsort(active, count, sizeof(*active), left > 0 ? by_size_newer : by_size_older);
    for (size_t i = 0; i < count; i++) {
        int64_t part = left ? share(rollout, active[i], left) : 0;
        sizes[i] = set_replicas(active[i]) + part;
        left -= part;
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0)
            sizes[i] = sizes[i] + left > 0 ? sizes[i] + left : 0;
        (void)scale_set(rollout, active[i],
                        sizes[i]); /* annotations are brought up to date either way */
    }
}

void scale_proportionally(struct rollout *rollout)
{
    size_t count;
    CLEANUP(free_ptr) json_t **active = xcalloc(rollout->old_count + 1, sizeof(*active));
    each_active(rollout, active, &count);
    json_t *latest = rollout->fresh       ? rollout->fresh
                     : rollout->old_count ? rollout->old[rollout->old_count - 1]
                                          : NULL;
    if (count <= 1) {
        json_t *only = count ? active[0] : latest;
        if (only && set_replicas(only) != rollout->replicas)
            (void)scale_set(rollout, only, rollout->replicas);
        return;
    }
    if (is_saturated(rollout))
        (void)scale_old_to_zero(rollout);
    else if (rollout->rolling)
        spread(rollout, active, count);
}
