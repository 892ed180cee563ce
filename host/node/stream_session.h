/* host/node/stream_session.h: what runs on an upgraded connection until either side ends it.
 * Blocking. */
#pragma once
#include "base/strset.h"
#include "host/node/stream_wire.h"
#include "runtime/runtime.h"

#define SESSION_ARGUMENTS_MAX 1000
#define SESSION_PORTS_MAX     64

struct session {
    struct wire wire;
    struct runtime *runtime;
    int stop_fd; /* readable when the agent ends; borrowed */
    char *sandbox, *container;
    char **argv;      /* NULL: attach; NULL-ended */
    bool bare_errors; /* the error channel carries a text, and nothing when all is well */
    bool tty, want_stdin, want_stdout, want_stderr;
    struct log_source {                                     /* session_log */
        ssize_t (*read)(void *arg, char *out, size_t size); /* waits; 0 or less at the end */
        void (*free)(void *arg);                            /* NULL: there is no source */
        void *arg;                                          /* owned */
    } log;
    uint16_t ports[SESSION_PORTS_MAX]; /* of a port-forward on channels */
    size_t port_count;
    int pod_fd; /* session_bytes: the connection into the Pod; owned; -1: none */
};

/* exec and attach: pumps until the command has ended, then tells its Status. */
void session_exec(struct session *session);
/* A container's log, message by message. */
void session_log(struct session *session);
/* Port-forward: connections into the Pod's network. */
void session_forward(struct session *session);
/* One connection into the Pod, made before the upgrade, byte for byte: what the API server reaches
 * Pods through. */
void session_bytes(struct session *session);
/* The Status of an exit code, as the error channel carries it; appended. */
void session_exit_status(struct buf *out, int code);
void session_error_status(struct buf *out, const char *message);
