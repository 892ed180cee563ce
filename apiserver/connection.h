/* apiserver/connection.h: what is remembered for the life of a client's connection.
 * Owned by whoever owns the connection's current request: requests of one connection follow each
 * other. */
#pragma once
#include <gnutls/gnutls.h>

#include "auth/auth.h"
#include "store/cluster.h"

struct api;

struct connection {
    struct api *api;
    struct cluster
        *cluster; /* of the port or TLS server name that it came by; NULL: told by the request */
    bool pinned;  /* came by a cluster's own port: serves no other cluster */
    bool astray;  /* asked for a cluster of API_CLUSTERS_DOMAIN that is not there */
    gnutls_session_t session; /* NULL: plain */
    int fd;
    int loop_fd;  /* can be read when its I/O thread has something to do; -1: not known */
    bool gathers; /* the session is corked until the reply is complete */
    /* The identity of its client certificate, found once a while: checking a chain costs more than
     * a request. */
    int64_t identity_cluster; /* 0: none yet */
    int64_t identity_mono_ns;
    struct user identity;
    bool upgraded; /* speaks another protocol from here on */
    /* patience.c's */
    struct connection *previous, *next; /* guarded by patience's lock */
    _Atomic int64_t turn_until_mono_ns; /* when the client's turn ends; 0: it is ours */
};

/* The leaf certificate that the client offered; empty when none. Borrowed. */
struct str connection_peer(const struct connection *connection);
