#include "schema/typed_items.h"

#include <string.h>

static int compare_entries(const void *a, const void *b)
{
    const struct typed_entry *p = a, *q = b;
    int order = strcmp(p->element, q->element);
    return order ? order : (p->at > q->at) - (p->at < q->at);
}

struct typed_items typed_items_of(struct typed list, const json_t *value)
{
    struct typed_items items = {.list = value, .count = json_array_size(value)};
    items.by_place = xcalloc(items.count + 1, sizeof(*items.by_place));
    items.sorted = xcalloc(items.count + 1, sizeof(*items.sorted));
    for (size_t i = 0; i < items.count; i++) {
        char *element = typed_item_element(list, json_array_get(value, i));
        items.by_place[i] = (struct typed_entry){element, i};
        if (element)
            items.sorted[items.sorted_count++] = items.by_place[i];
    }
    qsort(items.sorted, items.sorted_count, sizeof(*items.sorted), compare_entries);
    return items;
}

void typed_items_clear(struct typed_items *items)
{
    for (size_t i = 0; i < items->count; i++)
        free(items->by_place[i].element);
    free(items->by_place);
    free(items->sorted);
    *items = (struct typed_items){0};
}

size_t typed_items_place(const struct typed_items *items, const char *element)
{
    size_t low = 0, high = element ? items->sorted_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(items->sorted[middle].element, element) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (!element || low == items->sorted_count || strcmp(items->sorted[low].element, element) != 0)
        return SIZE_MAX;
    return items->sorted[low].at;
}

bool typed_items_have(const struct typed_items *items, const char *element)
{
    return typed_items_place(items, element) != SIZE_MAX;
}

const json_t *typed_items_find(const struct typed_items *items, const char *element)
{
    size_t at = typed_items_place(items, element);
    return at == SIZE_MAX ? NULL : json_array_get(items->list, at);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **typed_sorted_keys(const json_t *object, size_t *count)
{
    json_t *self = (json_t *)(uintptr_t)object; /* jansson's iterators are not const */
    const char **keys = xcalloc(json_object_size(object) + 1, sizeof(*keys));
    *count = 0;
    for (void *at = json_object_iter(self); at; at = json_object_iter_next(self, at))
        keys[(*count)++] = json_object_iter_key(at);
    qsort(keys, *count, sizeof(*keys), compare_texts);
    return keys;
}
