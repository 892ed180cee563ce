/* cel/value.h: what an expression evaluates to.
 *
 * Small, passed by value; what it points to lives as long as the evaluation or the JSON that it was
 * read from. */
#pragma once
#include "base/document.h"
#include "cel/type.h"

enum cel_value_kind {
    CEL_VALUE_NULL,
    CEL_VALUE_BOOL,
    CEL_VALUE_INT,
    CEL_VALUE_UINT,
    CEL_VALUE_DOUBLE,
    CEL_VALUE_STRING,    /* text */
    CEL_VALUE_BYTES,     /* text */
    CEL_VALUE_TIMESTAMP, /* time */
    CEL_VALUE_DURATION,  /* time */
    CEL_VALUE_LIST,      /* list */
    CEL_VALUE_MAP,       /* map */
    CEL_VALUE_JSON_LIST, /* json, read as `type` says */
    CEL_VALUE_JSON_MAP,  /* json: a map or an object, as `type` says */
    CEL_VALUE_OPTIONAL,  /* inner; NULL: none */
    CEL_VALUE_TYPE,      /* type */
    CEL_VALUE_OPAQUE,    /* opaque, of `type` */
    CEL_VALUE_COMPOSED,  /* the object whose fields are expressions */
    CEL_VALUE_ERROR,     /* text: the message */
};

struct cel_time {
    int64_t seconds;
    int32_t
        nanos; /* 0..999,999,999 of a timestamp; of the same sign as the seconds in a duration */
};

struct cel_list;
struct cel_map;

struct cel_value {
    uint8_t kind;                /* enum cel_value_kind */
    const struct cel_type *type; /* declared; of a TYPE value: what it is */
    union {
        bool boolean;
        int64_t integer;
        uint64_t natural;
        double real;
        struct str text;
        struct cel_time time;
        const struct cel_list *list;
        const struct cel_map *map;
        const json_t *json;
        const struct cel_value *inner;
        const void *opaque;
    };
};

/* True and the text when it is a string. */
bool cel_value_text(const struct cel_value *value, struct str *out);
/* As JSON, by protobuf's rules (bytes in base64, times as text, int and uint as numbers). New
 * reference; NULL when it has no such form, or is nested too deep. */
json_t *cel_value_json(const struct cel_value *value);
