/* Names, locks and sockets of a sandbox's directory. */
#include "runtime/sandbox_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/system_error.h"

#define BACKLOG 64

char *sandbox_path(const char *root, const char *id, const char *below)
{
    return xasprintf("%s/sandboxes/%s%s%s", root, id, *below ? "/" : "", below);
}

char *sandbox_netns_path(const char *root, const char *id)
{
    return xasprintf("%s/netns/%s", root, id);
}

char *container_path(const char *sandbox_dir, const char *name, const char *below)
{
    return xasprintf("%s/containers/%s%s%s", sandbox_dir, name, *below ? "/" : "", below);
}

bool sandbox_id_valid(const char *id)
{
    size_t len = id ? strlen(id) : 0;
    return len > 0 && len <= 63 && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* A POSIX record lock: the kernel tells who holds it, children do not inherit it, and it ends with
 * the process. */
pid_t sandbox_shim_pid(const char *sandbox_dir)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CLEANUP(free_ptr) char *path = xasprintf("%s/lock", sandbox_dir);
    CLEANUP(close_fd) int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
        return 0;
    return lock.l_pid;
}

bool sandbox_shim_lock(const char *sandbox_dir, struct error *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CLEANUP(free_ptr) char *path = xasprintf("%s/lock", sandbox_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0)
        return true; /* the descriptor stays open on purpose: closing it would release the lock */
    error_system(err, "lock %s", path);
    close_fd(&fd);
    return false;
}

/* sun_path holds 107 bytes, and a data directory's path may be longer. */
static bool address_of(int dir, const char *name, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len =
        snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", dir, name);
    return len > 0 && (size_t)len < sizeof(address->sun_path);
}

int state_socket_connect(const char *dir, const char *name, int type, struct error *err)
{
    struct sockaddr_un address;
    CLEANUP(close_fd) int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && at >= 0 && address_of(at, name, &address) &&
        connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    error_system(err, "connect to %s/%s", dir, name);
    close_fd(&fd);
    return -1;
}

int state_socket_listen(const char *dir, const char *name, int type, struct error *err)
{
    struct sockaddr_un address;
    CLEANUP(close_fd) int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (at >= 0)
        (void)unlinkat(at, name, 0); /* of a process that has gone: the caller holds the lock */
    bool ok = fd >= 0 && at >= 0 && address_of(at, name, &address) &&
              bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
              fchmodat(at, name, 0600, 0) == 0 &&
              ((type & SOCK_STREAM) == 0 || listen(fd, BACKLOG) == 0);
    if (ok)
        return fd;
    error_system(err, "listen on %s/%s", dir, name);
    close_fd(&fd);
    return -1;
}
