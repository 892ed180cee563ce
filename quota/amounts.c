/* Named amounts. */
#include "quota/amounts.h"

#include <string.h>

#include "base/quantity.h"

void amounts_free(struct amounts *amounts)
{
    for (size_t i = 0; i < amounts->count; i++)
        free(amounts->items[i].name);
    free(amounts->items);
    *amounts = (struct amounts){0};
}

int64_t amount_sum(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return a < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

/* True when it is there; `*at` is its place, or where it would go. */
static bool find(const struct amounts *amounts, const char *name, size_t *at)
{
    for (*at = 0; *at < amounts->count; ++*at) {
        int order = strcmp(amounts->items[*at].name, name);
        if (order >= 0)
            return order == 0;
    }
    return false;
}

struct amount *amounts_find(const struct amounts *amounts, const char *name)
{
    size_t at;
    return find(amounts, name, &at) ? &amounts->items[at] : NULL;
}

bool amounts_has(const struct amounts *amounts, const char *name)
{
    return amounts_find(amounts, name) != NULL;
}

int64_t amounts_get(const struct amounts *amounts, const char *name)
{
    const struct amount *amount = amounts_find(amounts, name);
    return amount ? amount->milli : 0;
}

void amounts_add(struct amounts *amounts, const char *name, int64_t milli)
{
    size_t at;
    if (find(amounts, name, &at)) {
        amounts->items[at].milli = amount_sum(amounts->items[at].milli, milli);
        return;
    }
    if (amounts->count == amounts->capacity) {
        amounts->capacity = amounts->capacity ? amounts->capacity * 2 : 8;
        amounts->items = xreallocarray(amounts->items, amounts->capacity, sizeof(*amounts->items));
    }
    memmove(&amounts->items[at + 1], &amounts->items[at],
            (amounts->count - at) * sizeof(*amounts->items));
    amounts->items[at] = (struct amount){.name = xstrdup(name), .milli = milli};
    amounts->count++;
}

void amounts_add_all(struct amounts *amounts, const struct amounts *more)
{
    for (size_t i = 0; i < more->count; i++)
        amounts_add(amounts, more->items[i].name, more->items[i].milli);
}

void amounts_max_all(struct amounts *amounts, const struct amounts *other)
{
    for (size_t i = 0; i < other->count; i++) {
        struct amount *present = amounts_find(amounts, other->items[i].name);
        if (!present)
            amounts_add(amounts, other->items[i].name, other->items[i].milli);
        else if (present->milli < other->items[i].milli)
            present->milli = other->items[i].milli;
    }
}

bool amount_parse(const json_t *value, int64_t *milli)
{
    struct quantity quantity;
    if (json_is_integer(value)) {
        if (__builtin_mul_overflow(json_integer_value(value), 1000, milli))
            *milli = json_integer_value(value) < 0 ? INT64_MIN : INT64_MAX;
        return true;
    }
    if (!json_is_string(value) || !quantity_parse(str_of(json_string_value(value)), &quantity))
        return false;
    *milli = quantity_milli(&quantity);
    return true;
}

void amounts_read(struct amounts *amounts, const json_t *resource_list)
{
    const char *name;
    json_t *value;
    int64_t milli;
    json_object_foreach (resource_list, name, value)
        if (amount_parse(value, &milli))
            amounts_add(amounts, name, milli);
}

static bool is_binary(const char *name)
{
    static const char *const words[] = {"memory", "storage", "hugepages-", "bytes"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strstr(name, words[i]) && !text_ends(name, "persistentvolumeclaims"))
            return true;
    return false;
}

char *amount_text(const char *name, int64_t milli)
{
    char text[QUANTITY_TEXT_SIZE];
    struct quantity quantity =
        quantity_from_milli(milli, is_binary(name) ? QUANTITY_BINARY_SI : QUANTITY_DECIMAL_SI);
    quantity_format(&quantity, text);
    return xstrdup(text);
}
