/* A PostgreSQL that leaves nothing behind: a helper process waits for our end and then removes the
 * directory. */
#include "store/postgres_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

extern char **environ;

/* Reads until we are gone, ends the postmaster if it lives on, then removes what is left. */
static const char reaper_script[] =
    "cat >/dev/null; pid=$(head -n1 \"$1/data/postmaster.pid\" 2>/dev/null); "
    "if [ -n \"$pid\" ] && [ \"$(readlink \"/proc/$pid/cwd\")\" = \"$1/data\" ]; then kill -QUIT "
    "\"$pid\"; "
    "i=0; while [ $i -lt 100 ] && kill -0 \"$pid\" 2>/dev/null; do sleep 0.05; i=$((i+1)); done; "
    "fi; "
    "i=0; while ! rm -rf \"$1\" 2>/dev/null && [ $i -lt 50 ]; do sleep 0.1; i=$((i+1)); done";

static bool start_reaper(const char *dir, int *fd, pid_t *pid, struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return error_unavailable(err, "cannot make a pipe: %s", strerror(errno));
    const char *argv[] = {"sh", "-c", reaper_script, "sh", dir, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    int failure =
        posix_spawn(pid, "/bin/sh", &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    *fd = ends[1];
    return failure ? error_unavailable(err, "cannot start sh: %s", strerror(failure)) : true;
}

struct postgres *postgres_temp(struct error *err)
{
    char dir[] = "/tmp/warren-test-XXXXXX";
    int fd = -1;
    pid_t reaper = 0;
    if (!mkdtemp(dir) || chmod(dir, 0755)) {
        error_unavailable(err, "cannot make a directory below /tmp: %s", strerror(errno));
        return NULL;
    }
    if (!start_reaper(dir, &fd, &reaper, err)) {
        rmdir(dir);
        return NULL;
    }
    struct postgres *postgres =
        postgres_start(&(struct postgres_options){.dir = dir, .unsafe_fast = true}, err);
    if (!postgres) {
        close(fd);
        waitpid(reaper, NULL, 0);
        return NULL;
    }
    postgres->temp_dir = xstrdup(dir);
    postgres->reaper_fd = fd;
    postgres->reaper = reaper;
    return postgres;
}

void postgres_temp_end(struct postgres *postgres)
{
    if (postgres->reaper_fd < 0)
        return;
    close(postgres->reaper_fd);
    waitpid(postgres->reaper, NULL, 0);
}
