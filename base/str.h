/* base/str.h: borrowed text with a length; not necessarily terminated. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
    const char *data;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_FMT      "%.*s"
#define STR_ARG(s)   (int)(s).len, (s).data

static inline struct str str_of(const char *terminated)
{
    return (struct str){terminated, terminated ? strlen(terminated) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool str_is(struct str a, const char *terminated)
{
    return str_eq(a, str_of(terminated));
}

/* As strcmp orders them. */
static inline int str_compare(struct str a, struct str b)
{
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool str_starts(struct str text, struct str prefix)
{
    return text.len >= prefix.len && memcmp(text.data, prefix.data, prefix.len) == 0;
}

static inline bool str_ends(struct str text, struct str suffix)
{
    return text.len >= suffix.len &&
           memcmp(text.data + text.len - suffix.len, suffix.data, suffix.len) == 0;
}

static inline bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static inline bool text_ends(const char *text, const char *suffix)
{
    size_t text_len = strlen(text), suffix_len = strlen(suffix);
    return text_len >= suffix_len && memcmp(text + text_len - suffix_len, suffix, suffix_len) == 0;
}

/* Both may be NULL; NULL equals only NULL. */
static inline bool text_eq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Cuts at the first `separator`: returns what is before it, leaves what is after it in `*rest`
 * (empty with NULL data when there was no separator). */
struct str str_cut(struct str *rest, char separator);
/* Without white space at either end. */
struct str str_trim(struct str text);
/* An owned, terminated copy. */
char *str_dup(struct str text);
/* The bytes of the UTF-8 character that `text`, which is not empty, begins with: 1 to 4. 0: it is
 * none: cut off, overlong, a surrogate, past U+10FFFF. */
size_t str_utf8_character(struct str text);
bool str_is_utf8(struct str text);
