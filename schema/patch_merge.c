/* JSON merge patch (RFC 7386): objects are merged, null deletes, everything else replaces. */
#include "schema/patch.h"

/* What a patch leaves when there is nothing to merge it with: itself, without nulls. */
static json_t *without_nulls(const json_t *patch)
{
    const char *key;
    json_t *value;
    if (!json_is_object(patch))
        return json_deep_copy(patch);
    json_t *result = json_object();
    json_object_foreach (patch, key, value) {
        if (!json_is_null(value))
            json_object_set_new(result, key, without_nulls(value));
    }
    return result;
}

json_t *patch_merge_tree(const json_t *target, const json_t *patch)
{
    const char *key;
    json_t *value;
    if (!json_is_object(patch) || !json_is_object(target))
        return without_nulls(patch);
    json_t *result = json_object();
    json_object_foreach (target, key, value) {
        const json_t *change = json_object_get(patch, key);
        if (!change)
            json_object_set_new(result, key, json_deep_copy(value));
        else if (!json_is_null(change))
            json_object_set_new(result, key, patch_merge_tree(value, change));
    }
    json_object_foreach (patch, key, value) {
        if (!json_is_null(value) && !json_object_get(target, key))
            json_object_set_new(result, key, without_nulls(value));
    }
    return result;
}

json_t *patch_merge(const json_t *target, struct str patch, struct error *err)
{
    json_auto_t *tree = json_parse(patch, JSON_LOAD_LENIENT, err);
    if (!tree) {
        error_clear(err);
        error_bad_request(err, "Invalid JSON Patch");
        return NULL;
    }
    if (!json_is_object(tree)) {
        error_bad_request(err, "Invalid JSON Patch");
        return NULL;
    }
    return patch_merge_tree(target, tree);
}
