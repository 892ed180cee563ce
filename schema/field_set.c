#include "schema/field_set.h"

#include <string.h>

#include "base/json_tape.h"
#include "schema/go_text.h"

void field_set_clear(struct field_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        free(set->nodes[i].element);
        field_set_clear(&set->nodes[i].under);
    }
    free(set->nodes);
    *set = (struct field_set){0};
}

static int rank(const char *element)
{
    static const char order[] = "fkvi";
    return (int)(strchr(order, element[0]) - order);
}

static int compare_elements(const char *a, const char *b)
{
    int difference = rank(a) - rank(b);
    return difference ? difference : strcmp(a, b);
}

/* Where the element is, or would go. */
static bool find(const struct field_set *set, const char *element, size_t *at)
{
    size_t low = 0, high = set->count;
    if (high && compare_elements(set->nodes[high - 1].element, element) < 0)
        low = high; /* most come in order */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_elements(set->nodes[middle].element, element) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return low < set->count && strcmp(set->nodes[low].element, element) == 0;
}

struct field_node *field_set_ensure(struct field_set *set, const char *element)
{
    size_t at;
    if (find(set, element, &at))
        return &set->nodes[at];
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? set->capacity * 2 : 4;
        set->nodes = xreallocarray(set->nodes, set->capacity, sizeof(*set->nodes));
    }
    memmove(&set->nodes[at + 1], &set->nodes[at], (set->count - at) * sizeof(*set->nodes));
    set->nodes[at] = (struct field_node){.element = xstrdup(element)};
    set->count++;
    return &set->nodes[at];
}

const struct field_node *field_set_find(const struct field_set *set, const char *element)
{
    size_t at;
    return find(set, element, &at) ? &set->nodes[at] : NULL;
}

char *field_set_name_element(const char *name)
{
    size_t len = strlen(name) + 1;
    char *element = xmalloc(2 + len);
    memcpy(element, "f:", 2);
    memcpy(element + 2, name, len);
    return element;
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

void field_set_add_path(struct field_set *set, const char *const *names)
{
    struct field_node *node = NULL;
    for (; *names; names++) {
        CLEANUP(free_ptr) char *element = field_set_name_element(*names);
        node = field_set_ensure(node ? &node->under : set, element);
    }
    if (node)
        node->member = true;
}

static void node_clear(struct field_node *node)
{
    free(node->element);
    field_set_clear(&node->under);
}

void field_set_tidy(struct field_set *set, const char *element)
{
    size_t at;
    if (!find(set, element, &at) || set->nodes[at].member ||
        !field_set_empty(&set->nodes[at].under))
        return;
    node_clear(&set->nodes[at]);
    set->count--;
    memmove(&set->nodes[at], &set->nodes[at + 1], (set->count - at) * sizeof(*set->nodes));
}

/* Moves the node at `from` to `*kept` if something is left of it. */
static void keep(struct field_set *set, size_t from, size_t *kept)
{
    struct field_node *node = &set->nodes[from];
    if (!node->member && !node->under.count)
        node_clear(node);
    else
        set->nodes[(*kept)++] = *node;
}

bool field_set_empty(const struct field_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->nodes[i].member || !field_set_empty(&set->nodes[i].under))
            return false;
    return true;
}

bool field_set_equal(const struct field_set *a, const struct field_set *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->nodes[i].member != b->nodes[i].member ||
            strcmp(a->nodes[i].element, b->nodes[i].element) != 0 ||
            !field_set_equal(&a->nodes[i].under, &b->nodes[i].under))
            return false;
    return true;
}

static struct field_node node_copy(const struct field_node *node)
{
    struct field_node copy = {.element = xstrdup(node->element), .member = node->member};
    field_set_copy(&copy.under, &node->under);
    return copy;
}

void field_set_union(struct field_set *set, const struct field_set *other)
{
    size_t a = 0, b = 0, count = 0, capacity = set->count + other->count;
    if (!other->count)
        return;
    struct field_node *nodes = xreallocarray(NULL, capacity, sizeof(*nodes));
    while (a < set->count || b < other->count) {
        int order = a == set->count ? 1
                    : b == other->count
                        ? -1
                        : compare_elements(set->nodes[a].element, other->nodes[b].element);
        if (order > 0) {
            nodes[count++] = node_copy(&other->nodes[b++]);
            continue;
        }
        nodes[count] = set->nodes[a++];
        if (order == 0) {
            nodes[count].member = nodes[count].member || other->nodes[b].member;
            field_set_union(&nodes[count].under, &other->nodes[b++].under);
        }
        count++;
    }
    free(set->nodes);
    *set = (struct field_set){.nodes = nodes, .count = count, .capacity = capacity};
}

void field_set_copy(struct field_set *to, const struct field_set *from)
{
    field_set_union(to, from);
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

void field_set_subtract_trees(struct field_set *set, const struct field_set *other)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct field_node *taken = field_set_find(other, set->nodes[i].element);
        if (taken && taken->member) {
            set->nodes[i].member = false;
            field_set_clear(&set->nodes[i].under);
        } else if (taken) {
            field_set_subtract_trees(&set->nodes[i].under, &taken->under);
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

/* "k:" and "v:" with their JSON in canonical form; NULL when `key` is no element. */
static char *canonical(const char *key)
{
    struct json_token tokens[16];
    CLEANUP(json_tape_free)
    struct json_tape tape = {.tokens = tokens, .capacity = ARRAY_LEN(tokens), .borrowed = true};
    CLEANUP(error_clear) struct error err = {0};
    if (key[0] && strchr("fi", key[0]) && key[1] == ':')
        return xstrdup(key);
    if (!key[0] || !strchr("kv", key[0]) || key[1] != ':' ||
        !json_tape_read(&tape, str_of(key + 2), &err) ||
        (tape.tokens[0].kind == JSON_TOKEN_OBJECT) != (key[0] == 'k'))
        return NULL;
    if (is_canonical(&tape))
        return xstrdup(key);
    json_auto_t *value = json_parse_tape(&tape, JSON_LOAD_LENIENT, &err);
    CLEANUP(buf_free) struct buf element = BUF_TEXT;
    buf_add(&element, key, 2);
    if (!value)
        return NULL;
    field_set_write_value(&element, value);
    return buf_take(&element);
}

/* One member of FieldsV1, in canonical form. */
struct parsed {
    char *element;
    const json_t *value;
};

struct parsed_list {
    struct parsed *items;
    size_t count;
};

static void parsed_clear(struct parsed_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].element);
    free(list->items);
}

static int compare_parsed(const void *a, const void *b)
{
    const struct parsed *p = a, *q = b;
    return compare_elements(p->element, q->element);
}

static bool read_elements(struct parsed_list *list, const json_t *fields)
{
    const char *key;
    json_t *value, *self = (json_t *)(uintptr_t)fields; /* jansson's iterators are not const */
    list->items = xcalloc(json_object_size(fields) + 1, sizeof(*list->items));
    json_object_foreach (self, key, value) {
        if (strcmp(key, ".") == 0)
            continue;
        char *element = canonical(key);
        if (!element)
            return false;
        list->items[list->count++] = (struct parsed){element, value};
    }
    qsort(list->items, list->count, sizeof(*list->items), compare_parsed);
    return true;
}

static bool parse_level(struct field_set *set, const json_t *fields, unsigned depth, size_t *nodes,
                        struct error *err)
{
    CLEANUP(parsed_clear) struct parsed_list list = {0};
    if (depth > JSON_DEPTH_MAX || !json_is_object(fields))
        return error_bad_request(err, "error decoding managed fields: not a set of fields");
    *nodes += json_object_size(fields);
    if (*nodes > FIELD_SET_NODES_MAX || !read_elements(&list, fields))
        return error_bad_request(err, "error decoding managed fields: bad path element");
    for (size_t i = 0; i < list.count; i++) {
        const json_t *value = list.items[i].value;
        struct field_node *node = field_set_ensure(set, list.items[i].element);
        node->member = node->member || json_object_size(value) == 0 || json_object_get(value, ".");
        if (!parse_level(&node->under, value, depth + 1, nodes, err))
            return false;
    }
    return true;
}

bool field_set_parse(struct field_set *set, const json_t *fields, struct error *err)
{
    size_t nodes = 0;
    return parse_level(set, fields, 0, &nodes, err);
}

json_t *field_set_json(const struct field_set *set)
{
    json_t *out = json_object();
    for (size_t i = 0; i < set->count; i++) {
        const struct field_node *node = &set->nodes[i];
        json_t *under = json_object();
        if (node->member && node->under.count)
            json_object_set_new(under, ".", json_object());
        json_auto_t *members = field_set_json(&node->under);
        json_object_update(under, members);
        json_object_set_new(out, node->element, under);
    }
    return out;
}

/* `.spec`, `[name="a",port=1]`, `[="x"]`, `[3]` */
static void print_element(struct buf *out, const char *element)
{
    CLEANUP(error_clear) struct error err = {0};
    const char *name;
    json_t *value;
    bool first = true;
    if (element[0] == 'f') {
        buf_printf(out, ".%s", element + 2);
        return;
    }
    if (element[0] != 'k') {
        buf_printf(out, element[0] == 'v' ? "[=%s]" : "[%s]", element + 2);
        return;
    }
    json_auto_t *keys = json_parse(str_of(element + 2), JSON_LOAD_LENIENT, &err);
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
        print_element(path, set->nodes[i].element);
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
