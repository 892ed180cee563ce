/* host/host_port.h: the ports of its node that a Pod asks for. */
#pragma once
#include "base/json.h"

struct host_port {
    const char *ip, *protocol; /* in the Pod's tree */
    int64_t port;
};

/* The ports of a Pod's spec: an owned array, NULL when there are none. */
struct host_port *host_ports_of(const json_t *pod_spec, size_t *count);
/* Whether any of the one is any of the other: the same port and protocol, at the same address or
 * where one of them is at every address. Source: upstream's scheduler, HostPortInfo. */
bool host_ports_clash(const struct host_port *a, size_t a_count, const struct host_port *b,
                      size_t b_count);
