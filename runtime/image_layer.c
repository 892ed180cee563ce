/* Layers: unpacked beside the store, checked, then moved into it in one step. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/archive_unpack.h"
#include "runtime/file.h"
#include "runtime/image_internal.h"
#include "runtime/system_error.h"

/* The record beside it is written first: a layer that is there has one. */
static bool move_in(struct runtime *runtime, const char *from, const char *diff_id,
                    int64_t size_bytes, struct error *err)
{
    CLEANUP(free_ptr) char *layers = image_path(runtime, "layers");
    CLEANUP(free_ptr) char *to = image_path(runtime, "layers/%s", digest_hex(diff_id));
    CLEANUP(free_ptr)
    char *record_path = image_path(runtime, "layers/%s.json", digest_hex(diff_id));
    json_auto_t *record = json_pack("{s:I}", "size", (json_int_t)size_bytes);
    if (!dir_make(layers, 0700, err) || !file_write_json(record_path, record, err))
        return false;
    if (rename(from, to) == 0 || errno == EEXIST ||
        errno == ENOTEMPTY) /* somebody was faster with the same layer */
        return true;
    return error_system(err, "move the layer to %s", to);
}

static bool unpack_into(struct runtime *runtime, int fd, const char *dir, const char *diff_id,
                        struct error *err)
{
    struct unpack_result result;
    CLEANUP(close_fd) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return error_system(err, "open %s", dir);
    if (!archive_unpack(fd, root, UNPACK_LAYER, LAYER_BYTES_MAX, &result, err))
        return false;
    if (strcmp(result.digest, diff_id) != 0)
        return error_set(err, ERROR_INVALID, "the layer's contents are %s instead of %s",
                         result.digest, diff_id);
    /* an interrupted machine must not leave a layer that looks whole */
    if (syncfs(root) != 0)
        return error_system(err, "sync %s", dir);
    return move_in(runtime, dir, diff_id, result.size_bytes, err);
}

bool layer_unpack(struct runtime *runtime, int fd, const char *diff_id, struct error *err)
{
    CLEANUP(error_clear) struct error ignored = {0};
    if (layer_present(runtime, diff_id))
        return true;
    CLEANUP(free_ptr) char *dir = image_temporary(runtime, err);
    if (!dir)
        return false;
    bool ok = unpack_into(runtime, fd, dir, diff_id, err);
    (void)!tree_remove(dir, &ignored); /* what stays is the collector's */
    return ok;
}
