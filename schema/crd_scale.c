/* Scale of custom resources: the definition says where the numbers stand. */
#include <string.h>

#include "schema/crd.h"
#include "schema/meta.h"

struct paths {
    const char *spec, *status, *selector;
};

/* The paths are kept behind the row's last column: name, jsonPath. */
static struct paths paths_of(const struct resource *row)
{
    const struct column *column = &row->columns[row->column_count];
    return (struct paths){column->name, column->type, column->source};
}

/* The value at ".spec.replicas". Borrowed; NULL when it is missing. */
static json_t *value_at(const json_t *object, const char *path)
{
    struct str rest = str_of(path ? path : "");
    json_t *at = (json_t *)(uintptr_t)object;
    (void)str_cut(&rest, '.'); /* what is before the first dot: nothing */
    while (at && rest.len) {
        struct str key = str_cut(&rest, '.');
        at = json_object_getn(at, key.data, key.len);
    }
    return path && *path ? at : NULL;
}

static void set_at(json_t *object, const char *path, json_t *value)
{
    struct str rest = str_of(path);
    json_t *at = object;
    (void)str_cut(&rest, '.'); /* as above */
    for (;;) {
        CLEANUP(free_ptr) char *key = str_dup(str_cut(&rest, '.'));
        if (!rest.len) {
            json_object_set_new(at, key, value);
            return;
        }
        at = json_ensure_object(at, key);
    }
}

json_t *crd_scale_show(const struct resource *row, const json_t *stored)
{
    static const char *const kept[] = {"name", "namespace", "uid", "resourceVersion",
                                       "creationTimestamp"};
    const struct paths paths = paths_of(row);
    json_t *scale = json_pack(
        "{s:s, s:s, s:{}, s:{s:I}, s:{s:I}}", "kind", "Scale", "apiVersion", "autoscaling/v1",
        "metadata", "spec", "replicas", (json_int_t)json_int_or(value_at(stored, paths.spec), 0),
        "status", "replicas", (json_int_t)json_int_or(value_at(stored, paths.status), 0));
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (json_at(stored, "metadata", kept[i]))
            json_object_set(json_object_get(scale, "metadata"), kept[i],
                            json_at(stored, "metadata", kept[i]));
    const char *selector = json_string_value(value_at(stored, paths.selector));
    if (selector && *selector)
        json_set_text(json_object_get(scale, "status"), "selector", selector);
    return scale;
}

json_t *crd_scale_accept(const struct resource *row, const json_t *shown, const json_t *old,
                         struct error *err)
{
    int64_t replicas = json_int_or(json_at(shown, "spec", "replicas"), 0);
    const struct paths paths = paths_of(row);
    if (replicas < 0) {
        error_add_cause(err, CAUSE_INVALID, "spec.replicas",
                        "Invalid value: %lld: should be a non-negative integer",
                        (long long)replicas);
        if (!error_seal_invalid(err, "Scale", "autoscaling", meta_name(old)))
            return NULL;
    }
    json_t *object = json_deep_copy(old);
    set_at(object, paths.spec, json_integer(replicas));
    const char *revision = meta_resource_version(shown);
    json_set_text(json_ensure_object(object, "metadata"), "resourceVersion",
                  *revision ? revision : NULL);
    return object;
}
