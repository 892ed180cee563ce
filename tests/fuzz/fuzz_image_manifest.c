/* Image documents and names from a registry: what is taken holds only checked digests, sizes and
 * counts, and a name that was completed is complete. The first byte picks the kind. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "runtime/image.h"
#include "runtime/image_manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_manifest(const json_t *json)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(image_manifest_clear) struct image_manifest manifest = {0};
    if (!image_manifest_parse(json, &manifest, &err)) {
        assert(err.code >= 400 && err.message);
        return;
    }
    assert(digest_valid(manifest.config.digest) && manifest.config.size_bytes >= 0);
    assert(manifest.layer_count <= IMAGE_LAYERS_MAX);
    for (size_t i = 0; i < manifest.layer_count; i++)
        assert(digest_valid(manifest.layers[i].digest) && manifest.layers[i].size_bytes >= 0);
}

static void check_documents(struct str text)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *digest = NULL;
    json_auto_t *json = json_parse(text, JSON_LOAD_LENIENT, &err);
    if (!json)
        return;
    check_manifest(json);
    if (image_json_is_index(json) && image_index_choose(json, &digest, &err))
        assert(digest_valid(digest));
    error_clear(&err);
    const json_t *ids = image_config_diff_ids(json, &err);
    for (size_t i = 0; i < json_array_size(ids); i++)
        assert(digest_valid(json_string_value(json_array_get(ids, i))));
}

static void check_name(struct str text)
{
    CLEANUP(free_ptr) char *name = str_dup(text);
    CLEANUP(free_ptr) char *once = image_reference_normalize(name);
    if (!once)
        return;
    CLEANUP(free_ptr) char *twice = image_reference_normalize(once);
    assert(twice && strcmp(once, twice) == 0);
    assert(!strstr(once, "../") && strchr(once, '/'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct str text = {(const char *)data + 1, size - 1};
    if (data[0] % 2)
        check_name(text);
    else
        check_documents(text);
    return 0;
}
