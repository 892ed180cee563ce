/* auth/pki_internal.h: parsed certificates and keys, for this folder and its tests. */
#pragma once
#include "auth/openssl.h"
#include "auth/pki.h"

/* The first certificate, or private key, in a PEM text. New; NULL when there is none. */
X509 *pki_cert_parse(const char *pem);
EVP_PKEY *pki_key_parse(const char *pem);
/* One DER certificate and nothing behind it. New; NULL when it is not one. */
X509 *pki_cert_parse_der(struct str der);
/* SubjectPublicKeyInfo of a private key as PEM. Owned; NULL when memory is out. */
char *pki_public_pem(EVP_PKEY *key);
/* RFC 7638-like name of a key as upstream makes it: base64url of SHA-256 of its
 * SubjectPublicKeyInfo. Owned. */
char *pki_key_id(EVP_PKEY *key);
/* Seconds since the epoch. */
int64_t pki_time(const ASN1_TIME *time);
/* For OpenSSL's readers: an encrypted block would make them ask the terminal. There is no pass
 * phrase. */
int pki_no_passphrase(char *out, int size, int writing, void *arg);
/* A certificate as PEM. Owned; NULL when memory is out. */
char *pki_cert_pem(X509 *cert);

/* An authority as OpenSSL's objects: reading them takes longer than issuing. NULL members issue
 * nothing. */
struct authority {
    X509 *cert;
    EVP_PKEY *key;
};
void authority_clear(struct authority *authority);
/* As pki_make_ca(), which it is as well in `*authority`, that comes in empty. */
MUST_CHECK bool pki_make_authority(const char *common_name, int64_t valid_s,
                                   struct authority *authority, struct keypair *out,
                                   struct error *err);
/* As pki_issue(). */
MUST_CHECK bool pki_issue_by(const struct authority *ca, const struct cert_request *request,
                             struct keypair *out, struct error *err);

/* What is in a new certificate: subject and alternative names are taken over as they are. */
struct pki_terms {
    X509_NAME *subject;
    EVP_PKEY *key;                            /* the public half */
    GENERAL_NAMES *alternative_names;         /* NULL: none */
    bool digital_signature, key_encipherment; /* key usage */
    bool client, server;                      /* extended key usage */
    int64_t valid_s;
};
/* Signs a certificate that is no authority. PEM, owned. */
MUST_CHECK bool pki_sign(const struct keypair *ca, const struct pki_terms *terms, char **pem,
                         struct error *err);
