/* Sets of fields as text: FieldsV1 there and back, and paths as upstream prints them. */
#include <stdlib.h>
#include <string.h>

#include "base/json_tape.h"
#include "base/mem.h"
#include "base/parse.h"
#include "schema/field_set.h"
#include "schema/go_text.h"

/* Elements are a letter, a colon and a text. */
static struct str text_of(struct str element)
{
    return (struct str){element.data + 2, element.len - 2};
}

void field_set_write_value(struct buf *out, const json_t *value)
{
    if (!json_is_object(value) && !json_is_array(value)) {
        json_write(out, value);
        return;
    }
    CLEANUP(error_clear) struct error ignored = {0};
    char *sorted = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
    json_auto_t *again = sorted ? json_parse(str_of(sorted), JSON_LOAD_LENIENT, &ignored) : NULL;
    free(sorted);
    if (again)
        json_write(out, again);
}

/* ---- order ---- */

/* Numbers, strings, truths, lists, maps, null: so upstream orders values of different sorts. */
static int sort_of(const json_t *value)
{
    static const int sorts[] = {
        [JSON_OBJECT] = 4, [JSON_ARRAY] = 3, [JSON_STRING] = 1, [JSON_INTEGER] = 0,
        [JSON_REAL] = 0,   [JSON_TRUE] = 2,  [JSON_FALSE] = 2,  [JSON_NULL] = 5};
    return sorts[json_typeof(value)];
}

static int compare_numbers(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b))
        return (json_integer_value(a) > json_integer_value(b)) -
               (json_integer_value(a) < json_integer_value(b));
    return (json_number_value(a) > json_number_value(b)) -
           (json_number_value(a) < json_number_value(b));
}

static int compare_values(const json_t *a, const json_t *b);

static int compare_lists(const json_t *a, const json_t *b)
{
    size_t a_count = json_array_size(a), b_count = json_array_size(b);
    for (size_t i = 0; i < a_count && i < b_count; i++) {
        int order = compare_values(json_array_get(a, i), json_array_get(b, i));
        if (order)
            return order;
    }
    return (a_count > b_count) - (a_count < b_count);
}

/* Both with their keys in order. */
static int compare_maps(const json_t *a, const json_t *b)
{
    struct json_each at_a = json_each_of(a), at_b = json_each_of(b);
    const char *key_a, *key_b;
    for (; (key_a = json_each_key(&at_a)) && (key_b = json_each_key(&at_b)); at_a.at++, at_b.at++) {
        int order = str_compare((struct str){key_a, json_each_key_len(&at_a)},
                                (struct str){key_b, json_each_key_len(&at_b)});
        if (!order)
            order = compare_values(json_each_value(&at_a), json_each_value(&at_b));
        if (order)
            return order;
    }
    return (json_object_size(a) > json_object_size(b)) -
           (json_object_size(a) < json_object_size(b));
}

static struct str string_of(const json_t *value)
{
    return (struct str){json_string_value(value), json_string_length(value)};
}

static int compare_values(const json_t *a, const json_t *b)
{
    if (sort_of(a) != sort_of(b))
        return sort_of(a) - sort_of(b);
    switch (json_typeof(a)) {
    case JSON_OBJECT:
        return compare_maps(a, b);
    case JSON_ARRAY:
        return compare_lists(a, b);
    case JSON_STRING:
        return str_compare(string_of(a), string_of(b));
    case JSON_INTEGER:
    case JSON_REAL:
        return compare_numbers(a, b);
    default:
        return json_is_true(a) - json_is_true(b);
    }
}

struct placed {
    const struct field_node *node;
    json_t *value; /* of elements that are none of `f`; owned */
};

/* The nodes of a set by what their elements say: a set itself is in the order of their texts. */
struct order {
    struct placed *items;
    size_t count;
};

static void order_free(struct order *order)
{
    for (size_t i = 0; i < order->count; i++)
        json_decref(order->items[i].value);
    free(order->items);
}

static int compare_placed(const void *a, const void *b)
{
    const struct placed *p = a, *q = b;
    bool same_kind = p->node->element.data[0] == q->node->element.data[0];
    if (same_kind && p->value && q->value)
        return compare_values(p->value, q->value);
    return (p->node > q->node) - (p->node < q->node); /* as they are in the set */
}

static struct order order_of(const struct field_set *set)
{
    struct order order = {0};
    if (!set->count)
        return order;
    order.items = xreallocarray(NULL, set->count, sizeof(*order.items));
    bool one = set->nodes[set->count - 1].element.data[0] == 'f' ||
               (set->count > 1 && set->nodes[set->count - 2].element.data[0] == 'f');
    for (; order.count < set->count; order.count++) {
        CLEANUP(error_clear) struct error ignored = {0}; /* what was parsed once can be parsed */
        struct str element = set->nodes[order.count].element;
        bool reads = !one && element.data[0] != 'f';
        order.items[order.count] = (struct placed){
            &set->nodes[order.count],
            reads ? json_parse(text_of(element), JSON_LOAD_LENIENT, &ignored) : NULL};
    }
    if (!one)
        qsort(order.items, order.count, sizeof(*order.items), compare_placed);
    return order;
}

/* ---- FieldsV1 ---- */

/* Whether json_write() would escape some of it. */
static bool has_escaped(struct str raw)
{
    for (size_t i = 0; i < raw.len; i++)
        if (raw.data[i] == '<' || raw.data[i] == '>' || raw.data[i] == '&' ||
            (unsigned char)raw.data[i] == 0xe2)
            return true;
    return false;
}

/* True if the JSON on the tape is as field_set_write_value() would write it: keys in order, and not
 * a byte that need not be there. Says no where that takes a closer look. */
static bool is_canonical(const struct json_tape *tape)
{
    const struct json_token *tokens = tape->tokens;
    bool object = tokens[0].kind == JSON_TOKEN_OBJECT;
    size_t len = object ? 1 : 0; /* '{'; each member ends with ',' or '}' */
    for (size_t at = object ? 1 : 0; at < tape->count; at++) {
        bool text = tokens[at].kind == JSON_TOKEN_STRING, key = object && at % 2 == 1;
        if (tokens[at].escaped || (!text && tokens[at].kind != JSON_TOKEN_INTEGER) ||
            (text && has_escaped(json_tape_raw(tape, &tokens[at]))))
            return false;
        if (key && at > 2 &&
            str_compare(json_tape_raw(tape, &tokens[at - 2]), json_tape_raw(tape, &tokens[at])) >=
                0)
            return false;
        len += tokens[at].len + (text ? 2 : 0) + (object ? 1 : 0);
    }
    return len == tape->text.len &&
           !(tokens[0].kind == JSON_TOKEN_INTEGER && tape->text.data[0] == '-');
}

/* The same of an item's place. */
static struct str canonical_place(struct arena *arena, struct str key)
{
    CLEANUP(buf_free) struct buf element = BUF_TEXT;
    struct str digits = text_of(key);
    int64_t place;
    if (digits.len > 1 && digits.data[0] == '+')
        digits = (struct str){digits.data + 1, digits.len - 1};
    if (!parse_i64(digits, INT64_MIN, INT64_MAX, &place))
        return (struct str){0};
    buf_add_text(&element, "i:");
    buf_add_i64(&element, place);
    return str_eq(key, buf_str(&element)) ? key : xarena_copy(arena, buf_str(&element));
}

/* An element as it is in FieldsV1, in canonical form: `key` itself where it has that already. NULL
 * data when it is none. */
static struct str canonical(struct arena *arena, struct str key)
{
    struct json_token tokens[16];
    CLEANUP(json_tape_free)
    struct json_tape tape = {.tokens = tokens, .capacity = ARRAY_LEN(tokens), .borrowed = true};
    CLEANUP(error_clear) struct error err = {0};
    char kind = key.len > 1 && key.data[1] == ':' ? key.data[0] : '\0';
    if (kind == 'f')
        return key;
    if (kind == 'i')
        return canonical_place(arena, key);
    if ((kind != 'k' && kind != 'v') || !json_tape_read(&tape, text_of(key), &err) ||
        (tape.tokens[0].kind == JSON_TOKEN_OBJECT) != (kind == 'k'))
        return (struct str){0};
    if (is_canonical(&tape))
        return key;
    json_auto_t *value = json_parse_tape(&tape, JSON_LOAD_LENIENT, &err);
    CLEANUP(buf_free) struct buf element = BUF_TEXT;
    buf_add(&element, key.data, 2);
    if (!value)
        return (struct str){0};
    field_set_write_value(&element, value);
    return buf_ok(&element) ? xarena_copy(arena, buf_str(&element)) : (struct str){0};
}

/* Several texts can be one element. */
static void merge_same(struct arena *arena, struct field_set *set)
{
    size_t kept = 0;
    for (size_t i = 1; i < set->count; i++) {
        struct field_node *into = &set->nodes[kept], *node = &set->nodes[i];
        if (!str_eq(into->element, node->element)) {
            set->nodes[++kept] = *node;
            continue;
        }
        into->member = into->member || node->member;
        field_set_union(arena, &into->under, &node->under);
    }
    set->count = set->count ? kept + 1 : 0;
}

static bool parse_level(struct arena *arena, struct field_set *set, const json_t *fields,
                        unsigned depth, size_t *nodes, struct error *err)
{
    const char *key;
    size_t len;
    json_t *value;
    if (depth > JSON_DEPTH_MAX || !json_is_object(fields))
        return error_bad_request(err, "error decoding managed fields: not a set of fields");
    *nodes += json_object_size(fields);
    if (*nodes > FIELD_SET_NODES_MAX)
        return error_bad_request(err, "error decoding managed fields: too many fields");
    json_object_keylen_foreach(fields, key, len, value)
    {
        if ((len == 1 && *key == '.') || (len > 1 && key[1] == ':' && !strchr("fkvi", *key)))
            continue; /* a kind of element that a later version may know */
        struct str element = canonical(arena, (struct str){key, len});
        if (!element.data)
            return error_bad_request(err, "error decoding managed fields: bad path element");
        struct field_node *node = field_set_push(arena, set, element);
        if (!parse_level(arena, &node->under, value, depth + 1, nodes, err))
            return false;
        node->member = node->under.count == 0 || json_object_get(value, ".");
    }
    field_set_sort(set);
    merge_same(arena, set);
    return true;
}

bool field_set_parse(struct arena *arena, struct field_set *set, const json_t *fields,
                     struct error *err)
{
    size_t nodes = 0;
    return parse_level(arena, set, fields, 0, &nodes, err);
}

static void put_members(json_t *out, const struct field_set *set)
{
    CLEANUP(order_free) struct order order = order_of(set);
    for (size_t i = 0; i < order.count; i++) {
        const struct field_node *node = order.items[i].node;
        json_t *under = json_object();
        if (node->member && node->under.count)
            json_object_set_new(under, ".", json_object());
        put_members(under, &node->under);
        json_object_setn_new_nocheck(out, node->element.data, node->element.len, under);
    }
}

json_t *field_set_json(const struct field_set *set)
{
    json_t *out = json_object();
    put_members(out, set);
    return out;
}

/* ---- as upstream prints it ---- */

void field_set_print_element(struct buf *out, struct str element)
{
    CLEANUP(error_clear) struct error err = {0};
    const char *name;
    json_t *value;
    bool first = true;
    struct str text = text_of(element);
    if (element.data[0] != 'k') {
        buf_printf(out,
                   element.data[0] == 'f'   ? "." STR_FMT
                   : element.data[0] == 'v' ? "[=" STR_FMT "]"
                                            : "[" STR_FMT "]",
                   STR_ARG(text));
        return;
    }
    json_auto_t *keys = json_parse(text, JSON_LOAD_LENIENT, &err);
    buf_add_char(out, '[');
    json_object_foreach (keys, name, value) {
        buf_printf(out, "%s%s=", first ? "" : ",", name);
        first = false;
        if (json_is_string(value))
            go_quote(out, str_of(json_string_value(value)));
        else
            json_write(out, value);
    }
    buf_add_char(out, ']');
}

struct walk {
    struct buf path;
    void (*visit)(void *arg, const char *path);
    void *arg;
};

static void walk_level(struct walk *walk, const struct field_set *set);

static void walk_node(struct walk *walk, const struct field_node *node, bool inside)
{
    size_t len = walk->path.len;
    if (inside ? !node->under.count : !node->member)
        return;
    field_set_print_element(&walk->path, node->element);
    if (!buf_ok(&walk->path))
        return;
    if (inside)
        walk_level(walk, &node->under);
    else
        walk->visit(walk->arg, walk->path.data);
    walk->path.len = len;
    walk->path.data[len] = '\0';
}

/* As upstream: first what is in a level, then what is below it. */
static void walk_level(struct walk *walk, const struct field_set *set)
{
    CLEANUP(order_free) struct order order = order_of(set);
    for (size_t i = 0; i < order.count; i++)
        walk_node(walk, order.items[i].node, false);
    for (size_t i = 0; i < order.count; i++)
        walk_node(walk, order.items[i].node, true);
}

void field_set_each(const struct field_set *set, void (*visit)(void *arg, const char *path),
                    void *arg)
{
    struct walk walk = {BUF_TEXT, visit, arg};
    walk_level(&walk, set);
    buf_free(&walk.path);
}
