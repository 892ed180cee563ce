/* apiserver/backend/backend_tls.h: TLS as a client to a server behind this one that a cluster's
 * users run. Blocking, at most BACKEND_WAIT_MS for each step. */
#pragma once
#include "apiserver/backend/backend.h"
#include "base/error.h"

struct backend_peer {
    const char *server_name; /* asked for, and what its certificate must be for; NULL: any */
    const char *roots;       /* PEM: who may vouch for it; NULL: those of this machine */
    const char *cert, *key;  /* PEM: our own certificate; NULL: none */
    bool insecure;           /* whatever certificate it has */
};

/* Shakes hands over backend->fd. UNAVAILABLE in the words of Go's TLS. */
MUST_CHECK bool backend_secure(struct backend *backend, const struct backend_peer *peer,
                               struct error *err);
