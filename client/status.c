/* Errors: a Status that the server answered, or a transfer that failed, as a struct error. */
#include <string.h>

#include "client/client_internal.h"

static const struct reason_name {
    enum error_reason reason;
    int code;
    const char *text;
} reason_names[] = {
#define X(id, status, name) {id, status, name},
    ERROR_REASONS(X)
#undef X
};

/* By Status.reason, else by the HTTP code, else InternalError. */
static enum error_reason find_reason(long code, const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(reason_names); i++)
        if (text && strcmp(reason_names[i].text, text) == 0)
            return reason_names[i].reason;
    for (size_t i = 0; i < ARRAY_LEN(reason_names); i++)
        if (reason_names[i].code == code)
            return reason_names[i].reason;
    return ERROR_INTERNAL;
}

static void add_causes(struct error *err, const json_t *causes)
{
    size_t i;
    const json_t *cause;
    size_t count = json_array_size(causes);
    if (!count)
        return;
    err->causes = xcalloc(count, sizeof(*err->causes));
    json_array_foreach (causes, i, cause) {
        const char *type = json_text(cause, "reason"), *field = json_text(cause, "field"),
                   *message = json_text(cause, "message");
        err->causes[err->cause_count++] =
            (struct error_cause){xstrdup(type ? type : ""), xstrdup(field ? field : ""),
                                 xstrdup(message ? message : "")};
    }
}

static char *text_or_null(const json_t *text)
{
    return json_is_string(text) ? xstrdup(json_string_value(text)) : NULL;
}

bool client_status_error(long code, struct str body, struct error *err)
{
    CLEANUP(error_clear) struct error ignored = {0};
    json_auto_t *status = json_parse(body, JSON_LOAD_LENIENT, &ignored);
    const char *message = json_text(status, "message");
    enum error_reason reason = find_reason(code, json_text(status, "reason"));
    if (!message)
        return error_set(err, reason, "the server answered with HTTP status %ld", code);
    error_set(err, reason, "%s", message);
    err->code = (int)(code ? code : json_int_or(json_at(status, "code"), err->code));
    const json_t *details = json_at(status, "details");
    err->group = text_or_null(json_at(details, "group"));
    err->kind = text_or_null(json_at(details, "kind"));
    err->name = text_or_null(json_at(details, "name"));
    err->uid = text_or_null(json_at(details, "uid"));
    err->retry_after_s = (int)json_int_or(json_at(details, "retryAfterSeconds"), 0);
    add_causes(err, json_at(details, "causes"));
    return false;
}

bool client_transfer_error(const struct client *client, CURLcode why, struct error *err)
{
    if (why == CURLE_OPERATION_TIMEDOUT)
        return error_set(err, ERROR_TIMEOUT, "the server %s did not answer in time",
                         client->server);
    return error_unavailable(err, "the server %s cannot be reached: %s", client->server,
                             curl_easy_strerror(why));
}
