/* runtime/sandbox_state.h: a sandbox on disk, as callers and its shim both know it.
 *
 * ROOT/sandboxes/ID/: config.json, lock (held by the shim for its life), shim.sock, shim.log, etc/,
 * shm/ (a tmpfs), and containers/NAME/ with spec.json, status.json, upper/, work/, lower/, rootfs/.
 * ROOT/netns/ID: the network namespace. ROOT/events: the caller's datagram socket, where shims say
 * which sandbox changed. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"

#define CONFIG_BYTES_MAX ((size_t)1 << 20)
#define STATUS_BYTES_MAX ((size_t)64 << 10)

/* Paths; owned. */
char *sandbox_path(const char *root, const char *id, const char *below);
char *sandbox_netns_path(const char *root, const char *id);
char *container_path(const char *sandbox_dir, const char *name, const char *below);

/* [a-z0-9-]{1,63} */
bool sandbox_id_valid(const char *id);
/* The shim's pid while it lives, else 0. */
pid_t sandbox_shim_pid(const char *sandbox_dir);
/* Takes that lock for the life of this process; false when another one has it. */
MUST_CHECK bool sandbox_shim_lock(const char *sandbox_dir, struct error *err);

/* A Unix socket's address of any length, through a descriptor of its directory. -1 with an error.
 */
int state_socket_connect(const char *dir, const char *name, int type, struct error *err);
int state_socket_listen(const char *dir, const char *name, int type, struct error *err);
