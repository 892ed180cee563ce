/* How many replicas a metric of the Pods' resources asks for. Ratios are kept as two whole numbers.
 */
#include <string.h>

#include "base/go_duration.h"
#include "base/quantity.h"
#include "controllers/autoscaler_internal.h"
#include "controllers/observe.h"
#include "controllers/pod_state.h"
#include "schema/condition.h"
#include "schema/json_time.h"
#include "schema/meta.h"

#define INITIALIZATION_US  ((int64_t)300 * 1000000) /* --horizontal-pod-autoscaler-cpu-... */
#define READINESS_DELAY_US ((int64_t)30 * 1000000)  /* ...-initial-readiness-delay */
#define TOLERANCE_PART     10                       /* a tenth */

enum standing { STANDING_IGNORED, STANDING_UNREADY, STANDING_MISSING, STANDING_READY };

/* A Pod in the sum. Amounts are thousandths. */
struct member {
    enum standing standing;
    int64_t value, request;
};

struct ratio {
    int64_t used, wanted;
};

/* ---- one Pod ---- */

static bool milli_of(const json_t *text, int64_t *milli)
{
    struct quantity quantity;
    const char *given = json_string_value(text);
    if (!given || !quantity_parse(str_of(given), &quantity))
        return false;
    *milli = quantity_milli(&quantity);
    return true;
}

/* What the target's containers of a PodMetrics use. False when one does not say. */
static bool usage_of(const json_t *metrics, const struct autoscaler_target *target, int64_t *sum)
{
    const json_t *container;
    size_t i, found = 0;
    *sum = 0;
    json_array_foreach (json_object_get(metrics, "containers"), i, container) {
        int64_t milli;
        if (target->container && !text_eq(json_text(container, "name"), target->container))
            continue;
        if (!milli_of(json_at(container, "usage", target->resource), &milli))
            return false;
        *sum += milli;
        found++;
    }
    return found > 0;
}

static bool add_requests(const json_t *pod, const json_t *containers, bool sidecars,
                         const struct autoscaler_target *target, int64_t *sum, struct error *err)
{
    const json_t *container;
    size_t i;
    json_array_foreach (containers, i, container) {
        int64_t milli;
        if ((target->container && !text_eq(json_text(container, "name"), target->container)) ||
            (sidecars && !text_eq(json_text(container, "restartPolicy"), "Always")))
            continue;
        if (!milli_of(json_at(container, "resources", "requests", target->resource), &milli))
            return error_set(err, ERROR_INTERNAL,
                             "missing request for %s in container %s of Pod %s", target->resource,
                             json_text(container, "name"), meta_name(pod));
        *sum += milli;
    }
    return true;
}

static bool request_of(const json_t *pod, const struct autoscaler_target *target, int64_t *sum,
                       struct error *err)
{
    *sum = 0;
    return add_requests(pod, json_at(pod, "spec", "containers"), false, target, sum, err) &&
           add_requests(pod, json_at(pod, "spec", "initContainers"), true, target, sum, err);
}

/* CPU that a Pod uses while it begins says nothing of its load. */
static bool is_beginning(const json_t *pod, const json_t *metrics, int64_t now_us)
{
    const json_t *ready = condition_find(json_at(pod, "status", "conditions"), "Ready");
    int64_t started_us = json_time_us(json_at(pod, "status", "startTime"));
    if (!ready || !started_us)
        return true;
    bool is_false = text_eq(json_text(ready, "status"), "False");
    int64_t moved_us = json_time_us(json_object_get(ready, "lastTransitionTime"));
    if (started_us + INITIALIZATION_US <= now_us)
        return is_false && started_us + READINESS_DELAY_US > moved_us;
    int64_t window_ns = 0;
    const char *window = json_text(metrics, "window");
    if (!window || !go_duration_parse(str_of(window), &window_ns))
        window_ns = 0;
    return is_false ||
           json_time_us(json_object_get(metrics, "timestamp")) < moved_us + window_ns / 1000;
}

static enum standing standing_of(const json_t *pod, const json_t *metrics, bool known,
                                 const struct autoscaler_target *target, int64_t now_us)
{
    if (meta_deleting(pod) || strcmp(pod_phase(pod), "Failed") == 0)
        return STANDING_IGNORED;
    if (strcmp(pod_phase(pod), "Pending") == 0)
        return STANDING_UNREADY;
    if (!known)
        return STANDING_MISSING;
    bool beginning = strcmp(target->resource, "cpu") == 0 && is_beginning(pod, metrics, now_us);
    return beginning ? STANDING_UNREADY : STANDING_READY;
}

/* ---- all of them ---- */

struct group {
    struct member *members;
    size_t count;
    size_t standing[STANDING_READY + 1]; /* how many of each */
    const struct autoscaler_target *target;
};

static bool group_fill(const struct autoscaler_seen *seen, struct group *group, struct error *err)
{
    json_auto_t *by_name = json_object();
    const json_t *metrics;
    size_t i;
    json_array_foreach (seen->usage, i, metrics)
        json_object_set(by_name, meta_name(metrics), (json_t *)(uintptr_t)metrics);
    group->count = seen->pod_count;
    for (i = 0; i < seen->pod_count; i++) {
        struct member *member = &group->members[i];
        const json_t *pod = seen->pods[i], *used = json_object_get(by_name, meta_name(pod));
        bool known = usage_of(used, group->target, &member->value);
        member->standing = standing_of(pod, used, known, group->target, seen->now_us);
        group->standing[member->standing]++;
        if (group->target->utilization && !request_of(pod, group->target, &member->request, err))
            return false;
    }
    return true;
}

/* Of those whose standing is in `which` (bits); false when there is nothing to divide by. */
static bool measure(const struct group *group, unsigned which, struct autoscaler_proposal *out,
                    struct ratio *ratio)
{
    int64_t used = 0, requested = 0, count = 0;
    for (size_t i = 0; i < group->count; i++) {
        const struct member *member = &group->members[i];
        if (!(which & 1U << member->standing))
            continue;
        used += member->value;
        requested += member->request;
        count++;
    }
    if (!count || (group->target->utilization && requested <= 0))
        return false;
    out->average_milli = used / count;
    out->utilization = requested > 0 ? (int64_t)((__int128)used * 100 / requested) : 0;
    *ratio = group->target->utilization
                 ? (struct ratio){out->utilization, group->target->utilization}
                 : (struct ratio){out->average_milli, group->target->average_milli};
    return true;
}

static int compare(const struct ratio *ratio)
{
    return ratio->used > ratio->wanted ? 1 : ratio->used < ratio->wanted ? -1 : 0;
}

static bool is_tolerable(const struct ratio *ratio)
{
    int64_t apart =
        ratio->used > ratio->wanted ? ratio->used - ratio->wanted : ratio->wanted - ratio->used;
    return (__int128)apart * TOLERANCE_PART <= ratio->wanted;
}

static int64_t scaled(const struct ratio *ratio, size_t count)
{
    __int128 replicas =
        ((__int128)ratio->used * (__int128)count + ratio->wanted - 1) / ratio->wanted;
    return replicas > INT32_MAX ? INT32_MAX : (int64_t)replicas;
}

/* Those of which nothing is known are taken to use what speaks against a change. */
static void assume(struct group *group, int direction)
{
    const struct autoscaler_target *target = group->target;
    int64_t percent = target->utilization > 100 ? target->utilization : 100;
    for (size_t i = 0; i < group->count; i++) {
        struct member *member = &group->members[i];
        if (member->standing == STANDING_UNREADY)
            member->value = 0;
        if (member->standing == STANDING_MISSING)
            member->value = direction > 0         ? 0
                            : target->utilization ? member->request * percent / 100
                                                  : target->average_milli;
    }
}

static bool propose(struct group *group, int64_t current, struct autoscaler_proposal *out,
                    struct error *err)
{
    struct ratio ratio, assumed;
    struct autoscaler_proposal unused = {0};
    unsigned which = 1U << STANDING_READY;
    out->replicas = current;
    if (!group->standing[STANDING_READY])
        return error_set(err, ERROR_INTERNAL,
                         "did not receive metrics for targeted pods (pods might be "
                         "unready)");
    if (!measure(group, which, out, &ratio))
        return error_set(err, ERROR_INTERNAL, "no metrics returned matched known pods");
    int direction = compare(&ratio);
    bool unready = group->standing[STANDING_UNREADY] && direction > 0;
    if (!unready && !group->standing[STANDING_MISSING]) {
        if (!is_tolerable(&ratio))
            out->replicas = scaled(&ratio, group->standing[STANDING_READY]);
        return true;
    }
    assume(group, direction);
    size_t count = group->standing[STANDING_READY] + group->standing[STANDING_MISSING] +
                   (unready ? group->standing[STANDING_UNREADY] : 0);
    which |= 1U << STANDING_MISSING | (unready ? 1U << STANDING_UNREADY : 0);
    if (!measure(group, which, &unused, &assumed))
        return true;
    int64_t replicas = scaled(&assumed, count);
    bool turned =
        compare(&assumed) != direction || (direction < 0 ? replicas > current : replicas < current);
    if (!is_tolerable(&assumed) && !turned)
        out->replicas = replicas;
    return true;
}

bool autoscaler_propose(const struct autoscaler_seen *seen, const struct autoscaler_target *target,
                        struct autoscaler_proposal *out, struct error *err)
{
    int64_t current = json_int_or(json_at(seen->scale, "spec", "replicas"), 0);
    struct group group = {.target = target};
    *out = (struct autoscaler_proposal){0};
    if (!seen->usage)
        return error_set(err, ERROR_INTERNAL, "unable to get metrics for resource %s: %s",
                         target->resource, seen->usage_problem);
    if (!json_array_size(seen->usage))
        return error_set(err, ERROR_INTERNAL,
                         "unable to get metrics for resource %s: no metrics returned "
                         "from resource metrics API",
                         target->resource);
    if (!seen->pod_count)
        return error_set(err, ERROR_INTERNAL,
                         "no pods returned by selector while calculating replica count");
    group.members = xcalloc(seen->pod_count, sizeof(*group.members));
    bool ok = group_fill(seen, &group, err) && propose(&group, current, out, err);
    free(group.members);
    return ok;
}
