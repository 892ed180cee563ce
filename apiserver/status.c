#include "apiserver/status.h"

#include "base/json.h"

static void set(json_t *object, const char *key, const char *text)
{
    if (text && *text)
        json_set_text(object, key, text);
}

static json_t *causes_json(const struct error *err)
{
    json_t *causes = json_array();
    for (size_t i = 0; i < err->cause_count; i++) {
        json_t *cause = json_object();
        set(cause, "reason", err->causes[i].type);
        set(cause, "message", err->causes[i].message);
        set(cause, "field", err->causes[i].field);
        json_array_append_new(causes, cause);
    }
    return causes;
}

/* Upstream leaves details out where there is nothing in them, but for some reasons sends an empty
 * object. */
static json_t *details_json(const struct error *err)
{
    json_t *details = json_object();
    set(details, "name", err->name);
    set(details, "group", err->group);
    set(details, "kind", err->kind);
    set(details, "uid", err->uid);
    if (err->cause_count)
        json_object_set_new(details, "causes", causes_json(err));
    if (err->retry_after_s)
        json_object_set_new(details, "retryAfterSeconds", json_integer(err->retry_after_s));
    return details;
}

void status_write(struct buf *out, const struct error *err, const char *next_page)
{
    json_auto_t *status = json_pack("{s:s, s:s, s:{}, s:s}", "kind", "Status", "apiVersion", "v1",
                                    "metadata", "status", "Failure");
    json_t *details = details_json(err);
    bool wants_details = err->reason == ERROR_NOT_FOUND ||
                         err->reason == ERROR_METHOD_NOT_ALLOWED ||
                         err->reason == ERROR_FORBIDDEN || err->kind;
    if (next_page)
        json_set_text(json_object_get(status, "metadata"), "continue", next_page);
    json_set_text(status, "message", err->message ? err->message : "");
    set(status, "reason", err->other_reason ? err->other_reason : error_reason_text(err->reason));
    if (json_object_size(details) > 0 || wants_details)
        json_object_set(status, "details", details);
    json_decref(details);
    json_object_set_new(status, "code", json_integer(err->code));
    json_write(out, status);
}
