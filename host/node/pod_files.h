/* host/node/pod_files.h: /etc/hosts, /etc/resolv.conf and the host name of a Pod. Pure. Texts are
 * owned. */
#pragma once
#include "host/node/pod_view.h"

struct dns_settings {
    const char *server, *domain; /* the cluster's */
};

/* NULL: the host's own resolv.conf. */
char *pod_resolv_conf(const struct pod_view *view, const struct dns_settings *dns);
char *pod_hosts_file(const struct pod_view *view, const struct dns_settings *dns);
/* At most 63 characters, ending in a letter or digit. */
char *pod_hostname(const struct pod_view *view);
