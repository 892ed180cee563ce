/* The container's /dev: a tmpfs that allows no devices, with the host's harmless ones mounted on
 * files in it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/mount_fd.h"
#include "runtime/rootfs_internal.h"
#include "runtime/rootpath.h"
#include "runtime/system_error.h"

#define DEVPTS_MAGIC 0x1cd1
#define TTY_GROUP    5

static const struct device {
    const char *name;
    unsigned major, minor;
} devices[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
               {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

static const struct {
    const char *name, *target;
} dev_links[] = {{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
                 {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
                 {"core", "/proc/kcore"},       {"ptmx", "pts/ptmx"}};

/* Mounts the host's device on a new file: the file system itself allows no devices. */
static bool add_device(int dev, const struct device *device, struct error *err)
{
    struct stat info;
    CLEANUP(free_ptr) char *source = xasprintf("/dev/%s", device->name);
    CLEANUP(close_fd) int tree = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0 || fstat(tree, &info) != 0 || !S_ISCHR(info.st_mode) ||
        info.st_rdev != makedev(device->major, device->minor))
        return error_set(err, ERROR_INTERNAL, "%s of this machine is not what it should be",
                         source);
    CLEANUP(close_fd)
    int target = openat(dev, device->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (target < 0)
        return error_system(err, "make %s", source);
    return mount_attach(tree, target, source, err);
}

/* Privileged containers see every device at the top of the host's /dev. */
static void add_host_devices(int dev)
{
    struct stat info;
    DIR *dir = opendir("/dev");
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) &&
            mknodat(dev, entry->d_name, info.st_mode, info.st_rdev) == 0)
            (void)!fchownat(dev, entry->d_name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW);
    if (dir)
        closedir(dir);
}

static bool mount_dev_part(int dev, const char *name, int mount, struct error *err)
{
    if (mount < 0)
        return false;
    if (mkdirat(dev, name, 0755) != 0 && errno != EEXIST)
        return error_system(err, "make /dev/%s", name);
    CLEANUP(close_fd) int target = openat(dev, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return target < 0 ? error_system(err, "open /dev/%s", name)
                      : mount_attach(mount, target, name, err);
}

static bool mount_dev_parts(const struct rootfs_plan *plan, int dev, struct error *err)
{
    uint64_t quiet = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, safe = quiet | MOUNT_ATTR_NODEV;
    CLEANUP(free_ptr) char *tty_gid = xasprintf("%u", plan->owner + TTY_GROUP);
    CLEANUP(free_ptr) char *shm_path = xasprintf("%s/shm", plan->sandbox_dir);
    const struct mount_option pts_options[] = {
        {"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", tty_gid}, {NULL, NULL}};
    CLEANUP(close_fd) int pts = mount_new("devpts", pts_options, quiet, err);
    if (!mount_dev_part(dev, "pts", pts, err))
        return false;
    CLEANUP(close_fd) int queue = mount_new("mqueue", NULL, safe, err);
    if (!mount_dev_part(dev, "mqueue", queue, err))
        return false;
    CLEANUP(close_fd) int shm = open_tree(AT_FDCWD, shm_path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (shm < 0)
        return error_system(err, "open %s", shm_path);
    return mount_dev_part(dev, "shm", shm, err);
}

bool rootfs_mount_dev(const struct rootfs_plan *plan, int root, int *dev_out, struct error *err)
{
    bool privileged = rootfs_flag(plan, "privileged");
    CLEANUP(free_ptr) char *owner = xasprintf("%u", plan->owner);
    const struct mount_option options[] = {
        {"mode", "0755"}, {"size", "64k"}, {"uid", owner}, {"gid", owner}, {NULL, NULL}};
    int dev =
        mount_new("tmpfs", options, MOUNT_ATTR_NOSUID | (privileged ? 0 : MOUNT_ATTR_NODEV), err);
    if (dev < 0)
        return false;
    *dev_out = dev;
    if (!rootfs_mount_at(plan, root, "dev", dev, err) || !mount_dev_parts(plan, dev, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(devices); i++)
        if (!add_device(dev, &devices[i], err))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(dev_links); i++)
        if (symlinkat(dev_links[i].target, dev, dev_links[i].name) != 0)
            return error_system(err, "link /dev/%s", dev_links[i].name);
    if (privileged)
        add_host_devices(dev);
    return true;
}

bool rootfs_open_terminal(int root, int *master, int *slave, struct error *err)
{
    struct statfs kind;
    int unlock = 0;
    CLEANUP(close_fd)
    int made = rootpath_open(root, "dev/pts/ptmx", O_RDWR | O_NOCTTY, 0, ROOTPATH_NO_LINKS);
    if (made < 0 || fstatfs(made, &kind) != 0)
        return error_system(err, "open the terminal");
    if (kind.f_type != DEVPTS_MAGIC)
        return error_set(err, ERROR_INVALID, "/dev/pts of the container is no devpts");
    if (ioctl(made, TIOCSPTLCK, &unlock) != 0)
        return error_system(err, "unlock the terminal");
    *slave = ioctl(made, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    *master = *slave < 0 ? -1 : fcntl(made, F_DUPFD_CLOEXEC, 3);
    return *master >= 0 ? true : error_system(err, "open the terminal's other side");
}

bool rootfs_add_console(int dev, int slave, struct error *err)
{
    CLEANUP(close_fd)
    int target = openat(dev, "console", O_WRONLY | O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC, 0600);
    CLEANUP(close_fd)
    int tree = open_tree(slave, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (target < 0 || tree < 0)
        return error_system(err, "make /dev/console");
    return mount_attach(tree, target, "/dev/console", err);
}
