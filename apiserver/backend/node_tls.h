/* apiserver/backend/node_tls.h: TLS connections from the API server to node agents, as
 * kube-apiserver-kubelet-client. */
#pragma once
#include "apiserver/backend/backend.h"
#include "base/error.h"

struct api;
struct node_identity;

/* The client certificate of the host cluster's CA, made on first use and again before it ends. Any
 * thread. */
struct node_identity *node_identity_new(void);
void node_identity_free(struct node_identity *identity);

/* Connects to https://ADDRESS:PORT within ten seconds and verifies that the host cluster's CA
 * vouches for the server. UNAVAILABLE when it cannot. Blocking. */
MUST_CHECK bool node_connect(struct api *api, const char *url, struct backend *out,
                             struct error *err);
