#include "tests/runtime/support_image.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/json.h"
#include "base/spawn.h"
#include "runtime/file.h"
#include "runtime/image_manifest.h"
#include "tests/test.h"

static la_ssize_t append(struct archive *tar, void *data, const void *bytes, size_t len)
{
    (void)tar;
    buf_add(data, bytes, len);
    return (la_ssize_t)len;
}

void support_tar(struct buf *out, const struct support_entry *entries, size_t count,
                 enum support_filter filter)
{
    struct archive *tar = archive_write_new();
    archive_write_set_format_pax_restricted(tar);
    archive_write_set_bytes_in_last_block(tar, 1);
    if (filter == FILTER_GZIP)
        assert_int_equal(archive_write_add_filter_gzip(tar), ARCHIVE_OK);
    if (filter == FILTER_ZSTD)
        assert_int_equal(archive_write_add_filter_zstd(tar), ARCHIVE_OK);
    assert_int_equal(archive_write_open(tar, out, NULL, append, NULL), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++) {
        const struct support_entry *at = &entries[i];
        struct archive_entry *entry = archive_entry_new();
        mode_t mode = at->mode ? at->mode : at->type == S_IFDIR ? 0755 : 0644;
        archive_entry_set_pathname(entry, at->path);
        archive_entry_set_mode(entry, (at->type ? at->type : S_IFREG) | mode);
        archive_entry_set_uid(entry, at->uid);
        if (at->type == S_IFLNK)
            archive_entry_set_symlink(entry, at->text);
        if (at->type == 0)
            archive_entry_set_hardlink(entry, at->text);
        size_t len = at->type == S_IFREG && at->text ? strlen(at->text) : 0;
        archive_entry_set_size(entry, (la_int64_t)len);
        assert_int_equal(archive_write_header(tar, entry), ARCHIVE_OK);
        if (len)
            assert_int_equal(archive_write_data(tar, at->text, len), len);
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(tar), ARCHIVE_OK);
    archive_write_free(tar);
}

static void write_in(const char *dir, const char *name, struct str text)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s", dir, name);
    if (!file_write(path, text, 0600, &err))
        fail_msg("%s", err.message);
}

static json_t *make_config(const struct buf *plain, size_t count, const char *claimed)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < count; i++) {
        char sum[72];
        digest_of(buf_str(&plain[i]), sum);
        json_array_append_new(ids, json_string(claimed ? claimed : sum));
    }
    return json_pack("{s:s,s:s,s:{s:[s,s],s:s},s:{s:s,s:o}}", "architecture", "amd64", "os",
                     "linux", "config", "Cmd", "cat", "/a", "User", "", "rootfs", "type", "layers",
                     "diff_ids", ids);
}

static void write_json(const char *dir, const char *name, const json_t *json, char digest[72])
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_write(&text, json);
    digest_of(buf_str(&text), digest);
    CLEANUP(free_ptr) char *blob = xasprintf("blobs/sha256/%s", digest_hex(digest));
    write_in(dir, name ? name : blob, buf_str(&text));
}

void support_docker_dir(const char *dir, const struct buf *layers, size_t count, const char *name,
                        const char *claimed)
{
    CLEANUP(error_clear) struct error err = {0};
    char digest[72];
    json_auto_t *names = json_array(), *config = make_config(layers, count, claimed);
    assert_true(dir_make(dir, 0700, &err));
    for (size_t i = 0; i < count; i++) {
        CLEANUP(free_ptr) char *file = xasprintf("layer%zu.tar", i);
        write_in(dir, file, buf_str(&layers[i]));
        json_array_append_new(names, json_string(file));
    }
    write_json(dir, "config.json", config, digest);
    json_auto_t *manifest =
        json_pack("[{s:s,s:[],s:O}]", "Config", "config.json", "RepoTags", "Layers", names);
    if (name)
        json_array_append_new(json_object_get(json_array_get(manifest, 0), "RepoTags"),
                              json_string(name));
    write_json(dir, "manifest.json", manifest, digest);
}

static json_t *descriptor(const char *type, const char *digest, size_t size)
{
    return json_pack("{s:s,s:s,s:I}", "mediaType", type, "digest", digest, "size",
                     (json_int_t)size);
}

void support_oci_dir(const char *dir, const struct buf *layers, const struct buf *plain,
                     size_t count, const char *name)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *blobs = xasprintf("%s/blobs/sha256", dir);
    char digest[72];
    json_auto_t *list = json_array(), *config = make_config(plain, count, NULL);
    assert_true(dir_make(blobs, 0700, &err));
    for (size_t i = 0; i < count; i++) {
        digest_of(buf_str(&layers[i]), digest);
        write_in(blobs, digest_hex(digest), buf_str(&layers[i]));
        json_array_append_new(
            list, descriptor("application/vnd.oci.image.layer.v1.tar", digest, layers[i].len));
    }
    write_json(dir, NULL, config, digest);
    json_auto_t *manifest = json_pack(
        "{s:i,s:o,s:O}", "schemaVersion", 2, "config",
        descriptor("application/vnd.oci.image.config.v1+json", digest, 1), "layers", list);
    write_json(dir, NULL, manifest, digest);
    json_t *entry = descriptor("application/vnd.oci.image.manifest.v1+json", digest, 1);
    if (name)
        json_object_set_new(entry, "annotations",
                            json_pack("{s:s}", "org.opencontainers.image.ref.name", name));
    json_auto_t *index = json_pack("{s:i,s:[o]}", "schemaVersion", 2, "manifests", entry);
    write_json(dir, "index.json", index, digest);
    write_in(dir, "oci-layout", STR("{\"imageLayoutVersion\":\"1.0.0\"}"));
}

void support_command(const char *const *argv)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    struct spawn_options options = {.argv = argv};
    int status;
    if (!spawn_run(&options, &status, NULL, &text, &err))
        fail_msg("%s: %s", argv[0], err.message);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s failed: %s", argv[0], text.data ? text.data : "");
}
