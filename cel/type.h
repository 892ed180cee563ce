/* cel/type.h: CEL's types, and those that the caller declares.
 *
 * Types are plain constant data: static tables, or built at run time in memory that outlives every
 * environment and program that mentions them. Two types are the same when kind, name and parameters
 * are; how large a value of a declared type can get takes no part in that and serves the cost
 * estimate alone. Immutable; any thread. Source: the CEL specification; cel-go's common/types;
 * apiserver's pkg/cel DeclType. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"

enum cel_kind {
    CEL_DYN,
    CEL_NULL,
    CEL_BOOL,
    CEL_INT,
    CEL_UINT,
    CEL_DOUBLE,
    CEL_STRING,
    CEL_BYTES,
    CEL_TIMESTAMP,
    CEL_DURATION,
    CEL_LIST,     /* params[0]: element */
    CEL_MAP,      /* params[0], params[1]: key, value */
    CEL_OBJECT,   /* `object` */
    CEL_OPTIONAL, /* params[0]: of what */
    CEL_TYPE,     /* params[0]: of what; NULL: of anything */
    CEL_OPAQUE,   /* a type of a library, by name: "net.IP" */
    CEL_PARAM,    /* inside signatures and while types are inferred */
    CEL_ERROR,    /* of an expression that is wrong: said already */
};

/* How a JSON array compares and joins. */
enum cel_list_kind { CEL_LIST_ATOMIC, CEL_LIST_SET, CEL_LIST_MAP };

/* How a JSON string or number becomes a value where its declared type alone does not say. */
enum cel_json_form {
    CEL_JSON_PLAIN,
    CEL_JSON_DATE, /* timestamp written as 2006-01-02 */
};

struct cel_type;

struct cel_field {
    const char *key; /* of the JSON object */
    const struct cel_type *type;
};

/* An object type: its fields, found by their name in expressions. */
struct cel_object {
    const char *name;
    /* False when there is none of that name. `data` is the one beside it. Any thread. */
    bool (*field)(const void *data, struct str name, struct cel_field *out);
    /* The same by its JSON key, for comparing objects. NULL: members are compared as they are. */
    bool (*member)(const void *data, struct str key, struct cel_field *out);
    const void *data;
};

struct cel_type {
    uint8_t kind;      /* enum cel_kind */
    uint8_t list_kind; /* enum cel_list_kind */
    uint8_t form;      /* enum cel_json_form */
    bool nullable;     /* a JSON null of it is CEL's null, not an absent value */
    const char *name;  /* CEL_OBJECT, CEL_OPAQUE, CEL_PARAM */
    const struct cel_type *params[2];
    const struct cel_object *object; /* CEL_OBJECT */
    const char *const *map_keys;     /* CEL_LIST_MAP: JSON keys, NULL-ended */
    uint64_t size_max; /* most characters, items or members of a value of a declared type; 0 of
                          scalars and objects */
};

/* The types without parameters, and lists and maps of dyn. */
extern const struct cel_type cel_dyn, cel_null, cel_bool, cel_int, cel_uint, cel_double, cel_string,
    cel_bytes, cel_timestamp, cel_duration, cel_type_type, cel_list_dyn, cel_map_dyn,
    cel_list_string, cel_map_string, cel_authorizer, cel_resource_check;

/* Same kind, name and parameters. */
bool cel_type_equal(const struct cel_type *a, const struct cel_type *b);

struct buf;
/* As messages show it: list(string), map(string, dyn), optional_type(int), io.k8s.api.core.v1.Pod.
 */
void cel_type_write(struct buf *out, const struct cel_type *type);
