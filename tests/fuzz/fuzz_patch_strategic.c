/* Strategic merge patch of a Deployment: the target stays, a refusal is 400 or 422. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "schema/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] =
        "{\"metadata\":{\"finalizers\":[\"a/b\",\"c/"
        "d\"],\"labels\":{\"x\":\"y\"}},\"spec\":{\"strategy\":{\"type\":\"RollingUpdate\","
        "\"rollingUpdate\":{\"maxSurge\":1}},\"template\":{\"spec\":{\"containers\":[{\"name\":"
        "\"a\",\"image\":\"i\",\"ports\":"
        "[{\"containerPort\":80}]},{\"name\":\"b\"}],\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]"
        "}}}}";
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(warnings_free) struct warnings found = {0};
    json_auto_t *target = json_loads(text, 0, NULL), *kept = json_deep_copy(target);
    const struct type *type = type_find("io.k8s.api.apps.v1.Deployment");
    json_auto_t *changed =
        patch_strategic(type, target, (struct str){(const char *)data, size}, &found, &err);
    assert(type);
    assert(changed || err.code == 400 || err.code == 422 || err.code == 500);
    assert(json_equal(target, kept));
    return 0;
}
