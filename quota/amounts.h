/* quota/amounts.h: named amounts in thousandths of the base unit: what an object uses, what a quota
 * allows. A dozen entries at most times; sorted by name. One thread at a time. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct amount {
    char *name; /* owned: "requests.cpu" */
    int64_t milli;
};
struct amounts {
    struct amount *items;
    size_t count, capacity;
};
void amounts_free(struct amounts *amounts);
/* NULL when it has none of that name. */
struct amount *amounts_find(const struct amounts *amounts, const char *name);
bool amounts_has(const struct amounts *amounts, const char *name);
/* 0 when absent. */
int64_t amounts_get(const struct amounts *amounts, const char *name);
/* Adds to what is there; saturates. */
void amounts_add(struct amounts *amounts, const char *name, int64_t milli);
void amounts_add_all(struct amounts *amounts, const struct amounts *more);
/* Raises each to at least that of `other`. */
void amounts_max_all(struct amounts *amounts, const struct amounts *other);
/* From a ResourceList ({"cpu": "1"}); what is not a quantity is left out. */
void amounts_read(struct amounts *amounts, const json_t *resource_list);
/* A quantity as JSON has it (string or number), in thousandths, rounded up. */
MUST_CHECK bool amount_parse(const json_t *value, int64_t *milli);
/* The way a resource of that name is written: memory and storage in binary units, the rest decimal.
 * Owned. */
char *amount_text(const char *name, int64_t milli);
/* a + b, held at the ends of the range. */
int64_t amount_sum(int64_t a, int64_t b);
