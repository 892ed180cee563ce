/* The shim's side of starting a process. */
#include "runtime/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/process_child.h"
#include "runtime/system_error.h"

#define START_TIMEOUT_NS INT64_C(30000000000)

/* One message, with the descriptor beside it if there is one. 0 at the end, -1 with an error. */
static ssize_t receive(int socket, char *text, size_t size, int *fd, int64_t deadline,
                       struct error *err)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    int64_t left_ms = (deadline - clock_mono_ns()) / 1000000;
    struct pollfd poller = {.fd = socket, .events = POLLIN};
    int ready;
    do
        ready = left_ms > 0 ? poll(&poller, 1, (int)left_ms) : 0;
    while (ready < 0 && errno == EINTR);
    if (ready <= 0) {
        error_set(err, ERROR_TIMEOUT, "the container's process does not start");
        return -1;
    }
    struct iovec piece = {text, size};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    /* A child that ended without reading PROCESS_GO: the kernel says so once, before it hands out
     * what the child had written. */
    if (got < 0 && errno == ECONNRESET)
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header && header->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(header), sizeof(*fd));
    if (got < 0)
        error_system(err, "read from the container's process");
    return got;
}

/* Reads until the children have let go of the socket. */
static bool follow(int socket, pid_t first, struct process *started, struct error *err)
{
    char text[PROCESS_MESSAGE_MAX + 1];
    int64_t deadline = clock_mono_ns() + START_TIMEOUT_NS;
    for (;;) {
        ssize_t got = receive(socket, text, sizeof(text) - 1, &started->master, deadline, err);
        if (got < 0)
            return false;
        if (got == 0)
            return started->pid > 0
                       ? true
                       : error_set(err, ERROR_INTERNAL, "the container's process did not start");
        text[got] = '\0';
        if (text[0] == PROCESS_ERROR)
            return error_set(err, ERROR_INVALID, "%s", text + 1);
        if (text[0] == PROCESS_PID && got == 1 + (ssize_t)sizeof(pid_t)) {
            memcpy(&started->pid, text + 1, sizeof(pid_t));
            (void)waitpid(first, NULL,
                          0); /* it ends after this message: then the process is our own child */
            char go = PROCESS_GO;
            (void)!send(socket, &go, 1,
                        MSG_NOSIGNAL); /* when it died meanwhile the next read says so */
        }
    }
}

bool process_start(const struct process_plan *plan, struct process *started, struct error *err)
{
    int pair[2];
    *started = (struct process){0, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return error_system(err, "socketpair");
    CLEANUP(close_fd) int ours = pair[0];
    pid_t first = fork();
    if (first == 0) {
        close(pair[0]);
        process_child(plan, pair[1]);
    }
    close(pair[1]);
    if (first < 0)
        return error_system(err, "fork");
    if (follow(ours, first, started, err))
        return true;
    (void)kill(started->pid > 0 ? started->pid : first, SIGKILL);
    (void)waitpid(started->pid > 0 ? started->pid : first, NULL, 0);
    close_fd(&started->master);
    *started = (struct process){0, -1};
    return false;
}
