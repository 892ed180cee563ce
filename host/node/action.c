#include "host/node/action_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"

#define OUTPUT_MAX    (10 << 10)
#define ARGUMENTS_MAX 1000

/* Text from a container goes into an Event: only what is printable. */
static void put_output(char output[ACTION_OUTPUT_SIZE], const char *text, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i < len && out < ACTION_OUTPUT_SIZE - 1; i++) {
        unsigned char c = (unsigned char)text[i];
        output[out++] = (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t' ? (char)c : '?';
    }
    output[out] = 0;
}

void action_say(char output[ACTION_OUTPUT_SIZE], const char *text)
{
    put_output(output, text, strlen(text));
}

/* ---- exec ---- */

static int64_t left_ms(int64_t until_ns)
{
    int64_t left = (until_ns - clock_mono_ns()) / 1000000;
    return left > 0 ? left : 0;
}

/* Reads once; -1 in `*fd` at its end. */
static void drain(int *fd, struct buf *out)
{
    char bytes[4096];
    ssize_t got = read(*fd, bytes, sizeof(bytes));
    if (got > 0 && out->len + (size_t)got <= OUTPUT_MAX)
        buf_add(out, bytes, (size_t)got);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        *fd = -1;
}

/* Until the command has ended or the time is up. `*code` is its exit code. */
static bool wait_exec(const struct exec_session *session, int64_t until_ns, struct buf *out,
                      int *code)
{
    struct pollfd fds[3] = {{session->stdout_fd, POLLIN, 0},
                            {session->stderr_fd, POLLIN, 0},
                            {session->wait_fd, POLLIN, 0}};
    while (left_ms(until_ns) > 0) {
        if (poll(fds, 3, (int)left_ms(until_ns)) < 0 && errno != EINTR)
            return false;
        for (int i = 0; i < 2; i++)
            if (fds[i].fd >= 0 && fds[i].revents)
                drain(&fds[i].fd, out);
        if (fds[2].revents && fds[0].fd < 0 && fds[1].fd < 0)
            return read(session->wait_fd, code, sizeof(*code)) == (ssize_t)sizeof(*code);
        if (fds[2].revents && !fds[0].revents && !fds[1].revents)
            return read(session->wait_fd, code, sizeof(*code)) == (ssize_t)sizeof(*code);
    }
    return false;
}

static bool run_exec(const struct action *action, const json_t *spec,
                     char output[ACTION_OUTPUT_SIZE])
{
    size_t i;
    const json_t *one, *command = json_at(spec, "command");
    const char *argv[ARGUMENTS_MAX + 1] = {NULL};
    struct exec_session session;
    int code = -1;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(OUTPUT_MAX);
    json_array_foreach (command, i, one)
        if (i < ARGUMENTS_MAX)
            argv[i] = json_string_value(one);
    struct exec_config config = {
        .container = action->runtime_name, .argv = argv, .want_stdout = true, .want_stderr = true};
    int64_t until_ns = clock_mono_ns() + action->timeout_ms * 1000000;
    if (!argv[0] ||
        !exec_start(action->worker->node->runtime, action->worker->uid, &config, &session, &err)) {
        action_say(output, err.message ? err.message : "no command");
        return false;
    }
    bool ended = wait_exec(&session, until_ns, &text, &code);
    exec_close(&session);
    if (!ended) {
        (void)snprintf(output, ACTION_OUTPUT_SIZE, "command timed out after %llds",
                       (long long)action->timeout_ms / 1000);
        return false;
    }
    put_output(output, text.data ? text.data : "", text.len);
    return code == 0;
}

/* ---- where it listens ---- */

/* A number, or the name of one of the container's ports. */
static bool find_port(const struct action *action, const json_t *port, unsigned *out)
{
    size_t i;
    int64_t number = json_int_or(port, 0);
    const json_t *one;
    const char *name = json_string_value(port);
    json_array_foreach (json_at(action->container, "ports"), i, one)
        if (name && text_eq(json_text(one, "name"), name))
            number = json_int_or(json_at(one, "containerPort"), 0);
    if (name && !number && !parse_i64(str_of(name), 1, 65535, &number))
        return false;
    *out = (unsigned)number;
    return number >= 1 && number <= 65535;
}

/* What a tenant asks of another host than its own Pod is asked from inside the Pod: in the node's
 * name it would reach what the Pod must not. */
bool action_find_target(const struct action *action, const json_t *spec, struct action_target *out)
{
    struct pod_view view;
    struct in_addr parsed;
    const char *host = json_text(spec, "host");
    pod_view_init(&view, action->pod);
    *out = (struct action_target){.action = action};
    pthread_mutex_lock(&action->worker->lock);
    (void)snprintf(out->host, sizeof(out->host), "%s",
                   host && *host ? host : action->worker->pod_ip);
    out->from_inside = view.cluster && strcmp(out->host, action->worker->pod_ip) != 0;
    pthread_mutex_unlock(&action->worker->lock);
    return find_port(action, json_at(spec, "port"), &out->port) && out->host[0] &&
           (!out->from_inside || inet_pton(AF_INET, out->host, &parsed) == 1);
}

int action_connect_inside(const struct action_target *target)
{
    int fd = -1;
    CLEANUP(error_clear) struct error err = {0};
    const struct pod_worker *worker = target->action->worker;
    return sandbox_connect(worker->node->runtime, worker->uid, target->host, target->port, &fd,
                           &err)
               ? fd
               : -1;
}

/* ---- tcpSocket ---- */

static bool run_tcp(const struct action *action, const json_t *spec,
                    char output[ACTION_OUTPUT_SIZE])
{
    int failed = 0;
    socklen_t len = sizeof(failed);
    struct action_target target;
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (!action_find_target(action, spec, &target) ||
        inet_pton(AF_INET, target.host, &address.sin_addr) != 1) {
        action_say(output, "the probe's address is not known");
        return false;
    }
    address.sin_port = htons((uint16_t)target.port);
    CLEANUP(close_fd) int fd = target.from_inside ? action_connect_inside(&target) : -1;
    if (target.from_inside) {
        if (fd < 0)
            (void)snprintf(output, ACTION_OUTPUT_SIZE,
                           "dial tcp %s:%u: connect: connection refused", target.host, target.port);
        return fd >= 0;
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return true;
    struct pollfd one = {fd, POLLOUT, 0};
    if (fd < 0 || errno != EINPROGRESS)
        failed = errno;
    else if (poll(&one, 1, (int)action->timeout_ms) <= 0)
        failed = ETIMEDOUT;
    else
        (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len); /* a valid descriptor */
    if (failed)
        (void)snprintf(output, ACTION_OUTPUT_SIZE, "dial tcp %s:%u: %s", target.host, target.port,
                       failed == ECONNREFUSED ? "connect: connection refused"
                       : failed == ETIMEDOUT  ? "i/o timeout"
                                              : strerrordesc_np(failed));
    return failed == 0;
}

/* ---- sleep (hooks only) ---- */

static bool run_sleep(const struct action *action, const json_t *spec,
                      char output[ACTION_OUTPUT_SIZE])
{
    (void)output;
    int64_t wait_ms = json_int_or(json_at(spec, "seconds"), 0) * 1000;
    struct pollfd stop = {action->worker->node->stop_fd, POLLIN, 0};
    poll(&stop, 1, (int)(wait_ms < action->timeout_ms ? wait_ms : action->timeout_ms));
    return true;
}

bool action_run(const struct action *action, char output[ACTION_OUTPUT_SIZE])
{
    static const struct {
        const char *member;
        bool (*run)(const struct action *, const json_t *, char[ACTION_OUTPUT_SIZE]);
    } kinds[] = {{"exec", run_exec},
                 {"httpGet", action_run_http},
                 {"tcpSocket", run_tcp},
                 {"grpc", action_run_grpc},
                 {"sleep", run_sleep}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const json_t *spec = json_object_get(action->spec, kinds[i].member);
        if (spec)
            return kinds[i].run(action, spec, output);
    }
    action_say(output, "nothing to do");
    return false;
}
