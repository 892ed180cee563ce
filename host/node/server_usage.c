/* /metrics/resource and /stats/summary: what the node and its Pods use. */
#include <string.h>

#include "host/node/server_internal.h"
#include "host/node/usage.h"

#define TEXT_MAX ((size_t)16 << 20)

enum MHD_Result serve_metrics(struct request *request)
{
    CLEANUP(node_usage_clear) struct node_used used = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    if (strcmp(request->parts[1], "resource") != 0)
        return request_reply(request, 404, "404 page not found");
    node_usage_read(request->server->node, &used);
    node_usage_metrics(&text, &used);
    return buf_ok(&text) ? request_reply_as(request, "text/plain; version=0.0.4; charset=utf-8",
                                            buf_str(&text))
                         : request_reply(request, 500, "too much runs here to be told");
}

enum MHD_Result serve_stats(struct request *request)
{
    CLEANUP(node_usage_clear) struct node_used used = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX);
    if (strcmp(request->parts[1], "summary") != 0)
        return request_reply(request, 404, "404 page not found");
    node_usage_read(request->server->node, &used);
    json_auto_t *summary = node_usage_summary(request->server->node->name, &used);
    json_write(&text, summary);
    return buf_ok(&text) ? request_reply_as(request, "application/json", buf_str(&text))
                         : request_reply(request, 500, "too much runs here to be told");
}
