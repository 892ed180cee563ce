/* Putting one tree over another, and telling how two differ. */
#include <string.h>

#include "schema/typed_items.h"

static json_t *borrow(const json_t *value)
{
    return json_incref((json_t *)(uintptr_t)value);
}

/* ---- merging ---- */

static json_t *merge_members(struct typed typed, const json_t *live, const json_t *applied)
{
    const char *key;
    json_t *value, *out = json_copy((json_t *)(uintptr_t)live);
    json_object_foreach ((json_t *)(uintptr_t)applied, key, value)
        json_object_set_new(
            out, key, typed_merge(typed_member(typed, key), json_object_get(live, key), value));
    return out;
}

/* The next item of `applied` from `*at` on that `live` has too. */
static const char *next_shared(const struct typed_items *live, const struct typed_items *applied,
                               size_t *at)
{
    while (*at < applied->count) {
        const char *element = applied->by_place[(*at)++].element;
        if (typed_items_have(live, element))
            return element;
    }
    return NULL;
}

/* The order of `applied` wins; what only `live` has stays near its neighbours. */
static json_t *merge_items(struct typed typed, const json_t *live_list, const json_t *applied_list)
{
    CLEANUP(typed_items_clear) struct typed_items live = typed_items_of(typed, live_list);
    CLEANUP(typed_items_clear) struct typed_items applied = typed_items_of(typed, applied_list);
    json_t *out = json_array();
    size_t shared_at = 0, l = 0, r = 0;
    const char *shared = next_shared(&live, &applied, &shared_at);
    while (l < live.count || r < applied.count) {
        const char *element = l < live.count ? live.by_place[l].element : NULL;
        bool both = element && r < applied.count && applied.by_place[r].element &&
                    strcmp(element, applied.by_place[r].element) == 0;
        if (l < live.count && !both) {
            bool shared_later = typed_items_have(&applied, element);
            if (shared_later && r < applied.count && shared && strcmp(shared, element) != 0) {
                l++; /* it comes where `applied` has it */
                continue;
            }
            if (!shared_later) {
                json_array_append_new(out, borrow(json_array_get(live_list, l++)));
                continue;
            }
            if (typed_items_place(&applied, element) < r)
                l++; /* merged already */
        }
        if (r == applied.count)
            continue;
        const char *taken = applied.by_place[r].element;
        const json_t *item = json_array_get(applied_list, r++);
        json_array_append_new(
            out,
            typed_merge(typed_item(typed), taken ? typed_items_find(&live, taken) : NULL, item));
        if (both || (shared && taken && strcmp(shared, taken) == 0))
            shared = next_shared(&live, &applied, &shared_at);
        l += both;
    }
    return out;
}

json_t *typed_merge(struct typed typed, const json_t *live, const json_t *applied)
{
    enum typed_kind kind = typed_kind_of(typed, applied);
    if (!live || kind == TYPED_LEAF || typed_kind_of(typed, live) != kind)
        return borrow(applied);
    return kind == TYPED_LIST ? merge_items(typed, live, applied)
                              : merge_members(typed, live, applied);
}

/* ---- comparing ---- */

void typed_changes_clear(struct typed_changes *changes)
{
    field_set_clear(&changes->added);
    field_set_clear(&changes->modified);
    field_set_clear(&changes->removed);
}

/* The same place in all three sets. */
struct place {
    struct field_set *added, *modified, *removed;
    unsigned depth;
};

/* Down to here, parts that are the same are found to be so before they are taken apart; further
 * down that could cost a hostile object's size at each of its levels. */
#define SAME_DEPTH 12

static bool is_same(const json_t *before, const json_t *after, const struct place *place)
{
    return before == after ||
           (before && after && place->depth < SAME_DEPTH && json_equal(before, after));
}

static void compare_at(struct typed typed, const char *element, const json_t *before,
                       const json_t *after, const struct place *place);

static bool is_container(struct typed typed, const json_t *value)
{
    return value && typed_kind_of(typed, value) != TYPED_LEAF &&
           (json_is_object(value) ? json_object_size(value) : json_array_size(value));
}

/* Both sides' keys, in one order. */
static void compare_members(struct typed typed, const json_t *before, const json_t *after,
                            const struct place *place)
{
    size_t old_count, new_count, o = 0, n = 0;
    CLEANUP(free_ptr) const char **old_keys = typed_sorted_keys(before, &old_count);
    CLEANUP(free_ptr) const char **new_keys = typed_sorted_keys(after, &new_count);
    while (o < old_count || n < new_count) {
        int order = o == old_count ? 1 : n == new_count ? -1 : strcmp(old_keys[o], new_keys[n]);
        const char *key = order <= 0 ? old_keys[o] : new_keys[n];
        const json_t *old = json_object_get(before, key), *new = json_object_get(after, key);
        o += order <= 0;
        n += order >= 0;
        if (is_same(old, new, place))
            continue;
        CLEANUP(free_ptr) char *element = field_set_name_element(key);
        compare_at(typed_member(typed, key), element, old, new, place);
    }
}

/* The next different element at or after `*at`; NULL at the end. */
static const char *next_element(const struct typed_items *items, size_t *at)
{
    while (*at && *at < items->sorted_count &&
           strcmp(items->sorted[*at - 1].element, items->sorted[*at].element) == 0)
        (*at)++;
    return *at < items->sorted_count ? items->sorted[*at].element : NULL;
}

static void compare_items(struct typed typed, const json_t *before, const json_t *after,
                          const struct place *place)
{
    CLEANUP(typed_items_clear) struct typed_items old = typed_items_of(typed, before);
    CLEANUP(typed_items_clear) struct typed_items new = typed_items_of(typed, after);
    size_t o = 0, n = 0;
    for (;;) {
        const char *gone = next_element(&old, &o), *come = next_element(&new, &n);
        if (!gone && !come)
            return;
        int order = !gone ? 1 : !come ? -1 : strcmp(gone, come);
        const char *element = order <= 0 ? gone : come;
        compare_at(typed_item(typed), element, typed_items_find(&old, element),
                   typed_items_find(&new, element), place);
        o += order <= 0;
        n += order >= 0;
    }
}

static void compare_inside(struct typed typed, const json_t *before, const json_t *after,
                           const struct place *place)
{
    if (typed_kind_of(typed, is_container(typed, after) ? after : before) == TYPED_LIST)
        compare_items(typed, before, after, place);
    else
        compare_members(typed, before, after, place);
}

static void compare_at(struct typed typed, const char *element, const json_t *before,
                       const json_t *after, const struct place *place)
{
    bool inside = is_container(typed, before) || is_container(typed, after);
    bool leaf = (before && typed_kind_of(typed, before) == TYPED_LEAF && !json_is_null(before)) ||
                (after && typed_kind_of(typed, after) == TYPED_LEAF && !json_is_null(after));
    if (!before)
        field_set_ensure(place->added, element)->member = true;
    else if (!after)
        field_set_ensure(place->removed, element)->member = true;
    else if ((leaf || !inside) && !json_equal(before, after))
        field_set_ensure(place->modified, element)->member = true;
    if (leaf || !inside)
        return;
    const struct place under = {&field_set_ensure(place->added, element)->under,
                                &field_set_ensure(place->modified, element)->under,
                                &field_set_ensure(place->removed, element)->under,
                                place->depth + 1};
    compare_inside(typed, before, after, &under);
    field_set_tidy(place->added, element);
    field_set_tidy(place->modified, element);
    field_set_tidy(place->removed, element);
}

void typed_compare(struct typed typed, const json_t *before, const json_t *after,
                   struct typed_changes *changes)
{
    const struct place place = {&changes->added, &changes->modified, &changes->removed, 0};
    compare_inside(typed, before, after, &place);
}
