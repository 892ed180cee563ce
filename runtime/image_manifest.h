/* runtime/image_manifest.h: the JSON documents of images, checked: indexes, manifests, configs.
 * Pure; any thread. Source: OCI image-spec 1.1; Docker's schema 2 has the same fields. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

#define IMAGE_MANIFEST_MAX ((size_t)4 << 20)
#define IMAGE_LAYERS_MAX   127
#define IMAGE_INDEX_DEPTH  4 /* indexes in indexes */

/* "sha256:" and 64 lower-case hexadecimal digits. */
bool digest_valid(const char *digest);
/* Those digits. */
const char *digest_hex(const char *digest);
/* What `data` hashes to. */
void digest_of(struct str data, char out[72]);

struct image_blob {
    char *digest; /* owned */
    int64_t size_bytes;
};
struct image_manifest {
    struct image_blob config;
    struct image_blob *layers; /* bottom first; owned */
    size_t layer_count;
};
void image_manifest_clear(struct image_manifest *manifest);
MUST_CHECK bool image_manifest_parse(const json_t *json, struct image_manifest *manifest,
                                     struct error *err);

/* True for a manifest list or index, false for anything else. */
bool image_json_is_index(const json_t *json);
/* The entry for linux on this machine's architecture: its digest, owned. NOT_FOUND when there is
 * none. */
MUST_CHECK bool image_index_choose(const json_t *index, char **digest, struct error *err);

/* Diff ids of a config, checked: a borrowed array of 1 to IMAGE_LAYERS_MAX digests. NULL with an
 * error. */
const json_t *image_config_diff_ids(const json_t *config, struct error *err);
