/* A container's life in the shim: started from its spec, ended with a status on disk. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/caps.h"
#include "runtime/container_spec.h"
#include "runtime/file.h"
#include "runtime/process.h"
#include "runtime/sandbox_state.h"
#include "runtime/shim_internal.h"
#include "runtime/system_error.h"

#define EXIT_UNSTARTED 128 /* containerd's, for a process that never ran */

static const char *const phase_names[] = {"created", "running", "exited"};

struct shim_container *shim_container_find(struct shim *shim, const char *name)
{
    struct shim_container *at = shim->containers;
    while (at && !text_eq(at->name, name))
        at = at->next;
    return at;
}

static void container_free(struct shim_container *container)
{
    for (size_t i = 0; i < ARRAY_LEN(container->streams); i++)
        shim_unwatch(container->shim, &container->streams[i].source);
    shim_attachments_end(container, container->exit_code);
    container_log_close(container->log);
    close_fd(&container->stdin_fd);
    json_decref(container->spec);
    free(container->start_error);
    free(container->name);
    free(container->dir);
    free(container->cgroup);
    free(container);
}

static bool write_status(const struct shim_container *container, struct error *err)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/status.json", container->dir);
    json_auto_t *status = json_pack(
        "{s:s,s:s,s:i,s:i,s:i,s:b,s:I,s:I,s:s*}", "name", container->name, "phase",
        phase_names[container->phase], "pid", (int)container->pid, "exitCode", container->exit_code,
        "exitSignal", container->exit_signal, "oomKilled", container->oom_killed, "startedUs",
        (json_int_t)container->started_us, "finishedUs", (json_int_t)container->finished_us,
        "startError", container->start_error);
    return file_write_json(path, status, err);
}

/* ---- starting ---- */

static bool make_dirs(const struct shim_container *container, struct error *err)
{
    static const char *const names[] = {"upper", "work", "lower", "rootfs"};
    uid_t base = container->shim->user_base;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(free_ptr) char *path = xasprintf("%s/%s", container->dir, names[i]);
        if (mkdir(path, 0755) != 0 || chmod(path, 0755) != 0 ||
            (base && chown(path, base, base) != 0))
            return error_system(err, "make %s", path);
    }
    return true;
}

/* The child's ends of its stdio; closed after the start. */
struct ends {
    int fds[3];
};

static void close_ends(struct ends *ends)
{
    for (size_t i = 0; i < ARRAY_LEN(ends->fds); i++)
        close_fd(&ends->fds[i]);
}

static bool make_output(struct shim_container *container, enum log_stream kind, int *theirs,
                        struct error *err)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) != 0)
        return error_system(err, "pipe");
    *theirs = pair[1];
    if (fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0) {
        close(pair[0]);
        return error_system(err, "pipe");
    }
    return shim_stream_watch(container, kind, pair[0], err);
}

static bool make_input(struct shim_container *container, int *theirs, struct error *err)
{
    int pair[2];
    if (!json_is_true(json_object_get(container->spec, "stdinOpen"))) {
        *theirs = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return *theirs >= 0 ? true : error_system(err, "open /dev/null");
    }
    if (pipe2(pair, O_CLOEXEC) != 0)
        return error_system(err, "pipe");
    *theirs = pair[0];
    container->stdin_fd = pair[1];
    return true;
}

static bool make_stdio(struct shim_container *container, struct ends *ends, struct error *err)
{
    return make_input(container, &ends->fds[0], err) &&
           make_output(container, LOG_STDOUT, &ends->fds[1], err) &&
           make_output(container, LOG_STDERR, &ends->fds[2], err);
}

static bool prepare(struct shim_container *container, struct error *err)
{
    json_t *spec = container->spec;
    struct cgroup_limits limits = container_spec_limits(spec);
    bool privileged = json_is_true(json_object_get(spec, "privileged"));
    if (privileged)
        container->caps = caps_all();
    else if (!caps_resolve(json_object_get(spec, "capsAdd"), json_object_get(spec, "capsDrop"),
                           &container->caps, err))
        return false;
    container->seccomp =
        shim_seccomp(container->shim, json_text(spec, "seccomp"), container->caps, err);
    if (!container->seccomp || !make_dirs(container, err) ||
        !cgroup_create(container->shim->cgroups, container->cgroup, &limits, err))
        return false;
    const char *log = json_text(spec, "logPath");
    if (!log)
        return true; /* the caller wants none */
    container->log =
        container_log_open(log, json_int_or(json_object_get(spec, "logMaxBytes"), 0), err);
    return container->log != NULL;
}

/* The process whose pid namespace the spec asks for; 0: none. It is our child, so that its number
 * stays its own. */
static bool find_pid_target(const struct shim_container *container, pid_t *pid, struct error *err)
{
    const char *name = json_text(container->spec, "pidTarget");
    const struct shim_container *target = name ? shim_container_find(container->shim, name) : NULL;
    if (name && (!target || target->phase != CONTAINER_RUNNING))
        return error_set(err, ERROR_NOT_FOUND, "container %s is not running", name);
    *pid = target ? target->pid : 0;
    return true;
}

static bool run(struct shim_container *container, struct error *err)
{
    struct shim *shim = container->shim;
    struct process started;
    CLEANUP(close_ends) struct ends ends = {{-1, -1, -1}};
    bool tty = json_is_true(json_object_get(container->spec, "tty"));
    pid_t target = 0;
    if (!find_pid_target(container, &target, err) || !prepare(container, err) ||
        (!tty && !make_stdio(container, &ends, err)))
        return false;
    struct process_plan plan = {
        .spec = container->spec,
        .argv = json_object_get(container->spec, "args"),
        .dir = container->dir,
        .sandbox_dir = shim->dir,
        .namespaces = &shim->namespaces,
        .user_base = shim->user_base,
        .host_pid = json_is_true(json_object_get(shim->config, "hostPid")),
        .tty = tty,
        .pid_target = target,
        .stdio = {ends.fds[0], ends.fds[1], ends.fds[2]},
        .cgroups = shim->cgroups,
        .cgroup = container->cgroup,
        .caps = container->caps,
        .seccomp = container->seccomp,
    };
    if (!process_start(&plan, &started, err)) {
        if (err->reason == ERROR_INVALID)
            container->start_error = xstrdup(err->message);
        return false;
    }
    container->pid = started.pid;
    container->phase = CONTAINER_RUNNING;
    container->started_us = clock_now_us();
    if (!tty)
        return true;
    if (fcntl(started.master, F_SETFL, O_NONBLOCK) == 0 &&
        shim_stream_watch(container, LOG_STDOUT, started.master, err))
        return true;
    (void)kill(started.pid, SIGKILL);
    return err->code ? false : error_system(err, "watch the terminal");
}

static struct shim_container *container_new(struct shim *shim, const char *name, json_t *spec)
{
    struct shim_container *container = xcalloc(1, sizeof(*container));
    container->shim = shim;
    container->name = xstrdup(name);
    container->dir = container_path(shim->dir, name, "");
    container->cgroup = xasprintf("%s/%s", shim->id, name);
    container->spec = spec;
    container->stdin_fd = -1;
    container->streams[0].source.fd = container->streams[1].source.fd = -1;
    return container;
}

/* What the container itself makes impossible, a command that is not there, is an end like others:
 * it counts, and stays to be seen. */
static bool end_unstarted(struct shim_container *container)
{
    CLEANUP(error_clear) struct error ignored = {0};
    container->phase = CONTAINER_EXITED;
    container->exit_code = EXIT_UNSTARTED;
    container->finished_us = clock_now_us();
    return write_status(container, &ignored);
}

static void add_container(struct shim *shim, struct shim_container *container)
{
    container->next = shim->containers;
    shim->containers = container;
    shim_notify(shim);
}

bool shim_container_start(struct shim *shim, const char *name, struct error *err)
{
    if (!container_name_valid(name))
        return error_set(err, ERROR_INVALID, "malformed container name");
    if (shim_container_find(shim, name))
        return error_set(err, ERROR_ALREADY_EXISTS, "container %s exists", name);
    CLEANUP(free_ptr) char *dir = container_path(shim->dir, name, "spec.json");
    json_t *spec = file_read_json(dir, SPEC_BYTES_MAX, err);
    if (!spec)
        return false;
    struct shim_container *container = container_new(shim, name, spec);
    if (run(container, err) && write_status(container, err)) {
        add_container(shim, container);
        return true;
    }
    cgroup_kill(shim->cgroups, container->cgroup);
    if (container->start_error && end_unstarted(container))
        add_container(shim, container);
    else
        container_free(container);
    return false;
}

/* ---- ending ---- */

void shim_container_ended(struct shim_container *container, int wait_status)
{
    struct shim *shim = container->shim;
    CLEANUP(error_clear) struct error ignored = {0};
    container->exit_code = shim_exit_code(wait_status, &container->exit_signal);
    container->finished_us = clock_now_us();
    container->phase = CONTAINER_EXITED;
    container->oom_killed = cgroup_oom_kills(shim->cgroups, container->cgroup) > 0;
    cgroup_kill(
        shim->cgroups,
        container->cgroup); /* what it left behind, where the pid namespace is not its own */
    for (size_t i = 0; i < ARRAY_LEN(container->streams); i++)
        shim_stream_drain(shim, &container->streams[i].source);
    container_log_flush(container->log);
    close_fd(&container->stdin_fd);
    container->stdin_fd = -1;
    shim_attachments_end(container, container->exit_code);
    container->unsaved = !write_status(container, &ignored);
    shim->unsaved = shim->unsaved || container->unsaved;
    shim_notify(shim);
}

/* Until then the caller sees it running. */
void shim_containers_save(struct shim *shim)
{
    shim->unsaved = false;
    for (struct shim_container *at = shim->containers; at; at = at->next) {
        CLEANUP(error_clear) struct error ignored = {0};
        if (!at->unsaved)
            continue;
        at->unsaved = !write_status(at, &ignored);
        shim->unsaved = shim->unsaved || at->unsaved;
        if (!at->unsaved)
            shim_notify(shim);
    }
}

bool shim_container_signal(struct shim *shim, const char *name, int signal, struct error *err)
{
    struct shim_container *container = shim_container_find(shim, name);
    if (!container)
        return error_set(err, ERROR_NOT_FOUND, "no container %s", name);
    if (signal < 1 || signal > SIGRTMAX)
        return error_set(err, ERROR_INVALID, "no signal %d", signal);
    if (container->phase != CONTAINER_RUNNING || kill(container->pid, signal) == 0 ||
        errno == ESRCH)
        return true;
    return error_system(err, "signal container %s", name);
}

bool shim_container_forget(struct shim *shim, const char *name, struct error *err)
{
    struct shim_container **at = &shim->containers;
    while (*at && !text_eq((*at)->name, name))
        at = &(*at)->next;
    struct shim_container *container = *at;
    if (!container)
        return true;
    if (container->phase == CONTAINER_RUNNING)
        return error_set(err, ERROR_CONFLICT, "container %s is running", name);
    *at = container->next;
    container_free(container);
    return true;
}
