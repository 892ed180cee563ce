/* Server-side apply, and whose fields are whose on every other write from outside.
 * Source: Kubernetes docs "Server-Side Apply"; apiserver pkg/endpoints/handlers/patch.go. */
#include "schema/apply.h"

#include <ctype.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/apply_versions.h"
#include "apiserver/steps.h"
#include "apiserver/view.h"
#include "base/clock.h"
#include "schema/go_text.h"
#include "schema/meta.h"

#define MANAGER_MAX 128

/* "kubectl/v1.32.0 (linux/amd64)" to "kubectl". */
static void agent_name(const struct request *request, char out[MANAGER_MAX + 1])
{
    const char *agent = MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, "User-Agent");
    size_t len = agent ? strcspn(agent, "/") : 0;
    len = len > MANAGER_MAX ? MANAGER_MAX : len;
    size_t kept = 0;
    for (size_t i = 0; i < len; i++)
        if (isprint((unsigned char)agent[i]))
            out[kept++] = agent[i];
    out[kept] = '\0';
    if (kept == 0)
        memcpy(out, "unknown", sizeof("unknown"));
}

/* Whatever is beyond ASCII passes for printable. */
static void check_manager(struct error *err, const char *manager)
{
    CLEANUP(buf_free) struct buf quoted = BUF_TEXT;
    if (strlen(manager) > MANAGER_MAX)
        error_add_cause(err, CAUSE_TOO_LONG, "fieldManager",
                        "Too long: may not be more than %d bytes", MANAGER_MAX);
    go_quote(&quoted, str_of(manager));
    for (size_t i = 0; manager[i]; i++)
        if ((unsigned char)manager[i] < 0x20 || manager[i] == 0x7f)
            error_add_cause(err, CAUSE_INVALID, "fieldManager",
                            "Invalid value: %s: invalid character U+%04X (at position %zu)",
                            buf_ok(&quoted) ? quoted.data : "\"\"", (unsigned)manager[i], i);
}

void apply_check_options(struct request *request)
{
    const char *manager = route_arg(&request->route, "fieldManager");
    bool patches = strcmp(request->route.verb, "patch") == 0;
    if (patches && !apply_wanted(request) && route_arg(&request->route, "force"))
        error_add_forbidden(&request->error, "force", "may not be specified for non-apply patch");
    if (patches && apply_wanted(request) && (!manager || !*manager))
        error_add_required(&request->error, "fieldManager", "is required for apply patch");
    if (manager)
        check_manager(&request->error, manager);
}

static struct apply apply_of(const struct request *request, const char *manager,
                             const struct apply_versions *versions)
{
    return (struct apply){
        .versions = versions,
        .has_status = resource_sub(request->resource, STR("status")) != NULL,
        .type = request->resource->type,
        .api_version = resource_api_version(request->resource),
        .kind = request->resource->kind,
        .subresource = request->route.sub,
        .manager = manager,
        .force = route_flag(&request->route, "force"),
        .now_us = clock_now_us(),
    };
}

/* ---- other writes ---- */

/* Fields are named as in the version that the client wrote. */
static void track_shown(struct request *request, const struct apply *apply)
{
    const struct view *view = request->view;
    json_auto_t *old = request->old ? view->show(request->resource, request->old) : NULL;
    json_auto_t *now = view->show(request->resource, request->object);
    apply_track(apply, old, now);
    json_t *entries = json_at(now, "metadata", "managedFields");
    json_t *metadata = json_ensure_object(request->object, "metadata");
    if (entries)
        json_object_set(metadata, "managedFields", entries);
    else
        json_object_del(metadata, "managedFields");
}

static enum step_result track(struct request *request)
{
    const char *given = route_arg(&request->route, "fieldManager");
    char agent[MANAGER_MAX + 1];
    struct apply_versions versions;
    if (!given || !*given)
        agent_name(request, agent);
    enum step_result result = apply_versions_of(request, &versions);
    if (result != STEP_NEXT)
        return result;
    const struct apply apply = apply_of(request, given && *given ? given : agent, &versions);
    if (request_whole_view(request))
        track_shown(request, &apply);
    else
        apply_track(&apply, request->old, request->object);
    return STEP_NEXT;
}

/* Before admission and strategy, as upstream: what they fill in is nobody's. Calls from inside are
 * not tracked: what our own components set is nobody's, either. */
enum step_result step_track(struct request *request)
{
    return request->caller || request->applies ? STEP_NEXT : track(request);
}

enum step_result step_track_end(struct request *request)
{
    if (!request->caller && !request->deletes && request->old)
        apply_keep_times(request->old, request->object);
    return STEP_NEXT;
}

/* ---- apply ---- */

/* The kind that the endpoint takes: the resource's, or a Scale. `api_version` is owned. */
static const char *expected_kind(const struct request *request, char **api_version)
{
    const struct subresource *sub = request->sub;
    bool own = request->view && !request_whole_view(request);
    *api_version = own ? xasprintf("%s/%s", sub->group, sub->version)
                       : xstrdup(resource_api_version(request->resource));
    return own ? sub->kind : request->resource->kind;
}

/* A map, as upstream decodes it; NULL with its error. `notes`: of duplicate keys. */
static json_t *parse(struct request *request, struct buf *notes)
{
    struct error *err = &request->error;
    CLEANUP(buf_free) struct buf kind = BUF_TEXT;
    bool validates = request->validation != FIELD_VALIDATION_IGNORE;
    json_auto_t *tree = yaml_parse_noting(buf_str(&request->body), validates ? notes : NULL, err);
    if (!tree) {
        error_wrap(err, "error decoding YAML: error converting YAML to JSON");
        return NULL;
    }
    if (json_is_object(tree) || json_is_null(tree))
        return TAKE(tree);
    go_value_kind(&kind, tree, false);
    error_bad_request(err,
                      "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: "
                      "cannot unmarshal %s into Go value of type map[string]interface {}",
                      kind.data);
    return NULL;
}

/* Duplicate keys are told when everything else is right. */
static bool check_notes(struct request *request, const struct buf *notes)
{
    struct str rest = buf_str(notes);
    if (notes->len && request->validation == FIELD_VALIDATION_STRICT) {
        CLEANUP(free_ptr) char *errors = yaml_notes_error(notes);
        return error_bad_request(&request->error,
                                 "error strict decoding YAML: error converting YAML to JSON: %s",
                                 errors);
    }
    while (rest.len) {
        struct str line = str_cut(&rest, '\n');
        CLEANUP(free_ptr) char *text = xstrndup(line.data, line.len);
        warnings_add(&request->warnings, text);
    }
    return true;
}

static json_t *configuration(struct request *request, struct buf *notes)
{
    struct error *err = &request->error;
    CLEANUP(free_ptr) char *want_version = NULL;
    const char *want = expected_kind(request, &want_version);
    json_t *tree = parse(request, notes);
    if (!tree)
        return NULL;
    const char *api_version = json_text(tree, "apiVersion"), *name = json_text(tree, "kind");
    bool ok = true;
    if (!json_is_object(tree) || !text_eq(api_version, want_version) || !text_eq(name, want))
        ok = error_bad_request(
            err,
            "the API version and kind in the data (%s, %s) do not match the expected ones (%s, %s)",
            api_version ? api_version : "", name ? name : "", want_version, want);
    else if (json_is_array(json_at(tree, "metadata", "managedFields")))
        ok = error_bad_request(err, "metadata.managedFields must be nil");
    if (ok) /* not shaped: that would drop what is false on purpose; apply_configuration() checks */
        return tree;
    json_decref(tree);
    return NULL;
}

static bool check_names(struct request *request, json_t *tree)
{
    const char *name = meta_name(tree);
    json_t *metadata = json_ensure_object(tree, "metadata");
    if (!request_place_object(request, tree))
        return false;
    if (*name && strcmp(name, request->route.name) != 0)
        return error_bad_request(
            &request->error, "the name of the object (%s) does not match the name on the URL (%s)",
            name, request->route.name);
    json_set_text(metadata, "name", request->route.name);
    return true;
}

static enum step_result apply_create(struct request *request, json_t *tree)
{
    if (request->sub) {
        error_not_found(&request->error, request->resource->key, request->route.name);
        return STEP_FAIL;
    }
    if (*meta_uid(tree)) {
        error_conflict(
            &request->error, request->resource->key, request->route.name,
            "uid mismatch: the provided object specified uid %s, and no existing object was found",
            meta_uid(tree));
        return STEP_FAIL;
    }
    json_object_del(json_object_get(tree, "metadata"), "resourceVersion");
    return STEP_NEXT;
}

/* What a Scale that is applied sets of its parent: one field, or nothing where it is left out. */
static json_t *part_of(struct request *request, const json_t *scale)
{
    const char *revision = meta_resource_version(scale);
    json_t *base =
        json_pack("{s:s, s:s, s:{s:s}}", "kind", request->resource->kind, "apiVersion",
                  resource_api_version(request->resource), "metadata", "name", request->route.name);
    if (!json_at(scale, "spec", "replicas")) {
        if (*revision)
            json_set_text(json_object_get(base, "metadata"), "resourceVersion", revision);
        return base;
    }
    json_t *part = request->view->accept(request->resource, scale, base, &request->error);
    json_decref(base);
    return part;
}

static bool apply_part(struct request *request, json_t **tree)
{
    if (!schema_shape(request->type, *tree, FIELD_VALIDATION_IGNORE, NULL, &request->error))
        return false;
    if (!json_at(*tree, "spec", "replicas"))
        view_mark_unset(request, *tree);
    json_t *part = part_of(request, *tree);
    if (!part)
        return false;
    json_decref(*tree);
    *tree = part;
    request->stored_form = true;
    return true;
}

bool apply_wanted(const struct request *request)
{
    return request->content_type &&
           text_starts(request->content_type, "application/apply-patch+yaml");
}

enum step_result step_apply(struct request *request)
{
    const char *manager = route_arg(&request->route, "fieldManager");
    CLEANUP(buf_free) struct buf notes = BUF_INIT(YAML_NOTES_MAX);
    json_auto_t *tree = configuration(request, &notes);
    if (!tree || !check_names(request, tree))
        return STEP_FAIL;
    request->applies = true;
    if (!request->current && apply_create(request, tree) == STEP_FAIL)
        return STEP_FAIL;
    bool whole = request_whole_view(request);
    if (request->view && !whole && !apply_part(request, &tree))
        return STEP_FAIL;
    struct apply_versions versions;
    enum step_result result = apply_versions_of(request, &versions);
    if (result != STEP_NEXT)
        return result;
    const struct apply apply = apply_of(request, manager, &versions);
    json_auto_t *shown =
        whole && request->old ? request->view->show(request->resource, request->old) : NULL;
    request->object =
        apply_configuration(&apply, shown ? shown : request->old, tree, &request->error);
    if (!request->object || !check_notes(request, &notes))
        return STEP_FAIL;
    json_set_text(request->object, "kind", request->resource->kind);
    json_set_text(request->object, "apiVersion", resource_api_version(request->resource));
    if (!whole)
        schema_default(request->resource->type, request->object);
    request->expects_revision = *meta_resource_version(tree);
    return request->current ? STEP_NEXT : pipeline_chain(request, create_chain);
}
