/* Asking a shim: one connection a question. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/runtime_internal.h"
#include "runtime/sandbox_state.h"

#define ASK_TIMEOUT_NS INT64_C(40000000000) /* a little more than a start may take */

/* The error that a shim sent, as if it had happened here. */
static bool take_error(const json_t *reply, struct error *err)
{
    const json_t *error = json_object_get(reply, "error");
    const char *message = json_text(error, "message");
    int64_t reason = json_int_or(json_object_get(error, "reason"), ERROR_INTERNAL);
    if (!error)
        return true;
    if (reason <= ERROR_NONE || reason > ERROR_TIMEOUT)
        reason = ERROR_INTERNAL;
    return error_set(err, (enum error_reason)reason, "%s", message ? message : "");
}

json_t *shim_ask(struct runtime *runtime, const char *sandbox, json_t *request,
                 struct frame_fds *fds, struct error *err)
{
    json_auto_t *question = request;
    int64_t deadline = clock_mono_ns() + ASK_TIMEOUT_NS;
    if (!sandbox_id_valid(sandbox)) {
        error_set(err, ERROR_INVALID, "malformed sandbox id");
        return NULL;
    }
    CLEANUP(free_ptr) char *dir = sandbox_path(runtime->root, sandbox, "");
    if (access(dir, F_OK) != 0) {
        error_set(err, ERROR_NOT_FOUND, "no sandbox %s", sandbox);
        return NULL;
    }
    CLEANUP(close_fd) int socket = state_socket_connect(dir, "shim.sock", SOCK_STREAM, err);
    if (socket < 0) {
        err->reason = ERROR_UNAVAILABLE;
        err->code = 503;
        return NULL;
    }
    if (!frame_send(socket, question, NULL, deadline, err))
        return NULL;
    json_auto_t *reply = frame_receive(socket, fds, deadline, err);
    if (!reply)
        return NULL;
    if (take_error(reply, err))
        return TAKE(reply);
    if (fds)
        frame_fds_close(fds);
    return NULL;
}

bool shim_tell(struct runtime *runtime, const char *sandbox, json_t *request, struct error *err)
{
    json_auto_t *reply = shim_ask(runtime, sandbox, request, NULL, err);
    return reply != NULL;
}
