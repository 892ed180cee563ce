/* From what a request brings to who asks: client certificate, then bearer token, then nobody. */
#include "auth/auth_internal.h"

#include <limits.h>
#include <openssl/err.h>
#include <string.h>

#include "auth/pki_internal.h"
#include "base/codec.h"
#include "store/cache.h"

/* A token outlives what it is bound to by this much after the deletion was asked for, as upstream.
 */
#define DELETION_LEEWAY_US (60 * INT64_C(1000000))
#define NAMES_MAX          256 /* organizations of one certificate */

/* ---- certificates ---- */

/* Signed by this cluster's CA, in its time, and meant for clients by its own words: a certificate
 * that says nothing of its use (the CA itself, say) does not pass. */
static bool cert_is_good(const struct auth_part *part, X509 *cert, int64_t now_us)
{
    CLEANUP(free_x509_store) X509_STORE *roots = auth_roots(part);
    CLEANUP(free_x509_store_ctx) X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (!roots || !context || X509_STORE_CTX_init(context, roots, cert, NULL) != 1)
        return false;
    X509_VERIFY_PARAM *rules = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(rules, (time_t)(now_us / 1000000));
    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT);
    bool good = X509_verify_cert(context) == 1 &&
                (X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) &&
                (X509_get_extended_key_usage(cert) & XKU_SSL_CLIENT);
    ERR_clear_error();
    return good;
}

/* An owned copy as UTF-8; NULL when it is empty or has a NUL, which would cut the name short. */
static char *entry_text(const X509_NAME_ENTRY *entry)
{
    unsigned char *text = NULL;
    int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
    char *copy = NULL;
    if (len > 0 && !memchr(text, 0, (size_t)len))
        copy = xstrndup((const char *)text, (size_t)len);
    OPENSSL_free(text);
    return copy;
}

/* The last common name is the user, as in Go's pkix.Name; each organization is a group. */
static bool take_subject(X509 *cert, struct user *user)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    int count = X509_NAME_entry_count(subject);
    if (count > NAMES_MAX)
        return false;
    for (int i = 0; i < count; i++) {
        X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
        int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
        if (nid != NID_commonName && nid != NID_organizationName)
            continue;
        char *text = entry_text(entry);
        if (!text)
            return false;
        if (nid == NID_organizationName) {
            user_add_group(user, text);
            free(text);
        } else {
            free(user->name);
            user->name = text;
        }
    }
    return user->name != NULL;
}

static json_t *credential_id(const char *kind, const char *id)
{
    CLEANUP(free_ptr) char *text = xasprintf("%s=%s", kind, id);
    return json_pack("{s:[s]}", "authentication.kubernetes.io/credential-id", text);
}

struct identity *auth_verify_cert(struct auth_part *part, struct str der, int64_t now_us)
{
    if (der.len > AUTH_CERT_MAX)
        return NULL;
    CLEANUP(free_x509) X509 *cert = pki_cert_parse_der(der);
    CLEANUP(identity_unref_ptr) struct identity *identity = identity_new();
    if (!cert || !cert_is_good(part, cert, now_us) || !take_subject(cert, &identity->user))
        return NULL;
    char digest[65];
    sha256_hex(der.data, der.len, digest);
    identity->user.extra = credential_id("X509SHA256", digest);
    identity->not_before_us = pki_time(X509_get0_notBefore(cert)) * 1000000;
    identity->expires_us = pki_time(X509_get0_notAfter(cert)) * 1000000;
    user_add_group(&identity->user, "system:authenticated");
    return TAKE(identity);
}

/* ---- what a token is bound to ---- */

static bool deleted_long_ago(const struct object *object, int64_t now_us)
{
    if (!memmem(object->body.data, object->body.len, "\"deletionTimestamp\"", 19))
        return false; /* spares parsing nearly always */
    json_auto_t *value = object_json(object);
    const char *text = json_text(value, "metadata", "deletionTimestamp");
    int64_t at_us;
    return text && time_parse(str_of(text), &at_us) && at_us + DELETION_LEEWAY_US < now_us;
}

static unsigned anchor_bit(const char *resource)
{
    for (unsigned i = 0; i < ANCHOR_COUNT; i++)
        if (strcmp(auth_anchor_resources[i], resource) == 0)
            return 1u << i;
    return 0;
}

#define INVALIDATED "service account token has been invalidated"

/* What upstream says when the anchor's object, NULL when there is none, is not what it was. */
static char *anchor_fault(const struct identity_anchor *anchor, const struct object *object)
{
    bool account = strcmp(anchor->resource, auth_anchor_resources[ANCHOR_ACCOUNT]) == 0;
    bool same = object && strcmp(object->uid, anchor->uid) == 0;
    int len = (int)strlen(anchor->resource) - 1; /* "pod" of "pods" */
    if (!account && (!object || same))
        return xstrdup(INVALIDATED);
    if (!account)
        return xasprintf("%.*s UID (%s) does not match service account %.*s ref claim (%s)", len,
                         anchor->resource, object->uid, len, anchor->resource, anchor->uid);
    if (!object)
        return xasprintf("serviceaccounts \"%s\" not found", anchor->name);
    return same ? xasprintf("service account %s/%s has been deleted", anchor->ns, anchor->name)
                : xasprintf("service account UID (%s) does not match claim (%s)", object->uid,
                            anchor->uid);
}

/* `why` as auth_review_token's; what it has already stays. */
static enum auth_result deny(const struct identity_anchor *anchor, const struct object *object,
                             char **why)
{
    if (why && !*why)
        *why = anchor_fault(anchor, object);
    return AUTH_DENIED;
}

static enum auth_result check_anchor(struct cluster *cluster, struct auth_part *part,
                                     const struct identity_anchor *anchor, int64_t now_us,
                                     char **why)
{
    if (!anchor->resource)
        return AUTH_OK;
    CLEANUP(object_unref_ptr) struct object *object = NULL;
    switch (cache_peek(cluster, anchor->resource, anchor->ns, anchor->name, &object)) {
    case CACHE_COLD:
        atomic_fetch_or(&part->wanted, anchor_bit(anchor->resource));
        return AUTH_COLD;
    case CACHE_ABSENT:
        return deny(anchor, NULL, why);
    case CACHE_HIT:
        break;
    }
    bool same = strcmp(object->uid, anchor->uid) == 0;
    return same && !deleted_long_ago(object, now_us) ? AUTH_OK : deny(anchor, object, why);
}

static enum auth_result check_anchors(struct cluster *cluster, struct auth_part *part,
                                      const struct identity *identity, int64_t now_us, char **why)
{
    enum auth_result result = check_anchor(cluster, part, &identity->account, now_us, why);
    enum auth_result bound = check_anchor(cluster, part, &identity->bound, now_us, why);
    if (result == AUTH_DENIED || bound == AUTH_DENIED)
        return AUTH_DENIED;
    return result == AUTH_COLD ? result : bound;
}

/* ---- the way through ---- */

typedef struct identity *(*verify_fn)(struct auth_part *part, struct str text, int64_t now_us);

/* Remembered or verified now; NULL when it is no good. */
static struct identity *identify(struct auth_part *part, verify_fn verify, struct str text,
                                 int64_t now_us)
{
    unsigned char digest[IDENTITY_DIGEST];
    sha256(text.data, text.len, digest);
    struct identity *identity = seen_find(&part->seen, digest, now_us);
    if (identity)
        return identity;
    identity = verify(part, text, now_us);
    if (identity)
        seen_add(&part->seen, digest, identity);
    return identity;
}

static enum auth_result by_cert(struct auth_part *part, struct str der, int64_t now_us,
                                struct user *user)
{
    CLEANUP(identity_unref_ptr)
    struct identity *identity = identify(part, auth_verify_cert, der, now_us);
    if (!identity)
        return AUTH_DENIED;
    user_copy(user, &identity->user);
    return AUTH_OK;
}

static enum auth_result by_token(struct cluster *cluster, struct auth_part *part, struct str text,
                                 const struct strset *audiences, struct user *user,
                                 struct strset *matched, char **why)
{
    int64_t now_us = clock_now_us();
    if (text.len == 0 || text.len > AUTH_TOKEN_MAX)
        return AUTH_DENIED;
    CLEANUP(identity_unref_ptr)
    struct identity *identity = identify(part, auth_verify_token, text, now_us);
    for (size_t i = 0; identity && i < audiences->count; i++)
        if (strset_has(&identity->audiences, audiences->items[i]))
            strset_add(matched, audiences->items[i]);
    if (matched->count == 0) {
        if (why)
            *why = auth_token_fault(part, text, audiences, now_us);
        return AUTH_DENIED;
    }
    enum auth_result result = check_anchors(cluster, part, identity, now_us, why);
    if (result == AUTH_OK)
        user_copy(user, &identity->user);
    return result;
}

static enum auth_result anonymous(struct user *user)
{
    user_clear(user);
    user->name = xstrdup("system:anonymous");
    user_add_group(user, "system:unauthenticated");
    return AUTH_ANONYMOUS;
}

enum auth_result auth_review_token(struct cluster *cluster, struct str token,
                                   const struct strset *audiences, struct user *user,
                                   struct strset *matched, char **why)
{
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = auth_part_peek(cluster);
    if (!part)
        return AUTH_COLD;
    CLEANUP(strset_clear) struct strset own = {0};
    if (audiences->count == 0) {
        strset_add(&own, AUTH_ISSUER);
        audiences = &own;
    }
    return by_token(cluster, part, token, audiences, user, matched, why);
}

enum auth_result auth_authenticate(struct cluster *cluster, const struct credentials *credentials,
                                   struct user *user)
{
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = auth_part_peek(cluster);
    if (!part)
        return AUTH_COLD;
    bool has_cert = credentials->peer_cert_der.len > 0;
    if (has_cert && by_cert(part, credentials->peer_cert_der, clock_now_us(), user) == AUTH_OK)
        return AUTH_OK;
    if (credentials->bearer.data) {
        CLEANUP(strset_clear) struct strset none = {0}, matched = {0};
        return auth_review_token(cluster, credentials->bearer, &none, user, &matched, NULL);
    }
    return has_cert ? AUTH_DENIED : anonymous(user);
}
