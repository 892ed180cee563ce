#include "apiserver/backend/backend_tls.h"

#include <gnutls/x509.h>
#include <string.h>

static gnutls_datum_t datum(const char *text)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
}

static bool load(struct backend *backend, const struct backend_peer *peer, struct error *err)
{
    if (gnutls_certificate_allocate_credentials(&backend->credentials) != 0)
        return error_unavailable(err, "tls: out of memory");
    gnutls_certificate_credentials_t credentials = backend->credentials;
    if (!peer->insecure && peer->roots) {
        gnutls_datum_t roots = datum(peer->roots);
        if (gnutls_certificate_set_x509_trust_mem(credentials, &roots, GNUTLS_X509_FMT_PEM) <= 0)
            return error_unavailable(err, "unable to load root certificates: unable to parse bytes "
                                          "as PEM block");
    } else if (!peer->insecure) {
        (void)gnutls_certificate_set_x509_system_trust(credentials); /* none: nobody is trusted */
    }
    if (!peer->cert)
        return true;
    gnutls_datum_t cert = datum(peer->cert), key = datum(peer->key);
    return gnutls_certificate_set_x509_key_mem(credentials, &cert, &key, GNUTLS_X509_FMT_PEM) ==
               0 ||
           error_unavailable(err, "tls: the client certificate cannot be loaded");
}

static bool set_up(struct backend *backend, const struct backend_peer *peer)
{
    if (gnutls_init(&backend->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) != 0 ||
        gnutls_set_default_priority(backend->session) != 0 ||
        gnutls_credentials_set(backend->session, GNUTLS_CRD_CERTIFICATE, backend->credentials) != 0)
        return false;
    if (peer->server_name &&
        gnutls_server_name_set(backend->session, GNUTLS_NAME_DNS, peer->server_name,
                               strlen(peer->server_name)) != 0)
        return false;
    if (!peer->insecure)
        gnutls_session_set_verify_cert(backend->session, peer->server_name, 0);
    gnutls_transport_set_int(backend->session, backend->fd);
    return true;
}

static const struct verdict_row {
    unsigned flag;
    const char *text;
} verdict_rows[] = {
    {GNUTLS_CERT_SIGNER_NOT_FOUND, "x509: certificate signed by unknown authority"},
    {GNUTLS_CERT_SIGNER_NOT_CA, "x509: certificate signed by unknown authority"},
    {GNUTLS_CERT_EXPIRED, "x509: certificate has expired or is not yet valid"},
    {GNUTLS_CERT_NOT_ACTIVATED, "x509: certificate has expired or is not yet valid"},
    {GNUTLS_CERT_UNEXPECTED_OWNER, "x509: certificate is not valid for any names, but wanted to "
                                   "match "},
};

static bool refuse(const struct backend *backend, const struct backend_peer *peer,
                   struct error *err)
{
    unsigned verdict = gnutls_session_get_verify_cert_status(backend->session);
    if (peer->insecure || verdict == 0 || verdict == (unsigned)-1)
        return error_unavailable(err, "tls: handshake failure");
    for (size_t i = 0; i < ARRAY_LEN(verdict_rows); i++)
        if (verdict & verdict_rows[i].flag)
            return error_unavailable(
                err, "tls: failed to verify certificate: %s%s", verdict_rows[i].text,
                verdict_rows[i].flag == GNUTLS_CERT_UNEXPECTED_OWNER && peer->server_name
                    ? peer->server_name
                    : "");
    return error_unavailable(err, "tls: failed to verify certificate: x509: invalid certificate");
}

bool backend_secure(struct backend *backend, const struct backend_peer *peer, struct error *err)
{
    if (!load(backend, peer, err))
        return false;
    if (!set_up(backend, peer))
        return error_unavailable(err, "tls: the session cannot be set up");
    return backend_shake_hands(backend) || refuse(backend, peer, err);
}
