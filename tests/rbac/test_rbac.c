/* Decisions, over a real store: bootstrap roles, bindings that come and go, nodes, escalation. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "rbac/rbac.h"
#include "schema/resource.h"
#include "tests/world/world.h"

#define CLUSTER_ROLES    "clusterroles.rbac.authorization.k8s.io"
#define CLUSTER_BINDINGS "clusterrolebindings.rbac.authorization.k8s.io"
#define ROLES            "roles.rbac.authorization.k8s.io"
#define BINDINGS         "rolebindings.rbac.authorization.k8s.io"

static struct cluster *cluster;

static void put(const char *resource, const char *yaml)
{
    object_unref(world_put(cluster, resource, yaml));
}

static int up(void **state)
{
    struct error err = {0};
    const json_t *object;
    size_t i;
    if (world_up(state) != 0)
        return -1;
    cluster = world_cluster("acme");
    json_array_foreach (rbac_bootstrap(), i, object) {
        CLEANUP(buf_free) struct buf text = BUF_TEXT;
        const struct resource *row = resource_by_kind(STR("rbac.authorization.k8s.io"), STR("v1"),
                                                      str_of(json_text(object, "kind")));
        json_write(&text, object);
        put(row->key, text.data);
    }
    if (!rbac_warm(cluster, &err))
        return -1;
    return 0;
}

static int down(void **state)
{
    cluster_unref(cluster);
    return world_down(state);
}

struct request {
    const char *name, *user, *groups; /* groups: with blanks between */
    const char *verb, *group, *resource, *sub, *ns, *object, *path;
    enum rbac_decision expected;
};

static void make_user(struct user *user, const char *name, const char *groups)
{
    struct str rest = str_of(groups ? groups : "");
    user_internal(user, name, false);
    while (rest.len) {
        CLEANUP(free_ptr) char *group = str_dup(str_cut(&rest, ' '));
        user_add_group(user, group);
    }
}

static enum rbac_decision decide(const struct request *request)
{
    struct error err = {0};
    CLEANUP(user_clear) struct user user = {0};
    make_user(&user, request->user, request->groups);
    const struct rbac_attributes attributes = {.user = &user,
                                               .verb = request->verb,
                                               .group = request->group ? request->group : "",
                                               .resource =
                                                   request->resource ? request->resource : "",
                                               .subresource = request->sub ? request->sub : "",
                                               .ns = request->ns ? request->ns : "",
                                               .name = request->object ? request->object : "",
                                               .path = request->path};
    enum rbac_decision decision = rbac_authorize(cluster, &attributes, NULL);
    for (int i = 0; decision == RBAC_COLD && i < 3; i++) {
        assert_true(rbac_warm(cluster, &err));
        decision = rbac_authorize(cluster, &attributes, NULL);
    }
    return decision;
}

static void run(const struct request *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (decide(&rows[i]) != rows[i].expected)
            fail_msg("%s: %s", rows[i].name,
                     rows[i].expected == RBAC_ALLOW ? "refused" : "allowed");
}

#define YES RBAC_ALLOW
#define NO  RBAC_NO_OPINION

static void bootstrap_roles(void **state)
{
    /* clang-format off */
    static const struct request rows[] = {
        {.name = "masters", .user = "a", .groups = "system:masters", .verb = "delete", .resource = "nodes", .expected = YES},
        {.name = "anybody authenticated may discover", .user = "a", .verb = "get", .path = "/apis/apps", .expected = YES},
        {.name = "and ask about themselves", .user = "a", .verb = "create", .group = "authorization.k8s.io",
         .resource = "selfsubjectaccessreviews", .expected = YES},
        {.name = "but not read", .user = "a", .verb = "get", .resource = "pods", .ns = "default", .expected = NO},
        {.name = "nor /metrics", .user = "a", .verb = "get", .path = "/metrics", .expected = NO},
        {.name = "nor post to discovery", .user = "a", .verb = "post", .path = "/apis/apps", .expected = NO},
        {.name = "the scheduler binds", .user = "system:kube-scheduler", .verb = "create", .resource = "pods", .sub = "binding",
         .ns = "x", .object = "p", .expected = YES},
        {.name = "the deployment controller", .user = "system:serviceaccount:kube-system:deployment-controller", .verb = "create",
         .group = "apps", .resource = "replicasets", .ns = "x", .expected = YES},
        {.name = "of another namespace", .user = "system:serviceaccount:default:deployment-controller", .verb = "create",
         .group = "apps", .resource = "replicasets", .ns = "x", .expected = NO},
        {.name = "the garbage collector, of any group", .user = "system:serviceaccount:kube-system:generic-garbage-collector",
         .verb = "patch", .group = "example.com", .resource = "things", .ns = "x", .expected = YES},
        {.name = "a Role of kube-system by its binding", .user = "system:kube-scheduler", .verb = "get",
         .resource = "configmaps", .ns = "kube-system", .object = "extension-apiserver-authentication", .expected = YES},
        {.name = "held to its resource name", .user = "system:kube-scheduler", .verb = "get", .resource = "configmaps",
         .ns = "kube-system", .object = "other", .expected = NO},
    };
    /* clang-format on */
    (void)state;
    run(rows, ARRAY_LEN(rows));
}

static void aggregated_roles(void **state)
{
    (void)state;
    put(BINDINGS, "{metadata: {name: v, namespace: team}, roleRef: {kind: ClusterRole, name: "
                  "view}, subjects: "
                  "[{kind: User, name: viewer}]}");
    put(BINDINGS, "{metadata: {name: e, namespace: team}, roleRef: {kind: ClusterRole, name: "
                  "edit}, subjects: "
                  "[{kind: Group, name: editors}]}");
    put(BINDINGS, "{metadata: {name: a, namespace: team}, roleRef: {kind: ClusterRole, name: "
                  "admin}, subjects: "
                  "[{kind: ServiceAccount, name: bot}]}");
    static const char bot[] = "system:serviceaccount:team:bot";
    /* clang-format off */
    const struct request rows[] = {
        {.name = "view reads", .user = "viewer", .verb = "list", .resource = "pods", .ns = "team", .expected = YES},
        {.name = "view reads no Secret", .user = "viewer", .verb = "get", .resource = "secrets", .ns = "team", .expected = NO},
        {.name = "view in another namespace", .user = "viewer", .verb = "list", .resource = "pods", .ns = "tea", .expected = NO},
        {.name = "view in all namespaces", .user = "viewer", .verb = "list", .resource = "pods", .expected = NO},
        {.name = "edit reads as view", .user = "u", .groups = "editors", .verb = "list", .resource = "pods", .ns = "team", .expected = YES},
        {.name = "edit writes", .user = "u", .groups = "editors", .verb = "create", .group = "apps", .resource = "deployments",
         .ns = "team", .expected = YES},
        {.name = "edit makes no Role", .user = "u", .groups = "editors", .verb = "create", .group = "rbac.authorization.k8s.io",
         .resource = "roles", .ns = "team", .expected = NO},
        {.name = "admin makes a Role", .user = bot, .verb = "create", .group = "rbac.authorization.k8s.io", .resource = "roles",
         .ns = "team", .expected = YES},
        {.name = "a group's name as user", .user = "editors", .verb = "list", .resource = "pods", .ns = "team", .expected = NO},
        {.name = "a user's name as group", .user = "u", .groups = "viewer", .verb = "list", .resource = "pods", .ns = "team", .expected = NO},
    };
    /* clang-format on */
    run(rows, ARRAY_LEN(rows));
}

/* Wildcards and names, one rule at a time. */
static void rules(void **state)
{
    (void)state;
    put(CLUSTER_ROLES,
        "{metadata: {name: logs}, rules: [{verbs: [get], apiGroups: [''], resources: ['pods/log', "
        "'*/status']}, "
        "{verbs: ['*'], apiGroups: [apps], resources: ['*']}, "
        "{verbs: [get], apiGroups: [''], resources: [secrets], resourceNames: [one]}, "
        "{verbs: [get], nonResourceURLs: ['/debug/*', /x]}]}");
    put(CLUSTER_BINDINGS, "{metadata: {name: logs}, roleRef: {kind: ClusterRole, name: logs}, "
                          "subjects: [{kind: User, name: r}, "
                          "{kind: ServiceAccount, name: nobody}]}");
    /* clang-format off */
    static const struct request rows[] = {
        {.name = "subresource", .user = "r", .verb = "get", .resource = "pods", .sub = "log", .ns = "x", .expected = YES},
        {.name = "not the resource", .user = "r", .verb = "get", .resource = "pods", .ns = "x", .expected = NO},
        {.name = "status of anything", .user = "r", .verb = "get", .resource = "nodes", .sub = "status", .expected = YES},
        {.name = "all of a group", .user = "r", .verb = "deletecollection", .group = "apps", .resource = "deployments",
         .sub = "scale", .ns = "x", .expected = YES},
        {.name = "of no other group", .user = "r", .verb = "get", .group = "batch", .resource = "jobs", .ns = "x", .expected = NO},
        {.name = "a group that begins alike", .user = "r", .verb = "get", .group = "apps.x", .resource = "d", .ns = "x", .expected = NO},
        {.name = "named", .user = "r", .verb = "get", .resource = "secrets", .ns = "x", .object = "one", .expected = YES},
        {.name = "not named", .user = "r", .verb = "get", .resource = "secrets", .ns = "x", .object = "two", .expected = NO},
        {.name = "no name for a rule with names", .user = "r", .verb = "get", .resource = "secrets", .ns = "x", .expected = NO},
        {.name = "below a URL", .user = "r", .verb = "get", .path = "/debug/pprof", .expected = YES},
        {.name = "the URL before the star", .user = "r", .verb = "get", .path = "/debug", .expected = NO},
        {.name = "exact URL", .user = "r", .verb = "get", .path = "/x", .expected = YES},
        {.name = "longer URL", .user = "r", .verb = "get", .path = "/xy", .expected = NO},
        {.name = "an account without namespace in a cluster binding is nobody", .user = "system:serviceaccount::nobody",
         .verb = "get", .resource = "pods", .sub = "log", .ns = "x", .expected = NO},
    };
    /* clang-format on */
    run(rows, ARRAY_LEN(rows));
}

/* What is written counts for the very next decision. */
static void changes_at_once(void **state)
{
    const struct request ask = {.user = "late", .verb = "get", .resource = "pods", .ns = "late"};
    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(decide(&ask), NO);
        put(BINDINGS, "{metadata: {name: late, namespace: late}, roleRef: {kind: Role, name: "
                      "late}, subjects: [{kind: User, name: late}]}");
        assert_int_equal(decide(&ask), NO); /* binds a Role that is not there */
        put(ROLES, "{metadata: {name: late, namespace: late}, rules: [{verbs: [get], apiGroups: "
                   "[''], resources: [pods]}]}");
        assert_int_equal(decide(&ask), YES);
        world_replace(cluster, ROLES,
                      "{metadata: {name: late, namespace: late}, rules: [{verbs: [list], "
                      "apiGroups: [''], resources: [pods]}]}");
        assert_int_equal(decide(&ask), NO);
        world_remove(cluster, ROLES, "late", "late");
        put(ROLES, "{metadata: {name: late, namespace: late}, rules: [{verbs: [get], apiGroups: "
                   "[''], resources: [pods]}]}");
        assert_int_equal(decide(&ask), YES);
        put("configmaps", "{metadata: {name: unrelated, namespace: late}}");
        assert_int_equal(decide(&ask), YES);
        world_remove(cluster, "configmaps", "late", "unrelated");
        world_remove(cluster, BINDINGS, "late", "late");
        assert_int_equal(decide(&ask), NO);
        world_remove(cluster, ROLES, "late", "late");
    }
}

/* Names that begin alike share nothing. */
static void other_tenants(void **state)
{
    (void)state;
    CLEANUP(cluster_unref_ptr) struct cluster *own = cluster;
    cluster = world_cluster("acme2");
    const struct request ask = {.user = "viewer", .verb = "list", .resource = "pods", .ns = "team"};
    assert_int_equal(decide(&ask), NO);
    cluster_unref(cluster);
    cluster = cluster_ref(own);
    assert_int_equal(decide(&ask), YES);
}

static void nodes(void **state)
{
    static const char node[] = "system:node:n1", group[] = "system:nodes";
    (void)state;
    put("pods", "{metadata: {name: mine, namespace: w}, spec: {nodeName: n1, serviceAccountName: "
                "bot, imagePullSecrets: "
                "[{name: pull}], volumes: [{name: a, secret: {secretName: s-vol}}, {name: b, "
                "projected: {sources: [{configMap: "
                "{name: c-proj}}]}}, {name: c, persistentVolumeClaim: {claimName: claim}}, {name: "
                "d, ephemeral: {}}], containers: "
                "[{name: c, env: [{name: X, valueFrom: {secretKeyRef: {name: s-env, key: k}}}], "
                "envFrom: [{configMapRef: {name: "
                "c-env}}]}]}}");
    put("pods", "{metadata: {name: theirs, namespace: w}, spec: {nodeName: n2, serviceAccountName: "
                "other, volumes: [{name: a, "
                "secret: {secretName: s-other}}], containers: [{name: c}]}}");
    put("persistentvolumes", "{metadata: {name: here, labels: {local.warren.dev/node: n1}}}");
    put("persistentvolumes", "{metadata: {name: there, labels: {local.warren.dev/node: n2}}}");
    put("persistentvolumes",
        "{metadata: {name: used}, spec: {claimRef: {namespace: w, name: claim}}}");
#define N .user = node, .groups = group
    /* clang-format off */
    const struct request rows[] = {
        {.name = "own Node", N, .verb = "get", .resource = "nodes", .object = "n1", .expected = YES},
        {.name = "other Node", N, .verb = "get", .resource = "nodes", .object = "n2", .expected = NO},
        {.name = "all Nodes", N, .verb = "list", .resource = "nodes", .expected = NO},
        {.name = "own Node's status", N, .verb = "patch", .resource = "nodes", .sub = "status", .object = "n1", .expected = YES},
        {.name = "other Node's status", N, .verb = "patch", .resource = "nodes", .sub = "status", .object = "n2", .expected = NO},
        {.name = "deleting its Node", N, .verb = "delete", .resource = "nodes", .object = "n1", .expected = NO},
        {.name = "own Pod", N, .verb = "get", .resource = "pods", .ns = "w", .object = "mine", .expected = YES},
        {.name = "own Pod's status", N, .verb = "patch", .resource = "pods", .sub = "status", .ns = "w", .object = "mine", .expected = YES},
        {.name = "other Pod's status", N, .verb = "patch", .resource = "pods", .sub = "status", .ns = "w", .object = "theirs", .expected = NO},
        {.name = "other Pod", N, .verb = "delete", .resource = "pods", .ns = "w", .object = "theirs", .expected = NO},
        {.name = "all Pods", N, .verb = "list", .resource = "pods", .expected = NO},
        {.name = "pull Secret", N, .verb = "get", .resource = "secrets", .ns = "w", .object = "pull", .expected = YES},
        {.name = "volume Secret", N, .verb = "watch", .resource = "secrets", .ns = "w", .object = "s-vol", .expected = YES},
        {.name = "env Secret", N, .verb = "get", .resource = "secrets", .ns = "w", .object = "s-env", .expected = YES},
        {.name = "other node's Secret", N, .verb = "get", .resource = "secrets", .ns = "w", .object = "s-other", .expected = NO},
        {.name = "a name that only stands in the Pod", N, .verb = "get", .resource = "secrets", .ns = "w", .object = "bot", .expected = NO},
        {.name = "same name, other namespace", N, .verb = "get", .resource = "secrets", .ns = "v", .object = "pull", .expected = NO},
        {.name = "all Secrets", N, .verb = "list", .resource = "secrets", .ns = "w", .expected = NO},
        {.name = "writing its Secret", N, .verb = "update", .resource = "secrets", .ns = "w", .object = "pull", .expected = NO},
        {.name = "projected ConfigMap", N, .verb = "get", .resource = "configmaps", .ns = "w", .object = "c-proj", .expected = YES},
        {.name = "env ConfigMap", N, .verb = "get", .resource = "configmaps", .ns = "w", .object = "c-env", .expected = YES},
        {.name = "claim", N, .verb = "get", .resource = "persistentvolumeclaims", .ns = "w", .object = "claim", .expected = YES},
        {.name = "ephemeral claim", N, .verb = "get", .resource = "persistentvolumeclaims", .ns = "w", .object = "mine-d", .expected = YES},
        {.name = "volume on it", N, .verb = "patch", .resource = "persistentvolumes", .object = "here", .expected = YES},
        {.name = "deleting it", N, .verb = "delete", .resource = "persistentvolumes", .object = "here", .expected = NO},
        {.name = "volume elsewhere", N, .verb = "get", .resource = "persistentvolumes", .object = "there", .expected = NO},
        {.name = "volume that its Pod uses", N, .verb = "get", .resource = "persistentvolumes", .object = "used", .expected = YES},
        {.name = "writing it", N, .verb = "patch", .resource = "persistentvolumes", .object = "used", .expected = NO},
        {.name = "no such volume", N, .verb = "get", .resource = "persistentvolumes", .object = "none", .expected = NO},
        {.name = "all volumes", N, .verb = "list", .resource = "persistentvolumes", .expected = NO},
        {.name = "token of its Pod's account", N, .verb = "create", .resource = "serviceaccounts", .sub = "token", .ns = "w",
         .object = "bot", .expected = YES},
        {.name = "token of another's account", N, .verb = "create", .resource = "serviceaccounts", .sub = "token", .ns = "w",
         .object = "other", .expected = NO},
        {.name = "own Lease", N, .verb = "update", .group = "coordination.k8s.io", .resource = "leases", .ns = "kube-node-lease",
         .object = "n1", .expected = YES},
        {.name = "other Lease", N, .verb = "update", .group = "coordination.k8s.io", .resource = "leases", .ns = "kube-node-lease",
         .object = "n2", .expected = NO},
        {.name = "Lease elsewhere", N, .verb = "update", .group = "coordination.k8s.io", .resource = "leases", .ns = "kube-system",
         .object = "n1", .expected = NO},
        {.name = "events", N, .verb = "create", .resource = "events", .ns = "w", .expected = YES},
        {.name = "Services", N, .verb = "watch", .resource = "services", .expected = YES},
        {.name = "roles", N, .verb = "get", .group = "rbac.authorization.k8s.io", .resource = "clusterroles", .object = "view", .expected = NO},
        {.name = "the name without the group", .user = node, .verb = "get", .resource = "nodes", .object = "n1", .expected = NO},
        {.name = "the group without a name", .user = "system:node:", .groups = group, .verb = "get", .resource = "nodes",
         .object = "n1", .expected = NO},
    };
    /* clang-format on */
#undef N
    run(rows, ARRAY_LEN(rows));
}

/* A node may list what a selector keeps to itself. */
static void nodes_by_selector(void **state)
{
    (void)state;
    CLEANUP(user_clear) struct user user = {0};
    make_user(&user, "system:node:n1", "system:nodes");
    struct rbac_attributes list = {.user = &user,
                                   .verb = "list",
                                   .group = "",
                                   .resource = "pods",
                                   .subresource = "",
                                   .ns = "",
                                   .name = "",
                                   .pod_node = "n1"};
    assert_int_equal(rbac_authorize(cluster, &list, NULL), RBAC_ALLOW);
    struct rbac_attributes volumes = list;
    volumes.resource = "persistentvolumes";
    volumes.volume_node = "n1";
    assert_int_equal(rbac_authorize(cluster, &volumes, NULL), RBAC_ALLOW);
    volumes.volume_node = "n2";
    assert_int_equal(rbac_authorize(cluster, &volumes, NULL), RBAC_NO_OPINION);
    list.pod_node = "n2";
    assert_int_equal(rbac_authorize(cluster, &list, NULL), RBAC_NO_OPINION);
}

static void node_admission(void **state)
{
    (void)state;
    CLEANUP(user_clear) struct user node = {0}, other = {0};
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *own = world_yaml("{metadata: {name: n1}}"),
                *foreign = world_yaml("{metadata: {name: n2}}");
    make_user(&node, "system:node:n1", "system:nodes");
    make_user(&other, "alice", "");
    assert_true(rbac_admit_node(&node, "nodes", own, &err));
    assert_true(rbac_admit_node(&other, "nodes", foreign, &err));
    assert_false(rbac_admit_node(&node, "nodes", foreign, &err));
    assert_int_equal(err.code, 403);
}

static void messages(void **state)
{
    static const struct {
        struct rbac_attributes attributes;
        const char *message;
        /* clang-format off */
    } rows[] = {
        {{.verb = "list", .group = "", .resource = "pods", .subresource = "", .ns = "y", .name = ""},
         "pods is forbidden: User \"x\" cannot list resource \"pods\" in API group \"\" in the namespace \"y\""},
        {{.verb = "get", .group = "apps", .resource = "deployments", .subresource = "scale", .ns = "y", .name = "d"},
         "deployments.apps \"d\" is forbidden: User \"x\" cannot get resource \"deployments/scale\" in API group \"apps\" in the "
         "namespace \"y\""},
        {{.verb = "list", .group = "", .resource = "nodes", .subresource = "", .ns = "", .name = ""},
         "nodes is forbidden: User \"x\" cannot list resource \"nodes\" in API group \"\" at the cluster scope"},
        {{.verb = "get", .path = "/metrics"}, "forbidden: User \"x\" cannot get path \"/metrics\""},
    };
    /* clang-format on */
    (void)state;
    CLEANUP(user_clear) struct user user = {0};
    user_internal(&user, "x", false);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        struct rbac_attributes attributes = rows[i].attributes;
        attributes.user = &user;
        assert_false(rbac_forbid(&err, &attributes));
        assert_string_equal(err.message, rows[i].message);
        assert_int_equal(err.code, 403);
    }
}

static void reasons(void **state)
{
    (void)state;
    CLEANUP(user_clear) struct user user = {0};
    CLEANUP(free_ptr) char *reason = NULL;
    make_user(&user, "u", "editors");
    const struct rbac_attributes attributes = {.user = &user,
                                               .verb = "list",
                                               .group = "",
                                               .resource = "pods",
                                               .subresource = "",
                                               .ns = "team",
                                               .name = ""};
    assert_int_equal(rbac_authorize(cluster, &attributes, &reason), RBAC_ALLOW);
    assert_string_equal(
        reason,
        "RBAC: allowed by RoleBinding \"e/team\" of ClusterRole \"edit\" to Group \"editors\"");
}

static void escalation(void **state)
{
    static const char covered[] = "{metadata: {name: r, namespace: team}, rules: [{verbs: [get, "
                                  "list], apiGroups: [''], resources: "
                                  "[pods, 'pods/log']}]}";
    static const struct {
        const char *name, *user, *resource, *object, *message; /* message NULL: allowed */
    } rows[] = {
        {"what an admin has", "system:serviceaccount:team:bot", ROLES, covered, NULL},
        {"more than an admin has", "system:serviceaccount:team:bot", ROLES,
         "{metadata: {name: r, namespace: team}, rules: [{verbs: [get, delete], apiGroups: [''], "
         "resources: [nodes, pods]}]}",
         "roles.rbac.authorization.k8s.io \"r\" is forbidden: user "
         "\"system:serviceaccount:team:bot\" "
         "(groups=[\"system:serviceaccounts\" \"system:serviceaccounts:team\" "
         "\"system:authenticated\"]) is attempting to grant RBAC "
         "permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"nodes\"], "
         "Verbs:[\"get\" \"delete\"]}"},
        {"by name", "system:serviceaccount:team:bot", ROLES,
         "{metadata: {name: r, namespace: team}, rules: [{verbs: [use], apiGroups: [x], resources: "
         "[things], resourceNames: [z]}]}",
         "roles.rbac.authorization.k8s.io \"r\" is forbidden: user "
         "\"system:serviceaccount:team:bot\" "
         "(groups=[\"system:serviceaccounts\" \"system:serviceaccounts:team\" "
         "\"system:authenticated\"]) is attempting to grant RBAC "
         "permissions not currently held:\n{APIGroups:[\"x\"], Resources:[\"things\"], "
         "ResourceNames:[\"z\"], Verbs:[\"use\"]}"},
        {"in another namespace", "system:serviceaccount:team:bot", ROLES,
         "{metadata: {name: r, namespace: other}, rules: [{verbs: [get], apiGroups: [''], "
         "resources: [pods]}]}",
         ""},
        {"everything", "system:serviceaccount:team:bot", ROLES,
         "{metadata: {name: r, namespace: team}, rules: [{verbs: ['*'], apiGroups: ['*'], "
         "resources: ['*']}]}",
         ""},
        {"binding what it has", "system:serviceaccount:team:bot", BINDINGS,
         "{metadata: {name: b, namespace: team}, roleRef: {kind: ClusterRole, name: view}}", NULL},
        {"binding cluster-admin", "system:serviceaccount:team:bot", BINDINGS,
         "{metadata: {name: b, namespace: team}, roleRef: {kind: ClusterRole, name: "
         "cluster-admin}}",
         ""},
        {"binding what is not there", "system:serviceaccount:team:bot", BINDINGS,
         "{metadata: {name: b, namespace: team}, roleRef: {kind: ClusterRole, name: nothing}}",
         "clusterroles.rbac.authorization.k8s.io \"nothing\" not found"},
        {"aggregation", "system:serviceaccount:team:bot", CLUSTER_ROLES,
         "{metadata: {name: all}, aggregationRule: {clusterRoleSelectors: [{}]}}",
         "clusterroles.rbac.authorization.k8s.io \"all\" is forbidden: must have cluster-admin "
         "privileges to use the aggregationRule"},
        {"with the verb escalate",
         "system:serviceaccount:kube-system:clusterrole-aggregation-controller", CLUSTER_ROLES,
         "{metadata: {name: all}, rules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*']}]}",
         NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(user_clear) struct user user = {0};
        json_auto_t *object = world_yaml(rows[i].object);
        user_internal(&user, rows[i].user, false);
        bool allowed = rbac_check_escalation(cluster, &user, rows[i].resource, object, &err);
        if (allowed != !rows[i].message)
            fail_msg("%s: %s", rows[i].name, err.message ? err.message : "allowed");
        if (rows[i].message && *rows[i].message)
            assert_string_equal(err.message, rows[i].message);
    }
}

/* A rule that would fall apart into 10^12 rights is refused in no time. */
static void hostile_role(void **state)
{
    (void)state;
    json_auto_t *many = json_array();
    for (int i = 0; i < 10000; i++)
        json_array_append_new(many, json_sprintf("x%d", i));
    json_auto_t *role =
        json_pack("{s:{s:s, s:s}, s:[{s:O, s:O, s:O}]}", "metadata", "name", "r", "namespace",
                  "team", "rules", "verbs", many, "apiGroups", many, "resources", many);
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(user_clear) struct user user = {0};
    user_internal(&user, "viewer", false);
    int64_t before = clock_mono_ns();
    assert_false(rbac_check_escalation(cluster, &user, ROLES, role, &err));
    assert_true(clock_mono_ns() - before < INT64_C(5000000000));
    assert_int_equal(err.code, 403);
}

static void aggregation(void **state)
{
    (void)state;
    json_auto_t *role = world_yaml(
        "{metadata: {name: all}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {x: '1'}}, "
        "{matchExpressions: [{key: why, operator: Exists}]}]}}");
    json_auto_t *a = world_yaml(
        "{metadata: {name: b, labels: {x: '1'}}, rules: [{verbs: [b]}, {verbs: [same]}]}");
    json_auto_t *b = world_yaml(
        "{metadata: {name: a, labels: {why: ''}}, rules: [{verbs: [a]}, {verbs: [same]}]}");
    json_auto_t *c = world_yaml("{metadata: {name: c, labels: {x: '2'}}, rules: [{verbs: [c]}]}");
    json_auto_t *self =
        world_yaml("{metadata: {name: all, labels: {x: '1'}}, rules: [{verbs: [old]}]}");
    const json_t *roles[] = {a, b, c, self};
    json_auto_t *rules_now = rbac_aggregate(role, roles, ARRAY_LEN(roles));
    json_auto_t *expected = world_yaml("[{verbs: [a]}, {verbs: [same]}, {verbs: [b]}]");
    assert_true(json_equal(rules_now, expected));
    assert_null(rbac_aggregate(a, roles, ARRAY_LEN(roles)));
}

static void review(void **state)
{
    (void)state;
    CLEANUP(user_clear) struct user user = {0};
    make_user(&user, "viewer", "");
    json_auto_t *team = rbac_rules(cluster, &user, "team"),
                *other = rbac_rules(cluster, &user, "other");
    assert_true(json_array_size(json_at(team, "resourceRules")) >
                json_array_size(json_at(other, "resourceRules")));
    assert_true(json_array_size(json_at(team, "nonResourceRules")) > 0);
    assert_true(json_is_false(json_at(team, "incomplete")));
}

/* Threads decide while roles come and go: each answer is one that was true meanwhile, and what
 * never changes never errs. */
struct decider {
    atomic_bool stop;
    unsigned wrong;
};

static void *decide_steadily(void *arg)
{
    struct decider *decider = arg;
    CLEANUP(user_clear) struct user user = {0};
    make_user(&user, "viewer", "");
    const struct rbac_attributes attributes = {.user = &user,
                                               .verb = "list",
                                               .group = "",
                                               .resource = "pods",
                                               .subresource = "",
                                               .ns = "team",
                                               .name = ""};
    while (!atomic_load(&decider->stop))
        decider->wrong += rbac_authorize(cluster, &attributes, NULL) != RBAC_ALLOW;
    return NULL;
}

static void changes_under_load(void **state)
{
    enum { THREADS = 3, CHANGES = 40 };
    struct decider deciders[THREADS] = {0};
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, decide_steadily, &deciders[i]), 0);
    for (int i = 0; i < CHANGES; i++) {
        put(ROLES, "{metadata: {name: passing, namespace: team}, rules: [{verbs: [get], apiGroups: "
                   "[''], resources: [pods]}]}");
        world_remove(cluster, ROLES, "team", "passing");
    }
    for (int i = 0; i < THREADS; i++) {
        atomic_store(&deciders[i].stop, true);
        pthread_join(threads[i], NULL);
        assert_int_equal(deciders[i].wrong, 0);
    }
}

/* Printed, not judged: the machine is shared, and this build has sanitizers. */
static void speed(void **state)
{
    (void)state;
    const struct request ask = {
        .user = "system:serviceaccount:team:bot", .verb = "list", .resource = "pods", .ns = "team"};
    CLEANUP(user_clear) struct user user = {0};
    make_user(&user, ask.user, "");
    const struct rbac_attributes attributes = {.user = &user,
                                               .verb = "list",
                                               .group = "",
                                               .resource = "pods",
                                               .subresource = "",
                                               .ns = "team",
                                               .name = ""};
    assert_int_equal(decide(&ask), YES);
    int64_t before = clock_mono_ns();
    for (int i = 0; i < 20000; i++)
        assert_int_equal(rbac_authorize(cluster, &attributes, NULL), RBAC_ALLOW);
    printf("a decision: %lld ns\n", (long long)((clock_mono_ns() - before) / 20000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bootstrap_roles),
        cmocka_unit_test(aggregated_roles),
        cmocka_unit_test(rules),
        cmocka_unit_test(changes_at_once),
        cmocka_unit_test(other_tenants),
        cmocka_unit_test(nodes),
        cmocka_unit_test(nodes_by_selector),
        cmocka_unit_test(node_admission),
        cmocka_unit_test(messages),
        cmocka_unit_test(reasons),
        cmocka_unit_test(escalation),
        cmocka_unit_test(hostile_role),
        cmocka_unit_test(aggregation),
        cmocka_unit_test(review),
        cmocka_unit_test(changes_under_load),
        cmocka_unit_test(speed),
    };
    return cmocka_run_group_tests(tests, up, down);
}
