#include "host/node/atomic_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/strset.h"
#include "host/node/folder.h"

/* ---- the payload ---- */

void payload_clear(struct payload *payload)
{
    for (size_t i = 0; i < payload->count; i++) {
        explicit_bzero(payload->files[i].data, payload->files[i].len);
        free(payload->files[i].data);
        free(payload->files[i].path);
    }
    free(payload->files);
    *payload = (struct payload){0};
}

/* Relative, no empty, "." or ".." part, and no first part in the writer's own names. */
static bool path_ok(const char *path)
{
    struct str rest = str_of(path);
    if (!rest.len || rest.len > 4095 || path[0] == '/' || text_starts(path, ".."))
        return false;
    while (rest.data) {
        struct str part = str_cut(&rest, '/');
        if (!part.len || part.len > 255 || str_is(part, ".") || str_is(part, ".."))
            return false;
    }
    return true;
}

static struct payload_file *place_for(struct payload *payload, const char *path)
{
    for (size_t i = 0; i < payload->count; i++)
        if (strcmp(payload->files[i].path, path) == 0) {
            free(payload->files[i].path);
            free(payload->files[i].data);
            return &payload->files[i];
        }
    if (payload->count == payload->capacity) {
        payload->capacity = payload->capacity ? payload->capacity * 2 : 8;
        payload->files = xreallocarray(payload->files, payload->capacity, sizeof(*payload->files));
    }
    return &payload->files[payload->count++];
}

bool payload_add(struct payload *payload, const char *path, struct str data, mode_t mode,
                 struct error *err)
{
    if (!path_ok(path))
        return error_set(err, ERROR_INVALID, "invalid path: %s", path);
    if (payload->count >= PAYLOAD_FILES_MAX || payload->bytes + data.len > PAYLOAD_BYTES_MAX)
        return error_set(err, ERROR_INVALID, "the volume's contents are too large");
    struct payload_file file = {xstrdup(path), xmalloc(data.len + 1), data.len, mode & 0777};
    if (data.len)
        memcpy(file.data, data.data, data.len);
    *place_for(payload, path) = file;
    payload->bytes += data.len;
    return true;
}

void payload_digest(const struct payload *payload, char out[65])
{
    CLEANUP(buf_free) struct buf all = BUF_TEXT;
    for (size_t i = 0; i < payload->count; i++) {
        const struct payload_file *file = &payload->files[i];
        unsigned char sum[32];
        sha256(file->data, file->len, sum);
        buf_printf(&all, "%s\n%o\n", file->path, (unsigned)file->mode);
        hex_encode(&all, sum, sizeof(sum));
    }
    sha256_hex(all.data ? all.data : "", all.len, out);
}

/* ---- writing ---- */

static bool fail(struct error *err, const char *what)
{
    return error_internal(err, "writing the volume: %s: %s", what, strerrordesc_np(errno));
}

/* `..2026_01_02_03_04_05.1234567`: sorts by time, and no file of a payload is named so. */
static void stamp_name(char *out, size_t size)
{
    struct tm parts;
    char suffix[9];
    time_t now = (time_t)(clock_now_us() / 1000000);
    gmtime_r(&now, &parts);
    size_t len = strftime(out, size, "..%Y_%m_%d_%H_%M_%S.", &parts);
    random_name_suffix(suffix, sizeof(suffix) - 1);
    (void)snprintf(out + len, size - len, "%s", suffix);
}

static bool make_parents(int folder, const char *path, gid_t gid, struct error *err)
{
    CLEANUP(free_ptr) char *part = xstrdup(path);
    for (char *slash = part; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = 0;
        if (mkdirat(folder, part, 0755) != 0 && errno != EEXIST)
            return fail(err, "making a folder");
        if (gid != (gid_t)-1 && fchownat(folder, part, (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW) != 0)
            return fail(err, "changing the group");
    }
    return true;
}

static bool write_file(int folder, const struct payload_file *file, gid_t gid, struct error *err)
{
    if (!make_parents(folder, file->path, gid, err))
        return false;
    CLEANUP(close_fd)
    int fd = openat(folder, file->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(err, "making a file");
    for (size_t done = 0; done < file->len;) {
        ssize_t put = write(fd, file->data + done, file->len - done);
        if (put <= 0)
            return fail(err, "writing a file");
        done += (size_t)put;
    }
    mode_t mode = gid == (gid_t)-1 ? file->mode
                                   : file->mode | 0440; /* as the kubelet opens it to the fsGroup */
    if ((gid != (gid_t)-1 && fchown(fd, (uid_t)-1, gid) != 0) || fchmod(fd, mode) != 0)
        return fail(err, "changing the mode");
    return true;
}

/* The first parts of all paths: what DIR shows. */
static void visible_names(const struct payload *payload, struct strset *out)
{
    for (size_t i = 0; i < payload->count; i++) {
        CLEANUP(free_ptr)
        char *first = xstrndup(payload->files[i].path, strcspn(payload->files[i].path, "/"));
        strset_add(out, first);
    }
}

static bool link_names(int dir, const struct strset *names, struct error *err)
{
    for (size_t i = 0; i < names->count; i++) {
        CLEANUP(free_ptr) char *target = xasprintf("..data/%s", names->items[i]);
        if (symlinkat(target, dir, names->items[i]) != 0 && errno != EEXIST)
            return fail(err, "linking a file");
    }
    return true;
}

/* Removes links to what is no longer there, and all stamped folders but the current one. */
static void sweep(const char *path, int dir, const struct strset *names, const char *current)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    CLEANUP(error_clear) struct error err = {0};
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "..data") == 0 ||
            strcmp(name, current) == 0 || strset_has(names, name))
            continue;
        CLEANUP(free_ptr) char *full = xasprintf("%s/%s", path, name);
        if (unlinkat(dir, name, 0) != 0 && text_starts(name, "..") && !folder_remove(full, &err))
            error_clear(&err); /* the next update tries again */
    }
    if (folder)
        closedir(folder);
}

bool atomic_write(const char *path, const struct payload *payload, gid_t gid, struct error *err)
{
    char stamp[64];
    CLEANUP(strset_clear) struct strset names = {0};
    CLEANUP(close_fd) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    stamp_name(stamp, sizeof(stamp));
    if (dir < 0 || mkdirat(dir, stamp, 0755) != 0)
        return fail(err, "making a folder");
    CLEANUP(close_fd) int folder = openat(dir, stamp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || (gid != (gid_t)-1 && fchown(folder, (uid_t)-1, gid) != 0))
        return fail(err, "opening a folder");
    for (size_t i = 0; i < payload->count; i++)
        if (!write_file(folder, &payload->files[i], gid, err))
            return false;
    (void)unlinkat(dir, "..data_tmp", 0); /* left by a crash */
    if (symlinkat(stamp, dir, "..data_tmp") != 0 || renameat(dir, "..data_tmp", dir, "..data") != 0)
        return fail(err, "switching over");
    visible_names(payload, &names);
    if (!link_names(dir, &names, err))
        return false;
    sweep(path, dir, &names, stamp);
    return true;
}
