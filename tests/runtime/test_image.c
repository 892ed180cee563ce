/* Images: names, documents, imports of both kinds, hostile layers, the collector. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/file.h"
#include "runtime/image_manifest.h"
#include "tests/test.h"
#include "tests/runtime/support_image.h"
#include "tests/runtime/support_runtime.h"

#define PLAIN .uid = -1, .gid = -1

static void names(void **state)
{
#define D64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    static const struct {
        const char *given, *whole;
    } cases[] = {
        {"busybox", "docker.io/library/busybox:latest"},
        {"busybox:1.36", "docker.io/library/busybox:1.36"},
        {"user/app", "docker.io/user/app:latest"},
        {"docker.io/busybox", "docker.io/library/busybox:latest"},
        {"index.docker.io/a/b", "docker.io/a/b:latest"},
        {"localhost/x", "localhost/x:latest"},
        {"localhost:5000/x/y:t", "localhost:5000/x/y:t"},
        {"[::1]:5000/x", "[::1]:5000/x:latest"},
        {"registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"},
        {"busybox@sha256:" D64, "docker.io/library/busybox@sha256:" D64},
        {"busybox:1@sha256:" D64, "docker.io/library/busybox:1@sha256:" D64},
        {"", NULL},
        {NULL, NULL},
        {"Upper", NULL},
        {"a b", NULL},
        {"a//b", NULL},
        {"/a", NULL},
        {"a/", NULL},
        {"a:", NULL},
        {"a:-x", NULL},
        {"a@sha256:12", NULL},
        {"a@md5:" D64, NULL},
        {"-a", NULL},
        {"a..b", NULL},
        {"../a", NULL},
        {"a../b", NULL},
        {"h.x:0/a", NULL},
        {"h.x:99999/a", NULL},
        {"a:b:c", NULL},
        {"a\nb", NULL},
        {"x.y/../z", NULL},
        {"http://x/y", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_ptr) char *whole = image_reference_normalize(cases[i].given);
        if (!text_eq(whole, cases[i].whole))
            fail_msg("\"%s\" became \"%s\"", cases[i].given ? cases[i].given : "NULL",
                     whole ? whole : "NULL");
    }
}

static void documents(void **state)
{
#define DIGEST "\"digest\":\"sha256:" D64 "\""
    static const struct {
        const char *name, *text;
        bool ok;
    } cases[] = {
        {"good",
         "{\"schemaVersion\":2,\"config\":{" DIGEST ",\"size\":1},\"layers\":[{" DIGEST
         ",\"size\":2}]}",
         true},
        {"version 1", "{\"schemaVersion\":1,\"config\":{" DIGEST ",\"size\":1},\"layers\":[]}",
         false},
        {"no config", "{\"schemaVersion\":2,\"layers\":[]}", false},
        {"no layers", "{\"schemaVersion\":2,\"config\":{" DIGEST ",\"size\":1}}", false},
        {"negative size", "{\"schemaVersion\":2,\"config\":{" DIGEST ",\"size\":-1},\"layers\":[]}",
         false},
        {"huge size",
         "{\"schemaVersion\":2,\"config\":{" DIGEST ",\"size\":1},\"layers\":[{" DIGEST
         ",\"size\":9000000000000}]}",
         false},
        {"path as digest",
         "{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:../../etc/"
         "passwd\",\"size\":1},\"layers\":[]}",
         false},
        {"wrong types", "{\"schemaVersion\":2,\"config\":[],\"layers\":{}}", false},
        {"no object", "[]", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(image_manifest_clear) struct image_manifest manifest = {0};
        json_auto_t *json = json_parse(str_of(cases[i].text), JSON_LOAD_LENIENT, &err);
        if (image_manifest_parse(json, &manifest, &err) != cases[i].ok)
            fail_msg("case %s", cases[i].name);
    }
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *digest = NULL;
    json_auto_t *index = json_parse(
        STR("{\"manifests\":[{\"platform\":{\"os\":\"windows\",\"architecture\":\"amd64\"}," DIGEST
            "},"
            "{\"platform\":{\"os\":\"plan9\",\"architecture\":\"arm64\"}}]}"),
        JSON_LOAD_LENIENT, &err);
    assert_true(image_json_is_index(index));
    assert_false(image_index_choose(index, &digest, &err));
    assert_int_equal(err.reason, ERROR_NOT_FOUND);
}

static char *in_root(struct support *support, const char *name)
{
    return xasprintf("%s/%s", support->root, name);
}

/* Imports one layer of the entries as image "t/NAME"; false with the error. */
static bool import_entries(struct support *support, const char *name,
                           const struct support_entry *entries, size_t count, struct error *err)
{
    CLEANUP(free_ptr) char *dir = xasprintf("%s/import-%s", support->root, name);
    CLEANUP(free_ptr) char *reference = xasprintf("t/%s", name);
    CLEANUP(buf_free) struct buf layer = BUF_TEXT;
    support_tar(&layer, entries, count, FILTER_NONE);
    support_docker_dir(dir, &layer, 1, reference, NULL);
    return image_import(support->runtime, dir, NULL, NULL, err);
}

static void hostile_layers(void **state)
{
    static const struct {
        const char *name;
        struct support_entry entries[2]; /* the second one may be absent */
        bool ok;
    } cases[] = {
        {"dotdot", {{"../outside", S_IFREG, "x", 0, 0}}, false},
        {"inner-dotdot", {{"a/../../outside", S_IFREG, "x", 0, 0}}, false},
        {"absolute", {{"/inside", S_IFREG, "x", 0, 0}}, true},
        {"through-link",
         {{"way", S_IFLNK, "/tmp", 0, 0}, {"way/runtime-escaped", S_IFREG, "x", 0, 0}},
         false},
        {"up-link",
         {{"way", S_IFLNK, "../../../../../../../../tmp", 0, 0},
          {"way/runtime-escaped", S_IFREG, "x", 0, 0}},
         false},
        {"over-link",
         {{"f", S_IFLNK, "/tmp/runtime-escaped", 0, 0}, {"f", S_IFREG, "x", 0, 0}},
         true},
        {"hard-link-out", {{"h", 0, "../../../../../../../etc/passwd", 0, 0}}, false},
        {"hard-link-absolute", {{"h", 0, "/etc/passwd", 0, 0}}, false},
        {"hard-link-via-link", {{"l", S_IFLNK, "/etc", 0, 0}, {"h", 0, "l/passwd", 0, 0}}, false},
        {"hard-link", {{"a", S_IFREG, "x", 0, 0}, {"b", 0, "a", 0, 0}}, true},
        {"zero-device", {{"bin", S_IFCHR, NULL, 0, 0}}, false},
        {"whiteout-dotdot", {{"a/.wh...", S_IFREG, "", 0, 0}}, false},
        {"whiteout-empty", {{".wh.", S_IFREG, "", 0, 0}}, false},
        {"huge-owner", {{"a", S_IFREG, "x", 0, (long)1 << 32}}, false},
        {"file-as-root", {{".", S_IFREG, "x", 0, 0}}, false},
    };
    struct support *support = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(error_clear) struct error err = {0};
        bool ok = import_entries(support, cases[i].name, cases[i].entries,
                                 cases[i].entries[1].path ? 2 : 1, &err);
        if (ok != cases[i].ok)
            fail_msg("case %s: %s", cases[i].name, ok ? "was taken" : err.message);
        assert_int_not_equal(access("/tmp/runtime-escaped", F_OK), 0);
        CLEANUP(free_ptr) char *temporary = in_root(support, "images/tmp");
        char **left = dir_names(temporary);
        assert_null(left[0]); /* nothing half made stays */
        names_free(left);
    }
}

static void damaged(void **state)
{
    struct support *support = *state;
    static const struct support_entry entries[] = {
        {"a", S_IFREG, "some text that fills a block", 0, 0}, {"b", S_IFREG, "more", 0, 0}};
    CLEANUP(free_ptr) char *dir = in_root(support, "damaged");
    CLEANUP(free_ptr) char *tar = in_root(support, "damaged.tar");
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf layer = BUF_TEXT;
    support_tar(&layer, entries, ARRAY_LEN(entries), FILTER_GZIP);
    for (size_t len = 0; len + 8 < layer.len;
         len += 7) { /* cut anywhere: with the true digest of what is left */
        CLEANUP(error_clear) struct error cut_err = {0};
        CLEANUP(buf_free) struct buf cut = BUF_TEXT;
        buf_add(&cut, layer.data, len);
        support_docker_dir(dir, &cut, 1, "t/cut", NULL);
        assert_false(image_import(support->runtime, dir, NULL, NULL, &cut_err));
    }
    CLEANUP(buf_free) struct buf whole = BUF_TEXT;
    support_tar(&whole, entries, ARRAY_LEN(entries), FILTER_NONE);
    support_docker_dir(dir, &whole, 1, "t/lie", "sha256:" D64);
    assert_false(image_import(support->runtime, dir, NULL, NULL, &err));
    assert_non_null(strstr(err.message, "instead of"));
    error_clear(&err);
    assert_true(file_write(tar, STR("this is no archive at all"), 0600, &err));
    assert_false(image_import(support->runtime, tar, NULL, NULL, &err));
    assert_int_equal(err.reason, ERROR_INVALID);
    error_clear(&err);
    assert_false(image_import(support->runtime, "/no/such/file", NULL, NULL, &err));
    error_clear(&err);
    CLEANUP(free_ptr) char *empty = in_root(support, "empty");
    assert_true(dir_make(empty, 0700, &err));
    assert_false(image_import(support->runtime, empty, NULL, NULL, &err));
    assert_non_null(strstr(err.message, "neither"));
}

/* Two layers: the second hides a file and a directory's old contents. */
static const struct support_entry lower[] = {
    {"bin", S_IFDIR, NULL, 0, 0},     {"a", S_IFREG, "lower\n", 0, 0},
    {"hidden", S_IFREG, "x", 0, 0},   {"dir", S_IFDIR, NULL, 0, 0},
    {"dir/old", S_IFREG, "x", 0, 0},  {"kept", S_IFDIR, NULL, 0, 0},
    {"kept/old", S_IFREG, "x", 0, 0},
};
static const struct support_entry upper[] = {
    {"a", S_IFREG, "upper\n", 0600, 7}, {".wh.hidden", S_IFREG, "", 0, 0},
    {"dir", S_IFDIR, NULL, 0, 0},       {"dir/.wh..wh..opq", S_IFREG, "", 0, 0},
    {"dir/new", S_IFREG, "x", 0, 0},    {"kept/new", S_IFREG, "x", 04755, 0},
};

static void check_layered(struct support *support, const char *image, const char *name)
{
    /* the image has no shell: its layers are read where they lie, by the container that the test
     * adds busybox to */
    const struct container_mount mounts[] = {
        {.source = "/bin/busybox", .target = "/busybox", .read_only = true}};
    static const char *const command[] = {
        "/busybox", "sh", "-c",
        "/busybox cat /a; /busybox ls / | /busybox grep -c hidden; /busybox ls /dir /kept; "
        "/busybox stat -c '%a %u' /a /kept/new",
        NULL};
    struct container_config config = {PLAIN, .image = image, .command = command, .mounts = mounts,
                                      .mount_count = 1};
    CLEANUP(free_ptr) char *log = NULL;
    CLEANUP(container_status_clear)
    struct container_status status = support_run(support, "layers", name, NULL, &config, &log);
    assert_int_equal(status.phase, CONTAINER_EXITED);
    assert_string_equal(log, "upper\n0\n/dir:\nnew\n\n/kept:\nnew\nold\n600 7\n4755 0\n");
}

static void layered(void **state)
{
    struct support *support = *state;
    CLEANUP(error_clear) struct error err = {0};
    support_sandbox(support, "layers");
    static const enum support_filter filters[] = {FILTER_NONE, FILTER_GZIP, FILTER_ZSTD};
    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        CLEANUP(free_ptr) char *dir = xasprintf("%s/oci-%zu", support->root, i);
        CLEANUP(free_ptr) char *tar = xasprintf("%s/oci-%zu.tar", support->root, i);
        CLEANUP(free_ptr) char *image = xasprintf("example.org/oci/%zu:v1", i);
        CLEANUP(free_ptr) char *name = xasprintf("c%zu", i);
        struct buf plain[2] = {BUF_TEXT, BUF_TEXT}, layers[2] = {BUF_TEXT, BUF_TEXT};
        support_tar(&plain[0], lower, ARRAY_LEN(lower), FILTER_NONE);
        support_tar(&plain[1], upper, ARRAY_LEN(upper), FILTER_NONE);
        support_tar(&layers[0], lower, ARRAY_LEN(lower), filters[i]);
        support_tar(&layers[1], upper, ARRAY_LEN(upper), filters[i]);
        support_oci_dir(dir, layers, plain, 2, image);
        const char *const pack[] = {"tar", "-C", dir, "-cf", tar, ".", NULL};
        support_command(pack);
        char **imported = NULL;
        if (!image_import(support->runtime, i % 2 ? dir : tar, NULL, &imported, &err))
            fail_msg("%s", err.message);
        assert_string_equal(imported[0], image);
        assert_null(imported[1]);
        names_free(imported);
        check_layered(support, image, name);
        for (size_t j = 0; j < 2; j++) {
            buf_free(&plain[j]);
            buf_free(&layers[j]);
        }
        assert_true(image_remove(support->runtime, image,
                                 &err)); /* the next one unpacks the same layers anew */
        assert_true(container_remove(support->runtime, "layers", name, &err));
        int64_t freed;
        assert_true(image_collect(support->runtime, &freed, &err));
        assert_true(freed > 0);
    }
    support_remove(support, "layers");
}

static size_t image_count(struct support *support)
{
    CLEANUP(error_clear) struct error err = {0};
    struct image *images;
    size_t count;
    assert_true(image_list(support->runtime, &images, &count, &err));
    images_free(images, count);
    return count;
}

/* A name moves; what lost its name goes, but not under a container. */
static void collected(void **state)
{
    struct support *support = *state;
    static const struct support_entry one[] = {{"a", S_IFREG, "one", 0, 0}},
                                      two[] = {{"a", S_IFREG, "two", 0, 0}};
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *digest = NULL;
    json_auto_t *config = NULL;
    int64_t freed = -1;
    const struct container_mount mounts[] = {{.source = "/bin/busybox", .target = "/busybox"}};
    static const char *const command[] = {"/busybox", "sleep", "1000", NULL};
    struct container_config container = {PLAIN, .image = "t/moving", .command = command,
                                         .mounts = mounts, .mount_count = 1};
    size_t before = image_count(support);
    assert_true(import_entries(support, "moving", one, 1, &err));
    assert_true(image_config(support->runtime, "t/moving", &config, &digest, &err));
    assert_string_equal(json_string_value(json_array_get(json_object_get(config, "Cmd"), 1)), "/a");
    support_sandbox(support, "collect");
    support_start(support, "collect", "c", NULL, &container);
    assert_true(import_entries(support, "moving", two, 1, &err));
    assert_int_equal(image_count(support), before + 2);
    assert_true(image_remove(support->runtime, digest, &err)); /* the old one, by digest */
    assert_true(image_collect(support->runtime, &freed, &err));
    static const char *const argv[] = {"/busybox", "cat", "/a", NULL};
    struct exec_config exec = {.container = "c", .argv = argv, .want_stdout = true};
    struct exec_session session;
    char text[4] = "";
    assert_true(exec_start(support->runtime, "collect", &exec, &session, &err));
    assert_int_equal(read(session.stdout_fd, text, 3), 3);
    assert_string_equal(text, "one");
    exec_close(&session);
    support_remove(support, "collect");
    assert_true(image_collect(support->runtime, &freed, &err));
    assert_int_equal(freed, 3);
    assert_true(image_remove(support->runtime, "t/moving", &err));
    assert_false(image_remove(support->runtime, "t/moving", &err));
    assert_int_equal(err.reason, ERROR_NOT_FOUND);
    assert_int_equal(image_count(support), before);
}

/* The user of an image, by its own passwd and group files, which may be anything. */
static void users(void **state)
{
    static const struct {
        const char *name, *user, *passwd, *out; /* NULL: refused */
    } cases[] = {
        {"named", "app", "root:x:0:0::/:/\napp:x:123:45:App:/home/app:/bin/sh\n",
         "123 45 /home/app\n"},
        {"with-group", "app:wheel", "app:x:123:45::/home/app:\n", "123 10 /home/app\n"},
        {"number", "77", "app:x:123:45::/home/app:\n", "77 0 /\n"},
        {"numbers", "77:88", "", "77 88 /\n"},
        {"unknown", "nobody-here", "app:x:123:45::/:\n", NULL},
        {"overflow", "4294967296", "", NULL},
        {"overflow-by-one", "2147483648", "", NULL},
        {"negative", "-1", "", NULL},
        {"wrapped-in-file", "app", "app:x:4294967296:0::/:\n", NULL},
        {"newline", "1000\n0", "", NULL},
        {"garbage", "app", "\n:::\napp\napp:x\napp:x:5:6:g:/h:s\n", "5 6 /h\n"},
    };
    struct support *support = *state;
    support_sandbox(support, "users");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(buf_free) struct buf layer = BUF_TEXT;
        CLEANUP(free_ptr) char *dir = xasprintf("%s/users-%zu", support->root, i);
        CLEANUP(free_ptr) char *config_path = xasprintf("%s/config.json", dir);
        CLEANUP(free_ptr) char *name = xasprintf("c%zu", i);
        const struct support_entry entries[] = {{"etc/passwd", S_IFREG, cases[i].passwd, 0, 0},
                                                {"etc/group", S_IFREG, "wheel:x:10:app\n", 0, 0}};
        support_tar(&layer, entries, 2, FILTER_NONE);
        support_docker_dir(dir, &layer, 1, "t/users", NULL);
        json_auto_t *config = file_read_json(config_path, 65536, &err);
        json_set_text(json_object_get(config, "config"), "User", cases[i].user);
        assert_true(file_write_json(config_path, config, &err));
        assert_true(image_import(support->runtime, dir, NULL, NULL, &err));
        const struct container_mount mounts[] = {{.source = "/bin/busybox", .target = "/busybox"}};
        const char *const command[] = {
            "/busybox", "sh", "-c",
            "echo $(/busybox id -u 2>/dev/null) $(/busybox id -g 2>/dev/null) $HOME", NULL};
        CLEANUP(free_ptr) char *log_path = xasprintf("%s/logs/users-%s.log", support->root, name);
        struct container_config container = {PLAIN,
                                             .name = name,
                                             .image = "t/users",
                                             .command = command,
                                             .mounts = mounts,
                                             .mount_count = 1,
                                             .log_path = log_path};
        bool ok = container_start(support->runtime, "users", &container, &err);
        if (ok != (cases[i].out != NULL))
            fail_msg("case %s: %s", cases[i].name, ok ? "was started" : err.message);
        if (!ok)
            continue;
        CLEANUP(container_status_clear)
        struct container_status status = support_wait(support, "users", name);
        assert_int_equal(status.phase, CONTAINER_EXITED);
        CLEANUP(free_ptr) char *log = support_log(support, "users", name);
        if (strcmp(log, cases[i].out) != 0)
            fail_msg("case %s: %s", cases[i].name, log);
    }
    support_remove(support, "users");
}

/* An image whose /dev, /proc or /sys is a symlink, or whose /etc/passwd is, must not lead a mount
 * or a read outside. */
static void linked_roots(void **state)
{
    static const char *const parts[] = {"dev", "proc", "sys"};
    struct support *support = *state;
    const struct container_mount mounts[] = {{.source = "/bin/busybox", .target = "/busybox"}};
    static const char *const command[] = {"/busybox", "true", NULL};
    support_sandbox(support, "linked");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        CLEANUP(error_clear) struct error err = {0};
        const struct support_entry entries[] = {{parts[i], S_IFLNK, "/tmp", 0, 0},
                                                {"tmp", S_IFDIR, NULL, 0, 0}};
        struct container_config container = {PLAIN,
                                             .name = parts[i],
                                             .image = "t/linked",
                                             .command = command,
                                             .mounts = mounts,
                                             .mount_count = 1};
        assert_true(import_entries(support, "linked", entries, 2, &err));
        assert_false(container_start(support->runtime, "linked", &container, &err));
        if (!strstr(err.message, "cannot be mounted on"))
            fail_msg("/%s: %s", parts[i], err.message);
    }
    support_remove(support, "linked");
}

/* Names beyond ASCII, and names that are no text at all, as tar writes them. */
static void odd_names(void **state)
{
    struct support *support = *state;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *from = in_root(support, "odd");
    CLEANUP(free_ptr) char *file = in_root(support, "odd/gr\303\274n");
    CLEANUP(free_ptr) char *raw = in_root(support, "odd/raw\377");
    static const char *const formats[] = {"--format=gnu", "--format=posix"};
    assert_true(dir_make(from, 0755, &err) && file_write(file, STR("x"), 0644, &err) &&
                file_write(raw, STR("x"), 0644, &err));
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        CLEANUP(free_ptr) char *tar = xasprintf("%s/odd-%zu.tar", support->root, i);
        CLEANUP(free_ptr) char *dir = xasprintf("%s/odd-%zu", support->root, i);
        CLEANUP(buf_free) struct buf layer = BUF_TEXT;
        char sum[72];
        const char *const pack[] = {"tar", formats[i], "-C", from, "-cf", tar, ".", NULL};
        support_command(pack);
        assert_true(file_read(tar, &layer, &err));
        support_docker_dir(dir, &layer, 1, "t/odd", NULL);
        if (!image_import(support->runtime, dir, NULL, NULL, &err))
            fail_msg("%s: %s", formats[i], err.message);
        digest_of(buf_str(&layer), sum);
        CLEANUP(free_ptr)
        char *made = xasprintf("%s/images/layers/%s/gr\303\274n", support->root, digest_hex(sum));
        CLEANUP(free_ptr)
        char *made_raw = xasprintf("%s/images/layers/%s/raw\377", support->root, digest_hex(sum));
        assert_int_equal(access(made, F_OK), 0);
        assert_int_equal(access(made_raw, F_OK), 0);
    }
}

int main(int argc, char **argv)
{
    int status;
    if (support_is_shim(argc, argv, &status))
        return status;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),   cmocka_unit_test(documents),    cmocka_unit_test(hostile_layers),
        cmocka_unit_test(damaged), cmocka_unit_test(layered),      cmocka_unit_test(collected),
        cmocka_unit_test(users),   cmocka_unit_test(linked_roots), cmocka_unit_test(odd_names),
    };
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
