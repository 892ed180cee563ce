/* apiserver/backend/reach_internal.h: what reach.c (finding and dialling), reach_pick.c and
 * reach_loop.c share. */
#pragma once
#include <pthread.h>

#include "apiserver/backend/backend.h"
#include "apiserver/backend/reach.h"
#include "base/json.h"

/* ---- reach_pick.c: pure ---- */

/* The name of the Service's port that `port` (a number or a name) means, for looking it up in
 * Endpoints; NULL with UNAVAILABLE when the Service has no such port number. Borrowed. */
const char *reach_service_port(const json_t *service, const char *port, struct error *err);

struct reach_candidate { /* borrowed from the Endpoints */
    const char *address, *pod;
    unsigned port;
};
/* The `index`-th candidate that Endpoints have for this port, in their order: ready addresses whose
 * targetRef is a Pod of namespace `ns`. False behind the last. */
bool reach_candidate(const json_t *endpoints, const char *ns, const char *port_name, size_t index,
                     struct reach_candidate *out);
/* True when `address` is one of the Pod's. */
bool reach_pod_has(const json_t *pod, const char *address);
/* The port of a Pod that `port` means; 0 when it is none. */
unsigned reach_pod_port(const json_t *pod, const char *port, unsigned default_port);

/* ---- reach_loop.c ---- */

struct reach_stream;
/* A place for one more stream of the cluster; NULL with TOO_MANY_REQUESTS. Given back by
 * reach_stream_drop() or reach_stream_run(). */
struct reach_stream *reach_stream_new(struct reach *reach, int64_t cluster_id, struct error *err);
void reach_stream_drop(struct reach_stream *stream);
/* Hands the connection, which is taken, to the loop, and makes the caller's end of the stream,
 * where `first` is read before all else. Takes the stream also when it fails. */
MUST_CHECK bool reach_stream_run(struct reach_stream *stream, struct backend *node,
                                 struct str first, int *fd, struct error *err);
