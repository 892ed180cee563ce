/* auth/auth.h: authentication against one cluster: client certificates, service-account tokens.
 *
 * A cluster's credentials (`struct auth_secrets`) are made at provisioning, stored as
 * cluster.secrets, parsed on first use into the cluster's AUTH part. */
#pragma once
#include "auth/pki.h"
#include "auth/user.h"
#include "store/cluster.h"
#include "store/store.h"

/* Makes CA, serving certificate (for the names below) and token key; appends them as JSON for
 * cluster_seed.secrets. */
MUST_CHECK bool auth_secrets_make(const char *cluster_name, const char *domain,
                                  const char *const *addresses, struct buf *out, struct error *err);
/* The same credentials for other names: CA and keys stay, the serving certificate is made anew when
 * a name or address is not in it yet (`*changed`). Appends the document as it should be. */
MUST_CHECK bool auth_secrets_rename(struct str secrets, const char *cluster_name,
                                    const char *domain, const char *const *addresses,
                                    struct buf *out, bool *changed, struct error *err);
/* Loads the part when it is not there (one blocking read); afterwards the calls below do not block.
 */
MUST_CHECK bool auth_warm(struct cluster *cluster, struct error *err);
bool auth_is_warm(struct cluster *cluster);

/* PEM, owned copies. */
MUST_CHECK bool auth_ca_pem(struct cluster *cluster, char **pem, struct error *err);
MUST_CHECK bool auth_serving(struct cluster *cluster, struct keypair *out, struct error *err);
/* A client certificate for this cluster. */
MUST_CHECK bool auth_issue_client(struct cluster *cluster, const char *common_name,
                                  const char *const *groups, int64_t valid_s, struct keypair *out,
                                  struct error *err);
/* Any certificate signed by this cluster's CA. */
MUST_CHECK bool auth_issue(struct cluster *cluster, const struct cert_request *request,
                           struct keypair *out, struct error *err);

/* The authority by which this API server shows itself to the servers that it passes requests on to
 * (APIServices). PEM, owned. Blocking: it is read from the store each time, and made when a cluster
 * of an earlier version has none. */
MUST_CHECK bool auth_front_proxy_ca(struct cluster *cluster, char **pem, struct error *err);
/* A client certificate of that authority, for AUTH_FRONT_PROXY_NAME. Blocking. */
#define AUTH_FRONT_PROXY_NAME "front-proxy-client"
MUST_CHECK bool auth_front_proxy_client(struct cluster *cluster, int64_t valid_s,
                                        struct keypair *out, struct error *err);
/* The data of kube-system/extension-apiserver-authentication, by which such servers know us. New
 * reference. */
json_t *auth_extension_config(const char *ca_pem, const char *front_proxy_ca_pem);

/* What a request brings. */
struct credentials {
    struct str peer_cert_der; /* leaf; empty: none. Not yet verified. */
    struct str
        bearer; /* without "Bearer "; data NULL: no Authorization header; "" is a malformed one */
};
enum auth_result {
    AUTH_OK,
    AUTH_ANONYMOUS,
    AUTH_DENIED /* 401 */,
    AUTH_COLD /* needs auth_warm or a cold cache */
};
/* Fills `user` (with system:authenticated or system:unauthenticated). Service-account tokens are
 * checked against the cluster's ServiceAccount, and the bound Pod, Secret or Node where the token
 * names one. Never blocks. AUTH_COLD may come more than once for one request (first the part, then
 * a cache that its token needs): auth_warm and ask again. */
enum auth_result auth_authenticate(struct cluster *cluster, const struct credentials *credentials,
                                   struct user *user);
/* TokenReview: is `token` good for one of `audiences` (empty: the cluster's own)? `matched`, which
 * comes in empty, gets those it is good for; `*why`, unless `why` is NULL, what upstream says is
 * wrong with it when it is DENIED (owned; NULL: it is no such token at all). AUTH_OK, AUTH_DENIED
 * or AUTH_COLD. Never blocks. */
enum auth_result auth_review_token(struct cluster *cluster, struct str token,
                                   const struct strset *audiences, struct user *user,
                                   struct strset *matched, char **why);

/* Who signs a cluster's tokens, and whom they are for if nobody else is named. */
#define AUTH_ISSUER "https://kubernetes.default.svc.cluster.local"

struct token_request {
    const char *namespace, *service_account, *service_account_uid;
    const char *bound_kind, *bound_name, *bound_uid; /* NULL: not bound */
    const char *const *audiences;                    /* NULL: AUTH_ISSUER */
    int64_t valid_s;                                 /* 600 .. 2^32 */
};
/* Signs a service-account token (ES256). Owned text and its expiry. */
MUST_CHECK bool auth_token_issue(struct cluster *cluster, const struct token_request *request,
                                 char **token, int64_t *expires_us, struct error *err);
/* /openid/v1/jwks: the public key of this cluster's tokens. New reference; NULL when it cannot be
 * read. Blocking. */
MUST_CHECK json_t *auth_openid_keys(struct cluster *cluster, struct error *err);
/* /.well-known/openid-configuration for a cluster that is reached at `url`. New reference. */
json_t *auth_openid_configuration(const char *url);
