/* apiserver/backend/reach.h: a connected stream to a port of a Pod of a cluster, as a descriptor.
 *
 * `warren server` may have no route to Pods, and a tenant must never choose an address that it
 * dials: so a Pod is reached by its name alone, through the node agent that runs it, into the Pod's
 * own network. Of a tenant's Pod the mapping says which host Pod that is (api_pod_target_fn); what
 * the tenant wrote into Endpoints counts only where an address names one of its Pods by targetRef
 * and is that Pod's. Source of the rules: kube-apiserver's ResourceLocation of pods and services.
 *
 * A stream takes no thread: one loop, started with the first stream, moves the bytes of all. At
 * most REACH_MAX streams, REACH_SHARE of one cluster; one that carries nothing for REACH_IDLE_S
 * ends. */
#pragma once
#include "apiserver/api.h"

#define REACH_MAX    512
#define REACH_SHARE  64
#define REACH_IDLE_S 3600

enum reach_kind { REACH_POD, REACH_SERVICE };

struct reach_target { /* strings are the caller's */
    enum reach_kind kind;
    const char *ns, *name;
    /* Of a Pod: a number, or the name of a container's port; "": its first port, else
     * `default_port`. Of a Service: the number or name of its port; "": the unnamed one. */
    const char *port;
    unsigned default_port;
};

/* Where a target is: a Pod, by name, and a port of it. */
struct reach_place {
    char *ns, *pod;
    char *address; /* the Pod's, for messages and Host headers; never dialled */
    unsigned port;
};
void reach_place_clear(struct reach_place *place);

/* Finds the place. BAD_REQUEST (no usable port or address), NOT_FOUND (no such Pod or Service),
 * UNAVAILABLE with upstream's words (`no endpoints available for service "x"`, `no service port 1
 * found for service "x"`). Blocking while caches are cold: not on I/O threads. */
MUST_CHECK bool reach_resolve(struct cluster *cluster, const struct reach_target *target,
                              struct reach_place *place, struct error *err);

/* Connects. `*fd` is the caller's: a non-blocking, close-on-exec stream socket that behaves as the
 * TCP connection would; close() ends the connection, and so does shutdown() of one direction.
 * UNAVAILABLE as `dial tcp ADDRESS:PORT: WHY` (connection refused, i/o timeout), TOO_MANY_REQUESTS
 * above the shares. Blocking, for at most some 20 s: pool threads and threads of one's own. */
MUST_CHECK bool reach_dial(struct api *api, struct cluster *cluster,
                           const struct reach_place *place, int *fd, struct error *err);

/* Both. */
MUST_CHECK bool reach_connect(struct api *api, struct cluster *cluster,
                              const struct reach_target *target, int *fd, struct error *err);

/* Both, elsewhere: for callers that may not block. `done` is called once, on a thread of the
 * server's pool; `fd` is its own then, or -1 with `err` (borrowed). The target is copied, the
 * cluster referenced. False, and `done` is never called, when the pool's queue is full. */
typedef void (*reach_done_fn)(void *arg, int fd, const struct error *err);
MUST_CHECK bool reach_start(struct api *api, struct cluster *cluster,
                            const struct reach_target *target, reach_done_fn done, void *arg);

/* ---- for api.c ---- */
struct reach;
struct reach *reach_new(void);
/* Ends every stream; their owners read the end. */
void reach_free(struct reach *reach);
