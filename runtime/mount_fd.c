/* The kernel's descriptor-based mount calls, with our errors. */
#include "runtime/mount_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "runtime/system_error.h"

int mount_new(const char *type, const struct mount_option *options, uint64_t attributes,
              struct error *err)
{
    CLEANUP(close_fd) int context = fsopen(type, FSOPEN_CLOEXEC);
    if (context < 0) {
        error_system(err, "fsopen %s", type);
        return -1;
    }
    for (; options && options->key; options++)
        if (fsconfig(context, FSCONFIG_SET_STRING, options->key, options->value, 0) != 0) {
            error_system(err, "%s: option %s=%s", type, options->key, options->value);
            return -1;
        }
    int mounted = fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0
                      ? -1
                      : fsmount(context, FSMOUNT_CLOEXEC, (unsigned)attributes);
    if (mounted < 0)
        error_system(err, "make a %s", type);
    return mounted;
}

bool mount_attach(int mount, int target, const char *name, struct error *err)
{
    if (move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
        return error_system(err, "mount %s", name);
    return true;
}

bool mount_set(int mount, uint64_t attributes, unsigned flags)
{
    struct mount_attr attr = {.attr_set = attributes};
    return mount_setattr(mount, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr)) == 0;
}

bool mount_set_idmap(int mount, int user_ns, unsigned flags)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)user_ns};
    if (mount_setattr(mount, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr)) == 0)
        return true;
    return errno == EINVAL || errno == EPERM;
}
