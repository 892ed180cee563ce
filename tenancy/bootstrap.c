/* The host cluster's own beginning, made sure of at each start. */
#include <pthread.h>
#include <string.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/json.h"
#include "quota/quota.h"
#include "schema/write.h"
#include "tenancy/tenancy_internal.h"

#define SECRETS_MAX ((size_t)256 << 10)

/* ---- credentials ---- */

/* HOST of HOST:PORT, "[::1]:6443" included. Owned; NULL for "" and for addresses that stand for
 * all. */
static char *host_of(const char *listen)
{
    const char *colon = listen ? strrchr(listen, ':') : NULL;
    struct str host = colon ? (struct str){listen, (size_t)(colon - listen)} : str_of(listen);
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        host = (struct str){host.data + 1, host.len - 2};
    if (host.len == 0 || str_is(host, "0.0.0.0") || str_is(host, "::"))
        return NULL;
    return str_dup(host);
}

/* Makes them, or names new addresses in what is there. */
static bool ensure_secrets(const struct tenancy_host *host, struct cluster *cluster,
                           struct error *err)
{
    CLEANUP(buf_free) struct buf have = BUF_INIT(SECRETS_MAX), want = BUF_INIT(SECRETS_MAX);
    CLEANUP(free_ptr) char *listen = host_of(host->listen), *advertise = host_of(host->advertise);
    const char *addresses[4] = {"*." API_CLUSTERS_DOMAIN};
    size_t count = 1;
    bool changed = true;
    if (listen)
        addresses[count++] = listen;
    if (advertise)
        addresses[count++] = advertise;
    if (!store_cluster_secrets(cluster, &have, err))
        return false;
    bool made = have.len ? auth_secrets_rename(buf_str(&have), cluster->name, host->domain,
                                               addresses, &want, &changed, err)
                         : auth_secrets_make(cluster->name, host->domain, addresses, &want, err);
    return made && (!changed || store_cluster_set_secrets(cluster, buf_str(&want), err));
}

/* ---- objects ---- */

/* Writes that are under way together: the store commits them as one. */
struct batch {
    pthread_mutex_t lock;
    pthread_cond_t done;
    size_t waiting; /* guarded by lock, as what follows */
    bool failed;
};

static void on_done(struct store_write *write, enum store_result result, struct object *object,
                    size_t refused)
{
    struct batch *batch = write->arg;
    (void)object;
    (void)refused;
    pthread_mutex_lock(&batch->lock);
    batch->failed = batch->failed || (result != STORE_OK && result != STORE_EXISTS);
    if (--batch->waiting == 0)
        pthread_cond_signal(&batch->done);
    pthread_mutex_unlock(&batch->lock);
}

static bool write_all(struct cluster *cluster, struct seed *seed, struct error *err)
{
    struct batch batch = {.lock = PTHREAD_MUTEX_INITIALIZER,
                          .done = PTHREAD_COND_INITIALIZER,
                          .waiting = seed->count};
    for (size_t i = 0; i < seed->count; i++) {
        seed->writes[i].cluster = cluster;
        seed->writes[i].done = on_done;
        seed->writes[i].arg = &batch;
        store_submit(cluster->store, &seed->writes[i]);
    }
    pthread_mutex_lock(&batch.lock);
    while (batch.waiting)
        pthread_cond_wait(&batch.done, &batch.lock);
    pthread_mutex_unlock(&batch.lock);
    return !batch.failed ||
           error_unavailable(err, "the first objects of the host cluster could not be written");
}

/* The host has no plan, so nothing but the address of its `kubernetes` Service is counted. */
static void keep_address_charges(struct seed *seed)
{
    for (size_t i = 0; i < seed->count; i++) {
        struct charges *charges = &seed->charges[i];
        size_t kept = 0;
        while (kept < charges->count && strcmp(charges->items[kept].scope, "plan") == 0)
            kept++;
        seed->writes[i].charges = charges->items + kept;
        seed->writes[i].charge_count = charges->count - kept;
    }
}

static bool put(struct cluster *cluster, const char *resource, json_t *object, struct error *err)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT((size_t)1 << 20);
    char uid[UUID_TEXT_SIZE], now[TIME_TEXT_SIZE];
    json_t *meta = json_ensure_object(object, "metadata");
    struct store_write write = {.cluster = cluster,
                                .resource = store_intern(resource),
                                .op = STORE_CREATE,
                                .value = object};
    uuid_make(uid);
    time_format(clock_now_us(), now);
    json_set_text(meta, "uid", uid);
    json_set_text(meta, "creationTimestamp", now);
    if (!schema_draft_make(schema_type_of(object), object, &text, &write.draft, err))
        return false;
    size_t refused;
    enum store_result result = store_write_wait(cluster->store, &write, NULL, &refused);
    if (result == STORE_OK || result == STORE_EXISTS)
        return true;
    return error_unavailable(err, "the first objects of the host cluster could not be written");
}

/* The node agent proxies Services, answers names and enforces NetworkPolicies by its node's own
 * certificate: it reads what kube-proxy does, and whom policies are about. */
static const struct {
    const char *resource, *text;
} own_objects[] = {
    {"clusterrolebindings.rbac.authorization.k8s.io",
     "{kind: ClusterRoleBinding, apiVersion: rbac.authorization.k8s.io/v1, metadata: {name: "
     "'warren:node-proxier'}, "
     "subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'system:nodes'}], "
     "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "
     "'system:node-proxier'}}"},
    {"clusterroles.rbac.authorization.k8s.io",
     "{kind: ClusterRole, apiVersion: rbac.authorization.k8s.io/v1, metadata: {name: "
     "'warren:node-policies'}, rules: [{apiGroups: [''], resources: [namespaces], verbs: [list, "
     "watch]}, {apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [list, "
     "watch]}]}"},
    {"clusterrolebindings.rbac.authorization.k8s.io",
     "{kind: ClusterRoleBinding, apiVersion: rbac.authorization.k8s.io/v1, metadata: {name: "
     "'warren:node-policies'}, "
     "subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'system:nodes'}], "
     "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "
     "'warren:node-policies'}}"},
};

static bool put_text(struct cluster *cluster, const char *resource, const char *text,
                     struct error *err)
{
    json_auto_t *object = yaml_parse(str_of(text), JSON_LOAD_STRICT, err);
    return object && put(cluster, resource, object, err);
}

static bool put_own_objects(struct cluster *cluster, struct error *err)
{
    json_auto_t *plans = plan_builtin();
    json_t *plan;
    size_t i;
    for (i = 0; i < ARRAY_LEN(own_objects); i++)
        if (!put_text(cluster, own_objects[i].resource, own_objects[i].text, err))
            return false;
    json_array_foreach (plans, i, plan)
        if (!put(cluster, PLANS, plan, err))
            return false;
    return true;
}

static bool ensure_objects(struct cluster *cluster, struct error *err)
{
    CLEANUP(seed_free) struct seed seed = {0};
    CLEANUP(free_ptr) char *ca = NULL, *front_proxy_ca = NULL;
    if (!auth_ca_pem(cluster, &ca, err) || !auth_front_proxy_ca(cluster, &front_proxy_ca, err))
        return false;
    const struct seed_parts parts = {.ca_pem = ca, .front_proxy_ca_pem = front_proxy_ca};
    if (!seed_make(&seed, &parts, clock_now_us(), err))
        return false;
    keep_address_charges(&seed);
    return write_all(cluster, &seed, err) && put_own_objects(cluster, err);
}

bool tenancy_bootstrap_host(const struct tenancy_host *host, struct error *err)
{
    CLEANUP(cluster_unref_ptr)
    struct cluster *cluster = store_cluster_by_id(host->store, CLUSTER_HOST_ID);
    if (!cluster)
        return error_internal(err, "the database has no host cluster");
    return ensure_secrets(host, cluster, err) && ensure_objects(cluster, err);
}
