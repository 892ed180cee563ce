/* The image store: which images are here, under which names, and what can go. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strset.h"
#include "runtime/container_spec.h"
#include "runtime/file.h"
#include "runtime/image_internal.h"
#include "runtime/sandbox_state.h"
#include "runtime/system_error.h"

char *image_path(struct runtime *runtime, const char *format, ...)
{
    CLEANUP(buf_free) struct buf path = BUF_TEXT;
    va_list args;
    buf_printf(&path, "%s/images/", runtime->root);
    va_start(args, format);
    buf_vprintf(&path, format, args);
    va_end(args);
    return buf_take(&path);
}

char *image_temporary(struct runtime *runtime, struct error *err)
{
    char name[UUID_TEXT_SIZE];
    uuid_make(name);
    CLEANUP(free_ptr) char *path = image_path(runtime, "tmp/%s", name);
    return dir_make(path, 0755, err) ? TAKE(path) : NULL;
}

/* ---- the index ---- */

/* An empty one when there is none. NULL with an error when it is damaged. */
static json_t *load_index(struct runtime *runtime, struct error *err)
{
    CLEANUP(free_ptr) char *path = image_path(runtime, "index.json");
    json_t *index = file_read_json(path, IMAGE_INDEX_MAX, err);
    if (!index && err->reason == ERROR_NOT_FOUND) {
        error_clear(err);
        index = json_object();
    }
    if (index)
        json_ensure_object(index, "images");
    return index;
}

static bool save_index(struct runtime *runtime, const json_t *index, struct error *err)
{
    CLEANUP(free_ptr) char *path = image_path(runtime, "index.json");
    return file_write_json(path, index, err);
}

/* The digest and entry that a name or digest stands for. */
static const char *find_entry(json_t *index, const char *reference, json_t **entry)
{
    json_t *images = json_object_get(index, "images"), *value;
    const char *digest;
    if (digest_valid(reference)) {
        *entry = json_object_get(images, reference);
        return *entry ? reference : NULL;
    }
    CLEANUP(free_ptr) char *name = image_reference_normalize(reference);
    json_object_foreach (images, digest, value) {
        if (name && json_array_has_text(json_object_get(value, "references"), name)) {
            *entry = value;
            return digest;
        }
    }
    return NULL;
}

static bool not_here(struct error *err, const char *reference)
{
    return error_set(err, ERROR_NOT_FOUND, "image \"%s\" is not present",
                     reference ? reference : "");
}

bool layer_present(struct runtime *runtime, const char *diff_id)
{
    struct stat info;
    CLEANUP(free_ptr) char *path = image_path(runtime, "layers/%s", digest_hex(diff_id));
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool image_resolve(struct runtime *runtime, const char *reference, json_t **config, json_t **layers,
                   char **digest, struct error *err)
{
    json_t *entry;
    json_auto_t *index = load_index(runtime, err);
    const char *found = index && reference ? find_entry(index, reference, &entry) : NULL;
    if (!found)
        return err->code ? false : not_here(err, reference);
    CLEANUP(free_ptr) char *path = image_path(runtime, "configs/%s", digest_hex(found));
    json_auto_t *loaded = file_read_json(path, IMAGE_CONFIG_MAX, err);
    const json_t *ids = loaded ? image_config_diff_ids(loaded, err) : NULL;
    if (!ids)
        return false;
    json_auto_t *paths = json_array();
    for (size_t i = json_array_size(ids); i-- > 0;) {
        CLEANUP(free_ptr)
        char *layer =
            image_path(runtime, "layers/%s", digest_hex(json_string_value(json_array_get(ids, i))));
        json_array_append_new(paths, json_string(layer));
    }
    if (digest)
        *digest = xstrdup(found);
    if (layers)
        *layers = TAKE(paths);
    *config = TAKE(loaded);
    return true;
}

/* ---- committing ---- */

/* A name belongs to one image: taken from whichever has it. */
static void release_name(json_t *images, const char *name)
{
    const char *digest;
    json_t *entry, *item;
    size_t i;
    json_object_foreach (images, digest, entry) {
        json_t *references = json_object_get(entry, "references");
        json_array_foreach (references, i, item) {
            if (text_eq(json_string_value(item), name)) {
                json_array_remove(references, i);
                break;
            }
        }
    }
}

/* Bytes below a directory, roughly: what the layer's own record says. */
static int64_t layer_size(struct runtime *runtime, const char *diff_id)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(free_ptr) char *path = image_path(runtime, "layers/%s.json", digest_hex(diff_id));
    json_auto_t *record = file_read_json(path, 4096, &ignored);
    return json_int_or(json_object_get(record, "size"), 0);
}

static json_t *entry_for(struct runtime *runtime, json_t *images, const char *digest,
                         const json_t *ids)
{
    json_t *entry = json_object_get(images, digest), *id;
    int64_t size = 0;
    size_t i;
    if (entry)
        return entry;
    json_array_foreach (ids, i, id) {
        size += layer_size(runtime, json_string_value(id));
    }
    entry = json_pack("{s:[],s:I,s:I}", "references", "size", (json_int_t)size, "createdUs",
                      (json_int_t)clock_now_us());
    json_object_set_new(entry, "layers", json_deep_copy(ids));
    json_object_set_new(images, digest, entry);
    return entry;
}

bool image_commit(struct runtime *runtime, struct str config, const char *reference, char **digest,
                  struct error *err)
{
    char sum[72];
    digest_of(config, sum);
    json_auto_t *parsed = json_parse(config, JSON_LOAD_LENIENT, err);
    const json_t *ids = parsed ? image_config_diff_ids(parsed, err) : NULL;
    json_t *id;
    size_t i;
    if (!ids)
        return false;
    json_array_foreach (ids, i, id) {
        if (!layer_present(runtime, json_string_value(id)))
            return error_set(err, ERROR_INVALID, "layer %s of the image is missing",
                             json_string_value(id));
    }
    CLEANUP(free_ptr) char *path = image_path(runtime, "configs/%s", digest_hex(sum));
    CLEANUP(free_ptr) char *dir = image_path(runtime, "configs");
    CLEANUP(close_fd) int lock = runtime_lock(runtime, IMAGES_LOCK, LOCK_EX, err);
    if (lock < 0 || !dir_make(dir, 0700, err) || !file_write(path, config, 0600, err))
        return false;
    json_auto_t *index = load_index(runtime, err);
    if (!index)
        return false;
    json_t *images = json_object_get(index, "images");
    json_t *entry = entry_for(runtime, images, sum, ids);
    if (reference) {
        release_name(images, reference);
        json_array_append_new(json_object_get(entry, "references"), json_string(reference));
    }
    if (!save_index(runtime, index, err))
        return false;
    if (digest)
        *digest = xstrdup(sum);
    return true;
}

/* ---- the public face ---- */

bool image_config(struct runtime *runtime, const char *reference, json_t **config, char **digest,
                  struct error *err)
{
    json_auto_t *whole = NULL;
    CLEANUP(close_fd) int lock = runtime_lock(runtime, IMAGES_LOCK, LOCK_SH, err);
    if (lock < 0 || !image_resolve(runtime, reference, &whole, NULL, digest, err))
        return false;
    json_t *inner = json_object_get(whole, "config");
    *config = json_is_object(inner) ? json_incref(inner) : json_object();
    return true;
}

void images_free(struct image *images, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        names_free(images[i].references);
        free(images[i].digest);
    }
    free(images);
}

static void fill(struct image *image, const char *digest, const json_t *entry)
{
    const json_t *references = json_object_get(entry, "references");
    size_t i;
    json_t *item;
    image->digest = xstrdup(digest);
    image->size_bytes = json_int_or(json_object_get(entry, "size"), 0);
    image->created_us = json_int_or(json_object_get(entry, "createdUs"), 0);
    image->references = xcalloc(json_array_size(references) + 1, sizeof(char *));
    json_array_foreach (references, i, item) {
        image->references[i] = xstrdup(json_string_value(item));
    }
}

bool image_list(struct runtime *runtime, struct image **images, size_t *count, struct error *err)
{
    const char *digest;
    json_t *entry;
    CLEANUP(close_fd) int lock = runtime_lock(runtime, IMAGES_LOCK, LOCK_SH, err);
    if (lock < 0)
        return false;
    json_auto_t *index = load_index(runtime, err);
    if (!index)
        return false;
    json_t *all = json_object_get(index, "images");
    struct image *list = xcalloc(json_object_size(all) + 1, sizeof(*list));
    size_t have = 0;
    json_object_foreach (all, digest, entry) {
        fill(&list[have++], digest, entry);
    }
    *images = list;
    *count = have;
    return true;
}

/* A name is only taken off; the image goes with its last name, its layers with the collector. */
bool image_remove(struct runtime *runtime, const char *reference, struct error *err)
{
    json_t *entry = NULL;
    CLEANUP(close_fd) int lock = runtime_lock(runtime, IMAGES_LOCK, LOCK_EX, err);
    if (lock < 0)
        return false;
    json_auto_t *index = load_index(runtime, err);
    const char *found = index ? find_entry(index, reference, &entry) : NULL;
    if (!found)
        return err->code ? false : not_here(err, reference);
    CLEANUP(free_ptr) char *digest = xstrdup(found);
    CLEANUP(free_ptr) char *name = image_reference_normalize(reference);
    json_t *images = json_object_get(index, "images");
    if (!digest_valid(reference))
        release_name(images, name);
    if (digest_valid(reference) || json_array_size(json_object_get(entry, "references")) == 0)
        json_object_del(images, digest);
    return save_index(runtime, index, err);
}

/* ---- collecting ---- */

static void keep_images(json_t *index, struct strset *layers, struct strset *configs)
{
    const char *digest;
    json_t *entry, *id;
    size_t i;
    json_object_foreach (json_object_get(index, "images"), digest, entry) {
        strset_add(configs, digest_hex(digest));
        json_array_foreach (json_object_get(entry, "layers"), i, id) {
            if (digest_valid(json_string_value(id)))
                strset_add(layers, digest_hex(json_string_value(id)));
        }
    }
}

/* Layers under existing containers, whose image may have lost its name since. False when one cannot
 * be read: then nothing is known, and nothing may go. */
static bool keep_container(const char *spec_path, struct strset *layers, struct error *err)
{
    size_t i;
    json_t *layer;
    json_auto_t *spec = file_read_json(spec_path, SPEC_BYTES_MAX, err);
    if (!spec && err->reason == ERROR_NOT_FOUND) {
        error_clear(err);
        return true;
    }
    json_array_foreach (json_object_get(spec, "layers"), i, layer) {
        const char *slash = strrchr(json_string_value(layer), '/');
        strset_add(layers, slash ? slash + 1 : "");
    }
    return spec != NULL;
}

static bool keep_containers(struct runtime *runtime, struct strset *layers, struct error *err)
{
    bool ok = true;
    char **ids = sandbox_list(runtime);
    for (size_t i = 0; ids[i] && ok; i++) {
        CLEANUP(free_ptr) char *dir = sandbox_path(runtime->root, ids[i], "");
        CLEANUP(free_ptr) char *containers = xasprintf("%s/containers", dir);
        char **names = dir_names(containers);
        for (size_t j = 0; names[j] && ok; j++) {
            CLEANUP(free_ptr) char *path = container_path(dir, names[j], "spec.json");
            ok = keep_container(path, layers, err);
        }
        names_free(names);
    }
    names_free(ids);
    return ok;
}

/* Removes what `keep` does not name. */
static bool sweep(struct runtime *runtime, const char *folder, const struct strset *keep,
                  int64_t *freed, struct error *err)
{
    CLEANUP(free_ptr) char *dir = image_path(runtime, "%s", folder);
    char **names = dir_names(dir);
    bool ok = true;
    for (size_t i = 0; names[i] && ok; i++) {
        CLEANUP(free_ptr) char *key = xstrdup(names[i]);
        CLEANUP(free_ptr) char *path = xasprintf("%s/%s", dir, names[i]);
        char *dot = strchr(key, '.');
        if (dot)
            *dot = '\0'; /* HEX.json belongs to HEX */
        if (keep && strset_has(keep, key))
            continue;
        CLEANUP(free_ptr) char *digest = xasprintf("sha256:%s", key);
        if (dot && digest_valid(digest)) /* the record: gone with its layer, in whatever order */
            *freed += layer_size(runtime, digest);
        ok = tree_remove(path, err);
    }
    names_free(names);
    return ok;
}

bool image_collect(struct runtime *runtime, int64_t *freed, struct error *err)
{
    CLEANUP(strset_clear) struct strset layers = {0};
    CLEANUP(strset_clear) struct strset configs = {0};
    int64_t total = 0;
    CLEANUP(close_fd) int importing = runtime_lock(runtime, IMPORT_LOCK, LOCK_EX | LOCK_NB, err);
    if (importing < 0 && errno == EWOULDBLOCK) {
        error_clear(err); /* an import is under way: another time */
        *freed = 0;
        return true;
    }
    CLEANUP(close_fd)
    int lock = importing < 0 ? -1 : runtime_lock(runtime, IMAGES_LOCK, LOCK_EX, err);
    if (lock < 0)
        return false;
    json_auto_t *index = load_index(runtime, err);
    if (!index || !keep_containers(runtime, &layers, err))
        return false;
    keep_images(index, &layers, &configs);
    if (!sweep(runtime, "layers", &layers, &total, err) ||
        !sweep(runtime, "configs", &configs, &total, err) ||
        !sweep(runtime, "tmp", NULL, &total, err) || !sweep(runtime, "partial", NULL, &total, err))
        return false;
    *freed = total;
    return true;
}
