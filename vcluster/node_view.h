/* vcluster/node_view.h: a host's node as a Node of a tenant's cluster. Pure.
 *
 * Its name, addresses, conditions, the host's resources and the software on it come from the host.
 * Labels, annotations, taints, cordons, conditions of other types and resources that the host's
 * node does not have are the tenant's. */
#pragma once
#include "base/json.h"

/* A node that tenants may use: not one that is kept for the control plane or for somebody. */
bool node_view_shown(const json_t *host_node);
/* The Node as it should be, given what the tenant has of it (NULL: nothing yet). New tree. */
json_t *node_view(const char *cluster, const json_t *host_node, const json_t *tenant_node);
/* Made by node_view, not by the tenant. */
bool node_view_is_ours(const json_t *tenant_node);
/* Whether a change of a host's node is one that every tenant should see: not each heartbeat. */
bool node_view_differs(const json_t *host_node, const json_t *before);
