/* Putting one tree over another, and telling how two differ. */
#include <string.h>

#include "schema/typed.h"

static json_t *borrow(const json_t *value)
{
    return json_incref((json_t *)(uintptr_t)value);
}

static char *field_element(const char *key)
{
    return xasprintf("f:%s", key);
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

/* A list's items by their elements. */
struct items {
    const json_t *list;
    char **elements;        /* NULL: has no keys */
    struct field_set index; /* the elements that are there */
    size_t count;
};

static void items_clear(struct items *items)
{
    for (size_t i = 0; i < items->count; i++)
        free(items->elements[i]);
    free(items->elements);
    field_set_clear(&items->index);
}

static struct items items_of(struct typed typed, const json_t *list)
{
    struct items items = {.list = list, .count = json_array_size(list)};
    items.elements = xcalloc(items.count + 1, sizeof(*items.elements));
    for (size_t i = 0; i < items.count; i++) {
        items.elements[i] = typed_item_element(typed, json_array_get(list, i));
        if (items.elements[i])
            (void)field_set_ensure(&items.index, items.elements[i]); /* only that it is there */
    }
    return items;
}

static bool has(const struct items *items, const char *element)
{
    return element && field_set_find(&items->index, element);
}

/* The first item of that element; NULL when there is none. */
static const json_t *item_of(const struct items *items, const char *element)
{
    for (size_t i = 0; has(items, element) && i < items->count; i++)
        if (items->elements[i] && strcmp(items->elements[i], element) == 0)
            return json_array_get(items->list, i);
    return NULL;
}

/* The next item of `applied` from `*at` on that `live` has too. */
static const char *next_shared(const struct items *live, const struct items *applied, size_t *at)
{
    while (*at < applied->count) {
        const char *element = applied->elements[(*at)++];
        if (has(live, element))
            return element;
    }
    return NULL;
}

/* The order of `applied` wins; what only `live` has stays near its neighbours. */
static json_t *merge_items(struct typed typed, const json_t *live_list, const json_t *applied_list)
{
    CLEANUP(items_clear) struct items live = items_of(typed, live_list);
    CLEANUP(items_clear) struct items applied = items_of(typed, applied_list);
    CLEANUP(field_set_clear) struct field_set merged = {0};
    json_t *out = json_array();
    size_t shared_at = 0, l = 0, r = 0;
    const char *shared = next_shared(&live, &applied, &shared_at);
    while (l < live.count || r < applied.count) {
        const char *element = l < live.count ? live.elements[l] : NULL;
        bool both = element && r < applied.count && applied.elements[r] &&
                    strcmp(element, applied.elements[r]) == 0;
        if (l < live.count && !both) {
            bool shared_later = has(&applied, element);
            if (shared_later && r < applied.count && shared && strcmp(shared, element) != 0) {
                l++; /* it comes where `applied` has it */
                continue;
            }
            if (!shared_later) {
                json_array_append_new(out, borrow(json_array_get(live_list, l++)));
                continue;
            }
            if (field_set_find(&merged, element))
                l++;
        }
        if (r == applied.count)
            continue;
        const char *taken = applied.elements[r];
        const json_t *item = json_array_get(applied_list, r++);
        json_array_append_new(
            out, typed_merge(typed_item(typed), taken ? item_of(&live, taken) : NULL, item));
        if (taken)
            (void)field_set_ensure(&merged, taken); /* only that it is there */
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
};

static void compare_at(struct typed typed, const char *element, const json_t *before,
                       const json_t *after, const struct place *place);

static bool is_container(struct typed typed, const json_t *value)
{
    return value && typed_kind_of(typed, value) != TYPED_LEAF &&
           (json_is_object(value) ? json_object_size(value) : json_array_size(value));
}

static void compare_members(struct typed typed, const json_t *before, const json_t *after,
                            const struct place *place)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)before, key, value) {
        CLEANUP(free_ptr) char *element = field_element(key);
        compare_at(typed_member(typed, key), element, value, json_object_get(after, key), place);
    }
    json_object_foreach ((json_t *)(uintptr_t)after, key, value) {
        CLEANUP(free_ptr) char *element = field_element(key);
        if (!json_object_get(before, key))
            compare_at(typed_member(typed, key), element, NULL, value, place);
    }
}

static void compare_items(struct typed typed, const json_t *before, const json_t *after,
                          const struct place *place)
{
    CLEANUP(items_clear) struct items old = items_of(typed, before);
    CLEANUP(items_clear) struct items new = items_of(typed, after);
    struct typed item = typed_item(typed);
    for (size_t i = 0; i < old.count; i++)
        if (old.elements[i])
            compare_at(item, old.elements[i], json_array_get(before, i),
                       item_of(&new, old.elements[i]), place);
    for (size_t i = 0; i < new.count; i++)
        if (new.elements[i] && !has(&old, new.elements[i]))
            compare_at(item, new.elements[i], NULL, json_array_get(after, i), place);
}

static void compare_inside(struct typed typed, const json_t *before, const json_t *after,
                           const struct place *place)
{
    if (typed_kind_of(typed, is_container(typed, after) ? after : before) == TYPED_LIST)
        compare_items(typed, before, after, place);
    else
        compare_members(typed, before, after, place);
}

/* Drops a node that nothing was put into. */
static void tidy(struct field_set *set, const char *element)
{
    CLEANUP(field_set_clear) struct field_set one = {0};
    const struct field_node *node = field_set_find(set, element);
    if (!node || node->member || !field_set_empty(&node->under))
        return;
    field_set_ensure(&one, element)->member = true;
    field_set_subtract_trees(set, &one);
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
                                &field_set_ensure(place->removed, element)->under};
    compare_inside(typed, before, after, &under);
    tidy(place->added, element);
    tidy(place->modified, element);
    tidy(place->removed, element);
}

void typed_compare(struct typed typed, const json_t *before, const json_t *after,
                   struct typed_changes *changes)
{
    const struct place place = {&changes->added, &changes->modified, &changes->removed};
    compare_inside(typed, before, after, &place);
}
