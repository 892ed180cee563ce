/* base/quantity.h: resource.Quantity: exact decimal amounts with SI or binary suffixes. No floating
 * point. Source: apimachinery pkg/api/resource. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"

enum quantity_format { QUANTITY_DECIMAL_SI, QUANTITY_BINARY_SI, QUANTITY_DECIMAL_EXPONENT };

/* value = nano * 10^-9 in 128 bits: every Kubernetes quantity, rounded up to nano as upstream does.
 */
struct quantity {
    __int128 nano;
    enum quantity_format format;
};

#define QUANTITY_TEXT_SIZE 48

MUST_CHECK bool quantity_parse(struct str text, struct quantity *out);
/* What upstream says of a text that is none: its form is wrong, or its suffix unknown. */
const char *quantity_problem(struct str text);
/* Canonical form. */
void quantity_format(const struct quantity *quantity, char out[QUANTITY_TEXT_SIZE]);
/* Rounded up, saturating. */
int64_t quantity_value(const struct quantity *quantity);
int64_t quantity_milli(const struct quantity *quantity);
struct quantity quantity_from_milli(int64_t milli, enum quantity_format format);
/* a + b and a - b, in the format of `a`; saturating. */
struct quantity quantity_add(const struct quantity *a, const struct quantity *b);
struct quantity quantity_sub(const struct quantity *a, const struct quantity *b);
int quantity_compare(const struct quantity *a, const struct quantity *b);
/* What a quantity that came in as text is stored and shown as: as it was when it is (nearly)
 * canonical already, else in canonical form, by upstream's rule. False when it is not a quantity.
 */
MUST_CHECK bool quantity_canonical(struct str text, char out[QUANTITY_TEXT_SIZE]);
/* The same, rounded up to thousandths: what the values of a ResourceList are. */
MUST_CHECK bool quantity_canonical_milli(struct str text, char out[QUANTITY_TEXT_SIZE]);
