/* runtime/runtime.h: containers on this machine: sandboxes, containers, exec, logs. Knows no
 * Kubernetes.
 *
 * A sandbox (a Pod's shared namespaces) is held by one `warren shim` process, spawned here,
 * single-threaded, that makes the namespaces, starts the containers, writes their logs (CRI format)
 * and keeps their exit codes on disk, so that all of it outlives the caller. State lives below
 * `root`; runtime_open finds what is running from before. Blocking calls; any thread (one call at a
 * time for one sandbox). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

struct runtime;

struct runtime_options {
    const char *root;          /* state, images, overlays: DIR/{sandboxes,images,...} */
    const char *shim_path;     /* the warren binary; run as `warren shim ...` */
    const char *cgroup_parent; /* "warren": below each controller (v1) or the unified root (v2) */
};
struct runtime *runtime_open(const struct runtime_options *options, struct error *err);
void runtime_close(struct runtime *runtime); /* containers keep running */

struct sandbox_config {
    const char *id; /* [a-z0-9-]{1,63}, the caller's */
    const char *hostname;
    bool host_network, host_pid, share_pid;
    bool user_namespace;     /* map 0..65535 to a range of its own */
    const char *resolv_conf; /* contents of /etc/resolv.conf; NULL: the host's */
    const char *hosts;       /* contents of /etc/hosts */
    int64_t cpu_shares, cpu_quota_us, memory_max_bytes, pids_max; /* of the Pod cgroup; 0: none */
    const char *log_dir;        /* where the containers' logs go */
    const char *const *sysctls; /* "name=value", NULL-ended; may be NULL */
};
MUST_CHECK bool sandbox_start(struct runtime *runtime, const struct sandbox_config *config,
                              struct error *err);
/* Path of the network namespace, for CNI: owned. */
MUST_CHECK bool sandbox_netns(struct runtime *runtime, const char *id, char **path,
                              struct error *err);
/* Kills what is left, waits for it, removes mounts, cgroups, namespaces and state. Succeeds when
 * there is none. */
MUST_CHECK bool sandbox_remove(struct runtime *runtime, const char *id, struct error *err);
/* Ids of all sandboxes, NULL-ended, owned. */
char **sandbox_list(struct runtime *runtime);

struct container_mount {
    const char *source, *target; /* source on the host; target in the container */
    const char *tmpfs_size; /* not NULL: a tmpfs of this size ("64m", "") instead of `source` */
    bool read_only;
};
struct container_config {
    const char *name;  /* unique in the sandbox over its life: "hello-0", attempt included */
    const char *image; /* reference or digest, present (image.h) */
    const char *const
        *args; /* replaces Entrypoint and Cmd when command is given, else Cmd; NULL-ended or NULL */
    const char *const *command;
    const char *const *env;  /* "K=V", NULL-ended; after the image's */
    const char *working_dir; /* NULL: the image's */
    const struct container_mount *mounts;
    size_t mount_count;
    int64_t uid, gid;      /* -1: the image's user */
    const int64_t *groups; /* supplementary */
    size_t group_count;
    bool must_not_be_root; /* refuse to start when the user turns out to be 0 */
    bool read_only_root, privileged, no_new_privs, tty, stdin_open, stdin_once;
    const char *pid_target; /* a running container whose processes it sees as its own; NULL: none */
    const char *const *caps_add, *const *caps_drop; /* "NET_ADMIN", "ALL"; NULL-ended or NULL */
    const char *seccomp; /* "unconfined", "runtime/default" (NULL too), or a profile's path */
    int64_t cpu_shares, cpu_quota_us, memory_max_bytes, pids_max; /* 0: none */
    int oom_score_adj;
    const char *log_path;  /* file, CRI format; rotated past log_max_bytes into .1 */
    int64_t log_max_bytes; /* 0: 10 MiB */
};
/* When its process cannot be what was asked for (no such command, no such user: INVALID) the
 * container stays all the same, as one that exited with 128; after other failures nothing of it is
 * left. */
MUST_CHECK bool container_start(struct runtime *runtime, const char *sandbox,
                                const struct container_config *config, struct error *err);
MUST_CHECK bool container_signal(struct runtime *runtime, const char *sandbox, const char *name,
                                 int signal, struct error *err);
/* Its rootfs and state; it must have ended. */
MUST_CHECK bool container_remove(struct runtime *runtime, const char *sandbox, const char *name,
                                 struct error *err);

enum container_phase { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED };
struct container_status {
    char *name, *image, *image_digest; /* owned */
    char *start_error;                 /* owned; not NULL: it exited without having run, and why */
    enum container_phase phase;
    pid_t pid; /* in the host's namespace */
    int exit_code, exit_signal;
    bool oom_killed;
    int64_t started_us, finished_us;
};
void container_status_clear(struct container_status *status);
MUST_CHECK bool container_statuses(struct runtime *runtime, const char *sandbox,
                                   struct container_status **statuses, size_t *count,
                                   struct error *err);
/* Readable whenever a container of any sandbox changed phase; read with runtime_next_event. */
int runtime_event_fd(struct runtime *runtime);
/* The sandbox that changed, owned; NULL when there is none waiting. */
char *runtime_next_event(struct runtime *runtime);

/* ---- exec and attach: file descriptors to pump ---- */
struct exec_config {
    const char *container;
    const char *const *argv; /* NULL: attach to the container's own stdio */
    bool tty, want_stdin, want_stdout, want_stderr;
};
struct exec_session {
    int stdin_fd, stdout_fd,
        stderr_fd; /* -1 where absent; with a tty stdin and stdout are the terminal */
    int wait_fd;   /* becomes readable with 4 bytes (int, native): the exit code, 128+signal when
                      killed */
};
MUST_CHECK bool exec_start(struct runtime *runtime, const char *sandbox,
                           const struct exec_config *config, struct exec_session *session,
                           struct error *err);
MUST_CHECK bool exec_resize(struct exec_session *session, unsigned columns, unsigned rows,
                            struct error *err);
/* Closes the descriptors. A process of exec_start that still runs is killed; a container that was
 * attached to runs on. */
void exec_close(struct exec_session *session);
/* A TCP connection from inside the sandbox's network namespace to an IPv4 address, or, with NULL,
 * to 127.0.0.1 (then ::1); the caller's descriptor. */
MUST_CHECK bool sandbox_connect(struct runtime *runtime, const char *sandbox, const char *address,
                                unsigned port, int *fd, struct error *err);

/* Usage so far, for metering and `kubectl top`: CPU time, and the working set. Of a sandbox or
 * container from its control group; where there are no such counters from its processes, whose CPU
 * time may then go back when one ends. NOT_FOUND when there is nothing to be read. */
struct usage_sample {
    int64_t cpu_ns, memory_bytes, at_us;
};
MUST_CHECK bool sandbox_usage(struct runtime *runtime, const char *sandbox,
                              struct usage_sample *sample, struct error *err);
MUST_CHECK bool container_usage(struct runtime *runtime, const char *sandbox, const char *name,
                                struct usage_sample *sample, struct error *err);
/* Of the whole machine. */
MUST_CHECK bool machine_usage(struct usage_sample *sample, struct error *err);

/* The entry point of `warren shim`: argv as spawned above. Returns its exit status. */
int shim_main(int argc, char **argv);
