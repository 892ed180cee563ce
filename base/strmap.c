#include "base/strmap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static uint64_t seed;

static void make_seed(void)
{
    random_bytes(&seed, sizeof(seed));
}

/* FNV-1a from a random start, then mixed: enough against chosen keys of names' lengths. */
static uint64_t hash_text(const char *key)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_seed);
    uint64_t hash = seed ^ 0xcbf29ce484222325u;
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 0x100000001b3u;
    hash ^= hash >> 32;
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

/* The slot of `key`, or the free one where it would go. The map has room. */
static struct strmap_slot *find(const struct strmap *map, const char *key, uint64_t hash)
{
    size_t at = hash & (map->capacity - 1);
    while (map->slots[at].key &&
           (map->slots[at].hash != hash || strcmp(map->slots[at].key, key) != 0))
        at = (at + 1) & (map->capacity - 1);
    return &map->slots[at];
}

static void grow(struct strmap *map)
{
    struct strmap old = *map;
    map->capacity = old.capacity ? old.capacity * 2 : 8;
    map->slots = xcalloc(map->capacity, sizeof(*map->slots));
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].key)
            *find(map, old.slots[i].key, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

void strmap_clear(struct strmap *map)
{
    for (size_t i = 0; i < map->capacity; i++)
        free(map->slots[i].key);
    free(map->slots);
    *map = (struct strmap){0};
}

void *strmap_get(const struct strmap *map, const char *key)
{
    return map->count ? find(map, key, hash_text(key))->value : NULL;
}

bool strmap_has(const struct strmap *map, const char *key)
{
    return map->count && find(map, key, hash_text(key))->key;
}

void *strmap_put(struct strmap *map, const char *key, void *value)
{
    uint64_t hash = hash_text(key);
    if (map->count * 4 >= map->capacity * 3)
        grow(map);
    struct strmap_slot *slot = find(map, key, hash);
    void *before = slot->value;
    if (!slot->key) {
        slot->key = xstrdup(key);
        slot->hash = hash;
        map->count++;
    }
    slot->value = value;
    return before;
}

void *strmap_remove(struct strmap *map, const char *key)
{
    if (!map->count)
        return NULL;
    struct strmap_slot *slot = find(map, key, hash_text(key));
    if (!slot->key)
        return NULL;
    void *value = slot->value;
    free(slot->key);
    *slot = (struct strmap_slot){0};
    map->count--;
    /* Move up what had been pushed past this place. */
    size_t mask = map->capacity - 1;
    for (size_t at = ((size_t)(slot - map->slots) + 1) & mask; map->slots[at].key;
         at = (at + 1) & mask) {
        struct strmap_slot moved = map->slots[at];
        map->slots[at] = (struct strmap_slot){0};
        *find(map, moved.key, moved.hash) = moved;
    }
    return value;
}

bool strmap_next(const struct strmap *map, size_t *at, const char **key, void **value)
{
    while (*at < map->capacity && !map->slots[*at].key)
        (*at)++;
    if (*at >= map->capacity)
        return false;
    *key = map->slots[*at].key;
    *value = map->slots[(*at)++].value;
    return true;
}
