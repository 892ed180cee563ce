#include "base/str.h"

#include "base/mem.h"

struct str str_cut(struct str *rest, char separator)
{
    struct str whole = *rest;
    const char *at = whole.len ? memchr(whole.data, separator, whole.len) : NULL;
    if (!at) {
        *rest = (struct str){0};
        return whole;
    }
    size_t before = (size_t)(at - whole.data);
    *rest = (struct str){at + 1, whole.len - before - 1};
    return (struct str){whole.data, before};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct str str_trim(struct str text)
{
    while (text.len && is_space(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len && is_space(text.data[text.len - 1]))
        text.len--;
    return text;
}

char *str_dup(struct str text)
{
    return xstrndup(text.len ? text.data : "", text.len);
}
