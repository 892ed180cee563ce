/* Quantities: what is read is written in a form that reads as the same, and canonical text is a
 * fixed point. */
#include <assert.h>
#include <stdint.h>

#include "base/quantity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct quantity first, second;
    char out[QUANTITY_TEXT_SIZE], again[QUANTITY_TEXT_SIZE];
    if (quantity_parse(text, &first)) {
        quantity_format(&first, out);
        assert(quantity_parse(str_of(out), &second));
        quantity_format(&second, again);
        assert(strcmp(out, again) == 0);
        (void)quantity_value(&first); /* must not overflow, whatever it is */
        (void)quantity_milli(&first);
    }
    if (quantity_canonical(text, out)) {
        assert(quantity_canonical(str_of(out), again));
        assert(strcmp(out, again) == 0);
    }
    if (quantity_canonical_milli(text, out))
        assert(quantity_parse(str_of(out), &second));
    return 0;
}
