#include "apiserver/admission/asked.h"

#include <string.h>

#include "apiserver/body.h"
#include "apiserver/custom.h"
#include "apiserver/view.h"
#include "schema/apply.h"
#include "schema/meta.h"

static const struct operation_row {
    enum asked_operation operation;
    const char *text, *options;
} operation_rows[] = {
    {ASKED_CREATE, "CREATE", "CreateOptions"},
    {ASKED_UPDATE, "UPDATE", "UpdateOptions"},
    {ASKED_DELETE, "DELETE", "DeleteOptions"},
    {ASKED_CONNECT, "CONNECT", NULL},
};

static const struct operation_row *row_of(enum asked_operation operation)
{
    const struct operation_row *row = operation_rows;
    while (row->operation != operation)
        row++;
    return row;
}

const char *asked_operation_text(enum asked_operation operation)
{
    return row_of(operation)->text;
}

/* ---- making ---- */

static json_t *options_of(const struct request *request, enum asked_operation operation)
{
    const char *kind = row_of(operation)->options;
    const char *manager = route_arg(&request->route, "fieldManager"),
               *validation = route_arg(&request->route, "fieldValidation");
    if (!kind)
        return NULL;
    if (operation == ASKED_DELETE && request->delete_options) {
        json_t *given = json_deep_copy(request->delete_options);
        json_set_text(given, "kind", kind);
        json_set_text(given, "apiVersion", "meta.k8s.io/v1");
        return given;
    }
    json_t *options = json_pack("{s:s, s:s}", "kind", kind, "apiVersion", "meta.k8s.io/v1");
    if (request->dry_run)
        json_object_set_new(options, "dryRun", json_pack("[s]", "All"));
    if (manager && *manager)
        json_set_text(options, "fieldManager", manager);
    if (validation && *validation)
        json_set_text(options, "fieldValidation", validation);
    return options;
}

static void set_names(struct asked *asked)
{
    const struct request *request = asked->request;
    asked->sub = request->route.sub;
    asked->ns = request_ns(request);
    asked->name = request->trusted ? "" : request->route.name; /* a collection has no name */
    if (!*asked->name && asked->object)
        asked->name = meta_name(asked->object);
    if (request->resource && strcmp(request->resource->key, "namespaces") == 0)
        asked->ns = asked->name;
}

const char *asked_refused_name(const struct asked *asked)
{
    const char *prefix = json_text(asked->object, "metadata", "generateName");
    if (*asked->name)
        return asked->name;
    return prefix && *prefix ? prefix : "Unknown";
}

void asked_special(struct asked *asked, struct request *request, enum asked_operation operation,
                   json_t *object)
{
    *asked = (struct asked){.request = request, .operation = operation};
    asked->place.resource = request->resource;
    body_expects(request, &asked->place.kind, &asked->place.group, &asked->place.version);
    asked->object = json_incref(object);
    asked->options = options_of(request, operation);
    set_names(asked);
}

static json_t *shown(const struct request *request, json_t *stored)
{
    if (!stored || !request->view)
        return json_incref(stored);
    return request->view->show(request->resource, stored);
}

void asked_write(struct asked *asked, struct request *request, enum asked_operation operation)
{
    *asked = (struct asked){.request = request, .operation = operation};
    asked->place.resource = request->resource;
    body_expects(request, &asked->place.kind, &asked->place.group, &asked->place.version);
    asked->object = operation == ASKED_DELETE ? NULL : shown(request, request->object);
    asked->old = shown(request, request->old);
    asked->options = options_of(request, operation);
    set_names(asked);
}

void asked_clear(struct asked *asked)
{
    json_decref(asked->object);
    json_decref(asked->old);
    json_decref(asked->options);
    *asked = (struct asked){0};
}

static void check_managers(struct request *request, json_t *object)
{
    CLEANUP(error_clear) struct error why = {0};
    if (apply_keep_readable(request->object, object, &why))
        return;
    CLEANUP(free_ptr)
    char *text =
        xasprintf(".metadata.managedFields was in an invalid state after admission; this could be "
                  "caused by an outdated mutating admission controller; please fix your "
                  "requests: %s",
                  why.message);
    warnings_add(&request->warnings, text);
}

bool asked_accept(struct asked *asked)
{
    struct request *request = asked->request;
    json_t *stored = request->view ? request->view->accept(request->resource, asked->object,
                                                           request->old, &request->error)
                                   : json_incref(asked->object);
    if (!stored)
        return false;
    check_managers(request, stored);
    json_decref(request->object);
    request->object = stored;
    return true;
}

/* ---- other versions ---- */

static const char *storage_of(const struct resource *row)
{
    const struct view *view = view_find(row, "");
    return view && view->storage ? view->storage : row->key;
}

static bool has_sub(const struct resource *row, const char *sub)
{
    return !*sub || resource_sub(row, str_of(sub));
}

static const struct resource *const *all_rows(const struct asked *asked, size_t *count)
{
    const struct custom *custom = asked->request->custom;
    if (!asked->place.resource->type || !asked->place.resource->type->custom)
        return resource_all(count);
    *count = custom ? custom->row_count : 0;
    return custom ? custom->rows : NULL;
}

void asked_equivalents(const struct asked *asked, const struct resource *out[ASKED_FORMS_MAX + 1])
{
    size_t count = 0, kept = 0;
    const struct resource *own = asked->place.resource;
    const struct resource *const *rows = all_rows(asked, &count);
    const char *storage = storage_of(own);
    for (size_t i = 0; i < count && kept < ASKED_FORMS_MAX; i++)
        if (rows[i] != own && strcmp(rows[i]->plural, own->plural) == 0 &&
            strcmp(storage_of(rows[i]), storage) == 0 && has_sub(rows[i], asked->sub))
            out[kept++] = rows[i];
    out[kept] = NULL;
}

struct asked_place asked_place_of(const struct asked *asked, const struct resource *row)
{
    struct asked_place place = asked->place;
    bool of_resource = strcmp(place.kind, place.resource->kind) == 0 &&
                       strcmp(place.group, place.resource->group) == 0;
    place.resource = row;
    if (of_resource) {
        place.kind = row->kind;
        place.group = row->group;
        place.version = row->version;
    }
    return place;
}

/* From one version's form to another's, by way of what is stored. */
static enum step_result change_form(const struct asked *asked, const struct resource *from,
                                    const struct resource *to, json_t *form, json_t **out)
{
    struct request *request = asked->request;
    const struct view *before = view_find(from, asked->sub), *after = view_find(to, asked->sub);
    *out = NULL;
    if (!form || from == to || (before && before == after)) {
        *out = json_incref(form);
        return STEP_NEXT;
    }
    if (from->type->custom)
        return custom_convert(request, form, to, out);
    json_t *stored =
        before ? before->accept(from, form, request->old, &request->error) : json_deep_copy(form);
    if (!stored)
        return STEP_FAIL;
    *out = after ? after->show(to, stored) : json_incref(stored);
    json_decref(stored);
    return STEP_NEXT;
}

enum step_result asked_form(const struct asked *asked, const struct resource *row, json_t *object,
                            json_t **out)
{
    return change_form(asked, asked->place.resource, row, object, out);
}

enum step_result asked_unform(const struct asked *asked, const struct resource *row, json_t *form,
                              json_t **out)
{
    return change_form(asked, row, asked->place.resource, form, out);
}
