/* DELETE: at once, or step by step where grace or finalizers ask for it.
 * Source: apiserver pkg/registry/rest/delete.go and generic/registry/store.go;
 * pkg/registry/core/namespace. */
#include <stdio.h>
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/body.h"
#include "apiserver/calls.h"
#include "apiserver/custom.h"
#include "apiserver/delete.h"
#include "apiserver/admission/admission_config.h"
#include "apiserver/list.h"
#include "apiserver/query.h"
#include "apiserver/steps.h"
#include "base/clock.h"
#include "schema/crd.h"
#include "schema/kind.h"
#include "schema/meta.h"

#define FINALIZER_ORPHAN     "orphan"
#define FINALIZER_FOREGROUND "foregroundDeletion"
#define GRACE_UNSET          (-1)
#define GRACE_MAX            ((int64_t)1 << 40)

struct delete_options {
    json_t *body; /* owned; may be NULL */
    const char *uid, *revision, *policy;
    int64_t grace_s; /* GRACE_UNSET: the kind's */
};

static void options_clear(struct delete_options *options)
{
    json_decref(options->body);
}

/* ---- options ---- */

/* Upstream takes less than nothing for a second. */
static int64_t clamp_grace(int64_t grace_s)
{
    return grace_s < 0 ? 1 : grace_s > GRACE_MAX ? GRACE_MAX : grace_s;
}

static void set_orphan(struct request *request, struct delete_options *options, bool orphan)
{
    request->cascades = !orphan;
    if (options->policy)
        error_add_invalid(&request->error, "propagationPolicy", options->policy,
                          "orphanDependents and deletionPropagation cannot be both set");
    else
        options->policy = orphan ? "Orphan" : "Background";
}

static bool options_from_query(struct request *request, struct delete_options *options)
{
    bool has_grace = route_arg(&request->route, "gracePeriodSeconds") != NULL;
    if (!query_int(&request->route, "gracePeriodSeconds", &options->grace_s, &request->error))
        return false;
    if (has_grace)
        options->grace_s = clamp_grace(options->grace_s);
    options->policy = route_arg(&request->route, "propagationPolicy");
    if (route_arg(&request->route, "orphanDependents"))
        set_orphan(request, options, route_flag(&request->route, "orphanDependents"));
    return true;
}

static void options_from_body(struct request *request, struct delete_options *options)
{
    const json_t *body = options->body;
    const json_t *orphan = json_at(body, "orphanDependents"),
                 *grace = json_at(body, "gracePeriodSeconds");
    options->uid = json_text(body, "preconditions", "uid");
    options->revision = json_text(body, "preconditions", "resourceVersion");
    options->policy = json_text(body, "propagationPolicy");
    if (json_is_integer(grace))
        options->grace_s = clamp_grace(json_integer_value(grace));
    if (json_is_boolean(orphan))
        set_orphan(request, options, json_is_true(orphan));
}

static void dry_run_from_body(struct request *request, const json_t *body)
{
    const json_t *list = json_at(body, "dryRun");
    size_t count = json_array_size(list);
    const char **values = xcalloc(count + 1, sizeof(*values));
    for (size_t i = 0; i < count; i++)
        values[i] = json_string_value(json_array_get(list, i)) ?: "";
    body_read_dry_run(request, values, count);
    free(values);
}

/* Upstream reads these options without a say of fieldValidation, and takes those of any group
 * version; what it cannot read is an error that names no reason. */
static bool decode_options(struct request *request, struct delete_options *options)
{
    const struct type *type = type_find("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
    request->validation = FIELD_VALIDATION_IGNORE;
    options->body = body_decode_plain(request, type);
    const char *kind = json_text(options->body, "kind");
    if (kind && *kind && strcmp(kind, "DeleteOptions") != 0)
        return error_set(&request->error, ERROR_UNKNOWN,
                         "no kind \"%s\" is registered for version \"%s\" in scheme "
                         "\"pkg/apis/meta/internalversion/scheme/register.go:27\"",
                         kind, json_text(options->body, "apiVersion"));
    return request->error.code == 0;
}

static void check_policy(struct request *request, const char *policy)
{
    static const char *const policies[] = {"Foreground", "Background", "Orphan"};
    if (!policy)
        return;
    for (size_t i = 0; i < ARRAY_LEN(policies); i++)
        if (strcmp(policy, policies[i]) == 0)
            return;
    query_not_supported(&request->error, "propagationPolicy", policy,
                        "\"Foreground\", \"Background\", \"Orphan\", \"nil\"");
}

static bool read_options(struct request *request, struct delete_options *options)
{
    *options = (struct delete_options){.grace_s = GRACE_UNSET};
    if (!decode_options(request, options))
        return false;
    json_decref(request->delete_options);
    request->delete_options = json_incref(options->body);
    if (options->body)
        options_from_body(request, options);
    else if (!options_from_query(request, options))
        return false;
    check_policy(request, options->policy);
    if (options->body)
        dry_run_from_body(request, options->body);
    else
        body_query_dry_run(request);
    return error_seal_invalid(&request->error, "DeleteOptions", "meta.k8s.io", "");
}

/* ---- what stands in the way ---- */

static bool check_preconditions(struct request *request, const struct delete_options *options)
{
    const struct object *current = request->current;
    CLEANUP(free_ptr) char *revision = xasprintf("%lld", (long long)current->revision);
    CLEANUP(free_ptr)
    char *kind = *request->resource->group
                     ? xasprintf("%s.%s", request->resource->kind, request->resource->group)
                     : xstrdup(request->resource->kind);
    if (options->uid && strcmp(options->uid, current->uid) != 0)
        return error_conflict(&request->error, kind, current->name,
                              "the UID in the precondition (%s) does not match the UID in record "
                              "(%s). The object might "
                              "have been deleted and then recreated",
                              options->uid, current->uid);
    if (options->revision && strcmp(options->revision, revision) != 0)
        return error_conflict(&request->error, kind, current->name,
                              "the ResourceVersion in the precondition (%s) does not match the "
                              "ResourceVersion in record "
                              "(%s). The object might have been modified",
                              options->revision, revision);
    request->expects_revision = options->revision != NULL;
    return true;
}

static bool is_immortal(const struct request *request)
{
    static const char *const names[] = {"default", "kube-system", "kube-public"};
    if (strcmp(request->storage, "namespaces") != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(request->route.name, names[i]) == 0)
            return true;
    return false;
}

/* ---- finalizers of garbage collection ---- */

static const char *default_policy(const char *storage)
{
    return strcmp(storage, "replicationcontrollers") == 0 || strcmp(storage, "jobs.batch") == 0
               ? "Orphan"
               : "Background";
}

static const char *collector_finalizer(const struct request *request,
                                       const struct delete_options *options)
{
    const char *policy = options->policy;
    if (strcmp(request->storage, "events") == 0)
        return NULL; /* nothing depends on them, and nobody would take it away */
    if (!policy && meta_has_finalizer(request->object, FINALIZER_ORPHAN))
        return FINALIZER_ORPHAN;
    if (!policy && meta_has_finalizer(request->object, FINALIZER_FOREGROUND))
        return FINALIZER_FOREGROUND;
    if (!policy)
        policy = default_policy(request->storage);
    if (strcmp(policy, "Orphan") == 0)
        return FINALIZER_ORPHAN;
    return strcmp(policy, "Foreground") == 0 ? FINALIZER_FOREGROUND : NULL;
}

static void set_collector_finalizer(json_t *object, const char *wanted)
{
    json_t *metadata = json_object_get(object, "metadata"), *kept = json_array(), *item;
    size_t i;
    json_array_foreach (json_object_get(metadata, "finalizers"), i, item) {
        const char *name = json_string_value(item);
        if (name && strcmp(name, FINALIZER_ORPHAN) != 0 && strcmp(name, FINALIZER_FOREGROUND) != 0)
            json_array_append(kept, item);
    }
    if (wanted)
        json_array_append_new(kept, json_string(wanted));
    if (json_array_size(kept) > 0)
        json_object_set(metadata, "finalizers", kept);
    else
        json_object_del(metadata, "finalizers");
    json_decref(kept);
}

/* ---- grace ---- */

/* Seconds that a Pod is given. */
static int64_t pod_grace(const struct request *request, const struct delete_options *options)
{
    const char *phase = json_text(request->old, "status", "phase");
    const char *node = json_text(request->old, "spec", "nodeName");
    int64_t grace = options->grace_s;
    if (grace == GRACE_UNSET)
        grace = json_int_or(json_at(request->old, "spec", "terminationGracePeriodSeconds"), 0);
    if (!node || !*node || text_eq(phase, "Succeeded") || text_eq(phase, "Failed"))
        grace = 0;
    return grace < 0 ? 1 : grace;
}

static void mark_deleting(json_t *object, int64_t grace_s)
{
    json_t *metadata = json_object_get(object, "metadata");
    char at[TIME_TEXT_SIZE];
    int64_t generation = json_int_or(json_object_get(metadata, "generation"), 0);
    if (!meta_deleting(object) && generation > 0)
        json_object_set_new(metadata, "generation", json_integer(generation + 1));
    time_format(clock_now_us() + grace_s * 1000000, at);
    json_set_text(metadata, "deletionTimestamp", at);
    json_object_set_new(metadata, "deletionGracePeriodSeconds", json_integer(grace_s));
}

enum grace_result { GRACE_NONE, GRACE_PENDING, GRACE_MARKED };

/* Pods: marks the deletion with its grace, or shortens the one that runs. */
static enum grace_result apply_grace(struct request *request, const struct delete_options *options)
{
    json_t *object = request->object, *metadata = json_object_get(object, "metadata");
    int64_t running = json_int_or(json_object_get(metadata, "deletionGracePeriodSeconds"), 0);
    if (!meta_deleting(object)) {
        int64_t grace = pod_grace(request, options);
        if (grace == 0)
            return GRACE_NONE;
        mark_deleting(object, grace);
        return GRACE_MARKED;
    }
    if (running == 0)
        return GRACE_NONE;
    if (options->grace_s == GRACE_UNSET || options->grace_s >= running)
        return GRACE_PENDING;
    if (options->grace_s == 0)
        return GRACE_NONE;
    int64_t at_us = 0;
    char at[TIME_TEXT_SIZE];
    const char *was = json_text(metadata, "deletionTimestamp");
    if (was && time_parse(str_of(was), &at_us)) {
        time_format(at_us - (running - options->grace_s) * 1000000, at);
        json_set_text(metadata, "deletionTimestamp", at);
    }
    json_object_set_new(metadata, "deletionGracePeriodSeconds", json_integer(options->grace_s));
    return GRACE_MARKED;
}

/* A Namespace stays until its content is gone: the namespace controller empties spec.finalizers. */
static enum step_result delete_namespace(struct request *request)
{
    json_t *metadata = json_object_get(request->object, "metadata");
    bool finalizers = json_array_size(json_at(request->object, "spec", "finalizers")) > 0 ||
                      json_array_size(json_object_get(metadata, "finalizers")) > 0;
    if (!meta_deleting(request->object)) {
        char at[TIME_TEXT_SIZE];
        time_format(clock_now_us(), at);
        json_set_text(metadata, "deletionTimestamp", at);
        json_set_text(json_ensure_object(request->object, "status"), "phase", "Terminating");
        request->write.op = STORE_UPDATE;
        return STEP_NEXT;
    }
    if (finalizers)
        return reply_kept(request, object_ref(request->current));
    request->write.op = STORE_DELETE;
    return STEP_NEXT;
}

/* A definition stays until its objects are gone: controllers/custom.c sees to that. */
static void hold_definition(json_t *object)
{
    json_t *finalizers = json_ensure_array(json_object_get(object, "metadata"), "finalizers");
    if (!json_array_has_text(finalizers, CRD_FINALIZER))
        json_array_append_new(finalizers, json_string(CRD_FINALIZER));
    crd_set_condition(object, "Terminating", "True", "InstanceDeletionPending",
                      "the definition is marked for deletion; its objects will be deleted soon",
                      clock_now_us());
}

static enum step_result plan(struct request *request, const struct delete_options *options)
{
    if (!check_preconditions(request, options))
        return STEP_FAIL;
    request->object = json_deep_copy(request->old);
    if (strcmp(request->storage, "namespaces") == 0)
        return delete_namespace(request);
    enum grace_result grace = GRACE_NONE;
    if (kind_rules(request->storage)->graceful_delete)
        grace = apply_grace(request, options);
    if (grace == GRACE_PENDING)
        return reply_kept(request, object_ref(request->current));
    set_collector_finalizer(request->object, collector_finalizer(request, options));
    if (strcmp(request->storage, CRD_STORAGE) == 0 && !meta_deleting(request->object))
        hold_definition(request->object);
    bool finalizers = json_array_size(json_at(request->object, "metadata", "finalizers")) > 0;
    if (grace == GRACE_NONE && finalizers &&
        (!meta_deleting(request->object) ||
         json_int_or(json_at(request->object, "metadata", "deletionGracePeriodSeconds"), 0) > 0))
        mark_deleting(request->object, 0);
    request->write.op = finalizers || grace == GRACE_MARKED ? STORE_UPDATE : STORE_DELETE;
    return STEP_NEXT;
}

enum step_result delete_plan(struct request *request, const json_t *options)
{
    CLEANUP(options_clear) struct delete_options read = {.grace_s = GRACE_UNSET};
    read.body = json_incref((json_t *)(uintptr_t)options);
    if (options) {
        options_from_body(request, &read);
        dry_run_from_body(request, options);
    }
    return error_seal_invalid(&request->error, "DeleteOptions", "meta.k8s.io", "")
               ? plan(request, &read)
               : STEP_FAIL;
}

enum step_result step_delete(struct request *request)
{
    CLEANUP(options_clear) struct delete_options options;
    if (!read_options(request, &options))
        return STEP_FAIL;
    enum step_result result = step_read(request);
    if (result != STEP_NEXT)
        return result;
    if (is_immortal(request)) {
        error_forbidden(&request->error, "namespaces", request->route.name,
                        "this namespace may not be deleted");
        return STEP_FAIL;
    }
    return plan(request, &options);
}

/* ---- collections ---- */

/* As an item of a list: only those of custom resources name their kind. */
static json_t *listed(const struct request *request, const struct object *object)
{
    json_t *item = object_json(object);
    if (!request->type->custom) {
        json_object_del(item, "kind");
        json_object_del(item, "apiVersion");
    }
    return item;
}

static bool delete_one(struct request *request, const struct object *object, json_t *options,
                       json_t *items)
{
    struct api_caller caller = {request->api, request->cluster, &request->user};
    struct call call = {.verb = "delete",
                        .resource = request->resource->key,
                        .sub = "",
                        .ns = object->ns,
                        .name = object->name,
                        .row = request->resource};
    struct request *one = call_run(&caller, &call, options, request);
    bool ok = !one->error.code || one->error.reason == ERROR_NOT_FOUND;
    warnings_merge(&request->warnings, &one->warnings);
    if (ok)
        json_array_append_new(items, listed(request, object));
    else
        error_move(&request->error, &one->error);
    request_free(one);
    return ok;
}

/* Each object's deletion may have to wait for webhooks. */
static enum step_result may_wait(struct request *request)
{
    CLEANUP(admission_config_unref_ptr) struct admission_config *config = NULL;
    enum step_result result = admission_config_load(request, &config);
    if (result == STEP_NEXT && (config || custom_converter(request)))
        result = request_may_call(request);
    return result;
}

enum step_result step_delete_collection(struct request *request)
{
    struct object_list found = {0};
    CLEANUP(options_clear) struct delete_options options = {.body = NULL};
    if (!request->may_block)
        return STEP_BLOCK;
    if (!read_options(request, &options))
        return STEP_FAIL;
    enum step_result result = may_wait(request);
    if (result != STEP_NEXT || (result = list_selected(request, &found)) != STEP_NEXT)
        return result;
    json_auto_t *given = options.body ? json_incref(options.body) : json_object();
    if (request->dry_run)
        json_object_set_new(given, "dryRun", json_pack("[s]", "All"));
    if (options.grace_s != GRACE_UNSET)
        json_object_set_new(given, "gracePeriodSeconds", json_integer(options.grace_s));
    if (options.policy && !json_object_get(given, "orphanDependents"))
        json_set_text(given, "propagationPolicy", options.policy);
    json_t *items = json_array();
    bool ok = true;
    for (size_t i = 0; ok && i < found.count; i++)
        ok = delete_one(request, found.items[i], given, items);
    char revision[24];
    snprintf(revision, sizeof(revision), "%lld", (long long)found.revision);
    object_list_free(&found);
    if (!ok) {
        json_decref(items);
        return STEP_FAIL;
    }
    return reply_json(request, 200,
                      json_pack("{s:s, s:s, s:{s:s}, s:o}", "kind", request->resource->list_kind,
                                "apiVersion", resource_api_version(request->resource), "metadata",
                                "resourceVersion", revision, "items", items));
}
