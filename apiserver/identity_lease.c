#include "apiserver/identity_lease.h"

#include <string.h>

#include "auth/user.h"
#include "base/clock.h"
#include "base/codec.h"

#define LEASES     "leases.coordination.k8s.io"
#define NAMESPACE  "kube-system"
#define DURATION_S 3600 /* upstream's */
#define ID_LEN     26   /* of a hash, as upstream's base32 of one */

/* The same for all servers of a cluster, and nothing of the machine's. */
static char *lease_name(const struct cluster *cluster)
{
    char hex[65];
    sha256_hex(cluster->uid, strlen(cluster->uid), hex);
    return xasprintf("apiserver-%.*s", ID_LEN, hex);
}

static json_t *lease_new(const struct cluster *cluster, const char *name, const char *now)
{
    CLEANUP(free_ptr) char *holder = xasprintf("%s_%s", name, cluster->uid);
    return json_pack("{s:{s:s,s:s,s:{s:s}},s:{s:s,s:i,s:s,s:s}}", "metadata", "name", name,
                     "namespace", NAMESPACE, "labels", "apiserver.kubernetes.io/identity",
                     "kube-apiserver", "spec", "holderIdentity", holder, "leaseDurationSeconds",
                     DURATION_S, "acquireTime", now, "renewTime", now);
}

void identity_lease_renew(struct api *api, struct cluster *cluster)
{
    char now[TIME_TEXT_SIZE];
    CLEANUP(error_clear) struct error err = {0}, ignored = {0};
    CLEANUP(user_clear) struct user user = {0};
    CLEANUP(free_ptr) char *name = lease_name(cluster);
    const struct api_caller caller = {api, cluster, &user};
    user_internal(&user, "system:apiserver", true);
    time_format_micro(clock_now_us(), now);
    json_auto_t *patch = json_pack("{s:{s:s}}", "spec", "renewTime", now);
    if (api_patch(&caller, LEASES, "", NAMESPACE, name, patch, NULL, &err) ||
        err.reason != ERROR_NOT_FOUND)
        return;
    json_auto_t *lease = lease_new(cluster, name, now);
    (void)!api_create(&caller, LEASES, NAMESPACE, lease, NULL, &ignored); /* another was first */
}
