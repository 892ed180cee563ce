/* schema/quantity.h: resource.Quantity: exact decimal amounts with SI or binary suffixes. No floating point.
 * Source: apimachinery pkg/api/resource. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"

enum quantity_format { QUANTITY_DECIMAL_SI, QUANTITY_BINARY_SI, QUANTITY_DECIMAL_EXPONENT };

/* value = nano * 10^-9 in 128 bits: every Kubernetes quantity, rounded up to nano as upstream does. */
struct quantity {
    __int128 nano;
    enum quantity_format format;
};

#define QUANTITY_TEXT_SIZE 48

MUST_CHECK bool quantity_parse(struct str text, struct quantity *out);
/* Canonical form. */
void quantity_format(const struct quantity *quantity, char out[QUANTITY_TEXT_SIZE]);
/* Rounded up, saturating. */
int64_t quantity_value(const struct quantity *quantity);
int64_t quantity_milli(const struct quantity *quantity);
struct quantity quantity_from_milli(int64_t milli, enum quantity_format format);
int quantity_compare(const struct quantity *a, const struct quantity *b);
