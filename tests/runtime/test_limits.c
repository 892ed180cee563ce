/* Limits: memory, processes, and the sizes and rotation of logs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "runtime/cgroup_devices.h"
#include "runtime/container_log.h"
#include "runtime/file.h"
#include "tests/test.h"
#include "tests/runtime/support_runtime.h"

#define PLAIN .uid = -1, .gid = -1

static void out_of_memory(void **state)
{
    struct support *support = *state;
    struct container_config config = {PLAIN, .memory_max_bytes = 16 << 20};
    support_sandbox(support, "memory");
    CLEANUP(container_status_clear)
    struct container_status greedy =
        support_run(support, "memory", "greedy", "exec tail -c 100000000 /dev/zero", &config, NULL);
    assert_int_equal(greedy.phase, CONTAINER_EXITED);
    assert_true(greedy.oom_killed);
    assert_int_equal(greedy.exit_signal, 9);
    assert_int_equal(greedy.exit_code, 137);
    CLEANUP(free_ptr) char *log = NULL;
    CLEANUP(container_status_clear)
    struct container_status modest =
        support_run(support, "memory", "modest",
                    "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max 2>/dev/null; "
                    "touch x 2>/dev/null || echo refused",
                    &config, &log);
    assert_string_equal(log, "16777216\nrefused\n");
    assert_int_equal(modest.phase, CONTAINER_EXITED);
    assert_false(modest.oom_killed);
    assert_int_equal(modest.exit_code, 0);
    support_remove(support, "memory");
}

static void processes(void **state)
{
    struct support *support = *state;
    CLEANUP(free_ptr) char *log = NULL;
    struct container_config config = {PLAIN, .pids_max = 8};
    support_sandbox(support, "pids");
    CLEANUP(container_status_clear)
    struct container_status status = support_run(
        support, "pids", "c",
        "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 5 & done 2>/dev/null; echo never", &config, &log);
    assert_int_equal(status.phase, CONTAINER_EXITED);
    assert_null(strstr(log, "never"));
    support_remove(support, "pids");
}

static void usage(void **state)
{
    struct support *support = *state;
    CLEANUP(error_clear) struct error err = {0};
    struct usage_sample sample = {0};
    support_sandbox(support, "usage");
    CLEANUP(container_status_clear)
    struct container_status status = support_run(
        support, "usage", "c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done", NULL, NULL);
    assert_int_equal(status.phase, CONTAINER_EXITED);
    assert_true(sandbox_usage(support->runtime, "usage", &sample, &err));
    assert_true(sample.cpu_ns > 0 && sample.memory_bytes >= 0 && sample.at_us > 0);
    int64_t whole_ns = sample.cpu_ns;
    assert_true(container_usage(support->runtime, "usage", "c", &sample, &err));
    assert_true(sample.cpu_ns > 0 && sample.cpu_ns <= whole_ns);
    assert_true(machine_usage(&sample, &err));
    assert_true(sample.cpu_ns >= whole_ns && sample.memory_bytes > 0);
    assert_false(container_usage(support->runtime, "usage", "../c", &sample, &err));
    assert_int_equal(err.reason, ERROR_INVALID);
    error_clear(&err);
    support_remove(support, "usage");
    assert_false(sandbox_usage(support->runtime, "usage", &sample, &err));
}

static void format(void **state)
{
    struct support *support = *state;
    support_sandbox(support, "format");
    CLEANUP(container_status_clear)
    struct container_status status =
        support_run(support, "format", "c", "echo one; printf two", NULL, NULL);
    assert_int_equal(status.phase, CONTAINER_EXITED);
    CLEANUP(free_ptr) char *raw = support_raw_log(support, "format", "c");
    struct str lines = str_of(raw);
    static const char *const ends[] = {" stdout F one", " stdout P two"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        int64_t at;
        struct str line = str_cut(&lines, '\n'), rest = line;
        assert_true(time_parse(str_cut(&rest, ' '), &at));
        assert_int_equal(line.len, 30 + strlen(ends[i]));
        assert_memory_equal(line.data + 30, ends[i], strlen(ends[i]));
    }
    assert_int_equal(lines.len, 0);
    support_remove(support, "format");
}

static void long_lines(void **state)
{
    struct support *support = *state;
    CLEANUP(free_ptr) char *log = NULL;
    support_sandbox(support, "long");
    CLEANUP(container_status_clear)
    struct container_status status =
        support_run(support, "long", "c", "head -c 40000 /dev/zero | tr '\\0' x; echo", NULL, &log);
    assert_int_equal(status.phase, CONTAINER_EXITED);
    CLEANUP(free_ptr) char *raw = support_raw_log(support, "long", "c");
    size_t lines = 0, partial = 0;
    struct str rest = str_of(raw);
    while (rest.len) {
        struct str line = str_cut(&rest, '\n');
        assert_true(line.len < 16384 + 64);
        lines++;
        partial += memmem(line.data, line.len, " stdout P x", 11) != NULL;
    }
    assert_int_equal(lines, 3);
    assert_int_equal(partial, 2);
    assert_int_equal(strlen(log), 40001);
    support_remove(support, "long");
}

static void rotation(void **state)
{
    struct support *support = *state;
    struct stat now, older;
    struct container_config config = {PLAIN, .log_max_bytes = 20000};
    support_sandbox(support, "rotate");
    CLEANUP(container_status_clear)
    struct container_status status =
        support_run(support, "rotate", "c", "seq 1 2000", &config, NULL);
    assert_int_equal(status.phase, CONTAINER_EXITED);
    CLEANUP(free_ptr) char *path = xasprintf("%s/logs/rotate-c.log", support->root);
    CLEANUP(free_ptr) char *second = xasprintf("%s.1", path);
    assert_int_equal(stat(path, &now), 0);
    assert_int_equal(stat(second, &older), 0);
    assert_true(now.st_size <= 20000 && older.st_size <= 20000);
    CLEANUP(free_ptr) char *log = support_log(support, "rotate", "c");
    assert_non_null(strstr(log, "2000\n"));
    support_remove(support, "rotate");
}

/* A log must not be led to another file. */
static void log_traps(void **state)
{
    struct support *support = *state;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *victim = xasprintf("%s/victim", support->root);
    CLEANUP(free_ptr) char *symbolic = xasprintf("%s/symbolic.log", support->root);
    CLEANUP(free_ptr) char *hard = xasprintf("%s/hard.log", support->root);
    assert_true(file_write(victim, STR("untouched"), 0600, &err));
    assert_int_equal(symlink(victim, symbolic), 0);
    assert_int_equal(link(victim, hard), 0);
    const char *const paths[] = {symbolic, hard, "/dev/null", "/no/such/directory/log"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        error_clear(&err);
        assert_null(container_log_open(paths[i], 0, &err));
        assert_int_not_equal(err.code, 0);
    }
}

/* Exit status of a child in the group that tries to open both. */
static int try_devices(const char *procs)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        CLEANUP(close_fd) int fd = open(procs, O_WRONLY | O_CLOEXEC);
        bool inside = fd >= 0 && write(fd, "0", 1) == 1;
        int null = open("/dev/null", O_RDWR | O_CLOEXEC),
            host = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        _exit(!inside ? 3 : (null < 0 ? 1 : 0) | (host < 0 ? 0 : 2));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

/* The program of hosts with only the unified hierarchy; needs that hierarchy, with or without
 * controllers. */
static void devices(void **state)
{
    static const char *const tops[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
    CLEANUP(error_clear) struct error err = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
        CLEANUP(free_ptr) char *probe = xasprintf("%s/cgroup.procs", tops[i]);
        CLEANUP(free_ptr) char *group = xasprintf("%s/warren-test-%d", tops[i], (int)getpid());
        CLEANUP(free_ptr) char *procs = xasprintf("%s/cgroup.procs", group);
        if (access(probe, F_OK) != 0)
            continue;
        assert_int_equal(mkdir(group, 0755), 0);
        CLEANUP(close_fd) int fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int before = try_devices(procs);
        bool restricted = cgroup_devices_restrict(fd, &err);
        int after = try_devices(procs);
        assert_int_equal(rmdir(group), 0); /* before anything fails: it would stay */
        if (!restricted)
            fail_msg("%s", err.message);
        assert_int_equal(before, 2); /* both can be opened */
        assert_int_equal(after, 0);  /* only the null device */
        return;
    }
    skip();
}

int main(int argc, char **argv)
{
    int status;
    if (support_is_shim(argc, argv, &status))
        return status;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_of_memory), cmocka_unit_test(processes),  cmocka_unit_test(usage),
        cmocka_unit_test(format),        cmocka_unit_test(long_lines), cmocka_unit_test(rotation),
        cmocka_unit_test(log_traps),     cmocka_unit_test(devices),
    };
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
