/* What others need to verify this cluster's service-account tokens: OpenID discovery and the public
 * key. Source: Kubernetes docs, "Service account issuer discovery"; RFC 7517, RFC 7518. */
#include <openssl/core_names.h>

#include "auth/auth_internal.h"
#include "auth/pki_internal.h"
#include "base/codec.h"

#define COORDINATE_BYTES 32 /* P-256 */

/* One coordinate of the public point, as RFC 7518 writes it. NULL when the key has none. */
static json_t *coordinate(EVP_PKEY *key, const char *which)
{
    CLEANUP(free_bignum) BIGNUM *number = NULL;
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    unsigned char bytes[COORDINATE_BYTES];
    if (EVP_PKEY_get_bn_param(key, which, &number) != 1 ||
        BN_bn2binpad(number, bytes, sizeof(bytes)) != sizeof(bytes))
        return NULL;
    base64_encode(&text, bytes, sizeof(bytes), BASE64_URL);
    return json_stringn(text.data, text.len);
}

json_t *auth_openid_keys(struct cluster *cluster, struct error *err)
{
    if (!auth_warm(cluster, err))
        return NULL;
    CLEANUP(auth_part_unref_ptr) struct auth_part *part = auth_part_peek(cluster);
    const struct token_keys *key = part ? auth_token_keys(part) : NULL;
    json_t *x = key ? coordinate(key->signer, OSSL_PKEY_PARAM_EC_PUB_X) : NULL;
    json_t *y = key ? coordinate(key->signer, OSSL_PKEY_PARAM_EC_PUB_Y) : NULL;
    if (!x || !y) {
        json_decref(x);
        json_decref(y);
        error_unavailable(err, "the cluster's credentials cannot be read now");
        return NULL;
    }
    return json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:o, s:o}]}", "keys", "use", "sig", "kty", "EC",
                     "kid", key->id, "crv", "P-256", "alg", "ES256", "x", x, "y", y);
}

json_t *auth_openid_configuration(const char *url)
{
    CLEANUP(free_ptr) char *keys = xasprintf("%s/openid/v1/jwks", url);
    return json_pack("{s:s, s:s, s:[s], s:[s], s:[s]}", "issuer", AUTH_ISSUER, "jwks_uri", keys,
                     "response_types_supported", "id_token", "subject_types_supported", "public",
                     "id_token_signing_alg_values_supported", "ES256");
}
