/* The API's own Service: `kubernetes` in the namespace `default`.
 *
 * Of every cluster, the host's too, we make the Service, its Endpoints and its EndpointSlice, as
 * upstream's API servers do: whoever deletes or changes one finds it again at once. A tenant's
 * endpoint is the cluster's own port for its Pods, by the address that Pods have for it. */
#include <arpa/inet.h>
#include <string.h>

#include "base/log.h"
#include "host/pseudo_node.h"
#include "schema/meta.h"
#include "vcluster/names.h"
#include "vcluster/syncer_internal.h"
#include "vcluster/vcluster.h"

#define SERVICE_LABEL "kubernetes.io/service-name"

bool sync_is_api(const char *ns, const char *name)
{
    return strcmp(ns, "default") == 0 && strcmp(name, "kubernetes") == 0;
}

bool sync_wants_api(void *arg, struct cluster *cluster, const struct object *object)
{
    (void)arg;
    (void)cluster;
    return sync_is_api(object->ns, object->name);
}

/* Where Pods reach this server. NULL when they do not: upstream knows no endpoint on the loopback
 * either. */
static const char *pod_address(const struct vcluster *vcluster)
{
    struct in_addr address;
    const char *text = api_pod_address(vcluster->api);
    bool loopback = text && inet_pton(AF_INET, text, &address) == 1 &&
                    ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
    return loopback ? NULL : text;
}

static json_t *api_slice(const char *ns, const char *name, const char *address, unsigned port)
{
    return json_pack(
        "{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:s, s:[{s:[s], s:{s:b}}], s:[{s:s, s:s, s:i}]}",
        "apiVersion", "discovery.k8s.io/v1", "kind", "EndpointSlice", "metadata", "name", name,
        "namespace", ns, "labels", SERVICE_LABEL, "kubernetes", "addressType", "IPv4", "endpoints",
        "addresses", address, "conditions", "ready", 1, "ports", "name", "https", "protocol", "TCP",
        "port", (int)port);
}

static json_t *api_endpoints(const char *address, unsigned port)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:[{s:[{s:s}], s:[{s:s, s:i, s:s}]}]}",
                     "apiVersion", "v1", "kind", "Endpoints", "metadata", "name", "kubernetes",
                     "namespace", "default", "labels", "endpointslice.kubernetes.io/skip-mirror",
                     "true", "subsets", "addresses", "ip", address, "ports", "name", "https",
                     "port", (int)port, "protocol", "TCP");
}

void vcluster_api_objects(const struct vcluster *vcluster, json_t **endpoints, json_t **slice)
{
    const char *address = pod_address(vcluster);
    if (!address)
        return;
    *endpoints = api_endpoints(address, PSEUDO_API_PORT);
    *slice = api_slice("default", "kubernetes", address, PSEUDO_API_PORT);
    json_object_set_new(json_object_get(*slice, "metadata"), "generation", json_integer(1));
}

/* What the cluster's own Pods and clients see: as upstream's API servers publish themselves. */
static bool publish_in_cluster(struct sync *sync, const char *address, unsigned port,
                               struct error *err)
{
    json_auto_t *endpoints = api_endpoints(address, port);
    json_auto_t *slice = api_slice("default", "kubernetes", address, port);
    static const char *const resources[] = {"endpoints", "endpointslices.discovery.k8s.io"};
    json_t *wanted[] = {endpoints, slice};
    for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
        json_auto_t *have = NULL;
        if (!sync_read(sync->cluster, resources[i], "default", "kubernetes", &have, err))
            return false;
        const char *part = i ? "endpoints" : "subsets";
        if (have && json_equal(json_object_get(have, part), json_object_get(wanted[i], part)) &&
            json_equal(json_object_get(have, "ports"), json_object_get(wanted[i], "ports")))
            continue;
        if (have)
            json_set_text(json_object_get(wanted[i], "metadata"), "resourceVersion",
                          meta_resource_version(have));
        bool done =
            have ? api_update(&sync->on_tenant, resources[i], "", "default", "kubernetes",
                              wanted[i], NULL, err)
                 : api_create(&sync->on_tenant, resources[i], "default", wanted[i], NULL, err);
        if (!done)
            return false;
    }
    return true;
}

bool sync_publish_api(struct sync *sync, const char *host_ns, const char *host_service,
                      struct error *err)
{
    unsigned port = api_pod_port(sync->vcluster->api, sync->cluster);
    const char *address = pod_address(sync->vcluster);
    json_auto_t *have = NULL;
    if (!port || !address)
        return true; /* no Pod can reach this server: there is nothing to publish */
    json_auto_t *want = api_slice(host_ns, host_service, address, port);
    meta_set_label(want, SERVICE_LABEL, host_service);
    meta_set_label(want, NOTE_CLUSTER, sync->cluster->name);
    meta_set_annotation(want, NOTE_CLUSTER, sync->cluster->name);
    return sync_read(sync->vcluster->host, "endpointslices.discovery.k8s.io", host_ns, host_service,
                     &have, err) &&
           sync_put(sync, "endpointslices.discovery.k8s.io", want, have, err) &&
           publish_in_cluster(sync, address, PSEUDO_API_PORT, err);
}

bool sync_publish_host(struct vcluster *vcluster, struct error *err)
{
    struct sync sync = {
        .vcluster = vcluster, .cluster = vcluster->host, .on_tenant = vcluster->on_host};
    unsigned port = api_pod_port(vcluster->api, vcluster->host);
    const char *address = pod_address(vcluster);
    return !port || !address || publish_in_cluster(&sync, address, port, err);
}

static bool ensure_service(struct sync *sync, struct error *err)
{
    json_auto_t *have = NULL;
    CLEANUP(error_clear) struct error why = {0};
    if (!sync_read(sync->cluster, "services", "default", "kubernetes", &have, err))
        return false;
    if (have)
        return true;
    json_auto_t *want = yaml_parse(STR(VCLUSTER_API_SERVICE), JSON_LOAD_STRICT, err);
    if (!want)
        return false;
    if (api_create(&sync->on_tenant, "services", "default", want, NULL, &why) ||
        why.reason == ERROR_ALREADY_EXISTS)
        return true;
    error_move(err, &why);
    return false;
}

enum reconcile_result sync_api(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                               struct error *err)
{
    struct sync sync = sync_begin(arg, reconcile);
    const struct vcluster *vcluster = sync.vcluster;
    const char *address = pod_address(vcluster);
    unsigned port = sync.cluster == vcluster->host ? api_pod_port(vcluster->api, vcluster->host)
                                                   : PSEUDO_API_PORT;
    (void)again_ms;
    bool done = ensure_service(&sync, err) &&
                (!address || !port || publish_in_cluster(&sync, address, port, err));
    return done ? RECONCILE_DONE : RECONCILE_RETRY;
}
