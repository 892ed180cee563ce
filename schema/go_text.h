/* schema/go_text.h: texts that upstream's decoder makes from Go's types, which clients see and
 * match on. */
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "schema/type.h"

/* Appends `text` as Go's %q does. */
void go_quote(struct buf *out, struct str text);
/* Appends the Go type of a field: `int32`, `[]v1.Container`, `map[string]string`; of one item when
 * `item`. */
void go_field_type(struct buf *out, const struct field *field, bool item);
/* Appends the Go type of a struct: `v1.PodSpec`. */
void go_struct_type(struct buf *out, const struct type *type);
/* The last part of a type's name: "PodSpec". Borrowed. */
const char *type_short_name(const struct type *type);
/* Appends what Go calls the JSON value: `string`, `object`, `number 1.5`. */
void go_value_kind(struct buf *out, const json_t *value, bool with_number);
/* Appends a tree as Go's %v prints what was decoded into an interface: `map[a:1 b:[x <nil>]]`. */
void go_print(struct buf *out, const json_t *value);
/* The same as Go's %#v: `map[string]interface {}{"a":1}`. */
void go_print_syntax(struct buf *out, const json_t *value);
/* The Go type of what was decoded into an interface: `map[string]interface {}`, `<nil>`. Borrowed.
 */
const char *go_type_name(const json_t *value);
/* Appends the same as messages have it that do not expect nil: `%!s(<nil>)`. */
void go_interface_type(struct buf *out, const json_t *value);
/* Appends why that cannot become a field, or one item of it when `item`: `cannot restore map from
 * string`. Source: apimachinery's pkg/runtime/converter.go. */
void go_conversion_error(struct buf *out, const struct field *field, bool item,
                         const json_t *value);
