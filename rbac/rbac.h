/* rbac/rbac.h: Kubernetes role-based access control over a cluster's cached roles and bindings.
 * Source: Kubernetes docs "Using RBAC Authorization"; upstream plugin/pkg/auth/authorizer/rbac. */
#pragma once
#include "auth/user.h"
#include "store/cluster.h"
#include "store/store.h"

struct rbac_attributes {
    const struct user *user;
    const char *verb;
    const char *group, *resource, *subresource; /* group "" is core; subresource "" none */
    const char *ns, *name;                      /* "" none */
    const char *path;     /* non-resource request: /healthz; NULL for resource requests */
    const char *pod_node; /* what a list or watch of Pods demands of spec.nodeName (selector_exact);
                             NULL: nothing */
    const char *volume_node; /* what one of PersistentVolumes demands of the label
                                LOCAL_VOLUME_NODE, likewise */
};

enum rbac_decision {
    RBAC_ALLOW,
    RBAC_NO_OPINION,
    RBAC_COLD /* caches are cold: rbac_warm, then again */
};

/* system:masters is always allowed. Nodes are limited to their own objects (node authorizer) by
 * group system:nodes. `reason` (may be NULL) gets an owned text of an allow: `RBAC: allowed by
 * ClusterRoleBinding "x" of ...`. Never blocks. */
enum rbac_decision rbac_authorize(struct cluster *cluster, const struct rbac_attributes *attributes,
                                  char **reason);
MUST_CHECK bool rbac_warm(struct cluster *cluster, struct error *err);
/* Upstream's words: `pods is forbidden: User "x" cannot list resource "pods" in API group "" in the
 * namespace "y"`. */
bool rbac_forbid(struct error *err, const struct rbac_attributes *attributes);
/* The rules that apply to `user` in `ns`, as SelfSubjectRulesReview.status. New reference; NULL
 * when cold. */
json_t *rbac_rules(struct cluster *cluster, const struct user *user, const char *ns);
/* Escalation check on writes of roles and bindings; FORBIDDEN in upstream's words when `user` lacks
 * a right it would give. */
MUST_CHECK bool rbac_check_escalation(struct cluster *cluster, const struct user *user,
                                      const char *resource, const json_t *object,
                                      struct error *err);
/* The node's name for a user "system:node:NAME" in group system:nodes; else NULL. Borrowed. */
const char *rbac_node_name(const struct user *user);
/* NodeRestriction: a node creates and changes only the Node and Lease of its own name. FORBIDDEN;
 * true for all others. */
MUST_CHECK bool rbac_admit_node(const struct user *user, const char *resource, const json_t *object,
                                struct error *err);
/* What an aggregated ClusterRole's rules should be: those of `roles` (ClusterRole trees, any order)
 * that one of its aggregationRule's selectors picks, by name, each rule once. Pure. New reference
 * (an array); NULL when `role` has no aggregationRule. */
json_t *rbac_aggregate(const json_t *role, const json_t *const *roles, size_t role_count);
/* The bootstrap roles and bindings as JSON objects (array, borrowed, frozen). */
const json_t *rbac_bootstrap(void);
