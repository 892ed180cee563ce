/* host/network/dns.h: the DNS server of a node's Pods, over UDP and TCP, with one view per cluster.
 */
#pragma once
#include "host/network.h"
#include "host/network/view.h"

struct dns;

/* Binds options->dns_address port 53 (also before the address is there) and starts a thread. Both
 * are borrowed. */
struct dns *dns_start(const struct network_options *options, struct view *view, struct error *err);
/* NULL is allowed. */
void dns_stop(struct dns *dns);
