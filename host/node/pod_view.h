/* host/node/pod_view.h: a Pod as its containers may see it.
 *
 * For a tenant's Pod names come from the tenancy annotations, not from the host object, and labels
 * and annotations of the tenancy stay hidden. Borrowed from the Pod; cheap. */
#pragma once
#include "host/pseudo_node.h"
#include "base/error.h"
#include "base/json.h"

#define TENANCY_PREFIX "tenancy.warren.dev/"

struct pod_view {
    const json_t *pod;
    const char *name, *namespace, *uid; /* the tenant's, where it has one */
    const char *cluster;                /* the tenant's cluster; NULL for the host's own Pods */
    const char *pod_ip, *host_ip;       /* may be NULL */
    const char *node_name;              /* the host's own */
    char pseudo_node[PSEUDO_NODE_NAME_SIZE]; /* what a tenant is told in its place; "" for the
                                                host's own Pods */
    int64_t allocatable_cpu_milli, allocatable_memory; /* what an absent limit means */
};

void pod_view_init(struct pod_view *view, const json_t *pod);

/* Never for a tenant, whatever its Pod says. */
bool pod_view_host_network(const struct pod_view *view);
/* A fieldRef's value: owned text in `*out`. Fails with INVALID for a path that is none. */
MUST_CHECK bool pod_view_field(const struct pod_view *view, const char *path, char **out,
                               struct error *err);
/* A resourceFieldRef's value; `container` is the one it speaks of. `divisor` NULL: 1. */
MUST_CHECK bool pod_view_resource(const struct pod_view *view, const json_t *container,
                                  const char *resource, const char *divisor, char **out,
                                  struct error *err);
/* The container of any class with this name, or NULL. Borrowed. */
const json_t *pod_view_container(const struct pod_view *view, const char *name);
