/* runtime/shim_internal.h: the shim's own parts, for its files only.
 *
 * One process, one thread, one epoll loop. A `struct source` is what the loop watches; it is
 * embedded in its owner, and the loop takes one event at a time, so that an owner may be freed from
 * within its own handler. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "runtime/cgroup.h"
#include "runtime/container_log.h"
#include "runtime/frame.h"
#include "runtime/namespaces.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"

struct shim;
struct source {
    int fd; /* -1: not watched */
    void (*ready)(struct shim *shim, struct source *source);
};

/* One who looks at a container's output, or writes to its input. */
struct attachment {
    struct source wait; /* a pipe that gets the exit code; breaks when they have gone */
    struct attachment *next;
    struct shim_container *container;
    int out[2]; /* stdout, stderr: pipes to them, -1 when not wanted */
};

struct shim_container {
    struct shim_container *next;
    struct shim *shim;
    char *name, *dir, *cgroup;
    json_t *spec;
    enum container_phase phase;
    pid_t pid;
    int exit_code, exit_signal;
    bool oom_killed;
    char *start_error; /* not NULL: its process never ran, and why */
    bool unsaved;      /* its status could not be written: a full disk */
    int64_t started_us, finished_us;
    int stdin_fd; /* our end of its input; -1: closed, or a terminal */
    struct stream {
        struct source source; /* a pipe, or the terminal's master (in streams[0]) */
        struct shim_container *container;
        enum log_stream kind;
    } streams[2];
    struct container_log *log;
    struct attachment *attachments;
    uint64_t caps;
    const struct seccomp_program *seccomp; /* the shim's */
};

struct shim_exec {
    struct source wait; /* as above: when nobody waits any more the process is killed */
    struct shim_exec *next;
    pid_t pid;
};

struct seccomp_slot {
    struct seccomp_slot *next;
    char *profile;
    uint64_t caps;
    struct seccomp_program *program;
};

struct shim {
    char *root, *id, *dir; /* dir: ROOT/sandboxes/ID */
    json_t *config;
    struct cgroups *cgroups;
    struct namespaces namespaces;
    uid_t user_base;
    int epoll;
    struct source listener, signals;
    size_t connection_count;
    struct shim_container *containers;
    struct shim_exec *execs;
    struct seccomp_slot *seccomp;
    bool event_waiting; /* the caller's queue was full; tried again soon */
    bool unsaved;       /* some container's status is */
    bool stopping;
};

/* ---- the loop (shim.c) ---- */
MUST_CHECK bool shim_watch(struct shim *shim, struct source *source, struct error *err);
void shim_unwatch(struct shim *shim, struct source *source); /* and closes it */
/* Tells the caller that something changed here. */
void shim_notify(struct shim *shim);
/* Compiled once for each profile and capability set. Borrowed. */
const struct seccomp_program *shim_seccomp(struct shim *shim, const char *profile, uint64_t caps,
                                           struct error *err);

/* ---- containers (shim_container.c) ---- */
struct shim_container *shim_container_find(struct shim *shim, const char *name);
/* From spec.json in its directory. */
MUST_CHECK bool shim_container_start(struct shim *shim, const char *name, struct error *err);
MUST_CHECK bool shim_container_signal(struct shim *shim, const char *name, int signal,
                                      struct error *err);
/* Forgets one that has ended. */
MUST_CHECK bool shim_container_forget(struct shim *shim, const char *name, struct error *err);
void shim_container_ended(struct shim_container *container, int wait_status);
/* Writes the statuses that could not be written before. */
void shim_containers_save(struct shim *shim);

/* ---- streams (shim_stream.c) ---- */
/* Takes `fd`: one of the container's outputs, without waiting. */
MUST_CHECK bool shim_stream_watch(struct shim_container *container, enum log_stream kind, int fd,
                                  struct error *err);
/* Reads what is there, into the log and to who is attached. */
void shim_stream_drain(struct shim *shim, struct source *source);
/* Descriptors for the asker in `fds`, their names in the array `names`. */
MUST_CHECK bool shim_attach(struct shim_container *container, const json_t *request,
                            struct frame_fds *fds, json_t *names, struct error *err);
/* Gives every onlooker the exit code and lets go of them. */
void shim_attachments_end(struct shim_container *container, int code);

/* ---- exec and connect (shim_exec.c) ---- */
MUST_CHECK bool shim_exec(struct shim_container *container, const json_t *request,
                          struct frame_fds *fds, json_t *names, struct error *err);
/* True when `pid` was one of ours. */
bool shim_exec_ended(struct shim *shim, pid_t pid, int wait_status);
/* Forks a child that connects (to the loopback address if `address` is NULL) and answers on
 * `socket` by itself. */
MUST_CHECK bool shim_connect(struct shim *shim, const char *address, int64_t port, int socket,
                             struct error *err);

/* {"error": {...}} as shims send it; the other way in runtime_client.c. */
json_t *shim_error_reply(const struct error *err);
/* 128 + signal, or the exit code. */
int shim_exit_code(int wait_status, int *signal);
