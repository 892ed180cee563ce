/* The container's mount tree: overlay, /proc, /sys, /dev, the files of /etc, volumes, masks. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "runtime/chroot.h"
#include "runtime/mount_fd.h"
#include "runtime/rootfs_internal.h"
#include "runtime/rootpath.h"
#include "runtime/system_error.h"

#define LAYERS_MAX    128
#define CGROUP2_MAGIC 0x63677270UL

static const char *const masked_paths[] = {
    "proc/acpi",
    "proc/asound",
    "proc/interrupts",
    "proc/kcore",
    "proc/keys",
    "proc/latency_stats",
    "proc/sched_debug",
    "proc/scsi",
    "proc/timer_list",
    "proc/timer_stats",
    "sys/devices/virtual/powercap",
    "sys/firmware",
};
static const char *const read_only_paths[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                              "proc/sysrq-trigger"};

bool rootfs_flag(const struct rootfs_plan *plan, const char *key)
{
    return json_is_true(json_object_get(plan->spec, key));
}

int rootfs_mount_point(const struct rootfs_plan *plan, int root, const char *name,
                       struct error *err)
{
    int fd = rootpath_open(root, name, O_PATH | O_DIRECTORY, 0, ROOTPATH_NO_LINKS);
    if (fd < 0 && errno == ENOENT)
        fd = rootpath_make_dir(root, name, plan->owner);
    if (fd < 0)
        error_system(err, "the image's /%s cannot be mounted on", name);
    return fd;
}

bool rootfs_mount_at(const struct rootfs_plan *plan, int root, const char *name, int mount,
                     struct error *err)
{
    CLEANUP(close_fd) int target = rootfs_mount_point(plan, root, name, err);
    return target >= 0 && mount_attach(mount, target, name, err);
}

/* ---- the layers ---- */

/* Layer directories as descriptors, so that their names take little room in the mount options;
 * idmapped ones have to be attached somewhere, and are piled on the container's "lower" (kernels
 * before 6.15 take no unattached layer). */
static int open_layer(const struct rootfs_plan *plan, const char *path, int pile, struct error *err)
{
    if (plan->user_ns < 0) {
        int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            error_system(err, "open the layer %s", path);
        return fd;
    }
    int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)plan->user_ns};
    if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0 ||
        move_mount(tree, "", pile, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
        error_system(err, "idmap the layer %s", path);
        if (tree >= 0)
            close(tree);
        return -1;
    }
    return tree;
}

/* The descriptors stay open until exec: the mount reads their names only once, but nothing is
 * gained by closing early. */
static bool overlay_options(const struct rootfs_plan *plan, int dir, struct buf *options,
                            struct error *err)
{
    json_t *layers = json_object_get(plan->spec, "layers"), *layer;
    CLEANUP(close_fd) int pile = openat(dir, "lower", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int upper = openat(dir, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int work = openat(dir, "work", O_PATH | O_DIRECTORY | O_CLOEXEC);
    size_t i;
    if (pile < 0 || upper < 0 || work < 0)
        return error_system(err, "open the container's directories");
    if (json_array_size(layers) == 0 || json_array_size(layers) > LAYERS_MAX)
        return error_set(err, ERROR_INVALID, "an image of %zu layers cannot be mounted",
                         json_array_size(layers));
    buf_add_text(options, "lowerdir=");
    json_array_foreach (layers, i, layer) {
        int fd = open_layer(plan, json_string_value(layer), pile, err);
        if (fd < 0)
            return false;
        buf_printf(options, "%s/proc/self/fd/%d", i ? ":" : "", fd);
    }
    buf_printf(options, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d", upper, work);
    return true;
}

static bool mount_overlay(const struct rootfs_plan *plan, int *root, struct error *err)
{
    CLEANUP(buf_free) struct buf options = BUF_INIT(4000);
    CLEANUP(free_ptr) char *target = xasprintf("%s/rootfs", plan->dir);
    CLEANUP(close_fd) int dir = open(plan->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return error_system(err, "open %s", plan->dir);
    if (!overlay_options(plan, dir, &options, err))
        return false;
    if (!buf_ok(&options))
        return error_set(err, ERROR_INVALID, "too many layers");
    unsigned long flags = rootfs_flag(plan, "privileged") ? 0 : MS_NODEV;
    CLEANUP(free_ptr) char *lazy = xasprintf("%s,volatile", options.data);
    if (mount("overlay", target, "overlay", flags, lazy) != 0 &&
        mount("overlay", target, "overlay", flags, options.data) != 0)
        return error_system(err, "mount the container's root");
    *root = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return *root >= 0 ? true : error_system(err, "open the container's root");
}

/* ---- /proc and /sys ---- */

static bool mount_kernel_trees(const struct rootfs_plan *plan, int root, struct error *err)
{
    uint64_t safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    uint64_t sys_mode = rootfs_flag(plan, "privileged") ? 0 : MOUNT_ATTR_RDONLY;
    CLEANUP(close_fd) int proc = mount_new("proc", NULL, safe, err);
    if (proc < 0 || !rootfs_mount_at(plan, root, "proc", proc, err))
        return false;
    CLEANUP(close_fd) int sys = mount_new("sysfs", NULL, safe | sys_mode, err);
    return sys >= 0 && rootfs_mount_at(plan, root, "sys", sys, err);
}

#define VIEW_ATTRIBUTES                                                                            \
    (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY)

/* One v1 controller's directory of the group, in the tmpfs `dir`. */
static bool mount_view(int dir, const struct cgroup_view *view, struct error *err)
{
    if (mkdirat(dir, view->name, 0755) != 0)
        return error_system(err, "make /sys/fs/cgroup/%s", view->name);
    CLEANUP(close_fd)
    int target = openat(dir, view->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    CLEANUP(close_fd)
    int tree = open_tree(AT_FDCWD, view->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (target < 0 || tree < 0 || !mount_set(tree, VIEW_ATTRIBUTES, 0))
        return error_system(err, "show the control group %s", view->path);
    return mount_attach(tree, target, view->name, err);
}

static bool mount_views(const struct cgroup_view *views, size_t count, int target,
                        struct error *err)
{
    static const struct mount_option options[] = {{"mode", "0755"}, {"size", "4k"}, {NULL, NULL}};
    bool ok = true;
    CLEANUP(close_fd)
    int dir = mount_new("tmpfs", options, VIEW_ATTRIBUTES & ~(unsigned)MOUNT_ATTR_RDONLY, err);
    if (dir < 0 || !mount_attach(dir, target, "/sys/fs/cgroup", err))
        return false;
    for (size_t i = 0; i < count && ok; i++)
        ok = mount_view(dir, &views[i], err);
    if (ok && !mount_set(dir, MOUNT_ATTR_RDONLY, 0))
        ok = error_system(err, "make /sys/fs/cgroup read-only");
    return ok;
}

static bool mount_unified(int target, struct error *err)
{
    struct statfs info;
    CLEANUP(error_clear) struct error ignored = {0};
    if (statfs("/sys/fs/cgroup", &info) != 0 || (unsigned long)info.f_type != CGROUP2_MAGIC)
        return true;
    CLEANUP(close_fd) int group = mount_new("cgroup2", NULL, VIEW_ATTRIBUTES, &ignored);
    return group < 0 || mount_attach(group, target, "/sys/fs/cgroup", err);
}

/* The group's own view of itself, from which programs learn their limits; read-only. */
static bool mount_cgroup(const struct rootfs_plan *plan, int root, struct error *err)
{
    struct cgroup_view views[CGROUP_VIEWS_MAX];
    size_t count = cgroup_views(plan->cgroups, plan->cgroup, views);
    CLEANUP(close_fd)
    int target = rootpath_open(root, "sys/fs/cgroup", O_PATH | O_DIRECTORY, 0, ROOTPATH_NO_LINKS);
    bool ok =
        target < 0 || (count ? mount_views(views, count, target, err) : mount_unified(target, err));
    for (size_t i = 0; i < count; i++)
        free(views[i].path);
    return ok;
}

/* A descriptor of the host's null device, known to be it. */
static int open_null(struct error *err)
{
    struct stat info;
    int fd = open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISCHR(info.st_mode) ||
        info.st_rdev != makedev(1, 3)) {
        if (fd >= 0)
            close(fd);
        error_set(err, ERROR_INTERNAL, "/dev/null of this machine is not the null device");
        return -1;
    }
    return fd;
}

static bool mask_path(int root, const char *path, struct error *err)
{
    struct stat info;
    CLEANUP(close_fd)
    int target = rootpath_open(root, path, O_PATH | O_NOFOLLOW, 0, ROOTPATH_NO_LINKS);
    if (target < 0 && (errno == ENOENT || errno == ENOTDIR))
        return true;
    if (target < 0 || fstat(target, &info) != 0)
        return error_system(err, "mask /%s", path);
    static const struct mount_option empty[] = {{"size", "0k"}, {"mode", "0555"}, {NULL, NULL}};
    CLEANUP(close_fd)
    int cover =
        S_ISDIR(info.st_mode) ? mount_new("tmpfs", empty, MOUNT_ATTR_RDONLY, err) : open_null(err);
    return cover >= 0 && mount_attach(cover, target, path, err);
}

static bool make_read_only(int root, const char *path, struct error *err)
{
    CLEANUP(close_fd)
    int target = rootpath_open(root, path, O_PATH | O_NOFOLLOW, 0, ROOTPATH_NO_LINKS);
    if (target < 0 && errno == ENOENT)
        return true;
    CLEANUP(close_fd)
    int copy = target < 0
                   ? -1
                   : open_tree(target, "",
                               AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (copy < 0 || !mount_set(copy, MOUNT_ATTR_RDONLY, AT_RECURSIVE))
        return error_system(err, "make /%s read-only", path);
    return mount_attach(copy, target, path, err);
}

static bool protect_kernel(const struct rootfs_plan *plan, int root, struct error *err)
{
    if (rootfs_flag(plan, "privileged"))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(masked_paths); i++)
        if (!mask_path(root, masked_paths[i], err))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(read_only_paths); i++)
        if (!make_read_only(root, read_only_paths[i], err))
            return false;
    return true;
}

/* ---- volumes ---- */

static int volume_tmpfs(const struct rootfs_plan *plan, const json_t *mount, struct error *err)
{
    const char *size = json_text(mount, "tmpfsSize");
    CLEANUP(free_ptr) char *owner = xasprintf("%u", plan->owner);
    struct mount_option options[5] = {{"mode", "1777"}, {"uid", owner}, {"gid", owner}};
    if (*size)
        options[3] = (struct mount_option){"size", size};
    return mount_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, err);
}

static int volume_bind(const struct rootfs_plan *plan, const char *source, struct error *err)
{
    int tree = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0) {
        error_system(err, "open the volume %s", source);
        return -1;
    }
    struct mount_attr private = {.propagation = MS_PRIVATE};
    bool ok =
        mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &private, sizeof(private)) == 0 &&
        (rootfs_flag(plan, "privileged") || mount_set(tree, MOUNT_ATTR_NODEV, AT_RECURSIVE)) &&
        (plan->user_ns < 0 || mount_set_idmap(tree, plan->user_ns, AT_RECURSIVE));
    if (ok)
        return tree;
    error_system(err, "prepare the volume %s", source);
    close(tree);
    return -1;
}

static bool mount_volume(const struct rootfs_plan *plan, int root, const json_t *mount,
                         struct error *err)
{
    struct stat info;
    const char *target_path = json_text(mount, "target"), *source = json_text(mount, "source");
    CLEANUP(close_fd)
    int tree = json_text(mount, "tmpfsSize") ? volume_tmpfs(plan, mount, err)
                                             : volume_bind(plan, source, err);
    if (tree < 0)
        return false;
    if (fstat(tree, &info) != 0)
        return error_system(err, "stat the volume for %s", target_path);
    CLEANUP(close_fd)
    int target = S_ISDIR(info.st_mode) ? rootpath_make_dir(root, target_path, plan->owner)
                                       : rootpath_make_file(root, target_path, plan->owner);
    if (target < 0)
        return error_system(err, "make the mount point %s", target_path);
    if (json_is_true(json_object_get(mount, "readOnly")) &&
        !mount_set(tree, MOUNT_ATTR_RDONLY, AT_RECURSIVE))
        return error_system(err, "make the volume at %s read-only", target_path);
    return mount_attach(tree, target, target_path, err);
}

static bool has_mount_at(const json_t *mounts, const char *target)
{
    size_t i;
    json_t *mount;
    json_array_foreach (mounts, i, mount) {
        if (text_eq(json_text(mount, "target"), target))
            return true;
    }
    return false;
}

static bool mount_volumes(const struct rootfs_plan *plan, int root, struct error *err)
{
    static const char *const files[] = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};
    json_t *mounts = json_object_get(plan->spec, "mounts"), *mount;
    size_t i;
    for (i = 0; i < ARRAY_LEN(files); i++) {
        if (has_mount_at(mounts, files[i]))
            continue;
        CLEANUP(free_ptr) char *source = xasprintf("%s%s", plan->sandbox_dir, files[i]);
        json_auto_t *file = json_pack("{s:s,s:s,s:b}", "source", source, "target", files[i],
                                      "readOnly", rootfs_flag(plan, "readOnlyRoot"));
        if (!mount_volume(plan, root, file, err))
            return false;
    }
    json_array_foreach (mounts, i, mount) {
        if (!mount_volume(plan, root, mount, err))
            return false;
    }
    return true;
}

/* ---- all of it ---- */

static bool build(const struct rootfs_plan *plan, int root, struct rootfs *rootfs,
                  struct error *err)
{
    CLEANUP(close_fd) int dev = -1;
    const char *cwd = json_text(plan->spec, "cwd");
    if (!mount_kernel_trees(plan, root, err) || !mount_cgroup(plan, root, err) ||
        !rootfs_mount_dev(plan, root, &dev, err))
        return false;
    if (rootfs_flag(plan, "tty") &&
        (!rootfs_open_terminal(root, &rootfs->master, &rootfs->slave, err) ||
         !rootfs_add_console(dev, rootfs->slave, err)))
        return false;
    if (!protect_kernel(plan, root, err) || !mount_volumes(plan, root, err))
        return false;
    CLEANUP(close_fd) int work = rootpath_make_dir(root, cwd, plan->owner);
    if (work < 0)
        return error_system(err, "make the working directory %s", cwd);
    if (rootfs_flag(plan, "readOnlyRoot") && !mount_set(root, MOUNT_ATTR_RDONLY, 0))
        return error_system(err, "make the root read-only");
    return true;
}

bool rootfs_build(const struct rootfs_plan *plan, struct rootfs *rootfs, struct error *err)
{
    int root = -1;
    rootfs->master = rootfs->slave = -1;
    if (unshare(CLONE_NEWNS) != 0)
        return error_system(err, "make a mount namespace");
    if (!chroot_leave(err))
        return false;
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0)
        return error_system(err, "stop mounts from going out");
    if (!mount_overlay(plan, &root, err))
        return false;
    rootfs->root = root;
    return build(plan, root, rootfs, err);
}

bool rootfs_enter(const struct rootfs *rootfs, struct error *err)
{
    if (fchdir(rootfs->root) != 0 || syscall(SYS_pivot_root, ".", ".") != 0)
        return error_system(err, "pivot into the container's root");
    if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return error_system(err, "let go of the host's root");
    return true;
}
