#include "apiserver/request.h"

#include <string.h>

#include "apiserver/backend/aggregate.h"
#include "apiserver/api_internal.h"
#include "apiserver/audit/audit.h"
#include "apiserver/custom.h"
#include "apiserver/flow_match.h"
#include "apiserver/admission/lanes.h"
#include "apiserver/stream.h"
#include "apiserver/backend/tunnel.h"
#include "base/clock.h"
#include "base/go_duration.h"
#include "schema/meta.h"

#define DRAFT_MAX     ((size_t)4 << 20)
#define COMPILE_LIGHT ((size_t)64 << 10) /* some milliseconds */
#define NAMES_MAX     8                  /* of generateName, tried before one is said to be taken */
#define RACES_MAX     256                /* lost compare-and-swaps before giving up */

struct request *request_new(struct api *api, const char *method, const char *target)
{
    struct request *request = xcalloc(1, sizeof(*request));
    request->api = api;
    request->method = xstrdup(method);
    request->target = xstrdup(target);
    request->body = BUF_INIT(BODY_MAX);
    request->draft_bytes = BUF_INIT(DRAFT_MAX);
    request->start_mono_ns = clock_mono_ns();
    return request;
}

static void reply_clear(struct reply *reply)
{
    object_unref(reply->object);
    json_decref(reply->json);
    object_list_free(&reply->list);
    free(reply->next_page);
    buf_free(&reply->bytes);
    free(reply->location);
    stream_free(reply->stream);
    tunnel_free(reply->tunnel);
    *reply = (struct reply){0};
}

void request_rewind(struct request *request)
{
    reply_clear(&request->reply);
    error_clear(&request->error);
    route_clear(&request->route);
    user_clear(&request->user);
    warnings_free(&request->warnings);
    request->warnings = (struct warnings){0};
    charges_free(&request->charges);
    request->charges = (struct charges){0};
    json_decref(request->object);
    json_decref(request->old);
    json_decref(request->stored);
    json_decref(request->delete_options);
    json_decref(request->eviction);
    object_unref(request->current);
    buf_clear(&request->draft_bytes);
    flow_leave(request);
    cluster_unref(request->cluster);
    request->cluster = NULL;
    flow_table_unref(request->flow_table);
    request->flow_table = NULL;
    request->flow_matched = NULL;
    custom_unref(request->custom);
    request->custom = NULL;
    aggregates_unref(request->aggregates);
    request->aggregates = NULL;
    request->aggregate = NULL;
    request->object = request->old = request->eviction = NULL;
    request->stored = request->delete_options = NULL;
    strset_clear(&request->asked_scopes);
    request->answers_status = request->applies = request->stored_form = false;
    request->current = NULL;
    request->resource = NULL;
    request->sub = NULL;
    request->view = NULL;
    request->chain = NULL;
    request->storage = NULL;
    request->type = NULL;
    request->validation = FIELD_VALIDATION_WARN;
    request->dry_run = request->expects_revision = request->deletes = request->cascades =
        request->generated_name = false;
}

void request_free(struct request *request)
{
    if (!request)
        return;
    audit_end(request);
    request_rewind(request);
    if (request->entered_mono_ns)
        lanes_leave(request->api->lanes, request->caller->cluster->id, request->entered_mono_ns);
    buf_free(&request->draft_bytes);
    buf_free(&request->body);
    free(request->method);
    free(request->target);
    free(request);
}

enum step_result request_read(struct request *request, const char *storage, const char *ns,
                              const char *name, struct object **object)
{
    *object = NULL;
    switch (cache_peek(request->cluster, storage, ns, name, object)) {
    case CACHE_HIT:
    case CACHE_ABSENT:
        return STEP_NEXT;
    case CACHE_COLD:
        break;
    }
    if (!request->may_block)
        return STEP_BLOCK;
    return cache_get(request->cluster, storage, ns, name, object, &request->error) ? STEP_NEXT
                                                                                   : STEP_FAIL;
}

enum step_result request_list(struct request *request, const char *storage,
                              const struct cache_range *range, struct object_list *list, bool *gone)
{
    for (unsigned tries = 0;; tries++) {
        switch (cache_list_peek(request->cluster, storage, range, list)) {
        case CACHE_LIST_OK:
            *gone = false;
            return STEP_NEXT;
        case CACHE_LIST_GONE:
            *gone = true;
            return STEP_NEXT;
        case CACHE_LIST_COLD:
            break;
        }
        if (!request->may_block)
            return STEP_BLOCK;
        if (tries == 4) {
            error_unavailable(&request->error, "the cache could not be filled");
            return STEP_FAIL;
        }
        if (!cache_warm(request->cluster, storage, &request->error))
            return STEP_FAIL;
    }
}

int64_t request_left_ms(const struct request *request)
{
    const int64_t most = (int64_t)REQUEST_TIME_MAX_S * 1000000000;
    const char *asked = route_arg(&request->route, "timeout");
    int64_t given;
    bool sooner = asked && go_duration_parse(str_of(asked), &given) && given > 0 && given < most;
    int64_t left_ns = request->start_mono_ns + (sooner ? given : most) - clock_mono_ns();
    return clock_whole_ms(left_ns);
}

bool request_tries_again(struct request *request)
{
    unsigned most = request->generated_name ? NAMES_MAX : RACES_MAX;
    return ++request->races < most && request_left_ms(request) > 0;
}

enum step_result request_may_call(struct request *request)
{
    if (request->may_call)
        return STEP_NEXT;
    if (!request->caller)
        return STEP_CALL;
    request->may_call = lanes_enter(request->api->lanes, request->cluster->id);
    if (request->may_call) {
        request->entered_mono_ns = clock_mono_ns();
        return STEP_NEXT;
    }
    error_set(&request->error, ERROR_TOO_MANY_REQUESTS,
              "too many requests wait for this cluster's webhooks, please try again later");
    request->error.retry_after_s = 1;
    return STEP_FAIL;
}

enum step_result request_may_compute(const struct request *request)
{
    return request->caller || request->may_call ? STEP_NEXT : STEP_CALL;
}

enum step_result request_may_compile(struct request *request, size_t bytes)
{
    return request->caller && bytes <= COMPILE_LIGHT ? STEP_NEXT : request_may_call(request);
}

enum step_result request_compile_begin(struct request *request, pthread_mutex_t *making,
                                       size_t bytes)
{
    if (request->caller && bytes <= COMPILE_LIGHT && pthread_mutex_trylock(making) == 0)
        return STEP_NEXT;
    enum step_result result = request_may_call(request);
    if (result == STEP_NEXT)
        pthread_mutex_lock(making);
    return result;
}

enum step_result request_invalid(struct request *request, const char *kind, const char *group,
                                 const char *name)
{
    return error_seal_invalid(&request->error, kind, group, name) ? STEP_NEXT : STEP_FAIL;
}

enum step_result reply_object(struct request *request, int code, struct object *object)
{
    request->reply.kind = REPLY_OBJECT;
    request->reply.code = code;
    request->reply.object = object;
    return STEP_DONE;
}

enum step_result reply_kept(struct request *request, struct object *object)
{
    return reply_object(request, request->cascades ? 202 : 200, object);
}

enum step_result reply_json(struct request *request, int code, json_t *json)
{
    request->reply.kind = REPLY_JSON;
    request->reply.code = code;
    request->reply.json = json;
    return STEP_DONE;
}

enum step_result reply_bytes(struct request *request, int code, const char *content_type,
                             struct buf *bytes)
{
    request->reply.kind = REPLY_BYTES;
    request->reply.code = code;
    request->reply.content_type = content_type;
    request->reply.bytes = *bytes;
    *bytes = (struct buf){0};
    return STEP_DONE;
}

enum step_result reply_text(struct request *request, int code, const char *text)
{
    struct buf bytes = BUF_TEXT;
    buf_add_text(&bytes, text);
    return reply_bytes(request, code, "text/plain; charset=utf-8", &bytes);
}

enum step_result reply_success(struct request *request, const char *uid)
{
    const struct resource *resource = request->resource;
    json_t *details = json_object();
    json_set_text(details, "name", request->route.name);
    if (*resource->group)
        json_set_text(details, "group", resource->group);
    json_set_text(details, "kind", resource->plural);
    if (uid)
        json_set_text(details, "uid", uid);
    json_t *status = json_pack("{s:s, s:s, s:{}, s:s, s:o}", "kind", "Status", "apiVersion", "v1",
                               "metadata", "status", "Success", "details", details);
    return reply_json(request, 200, status);
}

const char *request_ns(const struct request *request)
{
    return request->resource && request->resource->namespaced ? request->route.ns : "";
}

bool request_whole_view(const struct request *request)
{
    return request->view && request->type == request->resource->type;
}

const char *request_rules_sub(const struct request *request)
{
    return request->view && !request_whole_view(request) ? "" : request->route.sub;
}

bool request_place(struct request *request)
{
    return request_place_object(request, request->object);
}

bool request_place_object(struct request *request, json_t *object)
{
    const char *given = meta_namespace(object), *ns = request_ns(request);
    json_t *metadata = json_ensure_object(object, "metadata");
    bool namespaced = request->resource->namespaced;
    if (namespaced && *given && strcmp(given, ns) != 0)
        return error_bad_request(&request->error, "the namespace of the provided object does not "
                                                  "match the namespace sent on the request");
    if (namespaced)
        json_set_text(metadata, "namespace", ns);
    else
        json_object_del(metadata, "namespace");
    return true;
}

void request_drop_owners(struct request *request, const char *when)
{
    CLEANUP(buf_free) struct buf uids = BUF_TEXT;
    if (request->caller || !meta_drop_duplicate_owners(request->object, &uids))
        return;
    CLEANUP(free_ptr)
    char *text = xasprintf(
        ".metadata.ownerReferences contains duplicate entries%s; API server dedups owner "
        "references in 1.20+, and may reject such requests as early as 1.24; please fix your "
        "requests; duplicate UID(s) observed: %s",
        when, buf_ok(&uids) ? uids.data : "");
    warnings_add(&request->warnings, text);
}
