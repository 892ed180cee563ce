#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/strset.h"

static const struct reason_row {
    const char *text;
    int code;
} reasons[] = {[ERROR_NONE] = {"", 0},
#define X(id, status, name) [id] = {name, status},
               ERROR_REASONS(X)
#undef X
};

static const struct cause_row {
    const char *type, *text;
} cause_rows[] = {
#define X(id, type_name, words) [id] = {type_name, words},
    ERROR_CAUSES(X)
#undef X
};

void error_clear(struct error *err)
{
    for (size_t i = 0; i < err->cause_count; i++) {
        free(err->causes[i].type);
        free(err->causes[i].field);
        free(err->causes[i].message);
    }
    free(err->causes);
    free(err->message);
    free(err->other_reason);
    free(err->group);
    free(err->kind);
    free(err->name);
    free(err->uid);
    *err = (struct error){0};
}

void error_move(struct error *to, struct error *from)
{
    error_clear(to);
    *to = *from;
    *from = (struct error){0};
}

const char *error_reason_text(enum error_reason reason)
{
    return reasons[reason].text;
}

int error_reason_code(enum error_reason reason)
{
    return reasons[reason].code;
}

enum error_reason error_reason_find(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (strcmp(reasons[i].text, text) == 0)
            return (enum error_reason)i;
    return ERROR_NONE;
}

PRINTF_LIKE(1, 0) static char *format_text(const char *format, va_list args)
{
    struct buf text = BUF_TEXT;
    buf_vprintf(&text, format, args);
    char *result = buf_take(&text);
    return result ? result : xstrdup("out of memory");
}

#define FORMAT_ARGS(into)                                                                          \
    do {                                                                                           \
        va_list args_;                                                                             \
        va_start(args_, format);                                                                   \
        (into) = format_text(format, args_);                                                       \
        va_end(args_);                                                                             \
    } while (0)

/* Takes `message`. */
static bool set(struct error *err, enum error_reason reason, char *message)
{
    error_clear(err);
    err->reason = reason;
    err->code = reasons[reason].code;
    err->message = message;
    return false;
}

bool error_wrap(struct error *err, const char *format, ...)
{
    CLEANUP(free_ptr) char *context = NULL;
    FORMAT_ARGS(context);
    char *message = xasprintf("%s: %s", context, err->message ? err->message : "");
    free(err->message);
    err->message = message;
    return false;
}

bool error_set(struct error *err, enum error_reason reason, const char *format, ...)
{
    char *message;
    FORMAT_ARGS(message);
    return set(err, reason, message);
}

void error_details(struct error *err, const char *resource, const char *name)
{
    const char *dot = strchr(resource, '.');
    free(err->kind);
    free(err->group);
    free(err->name);
    err->kind = dot ? xstrndup(resource, (size_t)(dot - resource)) : xstrdup(resource);
    err->group = dot ? xstrdup(dot + 1) : NULL;
    err->name = name && *name ? xstrdup(name) : NULL;
}

bool error_bad_request(struct error *err, const char *format, ...)
{
    char *message;
    FORMAT_ARGS(message);
    return set(err, ERROR_BAD_REQUEST, message);
}

void error_set_cause(struct error *err, const char *type, const char *field, const char *format,
                     ...)
{
    char *message;
    FORMAT_ARGS(message);
    err->cause_count = 1;
    err->causes = xcalloc(1, sizeof(*err->causes));
    err->causes[0] = (struct error_cause){.type = type ? xstrdup(type) : NULL,
                                          .field = field ? xstrdup(field) : NULL,
                                          .message = message};
}

bool error_internal(struct error *err, const char *format, ...)
{
    CLEANUP(free_ptr) char *why = NULL;
    FORMAT_ARGS(why);
    set(err, ERROR_INTERNAL, xasprintf("Internal error occurred: %s", why));
    error_set_cause(err, NULL, NULL, "%s", why);
    return false;
}

bool error_not_found(struct error *err, const char *resource, const char *name)
{
    set(err, ERROR_NOT_FOUND, xasprintf("%s \"%s\" not found", resource, name));
    error_details(err, resource, name);
    return false;
}

bool error_already_exists(struct error *err, const char *resource, const char *name)
{
    set(err, ERROR_ALREADY_EXISTS, xasprintf("%s \"%s\" already exists", resource, name));
    error_details(err, resource, name);
    return false;
}

bool error_conflict(struct error *err, const char *resource, const char *name, const char *format,
                    ...)
{
    CLEANUP(free_ptr) char *why = NULL;
    FORMAT_ARGS(why);
    set(err, ERROR_CONFLICT,
        xasprintf("Operation cannot be fulfilled on %s \"%s\": %s", resource, name, why));
    error_details(err, resource, name);
    return false;
}

bool error_conflict_modified(struct error *err, const char *resource, const char *name)
{
    return error_conflict(err, resource, name,
                          "the object has been modified; please apply your changes to the latest "
                          "version and try again");
}

bool error_forbidden(struct error *err, const char *resource, const char *name, const char *format,
                     ...)
{
    CLEANUP(free_ptr) char *why = NULL;
    FORMAT_ARGS(why);
    if (name && *name)
        set(err, ERROR_FORBIDDEN, xasprintf("%s \"%s\" is forbidden: %s", resource, name, why));
    else
        set(err, ERROR_FORBIDDEN, xasprintf("%s is forbidden: %s", resource, why));
    error_details(err, resource, name);
    return false;
}

bool error_unavailable(struct error *err, const char *format, ...)
{
    char *message;
    FORMAT_ARGS(message);
    set(err, ERROR_UNAVAILABLE, message);
    err->retry_after_s = 1;
    return false;
}

static void add(struct error *err, enum cause_kind kind, const char *field, char *message)
{
    err->causes = xreallocarray(err->causes, err->cause_count + 1, sizeof(*err->causes));
    err->causes[err->cause_count++] = (struct error_cause){
        .type = xstrdup(cause_rows[kind].type), .field = xstrdup(field), .message = message};
}

void error_cut_causes(struct error *err, size_t keep)
{
    while (err->cause_count > keep) {
        struct error_cause *cause = &err->causes[--err->cause_count];
        free(cause->type);
        free(cause->field);
        free(cause->message);
    }
}

void error_move_causes(struct error *to, struct error *from, error_cause_fn wanted, const void *arg)
{
    size_t left = 0;
    to->causes =
        xreallocarray(to->causes, to->cause_count + from->cause_count + 1, sizeof(*to->causes));
    for (size_t i = 0; i < from->cause_count; i++) {
        struct error_cause *out = !wanted || wanted(&from->causes[i], arg)
                                      ? &to->causes[to->cause_count++]
                                      : &from->causes[left++];
        *out = from->causes[i];
    }
    from->cause_count = left;
    error_cut_causes(from, 0);
}

void error_add_cause(struct error *err, enum cause_kind kind, const char *field, const char *format,
                     ...)
{
    char *message;
    FORMAT_ARGS(message);
    add(err, kind, field, message);
}

/* As Go's %q does for the characters that names and values have. */
static char *quote(const char *value)
{
    struct buf out = BUF_TEXT;
    buf_add_char(&out, '"');
    for (const char *at = value; *at; at++) {
        switch (*at) {
        case '"':
        case '\\':
            buf_printf(&out, "\\%c", *at);
            break;
        case '\n':
            buf_add_text(&out, "\\n");
            break;
        case '\t':
            buf_add_text(&out, "\\t");
            break;
        case '\r':
            buf_add_text(&out, "\\r");
            break;
        default:
            if ((unsigned char)*at < 0x20 || *at == 0x7f)
                buf_printf(&out, "\\x%02x", (unsigned char)*at);
            else
                buf_add_char(&out, *at);
        }
    }
    buf_add_char(&out, '"');
    char *text = buf_take(&out);
    return text ? text : xstrdup("\"\"");
}

void error_add_invalid(struct error *err, const char *field, const char *value, const char *detail)
{
    CLEANUP(free_ptr) char *quoted = quote(value);
    add(err, CAUSE_INVALID, field, xasprintf("Invalid value: %s: %s", quoted, detail));
}

void error_add_required(struct error *err, const char *field, const char *detail)
{
    bool said = detail && *detail;
    add(err, CAUSE_REQUIRED, field,
        xasprintf("Required value%s%s", said ? ": " : "", said ? detail : ""));
}

void error_add_forbidden(struct error *err, const char *field, const char *detail)
{
    add(err, CAUSE_FORBIDDEN, field, xasprintf("Forbidden: %s", detail));
}

/* The causes, each once however often it was found. True when they are several. */
static bool list_causes(const struct error *err, struct buf *list)
{
    CLEANUP(strset_clear) struct strset told = {0};
    for (size_t i = 0; i < err->cause_count; i++) {
        const struct error_cause *cause = &err->causes[i];
        CLEANUP(free_ptr) char *line = xasprintf("%s: %s", cause->field, cause->message);
        if (strset_add(&told, line))
            buf_printf(list, "%s%s", list->len ? ", " : "", line);
    }
    return told.count > 1;
}

bool error_seal_invalid(struct error *err, const char *kind, const char *group, const char *name)
{
    if (err->cause_count == 0)
        return true;
    bool has_group = group && *group;
    CLEANUP(buf_free) struct buf list = BUF_TEXT;
    bool several = list_causes(err, &list);
    struct buf text = BUF_TEXT;
    buf_printf(&text, "%s%s%s \"%s\" is invalid: %s%s%s", kind, has_group ? "." : "",
               has_group ? group : "", name ? name : "", several ? "[" : "", list.data,
               several ? "]" : "");
    free(err->message);
    free(err->kind);
    free(err->group);
    free(err->name);
    err->message = buf_take(&text);
    err->reason = ERROR_INVALID;
    err->code = reasons[ERROR_INVALID].code;
    err->kind = xstrdup(kind);
    err->group = has_group ? xstrdup(group) : NULL;
    err->name = name && *name ? xstrdup(name) : NULL;
    return false;
}
