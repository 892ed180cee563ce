/* Service-account tokens: ES256 JSON Web Tokens with the claims of upstream's bound tokens.
 * Source: Kubernetes KEP-1205 and pkg/serviceaccount/claims.go. */
#include "auth/auth_internal.h"

#include <jwt.h>
#include <string.h>

#include "auth/pki_internal.h"
#include "base/codec.h"
#include "store/cache.h"

#define VALID_MIN_S     600
#define VALID_MAX_S     (INT64_C(1) << 32)
#define LEEWAY_US       (60 * INT64_C(1000000)) /* clocks may differ; as upstream */
#define AUDIENCES_MAX   64
#define TIME_MAX_S      INT64_C(99999999999)
#define SIGNATURE_BYTES 64

static void free_jwt(jwt_t **jwt)
{
    jwt_free(*jwt);
}

/* ---- issuing ---- */

static json_t *reference(const char *name, const char *uid)
{
    return json_pack("{s:s, s:s}", "name", name, "uid", uid);
}

/* "Pod" to "pod", ...: the claim's name. NULL for what tokens cannot be bound to. */
static const char *bound_claim(const char *kind)
{
    static const char *const claims[ANCHOR_COUNT] = {
        [ANCHOR_POD] = "pod", [ANCHOR_SECRET] = "secret", [ANCHOR_NODE] = "node"};
    for (unsigned i = ANCHOR_POD; i < ANCHOR_COUNT; i++)
        if (strcmp(auth_anchor_kinds[i], kind) == 0)
            return claims[i];
    return NULL;
}

/* A Pod's token names the Node that the Pod runs on, when it is known. */
static bool add_pod_node(struct cluster *cluster, const struct token_request *request,
                         json_t *claims, struct error *err)
{
    CLEANUP(object_unref_ptr) struct object *pod = NULL, *node = NULL;
    if (!cache_get(cluster, "pods", request->namespace, request->bound_name, &pod, err))
        return false;
    const char *node_name = pod ? object_field(pod, "spec.nodeName") : "";
    if (!*node_name)
        return true;
    if (!cache_get(cluster, "nodes", "", node_name, &node, err))
        return false;
    json_object_set_new(claims, "node",
                        node ? reference(node_name, node->uid)
                             : json_pack("{s:s}", "name", node_name));
    return true;
}

static bool add_bound(struct cluster *cluster, const struct token_request *request, json_t *claims,
                      struct error *err)
{
    if (!request->bound_kind)
        return true;
    const char *claim = bound_claim(request->bound_kind);
    if (!claim)
        return error_bad_request(err, "cannot bind token to object of type %s",
                                 request->bound_kind);
    json_object_set_new(claims, claim, reference(request->bound_name, request->bound_uid));
    return strcmp(claim, "pod") != 0 || add_pod_node(cluster, request, claims, err);
}

static json_t *audiences_of(const struct token_request *request)
{
    json_t *array = json_array();
    for (size_t i = 0; request->audiences && request->audiences[i]; i++)
        json_array_append_new(array, json_string(request->audiences[i]));
    if (json_array_size(array) == 0)
        json_array_append_new(array, json_string(AUTH_ISSUER));
    return array;
}

static json_t *claims_of(const struct token_request *request, int64_t now_s, json_t *kubernetes)
{
    char id[UUID_TEXT_SIZE];
    uuid_make(id);
    CLEANUP(free_ptr)
    char *subject =
        xasprintf("system:serviceaccount:%s:%s", request->namespace, request->service_account);
    return json_pack("{s:o, s:I, s:I, s:s, s:s, s:O, s:I, s:s}", "aud", audiences_of(request),
                     "exp", (json_int_t)(now_s + request->valid_s), "iat", (json_int_t)now_s, "iss",
                     AUTH_ISSUER, "jti", id, "kubernetes.io", kubernetes, "nbf", (json_int_t)now_s,
                     "sub", subject);
}

/* ES256: r and s, 32 bytes each. */
static bool sign_bytes(EVP_PKEY *key, struct str text, unsigned char out[SIGNATURE_BYTES])
{
    unsigned char der[128];
    size_t len = sizeof(der);
    const unsigned char *at = der;
    CLEANUP(free_md_ctx) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(context, der, &len, (const unsigned char *)text.data, text.len) != 1)
        return false;
    CLEANUP(free_ecdsa_sig) ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)len);
    const int half = SIGNATURE_BYTES / 2;
    return signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, half) == half &&
           BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + half, half) == half;
}

static void add_part(struct buf *token, const json_t *part)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_write(&text, part);
    base64_encode(token, text.data, text.len, BASE64_URL);
}

static char *sign(struct auth_part *part, const json_t *claims)
{
    unsigned char signature[SIGNATURE_BYTES];
    CLEANUP(buf_free) struct buf token = BUF_TEXT;
    const struct token_keys *keys = auth_token_keys(part);
    if (!keys)
        return NULL;
    json_auto_t *header = json_pack("{s:s, s:s}", "alg", "ES256", "kid", keys->id);
    add_part(&token, header);
    buf_add_char(&token, '.');
    add_part(&token, claims);
    if (!buf_ok(&token) || !sign_bytes(keys->signer, buf_str(&token), signature))
        return NULL;
    buf_add_char(&token, '.');
    base64_encode(&token, signature, sizeof(signature), BASE64_URL);
    return buf_ok(&token) ? buf_take(&token) : NULL;
}

bool auth_token_issue(struct cluster *cluster, const struct token_request *request, char **token,
                      int64_t *expires_us, struct error *err)
{
    if (request->valid_s < VALID_MIN_S || request->valid_s > VALID_MAX_S)
        return error_bad_request(
            err, "a token is valid for 10 minutes at least and 2^32 seconds at most");
    if (!auth_warm(cluster, err))
        return false;
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = auth_part_peek(cluster);
    if (!part)
        return error_unavailable(err, "the cluster's credentials cannot be read now");
    json_auto_t *kubernetes =
        json_pack("{s:s, s:o}", "namespace", request->namespace, "serviceaccount",
                  reference(request->service_account, request->service_account_uid));
    if (!add_bound(cluster, request, kubernetes, err))
        return false;
    int64_t now_s = clock_now_us() / 1000000;
    json_auto_t *claims = claims_of(request, now_s, kubernetes);
    char *text = sign(part, claims);
    if (!text)
        return error_internal(err, "cannot sign a token");
    *token = text;
    *expires_us = (now_s + request->valid_s) * 1000000;
    return true;
}

/* ---- verifying ---- */

/* Three non-empty parts of the base64url alphabet: libjwt's own reader is more lenient than the
 * standard. */
static bool looks_like_token(struct str text)
{
    unsigned dots = 0;
    char before = '.';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '.') {
            if (before == '.')
                return false;
            dots++;
        } else if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_')) {
            return false;
        }
        before = c;
    }
    return dots == 2 && before != '.';
}

/* The claims, when the signature is this cluster's. Only ES256: "none" and HMAC keyed with the
 * public key are refused by the algorithm, whatever else they are. */
static json_t *open_token(struct auth_part *part, struct str text)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(free_jwt) jwt_t *jwt = NULL;
    CLEANUP(free_ptr) char *copy = str_dup(text);
    const struct token_keys *keys = auth_token_keys(part);
    if (!keys ||
        jwt_decode(&jwt, copy, (const unsigned char *)keys->public, (int)strlen(keys->public)) !=
            0 ||
        jwt_get_alg(jwt) != JWT_ALG_ES256)
        return NULL;
    CLEANUP(free_ptr) char *critical = jwt_get_headers_json(jwt, "crit");
    CLEANUP(free_ptr) char *claims = jwt_get_grants_json(jwt, NULL);
    return claims && !critical ? json_parse(str_of(claims), JSON_LOAD_STRICT, &ignored) : NULL;
}

static bool take_time(const json_t *claims, const char *name, int64_t *at_us)
{
    int64_t at_s = json_int_or(json_at(claims, name), -1);
    if (at_s < 0 || at_s > TIME_MAX_S)
        return false;
    *at_us = at_s * 1000000;
    return true;
}

static bool take_audiences(const json_t *claims, struct strset *audiences)
{
    const json_t *item, *array = json_at(claims, "aud");
    size_t i;
    if (json_array_size(array) == 0 || json_array_size(array) > AUDIENCES_MAX)
        return false;
    json_array_foreach (array, i, item) {
        if (!json_is_string(item))
            return false;
        strset_add(audiences, json_string_value(item));
    }
    return true;
}

static bool take_anchor(struct identity_anchor *anchor, enum auth_anchor kind, const char *ns,
                        const json_t *claim)
{
    const char *name = json_text(claim, "name"), *uid = json_text(claim, "uid");
    if (!name || !uid || !*name || !*uid)
        return false;
    *anchor = (struct identity_anchor){.resource = auth_anchor_resources[kind],
                                       .ns = xstrdup(kind == ANCHOR_NODE ? "" : ns),
                                       .name = xstrdup(name),
                                       .uid = xstrdup(uid)};
    return true;
}

static bool take_bound(struct identity *identity, const char *ns, const json_t *kubernetes)
{
    static const struct {
        const char *claim;
        enum auth_anchor kind;
    } rows[] = {{"pod", ANCHOR_POD}, {"secret", ANCHOR_SECRET}, {"node", ANCHOR_NODE}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const json_t *claim = json_at(kubernetes, rows[i].claim);
        if (claim)
            return take_anchor(&identity->bound, rows[i].kind, ns, claim);
    }
    return true; /* bound to nothing but its account */
}

static void add_extra(json_t *extra, const char *key, const char *value)
{
    CLEANUP(free_ptr) char *full = xasprintf("authentication.kubernetes.io/%s", key);
    if (value)
        json_object_set_new(extra, full, json_pack("[s]", value));
}

static json_t *extra_of(const json_t *claims, const json_t *kubernetes)
{
    json_t *extra = json_object();
    CLEANUP(free_ptr) char *id = xasprintf("JTI=%s", json_text(claims, "jti") ?: "");
    add_extra(extra, "credential-id", json_text(claims, "jti") ? id : NULL);
    add_extra(extra, "pod-name", json_text(kubernetes, "pod", "name"));
    add_extra(extra, "pod-uid", json_text(kubernetes, "pod", "uid"));
    add_extra(extra, "node-name", json_text(kubernetes, "node", "name"));
    add_extra(extra, "node-uid", json_text(kubernetes, "node", "uid"));
    return extra;
}

static bool fill_identity(struct identity *identity, const json_t *claims)
{
    const json_t *kubernetes = json_at(claims, "kubernetes.io");
    const char *ns = json_text(kubernetes, "namespace");
    if (!text_eq(json_text(claims, "iss"), AUTH_ISSUER) || !ns || !*ns ||
        !take_time(claims, "exp", &identity->expires_us) ||
        !take_time(claims, "nbf", &identity->not_before_us) ||
        !take_audiences(claims, &identity->audiences) ||
        !take_anchor(&identity->account, ANCHOR_ACCOUNT, ns,
                     json_at(kubernetes, "serviceaccount")) ||
        !take_bound(identity, ns, kubernetes))
        return false;
    identity->not_before_us -= LEEWAY_US;
    identity->expires_us += LEEWAY_US;
    CLEANUP(free_ptr)
    char *name = xasprintf("system:serviceaccount:%s:%s", ns, identity->account.name);
    if (!text_eq(json_text(claims, "sub"), name))
        return false;
    user_internal(&identity->user, name, false);
    identity->user.uid = xstrdup(identity->account.uid);
    identity->user.extra = extra_of(claims, kubernetes);
    return true;
}

struct identity *auth_verify_token(struct auth_part *part, struct str text, int64_t now_us)
{
    if (text.len > AUTH_TOKEN_MAX || !looks_like_token(text))
        return NULL;
    json_auto_t *claims = open_token(part, text);
    CLEANUP(identity_unref_ptr) struct identity *identity = identity_new();
    if (!json_is_object(claims) || !fill_identity(identity, claims))
        return NULL;
    return now_us >= identity->not_before_us && now_us < identity->expires_us ? TAKE(identity)
                                                                              : NULL;
}

/* ---- what is wrong with one ---- */

/* One of the three parts, of which nothing is verified. */
static json_t *part_of(struct str text, unsigned number)
{
    CLEANUP(error_clear) struct error ignored = {0};
    CLEANUP(buf_free) struct buf decoded = BUF_INIT(AUTH_TOKEN_MAX);
    struct str part = str_cut(&text, '.');
    for (unsigned i = 0; i < number; i++)
        part = str_cut(&text, '.');
    return base64_decode(&decoded, part, BASE64_URL)
               ? json_parse(buf_str(&decoded), JSON_LOAD_STRICT, &ignored)
               : NULL;
}

static void add_quoted(struct buf *out, const char *text)
{
    json_auto_t *value = json_string(text);
    if (out->data[out->len - 1] != '[')
        buf_add_char(out, ' ');
    json_write(out, value);
}

static char *audience_fault(const json_t *claims, const struct strset *wanted)
{
    struct buf out = BUF_TEXT;
    const json_t *item;
    size_t i;
    buf_add_text(&out, "token audiences [");
    json_array_foreach (json_at(claims, "aud"), i, item)
        add_quoted(&out, json_string_value(item));
    buf_add_text(&out, "] is invalid for the target audiences [");
    for (i = 0; i < wanted->count; i++)
        add_quoted(&out, wanted->items[i]);
    buf_add_char(&out, ']');
    return buf_take(&out);
}

static bool shares_one(const struct strset *a, const struct strset *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (strset_has(b, a->items[i]))
            return true;
    return false;
}

char *auth_token_fault(struct auth_part *part, struct str text, const struct strset *audiences,
                       int64_t now_us)
{
    if (text.len > AUTH_TOKEN_MAX || !looks_like_token(text))
        return NULL;
    json_auto_t *header = part_of(text, 0), *said = part_of(text, 1);
    const struct token_keys *keys = auth_token_keys(part);
    const char *id = json_text(header, "kid");
    if (!text_eq(json_text(said, "iss"), AUTH_ISSUER))
        return NULL;
    if (!keys || (id && *id && strcmp(id, keys->id) != 0))
        return xstrdup("invalid signature, no keys found");
    json_auto_t *claims = open_token(part, text);
    if (!json_is_object(claims))
        return xstrdup("square/go-jose: error in cryptographic primitive");
    CLEANUP(identity_unref_ptr) struct identity *identity = identity_new();
    if (!fill_identity(identity, claims))
        return NULL;
    if (!shares_one(audiences, &identity->audiences))
        return audience_fault(claims, audiences);
    if (now_us < identity->not_before_us)
        return xstrdup("service account token is not valid yet");
    return now_us < identity->expires_us ? NULL : xstrdup("service account token has expired");
}
