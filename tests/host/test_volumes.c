/* Files that change all at once, folders that cannot be left, trees that go away; CNI answers;
 * logs. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/node/atomic_writer.h"
#include "host/node/cni.h"
#include "host/node/folder.h"
#include "host/node/log_reader.h"
#include "host/node/volume_claim.h"

static char *folder;

static int set_up(void **state)
{
    (void)state;
    char path[] = "/tmp/warren-volumes-XXXXXX";
    folder = mkdtemp(path) ? xstrdup(path) : NULL;
    return folder ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    bool ok = folder_remove(folder, &err);
    free(folder);
    return ok ? 0 : -1;
}

static char *read_below(const char *name)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s", folder, name);
    struct buf text = BUF_INIT(1 << 20);
    if (!folder_read_file(path, &text, &err)) {
        buf_free(&text);
        return NULL;
    }
    return buf_take(&text);
}

static void write_payload(const char *const *pairs)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(payload_clear) struct payload payload = {0};
    for (; *pairs; pairs += 2)
        assert_true(payload_add(&payload, pairs[0], str_of(pairs[1]), 0640, &err));
    assert_true(atomic_write(folder, &payload, (gid_t)-1, &err));
}

static void test_atomic_write(void **state)
{
    (void)state;
    struct stat found;
    write_payload((const char *const[]){"a", "1", "dir/b", "2", NULL});
    CLEANUP(free_ptr) char *first = read_below("a");
    CLEANUP(free_ptr) char *nested = read_below("dir/b");
    assert_string_equal(first, "1");
    assert_string_equal(nested, "2");
    write_payload((const char *const[]){"a", "3", "c", "4", NULL});
    CLEANUP(free_ptr) char *second = read_below("a");
    CLEANUP(free_ptr) char *gone = read_below("dir/b");
    assert_string_equal(second, "3");
    assert_null(gone);
    CLEANUP(free_ptr) char *path = xasprintf("%s/a", folder);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0640);
    assert_int_equal(lstat(path, &found), 0);
    assert_true(S_ISLNK(found.st_mode));
    write_payload((const char *const[]){NULL});
    CLEANUP(free_ptr) char *empty = read_below("a");
    assert_null(empty);
}

static void test_payload_paths(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "/a",  "..",  "../a", "a/../b",
                                      "a//b", "a/.", "..x", "a/",   "./a"};
    CLEANUP(payload_clear) struct payload payload = {0};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(error_clear) struct error err = {0};
        if (payload_add(&payload, bad[i], STR("x"), 0644, &err))
            fail_msg("%s was taken", bad[i]);
    }
    assert_int_equal(payload.count, 0);
}

static void test_below(void **state)
{
    (void)state;
    struct stat root, found;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *volume = xasprintf("%s/volume", folder);
    CLEANUP(free_ptr) char *up = xasprintf("%s/up", volume);
    CLEANUP(free_ptr) char *absolute = xasprintf("%s/abs", volume);
    assert_true(folder_make(volume, 0755, &err));
    assert_int_equal(symlink("../../../../etc", up), 0);
    assert_int_equal(symlink("/", absolute), 0);
    CLEANUP(close_fd) int made = folder_open_below(volume, "x/y/z", true, &err);
    assert_true(made >= 0);
    int outside = folder_open_below(volume, "up/passwd", false, &err);
    assert_int_equal(outside, -1);
    CLEANUP(close_fd) int inside = folder_open_below(volume, "abs", false, &err);
    assert_true(inside >= 0 && fstat(inside, &found) == 0 && stat(volume, &root) == 0);
    assert_int_equal(found.st_ino, root.st_ino);
}

static void test_remove_deep(void **state)
{
    (void)state;
    struct stat found;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *top = xasprintf("%s/deep", folder);
    assert_int_equal(mkdir(top, 0755), 0);
    int at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 3000; i++) { /* longer than any path may be */
        assert_int_equal(mkdirat(at, "ddddd", 0755), 0);
        assert_int_equal(symlinkat("/", at, "link"), 0);
        int next = openat(at, "ddddd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(at);
        at = next;
    }
    close(at);
    assert_true(folder_remove(top, &err));
    assert_int_equal(stat(top, &found), -1);
    assert_true(folder_remove(top, &err));
}

static void test_give(void **state)
{
    (void)state;
    struct stat found, outside;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *volume = xasprintf("%s/volume", folder);
    CLEANUP(free_ptr) char *inner = xasprintf("%s/a/b", volume);
    CLEANUP(free_ptr) char *file = xasprintf("%s/file", inner);
    CLEANUP(free_ptr) char *other = xasprintf("%s/other", folder);
    CLEANUP(free_ptr) char *link = xasprintf("%s/link", volume);
    assert_true(folder_make(inner, 0755, &err) && folder_make(other, 0755, &err));
    assert_true(folder_write_file(file, "x", 1, 0640, &err));
    assert_int_equal(symlink(other, link), 0);
    if (!folder_give(volume, 4321, &err))
        fail_msg("%s", err.message);
    assert_int_equal(stat(file, &found), 0);
    assert_int_equal(found.st_gid, 4321);
    assert_int_equal(found.st_mode & 0777, 0660);
    assert_int_equal(stat(inner, &found), 0);
    assert_int_equal(found.st_gid, 4321);
    assert_int_equal(found.st_mode & 07777, 02775);
    assert_int_equal(stat(other, &outside), 0);
    assert_int_not_equal(outside.st_gid, 4321);
}

/* What a claim and its volume say, by resource. */
static bool get_canned(void *arg, const char *resource, const char *name, json_t **out,
                       struct error *err)
{
    const char *const *bodies = arg;
    (void)name;
    const char *body = strcmp(resource, "persistentvolumes") == 0 ? bodies[1] : bodies[0];
    *out = body ? json_parse(str_of(body), JSON_LOAD_LENIENT, err) : NULL;
    return *out || error_not_found(err, resource, name);
}

#define CLAIM(phase)                                                                               \
    "{\"metadata\":{\"uid\":\"u\"},\"spec\":{\"volumeName\":\"v\"},\"status\":{\"phase\":\"" phase \
    "\"}}"
#define VOLUME(uid, node, source)                                                                  \
    "{\"metadata\":{\"labels\":{\"local.warren.dev/node\":\"" node                                 \
    "\"}},\"spec\":{\"claimRef\":{\"uid\":\"" uid "\"}," source "}}"
#define LOCAL(handle) "\"csi\":{\"driver\":\"local.warren.dev\",\"volumeHandle\":\"" handle "\"}"

static void test_claims(void **state)
{
    static const struct {
        const char *name, *bodies[2], *want; /* the end of the path, or of the error */
    } rows[] = {
        {"none", {NULL, NULL}, "\"c\" not found"},
        {"not bound", {CLAIM("Pending"), NULL}, "is not bound"},
        {"another's volume", {CLAIM("Bound"), VOLUME("x", "n", LOCAL("h"))}, "not its own"},
        {"another node's", {CLAIM("Bound"), VOLUME("u", "m", LOCAL("h"))}, "is not on this node"},
        {"no name", {CLAIM("Bound"), VOLUME("u", "n", LOCAL("../pods"))}, "handle is not a name"},
        {"hidden", {CLAIM("Bound"), VOLUME("u", "n", LOCAL(".x"))}, "handle is not a name"},
        {"ours", {CLAIM("Bound"), VOLUME("u", "n", LOCAL("pvc-1"))}, "/claims/pvc-1"},
        {"another driver",
         {CLAIM("Bound"), VOLUME("u", "n", "\"csi\":{\"driver\":\"x\"}")},
         "driver name x not found in the list of registered CSI drivers"},
        {"a path", {CLAIM("Bound"), VOLUME("u", "n", "\"hostPath\":{\"path\":\"/tmp\"}")}, "/tmp"},
        {"no such path",
         {CLAIM("Bound"), VOLUME("u", "n", "\"local\":{\"path\":\"/nonexistent\"}")},
         "\"/nonexistent\" does not exist"},
        {"of the network",
         {CLAIM("Bound"), VOLUME("u", "n", "\"nfs\":{\"path\":\"/x\"}")},
         "does not support the volume's type"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(free_ptr) char *path = NULL;
        struct volumes volumes = {
            .place = {folder, "n"},
            .objects = {get_canned, (void *)(uintptr_t)rows[i].bodies},
        };
        bool ok = volume_claim_find(&volumes, "c", (gid_t)-1, NULL, &path, &err);
        if (!text_ends(ok ? path : err.message, rows[i].want))
            fail_msg("%s: %s", rows[i].name, ok ? path : err.message);
    }
}

static void test_cni_answers(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *address;
    } rows[] = {
        {"one", "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.244.0.5/24\"}]}",
         "10.244.0.5"},
        {"two", "{\"ips\":[{\"address\":\"10.1.0.5/24\"},{\"address\":\"fd00::1/64\"}]}",
         "10.1.0.5"},
        {"none", "{\"ips\":[]}", NULL},
        {"an error", "{\"code\":7,\"msg\":\"no range\"}", NULL},
        {"not an address", "{\"ips\":[{\"address\":\"$(reboot)\"}]}", NULL},
        {"not a text", "{\"ips\":[{\"address\":5}]}", NULL},
        {"an array", "[]", NULL},
        {"nothing", "", NULL},
        {"cut off", "{\"ips\":[{\"address\":\"10.", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        struct cni_result result;
        bool ok = cni_parse_result(str_of(rows[i].text), &result, &err);
        if (ok != (rows[i].address != NULL) ||
            (ok && strcmp(result.addresses[0], rows[i].address) != 0))
            fail_msg("%s: %s", rows[i].name, err.message ? err.message : "was taken");
    }
    CLEANUP(free_ptr) char *gateway = cni_gateway("10.244.3.0/24");
    assert_string_equal(gateway, "10.244.3.1");
    assert_null(cni_gateway("10.244.0.0/31"));
    assert_null(cni_gateway("10.244.0.0"));
    assert_null(cni_gateway("x/24"));
}

static const char *const log_text = "2026-01-02T03:04:01.000000001Z stdout F one\n"
                                    "2026-01-02T03:04:02.000000001Z stdout P tw\n"
                                    "2026-01-02T03:04:02.000000002Z stdout F o\n"
                                    "2026-01-02T03:04:03.000000001Z stderr F three\n";

static void test_logs(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct log_query query;
        const char *want;
    } rows[] = {
        {"all, rotated first", {.tail_lines = -1, .limit_bytes = -1}, "zero\none\ntwo\nthree\n"},
        {"tail of one", {.tail_lines = 1, .limit_bytes = -1}, "three\n"},
        {"tail of none", {.tail_lines = 0, .limit_bytes = -1}, ""},
        {"tail into the rotated", {.tail_lines = 5, .limit_bytes = -1}, "zero\none\ntwo\nthree\n"},
        {"since",
         {.tail_lines = -1, .limit_bytes = -1, .since_us = INT64_C(1767323043000000)},
         "three\n"},
        {"limit", {.tail_lines = -1, .limit_bytes = 6}, "zero\no"},
        {"timestamps",
         {.tail_lines = 1, .limit_bytes = -1, .timestamps = true},
         "2026-01-02T03:04:03.000000001Z three\n"},
    };
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *path = xasprintf("%s/0.log", folder);
    CLEANUP(free_ptr) char *rotated = xasprintf("%s/0.log.1", folder);
    const char *old = "2026-01-02T03:04:00.000000001Z stdout F zero\n";
    assert_true(folder_write_file(path, log_text, strlen(log_text), 0600, &err));
    assert_true(folder_write_file(rotated, old, strlen(old), 0600, &err));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char got[512];
        size_t len = 0;
        struct log_reader *reader = log_reader_open(path, &rows[i].query, &err);
        assert_non_null(reader);
        for (ssize_t more; (more = log_reader_read(reader, got + len, sizeof(got) - 1 - len)) > 0;)
            len += (size_t)more;
        got[len] = 0;
        log_reader_free(reader);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%s: got \"%s\"", rows[i].name, got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_atomic_write, set_up, tear_down),
        cmocka_unit_test(test_payload_paths),
        cmocka_unit_test_setup_teardown(test_below, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_remove_deep, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_give, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_claims, set_up, tear_down),
        cmocka_unit_test(test_cni_answers),
        cmocka_unit_test_setup_teardown(test_logs, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
