/* runtime/rootfs.h: the file system that a container sees, made in a mount namespace of its own.
 *
 * Runs in the child that becomes the container, as real root, single-threaded, after the other
 * namespaces were entered. All lookups in the container's tree go through descriptors (rootpath.h),
 * so that neither an image nor another container that shares a volume can redirect a mount.
 *
 * User namespaces: image layers and volumes are shown through idmapped mounts, so that nothing is
 * ever chown-ed on disk; only the writable layer holds the sandbox's own ids, and goes with the
 * container. Where a file system knows no idmapping the volume is mounted as it is, and its files
 * belong to nobody. */
#pragma once
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"
#include "runtime/cgroup.h"

struct rootfs_plan {
    const json_t *spec;      /* container_spec.h */
    const char *dir;         /* the container's: has upper, work, lower, rootfs */
    const char *sandbox_dir; /* has etc/{hosts,hostname,resolv.conf} and shm */
    uid_t owner;             /* what the container's root is outside */
    int user_ns;             /* -1: none */
    struct cgroups *cgroups;
    const char *cgroup; /* the container's */
};
struct rootfs {
    int root;   /* O_PATH; the container's root after rootfs_enter */
    int master; /* the terminal's, -1 without one */
    int slave;
};
/* Unshares the mount namespace and builds the tree. */
MUST_CHECK bool rootfs_build(const struct rootfs_plan *plan, struct rootfs *rootfs,
                             struct error *err);
/* Makes it the root and lets go of the host's. */
MUST_CHECK bool rootfs_enter(const struct rootfs *rootfs, struct error *err);
/* A new terminal in the devpts of the tree at `root`. */
MUST_CHECK bool rootfs_open_terminal(int root, int *master, int *slave, struct error *err);
