/* Control groups: a table of hierarchies, a table of limits, and loops over both. */
#include "runtime/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "runtime/cgroup_devices.h"
#include "runtime/file.h"
#include "runtime/system_error.h"

#define HIERARCHIES_MAX 16
#define CPU_PERIOD_US   100000
#define DEPTH_MAX       8

enum controller {
    CONTROLLER_CPU,
    CONTROLLER_CPUACCT,
    CONTROLLER_MEMORY,
    CONTROLLER_PIDS,
    CONTROLLER_DEVICES,
    CONTROLLER_COUNT
};
static const char *const controller_names[CONTROLLER_COUNT] = {"cpu", "cpuacct", "memory", "pids",
                                                               "devices"};

struct cgroups {
    char *parent;
    char *mounts[HIERARCHIES_MAX]; /* owned; each hierarchy once */
    size_t mount_count;
    const char *v1[CONTROLLER_COUNT]; /* into mounts; NULL: not a v1 controller here */
    const char *unified;              /* into mounts; NULL: none */
    bool unified_controls;            /* it has cpu, memory and pids */
};

/* ---- what is mounted ---- */

static bool has_option(struct str options, const char *name)
{
    while (options.data)
        if (str_is(str_cut(&options, ','), name))
            return true;
    return false;
}

static void note_hierarchy(struct cgroups *cgroups, struct str where, struct str kind,
                           struct str options)
{
    if (cgroups->mount_count == HIERARCHIES_MAX)
        return;
    bool unified = str_is(kind, "cgroup2");
    char *mount = str_dup(where);
    bool wanted = unified && !cgroups->unified;
    for (size_t i = 0; i < CONTROLLER_COUNT && !unified; i++)
        if (!cgroups->v1[i] && has_option(options, controller_names[i])) {
            cgroups->v1[i] = mount;
            wanted = true;
        }
    if (!wanted) {
        free(mount);
        return;
    }
    if (unified)
        cgroups->unified = mount;
    cgroups->mounts[cgroups->mount_count++] = mount;
}

/* True when the words of the group's cgroup.controllers include what limits need. */
static bool unified_has_controllers(const char *mount)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(4096);
    CLEANUP(free_ptr) char *path = xasprintf("%s/cgroup.controllers", mount);
    if (!file_read(path, &text, &ignored))
        return false;
    struct str words = str_trim(buf_str(&text));
    unsigned seen = 0;
    while (words.data) {
        struct str word = str_cut(&words, ' ');
        seen |= str_is(word, "cpu")      ? 1U
                : str_is(word, "memory") ? 2U
                : str_is(word, "pids")   ? 4U
                                         : 0U;
    }
    return seen == 7U;
}

struct cgroups *cgroups_open(const char *parent)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT((size_t)4 << 20);
    struct cgroups *cgroups = xcalloc(1, sizeof(*cgroups));
    cgroups->parent = xstrdup(parent);
    if (!file_read("/proc/self/mounts", &text, &ignored))
        return cgroups;
    struct str lines = buf_str(&text);
    while (lines.data) {
        struct str line = str_cut(&lines, '\n');
        (void)str_cut(&line, ' '); /* the device says nothing */
        struct str where = str_cut(&line, ' '), kind = str_cut(&line, ' ');
        if (str_is(kind, "cgroup") || str_is(kind, "cgroup2"))
            note_hierarchy(cgroups, where, kind, str_cut(&line, ' '));
    }
    cgroups->unified_controls = cgroups->unified && unified_has_controllers(cgroups->unified);
    return cgroups;
}

void cgroups_free(struct cgroups *cgroups)
{
    if (!cgroups)
        return;
    for (size_t i = 0; i < cgroups->mount_count; i++)
        free(cgroups->mounts[i]);
    free(cgroups->parent);
    free(cgroups);
}

const char *cgroups_parent(const struct cgroups *cgroups)
{
    return cgroups->parent;
}

/* ---- files of one group ---- */

static char *group_file(const struct cgroups *cgroups, const char *mount, const char *path,
                        const char *file)
{
    return xasprintf("%s/%s%s%s%s%s", mount, cgroups->parent, *path ? "/" : "", path,
                     *file ? "/" : "", file);
}

static bool group_write(const struct cgroups *cgroups, const char *mount, const char *path,
                        const char *file, const char *text)
{
    CLEANUP(free_ptr) char *name = group_file(cgroups, mount, path, file);
    CLEANUP(close_fd) int fd = open(name, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool group_read(const struct cgroups *cgroups, const char *mount, const char *path,
                       const char *file, struct buf *out)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(free_ptr) char *name = group_file(cgroups, mount, path, file);
    return mount && file_read(name, out, &ignored) && buf_ok(out) && out->data;
}

/* The number in a file that holds one, or behind `key` in one that holds "key number" lines. */
static bool group_number(const struct cgroups *cgroups, const char *mount, const char *path,
                         const char *file, const char *key, int64_t *number)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(65536);
    if (!group_read(cgroups, mount, path, file, &text))
        return false;
    struct str lines = buf_str(&text);
    while (lines.data) {
        struct str line = str_cut(&lines, '\n');
        if (!key)
            return parse_i64(str_trim(line), 0, INT64_MAX, number);
        if (str_is(str_cut(&line, ' '), key))
            return parse_i64(str_trim(line), 0, INT64_MAX, number);
    }
    return false;
}

/* ---- making ---- */

static bool pass_controllers(const char *group)
{
    static const char all[] = "+cpu +memory +pids";
    CLEANUP(free_ptr) char *control = xasprintf("%s/cgroup.subtree_control", group);
    CLEANUP(close_fd) int fd = open(control, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, all, strlen(all)) == (ssize_t)strlen(all);
}

/* mkdir -p of the group below one mount; on the unified one each level passes its controllers on.
 */
static bool make_group(const struct cgroups *cgroups, const char *mount, const char *path,
                       struct error *err)
{
    CLEANUP(free_ptr) char *name = group_file(cgroups, mount, path, "");
    bool controls = mount == cgroups->unified && cgroups->unified_controls;
    if (controls)
        (void)pass_controllers(mount); /* somebody did, or the next level says what is wrong */
    for (char *at = name + strlen(mount) + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        bool last = *at == '\0';
        *at = '\0';
        if (mkdir(name, 0755) != 0 && errno != EEXIST)
            return error_system(err, "make the control group %s", name);
        if (last)
            return true;
        if (controls && !pass_controllers(name))
            return error_system(err, "enable controllers in %s", name);
        *at = '/';
    }
}

/* Shares (2..262144) to weight (1..10000), as the OCI runtimes convert. */
static int64_t weight_of_shares(int64_t shares)
{
    int64_t bounded = shares < 2 ? 2 : shares > 262144 ? 262144 : shares;
    return 1 + ((bounded - 2) * 9999) / 262142;
}

/* One limit's file and text in either version. */
static bool put(struct cgroups *cgroups, enum controller controller, const char *path,
                const char *v1_file, const char *unified_file, const char *v1_text,
                const char *unified_text)
{
    if (cgroups->v1[controller])
        return group_write(cgroups, cgroups->v1[controller], path, v1_file, v1_text);
    errno = ENODEV;
    return cgroups->unified_controls &&
           group_write(cgroups, cgroups->unified, path, unified_file, unified_text);
}

static bool put_number(struct cgroups *cgroups, enum controller controller, const char *path,
                       const char *v1_file, const char *unified_file, int64_t v1_value,
                       int64_t unified_value)
{
    CLEANUP(free_ptr) char *v1_text = xasprintf("%lld", (long long)v1_value);
    CLEANUP(free_ptr) char *unified_text = xasprintf("%lld", (long long)unified_value);
    return put(cgroups, controller, path, v1_file, unified_file, v1_text, unified_text);
}

static bool put_quota(struct cgroups *cgroups, const char *path, int64_t quota_us)
{
    CLEANUP(free_ptr)
    char *quota = xasprintf("%lld", (long long)(quota_us < 1000 ? 1000 : quota_us));
    CLEANUP(free_ptr) char *both = xasprintf("%s %d", quota, CPU_PERIOD_US);
    return put(cgroups, CONTROLLER_CPU, path, "cpu.cfs_quota_us", "cpu.max", quota, both);
}

/* What a container may open or make: the devices of its own /dev. Anything may be mknod-ed, not
 * opened. */
static const char *const devices_allowed[] = {
    "c *:* m",   "b *:* m",   "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm",   "c 1:8 rwm",
    "c 1:9 rwm", "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm",
};

static bool restrict_devices(struct cgroups *cgroups, const char *path, struct error *err)
{
    const char *mount = cgroups->v1[CONTROLLER_DEVICES];
    if (!mount && cgroups->unified) {
        CLEANUP(free_ptr) char *name = group_file(cgroups, cgroups->unified, path, "");
        CLEANUP(close_fd) int group = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return group < 0 ? error_system(err, "open %s", name) : cgroup_devices_restrict(group, err);
    }
    if (!mount)
        return true; /* every mount in a container is nodev as well; this is the second lock */
    if (!group_write(cgroups, mount, path, "devices.deny", "a"))
        return error_system(err, "restrict the devices of %s", path);
    for (size_t i = 0; i < ARRAY_LEN(devices_allowed); i++)
        if (!group_write(cgroups, mount, path, "devices.allow", devices_allowed[i]))
            return error_system(err, "allow device \"%s\" to %s", devices_allowed[i], path);
    return true;
}

/* On the unified hierarchy a container is killed as a whole, and does not go to swap before it is;
 * as the kubelet has it. */
static bool put_memory(struct cgroups *cgroups, const char *path, int64_t max_bytes)
{
    if (!put_number(cgroups, CONTROLLER_MEMORY, path, "memory.limit_in_bytes", "memory.max",
                    max_bytes, max_bytes))
        return false;
    if (!cgroups->v1[CONTROLLER_MEMORY]) {
        (void)group_write(cgroups, cgroups->unified, path, "memory.swap.max",
                          "0"); /* a kernel without swap has no such file */
        (void)group_write(cgroups, cgroups->unified, path, "memory.oom.group", "1");
    }
    return true;
}

static bool set_limits(struct cgroups *cgroups, const char *path,
                       const struct cgroup_limits *limits, struct error *err)
{
    const char *what = NULL;
    if (limits->cpu_shares && !put_number(cgroups, CONTROLLER_CPU, path, "cpu.shares", "cpu.weight",
                                          limits->cpu_shares, weight_of_shares(limits->cpu_shares)))
        what = "CPU shares";
    else if (limits->cpu_quota_us && !put_quota(cgroups, path, limits->cpu_quota_us))
        what = "CPU quota";
    else if (limits->memory_max_bytes && !put_memory(cgroups, path, limits->memory_max_bytes))
        what = "memory limit";
    else if (limits->pids_max && !put_number(cgroups, CONTROLLER_PIDS, path, "pids.max", "pids.max",
                                             limits->pids_max, limits->pids_max))
        what = "process limit";
    if (what)
        return error_system(err, "set the %s of %s", what, path);
    return !limits->devices_restricted || restrict_devices(cgroups, path, err);
}

/* The cpuset hierarchy is left alone: a new group in it has no CPUs until it is given some. */
bool cgroup_create(struct cgroups *cgroups, const char *path, const struct cgroup_limits *limits,
                   struct error *err)
{
    for (size_t i = 0; i < cgroups->mount_count; i++) {
        bool made = false;
        for (int attempt = 0; attempt < 3 && !made;
             attempt++) { /* another sandbox's end may remove the parent */
            error_clear(err);
            made = make_group(cgroups, cgroups->mounts[i], path, err);
        }
        if (!made)
            return false;
    }
    return set_limits(cgroups, path, limits, err);
}

bool cgroup_enter(struct cgroups *cgroups, const char *path, pid_t pid, struct error *err)
{
    CLEANUP(free_ptr) char *text = xasprintf("%d", (int)pid);
    for (size_t i = 0; i < cgroups->mount_count; i++)
        if (!group_write(cgroups, cgroups->mounts[i], path, "cgroup.procs", text))
            return error_system(err, "enter the control group %s/%s", cgroups->mounts[i], path);
    return true;
}

/* ---- killing and removing ---- */

typedef bool (*group_fn)(const char *group, void *arg);

/* Calls `fn` for every group at and below `group`, children first. False when one call was. */
static bool walk(const char *group, unsigned depth, group_fn fn, void *arg)
{
    bool ok = true;
    char **names = depth < DEPTH_MAX ? dir_names(group) : xcalloc(1, sizeof(*names));
    for (size_t i = 0; names[i]; i++) {
        struct stat info;
        CLEANUP(free_ptr) char *below = xasprintf("%s/%s", group, names[i]);
        if (lstat(below, &info) == 0 && S_ISDIR(info.st_mode))
            ok = walk(below, depth + 1, fn, arg) && ok;
    }
    names_free(names);
    return fn(group, arg) && ok;
}

struct visit {
    cgroup_process_fn fn;
    void *arg;
};

/* Calls the visit's function for every process of one group. Always true. */
static bool visit_members(const char *group, void *arg)
{
    const struct visit *visit = arg;
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT((size_t)1 << 20);
    CLEANUP(free_ptr) char *file = xasprintf("%s/cgroup.procs", group);
    if (!file_read(file, &text, &ignored))
        return true;
    struct str lines = buf_str(&text);
    while (lines.data) {
        int64_t pid;
        /* 0 is a process of another pid namespace than ours: kill(0) would hit ourselves */
        if (parse_i64(str_cut(&lines, '\n'), 1, INT32_MAX, &pid))
            visit->fn(visit->arg, (pid_t)pid);
    }
    return true;
}

static void kill_process(void *arg, pid_t pid)
{
    (void)arg;
    (void)kill(pid, SIGKILL); /* gone is as good */
}

static bool count_members(const char *group, void *arg)
{
    size_t *count = arg;
    CLEANUP(free_ptr) char *file = xasprintf("%s/cgroup.procs", group);
    CLEANUP(close_fd) int fd = open(file, O_RDONLY | O_CLOEXEC);
    char byte;
    if (fd >= 0 && read(fd, &byte, 1) == 1)
        ++*count;
    return true;
}

void cgroup_kill(struct cgroups *cgroups, const char *path)
{
    struct visit all = {.fn = kill_process};
    if (cgroups->unified && group_write(cgroups, cgroups->unified, path, "cgroup.kill", "1"))
        return;
    for (size_t i = 0; i < cgroups->mount_count; i++) {
        CLEANUP(free_ptr) char *group = group_file(cgroups, cgroups->mounts[i], path, "");
        walk(group, 0, visit_members, &all);
    }
}

void cgroup_processes(struct cgroups *cgroups, const char *path, cgroup_process_fn fn, void *arg)
{
    struct visit visit = {fn, arg};
    if (cgroups->mount_count == 0)
        return;
    CLEANUP(free_ptr) char *group = group_file(cgroups, cgroups->mounts[0], path, "");
    walk(group, 0, visit_members, &visit);
}

bool cgroup_is_empty(struct cgroups *cgroups, const char *path)
{
    size_t count = 0;
    for (size_t i = 0; i < cgroups->mount_count && count == 0; i++) {
        CLEANUP(free_ptr) char *group = group_file(cgroups, cgroups->mounts[i], path, "");
        walk(group, 0, count_members, &count);
    }
    return count == 0;
}

static bool remove_group(const char *group, void *arg)
{
    (void)arg;
    return rmdir(group) == 0 || errno == ENOENT;
}

bool cgroup_remove(struct cgroups *cgroups, const char *path, int64_t timeout_ms, struct error *err)
{
    int64_t deadline = clock_mono_ns() + timeout_ms * 1000000;
    for (int wait_ms = 1;; wait_ms = wait_ms < 32 ? wait_ms * 2 : wait_ms) {
        bool gone = true;
        if (!cgroup_is_empty(cgroups, path))
            cgroup_kill(cgroups, path);
        for (size_t i = 0; i < cgroups->mount_count; i++) {
            CLEANUP(free_ptr) char *group = group_file(cgroups, cgroups->mounts[i], path, "");
            gone = walk(group, 0, remove_group, NULL) && gone;
        }
        if (gone)
            return true;
        if (clock_mono_ns() > deadline)
            return error_set(err, ERROR_TIMEOUT, "the control group %s does not empty", path);
        (void)poll(NULL, 0, wait_ms);
    }
}

void cgroups_remove_parent(struct cgroups *cgroups)
{
    for (size_t i = 0; i < cgroups->mount_count; i++) {
        CLEANUP(free_ptr)
        char *holders = group_file(cgroups, cgroups->mounts[i], CGROUP_HOLDERS, "");
        CLEANUP(free_ptr) char *group = group_file(cgroups, cgroups->mounts[i], "", "");
        (void)rmdir(holders);
        (void)rmdir(group); /* not empty: another sandbox lives in it */
    }
}

size_t cgroup_views(struct cgroups *cgroups, const char *path,
                    struct cgroup_view views[CGROUP_VIEWS_MAX])
{
    size_t count = 0;
    _Static_assert(CONTROLLER_COUNT <= CGROUP_VIEWS_MAX, "each controller has a place");
    for (size_t i = 0; i < CONTROLLER_COUNT; i++)
        if (cgroups->v1[i])
            views[count++] = (struct cgroup_view){controller_names[i],
                                                  group_file(cgroups, cgroups->v1[i], path, "")};
    return count;
}

/* ---- counters ---- */

int64_t cgroup_oom_kills(struct cgroups *cgroups, const char *path)
{
    int64_t count = 0;
    if (cgroups->v1[CONTROLLER_MEMORY])
        (void)!group_number(cgroups, cgroups->v1[CONTROLLER_MEMORY], path, "memory.oom_control",
                            "oom_kill", &count);
    else if (cgroups->unified_controls)
        (void)!group_number(cgroups, cgroups->unified, path, "memory.events", "oom_kill", &count);
    return count;
}

static bool usage_v1(struct cgroups *cgroups, const char *path, int64_t *cpu_ns,
                     int64_t *memory_bytes)
{
    int64_t inactive = 0;
    const char *memory = cgroups->v1[CONTROLLER_MEMORY];
    if (!group_number(cgroups, cgroups->v1[CONTROLLER_CPUACCT], path, "cpuacct.usage", NULL,
                      cpu_ns) ||
        !group_number(cgroups, memory, path, "memory.usage_in_bytes", NULL, memory_bytes))
        return false;
    if (group_number(cgroups, memory, path, "memory.stat", "total_inactive_file", &inactive))
        *memory_bytes -= inactive < *memory_bytes ? inactive : *memory_bytes;
    return true;
}

/* Working set: what is used less the page cache that is not in use, as the kubelet reports it. */
bool cgroup_usage(struct cgroups *cgroups, const char *path, int64_t *cpu_ns, int64_t *memory_bytes)
{
    int64_t cpu_us = 0, inactive = 0;
    if (cgroups->v1[CONTROLLER_MEMORY] && cgroups->v1[CONTROLLER_CPUACCT])
        return usage_v1(cgroups, path, cpu_ns, memory_bytes);
    if (!cgroups->unified_controls ||
        !group_number(cgroups, cgroups->unified, path, "cpu.stat", "usage_usec", &cpu_us) ||
        !group_number(cgroups, cgroups->unified, path, "memory.current", NULL, memory_bytes))
        return false;
    if (group_number(cgroups, cgroups->unified, path, "memory.stat", "inactive_file", &inactive))
        *memory_bytes -= inactive < *memory_bytes ? inactive : *memory_bytes;
    *cpu_ns = cpu_us * 1000;
    return true;
}
