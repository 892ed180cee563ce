/* Whether a configuration fits its type, in the words of structured-merge-diff, which tells
 * everything that does not. */
#include <string.h>

#include "schema/go_text.h"
#include "schema/typed_items.h"

#define MISFITS_MAX 100

/* Where we are: written only when there is something to say. */
struct place {
    const struct place *parent;
    struct str key;     /* of a member; NULL data: an item */
    struct str element; /* of an item; NULL data: it has none, `index` tells it */
    size_t index;
};

struct checker {
    struct arena *arena;
    struct buf text; /* what is wrong, a line each */
    size_t count;
};

static void check(struct checker *checker, struct typed typed, const json_t *value,
                  const struct place *place);

static void write_place(struct buf *out, const struct place *place)
{
    if (!place)
        return;
    write_place(out, place->parent);
    if (place->key.data) {
        buf_add_char(out, '.');
        buf_add_str(out, place->key);
    } else if (place->element.data) {
        field_set_print_element(out, place->element);
    } else {
        buf_printf(out, "[%zu]", place->index);
    }
}

/* Begins a line; false when there are enough of them. */
static bool begin(struct checker *checker, const struct place *place)
{
    if (checker->count == MISFITS_MAX)
        return false;
    if (checker->count++)
        buf_add_text(&checker->text, "\n  ");
    write_place(&checker->text, place);
    buf_add_text(&checker->text, ": ");
    return true;
}

static void say(struct checker *checker, const struct place *place, const char *what)
{
    if (begin(checker, place))
        buf_add_text(&checker->text, what);
}

/* `expected list, got &{VALUE}`: Go's print of the box that the value is in. */
static void expected(struct checker *checker, const struct place *place, const char *what,
                     const char *before, const json_t *value)
{
    if (!begin(checker, place))
        return;
    buf_printf(&checker->text, "expected %s, got &%s{%s", what,
               *before ? "value.valueUnstructured" : "", before);
    if (*before && json_is_string(value))
        go_quote(&checker->text, str_of(json_string_value(value)));
    else
        go_print(&checker->text, value);
    buf_add_char(&checker->text, '}');
}

/* ---- leaves ---- */

static void check_number(struct checker *checker, const json_t *value, const struct place *place)
{
    if (json_is_number(value) || !begin(checker, place))
        return;
    buf_add_text(&checker->text, "expected numeric (int or float), got ");
    go_interface_type(&checker->text, value);
}

/* Scalars as the published schema has them: a quantity, an IntOrString and what is raw may be
 * several things, and decoding tells what is wrong with them. */
static void check_scalar(struct checker *checker, const struct field *field, const json_t *value,
                         const struct place *place)
{
    switch ((enum field_kind)field->kind) {
    case FIELD_INT32:
    case FIELD_INT64:
    case FIELD_DOUBLE:
        check_number(checker, value, place);
        break;
    case FIELD_BOOL:
        if (!json_is_boolean(value))
            expected(checker, place, "boolean", "", value);
        break;
    case FIELD_STRING:
    case FIELD_BYTES:
    case FIELD_TIME:
    case FIELD_MICRO_TIME:
    case FIELD_DURATION:
        if (!json_is_string(value))
            expected(checker, place, "string", "Value:", value);
        break;
    default:
        break;
    }
}

static bool is_whole(struct typed typed)
{
    return typed.field && !typed.item && typed.field->card != CARD_ONE;
}

/* ---- structures ---- */

static void check_members(struct checker *checker, struct typed typed, const json_t *object,
                          const struct place *place)
{
    const char *key;
    size_t len;
    json_t *member;
    bool closed = typed.type && !(typed.type->flags & TYPE_OPEN);
    json_object_keylen_foreach(object, key, len, member)
    {
        const struct place inner = {.parent = place, .key = {key, len}};
        struct typed under = typed_member(typed, inner.key);
        if (closed && !under.field)
            say(checker, &inner, "field not declared in schema");
        else
            check(checker, under, member, &inner);
    }
}

static void check_elements(struct checker *checker, const struct typed_items *items,
                           const struct field *field, const struct place *place)
{
    for (size_t i = 0; i < items->count; i++)
        if (!items->by_place[i].element.data && begin(checker, place))
            buf_printf(&checker->text,
                       "element %zu: associative list with keys has an element that omits key "
                       "field \"%s\" (and doesn't have default value)",
                       i, field->map_keys ? field->map_keys[0] : "");
    for (size_t i = 1; i < items->sorted_count; i++) {
        struct str element = items->sorted[i].element;
        bool again = str_eq(items->sorted[i - 1].element, element),
             said = i > 1 && str_eq(items->sorted[i - 2].element, element);
        if (!again || said || !begin(checker, place))
            continue;
        buf_add_text(&checker->text, "duplicate entries for key ");
        field_set_print_element(&checker->text, element);
    }
}

static void check_list(struct checker *checker, struct typed typed, const json_t *list,
                       const struct place *place)
{
    struct typed_items items = typed_items_of(checker->arena, typed, list);
    check_elements(checker, &items, typed.field, place);
    for (size_t i = 0; i < items.count; i++) {
        const struct place inner = {
            .parent = place, .element = items.by_place[i].element, .index = i};
        check(checker, typed_item(typed), json_array_get(list, i), &inner);
    }
}

static void check_atomic(struct checker *checker, struct typed typed, const json_t *list,
                         const struct place *place)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct place inner = {.parent = place, .index = i};
        check(checker, typed_item(typed), json_array_get(list, i), &inner);
    }
}

/* What typed_kind_of() takes for a leaf may be a list, map or struct that is replaced whole: it has
 * to fit all the same. It may also be something that should be one. */
static void check_leaf(struct checker *checker, struct typed typed, const json_t *value,
                       const struct place *place)
{
    const struct field *field = typed.field;
    if (!field || json_is_null(value))
        return;
    bool list = is_whole(typed) && field->card == CARD_LIST,
         map = (is_whole(typed) && field->card == CARD_MAP) ||
               (!is_whole(typed) && field->kind == FIELD_REF &&
                !(field->ref->flags & (TYPE_UNION | TYPE_UNWRAPPED)));
    if (list && json_is_array(value))
        check_atomic(checker, typed, value, place);
    else if (list)
        expected(checker, place, "list", "", value);
    else if (map && json_is_object(value))
        check_members(checker, typed, value, place);
    else if (map)
        expected(checker, place, "map", "", value);
    else
        check_scalar(checker, field, value, place);
}

static void check(struct checker *checker, struct typed typed, const json_t *value,
                  const struct place *place)
{
    switch (typed_kind_of(typed, value)) {
    case TYPED_STRUCT:
    case TYPED_MAP:
        check_members(checker, typed, value, place);
        break;
    case TYPED_LIST:
        check_list(checker, typed, value, place);
        break;
    case TYPED_LEAF:
        check_leaf(checker, typed, value, place);
        break;
    }
}

bool typed_check(struct arena *arena, struct typed typed, const json_t *value, struct error *err)
{
    struct checker checker = {.arena = arena, .text = BUF_TEXT};
    check(&checker, typed, value, NULL);
    if (checker.count)
        (void)error_set(err, ERROR_UNKNOWN, "%s%s", checker.count > 1 ? "errors:\n  " : "",
                        buf_ok(&checker.text) ? checker.text.data : "");
    buf_free(&checker.text);
    return !checker.count;
}
