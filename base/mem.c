#include "base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static atomic_uint fail_countdown;

static void *or_abort(void *block)
{
    if (!block) {
        static const char message[] = "warren: out of memory\n";
        (void)!write(STDERR_FILENO, message, sizeof(message) - 1); /* nothing else can be done */
        abort();
    }
    return block;
}

void *xmalloc(size_t size)
{
    return or_abort(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return or_abort(calloc(count ? count : 1, size ? size : 1));
}

void *xreallocarray(void *block, size_t count, size_t size)
{
    return or_abort(reallocarray(block, count ? count : 1, size ? size : 1));
}

char *xstrdup(const char *text)
{
    return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t len)
{
    char *copy = xmalloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *xasprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    return or_abort(len < 0 ? NULL : text);
}

static int should_fail(void)
{
    unsigned left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    return left && atomic_fetch_sub(&fail_countdown, 1) == 1;
}

void *try_malloc(size_t size)
{
    return should_fail() ? NULL : malloc(size ? size : 1);
}

void *try_realloc(void *block, size_t size)
{
    return should_fail() ? NULL : realloc(block, size ? size : 1);
}

void mem_fail_nth(unsigned n)
{
    atomic_store(&fail_countdown, n);
}

void free_ptr(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
