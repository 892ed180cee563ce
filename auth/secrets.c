/* A cluster's credentials at rest (one JSON document in cluster.secrets) and in memory (the AUTH
 * part). */
#include "auth/auth_internal.h"

#include <arpa/inet.h>
#include <string.h>

#include "auth/pki_internal.h"
#include "base/log.h"
#include "store/cache.h"

#define SERVING_NAMES   16
#define DAY_S           INT64_C(86400)
#define CA_VALID_S      (3653 * DAY_S)
#define SERVING_VALID_S (365 * DAY_S)
#define RENEW_BEFORE_S  (30 * DAY_S)
#define SERVING_ENDS    "servingEnds" /* of the serving certificate, so that it need not be parsed */

const char *const auth_anchor_kinds[ANCHOR_COUNT] = {
#define X(id, kind, resource) [id] = kind,
    AUTH_ANCHORS(X)
#undef X
};
const char *const auth_anchor_resources[ANCHOR_COUNT] = {
#define X(id, kind, resource) [id] = resource,
    AUTH_ANCHORS(X)
#undef X
};

/* The names that every cluster's API answers to, from inside it. */
static const char *const service_names[] = {"kubernetes", "kubernetes.default",
                                            "kubernetes.default.svc",
                                            "kubernetes.default.svc.cluster.local", "localhost"};
static const char *const service_addresses[] = {"10.96.0.1", "127.0.0.1", "::1"};

/* ---- making ---- */

static bool is_address(const char *text)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static void append_once(json_t *array, const char *text)
{
    if (!json_array_has_text(array, text))
        json_array_append_new(array, json_string(text));
}

/* {"names": [...], "addresses": [...]}: kept, so that the certificate can be renewed. */
static json_t *serving_names(const char *cluster_name, const char *domain,
                             const char *const *addresses)
{
    json_t *names = json_array(), *numbers = json_array();
    for (size_t i = 0; i < ARRAY_LEN(service_names); i++)
        append_once(names, service_names[i]);
    append_once(names, cluster_name);
    if (domain && *domain) {
        CLEANUP(free_ptr) char *full = xasprintf("%s.%s", cluster_name, domain);
        append_once(names, full);
    }
    for (size_t i = 0; i < ARRAY_LEN(service_addresses); i++)
        append_once(numbers, service_addresses[i]);
    for (size_t i = 0; addresses && addresses[i]; i++)
        append_once(is_address(addresses[i]) ? numbers : names, addresses[i]);
    return json_pack("{s:o, s:o}", "names", names, "addresses", numbers);
}

/* A NULL-ended array of borrowed strings; the caller frees the array. */
static const char **texts_of(const json_t *array)
{
    size_t count = 0, i;
    const json_t *item;
    const char **texts = xcalloc(json_array_size(array) + 1, sizeof(*texts));
    json_array_foreach (array, i, item)
        if (json_is_string(item))
            texts[count++] = json_string_value(item);
    return texts;
}

static bool issue_serving(const struct authority *ca, const json_t *names, struct keypair *out,
                          struct error *err)
{
    CLEANUP(free_ptr) const char **dns_names = texts_of(json_at(names, "names"));
    CLEANUP(free_ptr) const char **addresses = texts_of(json_at(names, "addresses"));
    return pki_issue_by(ca,
                        &(struct cert_request){.common_name = "kube-apiserver",
                                               .dns_names = dns_names,
                                               .addresses = addresses,
                                               .server = true,
                                               .valid_s = SERVING_VALID_S},
                        out, err);
}

static bool reissue_serving(const struct keypair *ca, const json_t *names, struct keypair *out,
                            struct error *err)
{
    CLEANUP(authority_clear)
    struct authority authority = {pki_cert_parse(ca->cert), pki_key_parse(ca->key)};
    return issue_serving(&authority, names, out, err);
}

json_t *auth_pair_json(const struct keypair *pair)
{
    return json_pack("{s:s, s:s}", "cert", pair->cert, "key", pair->key);
}

static void put_serving(json_t *document, const struct keypair *serving)
{
    json_object_set_new(document, "serving", auth_pair_json(serving));
    json_object_set_new(document, SERVING_ENDS,
                        json_integer(clock_now_us() / 1000000 + SERVING_VALID_S - DAY_S));
}

bool auth_make_front_proxy(struct keypair *out, struct error *err)
{
    return pki_make_ca("front-proxy-ca", CA_VALID_S, out, err);
}

bool auth_secrets_make(const char *cluster_name, const char *domain, const char *const *addresses,
                       struct buf *out, struct error *err)
{
    CLEANUP(keypair_clear) struct keypair ca = {0}, serving = {0}, front = {0};
    CLEANUP(authority_clear) struct authority authority = {0};
    CLEANUP(free_ptr) char *token_key = NULL;
    json_auto_t *names = serving_names(cluster_name, domain, addresses);
    if (!pki_make_authority("kubernetes", CA_VALID_S, &authority, &ca, err) ||
        !issue_serving(&authority, names, &serving, err) || !auth_make_front_proxy(&front, err) ||
        !pki_make_key(&token_key, err))
        return false;
    json_auto_t *document = json_pack("{s:i, s:o, s:O, s:s, s:o}", "version", 1, "ca",
                                      auth_pair_json(&ca), "servingNames", names, "tokenKey",
                                      token_key, AUTH_FRONT_PROXY, auth_pair_json(&front));
    put_serving(document, &serving);
    json_write(out, document);
    return true;
}

static bool names_all(const json_t *have, const json_t *want)
{
    size_t i;
    const json_t *item;
    json_array_foreach (want, i, item)
        if (!json_array_has_text(have, json_string_value(item)))
            return false;
    return true;
}

bool auth_take_pair(const json_t *from, struct keypair *pair)
{
    const char *cert = json_text(from, "cert"), *key = json_text(from, "key");
    if (!cert || !key)
        return false;
    *pair = (struct keypair){.cert = xstrdup(cert), .key = xstrdup(key)};
    return true;
}

bool auth_secrets_rename(struct str secrets, const char *cluster_name, const char *domain,
                         const char *const *addresses, struct buf *out, bool *changed,
                         struct error *err)
{
    CLEANUP(keypair_clear) struct keypair ca = {0}, serving = {0};
    json_auto_t *document = json_parse(secrets, JSON_LOAD_STRICT, err);
    json_auto_t *want = serving_names(cluster_name, domain, addresses);
    const json_t *have = json_at(document, "servingNames");
    if (!document)
        return false;
    if (!auth_take_pair(json_at(document, "ca"), &ca))
        return error_internal(err, "the cluster's credentials are damaged");
    *changed = !names_all(json_at(have, "names"), json_at(want, "names")) ||
               !names_all(json_at(have, "addresses"), json_at(want, "addresses"));
    if (*changed) {
        if (!reissue_serving(&ca, want, &serving, err))
            return false;
        put_serving(document, &serving);
        json_object_set(document, "servingNames", want);
    }
    json_write(out, document);
    return true;
}

/* ---- loading ---- */

static void token_keys_free(struct token_keys *keys)
{
    if (!keys)
        return;
    EVP_PKEY_free(keys->signer);
    free(keys->public);
    free(keys->id);
    free(keys);
}

static void part_free(struct cluster_part *base)
{
    struct auth_part *part = (struct auth_part *)base;
    token_keys_free(atomic_load(&part->token_keys));
    seen_deinit(&part->seen);
    free(part);
}

void auth_part_unref_ptr(struct auth_part **part)
{
    if (*part)
        cluster_part_unref(&(*part)->part);
}

X509_STORE *auth_roots(const struct auth_part *part)
{
    CLEANUP(free_x509) X509 *ca = pki_cert_parse(part->ca.cert);
    X509_STORE *roots = X509_STORE_new();
    if (ca && roots && X509_STORE_add_cert(roots, ca) == 1)
        return roots;
    X509_STORE_free(roots);
    return NULL;
}

static struct token_keys *token_keys_make(const char *pem)
{
    struct token_keys *keys = xcalloc(1, sizeof(*keys));
    keys->signer = pki_key_parse(pem);
    keys->public = keys->signer ? pki_public_pem(keys->signer) : NULL;
    keys->id = keys->signer ? pki_key_id(keys->signer) : NULL;
    if (keys->public && keys->id)
        return keys;
    token_keys_free(keys);
    return NULL;
}

/* Of two threads that make them at once, one lets go of its own. */
const struct token_keys *auth_token_keys(struct auth_part *part)
{
    struct token_keys *keys = atomic_load(&part->token_keys);
    if (keys)
        return keys;
    struct token_keys *made = token_keys_make(part->token_key);
    if (made && !atomic_compare_exchange_strong(&part->token_keys, &keys, made)) {
        token_keys_free(made);
        return keys;
    }
    return made;
}

/* In seconds since the epoch. Documents of earlier releases do not say. */
static int64_t serving_ends(const json_t *document)
{
    int64_t told = json_int_or(json_at(document, SERVING_ENDS), 0);
    const char *pem = json_text(document, "serving", "cert");
    CLEANUP(free_x509) X509 *cert = told || !pem ? NULL : pki_cert_parse(pem);
    return cert ? pki_time(X509_get0_notAfter(cert)) : told;
}

/* A certificate that ends soon is made anew, in memory: the CA is at hand, and nothing else depends
 * on its bytes. */
static bool renew_serving(json_t *document, struct error *err)
{
    CLEANUP(keypair_clear) struct keypair ca = {0}, fresh = {0};
    if (serving_ends(document) > clock_now_us() / 1000000 + RENEW_BEFORE_S)
        return true;
    if (!auth_take_pair(json_at(document, "ca"), &ca))
        return error_internal(err, "the cluster's credentials are damaged");
    if (!reissue_serving(&ca, json_at(document, "servingNames"), &fresh, err))
        return false;
    put_serving(document, &fresh);
    return true;
}

enum part_text {
    TEXT_CA_CERT,
    TEXT_CA_KEY,
    TEXT_SERVING_CERT,
    TEXT_SERVING_KEY,
    TEXT_TOKEN_KEY,
    TEXT_COUNT
};

/* One block with all its texts, since an idle cluster keeps it: what lies here and there holds a
 * page each. Nothing is parsed that is not asked for: most of what asks for a part wants its
 * certificates as they are. NULL when one is missing. */
static struct auth_part *part_make(const json_t *document)
{
    const char *from[TEXT_COUNT] = {
        json_text(document, "ca", "cert"),      json_text(document, "ca", "key"),
        json_text(document, "serving", "cert"), json_text(document, "serving", "key"),
        json_text(document, "tokenKey"),
    };
    size_t size = 0;
    char *texts[TEXT_COUNT];
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (!from[i])
            return NULL;
        size += strlen(from[i]) + 1;
    }
    struct auth_part *part = xcalloc(1, sizeof(*part) + size);
    char *at = part->texts;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        size_t len = strlen(from[i]) + 1;
        texts[i] = memcpy(at, from[i], len);
        at += len;
    }
    part->ca = (struct keypair){.cert = texts[TEXT_CA_CERT], .key = texts[TEXT_CA_KEY]};
    part->serving =
        (struct keypair){.cert = texts[TEXT_SERVING_CERT], .key = texts[TEXT_SERVING_KEY]};
    part->token_key = texts[TEXT_TOKEN_KEY];
    return part;
}

struct auth_part *auth_part_parse(struct str secrets, struct error *err)
{
    json_auto_t *document = json_parse(secrets, JSON_LOAD_STRICT, err);
    if (!document || !renew_serving(document, err))
        return NULL;
    struct auth_part *part = part_make(document);
    if (!part) {
        error_internal(err, "the cluster's credentials are damaged");
        return NULL;
    }
    atomic_init(&part->part.refs, 1);
    part->part.free = part_free;
    seen_init(&part->seen);
    return part;
}

static struct cluster_part *part_load(struct cluster *cluster)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf secrets = BUF_INIT(AUTH_SECRETS_MAX);
    struct auth_part *part = NULL;
    if (store_cluster_secrets(cluster, &secrets, &err))
        part = auth_part_parse(buf_str(&secrets), &err);
    if (buf_ok(&secrets) && secrets.data)
        explicit_bzero(secrets.data, secrets.len);
    if (!part)
        log_error("auth", "cannot load the credentials of cluster %s: %s", cluster->name,
                  err.message);
    return part ? &part->part : NULL;
}

struct auth_part *auth_part_peek(struct cluster *cluster)
{
    return (struct auth_part *)cluster_part_peek(cluster, CLUSTER_PART_AUTH);
}

bool auth_is_warm(struct cluster *cluster)
{
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = auth_part_peek(cluster);
    return part != NULL;
}

static struct auth_part *part_get(struct cluster *cluster, struct error *err)
{
    struct auth_part *part =
        (struct auth_part *)cluster_part_get(cluster, CLUSTER_PART_AUTH, part_load);
    if (!part)
        error_unavailable(err, "the cluster's credentials cannot be read now");
    return part;
}

bool auth_warm(struct cluster *cluster, struct error *err)
{
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = part_get(cluster, err);
    if (!part)
        return false;
    unsigned wanted = atomic_load(&part->wanted);
    for (unsigned i = 0; i < ANCHOR_COUNT; i++)
        if (wanted & (1u << i) && !cache_warm(cluster, auth_anchor_resources[i], err))
            return false;
    return true;
}

/* ---- handing out ---- */

bool auth_ca_pem(struct cluster *cluster, char **pem, struct error *err)
{
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = part_get(cluster, err);
    if (!part)
        return false;
    *pem = xstrdup(part->ca.cert);
    return true;
}

bool auth_serving(struct cluster *cluster, struct keypair *out, struct error *err)
{
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = part_get(cluster, err);
    if (!part)
        return false;
    *out = (struct keypair){.cert = xstrdup(part->serving.cert), .key = xstrdup(part->serving.key)};
    return true;
}

bool auth_issue(struct cluster *cluster, const struct cert_request *request, struct keypair *out,
                struct error *err)
{
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = part_get(cluster, err);
    return part && pki_issue(&part->ca, request, out, err);
}

bool auth_issue_client(struct cluster *cluster, const char *common_name, const char *const *groups,
                       int64_t valid_s, struct keypair *out, struct error *err)
{
    return auth_issue(cluster,
                      &(struct cert_request){.common_name = common_name,
                                             .organizations = groups,
                                             .client = true,
                                             .valid_s = valid_s},
                      out, err);
}
