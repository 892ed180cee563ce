/* host/node/server.h: the agent's HTTPS server, with the kubelet's paths. Client certificates of
 * the host's CA only.
 *
 * /healthz, /containerLogs/NS/POD/CONTAINER, /exec/..., /attach/..., /portForward/NS/POD. */
#pragma once
#include "base/error.h"

struct node;
struct node_server;

struct server_options {
    const char *address;
    unsigned port;
    const char *cert_pem, *key_pem, *client_ca_pem;
};

struct node_server *node_server_start(struct node *node, const struct server_options *options,
                                      struct error *err);
unsigned server_port(const struct node_server *server);
/* Ends every connection and stream. */
void node_server_stop(struct node_server *server);
