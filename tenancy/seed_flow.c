/* What API priority and fairness starts with in each cluster. Its objects are there for clients to
 * read; requests are limited by cluster (apiserver/flow.c). */
#include "tenancy/tenancy_internal.h"

#include <assert.h>

#define FLOW_VERSION "flowcontrol.apiserver.k8s.io/v1"

static const char flow_schema[] = "FlowSchema", priority_level[] = "PriorityLevelConfiguration";

/* Source: a fresh cluster of Kubernetes 1.32. `spec` is YAML in flow style. */
static const struct {
    const char *kind, *name, *spec;
} rows[] = {
    {priority_level, "exempt",
     "{type: Exempt, exempt: {nominalConcurrencyShares: 0, lendablePercent: 0}}"},
    {priority_level, "catch-all",
     "{type: Limited, limited: {nominalConcurrencyShares: 5, lendablePercent: 0, "
     "limitResponse: {type: Reject}}}"},
    {priority_level, "system",
     "{type: Limited, limited: {nominalConcurrencyShares: 30, lendablePercent: 33, "
     "limitResponse: {type: Queue, queuing: {queues: 64, handSize: 6, queueLengthLimit: "
     "50}}}}"},
    {priority_level, "node-high",
     "{type: Limited, limited: {nominalConcurrencyShares: 40, lendablePercent: 25, "
     "limitResponse: {type: Queue, queuing: {queues: 64, handSize: 6, queueLengthLimit: "
     "50}}}}"},
    {priority_level, "leader-election",
     "{type: Limited, limited: {nominalConcurrencyShares: 10, lendablePercent: 0, "
     "limitResponse: {type: Queue, queuing: {queues: 16, handSize: 4, queueLengthLimit: "
     "50}}}}"},
    {priority_level, "workload-high",
     "{type: Limited, limited: {nominalConcurrencyShares: 40, lendablePercent: 50, "
     "limitResponse: {type: Queue, queuing: {queues: 128, handSize: 6, queueLengthLimit: "
     "50}}}}"},
    {priority_level, "workload-low",
     "{type: Limited, limited: {nominalConcurrencyShares: 100, lendablePercent: 90, "
     "limitResponse: {type: Queue, queuing: {queues: 128, handSize: 6, queueLengthLimit: "
     "50}}}}"},
    {priority_level, "global-default",
     "{type: Limited, limited: {nominalConcurrencyShares: 20, lendablePercent: 50, "
     "limitResponse: {type: Queue, queuing: {queues: 128, handSize: 6, queueLengthLimit: "
     "50}}}}"},
    {flow_schema, "exempt",
     "{priorityLevelConfiguration: {name: exempt}, matchingPrecedence: 1, rules: "
     "[{subjects: [{kind: Group, group: {name: 'system:masters'}}], resourceRules: "
     "[{verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: True, namespaces: "
     "['*']}], nonResourceRules: [{verbs: ['*'], nonResourceURLs: ['*']}]}]}"},
    {flow_schema, "catch-all",
     "{priorityLevelConfiguration: {name: catch-all}, matchingPrecedence: 10000, "
     "distinguisherMethod: {type: ByUser}, rules: [{subjects: [{kind: Group, group: "
     "{name: 'system:unauthenticated'}}, {kind: Group, group: {name: "
     "'system:authenticated'}}], resourceRules: [{verbs: ['*'], apiGroups: ['*'], "
     "resources: ['*'], clusterScope: True, namespaces: ['*']}], nonResourceRules: "
     "[{verbs: ['*'], nonResourceURLs: ['*']}]}]}"},
    {flow_schema, "probes",
     "{priorityLevelConfiguration: {name: exempt}, matchingPrecedence: 2, rules: "
     "[{subjects: [{kind: Group, group: {name: 'system:unauthenticated'}}, {kind: Group, "
     "group: {name: 'system:authenticated'}}], nonResourceRules: [{verbs: [get], "
     "nonResourceURLs: [/healthz, /readyz, /livez]}]}]}"},
    {flow_schema, "system-leader-election",
     "{priorityLevelConfiguration: {name: leader-election}, matchingPrecedence: 100, "
     "distinguisherMethod: {type: ByUser}, rules: [{subjects: [{kind: User, user: {name: "
     "'system:kube-controller-manager'}}, {kind: User, user: {name: "
     "'system:kube-scheduler'}}, {kind: ServiceAccount, serviceAccount: {namespace: "
     "kube-system, name: '*'}}], resourceRules: [{verbs: [get, create, update], "
     "apiGroups: [coordination.k8s.io], resources: [leases], namespaces: ['*']}]}]}"},
    {flow_schema, "endpoint-controller",
     "{priorityLevelConfiguration: {name: workload-high}, matchingPrecedence: 150, "
     "distinguisherMethod: {type: ByUser}, rules: [{subjects: [{kind: User, user: {name: "
     "'system:kube-controller-manager'}}, {kind: ServiceAccount, serviceAccount: "
     "{namespace: kube-system, name: endpoint-controller}}, {kind: ServiceAccount, "
     "serviceAccount: {namespace: kube-system, name: "
     "endpointslicemirroring-controller}}], resourceRules: [{verbs: [get, create, "
     "update], apiGroups: [''], resources: [endpoints], namespaces: ['*']}]}]}"},
    {flow_schema, "workload-leader-election",
     "{priorityLevelConfiguration: {name: leader-election}, matchingPrecedence: 200, "
     "distinguisherMethod: {type: ByUser}, rules: [{subjects: [{kind: ServiceAccount, "
     "serviceAccount: {namespace: kube-system, name: '*'}}], resourceRules: [{verbs: "
     "[get, create, update], apiGroups: [''], resources: [endpoints, configmaps], "
     "namespaces: ['*']}, {verbs: [get, create, update], apiGroups: "
     "[coordination.k8s.io], resources: [leases], namespaces: ['*']}]}]}"},
    {flow_schema, "system-node-high",
     "{priorityLevelConfiguration: {name: node-high}, matchingPrecedence: 400, "
     "distinguisherMethod: {type: ByUser}, rules: [{subjects: [{kind: Group, group: "
     "{name: 'system:nodes'}}], resourceRules: [{verbs: ['*'], apiGroups: [''], "
     "resources: [nodes, nodes/status], clusterScope: True, namespaces: ['*']}, {verbs: "
     "['*'], apiGroups: [coordination.k8s.io], resources: [leases], namespaces: ['*']}]}]}"},
    {flow_schema, "system-nodes",
     "{priorityLevelConfiguration: {name: system}, matchingPrecedence: 500, "
     "distinguisherMethod: {type: ByUser}, rules: [{subjects: [{kind: Group, group: "
     "{name: 'system:nodes'}}], resourceRules: [{verbs: ['*'], apiGroups: ['*'], "
     "resources: ['*'], clusterScope: True, namespaces: ['*']}], nonResourceRules: "
     "[{verbs: ['*'], nonResourceURLs: ['*']}]}]}"},
    {flow_schema, "kube-controller-manager",
     "{priorityLevelConfiguration: {name: workload-high}, matchingPrecedence: 800, "
     "distinguisherMethod: {type: ByNamespace}, rules: [{subjects: [{kind: User, user: "
     "{name: 'system:kube-controller-manager'}}], resourceRules: [{verbs: ['*'], "
     "apiGroups: ['*'], resources: ['*'], clusterScope: True, namespaces: ['*']}], "
     "nonResourceRules: [{verbs: ['*'], nonResourceURLs: ['*']}]}]}"},
    {flow_schema, "kube-scheduler",
     "{priorityLevelConfiguration: {name: workload-high}, matchingPrecedence: 800, "
     "distinguisherMethod: {type: ByNamespace}, rules: [{subjects: [{kind: User, user: "
     "{name: 'system:kube-scheduler'}}], resourceRules: [{verbs: ['*'], apiGroups: ['*'], "
     "resources: ['*'], clusterScope: True, namespaces: ['*']}], nonResourceRules: "
     "[{verbs: ['*'], nonResourceURLs: ['*']}]}]}"},
    {flow_schema, "kube-system-service-accounts",
     "{priorityLevelConfiguration: {name: workload-high}, matchingPrecedence: 900, "
     "distinguisherMethod: {type: ByNamespace}, rules: [{subjects: [{kind: "
     "ServiceAccount, serviceAccount: {namespace: kube-system, name: '*'}}], "
     "resourceRules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: "
     "True, namespaces: ['*']}], nonResourceRules: [{verbs: ['*'], nonResourceURLs: "
     "['*']}]}]}"},
    {flow_schema, "service-accounts",
     "{priorityLevelConfiguration: {name: workload-low}, matchingPrecedence: 9000, "
     "distinguisherMethod: {type: ByUser}, rules: [{subjects: [{kind: Group, group: "
     "{name: 'system:serviceaccounts'}}], resourceRules: [{verbs: ['*'], apiGroups: "
     "['*'], resources: ['*'], clusterScope: True, namespaces: ['*']}], nonResourceRules: "
     "[{verbs: ['*'], nonResourceURLs: ['*']}]}]}"},
    {flow_schema, "global-default",
     "{priorityLevelConfiguration: {name: global-default}, matchingPrecedence: 9900, "
     "distinguisherMethod: {type: ByUser}, rules: [{subjects: [{kind: Group, group: "
     "{name: 'system:unauthenticated'}}, {kind: Group, group: {name: "
     "'system:authenticated'}}], resourceRules: [{verbs: ['*'], apiGroups: ['*'], "
     "resources: ['*'], clusterScope: True, namespaces: ['*']}], nonResourceRules: "
     "[{verbs: ['*'], nonResourceURLs: ['*']}]}]}"},
};

size_t seed_flow_count(void)
{
    return ARRAY_LEN(rows);
}

const char *seed_flow_resource(size_t at)
{
    return rows[at].kind == flow_schema
               ? "flowschemas.flowcontrol.apiserver.k8s.io"
               : "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io";
}

/* What the controller of flow control finds: each schema's level is there. */
static json_t *found_level(const json_t *spec)
{
    const char *level = json_text(spec, "priorityLevelConfiguration", "name");
    CLEANUP(free_ptr)
    char *message = xasprintf("This FlowSchema references the PriorityLevelConfiguration object "
                              "named \"%s\" and it exists",
                              level);
    return json_pack("{s:[{s:s, s:s, s:n, s:s, s:s}]}", "conditions", "type", "Dangling", "status",
                     "False", "lastTransitionTime", "reason", "Found", "message", message);
}

json_t *seed_flow_object(size_t at)
{
    CLEANUP(error_clear) struct error err = {0};
    json_t *spec = yaml_parse(str_of(rows[at].spec), JSON_LOAD_STRICT, &err);
    assert(spec);
    json_t *status = rows[at].kind == flow_schema ? found_level(spec) : json_object();
    return json_pack("{s:s, s:s, s:{s:s, s:i, s:{s:s}}, s:o, s:o}", "kind", rows[at].kind,
                     "apiVersion", FLOW_VERSION, "metadata", "name", rows[at].name, "generation", 1,
                     "annotations", "apf.kubernetes.io/autoupdate-spec", "true", "spec", spec,
                     "status", status);
}
