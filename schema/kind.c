/* The rows of kinds' rules, by storage key. Each kind's row is in its file under schema/kinds/. */
#include "schema/kind.h"

#include <string.h>

#include "schema/kinds/kinds.h"
#include "schema/rule_internal.h"

static const struct kind_rules no_rules = {.resource = ""};

static const struct kind_rules *const rows[] = {
#define X(name) &kind_##name,
    KINDS(X)
#undef X
};

/* A few dozen rows: a scan of short keys costs less than a lookup table would. */
static const struct kind_rules *find(const char *resource)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i]->resource, resource) == 0)
            return rows[i];
    return NULL;
}

const struct kind_rules *kind_rules(const char *resource)
{
    const struct kind_rules *found = find(resource);
    return found ? found : &no_rules;
}

bool kind_is_built_in(const char *resource)
{
    return find(resource) != NULL;
}

void kind_index(const char *resource, const json_t *value,
                void (*add)(void *arg, const char *path, const char *value), void *arg)
{
    const struct kind_rules *rules = kind_rules(resource);
    if (rules->index)
        rules->index(value, add, arg);
}
