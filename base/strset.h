/* base/strset.h: a sorted set of short strings: finalizers, verbs, namespace names.
 * Owns copies of its members. For tens of them: lookup O(log n), insertion O(n).
 * One thread at a time, or frozen and read by many. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct strset {
    char **items; /* in strcmp order; read, do not write */
    size_t count, capacity;
};

/* Frees every member; what is left is empty and usable, as `{0}` is. */
void strset_clear(struct strset *set);
/* Copies `item` in. False when it was there before. */
bool strset_add(struct strset *set, const char *item);
/* False when it was not there. */
bool strset_remove(struct strset *set, const char *item);
bool strset_has(const struct strset *set, const char *item);
/* Adds every member of `from` to `set`. */
void strset_add_all(struct strset *set, const struct strset *from);
