/* schema/field_set.h: sets of fields, as server-side apply keeps them in metadata.managedFields
 * (FieldsV1).
 *
 * A set is a tree of path elements: `f:NAME` a field or a map's key, `k:{...}` a list's item by its
 * keys, `v:VALUE` an item of a set, `i:N` one by its place. An element can be a member itself, have
 * others under it, or both; no node is neither. Elements are kept in canonical form, so that equal
 * text is the same element. A set begins as {0}; its memory is its arena's, and its texts may be
 * those of the tree that it was parsed from: both must outlive it. Mutable by one thread. Source:
 * structured-merge-diff's fieldpath, and its JSON form. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

struct field_set {
    struct field_node *nodes; /* sorted: f, k, v, i; then by text */
    size_t count, capacity;
};

struct field_node {
    struct str element; /* "f:spec" */
    bool member;
    struct field_set under;
};

#define FIELD_SET_NODES_MAX 400000 /* more than fit into a body of 3 MiB */

/* From FieldsV1. False with BAD_REQUEST when it is malformed or too large; `set` comes in empty. */
MUST_CHECK bool field_set_parse(struct arena *arena, struct field_set *set, const json_t *fields,
                                struct error *err);
/* FieldsV1; new reference. */
json_t *field_set_json(const struct field_set *set);
bool field_set_empty(const struct field_set *set);
bool field_set_equal(const struct field_set *a, const struct field_set *b);
/* Whether each member of `part` is one of `whole`; whether they have one in common. */
bool field_set_covers(const struct field_set *whole, const struct field_set *part);
bool field_set_meets(const struct field_set *a, const struct field_set *b);

/* `f:NAME`. */
struct str field_set_name_element(struct arena *arena, struct str name);
/* Appends a value in the canonical form of elements: compact, keys sorted. */
void field_set_write_value(struct buf *out, const json_t *value);
/* Appends it as upstream prints it: `.spec`, `[name="a"]`. */
void field_set_print_element(struct buf *out, struct str element);

/* A new node at the end, whose element is in the set not yet; valid until the next one. When those
 * that were added did not come in order: field_set_sort(). */
struct field_node *field_set_push(struct arena *arena, struct field_set *set, struct str element);
void field_set_sort(struct field_set *set);
/* The node of an element, or of `f:NAME`; NULL when it is not there. */
const struct field_node *field_set_find(const struct field_set *set, struct str element);
const struct field_node *field_set_find_name(const struct field_set *set, struct str name);
/* `.a.b` (NULL-ended names) is no member then, nor with `whole` what is under it. */
void field_set_drop_path(struct field_set *set, const char *const *names, bool whole);

/* Each changes `set`, which must not share nodes with `other`. */
void field_set_union(struct arena *arena, struct field_set *set, const struct field_set *other);
void field_set_subtract(struct field_set *set,
                        const struct field_set *other); /* members of `other` */
void field_set_intersect(struct field_set *set, const struct field_set *other);
/* `to` comes in empty. */
void field_set_copy(struct arena *arena, struct field_set *to, const struct field_set *from);

/* Calls `visit` with each member's path as upstream prints it: `.spec.containers[name="a"].image`.
 */
void field_set_each(const struct field_set *set, void (*visit)(void *arg, const char *path),
                    void *arg);
