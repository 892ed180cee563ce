/* schema/decode_internal.h: between the parts of the decoder. */
#pragma once
#include "schema/decode.h"

/* Where in a document we are: a chain on the stack, from the leaf to the root (NULL). */
struct step {
    const struct step *parent;
    struct str key; /* of a field or a map */
    size_t index;   /* of a list */
    enum { STEP_FIELD, STEP_KEY, STEP_INDEX } kind;
    unsigned depth;
};

/* Appends `spec.containers[0].name`. */
void step_write(struct buf *out, const struct step *step);
/* Appends only the fields, as Go's errors do: `spec.containers.name`. */
void step_write_fields(struct buf *out, const struct step *step);
/* Adds `WHAT field "PATH.KEY"` unless it is there already. */
void step_report(struct warnings *found, const char *what, const struct step *step, struct str key);

/* Structs in one document: what Go prints for an empty one is many times what it takes to send. */
#define STRUCTS_MAX 100000

struct shaper {
    struct warnings *found; /* unknown fields; NULL: nobody wants to know */
    bool converts;          /* Go makes the values of the tree itself, without text between */
    bool keep_empty; /* an applied configuration: what Go would not print stays, it may override */
    unsigned struct_count; /* so far */
    struct error *err;
};

/* Checks a scalar of `field`'s kind. True with `*out` NULL to leave it as it is, or its canonical
 * form (new reference). False: BAD_REQUEST in Go's words; `owner` is the struct around it. */
MUST_CHECK bool shape_scalar(struct shaper *shaper, const struct step *step,
                             const struct type *owner, const struct field *field,
                             const json_t *value, json_t **out);
/* `json: cannot unmarshal KIND into Go struct field OWNER.PATH of type TYPE`, or how Go's
 * converter of trees says that; returns false. */
bool shape_mismatch(struct shaper *shaper, const struct step *step, const struct type *owner,
                    const struct field *field, bool item, const json_t *value);

/* schema_shape() for one document. */
MUST_CHECK bool shape_document(struct shaper *shaper, const struct type *type, json_t *value);

#define META_TYPE "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
/* The same for the metadata at `step` of something inside a document. */
MUST_CHECK bool shape_metadata(struct shaper *shaper, const struct step *step, json_t *metadata);

/* Walks the text of a document that is known to be JSON, and reports the unknown and duplicate
 * fields of `type` in the order of the document. */
void strict_scan(const struct type *type, struct str body, struct warnings *found);
/* The same without a type: duplicates alone. */
void strict_scan_untyped(struct str body, struct warnings *found);
/* The same of the operations of a JSON patch. */
void strict_scan_operations(struct str body, struct warnings *found);
/* Parses; on duplicate keys the last one wins, and with `duplicates` (NULL: nobody asks) that says
 * whether there were some. */
MUST_CHECK json_t *strict_parse(struct str body, bool *duplicates, struct error *err);
/* Puts what was found from `from` on into the order of its paths, in which upstream comes upon it
 * where it reads documents that it made itself: their keys are in order. */
void strict_sort(struct warnings *found, size_t from);
