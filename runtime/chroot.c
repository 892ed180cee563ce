#include "runtime/chroot.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "runtime/system_error.h"

/* Whether two directories are the same place of the mount tree, not only the same directory. */
static bool same_place(int a, int b)
{
    struct statx one, other;
    return statx(a, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &one) == 0 &&
           statx(b, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &other) == 0 &&
           one.stx_ino == other.stx_ino && one.stx_mnt_id == other.stx_mnt_id;
}

/* A copy of the tree at `root` is mounted there and becomes the root; what was is let go of. */
static bool pivot(int root)
{
    CLEANUP(close_fd)
    int tree = (int)syscall(SYS_open_tree, root, "",
                            OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
    return tree >= 0 &&
           syscall(SYS_move_mount, tree, "", root, "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0 &&
           fchdir(tree) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
           umount2(".", MNT_DETACH) == 0;
}

bool chroot_leave(struct error *err)
{
    CLEANUP(close_fd) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(close_fd) int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    /* Joining the namespace that one is in leads to its root. */
    if (root < 0 || own < 0 || setns(own, CLONE_NEWNS) != 0)
        return error_system(err, "find the root of the mount namespace");
    CLEANUP(close_fd) int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (same_place(root, top))
        return true;
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0 || !pivot(root) || chdir("/") != 0)
        return error_system(err, "leave the chroot");
    return true;
}
