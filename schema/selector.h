/* schema/selector.h: label and field selectors, parsed once, matched against the store's index.
 * Source: apimachinery pkg/labels and pkg/fields. */
#pragma once
#include "base/error.h"
#include "base/json.h"
#include "schema/resource.h"
#include "store/object.h"

struct selector; /* immutable after parsing; any thread */

/* `a=b,c!=d,e in (f,g),!h,i>1`. NULL with BAD_REQUEST and upstream's words. "" selects everything.
 */
struct selector *selector_parse_labels(struct str text, struct error *err);
/* `metadata.name=x,spec.nodeName!=y`; only paths that the resource has as `selectable` (besides
 * metadata.name, metadata.namespace), else 400 in the words that upstream has for that kind.
 * Escapes as upstream. */
struct selector *selector_parse_fields(struct str text, const struct resource *resource,
                                       struct error *err);
/* From a LabelSelector object ({matchLabels, matchExpressions}); NULL selects nothing, {}
 * everything. */
struct selector *selector_from_json(const json_t *label_selector, struct error *err);
/* From a plain map of labels (Service, ReplicationController). */
struct selector *selector_from_map(const json_t *labels);
/* Appends a LabelSelector as labels.Selector prints it: "a=b,c in (d,e),!f". False when it is empty
 * or malformed. */
bool selector_write(struct buf *out, const json_t *label_selector);
void selector_free(struct selector *selector);
bool selector_empty(const struct selector *selector); /* selects everything */
/* NULL selector matches everything. */
bool selector_matches_labels(const struct selector *selector, const struct object *object);
bool selector_matches_fields(const struct selector *selector, const struct object *object);
/* The same of fields that no index holds: those of custom resources, as their selectableFields name
 * them. */
bool selector_matches_tree(const struct selector *selector, const json_t *object);
/* Whether only metadata.name and metadata.namespace are asked for. */
bool selector_is_indexed(const struct selector *selector);
bool selector_matches_json(const struct selector *selector,
                           const json_t *labels); /* labels: a map; NULL is empty */
/* The value if the selector demands PATH=value exactly (metadata.name, metadata.namespace); else
 * NULL. Borrowed. */
const char *selector_exact(const struct selector *selector, const char *path);
