/* vcluster/syncer_internal.h: what the syncer's files share. */
#pragma once
#include "host/scheduler.h"
#include "vcluster/mapping.h"
#include "vcluster/vcluster.h"

#define SYNC_PODS       "syncer-pods"
#define SYNC_SERVICES   "syncer-services"
#define SYNC_API        "syncer-api"
#define SYNC_SLICES     "syncer-endpointslices"
#define SYNC_POLICIES   "syncer-policies"
#define SYNC_CONFIGS    "syncer-configs"
#define SYNC_NODES      "syncer-nodes"
#define SYNC_VOLUMES    "syncer-volumes"
#define SYNC_HOST_PODS  "syncer-host-pods"
#define SYNC_EVENTS     "syncer-events"
#define SYNC_HOST_NODES "syncer-host-nodes"

#define SYNC_API_SERVICE "default/kubernetes" /* the Service by which Pods find their API */

struct vcluster { /* frozen after vcluster_new */
    struct api *api;
    struct controllers *controllers;
    struct mapping_index *mappings;
    struct cluster *host;
    struct user user; /* the syncer's own identity, in every cluster */
    struct api_caller on_host;
    struct scheduler_tenants tenants; /* for the scheduler to ask */
};

/* One reconcile of a tenant's object. */
struct sync {
    struct vcluster *vcluster;
    struct reconcile *reconcile;
    struct cluster *cluster; /* the tenant's */
    struct api_caller on_tenant;
    char *unbound; /* owned: what a claim of the Pod lacks, for now; sync_pod() frees it */
    bool unmapped; /* a name could not be claimed: what was translated is not to be used */
};
struct sync sync_begin(struct vcluster *vcluster, struct reconcile *reconcile);

/* "NS/NAME" cut at its slash into `ns` and `name` (254 bytes each). */
void sync_cut(const char *key, char ns[254], char name[254]);
/* Reads through the cache: `*object` is a new tree, NULL when it is absent. */
MUST_CHECK bool sync_read(struct cluster *cluster, const char *resource, const char *ns,
                          const char *name, json_t **object, struct error *err);
/* Makes the cluster's host namespace when it is not there. */
MUST_CHECK bool sync_namespace(struct sync *sync, struct error *err);
/* Creates the host object, or updates it where `differs` of it and what is there; `want` is
 * borrowed. */
MUST_CHECK bool sync_put(struct sync *sync, const char *resource, json_t *want, const json_t *have,
                         struct error *err);
/* Deletes; fine when it is gone. `grace_s` -1: the kind's default. */
MUST_CHECK bool sync_remove(const struct api_caller *caller, const char *resource, const char *ns,
                            const char *name, const char *uid, int64_t grace_s, struct error *err);
/* Deletes the host object (of `resource`) to which the tenant's object is mapped (`kind` and `key`
 * of the mapping), and lets the mapping go. Fine when there is none. */
MUST_CHECK bool sync_drop(struct sync *sync, const char *kind, const char *resource,
                          const char *key, struct error *err);

/* For translate_context.name_of: claims on the way. */
char *sync_config_name(void *arg, const char *kind, const char *ns, const char *name);

/* For translate_context.claim_of: sets sync->unbound where the claim is what is waited for. */
char *sync_claim_name(void *arg, const char *ns, const char *claim, struct error *err);

/* The Secret with the token of a tenant's Pod: there, and fresh. `*host_name` gets the Secret's
 * name (owned; NULL when the Pod mounts no token), `*again_ms` the time until it wants renewing. */
MUST_CHECK bool sync_token(struct sync *sync, const json_t *pod, char **host_name,
                           int64_t *again_ms, struct error *err);
MUST_CHECK bool sync_token_remove(struct sync *sync, const char *pod_key, struct error *err);

/* The rows, each in the file of its noun. */
enum reconcile_result sync_pod(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                               struct error *err);
enum reconcile_result sync_service(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                   struct error *err);
enum reconcile_result sync_api(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                               struct error *err);
enum reconcile_result sync_slice(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                 struct error *err);
enum reconcile_result sync_policy(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                  struct error *err);
/* The NetworkPolicies that select by namespace, when one has other labels. */
void sync_map_namespace_policies(struct cluster *cluster, const struct object *ns,
                                 const struct object *before,
                                 void (*add)(void *arg, const char *key), void *arg);
enum reconcile_result sync_config(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                  struct error *err);
enum reconcile_result sync_volume(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                  struct error *err);
/* A claim's volume; and the Pods that use it. */
void sync_map_claim(struct cluster *cluster, const struct object *claim,
                    const struct object *before, void (*add)(void *arg, const char *key),
                    void *arg);
void sync_map_claim_pods(struct cluster *cluster, const struct object *claim,
                         const struct object *before, void (*add)(void *arg, const char *key),
                         void *arg);
enum reconcile_result sync_node(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                struct error *err);
enum reconcile_result sync_host_pod(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                    struct error *err);
enum reconcile_result sync_event(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                 struct error *err);
enum reconcile_result sync_host_node(void *arg, struct reconcile *reconcile, int64_t *again_ms,
                                     struct error *err);
/* Its key, and "facts/NAME" when what the scheduler counts with has changed. */
void sync_map_node(struct cluster *cluster, const struct object *node, const struct object *before,
                   void (*add)(void *arg, const char *key), void *arg);
/* Adds "everywhere/NAME" for what all tenants should see of a host's node. */
void sync_host_node_changed(void *arg, struct cluster *cluster, enum event_type type,
                            const struct object *object, const struct object *before,
                            void (*add)(void *add_arg, const char *key), void *add_arg);
/* Every node of the host, for one cluster. */
MUST_CHECK bool sync_look_at_nodes(struct vcluster *vcluster, struct cluster *cluster,
                                   struct error *err);
struct scheduler_tenants sync_tenants(struct vcluster *vcluster);
/* Referenced cluster and owned key (`tenant_key` may be NULL) of the tenant's object behind a host
 * object; NULL when it is nobody's. */
struct cluster *sync_owner_of(struct vcluster *vcluster, const char *kind, const char *host_key,
                              char **tenant_key);
bool sync_pod_target(void *arg, struct cluster *cluster, const char *ns, const char *pod,
                     struct api_pod_target *target, struct error *err);
/* Makes the host side of the tenant's `kubernetes` Service, once it has Pods. */
void sync_enqueue_api_service(struct sync *sync);
/* Whether it is the API's own Service, or what leads there; for rows: `wants`. */
bool sync_is_api(const char *ns, const char *name);
bool sync_wants_api(void *arg, struct cluster *cluster, const struct object *object);
/* The host side of a tenant's: a slice beside the host Service. Nothing when no Pod can reach this
 * server. */
MUST_CHECK bool sync_publish_api(struct sync *sync, const char *host_ns, const char *host_service,
                                 struct error *err);
/* Publishes this server as the endpoint of the host cluster's own `kubernetes` Service. */
MUST_CHECK bool sync_publish_host(struct vcluster *vcluster, struct error *err);
