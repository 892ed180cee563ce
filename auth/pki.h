/* auth/pki.h: a cluster's certificate authority and keys. ECDSA P-256 throughout; all PEM.
 * Blocking only for the microseconds of the arithmetic. Any thread. */
#pragma once
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct keypair { /* PEM, owned */
    char *cert, *key;
};
void keypair_clear(struct keypair *pair);

struct cert_request {
    const char *common_name;
    const char *const *organizations; /* NULL-ended; groups of a client */
    const char *const *dns_names;     /* NULL-ended; may be NULL */
    const char *const *addresses;     /* NULL-ended, textual; may be NULL */
    bool client, server;
    int64_t valid_s; /* from a minute ago */
};
MUST_CHECK bool pki_make_ca(const char *common_name, int64_t valid_s, struct keypair *out,
                            struct error *err);
MUST_CHECK bool pki_issue(const struct keypair *ca, const struct cert_request *request,
                          struct keypair *out, struct error *err);
/* A fresh ECDSA P-256 private key, for service-account tokens. */
MUST_CHECK bool pki_make_key(char **pem, struct error *err);

/* What a kubeconfig of one cluster, user and context says; all borrowed. */
struct kubeconfig {
    const char *context, *server;
    const char
        *tls_server_name; /* whom the server's certificate is to name; NULL: the server's host */
    const char *ca_pem;   /* NULL: the client's own authorities */
    const struct keypair *client;
};
/* Appends its text. */
void kubeconfig_write(struct buf *out, const struct kubeconfig *config);
