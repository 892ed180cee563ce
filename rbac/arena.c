/* A chain of chunks, filled from the front. */
#include "rbac/arena.h"

#include <string.h>

#include "base/mem.h"

#define CHUNK_SIZE 8192

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    _Alignas(max_align_t) char data[];
};

static struct arena_chunk *chunk_with_room(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = arena->chunks;
    if (chunk && chunk->size - chunk->used >= size)
        return chunk;
    size_t capacity = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    chunk = xcalloc(1, sizeof(*chunk) + capacity);
    chunk->size = capacity;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    struct arena_chunk *chunk = chunk_with_room(arena, size);
    void *block = chunk->data + chunk->used;
    chunk->used += size;
    return block;
}

char *arena_text(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(arena_alloc(arena, size), text, size);
}

void arena_free(struct arena *arena)
{
    while (arena->chunks) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        free(chunk);
    }
}
