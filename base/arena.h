/* base/arena.h: memory that goes at once, with a maximum. One thread at a time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    size_t used, max;           /* bytes over all chunks */
    bool full;                  /* an allocation was refused */
};

/* For what is small by construction, or bounded by input that has a limit: with the x-forms. */
#define ARENA_UNBOUNDED ((struct arena){.max = SIZE_MAX})

/* Zeroed; NULL, and `full`, when it would pass the maximum or memory is out. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
/* A terminated copy; NULL as above. */
char *arena_copy(struct arena *arena, struct str text);
/* The same, but abort where those refuse. */
void *xarena_alloc(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));
struct str xarena_copy(struct arena *arena, struct str text);
void arena_clear(struct arena *arena);
