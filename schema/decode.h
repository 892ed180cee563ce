/* schema/decode.h: from a request body to a tree that has exactly the type's shape.
 *
 * Mirrors apimachinery's strict decoding: unknown and duplicate fields are warnings or errors by
 * fieldValidation; wrong types are always a 400 in Go's words (`json: cannot unmarshal string into
 * Go struct field ...`). What upstream puts before them
 * (`Deployment in version "v1" cannot be handled as a Deployment: `) is for the caller, who knows
 * both kinds. More than 100,000 objects in one document are a 413. */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "base/strset.h"
#include "schema/type.h"

enum field_validation { FIELD_VALIDATION_STRICT, FIELD_VALIDATION_WARN, FIELD_VALIDATION_IGNORE };

#define WARNINGS_MAX 64

/* Texts for Warning headers, in order of discovery: `unknown field "spec.foo"`, `duplicate field
 * "metadata.name"`. */
struct warnings {
    char **items;
    size_t count, capacity;
};
void warnings_add(struct warnings *warnings,
                  const char *text); /* copies; drops past WARNINGS_MAX */
/* Copies what `from` has and `warnings` lacks. */
void warnings_merge(struct warnings *warnings, const struct warnings *from);
void warnings_free(struct warnings *warnings);

/* Parses JSON and shapes it by `type`. New reference, or NULL: BAD_REQUEST (malformed, wrong type,
 * or strict errors: `strict decoding error: unknown field "spec.foo", duplicate field "x"`). */
MUST_CHECK json_t *schema_decode(const struct type *type, struct str body,
                                 enum field_validation validation, struct warnings *warnings,
                                 struct error *err);
/* The same for YAML, whose duplicate keys are told first, by their lines. */
MUST_CHECK json_t *schema_decode_yaml(const struct type *type, struct str body,
                                      enum field_validation validation, struct warnings *warnings,
                                      struct error *err);
/* The same for a tree: consumes nothing; drops what the type does not know. */
MUST_CHECK bool schema_shape(const struct type *type, json_t *value,
                             enum field_validation validation, struct warnings *warnings,
                             struct error *err);
/* The same for what a patch made, of whose text `found` says already what strictness found
 * (schema/patch.h), and then what it finds in `value` too. */
MUST_CHECK bool schema_shape_patched(const struct type *type, json_t *value, struct warnings *found,
                                     enum field_validation validation, struct warnings *warnings,
                                     struct error *err);
/* The same for what a strategic patch made, which upstream turns from a tree into Go's values and
 * words accordingly. */
MUST_CHECK bool schema_shape_merged(const struct type *type, json_t *value, struct warnings *found,
                                    enum field_validation validation, struct warnings *warnings,
                                    struct error *err);
/* Structural defaults of the type and its kind's rules (schema/kind.h): what upstream's
 * SetObjectDefaults does. */
void schema_default(const struct type *type, json_t *value);
/* What Go prints of the struct `name` ("status") of `object` when nobody set it, put back after a
 * strategy dropped it. Nothing when the type has no such struct, or is a custom one. */
void schema_default_member(const struct type *type, json_t *object, const char *name);
