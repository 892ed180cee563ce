#include "apiserver/api_internal.h"
#include "apiserver/custom.h"
#include "apiserver/list_options.h"
#include "apiserver/steps.h"
#include "schema/crd.h"

/* A custom resource without replicas has no scale to show, though one can be set. */
static enum step_result check_scale(struct request *request)
{
    const struct resource *row = request->resource;
    bool scale = request->view && row->type->custom;
    json_auto_t *stored = scale ? object_json(request->reply.object) : NULL;
    if (!scale || crd_scale_has_replicas(row, stored))
        return STEP_DONE;
    error_internal(&request->error, "the spec replicas field \"%s\" does not exist",
                   crd_scale_path(row));
    return STEP_FAIL;
}

enum step_result step_get(struct request *request)
{
    struct object *object;
    int64_t revision;
    if (!list_options_revision(request, NULL, &revision))
        return STEP_FAIL;
    if (revision > atomic_load(&request->cluster->revision))
        return list_from_future(request, revision);
    enum step_result result =
        request_read(request, request->storage, request_ns(request), request->route.name, &object);
    if (result != STEP_NEXT)
        return result;
    if (!object) {
        error_not_found(&request->error, request->resource->key, request->route.name);
        return STEP_FAIL;
    }
    reply_object(request, 200, object);
    enum step_result shown = custom_reply(request);
    return shown == STEP_DONE ? check_scale(request) : shown;
}
