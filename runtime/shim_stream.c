/* A container's output: into its log, and to whoever is attached; never waiting for either. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/shim_internal.h"
#include "runtime/system_error.h"

#define READ_BYTES       16384
#define DRAIN_BYTES_MAX  ((size_t)8 << 20) /* in one go, when a container has ended */
#define ATTACH_PIPE_SIZE (1 << 20)
#define ATTACHMENTS_MAX  64

static void attachment_free(struct shim *shim, struct attachment *attachment)
{
    close_fd(&attachment->out[0]);
    close_fd(&attachment->out[1]);
    shim_unwatch(shim, &attachment->wait);
    free(attachment);
}

/* The pipe is only written to: an event means that its reader has gone. */
static void onlooker_gone(struct shim *shim, struct source *source)
{
    struct attachment *attachment = (struct attachment *)source; /* its first member */
    struct attachment **at = &attachment->container->attachments;
    while (*at != attachment)
        at = &(*at)->next;
    *at = attachment->next;
    attachment_free(shim, attachment);
}

/* An onlooker that does not read loses its stream; the container must not stand still for it. */
static void copy_to_onlookers(struct shim_container *container, enum log_stream kind,
                              const char *data, size_t len)
{
    for (struct attachment *at = container->attachments; at; at = at->next) {
        int *fd = &at->out[kind == LOG_STDERR];
        if (*fd >= 0 && write(*fd, data, len) != (ssize_t)len) {
            close(*fd);
            *fd = -1;
        }
    }
}

/* One read. False at the end of the stream, or when there is nothing now. */
static bool read_once(struct stream *stream, bool *ended)
{
    char data[READ_BYTES];
    ssize_t got = read(stream->source.fd, data, sizeof(data));
    if (got < 0 && errno == EINTR)
        return true;
    if (got > 0) {
        container_log_write(stream->container->log, stream->kind, data, (size_t)got);
        copy_to_onlookers(stream->container, stream->kind, data, (size_t)got);
        return true;
    }
    *ended = got == 0 || errno != EAGAIN; /* a terminal without a process answers EIO */
    return false;
}

static void drain(struct shim *shim, struct source *source, size_t bytes_max)
{
    struct stream *stream = (struct stream *)source; /* its first member */
    bool ended = false;
    for (size_t bytes = 0; bytes < bytes_max && read_once(stream, &ended); bytes += READ_BYTES)
        continue;
    if (ended)
        shim_unwatch(shim, source);
}

static void stream_ready(struct shim *shim, struct source *source)
{
    drain(shim, source, READ_BYTES);
}

void shim_stream_drain(struct shim *shim, struct source *source)
{
    if (source->fd >= 0)
        drain(shim, source, DRAIN_BYTES_MAX);
}

bool shim_stream_watch(struct shim_container *container, enum log_stream kind, int fd,
                       struct error *err)
{
    struct stream *stream = &container->streams[kind];
    *stream = (struct stream){{fd, stream_ready}, container, kind};
    return shim_watch(container->shim, &stream->source, err);
}

/* ---- attaching ---- */

static void give(struct frame_fds *fds, json_t *names, const char *name, int fd)
{
    fds->fds[fds->count++] = fd;
    json_array_append_new(names, json_string(name));
}

/* A pipe whose reading end goes to the asker. */
static bool give_pipe(struct frame_fds *fds, json_t *names, const char *name, int *ours,
                      struct error *err)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) != 0)
        return error_system(err, "pipe");
    (void)fcntl(pair[1], F_SETPIPE_SZ, ATTACH_PIPE_SIZE); /* a smaller one also works */
    (void)fcntl(pair[1], F_SETFL, O_NONBLOCK);
    give(fds, names, name, pair[0]);
    *ours = pair[1];
    return true;
}

/* With stdinOnce our end is given away, so that the container sees the end of its input with the
 * first asker's. */
static bool give_stdin(struct shim_container *container, struct frame_fds *fds, json_t *names,
                       struct error *err)
{
    bool tty = json_is_true(json_object_get(container->spec, "tty"));
    int *ours = tty ? &container->streams[0].source.fd : &container->stdin_fd;
    if (*ours < 0)
        return error_set(err, ERROR_INVALID, "container %s has no open standard input",
                         container->name);
    int fd = fcntl(*ours, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return error_system(err, "share the standard input");
    give(fds, names, "stdin", fd);
    if (!tty && json_is_true(json_object_get(container->spec, "stdinOnce"))) {
        close(container->stdin_fd);
        container->stdin_fd = -1;
    }
    return true;
}

bool shim_attach(struct shim_container *container, const json_t *request, struct frame_fds *fds,
                 json_t *names, struct error *err)
{
    bool tty = json_is_true(json_object_get(container->spec, "tty"));
    size_t count = 0;
    for (struct attachment *at = container->attachments; at; at = at->next)
        count++;
    if (container->phase != CONTAINER_RUNNING)
        return error_set(err, ERROR_INVALID, "container %s is not running", container->name);
    if (count >= ATTACHMENTS_MAX)
        return error_set(err, ERROR_TOO_MANY_REQUESTS, "too many are attached to container %s",
                         container->name);
    struct attachment *made = xcalloc(1, sizeof(*made));
    *made =
        (struct attachment){.wait = {-1, onlooker_gone}, .container = container, .out = {-1, -1}};
    bool want_input = tty || json_is_true(json_object_get(request, "stdin")); /* to resize it */
    bool ok = (!want_input || give_stdin(container, fds, names, err)) &&
              (!json_is_true(json_object_get(request, "stdout")) ||
               give_pipe(fds, names, "stdout", &made->out[0], err)) &&
              (tty || !json_is_true(json_object_get(request, "stderr")) ||
               give_pipe(fds, names, "stderr", &made->out[1], err)) &&
              give_pipe(fds, names, "wait", &made->wait.fd, err) &&
              shim_watch(container->shim, &made->wait, err);
    if (!ok) {
        attachment_free(container->shim, made);
        return false;
    }
    made->next = container->attachments;
    container->attachments = made;
    return true;
}

void shim_attachments_end(struct shim_container *container, int code)
{
    while (container->attachments) {
        struct attachment *next = container->attachments->next;
        (void)!write(container->attachments->wait.fd, &code, sizeof(code)); /* it may have gone */
        attachment_free(container->shim, container->attachments);
        container->attachments = next;
    }
}
