/* One look at an autoscaler: what its metrics ask for, and what is told of it. */
#include <stdarg.h>
#include <string.h>

#include "base/quantity.h"
#include "controllers/autoscaler_internal.h"
#include "controllers/observe.h"
#include "schema/json_time.h"
#include "schema/meta.h"

#define AUTOSCALERS "horizontalpodautoscalers.autoscaling"
#define NO_CUSTOM                                                                                  \
    "unable to fetch metrics from custom metrics API: no custom metrics API "                      \
    "(custom.metrics.k8s.io) registered"
#define NO_EXTERNAL                                                                                \
    "unable to fetch metrics from external metrics API: the server could not find the requested "  \
    "resource"

struct look {
    const struct autoscaler_seen *seen;
    struct plan *plan;
    json_t *conditions; /* borrowed from `status` */
    json_t *status;
    json_t *metrics; /* status.currentMetrics; NULL: none */
};

static json_t *spec_of(const struct look *look, const char *name)
{
    return json_at(look->seen->autoscaler, "spec", name);
}

/* True when anything but the message differs from before. */
static bool tell(struct look *look, const char *type, const char *status, const char *reason,
                 const char *format, ...) PRINTF_LIKE(5, 6);

static bool tell(struct look *look, const char *type, const char *status, const char *reason,
                 const char *format, ...)
{
    struct buf message = BUF_TEXT;
    va_list args;
    json_t *condition = NULL, *one;
    size_t i;
    va_start(args, format);
    buf_vprintf(&message, format, args);
    va_end(args);
    json_array_foreach (look->conditions, i, one)
        if (text_eq(json_text(one, "type"), type))
            condition = one;
    bool moved = !condition || !text_eq(json_text(condition, "status"), status),
         changed = moved || !text_eq(json_text(condition, "reason"), reason);
    if (!condition) {
        condition = json_pack("{s:s}", "type", type);
        json_array_append_new(look->conditions, condition);
    }
    json_set_text(condition, "status", status);
    if (moved)
        json_object_set_new(condition, "lastTransitionTime", json_time(look->seen->now_us));
    json_set_text(condition, "reason", reason);
    json_set_text(condition, "message", message.data);
    buf_free(&message);
    return changed;
}

/* ---- metrics ---- */

struct source {
    const json_t *spec; /* its part of the metric's spec */
    struct look *look;
};

static const char *metric_name(const struct source *source)
{
    const char *name = json_text(source->spec, "metric", "name");
    return name ? name : "";
}

static int64_t milli_of(const json_t *text)
{
    struct quantity quantity;
    const char *given = json_string_value(text);
    return given && quantity_parse(str_of(given), &quantity) ? quantity_milli(&quantity) : 0;
}

/* What is measured, as part of the status; NULL with an error. Sets replicas and the metric's
 * name. */
static json_t *of_resource(const struct source *source, int64_t *replicas, char **name,
                           struct error *err)
{
    const json_t *target = json_object_get(source->spec, "target");
    const char *resource = json_text(source->spec, "name");
    struct autoscaler_target want = {
        .resource = resource ? resource : "",
        .container = json_text(source->spec, "container"),
        .utilization = json_int_or(json_object_get(target, "averageUtilization"), 0),
        .average_milli = milli_of(json_object_get(target, "averageValue")),
    };
    struct autoscaler_proposal found;
    if (json_object_get(target, "averageValue"))
        want.utilization = 0;
    if (want.utilization <= 0 && want.average_milli <= 0) {
        error_set(err, ERROR_INTERNAL,
                  "invalid resource metric source: neither an average utilization target "
                  "nor an average value (usage) target was set");
        return NULL;
    }
    if (!autoscaler_propose(source->look->seen, &want, &found, err)) {
        error_wrap(err, "failed to get %s %s", want.resource,
                   want.utilization ? "utilization" : "usage");
        return NULL;
    }
    char text[QUANTITY_TEXT_SIZE];
    const struct quantity average = quantity_from_milli(found.average_milli, QUANTITY_DECIMAL_SI);
    quantity_format(&average, text);
    json_t *current = json_pack("{s:s}", "averageValue", text);
    if (want.utilization)
        json_object_set_new(current, "averageUtilization", json_integer(found.utilization));
    *replicas = found.replicas;
    *name = xasprintf("%s %sresource%s", want.resource, want.container ? "container " : "",
                      want.utilization ? " utilization (percentage of request)" : "");
    return json_pack("{s:s, s:s*, s:o}", "name", want.resource, "container", want.container,
                     "current", current);
}

static json_t *of_pods(const struct source *source, int64_t *replicas, char **name,
                       struct error *err)
{
    (void)replicas, (void)name;
    error_set(err, ERROR_INTERNAL, "unable to get metric %s: " NO_CUSTOM, metric_name(source));
    return NULL;
}

static json_t *of_object(const struct source *source, int64_t *replicas, char **name,
                         struct error *err)
{
    const char *kind = json_text(source->spec, "describedObject", "kind"),
               *object = json_text(source->spec, "describedObject", "name");
    (void)replicas, (void)name;
    error_set(err, ERROR_INTERNAL, "unable to get metric %s: %s on %s %s/" NO_CUSTOM,
              metric_name(source), kind ? kind : "", meta_namespace(source->look->seen->autoscaler),
              object ? object : "");
    return NULL;
}

static json_t *of_external(const struct source *source, int64_t *replicas, char **name,
                           struct error *err)
{
    (void)replicas, (void)name;
    error_set(err, ERROR_INTERNAL, "unable to get external metric %s/%s/nil: " NO_EXTERNAL,
              meta_namespace(source->look->seen->autoscaler), metric_name(source));
    return NULL;
}

static const struct kind {
    const char *type, *member, *reason;
    const char *noun; /* "failed to get NOUN value"; NULL: the resource's name and this behind it */
    const char *behind;
    json_t *(*look)(const struct source *source, int64_t *replicas, char **name, struct error *err);
} kinds[] = {
    {"Resource", "resource", "FailedGetResourceMetric", NULL, "resource metric value", of_resource},
    {"ContainerResource", "containerResource", "FailedGetContainerResourceMetric", NULL,
     "container metric value", of_resource},
    {"Pods", "pods", "FailedGetPodsMetric", "pods metric value", "", of_pods},
    {"Object", "object", "FailedGetObjectMetric", "object metric value", "", of_object},
    {"External", "external", "FailedGetExternalMetric", "external metric value", "", of_external},
};

static const struct kind *kind_of(const json_t *metric)
{
    const char *type = json_text(metric, "type");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (text_eq(type, kinds[i].type))
            return &kinds[i];
    return &kinds[0]; /* the API admits no other */
}

struct asked {
    int64_t replicas;
    char *name; /* of the metric that asks for them; owned */
    size_t invalid, total;
    const struct kind *first; /* that failed */
    char *why, *whole;        /* its error, and with what was tried; owned */
};

static void asked_clear(struct asked *asked)
{
    free(asked->name);
    free(asked->why);
    free(asked->whole);
}

static void fail(struct asked *asked, const struct kind *kind, const json_t *spec,
                 const struct error *err)
{
    const char *name = json_text(spec, "name");
    if (asked->invalid++)
        return;
    asked->first = kind;
    asked->why = xstrdup(err->message);
    asked->whole = kind->noun ? xasprintf("failed to get %s: %s", kind->noun, err->message)
                              : xasprintf("failed to get %s %s: %s", name ? name : "", kind->behind,
                                          err->message);
}

/* The most that any metric asks for. */
static void ask_metrics(struct look *look, struct asked *asked)
{
    const json_t *metric;
    size_t i;
    look->metrics = json_array();
    json_array_foreach (spec_of(look, "metrics"), i, metric) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(free_ptr) char *name = NULL;
        int64_t replicas = 0;
        const struct kind *kind = kind_of(metric);
        const struct source source = {json_object_get(metric, kind->member), look};
        json_t *status = kind->look(&source, &replicas, &name, &err);
        asked->total++;
        if (!status) {
            json_array_append_new(look->metrics, json_pack("{s:s}", "type", ""));
            fail(asked, kind, source.spec, &err);
            continue;
        }
        json_array_append_new(look->metrics,
                              json_pack("{s:s, s:o}", "type", kind->type, kind->member, status));
        if (asked->name && replicas <= asked->replicas)
            continue;
        asked->replicas = replicas;
        free(asked->name);
        asked->name = TAKE(name);
    }
}

/* ---- the look ---- */

static void look_begin(struct look *look, const struct autoscaler_seen *seen, struct plan *plan)
{
    const json_t *old = json_object_get(seen->autoscaler, "status");
    *look = (struct look){.seen = seen, .plan = plan};
    look->status = old ? json_deep_copy(old) : json_object();
    look->conditions = json_ensure_array(look->status, "conditions");
}

/* Tells the status when it is another than before. */
static void look_end(struct look *look)
{
    const json_t *old = json_object_get(look->seen->autoscaler, "status");
    if (look->metrics && json_array_size(look->metrics))
        json_object_set_new(look->status, "currentMetrics", look->metrics);
    else
        json_decref(look->metrics);
    if (!json_object_get(look->status, "desiredReplicas"))
        json_object_set_new(look->status, "desiredReplicas", json_integer(0));
    if (semantic_equal(look->status, old))
        json_decref(look->status);
    else
        plan_status(look->plan, AUTOSCALERS, look->seen->autoscaler, look->status)->flags |=
            PLAN_ABSENT_OK;
}

static void set_replicas(struct look *look, int64_t current, int64_t desired)
{
    json_object_set_new(look->status, "currentReplicas", json_integer(current));
    json_object_set_new(look->status, "desiredReplicas", json_integer(desired));
    if (!look->metrics)
        json_object_del(look->status, "currentMetrics");
}

static json_t *scale_with(const json_t *scale, int64_t replicas)
{
    json_t *changed = json_deep_copy(scale);
    json_object_set_new(json_ensure_object(changed, "spec"), "replicas", json_integer(replicas));
    return changed;
}

static void rescale(struct look *look, int64_t current, int64_t desired, const char *why)
{
    const struct autoscaler_seen *seen = look->seen;
    struct plan_action *action =
        plan_update(look->plan, seen->resource, "scale", scale_with(seen->scale, desired));
    action->about = json_incref((json_t *)(uintptr_t)seen->autoscaler); /* only read */
    action->ok_reason = "SuccessfulRescale";
    action->message = xasprintf("New size: %lld; reason: %s", (long long)desired, why);
    (void)tell(look, "AbleToScale", "True", "SucceededRescale",
               "the HPA controller was able to update the target scale to %lld",
               (long long)desired);
    set_replicas(look, current, desired);
    json_object_set_new(look->status, "lastScaleTime", json_time(seen->now_us));
}

/* False when nothing can be said: the status has been told. */
static bool judge(struct look *look, struct autoscaler_history *history,
                  struct autoscaler_limits *limits, int64_t *desired, char **why)
{
    const json_t *autoscaler = look->seen->autoscaler;
    CLEANUP(asked_clear) struct asked asked = {0};
    struct autoscaler_verdict verdict;
    ask_metrics(look, &asked);
    if (asked.invalid && (asked.invalid == asked.total || asked.replicas < limits->current)) {
        bool news = tell(look, "ScalingActive", "False", asked.first->reason,
                         "the HPA was unable to compute the replica count: %s", asked.why);
        if (news) {
            plan_event(look->plan, autoscaler, "Warning", asked.first->reason, "%s", asked.why);
            plan_event(look->plan, autoscaler, "Warning", "FailedComputeMetricsReplicas",
                       "invalid metrics (%zu invalid out of %zu), first error is: %s",
                       asked.invalid, asked.total, asked.whole);
        }
        return false;
    }
    (void)tell(look, "ScalingActive", "True", "ValidMetricFound",
               "the HPA was able to successfully calculate a replica count from %s",
               asked.name ? asked.name : "");
    *why = asked.replicas > limits->current ? xasprintf("%s above target", asked.name)
                                            : xstrdup("All metrics below target");
    autoscaler_limit(limits, history, asked.replicas, &verdict);
    (void)tell(look, "AbleToScale", "True", verdict.able_reason, "%s", verdict.able_message);
    (void)tell(look, "ScalingLimited", verdict.limited ? "True" : "False", verdict.limit_reason,
               "%s", verdict.limit_message);
    *desired = verdict.replicas;
    return true;
}

static void decide_scale(struct look *look, struct autoscaler_history *history)
{
    const struct autoscaler_seen *seen = look->seen;
    struct autoscaler_limits limits = {
        .least = json_int_or(spec_of(look, "minReplicas"), 1),
        .most = json_int_or(spec_of(look, "maxReplicas"), 1),
        .current = json_int_or(json_at(seen->scale, "spec", "replicas"), 0),
        .behavior = spec_of(look, "behavior"),
        .now_us = seen->now_us,
    };
    CLEANUP(free_ptr) char *why = NULL;
    int64_t desired = limits.current;
    (void)tell(look, "AbleToScale", "True", "SucceededGetScale",
               "the HPA controller was able to get the target's current scale");
    if (limits.current == 0 && limits.least != 0) {
        (void)tell(look, "ScalingActive", "False", "ScalingDisabled",
                   "scaling is disabled since the replica count of the target is zero");
        desired = 0;
    } else if (limits.current > limits.most) {
        why = xstrdup("Current number of replicas above Spec.MaxReplicas");
        desired = limits.most;
    } else if (limits.current < limits.least) {
        why = xstrdup("Current number of replicas below Spec.MinReplicas");
        desired = limits.least;
    } else if (!judge(look, history, &limits, &desired, &why)) {
        int64_t before = json_int_or(json_object_get(look->status, "desiredReplicas"), 0);
        set_replicas(look, limits.current, before);
        return;
    }
    if (desired == limits.current) {
        set_replicas(look, limits.current, desired);
        return;
    }
    autoscaler_scaled(history, desired - limits.current, seen->now_us);
    rescale(look, limits.current, desired, why);
}

static void no_scale(struct look *look)
{
    const char *why = look->seen->scale_problem;
    if (tell(look, "AbleToScale", "False", "FailedGetScale",
             "the HPA controller was unable to get the target's current scale: %s", why))
        plan_event(look->plan, look->seen->autoscaler, "Warning", "FailedGetScale", "%s", why);
}

static void no_selector(struct look *look)
{
    if (tell(look, "ScalingActive", "False", "InvalidSelector",
             "the HPA target's scale is missing a selector"))
        plan_event(look->plan, look->seen->autoscaler, "Warning", "SelectorRequired", "%s",
                   "selector is required");
    set_replicas(look, json_int_or(json_at(look->seen->scale, "spec", "replicas"), 0),
                 json_int_or(json_object_get(look->status, "desiredReplicas"), 0));
}

void autoscaler_decide(const struct autoscaler_seen *seen, struct autoscaler_history *history,
                       struct plan *plan)
{
    struct look look;
    const char *selector = json_text(seen->scale, "status", "selector");
    look_begin(&look, seen, plan);
    if (!seen->scale)
        no_scale(&look);
    else if (!selector || !*selector)
        no_selector(&look);
    else
        decide_scale(&look, history);
    look_end(&look);
    plan_again(plan, AUTOSCALER_PERIOD_US / 1000);
}

void autoscaler_failed(const struct autoscaler_seen *seen, const char *why, struct plan *plan)
{
    struct look look;
    look_begin(&look, seen, plan);
    (void)tell(&look, "AbleToScale", "False", "FailedUpdateScale",
               "the HPA controller was unable to update the target scale: %s", why);
    set_replicas(&look, json_int_or(json_at(seen->scale, "spec", "replicas"), 0),
                 json_int_or(json_object_get(look.status, "desiredReplicas"), 0));
    look_end(&look);
    plan_event(plan, seen->autoscaler, "Warning", "FailedRescale", "error: %s", why);
    plan_again(plan, AUTOSCALER_PERIOD_US / 1000);
}
