/* Certificates with the fields that kubeadm's have: v3, critical key usage and basic constraints,
 * key identifiers, subject alternative names, random serials. Extensions are built as objects and
 * never from configuration text, so that a name cannot bring an extension of its own. */
#include "auth/pki_internal.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/codec.h"

#define BACKDATE_S   60
#define SERIAL_BYTES 16
#define POINT_BYTES  65 /* of P-256, not compressed */
#define VALID_MAX_S  ((int64_t)100 * 366 * 86400)

/* X.509's numbers. */
enum key_usage_bit { USAGE_DIGITAL_SIGNATURE = 0, USAGE_KEY_ENCIPHERMENT = 2, USAGE_CERT_SIGN = 5 };
#define LEAF_USAGES (1U << USAGE_DIGITAL_SIGNATURE | 1U << USAGE_KEY_ENCIPHERMENT)

void keypair_clear(struct keypair *pair)
{
    free(pair->cert);
    free(pair->key);
    *pair = (struct keypair){0};
}

/* OpenSSL keeps its reasons in a queue of the thread: drop them, they name files and lines of its
 * own. */
static bool fail(struct error *err, const char *what)
{
    ERR_clear_error();
    return error_internal(err, "cannot %s", what);
}

/* ---- reading ---- */

X509 *pki_cert_parse(const char *pem)
{
    CLEANUP(free_bio) BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    ERR_clear_error();
    return cert;
}

int pki_no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out, (void)size, (void)writing, (void)arg;
    return -1;
}

EVP_PKEY *pki_key_parse(const char *pem)
{
    CLEANUP(free_bio) BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, pki_no_passphrase, NULL) : NULL;
    ERR_clear_error();
    return key;
}

X509 *pki_cert_parse_der(struct str der)
{
    if (der.len == 0 || der.len > LONG_MAX)
        return NULL;
    const unsigned char *at = (const unsigned char *)der.data;
    X509 *cert = d2i_X509(NULL, &at, (long)der.len);
    ERR_clear_error();
    if (cert && at != (const unsigned char *)der.data + der.len) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

int64_t pki_time(const ASN1_TIME *time)
{
    struct tm parts;
    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

/* ---- writing ---- */

static char *bio_text(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    return len > 0 ? xstrndup(data, (size_t)len) : NULL;
}

static char *key_pem(EVP_PKEY *key)
{
    CLEANUP(free_bio) BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return NULL;
    return bio_text(bio);
}

char *pki_cert_pem(X509 *cert)
{
    CLEANUP(free_bio) BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || PEM_write_bio_X509(bio, cert) != 1)
        return NULL;
    return bio_text(bio);
}

char *pki_public_pem(EVP_PKEY *key)
{
    CLEANUP(free_bio) BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || PEM_write_bio_PUBKEY(bio, key) != 1)
        return NULL;
    return bio_text(bio);
}

char *pki_key_id(EVP_PKEY *key)
{
    unsigned char *der = NULL, digest[32];
    int len = i2d_PUBKEY(key, &der);
    if (len <= 0)
        return NULL;
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    sha256(der, (size_t)len, digest);
    OPENSSL_free(der);
    base64_encode(&text, digest, sizeof(digest), BASE64_URL);
    return buf_take(&text);
}

bool pki_make_key(char **pem, struct error *err)
{
    CLEANUP(free_pkey) EVP_PKEY *key = EVP_EC_gen("P-256");
    char *text = key ? key_pem(key) : NULL;
    if (!text)
        return fail(err, "make a key");
    *pem = text;
    return true;
}

static bool set_serial(X509 *cert)
{
    unsigned char bytes[SERIAL_BYTES];
    random_bytes(bytes, sizeof(bytes));
    bytes[0] =
        (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, and always of the same length */
    CLEANUP(free_bignum) BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    return number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
}

static bool set_validity(X509 *cert, int64_t valid_s, const X509 *ca)
{
    int64_t now = clock_now_us() / 1000000;
    int64_t last = now + (valid_s < 1 ? 1 : valid_s > VALID_MAX_S ? VALID_MAX_S : valid_s);
    int64_t ca_last = ca ? pki_time(X509_get0_notAfter(ca)) : INT64_MAX;
    return X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(now - BACKDATE_S)) &&
           ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(last < ca_last ? last : ca_last));
}

/* Raw UTF8String: the general setter refuses names over 64 bytes, which Kubernetes allows. */
static bool add_name(X509_NAME *name, int nid, const char *text)
{
    size_t len = strlen(text);
    return len <= INT_MAX &&
           X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING, (const unsigned char *)text,
                                      (int)len, -1, 0) == 1;
}

static bool set_subject(X509 *cert, const char *common_name, const char *const *organizations)
{
    X509_NAME *name = X509_get_subject_name(cert);
    for (size_t i = 0; organizations && organizations[i]; i++)
        if (!add_name(name, NID_organizationName, organizations[i]))
            return false;
    return add_name(name, NID_commonName, common_name);
}

static bool add_object(X509 *cert, int nid, void *value, int critical)
{
    return X509_add1_ext_i2d(cert, nid, value, critical, X509V3_ADD_DEFAULT) == 1;
}

static bool add_basic_constraints(X509 *cert, bool is_ca)
{
    CLEANUP(free_basic_constraints) BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
    if (!constraints)
        return false;
    constraints->ca = is_ca ? 0xff : 0;
    return add_object(cert, NID_basic_constraints, constraints, 1);
}

/* `usages`: one bit for each number of enum key_usage_bit. */
static bool add_key_usage(X509 *cert, unsigned usages)
{
    static const enum key_usage_bit all[] = {USAGE_DIGITAL_SIGNATURE, USAGE_KEY_ENCIPHERMENT,
                                             USAGE_CERT_SIGN};
    CLEANUP(free_bit_string) ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    for (size_t i = 0; bits && i < ARRAY_LEN(all); i++)
        if (usages & 1U << all[i] && !ASN1_BIT_STRING_set_bit(bits, (int)all[i], 1))
            return false;
    return bits && (!usages || add_object(cert, NID_key_usage, bits, 1));
}

static bool add_extended_usage(X509 *cert, bool client, bool server)
{
    CLEANUP(free_key_usage) EXTENDED_KEY_USAGE *usage = EXTENDED_KEY_USAGE_new();
    if (!usage || (server && !sk_ASN1_OBJECT_push(usage, OBJ_nid2obj(NID_server_auth))) ||
        (client && !sk_ASN1_OBJECT_push(usage, OBJ_nid2obj(NID_client_auth))))
        return false;
    return sk_ASN1_OBJECT_num(usage) == 0 || add_object(cert, NID_ext_key_usage, usage, 0);
}

/* Key identifiers have no data but the certificates': OpenSSL's own constructors take them from the
 * context. */
static bool add_key_identifier(X509 *cert, X509 *ca, int nid, const char *how)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, ca, cert, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&context);
    CLEANUP(free_extension)
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, how);
    return extension && X509_add_ext(cert, extension, -1) == 1;
}

static bool push_name(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
    GENERAL_NAME *name = value ? GENERAL_NAME_new() : NULL;
    if (!name) {
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, value);
    if (sk_GENERAL_NAME_push(names, name))
        return true;
    GENERAL_NAME_free(name);
    return false;
}

static bool push_dns(GENERAL_NAMES *names, const char *text)
{
    ASN1_STRING *value = ASN1_IA5STRING_new();
    if (value && ASN1_STRING_set(value, text, -1) != 1) {
        ASN1_STRING_free(value);
        return false;
    }
    return push_name(names, GEN_DNS, value);
}

static bool add_alternative_names(X509 *cert, const struct cert_request *request)
{
    CLEANUP(free_general_names) GENERAL_NAMES *names = GENERAL_NAMES_new();
    if (!names)
        return false;
    for (size_t i = 0; request->dns_names && request->dns_names[i]; i++)
        if (!push_dns(names, request->dns_names[i]))
            return false;
    for (size_t i = 0; request->addresses && request->addresses[i]; i++)
        if (!push_name(names, GEN_IPADD, a2i_IPADDRESS(request->addresses[i])))
            return false;
    return sk_GENERAL_NAME_num(names) == 0 || add_object(cert, NID_subject_alt_name, names, 0);
}

static bool finish(X509 *cert, EVP_PKEY *key, EVP_PKEY *signer, struct keypair *out)
{
    if (X509_sign(cert, signer, EVP_sha256()) <= 0)
        return false;
    struct keypair pair = {.cert = pki_cert_pem(cert), .key = key_pem(key)};
    if (!pair.cert || !pair.key) {
        keypair_clear(&pair);
        return false;
    }
    *out = pair;
    return true;
}

/* As X509_set_pubkey() with a P-256 key does, which writes the key as DER and reads it again, by
 * generic means: that takes five times as long as signing. */
static bool set_public_key(X509 *cert, EVP_PKEY *key)
{
    unsigned char point[POINT_BYTES];
    size_t len = 0;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
                                        sizeof(point), &len) != 1 ||
        len != sizeof(point))
        return false;
    unsigned char *owned = OPENSSL_memdup(point, len);
    if (owned && X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(cert),
                                        OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_OBJECT,
                                        OBJ_nid2obj(NID_X9_62_prime256v1), owned, (int)len) == 1)
        return true;
    OPENSSL_free(owned);
    return false;
}

void authority_clear(struct authority *authority)
{
    X509_free(authority->cert);
    EVP_PKEY_free(authority->key);
    *authority = (struct authority){0};
}

bool pki_make_authority(const char *common_name, int64_t valid_s, struct authority *authority,
                        struct keypair *out, struct error *err)
{
    EVP_PKEY *key = authority->key = EVP_EC_gen("P-256");
    X509 *cert = authority->cert = X509_new();
    bool done = key && cert && set_serial(cert) && set_validity(cert, valid_s, NULL) &&
                set_subject(cert, common_name, NULL) &&
                X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
                set_public_key(cert, key) &&
                add_key_usage(cert, LEAF_USAGES | 1U << USAGE_CERT_SIGN) &&
                add_basic_constraints(cert, true) &&
                add_key_identifier(cert, cert, NID_subject_key_identifier, "hash") &&
                finish(cert, key, key, out);
    return done || fail(err, "make a certificate authority");
}

bool pki_make_ca(const char *common_name, int64_t valid_s, struct keypair *out, struct error *err)
{
    CLEANUP(authority_clear) struct authority authority = {0};
    return pki_make_authority(common_name, valid_s, &authority, out, err);
}

bool pki_issue_by(const struct authority *ca, const struct cert_request *request,
                  struct keypair *out, struct error *err)
{
    CLEANUP(free_pkey) EVP_PKEY *key = EVP_EC_gen("P-256");
    CLEANUP(free_x509) X509 *cert = X509_new();
    bool done = ca->cert && ca->key && key && cert && set_serial(cert) &&
                set_validity(cert, request->valid_s, ca->cert) &&
                set_subject(cert, request->common_name, request->organizations) &&
                X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) == 1 &&
                set_public_key(cert, key) && add_key_usage(cert, LEAF_USAGES) &&
                add_extended_usage(cert, request->client, request->server) &&
                add_basic_constraints(cert, false) &&
                add_key_identifier(cert, ca->cert, NID_authority_key_identifier, "keyid:always") &&
                add_alternative_names(cert, request) && finish(cert, key, ca->key, out);
    return done || fail(err, "issue a certificate");
}

bool pki_issue(const struct keypair *ca, const struct cert_request *request, struct keypair *out,
               struct error *err)
{
    CLEANUP(authority_clear)
    struct authority authority = {pki_cert_parse(ca->cert), pki_key_parse(ca->key)};
    return pki_issue_by(&authority, request, out, err);
}

bool pki_sign(const struct keypair *ca, const struct pki_terms *terms, char **pem,
              struct error *err)
{
    CLEANUP(free_x509) X509 *issuer = pki_cert_parse(ca->cert);
    CLEANUP(free_pkey) EVP_PKEY *signer = pki_key_parse(ca->key);
    CLEANUP(free_x509) X509 *cert = X509_new();
    GENERAL_NAMES *names = terms->alternative_names;
    unsigned usages = (terms->digital_signature ? 1U << USAGE_DIGITAL_SIGNATURE : 0) |
                      (terms->key_encipherment ? 1U << USAGE_KEY_ENCIPHERMENT : 0);
    bool done = issuer && signer && cert && set_serial(cert) &&
                set_validity(cert, terms->valid_s, issuer) &&
                X509_set_subject_name(cert, terms->subject) == 1 &&
                X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
                X509_set_pubkey(cert, terms->key) == 1 && add_key_usage(cert, usages) &&
                add_extended_usage(cert, terms->client, terms->server) &&
                add_basic_constraints(cert, false) &&
                add_key_identifier(cert, issuer, NID_authority_key_identifier, "keyid:always") &&
                (!names || add_object(cert, NID_subject_alt_name, names, 0)) &&
                X509_sign(cert, signer, EVP_sha256()) > 0;
    char *text = done ? pki_cert_pem(cert) : NULL;
    if (!text)
        return fail(err, "sign a certificate");
    *pem = text;
    return true;
}
