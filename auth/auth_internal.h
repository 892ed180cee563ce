/* auth/auth_internal.h: a cluster's credentials in memory: the AUTH part. Only for this folder and
 * its tests. */
#pragma once
#include "auth/auth.h"
#include "auth/identity.h"
#include "auth/openssl.h"

#define AUTH_TOKEN_MAX 16384 /* bytes of a bearer token */
#define AUTH_CERT_MAX  16384 /* bytes of a client certificate */

/* What tokens can be bound to; a bit each in auth_part.wanted. */
#define AUTH_ANCHORS(X)                                                                            \
    X(ANCHOR_ACCOUNT, NULL, "serviceaccounts")                                                     \
    X(ANCHOR_POD, "Pod", "pods")                                                                   \
    X(ANCHOR_SECRET, "Secret", "secrets")                                                          \
    X(ANCHOR_NODE, "Node", "nodes")

enum auth_anchor {
#define X(id, kind, resource) id,
    AUTH_ANCHORS(X)
#undef X
        ANCHOR_COUNT,
};
extern const char *const auth_anchor_kinds[ANCHOR_COUNT];     /* "Pod"; NULL for the account */
extern const char *const auth_anchor_resources[ANCHOR_COUNT]; /* "pods" */

/* What becomes of the key of a cluster's tokens: parsing it takes longer than signing. Frozen. */
struct token_keys {
    EVP_PKEY *signer;
    char *public; /* PEM */
    char *id;
};

struct auth_part {
    struct cluster_part part;
    /* Frozen. */
    struct keypair ca, serving;            /* among `texts` */
    const char *token_key;                 /* PEM; among `texts` */
    struct token_keys *_Atomic token_keys; /* of it; made when they are asked for */
    /* Any thread. */
    atomic_uint wanted; /* caches that authentication found cold */
    struct seen seen;
    char texts[];
};

#define AUTH_SECRETS_MAX ((size_t)256 << 10)
#define AUTH_FRONT_PROXY "frontProxy" /* its authority, in the document */

/* secrets.c: pairs as they stand in the document. */
json_t *auth_pair_json(const struct keypair *pair);
MUST_CHECK bool auth_take_pair(const json_t *from, struct keypair *pair);
MUST_CHECK bool auth_make_front_proxy(struct keypair *out, struct error *err);

/* From the text that auth_secrets_make made: a new part with one reference, or NULL. */
struct auth_part *auth_part_parse(struct str secrets, struct error *err);
/* The loaded part, referenced; NULL when it is not loaded. Never blocks. */
struct auth_part *auth_part_peek(struct cluster *cluster);
void auth_part_unref_ptr(struct auth_part **part); /* for CLEANUP */

/* The cluster's CA, alone; owned. Made for each certificate that is verified, which is seldom:
 * kept, it would be the largest thing that an idle cluster has. NULL when that fails. */
X509_STORE *auth_roots(const struct auth_part *part);
/* Borrowed from the part; NULL when its key is damaged. */
const struct token_keys *auth_token_keys(struct auth_part *part);
/* Both verify against this part alone, without looking at objects. New identity, or NULL. */
struct identity *auth_verify_cert(struct auth_part *part, struct str der, int64_t now_us);
struct identity *auth_verify_token(struct auth_part *part, struct str text, int64_t now_us);
/* Why it did not verify, or is for none of `audiences`, in upstream's words; owned. NULL when it is
 * no token of the kind that clusters sign. Of another cluster's it tells no more than of a forged
 * one. */
char *auth_token_fault(struct auth_part *part, struct str text, const struct strset *audiences,
                       int64_t now_us);
