/* Strategic merge patch: lists of maps by merge key, lists of scalars as sets, and their order.
 * Places are looked up in hash tables, so that long lists cost no more than they should. */
#include "schema/go_text.h"
#include "schema/patch_internal.h"

#include <stdio.h>

/* A scalar's text as a hash key, with its type in front: "s" and a string's text, "i5", "b1".
 * Owned; NULL for the rest.
 */
static char *scalar_key(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:
        return xasprintf("s%s", json_string_value(value));
    case JSON_INTEGER:
        return xasprintf("i%lld", (long long)json_integer_value(value));
    case JSON_REAL:
        return xasprintf("r%.17g", json_real_value(value));
    case JSON_TRUE:
    case JSON_FALSE:
        return xasprintf("b%d", json_is_true(value));
    default:
        return NULL;
    }
}

static char *item_key(const json_t *item, const char *merge_key)
{
    return scalar_key(merge_key ? json_object_get(item, merge_key) : item);
}

json_t *place_index(const json_t *list, const char *merge_key)
{
    json_t *index = json_object();
    for (size_t i = 0; i < json_array_size(list); i++) {
        CLEANUP(free_ptr) char *key = item_key(json_array_get(list, i), merge_key);
        if (key && !json_object_get(index, key))
            json_object_set_new(index, key, json_integer((json_int_t)i));
    }
    return index;
}

json_int_t place_of(const json_t *index, const json_t *item, const char *merge_key)
{
    CLEANUP(free_ptr) char *key = item_key(item, merge_key);
    const json_t *place = key ? json_object_get(index, key) : NULL;
    return place ? json_integer_value(place) : -1;
}

/* What upstream fails with here and does not turn into a Status is its 500 without a reason. */
static bool no_merge_key(const json_t *item, const char *merge_key, struct error *err)
{
    CLEANUP(buf_free) struct buf shown = BUF_TEXT;
    go_print(&shown, item);
    return error_set(err, ERROR_UNKNOWN, "map: %s does not contain declared merge key: %s",
                     buf_ok(&shown) ? shown.data : "", merge_key);
}

/* Maps with the key, or scalars: all of one kind. */
static bool check_items(const json_t *list, const char *merge_key, struct error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (json_is_array(item))
            return error_set(err, ERROR_INVALID,
                             "the server rejected our request due to an error in our request");
        if (merge_key && !json_is_object(item))
            return error_set(err, ERROR_UNKNOWN, "list element types are not identical");
        if (!merge_key && json_is_object(item))
            return error_set(err, ERROR_UNKNOWN,
                             "cannot merge lists without merge key for type struct");
        if (merge_key && !json_object_get(item, merge_key))
            return no_merge_key(item, merge_key, err);
    }
    return true;
}

struct ranked {
    json_t *item; /* borrowed */
    json_int_t rank;
    size_t at;
};

static int compare_ranks(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    return left->at < right->at ? -1 : left->at > right->at;
}

/* Appends to `into`, two sorted runs: `server` into `patched`, each server item before the first
 * patched one that stands behind it in the original list. */
static void weave(json_t *into, const struct ranked *server, size_t server_count,
                  const struct ranked *patched, size_t patched_count, const json_t *original,
                  const char *merge_key)
{
    size_t i = 0, k = 0;
    while (i < server_count || k < patched_count) {
        bool take_server = k >= patched_count;
        if (!take_server && i < server_count) {
            json_int_t left = place_of(original, server[i].item, merge_key);
            json_int_t right = place_of(original, patched[k].item, merge_key);
            take_server = left >= 0 && right >= 0 && left < right;
        }
        json_array_append(into, take_server ? server[i].item : patched[k].item);
        if (take_server)
            i++;
        else
            k++;
    }
}

json_t *list_in_order(json_t *merged, const json_t *order, const json_t *original,
                      const char *merge_key, struct error *err)
{
    size_t count = json_array_size(merged), patched_count = 0, server_count = 0;
    if (!check_items(merged, merge_key, err)) {
        json_decref(merged);
        return NULL;
    }
    json_auto_t *wanted = place_index(order, merge_key), *before = place_index(original, merge_key);
    struct ranked *patched = xcalloc(count + 1, sizeof(*patched)),
                  *server = xcalloc(count + 1, sizeof(*server));
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_array_get(merged, i);
        json_int_t rank = place_of(wanted, item, merge_key);
        if (rank >= 0)
            patched[patched_count++] = (struct ranked){item, rank, i};
        else
            server[server_count++] = (struct ranked){item, place_of(before, item, merge_key), i};
    }
    qsort(patched, patched_count, sizeof(*patched), compare_ranks);
    qsort(server, server_count, sizeof(*server), compare_ranks);
    json_t *result = json_array();
    weave(result, server, server_count, patched, patched_count, before, merge_key);
    free(patched);
    free(server);
    json_decref(merged);
    return result;
}

json_t *list_without(json_t *list, const json_t *gone)
{
    json_auto_t *index = place_index(gone, NULL);
    json_t *result = json_array();
    for (size_t i = 0; i < json_array_size(list); i++)
        if (place_of(index, json_array_get(list, i), NULL) < 0)
            json_array_append(result, json_array_get(list, i));
    json_decref(list);
    return result;
}

static bool out_of_order(const json_t *items, const json_t *order, struct error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    buf_add_text(&text, "The order in patch list:\n");
    go_print(&text, items);
    buf_add_text(&text, "\n doesn't match " DIRECTIVE_ORDER " list:\n");
    go_print(&text, order);
    return error_set(err, ERROR_UNKNOWN, "%s\n", buf_ok(&text) ? text.data : "");
}

bool list_order_fits(const json_t *items, const json_t *order, const char *merge_key,
                     struct error *err)
{
    json_auto_t *index = place_index(order, merge_key);
    json_int_t last = -1;
    if (!json_array_size(order))
        return true;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (json_object_get(item, DIRECTIVE_PATCH))
            continue;
        if (merge_key && !json_object_get(item, merge_key))
            return no_merge_key(item, merge_key, err);
        json_int_t place = place_of(index, item, merge_key);
        if (place <= last)
            return out_of_order(items, order, err);
        last = place;
    }
    return true;
}

void list_filter(json_t *list, bool (*keep)(const json_t *item, const void *arg), const void *arg)
{
    json_auto_t *items = json_copy(list);
    json_array_clear(list);
    for (size_t i = 0; i < json_array_size(items); i++)
        if (keep(json_array_get(items, i), arg))
            json_array_append(list, json_array_get(items, i));
}

static bool has_no_directive(const json_t *item, const void *arg)
{
    (void)arg;
    return !json_object_get(item, DIRECTIVE_PATCH);
}

struct gone {
    const json_t *index;
    const char *merge_key;
};

static bool is_not_gone(const json_t *item, const void *arg)
{
    const struct gone *gone = arg;
    return place_of(gone->index, item, gone->merge_key) < 0;
}

/* Directives among the items: deletes from `original`, and takes them out of `patch`. `*replaces`:
 * the list is to be exchanged. */
static bool obey_items(json_t *original, json_t *patch, const char *merge_key, bool *replaces,
                       struct error *err)
{
    json_auto_t *deleted = json_array();
    for (size_t i = 0; i < json_array_size(patch); i++) {
        json_t *item = json_array_get(patch, i);
        const json_t *value = json_object_get(item, DIRECTIVE_PATCH);
        const char *directive = json_string_value(value);
        if (!value)
            continue;
        if (text_eq(directive, "merge"))
            return error_set(err, ERROR_UNKNOWN,
                             "merging lists cannot yet be specified in the patch");
        if (text_eq(directive, "replace"))
            *replaces = true;
        else if (!text_eq(directive, "delete"))
            return patch_unknown_directive(item, err);
        else if (!json_object_get(item, merge_key))
            return no_merge_key(item, merge_key, err);
        else
            json_array_append(deleted, item);
    }
    list_filter(patch, has_no_directive, NULL);
    json_auto_t *index = place_index(deleted, merge_key);
    list_filter(original, is_not_gone, &(struct gone){index, merge_key});
    return true;
}

json_t *list_places(json_t *original, const json_t *patch, const char *merge_key)
{
    json_auto_t *deleted = json_array();
    for (size_t i = 0; i < json_array_size(patch); i++)
        if (text_eq(json_text(json_array_get(patch, i), DIRECTIVE_PATCH), "delete"))
            json_array_append(deleted, json_array_get(patch, i));
    if (!original || json_array_size(deleted) == 0)
        return json_incref(original);
    json_auto_t *gone = place_index(deleted, merge_key);
    json_t *places = json_copy(original);
    list_filter(places, is_not_gone, &(struct gone){gone, merge_key});
    json_auto_t *kept = place_index(places, merge_key);
    for (size_t i = 0; i < json_array_size(patch); i++) {
        const json_t *item = json_array_get(patch, i);
        bool fits = json_array_size(places) < json_array_size(original);
        if (fits && has_no_directive(item, NULL) && place_of(kept, item, merge_key) < 0)
            json_array_append(places, json_array_get(patch, i));
    }
    return places;
}

/* Merges items into those of the same key, appends the others. */
static bool merge_items(const struct shape *shape, json_t *merged, const json_t *patch,
                        const char *merge_key, struct error *err)
{
    struct shape element = {.type = shape->type, .budget = shape->budget};
    json_auto_t *index = place_index(merged, merge_key);
    for (size_t i = 0; i < json_array_size(patch); i++) {
        json_t *item = json_array_get(patch, i);
        json_int_t place = place_of(index, item, merge_key);
        if (place >= 0) {
            json_t *target = json_incref(json_array_get(merged, (size_t)place));
            json_t *done = merge_map(&element, target, json_incref(item), err);
            if (!done)
                return false;
            json_array_set_new(merged, (size_t)place, done);
            continue;
        }
        json_t *fresh = patch_value(json_incref(item));
        CLEANUP(free_ptr) char *key = item_key(item, merge_key);
        if (key)
            json_object_set_new(index, key, json_integer((json_int_t)json_array_size(merged)));
        if (fresh)
            json_array_append_new(merged, fresh);
    }
    return true;
}

static json_t *merge_maps(const struct shape *shape, json_t *original, json_t *patch,
                          const char *merge_key, struct error *err)
{
    bool replaces = false;
    if (!obey_items(original, patch, merge_key, &replaces, err) ||
        !check_items(original, merge_key, err) || !check_items(patch, merge_key, err))
        return NULL;
    if (replaces)
        return patch_value(json_incref(patch));
    json_t *merged = json_copy(original);
    if (!merge_items(shape, merged, patch, merge_key, err)) {
        json_decref(merged);
        return NULL;
    }
    return list_in_order(merged, patch, original, merge_key, err);
}

/* The union of two sets of scalars. */
static json_t *merge_scalars(const json_t *original, const json_t *patch, struct error *err)
{
    const json_t *lists[] = {original, patch};
    json_auto_t *seen = json_object();
    json_t *merged = json_array();
    if (!check_items(original, NULL, err) || !check_items(patch, NULL, err)) {
        json_decref(merged);
        return NULL;
    }
    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        for (size_t i = 0; i < json_array_size(lists[k]); i++) {
            json_t *item = json_array_get(lists[k], i);
            CLEANUP(free_ptr) char *key = scalar_key(item);
            if (key && json_object_get(seen, key))
                continue;
            if (key)
                json_object_set_new(seen, key, json_true());
            json_array_append(merged, item);
        }
    return list_in_order(merged, patch, original, NULL, err);
}

json_t *merge_list(const struct shape *shape, json_t *original, json_t *patch, struct error *err)
{
    const char *merge_key = shape->field->merge_key;
    json_t *merged;
    if (json_array_size(patch) == 0) {
        json_decref(patch);
        return original;
    }
    size_t work = json_array_size(original) + json_array_size(patch);
    if (work > *shape->budget) {
        error_bad_request(err, "the patch merges too many list items");
        merged = NULL;
    } else {
        *shape->budget -= work;
        merged = merge_key ? merge_maps(shape, original, patch, merge_key, err)
                           : merge_scalars(original, patch, err);
    }
    json_decref(original);
    json_decref(patch);
    return merged;
}
