/* schema/typed_items.h: the items of a list in the order of their path elements, so that sets of
 * fields grow at their end and lookups are binary, however many there are. Memory is the arena's.
 */
#pragma once
#include "schema/typed.h"

/* One item of a list by key or of a set. */
struct typed_entry {
    struct str element; /* NULL data: it lacks a key */
    size_t at;          /* its place in the list */
};

struct typed_items {
    const json_t *list;
    struct typed_entry *by_place;
    struct typed_entry *sorted; /* those with elements; equal ones by place */
    size_t count, sorted_count;
};

struct typed_items typed_items_of(struct arena *arena, struct typed list, const json_t *value);
/* The first place of that element; SIZE_MAX when there is none, and for NULL data. */
size_t typed_items_place(const struct typed_items *items, struct str element);
bool typed_items_have(const struct typed_items *items, struct str element);
/* The one item of that element; NULL when there is none, or several. Borrowed. */
const json_t *typed_items_only(const struct typed_items *items, struct str element);
