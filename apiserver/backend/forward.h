/* apiserver/backend/forward.h: a client's request passed on to a server behind this one (a Pod, a
 * Service, a node agent), and its answer passed back.
 *
 * Bodies of any length go both ways in pieces, by queues that are bounded; an upgraded connection
 * becomes a tunnel. Each forwarded request has a thread (tunnel.h) from the moment when it is known
 * where it goes, so that neither an I/O thread nor the pool waits for a server that hangs; one
 * cluster has at most FORWARD_SHARE. No redirect is followed. Source: apimachinery
 * pkg/util/proxy (UpgradeAwareHandler, Transport). */
#pragma once
#include "apiserver/backend/reach.h"
#include "apiserver/request.h"

#define FORWARD_SHARE      64
#define FORWARD_REQUEST_MS 60000 /* upstream's --request-timeout */

enum forward_flags {
    FORWARD_TLS = 1 << 0,
    FORWARD_INSECURE = 1 << 1,     /* the server's certificate is not verified */
    FORWARD_PLAIN_ERRORS = 1 << 2, /* failures are told as text, not by a Status */
};

/* Where a request goes. Owned strings; given away to forward_start(). */
struct forward_target {
    unsigned flags;
    char *node_url;            /* a node agent; else: */
    struct reach_place place;  /* a Pod's port */
    char *server_name, *roots; /* TLS: the name it must have (NULL: none is asked for), PEM */
    char *cert, *key;          /* PEM of a client certificate; NULL: none */
    char *host;                /* Host header; NULL: the client's, which it becomes */
    char *path;                /* as it goes onto the wire, with its query */
    char *prefix;       /* what the path had in front here, for redirects and links; may be NULL */
    size_t cluster_len; /* of the prefix: what names the cluster. Links on pages are without it, as
                           clients that put it there by themselves expect them (kubectl proxy) */
    struct buf more;    /* header lines of our own, set up by the caller */
    unsigned head_ms;   /* how long the answer's head may take; 0: as long as the client waits */
};
void forward_target_clear(struct forward_target *target);

/* Hands the request over: STEP_WAIT, and the request is no longer the caller's; or STEP_FAIL.
 * Takes the target's contents. */
enum step_result forward_start(struct request *request, struct forward_target *target);

/* Whether the body of a request is to be read by forward_start()'s thread, not collected before the
 * request runs. Looks at the target and headers only. */
bool forward_wants_body(const struct request *request);
/* Bytes of such a body, or its end, on the I/O thread. */
enum MHD_Result forward_body(struct request *request, const char *data, size_t *size);

/* ---- forward_head.c: pure but for reading the client's headers ---- */

/* True when the client asks for another protocol. */
bool forward_is_upgrade(const struct request *request);
/* The head that is sent on, ready to go. */
void forward_head_write(struct buf *out, const struct request *request,
                        const struct forward_target *target, const char *client_address);
/* Copies an answer's headers, but for those that are of this connection alone. */
void forward_head_copy(struct MHD_Response *response, const struct buf *head,
                       const struct forward_target *target);

/* A URL of a backend's as the client must see it: behind `prefix` when it stays on the same host.
 * Owned. Source: proxy.Transport's rewriteURL. */
char *forward_url(const char *url, const char *prefix, const char *backend_host,
                  const char *client_host);
/* The same, of a target whose `host` is known: behind its prefix, or a part of that. */
char *forward_seen_url(const struct forward_target *target, const char *prefix, const char *url);
