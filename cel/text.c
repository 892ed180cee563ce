#include "cel/text.h"

size_t cel_text_next(struct str text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t ignored, *out = code ? code : &ignored;
    *out = 0xfffd;
    if (!text.len)
        return 0;
    unsigned char first = (unsigned char)text.data[0];
    size_t len = first < 0x80                    ? 1
                 : first >= 0xf0 && first < 0xf8 ? 4
                 : first >= 0xe0                 ? 3
                 : first >= 0xc0                 ? 2
                                                 : 0;
    if (len == 1)
        *out = first;
    if (len < 2 || len > text.len || first >= 0xf8)
        return 1;
    uint32_t value = first & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c & 0xc0) != 0x80)
            return 1;
        value = value << 6 | (c & 0x3f);
    }
    if (value < least[len] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return 1;
    *out = value;
    return len;
}

size_t cel_text_put(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(heads[len] | code);
    return len;
}

size_t cel_text_count(struct str text)
{
    size_t count = 0;
    for (size_t at = 0; at < text.len; count++)
        at += (unsigned char)text.data[at] < 0x80
                  ? 1
                  : cel_text_next((struct str){text.data + at, text.len - at}, NULL);
    return count;
}

size_t cel_text_offset(struct str text, size_t n)
{
    size_t at = 0;
    for (; n && at < text.len; n--)
        at += cel_text_next((struct str){text.data + at, text.len - at}, NULL);
    return at;
}

bool cel_text_valid(struct str text)
{
    uint32_t code;
    for (size_t len, at = 0; at < text.len; at += len) {
        len = cel_text_next((struct str){text.data + at, text.len - at}, &code);
        if (len == 1 && code == 0xfffd)
            return false;
    }
    return true;
}
