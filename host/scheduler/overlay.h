/* host/scheduler/overlay.h: the host's nodes as one tenant sees them.
 *
 * A tenant labels, taints and cordons Nodes of its own cluster, and gives them resources that only
 * it knows. For its Pods, and for nobody else's, these count as if they were the host's; what the
 * host says of a node stands, and labels of the host's that the tenant is not shown do not count.
 * Resources that only the tenant knows are used by its own Pods alone. A node of which it says more
 * than a scheduler that others wait for can go through (256 labels, 64 taints, 128 resources) is
 * closed to its Pods. */
#pragma once
#include "host/scheduler/framework.h"

/* True in a taint, or in the spec of a cordoned node, that only the tenant made so. */
#define OVERLAY_MARK "tenancy.warren.dev/own"

/* `base` with the tenant's Nodes, by host name (a member of `nodes` is a Node; one that is missing
 * is new to the tenant), put over it. Pods, nominees and namespaces are borrowed from `base`. */
struct snapshot overlay_snapshot(const struct snapshot *base, const char *tenant,
                                 const json_t *nodes);
/* What stands for a Node of which too much is said: cordoned. New tree. */
json_t *overlay_closed(void);
void overlay_clear(struct snapshot *snapshot);
