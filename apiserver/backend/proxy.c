#include "apiserver/backend/proxy.h"

#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/backend/forward.h"
#include "apiserver/backend/tunnel.h"
#include "schema/meta.h"

#define HTTP_PORT  80
#define HTTPS_PORT 443

/* ---- names ---- */

bool proxy_name_parse(struct proxy_name *out, const char *text)
{
    *out = (struct proxy_name){.text = xstrdup(text), .scheme = "", .name = "", .port = ""};
    char *first = strchr(out->text, ':'), *second = first ? strchr(first + 1, ':') : NULL;
    if (first)
        *first++ = '\0';
    if (second)
        *second++ = '\0';
    if (second) {
        out->scheme = out->text;
        out->name = first;
        out->port = second;
    } else {
        out->name = out->text;
        out->port = first ? first : "";
    }
    bool known =
        !*out->scheme || strcmp(out->scheme, "http") == 0 || strcmp(out->scheme, "https") == 0;
    if (known && *out->name && !strchr(out->port, ':'))
        return true;
    proxy_name_clear(out);
    return false;
}

void proxy_name_clear(struct proxy_name *name)
{
    free(name->text);
    *name = (struct proxy_name){0};
}

/* ---- paths ---- */

/* What the client's URL had in front of the path that is passed on. */
static char *prefix_of(const struct request *request)
{
    const char *query = strchr(request->target, '?');
    size_t len = query ? (size_t)(query - request->target) : strlen(request->target),
           rest = strlen(request->route.rest);
    return xstrndup(request->target, rest <= len ? len - rest : len);
}

/* How much of it says which cluster is meant. */
static size_t cluster_len(const struct request *request)
{
    static const char mark[] = "/clusters/";
    const char *slash =
        text_starts(request->target, mark) ? strchr(request->target + sizeof(mark) - 1, '/') : NULL;
    return slash ? (size_t)(slash - request->target) : 0;
}

static char *path_of(const struct request *request)
{
    const struct route *route = &request->route;
    return xasprintf("%s%s%s", *route->rest ? route->rest : "/", route->query ? "?" : "",
                     route->query ? route->query : "");
}

/* As upstream: what reads a page is sent to the path with a slash; every other method goes on to
 * "/". */
static bool wants_slash(const struct request *request)
{
    bool reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    return reads && !*request->route.rest && !forward_is_upgrade(request);
}

/* So that relative links of the page below are those of the page here. */
static enum step_result redirect(struct request *request)
{
    CLEANUP(free_ptr) char *prefix = prefix_of(request);
    const char *query = request->route.query;
    request->reply.location = xasprintf("%s/%s%s", prefix, query ? "?" : "", query ? query : "");
    struct buf nothing = BUF_TEXT;
    return reply_bytes(request, 301, NULL, &nothing);
}

/* ---- Pods and Services ---- */

static bool find_place(struct request *request, enum reach_kind kind, const struct proxy_name *name,
                       struct reach_place *place)
{
    bool https = strcmp(name->scheme, "https") == 0;
    const struct reach_target target = {.kind = kind,
                                        .ns = request->route.ns,
                                        .name = name->name,
                                        .port = name->port,
                                        .default_port = https ? HTTPS_PORT : HTTP_PORT};
    return reach_resolve(request->cluster, &target, place, &request->error);
}

static enum step_result to_pod(struct request *request, enum reach_kind kind,
                               const struct proxy_name *name)
{
    CLEANUP(forward_target_clear) struct forward_target target = {.more = BUF_TEXT};
    if (!request->may_block)
        return STEP_BLOCK;
    if (!find_place(request, kind, name, &target.place))
        return STEP_FAIL;
    if (wants_slash(request))
        return redirect(request);
    if (strcmp(name->scheme, "https") == 0)
        target.flags = FORWARD_TLS | FORWARD_INSECURE; /* as upstream: the name proves nothing */
    target.path = path_of(request);
    target.prefix = prefix_of(request);
    target.cluster_len = cluster_len(request);
    return forward_start(request, &target);
}

static enum step_result proxy_pod(struct request *request, const struct proxy_name *name)
{
    return to_pod(request, REACH_POD, name);
}

static enum step_result proxy_service(struct request *request, const struct proxy_name *name)
{
    return to_pod(request, REACH_SERVICE, name);
}

/* ---- nodes ---- */

static enum step_result refuse_node(struct request *request, const char *why)
{
    error_forbidden(&request->error, "nodes", request->route.name, "%s", why);
    return STEP_FAIL;
}

static enum step_result to_agent(struct request *request, const struct proxy_name *name,
                                 const json_t *node)
{
    CLEANUP(forward_target_clear) struct forward_target target = {.more = BUF_TEXT};
    target.node_url = api_node_url(node);
    const char *port = target.node_url ? strrchr(target.node_url, ':') + 1 : "";
    if (!target.node_url) {
        error_bad_request(&request->error, "address not allowed");
        return STEP_FAIL;
    }
    if (*name->port && strcmp(name->port, port) != 0)
        return refuse_node(request, "only the node agent's own port can be reached through a node");
    if (wants_slash(request))
        return redirect(request);
    target.path = path_of(request);
    target.prefix = prefix_of(request);
    target.cluster_len = cluster_len(request);
    return forward_start(request, &target);
}

/* The Pods of this cluster that run on the node, as its agent would list them. */
static enum step_result list_pods(struct request *request)
{
    const struct cache_range everything = {0};
    struct object_list list = {0};
    bool gone;
    enum step_result result = request_list(request, "pods", &everything, &list, &gone);
    if (result != STEP_NEXT)
        return result;
    json_t *items = json_array();
    for (size_t i = 0; i < list.count; i++) {
        json_auto_t *pod = object_json(list.items[i]);
        if (text_eq(json_text(pod, "spec", "nodeName"), request->route.name))
            json_array_append(items, pod);
    }
    object_list_free(&list);
    return reply_json(request, 200,
                      json_pack("{s:s, s:s, s:{}, s:o}", "kind", "PodList", "apiVersion", "v1",
                                "metadata", "items", items));
}

/* What a tenant may know of a node that it shares with others. */
static enum step_result shared_node(struct request *request)
{
    const char *rest = request->route.rest;
    if (strcmp(rest, "/healthz") == 0)
        return reply_text(request, 200, "ok");
    if (strcmp(rest, "/pods") == 0 || strcmp(rest, "/pods/") == 0)
        return list_pods(request);
    return refuse_node(request,
                       "the node is shared with other clusters: nodes/proxy serves /healthz "
                       "and /pods only; use pods/log, pods/exec, pods/attach, "
                       "pods/portforward and pods/proxy for this cluster's Pods");
}

static enum step_result proxy_node(struct request *request, const struct proxy_name *name)
{
    enum step_result result = request_read(request, "nodes", "", name->name, &request->current);
    if (result != STEP_NEXT)
        return result;
    if (!request->current) {
        error_not_found(&request->error, "nodes", name->name);
        return STEP_FAIL;
    }
    if (request->cluster->id != CLUSTER_HOST_ID)
        return shared_node(request);
    json_auto_t *node = object_json(request->current);
    return to_agent(request, name, node);
}

/* ---- all ---- */

static const struct proxy_row {
    const char *plural, *word;
    enum step_result (*proxy)(struct request *request, const struct proxy_name *name);
} proxy_rows[] = {
    {"pods", "pod", proxy_pod},
    {"services", "service", proxy_service},
    {"nodes", "node", proxy_node},
};

static bool is_served(const char *method)
{
    static const char *const methods[] = {"GET",   "HEAD",   "POST",   "PUT",
                                          "PATCH", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (strcmp(method, methods[i]) == 0)
            return true;
    return false;
}

enum step_result step_proxy(struct request *request)
{
    CLEANUP(proxy_name_clear) struct proxy_name name = {0};
    const struct proxy_row *row = proxy_rows;
    while (strcmp(row->plural, request->route.plural) != 0)
        row++;
    if (!request->http || !is_served(request->method)) {
        error_set(&request->error, ERROR_METHOD_NOT_ALLOWED,
                  "the server does not allow this method on the requested resource");
        return STEP_FAIL;
    }
    if (!proxy_name_parse(&name, request->route.name)) {
        error_bad_request(&request->error, "invalid %s request \"%s\"", row->word,
                          request->route.name);
        return STEP_FAIL;
    }
    return row->proxy(request, &name);
}
