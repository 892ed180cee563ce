/* host/node/pod_files.h: /etc/hosts, /etc/resolv.conf and the host name of a Pod. Pure. Texts are
 * owned. */
#pragma once
#include "host/node/pod_view.h"

struct dns_settings {
    const char *server, *domain; /* the cluster's */
};

/* NULL: the host's own resolv.conf. */
char *pod_resolv_conf(const struct pod_view *view, const struct dns_settings *dns);
/* `node_hosts`: the node's own file, for Pods of its network. */
char *pod_hosts_file(const struct pod_view *view, const struct dns_settings *dns,
                     const char *node_hosts);
/* At most 63 characters, ending in a letter or digit. */
char *pod_hostname(const struct pod_view *view);
/* What its processes are told: the same, or the whole name where the Pod sets setHostnameAsFQDN.
 * INVALID when that is longer than the kernel takes. */
MUST_CHECK bool pod_kernel_hostname(const struct pod_view *view, const struct dns_settings *dns,
                                    char **name, struct error *err);
