/* host/node/node_internal.h: the agent as its own files see it. */
#pragma once
#include <pthread.h>

#include "base/strmap.h"
#include "client/client.h"
#include "host/node.h"
#include "host/node/cni.h"
#include "host/node/crew.h"
#include "host/node/events.h"
#include "host/node/pod_env.h"
#include "runtime/runtime.h"

#define KUBELET_VERSION "v1.32.4+warren.1"

/* Kinds of the three crews. Pods: short work, one key a Pod. Side: what may wait for a tenant's
 * containers or for a registry. Own: the Node's, which no tenant may delay. */
enum pod_job { JOB_POD };
enum side_job { JOB_PULL, JOB_PROBE, JOB_PRE_STOP, JOB_POST_START, JOB_VOLUME };
enum own_job { JOB_LEASE, JOB_NODE_STATUS };

struct service_cache;
struct node_server;
struct pod_worker;

struct node {
    /* Frozen after node_start: */
    char *name, *address, *data_dir, *cluster_dns, *cluster_domain;
    char **http_registries; /* NULL-ended */
    unsigned max_pods;
    int64_t cpu_milli, memory_bytes;
    struct client *client;
    struct runtime *runtime;
    struct cni cni;
    struct events *events;
    struct service_cache *services;
    struct node_server *server;
    struct crew *pods, *side, *own;
    struct reflector *reflector, *volumes;
    pthread_t runtime_thread;
    int stop_fd; /* eventfd: readable when the agent ends */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* synced, or a worker went */
    struct strmap workers;  /* guarded by lock: uid -> struct pod_worker */
    bool synced;            /* guarded by lock: the first list has come */
    bool stopping_pods;     /* guarded by lock: treat every Pod as gone */
};

/* node_status.c: the Node object and its Lease. */
MUST_CHECK bool node_register(struct node *node, struct error *err);
int64_t node_status_job(void *arg, const char *key);
int64_t node_lease_job(void *arg, const char *key);
/* local_volumes.c: folders of volumes that are being deleted. */
int64_t node_volume_job(void *arg, const char *key);
/* Watches for them until reflector_stop. */
struct reflector *node_watch_volumes(struct node *node);
/* Reads what the machine has into cpu_milli and memory_bytes. */
void node_measure(struct node *node);

/* Sends a strategic merge patch. */
MUST_CHECK bool node_patch(struct node *node, const char *path, const json_t *patch, json_t **out,
                           struct error *err);
