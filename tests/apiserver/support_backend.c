#include "support_backend.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <string.h>

#include "tests/test.h"

#define HEAD_MAX ((size_t)64 << 10)

struct backend_visit {
    struct fake_backend *backend;
    gnutls_session_t outer, inner; /* inner: NULL for plain HTTP */
    char first[4096];              /* read from outer, not yet by inner */
    size_t first_at, first_len;
    char rest[HEAD_MAX]; /* behind the head */
    size_t rest_at, rest_len;
};

/* The fake node's `serve` has no argument of ours; a test program has one backend. */
static struct fake_backend *the_backend;

/* ---- bytes ---- */

static ssize_t pull(gnutls_transport_ptr_t arg, void *into, size_t max)
{
    struct backend_visit *visit = arg;
    if (visit->first_at < visit->first_len) {
        size_t take = visit->first_len - visit->first_at;
        take = take < max ? take : max;
        memcpy(into, visit->first + visit->first_at, take);
        visit->first_at += take;
        return (ssize_t)take;
    }
    ssize_t got = gnutls_record_recv(visit->outer, into, max);
    return got < 0 ? 0 : got;
}

static ssize_t push(gnutls_transport_ptr_t arg, const void *bytes, size_t len)
{
    struct backend_visit *visit = arg;
    ssize_t sent = gnutls_record_send(visit->outer, bytes, len);
    return sent;
}

static ssize_t hear(struct backend_visit *visit, char *into, size_t max)
{
    ssize_t got;
    do
        got = visit->inner ? gnutls_record_recv(visit->inner, into, max) : pull(visit, into, max);
    while (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED);
    return got;
}

size_t visit_hear(struct backend_visit *visit, char *into, size_t max)
{
    if (visit->rest_at == visit->rest_len) {
        ssize_t got = hear(visit, into, max);
        return got > 0 ? (size_t)got : 0;
    }
    size_t take = visit->rest_len - visit->rest_at;
    take = take < max ? take : max;
    memcpy(into, visit->rest + visit->rest_at, take);
    visit->rest_at += take;
    return take;
}

void visit_say(struct backend_visit *visit, const char *bytes, size_t len)
{
    fake_node_send(visit->inner ? visit->inner : visit->outer, bytes, len);
}

void visit_say_text(struct backend_visit *visit, const char *text)
{
    visit_say(visit, text, strlen(text));
}

/* ---- one connection ---- */

static void note_client(struct backend_visit *visit)
{
    struct fake_backend *backend = visit->backend;
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(visit->inner, &count);
    gnutls_x509_crt_t cert;
    size_t len = sizeof(backend->client);
    if (!count || gnutls_x509_crt_init(&cert) != 0)
        return;
    pthread_mutex_lock(&backend->lock);
    if (gnutls_x509_crt_import(cert, &chain[0], GNUTLS_X509_FMT_DER) == 0)
        gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, backend->client,
                                      &len);
    pthread_mutex_unlock(&backend->lock);
    gnutls_x509_crt_deinit(cert);
}

static bool begin_tls(struct backend_visit *visit)
{
    gnutls_init(&visit->inner, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
    gnutls_set_default_priority(visit->inner);
    gnutls_credentials_set(visit->inner, GNUTLS_CRD_CERTIFICATE, visit->backend->credentials);
    gnutls_certificate_server_set_request(visit->inner, GNUTLS_CERT_REQUEST);
    gnutls_transport_set_ptr(visit->inner, visit);
    gnutls_transport_set_pull_function(visit->inner, pull);
    gnutls_transport_set_push_function(visit->inner, push);
    gnutls_handshake_set_timeout(visit->inner, 0);
    int result;
    do
        result = gnutls_handshake(visit->inner);
    while (result < 0 && !gnutls_error_is_fatal(result));
    if (result == 0)
        note_client(visit);
    return result == 0;
}

static bool read_head(struct backend_visit *visit, char *head)
{
    size_t len = 0;
    char *end = NULL;
    while (!end && len < HEAD_MAX - 1) {
        ssize_t got = hear(visit, head + len, HEAD_MAX - 1 - len);
        if (got <= 0)
            return false;
        len += (size_t)got;
        head[len] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    if (!end)
        return false;
    visit->rest_len = len - (size_t)(end + 4 - head);
    memcpy(visit->rest, end + 4, visit->rest_len);
    end[4] = '\0';
    return true;
}

static void serve(gnutls_session_t session, const char *request)
{
    static const char accepted[] =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    static const char refused[] = "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\nrefused";
    struct backend_visit *visit = xcalloc(1, sizeof(*visit));
    char *head = xmalloc(HEAD_MAX);
    bool listens = !strstr(request, "port=81 ");
    visit->backend = the_backend;
    visit->outer = session;
    fake_node_send(session, listens ? accepted : refused,
                   listens ? sizeof(accepted) - 1 : sizeof(refused) - 1);
    ssize_t got = listens ? gnutls_record_recv(session, visit->first, sizeof(visit->first)) : 0;
    visit->first_len = got > 0 ? (size_t)got : 0;
    bool ok = visit->first_len && (visit->first[0] != 22 || begin_tls(visit));
    if (ok && read_head(visit, head)) {
        pthread_mutex_lock(&the_backend->lock);
        buf_clear(&the_backend->head);
        buf_add_text(&the_backend->head, head);
        pthread_mutex_unlock(&the_backend->lock);
        the_backend->serve(visit, head);
    }
    if (visit->inner) {
        gnutls_bye(visit->inner, GNUTLS_SHUT_WR);
        gnutls_deinit(visit->inner);
    }
    free(head);
    free(visit);
}

/* ---- life ---- */

static void make_credentials(struct fake_backend *backend, const char *server_name)
{
    const char *const names[] = {server_name, NULL};
    struct cert_request want = {
        .common_name = server_name, .dns_names = names, .server = true, .valid_s = 3600};
    struct keypair ca = {0}, pair = {0};
    struct error err = {0};
    assert_true(pki_make_ca("backend", 3600, &ca, &err));
    assert_true(pki_issue(&ca, &want, &pair, &err));
    gnutls_datum_t cert = {(unsigned char *)pair.cert, (unsigned)strlen(pair.cert)},
                   key = {(unsigned char *)pair.key, (unsigned)strlen(pair.key)};
    assert_int_equal(gnutls_certificate_allocate_credentials(&backend->credentials), 0);
    assert_int_equal(
        gnutls_certificate_set_x509_key_mem(backend->credentials, &cert, &key, GNUTLS_X509_FMT_PEM),
        0);
    backend->ca = xstrdup(ca.cert);
    keypair_clear(&ca);
    keypair_clear(&pair);
}

void fake_backend_start(struct fake_backend *backend, struct fixture *fixture,
                        const char *server_name)
{
    pthread_mutex_init(&backend->lock, NULL);
    backend->head = BUF_TEXT;
    make_credentials(backend, server_name);
    the_backend = backend;
    backend->node.serve = serve;
    fake_node_start(&backend->node, fixture);
}

void fake_backend_stop(struct fake_backend *backend)
{
    fake_node_stop(&backend->node);
    gnutls_certificate_free_credentials(backend->credentials);
    buf_free(&backend->head);
    free(backend->ca);
    pthread_mutex_destroy(&backend->lock);
}

bool fake_backend_heard(struct fake_backend *backend, const char *text)
{
    pthread_mutex_lock(&backend->lock);
    bool heard = backend->head.data && strcasestr(backend->head.data, text);
    pthread_mutex_unlock(&backend->lock);
    return heard;
}
