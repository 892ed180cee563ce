/* host/node/cni.h: a Pod's network interface, by the CNI plugins bridge, host-local and portmap.
 *
 * The plugins' answers are parsed within bounds, as anything from another program. Blocking; any
 * thread. Source: CNI specification 1.0.0. */
#pragma once
#include "base/error.h"
#include "base/json.h"

#define CNI_ADDRESSES_MAX 8
#define CNI_ADDRESS_SIZE  46

struct cni {
    char *bin_dir, *state_dir, *bridge, *pod_cidr, *gateway; /* owned, frozen */
};

struct cni_port {
    unsigned container, host;
    char protocol[8]; /* "tcp", "udp", "sctp" */
    char host_ip[CNI_ADDRESS_SIZE];
};

struct cni_pod {
    const char *id;    /* the sandbox's */
    const char *netns; /* path; NULL on deletion when it has gone */
    const struct cni_port *ports;
    size_t port_count;
};

struct cni_result {
    char addresses[CNI_ADDRESSES_MAX]
                  [CNI_ADDRESS_SIZE]; /* without prefix length; IPv4 first as given */
    size_t count;
};

/* Makes the state directory. `pod_cidr` is this node's; its first address is the gateway. */
MUST_CHECK bool cni_init(struct cni *cni, const char *bin_dir, const char *state_dir,
                         const char *bridge, const char *pod_cidr, struct error *err);
void cni_deinit(struct cni *cni);
MUST_CHECK bool cni_add(struct cni *cni, const struct cni_pod *pod, struct cni_result *result,
                        struct error *err);
/* Succeeds when there is nothing to delete. Runs every plugin even if one fails. */
MUST_CHECK bool cni_delete(struct cni *cni, const struct cni_pod *pod, struct error *err);
/* Removes the bridge and the address leases; no Pod may be left. */
void cni_destroy(struct cni *cni);

/* A plugin's answer. Pure. Fails with INVALID (malformed or too large) or UNAVAILABLE (an error of
 * the plugin's). */
MUST_CHECK bool cni_parse_result(struct str text, struct cni_result *result, struct error *err);
/* The second address of "a.b.c.d/n": the gateway; owned, NULL when the CIDR is malformed or has no
 * room. Pure. */
char *cni_gateway(const char *cidr);
