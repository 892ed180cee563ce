#include "schema/field_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_tape.h"
#include "schema/go_text.h"

/* ---- nodes ---- */

static int rank(char kind)
{
    return kind == 'f' ? 0 : kind == 'k' ? 1 : kind == 'v' ? 2 : 3;
}

/* Elements are a letter, a colon and a text. */
static struct str text_of(struct str element)
{
    return (struct str){element.data + 2, element.len - 2};
}

static int compare_parts(char kind, struct str text, struct str element)
{
    return kind != element.data[0] ? rank(kind) - rank(element.data[0])
                                   : str_compare(text, text_of(element));
}

static int compare_elements(struct str a, struct str b)
{
    return compare_parts(a.data[0], text_of(a), b);
}

static int compare_nodes(const void *a, const void *b)
{
    const struct field_node *p = a, *q = b;
    return compare_elements(p->element, q->element);
}

/* Where the element of that letter and text is. */
static bool find(const struct field_set *set, char kind, struct str text, size_t *at)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_parts(kind, text, set->nodes[middle].element);
        if (order == 0) {
            *at = middle;
            return true;
        }
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

const struct field_node *field_set_find(const struct field_set *set, struct str element)
{
    size_t at;
    return find(set, element.data[0], text_of(element), &at) ? &set->nodes[at] : NULL;
}

const struct field_node *field_set_find_name(const struct field_set *set, struct str name)
{
    size_t at;
    return find(set, 'f', name, &at) ? &set->nodes[at] : NULL;
}

struct field_node *field_set_push(struct arena *arena, struct field_set *set, struct str element)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity ? set->capacity * 2 : 4;
        struct field_node *nodes = xarena_alloc(arena, capacity, sizeof(*nodes));
        if (set->count)
            memcpy(nodes, set->nodes, set->count * sizeof(*nodes));
        set->nodes = nodes;
        set->capacity = capacity;
    }
    set->nodes[set->count] = (struct field_node){.element = element};
    return &set->nodes[set->count++];
}

void field_set_sort(struct field_set *set)
{
    for (size_t i = 1; i < set->count; i++)
        if (compare_nodes(&set->nodes[i - 1], &set->nodes[i]) > 0) {
            qsort(set->nodes, set->count, sizeof(*set->nodes), compare_nodes);
            return;
        }
}

static bool is_nothing(const struct field_node *node)
{
    return !node->member && !node->under.count;
}

void field_set_drop_path(struct field_set *set, const char *const *names, bool whole)
{
    size_t at;
    if (!find(set, 'f', str_of(names[0]), &at))
        return;
    struct field_node *node = &set->nodes[at];
    if (names[1])
        field_set_drop_path(&node->under, names + 1, whole);
    else
        node->member = false;
    if (!names[1] && whole)
        node->under = (struct field_set){0};
    if (!is_nothing(node))
        return;
    set->count--;
    memmove(node, node + 1, (set->count - at) * sizeof(*node));
}

/* ---- elements ---- */

struct str field_set_name_element(struct arena *arena, struct str name)
{
    char *element = xarena_alloc(arena, name.len + 2, 1);
    memcpy(element, "f:", 2);
    if (name.len)
        memcpy(element + 2, name.data, name.len);
    return (struct str){element, name.len + 2};
}

void field_set_write_value(struct buf *out, const json_t *value)
{
    const char *text = json_string_value(value);
    bool plain = text && !strpbrk(text, "\"\\");
    for (const char *at = text; plain && *at; at++)
        plain = (unsigned char)*at >= ' ';
    if (plain) {
        buf_add_char(out, '"');
        buf_add(out, text, json_string_length(value));
        buf_add_char(out, '"');
    } else if (json_is_integer(value)) {
        buf_add_i64(out, json_integer_value(value));
    } else {
        char *sorted = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        buf_add_text(out, sorted ? sorted : "");
        free(sorted);
    }
}

/* ---- sets as a whole ---- */

bool field_set_empty(const struct field_set *set)
{
    return set->count == 0;
}

bool field_set_equal(const struct field_set *a, const struct field_set *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->nodes[i].member != b->nodes[i].member ||
            !str_eq(a->nodes[i].element, b->nodes[i].element) ||
            !field_set_equal(&a->nodes[i].under, &b->nodes[i].under))
            return false;
    return true;
}

bool field_set_covers(const struct field_set *whole, const struct field_set *part)
{
    for (size_t i = 0; i < part->count; i++) {
        const struct field_node *node = field_set_find(whole, part->nodes[i].element);
        if (!node || (part->nodes[i].member && !node->member) ||
            !field_set_covers(&node->under, &part->nodes[i].under))
            return false;
    }
    return true;
}

bool field_set_meets(const struct field_set *a, const struct field_set *b)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct field_node *node = field_set_find(a, b->nodes[i].element);
        if (node && ((node->member && b->nodes[i].member) ||
                     field_set_meets(&node->under, &b->nodes[i].under)))
            return true;
    }
    return false;
}

void field_set_union(struct arena *arena, struct field_set *set, const struct field_set *other)
{
    size_t a = 0, b = 0;
    struct field_set both = {.capacity = set->count + other->count};
    if (!other->count)
        return;
    both.nodes = xarena_alloc(arena, both.capacity, sizeof(*both.nodes));
    while (a < set->count || b < other->count) {
        struct field_node *node = &both.nodes[both.count++];
        int order = a == set->count     ? 1
                    : b == other->count ? -1
                                        : compare_nodes(&set->nodes[a], &other->nodes[b]);
        if (order <= 0)
            *node = set->nodes[a++];
        else
            node->element = other->nodes[b].element;
        if (order >= 0) {
            node->member = node->member || other->nodes[b].member;
            field_set_union(arena, &node->under, &other->nodes[b++].under);
        }
    }
    *set = both;
}

void field_set_copy(struct arena *arena, struct field_set *to, const struct field_set *from)
{
    field_set_union(arena, to, from);
}

/* Moves the node at `from` to `*kept` if something is left of it. */
static void keep(struct field_set *set, size_t from, size_t *kept)
{
    if (!is_nothing(&set->nodes[from]))
        set->nodes[(*kept)++] = set->nodes[from];
}

void field_set_subtract(struct field_set *set, const struct field_set *other)
{
    size_t kept = 0;
    if (!other->count)
        return;
    for (size_t i = 0; i < set->count; i++) {
        const struct field_node *taken = field_set_find(other, set->nodes[i].element);
        if (taken) {
            set->nodes[i].member = set->nodes[i].member && !taken->member;
            field_set_subtract(&set->nodes[i].under, &taken->under);
        }
        keep(set, i, &kept);
    }
    set->count = kept;
}

void field_set_intersect(struct field_set *set, const struct field_set *other)
{
    static const struct field_set nothing;
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct field_node *both = field_set_find(other, set->nodes[i].element);
        set->nodes[i].member = set->nodes[i].member && both && both->member;
        field_set_intersect(&set->nodes[i].under, both ? &both->under : &nothing);
        keep(set, i, &kept);
    }
    set->count = kept;
}

/* ---- FieldsV1 ---- */

/* True if the JSON on the tape is as field_set_write_value() would write it: keys in order, and not
 * a byte that need not be there. Says no where that takes a closer look. */
static bool is_canonical(const struct json_tape *tape)
{
    const struct json_token *tokens = tape->tokens;
    bool object = tokens[0].kind == JSON_TOKEN_OBJECT;
    size_t len = object ? 1 : 0; /* '{'; each member ends with ',' or '}' */
    for (size_t at = object ? 1 : 0; at < tape->count; at++) {
        bool text = tokens[at].kind == JSON_TOKEN_STRING, key = object && at % 2 == 1;
        if (tokens[at].escaped || (!text && tokens[at].kind != JSON_TOKEN_INTEGER))
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

/* An element as it is in FieldsV1, in canonical form: `key` itself where it has that already. NULL
 * data when it is none. */
static struct str canonical(struct arena *arena, struct str key)
{
    struct json_token tokens[16];
    CLEANUP(json_tape_free)
    struct json_tape tape = {.tokens = tokens, .capacity = ARRAY_LEN(tokens), .borrowed = true};
    CLEANUP(error_clear) struct error err = {0};
    char kind = key.len > 1 && key.data[1] == ':' ? key.data[0] : '\0';
    if (kind == 'f' || kind == 'i')
        return key;
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
        if (len == 1 && *key == '.')
            continue;
        struct str element = canonical(arena, (struct str){key, len});
        if (!element.data)
            return error_bad_request(err, "error decoding managed fields: bad path element");
        struct field_node *node = field_set_push(arena, set, element);
        node->member = json_object_size(value) == 0 || json_object_get(value, ".");
        if (!parse_level(arena, &node->under, value, depth + 1, nodes, err))
            return false;
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
    for (size_t i = 0; i < set->count; i++) {
        const struct field_node *node = &set->nodes[i];
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

static void visit_level(const struct field_set *set, struct buf *path,
                        void (*visit)(void *arg, const char *path), void *arg)
{
    for (size_t i = 0; i < set->count; i++) {
        size_t len = path->len;
        field_set_print_element(path, set->nodes[i].element);
        if (!buf_ok(path))
            return;
        if (set->nodes[i].member)
            visit(arg, path->data);
        visit_level(&set->nodes[i].under, path, visit, arg);
        path->len = len;
        path->data[len] = '\0';
    }
}

void field_set_each(const struct field_set *set, void (*visit)(void *arg, const char *path),
                    void *arg)
{
    CLEANUP(buf_free) struct buf path = BUF_TEXT;
    visit_level(set, &path, visit, arg);
}
