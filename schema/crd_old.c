#include "schema/crd_old.h"

#include "base/json.h"

/* ---- items ---- */

json_t *crd_item_keys(const struct crd_node *list, json_t *item)
{
    if (list->list_type != LIST_MAP)
        return json_incref(item);
    json_t *keys = json_object();
    for (const char *const *key = list->map_keys; *key; key++) {
        const struct crd_node *node = list->items ? crd_property(list->items, *key) : NULL;
        json_t *value = json_object_get(item, *key);
        if (!value && node && node->default_value)
            value = (json_t *)(uintptr_t)node->default_value;
        if (value)
            json_object_set(keys, *key, value);
    }
    return keys;
}

char *crd_keys_text(const json_t *keys)
{
    char *text = json_dumps(keys, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    return text ? text : xstrdup("");
}

static char *item_text(const struct crd_node *list, json_t *item)
{
    json_auto_t *keys = crd_item_keys(list, item);
    return crd_keys_text(keys);
}

void crd_old_index(const struct crd_node *list, const json_t *old, struct strmap *index)
{
    if (list->list_type != LIST_MAP || !json_is_array(old))
        return;
    for (size_t i = 0; i < json_array_size(old); i++) {
        CLEANUP(free_ptr) char *text = item_text(list, json_array_get(old, i));
        if (!strmap_has(index, text)) /* the first one, where there are doubles */
            (void)strmap_put(index, text, json_array_get(old, i));
    }
}

const json_t *crd_old_item(const struct strmap *index, const struct crd_node *list, json_t *item)
{
    CLEANUP(free_ptr) char *text = index->count ? item_text(list, item) : NULL;
    return text ? strmap_get(index, text) : NULL;
}

/* ---- the same ---- */

static bool same_list(const struct crd_node *node, const json_t *now, const json_t *old)
{
    CLEANUP(strmap_clear) struct strmap index = {0};
    if (node->list_type != LIST_MAP || !node->items)
        return json_equal(now, old);
    if (json_array_size(now) != json_array_size(old))
        return false;
    crd_old_index(node, old, &index);
    for (size_t i = 0; i < json_array_size(now); i++) {
        json_t *item = json_array_get(now, i);
        const json_t *before = crd_old_item(&index, node, item);
        if (!before || !crd_is_same(node->items, item, before))
            return false;
    }
    return true;
}

static bool same_object(const struct crd_node *node, const json_t *now, const json_t *old)
{
    const char *key;
    json_t *value;
    if (json_object_size(now) != json_object_size(old))
        return false;
    json_object_foreach (now, key, value) {
        const struct crd_node *child = crd_property(node, key);
        const json_t *before = json_object_get(old, key);
        child = child ? child : node->additional;
        if (!child || !before || !crd_is_same(child, value, before))
            return false;
    }
    return true;
}

bool crd_is_same(const struct crd_node *node, const json_t *now, const json_t *old)
{
    if (json_is_array(now) && json_is_array(old))
        return same_list(node, now, old);
    if (json_is_object(now) && json_is_object(old))
        return same_object(node, now, old);
    return json_equal(now, old);
}
