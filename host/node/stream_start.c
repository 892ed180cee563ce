/* From a request to an upgraded connection: which protocol, which container, and the session. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/parse.h"
#include "host/node/pod_worker.h"
#include "host/node/server_internal.h"
#include "host/node/stream_session.h"

#define PROTOCOLS_TEXT_MAX 1024
#define HEAD_WAIT_MS       10000

struct protocol {
    const char *name;
    enum wire_kind kind;
    unsigned flags;
};
#define V5     1u /* wire.v5 */
#define BASE64 2u /* wire.base64 */
#define BARE   4u /* session.bare_errors */

/* "" is for clients that name none. */
static const struct protocol exec_websocket[] = {
    {"v5.channel.k8s.io", WIRE_CHANNELS, V5},
    {"v4.channel.k8s.io", WIRE_CHANNELS, 0},
    {"v4.base64.channel.k8s.io", WIRE_CHANNELS, BASE64},
    {"channel.k8s.io", WIRE_CHANNELS, BARE},
    {"base64.channel.k8s.io", WIRE_CHANNELS, BARE | BASE64},
    {"", WIRE_CHANNELS, BARE},
    {NULL, 0, 0},
};
static const struct protocol exec_spdy[] = {
    {"v4.channel.k8s.io", WIRE_SPDY, 0},
    {"v5.channel.k8s.io", WIRE_SPDY, 0}, /* over SPDY the same */
    {NULL, 0, 0},
};
static const struct protocol forward_websocket[] = {
    {"SPDY/3.1+portforward.k8s.io", WIRE_SPDY_TUNNEL, 0},
    {"v4.channel.k8s.io", WIRE_CHANNELS, 0},
    {NULL, 0, 0},
};
static const struct protocol forward_spdy[] = {{"portforward.k8s.io", WIRE_SPDY, 0}, {NULL, 0, 0}};
static const struct protocol log_websocket[] = {
    {"binary.k8s.io", WIRE_MESSAGES, 0},
    {"base64.binary.k8s.io", WIRE_MESSAGES, BASE64},
    {"", WIRE_MESSAGES, 0},
    {NULL, 0, 0},
};
static const struct protocol none[] = {{NULL, 0, 0}};

static const struct protocol forward_bytes = {"tcp", WIRE_BYTES, 0};

struct stream {
    struct node_server *server;
    struct session session;
    void (*run)(struct session *session);
    const struct protocol *protocol;
    int64_t group; /* whose it is */
    int place;     /* among server->groups; -1: none yet */
};

/* ---- ending ---- */

/* False when the node or the tenant has as many as it may. */
static bool take_place(struct stream *stream)
{
    struct node_server *server = stream->server;
    unsigned mine = 0;
    pthread_mutex_lock(&server->lock);
    for (int i = 0; i < STREAMS_MAX; i++) {
        mine += server->groups[i] == stream->group;
        if (!server->groups[i] && stream->place < 0)
            stream->place = i;
    }
    if (mine >= STREAMS_SHARE)
        stream->place = -1;
    if (stream->place >= 0)
        server->groups[stream->place] = stream->group;
    pthread_mutex_unlock(&server->lock);
    return stream->place >= 0;
}

static void give_place(struct stream *stream)
{
    if (stream->place < 0)
        return;
    pthread_mutex_lock(&stream->server->lock);
    stream->server->groups[stream->place] = 0;
    pthread_mutex_unlock(&stream->server->lock);
}

static void stream_free(struct stream *stream)
{
    struct session *session = &stream->session;
    give_place(stream);
    if (session->pod_fd >= 0)
        close(session->pod_fd);
    if (session->log.free)
        session->log.free(session->log.arg);
    for (char **one = session->argv; one && *one; one++)
        free(*one);
    free(session->argv);
    free(session->sandbox);
    free(session->container);
    free(stream);
}

/* ---- the connection ---- */

static const char *header_of(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* Waits until all is sent, or the agent ends. */
static bool send_head(struct wire *wire, const struct buf *head, int stop_fd)
{
    size_t sent = 0;
    while (sent < head->len) {
        struct pollfd fds[2] = {{wire->fd, POLLOUT, 0}, {stop_fd, POLLIN, 0}};
        ssize_t put = wire_send_bytes(wire, head->data + sent, head->len - sent);
        if (put > 0)
            sent += (size_t)put;
        else if (put == 0 || (errno != EAGAIN && errno != EINTR) ||
                 (poll(fds, 2, HEAD_WAIT_MS) <= 0) || fds[1].revents)
            return false;
    }
    return true;
}

static void write_head(struct buf *out, const struct request *request, const struct stream *stream,
                       const char *upgrade)
{
    char accept[WS_ACCEPT_SIZE];
    const char *name = stream->protocol->name;
    buf_printf(out, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n",
               upgrade);
    if (strcmp(upgrade, "websocket") == 0) {
        ws_accept_key(header_of(request, "Sec-WebSocket-Key"), accept);
        buf_printf(out, "Sec-WebSocket-Accept: %s\r\n", accept);
        if (*name)
            buf_printf(out, "Sec-WebSocket-Protocol: %s\r\n", name);
    } else if (stream->protocol != &forward_bytes) {
        buf_printf(out, "X-Stream-Protocol-Version: %s\r\n", name);
    }
    buf_add_text(out, "\r\n");
}

/* Runs the session on the connection's own thread, over its own descriptor: libmicrohttpd's way of
 * upgrading (0.9.75) moves the bytes of TLS connections four at a time. */
static void run_stream(const struct request *request, struct stream *stream, const char *upgrade)
{
    struct session *session = &stream->session;
    CLEANUP(buf_free) struct buf head = BUF_TEXT;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int fd = info ? info->connect_fd : -1;
    info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    gnutls_session_t tls = info ? info->tls_session : NULL;
    session->stop_fd = stream->server->stop_fd;
    bool ready = tls && wire_init(&session->wire, stream->protocol->kind, fd, tls);
    session->wire.v5 = stream->protocol->flags & V5;
    session->wire.base64 = stream->protocol->flags & BASE64;
    session->bare_errors = stream->protocol->flags & BARE;
    write_head(&head, request, stream, upgrade);
    if (ready && send_head(&session->wire, &head, session->stop_fd)) {
        stream->run(session);
        gnutls_bye(tls, GNUTLS_SHUT_WR);
    }
    if (tls)
        wire_deinit(&session->wire);
}

/* ---- protocols ---- */

/* Headers may come several times: their values are joined by commas. */
struct joined {
    const char *name;
    struct buf text;
};

static enum MHD_Result join_header(void *arg, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
    struct joined *joined = arg;
    (void)kind;
    if (value && strcasecmp(key, joined->name) == 0 && joined->text.len < PROTOCOLS_TEXT_MAX)
        buf_printf(&joined->text, "%s%.256s", joined->text.len ? "," : "", value);
    return MHD_YES;
}

/* Our first that the client offers in the named header; without such a header the one without a
 * name. */
static const struct protocol *choose(const struct request *request, const char *header,
                                     const struct protocol *known)
{
    const struct protocol *chosen = NULL;
    struct joined joined = {header, BUF_TEXT};
    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, join_header,
                                    &joined); /* the count */
    for (const struct protocol *one = known; one->name && !chosen; one++) {
        struct str rest = buf_str(&joined.text);
        if (!joined.text.len && !one->name[0])
            chosen = one;
        while (one->name[0] && rest.data && !chosen)
            if (str_is(str_trim(str_cut(&rest, ',')), one->name))
                chosen = one;
    }
    buf_free(&joined.text);
    return chosen;
}

/* Takes the stream. The connection is closed at its end. */
static enum MHD_Result run_upgraded(const struct request *request, struct stream *stream,
                                    const char *upgrade)
{
    run_stream(request, stream, upgrade);
    stream_free(stream);
    return MHD_NO;
}

/* Takes the stream. */
static enum MHD_Result start(const struct request *request, struct stream *stream,
                             const struct protocol *websocket, const struct protocol *spdy)
{
    const char *upgrade = header_of(request, "Upgrade");
    bool is_websocket = upgrade && strcasecmp(upgrade, "websocket") == 0;
    if (is_websocket && header_of(request, "Sec-WebSocket-Key"))
        stream->protocol = choose(request, "Sec-WebSocket-Protocol", websocket);
    else if (upgrade && strcasecmp(upgrade, "SPDY/3.1") == 0)
        stream->protocol = choose(request, "X-Stream-Protocol-Version", spdy);
    if (!stream->protocol) {
        stream_free(stream);
        return request_reply(request, 400, "unable to upgrade: no protocol that both sides know");
    }
    if (take_place(stream))
        return run_upgraded(request, stream, is_websocket ? "websocket" : "SPDY/3.1");
    stream_free(stream);
    return request_reply(request, 429, "too many streams");
}

/* ---- what is asked for ---- */

struct arguments {
    char **items;
    size_t count;
    const char *name;
};

static enum MHD_Result add_argument(void *arg, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct arguments *list = arg;
    (void)kind;
    if (strcmp(key, list->name) == 0 && list->count < SESSION_ARGUMENTS_MAX)
        list->items[list->count++] = xstrdup(value ? value : "");
    return MHD_YES;
}

/* Owned, NULL-ended. */
static char **arguments_of(const struct request *request, const char *name, size_t *count)
{
    struct arguments list = {xcalloc(SESSION_ARGUMENTS_MAX + 1, sizeof(char *)), 0, name};
    (void)MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, add_argument,
                                    &list); /* the count */
    *count = list.count;
    return list.items;
}

static bool either_flag(const struct request *request, const char *a, const char *b)
{
    return request_flag(request, a) || request_flag(request, b);
}

static struct stream *stream_new(const struct request *request, const struct pod_worker *worker,
                                 void (*run)(struct session *session))
{
    struct stream *stream = xcalloc(1, sizeof(*stream));
    stream->server = request->server;
    stream->run = run;
    stream->session.runtime = request->server->node->runtime;
    stream->session.sandbox = xstrdup(worker->uid);
    stream->group = worker->group;
    stream->place = -1;
    stream->session.pod_fd = -1;
    return stream;
}

/* exec and attach, once the container is known to run. */
static enum MHD_Result start_exec(const struct request *request, const struct pod_worker *worker,
                                  const struct container_state *state, unsigned attempt,
                                  bool attach)
{
    size_t count = 0;
    struct stream *stream = stream_new(request, worker, session_exec);
    struct session *session = &stream->session;
    session->container = container_runtime_name(state, attempt);
    session->tty = request_flag(request, "tty");
    session->want_stdin = either_flag(request, "stdin", "input");
    session->want_stdout = either_flag(request, "stdout", "output");
    session->want_stderr = either_flag(request, "stderr", "error");
    if (!attach) {
        session->argv = arguments_of(request, "command", &count);
        if (!count) {
            stream_free(stream);
            return request_reply(request, 400, "you must specify at least 1 command");
        }
    }
    return start(request, stream, exec_websocket, exec_spdy);
}

enum MHD_Result stream_serve_log(const struct request *request, const struct pod_worker *worker,
                                 const struct log_source *source)
{
    struct stream *stream = stream_new(request, worker, session_log);
    stream->session.log = *source;
    return start(request, stream, log_websocket, none);
}

/* The attempt that runs; false when none does. */
static bool running_attempt(struct pod_worker *worker, const struct container_state *state,
                            unsigned *attempt)
{
    if (!state)
        return false;
    pthread_mutex_lock(&worker->lock);
    bool runs = state->run == RUN_RUNNING;
    *attempt = state->attempt;
    pthread_mutex_unlock(&worker->lock);
    return runs;
}

static enum MHD_Result serve_container(struct request *request, bool attach)
{
    unsigned attempt = 0;
    const char *name = request->parts[request->part_count - 1];
    struct pod_worker *worker =
        pod_worker_find_named(request->server->node, request->parts[1], request->parts[2]);
    const struct container_state *state = worker ? pod_worker_container(worker, name) : NULL;
    CLEANUP(free_ptr) char *missing = xasprintf("container not found (\"%s\")", name);
    enum MHD_Result result = !worker ? request_reply(request, 404, "pod does not exist")
                             : !running_attempt(worker, state, &attempt)
                                 ? request_reply(request, 404, missing)
                                 : start_exec(request, worker, state, attempt, attach);
    pod_worker_unref(worker);
    return result;
}

enum MHD_Result serve_exec(struct request *request)
{
    return serve_container(request, false);
}

enum MHD_Result serve_attach(struct request *request)
{
    return serve_container(request, true);
}

/* `ports` (or `port`), several or joined by commas. */
static bool read_ports(const struct request *request, struct session *session)
{
    size_t count = 0;
    bool ok = true;
    char **list =
        arguments_of(request, request_argument(request, "ports") ? "ports" : "port", &count);
    for (size_t i = 0; i < count; i++) {
        struct str rest = str_of(list[i]);
        while (ok && rest.data) {
            int64_t port;
            ok = parse_i64(str_cut(&rest, ','), 1, 65535, &port) &&
                 session->port_count < SESSION_PORTS_MAX;
            if (ok)
                session->ports[session->port_count++] = (uint16_t)port;
        }
        free(list[i]);
    }
    free(list);
    return ok;
}

/* Takes the stream. Connected first, so that a port that nobody listens on is told as such. */
static enum MHD_Result start_bytes(const struct request *request, struct stream *stream)
{
    CLEANUP(error_clear) struct error err = {0};
    struct session *session = &stream->session;
    enum MHD_Result result;
    stream->run = session_bytes;
    stream->protocol = &forward_bytes;
    if (session->port_count != 1)
        result = request_reply(request, 400, "exactly one port is needed");
    else if (!take_place(stream))
        result = request_reply(request, 429, "too many streams");
    else if (!sandbox_connect(session->runtime, session->sandbox, NULL, session->ports[0],
                              &session->pod_fd, &err))
        result = request_reply(request, 502, err.message);
    else
        return run_upgraded(request, stream, "tcp");
    stream_free(stream);
    return result;
}

enum MHD_Result serve_port_forward(struct request *request)
{
    struct pod_worker *worker =
        pod_worker_find_named(request->server->node, request->parts[1], request->parts[2]);
    if (!worker)
        return request_reply(request, 404, "pod does not exist");
    struct stream *stream = stream_new(request, worker, session_forward);
    pod_worker_unref(worker);
    const char *upgrade = header_of(request, "Upgrade");
    bool readable = read_ports(request, &stream->session);
    if (readable && upgrade && strcasecmp(upgrade, "tcp") == 0)
        return start_bytes(request, stream);
    if (readable)
        return start(request, stream, forward_websocket, forward_spdy);
    stream_free(stream);
    return request_reply(request, 400, "the ports are malformed");
}
