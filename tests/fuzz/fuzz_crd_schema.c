/* A definition's schema with its rules, and an object under it: {"schema": ..., "object": ...}.
 * Pruning twice and defaulting twice must change nothing the second time. */
#include <stdlib.h>

#include "base/json.h"
#include "schema/crd_rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0}, verdict = {0};
    json_auto_t *input =
        json_parse((struct str){(const char *)data, size}, JSON_LOAD_LENIENT, &err);
    json_t *object = json_object_get(input, "object");
    struct crd_memory *memory = crd_memory_new();
    const struct crd_node *node =
        crd_compile(memory, json_object_get(input, "schema"), "schema", &err);
    if (node)
        crd_rules_compile(memory, node, "schema", &err);
    if (node && json_is_object(object)) {
        (void)crd_type(memory, node, "fuzz", 0); /* only made */
        crd_prune(node, object, NULL);
        crd_default(node, object);
        json_auto_t *once = json_deep_copy(object);
        crd_default(node, object);
        if (!json_equal(once, object))
            abort();
        crd_validate(node, object, NULL, &verdict);
        crd_rules_run(node, object, once, NULL, &verdict);
    }
    crd_memory_free(memory);
    error_clear(&err);
    error_clear(&verdict);
    return 0;
}
