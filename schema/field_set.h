/* schema/field_set.h: sets of fields, as server-side apply keeps them in metadata.managedFields
 * (FieldsV1).
 *
 * A set is a tree of path elements: `f:NAME` a field or a map's key, `k:{...}` a list's item by its
 * keys, `v:VALUE` an item of a set, `i:N` one by its place. An element can be a member itself, have
 * others under it, or both. Elements are kept in canonical form, so that equal text is the same
 * element. Mutable by one thread. Source: structured-merge-diff's fieldpath, and its JSON form. */
#pragma once
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

struct field_set {
    struct field_node *nodes; /* sorted: f, k, v, i; then by text */
    size_t count, capacity;
};

struct field_node {
    char *element; /* "f:spec" */
    bool member;
    struct field_set under;
};

#define FIELD_SET_NODES_MAX 400000 /* more than fit into a body of 3 MiB */

void field_set_clear(struct field_set *set);
/* From FieldsV1. False with BAD_REQUEST when it is malformed or too large; `set` comes in empty. */
MUST_CHECK bool field_set_parse(struct field_set *set, const json_t *fields, struct error *err);
/* FieldsV1; new reference. */
json_t *field_set_json(const struct field_set *set);
bool field_set_empty(const struct field_set *set); /* has no member anywhere */
bool field_set_equal(const struct field_set *a, const struct field_set *b);

/* `f:NAME`; owned. */
char *field_set_name_element(const char *name);
/* Appends a value in the canonical form of elements: compact, keys sorted. */
void field_set_write_value(struct buf *out, const json_t *value);

/* The node of an element, made when it is missing: at once when elements come in order, O(n)
 * otherwise. Valid until the set changes. */
struct field_node *field_set_ensure(struct field_set *set, const char *element);
/* NULL when it is not there. */
const struct field_node *field_set_find(const struct field_set *set, const char *element);
/* Drops the element if nothing is a member there or below. */
void field_set_tidy(struct field_set *set, const char *element);
/* Makes `.a.b` a member; NULL-ended names of fields. */
void field_set_add_path(struct field_set *set, const char *const *names);

/* Each changes `set`. */
void field_set_union(struct field_set *set, const struct field_set *other);
void field_set_subtract(struct field_set *set,
                        const struct field_set *other); /* members of `other` */
void field_set_intersect(struct field_set *set, const struct field_set *other);
/* Members of `other` and everything under them. */
void field_set_subtract_trees(struct field_set *set, const struct field_set *other);
void field_set_copy(struct field_set *to, const struct field_set *from); /* `to` comes in empty */

/* Calls `visit` with each member's path as upstream prints it: `.spec.containers[name="a"].image`.
 */
void field_set_each(const struct field_set *set, void (*visit)(void *arg, const char *path),
                    void *arg);
