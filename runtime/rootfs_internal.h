/* runtime/rootfs_internal.h: the parts of building a root, for rootfs*.c only. */
#pragma once
#include "runtime/rootfs.h"

/* A flag of the container's spec. */
bool rootfs_flag(const struct rootfs_plan *plan, const char *key);
/* A directory of the image that we mount over: never through a symlink, since any image may hold
 * one. -1 with an error. */
int rootfs_mount_point(const struct rootfs_plan *plan, int root, const char *name,
                       struct error *err);
/* Puts a new file system there. */
MUST_CHECK bool rootfs_mount_at(const struct rootfs_plan *plan, int root, const char *name,
                                int mount, struct error *err);

/* ---- /dev (rootfs_dev.c) ---- */
/* A tmpfs with the devices that every container has; its descriptor in `*dev`. */
MUST_CHECK bool rootfs_mount_dev(const struct rootfs_plan *plan, int root, int *dev,
                                 struct error *err);
/* The container's own terminal as /dev/console. */
MUST_CHECK bool rootfs_add_console(int dev, int slave, struct error *err);
