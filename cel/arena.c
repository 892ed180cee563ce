#include "cel/arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK_SIZE ((size_t)4096)

struct cel_chunk {
    struct cel_chunk *next;
    size_t used, size;
    max_align_t data[];
};

static struct cel_chunk *chunk_for(struct cel_arena *arena, size_t bytes)
{
    size_t size = bytes > CHUNK_SIZE ? bytes : CHUNK_SIZE;
    if (bytes > arena->max || arena->used > arena->max - bytes)
        return NULL;
    struct cel_chunk *chunk = try_malloc(sizeof(*chunk) + size);
    if (!chunk)
        return NULL;
    chunk->used = 0;
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->used += size;
    return chunk;
}

void *cel_arena_alloc(struct cel_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(max_align_t) - 1, &bytes)) {
        arena->full = true;
        return NULL;
    }
    bytes &= ~(sizeof(max_align_t) - 1);
    struct cel_chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < bytes)
        chunk = chunk_for(arena, bytes);
    if (!chunk) {
        arena->full = true;
        return NULL;
    }
    void *block = (char *)chunk->data + chunk->used;
    chunk->used += bytes;
    return memset(block, 0, bytes);
}

char *cel_arena_copy(struct cel_arena *arena, struct str text)
{
    char *copy = cel_arena_alloc(arena, text.len + 1, 1);
    if (copy && text.len)
        memcpy(copy, text.data, text.len);
    return copy;
}

void cel_arena_clear(struct cel_arena *arena)
{
    for (struct cel_chunk *next, *chunk = arena->chunks; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    arena->chunks = NULL;
    arena->used = 0;
    arena->full = false;
}
