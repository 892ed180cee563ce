/* base/mem.h: allocation and scopes.
 *
 * The x-forms abort when memory is out: use them for sizes that we choose. A size that came from
 * outside is first checked against a limit and uses the try-forms, which return NULL.
 *
 * CLEANUP(f) runs f(&variable) at the end of the block; MUST_CHECK makes an ignored result a
 * warning. */
#pragma once
#include <stddef.h>
#include <stdlib.h>

#define CLEANUP(fn)              __attribute__((cleanup(fn)))
#define MUST_CHECK               __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define ARRAY_LEN(a)             (sizeof(a) / sizeof((a)[0]))

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xreallocarray(void *block, size_t count, size_t size);
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t len) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *format, ...) PRINTF_LIKE(1, 2) __attribute__((returns_nonnull));

/* NULL when memory is out, or when a test asked for the failure. */
void *try_malloc(size_t size);
void *try_realloc(void *block, size_t size);

/* Test seam: the n-th try_ call from now fails; 0 turns it off. Any thread. */
void mem_fail_nth(unsigned n);

/* For CLEANUP: `CLEANUP(free_ptr) char *name = ...;` and `CLEANUP(close_fd) int fd = ...;` */
void free_ptr(void *pointer_to_pointer);
void close_fd(const int *fd);

/* Takes the value out of `*pointer`, leaving NULL: returns ownership from a CLEANUP variable. */
#define TAKE(pointer)                                                                              \
    ({                                                                                             \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })
