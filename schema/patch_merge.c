/* JSON merge patch (RFC 7386): objects are merged, null deletes, everything else replaces. */
#include "schema/patch.h"

#include "schema/decode_internal.h"
#include "schema/go_text.h"

static json_t *without_nulls(const json_t *patch);

/* Nulls stay in a list, but not in what is in it: upstream's way, and not the RFC's. */
static json_t *list_without_nulls(const json_t *list)
{
    json_t *result = json_array();
    for (size_t i = 0; i < json_array_size(list); i++)
        json_array_append_new(result, without_nulls(json_array_get(list, i)));
    return result;
}

/* What a patch leaves when there is nothing to merge it with: itself, without nulls. */
static json_t *without_nulls(const json_t *patch)
{
    const char *key;
    json_t *value;
    if (json_is_array(patch))
        return list_without_nulls(patch);
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
    if (!json_is_object(target))
        return without_nulls(patch);
    if (!json_is_object(patch)) /* upstream drops no nulls from a list that replaces an object */
        return json_deep_copy(patch);
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

/* What is no map, in the words of who decodes it. */
static void refuse(const json_t *tree, bool strict, struct error *err)
{
    CLEANUP(buf_free) struct buf kind = BUF_TEXT;
    if (!strict || json_is_null(tree)) {
        error_bad_request(err, "Invalid JSON Patch");
        return;
    }
    go_value_kind(&kind, tree, false);
    error_bad_request(err,
                      "error decoding patch: json: cannot unmarshal %s into Go value of type "
                      "map[string]interface {}",
                      kind.data);
}

json_t *patch_merge(const json_t *target, struct str patch, struct warnings *found,
                    struct error *err)
{
    bool duplicates = false;
    json_auto_t *tree = strict_parse(patch, found ? &duplicates : NULL, err);
    if (duplicates)
        strict_scan_untyped(patch, found);
    if (json_is_object(tree))
        return patch_merge_tree(target, tree);
    if (tree) {
        refuse(tree, found, err);
    } else if (found) {
        error_wrap(err, "error decoding patch");
    } else {
        error_clear(err);
        error_bad_request(err, "Invalid JSON Patch");
    }
    return NULL;
}
