/* What goes when a manager applies less than the last time. Source: structured-merge-diff's merge,
 * update.go (prune). */
#include <string.h>

#include "schema/apply_difference.h"

static json_t *borrow(const json_t *value)
{
    return json_incref((json_t *)(uintptr_t)value);
}

/* Makes members of the structs and maps that have members under them: what their manager gives up
 * goes with what defaults added to it. Not at the top, and not in metadata: our own components
 * write there, and are noted nowhere. */
static void name_fields(struct typed root, struct field_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct str element = set->nodes[i].element;
        struct str name = {element.data + 2, element.len - 2};
        if (element.data[0] == 'f' && !str_is(name, "metadata"))
            typed_name_fields(typed_member(root, name), &set->nodes[i].under);
    }
}

/* What all managers of that version have, with everything above it. */
static void managed_in(struct arena *arena, const struct managers *managers,
                       const char *api_version, const struct type *type, struct field_set *set)
{
    for (size_t i = 0; i < managers->count; i++)
        if (strcmp(managers->items[i].api_version, api_version) == 0)
            field_set_union(arena, set, &managers->items[i].set);
    typed_name_fields(typed_root(type), set);
}

static json_t *prune_here(const struct apply *apply, struct arena *arena, const json_t *merged,
                          const struct managers *managers, const struct field_set *last)
{
    struct field_set gone = {0}, managed = {0};
    field_set_copy(arena, &gone, last);
    name_fields(typed_root(apply->type), &gone);
    managed_in(arena, managers, apply->api_version, apply->type, &managed);
    field_set_subtract(&gone, &managed);
    return typed_remove(typed_root(apply->type), merged, &gone);
}

/* ---- across versions ---- */

static const struct type *type_in(const struct apply *apply, const char *api_version)
{
    return strcmp(api_version, apply->api_version) == 0
               ? apply->type
               : apply->versions->type(apply->versions->arg, api_version);
}

/* New reference; NULL when it cannot be had. */
static json_t *object_in(const struct apply *apply, const json_t *object, const char *api_version)
{
    return object ? apply->versions->convert(apply->versions->arg, object, api_version) : NULL;
}

static void fields_of(struct arena *arena, const struct type *type, const json_t *object,
                      struct field_set *set)
{
    typed_fields(arena, typed_root(type), object, set);
    name_fields(typed_root(type), set);
}

/* Whether a manager before this one has its version, too. */
static bool seen_before(const struct managers *managers, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(managers->items[i].api_version, managers->items[at].api_version) == 0)
            return true;
    return false;
}

/* `left` of `merged` with what managers of that version have: in that version. NULL: it cannot be
 * told. */
static json_t *add_back(const struct apply *apply, struct arena *arena, const json_t *merged,
                        const json_t *left, const struct managers *managers,
                        const char *api_version)
{
    const struct type *type = type_in(apply, api_version);
    json_auto_t *whole = type ? object_in(apply, merged, api_version) : NULL;
    json_auto_t *part = whole ? object_in(apply, left, api_version) : NULL;
    struct field_set gone = {0}, kept = {0}, managed = {0};
    if (!part)
        return NULL;
    fields_of(arena, type, whole, &gone);
    fields_of(arena, type, part, &kept);
    managed_in(arena, managers, api_version, type, &managed);
    field_set_subtract(&gone, &kept);
    field_set_subtract(&gone, &managed);
    return typed_remove(typed_root(type), whole, &gone);
}

/* What is missing in `left` of `whole`, and was in `last`, goes: all of it in one version. */
static json_t *remove_last(struct arena *arena, const struct type *type, const json_t *whole,
                           const json_t *left, const struct field_set *last)
{
    struct field_set gone = {0}, kept = {0};
    fields_of(arena, type, whole, &gone);
    fields_of(arena, type, left, &kept);
    field_set_subtract(&gone, &kept);
    field_set_intersect(&gone, last);
    return typed_remove(typed_root(type), whole, &gone);
}

/* New reference; NULL when versions that it takes cannot be had. */
static json_t *prune_across(const struct apply *apply, struct arena *arena, const json_t *merged,
                            const struct managers *managers, const struct manager *last)
{
    const struct type *type = type_in(apply, last->api_version);
    json_auto_t *whole = type ? object_in(apply, merged, last->api_version) : NULL;
    struct field_set named = {0};
    if (!whole)
        return NULL;
    field_set_copy(arena, &named, &last->set);
    name_fields(typed_root(type), &named);
    json_auto_t *left = typed_remove(typed_root(type), whole, &named);
    for (size_t i = 0; i < managers->count; i++) {
        json_t *more = seen_before(managers, i) ? NULL
                                                : add_back(apply, arena, merged, left, managers,
                                                           managers->items[i].api_version);
        if (!more)
            continue;
        json_decref(left);
        left = more;
    }
    json_auto_t *part = object_in(apply, left, last->api_version);
    json_auto_t *pruned = part ? remove_last(arena, type, whole, part, &named) : NULL;
    return object_in(apply, pruned, apply->api_version);
}

static bool one_version(const struct apply *apply, const struct managers *managers)
{
    for (size_t i = 0; i < managers->count; i++)
        if (strcmp(managers->items[i].api_version, apply->api_version) != 0)
            return false;
    return true;
}

json_t *apply_prune(const struct apply *apply, struct arena *arena, const json_t *merged,
                    const struct managers *managers, const struct manager *self,
                    const struct manager *last)
{
    bool same = strcmp(last->api_version, apply->api_version) == 0;
    if (field_set_empty(&last->set) || (same && field_set_covers(&self->set, &last->set)))
        return borrow(merged); /* it only ever adds: most often */
    if (!apply->versions || (same && one_version(apply, managers)))
        return prune_here(apply, arena, merged, managers, &last->set);
    json_t *pruned = prune_across(apply, arena, merged, managers, last);
    return pruned ? pruned : borrow(merged);
}
