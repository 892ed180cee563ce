#include "tests/runtime/support_runtime.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "runtime/file.h"
#include "tests/test.h"

#define WAIT_NS INT64_C(30000000000)

static struct left {
    size_t mounts, cgroups, processes;
} before;

bool support_is_shim(int argc, char **argv, int *status)
{
    if (argc < 3 || strcmp(argv[1], "shim") != 0)
        return false;
    *status = shim_main(argc, argv);
    return true;
}

/* ---- what is on the machine ---- */

static size_t count_lines(const char *path, const char *word)
{
    size_t count = 0;
    char line[4096];
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        count += strstr(line, word) != NULL;
    if (file)
        fclose(file);
    return count;
}

/* Directories of that name at the top of every hierarchy. */
static size_t count_cgroups(const char *name)
{
    static const char *const tops[] = {"/sys/fs/cgroup",         "/sys/fs/cgroup/cpu",
                                       "/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup/memory",
                                       "/sys/fs/cgroup/pids",    "/sys/fs/cgroup/devices",
                                       "/sys/fs/cgroup/unified"};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
        CLEANUP(free_ptr) char *path = xasprintf("%s/%s", tops[i], name);
        count += access(path, F_OK) == 0;
    }
    return count;
}

/* Processes that run this program as a shim, or whose root is below our directory. */
static size_t count_processes(const char *root)
{
    size_t count = 0;
    char **names = dir_names("/proc");
    for (size_t i = 0; names[i]; i++) {
        CLEANUP(error_clear) struct error ignored = {0};
        CLEANUP(buf_free) struct buf line = BUF_INIT(65536);
        CLEANUP(free_ptr) char *path = xasprintf("/proc/%s/cmdline", names[i]);
        if (names[i][0] < '0' || names[i][0] > '9' || !file_read(path, &line, &ignored) ||
            !line.len)
            continue;
        count += memmem(line.data, line.len, root, strlen(root)) != NULL;
    }
    names_free(names);
    return count;
}

static struct left measure(const struct support *support)
{
    const char *root = support->root;
    return (struct left){count_lines("/proc/self/mounts", root), count_cgroups(support->cgroup),
                         count_processes(root)};
}

/* ---- fixtures ---- */

static void open_runtime(struct support *support)
{
    CLEANUP(error_clear) struct error err = {0};
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(len > 0);
    self[len] = '\0';
    struct runtime_options options = {support->root, self, support->cgroup};
    support->runtime = runtime_open(&options, &err);
    if (!support->runtime)
        fail_msg("runtime_open: %s", err.message);
}

int support_setup(void **state)
{
    char path[] = "/tmp/runtime-test-XXXXXX";
    assert_non_null(mkdtemp(path));
    return support_setup_in(state, path);
}

int support_setup_in(void **state, const char *root)
{
    CLEANUP(error_clear) struct error err = {0};
    struct support *support = xcalloc(1, sizeof(*support));
    support->root = xstrdup(root);
    support->cgroup = xasprintf("warren-test-%d", (int)getpid());
    before = measure(support);
    open_runtime(support);
    if (!image_build_base(support->runtime, NULL, NULL, &err))
        fail_msg("image_build_base: %s", err.message);
    *state = support;
    return 0;
}

void support_reopen(struct support *support)
{
    runtime_close(support->runtime);
    open_runtime(support);
}

int support_teardown(void **state)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *root = xstrdup(((struct support *)*state)->root);
    (void)support_teardown_keep(state);
    if (!tree_remove(root, &err))
        fail_msg("%s", err.message);
    return 0;
}

int support_teardown_keep(void **state)
{
    struct support *support = *state;
    char **ids = sandbox_list(support->runtime);
    for (size_t i = 0; ids[i]; i++)
        support_remove(support, ids[i]);
    names_free(ids);
    runtime_close(support->runtime);
    struct left after = measure(support);
    assert_int_equal(after.mounts, before.mounts);
    assert_int_equal(after.cgroups, before.cgroups);
    assert_int_equal(after.processes, before.processes);
    free(support->root);
    free(support->cgroup);
    free(support);
    return 0;
}

/* ---- sandboxes and containers ---- */

void support_sandbox(struct support *support, const char *id)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *logs = xasprintf("%s/logs", support->root);
    struct sandbox_config config = {.id = id, .hostname = id, .log_dir = logs};
    if (!sandbox_start(support->runtime, &config, &err))
        fail_msg("sandbox_start: %s", err.message);
}

void support_remove(struct support *support, const char *id)
{
    CLEANUP(error_clear) struct error err = {0};
    if (!sandbox_remove(support->runtime, id, &err))
        fail_msg("sandbox_remove: %s", err.message);
}

static char *log_path(struct support *support, const char *sandbox, const char *name)
{
    return xasprintf("%s/logs/%s-%s.log", support->root, sandbox, name);
}

void support_start(struct support *support, const char *sandbox, const char *name,
                   const char *script, struct container_config *config)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *log = log_path(support, sandbox, name);
    const char *const command[] = {"sh", "-c", script, NULL};
    struct container_config whole =
        config ? *config : (struct container_config){.uid = -1, .gid = -1};
    whole.name = name;
    whole.image = whole.image ? whole.image : "busybox";
    whole.command = script ? command : whole.command;
    whole.log_path = log;
    if (!container_start(support->runtime, sandbox, &whole, &err))
        fail_msg("container_start %s: %s", name, err.message);
}

static bool find_status(struct support *support, const char *sandbox, const char *name,
                        struct container_status *found)
{
    CLEANUP(error_clear) struct error err = {0};
    struct container_status *all;
    size_t count;
    bool have = false;
    if (!container_statuses(support->runtime, sandbox, &all, &count, &err))
        fail_msg("container_statuses: %s", err.message);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i].name, name) == 0) {
            *found = all[i];
            have = true;
        } else
            container_status_clear(&all[i]);
    }
    free(all);
    return have;
}

struct container_status support_wait(struct support *support, const char *sandbox, const char *name)
{
    int64_t deadline = clock_mono_ns() + WAIT_NS;
    for (;;) {
        struct container_status status;
        assert_true(find_status(support, sandbox, name, &status));
        if (status.phase == CONTAINER_EXITED)
            return status;
        container_status_clear(&status);
        if (clock_mono_ns() > deadline)
            fail_msg("container %s does not end", name);
        (void)poll(NULL, 0, 5);
    }
}

char *support_raw_log(struct support *support, const char *sandbox, const char *name)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *path = log_path(support, sandbox, name);
    CLEANUP(buf_free) struct buf text = BUF_INIT((size_t)64 << 20);
    if (!file_read(path, &text, &err))
        fail_msg("log: %s", err.message);
    return buf_take(&text);
}

char *support_log(struct support *support, const char *sandbox, const char *name)
{
    CLEANUP(free_ptr) char *raw = support_raw_log(support, sandbox, name);
    CLEANUP(buf_free) struct buf bare = BUF_INIT((size_t)64 << 20);
    struct str lines = str_of(raw);
    while (lines.data) {
        struct str line = str_cut(&lines, '\n');
        (void)str_cut(&line, ' ');
        (void)str_cut(&line, ' ');
        bool whole = str_is(str_cut(&line, ' '), "F");
        buf_add_str(&bare, line);
        if (whole)
            buf_add_char(&bare, '\n');
    }
    return buf_take(&bare);
}

struct container_status support_run(struct support *support, const char *sandbox, const char *name,
                                    const char *script, struct container_config *config, char **log)
{
    support_start(support, sandbox, name, script, config);
    struct container_status status = support_wait(support, sandbox, name);
    if (log)
        *log = support_log(support, sandbox, name);
    return status;
}

static void read_all(int fd, struct buf *out)
{
    int64_t deadline = clock_mono_ns() + WAIT_NS;
    while (fd >= 0 && clock_mono_ns() < deadline) {
        char piece[4096];
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        if (poll(&poller, 1, 1000) <= 0)
            continue;
        ssize_t got = read(fd, piece, sizeof(piece));
        if (got <= 0)
            return;
        buf_add(out, piece, (size_t)got);
    }
}

int support_exec(struct support *support, const char *sandbox, const char *container,
                 const char *script, bool tty, char **out)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT((size_t)16 << 20);
    struct exec_session session;
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct exec_config config = {
        .container = container, .argv = argv, .tty = tty, .want_stdout = true, .want_stderr = true};
    int code = -1;
    if (!exec_start(support->runtime, sandbox, &config, &session, &err))
        fail_msg("exec_start: %s", err.message);
    read_all(session.stdout_fd, &text);
    if (!tty)
        read_all(session.stderr_fd, &text);
    assert_int_equal(read(session.wait_fd, &code, sizeof(code)), sizeof(code));
    exec_close(&session);
    if (out)
        *out = buf_take(&text);
    return code;
}
