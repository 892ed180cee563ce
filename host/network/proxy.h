/* host/network/proxy.h: keeps the nftables table in step with the view. */
#pragma once
#include "host/network.h"
#include "host/network/view.h"

struct proxy;

/* Starts the thread; the first table is written once the view has synced. Both are borrowed. */
struct proxy *proxy_start(const struct network_options *options, struct view *view,
                          struct error *err);
/* Ends the thread and removes the table. NULL is allowed. */
void proxy_stop(struct proxy *proxy);
