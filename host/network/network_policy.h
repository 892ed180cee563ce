/* host/network/network_policy.h: a NetworkPolicy as the node reads it, once.
 *
 * Immutable; any thread. What cannot be read of a rule allows nothing: a peer or a port of it is
 * left out, and a rule without a readable one is no rule for everybody. A selector of more than
 * POLICY_VALUES_MAX values counts as one that cannot be read.
 * Source: networking.k8s.io/v1 NetworkPolicySpec. */
#pragma once
#include "base/json.h"
#include "host/network/address_set.h"

#define POLICY_VALUES_MAX 8192

enum policy_direction { POLICY_INGRESS, POLICY_EGRESS, POLICY_DIRECTIONS };

struct network_policy_port {
    unsigned protocol;    /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
    unsigned first, last; /* numbers, where there is no name */
    char *name;           /* of a container's port; NULL */
};

struct network_policy_peer {
    struct selector *pods;       /* NULL: all Pods of the namespaces */
    struct selector *namespaces; /* NULL: the policy's own */
    size_t weight;               /* what comparing with one Pod costs, 1 for a plain selector */
    struct address_set block;    /* where neither is; sealed */
    bool is_block;
};

struct network_policy_rule {
    bool any_port, any_peer; /* the list is empty or absent */
    struct network_policy_port *ports;
    struct network_policy_peer *peers;
    size_t port_count, peer_count;
};

struct network_policy {
    char *ns, *name;
    bool is_tenants;       /* a tenant wrote it; else the operator did */
    struct selector *pods; /* whom it is about */
    size_t weight;         /* as that of a peer */
    struct network_policy_side {
        bool isolates; /* what no rule allows is forbidden */
        struct network_policy_rule *rules;
        size_t rule_count;
    } sides[POLICY_DIRECTIONS];
};

/* One whose podSelector cannot be read is about all Pods of its namespace. */
struct network_policy *network_policy_read(const json_t *object);
void network_policy_free(struct network_policy *policy);
/* "tcp", "udp" or "sctp", of the protocol of a port. */
const char *network_policy_protocol(unsigned number);
