/* Opening a runtime: its directories, its lock files, its events. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/file.h"
#include "runtime/runtime_internal.h"
#include "runtime/sandbox_state.h"
#include "runtime/system_error.h"

static bool make_root(const char *root, struct error *err)
{
    static const char *const below[] = {"sandboxes", "netns", "images"};
    if (!dir_make(root, 0700, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(below); i++) {
        CLEANUP(free_ptr) char *path = xasprintf("%s/%s", root, below[i]);
        if (!dir_make(path, 0700, err))
            return false;
    }
    return true;
}

struct runtime *runtime_open(const struct runtime_options *options, struct error *err)
{
    char resolved[4096];
    if (!make_root(options->root, err))
        return NULL;
    if (!realpath(options->root,
                  resolved)) { /* shims run elsewhere: a relative path would mean another place */
        error_system(err, "resolve %s", options->root);
        return NULL;
    }
    struct runtime *runtime = xcalloc(1, sizeof(*runtime));
    runtime->root = xstrdup(resolved);
    runtime->shim_path = xstrdup(options->shim_path ? options->shim_path : "");
    runtime->cgroups = cgroups_open(options->cgroup_parent ? options->cgroup_parent : "warren");
    runtime->event_epoll = runtime->event_socket = -1;
    pthread_mutex_init(&runtime->lock, NULL);
    return runtime;
}

/* Closing alone would not do: a program that is just being started holds a copy of every
 * descriptor, and for as long the set would go on telling of a watch that is freed. */
static void watch_free(struct runtime *runtime, struct shim_watch *watch)
{
    (void)epoll_ctl(runtime->event_epoll, EPOLL_CTL_DEL, watch->pidfd, NULL); /* may not be in it */
    close(watch->pidfd);
    free(watch->id);
    free(watch);
}

void runtime_close(struct runtime *runtime)
{
    if (!runtime)
        return;
    while (runtime->watches) {
        struct shim_watch *next = runtime->watches->next;
        watch_free(runtime, runtime->watches);
        runtime->watches = next;
    }
    close_fd(&runtime->event_epoll);
    close_fd(&runtime->event_socket);
    pthread_mutex_destroy(&runtime->lock);
    cgroups_free(runtime->cgroups);
    free(runtime->root);
    free(runtime->shim_path);
    free(runtime);
}

int runtime_lock(struct runtime *runtime, const char *name, int operation, struct error *err)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s", runtime->root, name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int result;
    do
        result = fd < 0 ? -1 : flock(fd, operation);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return fd;
    int saved = errno;
    error_system(err, "lock %s", path);
    close_fd(&fd);
    errno = saved; /* callers tell EWOULDBLOCK apart */
    return -1;
}

/* ---- events ---- */

static void watch_locked(struct runtime *runtime, const char *id)
{
    CLEANUP(free_ptr) char *dir = sandbox_path(runtime->root, id, "");
    pid_t pid = sandbox_shim_pid(dir);
    int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (pidfd < 0)
        return;
    struct shim_watch *watch = xcalloc(1, sizeof(*watch));
    *watch = (struct shim_watch){runtime->watches, xstrdup(id), pidfd};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
    if (epoll_ctl(runtime->event_epoll, EPOLL_CTL_ADD, pidfd, &event) != 0) {
        watch_free(runtime, watch);
        return;
    }
    runtime->watches = watch;
}

void runtime_watch_shim(struct runtime *runtime, const char *id)
{
    pthread_mutex_lock(&runtime->lock);
    if (runtime->event_epoll >= 0)
        watch_locked(runtime, id);
    pthread_mutex_unlock(&runtime->lock);
}

/* Bound at the first call, and by the process that wants events only: another one that opens the
 * same root (to import an image) must not take them away. */
static bool open_events(struct runtime *runtime)
{
    CLEANUP(error_clear) struct error ignored = {0};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    runtime->event_socket = state_socket_listen(runtime->root, "events", SOCK_DGRAM, &ignored);
    runtime->event_epoll = epoll_create1(EPOLL_CLOEXEC);
    if (runtime->event_socket < 0 || runtime->event_epoll < 0 ||
        epoll_ctl(runtime->event_epoll, EPOLL_CTL_ADD, runtime->event_socket, &event) != 0)
        return false;
    char **ids = sandbox_list(runtime);
    for (size_t i = 0; ids[i]; i++)
        watch_locked(runtime, ids[i]);
    names_free(ids);
    return true;
}

int runtime_event_fd(struct runtime *runtime)
{
    pthread_mutex_lock(&runtime->lock);
    if (runtime->event_epoll < 0 && !open_events(runtime)) {
        close_fd(&runtime->event_socket);
        close_fd(&runtime->event_epoll);
        runtime->event_socket = runtime->event_epoll = -1;
    }
    int fd = runtime->event_epoll;
    pthread_mutex_unlock(&runtime->lock);
    return fd;
}

/* A shim has died: said once. Owned id. */
static char *take_watch(struct runtime *runtime, struct shim_watch *watch)
{
    struct shim_watch **at = &runtime->watches;
    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    char *id = TAKE(watch->id);
    watch_free(runtime, watch);
    return id;
}

static char *next_event_locked(struct runtime *runtime)
{
    struct epoll_event event;
    char id[64];
    while (runtime->event_epoll >= 0 && epoll_wait(runtime->event_epoll, &event, 1, 0) == 1) {
        if (event.data.ptr)
            return take_watch(runtime, event.data.ptr);
        ssize_t got = recv(runtime->event_socket, id, sizeof(id) - 1, MSG_DONTWAIT);
        if (got <= 0)
            return NULL;
        id[got] = '\0';
        if (sandbox_id_valid(id))
            return xstrdup(id);
    }
    return NULL;
}

char *runtime_next_event(struct runtime *runtime)
{
    pthread_mutex_lock(&runtime->lock);
    char *id = next_event_locked(runtime);
    pthread_mutex_unlock(&runtime->lock);
    return id;
}
