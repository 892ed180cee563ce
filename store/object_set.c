#include "store/cache_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A leaf splits in halves when it is full and goes away when it is empty. */
#define LEAF_MAX 128

struct object_leaf {
    size_t count;
    struct object *items[LEAF_MAX];
};

static int compare(const struct object *object, const char *ns, const char *name)
{
    int order = strcmp(object->ns, ns);
    return order ? order : strcmp(object->name, name);
}

/* The leaf where the key is or belongs: the last whose first item is not behind it. */
static size_t find_leaf(const struct object_set *set, const char *ns, const char *name)
{
    size_t low = 0, high = set->leaf_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(set->leaves[middle]->items[0], ns, name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : 0;
}

/* The first item that is not before the key, within the leaf. */
static size_t find_in_leaf(const struct object_leaf *leaf, const char *ns, const char *name,
                           bool *exact)
{
    size_t low = 0, high = leaf->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(leaf->items[middle], ns, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *exact = low < leaf->count && compare(leaf->items[low], ns, name) == 0;
    return low;
}

struct object *object_set_peek(const struct object_set *set, const char *ns, const char *name)
{
    bool exact;
    if (!set->leaf_count)
        return NULL;
    const struct object_leaf *leaf = set->leaves[find_leaf(set, ns, name)];
    size_t at = find_in_leaf(leaf, ns, name, &exact);
    return exact ? leaf->items[at] : NULL;
}

static struct object_leaf *insert_leaf(struct object_set *set, size_t at)
{
    if (set->leaf_count == set->leaf_capacity) {
        set->leaf_capacity = set->leaf_capacity ? set->leaf_capacity * 2 : 1;
        set->leaves = xreallocarray(set->leaves, set->leaf_capacity, sizeof(struct object_leaf *));
    }
    struct object_leaf *leaf = xmalloc(sizeof(*leaf));
    leaf->count = 0;
    memmove(&set->leaves[at + 1], &set->leaves[at],
            (set->leaf_count - at) * sizeof(struct object_leaf *));
    set->leaves[at] = leaf;
    set->leaf_count++;
    return leaf;
}

/* In halves; but in order of arrival at the end, the full leaf stays full. */
static void split_leaf(struct object_set *set, size_t at, size_t insert_at)
{
    struct object_leaf *right = insert_leaf(set, at + 1);
    struct object_leaf *left = set->leaves[at];
    size_t keep = insert_at == LEAF_MAX && at + 2 == set->leaf_count ? LEAF_MAX - 1 : LEAF_MAX / 2;
    right->count = left->count - keep;
    memcpy(right->items, left->items + keep, right->count * sizeof(struct object *));
    left->count = keep;
}

struct object *object_set_put(struct object_set *set, struct object *object)
{
    bool exact;
    if (!set->leaf_count) {
        struct object_leaf *only = insert_leaf(set, 0);
        only->items[only->count++] = object;
        set->count++;
        return NULL;
    }
    size_t which = find_leaf(set, object->ns, object->name);
    size_t at = find_in_leaf(set->leaves[which], object->ns, object->name, &exact);
    if (exact) {
        struct object *before = set->leaves[which]->items[at];
        set->leaves[which]->items[at] = object;
        return before;
    }
    if (set->leaves[which]->count == LEAF_MAX) {
        split_leaf(set, which, at);
        which = find_leaf(set, object->ns, object->name);
        at = find_in_leaf(set->leaves[which], object->ns, object->name, &exact);
    }
    struct object_leaf *leaf = set->leaves[which];
    memmove(&leaf->items[at + 1], &leaf->items[at], (leaf->count - at) * sizeof(struct object *));
    leaf->items[at] = object;
    leaf->count++;
    set->count++;
    return NULL;
}

struct object *object_set_remove(struct object_set *set, const char *ns, const char *name)
{
    bool exact;
    if (!set->leaf_count)
        return NULL;
    size_t which = find_leaf(set, ns, name);
    struct object_leaf *leaf = set->leaves[which];
    size_t at = find_in_leaf(leaf, ns, name, &exact);
    if (!exact)
        return NULL;
    struct object *removed = leaf->items[at];
    leaf->count--;
    set->count--;
    memmove(&leaf->items[at], &leaf->items[at + 1], (leaf->count - at) * sizeof(struct object *));
    if (!leaf->count) {
        free(leaf);
        set->leaf_count--;
        memmove(&set->leaves[which], &set->leaves[which + 1],
                (set->leaf_count - which) * sizeof(struct object_leaf *));
    }
    return removed;
}

struct object_cursor object_set_seek(const struct object_set *set, const char *ns, const char *name,
                                     bool behind)
{
    bool exact;
    struct object_cursor cursor = {.set = set};
    if (!set->leaf_count)
        return cursor;
    cursor.leaf = find_leaf(set, ns, name);
    cursor.item = find_in_leaf(set->leaves[cursor.leaf], ns, name, &exact);
    if (exact && behind)
        cursor.item++;
    return cursor;
}

struct object *object_cursor_next(struct object_cursor *cursor)
{
    while (cursor->leaf < cursor->set->leaf_count) {
        const struct object_leaf *leaf = cursor->set->leaves[cursor->leaf];
        if (cursor->item < leaf->count)
            return leaf->items[cursor->item++];
        cursor->leaf++;
        cursor->item = 0;
    }
    return NULL;
}

size_t object_cursor_rank(const struct object_cursor *cursor)
{
    size_t rank = cursor->item;
    for (size_t i = 0; i < cursor->leaf && i < cursor->set->leaf_count; i++)
        rank += cursor->set->leaves[i]->count;
    return rank;
}

void object_set_clear(struct object_set *set)
{
    for (size_t i = 0; i < set->leaf_count; i++) {
        for (size_t k = 0; k < set->leaves[i]->count; k++)
            object_unref(set->leaves[i]->items[k]);
        free(set->leaves[i]);
    }
    free(set->leaves);
    *set = (struct object_set){0};
}
