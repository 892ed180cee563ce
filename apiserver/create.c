/* POST: what the server fills in, the kind's strategy, and validation. Source: apiserver
 * pkg/registry/rest/create.go. */
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/custom.h"
#include "apiserver/phase.h"
#include "apiserver/steps.h"
#include "base/clock.h"
#include "schema/advice.h"
#include "schema/kind.h"
#include "schema/meta.h"

#define GENERATED_BASE_MAX 58 /* 63 less the suffix */

static void fill_system_fields(json_t *metadata, bool inside)
{
    char uid[UUID_TEXT_SIZE], now[TIME_TEXT_SIZE];
    meta_wipe_system_fields(metadata);
    uuid_make(uid);
    time_format(clock_now_us(), now);
    json_set_text(metadata, "uid", uid);
    json_set_text(metadata, "creationTimestamp", now);
    if (inside) /* what a client sends, step_track reads */
        json_object_del(metadata, "managedFields");
}

/* The name that generateName asks for, before validation, as upstream does. */
static void generate_name(struct request *request, json_t *metadata)
{
    const char *base = json_text(metadata, "generateName");
    char suffix[6], uuid[UUID_TEXT_SIZE];
    if (!*meta_name(request->object) && strcmp(request->storage, "limitranges") == 0) {
        uuid_make(uuid);
        json_set_text(metadata, "name", uuid); /* theirs need none at all */
    }
    if (*meta_name(request->object) || !base || !*base)
        return;
    random_name_suffix(suffix, 5);
    json_object_set_new(metadata, "name", json_sprintf("%.*s%s", GENERATED_BASE_MAX, base, suffix));
    request->generated_name = true;
}

enum step_result step_create_meta(struct request *request)
{
    if (request->view) {
        json_t *stored =
            request->view->accept(request->resource, request->object, NULL, &request->error);
        if (!stored)
            return STEP_FAIL;
        json_decref(request->object);
        request->object = stored;
    }
    json_t *metadata = json_ensure_object(request->object, "metadata");
    if (*meta_resource_version(request->object)) {
        error_set(&request->error, ERROR_UNKNOWN,
                  "resourceVersion should not be set on objects to be created");
        return STEP_FAIL;
    }
    json_object_del(metadata, "resourceVersion");
    request_drop_owners(request, "");
    return request_place(request) ? STEP_NEXT : STEP_FAIL;
}

/* Behind mutating admission, which sees the object as the client sent it. */
enum step_result step_create_fill(struct request *request)
{
    json_t *metadata = json_ensure_object(request->object, "metadata");
    json_object_del(metadata, "resourceVersion");
    if (!request_place(request))
        return STEP_FAIL;
    fill_system_fields(metadata, request->caller);
    request_drop_owners(request, OWNERS_ADMITTED);
    generate_name(request, metadata);
    return STEP_NEXT;
}

enum step_result step_create_prepare(struct request *request)
{
    const struct kind_rules *rules = kind_rules(request->storage);
    if (rules->has_generation)
        json_object_set_new(json_ensure_object(request->object, "metadata"), "generation",
                            json_integer(1));
    if (!request->caller)
        advise_before(request->storage, request->object, &request->warnings);
    if (rules->prepare_create)
        rules->prepare_create(request->object);
    phase_stamp(request->storage, request->object, NULL);
    schema_default_member(request->type, request->object, "status");
    if (!custom_may_create(request))
        return STEP_FAIL;
    if (request->resource->type && request->resource->type->custom)
        crd_object_prepare(request->resource, request->object, NULL, "");
    request->write.op = STORE_CREATE;
    return custom_define(request);
}

enum step_result step_create_validate(struct request *request)
{
    const struct kind_rules *rules = kind_rules(request->storage);
    struct error *err = &request->error;
    meta_validate(request->resource, request->object, err);
    if (rules->validate)
        rules->validate(request->object, err);
    if (request->resource->type && request->resource->type->custom)
        crd_object_validate(&(struct crd_write){request->resource, request->object, NULL, ""},
                            &request->warnings, err);
    if (!error_seal_invalid(err, request->resource->kind, request->resource->group,
                            meta_name(request->object)))
        return STEP_FAIL;
    if (!request->caller)
        advise(request->storage, request->object, NULL, &request->warnings);
    return STEP_NEXT;
}
