/* runtime/rootpath.h: paths inside somebody else's root file system.
 *
 * The tree below `root` is hostile: symlinks point anywhere and change while we look. Every lookup
 * is one openat2 with RESOLVE_IN_ROOT, what comes back is a descriptor, and everything later is
 * done to the descriptor, never to a path again. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

enum rootpath_links {
    ROOTPATH_FOLLOW,   /* symlinks are followed, but never out of the root; no magic links */
    ROOTPATH_NO_LINKS, /* any symlink on the way fails with ELOOP, any mount point crossed is fine
                        */
};

/* openat2; -1 with errno. Close-on-exec. */
int rootpath_open(int root, const char *path, int flags, mode_t mode, enum rootpath_links links);

/* Makes the directories that are missing (0755, owned by owner:owner) and opens the last one,
 * O_PATH. -1 with errno:
 * ".." is refused with EINVAL, a dangling symlink with EEXIST. */
int rootpath_make_dir(int root, const char *path, uid_t owner);
/* The same for an empty file at the end; an existing file or directory of any kind but symlink is
 * opened as it is. */
int rootpath_make_file(int root, const char *path, uid_t owner);

/* Reads a regular file of at most out->max bytes. */
MUST_CHECK bool rootpath_read(int root, const char *path, struct buf *out, struct error *err);
