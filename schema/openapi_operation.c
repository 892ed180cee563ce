/* One operation, named and marked as upstream names and marks it, since clients look that up:
 * kubectl asks whether PATCH of a kind takes `fieldValidation`, code generators go by operationId.
 */
#include "schema/openapi_operation.h"

#include <ctype.h>
#include <string.h>

#include "base/json.h"

/* clang-format off */
static const struct parameter {
    const char *name, *type, *description;
    unsigned uses;
} parameters[] = {
    {"pretty", "string", "If 'true', the output is indented.", USE_ALL},
    {"allowWatchBookmarks", "boolean", "Asks for watch events of type BOOKMARK.", USE_LIST},
    {"continue", "string", "The token of the next page of a list.", USE_LIST | USE_COLLECTION},
    {"dryRun", "string", "'All': does everything but store the result.",
     USE_WRITE | USE_PATCH | USE_DELETE | USE_COLLECTION},
    {"fieldManager", "string", "The name under which the fields of this request are owned.",
     USE_WRITE | USE_PATCH},
    {"fieldSelector", "string", "Restricts to objects whose fields match.", USE_LIST | USE_COLLECTION},
    {"fieldValidation", "string", "What unknown and duplicate fields lead to: Ignore, Warn or Strict.",
     USE_WRITE | USE_PATCH},
    {"force", "boolean", "Takes over fields that other managers own; for apply only.", USE_PATCH},
    {"gracePeriodSeconds", "integer", "Seconds until the object is gone; 0 is at once.",
     USE_DELETE | USE_COLLECTION},
    {"ignoreStoreReadErrorWithClusterBreakingPotential", "boolean",
     "Deletes an object that can no longer be read, without its finalizers.", USE_DELETE | USE_COLLECTION},
    {"labelSelector", "string", "Restricts to objects whose labels match.", USE_LIST | USE_COLLECTION},
    {"limit", "integer", "The largest number of objects in one page of a list.", USE_LIST | USE_COLLECTION},
    {"orphanDependents", "boolean", "Deprecated: see propagationPolicy.", USE_DELETE | USE_COLLECTION},
    {"propagationPolicy", "string", "What becomes of dependents: Orphan, Background or Foreground.",
     USE_DELETE | USE_COLLECTION},
    {"resourceVersion", "string", "How recent the answer has to be, or where a watch begins.",
     USE_LIST | USE_COLLECTION},
    {"resourceVersionMatch", "string", "How resourceVersion is meant for a list: NotOlderThan or Exact.",
     USE_LIST | USE_COLLECTION},
    {"sendInitialEvents", "boolean", "A watch begins with the objects that are there.", USE_LIST | USE_COLLECTION},
    {"timeoutSeconds", "integer", "Seconds after which a list or a watch ends.", USE_LIST | USE_COLLECTION},
    {"watch", "boolean", "Changes as a stream of events instead of a list.", USE_LIST},
};
/* clang-format on */

static void add_capitalized(struct buf *out, const char *text)
{
    if (*text) {
        buf_add_char(out, (char)toupper((unsigned char)*text));
        buf_add_text(out, text + 1);
    }
}

/* `listAppsV1NamespacedDeployment`; `infix` stands behind the version, `suffix` at the end. */
static void operation_id(struct path *path, const char *verb, const char *infix, const char *suffix)
{
    CLEANUP(buf_free) struct buf id = BUF_TEXT;
    buf_printf(&id, "%s%s", verb, path->group_id);
    add_capitalized(&id, path->row->version);
    buf_printf(&id, "%s%s%s", infix, path->namespaced ? "Namespaced" : "", path->row->kind);
    if (path->sub)
        add_capitalized(&id, path->sub->name);
    buf_add_text(&id, suffix);
    doc_text(path->doc->out, "operationId", id.data);
}

static void tags(struct path *path)
{
    CLEANUP(free_ptr) char *tag = xasprintf("%s_%s", path->group_id, path->row->version);
    tag[0] = (char)tolower((unsigned char)tag[0]);
    doc_array(path->doc->out, "tags");
    doc_item(path->doc->out, tag);
    doc_close(path->doc->out, ']');
}

static void parameter(struct openapi *doc, const char *name, const char *in, const char *type,
                      const char *description)
{
    struct buf *out = doc->out;
    doc_open(out, '{');
    doc_text(out, "name", name);
    doc_text(out, "in", in);
    doc_text(out, "description", description);
    if (strcmp(in, "path") == 0)
        doc_raw(out, "required", "true");
    if (doc->version == OPENAPI_V3)
        doc_object(out, "schema");
    doc_text(out, "type", type);
    doc_raw(out, "uniqueItems", "true");
    if (doc->version == OPENAPI_V3)
        doc_close(out, '}');
    doc_close(out, '}');
}

static void query_parameters(struct openapi *doc, unsigned uses)
{
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (parameters[i].uses & uses)
            parameter(doc, parameters[i].name, "query", parameters[i].type,
                      parameters[i].description);
}

/* The fields of PodExecOptions and its like are what its query takes. */
static void option_parameters(struct openapi *doc, const char *kind)
{
    static const char *const types[] = {[FIELD_BOOL] = "boolean",
                                        [FIELD_INT64] = "integer",
                                        [FIELD_INT32] = "integer",
                                        [FIELD_REF] = NULL};
    CLEANUP(free_ptr) char *name = xasprintf("io.k8s.api.core.v1.%s", kind);
    const struct type *type = type_find(name);
    for (size_t i = 0; type && i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (!(field->flags & (FIELD_TYPEMETA | FIELD_OFF)))
            parameter(doc, field->name, "query", types[field->kind] ? types[field->kind] : "string",
                      field->description);
    }
}

void operation_write_path_parameters(struct path *path)
{
    struct openapi *doc = path->doc;
    doc_array(doc->out, "parameters");
    if (path->named)
        parameter(doc, "name", "path", "string", "Name of the object.");
    if (path->namespaced)
        parameter(doc, "namespace", "path", "string", "Namespace of the object.");
    if (path->rest)
        parameter(doc, "path", "path", "string", "What follows in the URL of the target.");
    query_parameters(doc, USE_ALL);
    doc_close(doc->out, ']');
}

static const char *const media_types[] = {
    "application/json", "application/yaml", "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"};
static const char *const patch_types[] = {
    "application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json",
    "application/strategic-merge-patch+json"};

/* What the media types of an answer are: the streams only for lists, protobuf not for CRDs. */
static bool is_offered(const struct path *path, const char *media, bool stream)
{
    return (stream || !strchr(media, ';')) && (!path->custom || !strstr(media, "protobuf"));
}

static void schema_of(struct openapi *doc, const struct type *type)
{
    doc_object(doc->out, "schema");
    if (type)
        openapi_ref(doc, type);
    else
        doc_text(doc->out, "type", "string");
    doc_close(doc->out, '}');
}

static void content(struct openapi *doc, const char *media, const struct type *type)
{
    doc_object(doc->out, media);
    schema_of(doc, type);
    doc_close(doc->out, '}');
}

static const char *code_text(struct str code)
{
    return str_is(code, "201") ? "Created" : str_is(code, "202") ? "Accepted" : "OK";
}

/* `type` NULL: plain text. */
static void responses(struct path *path, const char *codes, const struct type *type, bool stream)
{
    struct openapi *doc = path->doc;
    struct str rest = str_of(codes);
    doc_object(doc->out, "responses");
    while (rest.data) {
        struct str code = str_cut(&rest, ' ');
        CLEANUP(free_ptr) char *key = str_dup(code);
        doc_object(doc->out, key);
        doc_text(doc->out, "description", code_text(code));
        if (doc->version == OPENAPI_V2) {
            schema_of(doc, type);
        } else {
            const char *only = path->media ? path->media : type ? NULL : "text/plain";
            doc_object(doc->out, "content");
            if (only)
                content(doc, only, type);
            for (size_t i = 0; !only && i < ARRAY_LEN(media_types); i++)
                if (is_offered(path, media_types[i], stream))
                    content(doc, media_types[i], type);
            doc_close(doc->out, '}');
        }
        doc_close(doc->out, '}');
    }
    doc_raw(doc->out, "401", "{\"description\":\"Unauthorized\"}");
    doc_close(doc->out, '}');
}

/* v2 says per operation what it takes and gives. */
static void media_members(struct path *path, enum body body, bool stream, bool plain)
{
    struct buf *out = path->doc->out;
    if (path->doc->version == OPENAPI_V3)
        return;
    doc_array(out, "consumes");
    if (body == BODY_PATCH)
        for (size_t i = 0; i < ARRAY_LEN(patch_types) - path->custom; i++)
            doc_item(out, patch_types[i]);
    else
        doc_item(out, "*/*");
    doc_close(out, ']');
    doc_array(out, "produces");
    if (plain)
        doc_item(out, "*/*");
    for (size_t i = 0; !plain && i < ARRAY_LEN(media_types); i++)
        if (is_offered(path, media_types[i], stream))
            doc_item(out, media_types[i]);
    doc_close(out, ']');
    doc_raw(out, "schemes", "[\"https\"]");
}

static const struct type *body_type(const struct path *path, enum body body)
{
    switch (body) {
    case BODY_SELF:
        return path->sub ? path->sub->type : path->row->type;
    case BODY_PATCH:
        return type_find("io.k8s.apimachinery.pkg.apis.meta.v1.Patch");
    case BODY_DELETE:
        return type_find("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
    default:
        return NULL;
    }
}

static void request_body(struct path *path, enum body body)
{
    struct openapi *doc = path->doc;
    const struct type *type = body_type(path, body);
    doc_object(doc->out, "requestBody");
    doc_object(doc->out, "content");
    if (body == BODY_PATCH)
        for (size_t i = 0; i < ARRAY_LEN(patch_types) - path->custom; i++)
            content(doc, patch_types[i], type);
    else
        content(doc, "*/*", type);
    doc_close(doc->out, '}');
    if (body != BODY_DELETE)
        doc_raw(doc->out, "required", "true");
    doc_close(doc->out, '}');
}

/* v2's request body is a parameter. */
static void body_parameter(struct path *path, enum body body)
{
    struct buf *out = path->doc->out;
    doc_open(out, '{');
    doc_text(out, "name", "body");
    doc_text(out, "in", "body");
    if (body != BODY_DELETE)
        doc_raw(out, "required", "true");
    schema_of(path->doc, body_type(path, body));
    doc_close(out, '}');
}

static void kubernetes_members(struct path *path, const char *action)
{
    const struct resource *row = path->row;
    const struct subresource *sub = path->sub;
    bool own = !sub || !*sub->version;
    doc_text(path->doc->out, "x-kubernetes-action", action);
    openapi_gvk(path->doc, own ? row->group : sub->group, own ? row->version : sub->version,
                sub ? sub->kind : row->kind);
}

static const struct type *result_type(const struct path *path, enum result result)
{
    const struct resource *row = path->row;
    if (result == RESULT_STATUS)
        return type_find("io.k8s.apimachinery.pkg.apis.meta.v1.Status");
    if (result == RESULT_SELF)
        return path->sub ? path->sub->type : row->type;
    const struct type *list =
        type_of_kind(str_of(row->group), str_of(row->version), str_of(row->list_kind));
    return list ? list : type_find("io.k8s.apimachinery.pkg.apis.meta.v1.List");
}

void operation_write(struct path *path, const struct operation *op, const char *id_suffix)
{
    struct buf *out = path->doc->out;
    bool stream = op->result == RESULT_LIST, log = path->sub && !path->sub->type;
    doc_object(out, op->method);
    tags(path);
    CLEANUP(free_ptr)
    char *description = xasprintf("%s%s%s %s", op->id, path->sub ? " the " : "",
                                  path->sub ? path->sub->name : "", path->row->kind);
    doc_text(out, "description", description);
    operation_id(path, op->id, op->infix, id_suffix);
    media_members(path, op->body, stream, log);
    if (op->uses || log || (op->body && path->doc->version == OPENAPI_V2)) {
        doc_array(out, "parameters");
        if (op->body && path->doc->version == OPENAPI_V2)
            body_parameter(path, op->body);
        query_parameters(path->doc, op->uses);
        if (log)
            option_parameters(path->doc, "PodLogOptions");
        doc_close(out, ']');
    }
    if (op->body && path->doc->version == OPENAPI_V3)
        request_body(path, op->body);
    responses(path, op->codes, result_type(path, op->result), stream);
    kubernetes_members(path, op->action);
    doc_close(out, '}');
}

void operation_write_connect(struct path *path, const struct connect_method *method)
{
    struct buf *out = path->doc->out;
    CLEANUP(free_ptr)
    char *description = xasprintf("connect %s requests to the %s of %s", method->method,
                                  path->sub->name, path->row->kind);
    doc_object(out, method->method);
    tags(path);
    doc_text(out, "description", description);
    operation_id(path, "connect", method->id, path->rest ? "WithPath" : "");
    media_members(path, BODY_NONE, false, true);
    doc_array(out, "parameters");
    option_parameters(path->doc, path->sub->kind);
    doc_close(out, ']');
    responses(path, "200", NULL, false);
    kubernetes_members(path, "connect");
    doc_close(out, '}');
}

void operation_write_discovery(struct path *path)
{
    doc_object(path->doc->out, "get");
    tags(path);
    doc_text(path->doc->out, "description", "get available resources");
    operation_id(path, "get", "", "");
    media_members(path, BODY_NONE, false, false);
    responses(path, "200", type_find("io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList"),
              false);
    doc_close(path->doc->out, '}');
}

static void only_media_member(const struct path *path)
{
    struct buf *out = path->doc->out;
    if (path->doc->version == OPENAPI_V3)
        return;
    doc_array(out, "produces");
    doc_item(out, path->media);
    doc_close(out, ']');
    doc_raw(out, "schemes", "[\"https\"]");
}

void operation_write_root(struct path *path, const struct root *root)
{
    struct buf *out = path->doc->out;
    path->media = root->media;
    doc_object(out, root->url);
    doc_object(out, "get");
    doc_array(out, "tags");
    doc_item(out, root->tag);
    doc_close(out, ']');
    doc_text(out, "description", root->description);
    doc_text(out, "operationId", root->id);
    if (root->media)
        only_media_member(path);
    else
        media_members(path, BODY_NONE, false, false);
    responses(path, "200", root->type ? type_find(root->type) : NULL, false);
    doc_close(out, '}');
    doc_close(out, '}');
}
