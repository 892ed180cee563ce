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
    const char *api_version, *kind, *name, *uid;
};

static bool check_name(struct request *request)
{
    const char *name = meta_name(request->object);
    if (*name && strcmp(name, request->route.name) != 0)
        error_add_invalid(&request->error, "metadata.name", name,
                          "must match the service account name if specified");
    return error_seal_invalid(&request->error, "TokenRequest", "authentication.k8s.io",
                              request->route.name);
}

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

/* ---- what it is bound to ---- */

static struct bound read_bound(const json_t *ref)
{
    const char *version = json_text(ref, "apiVersion"), *kind = json_text(ref, "kind"),
               *name = json_text(ref, "name");
    return (struct bound){version ?: "", kind ?: "", name ?: "", json_text(ref, "uid")};
}

/* Which storage a bound object is in. */
static const char *bound_resource(const struct bound *bound)
{
    static const struct bound_row {
        const char *kind, *resource;
    } rows[] = {{"Pod", "pods"}, {"Secret", "secrets"}, {"Node", "nodes"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!strchr(bound->api_version, '/') && strcmp(bound->kind, rows[i].kind) == 0)
            return rows[i].resource;
    return NULL;
}

static enum step_result refuse_kind(struct request *request, const struct bound *bound)
{
    const char *slash = strchr(bound->api_version, '/');
    error_bad_request(&request->error, "cannot bind token to object of type %s%s, Kind=%s",
                      slash ? "" : "/", bound->api_version, bound->kind);
    return STEP_FAIL;
}

/* A token dies with its Pod, so it is of the account that the Pod runs as. */
static enum step_result check_object(struct request *request, const struct bound *bound,
                                     const struct object *object)
{
    if (strcmp(bound->kind, "Pod") == 0 &&
        !text_eq(object_field(object, "spec.serviceAccountName"), request->route.name)) {
        error_bad_request(&request->error,
                          "cannot bind token for serviceaccount \"%s\" to pod running with "
                          "different serviceaccount name.",
                          request->route.name);
        return STEP_FAIL;
    }
    if (bound->uid && *bound->uid && strcmp(bound->uid, object->uid) != 0) {
        error_conflict(&request->error, bound->kind, bound->name,
                       "the UID in the bound object reference (%s) does not match the "
                       "UID in record. The object might have been deleted and then recreated",
                       bound->uid);
        return STEP_FAIL;
    }
    return STEP_NEXT;
}

static enum step_result find_bound(struct request *request, const struct bound *bound,
                                   struct object **object)
{
    const char *resource = bound_resource(bound);
    if (!resource)
        return refuse_kind(request, bound);
    const char *ns = strcmp(resource, "nodes") == 0 ? "" : request_ns(request);
    enum step_result result = request_read(request, resource, ns, bound->name, object);
    if (result != STEP_NEXT)
        return result;
    if (*object)
        return check_object(request, bound, *object);
    error_not_found(&request->error, resource, bound->name);
    return STEP_FAIL;
}

/* ---- the token ---- */

/* What was asked for, with what was not said. */
static void fill_in(json_t *object, const struct object *account, int64_t valid_s)
{
    json_t *spec = json_ensure_object(object, "spec"),
           *metadata = json_ensure_object(object, "metadata");
    char now[TIME_TEXT_SIZE];
    time_format(clock_now_us(), now);
    if (json_array_size(json_object_get(spec, "audiences")) == 0)
        json_object_set_new(spec, "audiences", json_pack("[s]", AUTH_ISSUER));
    json_object_set_new(spec, "expirationSeconds", json_integer(valid_s));
    json_set_text(metadata, "name", account->name);
    json_set_text(metadata, "namespace", account->ns);
    json_set_text(metadata, "creationTimestamp", now);
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
        .bound_kind = bound ? bound->kind : NULL,
        .bound_name = bound ? bound->name : NULL,
        .bound_uid = bound ? bound->uid : NULL,
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
    fill_in(request->object, account, valid_s);
    json_object_set_new(request->object, "status",
                        json_pack("{s:s, s:s}", "token", text, "expirationTimestamp", expires));
    return reply_json(request, 201, json_incref(request->object));
}

enum step_result step_token(struct request *request)
{
    const json_t *spec = json_object_get(request->object, "spec"),
                 *ref = json_object_get(spec, "boundObjectRef");
    int64_t valid_s = json_int_or(json_object_get(spec, "expirationSeconds"), VALID_DEFAULT_S);
    CLEANUP(object_unref_ptr) struct object *account = NULL;
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    struct bound bound = read_bound(ref);
    if (!check_name(request))
        return STEP_FAIL;
    enum step_result result = request_read(request, "serviceaccounts", request_ns(request),
                                           request->route.name, &account);
    if (result != STEP_NEXT)
        return result;
    if (!account) {
        error_not_found(&request->error, "serviceaccounts", request->route.name);
        return STEP_FAIL;
    }
    if (!check_spec(request, valid_s))
        return STEP_FAIL;
    if (json_is_object(ref) && (result = find_bound(request, &bound, &object)) != STEP_NEXT)
        return result;
    if (object)
        bound.uid = object->uid;
    return issue(request, account, object ? &bound : NULL, valid_s);
}
