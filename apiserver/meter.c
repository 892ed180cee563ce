#include "apiserver/meter.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/metrics.h"

static const double seconds[] = {0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1,  1.25, 1.5, 2,
                                 3,     4,     5,    6,   8,   10,  15,  20,  30, 45,   60};

static struct metric_family requests = {
    .name = "apiserver_request_total",
    .help = "Requests, by verb, resource and HTTP code.",
    .kind = METRIC_COUNTER,
    .labels = {"verb", "group", "version", "resource", "subresource", "code"},
};
static struct metric_family durations = {
    .name = "apiserver_request_duration_seconds",
    .help = "Time from a request's first line to its answer; watches are left out.",
    .kind = METRIC_HISTOGRAM,
    .labels = {"verb", "group", "version", "resource"},
    .buckets = seconds,
    .bucket_count = sizeof(seconds) / sizeof(seconds[0]),
};

static const struct verb_name {
    const char *verb, *name;
} verb_names[] = {
    {"get", "GET"},       {"list", "LIST"},
    {"watch", "WATCH"},   {"create", "POST"},
    {"update", "PUT"},    {"patch", "PATCH"},
    {"delete", "DELETE"}, {"deletecollection", "DELETECOLLECTION"},
};

static const char *verb_name(const char *verb)
{
    for (size_t i = 0; verb && i < ARRAY_LEN(verb_names); i++)
        if (strcmp(verb, verb_names[i].verb) == 0)
            return verb_names[i].name;
    return "OTHER";
}

/* Only what is served gets labels of its own: names that a client invents do not. */
void meter_request(const struct request *request, unsigned code)
{
    const struct resource *row = request->resource;
    const char *verb = verb_name(request->route.verb);
    char status[12];
    snprintf(status, sizeof(status), "%u", code);
    const char *group = row ? row->group : "", *version = row ? row->version : "",
               *plural = row ? row->plural : "";
    metric_add(metric_with(&requests, verb, group, version, plural,
                           request->sub ? request->sub->name : "", status),
               1);
    if (request->reply.kind != REPLY_STREAM && request->reply.kind != REPLY_TUNNEL)
        metric_observe(metric_with(&durations, verb, group, version, plural),
                       (double)(clock_mono_ns() - request->start_mono_ns) / 1e9);
}
