/* vcluster/names.h: what a tenant's things are called on the host. Pure.
 *
 * Names are for people to read; who owns what is decided by the mapping table alone (mapping.h). */
#pragma once
#include <stddef.h>

#include "host/pod_notes.h"

/* Annotations and the label on host objects; the node agent's proxy and DNS read them. Only the
 * syncer writes them. */
#define NOTE_CLUSTER         POD_NOTE_CLUSTER
#define NOTE_NAMESPACE       POD_NOTE_NAMESPACE
#define NOTE_NAME            "tenancy.warren.dev/name"
#define NOTE_UID             POD_NOTE_UID
#define NOTE_KIND            "tenancy.warren.dev/kind"
#define NOTE_CLUSTER_IP      "tenancy.warren.dev/cluster-ip"
#define NOTE_SERVICE_ACCOUNT "tenancy.warren.dev/service-account"
#define NOTE_PREFIX          "tenancy.warren.dev/"

#define HOST_NAME_MAX 63

/* "warren-CLUSTER". */
void names_host_namespace(const char *cluster, char out[HOST_NAME_MAX + 1]);
/* "NAME-x-NAMESPACE-x-CLUSTER", or "NAME-x-CLUSTER" where `ns` is ""; when that is longer than a
 * DNS label, or `unique` is set, its front and a hash. */
void names_host_name(const char *cluster, const char *ns, const char *name, int unique,
                     char out[HOST_NAME_MAX + 1]);
/* The pseudo node that stands for a host node in this cluster: nothing of the host's name shows. */
void names_pseudo_node(const char *cluster, const char *host_node, char out[HOST_NAME_MAX + 1]);
