/* runtime/cgroup.h: control groups of both versions behind one small face.
 *
 * A group is named by its path below the parent, "SANDBOX" or "SANDBOX/CONTAINER", and exists at
 * that path in every hierarchy that this machine has: each v1 controller's, and the unified one,
 * which on some hosts has all the controllers and on others none and is then only used to count and
 * kill. Any thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct cgroups; /* which hierarchies are mounted; frozen after cgroups_open */

/* `parent` is one name ("warren"). Never NULL; without any hierarchy the other calls do nothing. */
struct cgroups *cgroups_open(const char *parent);
void cgroups_free(struct cgroups *cgroups);
const char *cgroups_parent(const struct cgroups *cgroups);
/* A group beside the sandboxes' ones, for the processes that hold them; removed with the parent. */
#define CGROUP_HOLDERS ".shim"

struct cgroup_limits {
    int64_t cpu_shares, cpu_quota_us, memory_max_bytes, pids_max; /* 0: none */
    bool devices_restricted; /* only the harmless devices of a container's /dev */
};
/* Makes the group (and its parents). Fails when a limit that was asked for cannot be set. */
MUST_CHECK bool cgroup_create(struct cgroups *cgroups, const char *path,
                              const struct cgroup_limits *limits, struct error *err);
/* Moves `pid` (0: the caller) into it, everywhere. */
MUST_CHECK bool cgroup_enter(struct cgroups *cgroups, const char *path, pid_t pid,
                             struct error *err);
/* SIGKILL to all that is in it and below it; does not wait. */
void cgroup_kill(struct cgroups *cgroups, const char *path);
/* True when no process is in it or below it. */
bool cgroup_is_empty(struct cgroups *cgroups, const char *path);
/* Calls fn(arg, pid) for every process in it and below it. */
typedef void (*cgroup_process_fn)(void *arg, pid_t pid);
void cgroup_processes(struct cgroups *cgroups, const char *path, cgroup_process_fn fn, void *arg);
/* Kills until it is empty, then removes it and what is below; gives up after `timeout_ms`. */
MUST_CHECK bool cgroup_remove(struct cgroups *cgroups, const char *path, int64_t timeout_ms,
                              struct error *err);
/* Removes the parent itself when nothing is left in it. */
void cgroups_remove_parent(struct cgroups *cgroups);

#define CGROUP_VIEWS_MAX 8
struct cgroup_view {
    const char *name; /* of the v1 controller; static */
    char *path;       /* the group's directory on the host; owned */
};
/* The group's directory in each v1 hierarchy that it is limited by; 0 where there is none. */
size_t cgroup_views(struct cgroups *cgroups, const char *path,
                    struct cgroup_view views[CGROUP_VIEWS_MAX]);

/* Processes of this group that the kernel killed for want of memory, so far. */
int64_t cgroup_oom_kills(struct cgroups *cgroups, const char *path);
/* False when there are no such counters. */
bool cgroup_usage(struct cgroups *cgroups, const char *path, int64_t *cpu_ns,
                  int64_t *memory_bytes);
