#include "apiserver/api_internal.h"
#include "apiserver/custom.h"
#include "apiserver/list_options.h"
#include "apiserver/steps.h"

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
    return custom_reply(request);
}
