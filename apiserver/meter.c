#include "apiserver/meter.h"

#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/version.h"
#include "base/clock.h"
#include "base/metrics.h"

static const double seconds[] = {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1,  1.25, 1.5, 2,
                                 3,     4,     5,    6,   8,   10,  15,  20,  30, 45,   60};

/* Upstream's names and labels, so that dashboards made for it work. */
static const struct metric_family requests = {
    .name = "apiserver_request_total",
    .help =
        "[STABLE] Counter of apiserver requests by verb, dry run, group, version, resource, scope, "
        "component and HTTP code.",
    .kind = METRIC_COUNTER,
    .labels = {"code", "component", "dry_run", "group", "resource", "scope", "subresource", "verb",
               "version"},
};
static const struct metric_family durations = {
    .name = "apiserver_request_duration_seconds",
    .help = "[STABLE] Time from a request's first line to its answer; watches are left out.",
    .kind = METRIC_HISTOGRAM,
    .labels = {"component", "dry_run", "group", "resource", "scope", "subresource", "verb",
               "version"},
    .buckets = seconds,
    .bucket_count = sizeof(seconds) / sizeof(seconds[0]),
};
static const struct metric_family stored = {
    .name = "apiserver_storage_objects",
    .help = "[STABLE] Number of stored objects at the time of last check, by resource.",
    .kind = METRIC_GAUGE,
    .labels = {"resource"},
};
static const struct metric_family build = {
    .name = "kubernetes_build_info",
    .help = "[ALPHA] A constant 1, with the version that is served.",
    .kind = METRIC_GAUGE,
    .labels = {"git_version", "major", "minor"},
};

static const struct verb_name {
    const char *verb, *name;
} verb_names[] = {
    {"get", "GET"},       {"list", "LIST"},
    {"watch", "WATCH"},   {"create", "POST"},
    {"update", "PUT"},    {"patch", "PATCH"},
    {"delete", "DELETE"}, {"deletecollection", "DELETECOLLECTION"},
};

static bool verb_is_of_one(const char *verb)
{
    static const char *const of_many[] = {"list", "watch", "create", "deletecollection"};
    for (size_t i = 0; i < ARRAY_LEN(of_many); i++)
        if (strcmp(verb, of_many[i]) == 0)
            return false;
    return true;
}

static const char *verb_name(const char *verb)
{
    for (size_t i = 0; verb && i < ARRAY_LEN(verb_names); i++)
        if (strcmp(verb, verb_names[i].verb) == 0)
            return verb_names[i].name;
    return "OTHER";
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
static void count(struct metric_set *set, const struct request *request, unsigned code)
{
    const struct resource *row = request->resource;
    const char status[] = {(char)('0' + code / 100), (char)('0' + code / 10 % 10),
                           (char)('0' + code % 10), '\0'};
    const char *const values[] = {status,
                                  "apiserver",
                                  request->dry_run ? "All" : "",
                                  row ? row->group : "",
                                  row ? row->plural : "",
                                  scope_of(request),
                                  request->sub ? request->sub->name : "",
                                  verb_name(request->route.verb),
                                  row ? row->version : ""};
    metric_add(metric_set_series(set, &requests, values), 1);
    if (request->reply.kind != REPLY_STREAM && request->reply.kind != REPLY_TUNNEL)
        metric_observe(metric_set_series(set, &durations, values + 1),
                       (double)(clock_mono_ns() - request->start_mono_ns) / 1e9);
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

/* ---- what one cluster sees ---- */

static void add_gauge(struct metric_set *set, const struct metric_family *family,
                      const char *const *values, int64_t value)
{
    metric_add(metric_set_series(set, family, values), value);
}

static void add_stored(void *arg, const char *resource, int64_t number)
{
    add_gauge(arg, &stored, &resource, number);
}

bool meter_render(struct request *request, struct buf *out)
{
    struct metric_set *now = metric_set_new(METRIC_SERIES_MAX, NULL);
    struct cluster_part *part = flow_part_get(request->cluster);
    add_gauge(now, &build,
              (const char *const[]){KUBERNETES_LEVEL, KUBERNETES_MAJOR, KUBERNETES_MINOR}, 1);
    bool ok = store_object_counts(request->cluster, add_stored, now, &request->error);
    if (ok) {
        metric_set_render(flow_meter(part), out);
        metric_set_render(now, out);
    }
    cluster_part_unref(part);
    metric_set_free(now);
    return ok;
}
