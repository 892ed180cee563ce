#include "host/node/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

static bool fail(struct error *err, const char *what, const char *path)
{
    return error_internal(err, "%s %s: %s", what, path, strerrordesc_np(errno));
}

bool folder_make(const char *path, mode_t mode, struct error *err)
{
    CLEANUP(free_ptr) char *part = xstrdup(path);
    for (char *slash = part + 1;; slash++) {
        slash = strchrnul(slash, '/');
        char kept = *slash;
        *slash = 0;
        if (mkdir(part, mode) != 0 && errno != EEXIST)
            return fail(err, "making the folder", part);
        if (!kept)
            return true;
        *slash = kept;
    }
}

/* ---- mounts ---- */

/* The fifth word of a line of mountinfo is where it is mounted; spaces in it are octal escapes,
 * which ours never have. */
static bool mount_point(const char *line, char *out, size_t size)
{
    const char *at = line;
    for (int word = 0; word < 4 && at; word++)
        at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL;
    if (!at || strcspn(at, " ") >= size)
        return false;
    memcpy(out, at, strcspn(at, " "));
    out[strcspn(at, " ")] = 0;
    return true;
}

/* One pass: the last mount at or below `path`, since later ones lie on top. */
static bool find_mount(const char *path, char *found, size_t size)
{
    char *line = NULL, where[4096];
    size_t capacity = 0, len = strlen(path);
    bool any = false;
    FILE *table = fopen("/proc/self/mountinfo", "re");
    while (table && getline(&line, &capacity, table) > 0)
        if (mount_point(line, where, sizeof(where)) && strncmp(where, path, len) == 0 &&
            (where[len] == '/' || where[len] == 0) && strlen(where) < size) {
            memcpy(found, where, strlen(where) + 1);
            any = true;
        }
    free(line);
    if (table)
        fclose(table);
    return any;
}

void folder_unmount(const char *path)
{
    char where[4096], before[4096] = "";
    for (int turn = 0; turn < 1000 && find_mount(path, where, sizeof(where)); turn++) {
        if (umount2(where, MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && strcmp(where, before) == 0)
            return; /* twice the same: it will not go */
        memcpy(before, where, strlen(where) + 1);
    }
}

/* ---- removal ---- */

/* Empties one folder: files go, folders move up to `root` under a number, so that depth never
 * matters. */
static bool flatten(int root, const char *name, uint64_t *number)
{
    char moved[32];
    int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            unlinkat(fd, entry->d_name, 0) == 0)
            continue;
        (void)snprintf(moved, sizeof(moved), ".rm-%llu", (unsigned long long)(*number)++);
        ok = errno == EISDIR && renameat(fd, entry->d_name, root, moved) == 0;
    }
    closedir(folder);
    return ok && unlinkat(root, name, AT_REMOVEDIR) == 0;
}

/* One pass over `root`. `*left` tells whether anything was found. */
static bool remove_pass(int root, uint64_t *number, bool *left)
{
    bool ok = true;
    int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    *left = false;
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    for (struct dirent *entry; ok && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        *left = true;
        if (unlinkat(root, entry->d_name, 0) != 0)
            ok = errno == EISDIR && flatten(root, entry->d_name, number);
    }
    closedir(folder);
    return ok;
}

bool folder_remove(const char *path, struct error *err)
{
    CLEANUP(close_fd) int root = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (root < 0)
        return errno == ENOENT || fail(err, "opening", path);
    uint64_t number = (uint64_t)clock_mono_ns(); /* not that of an earlier try that was cut off */
    for (bool left = true; left;)
        if (!remove_pass(root, &number, &left))
            return fail(err, "removing what is in", path);
    return rmdir(path) == 0 || fail(err, "removing", path);
}

/* ---- groups ---- */

/* One thing that was opened without following a link. What vanishes meanwhile is not there to be
 * given. */
static bool give_one(int fd, gid_t group)
{
    struct stat found;
    char self[64];
    if (fstat(fd, &found) != 0)
        return false;
    if (!S_ISDIR(found.st_mode) && !S_ISREG(found.st_mode))
        return true;
    mode_t mode = S_ISDIR(found.st_mode) ? 02770 : 0660;
    (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    return fchownat(fd, "", (uid_t)-1, group, AT_EMPTY_PATH) == 0 &&
           chmod(self, (found.st_mode & 07777) | mode) == 0;
}

static bool give_all(int at, const char *name, gid_t group, unsigned depth)
{
    CLEANUP(close_fd) int fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    if (!give_one(fd, group))
        return false;
    int inside = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = inside < 0 || depth == FOLDER_DEPTH_MAX ? NULL : fdopendir(inside);
    if (!folder && inside >= 0)
        close(inside);
    bool ok = folder || inside >= 0 || errno == ENOTDIR;
    for (struct dirent *entry; ok && folder && (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = give_all(inside, entry->d_name, group, depth + 1);
    if (folder)
        closedir(folder);
    return ok;
}

bool folder_give(const char *path, gid_t group, struct error *err)
{
    return give_all(AT_FDCWD, path, group, 0) || fail(err, "changing the group of", path);
}

/* ---- files ---- */

static bool write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t put = write(fd, data, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        data += put;
        len -= (size_t)put;
    }
    return true;
}

bool folder_write_file(const char *path, const void *data, size_t len, mode_t mode,
                       struct error *err)
{
    CLEANUP(free_ptr) char *temporary = xasprintf("%s.new", path);
    (void)unlink(temporary); /* left by a crash */
    CLEANUP(close_fd)
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || !write_all(fd, data, len) || fchmod(fd, mode) != 0 ||
        rename(temporary, path) != 0)
        return fail(err, "writing", path);
    return true;
}

bool folder_read_file(const char *path, struct buf *out, struct error *err)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, "opening", path);
    for (;;) {
        char *room = buf_reserve(out, 4096);
        ssize_t got = room ? read(fd, room, 4096) : -1;
        if (got < 0)
            return fail(err, "reading", path);
        if (got == 0)
            return true;
        out->len += (size_t)got;
        out->data[out->len] = 0;
    }
}

/* ---- below a root ---- */

static int open_in(int root, const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_CLOEXEC,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* With its own hands: a name could be a link by now, or the mode be cut by our umask. */
static bool open_up(int folder, const char *name, mode_t mode)
{
    CLEANUP(close_fd)
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 && fchmod(fd, mode & 07777) == 0;
}

/* Makes each missing folder of `below`, one name at a time, in a parent that was opened inside the
 * root. */
static bool make_below(int root, const char *below)
{
    struct stat volume;
    if (fstat(root, &volume) != 0)
        return false;
    CLEANUP(free_ptr) char *path = xstrdup(below);
    for (char *slash = path; *slash; slash++) {
        slash = strchrnul(slash, '/');
        char kept = *slash;
        *slash = 0;
        char *last = strrchr(path, '/');
        CLEANUP(free_ptr)
        char *parent = last ? xstrndup(path, (size_t)(last - path)) : xstrdup(".");
        CLEANUP(close_fd) int folder = open_in(root, *parent ? parent : ".", O_PATH | O_DIRECTORY);
        const char *name = last ? last + 1 : path;
        bool made = folder >= 0 && mkdirat(folder, name, 0750) == 0;
        if (folder < 0 || (!made && errno != EEXIST) ||
            (made && !open_up(folder, name, volume.st_mode)))
            return false;
        *slash = kept;
        if (!kept)
            return true;
    }
    return true;
}

int folder_open_below(const char *root_path, const char *below, bool make, struct error *err)
{
    CLEANUP(close_fd) int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        fail(err, "opening", root_path);
        return -1;
    }
    int fd = open_in(root, below, O_PATH);
    if (fd < 0 && errno == ENOENT && make && make_below(root, below))
        fd = open_in(root, below, O_PATH);
    if (fd < 0)
        error_set(err, ERROR_INVALID, "the subPath \"%s\" cannot be opened: %s", below,
                  strerrordesc_np(errno));
    return fd;
}
