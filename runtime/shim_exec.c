/* One more process in a running container; connections into the sandbox's network. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/process.h"
#include "runtime/shim_internal.h"
#include "runtime/system_error.h"

#define EXECS_MAX          256
#define CONNECT_TIMEOUT_NS INT64_C(10000000000)

/* ---- exec ---- */

static bool wants(const json_t *request, const char *name)
{
    return json_is_true(json_object_get(request, name));
}

static void give(struct frame_fds *fds, json_t *names, const char *name, int fd)
{
    fds->fds[fds->count++] = fd;
    json_array_append_new(names, json_string(name));
}

/* The child's end in `*theirs`: a pipe when it is wanted, else /dev/null. */
static bool make_end(const json_t *request, const char *name, int *theirs, struct frame_fds *fds,
                     json_t *names, struct error *err)
{
    int pair[2];
    bool input = strcmp(name, "stdin") == 0;
    if (!wants(request, name)) {
        *theirs = open("/dev/null", O_RDWR | O_CLOEXEC);
        return *theirs >= 0 ? true : error_system(err, "open /dev/null");
    }
    if (pipe2(pair, O_CLOEXEC) != 0)
        return error_system(err, "pipe");
    *theirs = pair[input ? 0 : 1];
    give(fds, names, name, pair[input ? 1 : 0]);
    return true;
}

static bool give_wait(struct frame_fds *fds, json_t *names, int *ours, struct error *err)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) != 0)
        return error_system(err, "pipe");
    *ours = pair[1];
    give(fds, names, "wait", pair[0]);
    return true;
}

static bool start(const json_t *request, struct process_plan *plan, struct frame_fds *fds,
                  json_t *names, struct process *started, struct error *err)
{
    static const char *const ends[] = {"stdin", "stdout", "stderr"};
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(ends) && ok && !plan->tty; i++)
        ok = make_end(request, ends[i], &plan->stdio[i], fds, names, err);
    ok = ok && process_start(plan, started, err);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        close_fd(&plan->stdio[i]);
    if (ok && plan->tty)
        give(fds, names, "terminal", started->master);
    return ok;
}

/* The pipe is only written to: an event means that its reader has gone, and nobody can ever learn
 * how it ends. */
static void waiter_gone(struct shim *shim, struct source *source)
{
    struct shim_exec *exec = (struct shim_exec *)source; /* its first member */
    (void)kill(exec->pid,
               SIGKILL); /* it is our child and not reaped: the number is still its own */
    shim_unwatch(shim, source);
}

bool shim_exec(struct shim_container *container, const json_t *request, struct frame_fds *fds,
               json_t *names, struct error *err)
{
    struct shim *shim = container->shim;
    struct process started;
    size_t count = 0;
    for (struct shim_exec *at = shim->execs; at; at = at->next)
        count++;
    if (container->phase != CONTAINER_RUNNING)
        return error_set(err, ERROR_INVALID, "container %s is not running", container->name);
    if (count >= EXECS_MAX)
        return error_set(err, ERROR_TOO_MANY_REQUESTS,
                         "too many processes were started in container %s", container->name);
    struct process_plan plan = {
        .spec = container->spec,
        .argv = json_object_get(request, "argv"),
        .dir = container->dir,
        .sandbox_dir = shim->dir,
        .namespaces = &shim->namespaces,
        .user_base = shim->user_base,
        .tty = wants(request, "tty"),
        .join = container->pid,
        .stdio = {-1, -1, -1},
        .cgroups = shim->cgroups,
        .cgroup = container->cgroup,
        .caps = container->caps,
        .seccomp = container->seccomp,
    };
    struct shim_exec *made = xcalloc(1, sizeof(*made));
    made->wait = (struct source){-1, waiter_gone};
    if (!give_wait(fds, names, &made->wait.fd, err) ||
        !start(request, &plan, fds, names, &started, err)) {
        close_fd(&made->wait.fd);
        free(made);
        return false;
    }
    if (!shim_watch(shim, &made->wait, err)) {
        (void)kill(started.pid, SIGKILL);
        free(made);
        return false;
    }
    made->pid = started.pid;
    made->next = shim->execs;
    shim->execs = made;
    return true;
}

bool shim_exec_ended(struct shim *shim, pid_t pid, int wait_status)
{
    int signal, code = shim_exit_code(wait_status, &signal);
    for (struct shim_exec **at = &shim->execs; *at; at = &(*at)->next) {
        struct shim_exec *exec = *at;
        if (exec->pid != pid)
            continue;
        *at = exec->next;
        if (exec->wait.fd >= 0)
            (void)!write(exec->wait.fd, &code, sizeof(code)); /* the reader may be going just now */
        shim_unwatch(shim, &exec->wait);
        free(exec);
        return true;
    }
    return false;
}

/* ---- connect ---- */

/* Waits for a connection that is under way. */
static bool await_connection(int fd, int64_t deadline)
{
    int problem = 0;
    socklen_t size = sizeof(problem);
    int64_t left_ms = (deadline - clock_mono_ns()) / 1000000;
    struct pollfd poller = {.fd = fd, .events = POLLOUT};
    if (left_ms <= 0 || poll(&poller, 1, (int)left_ms) <= 0) {
        errno = ETIMEDOUT;
        return false;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) != 0)
        return false;
    errno = problem;
    return problem == 0;
}

static int connect_to(const struct sockaddr *address, socklen_t size, int64_t deadline)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, address, size) == 0 || (errno == EINPROGRESS && await_connection(fd, deadline)))
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int connect_loopback(in_port_t port)
{
    int64_t deadline = clock_mono_ns() + CONNECT_TIMEOUT_NS;
    struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = port, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = in6addr_loopback};
    int fd = connect_to((struct sockaddr *)&four, sizeof(four), deadline);
    int saved = errno;
    if (fd < 0 && (fd = connect_to((struct sockaddr *)&six, sizeof(six), deadline)) < 0)
        errno = saved; /* the first reason is the one that a user expects */
    return fd;
}

static int connect_address(const char *text, in_port_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port};
    if (inet_pton(AF_INET, text, &address.sin_addr) == 1)
        return connect_to((struct sockaddr *)&address, sizeof(address),
                          clock_mono_ns() + CONNECT_TIMEOUT_NS);
    errno = EINVAL;
    return -1;
}

/* The child's whole life. */
static _Noreturn void connector(const struct shim *shim, const char *address, int64_t port,
                                int socket)
{
    struct error err = {0};
    struct frame_fds fds = {0};
    json_t *reply;
    in_port_t number = htons((uint16_t)port);
    int fd = !namespaces_enter(&shim->namespaces, &err) ? -1
             : address                                  ? connect_address(address, number)
                                                        : connect_loopback(number);
    if (fd < 0 && !err.code)
        error_system(&err, "dial tcp4 %s:%lld: connect", address ? address : "127.0.0.1",
                     (long long)port);
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFL, 0); /* blocking, as a socket is born */
        fds.fds[fds.count++] = fd;
        reply = json_pack("{s:b,s:[s]}", "ok", 1, "fds", "socket");
    } else
        reply = shim_error_reply(&err);
    (void)!frame_send(socket, reply, &fds, clock_mono_ns() + CONNECT_TIMEOUT_NS, &err);
    _exit(0);
}

bool shim_connect(struct shim *shim, const char *address, int64_t port, int socket,
                  struct error *err)
{
    if (port < 1 || port > 65535)
        return error_set(err, ERROR_INVALID, "no port %lld", (long long)port);
    pid_t pid = fork();
    if (pid == 0)
        connector(shim, address, port, socket);
    return pid > 0 ? true : error_system(err, "fork");
}
