/* The text of label and field selectors.
 *
 * Label selectors are read by the grammar of upstream's lexer and parser, quirks and messages
 * included: "in" and "notin" are words that may be keys and values too, "(,)" holds the empty
 * value, operators are read greedily. */
#include <string.h>

#include "base/parse.h"
#include "schema/meta.h"
#include "schema/selector_internal.h"

enum token {
    TOKEN_ERROR,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_NOT,
    TOKEN_DOUBLE_EQUALS,
    TOKEN_END,
    TOKEN_EQUALS,
    TOKEN_GREATER,
    TOKEN_WORD,
    TOKEN_IN,
    TOKEN_LESS,
    TOKEN_NOT_EQUALS,
    TOKEN_NOT_IN,
    TOKEN_OPEN,
};

static const struct token_row {
    const char *text;
    enum token token;
} tokens[] = {
    {")", TOKEN_CLOSE},       {",", TOKEN_COMMA},
    {"!", TOKEN_NOT},         {"==", TOKEN_DOUBLE_EQUALS},
    {"=", TOKEN_EQUALS},      {">", TOKEN_GREATER},
    {"in", TOKEN_IN},         {"<", TOKEN_LESS},
    {"!=", TOKEN_NOT_EQUALS}, {"notin", TOKEN_NOT_IN},
    {"(", TOKEN_OPEN},
};

struct lexer {
    struct str rest;
    enum token token; /* the next one */
    struct str literal;
};

static enum token token_of(struct str text)
{
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++)
        if (str_is(text, tokens[i].text))
            return tokens[i].token;
    return TOKEN_ERROR;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_special(char c)
{
    return c && strchr("=!(),><", c) != NULL;
}

/* The longest operator that starts here. */
static void lex_special(struct lexer *lexer)
{
    size_t len = 0;
    lexer->token = TOKEN_ERROR;
    while (len < lexer->rest.len && is_special(lexer->rest.data[len])) {
        enum token longer = token_of((struct str){lexer->rest.data, len + 1});
        if (longer == TOKEN_ERROR && lexer->token != TOKEN_ERROR)
            break;
        lexer->token = longer;
        len++;
    }
    lexer->literal = (struct str){lexer->rest.data, len};
}

static void lex_word(struct lexer *lexer)
{
    size_t len = 0;
    while (len < lexer->rest.len && !is_special(lexer->rest.data[len]) &&
           !is_space(lexer->rest.data[len]))
        len++;
    lexer->literal = (struct str){lexer->rest.data, len};
    lexer->token = token_of(lexer->literal);
    if (lexer->token == TOKEN_ERROR)
        lexer->token = TOKEN_WORD;
}

static void advance(struct lexer *lexer)
{
    while (lexer->rest.len && is_space(lexer->rest.data[0]))
        lexer->rest = (struct str){lexer->rest.data + 1, lexer->rest.len - 1};
    if (lexer->rest.len == 0) {
        lexer->token = TOKEN_END;
        lexer->literal = STR("");
        return;
    }
    if (is_special(lexer->rest.data[0]))
        lex_special(lexer);
    else
        lex_word(lexer);
    lexer->rest.data += lexer->literal.len;
    lexer->rest.len -= lexer->literal.len;
}

/* The next token where a key or a value is expected. */
static enum token peek_value(const struct lexer *lexer)
{
    return lexer->token == TOKEN_IN || lexer->token == TOKEN_NOT_IN ? TOKEN_WORD : lexer->token;
}

/* Returns the token there, with its text in `*literal`, and goes past it. */
static enum token take_value(struct lexer *lexer, struct str *literal)
{
    enum token token = peek_value(lexer);
    *literal = lexer->literal;
    advance(lexer);
    return token;
}

#define UNEXPECTED(err, literal, expected)                                                         \
    error_bad_request((err), "found '" STR_FMT "', expected: " expected, STR_ARG(literal))

static bool check_key(const char *path, const char *key, struct error *err)
{
    const char *wrong = name_check_qualified(key);
    return wrong ? error_bad_request(err, "%s: Invalid value: \"%s\": %s", path, key, wrong) : true;
}

static bool check_value_count(const struct requirement *requirement, struct error *err)
{
    static const struct {
        size_t min, max;
        const char *detail;
    } counts[] = {
        [SELECT_IN] = {1, SIZE_MAX, "for 'in', 'notin' operators, values set can't be empty"},
        [SELECT_NOT_IN] = {1, SIZE_MAX, "for 'in', 'notin' operators, values set can't be empty"},
        [SELECT_EXISTS] = {0, 0, "values set must be empty for exists and does not exist"},
        [SELECT_ABSENT] = {0, 0, "values set must be empty for exists and does not exist"},
        [SELECT_GREATER] = {1, 1, "for 'Gt', 'Lt' operators, exactly one value is required"},
        [SELECT_LESS] = {1, 1, "for 'Gt', 'Lt' operators, exactly one value is required"},
    };
    size_t count = requirement->value_count;
    if (count >= counts[requirement->op].min && count <= counts[requirement->op].max)
        return true;
    return error_bad_request(err, "values: Invalid value: []: %s", counts[requirement->op].detail);
}

bool requirement_check(const struct requirement *requirement, struct error *err)
{
    int64_t number;
    bool compares = requirement->op == SELECT_GREATER || requirement->op == SELECT_LESS;
    if (!check_key("key", requirement->key, err) || !check_value_count(requirement, err))
        return false;
    for (size_t i = 0; i < requirement->value_count; i++) {
        const char *value = requirement->values[i], *wrong = name_check_label_value(value);
        if (compares && !parse_i64(str_of(value), INT64_MIN, INT64_MAX, &number))
            return error_bad_request(
                err,
                "values[%zu]: Invalid value: \"%s\": for 'Gt', 'Lt' operators, the value must "
                "be an integer",
                i, value);
        if (wrong)
            return error_bad_request(err, "values[%zu][%s]: Invalid value: \"%s\": %s", i,
                                     requirement->key, value, wrong);
    }
    return true;
}

/* After '(': values with commas between them, empty ones allowed, up to ')', which is not taken. */
static bool parse_list(struct lexer *lexer, struct requirement *requirement, struct error *err)
{
    struct str literal;
    for (;;) {
        enum token token = take_value(lexer, &literal);
        if (token == TOKEN_WORD) {
            selector_value_add(requirement, literal);
            if (peek_value(lexer) == TOKEN_CLOSE)
                return true;
            if (peek_value(lexer) != TOKEN_COMMA)
                return UNEXPECTED(err, lexer->literal, "',' or ')'");
        } else if (token == TOKEN_COMMA) {
            if (requirement->value_count == 0 || peek_value(lexer) == TOKEN_CLOSE ||
                peek_value(lexer) == TOKEN_COMMA)
                selector_value_add(requirement, STR(""));
            if (peek_value(lexer) == TOKEN_CLOSE)
                return true;
            if (peek_value(lexer) == TOKEN_COMMA)
                advance(lexer);
        } else {
            return UNEXPECTED(err, literal, "',', or identifier");
        }
    }
}

static bool parse_values(struct lexer *lexer, struct requirement *requirement, struct error *err)
{
    struct str literal;
    if (take_value(lexer, &literal) != TOKEN_OPEN)
        return error_bad_request(err, "found '" STR_FMT "' expected: '('", STR_ARG(literal));
    literal = lexer->literal;
    switch (peek_value(lexer)) {
    case TOKEN_WORD:
    case TOKEN_COMMA:
        if (!parse_list(lexer, requirement, err))
            return false;
        return take_value(lexer, &literal) == TOKEN_CLOSE ? true : UNEXPECTED(err, literal, "')'");
    case TOKEN_CLOSE:
        advance(lexer);
        return selector_value_add(requirement, STR(""));
    default:
        return UNEXPECTED(err, literal, "',', ')' or identifier");
    }
}

static bool parse_exact(struct lexer *lexer, struct requirement *requirement, struct error *err)
{
    struct str literal;
    if (peek_value(lexer) == TOKEN_END || peek_value(lexer) == TOKEN_COMMA)
        return selector_value_add(requirement, STR(""));
    if (take_value(lexer, &literal) != TOKEN_WORD)
        return UNEXPECTED(err, literal, "identifier");
    return selector_value_add(requirement, literal);
}

static const struct operator_row {
    enum token token;
    enum select_op op;
    bool list;
} operators[] = {
    {TOKEN_IN, SELECT_IN, true},
    {TOKEN_NOT_IN, SELECT_NOT_IN, true},
    {TOKEN_EQUALS, SELECT_IN, false},
    {TOKEN_DOUBLE_EQUALS, SELECT_IN, false},
    {TOKEN_NOT_EQUALS, SELECT_NOT_IN, false},
    {TOKEN_GREATER, SELECT_GREATER, false},
    {TOKEN_LESS, SELECT_LESS, false},
};

static bool parse_operator(struct lexer *lexer, struct requirement *requirement, struct error *err)
{
    const struct operator_row *found = NULL;
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (operators[i].token == lexer->token)
            found = &operators[i];
    if (!found)
        return UNEXPECTED(err, lexer->literal, "in, notin, =, ==, !=, gt, lt");
    advance(lexer);
    requirement->op = found->op;
    return found->list ? parse_values(lexer, requirement, err)
                       : parse_exact(lexer, requirement, err);
}

static bool parse_requirement(struct lexer *lexer, struct requirement *requirement,
                              struct error *err)
{
    struct str literal;
    bool absent = lexer->token == TOKEN_NOT;
    if (absent)
        advance(lexer);
    if (take_value(lexer, &literal) != TOKEN_WORD)
        return UNEXPECTED(err, literal, "identifier");
    requirement->key = str_dup(literal);
    if (!check_key("<nil>", requirement->key, err))
        return false;
    if (absent) {
        requirement->op = SELECT_ABSENT;
    } else if (lexer->token == TOKEN_END || lexer->token == TOKEN_COMMA) {
        requirement->op = SELECT_EXISTS;
    } else if (!parse_operator(lexer, requirement, err)) {
        return false;
    }
    return requirement_check(requirement, err);
}

/* One requirement and what stands behind it; `*more` tells whether another must follow. */
static bool parse_term(struct lexer *lexer, struct selector *selector, bool *more,
                       struct error *err)
{
    CLEANUP(requirement_clear) struct requirement requirement = {0};
    struct str literal;
    if (!parse_requirement(lexer, &requirement, err))
        return error_wrap(err, "unable to parse requirement");
    if (!selector_add(selector, &requirement))
        return error_bad_request(err, "the selector has too many requirements");
    *more = false;
    enum token token = take_value(lexer, &literal);
    if (token == TOKEN_END)
        return true;
    if (token != TOKEN_COMMA)
        return UNEXPECTED(err, literal, "',' or 'end of string'");
    *more = true;
    if (peek_value(lexer) != TOKEN_WORD && lexer->token != TOKEN_NOT)
        return UNEXPECTED(err, lexer->literal, "identifier after ','");
    return true;
}

static bool parse_labels(struct selector *selector, struct str text, struct error *err)
{
    struct lexer lexer = {.rest = text};
    bool more = true;
    advance(&lexer);
    if (lexer.token == TOKEN_END)
        return true;
    if (peek_value(&lexer) != TOKEN_WORD && lexer.token != TOKEN_NOT)
        return UNEXPECTED(err, lexer.literal, "!, identifier, or 'end of string'");
    while (more)
        if (!parse_term(&lexer, selector, &more, err))
            return false;
    return true;
}

struct selector *selector_parse_labels(struct str text, struct error *err)
{
    struct selector *selector = selector_new();
    if (parse_labels(selector, text, err))
        return selector;
    selector_free(selector);
    return NULL;
}
