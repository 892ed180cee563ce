/* schema/crd_schema.h: an openAPIV3Schema, compiled: what custom resources are pruned, defaulted
 * and validated by.
 *
 * Compiling costs time and memory in proportion to the schema's text, within the limits below; what
 * a value costs to check is bounded too, however the schema is made. Frozen once compiled; any
 * thread. Source: apiextensions-apiserver's structural schemas. */
#pragma once
#include "schema/decode_internal.h"
#include "schema/type.h"

#define CRD_NODES_MAX   65536
#define CRD_DEPTH_MAX   64
#define CRD_PATTERN_MAX 4096
#define CRD_ENUM_MAX    4096

enum crd_kind {
    CRD_ANY,
    CRD_OBJECT,
    CRD_ARRAY,
    CRD_STRING,
    CRD_INTEGER,
    CRD_NUMBER,
    CRD_BOOLEAN,
};
enum crd_node_flags {
    CRD_NULLABLE = 1 << 0,
    CRD_INT_OR_STRING = 1 << 1,
    CRD_PRESERVE = 1 << 2, /* x-kubernetes-preserve-unknown-fields */
    CRD_EMBEDDED = 1 << 3, /* x-kubernetes-embedded-resource */
    CRD_OPEN_MAP = 1 << 4, /* additionalProperties: true */
    CRD_ATOMIC_MAP = 1 << 5,
    CRD_EXCLUSIVE_MIN = 1 << 6,
    CRD_EXCLUSIVE_MAX = 1 << 7,
    CRD_META_DEFAULTS = 1 << 8, /* at the root: defaults may be of embedded resources' metadata */
};

struct crd_rule;
struct cel_type;

struct crd_property {
    const char *name;
    struct crd_node *node;
};

struct crd_nodes {
    struct crd_node **items;
    size_t count;
};

struct crd_node {
    uint8_t kind, list_type; /* enum crd_kind, list_type */
    uint16_t flags;
    size_t property_count;
    struct crd_property *properties; /* by name */
    struct crd_node *items, *additional, *not ;
    struct crd_nodes all_of, any_of, one_of;
    const char *const *map_keys; /* NULL-ended; NULL */
    const json_t *required, *enums, *default_value, *minimum, *maximum, *multiple_of;     /* NULL */
    int64_t min_length, max_length, min_items, max_items, min_properties, max_properties; /* -1 */
    const char *pattern, *format;                                                         /* NULL */
    void *code;            /* of the pattern: pcre2_code */
    size_t default_size;   /* of the default, as text */
    const json_t *text;    /* the schema itself */
    struct crd_node *next; /* of all, for freeing */
    /* By schema/crd_rule.h: */
    const struct cel_type *declared; /* NULL: expressions do not see it */
    const struct cel_type *served;   /* of the root: with all of metadata; NULL when not declared */
    int64_t least_size;              /* of a value as JSON */
    struct crd_rule *rules;
    size_t rule_count;
    bool is_declared, has_rules; /* has_rules: itself or below */
};

struct crd_memory;

/* Owned by crd_memory_free; `text` must outlive it. Adds a cause for each thing that is wrong,
 * under `path`, and returns NULL when there was one. */
struct crd_memory *crd_memory_new(void);
void crd_memory_free(struct crd_memory *memory);
void *crd_alloc(struct crd_memory *memory, size_t count, size_t size);
char *crd_text(struct crd_memory *memory, const char *format, ...) PRINTF_LIKE(2, 3);
/* Calls `release(data)` when the memory is freed. */
void crd_on_free(struct crd_memory *memory, void (*release)(void *data), void *data);
const struct crd_node *crd_compile(struct crd_memory *memory, const json_t *text, const char *path,
                                   struct error *err);
/* NULL when there is none of that name. */
const struct crd_node *crd_property(const struct crd_node *node, const char *name);

/* Drops what the schema does not know; reports it in `found`, which may be NULL. */
void crd_prune(const struct crd_node *node, json_t *object, struct warnings *found);
/* Checks kind, version and metadata of the resources embedded in `object`, whose own are checked
 * already. False with BAD_REQUEST when they are not of their types. */
MUST_CHECK bool crd_shape_embedded(const struct crd_node *node, json_t *object,
                                   struct shaper *shaper);
/* Appends causes for kind, version and metadata of one of them, which stands at `path`. */
void crd_validate_embedded(const json_t *object, const char *path, struct error *err);
void crd_default(const struct crd_node *node, json_t *object);
bool crd_has_defaults(const struct crd_node *node);
/* Has defaults, and embedded resources that they may be of. */
bool crd_has_meta_defaults(const struct crd_node *root);
/* Appends causes. `old`: what the object was before, whose own faults are let pass where it is as
 * it was; NULL on create. */
void crd_validate(const struct crd_node *node, const json_t *object, const json_t *old,
                  struct error *err);
/* The same for one value inside an object. */
void crd_validate_value(const struct crd_node *node, const json_t *value, struct error *err);
/* Whether `value` has that format. Unknown formats fit all. */
bool crd_format_fits(const char *format, const char *value);

/* The type behind a compiled schema, for server-side apply: `name` is "group.version.Kind". */
const struct type *crd_type(struct crd_memory *memory, const struct crd_node *node,
                            const char *name, uint16_t flags);
