#include "base/strset.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* True if `item` is a member; `*at` is its place, or where it would go. */
static bool find(const struct strset *set, const char *item, size_t *at)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(set->items[middle], item) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return low < set->count && strcmp(set->items[low], item) == 0;
}

bool strset_add(struct strset *set, const char *item)
{
    size_t at;
    if (find(set, item, &at))
        return false;
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? set->capacity * 2 : 8;
        set->items = xreallocarray(set->items, set->capacity, sizeof(*set->items));
    }
    memmove(&set->items[at + 1], &set->items[at], (set->count - at) * sizeof(*set->items));
    set->items[at] = xstrdup(item);
    set->count++;
    return true;
}

bool strset_remove(struct strset *set, const char *item)
{
    size_t at;
    if (!find(set, item, &at))
        return false;
    free(set->items[at]);
    set->count--;
    memmove(&set->items[at], &set->items[at + 1], (set->count - at) * sizeof(*set->items));
    return true;
}

bool strset_has(const struct strset *set, const char *item)
{
    size_t at;
    return find(set, item, &at);
}

void strset_add_all(struct strset *set, const struct strset *from)
{
    for (size_t i = 0; i < from->count; i++)
        strset_add(set, from->items[i]);
}

void strset_clear(struct strset *set)
{
    for (size_t i = 0; i < set->count; i++)
        free(set->items[i]);
    free(set->items);
    *set = (struct strset){0};
}
