/* tests/runtime/support_image.h: small images made on the spot, good and bad. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

struct support_entry {
    const char *path;
    mode_t type;      /* S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR; 0: a hard link */
    const char *text; /* contents, or where the link leads */
    mode_t mode;      /* 0: 0644, or 0755 for a directory */
    long uid;
};

enum support_filter { FILTER_NONE, FILTER_GZIP, FILTER_ZSTD };

/* A tar of the entries into `out`. */
void support_tar(struct buf *out, const struct support_entry *entries, size_t count,
                 enum support_filter filter);
/* A docker-archive (as a directory `dir`) of one image with these layers; `names` with a comma
 * between them, or NULL. `diff_ids`: JSON array of what its config claims, NULL for the truth. */
void support_docker_dir(const char *dir, const struct buf *layers, size_t count, const char *name,
                        const char *claimed);
/* The same as an OCI layout; layers may be compressed, `plain` are the uncompressed ones. */
void support_oci_dir(const char *dir, const struct buf *layers, const struct buf *plain,
                     size_t count, const char *name);
/* Runs a program to its end; fails the test when it fails. */
void support_command(const char *const *argv);
