/* The directory of a private PostgreSQL: programs, initdb, and what a crash leaves behind. */
#include "store/postgres_internal.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"

#define VERSION_MIN    15
#define ORPHAN_WAIT_MS 30000
#define LOG_MAX_BYTES  (16 << 20)

extern char **environ;

static void pause_ms(long ms)
{
    struct timespec delay = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&delay, NULL);
}

/* "/usr/lib/postgresql/15/bin/postgres" → 15; 0 when it is not such a path. */
static int64_t version_of(const char *path)
{
    static const char prefix[] = "/usr/lib/postgresql/";
    struct str rest = str_of(path + sizeof(prefix) - 1);
    int64_t version;
    return parse_i64(str_cut(&rest, '/'), 0, 1000, &version) ? version : 0;
}

/* The version that made the data directory; 0 when there is none yet. */
static int64_t data_version(const struct postgres *postgres)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/PG_VERSION", postgres->data);
    char text[16] = "";
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    int64_t version;
    struct str number = str_trim((struct str){text, len > 0 ? (size_t)len : 0});
    return parse_i64(number, 1, 1000, &version) ? version : 0;
}

static bool find_programs(struct postgres *postgres, struct error *err)
{
    glob_t found = {0};
    int64_t want = data_version(postgres), best = 0;
    if (glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            int64_t version = version_of(found.gl_pathv[i]);
            if (version < VERSION_MIN || version < best || (want && version != want))
                continue;
            best = version;
            free(postgres->bin);
            postgres->bin =
                xstrndup(found.gl_pathv[i], strlen(found.gl_pathv[i]) - strlen("/postgres"));
        }
    }
    globfree(&found);
    if (best)
        return true;
    return error_unavailable(err,
                             "PostgreSQL %lld is not installed: run apt-get install postgresql",
                             (long long)(want ? want : VERSION_MIN));
}

static bool make_dir(const char *path, mode_t mode, const struct passwd *owner, struct error *err)
{
    if (mkdir(path, mode) && errno != EEXIST)
        return error_unavailable(err, "cannot make %s: %s", path, strerror(errno));
    if (owner && chown(path, owner->pw_uid, owner->pw_gid))
        return error_unavailable(err, "cannot give %s to %s: %s", path, owner->pw_name,
                                 strerror(errno));
    return true;
}

/* False when it is certain: the account's groups are not looked at, nor lists of access, whose mask
 * stands in the group's bits. */
static bool may_enter(const struct stat *dir, const struct passwd *account)
{
    return dir->st_mode & (dir->st_uid == account->pw_uid ? S_IXUSR : S_IXGRP | S_IXOTH);
}

/* PostgreSQL does not run as root: a directory below somebody's home is often closed to it. */
static bool check_way(const char *path, const struct passwd *account, struct error *err)
{
    CLEANUP(free_ptr) char *real = realpath(path, NULL);
    for (char *slash = real; slash && (slash = strchr(slash + 1, '/'));) {
        struct stat dir;
        *slash = '\0';
        if (stat(real, &dir) == 0 && !may_enter(&dir, account))
            return error_unavailable(err,
                                     "PostgreSQL runs as %s, which may not enter %s: choose a data "
                                     "directory elsewhere, such as /var/lib/warren, or run chmod "
                                     "o+x %s",
                                     account->pw_name, real, real);
        *slash = '/';
    }
    return true;
}

bool postgres_launch(const struct postgres *postgres, const char *const *argv, pid_t *pid,
                     struct error *err)
{
    const char *full[96] = {"setpriv", "--pdeathsig", "INT"};
    size_t count = 3;
    if (geteuid() == 0) {
        full[count++] = "--reuid=postgres";
        full[count++] = "--regid=postgres";
        full[count++] = "--init-groups";
    }
    full[count++] = "--";
    for (size_t i = 0; argv[i]; i++) {
        assert(count + 1 < ARRAY_LEN(full));
        full[count++] = argv[i];
    }
    full[count] = NULL;

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, postgres->log, O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failure = posix_spawnp(pid, "setpriv", &actions, &attributes,
                               (char *const *)(uintptr_t)full, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure ? error_unavailable(err, "cannot start %s: %s", argv[0], strerror(failure))
                   : true;
}

bool postgres_wait_child(pid_t pid, int64_t timeout_ms)
{
    int64_t deadline = clock_mono_ns() + timeout_ms * 1000000;
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && clock_mono_ns() < deadline)
        pause_ms(5);
    if (ended == 0) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        return false;
    }
    return ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

char *postgres_log_tail(const struct postgres *postgres)
{
    char text[2048];
    CLEANUP(close_fd) int fd = open(postgres->log, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    off_t from = size > (off_t)sizeof(text) ? size - (off_t)sizeof(text) : 0;
    ssize_t len = fd < 0 ? 0 : pread(fd, text, sizeof(text), from);
    struct str line = str_trim((struct str){text, len > 0 ? (size_t)len : 0});
    const char *last = line.len ? memrchr(line.data, '\n', line.len) : NULL;
    if (last)
        line = (struct str){last + 1, line.len - (size_t)(last + 1 - line.data)};
    return str_dup(line);
}

static bool init_data(struct postgres *postgres, struct error *err)
{
    CLEANUP(free_ptr) char *program = xasprintf("%s/initdb", postgres->bin);
    /* A failed initdb leaves nothing: a second attempt starts clean. */
    const char *argv[] = {program,
                          "-D",
                          postgres->data,
                          "-U",
                          "postgres",
                          "--auth=trust",
                          "--encoding=UTF8",
                          "--locale=C.UTF-8",
                          "--no-instructions",
                          postgres->unsafe_fast ? "--no-sync" : NULL,
                          NULL};
    pid_t pid;
    if (!postgres_launch(postgres, argv, &pid, err))
        return false;
    if (postgres_wait_child(pid, 120000))
        return true;
    CLEANUP(free_ptr) char *why = postgres_log_tail(postgres);
    return error_unavailable(err, "initdb failed in %s: %s", postgres->data, why);
}

/* Whether that process works in the data directory: the postmaster and its children do, all their
 * life. */
static bool works_in(const char *pid_text, const struct stat *data)
{
    char link[64];
    struct stat cwd;
    (void)snprintf(link, sizeof(link), "/proc/%s/cwd", pid_text);
    return stat(link, &cwd) == 0 && cwd.st_dev == data->st_dev && cwd.st_ino == data->st_ino;
}

/* Signals every process that works in the data directory; returns how many there are. */
static unsigned signal_orphans(const struct stat *data, int signal_number)
{
    unsigned count = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        int64_t pid;
        if (!parse_i64(str_of(entry->d_name), 2, INT32_MAX, &pid) || !works_in(entry->d_name, data))
            continue;
        count++;
        if (signal_number)
            kill((pid_t)pid, signal_number);
    }
    if (proc)
        closedir(proc);
    return count;
}

/* A postmaster whose caller was killed gets a fast shutdown. The lock file goes only when nobody is
 * left in the directory: the number in it may belong to somebody else by now. */
bool postgres_clear_orphans(const struct postgres *postgres, struct error *err)
{
    struct stat data;
    CLEANUP(free_ptr) char *lock = xasprintf("%s/postmaster.pid", postgres->data);
    if (access(lock, F_OK) || stat(postgres->data, &data))
        return true;
    int64_t start = clock_mono_ns();
    int64_t kill_after = start + (int64_t)ORPHAN_WAIT_MS * 1000000;
    for (int next = SIGINT; signal_orphans(&data, next); next = 0) {
        if (clock_mono_ns() > kill_after + (int64_t)5000 * 1000000)
            return error_unavailable(err, "a PostgreSQL still runs in %s and cannot be stopped",
                                     postgres->data);
        if (clock_mono_ns() > kill_after)
            signal_orphans(&data, SIGKILL);
        pause_ms(20);
    }
    if (unlink(lock) && errno != ENOENT)
        return error_unavailable(err, "cannot remove %s: %s", lock, strerror(errno));
    return true;
}

/* Who may reach the socket: its directory's group, when there is one. */
static bool admit_clients(const struct postgres *postgres, struct error *err)
{
    gid_t group = postgres->has_clients ? postgres->clients : (gid_t)-1;
    if (chown(postgres->run, (uid_t)-1, group) == 0 &&
        chmod(postgres->run, postgres->has_clients ? 0710 : 0700) == 0)
        return true;
    return error_unavailable(err, "cannot open %s to the server: %s", postgres->run,
                             strerror(errno));
}

/* A socket's path is limited to 107 bytes: a directory that is too deep gets one below /tmp. */
static bool choose_run(struct postgres *postgres, const struct passwd *owner, struct error *err)
{
    postgres->run = xasprintf("%s/run", postgres->dir);
    if (strlen(postgres->run) <= 80)
        return make_dir(postgres->run, 0700, owner, err) && admit_clients(postgres, err);
    free(postgres->run);
    postgres->run = xstrdup("/tmp/warren-pg-XXXXXX");
    if (!mkdtemp(postgres->run))
        return error_unavailable(err, "cannot make a directory for the socket: %s",
                                 strerror(errno));
    return make_dir(postgres->run, 0700, owner, err) && admit_clients(postgres, err);
}

static bool open_log(struct postgres *postgres, const struct passwd *owner, struct error *err)
{
    CLEANUP(close_fd) int fd = open(postgres->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_unavailable(err, "cannot write %s: %s", postgres->log, strerror(errno));
    if (lseek(fd, 0, SEEK_END) > LOG_MAX_BYTES && ftruncate(fd, 0))
        return error_unavailable(err, "cannot shorten %s: %s", postgres->log, strerror(errno));
    if (owner && fchown(fd, owner->pw_uid, owner->pw_gid))
        return error_unavailable(err, "cannot give away %s: %s", postgres->log, strerror(errno));
    return true;
}

bool postgres_dir_prepare(struct postgres *postgres, struct error *err)
{
    struct passwd *owner = NULL;
    if (geteuid() == 0 && !(owner = getpwnam("postgres")))
        return error_unavailable(err, "there is no user postgres: run apt-get install postgresql");
    if (!make_dir(postgres->dir, 0755, NULL, err) ||
        (owner && !check_way(postgres->dir, owner, err)))
        return false;
    postgres->data = xasprintf("%s/data", postgres->dir);
    postgres->log = xasprintf("%s/postgres.log", postgres->dir);
    if (!find_programs(postgres, err) || !make_dir(postgres->data, 0700, owner, err) ||
        !choose_run(postgres, owner, err) || !open_log(postgres, owner, err))
        return false;
    if (!data_version(postgres))
        return init_data(postgres, err);
    return postgres_clear_orphans(postgres, err);
}
