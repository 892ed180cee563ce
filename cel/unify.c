#include "cel/unify.h"

#include <stdlib.h>

#define VARS_MAX  200000
#define DEPTH_MAX 64

/* A parameter that stands for something not known yet: its number is hidden in size_max. */
static bool is_var(const struct cel_type *type)
{
    return type->kind == CEL_PARAM;
}

static uint32_t number_of(const struct cel_type *var)
{
    return (uint32_t)var->size_max;
}

void cel_unify_deinit(struct cel_unify *unify)
{
    free(unify->bound);
    free(unify->trail);
    free(unify->trail_old);
}

static struct cel_type *new_type(struct cel_unify *unify)
{
    struct cel_type *type = arena_alloc(unify->arena, 1, sizeof(*type));
    if (!type)
        unify->failed = true;
    return type;
}

const struct cel_type *cel_unify_fresh(struct cel_unify *unify)
{
    struct cel_type *type = new_type(unify);
    if (!type || unify->count >= VARS_MAX) {
        unify->failed = true;
        return &cel_dyn;
    }
    if (unify->count == unify->capacity) {
        unify->capacity = unify->capacity ? unify->capacity * 2 : 32;
        unify->bound = xreallocarray(unify->bound, unify->capacity, sizeof(struct cel_type *));
    }
    *type = (struct cel_type){.kind = CEL_PARAM, .name = "_var", .size_max = unify->count};
    unify->bound[unify->count++] = NULL;
    return type;
}

const struct cel_type *cel_unify_make(struct cel_unify *unify, enum cel_kind kind,
                                      const struct cel_type *a, const struct cel_type *b)
{
    struct cel_type *type = new_type(unify);
    if (!type)
        return &cel_dyn;
    *type = (struct cel_type){.kind = (uint8_t)kind, .params = {a, b}};
    return type;
}

const struct cel_type *cel_unify_instance(struct cel_unify *unify, const struct cel_type *type,
                                          const struct cel_type *fresh[2])
{
    if (type->kind == CEL_PARAM) {
        size_t at = type->name[0] == 'B';
        if (!fresh[at])
            fresh[at] = cel_unify_fresh(unify);
        return fresh[at];
    }
    if (!type->params[0])
        return type;
    const struct cel_type *first = cel_unify_instance(unify, type->params[0], fresh);
    const struct cel_type *second =
        type->params[1] ? cel_unify_instance(unify, type->params[1], fresh) : NULL;
    if (first == type->params[0] && second == type->params[1])
        return type;
    return cel_unify_make(unify, type->kind, first, second);
}

static void bind(struct cel_unify *unify, const struct cel_type *var, const struct cel_type *to)
{
    if (unify->trail_count == unify->trail_capacity) {
        unify->trail_capacity = unify->trail_capacity ? unify->trail_capacity * 2 : 32;
        unify->trail = xreallocarray(unify->trail, unify->trail_capacity, sizeof(*unify->trail));
        unify->trail_old =
            xreallocarray(unify->trail_old, unify->trail_capacity, sizeof(struct cel_type *));
    }
    unify->trail[unify->trail_count] = number_of(var);
    unify->trail_old[unify->trail_count++] = unify->bound[number_of(var)];
    unify->bound[number_of(var)] = to;
}

static void undo(struct cel_unify *unify, uint32_t mark)
{
    while (unify->trail_count > mark) {
        unify->trail_count--;
        unify->bound[unify->trail[unify->trail_count]] = unify->trail_old[unify->trail_count];
    }
}

static bool free_of(const struct cel_unify *unify, const struct cel_type *var,
                    const struct cel_type *type, unsigned depth)
{
    if (!type)
        return true;
    if (depth > DEPTH_MAX)
        return false;
    if (is_var(type)) {
        if (number_of(type) == number_of(var))
            return false;
        return free_of(unify, var, unify->bound[number_of(type)], depth + 1);
    }
    return free_of(unify, var, type->params[0], depth + 1) &&
           free_of(unify, var, type->params[1], depth + 1);
}

static bool assign(struct cel_unify *unify, const struct cel_type *to, const struct cel_type *from,
                   unsigned depth);

/* Whether `var` can stand for `type`; *known when it stood for something already. */
static bool substitute(struct cel_unify *unify, const struct cel_type *type,
                       const struct cel_type *var, bool *known, unsigned depth)
{
    *known = true;
    if (is_var(type) && number_of(type) == number_of(var))
        return true;
    const struct cel_type *now = unify->bound[number_of(var)];
    if (now) {
        if (cel_type_equal(type, now) && !is_var(type))
            return true;
        if (!assign(unify, type, now, depth + 1))
            return false;
        const struct cel_type *general = cel_unify_general(type, now);
        if (free_of(unify, var, general, 0))
            bind(unify, var, general);
        return true;
    }
    *known = false;
    if (!free_of(unify, var, type, 0))
        return false;
    bind(unify, var, type);
    return true;
}

static bool is_any(const struct cel_type *type)
{
    return type->kind == CEL_DYN || type->kind == CEL_ERROR;
}

static bool takes_null(const struct cel_type *type)
{
    return type->kind == CEL_NULL || type->kind == CEL_OBJECT || type->kind == CEL_OPAQUE ||
           type->kind == CEL_OPTIONAL || type->kind == CEL_TIMESTAMP || type->kind == CEL_DURATION;
}

static bool assign(struct cel_unify *unify, const struct cel_type *to, const struct cel_type *from,
                   unsigned depth)
{
    bool known;
    if (depth > DEPTH_MAX)
        return false;
    if (is_var(from)) {
        if (substitute(unify, to, from, &known, depth))
            return true;
        if (known)
            return false;
    }
    if (is_var(to))
        return substitute(unify, from, to, &known, depth);
    if (is_any(to) || is_any(from))
        return true;
    if (to->kind == CEL_NULL)
        return takes_null(from);
    if (from->kind == CEL_NULL)
        return takes_null(to);
    if (to->kind != from->kind)
        return false;
    if (to->kind == CEL_OBJECT || to->kind == CEL_OPAQUE)
        return text_eq(to->name, from->name);
    if (to->kind == CEL_TYPE)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(to->params); i++)
        if (to->params[i] && from->params[i] &&
            !assign(unify, to->params[i], from->params[i], depth + 1))
            return false;
    return true;
}

bool cel_unify_assign_all(struct cel_unify *unify, const struct cel_type *const *to,
                          const struct cel_type *const *from, size_t count)
{
    uint32_t mark = unify->trail_count;
    for (size_t i = 0; i < count; i++)
        if (!assign(unify, to[i], from[i], 0)) {
            undo(unify, mark);
            return false;
        }
    return true;
}

bool cel_unify_assign(struct cel_unify *unify, const struct cel_type *to,
                      const struct cel_type *from)
{
    return cel_unify_assign_all(unify, &to, &from, 1);
}

static const struct cel_type *resolve(struct cel_unify *unify, const struct cel_type *type,
                                      bool free_to_dyn, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return &cel_dyn;
    if (is_var(type)) {
        const struct cel_type *now = unify->bound[number_of(type)];
        if (now)
            return resolve(unify, now, free_to_dyn, depth + 1);
        return free_to_dyn ? &cel_dyn : type;
    }
    if (!type->params[0])
        return type;
    const struct cel_type *first = resolve(unify, type->params[0], free_to_dyn, depth + 1);
    const struct cel_type *second =
        type->params[1] ? resolve(unify, type->params[1], free_to_dyn, depth + 1) : NULL;
    if (first == type->params[0] && second == type->params[1])
        return type;
    return cel_unify_make(unify, type->kind, first, second);
}

const struct cel_type *cel_unify_resolve(struct cel_unify *unify, const struct cel_type *type,
                                         bool free_to_dyn)
{
    return resolve(unify, type, free_to_dyn, 0);
}

static bool less_specific(const struct cel_type *a, const struct cel_type *b)
{
    if (is_any(a) || is_var(a))
        return true;
    if (is_any(b) || is_var(b))
        return false;
    if (a->kind == CEL_NULL || b->kind == CEL_NULL)
        return b->kind == CEL_NULL;
    if (a->kind != b->kind)
        return false;
    if (a->kind == CEL_OBJECT || a->kind == CEL_OPAQUE)
        return text_eq(a->name, b->name);
    for (size_t i = 0; i < ARRAY_LEN(a->params); i++)
        if (a->params[i] && b->params[i] && !less_specific(a->params[i], b->params[i]))
            return false;
    return true;
}

const struct cel_type *cel_unify_general(const struct cel_type *a, const struct cel_type *b)
{
    return less_specific(a, b) ? a : b;
}
