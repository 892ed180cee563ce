/* From within a chroot there is a way to a root of one's own, where user namespaces can be made and
 * roots pivoted. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "runtime/chroot.h"
#include "tests/test.h"

static bool same_root(const struct stat *before)
{
    struct stat now;
    return stat("/", &now) == 0 && now.st_dev == before->st_dev && now.st_ino == before->st_ino &&
           access("/proc/self/status", R_OK) == 0;
}

/* In a child: how far it got, 0 for all of it. */
static int leave(const char *dir)
{
    CLEANUP(error_clear) struct error err = {0};
    struct stat root;
    /* The test itself may run in a chroot. */
    if (unshare(CLONE_NEWNS) != 0 || !chroot_leave(&err) ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        (dir && (mount("/", dir, NULL, MS_BIND | MS_REC, NULL) != 0 || chroot(dir) != 0 ||
                 chdir("/") != 0)))
        return 1;
    if (dir && (unshare(CLONE_NEWUSER) == 0 || errno != EPERM))
        return 2;
    if (stat("/", &root) != 0 || !chroot_leave(&err))
        return 3;
    return same_root(&root) && unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 ? 0 : 4;
}

static void check(const char *dir)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(leave(dir));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void from_chroot(void **state)
{
    char dir[] = "/tmp/warren-chroot-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(dir));
    check(dir);
    assert_int_equal(rmdir(dir), 0);
}

static void from_elsewhere(void **state)
{
    (void)state;
    check(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_chroot),
        cmocka_unit_test(from_elsewhere),
    };
    if (geteuid() != 0) {
        printf("needs root\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
