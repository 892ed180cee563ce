/* auth/openssl.h: scopes for OpenSSL's objects; only for this folder. */
#pragma once
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define OPENSSL_SCOPES(X)                                                                          \
    X(bio, BIO, BIO_free_all)                                                                      \
    X(bignum, BIGNUM, BN_free)                                                                     \
    X(pkey, EVP_PKEY, EVP_PKEY_free)                                                               \
    X(md_ctx, EVP_MD_CTX, EVP_MD_CTX_free)                                                         \
    X(ecdsa_sig, ECDSA_SIG, ECDSA_SIG_free)                                                        \
    X(x509, X509, X509_free)                                                                       \
    X(extension, X509_EXTENSION, X509_EXTENSION_free)                                              \
    X(general_names, GENERAL_NAMES, GENERAL_NAMES_free)                                            \
    X(basic_constraints, BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free)                                \
    X(bit_string, ASN1_BIT_STRING, ASN1_BIT_STRING_free)                                           \
    X(key_usage, EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)                                      \
    X(x509_store, X509_STORE, X509_STORE_free)                                                     \
    X(x509_store_ctx, X509_STORE_CTX, X509_STORE_CTX_free)

/* CLEANUP(free_x509) X509 *cert = ...; */
#define X(noun, type, release)                                                                     \
    static inline void free_##noun(type **object)                                                  \
    {                                                                                              \
        release(*object);                                                                          \
    }
OPENSSL_SCOPES(X)
#undef X
