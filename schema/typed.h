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
struct typed typed_member(struct typed parent, struct str key);
/* What an item of a list is. */
struct typed typed_item(struct typed list);
/* Appends the path element of a list's item; false when it lacks a key that has no default. */
MUST_CHECK bool typed_item_element(struct buf *out, struct typed list, const json_t *item);

/* In what follows the arena is for sets, and for what is forgotten at the end. */

/* Adds the fields that `value` sets: what an applied configuration owns. `set` comes in empty. */
void typed_fields(struct arena *arena, struct typed typed, const json_t *value,
                  struct field_set *set);
/* `live` with everything of `applied` put over it; shares values with both. New reference. */
json_t *typed_merge(struct arena *arena, struct typed typed, const json_t *live,
                    const json_t *applied);
/* `value` without the members of `set`; whatever is left with nothing in it is null. New reference.
 */
json_t *typed_remove(struct typed typed, const json_t *value, const struct field_set *set);
/* Makes members of the struct fields that have members under them. */
void typed_name_fields(struct typed typed, struct field_set *set);

struct typed_changes {
    struct field_set added, modified, removed;
};
/* How `after` differs from `before`; `changes` comes in empty. */
void typed_compare(struct arena *arena, struct typed typed, const json_t *before,
                   const json_t *after, struct typed_changes *changes);
/* Checks a configuration: fields are known, values are of the right sort, a list's items are
 * distinct and have their keys. False with upstream's error, which is UNKNOWN, for all that does
 * not fit: `PATH: duplicate entries for key [name="a"]`. */
MUST_CHECK bool typed_check(struct arena *arena, struct typed typed, const json_t *value,
                            struct error *err);
