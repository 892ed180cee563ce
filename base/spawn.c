/* posix_spawn with pipes, drained by poll until the program ends or its time is over. */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

extern char **environ;

#define CHUNK 16384

struct job {
    pid_t pid;
    int in, out, err; /* our ends; -1 when closed */
    struct str input;
    struct buf *texts[2]; /* of out and err; NULL: thrown away */
    size_t output_max;
    int64_t deadline_mono_ns;
};

static bool make_pipes(int pipes[3][2], struct error *err)
{
    for (int i = 0; i < 3; i++)
        if (pipe2(pipes[i], O_CLOEXEC) < 0)
            return error_internal(err, "cannot make a pipe: %s", strerror(errno));
    return true;
}

static void close_pipes(int pipes[3][2])
{
    for (int i = 0; i < 3; i++)
        for (int end = 0; end < 2; end++)
            close_fd(&pipes[i][end]);
}

static int start(const struct spawn_options *options, int pipes[3][2], pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[0][0], 0);
    posix_spawn_file_actions_adddup2(&actions, pipes[1][1], 1);
    posix_spawn_file_actions_adddup2(&actions, pipes[2][1], 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    /* posix_spawn does not write to argv and envp, whatever its prototype says. */
    int failed = posix_spawnp(pid, options->argv[0], &actions, &attributes,
                              (char *const *)(uintptr_t)options->argv,
                              options->envp ? (char *const *)(uintptr_t)options->envp : environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static void close_end(int *fd)
{
    close_fd(fd);
    *fd = -1;
}

static void feed(struct job *job)
{
    ssize_t put = job->input.len ? write(job->in, job->input.data, job->input.len) : -1;
    if (put < 0 && errno == EAGAIN && job->input.len)
        return;
    if (put > 0) {
        job->input.data += put;
        job->input.len -= (size_t)put;
    }
    if (put < 0 || !job->input.len)
        close_end(&job->in);
}

static void drain(const struct job *job, int *fd, struct buf *text)
{
    char chunk[CHUNK];
    ssize_t got = read(*fd, chunk, sizeof(chunk));
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        close_end(fd);
        return;
    }
    if (text && text->len < job->output_max) {
        size_t room = job->output_max - text->len;
        buf_add(text, chunk, (size_t)got < room ? (size_t)got : room);
    }
}

/* False when the time is over. */
static bool pump(struct job *job)
{
    while (job->out >= 0 || job->err >= 0) {
        int64_t left_ms = (job->deadline_mono_ns - clock_mono_ns()) / 1000000;
        if (left_ms <= 0)
            return false;
        struct pollfd fds[] = {{job->in, POLLOUT, 0}, {job->out, POLLIN, 0}, {job->err, POLLIN, 0}};
        if (poll(fds, 3, (int)(left_ms > 1000 ? 1000 : left_ms)) < 0 && errno != EINTR)
            return false;
        if (fds[0].revents)
            feed(job);
        if (fds[1].revents)
            drain(job, &job->out, job->texts[0]);
        if (fds[2].revents)
            drain(job, &job->err, job->texts[1]);
    }
    return true;
}

/* Waits for the end; false when it had to be killed. */
static bool reap(struct job *job, bool in_time, int *wait_status)
{
    while (in_time) {
        pid_t ended = waitpid(job->pid, wait_status, WNOHANG);
        if (ended == job->pid)
            return true;
        in_time = clock_mono_ns() < job->deadline_mono_ns;
        struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
    }
    kill(-job->pid, SIGKILL);
    while (waitpid(job->pid, wait_status, 0) < 0 && errno == EINTR)
        ;
    return false;
}

bool spawn_run(const struct spawn_options *options, int *wait_status, struct buf *out,
               struct buf *err_text, struct error *err)
{
    int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    int64_t timeout_ms = options->timeout_ms ? options->timeout_ms : 60000;
    struct job job = {.input = options->input,
                      .texts = {out, err_text},
                      .output_max = options->output_max ? options->output_max : (size_t)1 << 20,
                      .deadline_mono_ns = clock_mono_ns() + timeout_ms * 1000000};
    if (!make_pipes(pipes, err)) {
        close_pipes(pipes);
        return false;
    }
    int failed = start(options, pipes, &job.pid);
    if (failed) {
        close_pipes(pipes);
        return error_internal(err, "cannot run %s: %s", options->argv[0], strerror(failed));
    }
    job.in = pipes[0][1];
    job.out = pipes[1][0];
    job.err = pipes[2][0];
    pipes[0][1] = pipes[1][0] = pipes[2][0] = -1;
    close_pipes(pipes);
    for (const int *fd = (int[]){job.in, job.out, job.err, -1}; *fd >= 0; fd++)
        fcntl(*fd, F_SETFL, O_NONBLOCK);
    if (!job.input.len)
        close_end(&job.in);
    bool ended = reap(&job, pump(&job), wait_status);
    close_end(&job.in);
    close_end(&job.out);
    close_end(&job.err);
    return ended || error_set(err, ERROR_TIMEOUT, "%s did not end within %lld ms", options->argv[0],
                              (long long)timeout_ms);
}
