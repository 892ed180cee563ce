/* runtime/process.h: starting a process in a container: its first one, or one more by exec.
 *
 * Two forks: the first child joins the control group and the sandbox's namespaces and makes (or
 * joins) the pid namespace; its child is the process, which is left to the shim (a subreaper) as
 * its parent. Errors travel over a socket that exec closes. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/json.h"
#include "runtime/cgroup.h"
#include "runtime/namespaces.h"
#include "runtime/seccomp.h"

struct process_plan {
    const json_t *spec; /* container_spec.h; frozen */
    const json_t *argv; /* what to run: array of strings */
    const char *dir, *sandbox_dir;
    const struct namespaces *namespaces;
    uid_t user_base;
    bool host_pid, tty;
    pid_t pid_target; /* whose pid namespace a first process joins; 0: the sandbox's, or its own */
    pid_t join;       /* exec: the container's first process; 0: this is the first one */
    int stdio[3];     /* without a terminal */
    struct cgroups *cgroups;
    const char *cgroup;
    uint64_t caps;
    const struct seccomp_program *seccomp;
};
struct process {
    pid_t pid;
    int master; /* the terminal's; -1 without */
};
/* Returns when the program has been executed, or failed to be. Blocks for 30 s at most.
 * Single-threaded callers only. */
MUST_CHECK bool process_start(const struct process_plan *plan, struct process *started,
                              struct error *err);
