/* exec and attach from the caller's side: the shim makes the descriptors, this hands them on. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/runtime_internal.h"
#include "runtime/system_error.h"

#define SIZE_MAX_CELLS 65535U

static json_t *make_request(const struct exec_config *config)
{
    json_t *request = json_pack("{s:s,s:s,s:b,s:b,s:b,s:b}", "op", "exec", "name",
                                config->container, "tty", config->tty, "stdin", config->want_stdin,
                                "stdout", config->want_stdout, "stderr", config->want_stderr);
    if (!request || !config->argv)
        return request;
    json_t *argv = json_array();
    for (const char *const *at = config->argv; *at; at++)
        json_array_append_new(argv, json_string(*at));
    json_object_set_new(request, "argv", argv);
    return request;
}

/* Puts each descriptor where its name says; a terminal serves as both ends. */
static void take_fds(const struct frame_fds *fds, const json_t *names, struct exec_session *session)
{
    for (size_t i = 0; i < fds->count; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        int *const slot = text_eq(name, "stdin")    ? &session->stdin_fd
                          : text_eq(name, "stdout") ? &session->stdout_fd
                          : text_eq(name, "stderr") ? &session->stderr_fd
                          : text_eq(name, "wait")   ? &session->wait_fd
                                                    : &session->stdin_fd;
        *slot = fds->fds[i];
        if (text_eq(name, "terminal"))
            session->stdout_fd = fcntl(fds->fds[i], F_DUPFD_CLOEXEC, 3);
    }
}

bool exec_start(struct runtime *runtime, const char *sandbox, const struct exec_config *config,
                struct exec_session *session, struct error *err)
{
    struct frame_fds fds = {0};
    json_t *request = make_request(config);
    if (!request)
        return error_set(err, ERROR_INVALID, "malformed exec request");
    json_auto_t *reply = shim_ask(runtime, sandbox, request, &fds, err);
    if (!reply)
        return false;
    *session = (struct exec_session){-1, -1, -1, -1};
    take_fds(&fds, json_object_get(reply, "fds"), session);
    if (session->wait_fd >= 0)
        return true;
    exec_close(session);
    return error_set(err, ERROR_INTERNAL, "the shim sent no descriptors");
}

bool exec_resize(struct exec_session *session, unsigned columns, unsigned rows, struct error *err)
{
    struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
    if (columns > SIZE_MAX_CELLS || rows > SIZE_MAX_CELLS)
        return error_set(err, ERROR_INVALID, "a terminal of %u by %u is too large", columns, rows);
    if (ioctl(session->stdin_fd, TIOCSWINSZ, &size) != 0)
        return error_system(err, "resize the terminal");
    return true;
}

void exec_close(struct exec_session *session)
{
    close_fd(&session->stdin_fd);
    close_fd(&session->stdout_fd);
    close_fd(&session->stderr_fd);
    close_fd(&session->wait_fd);
    *session = (struct exec_session){-1, -1, -1, -1};
}
