/* apiserver/route.h: what a request line asks for: cluster, resource, verb, arguments.
 *
 * Pure: reads method and target only. Mirrors upstream's RequestInfo, so that authorization sees
 * the same attributes. Source: apiserver pkg/endpoints/request/requestinfo.go. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define ROUTE_ARGS_MAX     64
#define ROUTE_SEGMENTS_MAX 32

struct route_arg {
    const char *key, *value;
};

struct route {
    char *text;             /* owned: what the rest points into */
    const char *cluster;    /* from /clusters/NAME; NULL */
    const char *path;       /* decoded, without the cluster's prefix */
    struct route_arg *args; /* owned array, in order */
    size_t arg_count;

    bool is_resource;
    bool is_deep; /* more follows behind the subresource than any has, or a namespace in another */
    const char *verb; /* "get", "list", ...; lower-case method for other paths */
    const char *group, *version, *plural, *sub, *ns, *name; /* "" for none */
    const char *rest;  /* behind a proxy subresource, as it came, with its slash; "" for none */
    const char *query; /* as it came, without the question mark; NULL: none */
};

/* `target` is the raw request target. BAD_REQUEST when it is malformed; NOT_FOUND where a segment
 * has an encoded slash. */
MUST_CHECK bool route_parse(struct route *route, const char *method, const char *target,
                            struct error *err);
void route_clear(struct route *route);
/* Upstream's long-running requests: watches and streams. */
bool route_runs_long(const struct route *route);
/* pods/proxy, services/proxy or nodes/proxy. */
bool route_is_proxy(const struct route *route);
/* The first value of a query argument; NULL when it was not given. */
const char *route_arg(const struct route *route, const char *key);
/* What the field selector demands of `path` when that is all it says ("metadata.name": a list or
 * watch of one object is authorized by its name); else "". Borrowed. */
const char *route_selected(const struct route *route, const char *path);
/* Likewise what the label selector demands of `label`. */
const char *route_labelled(const struct route *route, const char *label);
/* As upstream reads booleans in queries: given, and neither "false" nor "0". */
bool route_flag(const struct route *route, const char *key);
