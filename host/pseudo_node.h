/* host/pseudo_node.h: what a tenant sees in place of a host node's name.
 *
 * The node agent needs it too, for spec.nodeName in the downward API of a tenant's Pod. */
#pragma once

#define PSEUDO_NODE_NAME_SIZE 32
/* The address that every pseudo node has: of no host (TEST-NET-1, RFC 5737). */
#define PSEUDO_NODE_ADDRESS "192.0.2.1"
/* What a tenant's `kubernetes` Endpoints say, beside the address where Pods reach this server: the
 * service proxy leads it to the cluster's own port, which is another after each start. */
#define PSEUDO_API_PORT 6443

/* "node-" and ten hexadecimal digits: the same for the same pair, telling nothing of the host.
 * Pure. */
void pseudo_node_name(const char *cluster, const char *host_node, char out[PSEUDO_NODE_NAME_SIZE]);

/* The labels of a host node that its pseudo node shows, beside a hostname of its own; NULL-ended.
 */
extern const char *const pseudo_node_labels[];
