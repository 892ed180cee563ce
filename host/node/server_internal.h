/* host/node/server_internal.h: requests to the agent's HTTPS server. */
#pragma once
#include <microhttpd.h>
#include <pthread.h>

#include "host/node/node_internal.h"
#include "host/node/server.h"

#define STREAMS_MAX     256
#define STREAMS_SHARE   64 /* of one tenant */
#define CONNECTIONS_MAX 512

struct node_server {
    struct node *node;
    struct MHD_Daemon *daemon;
    unsigned port;
    int stop_fd; /* eventfd: readable when the server ends */
    pthread_mutex_t lock;
    int64_t groups[STREAMS_MAX]; /* guarded by lock: whose each stream is; 0: a free place */
};

struct pod_worker;
struct log_source;

/* One request: its path below the first part, cut into names. */
struct request {
    struct node_server *server;
    struct MHD_Connection *connection;
    const char *method;
    char *parts[6]; /* owned; "containerLogs", namespace, pod, [uid,] container */
    size_t part_count;
};

/* Answers with a text. */
enum MHD_Result request_reply(const struct request *request, unsigned code, const char *text);
/* 200 with this text. */
enum MHD_Result request_reply_as(const struct request *request, const char *type, struct str text);
enum MHD_Result request_reply_error(const struct request *request, const struct error *err);
/* A query argument, or NULL. */
const char *request_argument(const struct request *request, const char *name);
bool request_flag(const struct request *request, const char *name);

/* server_usage.c */
enum MHD_Result serve_metrics(struct request *request);
enum MHD_Result serve_stats(struct request *request);
/* server_logs.c */
enum MHD_Result serve_logs(struct request *request);
/* stream_start.c */
enum MHD_Result serve_exec(struct request *request);
enum MHD_Result serve_attach(struct request *request);
enum MHD_Result serve_port_forward(struct request *request);
/* A log over WebSocket. Takes what the source holds. */
enum MHD_Result stream_serve_log(const struct request *request, const struct pod_worker *worker,
                                 const struct log_source *source);
