/* Putting one tree over another, and telling how two differ. */
#include <string.h>

#include "schema/typed_items.h"

static json_t *borrow(const json_t *value)
{
    return json_incref((json_t *)(uintptr_t)value);
}

/* Something with members, which are apart from each other. */
static bool is_container(struct typed typed, const json_t *value)
{
    return value && typed_kind_of(typed, value) != TYPED_LEAF &&
           (json_is_object(value) ? json_object_size(value) : json_array_size(value));
}

/* ---- merging ---- */

static json_t *merge_members(struct arena *arena, struct typed typed, const json_t *live,
                             const json_t *applied)
{
    const char *name;
    size_t len;
    json_t *value, *out = json_copy((json_t *)(uintptr_t)live);
    json_object_keylen_foreach(applied, name, len, value)
    {
        struct typed member = typed_member(typed, (struct str){name, len});
        json_object_setn_new_nocheck(
            out, name, len, typed_merge(arena, member, json_object_getn(live, name, len), value));
    }
    return out;
}

/* The next item of `applied` from `*at` on that `live` has too. */
static struct str next_shared(const struct typed_items *live, const struct typed_items *applied,
                              size_t *at)
{
    while (*at < applied->count) {
        struct str element = applied->by_place[(*at)++].element;
        if (typed_items_have(live, element))
            return element;
    }
    return (struct str){0};
}

/* The order of `applied` wins; what only `live` has stays near its neighbours. */
static json_t *merge_items(struct arena *arena, struct typed typed, const json_t *live_list,
                           const json_t *applied_list)
{
    struct typed_items live = typed_items_of(arena, typed, live_list);
    struct typed_items applied = typed_items_of(arena, typed, applied_list);
    json_t *out = json_array();
    size_t shared_at = 0, l = 0, r = 0;
    struct str shared = next_shared(&live, &applied, &shared_at);
    while (l < live.count || r < applied.count) {
        struct str element = l < live.count ? live.by_place[l].element : (struct str){0};
        bool both = element.data && r < applied.count && applied.by_place[r].element.data &&
                    str_eq(element, applied.by_place[r].element);
        if (l < live.count && !both) {
            bool shared_later = typed_items_have(&applied, element);
            if (shared_later && r < applied.count && shared.data && !str_eq(shared, element)) {
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
        struct str taken = applied.by_place[r].element;
        const json_t *item = json_array_get(applied_list, r++);
        json_array_append_new(
            out, typed_merge(arena, typed_item(typed), typed_items_only(&live, taken), item));
        if (both || (shared.data && taken.data && str_eq(shared, taken)))
            shared = next_shared(&live, &applied, &shared_at);
        l += both;
    }
    return out;
}

json_t *typed_merge(struct arena *arena, struct typed typed, const json_t *live,
                    const json_t *applied)
{
    enum typed_kind kind = typed_kind_of(typed, applied);
    if (json_is_null(applied) && is_container(typed, live))
        return borrow(live); /* says nothing of what is in it */
    if (!live || kind == TYPED_LEAF || typed_kind_of(typed, live) != kind)
        return borrow(applied);
    return kind == TYPED_LIST ? merge_items(arena, typed, live, applied)
                              : merge_members(arena, typed, live, applied);
}

/* ---- comparing ---- */

struct comparison {
    struct arena *arena;
    unsigned depth;
};

/* Down to here, parts that are the same are found to be so before they are taken apart; further
 * down that could cost a hostile object's size at each of its levels. */
#define SAME_DEPTH 12

static bool is_same(const struct comparison *at, const json_t *before, const json_t *after)
{
    return before == after ||
           (before && after && at->depth < SAME_DEPTH && json_equal(before, after));
}

static void compare_inside(const struct comparison *at, struct typed typed, const json_t *before,
                           const json_t *after, struct typed_changes *changes);

static bool is_leaf(struct typed typed, const json_t *value)
{
    return value && typed_kind_of(typed, value) == TYPED_LEAF && !json_is_null(value);
}

static void put(const struct comparison *at, struct field_set *set, struct str element, bool member,
                const struct field_set *under)
{
    if (!member && field_set_empty(under))
        return;
    struct field_node *node = field_set_push(at->arena, set, element);
    node->member = member;
    node->under = *under;
}

static void compare_at(const struct comparison *at, struct typed typed, struct str element,
                       const json_t *before, const json_t *after, struct typed_changes *changes)
{
    struct typed_changes under = {0};
    const struct comparison deeper = {at->arena, at->depth + 1};
    bool leaf = is_leaf(typed, before) || is_leaf(typed, after);
    bool inside = is_container(typed, before) || is_container(typed, after);
    bool modified = before && after && (leaf || !inside) && !json_equal(before, after);
    if (inside && leaf) { /* of another kind than it was: all that is in the one that has members */
        compare_inside(&deeper, typed, is_container(typed, before) ? before : NULL,
                       is_container(typed, after) ? after : NULL, &under);
    } else if (inside) {
        compare_inside(&deeper, typed, before, after, &under);
    }
    put(at, &changes->added, element, !before, &under.added);
    put(at, &changes->modified, element, modified, &under.modified);
    put(at, &changes->removed, element, before && !after, &under.removed);
}

static void compare_members(const struct comparison *at, struct typed typed, const json_t *before,
                            const json_t *after, struct typed_changes *changes)
{
    const char *name;
    size_t len;
    json_t *old, *new;
    json_object_keylen_foreach(before, name, len, old)
    {
        const struct str key = {name, len};
        new = json_object_getn(after, name, len);
        if (!is_same(at, old, new))
            compare_at(at, typed_member(typed, key), field_set_name_element(at->arena, key), old,
                       new, changes);
    }
    json_object_keylen_foreach(after, name, len, new)
    {
        const struct str key = {name, len};
        if (!json_object_getn(before, name, len))
            compare_at(at, typed_member(typed, key), field_set_name_element(at->arena, key), NULL,
                       new, changes);
    }
    field_set_sort(&changes->added);
    field_set_sort(&changes->modified);
    field_set_sort(&changes->removed);
}

/* Items of one element, next to each other among the sorted ones. */
struct run {
    const struct typed_items *items;
    size_t from, count;
};

/* The next one at or after `at`. */
static struct run next_run(const struct typed_items *items, size_t at)
{
    size_t end = at;
    while (end < items->sorted_count &&
           str_eq(items->sorted[at].element, items->sorted[end].element))
        end++;
    return (struct run){items, at, end - at};
}

static struct str run_element(const struct run *run)
{
    return run->count ? run->items->sorted[run->from].element : (struct str){0};
}

/* NULL past the last of them. */
static const json_t *run_item(const struct run *run, size_t at)
{
    return at < run->count ? json_array_get(run->items->list, run->items->sorted[run->from + at].at)
                           : NULL;
}

static bool runs_equal(const struct run *old, const struct run *new)
{
    bool same = old->count == new->count;
    for (size_t i = 0; same && i < old->count; i++)
        same = json_equal(run_item(old, i), run_item(new, i));
    return same;
}

/* Several items of one element are one value, that nothing is known to be in. */
static void compare_runs(const struct comparison *at, struct typed typed, const struct run *old,
                         const struct run *new, struct typed_changes *changes)
{
    static const struct field_set nothing;
    struct str element = run_element(old->count ? old : new);
    const json_t *was = run_item(old, 0), *is = run_item(new, 0);
    bool was_many = old->count > 1, is_many = new->count > 1;
    if (was_many && is_many) {
        put(at, &changes->modified, element, !runs_equal(old, new), &nothing);
        return;
    }
    if (!is_same(at, was_many ? NULL : was, is_many ? NULL : is))
        compare_at(at, typed_item(typed), element, was_many ? NULL : was, is_many ? NULL : is,
                   changes);
    put(at, &changes->removed, element, was_many, &nothing);
    put(at, &changes->added, element, is_many, &nothing);
}

static void compare_items(const struct comparison *at, struct typed typed, const json_t *before,
                          const json_t *after, struct typed_changes *changes)
{
    struct typed_items old = typed_items_of(at->arena, typed, before);
    struct typed_items new = typed_items_of(at->arena, typed, after);
    size_t o = 0, n = 0;
    while (o < old.sorted_count || n < new.sorted_count) {
        struct run gone = next_run(&old, o), come = next_run(&new, n);
        int order = !gone.count   ? 1
                    : !come.count ? -1
                                  : str_compare(run_element(&gone), run_element(&come));
        if (order < 0)
            come.count = 0;
        if (order > 0)
            gone.count = 0;
        compare_runs(at, typed, &gone, &come, changes);
        o += gone.count;
        n += come.count;
    }
}

static void compare_inside(const struct comparison *at, struct typed typed, const json_t *before,
                           const json_t *after, struct typed_changes *changes)
{
    if (typed_kind_of(typed, is_container(typed, after) ? after : before) == TYPED_LIST)
        compare_items(at, typed, before, after, changes);
    else
        compare_members(at, typed, before, after, changes);
}

void typed_compare(struct arena *arena, struct typed typed, const json_t *before,
                   const json_t *after, struct typed_changes *changes)
{
    compare_inside(&(struct comparison){arena, 0}, typed, before, after, changes);
}
