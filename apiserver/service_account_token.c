/* serviceaccounts/NAME/token: signing a bound token. Source:
 * pkg/registry/core/serviceaccount/storage/token.go. */
#include <string.h>

#include "apiserver/special.h"
#include "auth/auth.h"
#include "base/clock.h"
#include "schema/meta.h"

#define VALID_DEFAULT_S ((int64_t)3600)
#define VALID_MIN_S     ((int64_t)600)
#define VALID_MAX_S     ((int64_t)1 << 32)
#define AUDIENCES_MAX   16

struct bound {
    const char *kind, *name, *uid;
};

static bool check_spec(struct request *request, int64_t valid_s)
{
    if (valid_s < VALID_MIN_S)
        error_add_cause(&request->error, CAUSE_INVALID, "spec.expirationSeconds",
                        "Invalid value: %lld: may not specify a duration less than 10 minutes",
                        (long long)valid_s);
    if (valid_s > VALID_MAX_S)
        error_add_cause(&request->error, CAUSE_INVALID, "spec.expirationSeconds",
                        "Invalid value: %lld: may not specify a duration larger than 2^32 seconds",
                        (long long)valid_s);
    return error_seal_invalid(&request->error, "TokenRequest", "authentication.k8s.io", "");
}

/* Which storage a bound object is in. */
static const char *bound_resource(const char *kind)
{
    static const struct bound_row {
        const char *kind, *resource;
    } rows[] = {{"Pod", "pods"}, {"Secret", "secrets"}, {"Node", "nodes"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (text_eq(kind, rows[i].kind))
            return rows[i].resource;
    return NULL;
}

static enum step_result check_bound(struct request *request, const struct bound *bound,
                                    struct object **object)
{
    const char *resource = bound_resource(bound->kind);
    *object = NULL;
    if (!bound->kind)
        return STEP_NEXT;
    if (!resource || !bound->name) {
        error_bad_request(&request->error,
                          "cannot bind token for serviceaccount \"%s\" to an object of this kind",
                          request->route.name);
        return STEP_FAIL;
    }
    enum step_result result =
        request_read(request, resource, strcmp(resource, "nodes") == 0 ? "" : request_ns(request),
                     bound->name, object);
    if (result != STEP_NEXT)
        return result;
    if (!*object) {
        error_not_found(&request->error, resource, bound->name);
        return STEP_FAIL;
    }
    if (bound->uid && *bound->uid && strcmp(bound->uid, (*object)->uid) != 0) {
        error_conflict(&request->error, resource, bound->name,
                       "the UID in the bound object reference (%s) does not match the "
                       "UID in record. The object might have been deleted and then recreated",
                       bound->uid);
        return STEP_FAIL;
    }
    return STEP_NEXT;
}

static enum step_result issue(struct request *request, const struct object *account,
                              const struct bound *bound, int64_t valid_s)
{
    const json_t *audiences = json_at(request->object, "spec", "audiences"), *item;
    const char *names[AUDIENCES_MAX + 1] = {NULL};
    size_t i, count = 0;
    json_array_foreach (audiences, i, item)
        if (json_is_string(item) && count < AUDIENCES_MAX)
            names[count++] = json_string_value(item);
    struct token_request token = {
        .namespace = account->ns,
        .service_account = account->name,
        .service_account_uid = account->uid,
        .bound_kind = bound->kind,
        .bound_name = bound->name,
        .bound_uid = bound->uid,
        .audiences = count ? names : NULL,
        .valid_s = valid_s,
    };
    CLEANUP(free_ptr) char *text = NULL;
    int64_t expires_us = 0;
    char expires[TIME_TEXT_SIZE];
    if (!auth_is_warm(request->cluster) && !request->may_block)
        return STEP_BLOCK;
    if (!auth_warm(request->cluster, &request->error) ||
        !auth_token_issue(request->cluster, &token, &text, &expires_us, &request->error))
        return STEP_FAIL;
    time_format(expires_us, expires);
    json_object_set_new(json_ensure_object(request->object, "spec"), "expirationSeconds",
                        json_integer(valid_s));
    json_object_set_new(request->object, "status",
                        json_pack("{s:s, s:s}", "token", text, "expirationTimestamp", expires));
    json_t *metadata = json_ensure_object(request->object, "metadata");
    json_set_text(metadata, "name", account->name);
    json_set_text(metadata, "namespace", account->ns);
    return reply_json(request, 201, json_incref(request->object));
}

enum step_result step_token(struct request *request)
{
    const json_t *spec = json_object_get(request->object, "spec"),
                 *ref = json_object_get(spec, "boundObjectRef");
    int64_t valid_s = json_int_or(json_object_get(spec, "expirationSeconds"), VALID_DEFAULT_S);
    CLEANUP(object_unref_ptr) struct object *account = NULL;
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    struct bound bound = {json_text(ref, "kind"), json_text(ref, "name"), json_text(ref, "uid")};
    if (!check_spec(request, valid_s))
        return STEP_FAIL;
    enum step_result result = request_read(request, "serviceaccounts", request_ns(request),
                                           request->route.name, &account);
    if (result != STEP_NEXT)
        return result;
    if (!account) {
        error_not_found(&request->error, "serviceaccounts", request->route.name);
        return STEP_FAIL;
    }
    if ((result = check_bound(request, &bound, &object)) != STEP_NEXT)
        return result;
    if (object)
        bound.uid = object->uid;
    return issue(request, account, &bound, valid_s);
}
