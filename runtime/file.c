/* Files and trees of our own state: read whole, replaced whole, removed whole. */
#include "runtime/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/clock.h"
#include "runtime/system_error.h"

#define TREE_DEPTH_MAX 4096 /* PATH_MAX allows no deeper tree to be made by one path */

bool file_read(const char *path, struct buf *out, struct error *err)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "%s: no such file", path);
    if (fd < 0)
        return error_system(err, "open %s", path);
    char piece[16384];
    for (;;) {
        ssize_t got = read(fd, piece, sizeof(piece));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_system(err, "read %s", path);
        if (got == 0)
            break;
        buf_add(out, piece, (size_t)got);
        if (!buf_ok(out))
            return error_set(err, ERROR_TOO_LARGE, "%s is too large", path);
    }
    return true;
}

static bool write_all(int fd, struct str text)
{
    while (text.len) {
        ssize_t done = write(fd, text.data, text.len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        text.data += done;
        text.len -= (size_t)done;
    }
    return true;
}

bool file_write(const char *path, struct str text, mode_t mode, struct error *err)
{
    unsigned char nonce[6];
    struct buf temporary = BUF_TEXT;
    random_bytes(nonce, sizeof(nonce));
    buf_printf(&temporary, "%s.", path);
    hex_encode(&temporary, nonce, sizeof(nonce));
    CLEANUP(free_ptr) char *name = buf_take(&temporary);
    CLEANUP(close_fd)
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return error_system(err, "create %s", name);
    if (write_all(fd, text) && fchmod(fd, mode) == 0 && rename(name, path) == 0)
        return true;
    error_system(err, "write %s", path);
    (void)unlink(name); /* it may have been renamed; nothing else to do about it */
    return false;
}

json_t *file_read_json(const char *path, size_t max, struct error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(max);
    if (!file_read(path, &text, err))
        return NULL;
    json_t *value = json_parse(buf_str(&text), JSON_LOAD_STRICT, err);
    if (!value)
        error_wrap(err, "%s", path);
    return value;
}

bool file_write_json(const char *path, const json_t *value, struct error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_write(&text, value);
    if (!buf_ok(&text))
        return error_set(err, ERROR_TOO_LARGE, "%s would be too large", path);
    return file_write(path, buf_str(&text), 0600, err);
}

bool dir_make(const char *path, mode_t mode, struct error *err)
{
    CLEANUP(free_ptr) char *copy = xstrdup(path);
    for (char *at = copy + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        bool last = *at == '\0';
        *at = '\0';
        if (mkdir(copy, last ? mode : 0755) != 0 && errno != EEXIST)
            return error_system(err, "mkdir %s", copy);
        if (last)
            return true;
        *at = '/';
    }
}

char **dir_names(const char *path)
{
    size_t count = 0, capacity = 16;
    char **names = xcalloc(capacity, sizeof(*names));
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (count + 1 == capacity) {
            capacity *= 2;
            names = xreallocarray(names, capacity, sizeof(*names));
        }
        names[count++] = xstrdup(entry->d_name);
    }
    names[count] = NULL;
    if (dir)
        closedir(dir);
    return names;
}

void names_free(char **names)
{
    for (size_t i = 0; names && names[i]; i++)
        free(names[i]);
    free(names);
}

static bool remove_children(int dir_fd, dev_t device, unsigned depth);

/* Removes `name` in `parent`, directory or not, without leaving `device`. */
static bool remove_entry(int parent, const char *name, dev_t device, unsigned depth)
{
    struct stat info;
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return false;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &info) != 0 || info.st_dev != device) {
        close(fd);
        errno = EXDEV;
        return false;
    }
    return remove_children(fd, device, depth + 1) &&
           (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT);
}

/* Takes `dir_fd`. */
static bool remove_children(int dir_fd, dev_t device, unsigned depth)
{
    bool ok = depth < TREE_DEPTH_MAX;
    int saved = ELOOP;
    DIR *dir = ok ? fdopendir(dir_fd) : NULL;
    if (!dir) {
        close(dir_fd);
        errno = saved;
        return false;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!remove_entry(dirfd(dir), entry->d_name, device, depth)) {
            saved = errno;
            ok = false;
        }
    }
    closedir(dir);
    errno = saved;
    return ok;
}

bool tree_remove(const char *path, struct error *err)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return errno == ENOENT ? true : error_system(err, "stat %s", path);
    if (!remove_entry(AT_FDCWD, path, info.st_dev, 0))
        return error_system(err, "remove %s", path);
    return true;
}
