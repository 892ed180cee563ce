/* The way in for our own components: api.h's calls. */
#include "apiserver/calls.h"

#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/audit/audit.h"

struct request *call_run(const struct api_caller *caller, const struct call *call, json_t *given,
                         const struct request *whole)
{
    struct request *request = request_new(caller->api, "", "");
    request->caller = caller;
    request->call = *call;
    request->given = given;
    request->trusted = whole != NULL;
    request->may_call = whole && whole->may_call;
    request->may_block = true;
    pipeline_run(request);
    audit_answered(request,
                   (unsigned)(request->error.code ? request->error.code : request->reply.code));
    return request;
}

static json_t *list_tree(const struct object_list *list)
{
    json_t *items = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(items, object_json(list->items[i]));
    return items;
}

/* The reply as a tree: in the form of the resource, or of the subresource's view. */
static json_t *reply_tree(const struct request *request)
{
    const struct reply *reply = &request->reply;
    if (reply->kind == REPLY_JSON)
        return json_incref(reply->json);
    if (reply->kind == REPLY_LIST)
        return list_tree(&reply->list);
    if (reply->kind != REPLY_OBJECT)
        return json_null();
    json_t *stored = object_json(reply->object);
    if (!request->view)
        return stored;
    json_t *shown = request->view->show(request->resource, stored);
    json_decref(stored);
    return shown;
}

static bool run(const struct api_caller *caller, const struct call *call, json_t *given,
                json_t **out, struct error *err)
{
    struct request *request = call_run(caller, call, given, NULL);
    bool ok = request->error.code == 0;
    if (!ok)
        error_move(err, &request->error);
    else if (request->reply.kind == REPLY_BYTES && request->reply.code >= 400)
        ok = error_set(err, ERROR_NOT_FOUND, "the server could not find the requested resource");
    else if (out)
        *out = reply_tree(request);
    request_free(request);
    return ok;
}

bool api_get(const struct api_caller *caller, const char *resource, const char *ns,
             const char *name, json_t **out, struct error *err)
{
    struct call call = {.verb = "get", .resource = resource, .sub = "", .ns = ns, .name = name};
    return run(caller, &call, NULL, out, err);
}

bool api_get_sub(const struct api_caller *caller, const char *resource, const char *subresource,
                 const char *ns, const char *name, json_t **out, struct error *err)
{
    struct call call = {
        .verb = "get", .resource = resource, .sub = subresource, .ns = ns, .name = name};
    return run(caller, &call, NULL, out, err);
}

bool api_list(const struct api_caller *caller, const char *resource, const char *ns,
              const char *selector, json_t **out, struct error *err)
{
    struct call call = {.verb = "list",
                        .resource = resource,
                        .sub = "",
                        .ns = ns,
                        .name = "",
                        .selector = selector};
    return run(caller, &call, NULL, out, err);
}

bool api_create(const struct api_caller *caller, const char *resource, const char *ns,
                json_t *object, json_t **out, struct error *err)
{
    struct call call = {.verb = "create", .resource = resource, .sub = "", .ns = ns, .name = ""};
    return run(caller, &call, object, out, err);
}

bool api_update(const struct api_caller *caller, const char *resource, const char *subresource,
                const char *ns, const char *name, json_t *object, json_t **out, struct error *err)
{
    struct call call = {
        .verb = "update", .resource = resource, .sub = subresource, .ns = ns, .name = name};
    return run(caller, &call, object, out, err);
}

bool api_patch(const struct api_caller *caller, const char *resource, const char *subresource,
               const char *ns, const char *name, json_t *patch, json_t **out, struct error *err)
{
    struct call call = {
        .verb = "patch", .resource = resource, .sub = subresource, .ns = ns, .name = name};
    return run(caller, &call, patch, out, err);
}

bool api_post_sub(const struct api_caller *caller, const char *resource, const char *subresource,
                  const char *ns, const char *name, json_t *object, json_t **out, struct error *err)
{
    struct call call = {
        .verb = "create", .resource = resource, .sub = subresource, .ns = ns, .name = name};
    return run(caller, &call, object, out, err);
}

bool api_delete(const struct api_caller *caller, const char *resource, const char *ns,
                const char *name, const struct api_delete_options *options, struct error *err)
{
    struct call call = {.verb = "delete", .resource = resource, .sub = "", .ns = ns, .name = name};
    json_auto_t *body = json_object();
    if (options && options->uid)
        json_object_set_new(body, "preconditions", json_pack("{s:s}", "uid", options->uid));
    if (options && options->propagation)
        json_set_text(body, "propagationPolicy", options->propagation);
    if (options && options->grace_s >= 0)
        json_object_set_new(body, "gracePeriodSeconds", json_integer(options->grace_s));
    return run(caller, &call, body, NULL, err);
}
