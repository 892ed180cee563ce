/* Selectors: the first byte picks label or field grammar. Parsing ends, and what was parsed matches
 * without harm. */
#include <assert.h>
#include <stdint.h>

#include "base/json.h"
#include "schema/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const allowed[] = {"spec.nodeName", "spec.host", "status.phase", NULL};
    const struct resource pods = {.key = "pods", .selectable = allowed};
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *labels = json_pack("{s:s,s:s}", "a", "b", "n", "5");
    if (size < 1)
        return 0;
    struct str text = {(const char *)data + 1, size - 1};
    struct selector *selector =
        data[0] & 1 ? selector_parse_fields(text, &pods, &err) : selector_parse_labels(text, &err);
    if (!selector) {
        assert(err.code == 400 && err.message);
        return 0;
    }
    (void)selector_matches_json(selector, labels); /* either answer is fine */
    (void)selector_exact(selector, "spec.nodeName");
    assert(text.len || selector_empty(selector));
    selector_free(selector);
    return 0;
}
