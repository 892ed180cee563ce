/* The base image: one layer and a docker-archive's two documents, written to a directory and
 * imported like any other. */
#include "runtime/image_base.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/spawn.h"
#include "runtime/file.h"
#include "runtime/image_internal.h"
#include "runtime/image_reference.h"
#include "runtime/system_error.h"

#define BUSYBOX_BYTES_MAX ((size_t)64 << 20)
#define LAYER_BUF_MAX     ((size_t)128 << 20)

static const struct {
    const char *path;
    mode_t mode;
} directories[] = {
    {"bin", 0755},  {"dev", 0755},  {"etc", 0755},      {"home", 0755},
    {"proc", 0755}, {"root", 0700}, {"run", 0755},      {"sys", 0755},
    {"tmp", 01777}, {"usr", 0755},  {"usr/bin", 0755},  {"usr/sbin", 0755},
    {"sbin", 0755}, {"var", 0755},  {"var/tmp", 01777}, {"www", 0755},
};
static const struct {
    const char *path, *text;
} files[] = {
    {"etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
                   "www-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/"
                   "home:/bin/false\n"},
    {"etc/group", "root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:\nnogroup:x:65534:\n"},
    {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
    {"www/index.html", "It works.\n"},
};

static la_ssize_t append(struct archive *tar, void *data, const void *bytes, size_t len)
{
    struct buf *out = data;
    (void)tar;
    buf_add(out, bytes, len);
    return buf_ok(out) ? (la_ssize_t)len : -1;
}

/* Times are zero, so that the same busybox always makes the same image. */
static bool add_entry(struct archive *tar, const char *path, mode_t mode, struct str contents,
                      const char *link)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_mode(entry, mode);
    archive_entry_set_size(entry, (la_int64_t)contents.len);
    archive_entry_set_mtime(entry, 0, 0);
    if (link)
        archive_entry_set_symlink(entry, link);
    bool ok = archive_write_header(tar, entry) == ARCHIVE_OK &&
              (!contents.len ||
               archive_write_data(tar, contents.data, contents.len) == (la_ssize_t)contents.len);
    archive_entry_free(entry);
    return ok;
}

static bool add_applets(struct archive *tar, struct str names)
{
    bool ok = true;
    while (ok && names.data) {
        struct str name = str_trim(str_cut(&names, '\n'));
        if (!name.len || str_is(name, "busybox") || memchr(name.data, '/', name.len))
            continue;
        CLEANUP(free_ptr) char *path = xasprintf("bin/" STR_FMT, STR_ARG(name));
        ok = add_entry(tar, path, S_IFLNK | 0777, (struct str){0}, "busybox");
    }
    return ok;
}

static bool write_layer(struct str program, struct str applets, struct buf *out, struct error *err)
{
    struct archive *tar = archive_write_new();
    archive_write_set_format_ustar(tar);
    archive_write_set_bytes_in_last_block(tar, 1);
    bool ok = archive_write_open(tar, out, NULL, append, NULL) == ARCHIVE_OK;
    for (size_t i = 0; i < ARRAY_LEN(directories) && ok; i++)
        ok = add_entry(tar, directories[i].path, S_IFDIR | directories[i].mode, (struct str){0},
                       NULL);
    for (size_t i = 0; i < ARRAY_LEN(files) && ok; i++)
        ok = add_entry(tar, files[i].path, S_IFREG | 0644, str_of(files[i].text), NULL);
    ok = ok && add_entry(tar, "bin/busybox", S_IFREG | 0755, program, NULL) &&
         add_applets(tar, applets) && archive_write_close(tar) == ARCHIVE_OK;
    if (!ok)
        error_set(err, ERROR_INTERNAL, "write the layer: %s",
                  archive_error_string(tar) ? archive_error_string(tar) : "");
    archive_write_free(tar);
    return ok;
}

/* A dynamic busybox names its loader. */
static bool is_static(struct str program)
{
    return program.len > 64 && memcmp(program.data, "\177ELF", 4) == 0 &&
           !memmem(program.data, program.len, "/ld-linux", 9);
}

static bool list_applets(const char *busybox, struct buf *names, struct error *err)
{
    const char *const argv[] = {busybox, "--list", NULL};
    struct spawn_options options = {.argv = argv, .timeout_ms = 10000, .output_max = 65536};
    int status;
    if (!spawn_run(&options, &status, names, NULL, err))
        return false;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !names->len)
        return error_set(err, ERROR_INVALID, "%s does not list its applets", busybox);
    return true;
}

static const char *const architecture =
#if defined(__aarch64__)
    "arm64";
#else
    "amd64";
#endif

static bool write_documents(const char *dir, struct str layer, const char *reference,
                            struct error *err)
{
    char diff_id[72];
    digest_of(layer, diff_id);
    CLEANUP(free_ptr) char *config_path = xasprintf("%s/config.json", dir);
    CLEANUP(free_ptr) char *manifest_path = xasprintf("%s/manifest.json", dir);
    json_auto_t *config = json_pack(
        "{s:s,s:s,s:{s:[s],s:[s],s:s},s:{s:s,s:[s]}}", "architecture", architecture, "os", "linux",
        "config", "Env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "Cmd",
        "sh", "WorkingDir", "/", "rootfs", "type", "layers", "diff_ids", diff_id);
    json_auto_t *manifest = json_pack("[{s:s,s:[s],s:[s]}]", "Config", "config.json", "RepoTags",
                                      reference, "Layers", "layer.tar");
    return file_write_json(config_path, config, err) &&
           file_write_json(manifest_path, manifest, err);
}

static bool build_in(struct runtime *runtime, const char *dir, const char *busybox,
                     const char *reference, struct error *err)
{
    CLEANUP(buf_free) struct buf program = BUF_INIT(BUSYBOX_BYTES_MAX);
    CLEANUP(buf_free) struct buf applets = BUF_INIT(65536);
    CLEANUP(buf_free) struct buf layer = BUF_INIT(LAYER_BUF_MAX);
    CLEANUP(free_ptr) char *layer_path = xasprintf("%s/layer.tar", dir);
    if (!file_read(busybox, &program, err))
        return false;
    if (!is_static(buf_str(&program)))
        return error_set(err, ERROR_INVALID, "%s is not a static busybox (package busybox-static)",
                         busybox);
    return list_applets(busybox, &applets, err) &&
           write_layer(buf_str(&program), buf_str(&applets), &layer, err) &&
           file_write(layer_path, buf_str(&layer), 0600, err) &&
           write_documents(dir, buf_str(&layer), reference, err) &&
           image_import(runtime, dir, NULL, NULL, err);
}

bool image_build_base(struct runtime *runtime, const char *busybox, const char *reference,
                      struct error *err)
{
    CLEANUP(error_clear) struct error ignored = {0};
    const char *program = busybox                             ? busybox
                          : access("/bin/busybox", X_OK) == 0 ? "/bin/busybox"
                                                              : "/usr/bin/busybox";
    CLEANUP(free_ptr)
    char *name = image_reference_normalize(reference ? reference : "busybox:latest");
    if (!name)
        return error_set(err, ERROR_INVALID, "invalid image reference \"%s\"", reference);
    CLEANUP(free_ptr) char *dir = image_temporary(runtime, err);
    if (!dir)
        return false;
    bool ok = build_in(runtime, dir, program, name, err);
    (void)!tree_remove(dir, &ignored); /* what stays is the collector's */
    return ok;
}
