#include "auth/csr.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/auth_internal.h"
#include "auth/pki_internal.h"
#include "base/strset.h"

#define CSR_MAX ((size_t)64 << 10)

struct csr {
    X509_REQ *request;
    GENERAL_NAMES *names; /* NULL: none */
    char *common_name;
    struct strset organizations;
    size_t organization_count;
};

void csr_free(struct csr *csr)
{
    if (!csr)
        return;
    X509_REQ_free(csr->request);
    GENERAL_NAMES_free(csr->names);
    free(csr->common_name);
    strset_clear(&csr->organizations);
    free(csr);
}

void csr_free_ptr(struct csr **csr)
{
    csr_free(*csr);
}

/* UTF-8 of a part of the subject. NULL when it holds a zero byte, which would hide what follows. */
static char *entry_text(X509_NAME *name, int at)
{
    unsigned char *text = NULL;
    int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    char *copy = len >= 0 && !memchr(text, 0, (size_t)len)
                     ? xstrndup((const char *)text, (size_t)len)
                     : NULL;
    OPENSSL_free(text);
    return copy;
}

static bool read_subject(struct csr *csr)
{
    X509_NAME *name = X509_REQ_get_subject_name(csr->request);
    for (int at = -1; (at = X509_NAME_get_index_by_NID(name, NID_organizationName, at)) >= 0;) {
        CLEANUP(free_ptr) char *text = entry_text(name, at);
        if (!text)
            return false;
        strset_add(&csr->organizations, text);
        csr->organization_count++;
    }
    for (int at = -1; (at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0;) {
        free(csr->common_name); /* the last one counts, as in Go */
        csr->common_name = entry_text(name, at);
        if (!csr->common_name)
            return false;
    }
    return true;
}

static const int name_types[CSR_NAME_KINDS] = {
    [CSR_DNS] = GEN_DNS, [CSR_ADDRESS] = GEN_IPADD, [CSR_EMAIL] = GEN_EMAIL, [CSR_URI] = GEN_URI};

static bool known_type(int type)
{
    for (size_t i = 0; i < ARRAY_LEN(name_types); i++)
        if (name_types[i] == type)
            return true;
    return false;
}

/* Names of other kinds are left out of the certificate, as Go does. */
static void read_names(struct csr *csr)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(csr->request);
    csr->names = extensions ? X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL) : NULL;
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    for (int i = sk_GENERAL_NAME_num(csr->names) - 1; i >= 0; i--)
        if (!known_type(sk_GENERAL_NAME_value(csr->names, i)->type))
            GENERAL_NAME_free(sk_GENERAL_NAME_delete(csr->names, i));
    if (csr->names && sk_GENERAL_NAME_num(csr->names) == 0) {
        GENERAL_NAMES_free(csr->names);
        csr->names = NULL;
    }
}

struct csr *csr_parse(struct str pem, struct error *err)
{
    CLEANUP(csr_free_ptr) struct csr *csr = xcalloc(1, sizeof(*csr));
    if (pem.len == 0 || pem.len > CSR_MAX) {
        (void)error_bad_request(err,
                                "PEM block type must be CERTIFICATE REQUEST"); /* always false */
        return NULL;
    }
    CLEANUP(free_bio) BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    csr->request = bio ? PEM_read_bio_X509_REQ(bio, NULL, pki_no_passphrase, NULL) : NULL;
    EVP_PKEY *key = csr->request ? X509_REQ_get0_pubkey(csr->request) : NULL;
    bool holds = key && X509_REQ_verify(csr->request, key) == 1;
    ERR_clear_error();
    if (!holds || !read_subject(csr)) {
        (void)error_bad_request(err, csr->request ? "the signature of the request does not hold"
                                                  : "the request cannot be parsed"); /* as above */
        return NULL;
    }
    read_names(csr);
    ERR_clear_error();
    return TAKE(csr);
}

const char *csr_common_name(const struct csr *csr)
{
    return csr->common_name ? csr->common_name : "";
}

bool csr_has_organization(const struct csr *csr, const char *name)
{
    for (size_t i = 0; i < csr->organizations.count; i++)
        if (strcmp(csr->organizations.items[i], name) == 0)
            return true;
    return false;
}

size_t csr_organization_count(const struct csr *csr)
{
    return csr->organization_count;
}

bool csr_has_name(const struct csr *csr, enum csr_name kind)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(csr->names); i++)
        if (sk_GENERAL_NAME_value(csr->names, i)->type == name_types[kind])
            return true;
    return false;
}

bool csr_sign(struct cluster *cluster, const struct csr *csr, const struct csr_terms *terms,
              char **pem, struct error *err)
{
    if (!auth_warm(cluster, err))
        return false;
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = auth_part_peek(cluster);
    if (!part)
        return error_unavailable(err, "the cluster's credentials are not loaded");
    const struct pki_terms signed_terms = {
        .subject = X509_REQ_get_subject_name(csr->request),
        .key = X509_REQ_get0_pubkey(csr->request),
        .alternative_names = csr->names,
        .digital_signature = terms->digital_signature,
        .key_encipherment = terms->key_encipherment,
        .client = terms->client,
        .server = terms->server,
        .valid_s = terms->valid_s,
    };
    return pki_sign(&part->ca, &signed_terms, pem, err);
}

int64_t cert_end_us(const char *pem)
{
    CLEANUP(free_x509) X509 *cert = pki_cert_parse(pem);
    return cert ? pki_time(X509_get0_notAfter(cert)) * 1000000 : 0;
}
