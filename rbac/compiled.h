/* rbac/compiled.h: a cluster's roles and bindings, turned around: from a subject to the rules that
 * it holds.
 *
 * Built from the four caches when one of them changed, then frozen and shared. Decisions look up
 * the user and each of its groups, once for the cluster and once for the namespace: no list is
 * walked that is not the user's own. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "base/strmap.h"
#include "rbac/rule.h"

#define RBAC_ROLES                 "roles.rbac.authorization.k8s.io"
#define RBAC_ROLE_BINDINGS         "rolebindings.rbac.authorization.k8s.io"
#define RBAC_CLUSTER_ROLES         "clusterroles.rbac.authorization.k8s.io"
#define RBAC_CLUSTER_ROLE_BINDINGS "clusterrolebindings.rbac.authorization.k8s.io"
#define RBAC_SOURCES               4

struct role {
    const char *name;
    struct rule_list rules;
};

/* One subject of one binding. */
struct grant {
    const struct role *role;
    const char *binding, *ns;           /* ns "" for a ClusterRoleBinding */
    const char *role_kind;              /* static */
    const char *subject_kind, *subject; /* for the reason: "Group", "system:masters" */
    const struct grant *next;           /* of the same subject and scope */
};

/* What the caches looked like: changes exactly when one of their objects does. */
struct rbac_mark {
    size_t count[RBAC_SOURCES];
    int64_t newest[RBAC_SOURCES]; /* the highest resourceVersion among them */
};

struct compiled {
    atomic_uint refs;
    _Atomic int64_t checked; /* the cluster's revision at which `mark` was last found true */
    struct rbac_mark mark;
    struct arena arena;
    struct strmap grants;        /* "NS/u/NAME", "NS/g/NAME", NS "" for the cluster: struct grant */
    struct strmap cluster_roles; /* name: struct role */
    struct strmap roles;         /* "NS/NAME": struct role */
};

struct rbac_part {
    struct cluster_part part;
    atomic_bool wants_pods; /* a node has asked: its rights follow from its Pods */
    pthread_mutex_t lock;
    struct compiled *compiled; /* guarded by lock; NULL until the caches were warm */
};

/* Never NULL, referenced. */
struct rbac_part *rbac_part_get(struct cluster *cluster);
void rbac_part_unref_ptr(struct rbac_part **part); /* for CLEANUP */
/* In step with the caches; referenced. NULL when one of them is cold. Never blocks. */
struct compiled *compiled_get(struct cluster *cluster, struct rbac_part *part);
void compiled_unref(struct compiled *compiled);
void compiled_unref_ptr(struct compiled **compiled); /* for CLEANUP */

/* Calls `each` with every grant of `user` in `ns` ("": the cluster's only), the cluster's first,
 * until it returns false. */
void compiled_visit(const struct compiled *compiled, const struct user *user, const char *ns,
                    bool (*each)(void *arg, const struct grant *grant), void *arg);
/* NULL when there is no such role. `ns` counts for "Role" only. */
const struct role *compiled_role(const struct compiled *compiled, const char *kind, const char *ns,
                                 const char *name);
