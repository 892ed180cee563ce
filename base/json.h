/* base/json.h: trees (base/document.h) from text and to text: limits on the way in, a fast writer
 * on the way out, short paths.
 *
 * A json_t that a second thread can see is frozen. `json_auto_t *` releases at the end of the
 * block. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/document.h"
#include "base/error.h"

#define JSON_DEPTH_MAX 100

enum json_load_kind {
    JSON_LOAD_LENIENT, /* the last of duplicate keys wins, as in Go */
    JSON_LOAD_STRICT,  /* a duplicate key is an error */
};

/* Parses one whole document (object, array or scalar). New reference; NULL with BAD_REQUEST when it
 * is not JSON, nests deeper than JSON_DEPTH_MAX or is not UTF-8. */
MUST_CHECK json_t *json_parse(struct str text, enum json_load_kind kind, struct error *err);

struct json_tape;
/* The tree of what is on the tape (base/json_tape.h); fails for duplicate keys and numbers alone.
 */
MUST_CHECK json_t *json_parse_tape(const struct json_tape *tape, enum json_load_kind kind,
                                   struct error *err);

/* Appends compact JSON, keys in their order, with upstream's escaping (<, > and & and U+2028/9 as
 * \u00XX). */
void json_write(struct buf *out, const json_t *value);
/* Appends compact JSON again with line breaks and two spaces a level, as Go's MarshalIndent does.
 */
void json_indent(struct buf *out, struct str text);
/* Appends a quoted, escaped string. */
void json_write_string(struct buf *out, struct str text);
/* What the text may take as a tree, in bytes: an upper bound, from its marks, before it is parsed.
 * A few bytes of text can be a hundred of a tree. Pure. */
size_t json_tree_bound(struct str text);

/* Walks object keys: json_at(pod, "spec", "nodeName"). Borrowed; NULL when anything on the way is
 * missing. */
#define json_at(root, ...) json_at_path((root), (const char *const[]){__VA_ARGS__, NULL})
json_t *json_at_path(const json_t *root, const char *const *keys);
/* The string there, or NULL. Borrowed. */
#define json_text(root, ...) json_string_value(json_at((root), __VA_ARGS__))
/* The integer there, or `fallback` when it is not an integer. */
int64_t json_int_or(const json_t *value, int64_t fallback);
bool json_bool_or(const json_t *value, bool fallback);

/* The object at `key`, created when it is missing or not an object. Borrowed. */
json_t *json_ensure_object(json_t *parent, const char *key);
json_t *json_ensure_array(json_t *parent, const char *key);
/* json_object_set_new(parent, key, json_string(text)), or removes the key when text is NULL. */
void json_set_text(json_t *parent, const char *key, const char *text);
/* The first object of the array whose "name" is this one, or NULL. Borrowed. */
json_t *json_named(const json_t *array, const char *name);
/* True when the array holds that string. */
bool json_array_has_text(const json_t *array, const char *text);

/* YAML (one document) to JSON, with JSON_DEPTH_MAX, at most 100,000 nodes, and aliases refused past
 * a ten-fold expansion; numbers, booleans and null by YAML 1.2's core schema as sigs.k8s.io/yaml
 * reads them. */
MUST_CHECK json_t *yaml_parse(struct str text, enum json_load_kind kind, struct error *err);
#define YAML_NOTES_MAX ((size_t)64 << 10)
/* The same, lenient; appends to `notes` (NULL: nobody asks) what strictness would say, a line each:
 * `line 3: key "a" already set in map`. Its maximum is YAML_NOTES_MAX; what does not fit is left
 * out. */
MUST_CHECK json_t *yaml_parse_noting(struct str text, struct buf *notes, struct error *err);
/* Notes as one error of Go's reader, which is what a strict yaml_parse() fails with. Owned. */
char *yaml_notes_error(const struct buf *notes);
/* Puts the keys of every object in there into the order of upstream's YAML. */
void yaml_sort(json_t *value);
/* Block style, as kubectl prints it. */
void yaml_write(struct buf *out, const json_t *value);
/* The same of a JSON text without white space, with keys in upstream's order. Of a list ("items",
 * "rows") one item at a time is a tree. False when it is not JSON: what was written is of no use.
 */
MUST_CHECK bool yaml_write_list(struct buf *out, struct str json);
