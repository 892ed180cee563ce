#include "cli/confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/spawn.h"

/* The leak checker and the symbolizer of sanitizers trace and start processes. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TOOLS_TRACE true
#else
#define TOOLS_TRACE false
#endif

/* What the server never calls, so that whoever takes it over cannot either: other programs and
 * processes, mounts and namespaces, the kernel and its clock, other users, keys. */
/* clang-format off */
static const char *const denied[] = {
    "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
    "mount", "umount2", "move_mount", "open_tree", "fsopen", "fsmount", "fsconfig", "fspick", "mount_setattr",
    "pivot_root", "chroot", "unshare", "setns", "mknod", "mknodat",
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "bpf", "perf_event_open",
    "reboot", "syslog", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "sethostname", "setdomainname",
    "vhangup", "iopl", "ioperm", "modify_ldt", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex",
    "add_key", "request_key", "keyctl",
    "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "name_to_handle_at", "open_by_handle_at",
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "capset",
    "chown", "fchown", "lchown", "fchownat",
};
/* clang-format on */
static const char *const denied_but_to_tools[] = {"execve", "execveat", "fork", "vfork", "ptrace"};

#define DEPTH_MAX 2 /* directories below the one that is given */

/* ---- the user ---- */

static bool make_user(const char *name, struct error *err)
{
    const char *const argv[] = {"useradd",    "--system", "--user-group", "--no-create-home",
                                "--home-dir", "/",        "--shell",      "/usr/sbin/nologin",
                                name,         NULL};
    CLEANUP(buf_free) struct buf said = BUF_TEXT;
    int status = 0;
    if (!spawn_run(&(struct spawn_options){.argv = argv}, &status, NULL, &said, err))
        return false;
    if (status == 0 || getpwnam(name)) /* somebody else may have made it meanwhile */
        return true;
    struct str why = str_trim(buf_str(&said));
    return error_set(err, ERROR_FORBIDDEN,
                     "cannot make the user %s (%.*s): make it, or give --user NAME", name,
                     (int)why.len, why.len ? why.data : "");
}

bool confine_find_user(const char *name, bool make, struct confine_user *out, struct error *err)
{
    const struct passwd *found = getpwnam(name);
    if (!found && make) {
        if (!make_user(name, err))
            return false;
        found = getpwnam(name);
    }
    if (!found)
        return error_set(err, ERROR_NOT_FOUND,
                         "there is no user %s: make it (useradd --system %s), or give --user NAME",
                         name, name);
    *out = (struct confine_user){found->pw_uid, found->pw_gid};
    return true;
}

static void close_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static bool give_entries(int fd, const struct confine_user *user, unsigned depth);

/* Never through a link, and nothing that has a second name elsewhere. */
static bool give_entry(int dir, const char *name, const struct confine_user *user, unsigned depth)
{
    struct stat info;
    CLEANUP(close_fd) int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0)
        return true;
    if (S_ISDIR(info.st_mode) && depth < DEPTH_MAX)
        return give_entries(fd, user, depth + 1) && fchown(fd, user->uid, user->gid) == 0;
    return !S_ISREG(info.st_mode) || info.st_nlink != 1 || fchown(fd, user->uid, user->gid) == 0;
}

static bool give_entries(int fd, const struct confine_user *user, unsigned depth)
{
    bool ok = true;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    CLEANUP(close_dir) DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir && copy >= 0)
        close(copy);
    for (struct dirent *entry; ok && dir && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = give_entry(fd, entry->d_name, user, depth);
    return dir && ok;
}

bool confine_give(const char *path, const struct confine_user *user, struct error *err)
{
    struct stat info;
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &info) == 0 && info.st_uid == user->uid && info.st_gid == user->gid)
        return true;
    /* The directory last: what was interrupted is done again. */
    if (fd >= 0 && give_entries(fd, user, 0) && fchown(fd, user->uid, user->gid) == 0)
        return true;
    return error_set(err, ERROR_FORBIDDEN, "cannot give %s to the server's user: %s", path,
                     strerror(errno));
}

static bool become(const struct confine_user *user)
{
    for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
        if (prctl(PR_CAPBSET_READ, cap) == 1 && prctl(PR_CAPBSET_DROP, cap) != 0)
            return false;
    return setgroups(0, NULL) == 0 && setresgid(user->gid, user->gid, user->gid) == 0 &&
           setresuid(user->uid, user->uid, user->uid) == 0;
}

static bool drop_capabilities(void)
{
    cap_t none = cap_init();
    bool ok = none && cap_set_proc(none) == 0;
    (void)cap_free(none); /* fails on NULL only */
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0,
                0); /* empty anyway, now that no capability is permitted */
    return ok;
}

/* ---- calls ---- */

static void filter_free(scmp_filter_ctx *filter)
{
    if (*filter)
        seccomp_release(*filter);
}

static bool deny(scmp_filter_ctx filter, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int call = seccomp_syscall_resolve_name(names[i]);
        if (call != __NR_SCMP_ERROR &&
            seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0) != 0)
            return false;
    }
    return true;
}

/* Threads, but no processes and no namespaces. clone3 hides its flags in memory: glibc takes clone
 * where it is missing. */
static bool deny_processes(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)) == 0 &&
           deny(filter, denied_but_to_tools, ARRAY_LEN(denied_but_to_tools));
}

/* Only what talks to clients, nodes, PostgreSQL and resolvers; netlink lists addresses. */
static bool deny_sockets(scmp_filter_ctx filter)
{
    for (unsigned family = 0; family < AF_NETLINK; family++)
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6 &&
            seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                             SCMP_A0(SCMP_CMP_EQ, family, 0)) != 0)
            return false;
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                            SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0)) == 0;
}

static bool filter_calls(void)
{
    CLEANUP(filter_free) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    return filter && deny(filter, denied, ARRAY_LEN(denied)) &&
           (TOOLS_TRACE || deny_processes(filter)) && deny_sockets(filter) &&
           seccomp_load(filter) == 0;
}

bool confine(const struct confine_user *user, struct error *err)
{
    if (user && !become(user))
        return error_set(err, ERROR_FORBIDDEN, "cannot become the server's user: %s",
                         strerror(errno));
    /* Root that is to stay root may need what root is for: files of others, PostgreSQL's socket. */
    bool stays_root = !user && geteuid() == 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || (!stays_root && !drop_capabilities()))
        return error_set(err, ERROR_FORBIDDEN, "cannot give up privileges: %s", strerror(errno));
    if (TOOLS_TRACE)
        (void)prctl(PR_SET_DUMPABLE, 1); /* the leak checker does without at worst */
    return filter_calls() ? true
                          : error_internal(err, "the kernel takes no filter of system calls");
}
