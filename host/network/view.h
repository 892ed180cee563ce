/* host/network/view.h: Services, endpoints, Pods, and what is said about their traffic, as the
 * proxy, the DNS server and the enforcer of policies need them.
 *
 * Fed by reflector threads, read by the others under view_lock(). Annotations of tenancy.warren.dev
 * are trusted: on the host only the syncer and the operator write Services, slices and Pods. */
#pragma once
#include <pthread.h>

#include "base/json.h"
#include "base/strmap.h"

#define VIEW_HOST_CLUSTER "host"
#define ADDRESS_TEXT_SIZE 46

struct view_port {
    char *name;       /* "" when it has none */
    char protocol[5]; /* "tcp", "udp", "sctp" */
    unsigned port;
    unsigned node_port; /* 0: none */
};

struct view_service {
    char *cluster, *ns, *name; /* as its own cluster names it */
    char *address;             /* ClusterIP; "" when headless or external */
    char *external_name;       /* NULL but for ExternalName */
    bool publish_not_ready;
    int64_t affinity_s; /* a client keeps to its endpoint until it has been silent for so long; 0:
                           without affinity */
    struct view_port *ports;
    size_t port_count;
};

struct view_endpoint {
    char address[ADDRESS_TEXT_SIZE];
    char *hostname; /* NULL */
    bool ready;
    bool leaving; /* it is ending, and still serves: for when nobody is ready */
};

struct view_slice {
    char *service_key; /* "NS/NAME" of the host Service */
    struct view_port *ports;
    struct view_endpoint *endpoints;
    size_t port_count, endpoint_count;
};

struct view_pod {
    char *cluster, *ns, *name;       /* as its own cluster names it */
    char address[ADDRESS_TEXT_SIZE]; /* "" while it has none */
    char *host_ns;
    json_t *labels;          /* owned, frozen; NULL: none */
    struct view_port *ports; /* those of its containers that have names */
    size_t port_count;
};

struct view_namespace {
    char *cluster;  /* whose tenant's Pods it is for */
    json_t *labels; /* owned, frozen; NULL: none */
};

struct view {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock */
    struct strmap services;   /* host key -> view_service, owned */
    struct strmap slices;     /* host key -> view_slice, owned */
    struct strmap pods;       /* host key -> view_pod, owned */
    struct strmap clients;    /* address -> view_pod, borrowed */
    struct strmap policies;   /* host key -> network_policy, owned */
    struct strmap namespaces; /* host name -> view_namespace, owned */
    uint64_t version;         /* rises with every change of Services, slices and Pods' addresses */
    uint64_t policy_version;  /* and with every change of what policies are about */
    unsigned synced;          /* a bit for each list that has come: 1 << view_kind */
};

enum view_kind { VIEW_SERVICES, VIEW_SLICES, VIEW_PODS, VIEW_NAMESPACES, VIEW_POLICIES };

void view_init(struct view *view);
void view_deinit(struct view *view);
/* Takes over what `object` says, or forgets it; wakes whoever waits for `changed`. Takes the lock.
 */
void view_apply(struct view *view, enum view_kind kind, const json_t *object, bool deleted);
void view_synced(struct view *view, enum view_kind kind);
/* The cluster of a client's address: a Pod's own; NULL for a Pod address that nobody has. Lock
 * held. Borrowed. */
const char *view_cluster_of(const struct view *view, const char *address);
/* The Service of a cluster by name. Lock held. Borrowed. `key` (may be NULL) gets its host key. */
const struct view_service *view_find_service(const struct view *view, const char *cluster,
                                             const char *ns, const char *name, const char **key);
