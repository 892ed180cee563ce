/* A full disk: clear errors, nothing left behind, nothing forgotten. The root lies on a small
 * tmpfs. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/file.h"
#include "tests/runtime/support_runtime.h"
#include "tests/test.h"

static void fill(const char *root)
{
    static const char zeros[65536];
    CLEANUP(free_ptr) char *path = xasprintf("%s/filler", root);
    CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    for (size_t piece = sizeof(zeros); piece; piece = piece > 1 ? piece / 2 : 0)
        while (write(fd, zeros, piece) > 0)
            continue;
    assert_int_equal(errno, ENOSPC);
}

static void drain(const char *root)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/filler", root);
    assert_int_equal(unlink(path), 0);
}

static void nothing_starts(void **state)
{
    struct support *support = *state;
    CLEANUP(error_clear) struct error err = {0};
    static const char *const command[] = {"true", NULL};
    struct sandbox_config sandbox = {.id = "late", .hostname = "late"};
    struct container_config container = {
        .uid = -1, .gid = -1, .name = "c", .image = "busybox", .command = command};
    support_sandbox(support, "early");
    fill(support->root);
    assert_false(sandbox_start(support->runtime, &sandbox, &err));
    assert_non_null(strstr(err.message, "No space left"));
    error_clear(&err);
    assert_false(container_start(support->runtime, "early", &container, &err));
    assert_non_null(strstr(err.message, "No space left"));
    error_clear(&err);
    assert_false(image_build_base(support->runtime, NULL, "other:1", &err));
    assert_non_null(strstr(err.message, "No space left"));
    error_clear(&err);
    drain(support->root);
    assert_true(container_start(support->runtime, "early", &container, &err));
    support_remove(support, "early");
    char **ids = sandbox_list(support->runtime);
    assert_null(ids[0]);
    names_free(ids);
}

static void end_is_told_later(void **state)
{
    struct support *support = *state;
    support_sandbox(support, "end");
    support_start(support, "end", "c", "sleep 0.3; seq 1 100000; exit 6", NULL);
    fill(support->root);
    (void)poll(NULL, 0, 1000); /* it has ended by now, and its lines are lost */
    drain(support->root);
    CLEANUP(container_status_clear)
    struct container_status status = support_wait(support, "end", "c");
    assert_int_equal(status.exit_code, 6);
    support_remove(support, "end");
}

static int setup(void **state)
{
    char path[] = "/tmp/runtime-full-XXXXXX";
    assert_non_null(mkdtemp(path));
    assert_int_equal(mount("small", path, "tmpfs", MS_NOSUID, "size=24m,mode=0700"), 0);
    return support_setup_in(state, path);
}

static int teardown(void **state)
{
    CLEANUP(free_ptr) char *path = xstrdup(((struct support *)*state)->root);
    assert_int_equal(support_teardown_keep(state), 0);
    assert_int_equal(umount2(path, MNT_DETACH), 0);
    return rmdir(path);
}

int main(int argc, char **argv)
{
    int status;
    if (support_is_shim(argc, argv, &status))
        return status;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_starts),
        cmocka_unit_test(end_is_told_later),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
