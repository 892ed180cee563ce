#include "apiserver/apply_versions.h"

#include <string.h>

#include "apiserver/custom.h"
#include "apiserver/view.h"

/* The row that serves the request's resource in that version; NULL: none does. */
static const struct resource *row_of(const struct request *request, const char *api_version)
{
    const struct resource *row = request->resource, *found;
    struct str version = str_of(api_version), group = STR("");
    if (strchr(api_version, '/'))
        group = str_cut(&version, '/');
    if (row->type->custom)
        return str_is(group, row->group)
                   ? custom_find(request->custom, row->group, version.data, row->plural)
                   : NULL;
    found = resource_find(group, version, str_of(row->plural));
    return found && strcmp(found->key, row->key) == 0 ? found : NULL;
}

static const struct type *version_type(void *arg, const char *api_version)
{
    const struct resource *row = row_of(arg, api_version);
    return row ? row->type : NULL;
}

static json_t *convert_custom(struct request *request, const json_t *object,
                              const struct resource *row)
{
    CLEANUP(error_clear) struct error ignored = {0};
    json_auto_t *copy = json_deep_copy(object);
    json_t *out = NULL;
    struct error kept = request->error;
    request->error = (struct error){0};
    if (custom_convert(request, copy, row, &out) != STEP_NEXT)
        out = NULL;
    error_move(&ignored, &request->error);
    request->error = kept;
    return out;
}

/* By way of the form that is stored. */
static json_t *convert_built_in(const struct request *request, const json_t *object,
                                const struct resource *row)
{
    const char *version = json_text(object, "apiVersion");
    const struct resource *from = version ? row_of(request, version) : NULL;
    from = from ? from : request->resource;
    const struct view *before = view_find(from, ""), *after = view_find(row, "");
    if (from == row)
        return json_deep_copy(object);
    json_auto_t *stored = before ? before->restore(object) : json_deep_copy(object);
    return after ? after->show(row, stored) : TAKE(stored);
}

static json_t *in_version(void *arg, const json_t *object, const char *api_version)
{
    struct request *request = arg;
    const struct resource *row = row_of(request, api_version);
    if (!row)
        return NULL;
    return row->type->custom ? convert_custom(request, object, row)
                             : convert_built_in(request, object, row);
}

enum step_result apply_versions_of(struct request *request, struct apply_versions *versions)
{
    *versions = (struct apply_versions){request, version_type, in_version};
    bool asks = custom_converter(request) && request->old &&
                apply_has_other_version(request->old, resource_api_version(request->resource));
    return asks ? request_may_call(request) : STEP_NEXT;
}
