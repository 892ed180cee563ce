#include <string.h>

#include "base/mem.h"
#include "host/scheduler/framework.h"

void sched_amounts_free(struct amounts *amounts)
{
    for (size_t i = 0; i < amounts->count; i++)
        free(amounts->items[i].name);
    free(amounts->items);
    *amounts = (struct amounts){0};
}

static struct amount *find(const struct amounts *amounts, const char *name)
{
    for (size_t i = 0; i < amounts->count; i++)
        if (strcmp(amounts->items[i].name, name) == 0)
            return &amounts->items[i];
    return NULL;
}

int64_t sched_amounts_get(const struct amounts *amounts, const char *name)
{
    const struct amount *amount = find(amounts, name);
    return amount ? amount->value : 0;
}

static struct amount *ensure(struct amounts *amounts, const char *name)
{
    struct amount *amount = find(amounts, name);
    if (amount)
        return amount;
    amounts->items = xreallocarray(amounts->items, amounts->count + 1, sizeof(*amounts->items));
    amount = &amounts->items[amounts->count++];
    *amount = (struct amount){.name = xstrdup(name)};
    return amount;
}

/* Saturates: amounts come from users. */
void sched_amounts_add(struct amounts *amounts, const char *name, int64_t value)
{
    struct amount *amount = ensure(amounts, name);
    if (__builtin_add_overflow(amount->value, value, &amount->value))
        amount->value = value > 0 ? INT64_MAX : INT64_MIN;
}

void amounts_max(struct amounts *amounts, const char *name, int64_t value)
{
    struct amount *amount = ensure(amounts, name);
    if (value > amount->value)
        amount->value = value;
}
