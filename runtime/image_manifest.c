/* Reading hostile image documents: every field's type, every digest's form, every count. */
#include "runtime/image_manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

#define BLOB_BYTES_MAX ((int64_t)32 << 30)
#define ENTRIES_MAX    1000

#if defined(__x86_64__)
#define ARCHITECTURE "amd64"
#elif defined(__aarch64__)
#define ARCHITECTURE "arm64"
#elif defined(__riscv)
#define ARCHITECTURE "riscv64"
#else
#define ARCHITECTURE "unknown"
#endif

bool digest_valid(const char *digest)
{
    return digest && text_starts(digest, "sha256:") && strlen(digest) == 71 &&
           strspn(digest + 7, "0123456789abcdef") == 64;
}

const char *digest_hex(const char *digest)
{
    return digest + 7;
}

void digest_of(struct str data, char out[72])
{
    memcpy(out, "sha256:", 7);
    sha256_hex(data.data, data.len, out + 7);
}

void image_manifest_clear(struct image_manifest *manifest)
{
    for (size_t i = 0; i < manifest->layer_count; i++)
        free(manifest->layers[i].digest);
    free(manifest->layers);
    free(manifest->config.digest);
    *manifest = (struct image_manifest){0};
}

static bool parse_blob(const json_t *json, struct image_blob *blob, struct error *err)
{
    const char *digest = json_text(json, "digest");
    int64_t size = json_int_or(json_object_get(json, "size"), -1);
    if (!digest_valid(digest))
        return error_set(err, ERROR_INVALID, "a descriptor of the manifest has no sha256 digest");
    if (size < 0 || size > BLOB_BYTES_MAX)
        return error_set(err, ERROR_INVALID, "blob %s has no size, or one out of range", digest);
    blob->digest = xstrdup(digest);
    blob->size_bytes = size;
    return true;
}

bool image_manifest_parse(const json_t *json, struct image_manifest *manifest, struct error *err)
{
    CLEANUP(image_manifest_clear) struct image_manifest made = {0};
    const json_t *layers = json_object_get(json, "layers");
    size_t count = json_array_size(layers);
    if (json_int_or(json_object_get(json, "schemaVersion"), 0) != 2)
        return error_set(err, ERROR_INVALID,
                         "only image manifests of schema version 2 are supported");
    if (count > IMAGE_LAYERS_MAX || !json_is_array(layers))
        return error_set(err, ERROR_INVALID, "the manifest has no layers, or more than %d",
                         IMAGE_LAYERS_MAX);
    if (!parse_blob(json_object_get(json, "config"), &made.config, err))
        return false;
    made.layers = xcalloc(count + 1, sizeof(*made.layers));
    for (; made.layer_count < count; made.layer_count++)
        if (!parse_blob(json_array_get(layers, made.layer_count), &made.layers[made.layer_count],
                        err))
            return false;
    *manifest = made;
    made = (struct image_manifest){0};
    return true;
}

bool image_json_is_index(const json_t *json)
{
    return json_is_array(json_object_get(json, "manifests"));
}

static bool runs_here(const json_t *entry)
{
    const json_t *platform = json_object_get(entry, "platform");
    return !platform || (text_eq(json_text(platform, "os"), "linux") &&
                         text_eq(json_text(platform, "architecture"), ARCHITECTURE));
}

bool image_index_choose(const json_t *index, char **digest, struct error *err)
{
    const json_t *entries = json_object_get(index, "manifests");
    json_t *entry;
    size_t i;
    if (json_array_size(entries) > ENTRIES_MAX)
        return error_set(err, ERROR_INVALID, "the image index has more than %d entries",
                         ENTRIES_MAX);
    json_array_foreach (entries, i, entry) {
        const char *found = json_text(entry, "digest");
        if (!runs_here(entry))
            continue;
        if (!digest_valid(found))
            return error_set(err, ERROR_INVALID,
                             "an entry of the image index has no sha256 digest");
        *digest = xstrdup(found);
        return true;
    }
    return error_set(err, ERROR_NOT_FOUND, "no image for linux/" ARCHITECTURE " in the index");
}

const json_t *image_config_diff_ids(const json_t *config, struct error *err)
{
    const json_t *ids = json_at(config, "rootfs", "diff_ids");
    json_t *id;
    size_t i;
    if (!json_array_size(ids) || json_array_size(ids) > IMAGE_LAYERS_MAX) {
        error_set(err, ERROR_INVALID, "the image's config has no layers, or more than %d",
                  IMAGE_LAYERS_MAX);
        return NULL;
    }
    json_array_foreach (ids, i, id) {
        if (!digest_valid(json_string_value(id))) {
            error_set(err, ERROR_INVALID, "diff id %zu of the image's config is no sha256 digest",
                      i);
            return NULL;
        }
    }
    return ids;
}
