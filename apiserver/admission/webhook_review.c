#include "apiserver/admission/webhook_review.h"

#include <string.h>

#include "apiserver/special.h"

static json_t *group_version_kind(const char *group, const char *version, const char *kind)
{
    return json_pack("{s:s, s:s, s:s}", "group", group, "version", version, "kind", kind);
}

static json_t *group_version_resource(const struct resource *row)
{
    return json_pack("{s:s, s:s, s:s}", "group", row->group, "version", row->version, "resource",
                     row->plural);
}

static json_t *or_null(json_t *value)
{
    return value ? json_incref(value) : json_null();
}

json_t *webhook_review(const struct review_ask *ask)
{
    const struct asked *asked = ask->asked;
    const struct asked_place *to = &ask->place, *from = &asked->place;
    json_t *request = json_object();
    json_set_text(request, "uid", ask->uid);
    json_object_set_new(request, "kind", group_version_kind(to->group, to->version, to->kind));
    json_object_set_new(request, "resource", group_version_resource(to->resource));
    if (*asked->sub)
        json_set_text(request, "subResource", asked->sub);
    json_object_set_new(request, "requestKind",
                        group_version_kind(from->group, from->version, from->kind));
    json_object_set_new(request, "requestResource", group_version_resource(from->resource));
    if (*asked->sub)
        json_set_text(request, "requestSubResource", asked->sub);
    if (*asked->name)
        json_set_text(request, "name", asked->name);
    if (*asked->ns)
        json_set_text(request, "namespace", asked->ns);
    json_set_text(request, "operation", asked_operation_text(asked->operation));
    json_object_set_new(request, "userInfo", review_user_json(&asked->request->user));
    json_object_set_new(request, "object", or_null(ask->object));
    json_object_set_new(request, "oldObject", or_null(ask->old));
    json_object_set_new(request, "dryRun", json_boolean(asked->request->dry_run));
    json_object_set_new(request, "options", or_null(asked->options));
    return json_pack("{s:s, s:o, s:o}", "kind", "AdmissionReview", "apiVersion",
                     json_sprintf("admission.k8s.io/%s", ask->version), "request", request);
}

/* ---- the answer ---- */

PRINTF_LIKE(2, 3) static bool wrong(struct error *err, const char *format, ...)
{
    struct buf text = BUF_TEXT;
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    error_set(err, ERROR_INTERNAL, "received invalid webhook response: %s", text.data);
    buf_free(&text);
    return false;
}

static bool check_identity(const json_t *answer, const json_t *response, const char *uid,
                           struct error *err)
{
    const char *version = json_text(answer, "apiVersion"), *kind = json_text(answer, "kind"),
               *got = json_text(response, "uid");
    if (!text_eq(got, uid))
        return wrong(err, "expected response.uid=\"%s\", got \"%s\"", uid, got ? got : "");
    if (!text_eq(version, "admission.k8s.io/v1") || !text_eq(kind, "AdmissionReview"))
        return wrong(err,
                     "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got "
                     "%s, Kind=%s",
                     version ? version : "", kind ? kind : "");
    return true;
}

static bool check_patch(bool mutating, const char *patch, const json_t *type, struct error *err)
{
    const char *name = json_string_value(type);
    if (!mutating) {
        if (patch)
            return wrong(err, "validating webhook may not return response.patch");
        return !name || wrong(err, "validating webhook may not return response.patchType");
    }
    if (patch && !name)
        return wrong(err, "webhook returned response.patch but not response.patchType");
    if (!patch && name)
        return wrong(err, "webhook returned response.patchType but not response.patch");
    if (name && !*name)
        return wrong(err, "webhook returned invalid response.patchType of \"\"");
    return !name || strcmp(name, "JSONPatch") == 0 ||
           error_set(err, ERROR_INTERNAL, "unsupported patch type \"%s\"", name);
}

bool webhook_review_read(const json_t *answer, const struct review_ask *ask, bool mutating,
                         struct review_answer *out, struct error *err)
{
    const json_t *response = json_object_get(answer, "response");
    const char *patch = json_text(response, "patch");
    bool strict = strcmp(ask->version, "v1") == 0;
    if (!json_is_object(response))
        return wrong(err, "webhook response was absent");
    if (strict && !check_identity(answer, response, ask->uid, err))
        return false;
    patch = patch && *patch ? patch : NULL;
    if (strict && !check_patch(mutating, patch, json_object_get(response, "patchType"), err))
        return false;
    *out = (struct review_answer){
        .allowed = json_is_true(json_object_get(response, "allowed")),
        .result = json_object_get(response, "status"),
        .warnings = json_object_get(response, "warnings"),
        .annotations = json_object_get(response, "auditAnnotations"),
        .patch = mutating ? patch : NULL,
    };
    return true;
}

/* ---- a denial ---- */

static char *copy_text(const json_t *object, const char *key)
{
    const char *text = json_text(object, key);
    return text ? xstrdup(text) : NULL;
}

#define CAUSES_MAX 100

static void copy_details(const json_t *details, struct error *err)
{
    const json_t *causes = json_object_get(details, "causes"), *cause;
    size_t i, count = json_array_size(causes) < CAUSES_MAX ? json_array_size(causes) : CAUSES_MAX;
    err->name = copy_text(details, "name");
    err->group = copy_text(details, "group");
    err->kind = copy_text(details, "kind");
    err->uid = copy_text(details, "uid");
    int64_t retry = json_int_or(json_object_get(details, "retryAfterSeconds"), 0);
    err->retry_after_s = retry > 0 && retry < 86400 ? (int)retry : 0;
    err->causes = xcalloc(count + 1, sizeof(*err->causes));
    json_array_foreach (causes, i, cause)
        if (err->cause_count < count)
            err->causes[err->cause_count++] = (struct error_cause){
                copy_text(cause, "reason"), copy_text(cause, "field"), copy_text(cause, "message")};
}

void webhook_review_deny(const char *hook, const json_t *result, struct error *err)
{
    const char *message = json_text(result, "message"), *reason = json_text(result, "reason");
    int64_t code = json_int_or(json_object_get(result, "code"), 0);
    const char *why = message && *message ? message : reason && *reason ? reason : NULL;
    error_set(err, ERROR_BAD_REQUEST, "admission webhook \"%s\" denied the request%s%s", hook,
              why ? ": " : " without explanation", why ? why : "");
    err->reason = ERROR_NONE;
    err->other_reason = reason && *reason ? xstrdup(reason) : NULL;
    err->code = code >= 400 && code <= 599 ? (int)code : 400;
    copy_details(json_object_get(result, "details"), err);
}
