/* apiserver/backend/proxy.h: pods/proxy, services/proxy and nodes/proxy: a client's HTTP request to
 * a Pod's port, a Service or a node agent.
 *
 * A Pod is reached by its name alone (reach.h). A node agent is reached for the host cluster only:
 * a tenant's node is a view of one that it shares, so there nodes/proxy knows no more than the
 * tenant's own Pods. Source: registry/core/pod, service and node (ResourceLocation). */
#pragma once
#include "apiserver/request.h"

enum step_result step_proxy(struct request *request);

struct proxy_name { /* [SCHEME:]NAME[:PORT]; owned text, parts point into it */
    char *text;
    const char *scheme, *name, *port; /* "" for none */
};
/* Pure. False when it is none. */
MUST_CHECK bool proxy_name_parse(struct proxy_name *out, const char *text);
void proxy_name_clear(struct proxy_name *name);
