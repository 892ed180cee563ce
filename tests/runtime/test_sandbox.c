/* Sandboxes: their life, their end by every way, their finding again, their user namespaces. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/file.h"
#include "runtime/sandbox_state.h"
#include "tests/test.h"
#include "tests/runtime/support_runtime.h"

#define PLAIN .uid = -1, .gid = -1

static pid_t shim_of(struct support *support, const char *id)
{
    CLEANUP(free_ptr) char *dir = sandbox_path(support->root, id, "");
    return sandbox_shim_pid(dir);
}

static void malformed(void **state)
{
    static const char *const ids[] = {
        "",
        "Upper",
        "a/b",
        "..",
        "a_b",
        "x.y",
        "0123456789012345678901234567890123456789012345678901234567890123"};
    static const char *const bad_sysctls[] = {"kernel.panic=1", NULL};
    static const char *const odd_sysctls[] = {"net../../kernel/panic=1", NULL};
    struct support *support = *state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        CLEANUP(error_clear) struct error err = {0};
        struct sandbox_config config = {.id = ids[i], .hostname = "x"};
        assert_false(sandbox_start(support->runtime, &config, &err));
        assert_int_equal(err.reason, ERROR_INVALID);
    }
    CLEANUP(error_clear) struct error err = {0};
    struct sandbox_config config = {.id = "sysctl", .hostname = "x", .sysctls = bad_sysctls};
    assert_false(sandbox_start(support->runtime, &config, &err));
    assert_non_null(strstr(err.message, "not allowed"));
    error_clear(&err);
    config.sysctls = odd_sysctls;
    assert_false(sandbox_start(support->runtime, &config, &err));
    char **left = sandbox_list(support->runtime);
    assert_null(left[0]);
    names_free(left);
}

static void twice(void **state)
{
    struct support *support = *state;
    CLEANUP(error_clear) struct error err = {0};
    struct sandbox_config config = {.id = "twice", .hostname = "twice"};
    support_sandbox(support, "twice");
    assert_false(sandbox_start(support->runtime, &config, &err));
    assert_int_equal(err.reason, ERROR_ALREADY_EXISTS);
    assert_true(shim_of(support, "twice") > 0); /* the first one lives on */
    support_remove(support, "twice");
    support_remove(support, "twice");
    support_sandbox(support, "twice");
    support_remove(support, "twice");
}

static void network_namespace(void **state)
{
    struct support *support = *state;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *path = NULL;
    struct stat ours, theirs;
    static const char *const sysctls[] = {"net.ipv4.ip_unprivileged_port_start=7", NULL};
    struct sandbox_config config = {.id = "netns", .hostname = "netns", .sysctls = sysctls};
    assert_true(sandbox_start(support->runtime, &config, &err));
    assert_true(sandbox_netns(support->runtime, "netns", &path, &err));
    assert_int_equal(stat(path, &theirs), 0);
    assert_int_equal(stat("/proc/self/ns/net", &ours), 0);
    assert_int_not_equal(ours.st_ino, theirs.st_ino);
    CLEANUP(free_ptr) char *log = NULL;
    CLEANUP(container_status_clear)
    struct container_status status = support_run(
        support, "netns", "c",
        "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ip -o addr show lo | grep -c 127.0.0.1",
        NULL, &log);
    assert_int_equal(status.phase, CONTAINER_EXITED);
    assert_string_equal(log, "7\n1\n");
    support_remove(support, "netns");
    assert_int_not_equal(stat(path, &theirs), 0);
    assert_false(sandbox_netns(support->runtime, "netns", &path, &err));
}

/* The caller goes and comes back: everything runs on, and is found. */
static void reopened(void **state)
{
    struct support *support = *state;
    CLEANUP(error_clear) struct error err = {0};
    support_sandbox(support, "again");
    support_start(support, "again", "c",
                  "trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.05; done", NULL);
    pid_t shim = shim_of(support, "again");
    support_reopen(support);
    char **ids = sandbox_list(support->runtime);
    assert_string_equal(ids[0], "again");
    assert_null(ids[1]);
    names_free(ids);
    assert_int_equal(shim_of(support, "again"), shim);
    CLEANUP(free_ptr) char *out = NULL;
    assert_int_equal(support_exec(support, "again", "c", "echo still", false, &out), 0);
    assert_string_equal(out, "still\n");
    assert_true(container_signal(support->runtime, "again", "c", SIGTERM, &err));
    CLEANUP(container_status_clear)
    struct container_status status = support_wait(support, "again", "c");
    assert_int_equal(status.exit_code, 9);
    assert_true(status.finished_us >= status.started_us && status.started_us > 0);
    assert_string_equal(status.image, "busybox");
    assert_non_null(strstr(status.image_digest, "sha256:"));
    assert_true(container_remove(support->runtime, "again", "c", &err));
    support_start(support, "again", "c", "true", NULL); /* the name is free again */
    support_remove(support, "again");
}

/* A copy of every pidfd of this process: what a child that posix_spawn has just made holds until it
 * runs its program. */
static size_t copy_pidfds(int *copies, size_t max)
{
    size_t count = 0;
    for (int fd = 3; fd < 256 && count < max; fd++) {
        char path[32], target[64] = "";
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (readlink(path, target, sizeof(target) - 1) > 0 &&
            strcmp(target, "anon_inode:[pidfd]") == 0)
            copies[count++] = dup(fd);
    }
    return count;
}

/* The end of a shim is told once, also while somebody else still holds the descriptor that told of
 * it. */
static void killed_shim_held(void **state)
{
    struct support *support = *state;
    int copies[16];
    support_sandbox(support, "held");
    struct pollfd poller = {.fd = runtime_event_fd(support->runtime), .events = POLLIN};
    for (char *id; (id = runtime_next_event(support->runtime));)
        free(id);
    size_t count = copy_pidfds(copies, ARRAY_LEN(copies));
    assert_true(count > 0);
    assert_int_equal(kill(shim_of(support, "held"), SIGKILL), 0);
    assert_int_equal(poll(&poller, 1, 5000), 1);
    CLEANUP(free_ptr) char *changed = runtime_next_event(support->runtime);
    assert_string_equal(changed, "held");
    assert_null(runtime_next_event(support->runtime));
    assert_int_equal(poll(&poller, 1, 0), 0);
    for (size_t i = 0; i < count; i++)
        close(copies[i]);
    support_remove(support, "held");
}

/* The shim is killed: its containers die, are told as ended, and all goes away. */
static void killed_shim(void **state)
{
    struct support *support = *state;
    CLEANUP(error_clear) struct error err = {0};
    support_sandbox(support, "killed");
    support_start(support, "killed", "c", "sleep 1000 & exec sleep 1000", NULL);
    assert_true(runtime_event_fd(support->runtime) >= 0);
    for (char *id; (id = runtime_next_event(support->runtime));)
        free(id);
    assert_int_equal(kill(shim_of(support, "killed"), SIGKILL), 0);
    struct pollfd poller = {.fd = runtime_event_fd(support->runtime), .events = POLLIN};
    assert_int_equal(poll(&poller, 1, 5000), 1);
    CLEANUP(free_ptr) char *changed = runtime_next_event(support->runtime);
    assert_string_equal(changed, "killed");
    CLEANUP(container_status_clear)
    struct container_status status = support_wait(support, "killed", "c");
    assert_int_equal(status.exit_code, 137);
    assert_false(container_signal(support->runtime, "killed", "c", SIGTERM, &err));
    assert_int_equal(err.reason, ERROR_UNAVAILABLE);
    error_clear(&err);
    support_remove(support, "killed");
}

static void events(void **state)
{
    struct support *support = *state;
    bool seen = false;
    int64_t deadline = clock_mono_ns() + INT64_C(10000000000);
    struct pollfd poller = {.fd = runtime_event_fd(support->runtime), .events = POLLIN};
    support_sandbox(support, "events");
    support_start(support, "events", "c", "exit 1", NULL);
    while (!seen && clock_mono_ns() < deadline) {
        (void)poll(&poller, 1, 1000);
        for (char *id; (id = runtime_next_event(support->runtime)); free(id)) {
            struct container_status *all = NULL;
            size_t count = 0;
            CLEANUP(error_clear) struct error err = {0};
            assert_string_equal(id, "events");
            assert_true(container_statuses(support->runtime, id, &all, &count, &err));
            seen = count == 1 && all[0].phase == CONTAINER_EXITED;
            for (size_t i = 0; i < count; i++)
                container_status_clear(&all[i]);
            free(all);
        }
    }
    assert_true(seen);
    support_remove(support, "events");
}

static void shared_processes(void **state)
{
    struct support *support = *state;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *log = NULL;
    struct sandbox_config config = {.id = "share", .hostname = "share", .share_pid = true};
    assert_true(sandbox_start(support->runtime, &config, &err));
    CLEANUP(free_ptr) char *logs = xasprintf("%s/logs", support->root);
    assert_true(dir_make(logs, 0700, &err));
    support_start(support, "share", "one", "exec sleep 4321", NULL);
    CLEANUP(container_status_clear)
    struct container_status status = support_run(
        support, "share", "two",
        "ps | grep -c '[s]leep 4321'; test $$ -ne 1 && echo shared; (sleep 3 &) ; exit 0", NULL,
        &log);
    assert_int_equal(status.phase, CONTAINER_EXITED);
    assert_string_equal(log, "1\nshared\n");
    support_remove(support, "share");
}

/* Root inside is nobody outside; files on volumes keep their owners' numbers. */
static void user_namespace(void **state)
{
    struct support *support = *state;
    struct stat info;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *dir = xasprintf("%s/uservolume", support->root);
    CLEANUP(free_ptr) char *made = xasprintf("%s/made", dir);
    CLEANUP(free_ptr) char *as_user = xasprintf("%s/user", dir);
    CLEANUP(free_ptr) char *logs = xasprintf("%s/logs", support->root);
    assert_true(dir_make(dir, 0777, &err) && dir_make(logs, 0700, &err));
    assert_int_equal(chmod(dir, 0777), 0);
    const struct container_mount mounts[] = {{.source = dir, .target = "/data"},
                                             {.target = "/scratch", .tmpfs_size = ""}};
    struct sandbox_config config = {.id = "user", .hostname = "user", .user_namespace = true};
    struct sandbox_config second = {.id = "user2", .hostname = "user2", .user_namespace = true};
    struct container_config container = {PLAIN, .mounts = mounts, .mount_count = ARRAY_LEN(mounts)};
    if (!sandbox_start(support->runtime, &config, &err) ||
        !sandbox_start(support->runtime, &second, &err))
        fail_msg("%s", err.message);
    CLEANUP(free_ptr) char *log = NULL;
    CLEANUP(container_status_clear)
    struct container_status status =
        support_run(support, "user", "c",
                    "id -u; stat -c %u:%g /bin/busybox /etc/passwd /scratch /dev /dev/shm; echo x "
                    "> /data/made; echo y > /new; stat -c %u /new; "
                    "cat /proc/self/uid_map | tr -s ' ' | cut -d' ' -f2,4; grep CapEff "
                    "/proc/self/status; cat /etc/hostname; "
                    "echo z > /dev/null; echo named > /dev/stdout; mount -t tmpfs none /tmp "
                    "2>/dev/null || echo refused",
                    &container, &log);
    assert_int_equal(status.phase, CONTAINER_EXITED);
    assert_string_equal(log, "0\n0:0\n0:0\n0:0\n0:0\n0:0\n0\n0 "
                             "65536\nCapEff:\t00000000a80425fb\nuser\nnamed\nrefused\n");
    assert_int_equal(stat(made, &info), 0);
    assert_int_equal(info.st_uid, 0);
    container.uid = 1000;
    CLEANUP(container_status_clear)
    struct container_status other =
        support_run(support, "user", "u", "echo x > /data/user", &container, NULL);
    assert_int_equal(other.phase, CONTAINER_EXITED);
    assert_int_equal(stat(as_user, &info), 0);
    assert_int_equal(info.st_uid, 1000);
    container.uid = -1;
    support_start(support, "user", "s", "exec sleep 1000", &container);
    CLEANUP(free_ptr) char *out = NULL;
    assert_int_equal(support_exec(support, "user", "s", "id -u; cat /proc/1/comm", false, &out), 0);
    assert_string_equal(out, "0\nsleep\n");
    CLEANUP(free_ptr) char *terminal = NULL;
    assert_int_equal(support_exec(support, "user", "s", "tty; stat -c %u $(tty)", true, &terminal),
                     0);
    assert_string_equal(terminal, "/dev/pts/0\r\n0\r\n");
    struct container_status *all;
    size_t count;
    assert_true(container_statuses(support->runtime, "user", &all, &count, &err));
    for (size_t i = 0; i < count; i++) {
        CLEANUP(free_ptr) char *proc = xasprintf("/proc/%d", (int)all[i].pid);
        if (all[i].phase == CONTAINER_RUNNING) {
            assert_int_equal(stat(proc, &info), 0);
            assert_true(info.st_uid >= 1 << 20);
        }
        container_status_clear(&all[i]);
    }
    free(all);
    support_remove(support, "user");
    support_remove(support, "user2");
}

/* A process that holds the host's binary open must not be able to change it. */
static void protected_binary(void **state)
{
    struct support *support = *state;
    support_sandbox(support, "binary");
    CLEANUP(free_ptr) char *path = xasprintf("/proc/%d/exe", (int)shim_of(support, "binary"));
    CLEANUP(close_fd) int fd = open(path, O_PATH | O_CLOEXEC);
    struct statvfs view;
    assert_int_equal(fstatvfs(fd, &view), 0);
    assert_true(view.f_flag & ST_RDONLY);
    assert_int_equal(open(path, O_WRONLY | O_CLOEXEC), -1);
    support_remove(support, "binary");
}

struct worker {
    struct support *support;
    pthread_t thread;
    unsigned number;
    char failure[256];
};

static bool one_life(struct worker *worker, const char *id, struct error *err)
{
    static const char *const command[] = {"true", NULL};
    struct runtime *runtime = worker->support->runtime;
    struct sandbox_config sandbox = {
        .id = id, .hostname = id, .user_namespace = worker->number % 2};
    struct container_config container = {PLAIN, .name = "c", .image = "busybox",
                                         .command = command};
    return sandbox_start(runtime, &sandbox, err) && container_start(runtime, id, &container, err) &&
           sandbox_remove(runtime, id, err);
}

static void *live(void *arg)
{
    struct worker *worker = arg;
    for (unsigned i = 0; i < 5 && !worker->failure[0]; i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(free_ptr) char *id = xasprintf("w%u-%u", worker->number, i);
        if (!one_life(worker, id, &err))
            (void)snprintf(worker->failure, sizeof(worker->failure), "%s: %s", id, err.message);
    }
    return NULL;
}

static void at_once(void **state)
{
    struct worker workers[8] = {0};
    int64_t start = clock_mono_ns();
    for (unsigned i = 0; i < ARRAY_LEN(workers); i++) {
        workers[i].support = *state;
        workers[i].number = i;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, live, &workers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(workers); i++)
        pthread_join(workers[i].thread, NULL);
    for (size_t i = 0; i < ARRAY_LEN(workers); i++)
        assert_string_equal(workers[i].failure, "");
    print_message("40 sandboxes with a container came and went in %lld ms\n",
                  (long long)((clock_mono_ns() - start) / 1000000));
}

static void quick(void **state)
{
    struct support *support = *state;
    int64_t begin = clock_mono_ns();
    support_sandbox(support, "quick");
    print_message("a sandbox starts in %lld ms\n",
                  (long long)((clock_mono_ns() - begin) / 1000000));
    support_start(support, "quick", "first", "true", NULL);
    int64_t start = clock_mono_ns();
    support_start(support, "quick", "second", "true", NULL);
    int64_t took_ms = (clock_mono_ns() - start) / 1000000;
    print_message("a container starts in %lld ms (under the sanitizers)\n", (long long)took_ms);
    assert_true(took_ms < 1000);
    begin = clock_mono_ns();
    support_remove(support, "quick");
    print_message("and goes in %lld ms\n", (long long)((clock_mono_ns() - begin) / 1000000));
}

int main(int argc, char **argv)
{
    int status;
    if (support_is_shim(argc, argv, &status))
        return status;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed),
        cmocka_unit_test(twice),
        cmocka_unit_test(network_namespace),
        cmocka_unit_test(reopened),
        cmocka_unit_test(killed_shim),
        cmocka_unit_test(killed_shim_held),
        cmocka_unit_test(events),
        cmocka_unit_test(shared_processes),
        cmocka_unit_test(user_namespace),
        cmocka_unit_test(protected_binary),
        cmocka_unit_test(at_once),
        cmocka_unit_test(quick),
    };
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
