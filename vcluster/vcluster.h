/* vcluster/vcluster.h: the syncer: what tenants declare becomes host workloads, and comes back as
 * status.
 *
 * Rows of the controllers' frame, keyed in the tenant's cluster: a Pod, Service, ConfigMap, Secret
 * or EndpointSlice of a tenant is reconciled with the host object that the mapping table gives it.
 * Restart-safe: a key can be worked on at any time, from any state between the two, and converges.
 */
#pragma once
#include "controllers/controller.h"

struct scheduler_tenants;
struct vcluster;

/* The Service by which a cluster's Pods find its API: YAML in flow style. */
#define VCLUSTER_API_SERVICE                                                                       \
    "{kind: Service, apiVersion: v1, metadata: {name: kubernetes, namespace: default, labels: "    \
    "{component: apiserver, "                                                                      \
    "provider: kubernetes}}, spec: {ports: [{name: https, protocol: TCP, port: 443, targetPort: "  \
    "6443}], clusterIP: "                                                                          \
    "10.96.0.1, clusterIPs: [10.96.0.1], type: ClusterIP, sessionAffinity: None, ipFamilies: "     \
    "[IPv4], ipFamilyPolicy: "                                                                     \
    "SingleStack, internalTrafficPolicy: Cluster}, status: {loadBalancer: {}}}"

/* Reads the mappings and adds the syncer's rows; sets where logs and exec of tenants' Pods go.
 * Before controllers_start. Each time this server comes on duty, Pods, the host's own and those of
 * tenants from before, are let reach their API through it by the `kubernetes` Service. */
struct vcluster *vcluster_new(struct api *api, struct controllers *controllers, struct error *err);
/* The Nodes that a new cluster of this name begins with: a new array. Blocking. */
MUST_CHECK bool vcluster_nodes(struct vcluster *vcluster, const char *cluster, json_t **out,
                               struct error *err);
/* What a new cluster says of its API's address: the Endpoints and EndpointSlice of the `kubernetes`
 * Service, each a new object. None are made when Pods do not reach this server. */
void vcluster_api_objects(const struct vcluster *vcluster, json_t **endpoints, json_t **slice);
/* What the host's scheduler asks about tenants; lives as long as `vcluster`. */
const struct scheduler_tenants *vcluster_tenants(const struct vcluster *vcluster);
/* After controllers_stop. */
void vcluster_free(struct vcluster *vcluster);

/* One step towards a host without this cluster's objects, for suspending (Pods only) and deleting
 * (everything). True with
 * `*empty` when nothing is left; call again until then. Blocking. */
MUST_CHECK bool vcluster_stop_pods(struct vcluster *vcluster, struct cluster *cluster, bool *empty,
                                   struct error *err);
MUST_CHECK bool vcluster_remove(struct vcluster *vcluster, struct cluster *cluster, bool *empty,
                                struct error *err);
/* Looks at every Pod of a cluster again: after resuming. */
void vcluster_resync(struct vcluster *vcluster, struct cluster *cluster);
