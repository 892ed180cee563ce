#include "apiserver/query.h"

#include <string.h>

#include "base/parse.h"
#include "schema/go_text.h"

/* Digits enough, but too many of them. */
static bool is_number(const char *kind, const char *text)
{
    const char *digits = text + (strcmp(kind, "Int") == 0 && (*text == '-' || *text == '+'));
    return *digits && strspn(digits, "0123456789") == strlen(digits);
}

void query_number_error(struct buf *out, const char *kind, const char *text)
{
    buf_printf(out, "strconv.Parse%s: parsing ", kind);
    go_quote(out, str_of(text));
    buf_add_text(out, is_number(kind, text) ? ": value out of range" : ": invalid syntax");
}

void query_not_supported(struct error *err, const char *field, const char *text,
                         const char *supported)
{
    CLEANUP(buf_free) struct buf quoted = BUF_TEXT;
    go_quote(&quoted, str_of(text));
    error_add_cause(err, CAUSE_NOT_SUPPORTED, field, "Unsupported value: %s: supported values: %s",
                    buf_ok(&quoted) ? quoted.data : "\"\"", supported);
}

bool query_refuse_number(struct error *err, const char *kind, const char *text)
{
    CLEANUP(buf_free) struct buf words = BUF_TEXT;
    query_number_error(&words, kind, text);
    return error_bad_request(err, "%s", buf_ok(&words) ? words.data : "");
}

bool query_int(const struct route *route, const char *key, int64_t *value, struct error *err)
{
    const char *text = route_arg(route, key);
    return !text || parse_i64(str_of(text), INT64_MIN, INT64_MAX, value) ||
           query_refuse_number(err, "Int", text);
}
