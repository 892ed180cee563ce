/* Server-side apply: a live Deployment with whatever managedFields, and a configuration; applying
 * twice with force changes nothing the second time. The input is an array of the two. */
#include <assert.h>
#include <stdint.h>

#include "base/json.h"
#include "schema/apply.h"
#include "schema/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An empty string that is applied and tells items apart, such as a port's protocol, is not kept:
 * the next time there is another item, as upstream. */
static bool has_empty_text(const json_t *value)
{
    const char *name;
    json_t *member;
    size_t i;
    json_object_foreach (value, name, member)
        if (has_empty_text(member))
            return true;
    json_array_foreach (value, i, member)
        if (has_empty_text(member))
            return true;
    return json_is_string(value) && json_string_length(value) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(error_clear) struct error err = {0};
    const struct type *type = type_find("io.k8s.api.apps.v1.Deployment");
    const struct apply apply = {.type = type,
                                .api_version = "apps/v1",
                                .kind = "Deployment",
                                .subresource = "",
                                .manager = "fuzzer",
                                .force = true,
                                .now_us = 1};
    json_auto_t *input =
        json_parse((struct str){(const char *)data, size}, JSON_LOAD_LENIENT, &err);
    json_t *live = json_array_get(input, 0), *config = json_array_get(input, 1);
    if (!json_is_object(live) || !json_is_object(config) ||
        !schema_shape(type, live, FIELD_VALIDATION_IGNORE, NULL, &err))
        return 0;
    json_auto_t *once = apply_configuration(&apply, live, config, &err);
    if (!once) {
        assert(err.code >= 400 && err.message);
        return 0;
    }
    json_auto_t *twice = apply_configuration(&apply, once, config, &err);
    assert(twice && (json_equal(once, twice) || has_empty_text(config)));
    json_auto_t *edited = json_deep_copy(live);
    apply_track(&apply, once, edited);
    return 0;
}
