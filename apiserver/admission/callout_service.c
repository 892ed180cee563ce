#include "apiserver/admission/callout_service.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "apiserver/backend/backend.h"
#include "apiserver/backend/reach.h"
#include "base/clock.h"
#include "base/parse.h"

#define DEADLINE_WORDS "context deadline exceeded"

static bool trust(struct backend *backend, struct str ca_pem)
{
    const gnutls_datum_t pem = {(unsigned char *)(uintptr_t)ca_pem.data, (unsigned)ca_pem.len};
    if (gnutls_certificate_allocate_credentials(&backend->credentials) != 0)
        return false;
    if (!ca_pem.len)
        return gnutls_certificate_set_x509_system_trust(backend->credentials) >= 0;
    return gnutls_certificate_set_x509_trust_mem(backend->credentials, &pem, GNUTLS_X509_FMT_PEM) >
           0;
}

static const char *handshake_problem(const struct backend *backend)
{
    unsigned status = gnutls_session_get_verify_cert_status(backend->session);
    if (status & GNUTLS_CERT_UNEXPECTED_OWNER)
        return "tls: failed to verify certificate: x509: certificate is not valid for the name "
               "that was asked for";
    if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED))
        return "tls: failed to verify certificate: x509: certificate has expired or is not yet "
               "valid";
    return status
               ? "tls: failed to verify certificate: x509: certificate signed by unknown authority"
               : "EOF";
}

static bool shake_hands(struct backend *backend, struct str ca_pem, const char *host,
                        const char **why)
{
    *why = "unable to load root certificates: unable to parse bytes as PEM block";
    if (!trust(backend, ca_pem))
        return false;
    *why = "EOF";
    if (gnutls_init(&backend->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) != 0 ||
        gnutls_set_default_priority(backend->session) != 0 ||
        gnutls_server_name_set(backend->session, GNUTLS_NAME_DNS, host, strlen(host)) != 0 ||
        gnutls_credentials_set(backend->session, GNUTLS_CRD_CERTIFICATE, backend->credentials) != 0)
        return false;
    gnutls_session_set_verify_cert(backend->session, host, 0);
    gnutls_transport_set_int(backend->session, backend->fd);
    if (backend_shake_hands(backend))
        return true;
    *why = handshake_problem(backend);
    return false;
}

/* Milliseconds until then; 0 when it has passed. */
static int left_ms(int64_t until_mono_ns)
{
    int64_t left = clock_whole_ms(until_mono_ns - clock_mono_ns());
    return left > 0 ? (int)left : 0;
}

/* The rest of the body: as long as the head says, or to the end of the connection. */
static const char *read_body(struct backend *backend, struct str announced, int64_t until,
                             struct buf *answer)
{
    int64_t length = INT64_MAX;
    char bytes[16384];
    if (announced.data && !parse_i64(announced, 0, INT64_MAX, &length))
        return "malformed HTTP response";
    while ((int64_t)answer->len < length && buf_ok(answer)) {
        int wait = left_ms(until);
        ssize_t got = wait ? backend_receive(backend, bytes, sizeof(bytes), wait) : BACKEND_AGAIN;
        if (got == BACKEND_AGAIN)
            return DEADLINE_WORDS;
        if (got == 0 || got == BACKEND_BROKEN) /* many servers end without a word */
            return announced.data ? "unexpected EOF" : NULL;
        buf_add(answer, bytes, (size_t)got);
    }
    return buf_ok(answer) ? NULL : "the answer is too large";
}

static const char *exchange(struct backend *backend, const struct callout *call, const char *host,
                            const char *target, int64_t until, struct buf *answer, long *status)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT, head = {0}, rest = {0};
    buf_printf(
        &text,
        "POST %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: kube-apiserver-admission\r\nContent-Type: "
        "application/json\r\nAccept: application/json, */*\r\nContent-Length: %zu\r\n\r\n",
        target, host, call->body.len);
    if (!backend_send(backend, buf_str(&text)) || !backend_send(backend, call->body))
        return left_ms(until) ? "EOF" : DEADLINE_WORDS;
    if (!backend_read_head(backend, &head, &rest, left_ms(until)))
        return left_ms(until) ? "EOF" : DEADLINE_WORDS;
    *status = head_status(&head);
    buf_add_str(answer, buf_str(&rest));
    return read_body(backend, head_value(&head, "Content-Length"), until, answer);
}

bool callout_service(struct api *api, struct cluster *cluster, const struct callout *call,
                     const char *host, const char *target, struct buf *answer, long *status,
                     const char **why, struct error *dial)
{
    const struct callout_target *to = call->target;
    int64_t until = clock_mono_ns() + call->timeout_ms * 1000000;
    struct backend backend = {.fd = -1};
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", to->port);
    const struct reach_target place = {REACH_SERVICE, to->ns, to->name, port, 0};
    *why = NULL;
    if (!reach_connect(api, cluster, &place, &backend.fd, dial))
        return false;
    if (shake_hands(&backend, to->ca_pem, host, why))
        *why = exchange(&backend, call, host, target, until, answer, status);
    backend_close(&backend);
    return !*why;
}
