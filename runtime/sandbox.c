/* Sandboxes from the caller's side: state on disk, a shim for each, and an end that works without
 * one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/file.h"
#include "runtime/runtime_internal.h"
#include "runtime/sandbox_state.h"
#include "runtime/system_error.h"

#define USER_BASE_FIRST   ((int64_t)16 << 16)
#define USER_BASE_LAST    ((int64_t)65534 << 16)
#define USER_RANGE        65536
#define START_TIMEOUT_NS  INT64_C(20000000000)
#define REMOVE_TIMEOUT_MS 15000

char **sandbox_list(struct runtime *runtime)
{
    CLEANUP(free_ptr) char *dir = xasprintf("%s/sandboxes", runtime->root);
    return dir_names(dir);
}

/* ---- configuration on disk ---- */

static bool base_is_used(json_t *const *configs, size_t count, int64_t base)
{
    for (size_t i = 0; i < count; i++)
        if (json_int_or(json_object_get(configs[i], "userBase"), 0) == base)
            return true;
    return false;
}

/* The lowest range that no sandbox has. The caller holds the lock. */
static bool choose_user_base(struct runtime *runtime, int64_t *base, struct error *err)
{
    char **ids = sandbox_list(runtime);
    size_t count = 0, have = 0;
    while (ids[count])
        count++;
    json_t **configs = xcalloc(count + 1, sizeof(json_t *));
    for (size_t i = 0; i < count; i++) {
        CLEANUP(error_clear) struct error ignored = {0};
        CLEANUP(free_ptr) char *path = sandbox_path(runtime->root, ids[i], "config.json");
        json_t *config = file_read_json(path, CONFIG_BYTES_MAX, &ignored);
        if (config)
            configs[have++] = config;
    }
    int64_t at = USER_BASE_FIRST;
    while (at <= USER_BASE_LAST && base_is_used(configs, have, at))
        at += USER_RANGE;
    for (size_t i = 0; i < have; i++)
        json_decref(configs[i]);
    free(configs);
    names_free(ids);
    if (at > USER_BASE_LAST)
        return error_set(err, ERROR_TOO_MANY_REQUESTS, "no user range is left");
    *base = at;
    return true;
}

static json_t *config_json(struct runtime *runtime, const char *parent,
                           const struct sandbox_config *config, int64_t user_base)
{
    json_t *sysctls = json_array();
    for (const char *const *at = config->sysctls; at && *at; at++)
        json_array_append_new(sysctls, json_string(*at));
    json_t *json = json_pack(
        "{s:s,s:s,s:s,s:b,s:b,s:b,s:I,s:o}", "id", config->id, "root", runtime->root,
        "cgroupParent", parent, "hostNetwork", config->host_network, "hostPid", config->host_pid,
        "sharePid", config->share_pid, "userBase", (json_int_t)user_base, "sysctls", sysctls);
    json_set_text(json, "hostname", config->hostname);
    json_set_text(json, "logDir", config->log_dir);
    return json;
}

static bool write_config(struct runtime *runtime, const struct sandbox_config *config,
                         struct error *err)
{
    int64_t base = 0;
    CLEANUP(free_ptr) char *path = sandbox_path(runtime->root, config->id, "config.json");
    CLEANUP(close_fd) int lock = runtime_lock(runtime, "lock", LOCK_EX, err);
    if (lock < 0 || (config->user_namespace && !choose_user_base(runtime, &base, err)))
        return false;
    json_auto_t *json = config_json(runtime, cgroups_parent(runtime->cgroups), config, base);
    return file_write_json(path, json, err);
}

static bool write_etc(struct runtime *runtime, const struct sandbox_config *config,
                      struct error *err)
{
    CLEANUP(buf_free) struct buf resolv = BUF_INIT((size_t)1 << 20);
    CLEANUP(free_ptr)
    char *hostname = xasprintf("%s\n", config->hostname ? config->hostname : "localhost");
    CLEANUP(error_clear) struct error ignored = {0};
    if (config->resolv_conf)
        buf_add_text(&resolv, config->resolv_conf);
    else
        (void)!file_read("/etc/resolv.conf", &resolv,
                         &ignored); /* a host without one has no resolver to pass on */
    const struct {
        const char *name, *text;
    } files[] = {
        {"etc/hostname", hostname},
        {"etc/hosts", config->hosts ? config->hosts : "127.0.0.1\tlocalhost\n::1\tlocalhost\n"},
        {"etc/resolv.conf", buf_ok(&resolv) && resolv.data ? resolv.data : ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP(free_ptr) char *path = sandbox_path(runtime->root, config->id, files[i].name);
        if (!file_write(path, str_of(files[i].text), 0644, err))
            return false;
    }
    return true;
}

static bool make_state(struct runtime *runtime, const struct sandbox_config *config,
                       struct error *err)
{
    static const char *const below[] = {"etc", "shm", "containers"};
    CLEANUP(free_ptr) char *dir = sandbox_path(runtime->root, config->id, "");
    if (mkdir(dir, 0700) != 0)
        return errno == EEXIST
                   ? error_set(err, ERROR_ALREADY_EXISTS, "sandbox %s exists", config->id)
                   : error_system(err, "make %s", dir);
    for (size_t i = 0; i < ARRAY_LEN(below); i++) {
        CLEANUP(free_ptr) char *path = sandbox_path(runtime->root, config->id, below[i]);
        if (!dir_make(path, 0755, err))
            return false;
    }
    return write_config(runtime, config, err) && write_etc(runtime, config, err);
}

/* ---- the shim's start ---- */

/* Reads "ready" or an error until the deadline. */
static bool await_ready(int pipe, struct error *err)
{
    char text[1024];
    size_t len = 0;
    int64_t deadline = clock_mono_ns() + START_TIMEOUT_NS;
    while (len < sizeof(text) - 1) {
        int64_t left_ms = (deadline - clock_mono_ns()) / 1000000;
        struct pollfd poller = {.fd = pipe, .events = POLLIN};
        if (left_ms <= 0)
            return error_set(err, ERROR_TIMEOUT, "the shim does not get ready");
        if (poll(&poller, 1, (int)left_ms) <= 0)
            continue;
        ssize_t got = read(pipe, text + len, sizeof(text) - 1 - len);
        if (got <= 0)
            break;
        len += (size_t)got;
        text[len] = '\0';
        if (strcmp(text, "ready") == 0)
            return true;
    }
    text[len] = '\0';
    return error_set(err, ERROR_INTERNAL, "the shim did not start%s%s", len ? ": " : "", text);
}

static bool prepare_actions(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
                            const char *log, int out)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    return posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
           posix_spawn_file_actions_adddup2(actions, out, 1) == 0 &&
           posix_spawn_file_actions_addopen(actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0600) ==
               0 &&
           posix_spawnattr_setsigmask(attributes, &none) == 0 &&
           posix_spawnattr_setsigdefault(attributes, &all) == 0 &&
           posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) ==
               0;
}

static pid_t spawn_shim(struct runtime *runtime, const char *id, int out, struct error *err)
{
    CLEANUP(free_ptr) char *dir = sandbox_path(runtime->root, id, "");
    CLEANUP(free_ptr) char *log = sandbox_path(runtime->root, id, "shim.log");
    char program[] = "warren", command[] = "shim";
    char *argv[] = {program, command, dir, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t pid = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    if (prepare_actions(&actions, &attributes, log, out))
        errno = posix_spawn(&pid, runtime->shim_path, &actions, &attributes, argv, environ);
    if (pid < 0)
        error_system(err, "run %s", runtime->shim_path);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static bool start_shim(struct runtime *runtime, const char *id, struct error *err)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) != 0)
        return error_system(err, "pipe");
    CLEANUP(close_fd) int ours = pair[0];
    pid_t pid = spawn_shim(runtime, id, pair[1], err);
    close(pair[1]);
    if (pid < 0)
        return false;
    bool ready = await_ready(ours, err);
    if (!ready)
        (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0); /* the shim proper is its child, and no longer ours */
    return ready;
}

bool sandbox_start(struct runtime *runtime, const struct sandbox_config *config, struct error *err)
{
    struct cgroup_limits limits = {config->cpu_shares, config->cpu_quota_us,
                                   config->memory_max_bytes, config->pids_max, false};
    if (!sandbox_id_valid(config->id))
        return error_set(err, ERROR_INVALID, "\"%s\" is no valid sandbox id",
                         config->id ? config->id : "");
    if (!make_state(runtime, config, err)) {
        if (err->reason == ERROR_ALREADY_EXISTS)
            return false;
    } else if ((!config->log_dir || dir_make(config->log_dir, 0750, err)) &&
               cgroup_create(runtime->cgroups, config->id, &limits, err) &&
               start_shim(runtime, config->id, err)) {
        runtime_watch_shim(runtime, config->id);
        return true;
    }
    CLEANUP(error_clear) struct error ignored = {0};
    (void)!sandbox_remove(runtime, config->id, &ignored); /* the first error is the one to tell */
    return false;
}

bool sandbox_netns(struct runtime *runtime, const char *id, char **path, struct error *err)
{
    struct statfs info;
    if (!sandbox_id_valid(id))
        return error_set(err, ERROR_INVALID, "malformed sandbox id");
    CLEANUP(free_ptr) char *name = sandbox_netns_path(runtime->root, id);
    /* After the machine went down the file is there, and nothing is mounted on it. */
    if (statfs(name, &info) != 0 || info.f_type != NSFS_MAGIC)
        return error_set(err, ERROR_NOT_FOUND, "sandbox %s has no network namespace of its own",
                         id);
    *path = TAKE(name);
    return true;
}

/* ---- the end ---- */

static void kill_shim(const char *dir)
{
    int64_t deadline = clock_mono_ns() + INT64_C(5000000000);
    for (pid_t pid; (pid = sandbox_shim_pid(dir)) > 0 && clock_mono_ns() < deadline;
         (void)poll(NULL, 0, 2)) {
        CLEANUP(close_fd) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd >= 0 && sandbox_shim_pid(dir) == pid) /* still the same process */
            (void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    }
}

/* Asks the shim to end and waits a little; what does not end is killed. */
static void end_shim(struct runtime *runtime, const char *id, const char *dir)
{
    CLEANUP(error_clear) struct error ignored = {0};
    int64_t deadline = clock_mono_ns() + INT64_C(7000000000);
    if (sandbox_shim_pid(dir) > 0 &&
        shim_tell(runtime, id, json_pack("{s:s}", "op", "stop"), &ignored))
        while (sandbox_shim_pid(dir) > 0 && clock_mono_ns() < deadline)
            (void)poll(NULL, 0, 2);
    kill_shim(dir);
}

static bool unmount(const char *path, struct error *err)
{
    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL && errno != ENOENT)
        return error_system(err, "unmount %s", path);
    return true;
}

bool sandbox_remove(struct runtime *runtime, const char *id, struct error *err)
{
    if (!sandbox_id_valid(id))
        return error_set(err, ERROR_INVALID, "malformed sandbox id");
    CLEANUP(free_ptr) char *dir = sandbox_path(runtime->root, id, "");
    CLEANUP(free_ptr) char *shm = sandbox_path(runtime->root, id, "shm");
    CLEANUP(free_ptr) char *netns = sandbox_netns_path(runtime->root, id);
    end_shim(runtime, id, dir);
    if (!cgroup_remove(runtime->cgroups, id, REMOVE_TIMEOUT_MS, err) || !unmount(netns, err) ||
        !unmount(shm, err))
        return false;
    if (unlink(netns) != 0 && errno != ENOENT)
        return error_system(err, "remove %s", netns);
    if (!tree_remove(dir, err))
        return false;
    cgroups_remove_parent(runtime->cgroups);
    return true;
}

bool sandbox_connect(struct runtime *runtime, const char *sandbox, const char *address,
                     unsigned port, int *fd, struct error *err)
{
    struct frame_fds fds = {0};
    json_auto_t *reply = shim_ask(
        runtime, sandbox,
        json_pack("{s:s,s:i,s:s*}", "op", "connect", "port", (int)port, "address", address), &fds,
        err);
    if (!reply)
        return false;
    if (fds.count != 1) {
        frame_fds_close(&fds);
        return error_set(err, ERROR_INTERNAL, "the shim sent no connection");
    }
    *fd = fds.fds[0];
    return true;
}
