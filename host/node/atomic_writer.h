/* host/node/atomic_writer.h: a folder whose files change all at once, as the kubelet keeps
 * ConfigMap volumes.
 *
 * DIR/..2026_01_02_03_04_05.123/ holds the files, DIR/..data links to it, DIR/NAME links to
 * ..data/NAME. An update makes a new folder and renames ..data over. Source: kubelet's
 * pkg/volume/util/atomic_writer, by behaviour. */
#pragma once
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

#define PAYLOAD_FILES_MAX 10000
#define PAYLOAD_BYTES_MAX ((size_t)32 << 20)

struct payload_file {
    char *path; /* relative, checked by payload_add */
    char *data;
    size_t len;
    mode_t mode;
};

struct payload {
    struct payload_file *files;
    size_t count, capacity, bytes;
};

void payload_clear(struct payload *payload);
/* Copies both. A later file of the same path replaces the earlier one. Fails with INVALID for a
 * path that leaves the folder or begins with "..", or when it grows too large. */
MUST_CHECK bool payload_add(struct payload *payload, const char *path, struct str data, mode_t mode,
                            struct error *err);
/* Of paths, modes and contents. */
void payload_digest(const struct payload *payload, char out[65]);

/* Makes DIR show exactly the payload. `gid` -1: root's. DIR must exist. */
MUST_CHECK bool atomic_write(const char *dir, const struct payload *payload, gid_t gid,
                             struct error *err);
