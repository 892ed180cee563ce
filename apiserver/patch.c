/* PATCH: the patched form of what is stored, which then goes the way of an update. */
#include "schema/patch.h"

#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/body.h"
#include "apiserver/custom.h"
#include "apiserver/steps.h"
#include "apiserver/view.h"
#include "schema/go_text.h"
#include "schema/meta.h"

#define SHOWN_MAX ((size_t)4 << 20) /* of a patched object in a message */

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

/* `found`: what strictness found in the patch; NULL: nobody asks. */
/* Upstream's router refuses for its web services, and only custom resources have none. */
static void refuse_media(struct request *request)
{
    struct error *err = &request->error;
    if (request->resource->type->custom) {
        error_set(err, ERROR_UNSUPPORTED_MEDIA_TYPE,
                  "the body of the request was in an unknown format - accepted media types "
                  "include: application/json-patch+json, application/merge-patch+json, "
                  "application/apply-patch+yaml");
        return;
    }
    error_set(err, ERROR_UNSUPPORTED_MEDIA_TYPE, "415: Unsupported Media Type");
    error_details(err, "", NULL);
}

static json_t *patched(struct request *request, const json_t *target, struct warnings *found)
{
    struct str patch = buf_str(&request->body);
    struct error *err = &request->error;
    if (request->caller)
        return patch_merge_tree(target, request->given);
    switch (patch_kind(request)) {
    case PATCH_JSON:
        return patch_json(target, patch, found, err);
    case PATCH_MERGE:
        return patch_merge(target, patch, found, err);
    case PATCH_STRATEGIC:
        if (request->resource->type->custom)
            break;
        return patch_strategic(request->type, target, patch, found, err);
    case PATCH_UNKNOWN:
        break;
    }
    refuse_media(request);
    return NULL;
}

/* The object in the order in which Go prints one that it took apart: its members by name. */
static void show_members(struct buf *out, const json_t *object)
{
    static const char *const names[] = {"apiVersion", "kind", "metadata"};
    json_auto_t *left = json_copy((json_t *)(uintptr_t)object), *sorted = json_object();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (json_object_get(left, names[i]))
            json_object_set(sorted, names[i], json_object_get(left, names[i]));
        json_object_del(left, names[i]);
    }
    json_object_update(sorted, left);
    json_write(out, sorted);
}

/* What upstream shows of a patch whose outcome cannot be decoded: that outcome, of a strategic one
 * the patch. */
static char *shown_patch(struct request *request, const json_t *target)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(SHOWN_MAX);
    bool strategic = patch_kind(request) == PATCH_STRATEGIC;
    json_auto_t *tree = strategic ? json_parse(buf_str(&request->body), JSON_LOAD_LENIENT, &ignored)
                                  : patched(request, target, NULL);
    if (strategic)
        go_print(&text, tree);
    else if (json_is_object(tree))
        show_members(&text, tree);
    char *shown = buf_take(&text);
    return shown ? shown : xstrdup("");
}

static enum step_result refuse_patched(struct request *request, const json_t *target,
                                       const char *why)
{
    CLEANUP(free_ptr) char *shown = shown_patch(request, target);
    error_add_invalid(&request->error, "patch", shown, why);
    return request_invalid(request, "", "", "");
}

/* A patch that makes something undecodable is the patch's fault. */
static enum step_result blame_patch(struct request *request, const json_t *target)
{
    struct error *err = &request->error;
    if (err->reason != ERROR_BAD_REQUEST)
        return STEP_FAIL;
    CLEANUP(free_ptr) char *why = xstrdup(err->message);
    error_clear(err);
    return refuse_patched(request, target, why);
}

/* Another kind of custom resource is read, and then is not valid as it; another version is read
 * when it is served. */
static enum step_result check_custom_kind(struct request *request, const json_t *target,
                                          const char *kind, const char *version)
{
    const struct resource *row = request->resource;
    size_t len = strlen(row->group);
    bool same_group = strncmp(version, row->group, len) == 0 && version[len] == '/',
         served =
             same_group && custom_find(request->custom, row->group, version + len + 1, row->plural);
    if (!served) {
        CLEANUP(free_ptr)
        char *why =
            same_group
                ? xasprintf("request to convert CR from an invalid group/version: %s", version)
                : xasprintf("%s, Kind=%s is unstructured and is not suitable for "
                            "converting to \"%s\"",
                            version, kind, row->api_version);
        return refuse_patched(request, target, why);
    }
    if (strcmp(kind, row->kind) == 0)
        return STEP_NEXT;
    CLEANUP(free_ptr) char *detail = xasprintf("must be %s", row->kind);
    error_add_invalid(&request->error, "kind", kind, detail);
    return request_invalid(request, kind, row->group, request->route.name);
}

/* A strategic merge patch is read as what is stored, whatever it says that it is; what others make
 * must be readable as that. */
static enum step_result check_kind(struct request *request, const json_t *target)
{
    const char *kind = json_text(request->object, "kind"),
               *version = json_text(request->object, "apiVersion"),
               *want_kind = json_text(target, "kind"),
               *want_version = json_text(target, "apiVersion");
    kind = kind && *kind ? kind : want_kind;
    version = version && *version ? version : want_version;
    if (request->caller || patch_kind(request) == PATCH_STRATEGIC ||
        (text_eq(kind, want_kind) && text_eq(version, want_version)))
        return STEP_NEXT;
    if (request->type->custom)
        return check_custom_kind(request, target, kind, version);
    struct str rest = str_of(want_version);
    struct str group = strchr(want_version, '/') ? str_cut(&rest, '/') : STR("");
    CLEANUP(free_ptr) char *name = xstrndup(group.data, group.len);
    CLEANUP(free_ptr) char *why = body_unreadable_kind(version, kind, want_kind, name);
    return why ? refuse_patched(request, target, why) : STEP_NEXT;
}

enum step_result step_patch_read(struct request *request)
{
    enum step_result result = step_read(request);
    if (result != STEP_FAIL || request->error.reason != ERROR_NOT_FOUND || !apply_wanted(request))
        return result;
    error_clear(&request->error);
    return STEP_NEXT;
}

static bool shape_outcome(struct request *request, struct warnings *found)
{
    return (patch_kind(request) == PATCH_STRATEGIC ? schema_shape_merged : schema_shape_patched)(
        request->type, request->object, found, request->validation, &request->warnings,
        &request->error);
}

enum step_result step_patch(struct request *request)
{
    if (apply_wanted(request))
        return step_apply(request);
    json_auto_t *shown =
        request->view ? request->view->show(request->resource, request->old) : NULL;
    const json_t *target = shown ? shown : request->old;
    view_mark_unset(request, shown);
    CLEANUP(warnings_free) struct warnings found = {0};
    bool validates = request->validation != FIELD_VALIDATION_IGNORE;
    request->object = patched(request, target, validates ? &found : NULL);
    if (!request->object)
        return STEP_FAIL;
    if (!shape_outcome(request, &found))
        return blame_patch(request, target);
    if (check_kind(request, target) != STEP_NEXT)
        return STEP_FAIL;
    json_object_set(request->object, "kind", json_object_get(target, "kind"));
    json_object_set(request->object, "apiVersion", json_object_get(target, "apiVersion"));
    if (!request_place(request))
        return STEP_FAIL;
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
