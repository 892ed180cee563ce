/* schema/type.h: the API's types as constant tables, made from schema/types/ at build time.
 *
 * Everything structural is derived from these: decoding, defaults, patches, OpenAPI, protobuf. CRD
 * schemas compile into the same tables at run time. Immutable; any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum field_kind {
    FIELD_STRING,
    FIELD_INT32,
    FIELD_INT64,
    FIELD_BOOL,
    FIELD_DOUBLE,
    FIELD_BYTES, /* base64 in JSON */
    FIELD_TIME,
    FIELD_MICRO_TIME,
    FIELD_DURATION,
    FIELD_QUANTITY,
    FIELD_INT_OR_STRING,
    FIELD_RAW,         /* RawExtension: any object */
    FIELD_FIELDS_V1,   /* any object */
    FIELD_JSON,        /* any value */
    FIELD_STRING_LIST, /* as the value of a map: list<string> */
    FIELD_REF,         /* `ref` */
};
enum field_card { CARD_ONE, CARD_LIST, CARD_MAP };
enum list_type { LIST_NONE, LIST_ATOMIC, LIST_SET, LIST_MAP };

enum field_flags {
    FIELD_REQUIRED = 1 << 0,
    FIELD_OMIT_EMPTY = 1 << 1,
    FIELD_POINTER = 1 << 2,      /* presence is tracked */
    FIELD_PATCH_MERGE = 1 << 3,  /* patchStrategy merge */
    FIELD_PATCH_RETAIN = 1 << 4, /* patchStrategy retainKeys */
    FIELD_STRUCT_ATOMIC = 1 << 5,
    FIELD_ENUM_CLOSED = 1 << 6, /* `enums` is the whole set */
    FIELD_TYPEMETA = 1 << 7,    /* kind, apiVersion: carried by the protobuf envelope */
    FIELD_OFF = 1 << 8,         /* behind a feature gate that is off in 1.32: known, but not kept */
    FIELD_DEFAULTED = 1 << 9,   /* `default_json` is more than the zero value: set when absent */
    FIELD_VIA = 1 << 10,        /* `inlined` names the wrapper that holds the number */
    FIELD_PATCH_REPLACE = 1 << 11, /* patchStrategy replace */
    FIELD_STRUCT_GRANULAR =
        1 << 12, /* x-kubernetes-map-type: granular, where the type says atomic */
};

enum type_flags {
    TYPE_ATOMIC = 1 << 0,      /* x-kubernetes-map-type: atomic */
    TYPE_TYPEMETA = 1 << 1,    /* has kind and apiVersion */
    TYPE_UNWRAPPED = 1 << 2,   /* JSON is the value of its one wrapper row (ExtraValue, Verbs) */
    TYPE_UNION = 1 << 3,       /* JSON is either of its wrapper rows (JSONSchemaPropsOrBool) */
    TYPE_NO_PROTOBUF = 1 << 4, /* JSON only */
    TYPE_PUBLISHED = 1 << 5,   /* in the published OpenAPI */
    TYPE_OPEN = 1 << 6,        /* custom: keeps fields that it does not name */
    TYPE_CONVERTED = 1 << 7,   /* custom: is stored under another API version, or may be */
};

struct type;
struct crd_node;

struct field {
    const char *name; /* JSON */
    const char *proto_name;
    const char *format;          /* OpenAPI; NULL */
    const char *merge_key;       /* patchMergeKey; NULL */
    const char *default_json;    /* OpenAPI default as JSON; NULL */
    const char *const *enums;    /* NULL-ended; NULL */
    const char *const *map_keys; /* listMapKeys, NULL-ended; NULL */
    const struct type *ref;      /* FIELD_REF */
    const char *inlined; /* types.tsv's `inline` for protobuf (embed, via:a.b, unwrap, union); NULL:
                            plain */
    uint32_t number;     /* protobuf; 0: none */
    uint16_t flags;
    uint8_t kind, card, list_type; /* enum field_kind, field_card, list_type */
    uint32_t name_len;
    const char *description; /* one line of our own; NULL */
};

/* One protobuf number of a message. */
struct proto_slot {
    uint16_t number;
    uint16_t index;        /* into the type's fields, or its wrappers */
    uint16_t first, count; /* of a wrapper: the slots inside it */
    bool is_wrapper;
};

struct type {
    const char *name;           /* "io.k8s.api.core.v1.Pod" */
    const struct field *fields; /* in JSON output order */
    /* Built-in: indexes of fields by a perfect hash of their names, 255 where none is. NULL for
     * custom types, whose fields stand sorted by name length, then name: a hash could be played. */
    const uint8_t *by_hash;
    uint64_t hash_multiplier;
    uint8_t hash_shift;
    uint16_t field_count;
    uint16_t wrapper_count, zero_count;
    uint16_t flags; /* enum type_flags */
    /* Rows that are no JSON field: the alternatives of an unwrapped type or a union, and the
     * messages around flattened fields (`inlined` of a plain field names them). */
    const struct field *wrappers;
    /* Indexes of fields that Go prints even when nobody set them, or that have a default:
     * schema_default(). */
    const uint16_t *zeroes;
    /* By ascending number; those inside wrappers stand behind the first slot_count. */
    const struct proto_slot *slots;
    uint16_t slot_count;
    const char *const *gvks; /* "apps/v1/Deployment", "v1/Pod"; NULL-ended; NULL when it has none */
    const char *const *unions;     /* "discriminator:field,field"; NULL-ended; NULL */
    const char *description;       /* one line of our own, or NULL */
    const struct crd_node *custom; /* the schema of a custom resource (schema/crd_schema.h); NULL */
    const char *const *selectable; /* of a custom resource: as in struct resource */
};

/* NULL when there is none of that name. */
const struct type *type_find(const char *name);
/* NULL when the type has no such field. */
const struct field *type_field(const struct type *type, struct str json_name);
/* The order in which the fields of a custom type stand. */
int field_compare(const struct field *a, const struct field *b);
/* The type of a kind: ("apps", "v1", "Deployment"); NULL when there is none. */
const struct type *type_of_kind(struct str group, struct str version, struct str kind);
/* All built-in types, by name. */
const struct type *const *type_all(size_t *count);
