/* How many replicas there may be: what was advised before, how fast it may go, and the bounds. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "controllers/autoscaler_internal.h"

#define SECOND_US     ((int64_t)1000000)
#define DOWN_WINDOW_S 300 /* --horizontal-pod-autoscaler-downscale-stabilization */
#define PERIOD_MAX_US (1800 * SECOND_US)
#define UP_FACTOR     2
#define UP_LEAST      4

/* ---- what was ---- */

static void marks_add(struct autoscaler_marks *marks, int64_t at_us, int64_t count)
{
    if (marks->count == marks->capacity) {
        marks->capacity = marks->capacity ? marks->capacity * 2 : 8;
        marks->items = xreallocarray(marks->items, marks->capacity, sizeof(*marks->items));
    }
    marks->items[marks->count++] = (struct autoscaler_mark){at_us, count};
}

static void marks_drop(struct autoscaler_marks *marks, int64_t until_us)
{
    size_t old = 0;
    while (old < marks->count && marks->items[old].at_us <= until_us)
        old++;
    if (!old)
        return;
    memmove(marks->items, marks->items + old, (marks->count - old) * sizeof(*marks->items));
    marks->count -= old;
}

void autoscaler_history_clear(struct autoscaler_history *history)
{
    free(history->advised.items);
    free(history->ups.items);
    free(history->downs.items);
    *history = (struct autoscaler_history){0};
}

void autoscaler_scaled(struct autoscaler_history *history, int64_t change, int64_t now_us)
{
    if (change > 0)
        marks_add(&history->ups, now_us, change);
    else
        marks_add(&history->downs, now_us, -change);
    marks_drop(&history->ups, now_us - PERIOD_MAX_US);
    marks_drop(&history->downs, now_us - PERIOD_MAX_US);
}

static int64_t changed_since(const struct autoscaler_marks *marks, int64_t since_us)
{
    int64_t sum = 0;
    for (size_t i = 0; i < marks->count; i++)
        sum += marks->items[i].at_us > since_us ? marks->items[i].count : 0;
    return sum;
}

/* ---- stabilization ---- */

static int64_t window_us(const json_t *behavior, const char *direction, int64_t absent_s)
{
    const json_t *window = json_at(behavior, direction, "stabilizationWindowSeconds");
    return json_int_or(window, absent_s) * SECOND_US;
}

/* As near to the present number as the advice of both windows allows. */
static int64_t stabilize(const struct autoscaler_limits *limits, struct autoscaler_history *history,
                         int64_t wanted)
{
    int64_t up_us = window_us(limits->behavior, "scaleUp", 0),
            down_us = window_us(limits->behavior, "scaleDown", DOWN_WINDOW_S);
    int64_t lowest = wanted, highest = wanted, result = limits->current;
    for (size_t i = 0; i < history->advised.count; i++) {
        const struct autoscaler_mark *mark = &history->advised.items[i];
        if (mark->at_us > limits->now_us - up_us && mark->count < lowest)
            lowest = mark->count;
        if (mark->at_us > limits->now_us - down_us && mark->count > highest)
            highest = mark->count;
    }
    if (!limits->behavior) /* then only the highest counts, even above the present number */
        result = highest;
    else if (result < lowest)
        result = lowest;
    else if (result > highest)
        result = highest;
    marks_drop(&history->advised, limits->now_us - (up_us > down_us ? up_us : down_us));
    marks_add(&history->advised, limits->now_us, wanted);
    return result;
}

/* ---- how fast ---- */

/* Where one policy ends: from the number at the start of its period. */
static int64_t policy_end(const json_t *policy, int64_t start, int sign)
{
    int64_t value = json_int_or(json_object_get(policy, "value"), 0);
    if (text_eq(json_text(policy, "type"), "Pods"))
        return start + sign * value;
    return sign > 0 ? (start * (100 + value) + 99) / 100 : start * (100 - value) / 100;
}

/* The farthest that the rules of one direction let it go. */
static int64_t rate_limit(const struct autoscaler_limits *limits,
                          const struct autoscaler_history *history, const char *direction, int sign)
{
    const json_t *rules = json_object_get(limits->behavior, direction), *policy;
    const char *select = json_text(rules, "selectPolicy");
    bool least = text_eq(select, "Min"), any = false;
    int64_t result = limits->current;
    size_t i;
    if (text_eq(select, "Disabled"))
        return limits->current;
    json_array_foreach (json_object_get(rules, "policies"), i, policy) {
        int64_t since =
            limits->now_us - json_int_or(json_object_get(policy, "periodSeconds"), 0) * SECOND_US;
        int64_t start = limits->current - changed_since(&history->ups, since) +
                        changed_since(&history->downs, since);
        int64_t end = policy_end(policy, start, sign);
        bool farther = sign > 0 ? end > result : end < result;
        if (!any || farther != least)
            result = end;
        any = true;
    }
    bool back = sign > 0 ? result < limits->current : result > limits->current;
    return any && !back ? result : limits->current;
}

/* ---- bounds ---- */

struct bound {
    int64_t replicas;
    const char *reason, *message;
};

static struct bound upper(const struct autoscaler_limits *limits,
                          const struct autoscaler_history *history)
{
    int64_t fast = UP_FACTOR * limits->current > UP_LEAST ? UP_FACTOR * limits->current : UP_LEAST;
    if (limits->behavior)
        fast = rate_limit(limits, history, "scaleUp", 1);
    if (limits->most > fast)
        return (struct bound){
            fast, "ScaleUpLimit",
            "the desired replica count is increasing faster than the maximum scale rate"};
    return (struct bound){limits->most, "TooManyReplicas",
                          "the desired replica count is more than the maximum replica count"};
}

static struct bound lower(const struct autoscaler_limits *limits,
                          const struct autoscaler_history *history)
{
    int64_t fast = limits->behavior ? rate_limit(limits, history, "scaleDown", -1) : limits->least;
    if (limits->least < fast)
        return (struct bound){
            fast, "ScaleDownLimit",
            "the desired replica count is decreasing faster than the maximum scale rate"};
    return (struct bound){limits->least, "TooFewReplicas",
                          "the desired replica count is less than the minimum replica count"};
}

void autoscaler_limit(const struct autoscaler_limits *limits, struct autoscaler_history *history,
                      int64_t wanted, struct autoscaler_verdict *out)
{
    int64_t stable = stabilize(limits, history, wanted);
    bool held_up = limits->behavior && stable < wanted;
    *out = (struct autoscaler_verdict){
        .replicas = stable,
        .able_reason = "ReadyForNewScale",
        .able_message = "recommended size matches current size",
        .limit_reason = "DesiredWithinRange",
        .limit_message = "the desired count is within the acceptable range",
    };
    if (stable != wanted) {
        out->able_reason = held_up ? "ScaleUpStabilized" : "ScaleDownStabilized";
        out->able_message = held_up ? "recent recommendations were lower than current one, "
                                      "applying the lowest recent recommendation"
                                    : "recent recommendations were higher than current one, "
                                      "applying the highest recent recommendation";
    }
    struct bound high = upper(limits, history), low = lower(limits, history);
    bool over = stable > high.replicas && (!limits->behavior || stable > limits->current),
         under = stable < low.replicas && (!limits->behavior || stable < limits->current);
    if (!over && !under)
        return;
    const struct bound *bound = under ? &low : &high;
    out->replicas = bound->replicas;
    out->limited = true;
    out->limit_reason = bound->reason;
    out->limit_message = bound->message;
}
