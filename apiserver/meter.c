#include "apiserver/meter.h"

#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/flow_match.h"
#include "base/clock.h"
#include "base/metrics.h"

/* Upstream's names, labels and buckets, so that dashboards made for it work. Sources: apiserver
 * pkg/endpoints/metrics, pkg/admission/metrics, pkg/util/flowcontrol/metrics;
 * pod-security-admission metrics; component-base/metrics/prometheus/slis. */

static const double seconds[] = {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1,  1.25, 1.5, 2,
                                 3,     4,     5,    6,   8,   10,  15,  20,  30, 45,   60};
static const double admission_seconds[] = {0.005, 0.025, 0.1, 0.5, 1, 2.5};
static const double webhook_seconds[] = {0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25};
static const double sizes[] = {1000, 10000, 100000, 1e+06, 1e+07, 1e+08, 1e+09};

/* A set has few lines (METRIC_LINES_MAX), and a histogram's series takes many: together these stay
 * below, so that whoever comes last finds room. */
static const struct metric_family requests = {
    .name = "apiserver_request_total",
    .help =
        "[STABLE] Counter of apiserver requests by verb, dry run, group, version, resource, scope, "
        "component and HTTP code.",
    .kind = METRIC_COUNTER,
    .labels = {"code", "component", "dry_run", "group", "resource", "scope", "subresource", "verb",
               "version"},
    .series_max = 120,
};
static const struct metric_family durations = {
    .name = "apiserver_request_duration_seconds",
    .help = "[STABLE] Time from a request's first line to its answer; watches are left out.",
    .kind = METRIC_HISTOGRAM,
    .labels = {"component", "dry_run", "group", "resource", "scope", "subresource", "verb",
               "version"},
    .buckets = seconds,
    .bucket_count = ARRAY_LEN(seconds),
    .series_max = 18,
};
static const struct metric_family response_sizes = {
    .name = "apiserver_response_sizes",
    .help = "[STABLE] Size in bytes of answers to reads.",
    .kind = METRIC_HISTOGRAM,
    .labels = {METER_TARGET},
    .buckets = sizes,
    .bucket_count = ARRAY_LEN(sizes),
    .series_max = 10,
};
static const struct metric_family deprecated = {
    .name = "apiserver_requested_deprecated_apis",
    .help = "[STABLE] Deprecated APIs that were asked for.",
    .kind = METRIC_GAUGE,
    .labels = {"group", "removed_release", "resource", "subresource", "version"},
};
static const struct metric_family attempts = {
    .name = "authentication_attempts",
    .help = "[ALPHA] Attempts to authenticate, by result.",
    .kind = METRIC_COUNTER,
    .labels = {"result"},
};
static const struct metric_family users = {
    .name = "authenticated_user_requests",
    .help = "[ALPHA] Authenticated requests, by what kind of name their user has.",
    .kind = METRIC_COUNTER,
    .labels = {"username"},
};
static const struct metric_family authorizations = {
    .name = "apiserver_authorization_decisions_total",
    .help = "[ALPHA] Decisions of the authorizers.",
    .kind = METRIC_COUNTER,
    .labels = {"decision", "name", "type"},
};
static const struct metric_family dispatched = {
    .name = "apiserver_flowcontrol_dispatched_requests_total",
    .help = "[BETA] Requests that were let through, by the FlowSchema that they fall under.",
    .kind = METRIC_COUNTER,
    .labels = {"flow_schema", "priority_level"},
    .own = true,
};
static const struct metric_family refused = {
    .name = "apiserver_flowcontrol_rejected_requests_total",
    .help = "[BETA] Requests that were turned away.",
    .kind = METRIC_COUNTER,
    .labels = {"flow_schema", "priority_level", "reason"},
};
static const struct metric_family admission_steps = {
    .name = "apiserver_admission_step_admission_duration_seconds",
    .help = "[STABLE] How long all of admission takes, by operation and kind of step.",
    .kind = METRIC_HISTOGRAM,
    .labels = {"operation", "rejected", "type"},
    .buckets = admission_seconds,
    .bucket_count = ARRAY_LEN(admission_seconds),
    .series_max = 10,
};
static const struct metric_family admission_plugins = {
    .name = "apiserver_admission_controller_admission_duration_seconds",
    .help = "[STABLE] How long each admission plugin takes, by operation and kind of step.",
    .kind = METRIC_HISTOGRAM,
    .labels = {"name", "operation", "rejected", "type"},
    .buckets = admission_seconds,
    .bucket_count = ARRAY_LEN(admission_seconds),
    .series_max = 12,
};
static const struct metric_family webhooks = {
    .name = "apiserver_admission_webhook_admission_duration_seconds",
    .help = "[STABLE] How long each admission webhook takes, by operation and kind of step.",
    .kind = METRIC_HISTOGRAM,
    .labels = {"name", "operation", "rejected", "type"},
    .buckets = webhook_seconds,
    .bucket_count = ARRAY_LEN(webhook_seconds),
    .series_max = 10,
    .own = true,
};
static const struct metric_family evaluations = {
    .name = "pod_security_evaluations_total",
    .help = "[ALPHA] Evaluations of Pods by the Pod Security Standards.",
    .kind = METRIC_COUNTER,
    .labels = {"decision", "mode", "policy_level", "policy_version", "request_operation",
               "resource", "subresource"},
    .series_max = 40,
};
static const struct metric_family check_state = {
    .name = "kubernetes_healthcheck",
    .help = "[STABLE] What a health check came to last: 1 is well.",
    .kind = METRIC_GAUGE,
    .labels = {"name", "type"},
};
static const struct metric_family check_counts = {
    .name = "kubernetes_healthchecks_total",
    .help = "[STABLE] What health checks came to.",
    .kind = METRIC_COUNTER,
    .labels = {"name", "status", "type"},
};

/* ---- labels ---- */

static const struct verb_name {
    const char *verb, *name, *operation;
} verb_names[] = {
    {"get", "GET", "CONNECT"},      {"list", "LIST", ""},
    {"watch", "WATCH", ""},         {"create", "POST", "CREATE"},
    {"update", "PUT", "UPDATE"},    {"patch", "PATCH", "UPDATE"},
    {"delete", "DELETE", "DELETE"}, {"deletecollection", "DELETECOLLECTION", "DELETE"},
};

static const struct verb_name *find_verb(const char *verb)
{
    static const struct verb_name other = {"", "OTHER", ""};
    for (size_t i = 0; verb && i < ARRAY_LEN(verb_names); i++)
        if (strcmp(verb, verb_names[i].verb) == 0)
            return &verb_names[i];
    return &other;
}

static bool verb_is_of_one(const char *verb)
{
    static const char *const of_many[] = {"list", "watch", "create", "deletecollection"};
    for (size_t i = 0; i < ARRAY_LEN(of_many); i++)
        if (strcmp(verb, of_many[i]) == 0)
            return false;
    return true;
}

static const char *scope_of(const struct request *request)
{
    const struct route *route = &request->route;
    if (!request->resource)
        return "";
    if (*route->name && verb_is_of_one(route->verb))
        return "resource";
    return *request_ns(request) ? "namespace" : "cluster";
}

/* Only what is served gets labels of its own: names that a client invents do not. */
void meter_target(const struct request *request, const char *values[METER_TARGET_LABELS])
{
    const struct resource *row = request->resource;
    const char *const target[METER_TARGET_LABELS] = {"apiserver",
                                                     row ? row->group : "",
                                                     row ? row->plural : "",
                                                     scope_of(request),
                                                     request->sub ? request->sub->name : "",
                                                     find_verb(request->route.verb)->name,
                                                     row ? row->version : ""};
    memcpy(values, target, sizeof(target));
}

static const char *user_kind(const char *name)
{
    static const char *const known[] = {"admin", "client", "kube_proxy", "kubelet",
                                        "system:serviceaccount:kube-system:default"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(name, known[i]) == 0)
            return known[i];
    return strchr(name, '@') ? "email_id" : "other";
}

/* ---- where it is counted ---- */

/* NULL: nowhere. */
static struct metric_set *set_of(const struct request *request)
{
    if (request->caller || !request->cluster)
        return NULL;
    if (request->cluster->id == CLUSTER_HOST_ID)
        return metrics_process();
    return request->flow ? flow_meter(request->flow) : NULL;
}

static void add(struct metric_set *set, const struct metric_family *family,
                const char *const *values)
{
    metric_add(metric_set_series(set, family, values), 1);
}

static void observe_since(struct metric_set *set, const struct metric_family *family,
                          const char *const *values, int64_t start_mono_ns)
{
    metric_observe(metric_set_series(set, family, values),
                   (double)(clock_mono_ns() - start_mono_ns) / 1e9);
}

/* ---- requests ---- */

static void count_identity(struct metric_set *set, const struct request *request, unsigned code)
{
    const char *failure = "failure", *success = "success";
    if (code == 401)
        add(set, &attempts, &failure);
    if (!request->user.name)
        return;
    const char *kind = user_kind(request->user.name);
    add(set, &attempts, &success);
    add(set, &users, &kind);
}

static void count_decisions(struct metric_set *set, const struct request *request)
{
    const struct flow_match *match = request->flow_matched;
    if (request->authorized != AUTHORIZED_UNKNOWN)
        add(set, &authorizations,
            (const char *const[]){request->authorized == AUTHORIZED_YES ? "allowed" : "denied",
                                  "rbac", "RBAC"});
    if (match)
        add(set, &dispatched, (const char *const[]){match->schema_name, match->level_name});
}

static void count(struct metric_set *set, const struct request *request, unsigned code)
{
    const char status[] = {(char)('0' + code / 100), (char)('0' + code / 10 % 10),
                           (char)('0' + code % 10), '\0'};
    const char *target[METER_TARGET_LABELS];
    const char *values[METER_TARGET_LABELS + 2] = {status, [2] = request->dry_run ? "All" : ""};
    bool streams = request->reply.kind == REPLY_STREAM || request->reply.kind == REPLY_TUNNEL;
    meter_target(request, target);
    values[1] = target[0];
    memcpy(values + 3, target + 1, sizeof(target) - sizeof(*target));
    add(set, &requests, values);
    count_identity(set, request, code);
    count_decisions(set, request);
    if (!streams)
        observe_since(set, &durations, values + 1, request->start_mono_ns);
    bool reads = text_eq(request->route.verb, "get") || text_eq(request->route.verb, "list");
    if (streams || !reads || request->response_size == SIZE_MAX)
        return;
    metric_observe(metric_set_series(set, &response_sizes, target), (double)request->response_size);
}

/* A request that came as far has its cluster's part at hand. */
void meter_request(const struct request *request, unsigned code)
{
    if (!request->cluster || request->cluster->id == CLUSTER_HOST_ID) {
        count(metrics_process(), request, code);
        return;
    }
    struct cluster_part *part = request->flow ? request->flow : flow_part_get(request->cluster);
    count(flow_meter(part), request, code);
    if (part != request->flow)
        cluster_part_unref(part);
}

void meter_deprecated(const struct request *request)
{
    struct metric_set *set = set_of(request);
    const struct resource *row = request->resource;
    if (set)
        metric_set_value(metric_set_series(set, &deprecated,
                                           (const char *const[]){row->group, "", row->plural,
                                                                 request->route.sub, row->version}),
                         1);
}

void meter_refused(const struct request *request)
{
    struct cluster_part *part = flow_part_get(request->cluster);
    add(request->cluster->id == CLUSTER_HOST_ID ? metrics_process() : flow_meter(part), &refused,
        (const char *const[]){"", "", "concurrency-limit"});
    cluster_part_unref(part);
}

/* ---- admission ---- */

static const char *const step_names[] = {[METER_ADMIT] = "admit", [METER_VALIDATE] = "validate"};

void meter_admission(const struct request *request, enum meter_admission step, const char *name,
                     bool rejected, int64_t start_mono_ns)
{
    struct metric_set *set = set_of(request);
    const char *const values[] = {name, find_verb(request->route.verb)->operation,
                                  rejected ? "true" : "false", step_names[step]};
    if (set)
        observe_since(set, name ? &admission_plugins : &admission_steps, name ? values : values + 1,
                      start_mono_ns);
}

void meter_webhook(const struct request *request, enum meter_admission step, const char *name,
                   bool rejected, int64_t start_mono_ns)
{
    struct metric_set *set = set_of(request);
    if (set)
        observe_since(set, &webhooks,
                      (const char *const[]){name, find_verb(request->route.verb)->operation,
                                            rejected ? "true" : "false", step_names[step]},
                      start_mono_ns);
}

void meter_pod_security(const struct request *request, const struct meter_pod_security *what)
{
    struct metric_set *set = set_of(request);
    const char *operation = request->current ? "update" : "create";
    if (set)
        add(set, &evaluations,
            (const char *const[]){what->decision, what->mode, what->level, what->version, operation,
                                  what->resource, request->route.sub});
}

/* ---- health ---- */

void meter_check(const struct request *request, const char *check, const char *probe, bool passed)
{
    struct cluster_part *part = flow_part_get(request->cluster);
    struct metric_set *set = flow_checks(part);
    metric_set_value(metric_set_series(set, &check_state, (const char *const[]){check, probe}),
                     passed);
    add(set, &check_counts, (const char *const[]){check, passed ? "success" : "error", probe});
    cluster_part_unref(part);
}

void meter_render_checks(const struct request *request, struct buf *out)
{
    struct cluster_part *part = flow_part_get(request->cluster);
    metric_set_render(flow_checks(part), out);
    cluster_part_unref(part);
}
