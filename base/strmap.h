/* base/strmap.h: a hash map from strings to pointers.
 *
 * Owns copies of its keys, not its values. O(1) lookup; iteration in no order that means anything.
 * Hashed with a per-process random seed, since keys come from outside. One thread at a time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strmap_slot {
    char *key; /* NULL: free */
    void *value;
    uint64_t hash;
};

struct strmap {
    struct strmap_slot *slots;
    size_t count, capacity;
};

void strmap_clear(struct strmap *map);
/* NULL when it is not there. */
void *strmap_get(const struct strmap *map, const char *key);
bool strmap_has(const struct strmap *map, const char *key);
/* Returns the value that it replaced, or NULL. */
void *strmap_put(struct strmap *map, const char *key, void *value);
/* Returns the removed value, or NULL. */
void *strmap_remove(struct strmap *map, const char *key);

/* `for (size_t i = 0; strmap_next(&map, &i, &key, &value);)`; do not change the map meanwhile. */
bool strmap_next(const struct strmap *map, size_t *at, const char **key, void **value);
