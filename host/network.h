/* host/network.h: Services, names and NetworkPolicies for the Pods of one node: the service proxy,
 * the DNS server and the enforcer.
 *
 * They follow the host cluster's Services, EndpointSlices, NetworkPolicies, namespaces and this
 * node's Pods through reflectors. A Pod sees the Services of its own cluster only: the proxy
 * chooses rules, and the server chooses names, by the Pod's source address. Pods of different
 * tenants cannot reach each other, the host or link-local addresses, whatever the rules of their
 * own cluster say. */
#pragma once
#include <stdbool.h>

#include "base/error.h"
#include "client/client.h"

struct network;

struct network_options {
    struct client *client; /* of the host cluster; borrowed for life */
    const char *node_name;
    const char *table;           /* nftables table, e.g. "warren0": ours alone */
    const char *bridge;          /* the Pods' bridge, "warren0" */
    const char *pod_cidr;        /* this node's Pods, "10.244.0.0/24" */
    const char *pod_network;     /* every node's Pods, "10.244.0.0/16" */
    const char *service_network; /* "10.96.0.0/16" */
    const char *dns_address; /* where the server listens: the bridge's own address, "10.244.0.1" */
    const char *dns_service; /* what Pods ask, "10.96.0.10" */
    const char *domain;      /* "cluster.local" */
    bool bridge_filtered;    /* network.c's: frames between Pods pass the ip hooks (br_netfilter) */
    const char *resolv_conf; /* names outside the domain go to these servers; "/etc/resolv.conf" */
};
struct network *network_start(const struct network_options *options, struct error *err);
/* Ends the threads and removes the tables: `table`, and `table` with "_policy". */
void network_stop(struct network *network);
