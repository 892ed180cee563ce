/* schema/typed_items.h: the members of objects and lists in the order of their path elements, so
 * that sets of fields grow at their end and lookups are binary, however many there are. */
#pragma once
#include "schema/typed.h"

/* One item of a list by key or of a set. */
struct typed_entry {
    char *element; /* NULL: it lacks a key */
    size_t at;     /* its place in the list */
};

struct typed_items {
    const json_t *list;
    struct typed_entry *by_place;
    struct typed_entry *sorted; /* those with elements; borrowed texts; equal ones by place */
    size_t count, sorted_count;
};

struct typed_items typed_items_of(struct typed list, const json_t *value);
void typed_items_clear(struct typed_items *items);
/* The first place of that element; SIZE_MAX when there is none, and for NULL. */
size_t typed_items_place(const struct typed_items *items, const char *element);
bool typed_items_have(const struct typed_items *items, const char *element);
/* The first item of that element; NULL when there is none. Borrowed. */
const json_t *typed_items_find(const struct typed_items *items, const char *element);

/* The keys of an object, sorted; the array is owned, the texts are the object's. `*count` 0 when it
 * is no object. */
const char **typed_sorted_keys(const json_t *object, size_t *count);
