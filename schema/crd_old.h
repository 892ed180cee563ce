/* schema/crd_old.h: what a value of a custom resource was before the update that it comes with.
 *
 * Members are told by their names, items of map lists by their keys; items of other lists are not
 * told apart. Pure. Source: apiserver's pkg/cel/common CorrelatedObject. */
#pragma once
#include "base/strmap.h"
#include "schema/crd_schema.h"

/* What of a list's item must be distinct: its keys in a map list, else all of it. New reference. */
json_t *crd_item_keys(const struct crd_node *list, json_t *item);
/* The same text for equal ones. Owned. */
char *crd_keys_text(const json_t *keys);

/* The items that a list had before; none unless it is a map list. Borrowed from `old`. */
void crd_old_index(const struct crd_node *list, const json_t *old, struct strmap *index);
/* The one with the keys of `item`; NULL: there is none. */
const json_t *crd_old_item(const struct strmap *index, const struct crd_node *list, json_t *item);

/* Whether the value is what it was, the order of map lists aside. What the schema does not name is
 * never taken for the same. */
bool crd_is_same(const struct crd_node *node, const json_t *now, const json_t *old);
