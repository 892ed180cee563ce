/* tests/apiserver/support_node.h: a small node agent on loopback: TLS by the host cluster's CA, a
 * thread a connection, answers by the test. */
#pragma once
#include <gnutls/gnutls.h>
#include <pthread.h>

#include "support_fixture.h"

struct fake_node {
    /* Answers one request, whose head is in `request`, and goes on with the connection as it likes.
     */
    void (*serve)(gnutls_session_t session, const char *request);
    char request[4096]; /* the head of the last request */

    int listener;
    unsigned port;
    gnutls_certificate_credentials_t credentials;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned connections; /* guarded by lock */
};

/* Listens, and becomes the node of every Pod of every cluster, under the name POD-on-host. */
void fake_node_start(struct fake_node *node, struct fixture *fixture);
/* Waits for its connections to end. */
void fake_node_stop(struct fake_node *node);
void fake_node_send(gnutls_session_t session, const char *bytes, size_t len);
