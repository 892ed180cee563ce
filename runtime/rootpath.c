/* Lookups in a hostile tree; see the header. */
#include "runtime/rootpath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/system_error.h"

#define RETRIES_MAX 32 /* openat2 answers EAGAIN when a rename raced with ".." */

int rootpath_open(int root, const char *path, int flags, mode_t mode, enum rootpath_links links)
{
    struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC,
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS |
                   (links == ROOTPATH_NO_LINKS ? RESOLVE_NO_SYMLINKS : 0),
    };
    long fd = -1;
    for (int i = 0; i < RETRIES_MAX; i++) {
        fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
        if (fd >= 0 || errno != EAGAIN)
            break;
    }
    return (int)fd;
}

/* The next component of `*rest`, or an empty text at the end; "." and "" are skipped. */
static struct str next_component(struct str *rest)
{
    struct str part = {0};
    while (rest->data && (part.len == 0 || str_is(part, ".")))
        part = str_cut(rest, '/');
    return str_is(part, ".") ? (struct str){0} : part;
}

/* Opens or makes `prefix` (whose last component is `name`) as a directory. */
static int step_into(int root, const char *prefix, const char *name, int parent, uid_t owner)
{
    int fd = rootpath_open(root, prefix, O_PATH | O_DIRECTORY, 0, ROOTPATH_FOLLOW);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (mkdirat(parent, name, 0755) != 0 && errno != EEXIST)
        return -1;
    fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (owner != 0 && fchownat(fd, "", owner, owner, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Walks to the parent of the last component, which is left in `*last` (owned; NULL for the root
 * itself). */
static int make_parents(int root, const char *path, uid_t owner, char **last)
{
    struct str rest = str_of(path);
    CLEANUP(buf_free) struct buf prefix = BUF_INIT(4096);
    CLEANUP(free_ptr) char *pending = NULL;
    int at = fcntl(root, F_DUPFD_CLOEXEC, 3);
    for (struct str part; at >= 0 && (part = next_component(&rest)).len;) {
        if (str_is(part, "..")) {
            close(at);
            errno = EINVAL;
            return -1;
        }
        if (pending) {
            int below = step_into(root, prefix.data, pending, at, owner);
            int saved = errno;
            close(at);
            errno = saved;
            at = below;
        }
        free(pending);
        pending = str_dup(part);
        buf_add_char(&prefix, '/');
        buf_add_str(&prefix, part);
        if (!buf_ok(&prefix)) {
            close(at);
            errno = ENAMETOOLONG;
            return -1;
        }
    }
    *last = TAKE(pending);
    return at;
}

int rootpath_make_dir(int root, const char *path, uid_t owner)
{
    CLEANUP(free_ptr) char *last = NULL;
    CLEANUP(close_fd) int parent = make_parents(root, path, owner, &last);
    if (parent < 0)
        return -1;
    if (!last)
        return fcntl(parent, F_DUPFD_CLOEXEC, 3);
    return step_into(root, path, last, parent, owner);
}

int rootpath_make_file(int root, const char *path, uid_t owner)
{
    CLEANUP(free_ptr) char *last = NULL;
    int fd = rootpath_open(root, path, O_PATH, 0, ROOTPATH_FOLLOW);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    CLEANUP(close_fd) int parent = make_parents(root, path, owner, &last);
    if (parent < 0)
        return -1;
    if (!last) {
        errno = EISDIR;
        return -1;
    }
    CLEANUP(close_fd)
    int made = openat(parent, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (made < 0 || (owner != 0 && fchown(made, owner, owner) != 0))
        return -1;
    return openat(parent, last, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

bool rootpath_read(int root, const char *path, struct buf *out, struct error *err)
{
    struct stat info;
    CLEANUP(close_fd)
    int fd = rootpath_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, ROOTPATH_FOLLOW);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return error_set(err, ERROR_NOT_FOUND, "%s: no such file", path);
    if (fd < 0 || fstat(fd, &info) != 0)
        return error_system(err, "open %s", path);
    if (!S_ISREG(info.st_mode) || info.st_size < 0 || (size_t)info.st_size > out->max - out->len)
        return error_set(err, ERROR_TOO_LARGE, "%s is no regular file or too large", path);
    for (size_t left = (size_t)info.st_size; left > 0;) {
        char *room = buf_reserve(out, left);
        ssize_t got = room ? read(fd, room, left) : -1;
        if (got < 0)
            return error_system(err, "read %s", path);
        if (got == 0)
            break;
        out->len += (size_t)got;
        left -= (size_t)got;
    }
    if (out->data)
        out->data[out->len] = '\0';
    return true;
}
