/* runtime/chroot.h: containers from within a chroot (a tree that debootstrap(8) made, a rescue
 * system). There the kernel makes no user namespace and pivots no root: both ask that the caller's
 * root be its mount namespace's. */
#pragma once
#include "base/error.h"

/* Makes the caller's root that of its mount namespace, which nobody else may share any more and
 * which becomes a slave of the one it came from. Nothing changes when it is already. For a process
 * of one thread; its working directory is / then. */
MUST_CHECK bool chroot_leave(struct error *err);
