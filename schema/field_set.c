#include "schema/field_set.h"

#include <string.h>

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

void field_set_add_path(struct field_set *set, const char *const *names)
{
    struct field_node *node = NULL;
    for (; *names; names++) {
        CLEANUP(free_ptr) char *element = xasprintf("f:%s", *names);
        node = field_set_ensure(node ? &node->under : set, element);
    }
    if (node)
        node->member = true;
}

static void drop_at(struct field_set *set, size_t at)
{
    free(set->nodes[at].element);
    field_set_clear(&set->nodes[at].under);
    set->count--;
    memmove(&set->nodes[at], &set->nodes[at + 1], (set->count - at) * sizeof(*set->nodes));
}

/* Drops the node if nothing is left of it. True if it stays. */
static bool keep_at(struct field_set *set, size_t at)
{
    if (set->nodes[at].member || set->nodes[at].under.count)
        return true;
    drop_at(set, at);
    return false;
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

void field_set_union(struct field_set *set, const struct field_set *other)
{
    for (size_t i = 0; i < other->count; i++) {
        struct field_node *node = field_set_ensure(set, other->nodes[i].element);
        node->member = node->member || other->nodes[i].member;
        field_set_union(&node->under, &other->nodes[i].under);
    }
}

void field_set_copy(struct field_set *to, const struct field_set *from)
{
    field_set_union(to, from);
}

void field_set_subtract(struct field_set *set, const struct field_set *other)
{
    for (size_t i = 0; i < set->count;) {
        const struct field_node *taken = field_set_find(other, set->nodes[i].element);
        if (taken) {
            set->nodes[i].member = set->nodes[i].member && !taken->member;
            field_set_subtract(&set->nodes[i].under, &taken->under);
        }
        i += keep_at(set, i);
    }
}

void field_set_subtract_trees(struct field_set *set, const struct field_set *other)
{
    for (size_t i = 0; i < set->count;) {
        const struct field_node *taken = field_set_find(other, set->nodes[i].element);
        if (taken && taken->member) {
            drop_at(set, i);
            continue;
        }
        if (taken)
            field_set_subtract_trees(&set->nodes[i].under, &taken->under);
        i += keep_at(set, i);
    }
}

void field_set_intersect(struct field_set *set, const struct field_set *other)
{
    static const struct field_set nothing;
    for (size_t i = 0; i < set->count;) {
        const struct field_node *kept = field_set_find(other, set->nodes[i].element);
        set->nodes[i].member = set->nodes[i].member && kept && kept->member;
        field_set_intersect(&set->nodes[i].under, kept ? &kept->under : &nothing);
        i += keep_at(set, i);
    }
}

/* "k:" and "v:" with their JSON in canonical form; NULL when `key` is no element. */
static char *canonical(const char *key)
{
    CLEANUP(error_clear) struct error err = {0};
    if (key[0] && strchr("fi", key[0]) && key[1] == ':')
        return xstrdup(key);
    if (!key[0] || !strchr("kv", key[0]) || key[1] != ':')
        return NULL;
    json_auto_t *value = json_parse(str_of(key + 2), JSON_LOAD_LENIENT, &err);
    if (!value || json_is_object(value) != (key[0] == 'k'))
        return NULL;
    char *sorted = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    char *element = xasprintf("%c:%s", key[0], sorted ? sorted : "");
    free(sorted);
    return element;
}

static bool parse_level(struct field_set *set, const json_t *fields, unsigned depth, size_t *nodes,
                        struct error *err)
{
    const char *key;
    json_t *value, *self = (json_t *)(uintptr_t)fields; /* jansson's iterators are not const */
    if (depth > JSON_DEPTH_MAX || !json_is_object(fields))
        return error_bad_request(err, "error decoding managed fields: not a set of fields");
    json_object_foreach (self, key, value) {
        if (strcmp(key, ".") == 0)
            continue;
        CLEANUP(free_ptr) char *element = canonical(key);
        if (!element || ++*nodes > FIELD_SET_NODES_MAX)
            return error_bad_request(err, "error decoding managed fields: bad path element");
        struct field_node *node = field_set_ensure(set, element);
        node->member = json_object_size(value) == 0 || json_object_get(value, ".");
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
