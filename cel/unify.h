/* cel/unify.h: type parameters, and what they turn out to be. Internal to cel/.
 * Source: cel-go's checker/types.go, by its behaviour. */
#pragma once
#include "base/arena.h"
#include "cel/type.h"

struct cel_unify {
    struct arena *arena;
    const struct cel_type **bound; /* by number; NULL: free */
    uint32_t count, capacity;
    uint32_t *trail; /* numbers bound since, and what they were bound to, for undoing */
    const struct cel_type **trail_old;
    uint32_t trail_count, trail_capacity;
    bool failed; /* out of memory */
};

void cel_unify_deinit(struct cel_unify *unify);
const struct cel_type *cel_unify_fresh(struct cel_unify *unify);
/* LIST, MAP, OPTIONAL or TYPE of those; never NULL. */
const struct cel_type *cel_unify_make(struct cel_unify *unify, enum cel_kind kind,
                                      const struct cel_type *a, const struct cel_type *b);
/* A parameter of a signature: "A" and "B" become fresh ones, kept in `fresh`. */
const struct cel_type *cel_unify_instance(struct cel_unify *unify, const struct cel_type *type,
                                          const struct cel_type *fresh[2]);
/* Whether `from` can stand where `to` is wanted; binds parameters when so. */
bool cel_unify_assign(struct cel_unify *unify, const struct cel_type *to,
                      const struct cel_type *from);
bool cel_unify_assign_all(struct cel_unify *unify, const struct cel_type *const *to,
                          const struct cel_type *const *from, size_t count);
/* With every bound parameter replaced; free ones stay, or become dyn. */
const struct cel_type *cel_unify_resolve(struct cel_unify *unify, const struct cel_type *type,
                                         bool free_to_dyn);
/* The more general of two that fit. */
const struct cel_type *cel_unify_general(const struct cel_type *a, const struct cel_type *b);
