#include "apiserver/render.h"

#include <stdio.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/custom.h"
#include "apiserver/message_cache.h"
#include "apiserver/status.h"
#include "base/clock.h"
#include "base/json_scan.h"
#include "base/parse.h"
#include "schema/meta.h"
#include "schema/table.h"
#include "schema/write.h"

#define OBJECT_MAX ((size_t)4 << 20)

bool render_is_plain(const struct request *request)
{
    return request->accept.shape != SHAPE_TABLE && request->accept.shape != SHAPE_METADATA &&
           !request->view && !(request->type && (request->type->flags & TYPE_CONVERTED));
}

/* Custom resources have no form without their kind. */
static bool is_custom(const struct request *request)
{
    return request->resource->type->flags & TYPE_NO_PROTOBUF;
}

void render_item_prefix(struct item_prefix *prefix, const struct request *request)
{
    const struct resource *row = request->resource;
    const struct object_list *list = &request->reply.list;
    bool version_first = list->count && memcmp(list->items[0]->body.data, "{\"a", 3) == 0;
    const char *version = resource_api_version(row);
    prefix->len = 0;
    if (is_custom(request))
        return;
    int len = snprintf(prefix->text, sizeof(prefix->text), "{\"%s\":\"%s\",\"%s\":\"%s\",",
                       version_first ? "apiVersion" : "kind", version_first ? version : row->kind,
                       version_first ? "kind" : "apiVersion", version_first ? row->kind : version);
    prefix->len = len > 0 && (size_t)len < sizeof(prefix->text) ? (size_t)len : 0;
}

struct str render_item_rest(const struct item_prefix *prefix, const struct object *object)
{
    bool cut = prefix->len && object->body.len > prefix->len &&
               memcmp(object->body.data, prefix->text, prefix->len) == 0;
    size_t skip = cut ? prefix->len : 1;
    return (struct str){object->body.data + skip, object->body.len - skip};
}

/* Lists of custom resources, as custom resources, have sorted keys, and always a continue token. */
static bool is_sorted_list(const struct request *request)
{
    return is_custom(request) && request->accept.shape == SHAPE_OBJECT;
}

void render_list_meta(struct buf *out, const struct request *request)
{
    const struct reply *reply = &request->reply;
    if (reply->computed) {
        buf_add_text(out, "{}");
        return;
    }
    const char *next = reply->next_page ? reply->next_page : "";
    bool sorted = is_sorted_list(request);
    if (sorted)
        buf_printf(out, "{\"continue\":\"%s\"", next);
    else
        buf_printf(out, "{\"resourceVersion\":\"%lld\"", (long long)reply->list.revision);
    if (!sorted && *next)
        buf_printf(out, ",\"continue\":\"%s\"", next);
    if (*next && reply->partial_count)
        buf_printf(out, ",\"remainingItemCount\":%zu", reply->list.remaining);
    if (sorted)
        buf_printf(out, ",\"resourceVersion\":\"%lld\"", (long long)reply->list.revision);
    buf_add_char(out, '}');
}

static const char *meta_version(const struct request *request)
{
    return request->accept.beta ? "meta.k8s.io/v1beta1" : "meta.k8s.io/v1";
}

static struct table_form table_form(const struct request *request)
{
    const char *include = route_arg(&request->route, "includeObject");
    return (struct table_form){
        .include = text_eq(include, "None")     ? TABLE_NONE
                   : text_eq(include, "Object") ? TABLE_OBJECT
                                                : TABLE_METADATA,
        .beta = request->accept.beta,
    };
}

/* Whose columns a Table has: Scale of what is built in has its own. */
static const struct resource *columns_of(const struct request *request)
{
    bool scale = request->sub && text_eq(request->sub->kind, "Scale");
    return scale && !is_custom(request) ? table_scale() : request->resource;
}

static void add_table(struct buf *out, const struct request *request, const struct object *object,
                      bool headers)
{
    const struct resource *columns = columns_of(request);
    CLEANUP(free_ptr)
    char *meta = xasprintf("{\"resourceVersion\":\"%lld\"}", (long long)object->revision);
    table_begin(out, columns, table_form(request), meta, headers);
    table_row(out, columns, object, table_form(request), clock_now_us());
    table_end(out);
}

/* What is before the metadata, and a brace behind it. */
static void begin_metadata(struct buf *out, const struct request *request)
{
    buf_printf(out, "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"%s\",\"metadata\":",
               meta_version(request));
}

static void add_metadata(struct buf *out, const struct request *request, const json_t *tree)
{
    const struct field *field = type_field(request->resource->type, STR("metadata"));
    begin_metadata(out, request);
    schema_write(out, field ? field->ref : NULL, json_object_get(tree, "metadata"));
    buf_add_char(out, '}');
}

static void add_stored_metadata(struct buf *out, const struct request *request,
                                const struct object *object)
{
    begin_metadata(out, request);
    buf_add_str(out, json_member(object->body, STR("metadata")));
    buf_add_char(out, '}');
}

void render_event(struct buf *out, const struct request *request, const struct object *object,
                  bool headers)
{
    if (request->accept.shape == SHAPE_TABLE && (!request->view || request_whole_view(request))) {
        add_table(out, request, object, headers);
        return;
    }
    if (request->accept.shape == SHAPE_METADATA && !request->view && !is_custom(request)) {
        add_stored_metadata(out, request, object);
        return;
    }
    if (render_is_plain(request)) {
        buf_add_str(out, object->body);
        return;
    }
    json_auto_t *tree = object_json(object);
    render_tree(out, request, tree, object->converted, headers);
}

void render_object(struct buf *out, const struct request *request, const struct object *object)
{
    render_event(out, request, object, true);
}

/* A Table needs an object with its index: one is made for the purpose. */
static void add_tree_table(struct buf *out, const struct request *request, json_t *tree,
                           bool headers)
{
    struct buf bytes = BUF_INIT(OBJECT_MAX);
    struct object_draft draft;
    struct error ignored = {0};
    int64_t revision = 0;
    if (!parse_i64(str_of(meta_resource_version(tree)), 0, INT64_MAX, &revision))
        revision = 0; /* a dry run has none */
    if (object_draft_make(tree, &bytes, &draft, &ignored)) {
        struct object *object =
            object_new(store_intern(request->resource->key), &draft, revision, tree);
        add_table(out, request, object, headers);
        object_unref(object);
    }
    error_clear(&ignored);
    buf_free(&bytes);
}

void render_json(struct buf *out, const struct request *request, const json_t *json)
{
    const char *kind = json_text(json, "kind");
    const struct resource *row = request->resource;
    const struct subresource *sub = request->sub;
    const struct type *type = row && text_eq(kind, row->kind)   ? row->type
                              : sub && text_eq(kind, sub->kind) ? sub->type
                                                                : NULL;
    schema_write(out, type, json);
}

void render_tree(struct buf *out, const struct request *request, json_t *tree, bool converted,
                 bool headers)
{
    json_auto_t *shown = request->view ? request->view->show(request->resource, tree) : NULL;
    json_t *tree_shown = shown ? shown : tree;
    custom_show(request, shown || converted ? NULL : tree);
    bool whole =
        !request->sub || !request->sub->type || request->sub->type == request->resource->type;
    if (request->accept.shape == SHAPE_METADATA)
        add_metadata(out, request, tree_shown);
    else if (request->accept.shape == SHAPE_TABLE && whole)
        add_tree_table(out, request, tree, headers); /* columns name what is stored */
    else if (request->accept.shape == SHAPE_TABLE &&
             (columns_of(request) != request->resource || is_custom(request)))
        add_tree_table(out, request, tree_shown, headers);
    else
        render_json(out, request, tree_shown);
}

void render_list_head(struct buf *out, const struct request *request)
{
    const struct resource *row = request->resource;
    bool metadata = request->accept.shape == SHAPE_METADATA;
    if (is_sorted_list(request)) {
        buf_printf(out, "{\"apiVersion\":\"%s\",\"items\":[", resource_api_version(row));
        return;
    }
    buf_printf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":",
               metadata ? "PartialObjectMetadataList" : row->list_kind,
               metadata ? meta_version(request) : resource_api_version(row));
    render_list_meta(out, request);
    buf_add_text(out, ",\"items\":[");
}

void render_list_tail(struct buf *out, const struct request *request)
{
    buf_add_char(out, ']');
    if (is_sorted_list(request)) {
        buf_printf(out, ",\"kind\":\"%s\",\"metadata\":", request->resource->list_kind);
        render_list_meta(out, request);
    }
    buf_add_char(out, '}');
}

/* Cells of what is built in are kept; a CustomResourceDefinition may change its columns. */
static void add_listed_row(struct buf *out, const struct request *request, struct object *object,
                           int64_t now_us)
{
    struct table_form form = table_form(request);
    struct message *cells = is_custom(request) ? NULL
                                               : message_cache_get_cells(request->api->messages,
                                                                         object, request->resource);
    if (cells)
        table_row_of_cells(out, object, (struct str){cells->data, cells->len}, form, now_us);
    else
        table_row(out, request->resource, object, form, now_us);
    message_unref(cells);
}

static void add_rows(struct buf *out, const struct request *request)
{
    const struct object_list *list = &request->reply.list;
    struct buf meta = BUF_TEXT;
    render_list_meta(&meta, request);
    table_begin(out, request->resource, table_form(request), meta.data, true);
    int64_t now = clock_now_us();
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            buf_add_char(out, ',');
        add_listed_row(out, request, list->items[i], now);
    }
    table_end(out);
    buf_free(&meta);
}

void render_list(struct buf *out, const struct request *request)
{
    const struct object_list *list = &request->reply.list;
    if (request->accept.shape == SHAPE_TABLE) {
        add_rows(out, request);
        return;
    }
    struct item_prefix prefix;
    bool plain = render_is_plain(request);
    render_list_head(out, request);
    render_item_prefix(&prefix, request);
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            buf_add_char(out, ',');
        if (plain)
            buf_add_char(out, '{');
        if (plain)
            buf_add_str(out, render_item_rest(&prefix, list->items[i]));
        else
            render_event(out, request, list->items[i], true);
    }
    render_list_tail(out, request);
}

void render_bookmark(struct buf *out, const struct request *request, int64_t revision,
                     bool initial_end)
{
    const char *annotation =
        initial_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "";
    if (request->accept.shape == SHAPE_TABLE) {
        CLEANUP(free_ptr)
        char *meta = xasprintf("{\"resourceVersion\":\"%lld\"}", (long long)revision);
        table_begin(out, request->resource, table_form(request), meta, false);
        buf_printf(out,
                   "{\"cells\":[],\"object\":{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":"
                   "\"%s\","
                   "\"metadata\":{\"resourceVersion\":\"%lld\",\"creationTimestamp\":null%s}}}",
                   meta_version(request), (long long)revision, annotation);
        table_end(out);
        return;
    }
    if (is_sorted_list(request)) {
        buf_printf(out,
                   "{\"apiVersion\":\"%s\",\"kind\":\"%s\",\"metadata\":{%s%s\"resourceVersion\":"
                   "\"%lld\"}}",
                   resource_api_version(request->resource), request->resource->kind,
                   *annotation ? annotation + 1 : "", *annotation ? "," : "", (long long)revision);
        return;
    }
    bool metadata = request->accept.shape == SHAPE_METADATA;
    buf_printf(out,
               "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":\"%lld\","
               "\"creationTimestamp\":null%s}}",
               metadata ? "PartialObjectMetadata" : request->resource->kind,
               metadata ? meta_version(request) : resource_api_version(request->resource),
               (long long)revision, annotation);
}

void render_expired(struct buf *out, int64_t revision)
{
    struct error err = {0};
    error_set(&err, ERROR_EXPIRED, "too old resource version: %lld", (long long)revision);
    status_write(out, &err, NULL);
    error_clear(&err);
}
