/* vcluster/status.h: what a tenant is told of what happens on the host. Pure; the other half of
 * translate.h. */
#pragma once
#include "base/json.h"

/* The tenant Pod's status from the host Pod's: phase, conditions, containers, addresses; the node's
 * addresses are replaced and conditions of the tenant's own kept. New tree. */
json_t *status_from_host(const char *cluster, const json_t *tenant_pod, const json_t *host_pod);
/* The last status of a tenant Pod whose host Pod is gone and did not say how it ended: what ran has
 * failed. As upstream's kubelet writes it of containers that it cannot find. New tree. */
json_t *status_of_lost(const json_t *tenant_pod, int64_t now_us);
/* The host Pod with the conditions that the tenant's readinessGates name as the tenant's Pod has
 * them; NULL when it has them already. New tree. */
json_t *status_gates_to_host(const json_t *tenant_pod, const json_t *host_pod);
/* `text` with every word that names a host object of the cluster put back into the tenant's words:
 * host namespace (as `ns`), host names (through `name_of`, which returns the tenant's name, owned,
 * or NULL) and host node. Owned. */
char *status_text(const char *cluster, const char *host_ns, const char *ns, const char *host_node,
                  const char *text, char *(*name_of)(void *arg, const char *host_name), void *arg);
