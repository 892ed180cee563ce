/* The list of texts that become Warning headers. */
#include "schema/decode.h"

#include <string.h>

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

void warnings_free(struct warnings *warnings)
{
    for (size_t i = 0; i < warnings->count; i++)
        free(warnings->items[i]);
    free(warnings->items);
    *warnings = (struct warnings){0};
}
