/* cel/lexer.h: an expression as tokens. Internal to cel/. */
#pragma once
#include "cel/ast.h"

enum cel_token_kind {
    CEL_TOKEN_END,
    CEL_TOKEN_IDENT,
    CEL_TOKEN_INT,
    CEL_TOKEN_UINT,
    CEL_TOKEN_FLOAT,
    CEL_TOKEN_STRING,
    CEL_TOKEN_BYTES,
    CEL_TOKEN_TRUE,
    CEL_TOKEN_FALSE,
    CEL_TOKEN_NULL,
    CEL_TOKEN_IN,
    CEL_TOKEN_SIGN, /* `text` is the sign */
};

struct cel_token {
    enum cel_token_kind kind;
    struct str text;
    size_t offset;
};

/* The token at `*at`, which moves behind it. What is no token is reported and passed over. */
struct cel_token cel_lex(struct cel_parse *parse, size_t *at);
/* The value of a string or bytes token, in the arena. False when an escape is wrong. */
bool cel_unescape(struct arena *arena, struct cel_token token, struct str *out);
