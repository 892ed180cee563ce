#include "base/str.h"

#include <stdint.h>

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

size_t str_utf8_character(struct str text)
{
    static const uint32_t least[] = {[2] = 0x80, [3] = 0x800, [4] = 0x10000};
    const unsigned char *at = (const unsigned char *)text.data;
    if (at[0] < 0x80)
        return 1;
    size_t len = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    uint32_t code = at[0] & (0xffU >> (len + 1));
    if (at[0] < 0xc2 || at[0] >= 0xf5 || text.len < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    bool fine = code >= least[len] && code <= 0x10ffff && (code < 0xd800 || code >= 0xe000);
    return fine ? len : 0;
}

/* Past what is ASCII, eight at a time. */
static size_t skip_ascii(struct str text)
{
    size_t at = 0;
    for (uint64_t word; text.len - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, text.data + at, sizeof(word));
        if (word & 0x8080808080808080u)
            break;
    }
    while (at < text.len && (unsigned char)text.data[at] < 0x80)
        at++;
    return at;
}

bool str_is_utf8(struct str text)
{
    for (;;) {
        size_t plain = skip_ascii(text);
        text = (struct str){text.data + plain, text.len - plain};
        size_t len = text.len ? str_utf8_character(text) : 0;
        if (!len)
            return !text.len;
        text = (struct str){text.data + len, text.len - len};
    }
}
