#include "apiserver/list_options.h"

#include <string.h>

#include "apiserver/query.h"
#include "base/parse.h"
#include "base/str.h"
#include "schema/go_text.h"

#define MATCH "resourceVersionMatch"

static void forbid(struct request *request, const char *field, const char *why)
{
    error_add_forbidden(&request->error, field, why);
}

static void check_list(struct request *request, const struct list_options *options,
                       const char *match)
{
    if (options->matches) {
        if (!options->revision)
            forbid(request, MATCH,
                   "resourceVersionMatch is forbidden unless resourceVersion is provided");
        if (options->next)
            forbid(request, MATCH, "resourceVersionMatch is forbidden when continue is provided");
        if (!options->exact && strcmp(match, "NotOlderThan") != 0)
            query_not_supported(&request->error, MATCH, match, "\"Exact\", \"NotOlderThan\", \"\"");
        if (options->exact && text_eq(options->revision, "0"))
            forbid(request, MATCH,
                   "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    }
    if (options->initial_given)
        forbid(request, "sendInitialEvents", "sendInitialEvents is forbidden for list");
}

static void check_watch(struct request *request, const struct list_options *options,
                        const char *match)
{
    bool not_older = text_eq(match, "NotOlderThan");
    if (options->initial_given && !not_older)
        forbid(request, MATCH,
               "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    if (!options->matches)
        return;
    if (!options->initial_given)
        forbid(request, MATCH,
               "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    if (!not_older)
        query_not_supported(&request->error, MATCH, match, "\"NotOlderThan\"");
    if (options->next)
        forbid(request, MATCH, "resourceVersionMatch is forbidden when continue is provided");
}

static const char *given(const struct route *route, const char *key)
{
    const char *value = route_arg(route, key);
    return value && *value ? value : NULL;
}

bool list_options_parse(struct request *request, bool watch, struct list_options *options)
{
    const struct route *route = &request->route;
    const char *match = given(route, MATCH);
    *options = (struct list_options){
        .next = given(route, "continue"),
        .revision = given(route, "resourceVersion"),
        .exact = text_eq(match, "Exact"),
        .matches = match != NULL,
        .initial_given = route_arg(route, "sendInitialEvents") != NULL,
        .initial = route_flag(route, "sendInitialEvents"),
    };
    if (!query_int(route, "timeoutSeconds", &options->timeout_s, &request->error) ||
        !query_int(route, "limit", &options->limit, &request->error))
        return false;
    (watch ? check_watch : check_list)(request, options, match);
    return error_seal_invalid(&request->error, "ListOptions", "meta.k8s.io", "");
}

/* Whether upstream's store answers, whose error has a reason, and not its cache, whose has none. */
static bool asks_store(const struct list_options *options)
{
    return options && !options->initial_given &&
           (options->next || options->exact || (options->limit > 0 && !options->matches));
}

bool list_options_revision(struct request *request, const struct list_options *options,
                           int64_t *value)
{
    const char *text = options ? options->revision : given(&request->route, "resourceVersion");
    CLEANUP(buf_free) struct buf words = BUF_TEXT;
    *value = 0;
    if (!text || parse_i64(str_of(text), 0, INT64_MAX, value))
        return true;
    buf_add_text(&words, "resourceVersion: Invalid value: ");
    go_quote(&words, str_of(text));
    buf_add_text(&words, ": ");
    query_number_error(&words, "Uint", text);
    const char *said = buf_ok(&words) ? words.data : "";
    return asks_store(options)
               ? error_bad_request(&request->error, "invalid resource version: %s", said)
               : error_set(&request->error, ERROR_UNKNOWN, "%s", said);
}
