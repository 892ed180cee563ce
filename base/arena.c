#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK_SIZE     ((size_t)4096)
#define CHUNK_SIZE_MAX ((size_t)65536)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    max_align_t data[];
};

static struct arena_chunk *chunk_for(struct arena *arena, size_t bytes)
{
    size_t size = arena->used / 2; /* few chunks, and little left over in the last */
    size = size < CHUNK_SIZE ? CHUNK_SIZE : size > CHUNK_SIZE_MAX ? CHUNK_SIZE_MAX : size;
    size = bytes > size ? bytes : size;
    if (bytes > arena->max || arena->used > arena->max - bytes)
        return NULL;
    struct arena_chunk *chunk = try_malloc(sizeof(*chunk) + size);
    if (!chunk)
        return NULL;
    chunk->used = 0;
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->used += size;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(max_align_t) - 1, &bytes)) {
        arena->full = true;
        return NULL;
    }
    bytes &= ~(sizeof(max_align_t) - 1);
    struct arena_chunk *chunk = arena->chunks;
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

char *arena_copy(struct arena *arena, struct str text)
{
    char *copy = arena_alloc(arena, text.len + 1, 1);
    if (copy && text.len)
        memcpy(copy, text.data, text.len);
    return copy;
}

void *xarena_alloc(struct arena *arena, size_t count, size_t size)
{
    void *block = arena_alloc(arena, count, size);
    if (!block)
        abort();
    return block;
}

struct str xarena_copy(struct arena *arena, struct str text)
{
    char *copy = xarena_alloc(arena, text.len + 1, 1);
    if (text.len)
        memcpy(copy, text.data, text.len);
    return (struct str){copy, text.len};
}

void arena_clear(struct arena *arena)
{
    for (struct arena_chunk *next, *chunk = arena->chunks; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    arena->chunks = NULL;
    arena->used = 0;
    arena->full = false;
}
