/* PATCH: the patched form of what is stored, which then goes the way of an update. */
#include "schema/patch.h"

#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/steps.h"
#include "schema/go_text.h"
#include "schema/meta.h"

enum patch_kind { PATCH_JSON, PATCH_MERGE, PATCH_STRATEGIC, PATCH_UNKNOWN };

static const struct patch_row {
    const char *type;
    enum patch_kind kind;
} patch_rows[] = {
    {"application/json-patch+json", PATCH_JSON},
    {"application/merge-patch+json", PATCH_MERGE},
    {"application/strategic-merge-patch+json", PATCH_STRATEGIC},
};

static enum patch_kind patch_kind(const struct request *request)
{
    struct str rest = str_of(request->content_type ? request->content_type : "");
    struct str name = str_trim(str_cut(&rest, ';'));
    for (size_t i = 0; i < ARRAY_LEN(patch_rows); i++)
        if (str_is(name, patch_rows[i].type))
            return patch_rows[i].kind;
    return PATCH_UNKNOWN;
}

/* Where upstream looks for unknown fields it decodes the patch once more, before, and says so. */
static json_t *undecodable(struct request *request, enum patch_kind kind)
{
    CLEANUP(error_clear) struct error why = {0};
    CLEANUP(buf_free) struct buf got = BUF_TEXT;
    if (request->validation == FIELD_VALIDATION_IGNORE ||
        request->error.reason != ERROR_BAD_REQUEST)
        return NULL;
    json_auto_t *tree = json_parse(buf_str(&request->body), JSON_LOAD_LENIENT, &why);
    bool fits = tree && (kind == PATCH_JSON ? json_is_array(tree) : json_is_object(tree));
    if (fits)
        return NULL;
    if (tree) {
        go_value_kind(&got, tree, false);
        error_bad_request(&why, "json: cannot unmarshal %s into Go value of type %s", got.data,
                          kind == PATCH_JSON ? "[]interface {}" : "map[string]interface {}");
    }
    error_clear(&request->error);
    error_bad_request(&request->error, "error decoding patch: %s", why.message);
    return NULL;
}

static json_t *patched(struct request *request, const json_t *target)
{
    struct str patch = buf_str(&request->body);
    struct error *err = &request->error;
    json_t *tree;
    if (request->caller)
        return patch_merge_tree(target, request->given);
    switch (patch_kind(request)) {
    case PATCH_JSON:
        tree = patch_json(target, patch, err);
        return tree ? tree : undecodable(request, PATCH_JSON);
    case PATCH_MERGE:
        tree = patch_merge(target, patch, err);
        return tree ? tree : undecodable(request, PATCH_MERGE);
    case PATCH_STRATEGIC:
        if (request->type->custom)
            break;
        return patch_strategic(request->type, target, patch, err);
    case PATCH_UNKNOWN:
        break;
    }
    error_set(
        err, ERROR_UNSUPPORTED_MEDIA_TYPE,
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, %sapplication/apply-patch+yaml",
        request->type->custom ? "" : "application/strategic-merge-patch+json, ");
    return NULL;
}

/* A patch that makes something undecodable is the patch's fault. */
static enum step_result blame_patch(struct request *request)
{
    struct error *err = &request->error;
    if (err->reason != ERROR_BAD_REQUEST)
        return STEP_FAIL;
    CLEANUP(free_ptr) char *why = xstrdup(err->message);
    CLEANUP(free_ptr)
    char *patch = xstrndup(request->body.len ? request->body.data : "",
                           request->body.len < 4096 ? request->body.len : 4096);
    error_clear(err);
    error_add_invalid(err, "patch", patch, why);
    return request_invalid(request, "", "", "");
}

enum step_result step_patch_read(struct request *request)
{
    enum step_result result = step_read(request);
    if (result != STEP_FAIL || request->error.reason != ERROR_NOT_FOUND || !apply_wanted(request))
        return result;
    error_clear(&request->error);
    return STEP_NEXT;
}

enum step_result step_patch(struct request *request)
{
    if (apply_wanted(request))
        return step_apply(request);
    if (route_arg(&request->route, "force")) {
        error_add_forbidden(&request->error, "force", "may not be specified for non-apply patch");
        return request_invalid(request, "PatchOptions", "meta.k8s.io", "");
    }
    json_auto_t *shown =
        request->view ? request->view->show(request->resource, request->old) : NULL;
    const json_t *target = shown ? shown : request->old;
    request->object = patched(request, target);
    if (!request->object)
        return STEP_FAIL;
    if (!schema_shape(request->type, request->object, request->validation, &request->warnings,
                      &request->error))
        return blame_patch(request);
    json_object_set(request->object, "kind", json_object_get(target, "kind"));
    json_object_set(request->object, "apiVersion", json_object_get(target, "apiVersion"));
    if (strcmp(meta_name(request->object), request->route.name) != 0) {
        error_bad_request(&request->error,
                          "the name of the object (%s) does not match the name on the URL (%s)",
                          meta_name(request->object), request->route.name);
        return STEP_FAIL;
    }
    /* Only a patch that changes resourceVersion asked for one; otherwise a lost race is simply
     * tried again. */
    request->expects_revision =
        strcmp(meta_resource_version(request->object), meta_resource_version(target)) != 0;
    if (!request->view)
        schema_default(request->type, request->object);
    return STEP_NEXT;
}
