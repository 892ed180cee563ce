/* auth/csr.h: PKCS#10 certificate requests: what they ask for, and signing them by a cluster's CA.
 * Any thread; nothing blocks but csr_sign's first use of a cluster. Source: upstream
 * pkg/controller/certificates/signer. */
#pragma once
#include "base/error.h"
#include "base/str.h"
#include "store/cluster.h"

struct csr;

/* One PEM block of a request whose signature holds. New; BAD_REQUEST says what is wrong. */
struct csr *csr_parse(struct str pem, struct error *err);
void csr_free(struct csr *csr);
void csr_free_ptr(struct csr **csr); /* for CLEANUP */

const char *csr_common_name(const struct csr *csr); /* "" for none; borrowed */
bool csr_has_organization(const struct csr *csr, const char *name);
size_t csr_organization_count(const struct csr *csr);

enum csr_name { CSR_DNS, CSR_ADDRESS, CSR_EMAIL, CSR_URI, CSR_NAME_KINDS };
/* Whether it asks for an alternative name of that kind. */
bool csr_has_name(const struct csr *csr, enum csr_name kind);

struct csr_terms {
    bool digital_signature, key_encipherment, client, server;
    int64_t valid_s;
};
/* Subject, alternative names and key are the request's; everything else is the terms'. PEM, owned.
 */
MUST_CHECK bool csr_sign(struct cluster *cluster, const struct csr *csr,
                         const struct csr_terms *terms, char **pem, struct error *err);
/* When the first certificate of a PEM text ends, in microseconds since the epoch; 0 when there is
 * none. */
int64_t cert_end_us(const char *pem);
