/* What custom resources have of a strategy: generation, status and scale. */
#include <string.h>

#include "schema/crd.h"
#include "schema/crd_rule.h"
#include "schema/meta.h"

static bool has_status(const struct resource *row)
{
    return resource_sub(row, STR("status")) != NULL;
}

/* Everything but metadata, and status where that is a subresource. */
static bool content_differs(const struct resource *row, const json_t *object, const json_t *old)
{
    json_auto_t *now = json_copy((json_t *)(uintptr_t)object);
    json_auto_t *before = json_copy((json_t *)(uintptr_t)old);
    json_object_del(now, "metadata");
    json_object_del(before, "metadata");
    json_object_del(now, "apiVersion");
    json_object_del(before, "apiVersion");
    if (has_status(row)) {
        json_object_del(now, "status");
        json_object_del(before, "status");
    }
    return !json_equal(now, before);
}

/* Everything is as it was but the status, and who manages it. */
static void keep_all_but_status(json_t *object, const json_t *old)
{
    json_auto_t *status = json_incref(json_object_get(object, "status"));
    json_auto_t *managed = json_incref(json_at(object, "metadata", "managedFields"));
    json_auto_t *revision = json_incref(json_at(object, "metadata", "resourceVersion"));
    json_auto_t *copy = json_deep_copy(old);
    json_object_clear(object);
    json_object_update(object, copy);
    json_object_del(object, "status");
    if (status)
        json_object_set(object, "status", status);
    json_t *metadata = json_ensure_object(object, "metadata");
    if (managed)
        json_object_set(metadata, "managedFields", managed);
    if (revision)
        json_object_set(metadata, "resourceVersion", revision);
}

void crd_object_prepare(const struct resource *row, json_t *object, const json_t *old,
                        const char *subresource)
{
    json_t *metadata = json_ensure_object(object, "metadata");
    if (!old) {
        json_object_set_new(metadata, "generation", json_integer(1));
        if (has_status(row))
            json_object_del(object, "status");
        return;
    }
    if (strcmp(subresource, "status") == 0) {
        keep_all_but_status(object, old);
        return;
    }
    if (has_status(row)) {
        json_t *status = json_object_get(old, "status");
        if (status)
            json_object_set(object, "status", status);
        else
            json_object_del(object, "status");
    }
    int64_t generation = json_int_or(json_at(old, "metadata", "generation"), 0);
    if (content_differs(row, object, old))
        json_object_set_new(metadata, "generation", json_integer(generation + 1));
}

/* Whether a value is so far from its schema's shape that rules would not know what to make of it.
 */
static bool blocks_rules(const struct error *err)
{
    static const char *const types[] = {"FieldValueNotSupported", "FieldValueRequired",
                                        "FieldValueTooLong", "FieldValueTooMany",
                                        "FieldValueTypeInvalid"};
    for (size_t i = 0; i < err->cause_count; i++)
        for (size_t j = 0; j < ARRAY_LEN(types); j++)
            if (strcmp(err->causes[i].type, types[j]) == 0)
                return true;
    return false;
}

void crd_object_validate(const struct crd_write *write, struct warnings *warnings,
                         struct error *err)
{
    const struct crd_node *root = write->row->type->custom;
    crd_validate(root, write->object, write->old, err);
    crd_scale_validate(write->row, write->object, strcmp(write->subresource, "status") == 0, err);
    if (!crd_has_rules(root))
        return;
    if (blocks_rules(err))
        error_add_invalid(err, "<nil>", "null",
                          "some validation rules were not checked because the object was invalid; "
                          "correct the existing "
                          "errors to complete validation");
    else
        crd_rules_run(root, write->object, write->old, warnings, err);
}
