/* runtime/image_internal.h: the image store, for this folder's files only.
 *
 * ROOT/images/: index.json {"images": {DIGEST: {"references": [..], "layers": [DIFF ID, ..],
 * "size": n, "createdUs": n}}}, configs/HEX (the config's bytes), layers/HEX/ (unpacked, by diff
 * id, with overlayfs whiteouts), partial/HEX (downloads), tmp/ (anything half made; removed by the
 * collector). Two locks: IMAGES_LOCK guards index.json for the length of one change, and
 * IMPORT_LOCK is held (shared) for a whole import or pull, so that the collector leaves its layers
 * alone. */
#pragma once
#include "base/json.h"
#include "runtime/image.h"
#include "runtime/image_manifest.h"
#include "runtime/runtime_internal.h"

#define IMAGES_LOCK       "images/lock"
#define IMPORT_LOCK       "images/import.lock"
#define IMAGE_CONFIG_MAX  ((size_t)4 << 20)
#define IMAGE_INDEX_MAX   ((size_t)16 << 20)
#define LAYER_BYTES_MAX   ((int64_t)32 << 30)
#define LAYER_ENTRIES_MAX 2000000

/* ROOT/images/BELOW; owned. */
char *image_path(struct runtime *runtime, const char *format, ...) PRINTF_LIKE(2, 3);
/* A new directory below tmp/; owned path. NULL with an error. */
char *image_temporary(struct runtime *runtime, struct error *err);

/* ---- the store (image_store.c) ---- */
/* Config JSON, layer directories (topmost first) and digest of what `reference` (a name or a
 * config's digest) names. The caller holds IMAGES_LOCK, shared at least. `layers` and `digest` may
 * be NULL. */
MUST_CHECK bool image_resolve(struct runtime *runtime, const char *reference, json_t **config,
                              json_t **layers, char **digest, struct error *err);
/* Writes the config and points `reference` (NULL: none) to it; its layers must be there. Takes
 * IMAGES_LOCK. */
MUST_CHECK bool image_commit(struct runtime *runtime, struct str config, const char *reference,
                             char **digest, struct error *err);
bool layer_present(struct runtime *runtime, const char *diff_id);

/* ---- layers (image_layer.c) ---- */
/* Unpacks the tar (plain, gzip, zstd, bzip2, xz) at `fd` into layers/HEX unless it is there.
 * INVALID when an entry would leave the layer, something is malformed, or the uncompressed bytes do
 * not hash to `diff_id`. */
MUST_CHECK bool layer_unpack(struct runtime *runtime, int fd, const char *diff_id,
                             struct error *err);
