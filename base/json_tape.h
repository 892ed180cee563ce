/* base/json_tape.h: a JSON document as a flat row of tokens that point into its text.
 *
 * One pass checks the grammar and UTF-8 and finds where each value is; nothing is copied. Trees
 * (json_parse()) and other encodings are made from it. A tape can be read into again and again, and
 * keeps its memory between. The text must outlive what is read from the tape. One thread at a time.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#define JSON_TAPE_TEXT_MAX ((size_t)UINT32_MAX / 2)

enum json_token_kind {
    JSON_TOKEN_OBJECT, /* its members follow: key, value, key, value */
    JSON_TOKEN_ARRAY,  /* its items follow */
    JSON_TOKEN_STRING,
    JSON_TOKEN_INTEGER, /* has neither point nor exponent; may be too large for any C type */
    JSON_TOKEN_REAL,
    JSON_TOKEN_TRUE,
    JSON_TOKEN_FALSE,
    JSON_TOKEN_NULL,
};

struct json_token {
    uint32_t at, len; /* in the text; of a string: what is between its quotes */
    uint32_t next;    /* the token behind this value and all that is in it */
    uint8_t kind;     /* enum json_token_kind */
    bool escaped;     /* of a string: has backslashes */
};

enum {
    JSON_TAPE_NUL = 1,    /* \u0000 may stand in strings */
    JSON_TAPE_PREFIX = 2, /* what follows the document is not looked at */
};

struct json_tape {
    struct json_token *tokens; /* [0] is the whole document */
    size_t count, capacity;
    bool borrowed;  /* `tokens` is the caller's, of `capacity`, and is left behind when it gets too
                       small */
    unsigned flags; /* JSON_TAPE_ */
    struct str text;
};

/* Replaces what is on the tape. False with BAD_REQUEST, in the words of Go's encoding/json, when
 * the text is not one JSON document; also when it is not UTF-8, holds a NUL (but see JSON_TAPE_NUL)
 * or half a surrogate pair, nests deeper than JSON_DEPTH_MAX or is longer than JSON_TAPE_TEXT_MAX.
 */
MUST_CHECK bool json_tape_read(struct json_tape *tape, struct str text, struct error *err);
void json_tape_free(struct json_tape *tape);

/* A token as it stands in the text. */
static inline struct str json_tape_raw(const struct json_tape *tape, const struct json_token *token)
{
    return (struct str){tape->text.data + token->at, token->len};
}

/* What is between the quotes of a string that has backslashes, without them, in `scratch`, which is
 * emptied. Text that is no JSON gives other text. */
struct str json_unescape(struct str raw, struct buf *scratch);
/* What a string says: in the text where it can be, else in `scratch`, which is emptied. */
struct str json_tape_string(const struct json_tape *tape, const struct json_token *token,
                            struct buf *scratch);
