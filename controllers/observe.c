#include "controllers/observe.h"

#include <string.h>

#include "base/mem.h"

void json_list_free(struct json_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        json_decref(list->items[i]);
    free(list->items);
    *list = (struct json_list){0};
}

void json_list_add(struct json_list *list, json_t *item)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 8;
        list->items = xreallocarray(list->items, list->capacity, sizeof(*list->items));
    }
    list->items[list->count++] = item;
}

static bool wanted(const struct observe_query *query, const struct object *object)
{
    if (query->field && strcmp(object_field(object, query->field), query->value) != 0)
        return false;
    if (query->text &&
        !memmem(object->body.data, object->body.len, query->text, strlen(query->text)))
        return false;
    if (query->owner_uid &&
        memmem(object->body.data, object->body.len, query->owner_uid, strlen(query->owner_uid)))
        return true;
    if (query->selector)
        return selector_matches_labels(query->selector, object);
    return !query->owner_uid;
}

bool observe_list(struct cluster *cluster, const struct observe_query *query, struct json_list *out,
                  struct error *err)
{
    CLEANUP(object_list_free) struct object_list list = {0};
    if (!cache_list(cluster, query->resource, query->ns, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++)
        if (wanted(query, list.items[i]))
            json_list_add(out, object_json(list.items[i]));
    return true;
}

bool observe_get(struct cluster *cluster, const char *resource, const char *ns, const char *name,
                 json_t **out, struct error *err)
{
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    *out = NULL;
    if (!cache_get(cluster, resource, ns, name, &object, err))
        return false;
    *out = object ? object_json(object) : NULL;
    return true;
}

static bool is_empty(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        return json_object_size(value) == 0;
    case JSON_ARRAY:
        return json_array_size(value) == 0;
    case JSON_STRING:
        return json_string_length(value) == 0;
    case JSON_INTEGER:
        return json_integer_value(value) == 0;
    case JSON_REAL:
    case JSON_TRUE:
        return false;
    case JSON_FALSE:
    case JSON_NULL:
        return true;
    }
    return false;
}

/* Each member of `a` is the same in `b`. */
static bool members_equal(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *member;
    json_object_foreach (a, key, member) {
        if (!semantic_equal(member, json_object_get(b, key)))
            return false;
    }
    return true;
}

static bool items_equal(const json_t *a, const json_t *b)
{
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++)
        if (!semantic_equal(json_array_get(a, i), json_array_get(b, i)))
            return false;
    return true;
}

bool semantic_equal(const json_t *a, const json_t *b)
{
    if (is_empty(a) && is_empty(b))
        return true;
    if (json_is_object(a) && json_is_object(b))
        return members_equal(a, b) && members_equal(b, a);
    if (json_is_object(a) ||
        json_is_object(b)) { /* a struct whose members are all empty against none at all */
        const json_t *object = json_is_object(a) ? a : b;
        return !(json_is_object(a) ? b : a) && members_equal(object, NULL);
    }
    if (json_is_array(a) && json_is_array(b))
        return items_equal(a, b);
    return a && b && json_equal(a, b);
}
