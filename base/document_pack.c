/* Trees from a format and arguments. */
#include <assert.h>
#include <stdarg.h>

#include "base/document.h"
#include "base/str.h"

struct packer {
    const char *at; /* in the format */
    va_list args;
    bool failed; /* the rest is read all the same, to drop what was to be taken */
};

static json_t *pack_value(struct packer *packer);

static char peek(struct packer *packer)
{
    while (*packer->at && strchr(" \t\n,:", *packer->at))
        packer->at++;
    return *packer->at;
}

static char take(struct packer *packer)
{
    char c = peek(packer);
    assert(c); /* the format ends too early */
    packer->at++;
    return c;
}

static bool take_if(struct packer *packer, char c)
{
    if (peek(packer) != c)
        return false;
    packer->at++;
    return true;
}

/* What `*` and `?` behind it make of an argument; NULL when it is neither there nor excused. */
static json_t *or_excuse(struct packer *packer, json_t *value)
{
    bool skip = take_if(packer, '*'), null = !skip && take_if(packer, '?');
    if (value)
        return value;
    if (!skip && !null)
        packer->failed = true;
    return null ? json_null() : NULL;
}

/* The argument of an `s`. Data is NULL when it is. */
static struct str pack_text(struct packer *packer)
{
    struct str text = {.data = va_arg(packer->args, const char *)};
    if (take_if(packer, '%'))
        text.len = va_arg(packer->args, size_t);
    else if (take_if(packer, '#'))
        text.len = (size_t)va_arg(packer->args, int);
    else
        text.len = text.data ? strlen(text.data) : 0;
    return text;
}

static json_t *pack_string(struct packer *packer)
{
    struct str text = pack_text(packer);
    json_t *string = json_stringn(text.data, text.len);
    if (text.data && !string)
        packer->failed = true;
    return or_excuse(packer, string);
}

static json_t *pack_object(struct packer *packer)
{
    json_t *object = json_object();
    while (!take_if(packer, '}')) {
        char kind = take(packer);
        assert(kind == 's');
        struct str key = pack_text(packer);
        json_t *value = pack_value(packer);
        if (value && json_object_setn_new(object, key.data, key.len, value) != 0)
            packer->failed = true;
    }
    return object;
}

static json_t *pack_array(struct packer *packer)
{
    json_t *array = json_array();
    while (!take_if(packer, ']')) {
        json_t *value = pack_value(packer);
        if (value)
            json_array_append_new(array, value);
    }
    return array;
}

/* NULL when it failed, or was left out. */
static json_t *pack_value(struct packer *packer)
{
    switch (take(packer)) {
    case '{':
        return pack_object(packer);
    case '[':
        return pack_array(packer);
    case 's':
        return pack_string(packer);
    case 'n':
        return json_null();
    case 'b':
        return json_boolean(va_arg(packer->args, int));
    case 'i':
        return json_integer(va_arg(packer->args, int));
    case 'I':
        return json_integer(va_arg(packer->args, json_int_t));
    case 'f':
        return or_excuse(packer, json_real(va_arg(packer->args, double)));
    case 'o':
        return or_excuse(packer, va_arg(packer->args, json_t *));
    case 'O':
        return or_excuse(packer, json_incref(va_arg(packer->args, json_t *)));
    default:
        assert(false); /* no format */
        return NULL;
    }
}

json_t *json_pack(const char *format, ...)
{
    struct packer packer = {.at = format};
    va_start(packer.args, format);
    json_t *value = pack_value(&packer);
    va_end(packer.args);
    assert(!peek(&packer));
    if (!packer.failed)
        return value;
    json_decref(value);
    return NULL;
}
