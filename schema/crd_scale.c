/* Scale of custom resources: the definition says where the numbers stand. */
#include <string.h>

#include "schema/crd.h"
#include "schema/go_text.h"
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

/* The value at ".spec.replicas", borrowed; NULL when it is missing. `met` is what stands in its
 * place or in its way, at the path's first `*reached` bytes. */
static json_t *find_at(const json_t *object, const char *path, const json_t **met, size_t *reached)
{
    struct str rest = str_of(path ? path : "");
    json_t *at = (json_t *)(uintptr_t)object;
    (void)str_cut(&rest, '.'); /* what is before the first dot: nothing */
    while (rest.len && json_is_object(at)) {
        struct str key = str_cut(&rest, '.');
        at = json_object_getn(at, key.data, key.len);
        *met = at;
        *reached = (size_t)(key.data + key.len - path);
    }
    return path && *path && !rest.len ? at : NULL;
}

static json_t *value_at(const json_t *object, const char *path)
{
    const json_t *met = NULL;
    size_t reached = 0;
    return find_at(object, path, &met, &reached);
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

bool crd_scale_has_replicas(const struct resource *row, const json_t *stored)
{
    return value_at(stored, paths_of(row).spec) != NULL;
}

const char *crd_scale_path(const struct resource *row)
{
    return paths_of(row).spec;
}

/* Whether the value at `path` is missing or a `wanted`. */
static bool check_type(const json_t *object, const char *path, json_type type, const char *wanted,
                       struct error *err)
{
    const json_t *met = NULL;
    size_t reached = 0;
    const json_t *value = find_at(object, path, &met, &reached);
    bool in_way = !value && met && !json_is_object(met) && !json_is_null(met);
    if (!in_way && (!value || json_typeof(value) == type))
        return true;
    CLEANUP(buf_free) struct buf shown = BUF_TEXT;
    CLEANUP(buf_free) struct buf go_type = BUF_TEXT;
    go_print(&shown, met);
    if (json_is_null(met))
        buf_add_text(&go_type, "<nil>");
    else
        go_interface_type(&go_type, met);
    error_add_cause(err, CAUSE_INVALID, path,
                    "Invalid value: %s: %.*s accessor error: %s is of the type %s, expected %s",
                    type == JSON_STRING ? "\"\"" : "0", (int)reached, path, shown.data,
                    go_type.data, in_way ? "map[string]interface{}" : wanted);
    return false;
}

static void check_replicas(const json_t *object, const char *path, struct error *err)
{
    if (!check_type(object, path, JSON_INTEGER, "int64", err))
        return;
    int64_t replicas = json_int_or(value_at(object, path), 0);
    if (replicas < 0)
        error_add_cause(err, CAUSE_INVALID, path,
                        "Invalid value: %lld: should be a non-negative integer",
                        (long long)replicas);
    else if (replicas > INT32_MAX)
        error_add_cause(err, CAUSE_INVALID, path,
                        "Invalid value: %lld: should be less than or equal to %d",
                        (long long)replicas, INT32_MAX);
}

void crd_scale_validate(const struct resource *row, const json_t *object, bool status_only,
                        struct error *err)
{
    if (!resource_sub(row, STR("scale")))
        return;
    const struct paths paths = paths_of(row);
    if (!status_only)
        check_replicas(object, paths.spec, err);
    check_replicas(object, paths.status, err);
    if (paths.selector && *paths.selector)
        check_type(object, paths.selector, JSON_STRING, "string", err);
}

json_t *crd_scale_accept(const struct resource *row, const json_t *shown, const json_t *old,
                         struct error *err)
{
    const struct paths paths = paths_of(row);
    int64_t replicas = json_int_or(json_at(shown, "spec", "replicas"), 0);
    if (replicas == CRD_SCALE_UNSET) { /* what else is wrong is said of the custom resource */
        error_bad_request(err, "the spec replicas field \"%s\" cannot be empty", paths.spec);
        return NULL;
    }
    json_t *object = json_deep_copy(old);
    set_at(object, paths.spec, json_integer(replicas));
    const char *revision = meta_resource_version(shown);
    json_set_text(json_ensure_object(object, "metadata"), "resourceVersion",
                  *revision ? revision : NULL);
    return object;
}
