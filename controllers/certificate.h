/* controllers/certificate.h: CertificateSigningRequests: nodes' own are approved, what is approved
 * is signed by the cluster's authority, what is old goes. Source: upstream
 * pkg/controller/certificates (approver, signer, cleaner). */
#pragma once
#include "auth/csr.h"
#include "controllers/plan.h"

struct certificate_seen {
    const json_t *request;    /* the CertificateSigningRequest */
    const struct csr *parsed; /* what spec.request holds; NULL: unreadable */
    bool may_self,
        may_node;    /* its user may have nodes' certificates of its own name; of any node's */
    int64_t ends_us; /* of the issued certificate; 0: none */
    int64_t now_us;
};

/* What is next: appends to `plan`, or asks for a certificate with these terms. Pure. */
struct certificate_verdict {
    bool sign;
    struct csr_terms terms;
};
struct certificate_verdict certificate_decide(const struct certificate_seen *seen,
                                              struct plan *plan);
/* The certificate (PEM) into the status. */
void certificate_issued(const json_t *request, const char *pem, struct plan *plan);

/* What a signer refuses about a request that is otherwise its own: upstream's words, owned; NULL
 * when it is fine.
 * `*known` false: the signer is not ours. */
char *certificate_refusal(const char *signer, const struct csr *csr, const json_t *usages,
                          bool *known);
/* Whether it asks for a node's client certificate. */
bool certificate_is_node_client(const char *signer, const struct csr *csr, const json_t *usages);

extern const struct controller certificate_controller;
