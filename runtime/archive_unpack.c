/* Unpacking: one libarchive reader takes the compression off, its bytes are hashed and counted, a
 * second one reads the tar in them, and each entry is made by *at() calls on a descriptor of its
 * parent. */
#include "runtime/archive_unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/codec.h"
#include "runtime/rootpath.h"
#include "runtime/system_error.h"

#define ENTRIES_MAX     2000000
#define PIECE_BYTES     65536
#define NAME_BYTES_MAX  4000
#define ID_MAX          INT32_MAX
#define WHITEOUT        ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

struct source {
    struct archive *raw; /* takes the compression off */
    EVP_MD_CTX *hash;
    int64_t bytes, bytes_max;
    bool too_large;
    char piece[PIECE_BYTES];
};

struct unpack {
    struct archive *tar;
    int root;
    enum unpack_kind kind;
    int64_t size_bytes;
};

/* ---- bytes in ---- */

static la_ssize_t next_piece(struct archive *tar, void *data, const void **buffer)
{
    struct source *source = data;
    la_ssize_t got = archive_read_data(source->raw, source->piece, sizeof(source->piece));
    if (got < 0) {
        archive_set_error(tar, EINVAL, "%s", archive_error_string(source->raw));
        return ARCHIVE_FATAL;
    }
    source->bytes += got;
    if (source->bytes > source->bytes_max) {
        source->too_large = true;
        archive_set_error(tar, EFBIG, "the archive is too large");
        return ARCHIVE_FATAL;
    }
    (void)EVP_DigestUpdate(source->hash, source->piece, (size_t)got);
    *buffer = source->piece;
    return got;
}

static bool open_raw(struct source *source, int fd, struct error *err)
{
    struct archive *raw = source->raw = archive_read_new();
    source->hash = EVP_MD_CTX_new();
    if (!raw || !source->hash || EVP_DigestInit_ex(source->hash, EVP_sha256(), NULL) != 1)
        return error_set(err, ERROR_INTERNAL, "no memory for an archive");
    archive_read_support_format_raw(raw);
    archive_read_support_format_empty(raw);
    archive_read_support_filter_gzip(raw);
    archive_read_support_filter_zstd(raw);
    archive_read_support_filter_bzip2(raw);
    archive_read_support_filter_xz(raw);
    struct archive_entry *ignored;
    if (archive_read_open_fd(raw, fd, PIECE_BYTES) != ARCHIVE_OK ||
        archive_read_next_header(raw, &ignored) != ARCHIVE_OK)
        return error_set(err, ERROR_INVALID, "the archive cannot be read: %s",
                         archive_error_string(raw) ? archive_error_string(raw) : "it is empty");
    return true;
}

static void close_source(struct source *source)
{
    if (source->raw)
        archive_read_free(source->raw);
    EVP_MD_CTX_free(source->hash);
}

/* ---- one entry ---- */

static bool refuse(struct error *err, const char *path, const char *why)
{
    return error_set(err, ERROR_INVALID, "archive entry \"%.200s\": %s", path, why);
}

/* Splits at the last slash. "./a//b/" is "a" and "b"; false for a name that leads upwards. The root
 * is "" and ".". */
static bool split_path(const char *path, char **parent, char **name)
{
    struct str rest = str_of(path);
    struct buf above = BUF_INIT(NAME_BYTES_MAX);
    struct str last = STR(".");
    bool ok = strlen(path) < NAME_BYTES_MAX;
    while (ok && rest.data) {
        struct str part = str_cut(&rest, '/');
        ok = !str_is(part, "..");
        if (!part.len || str_is(part, ".") || !ok)
            continue;
        if (!str_is(last, ".")) {
            buf_add_char(&above, '/');
            buf_add_str(&above, last);
        }
        last = part;
    }
    *name = ok ? str_dup(last) : NULL;
    *parent = ok ? buf_take(&above) : NULL;
    buf_free(&above);
    return ok && *parent;
}

/* Takes away what stands where something else is to be. */
static bool clear_place(int parent, const char *name)
{
    return unlinkat(parent, name, 0) == 0 || errno == ENOENT ||
           ((errno == EISDIR || errno == EPERM) && unlinkat(parent, name, AT_REMOVEDIR) == 0);
}

static bool write_file(struct unpack *unpack, int parent, const char *name,
                       struct archive_entry *entry, struct error *err)
{
    const void *data;
    size_t len;
    la_int64_t offset, end = 0;
    int result;
    (void)entry;
    CLEANUP(close_fd)
    int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_system(err, "create \"%.200s\"", name);
    while ((result = archive_read_data_block(unpack->tar, &data, &len, &offset)) == ARCHIVE_OK) {
        for (size_t done = 0; done < len;) {
            ssize_t wrote =
                pwrite(fd, (const char *)data + done, len - done, offset + (la_int64_t)done);
            if (wrote < 0)
                return error_system(err, "write \"%.200s\"", name);
            done += (size_t)wrote;
        }
        end = offset + (la_int64_t)len;
        unpack->size_bytes += (int64_t)len;
    }
    if (result != ARCHIVE_EOF)
        return refuse(err, name,
                      archive_error_string(unpack->tar) ? archive_error_string(unpack->tar)
                                                        : "truncated");
    if (archive_entry_size(entry) > end &&
        ftruncate(fd, archive_entry_size(entry)) != 0) /* it ends in a hole */
        return error_system(err, "size \"%.200s\"", name);
    return true;
}

static bool make_link(struct unpack *unpack, int parent, const char *name, const char *target,
                      struct error *err)
{
    CLEANUP(free_ptr) char *target_parent = NULL;
    CLEANUP(free_ptr) char *target_name = NULL;
    if (!split_path(target, &target_parent, &target_name))
        return refuse(err, name, "a hard link that leads out of the archive");
    CLEANUP(close_fd)
    int at = rootpath_open(unpack->root, *target_parent ? target_parent : "/", O_PATH | O_DIRECTORY,
                           0, ROOTPATH_FOLLOW);
    if (at < 0 || linkat(at, target_name, parent, name, 0) != 0)
        return refuse(err, name, "a hard link to what is not in the archive");
    return true;
}

static bool make_node(struct unpack *unpack, int parent, const char *name,
                      struct archive_entry *entry, struct error *err)
{
    dev_t device = archive_entry_rdev(entry);
    mode_t type = archive_entry_filetype(entry);
    if (unpack->kind == UNPACK_PLAIN)
        return refuse(err, name, "a special file");
    if (type == S_IFCHR && device == 0) /* overlayfs's own whiteout: only we make those */
        return refuse(err, name, "a device without number");
    return mknodat(parent, name, type | 0600, type == S_IFIFO ? 0 : device) == 0
               ? true
               : error_system(err, "make the special file \"%.200s\"", name);
}

static bool make_dir(int parent, const char *name, struct error *err)
{
    struct stat info;
    if (strcmp(name, ".") == 0)
        return true;
    if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode))
        return true;
    if (!clear_place(parent, name) || mkdirat(parent, name, 0700) != 0)
        return error_system(err, "make the directory \"%.200s\"", name);
    return true;
}

/* Capabilities of programs and what users put there; never overlayfs's or a security module's own.
 */
static void copy_xattrs(int fd, struct archive_entry *entry)
{
    const char *key;
    const void *value;
    size_t size;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &key, &value, &size) == ARCHIVE_OK)
        if (strcmp(key, "security.capability") == 0 || text_starts(key, "user."))
            (void)fsetxattr(fd, key, value, size, 0); /* a file system may have none */
}

static bool set_owner(int parent, const char *name, struct archive_entry *entry, struct error *err)
{
    la_int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);
    if (uid < 0 || uid > ID_MAX || gid < 0 || gid > ID_MAX)
        return refuse(err, name, "an owner out of range");
    if (fchownat(parent, name, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) != 0)
        return error_system(err, "own \"%.200s\"", name);
    return true;
}

/* Owner, mode, extended attributes, time. */
static bool set_metadata(int parent, const char *name, struct archive_entry *entry,
                         struct error *err)
{
    mode_t type = archive_entry_filetype(entry);
    if (!set_owner(parent, name, entry, err))
        return false;
    if (type == S_IFREG || type == S_IFDIR) {
        CLEANUP(close_fd)
        int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fchmod(fd, archive_entry_perm(entry)) != 0)
            return error_system(err, "set the mode of \"%.200s\"", name);
        copy_xattrs(fd, entry);
    } else if (type != S_IFLNK && fchmodat(parent, name, archive_entry_perm(entry), 0) != 0)
        return error_system(err, "set the mode of \"%.200s\"", name);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)}};
    (void)utimensat(parent, name, times,
                    AT_SYMLINK_NOFOLLOW); /* a time that the file system cannot hold */
    return true;
}

/* ".wh.NAME" hides NAME of lower layers, ".wh..wh..opq" all that they have in the directory. */
static bool make_whiteout(int parent, const char *name, struct error *err)
{
    if (strcmp(name, WHITEOUT_OPAQUE) == 0) {
        CLEANUP(free_ptr)
        char *path = xasprintf("/proc/self/fd/%d", parent); /* fsetxattr takes no O_PATH */
        return setxattr(path, "trusted.overlay.opaque", "y", 1, 0) == 0
                   ? true
                   : error_system(err, "hide a directory's contents");
    }
    const char *hidden = name + strlen(WHITEOUT);
    if (text_starts(hidden, WHITEOUT)) /* other metadata of old storage drivers */
        return true;
    if (!*hidden || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
        return refuse(err, name, "a malformed whiteout");
    if (!clear_place(parent, hidden) || mknodat(parent, hidden, S_IFCHR, makedev(0, 0)) != 0)
        return error_system(err, "hide \"%.200s\"", hidden);
    return true;
}

static bool make_entry(struct unpack *unpack, int parent, const char *name,
                       struct archive_entry *entry, struct error *err)
{
    const char *hard = archive_entry_hardlink(entry), *soft = archive_entry_symlink(entry);
    mode_t type = archive_entry_filetype(entry);
    if (type == S_IFDIR && !hard)
        return make_dir(parent, name, err);
    if (strcmp(name, ".") == 0)
        return refuse(err, name, "the root is no directory");
    if (!clear_place(parent, name))
        return error_system(err, "replace \"%.200s\"", name);
    if (hard)
        return make_link(unpack, parent, name, hard, err);
    if (type == S_IFREG)
        return write_file(unpack, parent, name, entry, err);
    if (type == S_IFLNK)
        return symlinkat(soft ? soft : "", parent, name) == 0
                   ? true
                   : error_system(err, "link \"%.200s\"", name);
    return make_node(unpack, parent, name, entry, err);
}

static bool unpack_entry(struct unpack *unpack, struct archive_entry *entry, struct error *err)
{
    const char *path = archive_entry_pathname(entry);
    CLEANUP(free_ptr) char *parent_path = NULL;
    CLEANUP(free_ptr) char *name = NULL;
    if (!path || !split_path(path, &parent_path, &name))
        return refuse(err, path ? path : "", "its path leads out of the archive");
    CLEANUP(close_fd) int parent = rootpath_make_dir(unpack->root, parent_path, 0);
    if (parent < 0)
        return error_system(err, "archive entry \"%.200s\": its directory", path);
    bool layer = unpack->kind == UNPACK_LAYER;
    if (layer && text_starts(name, WHITEOUT))
        return make_whiteout(parent, name, err);
    if (!make_entry(unpack, parent, name, entry, err))
        return false;
    return !layer || archive_entry_hardlink(entry) || set_metadata(parent, name, entry, err);
}

/* ---- all of them ---- */

static bool unpack_all(struct unpack *unpack, struct error *err)
{
    struct archive_entry *entry;
    int result;
    for (size_t count = 0; (result = archive_read_next_header(unpack->tar, &entry)) == ARCHIVE_OK ||
                           result == ARCHIVE_WARN;
         count++) {
        if (count >= ENTRIES_MAX)
            return error_set(err, ERROR_INVALID, "the archive has more than %d entries",
                             ENTRIES_MAX);
        if (!unpack_entry(unpack, entry, err))
            return false;
    }
    if (result == ARCHIVE_EOF)
        return true;
    return error_set(err, ERROR_INVALID, "the archive is malformed: %s",
                     archive_error_string(unpack->tar));
}

/* What follows the end mark belongs to the digest. */
static bool finish(struct source *source, struct unpack_result *result, struct error *err)
{
    unsigned char sum[32];
    CLEANUP(buf_free) struct buf text = BUF_INIT(72);
    la_ssize_t got;
    while ((got = archive_read_data(source->raw, source->piece, sizeof(source->piece))) > 0) {
        source->bytes += got;
        if (source->bytes > source->bytes_max)
            return error_set(err, ERROR_INVALID, "the archive is too large");
        (void)EVP_DigestUpdate(source->hash, source->piece, (size_t)got);
    }
    if (got < 0)
        return error_set(err, ERROR_INVALID, "the archive is damaged: %s",
                         archive_error_string(source->raw));
    if (EVP_DigestFinal_ex(source->hash, sum, NULL) != 1)
        return error_set(err, ERROR_INTERNAL, "sha256 failed");
    hex_encode(&text, sum, sizeof(sum));
    (void)snprintf(result->digest, sizeof(result->digest), "sha256:%s", text.data);
    return true;
}

/* libarchive turns names into the locale's characters. In the C locale that a server runs in it
 * would lose all but ASCII, so this thread reads archives in a UTF-8 one, where bytes stay as they
 * are. */
static locale_t enter_utf8(locale_t *before)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    *before = utf8 ? uselocale(utf8) : (locale_t)0;
    return utf8;
}

static void leave_utf8(locale_t utf8, locale_t before)
{
    if (!utf8)
        return;
    (void)uselocale(before);
    freelocale(utf8);
}

static bool unpack_with(struct source *source, struct unpack *unpack, int fd,
                        struct unpack_result *result, struct error *err)
{
    archive_read_support_format_tar(unpack->tar);
    if (!open_raw(source, fd, err))
        return false;
    if (archive_read_open(unpack->tar, source, NULL, next_piece, NULL) != ARCHIVE_OK)
        return error_set(err, ERROR_INVALID, "this is no tar archive: %s",
                         archive_error_string(unpack->tar));
    return unpack_all(unpack, err) && finish(source, result, err);
}

bool archive_unpack(int fd, int root, enum unpack_kind kind, int64_t bytes_max,
                    struct unpack_result *result, struct error *err)
{
    locale_t before, utf8 = enter_utf8(&before);
    struct source *source = xcalloc(1, sizeof(*source));
    struct unpack unpack = {.tar = archive_read_new(), .root = root, .kind = kind};
    source->bytes_max = bytes_max;
    bool ok = unpack_with(source, &unpack, fd, result, err);
    result->size_bytes = unpack.size_bytes;
    archive_read_free(unpack.tar);
    close_source(source);
    free(source);
    leave_utf8(utf8, before);
    return ok;
}
