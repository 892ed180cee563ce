#include "apiserver/backend/node_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apiserver/api_internal.h"
#include "auth/auth.h"
#include "base/clock.h"

#define TIMEOUT_MS 10000
#define VALID_S    ((int64_t)24 * 3600)
#define RENEW_NS   ((int64_t)12 * 3600 * 1000000000)

struct node_identity {
    pthread_mutex_t lock;
    struct keypair pair;  /* guarded by lock */
    char *ca;             /* guarded by lock */
    int64_t made_mono_ns; /* guarded by lock; 0: never */
};

struct node_identity *node_identity_new(void)
{
    struct node_identity *identity = xcalloc(1, sizeof(*identity));
    pthread_mutex_init(&identity->lock, NULL);
    return identity;
}

void node_identity_free(struct node_identity *identity)
{
    if (!identity)
        return;
    keypair_clear(&identity->pair);
    free(identity->ca);
    pthread_mutex_destroy(&identity->lock);
    free(identity);
}

/* ---- credentials ---- */

static bool issue(struct api *api, struct keypair *pair, char **ca, struct error *err)
{
    static const char *const groups[] = {"system:masters", NULL};
    struct cluster *host = store_cluster_by_id(api->store, CLUSTER_HOST_ID);
    bool ok = host && auth_warm(host, err) && auth_ca_pem(host, ca, err) &&
              auth_issue_client(host, "kube-apiserver-kubelet-client", groups, VALID_S, pair, err);
    cluster_unref(host);
    return ok;
}

static gnutls_datum_t datum(const char *text)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
}

/* Under the lock. */
static bool load(const struct node_identity *identity, gnutls_certificate_credentials_t *out)
{
    gnutls_datum_t ca = datum(identity->ca), cert = datum(identity->pair.cert),
                   key = datum(identity->pair.key);
    if (gnutls_certificate_allocate_credentials(out) != 0)
        return false;
    if (gnutls_certificate_set_x509_trust_mem(*out, &ca, GNUTLS_X509_FMT_PEM) > 0 &&
        gnutls_certificate_set_x509_key_mem(*out, &cert, &key, GNUTLS_X509_FMT_PEM) == 0)
        return true;
    gnutls_certificate_free_credentials(*out);
    return false;
}

static bool identity_load(struct api *api, gnutls_certificate_credentials_t *out, struct error *err)
{
    struct node_identity *identity = api->node_identity;
    pthread_mutex_lock(&identity->lock);
    bool fresh = identity->made_mono_ns && clock_mono_ns() - identity->made_mono_ns < RENEW_NS;
    pthread_mutex_unlock(&identity->lock);
    struct keypair pair = {0};
    char *ca = NULL;
    if (!fresh && !issue(api, &pair, &ca, err)) {
        keypair_clear(&pair);
        free(ca);
        return false;
    }
    pthread_mutex_lock(&identity->lock);
    if (!fresh) {
        keypair_clear(&identity->pair);
        free(identity->ca);
        identity->pair = pair;
        identity->ca = ca;
        identity->made_mono_ns = clock_mono_ns();
    }
    bool ok = load(identity, out);
    pthread_mutex_unlock(&identity->lock);
    return ok || error_internal(err, "the node credentials cannot be loaded");
}

/* ---- connecting ---- */

/* "https://10.0.0.1:10250" */
static bool split_url(const char *url, char host[256], char port[8])
{
    static const char scheme[] = "https://";
    if (!text_starts(url, scheme))
        return false;
    const char *start = url + sizeof(scheme) - 1, *end = start + strcspn(start, "/"), *colon = end;
    while (colon > start && *colon != ':')
        colon--;
    if (colon == start || end - colon < 2 || end - colon > 7)
        return false;
    bool bracketed = *start == '[' && colon[-1] == ']';
    size_t len = (size_t)(colon - start) - (bracketed ? 2 : 0);
    if (len >= 256)
        return false;
    memcpy(host, start + bracketed, len);
    host[len] = '\0';
    memcpy(port, colon + 1, (size_t)(end - colon - 1));
    port[end - colon - 1] = '\0';
    return true;
}

static bool finish_connect(int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLOUT};
    int problem = 0;
    socklen_t len = sizeof(problem);
    return poll(&waiting, 1, TIMEOUT_MS) == 1 &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len) == 0 && problem == 0;
}

/* Addresses only: a node is never looked up by name here. */
static int dial(const char *url)
{
    char host[256], port[8];
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM},
                    *found = NULL;
    if (!split_url(url, host, port) || getaddrinfo(host, port, &hints, &found) != 0)
        return -1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = fd >= 0 && (connect(fd, found->ai_addr, found->ai_addrlen) == 0 ||
                          (errno == EINPROGRESS && finish_connect(fd)));
    freeaddrinfo(found);
    if (ok)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool shake_hands(struct backend *connection)
{
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_SERVER};
    if (gnutls_init(&connection->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) != 0)
        return false;
    gnutls_session_set_verify_cert2(connection->session, &purpose, 1, 0);
    if (gnutls_set_default_priority(connection->session) != 0 ||
        gnutls_credentials_set(connection->session, GNUTLS_CRD_CERTIFICATE,
                               connection->credentials) != 0)
        return false;
    gnutls_transport_set_int(connection->session, connection->fd);
    return backend_shake_hands(connection);
}

bool node_connect(struct api *api, const char *url, struct backend *out, struct error *err)
{
    *out = (struct backend){.fd = -1};
    if (!identity_load(api, &out->credentials, err))
        return false;
    out->fd = dial(url);
    if (out->fd >= 0 && shake_hands(out))
        return true;
    backend_close(out);
    return error_unavailable(err, "error dialing backend: the node cannot be reached");
}
