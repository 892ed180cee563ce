/* PUT, and the second half of PATCH: rebase on what is stored, the kind's strategy, validation, and
 * what to write. Source: apiserver pkg/registry/rest/update.go and generic/registry/store.go. */
#include <string.h>

#include "apiserver/api_internal.h"
#include "apiserver/custom.h"
#include "apiserver/phase.h"
#include "apiserver/steps.h"
#include "base/parse.h"
#include "base/clock.h"
#include "schema/advice.h"
#include "schema/kind.h"
#include "schema/meta.h"

enum step_result step_read(struct request *request)
{
    enum step_result result = request_read(request, request->storage, request_ns(request),
                                           request->route.name, &request->current);
    if (result != STEP_NEXT)
        return result;
    if (!request->current) {
        error_not_found(&request->error, request->resource->key, request->route.name);
        return STEP_FAIL;
    }
    return custom_read(request, request->current, &request->old);
}

enum step_result step_update_read(struct request *request)
{
    const char *given = meta_name(request->object), *name = request->route.name;
    if (!request_place(request))
        return STEP_FAIL;
    request_drop_owners(request, "");
    if (!*given && !request->caller) {
        error_bad_request(&request->error, "name must be provided");
        return STEP_FAIL;
    }
    if (*given && strcmp(given, name) != 0) {
        error_bad_request(&request->error,
                          "the name of the object (%s) does not match the name on the URL (%s)",
                          given, name);
        return STEP_FAIL;
    }
    enum step_result result = step_read(request);
    if (result != STEP_FAIL || request->error.reason != ERROR_NOT_FOUND || request->sub ||
        !request->resource->create_on_update)
        return result;
    if (*meta_resource_version(request->object))
        return result;
    error_clear(&request->error);
    return pipeline_chain(request, create_chain);
}

/* As it was, whatever the client sent. */
static void carry(json_t *metadata, const json_t *old, const char *key)
{
    json_t *value = json_at(old, "metadata", key);
    if (value)
        json_object_set(metadata, key, value);
    else
        json_object_del(metadata, key);
}

/* What of metadata a client cannot change is taken from the old object: the times whatever the
 * client sent, the rest where it was left out; validation finds what is left. */
static void carry_metadata(struct request *request)
{
    static const struct {
        const char *member;
        bool whatever;
    } rows[] = {{"uid", false},
                {"creationTimestamp", true},
                {"deletionTimestamp", true},
                {"deletionGracePeriodSeconds", false}};
    json_t *metadata = json_ensure_object(request->object, "metadata");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *old = json_at(request->old, "metadata", rows[i].member);
        json_t *now = json_object_get(metadata, rows[i].member);
        if (old && (rows[i].whatever || !now || json_is_null(now)))
            json_object_set(metadata, rows[i].member, old);
    }
    carry(metadata, request->old, "generation");
    if (!request->applies &&
        (request->caller || !json_is_array(json_object_get(metadata, "managedFields"))))
        carry(metadata, request->old, "managedFields"); /* what a client sends, step_track reads */
    json_object_del(metadata, "selfLink");
    json_object_set(metadata, "name", json_at(request->old, "metadata", "name"));
    if (request->resource->namespaced)
        json_object_set(metadata, "namespace", json_at(request->old, "metadata", "namespace"));
}

static bool check_revision(struct request *request)
{
    const char *given = meta_resource_version(request->object);
    const char *key = request->resource->key, *name = request->route.name;
    struct error *err = &request->error;
    int64_t revision = 0;
    if (!*given || strcmp(given, "0") == 0) {
        if (request->resource->unconditional_update || request->caller ||
            strcmp(request->route.verb, "patch") == 0)
            return true;
        error_add_cause(err, CAUSE_INVALID, "metadata.resourceVersion",
                        "Invalid value: 0x0: must be specified for an update");
        return error_seal_invalid(err, request->resource->plural, request->resource->group, name);
    }
    if (!parse_i64(str_of(given), 0, INT64_MAX, &revision)) {
        error_add_invalid(err, "metadata.resourceVersion", given, "must be an unsigned integer");
        return error_seal_invalid(err, request->resource->kind, request->resource->group, name);
    }
    request->expects_revision =
        strcmp(request->route.verb, "patch") != 0 || request->expects_revision;
    if (revision != request->current->revision)
        return error_conflict_modified(err, key, name);
    return true;
}

/* The UID in a PUT is a precondition; a patch that changes it is told so by validation. */
static bool check_identity(struct request *request)
{
    const char *uid = meta_uid(request->object);
    if (*uid && strcmp(uid, request->current->uid) != 0 &&
        strcmp(request->route.verb, "patch") != 0)
        return error_conflict(
            &request->error, request->resource->key, request->route.name,
            "Precondition failed: UID in precondition: %s, UID in object meta: %s", uid,
            request->current->uid);
    return true;
}

enum step_result step_update_rebase(struct request *request)
{
    if (request->view && !request->stored_form) {
        json_t *stored = request->view->accept(request->resource, request->object, request->old,
                                               &request->error);
        if (!stored)
            return STEP_FAIL;
        json_decref(request->object);
        request->object = stored;
    }
    if (!check_identity(request) || !check_revision(request))
        return STEP_FAIL;
    carry_metadata(request);
    json_object_set_new(json_object_get(request->object, "metadata"), "resourceVersion",
                        json_sprintf("%lld", (long long)request->current->revision));
    return STEP_NEXT;
}

/* Everything but metadata and status counts as the spec that a generation follows. */
static bool spec_changed(const json_t *object, const json_t *old)
{
    static const char *const parts[] = {"spec", "webhooks", "handler", "overhead", "scheduling"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        json_t *now = json_object_get(object, parts[i]), *before = json_object_get(old, parts[i]);
        if ((now || before) && !json_equal(now, before))
            return true;
    }
    return false;
}

/* Counted from the old object: a kind's own rule may have raised it already. */
static void raise_generation(struct request *request)
{
    int64_t generation = json_int_or(json_at(request->old, "metadata", "generation"), 0);
    if (spec_changed(request->object, request->old))
        json_object_set_new(json_object_get(request->object, "metadata"), "generation",
                            json_integer(generation + 1));
}

/* An object whose deletion was only waiting for this update is now gone. */
static bool ends_deletion(const struct request *request)
{
    const json_t *object = request->object;
    if (!meta_deleting(object) || json_array_size(json_at(object, "metadata", "finalizers")) > 0)
        return false;
    if (strcmp(request->storage, "namespaces") == 0)
        return json_array_size(json_at(object, "spec", "finalizers")) == 0;
    return json_int_or(json_at(object, "metadata", "deletionGracePeriodSeconds"), 0) == 0;
}

enum step_result step_update_prepare(struct request *request)
{
    const struct kind_rules *rules = kind_rules(request->storage);
    const char *sub = request_rules_sub(request);
    request_drop_owners(request, OWNERS_ADMITTED);
    if (rules->prepare_update)
        rules->prepare_update(request->object, request->old, sub);
    phase_stamp(request->storage, request->object, request->old);
    if (rules->has_generation)
        raise_generation(request);
    if (request->resource->type && request->resource->type->custom)
        crd_object_prepare(request->resource, request->object, request->old, sub);
    request->write.op = STORE_UPDATE;
    return custom_define(request);
}

enum step_result step_update_validate(struct request *request)
{
    const struct kind_rules *rules = kind_rules(request->storage);
    const char *sub = request_rules_sub(request);
    struct error *err = &request->error;
    meta_validate_update(request->resource, request->object, request->old, err);
    if (rules->validate_update)
        rules->validate_update(request->object, request->old, sub, err);
    else if (rules->validate && !*sub)
        rules->validate(request->object, err);
    if (request->resource->type && request->resource->type->custom)
        crd_object_validate(
            &(struct crd_write){request->resource, request->object, request->old, sub},
            &request->warnings, err);
    custom_check_bundle(request, err);
    if (!error_seal_invalid(err, request->resource->kind, request->resource->group,
                            request->route.name))
        return STEP_FAIL;
    if (!request->caller && !*sub)
        advise(request->storage, request->object, request->old, &request->warnings);
    if (ends_deletion(request)) {
        request->deletes = true;
        request->write.op = STORE_DELETE;
    }
    return STEP_NEXT;
}
