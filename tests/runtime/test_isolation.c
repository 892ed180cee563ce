/* What a container may not do, see or reach; and, beside each, that what it needs still works. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/file.h"
#include "tests/test.h"
#include "tests/runtime/support_runtime.h"

#define CAPS_DEFAULT "CapEff:\t00000000a80425fb"

static const char *const drop_all[] = {"ALL", NULL};
static const char *const add_net_admin[] = {"NET_ADMIN", NULL};
static const char *const add_bind[] = {"NET_BIND_SERVICE", NULL};

static const char *const signals[] = {"grep", "-E", "SigBlk|SigIgn", "/proc/self/status", NULL};

struct row {
    const char *name, *script, *log;
    int code;
    struct container_config config;
};
#define PLAIN .uid = -1, .gid = -1

/* clang-format off */
static const struct row rows[] = {
    {"default capabilities", "grep CapEff /proc/self/status", CAPS_DEFAULT "\n", 0, {PLAIN}},
    {"no inheritable ones", "grep -E 'CapInh|CapAmb' /proc/self/status", "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n", 0, {PLAIN}},
    {"all dropped", "grep CapEff /proc/self/status", "CapEff:\t0000000000000000\n", 0, {PLAIN, .caps_drop = drop_all}},
    {"all dropped, one added", "grep CapEff /proc/self/status", "CapEff:\t0000000000000400\n", 0, {PLAIN, .caps_drop = drop_all, .caps_add = add_bind}},
    {"one added works", "ip link add b0 type bridge && echo made", "made\n", 0, {PLAIN, .caps_add = add_net_admin}},
    {"without it, not", "ip link add b1 type bridge 2>/dev/null || echo refused", "refused\n", 0, {PLAIN}},
    {"bounding set", "grep CapBnd /proc/self/status", "CapBnd:\t00000000a80425fb\n", 0, {PLAIN}},
    {"a user has none", "id -u; id -g; grep CapEff /proc/self/status", "1000\n1001\nCapEff:\t0000000000000000\n", 0, {.uid = 1000, .gid = 1001}},
    {"gid of passwd", "id -u; id -g", "33\n33\n", 0, {.uid = 33, .gid = -1}},
    {"no new privileges", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1\n", 0, {PLAIN, .no_new_privs = true}},
    {"new privileges", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t0\n", 0, {PLAIN}},
    {"a filter is loaded", "grep Seccomp: /proc/self/status", "Seccomp:\t2\n", 0, {PLAIN}},
    {"none when unconfined", "grep Seccomp: /proc/self/status", "Seccomp:\t0\n", 0, {PLAIN, .seccomp = "unconfined"}},
    {"a denied call", "unshare -m true 2>&1 | grep -o 'Operation not permitted'", "Operation not permitted\n", 0, {PLAIN}},
    {"no user namespaces", "unshare -r true 2>&1 | grep -o 'Operation not permitted'", "Operation not permitted\n", 0, {PLAIN}},
    {"no mount", "mount -t tmpfs none /tmp 2>/dev/null || echo refused", "refused\n", 0, {PLAIN}},
    {"filter and no_new_privs as a user", "grep Seccomp: /proc/self/status; unshare -m true 2>/dev/null || echo refused", "Seccomp:\t2\nrefused\n", 0, {.uid = 1000, .gid = -1, .no_new_privs = true}},
    {"masked files are empty", "cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c", "0\n", 0, {PLAIN}},
    {"masked directories are empty", "ls /proc/acpi /sys/firmware 2>/dev/null | grep -v : | grep . | wc -l", "0\n", 0, {PLAIN}},
    {"masked directories take nothing", "touch /sys/firmware/x 2>/dev/null || echo refused", "refused\n", 0, {PLAIN}},
    {"kernel settings are read-only", "{ echo 1 > /proc/sys/kernel/panic; } 2>/dev/null || echo refused; { echo b > /proc/sysrq-trigger; } 2>/dev/null || echo refused", "refused\nrefused\n", 0, {PLAIN}},
    {"sys is read-only", "mkdir /sys/kernel/x 2>/dev/null || echo refused", "refused\n", 0, {PLAIN}},
    {"its own processes only", "ls /proc | grep -c '^[0-9]'", NULL, 0, {PLAIN}},
    {"no host mounts", "grep -v -E ' / / | /proc| /sys| /dev| /etc/(hosts|hostname|resolv.conf) ' /proc/self/mountinfo | wc -l", "0\n", 0, {PLAIN}},
    {"no stray descriptors", "ls /proc/self/fd | wc -l", "4\n", 0, {PLAIN}},
    {"no way up by cwd", "cd ../../../..; ls -d bin; pwd", "bin\n/\n", 0, {PLAIN, .working_dir = "/tmp"}},
    {"devices work", "echo x > /dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; test -c /dev/tty && ls /dev/shm | wc -l", "4\n4\n0\n", 0, {PLAIN}},
    {"a new device does not", "mknod /tmp/null c 1 3; echo x 2>/dev/null > /tmp/null || echo refused", "refused\n", 0, {PLAIN}},
    {"nor the host's disk", "mknod /dev/disk b 254 0 2>/dev/null; head -c 1 /dev/disk 2>/dev/null || echo refused", "refused\n", 0, {PLAIN}},
    {"privileged", "test -e /dev/kmsg && mount -t tmpfs none /tmp && echo mounted", "mounted\n", 0, {PLAIN, .privileged = true}},
    {"read-only root", "touch /x 2>/dev/null || echo refused; echo ok > /dev/shm/x && cat /dev/shm/x", "refused\nok\n", 0, {PLAIN, .read_only_root = true}},
    {"writable root", "echo a > /x; cat /x; rm -r /www; ls /www 2>/dev/null || echo gone", "a\ngone\n", 0, {PLAIN}},
    {"a fresh root", "ls /x 2>/dev/null || echo fresh; cat /www/index.html", "fresh\nIt works.\n", 0, {PLAIN}},
    {"stdout by name as a user", "echo named > /dev/stdout", "named\n", 0, {.uid = 1000, .gid = -1}},
    {"low ports without privileges", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start", "0\n", 0, {.uid = 1000, .gid = -1}},
    {"umask and core", "umask; ulimit -c", "0022\n0\n", 0, {PLAIN}},
    {"signals", NULL, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", 0, {PLAIN, .command = signals}},
};
/* clang-format on */

static void confinement(void **state)
{
    struct support *support = *state;
    size_t failed = 0;
    support_sandbox(support, "confined");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct container_config config = rows[i].config;
        CLEANUP(free_ptr) char *log = NULL;
        CLEANUP(free_ptr) char *name = xasprintf("case-%zu", i);
        CLEANUP(container_status_clear)
        struct container_status status =
            support_run(support, "confined", name, rows[i].script, &config, &log);
        assert_int_equal(status.phase, CONTAINER_EXITED);
        if (status.exit_code == rows[i].code && (!rows[i].log || strcmp(log, rows[i].log) == 0))
            continue;
        print_error("case \"%s\": code %d, log \"%s\"\n", rows[i].name, status.exit_code, log);
        failed++;
    }
    support_remove(support, "confined");
    assert_int_equal(failed, 0);
}

/* A container whose process never ran stays as one that ended, with the reason beside it. */
static void check_left(struct support *support, const char *name, const char *message, bool stays)
{
    struct container_status *all;
    size_t count;
    CLEANUP(error_clear) struct error err = {0};
    assert_true(container_statuses(support->runtime, "refused", &all, &count, &err));
    if (count != stays)
        fail_msg("case %s: %zu containers are left", name, count);
    if (stays) {
        assert_int_equal(all->phase, CONTAINER_EXITED);
        assert_int_equal(all->exit_code, 128);
        assert_non_null(strstr(all->start_error, message));
        assert_true(container_remove(support->runtime, "refused", all->name, &err));
        container_status_clear(all);
    }
    free(all);
}

/* Configurations that must be refused before anything runs. */
static void refused(void **state)
{
    static const char *const unknown_cap[] = {"NO_SUCH", NULL};
    static const char *const missing[] = {"no-such-program", NULL};
    static const char *const missing_path[] = {"/no/such/program", NULL};
    static const struct {
        const char *name;
        struct container_config config;
        const char *message; /* a part of it */
        bool stays;
        /* clang-format off */
    } cases[] = {
        {"root", {PLAIN, .must_not_be_root = true}, "runAsNonRoot", true},
        {"capability", {PLAIN, .caps_add = unknown_cap}, "unknown capability", false},
        {"image", {PLAIN, .image = "no/such"}, "not present", false},
        {"image name", {PLAIN, .image = "No Such"}, "not present", false},
        {"large uid", {.uid = (int64_t)1 << 32, .gid = -1}, "out of range", true},
        {"large gid", {.uid = 0, .gid = (int64_t)1 << 31}, "out of range", true},
        {"profile", {PLAIN, .seccomp = "/no/such.json"}, "no such file", false},
        {"descriptor cwd", {PLAIN, .working_dir = "/proc/self/fd/7/../.."}, "working directory", true},
        {"program", {PLAIN, .command = missing}, "executable file not found in $PATH", true},
        {"program by path", {PLAIN, .command = missing_path}, "no such file or directory", true},
    };
    /* clang-format on */
    struct support *support = *state;
    support_sandbox(support, "refused");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(error_clear) struct error err = {0};
        static const char *const command[] = {"true", NULL};
        struct container_config config = cases[i].config;
        CLEANUP(free_ptr) char *log = xasprintf("%s/logs/refused.log", support->root);
        config.name = "c";
        config.image = config.image ? config.image : "busybox";
        config.command = config.command ? config.command : command;
        config.log_path = log;
        if (container_start(support->runtime, "refused", &config, &err))
            fail_msg("case %s was started", cases[i].name);
        if (!strstr(err.message, cases[i].message))
            fail_msg("case %s: %s", cases[i].name, err.message);
        check_left(support, cases[i].name, cases[i].message, cases[i].stays);
    }
    support_remove(support, "refused");
}

/* Volumes: files and directories, read-only and not, a tmpfs, and a target that a symlink in the
 * volume tries to move. */
static void volumes(void **state)
{
    struct support *support = *state;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *dir = xasprintf("%s/volume", support->root);
    CLEANUP(free_ptr) char *file = xasprintf("%s/file", dir);
    CLEANUP(free_ptr) char *trap = xasprintf("%s/trap", dir);
    CLEANUP(free_ptr) char *outside = xasprintf("%s/outside", support->root);
    CLEANUP(free_ptr) char *outside_file = xasprintf("%s/inner", outside);
    assert_true(dir_make(dir, 0755, &err) && dir_make(outside, 0755, &err));
    assert_true(file_write(file, STR("from the host\n"), 0644, &err));
    assert_int_equal(symlink(outside, trap), 0);
    const struct container_mount mounts[] = {
        {.source = dir, .target = "/data"},
        {.source = dir, .target = "/read/only/deep", .read_only = true},
        {.source = file, .target = "/etc/one"},
        {.target = "/scratch", .tmpfs_size = "1m"},
    };
    const struct container_mount trapped[] = {{.source = dir, .target = "/data"},
                                              {.source = file, .target = "/data/trap/inner"}};
    struct container_config config = {PLAIN, .mounts = mounts, .mount_count = ARRAY_LEN(mounts)};
    CLEANUP(free_ptr) char *log = NULL;
    support_sandbox(support, "volumes");
    CLEANUP(container_status_clear)
    struct container_status status =
        support_run(support, "volumes", "c",
                    "cat /data/file /etc/one; echo new > /data/new; touch /read/only/deep/x "
                    "2>/dev/null || echo refused; "
                    "head -c 2000000 /dev/zero > /scratch/x 2>/dev/null || echo full; mount | grep "
                    "-c 'on /scratch type tmpfs'",
                    &config, &log);
    assert_int_equal(status.phase, CONTAINER_EXITED);
    assert_string_equal(log, "from the host\nfrom the host\nrefused\nfull\n1\n");
    CLEANUP(free_ptr) char *made = xasprintf("%s/new", dir);
    assert_int_equal(access(made, F_OK), 0);
    static const char *const command[] = {"true", NULL};
    struct container_config caught = {PLAIN,
                                      .name = "trap",
                                      .image = "busybox",
                                      .command = command,
                                      .mounts = trapped,
                                      .mount_count = ARRAY_LEN(trapped)};
    assert_false(container_start(support->runtime, "volumes", &caught, &err));
    assert_int_not_equal(access(outside_file, F_OK),
                         0); /* the mount point was not made out there */
    support_remove(support, "volumes");
}

/* Profiles from files, as operators bring them. */
static void profiles(void **state)
{
    static const struct {
        const char *name, *text, *log; /* NULL: refused */
    } cases[] = {
        {"one call denied",
         "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\",\"mkdirat\","
         "\"no_such\"],"
         "\"action\":\"SCMP_ACT_ERRNO\"}]}",
         "refused\n2\n"},
        {"for others",
         "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\",\"mkdirat\"],"
         "\"action\":\"SCMP_ACT_ERRNO\",\"excludes\":{\"caps\":[\"CAP_CHOWN\"]}}]}",
         "made\n2\n"},
        {"by argument",
         "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":"
         "\"SCMP_ACT_ERRNO\","
         "\"errnoRet\":2,\"args\":[{\"index\":1,\"value\":511,\"op\":\"SCMP_CMP_EQ\"}]}]}",
         "refused\n2\n"},
        {"unknown action", "{\"defaultAction\":\"SCMP_ACT_WISH\"}", NULL},
        {"no action", "{}", NULL},
        {"no profile", "[1]", NULL},
        {"no JSON", "{", NULL},
        {"bad argument",
         "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":"
         "\"SCMP_ACT_ERRNO\","
         "\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]}",
         NULL},
    };
    struct support *support = *state;
    support_sandbox(support, "profiles");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(free_ptr) char *path = xasprintf("%s/profile-%zu.json", support->root, i);
        CLEANUP(free_ptr) char *name = xasprintf("c%zu", i);
        static const char *const command[] = {"true", NULL};
        struct container_config config = {PLAIN, .seccomp = path};
        assert_true(file_write(path, str_of(cases[i].text), 0600, &err));
        if (!cases[i].log) {
            config.name = name;
            config.image = "busybox";
            config.command = command;
            if (container_start(support->runtime, "profiles", &config, &err))
                fail_msg("case %s was started", cases[i].name);
            continue;
        }
        CLEANUP(free_ptr) char *log = NULL;
        CLEANUP(container_status_clear)
        struct container_status status =
            support_run(support, "profiles", name,
                        "mkdir /made 2>/dev/null && echo made || echo refused; grep Seccomp: "
                        "/proc/self/status | cut -f2",
                        &config, &log);
        if (status.exit_code != 0 || strcmp(log, cases[i].log) != 0)
            fail_msg("case %s: %s", cases[i].name, log);
    }
    support_remove(support, "profiles");
}

static void shared_network(void **state)
{
    struct support *support = *state;
    CLEANUP(free_ptr) char *log = NULL;
    support_sandbox(support, "net");
    support_start(support, "net", "server", "exec httpd -f -p 127.0.0.1:8080 -h /www", NULL);
    CLEANUP(container_status_clear)
    struct container_status status =
        support_run(support, "net", "client",
                    "for i in 1 2 3 4 5 6 7 8 9; do wget -q -O - http://127.0.0.1:8080/index.html "
                    "&& exit 0; usleep 100000; done; exit 1",
                    NULL, &log);
    assert_int_equal(status.phase, CONTAINER_EXITED);
    assert_string_equal(log, "It works.\n");
    CLEANUP(free_ptr) char *alone = NULL;
    support_sandbox(support, "other");
    CLEANUP(container_status_clear)
    struct container_status other = support_run(
        support, "other", "client",
        "wget -q -T 2 -O - http://127.0.0.1:8080/ 2>/dev/null || echo nothing; ip -o link | wc -l",
        NULL, &alone);
    assert_int_equal(other.phase, CONTAINER_EXITED);
    assert_string_equal(alone, "nothing\n1\n");
    support_remove(support, "other");
    support_remove(support, "net");
}

int main(int argc, char **argv)
{
    int status;
    if (support_is_shim(argc, argv, &status))
        return status;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confinement), cmocka_unit_test(refused),        cmocka_unit_test(volumes),
        cmocka_unit_test(profiles),    cmocka_unit_test(shared_network),
    };
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
