/* The list of texts that become Warning headers. */
#include <stdlib.h>
#include <string.h>

#include "schema/decode_internal.h"

void warnings_add(struct warnings *warnings, const char *text)
{
    if (warnings->count == WARNINGS_MAX)
        return;
    if (warnings->count == warnings->capacity) {
        warnings->capacity = warnings->capacity ? warnings->capacity * 2 : 4;
        warnings->items =
            xreallocarray(warnings->items, warnings->capacity, sizeof(*warnings->items));
    }
    warnings->items[warnings->count++] = xstrdup(text);
}

static bool has(const struct warnings *warnings, const char *text)
{
    for (size_t i = 0; i < warnings->count; i++)
        if (strcmp(warnings->items[i], text) == 0)
            return true;
    return false;
}

void warnings_merge(struct warnings *warnings, const struct warnings *from)
{
    for (size_t i = 0; i < from->count; i++)
        if (!has(warnings, from->items[i]))
            warnings_add(warnings, from->items[i]);
}

void warnings_free(struct warnings *warnings)
{
    for (size_t i = 0; i < warnings->count; i++)
        free(warnings->items[i]);
    free(warnings->items);
    *warnings = (struct warnings){0};
}

/* The rank of a byte of a path: what ends a part comes before everything that a part may hold. */
static int path_rank(unsigned char c)
{
    return c == '"' || c == '\0' ? 0 : c == '[' ? 1 : c == '.' ? 2 : 3 + c;
}

/* Texts that end in a path: by its parts, indexes by their number. */
static int compare_paths(const void *first, const void *second)
{
    const char *a = *(const char *const *)first, *b = *(const char *const *)second;
    size_t at = 0;
    while (a[at] && a[at] == b[at])
        at++;
    size_t start = at;
    while (start && a[start - 1] >= '0' && a[start - 1] <= '9')
        start--;
    if (start && a[start - 1] == '[') {
        size_t a_len = strspn(a + start, "0123456789"), b_len = strspn(b + start, "0123456789");
        if (a_len != b_len)
            return a_len < b_len ? -1 : 1;
    }
    return path_rank((unsigned char)a[at]) - path_rank((unsigned char)b[at]);
}

void strict_sort(struct warnings *found, size_t from)
{
    if (found->count > from + 1)
        qsort(found->items + from, found->count - from, sizeof(*found->items), compare_paths);
}
