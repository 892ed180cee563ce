/* The MHD daemon: a pool of epoll threads with TLS. A request is made when its first line is read,
 * collects its body, then runs the pipeline on the I/O thread; whatever takes longer goes on
 * elsewhere while the connection is suspended. */
#include "apiserver/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apiserver/connection.h"
#include "apiserver/credentials_tls.h"
#include "apiserver/encode.h"
#include "apiserver/backend/forward.h"
#include "apiserver/admission/lanes.h"
#include "apiserver/meter.h"
#include "apiserver/patience.h"
#include "apiserver/backend/tunnel.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"

#define IDLE_TIMEOUT_S 120 /* longer than the 90 s that Go clients keep idle connections */
#define CONNECTION_MEMORY                                                                          \
    ((size_t)36                                                                                    \
     << 10) /* above 32 KiB MHD maps it: what an idle connection does not touch is free */
#define CONNECTIONS_SPARE 128 /* descriptors that are not for clients */
#define BODY_DISCARD_MAX                                                                           \
    ((size_t)16 << 20) /* of a body that is refused, read before the connection is cut */
#define GATHER_MAX     ((size_t)8 << 10) /* bytes of a body; with its head in one TLS record */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

/* ---- connections ---- */

struct str connection_peer(const struct connection *connection)
{
    unsigned count = 0;
    if (!connection->session)
        return (struct str){0};
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(connection->session, &count);
    return count ? (struct str){(const char *)chain[0].data, chain[0].size} : (struct str){0};
}

unsigned server_local_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

/* The cluster that the TLS server name asks for: NAME.domain, or NAME.API_CLUSTERS_DOMAIN where
 * there is no domain. Referenced; NULL when it is none. */
static struct cluster *named_cluster(struct connection *connection)
{
    const struct api *api = connection->api;
    gnutls_session_t session = connection->session;
    char name[256];
    size_t len = sizeof(name) - 1;
    unsigned type = 0;
    if (gnutls_server_name_get(session, name, &len, &type, 0) != 0 || type != GNUTLS_NAME_DNS)
        return NULL;
    name[len] = '\0';
    CLEANUP(free_ptr)
    char *suffix = xasprintf(".%s", api->domain ? api->domain : API_CLUSTERS_DOMAIN);
    if (!text_ends(name, suffix))
        return NULL;
    name[strlen(name) - strlen(suffix)] = '\0';
    struct cluster *cluster = store_cluster(api->store, name);
    connection->astray = !cluster && !api->domain; /* below a domain the host may have a name */
    return cluster;
}

/* The epoll descriptor of the thread that serves the connection. */
static int loop_of(struct MHD_Connection *http)
{
    const union MHD_ConnectionInfo *daemon =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_DAEMON);
    const union MHD_DaemonInfo *loop =
        daemon ? MHD_get_daemon_info(daemon->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    return loop ? loop->epoll_fd : -1;
}

static void on_connection(void *cls, struct MHD_Connection *http, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct api *api = cls;
    struct connection *connection = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *fd =
            MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
        const union MHD_ConnectionInfo *session =
            MHD_get_connection_info(http, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        connection = xcalloc(1, sizeof(*connection));
        connection->api = api;
        connection->fd = fd ? fd->connect_fd : -1;
        connection->loop_fd = loop_of(http);
        connection->session = session ? session->tls_session : NULL;
        connection->cluster = ports_cluster(api->ports, server_local_port(connection->fd));
        connection->pinned = connection->cluster != NULL;
        if (connection->session) /* MHD has no closure for the certificate callback; it uses the
                                    pointer for PSK only */
            gnutls_session_set_ptr(connection->session, connection);
        patience_add(api->patience, connection);
        *context = connection;
    } else if (connection) {
        patience_remove(api->patience, connection);
        cluster_unref(connection->cluster);
        user_clear(&connection->identity);
        free(connection);
        *context = NULL;
    }
}

/* Whose certificate a client is shown: below API_CLUSTERS_DOMAIN the host's. Referenced; NULL when
 * the cluster is gone. */
static struct cluster *shown_cluster(const struct connection *connection)
{
    const struct api *api = connection->api;
    return connection->cluster && (connection->pinned || api->domain)
               ? cluster_ref(connection->cluster)
               : store_cluster_by_id(api->store, CLUSTER_HOST_ID);
}

/* Chooses the certificate. No CA names go into the certificate request: Go clients offer a
 * certificate only when its issuer is among those listed, or when none is. */
static int retrieve_certificate(gnutls_session_t session, const gnutls_datum_t *names,
                                int name_count, const gnutls_pk_algorithm_t *algorithms,
                                int algorithm_count, gnutls_pcert_st **chain, unsigned *chain_count,
                                gnutls_privkey_t *key)
{
    struct connection *connection = gnutls_session_get_ptr(session);
    struct api *api = connection->api;
    (void)names, (void)name_count, (void)algorithms, (void)algorithm_count;
    gnutls_certificate_send_x509_rdn_sequence(session, 1);
    if (!connection->cluster)
        connection->cluster = named_cluster(connection);
    struct cluster *cluster = shown_cluster(connection);
    const struct server_credentials *credentials =
        cluster ? credentials_get(api->credentials, cluster) : NULL;
    cluster_unref(cluster);
    if (!credentials)
        return -1;
    *chain = credentials->chain;
    *chain_count = credentials->chain_count;
    *key = credentials->key;
    return 0;
}

/* ---- requests ---- */

static void *on_target(void *cls, const char *target, struct MHD_Connection *http)
{
    struct request *request = request_new(cls, "", target);
    request->http = http;
    return request;
}

static struct connection *connection_of(struct MHD_Connection *http)
{
    const union MHD_ConnectionInfo *context =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return context ? context->socket_context : NULL;
}

/* libmicrohttpd sends head and body apart, as two TLS records: two system calls, and a client that
 * wakes twice. Corked, the session gathers both until the reply is complete (on_completed). Only
 * where nothing of ours waits in the socket, and as much as that takes at once: the flush must not
 * be left half done, since nobody would come back to it. */
static void gather(struct request *request)
{
    int unsent = 0;
    struct connection *connection = request->connection;
    if (!connection->session || request->response_size > GATHER_MAX ||
        ioctl(connection->fd, SIOCOUTQ, &unsent) != 0 || unsent)
        return;
    gnutls_record_cork(connection->session);
    connection->gathers = true;
}

/* A connection that failed meanwhile is beyond flushing. */
static void flush_gathered(struct connection *connection, enum MHD_RequestTerminationCode code)
{
    if (!connection || !connection->gathers)
        return;
    const int off = 0;
    connection->gathers = false;
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK)
        return;
    if (gnutls_record_uncork(connection->session, 0) < 0)
        (void)shutdown(connection->fd, SHUT_RDWR); /* the client sees a reply cut short */
    /* libmicrohttpd corks the socket, too, for a head whose body is yet to come, and pushed before
     * there was anything to push: the kernel would keep the reply for 200 ms. */
    (void)setsockopt(connection->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
}

static enum MHD_Result send_reply(struct request *request)
{
    struct MHD_Response *response = request->response;
    unsigned code = request->response_code;
    if (!response)
        response = encode_response(request, &code);
    request->response = NULL;
    request->phase = PHASE_ANSWERED;
    if (!response)
        return MHD_NO;
    meter_request(request, code);
    if (code == MHD_HTTP_SWITCHING_PROTOCOLS) {
        tunnel_take_connection(request, response);
        MHD_destroy_response(response);
        return MHD_YES;
    }
    enum MHD_Result result = MHD_queue_response(request->http, code, response);
    if (result == MHD_YES)
        gather(request);
    MHD_destroy_response(response);
    return result;
}

/* A request begins to be worked on; false when the server stops. Stopping waits for those that have
 * begun, since libmicrohttpd must not be stopped while a connection is suspended. */
static bool enter(struct api *api)
{
    pthread_mutex_lock(&api->lock);
    bool open = !api->stopping;
    api->active += open;
    pthread_mutex_unlock(&api->lock);
    return open;
}

static void leave(struct api *api)
{
    pthread_mutex_lock(&api->lock);
    if (--api->active == 0)
        pthread_cond_broadcast(&api->idle);
    pthread_mutex_unlock(&api->lock);
}

void server_suspend(struct request *request)
{
    if (!request->http || request->suspended)
        return;
    request->suspended = true;
    MHD_suspend_connection(request->http);
}

void server_lend(struct request *request)
{
    request->phase = PHASE_LENT;
    MHD_suspend_connection(request->http);
}

void server_resume(struct request *request)
{
    struct api *api = request->api;
    if (!request->http)
        return;
    request->suspended = false;
    request->phase = PHASE_READY;
    MHD_resume_connection(request->http); /* from here on the request is the I/O thread's */
    leave(api);
}

void server_take_body(struct request *request)
{
    request->suspended = false;
    request->recalled = true;
    request->phase = PHASE_FORWARDING;
    MHD_resume_connection(request->http);
}

/* What ran early is to be run again with its body. */
static void want_body(struct request *request)
{
    request_rewind(request);
    request->early = false;
    request->phase = PHASE_BODY;
    patience_wait(request->connection, TURN_BODY);
}

static void run_job(void *arg)
{
    struct request *request = arg;
    enum step_result result = STEP_DONE;
    if (!request->answered) {
        request_rewind(request);
        result = pipeline_run(request);
    }
    if (result == STEP_WAIT) /* another thread's by now */
        return;
    if (result == STEP_CALL) {
        server_run_on_lane(request);
        return;
    }
    if (result == STEP_BODY) {
        struct api *api = request->api;
        want_body(request);
        request->suspended = false;
        request->recalled = true;
        MHD_resume_connection(request->http); /* from here on it is the I/O thread's */
        leave(api);
        return;
    }
    request->response = encode_response(request, &request->response_code);
    server_resume(request);
}

static void refuse(struct request *request)
{
    request_rewind(request);
    error_set(&request->error, ERROR_TOO_MANY_REQUESTS,
              "Too many requests, please try again later.");
    request->error.retry_after_s = 1;
    server_resume(request);
}

void server_run_on_pool(struct request *request)
{
    request->may_block = true;
    if (!pool_submit(request->api->pool, run_job, request))
        refuse(request);
}

void server_run_on_lane(struct request *request)
{
    request->may_block = request->may_call = true;
    if (!lanes_submit(request->api->lanes, request->cluster->id, run_job, request))
        refuse(request);
}

/* A client that is in the middle of its body may not look for an answer before its end; one that
 * waits for our consent does. */
static enum MHD_Result send_or_discard(struct request *request)
{
    if (!request->early || MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, "Expect"))
        return send_reply(request);
    request->phase = PHASE_DISCARDING;
    return MHD_YES;
}

static enum MHD_Result discard_body(struct request *request, size_t *size)
{
    if (*size == 0)
        return send_reply(request);
    request->body_seen += *size;
    *size = 0;
    return request->body_seen > BODY_DISCARD_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result run(struct request *request)
{
    request->phase = PHASE_RUNNING;
    patience_rest(request->connection);
    if (!enter(request->api)) {
        error_unavailable(&request->error, "the server is stopping");
        return send_reply(request);
    }
    switch (pipeline_run(request)) {
    case STEP_WAIT:
        return MHD_YES;
    case STEP_BLOCK:
        server_suspend(request);
        server_run_on_pool(request);
        return MHD_YES;
    case STEP_BODY:
        want_body(request);
        leave(request->api);
        return MHD_YES;
    case STEP_CALL:
        server_suspend(request);
        server_run_on_lane(request);
        return MHD_YES;
    case STEP_NEXT:
    case STEP_DONE:
    case STEP_FAIL:
    case STEP_AGAIN:
        break;
    }
    if (!encode_is_heavy(request)) {
        leave(request->api);
        return send_or_discard(request);
    }
    request->answered = true;
    server_suspend(request);
    server_run_on_pool(request);
    return MHD_YES;
}

static enum MHD_Result collect_body(struct request *request, const char *data, size_t *size)
{
    request->body_seen += *size;
    if (request->body_seen > BODY_DISCARD_MAX)
        return MHD_NO;
    if (request->body_seen > BODY_MAX)
        request->body_too_large = true;
    else
        buf_add(&request->body, data, *size);
    *size = 0;
    return MHD_YES;
}

static void read_headers(struct request *request, const char *method)
{
    free(request->method);
    request->method = xstrdup(method);
    request->connection = connection_of(request->http);
    request->content_type =
        MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, "Content-Type");
    request->phase = PHASE_BODY;
    patience_wait(request->connection, TURN_BODY);
}

/* A body that is announced as far too large is refused before it is sent. Others are read to their
 * end, since closing a connection with unread bytes can take the answer away from the client. */
static bool announces_too_much(const struct request *request)
{
    const char *length =
        MHD_lookup_connection_value(request->http, MHD_HEADER_KIND, "Content-Length");
    int64_t value;
    return length && parse_i64(str_of(length), 0, INT64_MAX, &value) &&
           value > (int64_t)BODY_DISCARD_MAX;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *http, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context)
{
    struct request *request = *context;
    (void)cls, (void)http, (void)url, (void)version;
    if (request->recalled && *size == 0 && request->phase != PHASE_READY) {
        request->recalled = false;
        return MHD_YES;
    }
    switch (request->phase) {
    case PHASE_HEADERS:
        read_headers(request, method);
        request->early = forward_wants_body(request);
        if (request->early)
            return run(request);
        if (announces_too_much(request)) {
            request->body_too_large = true;
            return run(request);
        }
        return MHD_YES;
    case PHASE_BODY:
        return *size ? collect_body(request, data, size) : run(request);
    case PHASE_FORWARDING:
        return forward_body(request, data, size);
    case PHASE_DISCARDING:
        return discard_body(request, size);
    case PHASE_READY:
        return send_or_discard(request);
    case PHASE_LENT:
        return MHD_NO;
    case PHASE_RUNNING:
    case PHASE_ANSWERED:
        break;
    }
    return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *http, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct request *request = *context;
    (void)cls, (void)http;
    if (request && request->response)
        MHD_destroy_response(request->response);
    if (request && request->phase == PHASE_FORWARDING)
        leave(request->api);
    if (request) {
        flush_gathered(request->connection, code);
        patience_wait(request->connection, TURN_NEXT);
    }
    request_free(request);
    *context = NULL;
}

/* ---- start and stop ---- */

static bool split_address(const char *text, char host[64], char port[8])
{
    const char *colon = strrchr(text, ':');
    if (!colon || strlen(colon + 1) == 0 || strlen(colon + 1) >= 8)
        return false;
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= 64)
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return true;
}

int server_listen(const char *address, unsigned flags, unsigned *port, struct error *err)
{
    char host[64], service[8];
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM},
                    *found = NULL;
    const int on = 1;
    int64_t number;
    if (!split_address(address, host, service) || !parse_i64(str_of(service), 0, 65535, &number) ||
        getaddrinfo(*host ? host : NULL, service, &hints, &found) != 0) {
        error_bad_request(err, "\"%s\" is not ADDRESS:PORT", address);
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (flags & LISTEN_EARLY)
        (void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
              bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0;
    if (!ok)
        error_unavailable(err, "cannot listen on %s: %s", address, strerror(errno));
    freeaddrinfo(found);
    if (ok) {
        *port = server_local_port(fd);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

bool api_can_listen(const char *address, struct error *err)
{
    unsigned port;
    int fd = server_listen(address, 0, &port, err);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int api_listen(const char *address, struct error *err)
{
    unsigned port;
    int fd = server_listen(address, 0, &port, err);
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (above < 0)
        error_unavailable(err, "cannot listen on %s: %s", address, strerror(errno));
    close(fd);
    return above;
}

/* As many connections as there are descriptors, less what the rest of the process needs. */
static unsigned connection_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024 - CONNECTIONS_SPARE;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* the old limit stays when this is refused */
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    rlim_t most = limit.rlim_cur > 200000 ? 200000 : limit.rlim_cur;
    return most > 2 * CONNECTIONS_SPARE ? (unsigned)most - CONNECTIONS_SPARE : CONNECTIONS_SPARE;
}

PRINTF_LIKE(2, 0) static void on_log(void *cls, const char *format, va_list args)
{
    struct buf text = BUF_TEXT;
    (void)cls;
    buf_vprintf(&text, format, args);
    log_debug("apiserver", "%s", text.data ? text.data : "");
    buf_free(&text);
}

/* New clients are turned away while the server stops. MHD_quiesce_daemon() would do it, but
 * 0.9.75's ends the process now and then: it and a thread of the pool both take the socket out of
 * the same epoll set, and whoever comes second finds it gone. */
static enum MHD_Result on_client(void *cls, const struct sockaddr *address, socklen_t len)
{
    struct api *api = cls;
    (void)address, (void)len;
    pthread_mutex_lock(&api->lock);
    bool open = !api->stopping;
    pthread_mutex_unlock(&api->lock);
    return open ? MHD_YES : MHD_NO;
}

bool server_start(struct api *api, int fd, const struct api_options *options, struct error *err)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = options->io_threads ? options->io_threads
                       : processors > 0    ? (unsigned)processors
                                           : 2;
    struct cluster *host = store_cluster_by_id(api->store, CLUSTER_HOST_ID);
    CLEANUP(free_ptr) char *ca = NULL;
    bool ok = host && auth_warm(host, err) && auth_ca_pem(host, &ca, err);
    cluster_unref(host);
    if (!ok) {
        close(fd);
        return false;
    }
    /* A trusted CA makes MHD ask for client certificates; auth/ verifies them by the cluster's own
     * CA. */
    api->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
            MHD_USE_ERROR_LOG,
        0, on_client, api, on_request, api, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, threads,
        MHD_OPTION_HTTPS_CERT_CALLBACK, retrieve_certificate, MHD_OPTION_HTTPS_MEM_TRUST, ca,
        MHD_OPTION_HTTPS_PRIORITIES, TLS_PRIORITIES, MHD_OPTION_URI_LOG_CALLBACK, on_target, api,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, api, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        api, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_LIMIT,
        connection_limit(), MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_END);
    if (api->daemon)
        return true;
    close(fd);
    return error_internal(err, "the HTTP server could not be started");
}

void server_stop(struct api *api)
{
    if (!api->daemon)
        return;
    pthread_mutex_lock(&api->lock);
    api->stopping = true;
    pthread_mutex_unlock(&api->lock);
    streams_stop(&api->streams);
    tunnels_cut(api->tunnels); /* what waits for a server behind this one */
    pthread_mutex_lock(&api->lock);
    while (api->active)
        pthread_cond_wait(&api->idle, &api->lock);
    pthread_mutex_unlock(&api->lock);
    tunnels_stop(api->tunnels);
    MHD_stop_daemon(api->daemon);
    api->daemon = NULL;
}
