#include "schema/field_set.h"

#include <stdlib.h>
#include <string.h>

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
