#include "apiserver/api_hook.h"

#include <string.h>

#include "apiserver/api_internal.h"

void api_hook_add(struct api *api, const struct api_hook *hook)
{
    if (api->hook_count < API_HOOKS_MAX)
        api->hooks[api->hook_count++] = *hook;
}

const struct api_hook *api_hook_find(const struct request *request)
{
    const struct api *api = request->api;
    if (!request->resource->host_only)
        return NULL;
    for (size_t i = 0; i < api->hook_count; i++)
        if (strcmp(api->hooks[i].resource, request->resource->key) == 0)
            return &api->hooks[i];
    return NULL;
}

static json_t *request_json(struct request *request)
{
    if (request->caller)
        return request->given ? json_incref(request->given) : NULL;
    return request->body.len
               ? json_parse(buf_str(&request->body), JSON_LOAD_LENIENT, &request->error)
               : NULL;
}

static enum step_result step_api_hook(struct request *request)
{
    const struct api_hook *hook = api_hook_find(request);
    struct api_caller caller = {request->api, request->cluster, &request->user};
    if (!request->may_block)
        return STEP_BLOCK;
    json_auto_t *body = request_json(request);
    if (request->error.code)
        return STEP_FAIL;
    json_t *answer = hook->sub(hook->arg, &caller, request->route.name, request->route.sub, body,
                               &request->error);
    if (answer)
        return reply_json(request, strcmp(request->route.verb, "create") == 0 ? 201 : 200, answer);
    if (!request->error.code)
        error_set(&request->error, ERROR_NOT_FOUND,
                  "the server could not find the requested resource");
    return STEP_FAIL;
}

const step_fn api_hook_chain[] = {step_api_hook, NULL};
