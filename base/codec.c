#include "base/codec.h"

#include <openssl/sha.h>

static const char alphabets[2][65] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

void base64_encode(struct buf *out, const void *data, size_t len, enum base64_kind kind)
{
    const unsigned char *in = data;
    const char *alphabet = alphabets[kind];
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t)in[i] << 16;
        if (left > 1)
            group |= (uint32_t)in[i + 1] << 8;
        if (left > 2)
            group |= in[i + 2];
        char text[4] = {alphabet[group >> 18], alphabet[(group >> 12) & 63],
                        left > 1 ? alphabet[(group >> 6) & 63] : '=',
                        left > 2 ? alphabet[group & 63] : '='};
        buf_add(out, text, kind == BASE64_URL ? left + 1 : 4);
    }
}

static int value_of(char c, enum base64_kind kind)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == alphabets[kind][62])
        return 62;
    return c == alphabets[kind][63] ? 63 : -1;
}

bool base64_decode(struct buf *out, struct str text, enum base64_kind kind)
{
    if (kind == BASE64_STANDARD) {
        if (text.len % 4)
            return false;
        for (int pad = 0; pad < 2 && text.len && text.data[text.len - 1] == '='; pad++)
            text.len--;
    }
    if (text.len % 4 == 1)
        return false;
    uint32_t group = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.data[i], kind);
        if (value < 0)
            return false;
        group = (group << 6) | (uint32_t)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_add_char(out, (char)(group >> bits));
            group &= (1u << bits) - 1;
        }
    }
    return group == 0 && buf_ok(out);
}

void hex_encode(struct buf *out, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = data;
    for (size_t i = 0; i < len; i++) {
        buf_add_char(out, digits[in[i] >> 4]);
        buf_add_char(out, digits[in[i] & 15]);
    }
}

void sha256(const void *data, size_t len, unsigned char out[32])
{
    SHA256(data, len, out);
}

void sha256_hex(const void *data, size_t len, char out[65])
{
    unsigned char digest[32];
    CLEANUP(buf_free) struct buf text = BUF_INIT(64);
    sha256(data, len, digest);
    hex_encode(&text, digest, sizeof(digest));
    memcpy(out, text.data, 65);
}
