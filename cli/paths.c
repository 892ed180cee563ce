#include "cli/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_POLL_MS 50
#define FILE_MAX     ((size_t)1 << 20)

char *paths_join(const char *data_dir, const char *below)
{
    return xasprintf("%s%s%s", data_dir ? data_dir : PATHS_DEFAULT_DIR, *below ? "/" : "", below);
}

char *paths_runtime(const char *data_dir)
{
    return paths_join(data_dir, "node/runtime");
}

bool paths_make(const char *path, struct error *err)
{
    CLEANUP(free_ptr) char *partial = xstrdup(path);
    for (char *slash = strchr(partial + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(partial, 0755) != 0 && errno != EEXIST)
            return error_set(err, ERROR_FORBIDDEN, "cannot make the directory %s: %s", partial,
                             strerror(errno));
        if (!slash)
            return true;
        *slash = '/';
    }
}

int paths_lock(const char *dir, int patience_ms, struct error *err)
{
    if (!paths_make(dir, err))
        return -1;
    CLEANUP(free_ptr) char *path = xasprintf("%s/lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), failed;
    if (fd < 0)
        return error_set(err, ERROR_FORBIDDEN, "cannot write in %s: %s", dir, strerror(errno)), -1;
    while ((failed = flock(fd, LOCK_EX | LOCK_NB)) && errno == EWOULDBLOCK && patience_ms > 0) {
        usleep(LOCK_POLL_MS * 1000);
        patience_ms -= LOCK_POLL_MS;
    }
    if (!failed)
        return fd;
    if (errno == EWOULDBLOCK)
        error_set(err, ERROR_CONFLICT, "%s is in use: another warren runs there", dir);
    else
        error_set(err, ERROR_FORBIDDEN, "cannot lock %s: %s", path, strerror(errno));
    close(fd);
    return -1;
}

char *paths_read(const char *path, struct error *err)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        error_set(err, ERROR_NOT_FOUND, "cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    if (!S_ISREG(info.st_mode) || (size_t)info.st_size > FILE_MAX) {
        error_set(err, ERROR_NOT_FOUND, "cannot read %s: it is no small file", path);
        return NULL;
    }
    CLEANUP(free_ptr) char *text = xmalloc((size_t)info.st_size + 1);
    ssize_t len = read(fd, text, (size_t)info.st_size);
    if (len < 0) {
        error_internal(err, "cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    text[len] = '\0';
    return TAKE(text);
}

bool paths_write(const char *path, const char *text, unsigned mode, struct error *err)
{
    size_t len = strlen(text);
    CLEANUP(free_ptr) char *scratch = xasprintf("%s.new", path);
    /* What an earlier run left, or somebody put there, has its own mode and owner: ours is a new
     * file. */
    (void)unlink(scratch);
    CLEANUP(close_fd) int fd = open(scratch, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return error_set(err, ERROR_FORBIDDEN, "cannot write %s: %s", scratch, strerror(errno));
    if (write(fd, text, len) != (ssize_t)len || fsync(fd) != 0 || rename(scratch, path) != 0) {
        error_internal(err, "cannot write %s: %s", path, strerror(errno));
        (void)unlink(scratch);
        return false;
    }
    return true;
}
