/* rbac/arena.h: memory that is freed all at once: a compiled rule set is thousands of small arrays and strings.
 * One thread while it grows, then frozen with what it holds. */
#pragma once
#include <stddef.h>

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks;
};

void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned for pointers */
char *arena_text(struct arena *arena, const char *text);
void arena_free(struct arena *arena);
