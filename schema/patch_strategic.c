/* Strategic merge patch: maps, and the directives that stand in them.
 *
 * `$patch: replace` and `delete` make an end of merging; `$retainKeys` drops what it does not name;
 * `$setElementOrder/LIST` orders LIST; `$deleteFromPrimitiveList/LIST` takes scalars out of it.
 * Source: apimachinery pkg/util/strategicpatch, as the API server calls it (parallel lists merged,
 * nulls ignored). */
#include "schema/decode_internal.h"
#include "schema/go_text.h"
#include "schema/patch_internal.h"

struct shape shape_member(const struct shape *shape, const char *key)
{
    struct shape member = {.budget = shape->budget};
    if (!shape->type)
        return member;
    if (shape->is_map) {
        member.type = shape->type;
        return member;
    }
    member.field = type_field(shape->type, str_of(key));
    if (!member.field)
        return member;
    member.type = member.field->kind == FIELD_REF ? member.field->ref : NULL;
    member.is_map = member.field->card == CARD_MAP;
    return member;
}

bool shape_merges_lists(const struct shape *shape)
{
    return shape->field && shape->field->card == CARD_LIST &&
           (shape->field->flags & FIELD_PATCH_MERGE);
}

static bool is_parallel(const char *key)
{
    return text_starts(key, DIRECTIVE_DELETE) || text_starts(key, DIRECTIVE_ORDER);
}

static json_t *bad(struct error *err, const char *message)
{
    error_bad_request(err, "%s", message);
    return NULL;
}

json_t *patch_value(json_t *value)
{
    const char *key;
    json_t *item;
    void *next;
    if (json_is_object(value)) {
        if (json_object_get(value, DIRECTIVE_PATCH)) {
            json_decref(value);
            return NULL;
        }
        json_object_foreach_safe (value, next, key, item) {
            bool keep =
                !json_is_null(item) && !is_parallel(key) && strcmp(key, DIRECTIVE_RETAIN) != 0;
            json_t *kept = keep ? patch_value(json_incref(item)) : NULL;
            if (kept)
                json_object_set_new(value, key, kept);
            else
                json_object_del(value, key);
        }
    }
    if (json_is_array(value)) {
        json_auto_t *items = json_copy(value);
        json_array_clear(value);
        for (size_t i = 0; i < json_array_size(items); i++) {
            json_t *kept = patch_value(json_incref(json_array_get(items, i)));
            if (kept)
                json_array_append_new(value, kept);
        }
    }
    return value;
}

bool patch_unknown_directive(const json_t *map, struct error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    buf_add_text(&text, "unknown patch type: ");
    go_print(&text, json_object_get(map, DIRECTIVE_PATCH));
    buf_add_text(&text, " in map: ");
    go_print(&text, map);
    return error_set(err, ERROR_UNKNOWN, "%s", buf_ok(&text) ? text.data : "");
}

/* A value that is no list where one must be. */
static bool no_list(const json_t *value, struct error *err)
{
    CLEANUP(buf_free) struct buf type = BUF_TEXT;
    go_interface_type(&type, value);
    return error_set(err, ERROR_UNKNOWN, "expected a []interface {}, but received a %s", type.data);
}

/* The end of merging: a map that says what becomes of it. Takes `patch`. */
static json_t *obey_directive(json_t *patch, struct error *err)
{
    const char *directive = json_string_value(json_object_get(patch, DIRECTIVE_PATCH));
    if (text_eq(directive, "replace")) {
        json_object_del(patch, DIRECTIVE_PATCH);
        return patch;
    }
    if (text_eq(directive, "delete")) {
        json_decref(patch);
        return json_object();
    }
    (void)patch_unknown_directive(patch, err); /* always false */
    json_decref(patch);
    return NULL;
}

/* Drops from `original` what $retainKeys does not name. */
static bool retain_keys(json_t *original, json_t *patch, struct error *err)
{
    static const char message[] = "invalid patch format of retainKeys";
    json_auto_t *list = json_incref(json_object_get(patch, DIRECTIVE_RETAIN));
    const char *key;
    json_t *value;
    void *next;
    if (!list)
        return true;
    json_object_del(patch, DIRECTIVE_RETAIN);
    if (!json_is_array(list))
        return bad(err, message);
    json_auto_t *kept = place_index(list, NULL);
    json_object_foreach (patch, key, value) {
        json_auto_t *name = json_string(key);
        if (!json_is_null(value) && !is_parallel(key) && place_of(kept, name, NULL) < 0)
            return bad(err, message);
    }
    json_object_foreach_safe (original, next, key, value) {
        json_auto_t *name = json_string(key);
        if (place_of(kept, name, NULL) < 0)
            json_object_del(original, key);
    }
    return true;
}

/* "$setElementOrder/ports": "ports"; NULL when nothing follows. */
static const char *list_named(const char *key, const char *directive)
{
    const char *rest = key + strlen(directive);
    return *rest == '/' ? rest + 1 : NULL;
}

/* Merges LIST, if the patch has it, and puts it in order. */
static bool order_list(const struct shape *shape, json_t *original, json_t *patch, const char *name,
                       const json_t *order, struct error *err)
{
    struct shape member = shape_member(shape, name);
    const char *merge_key = member.field ? member.field->merge_key : NULL;
    json_auto_t *before = json_incref(json_object_get(original, name)),
                *change = json_incref(json_object_get(patch, name));
    const json_t *const lists[] = {order, before, change};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (lists[i] && !json_is_array(lists[i]))
            return no_list(lists[i], err);
    if (!list_order_fits(change, order, merge_key, err))
        return false;
    if (!before && !change)
        return true;
    json_object_del(patch, name);
    json_t *merged = before ? json_copy(before) : patch_value(json_incref(change));
    if (before && change && !shape_merges_lists(&member)) {
        json_decref(merged);
        merged = json_copy(change);
    } else if (before && change) {
        merged = merge_list(&member, merged, json_copy(change), err);
    }
    json_auto_t *places = merge_key ? list_places(before, change, merge_key) : json_incref(before);
    merged = merged ? list_in_order(merged, order, places, merge_key, err) : NULL;
    return merged && json_object_set_new(original, name, merged) == 0;
}

static bool order_lists(const struct shape *shape, json_t *original, json_t *patch,
                        struct error *err)
{
    json_auto_t *directives = json_object();
    const char *key;
    json_t *order;
    json_object_foreach (patch, key, order) {
        if (text_starts(key, DIRECTIVE_ORDER))
            json_object_set(directives, key, order);
    }
    json_object_foreach (directives, key, order) {
        const char *name = list_named(key, DIRECTIVE_ORDER);
        json_object_del(patch, key);
        if (!name)
            return bad(err, "invalid patch format of setElementOrder list");
        if (!order_list(shape, original, patch, name, order, err))
            return false;
    }
    return true;
}

static bool same_type(const json_t *a, const json_t *b)
{
    return json_typeof(a) == json_typeof(b) || (json_is_number(a) && json_is_number(b)) ||
           (json_is_boolean(a) && json_is_boolean(b));
}

/* Both sides are there and of one type. Takes nothing; a new reference. */
static json_t *merge_member(const struct shape *member, json_t *before, json_t *change,
                            struct error *err)
{
    bool replaces = member->field && (member->field->flags & FIELD_PATCH_REPLACE);
    if (json_is_object(before) && !replaces)
        return merge_map(member, json_incref(before), json_incref(change), err);
    if (json_is_array(before) && shape_merges_lists(member))
        return merge_list(member, json_incref(before), json_incref(change), err);
    return json_incref(change);
}

/* $deleteFromPrimitiveList/NAME. */
static bool delete_scalars(json_t *original, const char *key, const json_t *gone, struct error *err)
{
    const char *name = list_named(key, DIRECTIVE_DELETE);
    json_t *list = name ? json_object_get(original, name) : NULL;
    if (!name || !json_is_array(gone))
        return bad(err, "invalid patch format of primitive list");
    if (json_is_array(list))
        json_object_set_new(original, name, list_without(json_incref(list), gone));
    return true;
}

static bool merge_one(const struct shape *shape, json_t *original, const char *key, json_t *change,
                      struct error *err)
{
    json_t *before = json_object_get(original, key), *merged;
    if (text_starts(key, DIRECTIVE_DELETE))
        return delete_scalars(original, key, change, err);
    if (json_is_null(change)) {
        json_object_del(original, key);
        return true;
    }
    if (!before || !same_type(before, change)) {
        merged = patch_value(json_incref(change));
        if (merged)
            json_object_set_new(original, key, merged);
        else
            json_object_del(original, key);
        return true;
    }
    struct shape member = shape_member(shape, key);
    merged = merge_member(&member, before, change, err);
    return merged && json_object_set_new(original, key, merged) == 0;
}

/* Lists that a parallel list takes items from are merged before that. */
static bool merge_members(const struct shape *shape, json_t *original, json_t *patch,
                          struct error *err)
{
    const char *key;
    json_t *change;
    for (int pass = 0; pass < 2; pass++) {
        json_object_foreach (patch, key, change) {
            bool deletes = text_starts(key, DIRECTIVE_DELETE);
            if (deletes == (pass == 1) && !merge_one(shape, original, key, change, err))
                return false;
        }
    }
    return true;
}

json_t *merge_map(const struct shape *shape, json_t *original, json_t *patch, struct error *err)
{
    if (json_object_get(patch, DIRECTIVE_PATCH)) {
        json_decref(original);
        return obey_directive(patch, err);
    }
    bool ok = retain_keys(original, patch, err) && order_lists(shape, original, patch, err) &&
              merge_members(shape, original, patch, err);
    json_decref(patch);
    if (ok)
        return original;
    json_decref(original);
    return NULL;
}

json_t *patch_strategic_tree(const struct type *type, const json_t *target, const json_t *patch,
                             struct error *err)
{
    size_t budget = PATCH_WORK_MAX;
    struct shape shape = {.type = type, .budget = &budget};
    if (!json_is_object(target) || !json_is_object(patch))
        return bad(err, "invalid JSON document");
    return merge_map(&shape, json_deep_copy(target), json_deep_copy(patch), err);
}

json_t *patch_strategic(const struct type *type, const json_t *target, struct str patch,
                        struct warnings *found, struct error *err)
{
    bool duplicates = false;
    json_auto_t *tree = strict_parse(patch, found ? &duplicates : NULL, err);
    if (duplicates)
        strict_scan_untyped(patch, found);
    return tree ? patch_strategic_tree(type, target, tree, err) : NULL;
}
