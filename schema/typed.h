/* schema/typed.h: trees seen through their type, as server-side apply sees them: which parts are
 * structs, maps, lists by key, sets, and which are replaced as a whole. Source:
 * structured-merge-diff's typed; Kubernetes' OpenAPI for what is atomic. */
#pragma once
#include "schema/field_set.h"
#include "schema/type.h"

/* What a value is. Made by typed_root() and the walks. */
struct typed {
    const struct type *type;   /* of a struct; else NULL */
    const struct field *field; /* the field it stands in; NULL for a root and inside raw values */
    bool item;                 /* an item of the field's list or map, not the whole */
};

enum typed_kind { TYPED_LEAF, TYPED_STRUCT, TYPED_MAP, TYPED_LIST };

struct typed typed_root(const struct type *type);
/* What `value` is to be taken as; leaves are compared and replaced whole. */
enum typed_kind typed_kind_of(struct typed typed, const json_t *value);
/* What a member of a struct or a map is. Unknown fields of structs are raw values. */
struct typed typed_member(struct typed parent, const char *key);
/* What an item of a list is. */
struct typed typed_item(struct typed list);
/* The path element of a list's item, owned; NULL when it lacks a key that has no default. */
char *typed_item_element(struct typed list, const json_t *item);

/* Adds the fields that `value` sets: what an applied configuration owns. */
void typed_fields(struct typed typed, const json_t *value, struct field_set *set);
/* `live` with everything of `applied` put over it. New reference. */
json_t *typed_merge(struct typed typed, const json_t *live, const json_t *applied);
/* `value` without the members of `set`; NULL when nothing is left. New reference. */
json_t *typed_remove(struct typed typed, const json_t *value, const struct field_set *set);
/* Makes members of the struct fields that have members under them. */
void typed_name_fields(struct typed typed, struct field_set *set);

struct typed_changes {
    struct field_set added, modified, removed;
};
void typed_changes_clear(struct typed_changes *changes);
/* How `after` differs from `before`. */
void typed_compare(struct typed typed, const json_t *before, const json_t *after,
                   struct typed_changes *changes);
/* BAD_REQUEST-free check of a configuration: a list's items must be distinct and have their keys.
 * False with the error that upstream gives: `PATH: duplicate entries for key [name="a"]`. */
MUST_CHECK bool typed_check(struct typed typed, const json_t *value, struct error *err);
