#include "schema/typed_items.h"

#include <stdlib.h>

static int compare_entries(const void *a, const void *b)
{
    const struct typed_entry *p = a, *q = b;
    int order = str_compare(p->element, q->element);
    return order ? order : (p->at > q->at) - (p->at < q->at);
}

struct typed_items typed_items_of(struct arena *arena, struct typed list, const json_t *value)
{
    struct typed_items items = {.list = value, .count = json_array_size(value)};
    CLEANUP(buf_free) struct buf scratch = BUF_TEXT;
    bool sorted = true;
    items.by_place = xarena_alloc(arena, items.count + 1, sizeof(*items.by_place));
    items.sorted = xarena_alloc(arena, items.count + 1, sizeof(*items.sorted));
    for (size_t i = 0; i < items.count; i++) {
        struct typed_entry *entry = &items.by_place[i];
        buf_clear(&scratch);
        entry->at = i;
        if (!typed_item_element(&scratch, list, json_array_get(value, i)))
            continue;
        entry->element = xarena_copy(arena, buf_str(&scratch));
        size_t last = items.sorted_count++;
        items.sorted[last] = *entry;
        sorted = sorted && (!last || compare_entries(&items.sorted[last - 1], entry) < 0);
    }
    if (!sorted)
        qsort(items.sorted, items.sorted_count, sizeof(*items.sorted), compare_entries);
    return items;
}

/* Where the first of that element is among the sorted ones; SIZE_MAX: nowhere. */
static size_t find(const struct typed_items *items, struct str element)
{
    size_t low = 0, high = element.data ? items->sorted_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(items->sorted[middle].element, element) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found =
        element.data && low < items->sorted_count && str_eq(items->sorted[low].element, element);
    return found ? low : SIZE_MAX;
}

size_t typed_items_place(const struct typed_items *items, struct str element)
{
    size_t at = find(items, element);
    return at == SIZE_MAX ? SIZE_MAX : items->sorted[at].at;
}

bool typed_items_have(const struct typed_items *items, struct str element)
{
    return find(items, element) != SIZE_MAX;
}

const json_t *typed_items_only(const struct typed_items *items, struct str element)
{
    size_t at = find(items, element);
    bool many = at != SIZE_MAX && at + 1 < items->sorted_count &&
                str_eq(items->sorted[at + 1].element, element);
    return at == SIZE_MAX || many ? NULL : json_array_get(items->list, items->sorted[at].at);
}
