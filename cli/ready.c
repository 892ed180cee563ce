#include "cli/ready.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"

void ready_tell(const char *fd_text)
{
    int64_t fd;
    if (!fd_text || !parse_i64(str_of(fd_text), 3, 1 << 20, &fd))
        return;
    (void)!write((int)fd, "ready\n", 6); /* nobody listens any more: nothing is lost */
    (void)close((int)fd);
}

bool ready_die_with_parent(const char *pid_text)
{
    int64_t pid;
    return parse_i64(str_of(pid_text), 1, INT32_MAX, &pid) &&
           prctl(PR_SET_PDEATHSIG, SIGHUP) == 0 && getppid() == (pid_t)pid;
}

static void handled(sigset_t *set)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    sigemptyset(set);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        sigaddset(set, signals[i]);
}

void ready_block_signals(void)
{
    sigset_t set;
    handled(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* cannot fail with these arguments */
}

int ready_wait_signal(int timeout_ms)
{
    sigset_t set;
    handled(&set);
    const struct timespec timeout = {.tv_sec = timeout_ms / 1000,
                                     .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
    int got = timeout_ms < 0 ? sigwaitinfo(&set, NULL) : sigtimedwait(&set, NULL, &timeout);
    return got > 0 ? got : 0;
}
