#include "host/node/action.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"

#define BODY_MAX      (10 << 10) /* as upstream reads of a probe's answer */
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

static void put_text(char output[ACTION_OUTPUT_SIZE], const char *text)
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
    if (got > 0 && out->len + (size_t)got <= BODY_MAX)
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
    CLEANUP(buf_free) struct buf text = BUF_INIT(BODY_MAX);
    json_array_foreach (command, i, one)
        if (i < ARGUMENTS_MAX)
            argv[i] = json_string_value(one);
    struct exec_config config = {
        .container = action->runtime_name, .argv = argv, .want_stdout = true, .want_stderr = true};
    int64_t until_ns = clock_mono_ns() + action->timeout_ms * 1000000;
    if (!argv[0] ||
        !exec_start(action->worker->node->runtime, action->worker->uid, &config, &session, &err)) {
        put_text(output, err.message ? err.message : "no command");
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

/* A tenant's probe reaches its own Pod and nothing else: another host would be a request in the
 * node's name. */
static void find_host(const struct action *action, const json_t *spec, char out[CNI_ADDRESS_SIZE])
{
    struct pod_view view;
    const char *host = json_text(spec, "host");
    pod_view_init(&view, action->pod);
    pthread_mutex_lock(&action->worker->lock);
    (void)snprintf(out, CNI_ADDRESS_SIZE, "%s",
                   host && *host && !view.cluster ? host : action->worker->pod_ip);
    pthread_mutex_unlock(&action->worker->lock);
}

/* ---- httpGet ---- */

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
    struct buf *body = arg;
    size_t len = size * count;
    if (body->len + len <= BODY_MAX)
        buf_add(body, data, len);
    return len;
}

/* Headers with a line break in them would be several. */
static struct curl_slist *http_headers(const json_t *spec)
{
    size_t i;
    const json_t *one;
    struct curl_slist *list = curl_slist_append(NULL, "Accept: */*");
    json_array_foreach (json_at(spec, "httpHeaders"), i, one) {
        const char *name = json_text(one, "name"), *value = json_text(one, "value");
        if (!name || !value || strpbrk(name, "\r\n:") || strpbrk(value, "\r\n") || i >= 64)
            continue;
        CLEANUP(free_ptr)
        char *line = *value ? xasprintf("%s: %s", name, value) : xasprintf("%s;", name);
        list = curl_slist_append(list, line);
    }
    return list;
}

static CURLcode http_get(const struct action *action, const char *url, const json_t *spec,
                         struct buf *body, long *code)
{
    CURL *handle = curl_easy_init();
    struct curl_slist *headers = http_headers(spec);
    if (!handle) {
        curl_slist_free_all(headers);
        return CURLE_OUT_OF_MEMORY;
    }
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)action->timeout_ms);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER,
                     0L); /* as upstream: a probe does not judge certificates */
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "kube-probe/1.32");
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, body);
    CURLcode why = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, code);
    curl_easy_cleanup(handle);
    curl_slist_free_all(headers);
    return why;
}

static bool run_http(const struct action *action, const json_t *spec,
                     char output[ACTION_OUTPUT_SIZE])
{
    unsigned port;
    long code = 0;
    char host[CNI_ADDRESS_SIZE];
    const char *path = json_text(spec, "path");
    CLEANUP(buf_free) struct buf body = BUF_INIT(BODY_MAX);
    if (!find_port(action, json_at(spec, "port"), &port)) {
        put_text(output, "the probe's port is not known");
        return false;
    }
    find_host(action, spec, host);
    CLEANUP(free_ptr)
    char *url =
        xasprintf("%s://%s:%u%s%s", text_eq(json_text(spec, "scheme"), "HTTPS") ? "https" : "http",
                  host, port, path && path[0] == '/' ? "" : "/", path ? path : "");
    CURLcode why = http_get(action, url, spec, &body, &code);
    if (why != CURLE_OK) {
        (void)snprintf(output, ACTION_OUTPUT_SIZE, "Get \"%.400s\": %s", url,
                       why == CURLE_COULDNT_CONNECT ? "dial tcp: connect: connection refused"
                       : why == CURLE_OPERATION_TIMEDOUT
                           ? "context deadline exceeded (Client.Timeout exceeded while "
                             "awaiting headers)"
                           : curl_easy_strerror(why));
        return false;
    }
    if (code >= 200 && code < 400)
        return true;
    (void)snprintf(output, ACTION_OUTPUT_SIZE, "HTTP probe failed with statuscode: %ld", code);
    return false;
}

/* ---- tcpSocket ---- */

static bool run_tcp(const struct action *action, const json_t *spec,
                    char output[ACTION_OUTPUT_SIZE])
{
    unsigned port;
    int failed = 0;
    socklen_t len = sizeof(failed);
    char host[CNI_ADDRESS_SIZE];
    struct sockaddr_in address = {.sin_family = AF_INET};
    find_host(action, spec, host);
    if (!find_port(action, json_at(spec, "port"), &port) ||
        inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        put_text(output, "the probe's address is not known");
        return false;
    }
    address.sin_port = htons((uint16_t)port);
    CLEANUP(close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
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
        (void)snprintf(output, ACTION_OUTPUT_SIZE, "dial tcp %s:%u: %s", host, port,
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
    } kinds[] = {/* of grpc only the connection is tried, not the health service behind it */
                 {"exec", run_exec},
                 {"httpGet", run_http},
                 {"tcpSocket", run_tcp},
                 {"grpc", run_tcp},
                 {"sleep", run_sleep}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const json_t *spec = json_object_get(action->spec, kinds[i].member);
        if (spec)
            return kinds[i].run(action, spec, output);
    }
    put_text(output, "nothing to do");
    return false;
}
