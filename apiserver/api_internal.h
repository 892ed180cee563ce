/* apiserver/api_internal.h: what the files of this folder share: the server itself. */
#pragma once
#include <microhttpd.h>
#include <pthread.h>

#include "apiserver/api.h"
#include "apiserver/request.h"
#include "apiserver/stream.h"
#include "base/pool.h"

#define API_HOOKS_MAX 32

struct credentials_cache;
struct documents;
struct ports;
struct tunnels;
struct node_identity;
struct patience;
struct reach;
struct lanes;
struct callouts;
struct metric_set;
struct message_cache;
struct audit;
struct usages;

struct api {
    struct store *store;
    struct MHD_Daemon *daemon;
    struct pool *pool;
    struct credentials_cache *credentials;
    struct documents *documents;
    struct ports *ports;
    struct tunnels *tunnels;
    struct node_identity *node_identity;
    struct patience *patience;
    struct reach *reach;
    struct lanes *lanes;
    struct callouts *callouts;
    struct message_cache *messages;
    struct audit *audit; /* NULL: there is no audit log */
    struct usages *usages;
    struct streams streams;
    char *domain, *advertise; /* owned; domain may be NULL */
    unsigned port;
    struct api_hook hooks[API_HOOKS_MAX]; /* set before traffic, then only read */
    size_t hook_count;
    api_pod_target_fn pod_target;
    void *pod_target_arg;

    pthread_mutex_t lock;
    pthread_cond_t idle;
    unsigned active; /* guarded by lock: requests that are being worked on */
    bool stopping;   /* guarded by lock */
};

/* That of the request's resource; NULL when it has none. Whatever is not the host cluster's alone
 * has none, whatever it is called. */
const struct api_hook *api_hook_find(const struct request *request);

/* ---- running a request (pipeline.c) ---- */

/* Runs the steps until the reply is made or the request has to wait. STEP_DONE also for a failed
 * request: its error is then the reply. STEP_BLOCK only when the request may not block. */
enum step_result pipeline_run(struct request *request);
/* The steps of `chain`, NULL-ended, on their own: for a step that turns into another verb. */
enum step_result pipeline_chain(struct request *request, const step_fn *chain);

/* ---- the connection's side (server.c) ---- */

/* Before handing a request to another thread. Does nothing for calls from inside. */
void server_suspend(struct request *request);
/* The connection is another's until that resumes it; then it is closed. The I/O thread, in the
 * request's handler. */
void server_lend(struct request *request);
/* The request is READY: its connection's I/O thread will send the reply. */
void server_resume(struct request *request);
/* The request's body is read from here on, by the I/O thread: the connection goes on, until
 * forward_body() has seen the body's end. */
void server_take_body(struct request *request);
/* Runs the request on a pool thread, blocking. Its connection is suspended. */
void server_run_on_pool(struct request *request);
/* The same on a thread that may wait for webhooks. */
void server_run_on_lane(struct request *request);

/* ---- fairness (flow.c) ---- */
enum step_result step_flow(struct request *request);
void flow_leave(struct request *request);
/* One more request of the cluster that is forwarded; NULL when there are `most` already. Any
 * thread. */
struct cluster_part *flow_forward_enter(struct cluster *cluster, unsigned most);
void flow_forward_leave(struct cluster_part *part);
/* What this folder keeps with a cluster; with a reference that the caller gives back. */
struct cluster_part *flow_part_get(struct cluster *cluster);
struct custom_slot *flow_custom_slot(struct cluster_part *part);
struct admission_slot *flow_admission_slot(struct cluster_part *part);
struct webhook_rooms;
const struct webhook_rooms *flow_webhook_rooms(struct cluster_part *part);
struct aggregate_slot *flow_aggregate_slot(struct cluster_part *part);
struct flow_slot *flow_match_slot(struct cluster_part *part);
struct metric_set *flow_meter(struct cluster_part *part);
struct metric_set *flow_checks(struct cluster_part *part); /* what health checks came to */
/* Adds the requests that are under way. */
void flow_count(struct cluster_part *part, unsigned *reads, unsigned *writes);
