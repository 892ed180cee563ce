/* apiserver/node_tls.h: TLS connections from the API server to node agents, as
 * kube-apiserver-kubelet-client. */
#pragma once
#include <gnutls/gnutls.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct api;
struct node_identity;

/* The client certificate of the host cluster's CA, made on first use and again before it ends. Any
 * thread. */
struct node_identity *node_identity_new(void);
void node_identity_free(struct node_identity *identity);

struct node_connection { /* one thread at a time */
    int fd;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
};

/* Connects to https://ADDRESS:PORT within ten seconds and verifies that the host cluster's CA
 * vouches for the server. UNAVAILABLE when it cannot. Blocking. */
MUST_CHECK bool node_connect(struct api *api, const char *url, struct node_connection *out,
                             struct error *err);
void node_close(struct node_connection *connection);
/* Blocking, with the connection's deadline. */
MUST_CHECK bool node_send(struct node_connection *connection, struct str bytes);
/* The answer's head (status line and headers) goes to `head`; what was read behind it to `rest`.
 * Blocking. */
MUST_CHECK bool node_read_head(struct node_connection *connection, struct buf *head,
                               struct buf *rest);
/* The status code of a head; 0 when it is malformed. */
int node_head_status(const struct buf *head);
/* A header's value in a head, trimmed; NULL data when it is absent. */
struct str node_head_value(const struct buf *head, const char *name);
