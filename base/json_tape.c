#include "base/json_tape.h"

#include <string.h>

#include "base/json.h"
#include "base/json_scan.h"

struct reader {
    const char *at, *end;
    struct json_tape *tape;
    uint32_t open[JSON_DEPTH_MAX]; /* the objects and arrays around `at` */
    size_t depth;
    struct error *err;
};

/* ---- characters ---- */

enum { PLAIN, QUOTE, BACKSLASH, CONTROL, WIDE };

/* clang-format off */
static const uint8_t classes[256] = {
    [0 ... 0x1f] = CONTROL, ['"'] = QUOTE, ['\\'] = BACKSLASH, [0x80 ... 0xff] = WIDE,
};
/* clang-format on */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline void skip_space(struct reader *reader)
{
    if (reader->at < reader->end && (unsigned char)*reader->at > ' ')
        return;
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\t' || *reader->at == '\r'))
        reader->at++;
}

/* As Go quotes one character. */
static void print_character(struct buf *out, unsigned char c)
{
    static const char escapes[] = "a\ab\bf\fn\nr\rt\tv\v\\\\'\'";
    const char *escape = NULL;
    for (const char *at = escapes; *at && !escape; at += 2)
        if ((unsigned char)at[1] == c)
            escape = at;
    if (escape)
        buf_printf(out, "'\\%c'", escape[0]);
    else if (c < 0x20 || c == 0x7f)
        buf_printf(out, "'\\x%02x'", c);
    else if (c < 0x80)
        buf_printf(out, "'%c'", c);
    else if (c < 0xa0)
        buf_printf(out, "'\\u%04x'", c);
    else
        buf_printf(out, "'%c%c'", 0xc0 | (c >> 6),
                   0x80 | (c & 0x3f)); /* Go takes the byte for a character */
}

/* `invalid character 'x' WHERE`; false. */
static bool unexpected(struct reader *reader, const char *where)
{
    CLEANUP(buf_free) struct buf character = BUF_TEXT;
    if (reader->at >= reader->end)
        return error_bad_request(reader->err, "unexpected end of JSON input");
    print_character(&character, (unsigned char)*reader->at);
    return error_bad_request(reader->err, "invalid character %s %s", character.data, where);
}

/* ---- tokens ---- */

static __attribute__((noinline, cold)) void grow(struct json_tape *tape)
{
    size_t capacity = tape->capacity ? tape->capacity * 2 : 256;
    struct json_token *tokens =
        xreallocarray(tape->borrowed ? NULL : tape->tokens, capacity, sizeof(*tokens));
    if (tape->borrowed)
        memcpy(tokens, tape->tokens, tape->count * sizeof(*tokens));
    tape->tokens = tokens;
    tape->capacity = capacity;
    tape->borrowed = false;
}

static inline struct json_token *push(struct reader *reader, enum json_token_kind kind)
{
    struct json_tape *tape = reader->tape;
    size_t count = tape->count;
    if (count == tape->capacity)
        grow(tape);
    struct json_token *token = &tape->tokens[count];
    *token = (struct json_token){.at = (uint32_t)(reader->at - tape->text.data),
                                 .next = (uint32_t)count + 1,
                                 .kind = (uint8_t)kind};
    tape->count = count + 1;
    return token;
}

static void end_token(struct reader *reader, struct json_token *token)
{
    token->len = (uint32_t)(reader->at - reader->tape->text.data) - token->at;
}

/* One character of two to four bytes. */
static bool read_wide(struct reader *reader)
{
    size_t len = str_utf8_character((struct str){reader->at, (size_t)(reader->end - reader->at)});
    reader->at += len;
    return len || error_bad_request(reader->err, "invalid UTF-8 in string literal");
}

static bool read_hex4(struct reader *reader, unsigned *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, reader->at++) {
        int digit = reader->at < reader->end ? hex_value(*reader->at) : -1;
        if (digit < 0)
            return unexpected(reader, "in \\u hexadecimal character escape");
        *code = *code << 4 | (unsigned)digit;
    }
    return true;
}

/* Behind `\u`. */
static bool read_code(struct reader *reader)
{
    unsigned code, low = 0;
    if (!read_hex4(reader, &code))
        return false;
    if (!code && !(reader->tape->flags & JSON_TAPE_NUL))
        return error_bad_request(reader->err, "\\u0000 is not allowed in a string");
    if (code < 0xd800 || code >= 0xe000)
        return true;
    bool pair = code < 0xdc00 && reader->end - reader->at > 2 && reader->at[0] == '\\' &&
                reader->at[1] == 'u';
    if (pair) {
        reader->at += 2;
        if (!read_hex4(reader, &low))
            return false;
    }
    return (low >= 0xdc00 && low < 0xe000) ||
           error_bad_request(reader->err, "half a surrogate pair in a string: \\u%04x", code);
}

/* Behind the backslash. */
static bool read_escape(struct reader *reader)
{
    if (reader->at < reader->end && *reader->at == '"') {
        reader->at++;
        return true;
    }
    if (reader->at == reader->end || !*reader->at || !strchr("\\/bfnrtu", *reader->at))
        return unexpected(reader, "in string escape code");
    return *reader->at++ != 'u' || read_code(reader);
}

/* The first byte at or after `at` that is not PLAIN; eight at a time. */
static inline const char *skip_plain(const char *at, const char *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t word = json_load_word(at);
        uint64_t control = (word - JSON_EACH_BYTE(0x20)) & ~word;
        uint64_t found = json_zero_bytes(word ^ JSON_EACH_BYTE('"')) |
                         json_zero_bytes(word ^ JSON_EACH_BYTE('\\')) |
                         ((control | word) & JSON_EACH_BYTE(0x80));
        if (found)
            return at + __builtin_ctzll(found) / 8;
    }
    while (at < end && classes[(unsigned char)*at] == PLAIN)
        at++;
    return at;
}

/* At the opening quote. */
static bool read_string(struct reader *reader)
{
    reader->at++;
    struct json_token *token = push(reader, JSON_TOKEN_STRING);
    for (;;) {
        reader->at = skip_plain(reader->at, reader->end);
        if (reader->at == reader->end)
            return unexpected(reader, "");
        switch (classes[(unsigned char)*reader->at]) {
        case QUOTE:
            end_token(reader, token);
            reader->at++;
            return true;
        case BACKSLASH:
            reader->at++;
            token->escaped = true;
            if (!read_escape(reader))
                return false;
            break;
        case WIDE:
            if (!read_wide(reader))
                return false;
            break;
        default:
            return unexpected(reader, "in string literal");
        }
    }
}

static bool read_digits(struct reader *reader, const char *where)
{
    if (reader->at == reader->end || !is_digit(*reader->at))
        return unexpected(reader, where);
    while (reader->at < reader->end && is_digit(*reader->at))
        reader->at++;
    return true;
}

static bool take(struct reader *reader, char a, char b)
{
    if (reader->at == reader->end || (*reader->at != a && *reader->at != b))
        return false;
    reader->at++;
    return true;
}

static bool read_number(struct reader *reader)
{
    struct json_token *token = push(reader, JSON_TOKEN_INTEGER);
    (void)take(reader, '-', '-'); /* need not be there */
    if (!take(reader, '0', '0') && !read_digits(reader, "in numeric literal"))
        return false;
    if (take(reader, '.', '.')) {
        token->kind = JSON_TOKEN_REAL;
        if (!read_digits(reader, "after decimal point in numeric literal"))
            return false;
    }
    if (take(reader, 'e', 'E')) {
        token->kind = JSON_TOKEN_REAL;
        (void)take(reader, '+', '-'); /* need not be there */
        if (!read_digits(reader, "in exponent of numeric literal"))
            return false;
    }
    end_token(reader, token);
    return true;
}

static bool read_word(struct reader *reader)
{
    static const struct {
        const char *text;
        enum json_token_kind kind;
    } words[] = {{"true", JSON_TOKEN_TRUE}, {"false", JSON_TOKEN_FALSE}, {"null", JSON_TOKEN_NULL}};
    size_t row = *reader->at == 't' ? 0 : *reader->at == 'f' ? 1 : 2;
    struct json_token *token = push(reader, words[row].kind);
    for (const char *want = words[row].text; *want; want++, reader->at++) {
        if (reader->at < reader->end && *reader->at == *want)
            continue;
        CLEANUP(free_ptr)
        char *where = xasprintf("in literal %s (expecting '%c')", words[row].text, *want);
        return unexpected(reader, where);
    }
    end_token(reader, token);
    return true;
}

static bool open_container(struct reader *reader, enum json_token_kind kind)
{
    if (reader->depth == JSON_DEPTH_MAX)
        return error_bad_request(reader->err, "the document nests deeper than %d levels",
                                 JSON_DEPTH_MAX);
    reader->open[reader->depth++] = (uint32_t)reader->tape->count;
    (void)push(reader, kind); /* is closed by its place */
    reader->at++;
    return true;
}

static bool read_value(struct reader *reader)
{
    skip_space(reader);
    char c = reader->at < reader->end ? *reader->at : '\0';
    switch (c) {
    case '{':
        return open_container(reader, JSON_TOKEN_OBJECT);
    case '[':
        return open_container(reader, JSON_TOKEN_ARRAY);
    case '"':
        return read_string(reader);
    case 't':
    case 'f':
    case 'n':
        return read_word(reader);
    default:
        return c == '-' || is_digit(c) ? read_number(reader)
                                       : unexpected(reader, "looking for beginning of value");
    }
}

static bool read_key(struct reader *reader)
{
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != '"')
        return unexpected(reader, "looking for beginning of object key string");
    if (!read_string(reader))
        return false;
    skip_space(reader);
    return take(reader, ':', ':') || unexpected(reader, "after object key");
}

/* The end of the innermost container, or what is next in it. */
static bool read_on(struct reader *reader)
{
    struct json_token *container = &reader->tape->tokens[reader->open[reader->depth - 1]];
    bool object = container->kind == JSON_TOKEN_OBJECT,
         first = reader->tape->tokens + reader->tape->count == container + 1;
    skip_space(reader);
    if (take(reader, object ? '}' : ']', object ? '}' : ']')) {
        end_token(reader, container);
        container->next = (uint32_t)reader->tape->count;
        reader->depth--;
        return true;
    }
    if (!first && !take(reader, ',', ','))
        return unexpected(reader, object ? "after object key:value pair" : "after array element");
    return (!object || read_key(reader)) && read_value(reader);
}

bool json_tape_read(struct json_tape *tape, struct str text, struct error *err)
{
    struct str given = text.data ? text : STR("");
    struct reader reader = {
        .at = given.data, .end = given.data + given.len, .tape = tape, .err = err};
    tape->text = given;
    tape->count = 0;
    if (given.len > JSON_TAPE_TEXT_MAX)
        return error_bad_request(err, "the document is longer than %zu bytes", JSON_TAPE_TEXT_MAX);
    if (!read_value(&reader))
        return false;
    while (reader.depth)
        if (!read_on(&reader))
            return false;
    skip_space(&reader);
    return reader.at == reader.end || (tape->flags & JSON_TAPE_PREFIX) ||
           unexpected(&reader, "after top-level value");
}

void json_tape_free(struct json_tape *tape)
{
    if (!tape->borrowed)
        free(tape->tokens);
    *tape = (struct json_tape){0};
}

/* ---- strings ---- */

/* 0 for what is none. */
static unsigned hex4(const char *at, const char *end)
{
    unsigned code = 0;
    for (int i = 0; i < 4 && end - at >= 4; i++) {
        int digit = hex_value(at[i]);
        code = code << 4 | (digit < 0 ? 0 : (unsigned)digit);
    }
    return code;
}

static void add_character(struct buf *out, uint32_t code)
{
    char bytes[4];
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char marks[] = {[1] = 0, [2] = 0xc0, [3] = 0xe0, [4] = 0xf0};
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3f));
    bytes[0] = (char)(marks[len] | code);
    buf_add(out, bytes, len);
}

/* The character of the escape whose `u` is at `at`; returns what is behind it. */
static const char *add_code(struct buf *out, const char *at, const char *end)
{
    uint32_t code = hex4(at + 1, end);
    at += 5;
    if (code >= 0xd800 && code < 0xe000) { /* its other half follows */
        code = 0x10000 + ((code - 0xd800) << 10) + (hex4(at + 2, end) - 0xdc00);
        at += 6;
    }
    add_character(out, code);
    return at;
}

struct str json_unescape(struct str raw, struct buf *scratch)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *at = raw.data, *end = raw.data + raw.len;
    buf_clear(scratch);
    while (at < end) {
        const char *stop = memchr(at, '\\', (size_t)(end - at));
        buf_add(scratch, at, (size_t)((stop ? stop : end) - at));
        if (!stop || end - stop < 2)
            break;
        at = stop + 1;
        if (*at == 'u') {
            at = add_code(scratch, at, end);
            continue;
        }
        const char *known = strchr(from, *at);
        buf_add_char(scratch, known ? to[known - from] : *at);
        at++;
    }
    return (struct str){scratch->data ? scratch->data : "", scratch->len};
}

struct str json_tape_string(const struct json_tape *tape, const struct json_token *token,
                            struct buf *scratch)
{
    struct str raw = json_tape_raw(tape, token);
    return token->escaped ? json_unescape(raw, scratch) : raw;
}
