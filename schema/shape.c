/* Gives a tree exactly the shape of its type: checks every value, drops what the type does not know
 * and what Go would not print (null, and empty values of fields with omitempty), and reports
 * unknown fields. */
#include <string.h>

#include "schema/crd_schema.h"
#include "schema/decode_internal.h"
#include "schema/go_text.h"

static bool shape_struct(struct shaper *shaper, const struct step *step, const struct type *type,
                         json_t *object);

/* Of what is inside `step`. */
static unsigned step_depth(const struct step *step)
{
    return step ? step->depth + 1 : 0;
}

static bool count_struct(struct shaper *shaper)
{
    return ++shaper->struct_count <= STRUCTS_MAX ||
           error_set(shaper->err, ERROR_TOO_LARGE,
                     "Request entity too large: limit is %d objects in one document", STRUCTS_MAX);
}

/* What a null inside a list or a map stands for; NULL to leave it. */
static json_t *zero_item(const struct field *field)
{
    switch ((enum field_kind)field->kind) {
    case FIELD_STRING:
    case FIELD_BYTES:
        return json_string("");
    case FIELD_QUANTITY:
        return json_string("0");
    case FIELD_INT32:
    case FIELD_INT64:
        return json_integer(0);
    case FIELD_BOOL:
        return json_false();
    case FIELD_STRING_LIST:
        return json_array();
    case FIELD_REF:
        return field->ref->flags & (TYPE_UNION | TYPE_UNWRAPPED) ? NULL : json_object();
    default:
        return NULL;
    }
}

/* A list of one of a union's alternatives: of schemas or of strings. */
static bool shape_alternatives(struct shaper *shaper, const struct step *step,
                               const struct type *type, const struct field *field, json_t *list)
{
    json_t *item;
    size_t at;
    json_array_foreach (list, at, item) {
        const struct step here = {
            .parent = step, .index = at, .kind = STEP_INDEX, .depth = step_depth(step)};
        bool fits = field->kind == FIELD_REF ? json_is_object(item) : json_is_string(item);
        if (!fits)
            return shape_mismatch(shaper, step, type, field, true, item);
        if (field->kind == FIELD_REF && !shape_struct(shaper, &here, field->ref, item))
            return false;
    }
    return true;
}

static bool shape_alternative(struct shaper *shaper, const struct step *step,
                              const struct type *type, json_t *value)
{
    for (size_t i = 0; i < type->wrapper_count; i++) {
        const struct field *field = &type->wrappers[i];
        if (field->card == CARD_LIST && json_is_array(value))
            return shape_alternatives(shaper, step, type, field, value);
        if (field->card == CARD_ONE && field->kind == FIELD_REF && json_is_object(value))
            return shape_struct(shaper, step, field->ref, value);
        if (field->card == CARD_ONE && field->kind == FIELD_BOOL && json_is_boolean(value))
            return true;
    }
    return error_bad_request(shaper->err, "%s cannot be made from this JSON value",
                             type_short_name(type));
}

/* JSONSchemaPropsOrBool and its like: whichever alternative the JSON value fits. They decode
 * themselves in Go, so strictness ends here. */
static bool shape_union(struct shaper *shaper, const struct step *step, const struct type *type,
                        json_t *value)
{
    struct warnings *found = shaper->found;
    shaper->found = NULL;
    bool ok = shape_alternative(shaper, step, type, value);
    shaper->found = found;
    return ok;
}

static bool shape_unwrapped(struct shaper *shaper, const struct step *step, const struct type *type,
                            const json_t *value)
{
    const struct field *items = &type->wrappers[0];
    if (!json_is_array(value))
        return shape_mismatch(shaper, step, type, items, false, value);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_string(json_array_get(value, i)))
            return shape_mismatch(shaper, step, type, items, true, json_array_get(value, i));
    return true;
}

static bool shape_ref(struct shaper *shaper, const struct step *step, const struct type *owner,
                      const struct field *field, json_t *value)
{
    if (field->ref->flags & TYPE_UNION)
        return shape_union(shaper, step, field->ref, value);
    if (field->ref->flags & TYPE_UNWRAPPED)
        return shape_unwrapped(shaper, step, field->ref, value);
    if (!json_is_object(value))
        return shape_mismatch(shaper, step, owner, field, true, value);
    return shape_struct(shaper, step, field->ref, value);
}

/* One value of the field: itself, or an item of its list or map. `*out`: what replaces it (new
 * reference), or NULL. */
static bool shape_item(struct shaper *shaper, const struct step *step, const struct type *owner,
                       const struct field *field, json_t *value, json_t **out)
{
    *out = NULL;
    if (json_is_null(value) && field->card != CARD_ONE) {
        if (field->kind == FIELD_REF && !count_struct(shaper))
            return false;
        *out = zero_item(field);
        return true;
    }
    if (field->kind == FIELD_REF)
        return shape_ref(shaper, step, owner, field, value);
    return shape_scalar(shaper, step, owner, field, value, out);
}

static bool shape_list(struct shaper *shaper, const struct step *step, const struct type *owner,
                       const struct field *field, json_t *list)
{
    json_t *item, *better;
    size_t at;
    if (!json_is_array(list))
        return shape_mismatch(shaper, step, owner, field, false, list);
    json_array_foreach (list, at, item) {
        const struct step here = {
            .parent = step, .index = at, .kind = STEP_INDEX, .depth = step_depth(step)};
        if (!shape_item(shaper, &here, owner, field, item, &better))
            return false;
        if (better)
            json_array_set_new(list, at, better);
    }
    return true;
}

static bool shape_map(struct shaper *shaper, const struct step *step, const struct type *owner,
                      const struct field *field, json_t *map)
{
    if (!json_is_object(map))
        return shape_mismatch(shaper, step, owner, field, false, map);
    for (void *at = json_object_iter(map); at; at = json_object_iter_next(map, at)) {
        json_t *better;
        const struct step here = {.parent = step,
                                  .key = {json_object_iter_key(at), json_object_iter_key_len(at)},
                                  .kind = STEP_KEY,
                                  .depth = step_depth(step)};
        if (!shape_item(shaper, &here, owner, field, json_object_iter_value(at), &better))
            return false;
        if (better)
            json_object_iter_set_new(map, at, better);
    }
    return true;
}

/* Whether Go leaves the value out when it prints: omitempty, without a pointer to keep presence
 * apart from zero. */
static bool is_omitted(const struct field *field, const json_t *value)
{
    if ((field->flags & FIELD_OFF) || json_is_null(value))
        return true;
    if (!(field->flags & FIELD_OMIT_EMPTY) || (field->flags & FIELD_POINTER))
        return false;
    if (field->card != CARD_ONE)
        return json_is_array(value) ? !json_array_size(value) : !json_object_size(value);
    if (field->kind == FIELD_RAW || field->kind == FIELD_JSON || field->kind == FIELD_FIELDS_V1)
        return false; /* Go's struct of the text: 0 and "" are values */
    switch (json_typeof(value)) {
    case JSON_STRING:
        return !json_string_length(value);
    case JSON_INTEGER:
        return !json_integer_value(value) && field->kind != FIELD_INT_OR_STRING;
    case JSON_FALSE:
        return field->kind == FIELD_BOOL;
    default:
        return false;
    }
}

static bool shape_field(struct shaper *shaper, const struct step *step, const struct type *owner,
                        const struct field *field, json_t *value, json_t **out)
{
    *out = NULL;
    if (json_is_null(value))
        return true;
    if (field->card == CARD_LIST)
        return shape_list(shaper, step, owner, field, value);
    if (field->card == CARD_MAP)
        return shape_map(shaper, step, owner, field, value);
    return shape_item(shaper, step, owner, field, value, out);
}

/* What of a custom resource has a shape from Go; the rest is its schema's. */
static bool is_head(struct str key)
{
    return str_is(key, "apiVersion") || str_is(key, "kind") || str_is(key, "metadata");
}

static size_t found_count(const struct shaper *shaper)
{
    return shaper->found ? shaper->found->count : 0;
}

static void sort_found(struct shaper *shaper, size_t from)
{
    if (shaper->found)
        strict_sort(shaper->found, from);
}

/* The rest of a custom resource; what was found in its head begins at `from`. Upstream reads all
 * three from maps. */
static bool shape_custom(struct shaper *shaper, const struct crd_node *node, json_t *object,
                         size_t from)
{
    sort_found(shaper, from);
    from = found_count(shaper);
    crd_prune(node, object, shaper->found);
    sort_found(shaper, from);
    from = found_count(shaper);
    bool ok = crd_shape_embedded(node, object, shaper);
    sort_found(shaper, from);
    return ok;
}

/* An empty list of the document's own metadata.managedFields, which is not as none: it asks to
 * forget (schema/apply.h). */
static bool is_reset(const struct step *step, struct str key, const json_t *value)
{
    return step && !step->parent && json_is_array(value) && str_is(key, "managedFields") &&
           str_is(step->key, "metadata");
}

static bool shape_struct(struct shaper *shaper, const struct step *step, const struct type *type,
                         json_t *object)
{
    unsigned depth = step_depth(step);
    size_t from = found_count(shaper);
    if (!count_struct(shaper))
        return false;
    if (depth >= JSON_DEPTH_MAX)
        return error_bad_request(shaper->err, "the document nests deeper than %d levels",
                                 JSON_DEPTH_MAX);
    for (void *next, *at = json_object_iter(object); at; at = next) {
        const struct str key = {json_object_iter_key(at), json_object_iter_key_len(at)};
        const struct field *field = type_field(type, key);
        json_t *value = json_object_iter_value(at), *better = NULL;
        const struct step here = {.parent = step, .key = key, .kind = STEP_FIELD, .depth = depth};
        if (type->custom && !is_head(key)) {
            next = json_object_iter_next(object, at);
            continue;
        }
        if (!field && shaper->found)
            step_report(shaper->found, "unknown", step, key);
        if (field && !shape_field(shaper, &here, type, field, value, &better))
            return false;
        next = json_object_iter_next(object, at);
        if (better)
            json_object_iter_set_new(object, at, better);
        const json_t *kept = better ? better : value;
        if (!field ||
            (!shaper->keep_empty && !is_reset(step, key, kept) && is_omitted(field, kept)))
            json_object_deln(object, key.data, key.len);
    }
    return !type->custom || shape_custom(shaper, type->custom, object, from);
}

bool shape_metadata(struct shaper *shaper, const struct step *step, json_t *metadata)
{
    return shape_struct(shaper, step, type_find(META_TYPE), metadata);
}

bool shape_document(struct shaper *shaper, const struct type *type, json_t *value)
{
    if (type->flags & TYPE_UNION)
        return shape_union(shaper, NULL, type, value);
    if (json_is_object(value))
        return shape_struct(shaper, NULL, type, value);
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    go_value_kind(&text, value, false);
    buf_add_text(&text, " into Go value of type ");
    go_struct_type(&text, type);
    return error_bad_request(shaper->err, "json: cannot unmarshal %s", text.data);
}
