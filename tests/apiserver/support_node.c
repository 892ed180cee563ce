#include "support_node.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"

struct visit {
    struct fake_node *node;
    int fd;
};

void fake_node_send(gnutls_session_t session, const char *bytes, size_t len)
{
    while (len) {
        ssize_t sent = gnutls_record_send(session, bytes, len);
        if (sent < 0 && gnutls_error_is_fatal((int)sent))
            return;
        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        }
    }
}

static void serve(struct fake_node *node, gnutls_session_t session)
{
    char request[sizeof(node->request)] = "";
    size_t len = 0;
    while (len < sizeof(request) - 1 && !strstr(request, "\r\n\r\n")) {
        ssize_t got = gnutls_record_recv(session, request + len, sizeof(request) - 1 - len);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    pthread_mutex_lock(&node->lock);
    memcpy(node->request, request, sizeof(request));
    pthread_mutex_unlock(&node->lock);
    node->serve(session, request);
}

static void *visit_thread(void *arg)
{
    struct visit *visit = arg;
    struct fake_node *node = visit->node;
    gnutls_session_t session;
    gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, node->credentials);
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
    gnutls_transport_set_int(session, visit->fd);
    if (gnutls_handshake(session) == 0) {
        serve(node, session);
        gnutls_bye(session, GNUTLS_SHUT_WR);
    }
    gnutls_deinit(session);
    close(visit->fd);
    free(visit);
    pthread_mutex_lock(&node->lock);
    node->connections--;
    pthread_cond_broadcast(&node->changed);
    pthread_mutex_unlock(&node->lock);
    return NULL;
}

static void *node_thread(void *arg)
{
    struct fake_node *node = arg;
    for (;;) {
        pthread_t thread;
        struct visit *visit = xmalloc(sizeof(*visit));
        *visit = (struct visit){node, accept(node->listener, NULL, NULL)};
        if (visit->fd < 0) {
            free(visit);
            return NULL;
        }
        pthread_mutex_lock(&node->lock);
        node->connections++;
        pthread_mutex_unlock(&node->lock);
        if (pthread_create(&thread, NULL, visit_thread, visit) != 0)
            abort();
        pthread_detach(thread);
    }
}

static bool find_node(void *arg, struct cluster *cluster, const char *ns, const char *pod,
                      struct api_pod_target *target, struct error *err)
{
    const struct fake_node *node = arg;
    (void)cluster, (void)err;
    target->node_url = xasprintf("https://127.0.0.1:%u", node->port);
    target->ns = xstrdup(ns);
    target->pod = xasprintf("%s-on-host", pod); /* none of the client's business */
    return true;
}

static void load_credentials(struct fake_node *node, struct fixture *fixture)
{
    static const char *const addresses[] = {"127.0.0.1", NULL};
    static const char *const groups[] = {"system:nodes", NULL};
    struct cert_request want = {.common_name = "system:node:n1",
                                .organizations = groups,
                                .addresses = addresses,
                                .server = true,
                                .valid_s = 3600};
    struct keypair pair = {0};
    struct error err = {0};
    assert_true(auth_issue(fixture->host, &want, &pair, &err));
    gnutls_datum_t cert = {(unsigned char *)pair.cert, (unsigned)strlen(pair.cert)},
                   key = {(unsigned char *)pair.key, (unsigned)strlen(pair.key)};
    assert_int_equal(gnutls_certificate_allocate_credentials(&node->credentials), 0);
    assert_int_equal(
        gnutls_certificate_set_x509_key_mem(node->credentials, &cert, &key, GNUTLS_X509_FMT_PEM),
        0);
    keypair_clear(&pair);
}

void fake_node_start(struct fake_node *node, struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    pthread_mutex_init(&node->lock, NULL);
    pthread_cond_init(&node->changed, NULL);
    load_credentials(node, fixture);
    node->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(node->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(node->listener, 128), 0);
    assert_int_equal(getsockname(node->listener, (struct sockaddr *)&address, &len), 0);
    node->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&node->thread, NULL, node_thread, node), 0);
    api_set_pod_target(fixture->api, find_node, node);
}

void fake_node_stop(struct fake_node *node)
{
    shutdown(node->listener, SHUT_RDWR);
    pthread_join(node->thread, NULL);
    close(node->listener);
    pthread_mutex_lock(&node->lock);
    while (node->connections)
        pthread_cond_wait(&node->changed, &node->lock);
    pthread_mutex_unlock(&node->lock);
    gnutls_certificate_free_credentials(node->credentials);
    pthread_cond_destroy(&node->changed);
    pthread_mutex_destroy(&node->lock);
}
