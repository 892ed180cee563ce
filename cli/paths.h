/* cli/paths.h: where things are below the data directory.
 *
 *   admin.kubeconfig      the host cluster's administrator
 *   postgres/             the private PostgreSQL, unless --postgres is given
 *   server/               the server's key-encryption key; credentials/, what it hands to a `warren
 * up` of another user node/                 the node agent: kubeconfig, runtime/ (images,
 * sandboxes), Pods' volumes and logs */
#pragma once
#include "base/error.h"

#define PATHS_DEFAULT_DIR "/var/lib/warren"

/* `data_dir` NULL: the default. Owned. */
char *paths_join(const char *data_dir, const char *below);
char *paths_runtime(const char *data_dir);
/* Makes the directory and its parents, 0755. */
MUST_CHECK bool paths_make(const char *path, struct error *err);
/* Makes the directory and its lock, a descriptor that is the caller's for as long as it works in
 * there; -1 while another process does. Waits up to `patience_ms` for one that is about to end. */
MUST_CHECK int paths_lock(const char *dir, int patience_ms, struct error *err);
/* A whole small file (1 MiB at most), owned and terminated; NULL with err. Never through a link at
 * its end. */
char *paths_read(const char *path, struct error *err);
/* Writes a file of ours (0600, or `mode`) as a whole or not at all. */
MUST_CHECK bool paths_write(const char *path, const char *text, unsigned mode, struct error *err);
