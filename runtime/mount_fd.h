/* runtime/mount_fd.h: mounts as descriptors, without a path that somebody could change meanwhile.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct mount_option {
    const char *key, *value; /* key NULL: the end */
};
/* A new, unattached file system with MOUNT_ATTR_ flags; close-on-exec. -1 with an error. */
int mount_new(const char *type, const struct mount_option *options, uint64_t attributes,
              struct error *err);
/* Puts it on what `target` is a descriptor of; `name` is for the error. */
MUST_CHECK bool mount_attach(int mount, int target, const char *name, struct error *err);
/* Adds MOUNT_ATTR_ flags; `flags`: 0 or AT_RECURSIVE. False with errno. */
MUST_CHECK bool mount_set(int mount, uint64_t attributes, unsigned flags);
/* Shows an unattached tree's ids through the user namespace's map; one whose file system knows no
 * idmapping is left as it is. False with errno. */
MUST_CHECK bool mount_set_idmap(int mount, int user_ns, unsigned flags);
