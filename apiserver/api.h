/* apiserver/api.h: the API server, and the way in for our own components.
 *
 * api_* calls run the same pipeline as a request from outside (authorize, default, admit, validate,
 * quota, store), in process, on the calling thread; they block until the write is durable. For
 * controllers, scheduler and syncer. */
#pragma once
#include "auth/user.h"
#include "base/error.h"
#include "base/json.h"
#include "base/pool.h"
#include "store/cache.h"
#include "store/store.h"

struct api;

/* The audit log, as upstream's flags of the same names ask for it. */
struct api_audit_options {
    const char *policy_file, *log_path; /* either NULL: there is none. Path "-": standard output */
    int64_t log_size_max_mib;           /* 0: 100 */
    int64_t log_backups_max, log_age_max_days; /* 0: all are kept */
};

struct api_options {
    struct store *store;
    const char *listen;      /* "127.0.0.1:6443"; port 0: any */
    int socket;              /* from api_listen(); taken. 0: none, `listen` is opened */
    const char *domain;      /* clusters are NAME.domain; NULL: by path and port only */
    const char *advertise;   /* host:port that kubeconfigs name; NULL: listen */
    const char *pod_address; /* address for the clusters' own ports, reachable from Pods; NULL: none
                                are opened */
    unsigned io_threads;     /* 0: number of processors */
    unsigned pool_threads;   /* 0: 4 */
    struct api_audit_options audit;
    bool webhooks_anywhere; /* URLs of tenants' webhooks may lead to loopback, private and host
                               addresses */
};
struct api *api_start(const struct api_options *options, struct error *err);
void api_stop(struct api *api);
/* Forgets what nobody used for a while; to be called now and then. Any thread. */
void api_expire(struct api *api);
/* True when "ADDR:PORT" is an address of this machine that nobody listens on yet; err says why not,
 * in words for whoever chose it. */
MUST_CHECK bool api_can_listen(const char *address, struct error *err);
/* A socket that listens there, for whoever will have lost the right to open it when api_start()
 * comes. Above 2; -1 with err as api_can_listen() says it. */
int api_listen(const char *address, struct error *err);
unsigned api_port(const struct api *api);
struct store *api_store(struct api *api);
/* The URL that a kubeconfig of this cluster names; owned. */
char *api_url(struct api *api, struct cluster *cluster);
/* Where clusters have no domain, each has a TLS server name here, which leads to it as the path of
 * its URL does: some requests of clients (kubectl proxy, kubectl get --raw) leave that path out.
 * The host's certificate is for all of these names. */
#define API_CLUSTERS_DOMAIN "clusters.warren.internal"
/* The name that clients of this cluster are to ask for; owned. NULL: the host in its URL. */
char *api_tls_server_name(struct api *api, struct cluster *cluster);
/* Where Pods reach this server; NULL when nowhere. Borrowed. */
const char *api_pod_address(const struct api *api);
/* The cluster's own port for its Pods, opened on first call; 0 when none can be opened. */
unsigned api_pod_port(struct api *api, struct cluster *cluster);

/* Who calls, and on which cluster. */
struct api_caller {
    struct api *api;
    struct cluster *cluster;
    const struct user *user;
};
/* `resource` is the storage key ("deployments.apps"); `ns` "" for cluster-scoped; `out` (may be
 * NULL) gets a new tree. */
MUST_CHECK bool api_get(const struct api_caller *caller, const char *resource, const char *ns,
                        const char *name, json_t **out, struct error *err);
/* GET of a subresource that is an object: scale, status. */
MUST_CHECK bool api_get_sub(const struct api_caller *caller, const char *resource,
                            const char *subresource, const char *ns, const char *name, json_t **out,
                            struct error *err);
/* Those of `ns` that the label selector (NULL: all) selects, as an array. For what the cache does
 * not have: pods.metrics.k8s.io, which fails with retry_after_s while the nodes are being asked. */
MUST_CHECK bool api_list(const struct api_caller *caller, const char *resource, const char *ns,
                         const char *selector, json_t **out, struct error *err);
MUST_CHECK bool api_create(const struct api_caller *caller, const char *resource, const char *ns,
                           json_t *object, json_t **out, struct error *err);
/* `subresource` "" or "status", ...; object's resourceVersion, when set, must match. */
MUST_CHECK bool api_update(const struct api_caller *caller, const char *resource,
                           const char *subresource, const char *ns, const char *name,
                           json_t *object, json_t **out, struct error *err);
/* A merge patch. */
MUST_CHECK bool api_patch(const struct api_caller *caller, const char *resource,
                          const char *subresource, const char *ns, const char *name, json_t *patch,
                          json_t **out, struct error *err);
/* POST to a subresource: binding, eviction, token. */
MUST_CHECK bool api_post_sub(const struct api_caller *caller, const char *resource,
                             const char *subresource, const char *ns, const char *name,
                             json_t *object, json_t **out, struct error *err);
struct api_delete_options {
    const char *uid;         /* precondition; NULL: none */
    const char *propagation; /* "Background", "Foreground", "Orphan"; NULL: the kind's default */
    int64_t grace_s;         /* -1: the kind's default */
};
MUST_CHECK bool api_delete(const struct api_caller *caller, const char *resource, const char *ns,
                           const char *name, const struct api_delete_options *options,
                           struct error *err);

/* ---- extension points for upper floors, set before api_start returns traffic ---- */

/* Host-cluster resources with behaviour of their own (tenancy.warren.dev): called for create,
 * update and delete instead of plain storage, on a pool thread. */
struct api_hook {
    const char *resource; /* storage key */
    /* Return false with err to refuse. `old` NULL on create, `object` NULL on delete. Runs before
     * the store write. */
    bool (*before)(void *arg, const struct api_caller *caller, json_t *object, const json_t *old,
                   struct error *err);
    /* After the write is durable. */
    void (*after)(void *arg, const struct api_caller *caller, const json_t *object,
                  const json_t *old);
    /* GET or POST of a subresource: NULL when it has none. New reference. */
    json_t *(*sub)(void *arg, const struct api_caller *caller, const char *name,
                   const char *subresource, const json_t *body, struct error *err);
    void *arg;
};
void api_hook_add(struct api *api, const struct api_hook *hook);

/* Where a Pod's log, exec, attach and port-forward go: the node agent's address for a Pod of this
 * cluster. Tenants' Pods map to host Pods (vcluster/ sets this). Blocking; false with NOT_FOUND or
 * BAD_REQUEST. */
struct api_pod_target {
    char *node_url;             /* https://ADDR:PORT */
    char *ns, *pod, *container; /* names on the node; container may be NULL */
};
typedef bool (*api_pod_target_fn)(void *arg, struct cluster *cluster, const char *ns,
                                  const char *pod, struct api_pod_target *target,
                                  struct error *err);
/* Where a Node says that its agent is, "https://ADDR:PORT"; NULL when it does not. Owned. */
char *api_node_url(const json_t *node);
void api_set_pod_target(struct api *api, api_pod_target_fn fn, void *arg);

/* ---- APIServices ---- */

enum api_probe { API_PROBE_PENDING, API_PROBE_PASSED, API_PROBE_FAILED };
/* Whether the server behind an APIService answered when it was asked last. Asks it, on another
 * thread, when that is some while ago or never was: PENDING, look again soon. FAILED: `*problem`
 * (owned) says why, in upstream's words. What is served here whatever the APIService says has
 * PASSED. May block while caches are cold. */
enum api_probe api_probe_service(struct api *api, struct cluster *cluster, const char *name,
                                 char **problem);
