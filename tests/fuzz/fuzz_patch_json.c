/* JSON patch and merge patch: the target stays, the result is bounded, and a refusal is 400, 413 or
 * 422. */
#include <assert.h>
#include <stdint.h>

#include "schema/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] =
        "{\"a\":{\"b\":[1,2,{\"c\":\"d\"}],\"e/f\":null},\"g~h\":true,\"list\":[]}";
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(warnings_free) struct warnings found = {0};
    json_auto_t *target = json_loads(text, 0, NULL), *kept = json_deep_copy(target);
    struct str patch = {(const char *)data, size};
    json_auto_t *changed = patch_json(target, patch, size & 1 ? &found : NULL, &err);
    assert(changed || err.code == 400 || err.code == 413 || err.code == 422);
    error_clear(&err);
    json_auto_t *merged = patch_merge(target, patch, &found, &err);
    assert(merged || err.code == 400);
    if (merged && json_is_object(merged)) {
        CLEANUP(error_clear) struct error ignored = {0};
        json_auto_t *twice = patch_merge(merged, patch, NULL, &ignored);
        assert(json_equal(merged, twice));
    }
    assert(json_equal(target, kept));
    return 0;
}
