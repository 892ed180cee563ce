/* host/network/enforcer.h: keeps the nftables table of NetworkPolicies in step with the view. */
#pragma once
#include "host/network.h"
#include "host/network/view.h"

struct enforcer;

/* Starts the thread; the first table is written once the view has synced. Both are borrowed. */
struct enforcer *enforcer_start(const struct network_options *options, struct view *view,
                                struct error *err);
/* Ends the thread and removes the table. NULL is allowed. */
void enforcer_stop(struct enforcer *enforcer);
