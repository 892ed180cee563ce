/* runtime/archive_unpack.h: hostile tar archives into a directory of ours.
 *
 * Nothing is ever written outside `root`: parents are looked up with RESOLVE_IN_ROOT, the last name
 * is never followed. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum unpack_kind {
    UNPACK_LAYER, /* owners, modes, xattrs, devices; whiteouts become overlayfs's own */
    UNPACK_PLAIN, /* files, directories and links only, ours, 0600 and 0700 */
};
struct unpack_result {
    char digest[72];    /* of the uncompressed bytes */
    int64_t size_bytes; /* of the files in it */
};
/* `fd`: tar, plain or compressed by gzip, zstd, bzip2 or xz, from its current place. INVALID when
 * it is malformed, holds an entry that is not allowed, or passes the limits (`bytes_max`
 * uncompressed). */
MUST_CHECK bool archive_unpack(int fd, int root, enum unpack_kind kind, int64_t bytes_max,
                               struct unpack_result *result, struct error *err);
