#include "controllers/template_hash.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* FNV-1a over the canonical text. */
char *template_hash(const json_t *template, int64_t collisions)
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    char *text = json_dumps(template, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY), digits[24];
    uint32_t hash = 0x811c9dc5u;
    for (const char *at = text; at && *at; at++)
        hash = (hash ^ (unsigned char)*at) * 0x01000193u;
    free(text);
    for (int64_t rest = collisions; rest > 0; rest >>= 8)
        hash = (hash ^ (unsigned char)rest) * 0x01000193u;
    int len = snprintf(digits, sizeof(digits), "%u", hash);
    for (int i = 0; i < len; i++)
        digits[i] = alphabet[(unsigned char)digits[i] % (sizeof(alphabet) - 1)];
    return xstrdup(digits);
}
