/* cel/arena.h: memory that goes at once, with a maximum. One thread at a time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct cel_chunk;

struct cel_arena {
    struct cel_chunk *chunks; /* newest first */
    size_t used, max;         /* bytes over all chunks */
    bool full;                /* an allocation was refused */
};

/* Zeroed; NULL, and `full`, when it would pass the maximum or memory is out. */
void *cel_arena_alloc(struct cel_arena *arena, size_t count, size_t size);
/* A terminated copy; NULL as above. */
char *cel_arena_copy(struct cel_arena *arena, struct str text);
void cel_arena_clear(struct cel_arena *arena);
