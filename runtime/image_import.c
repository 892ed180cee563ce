/* Importing images from files: an OCI layout (directory or tar) or a docker-archive. A tar is
 * unpacked into a directory first; everything in it is then looked up as in a hostile root. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/archive_unpack.h"
#include "runtime/file.h"
#include "runtime/image_internal.h"
#include "runtime/rootpath.h"
#include "runtime/system_error.h"

#define IMAGES_MAX 1000

struct import {
    struct runtime *runtime;
    int root;              /* of the layout */
    const char *reference; /* for an image without a name; NULL */
    char **names;          /* what was imported; NULL-ended */
    size_t name_count;
};

static json_t *read_json(int root, const char *path, size_t max, struct error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(max);
    if (!rootpath_read(root, path, &text, err))
        return NULL;
    return json_parse(buf_str(&text), JSON_LOAD_LENIENT, err);
}

static void note_name(struct import *import, const char *name)
{
    import->names = xreallocarray(import->names, import->name_count + 2, sizeof(char *));
    import->names[import->name_count++] = xstrdup(name);
    import->names[import->name_count] = NULL;
}

/* ---- one image ---- */

struct parts {
    struct str config;   /* its bytes */
    char *const *layers; /* paths in the layout, bottom first */
    size_t layer_count;
};

static bool unpack_layers(struct import *import, const struct parts *parts, struct error *err)
{
    json_auto_t *config = json_parse(parts->config, JSON_LOAD_LENIENT, err);
    const json_t *ids = config ? image_config_diff_ids(config, err) : NULL;
    if (!ids)
        return false;
    if (json_array_size(ids) != parts->layer_count)
        return error_set(err, ERROR_INVALID, "the image has %zu layers, but its config names %zu",
                         parts->layer_count, json_array_size(ids));
    for (size_t i = 0; i < parts->layer_count; i++) {
        const char *diff_id = json_string_value(json_array_get(ids, i));
        if (layer_present(import->runtime, diff_id))
            continue;
        CLEANUP(close_fd)
        int fd = rootpath_open(import->root, parts->layers[i], O_RDONLY | O_NONBLOCK, 0,
                               ROOTPATH_FOLLOW);
        if (fd < 0)
            return error_system(err, "open layer %zu of the image", i + 1);
        if (!layer_unpack(import->runtime, fd, diff_id, err))
            return error_wrap(err, "layer %zu of the image", i + 1);
    }
    return true;
}

/* `name` may be NULL: then the caller's reference, or none. */
static bool import_image(struct import *import, const struct parts *parts, const char *name,
                         struct error *err)
{
    const char *wanted = name ? name : import->reference;
    CLEANUP(free_ptr) char *reference = wanted ? image_reference_normalize(wanted) : NULL;
    CLEANUP(free_ptr) char *digest = NULL;
    if (wanted && !reference)
        return error_set(err, ERROR_INVALID, "invalid image reference \"%s\"", wanted);
    if (!unpack_layers(import, parts, err) ||
        !image_commit(import->runtime, parts->config, reference, &digest, err))
        return false;
    note_name(import, reference ? reference : digest);
    return true;
}

/* ---- docker-archive ---- */

static bool import_docker_entry(struct import *import, const json_t *entry, struct error *err)
{
    CLEANUP(buf_free) struct buf config = BUF_INIT(IMAGE_CONFIG_MAX);
    const char *config_path = json_text(entry, "Config");
    const json_t *layers = json_object_get(entry, "Layers"),
                 *tags = json_object_get(entry, "RepoTags");
    size_t i;
    json_t *item;
    if (!config_path || json_array_size(layers) > IMAGE_LAYERS_MAX)
        return error_set(err, ERROR_INVALID, "manifest.json names no config, or too many layers");
    if (!rootpath_read(import->root, config_path, &config, err))
        return false;
    char *paths[IMAGE_LAYERS_MAX + 1] = {NULL};
    struct parts parts = {buf_str(&config), paths, json_array_size(layers)};
    bool ok = true;
    json_array_foreach (layers, i, item) {
        ok = ok && json_is_string(item);
        paths[i] = xstrdup(json_is_string(item) ? json_string_value(item) : "");
    }
    if (!ok)
        error_set(err, ERROR_INVALID, "manifest.json is malformed");
    else if (json_array_size(tags) == 0 || json_array_size(tags) > IMAGES_MAX)
        ok = import_image(import, &parts, NULL, err);
    for (i = 0; ok && i < json_array_size(tags) && json_array_size(tags) <= IMAGES_MAX; i++)
        ok = import_image(import, &parts, json_string_value(json_array_get(tags, i)), err);
    for (i = 0; i < ARRAY_LEN(paths); i++)
        free(paths[i]);
    return ok;
}

static bool import_docker(struct import *import, const json_t *manifest, struct error *err)
{
    size_t i;
    json_t *entry;
    if (!json_array_size(manifest) || json_array_size(manifest) > IMAGES_MAX)
        return error_set(err, ERROR_INVALID, "manifest.json lists no images, or too many");
    json_array_foreach (manifest, i, entry) {
        if (!import_docker_entry(import, entry, err))
            return false;
    }
    return true;
}

/* ---- OCI layout ---- */

static char *blob_path(const char *digest)
{
    return xasprintf("blobs/sha256/%s", digest_hex(digest));
}

/* A small blob, checked against its digest. */
static bool read_blob(int root, const char *digest, struct buf *out, struct error *err)
{
    char sum[72];
    if (!digest_valid(digest))
        return error_set(err, ERROR_INVALID, "\"%.80s\" is no sha256 digest", digest ? digest : "");
    CLEANUP(free_ptr) char *path = blob_path(digest);
    if (!rootpath_read(root, path, out, err))
        return false;
    digest_of(buf_str(out), sum);
    if (strcmp(sum, digest) != 0)
        return error_set(err, ERROR_INVALID, "blob %s has the contents of %s", digest, sum);
    return true;
}

static bool import_manifest(struct import *import, const json_t *json, const char *name,
                            struct error *err)
{
    CLEANUP(image_manifest_clear) struct image_manifest manifest = {0};
    CLEANUP(buf_free) struct buf config = BUF_INIT(IMAGE_CONFIG_MAX);
    if (!image_manifest_parse(json, &manifest, err) ||
        !read_blob(import->root, manifest.config.digest, &config, err))
        return false;
    char *paths[IMAGE_LAYERS_MAX + 1] = {NULL};
    for (size_t i = 0; i < manifest.layer_count; i++)
        paths[i] = blob_path(manifest.layers[i].digest);
    struct parts parts = {buf_str(&config), paths, manifest.layer_count};
    bool ok = import_image(import, &parts, name, err);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        free(paths[i]);
    return ok;
}

/* A manifest, or an index that leads to one. */
static bool import_descriptor(struct import *import, const char *digest, const char *name,
                              struct error *err)
{
    CLEANUP(free_ptr) char *at = xstrdup(digest ? digest : "");
    for (unsigned depth = 0; depth < IMAGE_INDEX_DEPTH; depth++) {
        CLEANUP(buf_free) struct buf text = BUF_INIT(IMAGE_MANIFEST_MAX);
        if (!read_blob(import->root, at, &text, err))
            return false;
        json_auto_t *json = json_parse(buf_str(&text), JSON_LOAD_LENIENT, err);
        if (!json)
            return false;
        if (!image_json_is_index(json))
            return import_manifest(import, json, name, err);
        char *next = NULL;
        if (!image_index_choose(json, &next, err))
            return false;
        free(at);
        at = next;
    }
    return error_set(err, ERROR_INVALID, "the image index nests too deeply");
}

/* A bare tag in "ref.name" is no name by itself. */
static const char *descriptor_name(const json_t *descriptor)
{
    const char *full = json_text(descriptor, "annotations", "io.containerd.image.name");
    const char *name = json_text(descriptor, "annotations", "org.opencontainers.image.ref.name");
    return full ? full : name && strpbrk(name, "/:") ? name : NULL;
}

static bool import_oci(struct import *import, struct error *err)
{
    json_auto_t *index = read_json(import->root, "index.json", IMAGE_MANIFEST_MAX, err);
    const json_t *descriptors = json_object_get(index, "manifests");
    size_t i;
    json_t *descriptor;
    if (!index)
        return false;
    if (!json_array_size(descriptors) || json_array_size(descriptors) > IMAGES_MAX)
        return error_set(err, ERROR_INVALID, "index.json lists no images, or too many");
    if (json_object_get(json_array_get(descriptors, 0), "platform") &&
        json_array_size(descriptors) > 1) {
        CLEANUP(free_ptr) char *digest = NULL; /* one image for several machines */
        return image_index_choose(index, &digest, err) &&
               import_descriptor(import, digest, NULL, err);
    }
    json_array_foreach (descriptors, i, descriptor) {
        if (!import_descriptor(import, json_text(descriptor, "digest"), descriptor_name(descriptor),
                               err))
            return false;
    }
    return true;
}

/* ---- either ---- */

static bool import_layout(struct import *import, struct error *err)
{
    json_auto_t *manifest = read_json(import->root, "manifest.json", IMAGE_MANIFEST_MAX, err);
    if (manifest)
        return import_docker(import, manifest, err);
    if (err->reason != ERROR_NOT_FOUND)
        return false;
    error_clear(err);
    if (import_oci(import, err))
        return true;
    if (err->reason != ERROR_NOT_FOUND || import->name_count)
        return false;
    return error_set(err, ERROR_INVALID, "this is neither an OCI layout nor a docker-archive (%s)",
                     err->message);
}

static bool import_tar(struct import *import, int fd, struct error *err)
{
    struct unpack_result result;
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(free_ptr) char *dir = image_temporary(import->runtime, err);
    if (!dir)
        return false;
    import->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = import->root >= 0 ? archive_unpack(fd, import->root, UNPACK_PLAIN,
                                                 2 * LAYER_BYTES_MAX, &result, err) &&
                                      import_layout(import, err)
                                : error_system(err, "open %s", dir);
    (void)!tree_remove(dir, &ignored);
    return ok;
}

bool image_import(struct runtime *runtime, const char *path, const char *reference, char ***names,
                  struct error *err)
{
    struct stat info;
    struct import import = {.runtime = runtime, .root = -1, .reference = reference};
    CLEANUP(close_fd) int lock = runtime_lock(runtime, IMPORT_LOCK, LOCK_SH, err);
    CLEANUP(close_fd) int fd = lock < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (lock < 0)
        return false;
    if (fd < 0 || fstat(fd, &info) != 0)
        return error_system(err, "open %s", path);
    if (S_ISDIR(info.st_mode))
        import.root = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    bool ok = S_ISDIR(info.st_mode) ? import_layout(&import, err) : import_tar(&import, fd, err);
    close_fd(&import.root);
    if (ok && names)
        *names = TAKE(import.names);
    names_free(import.names);
    return ok;
}
