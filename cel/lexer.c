#include "cel/lexer.h"

#include <ctype.h>
#include <string.h>

#include "cel/text.h"

static const char *const signs[] = {"==", "!=", "<=", ">=", "&&", "||", "<", ">",
                                    "[",  "]",  "{",  "}",  "(",  ")",  ".", ",",
                                    "-",  "!",  "?",  ":",  "+",  "*",  "/", "%"};

static const struct word {
    const char *text;
    enum cel_token_kind kind;
} words[] = {{"true", CEL_TOKEN_TRUE},
             {"false", CEL_TOKEN_FALSE},
             {"null", CEL_TOKEN_NULL},
             {"in", CEL_TOKEN_IN}};

static bool starts_name(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static char char_at(struct str source, size_t at)
{
    return at < source.len ? source.data[at] : '\0';
}

static size_t skip_digits(struct str source, size_t at, bool hex)
{
    while (hex ? isxdigit((unsigned char)char_at(source, at))
               : isdigit((unsigned char)char_at(source, at)))
        at++;
    return at;
}

static size_t skip_space(struct str source, size_t at)
{
    for (;;) {
        char c = char_at(source, at);
        if (at >= source.len)
            return at;
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
            at++;
        } else if (c == '/' && char_at(source, at + 1) == '/') {
            while (at < source.len && source.data[at] != '\n')
                at++;
        } else {
            return at;
        }
    }
}

/* Behind the fraction and the exponent; `*real` when there was one. */
static size_t skip_fraction(struct str source, size_t at, bool *real)
{
    if (char_at(source, at) == '.' && isdigit((unsigned char)char_at(source, at + 1))) {
        at = skip_digits(source, at + 1, false);
        *real = true;
    }
    if (char_at(source, at) != 'e' && char_at(source, at) != 'E')
        return at;
    size_t digits = at + 1 + (char_at(source, at + 1) == '+' || char_at(source, at + 1) == '-');
    if (!isdigit((unsigned char)char_at(source, digits)))
        return at;
    *real = true;
    return skip_digits(source, digits, false);
}

static size_t lex_number(struct str source, size_t at, enum cel_token_kind *kind)
{
    bool real = false;
    *kind = CEL_TOKEN_INT;
    if (char_at(source, at) == '0' && char_at(source, at + 1) == 'x' &&
        isxdigit((unsigned char)char_at(source, at + 2)))
        at = skip_digits(source, at + 2, true);
    else
        at = skip_fraction(source, skip_digits(source, at, false), &real);
    if (real)
        *kind = CEL_TOKEN_FLOAT;
    else if (char_at(source, at) == 'u' || char_at(source, at) == 'U') {
        *kind = CEL_TOKEN_UINT;
        at++;
    }
    return at;
}

/* How many letters stand before the quote of a string that begins here; -1 when none does. */
static int string_prefix(struct str source, size_t at)
{
    int count = 0;
    char c = char_at(source, at);
    if (c == 'b' || c == 'B')
        c = char_at(source, at + (size_t)++count);
    if (c == 'r' || c == 'R')
        c = char_at(source, at + (size_t)++count);
    return c == '"' || c == '\'' ? count : -1;
}

/* Behind the closing quote; 0 when there is none. */
static size_t string_end(struct str source, size_t at, bool raw)
{
    char quote = source.data[at];
    bool triple = char_at(source, at + 1) == quote && char_at(source, at + 2) == quote;
    for (at += triple ? 3 : 1; at < source.len; at++) {
        char c = source.data[at];
        if (c == '\\' && !raw)
            at++;
        else if (triple && c == quote && char_at(source, at + 1) == quote &&
                 char_at(source, at + 2) == quote)
            return at + 3;
        else if (!triple && c == quote)
            return at + 1;
        else if (!triple && (c == '\n' || c == '\r'))
            return 0;
    }
    return 0;
}

static enum cel_token_kind word_kind(struct str text)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(text, words[i].text))
            return words[i].kind;
    return CEL_TOKEN_IDENT;
}

/* Behind the token that begins here; 0 when none does. */
static size_t lex_one(struct str source, size_t at, enum cel_token_kind *kind)
{
    char c = source.data[at];
    int prefix = string_prefix(source, at);
    if (prefix >= 0) {
        char first = source.data[at], last = prefix ? source.data[at + (size_t)prefix - 1] : 0;
        *kind = first == 'b' || first == 'B' ? CEL_TOKEN_BYTES : CEL_TOKEN_STRING;
        return string_end(source, at + (size_t)prefix, last == 'r' || last == 'R');
    }
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)char_at(source, at + 1))))
        return lex_number(source, at, kind);
    if (starts_name(c)) {
        size_t end = at;
        while (starts_name(char_at(source, end)) || isdigit((unsigned char)char_at(source, end)))
            end++;
        *kind = word_kind((struct str){source.data + at, end - at});
        return end;
    }
    *kind = CEL_TOKEN_SIGN;
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (str_starts((struct str){source.data + at, source.len - at}, str_of(signs[i])))
            return at + strlen(signs[i]);
    return 0;
}

struct cel_token cel_lex(struct cel_parse *parse, size_t *at)
{
    for (;;) {
        struct cel_token token = {.offset = skip_space(parse->source, *at)};
        if (token.offset >= parse->source.len) {
            *at = parse->source.len;
            token.text = STR("<EOF>");
            return token;
        }
        size_t end = lex_one(parse->source, token.offset, &token.kind);
        if (end) {
            token.text = (struct str){parse->source.data + token.offset, end - token.offset};
            *at = end;
            return token;
        }
        size_t len = cel_text_next(
            (struct str){parse->source.data + token.offset, parse->source.len - token.offset},
            NULL);
        cel_problem_add(parse->problems, parse->source, token.offset,
                        "Syntax error: token recognition error at: '%.*s'", (int)len,
                        parse->source.data + token.offset);
        *at = token.offset + len;
    }
}

/* ---- escapes ---- */

struct unescape {
    struct str in;
    size_t at;
    char *out;
    size_t len;
    bool bytes;
};

static bool read_digits(struct unescape *state, unsigned count, unsigned base, uint32_t *out)
{
    static const char digits[] = "0123456789abcdef";
    *out = 0;
    for (unsigned i = 0; i < count; i++, state->at++) {
        char c = state->at < state->in.len ? state->in.data[state->at] : '\0';
        const char *found = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
        if (!found || (unsigned)(found - digits) >= base)
            return false;
        *out = *out * base + (uint32_t)(found - digits);
    }
    return true;
}

static bool put_code(struct unescape *state, uint32_t code, bool is_byte)
{
    if (is_byte && state->bytes) {
        state->out[state->len++] = (char)code;
        return code <= 0xff;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return false;
    state->len += cel_text_put(state->out + state->len, code);
    return true;
}

static bool unescape_one(struct unescape *state)
{
    static const char from[] = "abfnrtv\\?\"'`", to[] = "\a\b\f\n\r\t\v\\?\"'`";
    uint32_t code;
    if (state->at >= state->in.len)
        return false;
    char c = state->in.data[state->at++];
    const char *simple = c ? strchr(from, c) : NULL;
    if (simple) {
        state->out[state->len++] = to[simple - from];
        return true;
    }
    if (c == 'x' || c == 'X')
        return read_digits(state, 2, 16, &code) && put_code(state, code, true);
    if ((c == 'u' || c == 'U') && !state->bytes)
        return read_digits(state, c == 'u' ? 4 : 8, 16, &code) && put_code(state, code, false);
    state->at--;
    return c >= '0' && c <= '3' && read_digits(state, 3, 8, &code) && put_code(state, code, true);
}

bool cel_unescape(struct arena *arena, struct cel_token token, struct str *out)
{
    struct str text = token.text;
    bool raw = false;
    for (; text.data[0] != '"' && text.data[0] != '\''; text.data++, text.len--)
        raw = raw || text.data[0] == 'r' || text.data[0] == 'R';
    size_t quotes =
        text.len >= 6 && text.data[1] == text.data[0] && text.data[2] == text.data[0] ? 3 : 1;
    struct unescape state = {.in = {text.data + quotes, text.len - 2 * quotes},
                             .bytes = token.kind == CEL_TOKEN_BYTES};
    state.out = arena_alloc(arena, state.in.len + 1, 1);
    while (state.out && state.at < state.in.len) {
        char c = state.in.data[state.at++];
        if (c == '\\' && !raw) {
            if (!unescape_one(&state))
                return false;
        } else if (!(c == '\r' && state.at < state.in.len && state.in.data[state.at] == '\n')) {
            state.out[state.len++] = c;
        }
    }
    *out = (struct str){state.out, state.len};
    return state.out != NULL;
}
