/* Making and entering a sandbox's namespaces. */
#include "runtime/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "runtime/chroot.h"
#include "runtime/system_error.h"

#define USER_RANGE 65536
#define REPORT_MAX 1024

/* ---- in the child that makes them ---- */

static bool loopback_up(struct error *err)
{
    struct ifreq request = {.ifr_name = "lo"};
    CLEANUP(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) != 0)
        return error_system(err, "look at the loopback interface");
    request.ifr_flags |= IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &request) != 0)
        return error_system(err, "bring the loopback interface up");
    return true;
}

/* "net.core.somaxconn=1024". Only what belongs to the namespaces that were made here: anything else
 * is the host's. */
static bool set_sysctl(const struct namespaces_plan *plan, const char *setting, struct error *err)
{
    struct str value = str_of(setting), name = str_cut(&value, '=');
    bool net = str_starts(name, STR("net."));
    bool ipc = str_starts(name, STR("kernel.shm")) || str_starts(name, STR("kernel.msg")) ||
               str_is(name, "kernel.sem") || str_starts(name, STR("fs.mqueue."));
    if ((!net && !ipc) || (net && plan->host_network) || !value.data ||
        memchr(name.data, '/', name.len))
        return error_set(err, ERROR_INVALID, "sysctl \"" STR_FMT "\" is not allowed in a sandbox",
                         STR_ARG(name));
    CLEANUP(free_ptr) char *path = xasprintf("/proc/sys/" STR_FMT, STR_ARG(name));
    for (char *at = path; *at; at++)
        *at = *at == '.' && at > path ? '/' : *at;
    if (strstr(path, "//"))
        return error_set(err, ERROR_INVALID, "malformed sysctl name");
    CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || write(fd, value.data, value.len) != (ssize_t)value.len)
        return error_system(err, "set sysctl \"" STR_FMT "\"", STR_ARG(name));
    return true;
}

/* A network of its own has no ports worth guarding: programs without privileges may take low ones
 * and ping, as under containerd. Interfaces that come later speak IPv4 only: the network gives no
 * other address, and link-local ones would reach every neighbour. A kernel without one of these
 * keeps its own rule. */
static void set_defaults(const struct namespaces_plan *plan)
{
    static const char *const settings[] = {"net.ipv4.ip_unprivileged_port_start=0",
                                           "net.ipv4.ping_group_range=0 65535",
                                           "net.ipv6.conf.default.disable_ipv6=1"};
    for (size_t i = 0; i < ARRAY_LEN(settings) && !plan->host_network; i++) {
        CLEANUP(error_clear) struct error ignored = {0};
        (void)!set_sysctl(plan, settings[i], &ignored);
    }
}

static bool make_shared(const struct namespaces_plan *plan, struct error *err)
{
    size_t i;
    json_t *setting;
    int flags = CLONE_NEWIPC | CLONE_NEWUTS | (plan->host_network ? 0 : CLONE_NEWNET);
    if (unshare(flags) != 0)
        return error_system(err, "make namespaces");
    if (plan->hostname && sethostname(plan->hostname, strlen(plan->hostname)) != 0)
        return error_system(err, "set the host name");
    if (!plan->host_network && !loopback_up(err))
        return false;
    set_defaults(plan);
    json_array_foreach (plan->sysctls, i, setting) {
        if (!set_sysctl(plan, json_string_value(setting), err))
            return false;
    }
    return true;
}

/* The child's whole life: says "u" when its user namespace is there and waits for the map, then "r"
 * when all are there, or an error's text, and waits to be let go. */
static _Noreturn void maker(const struct namespaces_plan *plan, int socket)
{
    char byte;
    CLEANUP(error_clear) struct error err = {0};
    if (plan->user_base) {
        if (unshare(CLONE_NEWNS) != 0 || !chroot_leave(&err) || unshare(CLONE_NEWUSER) != 0 ||
            write(socket, "u", 1) != 1 || read(socket, &byte, 1) != 1 || setresgid(0, 0, 0) != 0 ||
            setresuid(0, 0, 0) != 0) {
            if (!err.code)
                error_system(&err, "make a user namespace");
            (void)!write(socket, err.message, strlen(err.message));
            _exit(1);
        }
    }
    if (!make_shared(plan, &err)) {
        (void)!write(socket, err.message, strlen(err.message));
        _exit(1);
    }
    if (write(socket, "r", 1) == 1)
        (void)!read(socket, &byte, 1);
    _exit(0);
}

/* ---- in the shim ---- */

/* Waits for one message: true when it is `wanted`. */
static bool expect(int socket, char wanted, struct error *err)
{
    char text[REPORT_MAX];
    ssize_t got = read(socket, text, sizeof(text) - 1);
    if (got == 1 && text[0] == wanted)
        return true;
    if (got <= 1)
        return error_set(err, ERROR_INTERNAL, "the namespaces' maker has died");
    text[got] = '\0';
    return error_set(err, ERROR_INTERNAL, "%s", text);
}

static bool write_map(pid_t pid, const char *file, uid_t base, struct error *err)
{
    CLEANUP(free_ptr) char *path = xasprintf("/proc/%d/%s", (int)pid, file);
    CLEANUP(free_ptr) char *line = xasprintf("0 %u %u\n", base, USER_RANGE);
    CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line))
        return error_system(err, "write %s", path);
    return true;
}

static int open_namespace(pid_t pid, const char *name, struct error *err)
{
    CLEANUP(free_ptr) char *path = xasprintf("/proc/%d/ns/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        error_system(err, "open %s", path);
    return fd;
}

static bool bind_netns(const char *path, int net, struct error *err)
{
    CLEANUP(free_ptr) char *source = xasprintf("/proc/self/fd/%d", net);
    CLEANUP(close_fd) int file = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0 || mount(source, path, NULL, MS_BIND, NULL) != 0)
        return error_system(err, "bind the network namespace at %s", path);
    return true;
}

static bool collect(const struct namespaces_plan *plan, pid_t pid, int socket,
                    struct namespaces *made, struct error *err)
{
    if (plan->user_base &&
        (!expect(socket, 'u', err) || !write_map(pid, "gid_map", plan->user_base, err) ||
         !write_map(pid, "uid_map", plan->user_base, err) || write(socket, "g", 1) != 1))
        return err->code ? false : error_system(err, "map users");
    if (!expect(socket, 'r', err))
        return false;
    if (plan->user_base && (made->user = open_namespace(pid, "user", err)) < 0)
        return false;
    if ((made->ipc = open_namespace(pid, "ipc", err)) < 0 ||
        (made->uts = open_namespace(pid, "uts", err)) < 0)
        return false;
    if (plan->host_network)
        return true;
    made->net = open_namespace(pid, "net", err);
    return made->net >= 0 && bind_netns(plan->netns_path, made->net, err);
}

static void on_child(int signal)
{
    (void)signal;
}

/* The first process of a shared pid namespace: reaps what is orphaned there, for as long as the
 * shim lives. */
static _Noreturn void pause_forever(void)
{
    struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
    sigset_t children, none;
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&none);
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_SETMASK, &children, NULL);
    close_range(0, ~0U, 0);
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        sigsuspend(&none);
    }
}

/* Forks into a new pid namespace: a middle process makes it, so that the shim itself stays where it
 * is. */
static bool start_pause(const struct namespaces *made, struct namespaces *into, struct error *err)
{
    int pair[2];
    pid_t pid = 0;
    if (pipe2(pair, O_CLOEXEC) != 0)
        return error_system(err, "pipe");
    pid_t middle = fork();
    if (middle == 0) {
        bool ok = namespaces_enter(made, err) && unshare(CLONE_NEWPID) == 0;
        pid_t child = ok ? fork() : -1;
        if (child == 0) {
            if (made->user >= 0 && (setns(made->user, CLONE_NEWUSER) != 0 ||
                                    setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0))
                _exit(1);
            pause_forever();
        }
        (void)!write(pair[1], &child, sizeof(child));
        _exit(0);
    }
    close(pair[1]);
    bool got = middle > 0 && read(pair[0], &pid, sizeof(pid)) == (ssize_t)sizeof(pid) && pid > 0;
    close(pair[0]);
    if (middle > 0)
        waitpid(middle, NULL, 0);
    if (!got)
        return error_set(err, ERROR_INTERNAL, "cannot make a shared pid namespace");
    into->pause = pid;
    into->pid = open_namespace(pid, "pid", err);
    return into->pid >= 0;
}

bool namespaces_make(const struct namespaces_plan *plan, struct namespaces *made, struct error *err)
{
    int pair[2];
    *made = NAMESPACES_NONE;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return error_system(err, "socketpair");
    CLEANUP(close_fd) int ours = pair[0];
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        maker(plan, pair[1]);
    }
    close(pair[1]);
    if (pid < 0)
        return error_system(err, "fork");
    bool ok = collect(plan, pid, ours, made, err);
    (void)kill(pid, SIGKILL); /* it has no more to do */
    (void)waitpid(pid, NULL, 0);
    if (ok && plan->share_pid)
        ok = start_pause(made, made, err);
    if (!ok)
        namespaces_release(made);
    return ok;
}

void namespaces_release(struct namespaces *held)
{
    int *const fds[] = {&held->user, &held->net, &held->ipc, &held->uts, &held->pid};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close_fd(fds[i]);
    if (held->pause > 0)
        (void)kill(held->pause, SIGKILL);
    *held = NAMESPACES_NONE;
}

bool namespaces_enter(const struct namespaces *held, struct error *err)
{
    const struct {
        int fd, kind;
    } all[] = {{held->net, CLONE_NEWNET}, {held->ipc, CLONE_NEWIPC}, {held->uts, CLONE_NEWUTS}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i].fd >= 0 && setns(all[i].fd, all[i].kind) != 0)
            return error_system(err, "enter a namespace of the sandbox");
    return true;
}
