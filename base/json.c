#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_tape.h"
#include "base/parse.h"

#define TOKENS_AT_HAND 512 /* on the stack: most objects have no more */

/* Makes the tree of what a tape holds. */
struct builder {
    const struct json_tape *tape;
    struct buf scratch;
    enum json_load_kind kind;
    struct error *err;
};

static json_t *build(struct builder *builder, size_t at);

/* Integers that no int64_t holds become reals, as where Go decodes into nothing in particular. */
static json_t *build_number(struct builder *builder, const struct json_token *token)
{
    int64_t whole;
    struct str raw = json_tape_raw(builder->tape, token);
    if (token->kind == JSON_TOKEN_INTEGER && parse_i64(raw, INT64_MIN, INT64_MAX, &whole))
        return json_integer(whole);
    buf_clear(&builder->scratch);
    buf_add_str(&builder->scratch, raw); /* strtod() wants an end */
    double value = buf_ok(&builder->scratch) ? strtod(builder->scratch.data, NULL) : HUGE_VAL;
    json_t *real = json_real_read(value + 0.0, raw.data, raw.len); /* -0 is 0 once Go reads it */
    if (!real)
        error_bad_request(builder->err,
                          "json: cannot unmarshal number %.*s into Go value of type float64",
                          raw.len < 64 ? (int)raw.len : 64, raw.data);
    return real;
}

static size_t count_items(const struct builder *builder, const struct json_token *token)
{
    const struct json_token *tokens = builder->tape->tokens;
    size_t count = 0;
    for (size_t at = (size_t)(token - tokens) + 1; at < token->next; at = tokens[at].next)
        count++;
    return count;
}

/* An object with room for what is to come, were no key there twice. */
static json_t *object_for(const struct builder *builder, const struct json_token *token)
{
    const struct json_token *tokens = builder->tape->tokens;
    size_t count = 0, key_bytes = 0;
    for (size_t at = (size_t)(token - tokens) + 1; at < token->next; at = tokens[at + 1].next) {
        count++;
        key_bytes += tokens[at].len + 1;
    }
    return json_object_sized(count, key_bytes);
}

static json_t *build_array(struct builder *builder, const struct json_token *token)
{
    json_auto_t *array = json_array_sized(count_items(builder, token));
    size_t at = (size_t)(token - builder->tape->tokens) + 1;
    for (; at < token->next; at = builder->tape->tokens[at].next) {
        json_t *item = build(builder, at);
        if (!item)
            return NULL;
        json_array_append_new(array, item);
    }
    return TAKE(array);
}

static json_t *build_object(struct builder *builder, const struct json_token *token)
{
    json_auto_t *object = object_for(builder, token);
    const struct json_token *tokens = builder->tape->tokens;
    size_t count = 0, at = (size_t)(token - tokens) + 1;
    for (; at < token->next; at = tokens[at + 1].next) {
        json_t *value = build(builder, at + 1);
        if (!value)
            return NULL;
        struct str key = json_tape_string(builder->tape, &tokens[at], &builder->scratch);
        if (json_object_setn_new_nocheck(object, key.data, key.len, value) != 0)
            return error_internal(builder->err, "out of memory"), NULL;
        if (builder->kind == JSON_LOAD_STRICT && json_object_size(object) == count) {
            error_bad_request(builder->err, "duplicate field \"%.*s\"",
                              key.len < 256 ? (int)key.len : 256, key.data);
            return NULL;
        }
        count = json_object_size(object);
    }
    return TAKE(object);
}

static json_t *build(struct builder *builder, size_t at)
{
    const struct json_token *token = &builder->tape->tokens[at];
    struct str text;
    switch ((enum json_token_kind)token->kind) {
    case JSON_TOKEN_OBJECT:
        return build_object(builder, token);
    case JSON_TOKEN_ARRAY:
        return build_array(builder, token);
    case JSON_TOKEN_STRING:
        text = json_tape_string(builder->tape, token, &builder->scratch);
        return json_stringn_nocheck(text.data, text.len);
    case JSON_TOKEN_INTEGER:
    case JSON_TOKEN_REAL:
        return build_number(builder, token);
    case JSON_TOKEN_TRUE:
        return json_true();
    case JSON_TOKEN_FALSE:
        return json_false();
    case JSON_TOKEN_NULL:
        return json_null();
    }
    return NULL;
}

json_t *json_parse_tape(const struct json_tape *tape, enum json_load_kind kind, struct error *err)
{
    struct builder builder = {
        .tape = tape, .scratch = BUF_INIT(tape->text.len + 1), .kind = kind, .err = err};
    json_t *value = build(&builder, 0);
    buf_free(&builder.scratch);
    return value;
}

json_t *json_parse(struct str text, enum json_load_kind kind, struct error *err)
{
    struct json_token tokens[TOKENS_AT_HAND];
    CLEANUP(json_tape_free)
    struct json_tape tape = {.tokens = tokens, .capacity = ARRAY_LEN(tokens), .borrowed = true};
    return json_tape_read(&tape, text, err) ? json_parse_tape(&tape, kind, err) : NULL;
}

static const char hex_digits[] = "0123456789abcdef";

static void escape_control(struct buf *out, unsigned char c)
{
    const char text[6] = {'\\', 'u', '0', '0', hex_digits[c >> 4], hex_digits[c & 15]};
    buf_add(out, text, sizeof(text));
}

static const char *short_escape(unsigned char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    default:
        return NULL;
    }
}

/* clang-format off */
static const bool is_special[256] = {
    [0 ... 0x1f] = true, ['"'] = true, ['\\'] = true, ['<'] = true, ['>'] = true, ['&'] = true, [0xe2] = true,
};
/* clang-format on */

/* U+2028 and U+2029, which Go escapes for the sake of JavaScript. */
static bool is_line_separator(struct str text, size_t at)
{
    return text.len - at >= 3 && (unsigned char)text.data[at + 1] == 0x80 &&
           ((unsigned char)text.data[at + 2] & 0xfe) == 0xa8;
}

void json_write_string(struct buf *out, struct str text)
{
    size_t start = 0;
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (!is_special[c])
            continue;
        bool separator = c == 0xe2 && is_line_separator(text, i);
        if (c == 0xe2 && !separator)
            continue;
        buf_add(out, text.data + start, i - start);
        if (separator) {
            buf_add_text(out, (unsigned char)text.data[i + 2] == 0xa8 ? "\\u2028" : "\\u2029");
            i += 2;
        } else if (short_escape(c)) {
            buf_add_text(out, short_escape(c));
        } else {
            escape_control(out, c);
        }
        start = i + 1;
    }
    buf_add(out, text.data + start, text.len - start);
    buf_add_char(out, '"');
}

/* Significant digits that are needed to read `value` back unchanged: 1 to 17. */
static int digits_needed(double value)
{
    char text[40];
    for (int digits = 1; digits < 17; digits++) {
        double again = 0;
        (void)snprintf(text, sizeof(text), "%.*e", digits - 1, value);
        if (sscanf(text, "%lf", &again) == 1 && again <= value && again >= value)
            return digits;
    }
    return 17;
}

/* As Go's encoding/json: the shortest form that reads back the same, with an exponent only outside
 * 1e-6..1e21. */
static void write_real(struct buf *out, double value)
{
    double size = value < 0 ? -value : value;
    int digits = digits_needed(value), exponent = 0;
    char text[40];
    (void)snprintf(text, sizeof(text), "%.*e", digits - 1, value);
    const char *mark = strchr(text, 'e');
    int64_t parsed = 0;
    if (mark && parse_i64(str_of(mark[1] == '+' ? mark + 2 : mark + 1), -400, 400, &parsed))
        exponent = (int)parsed;
    if (size > 0 && (size < 1e-6 || size >= 1e21)) {
        buf_printf(out, "%.*se%s%d", (int)(mark - text), text, exponent < 0 ? "" : "+", exponent);
        return;
    }
    int decimals = digits - 1 - exponent;
    if (decimals >= 0) {
        buf_printf(out, "%.*f", decimals, value);
        return;
    }
    for (const char *at = text; at < mark; at++) /* %f would go on with digits that nobody gave */
        if (*at != '.')
            buf_add_char(out, *at);
    for (; decimals < 0; decimals++)
        buf_add_char(out, '0');
}

static void write_object(struct buf *out, const json_t *object)
{
    char before = '{';
    const char *key;
    for (struct json_each each = json_each_of(object); (key = json_each_key(&each)); each.at++) {
        buf_add_char(out, before);
        before = ',';
        json_write_string(out, (struct str){key, json_each_key_len(&each)});
        buf_add_char(out, ':');
        json_write(out, json_each_value(&each));
    }
    if (before == '{')
        buf_add_char(out, before);
    buf_add_char(out, '}');
}

static void write_array(struct buf *out, const json_t *array)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i)
            buf_add_char(out, ',');
        json_write(out, json_array_get(array, i));
    }
    buf_add_char(out, ']');
}

void json_write(struct buf *out, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(out, value);
        break;
    case JSON_ARRAY:
        write_array(out, value);
        break;
    case JSON_STRING:
        json_write_string(out, (struct str){json_string_value(value), json_string_length(value)});
        break;
    case JSON_INTEGER:
        buf_add_i64(out, json_integer_value(value));
        break;
    case JSON_REAL:
        write_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
        buf_add_text(out, "true");
        break;
    case JSON_FALSE:
        buf_add_text(out, "false");
        break;
    case JSON_NULL:
        buf_add_text(out, "null");
        break;
    }
}

json_t *json_at_path(const json_t *root, const char *const *keys)
{
    const json_t *at = root;
    for (; at && *keys; keys++)
        at = json_object_get(at, *keys);
    return (
        json_t *)(uintptr_t)at; /* borrowed; callers who may write know that they own the tree */
}

int64_t json_int_or(const json_t *value, int64_t fallback)
{
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool json_bool_or(const json_t *value, bool fallback)
{
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

json_t *json_ensure_object(json_t *parent, const char *key)
{
    json_t *child = json_object_get(parent, key);
    if (json_is_object(child))
        return child;
    child = json_object();
    json_object_set_new(parent, key, child);
    return child;
}

json_t *json_ensure_array(json_t *parent, const char *key)
{
    json_t *child = json_object_get(parent, key);
    if (json_is_array(child))
        return child;
    child = json_array();
    json_object_set_new(parent, key, child);
    return child;
}

void json_set_text(json_t *parent, const char *key, const char *text)
{
    if (text)
        json_object_set_new(parent, key, json_string(text));
    else
        json_object_del(parent, key);
}

json_t *json_named(const json_t *array, const char *name)
{
    json_t *item;
    size_t i;
    json_array_foreach (array, i, item)
        if (text_eq(json_text(item, "name"), name))
            return item;
    return NULL;
}

bool json_array_has_text(const json_t *array, const char *text)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *item = json_string_value(json_array_get(array, i));
        if (item && strcmp(item, text) == 0)
            return true;
    }
    return false;
}

/* Blocks of base/document.h with the allocator's own, rounded up. */
#define OBJECT_BYTES ((size_t)128) /* with its first member */
#define ARRAY_BYTES  ((size_t)96)  /* with its first item */
#define VALUE_BYTES  ((size_t)80)  /* another one: its place, its part of an index, a small block */

/* Marks inside strings count too: it is a bound. */
size_t json_tree_bound(struct str text)
{
    size_t bytes = VALUE_BYTES + text.len;
    for (size_t i = 0; i < text.len; i++)
        bytes += text.data[i] == '{'   ? OBJECT_BYTES
                 : text.data[i] == '[' ? ARRAY_BYTES
                 : text.data[i] == ',' ? VALUE_BYTES
                                       : 0;
    return bytes;
}
