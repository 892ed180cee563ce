/* The front proxy's authority: not that of the cluster's users, so that nobody who can have a
 * client certificate signed can claim to be the API server and name any user in a header. It stays
 * in the store: few clusters ever need it. */
#include <string.h>

#include "auth/auth_internal.h"
#include "auth/pki_internal.h"

/* The document with the authority in it; NULL with err. */
static json_t *read_document(struct cluster *cluster, struct error *err)
{
    CLEANUP(buf_free) struct buf secrets = BUF_INIT(AUTH_SECRETS_MAX);
    if (!store_cluster_secrets(cluster, &secrets, err))
        return NULL;
    json_t *document = json_parse(buf_str(&secrets), JSON_LOAD_STRICT, err);
    if (secrets.data)
        explicit_bzero(secrets.data, secrets.len);
    return document;
}

static bool write_document(struct cluster *cluster, const json_t *document, struct error *err)
{
    CLEANUP(buf_free) struct buf secrets = BUF_INIT(AUTH_SECRETS_MAX);
    json_write(&secrets, document);
    bool ok = store_cluster_set_secrets(cluster, buf_str(&secrets), err);
    if (secrets.data)
        explicit_bzero(secrets.data, secrets.len);
    return ok;
}

static bool read_authority(struct cluster *cluster, struct keypair *out, struct error *err)
{
    json_auto_t *document = read_document(cluster, err);
    if (!document)
        return false;
    if (auth_take_pair(json_object_get(document, AUTH_FRONT_PROXY), out))
        return true;
    if (!auth_make_front_proxy(out, err))
        return false;
    json_object_set_new(document, AUTH_FRONT_PROXY, auth_pair_json(out));
    if (write_document(cluster, document, err))
        return true;
    keypair_clear(out);
    return false;
}

bool auth_front_proxy_ca(struct cluster *cluster, char **pem, struct error *err)
{
    CLEANUP(keypair_clear) struct keypair authority = {0};
    if (!read_authority(cluster, &authority, err))
        return false;
    *pem = TAKE(authority.cert);
    return true;
}

bool auth_front_proxy_client(struct cluster *cluster, int64_t valid_s, struct keypair *out,
                             struct error *err)
{
    CLEANUP(keypair_clear) struct keypair authority = {0};
    const struct cert_request want = {
        .common_name = AUTH_FRONT_PROXY_NAME, .client = true, .valid_s = valid_s};
    return read_authority(cluster, &authority, err) && pki_issue(&authority, &want, out, err);
}

json_t *auth_extension_config(const char *ca_pem, const char *front_proxy_ca_pem)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "client-ca-file", ca_pem,
                     "requestheader-allowed-names", "[\"" AUTH_FRONT_PROXY_NAME "\"]",
                     "requestheader-client-ca-file", front_proxy_ca_pem,
                     "requestheader-extra-headers-prefix", "[\"X-Remote-Extra-\"]",
                     "requestheader-group-headers", "[\"X-Remote-Group\"]",
                     "requestheader-username-headers", "[\"X-Remote-User\"]");
}
