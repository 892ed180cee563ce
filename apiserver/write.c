/* The last step of every write: submit it, and make the reply of what the store says.
 *
 * Compare-and-swap on the revision that the request was decided on makes each request atomic; who
 * loses runs again from the start, unless the client named the revision itself. */
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/connection.h"
#include "apiserver/custom.h"
#include "apiserver/service_address.h"
#include "apiserver/steps.h"
#include "schema/meta.h"
#include "schema/write.h"

static const char *object_name(const struct request *request)
{
    return request->write.draft.name ? request->write.draft.name : request->route.name;
}

/* STEP_AGAIN with the error set, in case that was the last try. */
static enum step_result lost_race(struct request *request)
{
    error_conflict_modified(&request->error, request->resource->key, object_name(request));
    return STEP_AGAIN;
}

static enum step_result over_limit(struct request *request, size_t refused)
{
    const char *scope =
        refused < request->charges.count ? request->charges.items[refused].scope : "";
    if (text_starts(scope, "ip/") || text_starts(scope, "nodeport/")) {
        if (!strset_has(&request->asked_scopes, scope))
            return lost_race(request);       /* another Service has what was picked: once more */
        (void)service_taken(request, scope); /* false: the error says it */
        return STEP_FAIL;
    }
    if (!request->may_block)
        return STEP_BLOCK;
    quota_exceeded(request->cluster, request->resource->key, object_name(request),
                   &request->charges, refused, &request->error);
    return STEP_FAIL;
}

static enum step_result name_taken(struct request *request, const struct object *object)
{
    const char *key = request->resource->key, *name = object_name(request);
    if (strcmp(request->route.verb, "create") != 0)
        return lost_race(request); /* an apply, say, of what was made meanwhile: it changes that */
    if (request->generated_name) {
        error_set(&request->error, ERROR_ALREADY_EXISTS,
                  "%s \"%s\" already exists, the server was not able to generate a unique name for "
                  "the object",
                  key, name);
        error_details(&request->error, key, name);
        request->error.retry_after_s = 1;
        return STEP_AGAIN;
    }
    json_auto_t *there = object ? object_json(object) : NULL;
    if (there && meta_deleting(there)) {
        error_set(&request->error, ERROR_ALREADY_EXISTS,
                  "object is being deleted: %s \"%s\" already exists", key, name);
        error_details(&request->error, key, name);
    } else {
        error_already_exists(&request->error, key, name);
    }
    return STEP_FAIL;
}

static enum step_result stale(struct request *request)
{
    if (request->expects_revision) {
        error_conflict_modified(&request->error, request->resource->key, object_name(request));
        return STEP_FAIL;
    }
    return lost_race(request);
}

static enum step_result absent(struct request *request)
{
    error_not_found(&request->error, request->resource->key, object_name(request));
    return request->expects_revision ? STEP_FAIL : STEP_AGAIN;
}

/* Kinds whose finished deletion answers with the object; the others answer with a Status. */
static bool delete_returns_object(const char *key)
{
    static const char *const keys[] = {
        "pods",
        "services",
        "namespaces",
        "podtemplates",
        "resourcequotas",
        "persistentvolumes",
        "persistentvolumeclaims",
        "serviceaccounts",
        "storageclasses.storage.k8s.io",
        "csidrivers.storage.k8s.io",
        "csinodes.storage.k8s.io",
        "volumeattachments.storage.k8s.io",
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

/* What bindings and evictions say. */
static enum step_result reply_created(struct request *request)
{
    return reply_json(request, 201,
                      json_pack("{s:s, s:s, s:{}, s:s, s:i}", "kind", "Status", "apiVersion", "v1",
                                "metadata", "status", "Success", "code", 201));
}

static enum step_result written(struct request *request, struct object *object)
{
    if (request->answers_status)
        return reply_created(request);
    switch (request->write.op) {
    case STORE_CREATE:
        return reply_object(request, 201, object_ref(object));
    case STORE_UPDATE:
        return reply_kept(request, object_ref(object));
    case STORE_DELETE:
        break;
    }
    if (request
            ->deletes) /* an update that took the last finalizer away answers with what was put */
        return reply_json(request, 200, json_incref(request->object));
    if (delete_returns_object(request->resource->key))
        return reply_object(request, 200, object_ref(object));
    return reply_success(request, object->uid);
}

static enum step_result settle(struct request *request, enum store_result result,
                               struct object *object, size_t refused)
{
    switch (result) {
    case STORE_OK:
        return written(request, object);
    case STORE_STALE:
        return stale(request);
    case STORE_EXISTS:
        return name_taken(request, object);
    case STORE_ABSENT:
        return absent(request);
    case STORE_OVER_LIMIT:
        return over_limit(request, refused);
    case STORE_NO_CLUSTER:
        error_set(&request->error, ERROR_NOT_FOUND,
                  "the server could not find the requested resource");
        return STEP_FAIL;
    case STORE_UNAVAILABLE:
        break;
    }
    error_unavailable(&request->error, "the database is not available; nothing was written");
    return STEP_FAIL;
}

/* On a writer thread. */
static void on_done(struct store_write *write, enum store_result result, struct object *object,
                    size_t refused)
{
    struct request *request = write->arg;
    switch (settle(request, result, object, refused)) {
    case STEP_AGAIN:
        if (request_tries_again(request))
            server_run_on_pool(request);
        else
            server_resume(request);
        break;
    case STEP_BLOCK:
        server_run_on_pool(request);
        break;
    case STEP_NEXT:
    case STEP_DONE:
    case STEP_FAIL:
    case STEP_WAIT:
    case STEP_BODY:
    case STEP_CALL: /* not here: step_store() saw to it before the write */
        server_resume(request);
        break;
    }
}

/* What a dry run answers: as if it had been written, at the revision that is there. */
static enum step_result dry_reply(struct request *request)
{
    if (request->answers_status)
        return reply_created(request);
    if (request->write.op == STORE_DELETE && !request->deletes) {
        if (delete_returns_object(request->resource->key))
            return reply_object(request, 200, object_ref(request->current));
        return reply_success(request, request->current->uid);
    }
    json_t *object = json_incref(request->object);
    if (request->current)
        json_object_set_new(json_ensure_object(object, "metadata"), "resourceVersion",
                            json_sprintf("%lld", (long long)request->current->revision));
    int kept = request->cascades ? 202 : 200;
    return reply_json(request, request->write.op == STORE_CREATE ? 201 : kept, object);
}

static enum step_result wait_for_store(struct request *request, const struct api_hook *hook)
{
    struct object *object = NULL;
    size_t refused = 0;
    enum store_result result =
        store_write_wait(request->api->store, &request->write, &object, &refused);
    enum step_result step = settle(request, result, object, refused);
    if (result == STORE_OK && hook && hook->after) {
        struct api_caller caller = {request->api, request->cluster, &request->user};
        json_auto_t *now = request->write.op == STORE_DELETE ? NULL : object_json(object);
        hook->after(hook->arg, &caller, now, request->old);
    }
    object_unref(object);
    return step;
}

/* Without giving the request to another thread, when nothing else is to be done. False: not
 * written, or not yet. */
static bool write_here(struct request *request, enum step_result *step)
{
    int loop_fd = request->connection->loop_fd;
    struct store_written written;
    if (loop_fd < 0 || !store_write_here(request->api->store, &request->write, loop_fd, &written))
        return false;
    *step = settle(request, written.result, written.object, written.refused);
    object_unref(written.object);
    return true;
}

static bool run_before(struct request *request, const struct api_hook *hook)
{
    struct api_caller caller = {request->api, request->cluster, &request->user};
    if (!hook->before)
        return true;
    json_t *object = request->write.op == STORE_DELETE ? NULL : request->object;
    return hook->before(hook->arg, &caller, object, request->old, &request->error);
}

static bool same_as_current(const struct request *request)
{
    return request->write.op == STORE_UPDATE && request->old &&
           json_equal(request->old, request->object) &&
           custom_is_current(request, request->current);
}

/* Where the resource is shown in another form, that of what it is a form of; all custom resources
 * are written alike. */
static const struct type *stored_type(const struct request *request)
{
    const struct type *type = request->resource->type;
    if (!request->view || type->custom)
        return type;
    const struct resource *row = resource_by_key(request->storage);
    return row ? row->type : NULL;
}

/* Who owns which field is given up where it makes the object too large: true if that is to be
 * tried. Not by an apply, which is about nothing else. */
static bool forget_owners(struct request *request)
{
    if (request->error.reason != ERROR_TOO_LARGE || request->applies ||
        json_object_del(json_object_get(request->stored, "metadata"), "managedFields") != 0)
        return false;
    json_object_del(json_object_get(request->object, "metadata"), "managedFields");
    error_clear(&request->error);
    return true;
}

static bool write_draft(struct request *request)
{
    return schema_draft_make(stored_type(request), request->stored, &request->draft_bytes,
                             &request->write.draft, &request->error);
}

static enum step_result make_draft(struct request *request)
{
    if (request->write.op == STORE_DELETE) {
        request->write.draft =
            (struct object_draft){.ns = request->current->ns, .name = request->current->name};
        return STEP_NEXT;
    }
    buf_clear(&request->draft_bytes);
    enum step_result result = custom_store(request);
    request->write.value = request->stored;
    if (result != STEP_NEXT)
        return result;
    return write_draft(request) || (forget_owners(request) && write_draft(request)) ? STEP_NEXT
                                                                                    : STEP_FAIL;
}

/* What is answered may have to be converted back, after the write: so it must be allowed to wait.
 */
static enum step_result before_conversion(struct request *request)
{
    return custom_converter(request) ? request_may_call(request) : STEP_NEXT;
}

/* The reply in the version that was asked for. */
static enum step_result converted(struct request *request, enum step_result result)
{
    return result == STEP_DONE ? custom_reply(request) : result;
}

enum step_result step_store(struct request *request)
{
    const struct api_hook *hook = api_hook_find(request);
    struct store_write *write = &request->write;
    if (hook && !request->may_block)
        return STEP_BLOCK;
    if (hook && !request->dry_run && !run_before(request, hook))
        return STEP_FAIL;
    enum step_result result = before_conversion(request);
    if (result != STEP_NEXT)
        return result;
    if (same_as_current(request))
        return converted(request, reply_kept(request, object_ref(request->current)));
    write->cluster = request->cluster;
    write->resource = request->storage;
    write->charges = request->charges.items;
    write->charge_count = request->charges.count;
    write->expect_revision = request->current ? request->current->revision : 0;
    write->done = on_done;
    write->arg = request;
    if ((result = make_draft(request)) != STEP_NEXT)
        return result;
    if (request->dry_run)
        return converted(request, dry_reply(request));
    if (request->may_block)
        return converted(request, wait_for_store(request, hook));
    if (write_here(request, &result))
        return result;
    server_suspend(request);
    store_submit(request->api->store, write);
    return STEP_WAIT;
}
