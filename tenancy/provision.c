/* A virtual cluster comes to be: keys, first objects, counters, in one transaction. */
#include <string.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/json.h"
#include "tenancy/tenancy_internal.h"

#define SECRETS_MAX ((size_t)64 << 10)

bool provision_cluster(struct tenancy *tenancy, const char *name, const char *uid,
                       struct cluster **cluster, struct error *err)
{
    CLEANUP(buf_free) struct buf secrets = BUF_INIT(SECRETS_MAX);
    CLEANUP(seed_free) struct seed seed = {0};
    const char *const addresses[] = {api_pod_address(tenancy->api), NULL};
    if (!auth_secrets_make(name, tenancy->domain, addresses, &secrets, err))
        return false;
    json_auto_t *document = json_parse(buf_str(&secrets), JSON_LOAD_STRICT, err);
    json_auto_t *nodes = NULL, *endpoints = NULL, *slice = NULL;
    if (!document || !vcluster_nodes(tenancy->vcluster, name, &nodes, err))
        return false;
    vcluster_api_objects(tenancy->vcluster, &endpoints, &slice);
    const struct seed_parts parts = {.ca_pem = json_text(document, "ca", "cert"),
                                     .front_proxy_ca_pem =
                                         json_text(document, "frontProxy", "cert"),
                                     .nodes = nodes,
                                     .endpoints = endpoints,
                                     .slice = slice};
    if (!seed_make(&seed, &parts, clock_now_us(), err))
        return false;
    const struct cluster_seed born = {.name = name,
                                      .uid = uid,
                                      .secrets = buf_str(&secrets),
                                      .writes = seed.writes,
                                      .write_count = seed.count};
    bool made = store_cluster_create(api_store(tenancy->api), &born, cluster, err);
    explicit_bzero(secrets.data, secrets.len);
    return made;
}
