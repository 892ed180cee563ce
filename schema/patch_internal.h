/* schema/patch_internal.h: strategic merge patch's two halves: maps and lists. */
#pragma once
#include "schema/patch.h"

#define PATCH_WORK_MAX ((size_t)5000000)

#define DIRECTIVE_PATCH  "$patch"
#define DIRECTIVE_RETAIN "$retainKeys"
#define DIRECTIVE_DELETE "$deleteFromPrimitiveList"
#define DIRECTIVE_ORDER  "$setElementOrder"

/* What is known of the value that is being merged. */
struct shape {
    const struct type *type;   /* NULL: nothing is known; maps merge, lists are replaced */
    const struct field *field; /* whose value it is; NULL at the root and for elements */
    bool is_map;               /* a map whose values have `type` */
    size_t *budget; /* items of lists that may still be looked at, shared by the whole merge */
};

/* What member `key` of a value of this shape looks like. */
struct shape shape_member(const struct shape *shape, const char *key);
bool shape_merges_lists(const struct shape *shape);

/* Both take their `original` and `patch` trees, change them freely, and return a new tree; NULL
 * with an error. */
json_t *merge_map(const struct shape *shape, json_t *original, json_t *patch, struct error *err);
json_t *merge_list(const struct shape *shape, json_t *original, json_t *patch, struct error *err);

/* Orders a merged list: items named by `order` as that says, the others (the server's) as in
 * `original`, the two woven together by their order in `original`. Takes `merged`. `merge_key`
 * NULL: scalars. */
json_t *list_in_order(json_t *merged, const json_t *order, const json_t *original,
                      const char *merge_key, struct error *err);
/* The `original` that upstream orders a list of maps by: where `patch` deletes items, Go's slice
 * has closed up by then, and the items that are new fill it up again. A new reference; NULL for
 * NULL.
 */
json_t *list_places(json_t *original, const json_t *patch, const char *merge_key);
/* Without the items of `gone`. Takes `list`. */
json_t *list_without(json_t *list, const json_t *gone);
/* The items of `items` stand in `order`, which is empty or names them in theirs; else UNKNOWN. */
bool list_order_fits(const json_t *items, const json_t *order, const char *merge_key,
                     struct error *err);

/* A patch's value where there is nothing to merge it with: without nulls and directives. Takes
 * `value`; NULL without an error when nothing is left of it. */
json_t *patch_value(json_t *value);

/* What `$patch` says there is nothing; always false. */
bool patch_unknown_directive(const json_t *map, struct error *err);

/* Keeps what `keep` says yes to, in order. */
void list_filter(json_t *list, bool (*keep)(const json_t *item, const void *arg), const void *arg);

/* A set of scalars, or of the merge keys of maps: from value to its first place. */
json_t *place_index(const json_t *list, const char *merge_key);
/* -1 when it is not there. */
json_int_t place_of(const json_t *index, const json_t *item, const char *merge_key);
