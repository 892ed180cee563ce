/* apiserver/backend/tunnel.h: exec, attach, port-forward and logs: bytes between a client and the
 * node that runs its Pod.
 *
 * The API server authorizes, finds the node and passes bytes on; it does not look into them. Each
 * tunnel that is in use has a thread, so that no I/O thread waits for a node. */
#pragma once
#include <microhttpd.h>

#include "apiserver/encode.h"

struct tunnels;
struct tunnel;

struct tunnels *tunnels_new(void);
/* Cuts every tunnel; none can be started any more. */
void tunnels_cut(struct tunnels *tunnels);
/* The same, and waits for their threads. */
void tunnels_stop(struct tunnels *tunnels);
void tunnels_free(struct tunnels *tunnels);
/* Runs work(arg) on a thread of its own, which counts as a tunnel's. False when there are too many.
 */
MUST_CHECK bool tunnels_run(struct tunnels *tunnels, void (*work)(void *arg), void *arg);

/* pods/log, exec, attach, portforward */
enum step_result step_log_options(struct request *request); /* before it, of a log */
enum step_result step_tunnel(struct request *request);
/* Takes the request's connection for its upgraded tunnel, with `response` as the answer's head. The
 * I/O thread, in the request's handler. */
void tunnel_take_connection(struct request *request, struct MHD_Response *response);
/* The request is over; a thread may go on with the tunnel for a moment. */
void tunnel_free(struct tunnel *tunnel);
struct MHD_Response *tunnel_response(struct request *request, struct encoding *encoding);
