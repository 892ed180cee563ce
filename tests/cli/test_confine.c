/* What a confined process can still do, and what not. Each case is a child, since there is no way
 * back. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/confine.h"
#include "tests/test.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TOOLS_TRACE true
#else
#define TOOLS_TRACE false
#endif

static bool refused(long result)
{
    return result < 0 && errno == EPERM;
}

static void *nothing(void *arg)
{
    return arg;
}

static bool has_threads(void)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

static bool has_sockets(void)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_NETLINK};
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        CLEANUP(close_fd) int fd = socket(families[i], SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return false;
    }
    return true;
}

static bool lacks_packets(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EAFNOSUPPORT &&
           socket(AF_ALG, SOCK_SEQPACKET, 0) < 0 && errno == EAFNOSUPPORT;
}

static bool lacks_programs(void)
{
    char *argv[] = {(char *)(uintptr_t) "true", NULL}; /* only read */
    return TOOLS_TRACE || (refused(execv("/bin/true", argv)) &&
                           refused(syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, NULL, 0)));
}

static bool lacks_children(void)
{
    return TOOLS_TRACE || (refused(fork()) && refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL)));
}

static bool lacks_mounts(void)
{
    return refused(mount("none", "/tmp", "tmpfs", 0, NULL)) && refused(unshare(CLONE_NEWUSER)) &&
           refused(chroot("/")) && refused(syscall(SYS_fsopen, "tmpfs", 0));
}

static bool lacks_kernel(void)
{
    struct timeval now = {.tv_sec = 1};
    return refused(settimeofday(&now, NULL)) && refused(syscall(SYS_bpf, 0, NULL, 0)) &&
           refused(syscall(SYS_io_uring_setup, 1, NULL)) && refused(syscall(SYS_keyctl, 0, 0));
}

static bool lacks_privileges(void)
{
    cap_t caps = cap_get_proc(), none = cap_init();
    bool empty = cap_compare(caps, none) == 0;
    (void)cap_free(caps);
    (void)cap_free(none);
    return empty && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && refused(setuid(0)) &&
           refused(setgroups(0, NULL));
}

static bool lacks_root(void)
{
    return getuid() == 65534 && geteuid() == 65534 && getgid() == 65534 &&
           getgroups(0, NULL) == 0 && open("/etc/shadow", O_RDONLY | O_CLOEXEC) < 0 &&
           errno == EACCES && prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) == 0;
}

static const struct confined_row {
    const char *name;
    bool (*holds)(void);
    bool needs_root;
} rows[] = {
    {"threads", has_threads, false},
    {"sockets of clients", has_sockets, false},
    {"no other sockets", lacks_packets, false},
    {"no programs", lacks_programs, false},
    {"no children", lacks_children, false},
    {"no mounts and namespaces", lacks_mounts, false},
    {"no kernel", lacks_kernel, false},
    {"no privileges", lacks_privileges, false},
    {"nobody", lacks_root, true},
};

/* The child's exit status: 0 holds, 1 does not, 2 it could not be confined. */
static int run_confined(const struct confined_row *row)
{
    const struct confine_user nobody = {65534, 65534};
    pid_t pid = fork();
    if (pid == 0) {
        CLEANUP(error_clear) struct error err = {0};
        _exit(!confine(geteuid() == 0 ? &nobody : NULL, &err) ? 2 : row->holds() ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void confined(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].needs_root && geteuid() != 0)
            continue;
        int status = run_confined(&rows[i]);
        if (status)
            fail_msg("%s: %d", rows[i].name, status);
    }
}

static void users(void **state)
{
    CLEANUP(error_clear) struct error err = {0};
    struct confine_user user = {0};
    (void)state;
    assert_true(confine_find_user("nobody", false, &user, &err));
    assert_int_equal(user.uid, 65534);
    assert_false(confine_find_user("no-such-user", false, &user, &err));
    assert_non_null(strstr(err.message, "useradd --system no-such-user"));
}

/* A directory and its files change hands; what a link names, or what has a second name, does not.
 */
static void given(void **state)
{
    CLEANUP(error_clear) struct error err = {0};
    char dir[] = "/tmp/warren-give-XXXXXX";
    const struct confine_user nobody = {65534, 65534};
    struct stat info;
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_non_null(mkdtemp(dir));
    CLEANUP(close_fd) int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(openat(at, "key", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    close(openat(at, "twice", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(linkat(at, "twice", at, "again", 0), 0);
    assert_int_equal(symlinkat("/etc/passwd", at, "link"), 0);
    assert_int_equal(mkdirat(at, "below", 0755), 0);
    close(openat(at, "below/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_true(confine_give(dir, &nobody, &err));
    assert_true(fstat(at, &info) == 0 && info.st_uid == 65534);
    assert_true(fstatat(at, "key", &info, 0) == 0 && info.st_uid == 65534 && info.st_gid == 65534);
    assert_true(fstatat(at, "twice", &info, 0) == 0 && info.st_uid == 0);
    assert_true(fstatat(at, "below", &info, 0) == 0 && info.st_uid == 65534);
    assert_true(fstatat(at, "below/file", &info, 0) == 0 && info.st_uid == 65534);
    assert_true(stat("/etc/passwd", &info) == 0 && info.st_uid == 0);
    static const char *const made[] = {"key", "twice", "again", "link", "below/file"};
    for (size_t i = 0; i < ARRAY_LEN(made); i++)
        assert_int_equal(unlinkat(at, made[i], 0), 0);
    assert_int_equal(unlinkat(at, "below", AT_REMOVEDIR), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confined),
        cmocka_unit_test(users),
        cmocka_unit_test(given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
