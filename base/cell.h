/* base/cell.h: small blocks of memory, kept by the thread that gave them back.
 *
 * For what is made and dropped by the hundred in one request: the nodes of trees. A block that is
 * given back waits on its thread, by size, for the next that wants one; the rest is malloc's. A
 * thread keeps at most CELL_KEPT_MAX bytes and gives them back when it ends. A block may be taken
 * by one thread and given back by another. Under AddressSanitizer and ThreadSanitizer all is
 * malloc's, so that these go on finding what is wrong. Any thread.
 */
#pragma once
#include <stddef.h>

#define CELL_KEPT_MAX ((size_t)128 << 10)

/* At least `size` bytes, not cleared. Aborts when memory is out, as xmalloc(). */
void *cell_take(size_t size) __attribute__((malloc, returns_nonnull));
/* `size` as it was taken. NULL is accepted. */
void cell_give(void *cell, size_t size);
/* The bytes that a block of `size` has. */
size_t cell_room(size_t size);
