/* Trees from text and to text, as jansson's functions of these names do it. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/document.h"
#include "base/json.h"
#include "base/json_tape.h"

/* ---- in ---- */

json_t *json_loadb(const char *text, size_t len, size_t flags, json_error_t *error)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(json_tape_free)
    struct json_tape tape = {.flags = (flags & JSON_ALLOW_NUL ? JSON_TAPE_NUL : 0) |
                                      (flags & JSON_DISABLE_EOF_CHECK ? JSON_TAPE_PREFIX : 0)};
    json_auto_t *value = text && json_tape_read(&tape, (struct str){text, len}, &err)
                             ? json_parse_tape(&tape, JSON_LOAD_LENIENT, &err)
                             : NULL;
    bool fits = (flags & JSON_DECODE_ANY) || json_is_object(value) || json_is_array(value);
    if (value && fits)
        return TAKE(value);
    if (error)
        (void)snprintf(error->text, sizeof(error->text), "%s", /* cut is better than none */
                       err.message ? err.message : "neither an object nor an array");
    return NULL;
}

json_t *json_loads(const char *text, size_t flags, json_error_t *error)
{
    return json_loadb(text, text ? strlen(text) : 0, flags, error);
}

/* ---- out ---- */

struct printer {
    struct buf out;
    size_t flags;
};

static void print(struct printer *printer, const json_t *value, size_t depth);

static void print_text(struct buf *out, struct str text)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        const char *known = text.data[i] ? strchr(from, text.data[i]) : NULL;
        if (known) {
            const char escape[] = {'\\', to[known - from]};
            buf_add(out, escape, sizeof(escape));
        } else if ((unsigned char)text.data[i] < 0x20) {
            buf_printf(out, "\\u%04X", (unsigned)text.data[i]);
        } else {
            buf_add_char(out, text.data[i]);
        }
    }
    buf_add_char(out, '"');
}

/* Always with a point or an exponent, which has neither a plus nor zeros in front. */
static void print_real(struct printer *printer, double value)
{
    char text[64];
    int digits = (int)(printer->flags >> 11 & 0x1f);
    (void)snprintf(text, sizeof(text), "%.*g", digits ? digits : 17, value); /* at most 40 */
    const char *exponent = strchr(text, 'e');
    size_t mantissa = exponent ? (size_t)(exponent - text) : strlen(text);
    buf_add(&printer->out, text, mantissa);
    if (!exponent) {
        buf_add_text(&printer->out, strchr(text, '.') ? "" : ".0");
        return;
    }
    buf_add_text(&printer->out, exponent[1] == '-' ? "e-" : "e");
    exponent += 2; /* C writes a sign always */
    while (*exponent == '0')
        exponent++;
    buf_add_text(&printer->out, exponent);
}

/* Between members and items, and around them. */
static void print_break(struct printer *printer, size_t depth, const char *otherwise)
{
    size_t indent = JSON_INDENT(printer->flags);
    if (indent)
        buf_printf(&printer->out, "\n%*s", (int)(indent * depth), "");
    else if (!(printer->flags & JSON_COMPACT))
        buf_add_text(&printer->out, otherwise);
}

static int by_key(const void *a, const void *b)
{
    const struct json_member *one = *(const struct json_member *const *)a,
                             *other = *(const struct json_member *const *)b;
    return str_compare((struct str){one->key, (uint32_t)one->mark},
                       (struct str){other->key, (uint32_t)other->mark});
}

/* Those that are there, as they are to be printed. Owned. */
static const struct json_member **members_in_order(const struct printer *printer,
                                                   const struct json_members *object)
{
    const struct json_member **members = xreallocarray(NULL, object->count, sizeof(*members));
    size_t count = 0;
    for (uint32_t i = 0; i < object->used; i++)
        if (object->members[i].key)
            members[count++] = &object->members[i];
    assert(count == object->count);
    if (printer->flags & JSON_SORT_KEYS)
        qsort(members, count, sizeof(*members), by_key);
    return members;
}

static void print_object(struct printer *printer, const struct json_members *object, size_t depth)
{
    CLEANUP(free_ptr)
    const struct json_member **members = members_in_order(printer, object);
    buf_add_char(&printer->out, '{');
    for (uint32_t i = 0; i < object->count; i++) {
        if (i)
            buf_add_char(&printer->out, ',');
        print_break(printer, depth + 1, i ? " " : "");
        print_text(&printer->out, (struct str){members[i]->key, (uint32_t)members[i]->mark});
        buf_add_text(&printer->out, printer->flags & JSON_COMPACT ? ":" : ": ");
        print(printer, members[i]->value, depth + 1);
    }
    if (object->count)
        print_break(printer, depth, "");
    buf_add_char(&printer->out, '}');
}

static void print_array(struct printer *printer, const json_t *array, size_t depth)
{
    buf_add_char(&printer->out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i)
            buf_add_char(&printer->out, ',');
        print_break(printer, depth + 1, i ? " " : "");
        print(printer, json_array_get(array, i), depth + 1);
    }
    if (json_array_size(array))
        print_break(printer, depth, "");
    buf_add_char(&printer->out, ']');
}

static void print(struct printer *printer, const json_t *value, size_t depth)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        print_object(printer, (const struct json_members *)value, depth);
        break;
    case JSON_ARRAY:
        print_array(printer, value, depth);
        break;
    case JSON_STRING:
        print_text(&printer->out,
                   (struct str){json_string_value(value), json_string_length(value)});
        break;
    case JSON_REAL:
        print_real(printer, json_real_value(value));
        break;
    default:
        json_write(&printer->out, value); /* there is one way to write these */
        break;
    }
}

static bool print_all(struct printer *printer, const json_t *json, size_t flags)
{
    *printer = (struct printer){.out = BUF_INIT(SIZE_MAX / 2), .flags = flags};
    if (!json || !((flags & JSON_ENCODE_ANY) || json_is_object(json) || json_is_array(json)))
        return false;
    print(printer, json, 0);
    return buf_ok(&printer->out);
}

char *json_dumps(const json_t *json, size_t flags)
{
    struct printer printer;
    if (print_all(&printer, json, flags))
        return buf_take(&printer.out);
    buf_free(&printer.out);
    return NULL;
}

size_t json_dumpb(const json_t *json, char *bytes, size_t size, size_t flags)
{
    struct printer printer;
    size_t len = print_all(&printer, json, flags) ? printer.out.len : 0;
    if (len && len <= size)
        memcpy(bytes, printer.out.data, len);
    buf_free(&printer.out);
    return len;
}
