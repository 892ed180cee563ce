/* apiserver/tunnel.h: exec, attach, port-forward and logs: a stream between a client and the node that runs its Pod. */
#pragma once
#include <microhttpd.h>

#include "apiserver/encode.h"

struct request;
struct tunnel;

/* Steps for the Pod's subresources. */
enum step_result step_tunnel(struct request *request);
void tunnel_free(struct tunnel *tunnel);
struct MHD_Response *tunnel_response(struct request *request, struct encoding *encoding);
