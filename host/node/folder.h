/* host/node/folder.h: folders whose contents others chose: made, removed, and opened without
 * leaving them. Any thread. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* mkdir -p with this mode for what is missing. */
MUST_CHECK bool folder_make(const char *path, mode_t mode, struct error *err);
/* Detaches every mount at or below `path`. */
void folder_unmount(const char *path);
/* Removes it with all it holds, however deep, following no link; unmounts nothing. Succeeds when it
 * is absent. */
MUST_CHECK bool folder_remove(const char *path, struct error *err);
/* Gives the folder and all that it holds to a group, which may write to it and to what is made in
 * it; follows no link, and goes no deeper than FOLDER_DEPTH_MAX. */
#define FOLDER_DEPTH_MAX 64
MUST_CHECK bool folder_give(const char *path, gid_t group, struct error *err);
/* Writes a file in one step: temporary name, then rename. */
MUST_CHECK bool folder_write_file(const char *path, const void *data, size_t len, mode_t mode,
                                  struct error *err);
/* The whole file, appended to `out` (which has its maximum). */
struct buf;
MUST_CHECK bool folder_read_file(const char *path, struct buf *out, struct error *err);
/* An O_PATH descriptor of `below` inside `root`: links are resolved inside `root` and cannot leave
 * it. What is missing is made as folders when `make` is set: with the mode of `root`, so that
 * whoever may write there may write here. -1 with `err`. */
int folder_open_below(const char *root, const char *below, bool make, struct error *err);
