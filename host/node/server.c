/* The HTTPS server: who may call, and which function answers which path. A thread a connection:
 * answers may block. */
#include "host/node/server.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/strset.h"
#include "host/node/server_internal.h"

#define REQUEST_TIMEOUT_S 30 /* of silence; a followed log has none */
#define NAME_SIZE         256

/* ---- who calls ---- */

/* The certificate's common name is the API server's, or one of its organizations is system:masters.
 */
static bool name_allowed(gnutls_x509_crt_t cert)
{
    char text[NAME_SIZE];
    size_t size = sizeof(text);
    if (gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &size) == 0 &&
        strcmp(text, "kube-apiserver-kubelet-client") == 0)
        return true;
    for (unsigned i = 0; i < 16; i++) {
        size = sizeof(text);
        if (gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_ORGANIZATION_NAME, i, 0, text,
                                          &size) != 0)
            return false;
        if (strcmp(text, "system:masters") == 0)
            return true;
    }
    return false;
}

static bool chain_verified(gnutls_session_t session)
{
    unsigned status = 1;
    char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st data = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                  .data = (unsigned char *)purpose};
    return gnutls_certificate_verify_peers(session, &data, 1, &status) == 0 && status == 0;
}

static bool is_allowed(struct MHD_Connection *connection)
{
    unsigned count = 0;
    gnutls_x509_crt_t cert;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (!info || !chain_verified(info->tls_session))
        return false;
    const gnutls_datum_t *raw = gnutls_certificate_get_peers(info->tls_session, &count);
    if (!raw || !count || gnutls_x509_crt_init(&cert) != 0)
        return false;
    bool allowed =
        gnutls_x509_crt_import(cert, &raw[0], GNUTLS_X509_FMT_DER) == 0 && name_allowed(cert);
    gnutls_x509_crt_deinit(cert);
    return allowed;
}

/* ---- answers ---- */

static enum MHD_Result reply(const struct request *request, unsigned code, const char *type,
                             struct str text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        text.len, (void *)(uintptr_t)text.data, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    (void)MHD_add_response_header(response, "Content-Type", type); /* a nicety */
    enum MHD_Result result = MHD_queue_response(request->connection, code, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result request_reply(const struct request *request, unsigned code, const char *text)
{
    return reply(request, code, "text/plain; charset=utf-8", str_of(text));
}

enum MHD_Result request_reply_as(const struct request *request, const char *type, struct str text)
{
    return reply(request, 200, type, text);
}

enum MHD_Result request_reply_error(const struct request *request, const struct error *err)
{
    return request_reply(request, err->code ? (unsigned)err->code : 500,
                         err->message ? err->message : "failed");
}

const char *request_argument(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool request_flag(const struct request *request, const char *name)
{
    const char *value = request_argument(request, name);
    return value && (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

/* ---- routes ---- */

static enum MHD_Result serve_health(struct request *request)
{
    return request_reply(request, 200, "ok");
}

static const struct route {
    const char *name;
    size_t parts_min, parts_max;
    bool may_post;
    enum MHD_Result (*serve)(struct request *request);
} routes[] = {
    {"healthz", 1, 2, false, serve_health},
    {"containerLogs", 4, 4, false, serve_logs},
    {"exec", 4, 5, true, serve_exec},
    {"attach", 4, 5, true, serve_attach},
    {"portForward", 3, 4, true, serve_port_forward},
    {"metrics", 2, 2, false, serve_metrics},
    {"stats", 2, 2, false, serve_stats},
};

static enum MHD_Result route_request(struct request *request)
{
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        const struct route *route = &routes[i];
        if (!request->part_count || strcmp(request->parts[0], route->name) != 0)
            continue;
        if (request->part_count < route->parts_min || request->part_count > route->parts_max)
            break;
        if (strcmp(request->method, "GET") != 0 &&
            !(route->may_post && strcmp(request->method, "POST") == 0))
            return request_reply(request, 405, "405: Method Not Allowed");
        return route->serve(request);
    }
    return request_reply(request, 404, "404 page not found");
}

static void split_path(struct request *request, const char *path)
{
    struct str rest = str_of(path[0] == '/' ? path + 1 : path);
    while (rest.data && request->part_count < ARRAY_LEN(request->parts))
        request->parts[request->part_count++] = str_dup(str_cut(&rest, '/'));
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **state)
{
    static char seen_head;
    (void)version;
    (void)data;
    if (!*state) { /* MHD calls first with the head alone */
        *state = &seen_head;
        return MHD_YES;
    }
    *data_size = 0; /* no request of ours has a body */
    struct request request = {.server = arg, .connection = connection, .method = method};
    if (!is_allowed(connection))
        return request_reply(&request, 401, "Unauthorized");
    split_path(&request, url);
    enum MHD_Result result = route_request(&request);
    for (size_t i = 0; i < request.part_count; i++)
        free(request.parts[i]);
    return result;
}

/* ---- start and end ---- */

static struct MHD_Daemon *start_daemon(struct node_server *server,
                                       const struct server_options *options,
                                       const struct sockaddr_in *address)
{
    return MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
            MHD_USE_TLS | MHD_USE_ITC,
        0, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)address,
        MHD_OPTION_HTTPS_MEM_CERT, options->cert_pem, MHD_OPTION_HTTPS_MEM_KEY, options->key_pem,
        MHD_OPTION_HTTPS_MEM_TRUST, options->client_ca_pem, MHD_OPTION_HTTPS_PRIORITIES,
        "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)REQUEST_TIMEOUT_S,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)(64 << 10), MHD_OPTION_END);
}

struct node_server *node_server_start(struct node *node, const struct server_options *options,
                                      struct error *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};
    struct node_server *server = xcalloc(1, sizeof(*server));
    *server = (struct node_server){.node = node, .stop_fd = eventfd(0, EFD_CLOEXEC)};
    pthread_mutex_init(&server->lock, NULL);
    if (inet_pton(AF_INET, options->address, &address.sin_addr) == 1)
        server->daemon = start_daemon(server, options, &address);
    const union MHD_DaemonInfo *info =
        server->daemon ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (!info) {
        node_server_stop(server);
        error_unavailable(err, "the node's HTTPS server cannot listen on %s:%u", options->address,
                          options->port);
        return NULL;
    }
    server->port = info->port;
    return server;
}

unsigned server_port(const struct node_server *server)
{
    return server->port;
}

void node_server_stop(struct node_server *server)
{
    uint64_t one = 1;
    if (!server)
        return;
    (void)!write(server->stop_fd, &one,
                 sizeof(one)); /* ends the streams; an eventfd of ours takes it */
    if (server->daemon)
        MHD_stop_daemon(server->daemon); /* waits for them */
    close(server->stop_fd);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
