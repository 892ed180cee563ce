/* What happens between the fork in the shim and the exec of a container's program.
 *
 * First child: control group, shared namespaces, pid namespace. Second child (the process itself):
 * file system, user, limits, capabilities, filter, program. Each step is a function that fails with
 * an error; the error goes to the shim as text. */
#include "runtime/process_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/parse.h"
#include "runtime/caps.h"
#include "runtime/identity.h"
#include "runtime/rootfs.h"
#include "runtime/rootpath.h"
#include "runtime/system_error.h"

#define DEFAULT_PATH   "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define FILES_MAX      1048576
#define PATH_BYTES_MAX 4096

/* What the second child knows; lives until exec. */
struct child {
    const struct process_plan *plan;
    int socket;
    struct rootfs rootfs;
    struct identity identity;
    char **argv, **env; /* NULL-ended; the texts belong to the spec or were made here */
};

static _Noreturn void die(int socket, const struct error *err)
{
    char text[PROCESS_MESSAGE_MAX];
    size_t len = strnlen(err->message ? err->message : "", sizeof(text) - 1);
    text[0] = PROCESS_ERROR;
    memcpy(text + 1, err->message ? err->message : "", len);
    (void)!send(socket, text, len + 1, MSG_NOSIGNAL);
    _exit(127);
}

static bool spec_flag(const struct child *child, const char *key)
{
    return json_is_true(json_object_get(child->plan->spec, key));
}

/* ---- file system and namespaces ---- */

static bool open_root(struct child *child, struct error *err)
{
    child->rootfs.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return child->rootfs.root >= 0 ? true : error_system(err, "open the container's root");
}

/* From here on we are the sandbox's root, not the host's, and the mounts are locked for us. They
 * are also new ones: what was open before belongs to the mount namespace that is left behind. */
static bool enter_user_namespace(struct child *child, struct error *err)
{
    int user = child->plan->namespaces->user;
    if (user < 0)
        return true;
    if (setns(user, CLONE_NEWUSER) != 0 || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
        return error_system(err, "enter the user namespace");
    if (unshare(CLONE_NEWNS) != 0)
        return error_system(err, "own the mount namespace");
    close(child->rootfs.root);
    return open_root(child, err);
}

static bool build_container(struct child *child, struct error *err)
{
    const struct process_plan *plan = child->plan;
    struct rootfs_plan rootfs = {.spec = plan->spec,
                                 .dir = plan->dir,
                                 .sandbox_dir = plan->sandbox_dir,
                                 .owner = plan->user_base,
                                 .user_ns = plan->namespaces->user,
                                 .cgroups = plan->cgroups,
                                 .cgroup = plan->cgroup};
    if (unshare(CLONE_NEWCGROUP) != 0)
        return error_system(err, "make a cgroup namespace");
    return rootfs_build(&rootfs, &child->rootfs, err) && rootfs_enter(&child->rootfs, err);
}

static bool open_existing_root(struct child *child, struct error *err)
{
    child->rootfs.master = child->rootfs.slave = -1;
    if (!open_root(child, err))
        return false;
    return !child->plan->tty || rootfs_open_terminal(child->rootfs.root, &child->rootfs.master,
                                                     &child->rootfs.slave, err);
}

/* ---- who ---- */

static bool resolve_identity(struct child *child, struct error *err)
{
    const json_t *spec = child->plan->spec, *listed = json_object_get(spec, "groups");
    int64_t groups[IDENTITY_GROUPS_MAX];
    size_t i;
    json_t *group;
    if (json_array_size(listed) > IDENTITY_GROUPS_MAX)
        return error_set(err, ERROR_INVALID, "more than %d supplementary groups",
                         IDENTITY_GROUPS_MAX);
    json_array_foreach (listed, i, group) {
        groups[i] = json_int_or(group, -1);
    }
    struct identity_request request = {
        .image_user = json_text(spec, "user"),
        .uid = json_int_or(json_object_get(spec, "uid"), -1),
        .gid = json_int_or(json_object_get(spec, "gid"), -1),
        .groups = groups,
        .group_count = json_array_size(listed),
    };
    if (!identity_resolve(child->rootfs.root, &request, &child->identity, err))
        return false;
    if (child->identity.uid == 0 && spec_flag(child, "mustNotBeRoot"))
        return error_set(err, ERROR_INVALID,
                         "container has runAsNonRoot and image will run as root");
    return true;
}

static bool become_user(struct child *child, struct error *err)
{
    const struct identity *identity = &child->identity;
    const struct process_plan *plan = child->plan;
    bool early =
        !spec_flag(child, "noNewPrivs"); /* the filter needs SYS_ADMIN then, which is about to go */
    if (!early && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_system(err, "set no_new_privs");
    if (!caps_limit_bounding(plan->caps))
        return error_system(err, "drop capabilities");
    if (early && !seccomp_apply(plan->seccomp, err))
        return false;
    if (setgroups(identity->group_count, identity->groups) != 0 ||
        setresgid(identity->gid, identity->gid, identity->gid) != 0 ||
        setresuid(identity->uid, identity->uid, identity->uid) != 0)
        return error_system(err, "become user %u", identity->uid);
    if (!caps_apply(identity->uid == 0 ? plan->caps : 0))
        return error_system(err, "set capabilities");
    return early || seccomp_apply(plan->seccomp, err);
}

/* ---- terminal, limits ---- */

static bool send_master(const struct child *child, struct error *err)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char kind = PROCESS_TERMINAL;
    struct iovec piece = {&kind, 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &child->rootfs.master, sizeof(int));
    return sendmsg(child->socket, &message, MSG_NOSIGNAL) == 1
               ? true
               : error_system(err, "hand over the terminal");
}

/* While we are real root: a user of a user namespace could not chown what real root opened. Pipes
 * are given to the user as well, since programs open /dev/stdout by name. */
static bool own_stdio(const struct child *child, struct error *err)
{
    uid_t base = child->plan->join
                     ? 0
                     : child->plan->user_base; /* a joined container counts as it does itself */
    struct stat info;
    for (int i = 0; i < 3 && !child->plan->tty; i++)
        if (fstat(child->plan->stdio[i], &info) == 0 && S_ISFIFO(info.st_mode))
            (void)!fchown(child->plan->stdio[i], base + child->identity.uid,
                          (gid_t)-1); /* an exec may not; it can do without */
    if (!child->plan->tty)
        return true;
    if (fchown(child->rootfs.slave, base + child->identity.uid, (gid_t)-1) != 0 && errno != EPERM)
        return error_system(err, "own the terminal");
    return send_master(child, err);
}

static bool connect_stdio(const struct child *child, struct error *err)
{
    const struct process_plan *plan = child->plan;
    if (setsid() < 0)
        return error_system(err, "setsid");
    for (int i = 0; i < 3; i++)
        if (dup2(plan->tty ? child->rootfs.slave : plan->stdio[i], i) < 0)
            return error_system(err, "connect stdio");
    if (plan->tty && ioctl(0, TIOCSCTTY, 0) != 0)
        return error_system(err, "take the terminal");
    return true;
}

static void set_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* what the machine allows */
    }
    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = 0;
        (void)setrlimit(RLIMIT_CORE, &limit);
    }
    umask(022);
}

/* By the bare call: the C library keeps two signals to itself, which its posix_spawn left ignored
 * in the shim. */
static void reset_signals(void)
{
    static const unsigned long
        by_default[4]; /* the kernel's struct sigaction: handler, flags, restorer, mask */
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        (void)syscall(SYS_rt_sigaction, i, by_default, NULL,
                      sizeof(unsigned long)); /* not KILL and STOP: they are so */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The directory must lie in our root: a descriptor of the host's would let ".." lead out. */
static bool change_directory(const struct child *child, struct error *err)
{
    char where[PATH_BYTES_MAX];
    const char *cwd = json_text(child->plan->spec, "cwd");
    CLEANUP(close_fd)
    int fd = rootpath_open(child->rootfs.root, cwd, O_PATH | O_DIRECTORY, 0, ROOTPATH_FOLLOW);
    if (fd < 0 || fchdir(fd) != 0)
        return error_system(err, "enter the working directory %s", cwd);
    if (syscall(SYS_getcwd, where, sizeof(where)) < 0 || where[0] != '/')
        return error_set(err, ERROR_INVALID, "the working directory %s is outside the container",
                         cwd);
    return true;
}

/* ---- the program ---- */

static char **texts_of(const json_t *array, size_t spare)
{
    char **texts = xcalloc(json_array_size(array) + spare + 1, sizeof(*texts));
    size_t i;
    json_t *item;
    json_array_foreach (array, i, item) {
        texts[i] = xstrdup(json_string_value(item));
    }
    return texts;
}

static bool env_has(char *const *env, const char *name)
{
    size_t len = strlen(name);
    for (; *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return true;
    return false;
}

static void make_environment(struct child *child)
{
    const struct {
        const char *name, *value;
        bool wanted;
    } extra[] = {
        {"PATH", DEFAULT_PATH, true},
        {"HOME", child->identity.home, true},
        {"TERM", "xterm", child->plan->tty},
    };
    child->env = texts_of(json_object_get(child->plan->spec, "env"), ARRAY_LEN(extra));
    size_t count = json_array_size(json_object_get(child->plan->spec, "env"));
    for (size_t i = 0; i < ARRAY_LEN(extra); i++)
        if (extra[i].wanted && !env_has(child->env, extra[i].name))
            child->env[count++] = xasprintf("%s=%s", extra[i].name, extra[i].value);
}

static struct str search_path(char *const *env)
{
    for (; *env; env++)
        if (text_starts(*env, "PATH="))
            return str_of(*env + strlen("PATH="));
    return STR(DEFAULT_PATH);
}

/* Returns only when it failed. */
static bool execute(const struct child *child, struct error *err)
{
    const char *name = child->argv[0];
    bool denied = false;
    if (strchr(name, '/')) {
        execve(name, child->argv, child->env);
        if (errno == ENOENT || errno == ENOTDIR)
            return error_set(err, ERROR_INVALID, "exec: \"%s\": stat %s: no such file or directory",
                             name, name);
        return error_system(err, "exec: \"%s\"", name);
    }
    struct str path = search_path(child->env);
    while (path.data) {
        struct str dir = str_cut(&path, ':');
        CLEANUP(free_ptr)
        char *full = xasprintf(STR_FMT "%s%s", STR_ARG(dir), dir.len ? "/" : "./", name);
        execve(full, child->argv, child->env);
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
            return error_system(err, "exec: \"%s\"", name);
        denied = denied || errno == EACCES;
    }
    return error_set(err, ERROR_INVALID,
                     denied ? "exec: \"%s\": permission denied"
                            : "exec: \"%s\": executable file not found in $PATH",
                     name);
}

/* Waits until the shim is our parent, so that its death is ours. */
static bool await_parent(const struct child *child, struct error *err)
{
    char byte;
    if (recv(child->socket, &byte, 1, 0) != 1)
        return error_set(err, ERROR_INTERNAL, "the shim has gone");
    return true;
}

static bool run(struct child *child, struct error *err)
{
    const struct process_plan *plan = child->plan;
    if (!(plan->join ? open_existing_root(child, err) : build_container(child, err)) ||
        !resolve_identity(child, err) || !own_stdio(child, err))
        return false;
    if (!plan->join && !enter_user_namespace(child, err))
        return false;
    child->argv = texts_of(plan->argv, 0);
    make_environment(child);
    if (!child->argv[0] || !*child->argv[0])
        return error_set(err, ERROR_INVALID, "no command specified");
    (void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL); /* not every kernel has keys */
    set_limits();
    if (!connect_stdio(child, err) || !change_directory(child, err) ||
        close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        return false;
    if (!await_parent(child, err) || !become_user(child, err))
        return false;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return error_system(err, "tie the process to the shim");
    return execute(child, err);
}

/* ---- the first child ---- */

/* The second child: never returns. */
static _Noreturn void process_itself(const struct process_plan *plan, int socket)
{
    struct error err = {0};
    struct child child = {.plan = plan, .socket = socket};
    reset_signals();
    (void)run(&child, &err); /* comes back only with an error */
    die(socket, &err);
}

static bool set_oom_score(const struct process_plan *plan, struct error *err)
{
    int64_t score = json_int_or(json_object_get(plan->spec, "oomScoreAdj"), 0);
    CLEANUP(free_ptr) char *text = xasprintf("%lld", (long long)score);
    CLEANUP(close_fd) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) {
        if (score < 0 && (errno == EACCES || errno == EPERM))
            return true; /* lowering needs SYS_RESOURCE, which not every machine leaves to root */
        return error_system(err, "set the OOM score");
    }
    return true;
}

static bool join_container(const struct process_plan *plan, struct error *err)
{
    int kinds =
        CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    CLEANUP(close_fd) int process = (int)syscall(SYS_pidfd_open, plan->join, 0);
    if (plan->namespaces->user >= 0)
        kinds |= CLONE_NEWUSER;
    if (process < 0 || setns(process, kinds) != 0)
        return error_system(err, "enter the container");
    if (plan->namespaces->user >= 0 && (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0))
        return error_system(err, "become the container's root");
    return true;
}

static bool join_pid_namespace(pid_t target, struct error *err)
{
    CLEANUP(free_ptr) char *path = xasprintf("/proc/%d/ns/pid", target);
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    return (fd >= 0 && setns(fd, CLONE_NEWPID) == 0) ||
           error_system(err, "enter the target's pid namespace");
}

static bool enter_sandbox(const struct process_plan *plan, struct error *err)
{
    if (!cgroup_enter(plan->cgroups, plan->cgroup, 0, err) || !set_oom_score(plan, err))
        return false;
    if (plan->join)
        return join_container(plan, err);
    if (!namespaces_enter(plan->namespaces, err))
        return false;
    if (plan->pid_target)
        return join_pid_namespace(plan->pid_target, err);
    if (plan->namespaces->pid >= 0 && setns(plan->namespaces->pid, CLONE_NEWPID) != 0)
        return error_system(err, "enter the shared pid namespace");
    if (plan->namespaces->pid < 0 && !plan->host_pid && unshare(CLONE_NEWPID) != 0)
        return error_system(err, "make a pid namespace");
    return true;
}

_Noreturn void process_child(const struct process_plan *plan, int socket)
{
    struct error err = {0};
    char message[1 + sizeof(pid_t)] = {PROCESS_PID};
    /* what runs inside must not be able to trace us, and so reach the host's binary, before it is
     * the program */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        error_system(&err, "prctl");
    else if (!enter_sandbox(plan, &err))
        error_wrap(&err, "start");
    pid_t pid = err.code ? -1 : fork();
    if (pid == 0)
        process_itself(plan, socket);
    if (pid < 0) {
        if (!err.code)
            error_system(&err, "fork");
        die(socket, &err);
    }
    memcpy(message + 1, &pid, sizeof(pid));
    (void)!send(socket, message, sizeof(message), MSG_NOSIGNAL);
    _exit(0);
}
