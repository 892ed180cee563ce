/* `warren shim DIR`: the process that holds one sandbox. Its loop, its control socket, its start
 * and its end.
 *
 * The first thing it does is to run itself again from a read-only view of its own binary: a
 * container that gets hold of /proc/PID/exe of a process that was about to become it can then not
 * write to the host's file. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/file.h"
#include "runtime/sandbox_state.h"
#include "runtime/shim_internal.h"
#include "runtime/system_error.h"

#define CONNECTIONS_MAX  64
#define EVENT_RETRY_MS   20
#define SAVE_RETRY_MS    500
#define REPLY_TIMEOUT_NS INT64_C(5000000000)
#define STOP_TIMEOUT_NS  INT64_C(5000000000)
#define PAUSE_GROUP      ".pause"

/* ---- the loop ---- */

bool shim_watch(struct shim *shim, struct source *source, struct error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};
    if (epoll_ctl(shim->epoll, EPOLL_CTL_ADD, source->fd, &event) == 0)
        return true;
    error_system(err, "watch a descriptor");
    close(source->fd);
    source->fd = -1;
    return false;
}

void shim_unwatch(struct shim *shim, struct source *source)
{
    if (source->fd < 0)
        return;
    (void)epoll_ctl(shim->epoll, EPOLL_CTL_DEL, source->fd,
                    NULL); /* dups of it may live on elsewhere */
    close(source->fd);
    source->fd = -1;
}

void shim_notify(struct shim *shim)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(close_fd) int fd = state_socket_connect(shim->root, "events", SOCK_DGRAM, &ignored);
    shim->event_waiting =
        fd >= 0 && send(fd, shim->id, strlen(shim->id), MSG_NOSIGNAL) < 0 && errno == EAGAIN;
}

const struct seccomp_program *shim_seccomp(struct shim *shim, const char *profile, uint64_t caps,
                                           struct error *err)
{
    const char *key = profile ? profile : "runtime/default";
    for (struct seccomp_slot *at = shim->seccomp; at; at = at->next)
        if (at->caps == caps && strcmp(at->profile, key) == 0)
            return at->program;
    struct seccomp_program *program = seccomp_compile_apart(key, caps, err);
    if (!program)
        return NULL;
    struct seccomp_slot *slot = xcalloc(1, sizeof(*slot));
    *slot = (struct seccomp_slot){shim->seccomp, xstrdup(key), caps, program};
    shim->seccomp = slot;
    return program;
}

int shim_exit_code(int wait_status, int *signal)
{
    *signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    return *signal ? 128 + *signal : WEXITSTATUS(wait_status);
}

static void reap(struct shim *shim)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        struct shim_container *at = shim->containers;
        while (at && (at->pid != pid || at->phase != CONTAINER_RUNNING))
            at = at->next;
        if (at)
            shim_container_ended(at, status);
        else if (!shim_exec_ended(shim, pid, status) && pid == shim->namespaces.pause) {
            log_warn("shim", "the pause process has ended");
            shim->namespaces.pause = 0;
        }
    }
}

static void on_signal(struct shim *shim, struct source *source)
{
    struct signalfd_siginfo info;
    while (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        continue;
    reap(shim);
}

/* ---- requests ---- */

struct connection {
    struct source source;
    struct buf in;
};

static void connection_close(struct shim *shim, struct connection *connection)
{
    shim_unwatch(shim, &connection->source);
    buf_free(&connection->in);
    free(connection);
    shim->connection_count--;
}

json_t *shim_error_reply(const struct error *err)
{
    return json_pack("{s:{s:i,s:s}}", "error", "reason", (int)err->reason, "message",
                     err->message ? err->message : "");
}

struct request {
    const json_t *json;
    const char *name; /* the container's */
    int socket;
    struct frame_fds fds; /* to send back */
    json_t *fd_names;
    bool answered; /* somebody else will */
};
typedef bool (*request_fn)(struct shim *shim, struct request *request, struct error *err);

static bool do_ping(struct shim *shim, struct request *request, struct error *err)
{
    (void)shim;
    (void)request;
    (void)err;
    return true;
}

static bool do_start(struct shim *shim, struct request *request, struct error *err)
{
    return shim_container_start(shim, request->name, err);
}

static bool do_signal(struct shim *shim, struct request *request, struct error *err)
{
    return shim_container_signal(
        shim, request->name, (int)json_int_or(json_object_get(request->json, "signal"), 0), err);
}

static bool do_forget(struct shim *shim, struct request *request, struct error *err)
{
    return shim_container_forget(shim, request->name, err);
}

static bool do_exec(struct shim *shim, struct request *request, struct error *err)
{
    struct shim_container *container = shim_container_find(shim, request->name);
    if (!container)
        return error_set(err, ERROR_NOT_FOUND, "no container %s", request->name);
    return json_is_array(json_object_get(request->json, "argv"))
               ? shim_exec(container, request->json, &request->fds, request->fd_names, err)
               : shim_attach(container, request->json, &request->fds, request->fd_names, err);
}

static bool do_connect(struct shim *shim, struct request *request, struct error *err)
{
    request->answered =
        shim_connect(shim, json_text(request->json, "address"),
                     json_int_or(json_object_get(request->json, "port"), 0), request->socket, err);
    return request->answered;
}

static bool do_stop(struct shim *shim, struct request *request, struct error *err)
{
    (void)request;
    (void)err;
    shim->stopping = true;
    return true;
}

static const struct {
    const char *name;
    request_fn handle;
} operations[] = {
    {"ping", do_ping}, {"start", do_start},     {"signal", do_signal}, {"forget", do_forget},
    {"exec", do_exec}, {"connect", do_connect}, {"stop", do_stop},
};

static bool dispatch(struct shim *shim, struct request *request, struct error *err)
{
    const char *operation = json_text(request->json, "op");
    for (size_t i = 0; i < ARRAY_LEN(operations); i++)
        if (text_eq(operation, operations[i].name))
            return operations[i].handle(shim, request, err);
    return error_set(err, ERROR_BAD_REQUEST, "unknown operation");
}

static void answer(struct shim *shim, int socket, const json_t *message)
{
    CLEANUP(error_clear) struct error err = {0};
    const char *name = json_text(message, "name");
    json_auto_t *names = json_array();
    struct request request = {
        .json = message, .name = name ? name : "", .socket = socket, .fd_names = names};
    bool ok = dispatch(shim, &request, &err);
    if (!request.answered) {
        json_auto_t *reply =
            ok ? json_pack("{s:b,s:O}", "ok", 1, "fds", names) : shim_error_reply(&err);
        CLEANUP(error_clear) struct error gone = {0}; /* who asked has left: nobody to tell */
        (void)!frame_send(socket, reply, ok ? &request.fds : NULL,
                          clock_mono_ns() + REPLY_TIMEOUT_NS, &gone);
    }
    frame_fds_close(&request.fds);
}

static void on_message(struct shim *shim, struct source *source)
{
    struct connection *connection = (struct connection *)source; /* its first member */
    json_t *message = NULL;
    int state = frame_poll(source->fd, &connection->in, &message);
    if (state == 0)
        return;
    if (state > 0)
        answer(shim, source->fd, message);
    json_decref(message);
    connection_close(shim, connection); /* one request a connection */
}

static void on_connection(struct shim *shim, struct source *source)
{
    CLEANUP(error_clear) struct error ignored = {0};
    struct ucred peer;
    socklen_t size = sizeof(peer);
    int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (shim->connection_count >= CONNECTIONS_MAX ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        (peer.uid != 0 && peer.uid != geteuid())) {
        close(fd);
        return;
    }
    struct connection *connection = xcalloc(1, sizeof(*connection));
    connection->source = (struct source){fd, on_message};
    connection->in = BUF_INIT(FRAME_MAX + 4);
    shim->connection_count++;
    if (!shim_watch(shim, &connection->source, &ignored))
        connection_close(shim, connection);
}

/* ---- start ---- */

/* True when we already run from a mount that cannot be written to; else does not return, or fails.
 */
static bool run_read_only(char *dir, struct error *err)
{
    char program[] = "warren", command[] = "shim";
    char *argv[] = {program, command, dir, NULL};
    struct statvfs view;
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    if (statvfs("/proc/self/exe", &view) == 0 && (view.f_flag & ST_RDONLY))
        return true;
    int fd = open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0)
        return error_system(err, "make a read-only view of the binary");
    execveat(fd, "", argv, environ, AT_EMPTY_PATH);
    return error_system(err, "run from the read-only view");
}

static bool load_config(struct shim *shim, const char *dir, struct error *err)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/config.json", dir);
    shim->config = file_read_json(path, CONFIG_BYTES_MAX, err);
    const char *root = json_text(shim->config, "root"), *id = json_text(shim->config, "id");
    if (!shim->config)
        return false;
    if (!root || !sandbox_id_valid(id) || !json_text(shim->config, "cgroupParent"))
        return error_set(err, ERROR_INVALID, "%s is incomplete", path);
    shim->dir = xstrdup(dir);
    shim->root = xstrdup(root);
    shim->id = xstrdup(id);
    shim->user_base = (uid_t)json_int_or(json_object_get(shim->config, "userBase"), 0);
    shim->cgroups = cgroups_open(json_text(shim->config, "cgroupParent"));
    return true;
}

static bool mount_shm(const struct shim *shim, struct error *err)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/shm", shim->dir);
    CLEANUP(free_ptr)
    char *options = xasprintf("mode=1777,size=64m,uid=%u,gid=%u", shim->user_base, shim->user_base);
    if (mount("shm", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) != 0)
        return error_system(err, "mount %s", path);
    return true;
}

static bool make_namespaces(struct shim *shim, struct error *err)
{
    const json_t *config = shim->config;
    CLEANUP(free_ptr) char *netns = sandbox_netns_path(shim->root, shim->id);
    CLEANUP(free_ptr) char *pause = xasprintf("%s/" PAUSE_GROUP, shim->id);
    static const struct cgroup_limits none;
    struct namespaces_plan plan = {
        .hostname = json_text(config, "hostname"),
        .netns_path = netns,
        .user_base = shim->user_base,
        .host_network = json_is_true(json_object_get(config, "hostNetwork")),
        .share_pid = json_is_true(json_object_get(config, "sharePid")),
        .sysctls = json_object_get(config, "sysctls"),
    };
    if (!namespaces_make(&plan, &shim->namespaces, err))
        return false;
    return !shim->namespaces.pause ||
           (cgroup_create(shim->cgroups, pause, &none, err) &&
            cgroup_enter(shim->cgroups, pause, shim->namespaces.pause, err));
}

static bool open_sources(struct shim *shim, struct error *err)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* writers look at their results */
    (void)signal(SIGHUP, SIG_IGN);
    shim->epoll = epoll_create1(EPOLL_CLOEXEC);
    shim->signals = (struct source){signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK), on_signal};
    shim->listener = (struct source){-1, on_connection};
    if (shim->epoll < 0 || shim->signals.fd < 0)
        return error_system(err, "make the loop");
    shim->listener.fd = state_socket_listen(shim->dir, "shim.sock", SOCK_STREAM, err);
    return shim->listener.fd >= 0 && shim_watch(shim, &shim->signals, err) &&
           shim_watch(shim, &shim->listener, err);
}

static bool set_up(struct shim *shim, struct error *err)
{
    static const struct cgroup_limits none;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        return error_system(err, "become the reaper");
    if (!sandbox_shim_lock(shim->dir, err))
        return false;
    bool inside = false;
    for (int attempt = 0; attempt < 5 && !inside;
         attempt++) { /* the end of the last other sandbox removes the group */
        error_clear(err);
        inside = cgroup_create(shim->cgroups, CGROUP_HOLDERS, &none, err) &&
                 cgroup_enter(shim->cgroups, CGROUP_HOLDERS, 0, err);
    }
    return inside && mount_shm(shim, err) && make_namespaces(shim, err) && open_sources(shim, err);
}

/* ---- end ---- */

static bool any_running(const struct shim *shim)
{
    for (const struct shim_container *at = shim->containers; at; at = at->next)
        if (at->phase == CONTAINER_RUNNING)
            return true;
    return false;
}

static void turn(struct shim *shim, int timeout_ms)
{
    struct epoll_event event;
    if (epoll_wait(shim->epoll, &event, 1, timeout_ms) == 1) {
        struct source *source = event.data.ptr;
        source->ready(shim, source);
    }
    if (shim->event_waiting)
        shim_notify(shim);
    if (shim->unsaved)
        shim_containers_save(shim);
}

/* Kills everything, waits for it, so that exit codes and last lines are not lost. Mounts, groups
 * and files are the caller's to remove, who can do it also when this process was killed. */
static void stop(struct shim *shim)
{
    int64_t deadline = clock_mono_ns() + STOP_TIMEOUT_NS;
    cgroup_kill(shim->cgroups, shim->id);
    while (any_running(shim) && clock_mono_ns() < deadline)
        turn(shim, 10);
    while (shim->containers) {
        CLEANUP(error_clear) struct error ignored = {0};
        shim->containers->phase = CONTAINER_EXITED;
        (void)!shim_container_forget(shim, shim->containers->name, &ignored);
    }
    namespaces_release(&shim->namespaces);
}

/* The caller waits for one line: "ready", or why not. */
static void report(const char *text)
{
    (void)!write(STDOUT_FILENO, text, strlen(text));
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)dup2(null, STDOUT_FILENO);
    close_fd(&null);
}

static int serve(struct shim *shim, const char *dir)
{
    CLEANUP(error_clear) struct error err = {0};
    if (!load_config(shim, dir, &err) || !set_up(shim, &err)) {
        report(err.message);
        namespaces_release(&shim->namespaces);
        return 1;
    }
    report("ready");
    while (!shim->stopping)
        turn(shim, shim->event_waiting ? EVENT_RETRY_MS : shim->unsaved ? SAVE_RETRY_MS : -1);
    stop(shim);
    return 0;
}

int shim_main(int argc, char **argv)
{
    struct shim shim = {
        .namespaces = NAMESPACES_NONE, .epoll = -1, .listener = {-1, NULL}, .signals = {-1, NULL}};
    CLEANUP(error_clear) struct error err = {0};
    if (argc < 2 || argv[argc - 1][0] != '/') {
        (void)fprintf(stderr,
                      "usage: warren shim DIRECTORY (started by the node agent, not by hand)\n");
        return 2;
    }
    if (!run_read_only(argv[argc - 1], &err)) {
        report(err.message);
        return 1;
    }
    (void)close_range(3, ~0U, 0);
    (void)umask(022);
    pid_t pid = fork(); /* the caller waits for the first process; this one outlives it */
    if (pid != 0)
        return pid > 0 ? 0 : 1;
    if (setsid() < 0 || chdir("/") != 0)
        return 1;
    (void)prctl(PR_SET_NAME, "warren-shim", 0, 0, 0);
    int status = serve(&shim, argv[argc - 1]);
    _exit(status); /* its memory goes with it */
}
