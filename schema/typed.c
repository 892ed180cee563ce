#include "schema/typed.h"

#include <string.h>

#include "schema/go_text.h"
#include "schema/typed_items.h"

struct typed typed_root(const struct type *type)
{
    return (struct typed){.type = type};
}

static enum typed_kind raw_kind(const json_t *value)
{
    return json_is_object(value) ? TYPED_MAP : TYPED_LEAF;
}

static bool is_raw(const struct field *field)
{
    return field->kind == FIELD_RAW || field->kind == FIELD_FIELDS_V1 ||
           field->kind == FIELD_JSON ||
           (field->kind == FIELD_REF && (field->ref->flags & TYPE_UNION));
}

/* A whole list or map of a field. */
static enum typed_kind whole_kind(const struct field *field, const json_t *value)
{
    if (field->card == CARD_LIST)
        return json_is_array(value) && field->list_type > LIST_ATOMIC ? TYPED_LIST : TYPED_LEAF;
    bool atomic = (field->flags & FIELD_STRUCT_ATOMIC) && field->kind != FIELD_REF;
    return json_is_object(value) && !atomic ? TYPED_MAP : TYPED_LEAF;
}

enum typed_kind typed_kind_of(struct typed typed, const json_t *value)
{
    const struct field *field = typed.field;
    if (!field)
        return typed.type && json_is_object(value) ? TYPED_STRUCT : raw_kind(value);
    if (!typed.item && field->card != CARD_ONE)
        return whole_kind(field, value);
    if (is_raw(field))
        return raw_kind(value);
    if (field->kind != FIELD_REF || !json_is_object(value))
        return TYPED_LEAF;
    bool atomic = typed.item ? field->ref->flags & TYPE_ATOMIC : field->flags & FIELD_STRUCT_ATOMIC;
    return atomic ? TYPED_LEAF : TYPED_STRUCT;
}

/* The struct type of one value of the field; NULL for scalars and raw values. */
static const struct type *struct_of(const struct field *field)
{
    return field->kind == FIELD_REF && !is_raw(field) ? field->ref : NULL;
}

struct typed typed_member(struct typed parent, struct str key)
{
    if (parent.field && !parent.item && parent.field->card == CARD_MAP)
        return (struct typed){.type = struct_of(parent.field), .field = parent.field, .item = true};
    const struct field *field = parent.type ? type_field(parent.type, key) : NULL;
    if (!field)
        return (struct typed){0};
    return (struct typed){.type = field->card == CARD_ONE ? struct_of(field) : NULL,
                          .field = field};
}

struct typed typed_item(struct typed list)
{
    return (struct typed){.type = struct_of(list.field), .field = list.field, .item = true};
}

/* Appends `"NAME":VALUE` of a key field, by its default where the item lacks it; false when there
 * is none. */
static bool write_key(struct buf *out, const struct field *list, const json_t *item,
                      const char *name)
{
    const json_t *value = json_object_get(item, name);
    const struct field *field = list->ref ? type_field(list->ref, str_of(name)) : NULL;
    bool given = value && !json_is_null(value);
    if (!given && (!field || !field->default_json))
        return false;
    buf_add_char(out, '"');
    buf_add_text(out, name);
    buf_add_text(out, "\":");
    if (given)
        field_set_write_value(out, value);
    else
        buf_add_text(out, field->default_json);
    return true;
}

/* The first name behind `after` in alphabetical order; NULL at the end. */
static const char *next_name(const char *const *names, const char *after)
{
    const char *next = NULL;
    for (; *names; names++)
        if ((!after || strcmp(*names, after) > 0) && (!next || strcmp(*names, next) < 0))
            next = *names;
    return next;
}

bool typed_item_element(struct buf *out, struct typed list, const json_t *item)
{
    const struct field *field = list.field;
    const char *name = NULL;
    char before = '{';
    if (field->list_type != LIST_MAP) {
        buf_add_text(out, "v:");
        field_set_write_value(out, item);
        return buf_ok(out);
    }
    buf_add_text(out, "k:");
    while ((name = next_name(field->map_keys, name))) {
        buf_add_char(out, before);
        before = ',';
        if (!json_is_object(item) || !write_key(out, field, item, name))
            return false;
    }
    buf_add_char(out, '}');
    return buf_ok(out);
}

/* ---- the fields that a value sets ---- */

static void fields_of_members(struct arena *arena, struct typed typed, const json_t *object,
                              struct field_set *set)
{
    const char *name;
    size_t len;
    json_t *value;
    json_object_keylen_foreach(object, name, len, value)
    {
        const struct str key = {name, len};
        struct typed member = typed_member(typed, key);
        struct field_node *node = field_set_push(arena, set, field_set_name_element(arena, key));
        bool struct_field = typed.type && member.field && !member.item;
        enum typed_kind kind = typed_kind_of(member, value);
        node->member = kind == TYPED_LEAF || !struct_field ||
                       (json_is_object(value) && !json_object_size(value));
        if (kind != TYPED_LEAF)
            typed_fields(arena, member, value, &node->under);
        if (!node->member && !node->under.count)
            set->count--; /* a list that says nothing */
    }
    field_set_sort(set);
}

static void fields_of_items(struct arena *arena, struct typed typed, const json_t *list,
                            struct field_set *set)
{
    struct typed_items items = typed_items_of(arena, typed, list);
    for (size_t i = 0; i < items.sorted_count; i++) {
        const struct typed_entry *entry = &items.sorted[i];
        if (i && str_eq(entry->element, entry[-1].element))
            continue; /* a configuration has no such; it was checked */
        struct field_node *node = field_set_push(arena, set, entry->element);
        node->member = true;
        typed_fields(arena, typed_item(typed), json_array_get(list, entry->at), &node->under);
    }
}

void typed_fields(struct arena *arena, struct typed typed, const json_t *value,
                  struct field_set *set)
{
    enum typed_kind kind = typed_kind_of(typed, value);
    if (kind == TYPED_STRUCT || kind == TYPED_MAP)
        fields_of_members(arena, typed, value, set);
    if (kind == TYPED_LIST)
        fields_of_items(arena, typed, value, set);
}

/* ---- removing ---- */

/* What is left of a member or item; NULL: nothing, since `node` is to go. */
static json_t *left_of(struct typed typed, json_t *value, const struct field_node *node)
{
    if (node && node->member)
        return NULL;
    return node ? typed_remove(typed, value, &node->under) : json_incref(value);
}

/* As upstream: who gives up the last of a map or a list leaves a null. Takes `value`. */
static json_t *null_if_empty(json_t *value)
{
    if (json_object_size(value) || json_array_size(value))
        return value;
    json_decref(value);
    return json_null();
}

static json_t *remove_members(struct typed typed, const json_t *object, const struct field_set *set)
{
    const char *name;
    size_t len;
    json_t *value, *out = json_object();
    json_object_keylen_foreach(object, name, len, value)
    {
        const struct str key = {name, len};
        json_t *left = left_of(typed_member(typed, key), value, field_set_find_name(set, key));
        if (left)
            json_object_setn_new_nocheck(out, name, len, left);
    }
    return null_if_empty(out);
}

static json_t *remove_items(struct typed typed, const json_t *list, const struct field_set *set)
{
    CLEANUP(buf_free) struct buf element = BUF_TEXT;
    json_t *out = json_array();
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *item = json_array_get(list, i);
        buf_clear(&element);
        const struct field_node *node = typed_item_element(&element, typed, item)
                                            ? field_set_find(set, buf_str(&element))
                                            : NULL;
        json_t *left = left_of(typed_item(typed), item, node);
        if (left)
            json_array_append_new(out, left);
    }
    return null_if_empty(out);
}

json_t *typed_remove(struct typed typed, const json_t *value, const struct field_set *set)
{
    enum typed_kind kind = typed_kind_of(typed, value);
    bool empty = !json_object_size(value) && !json_array_size(value);
    if (kind == TYPED_LEAF || empty || set->count == 0)
        return json_incref((json_t *)(uintptr_t)value);
    return kind == TYPED_LIST ? remove_items(typed, value, set) : remove_members(typed, value, set);
}

/* ---- naming ---- */

/* Sets can be walked without a value: lists and maps are told by the elements. */
void typed_name_fields(struct typed typed, struct field_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct field_node *node = &set->nodes[i];
        struct str element = node->element;
        bool named = element.data[0] == 'f';
        struct typed under =
            named         ? typed_member(typed, (struct str){element.data + 2, element.len - 2})
            : typed.field ? typed_item(typed)
                          : (struct typed){0};
        if (named && under.field && !under.item && node->under.count)
            node->member = true;
        typed_name_fields(under, &node->under);
    }
}
