/* The core group's kinds and RBAC's: defaults, strategies, checks and what updates may change. */
#include "tests/schema/support_kind.h"

#include <string.h>

static void test_defaults(void **state)
{
    /* clang-format off */
    static const struct default_case cases[] = {
        {"namespace label", "namespaces", "{'metadata':{'name':'n'}}", "metadata.labels", "{'kubernetes.io/metadata.name':'n'}"},
        {"namespace phase", "namespaces", "{'metadata':{'name':'n'}}", "status.phase", "'Active'"},
        {"stringData", "secrets", "{'stringData':{'a':'hi'},'data':{'b':'eA=='}}", "data", "{'b':'eA==','a':'aGk='}"},
        {"stringData goes", "secrets", "{'stringData':{'a':'hi'}}", "stringData", ""},
        {"stringData wins", "secrets", "{'stringData':{'a':'hi'},'data':{'a':'eA=='}}", "data.a", "'aGk='"},
        {"secret type", "secrets", "{}", "type", "'Opaque'"},
        {"service type", "services", "{'spec':{'ports':[{'port':80}]}}", "spec.type", "'ClusterIP'"},
        {"target port", "services", "{'spec':{'ports':[{'port':80}]}}", "spec.ports.0.targetPort", "80"},
        {"a given target port", "services", "{'spec':{'ports':[{'port':80,'targetPort':'http'}]}}", "spec.ports.0.targetPort", "'http'"},
        {"port protocol", "services", "{'spec':{'ports':[{'port':80}]}}", "spec.ports.0.protocol", "'TCP'"},
        {"affinity", "services", "{'spec':{}}", "spec.sessionAffinity", "'None'"},
        {"affinity timeout", "services", "{'spec':{'sessionAffinity':'ClientIP'}}", "spec.sessionAffinityConfig.clientIP.timeoutSeconds", "10800"},
        {"external policy", "services", "{'spec':{'type':'NodePort'}}", "spec.externalTrafficPolicy", "'Cluster'"},
        {"no external policy", "services", "{'spec':{}}", "spec.externalTrafficPolicy", ""},
        {"internal policy", "services", "{'spec':{}}", "spec.internalTrafficPolicy", "'Cluster'"},
        {"none for names", "services", "{'spec':{'type':'ExternalName'}}", "spec.internalTrafficPolicy", ""},
        {"node ports of balancers", "services", "{'spec':{'type':'LoadBalancer'}}", "spec.allocateLoadBalancerNodePorts", "true"},
        {"allocatable", "nodes", "{'status':{'capacity':{'cpu':'4'}}}", "status.allocatable", "{'cpu':'4'}"},
        {"claim mode", "persistentvolumeclaims", "{'spec':{}}", "spec.volumeMode", "'Filesystem'"},
        {"claim phase", "persistentvolumeclaims", "{'spec':{}}", "status.phase", "'Pending'"},
        {"range from max", "limitranges", "{'spec':{'limits':[{'type':'Container','max':{'cpu':'1'}}]}}", "spec.limits.0.default", "{'cpu':'1'}"},
        {"range request", "limitranges", "{'spec':{'limits':[{'type':'Container','max':{'cpu':'1'},'min':{'memory':'1Mi'}}]}}",
         "spec.limits.0.defaultRequest", "{'cpu':'1','memory':'1Mi'}"},
        {"endpoint protocol", "endpoints", "{'subsets':[{'ports':[{'port':1}]}]}", "subsets.0.ports.0.protocol", "'TCP'"},
        {"slice port name", "endpointslices.discovery.k8s.io", "{'ports':[{'port':1}]}", "ports.0.name", "''"},
        {"role ref", "rolebindings.rbac.authorization.k8s.io", "{'roleRef':{'kind':'Role'}}", "roleRef.apiGroup", "'rbac.authorization.k8s.io'"},
        {"subject", "rolebindings.rbac.authorization.k8s.io", "{'subjects':[{'kind':'User'}]}", "subjects.0.apiGroup", "'rbac.authorization.k8s.io'"},
        {"account", "rolebindings.rbac.authorization.k8s.io", "{'subjects':[{'kind':'ServiceAccount'}]}", "subjects.0.apiGroup", ""},
        {"deployment strategy", "deployments.apps", "{'spec':{}}", "spec.strategy",
         "{'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':'25%','maxSurge':'25%'}}"},
        {"recreate", "deployments.apps", "{'spec':{'strategy':{'type':'Recreate'}}}", "spec.strategy", "{'type':'Recreate'}"},
        {"replicas", "deployments.apps", "{'spec':{}}", "spec.replicas", "1"},
        {"zero replicas", "deployments.apps", "{'spec':{'replicas':0}}", "spec.replicas", "0"},
        {"history", "deployments.apps", "{'spec':{}}", "spec.revisionHistoryLimit", "10"},
        {"a template has no service links", "deployments.apps", "{'spec':{'template':{'spec':{}}}}", "spec.template.spec.enableServiceLinks", ""},
        {"a template has no requests", "deployments.apps",
         "{'spec':{'template':{'spec':{'containers':[{'name':'c','resources':{'limits':{'cpu':'1'}}}]}}}}",
         "spec.template.spec.containers.0.resources.requests", ""},
        {"template defaults", "replicasets.apps", "{'spec':{'template':{'spec':{}}}}", "spec.template.spec.restartPolicy", "'Always'"},
    };
    /* clang-format on */
    (void)state;
    kind_check_defaults(cases, ARRAY_LEN(cases));
}

#define SERVICE(spec) "{'metadata':{'name':'s'},'spec':{" spec "}}"
#define PORT          "'ports':[{'port':80}]"
#define DEPLOY(spec)                                                                               \
    "{'metadata':{'name':'d'},'spec':{'selector':{'matchLabels':{'a':'b'}},'template':{'metadata'" \
    ":{'labels':{'a':'b'}},"                                                                       \
    "'spec':{'containers':[{'name':'c','image':'i'}]}}" spec "}}"

static void test_services(void **state)
{
    /* clang-format off */
    static const struct kind_case cases[] = {
        {"fine", "services", SERVICE(PORT), NULL, NULL, ""},
        {"no ports", "services", SERVICE("'type':'ClusterIP'"), NULL, NULL, "spec.ports: Required value"},
        {"headless needs none", "services", SERVICE("'clusterIP':'None'"), NULL, NULL, ""},
        {"two ports without names", "services", SERVICE("'ports':[{'port':80},{'port':81,'name':'b'}]"), NULL, NULL, "spec.ports[0].name: Required value"},
        {"the same name", "services", SERVICE("'ports':[{'port':80,'name':'a'},{'port':81,'name':'a'}]"), NULL, NULL, "spec.ports[1].name: Duplicate value: 'a'"},
        {"the same port", "services", SERVICE("'ports':[{'port':80,'name':'a'},{'port':80,'name':'b'}]"), NULL, NULL,
         "spec.ports[1]: Duplicate value: core.ServicePort{Name:'', Protocol:'TCP', AppProtocol:(*string)(nil), Port:80,"},
        {"port 0", "services", SERVICE("'ports':[{'port':0}]"), NULL, NULL,
         "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive\nspec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive"},
        {"a type", "services", SERVICE(PORT ",'type':'Internal'"), NULL, NULL,
         "spec.type: Unsupported value: 'Internal': supported values: 'ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'"},
        {"a node port", "services", SERVICE("'ports':[{'port':80,'nodePort':30000}]"), NULL, NULL,
         "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"},
        {"no external name", "services", SERVICE("'type':'ExternalName'"), NULL, NULL, "spec.externalName: Required value"},
        {"an external name", "services", SERVICE("'type':'ExternalName','externalName':'a.b.'"), NULL, NULL, ""},
        {"an address", "services", SERVICE(PORT ",'clusterIP':'here'"), NULL, NULL, "spec.clusterIPs[0]: Invalid value: 'here': must be a valid IP address"},
        {"two addresses that differ", "services", SERVICE(PORT ",'clusterIP':'1.1.1.1','clusterIPs':['1.1.1.2']"), NULL, NULL,
         "spec.clusterIPs: Invalid value: []string{'1.1.1.2'}: first value must match `clusterIP`"},
        {"class without balancer", "services", SERVICE(PORT ",'loadBalancerClass':'a/b'"), NULL, NULL,
         "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"},
        {"a loopback", "services", SERVICE(PORT ",'externalIPs':['127.0.0.1']"), NULL, NULL,
         "spec.externalIPs[0]: Invalid value: '127.0.0.1': may not be in the loopback range (127.0.0.0/8, ::1/128)"},
        {"the address stays", "services", SERVICE(PORT), SERVICE(PORT ",'clusterIP':'10.96.0.5','clusterIPs':['10.96.0.5'],'ipFamilies':['IPv4']"), "", ""},
        {"and may not change", "services", SERVICE(PORT ",'clusterIP':'10.96.0.6'"), SERVICE(PORT ",'clusterIP':'10.96.0.5','clusterIPs':['10.96.0.5']"), "",
         "spec.clusterIPs[0]: Invalid value: []string{'10.96.0.6'}: may not change once set"},
        {"to a name it goes", "services", SERVICE("'type':'ExternalName','externalName':'a.b','clusterIP':'10.96.0.5','clusterIPs':['10.96.0.5']"),
         SERVICE(PORT ",'clusterIP':'10.96.0.5','clusterIPs':['10.96.0.5']"), "", ""},
        {"node ports go with the type", "services", SERVICE("'ports':[{'port':80,'nodePort':30080}]"),
         SERVICE("'type':'NodePort','ports':[{'port':80,'nodePort':30080}]"), "", ""},
    };
    /* clang-format on */
    (void)state;
    kind_check(cases, ARRAY_LEN(cases));
}

static void test_validate(void **state)
{
    /* clang-format off */
    static const struct kind_case cases[] = {
        {"a key", "configmaps", "{'data':{'a b':'1'}}", NULL, NULL, "data[a b]: Invalid value: 'a b': a valid config key must consist of"},
        {"two dots", "configmaps", "{'data':{'..a':'1'}}", NULL, NULL, "data[..a]: Invalid value: '..a': must not start with '..'"},
        {"in both", "configmaps", "{'data':{'a':'1'},'binaryData':{'a':'eA=='}}", NULL, NULL,
         "data[a]: Invalid value: 'a': duplicate of key present in binaryData"},
        {"frozen", "configmaps", "{'immutable':true,'data':{'a':'2'}}", "{'immutable':true,'data':{'a':'1'}}", "",
         "data: Forbidden: field is immutable when `immutable` is set"},
        {"thawed", "configmaps", "{'data':{'a':'1'}}", "{'immutable':true,'data':{'a':'1'}}", "",
         "immutable: Forbidden: field is immutable when `immutable` is set"},
        {"tls without its key", "secrets", "{'type':'kubernetes.io/tls','data':{'tls.crt':''}}", NULL, NULL, "data[tls.key]: Required value"},
        {"basic auth", "secrets", "{'type':'kubernetes.io/basic-auth','data':{'password':''}}", NULL, NULL, ""},
        {"basic auth without", "secrets", "{'type':'kubernetes.io/basic-auth'}", NULL, NULL, "data[username]: Required value\ndata[password]: Required value"},
        {"docker config", "secrets", "{'type':'kubernetes.io/dockerconfigjson','data':{'.dockerconfigjson':'e30='}}", NULL, NULL, ""},
        {"no docker config", "secrets", "{'type':'kubernetes.io/dockerconfigjson','data':{'.dockerconfigjson':'eA=='}}", NULL, NULL,
         "data[.dockerconfigjson]: Invalid value: '<secret contents redacted>': "},
        {"a token's account", "secrets", "{'type':'kubernetes.io/service-account-token'}", NULL, NULL,
         "metadata.annotations[kubernetes.io/service-account.name]: Required value"},
        {"the type stays", "secrets", "{'type':'b'}", "{'type':'a'}", "", "type: Invalid value: 'b': field is immutable"},
        {"no addresses", "endpoints", "{'subsets':[{}]}", NULL, NULL, "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"},
        {"a bad address", "endpoints", "{'subsets':[{'addresses':[{'ip':'x'}]}]}", NULL, NULL, "subsets[0].addresses[0].ip: Invalid value: 'x': must be a valid IP address, (e.g.\nsubsets[0].addresses[0].ip: Invalid value: 'x': must be a valid IP address"},
        {"a link-local address", "endpoints", "{'subsets':[{'addresses':[{'ip':'169.254.169.254'}]}]}", NULL, NULL,
         "subsets[0].addresses[0].ip: Invalid value: '169.254.169.254': may not be in the link-local range (169.254.0.0/16, fe80::/10)"},
        {"no type of address", "endpointslices.discovery.k8s.io", "{}", NULL, NULL, "addressType: Required value"},
        {"an IPv6 among IPv4", "endpointslices.discovery.k8s.io", "{'addressType':'IPv4','endpoints':[{'addresses':['::2']}]}", NULL, NULL,
         "endpoints[0].addresses[0]: Invalid value: '::2': must be a valid IPv4 address"},
        {"the type is fixed", "endpointslices.discovery.k8s.io", "{'addressType':'IPv6'}", "{'addressType':'IPv4'}", "", "addressType: Invalid value: 'IPv6': field is immutable"},
        {"a taint", "nodes", "{'spec':{'taints':[{'key':'a','effect':'Never'}]}}", NULL, NULL,
         "metadata.taints[0].effect: Unsupported value: 'Never': supported values: 'NoSchedule', 'PreferNoSchedule', 'NoExecute'"},
        {"a Pod range stays", "nodes", "{'spec':{'podCIDRs':['10.0.1.0/24']}}", "{'spec':{'podCIDRs':['10.0.0.0/24']}}", "",
         "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from '' to valid"},
        {"a lease", "leases.coordination.k8s.io", "{'spec':{'leaseDurationSeconds':0}}", NULL, NULL, "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"},
        {"an event elsewhere", "events", "{'metadata':{'namespace':'a'},'involvedObject':{'namespace':'b'}}", NULL, NULL,
         "involvedObject.namespace: Invalid value: 'b': does not match event.namespace"},
        {"an event of the cluster", "events", "{'metadata':{'namespace':'default'},'involvedObject':{}}", NULL, NULL, ""},
        {"a new event", "events", "{'metadata':{'namespace':'default'},'involvedObject':{},'eventTime':'t'}", NULL, NULL,
         "reportingController: Required value\nreportingController: Invalid value: '': name part must be non-empty\n"
         "reportingController: Invalid value: '': name part must consist of\nreportingInstance: Required value\naction: Required value\nreason: Required value"},
        {"a quota", "resourcequotas", "{'spec':{'hard':{'frobs':'1'}}}", NULL, NULL, "spec.hard[frobs]: Invalid value: 'frobs': must be a standard resource type or fully qualified\nspec.hard[frobs]: Invalid value: 'frobs': must be a standard resource for quota"},
        {"half a Pod", "resourcequotas", "{'spec':{'hard':{'pods':'500m'}}}", NULL, NULL, "spec.hard[pods]: Invalid value: 500m: must be an integer"},
        {"scopes", "resourcequotas", "{'spec':{'scopes':['BestEffort','NotBestEffort'],'hard':{'pods':'1'}}}", NULL, NULL,
         "spec.scopes: Invalid value: []core.ResourceQuotaScope{'BestEffort', 'NotBestEffort'}: conflicting scopes"},
        {"a range", "limitranges", "{'spec':{'limits':[{'type':'Container','min':{'cpu':'2'},'max':{'cpu':'1'}}]}}", NULL, NULL,
         "spec.limits[0].min[cpu]: Invalid value: 2: min value 2 is greater than max value 1\n"
         "spec.limits[0].defaultRequest[cpu]: Invalid value: 1: min value 2 is greater than default request value 1\n"
         "spec.limits[0].default[cpu]: Invalid value: 2: min value 2 is greater than default value 1"},
        {"defaults of a Pod", "limitranges", "{'spec':{'limits':[{'type':'Pod','default':{'cpu':'2'}}]}}", NULL, NULL,
         "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"},
        {"a claim", "persistentvolumeclaims", "{'spec':{}}", NULL, NULL,
         "spec.accessModes: Required value: at least 1 access mode is required\nspec.resources[storage]: Required value"},
        {"a claim is fixed", "persistentvolumeclaims", "{'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'2Gi'}}}}",
         "{'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}}}", "", "spec: Forbidden: spec is immutable after creation except"},
        {"a bound claim grows", "persistentvolumeclaims", "{'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'2Gi'}}}}",
         "{'status':{'phase':'Bound'},'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}}}", "", ""},
        {"a role", "roles.rbac.authorization.k8s.io", "{'rules':[{'apiGroups':[''],'resources':['pods']}]}", NULL, NULL,
         "rules[0].verbs: Required value: verbs must contain at least one value"},
        {"urls in a namespace", "roles.rbac.authorization.k8s.io", "{'rules':[{'verbs':['get'],'nonResourceURLs':['/x']}]}", NULL, NULL,
         "rules[0].nonResourceURLs: Invalid value: ['/x']: namespaced rules cannot apply to non-resource URLs"},
        {"a binding's role is fixed", "rolebindings.rbac.authorization.k8s.io", "{'roleRef':{'kind':'Role','name':'b'}}", "{'roleRef':{'kind':'Role','name':'a'}}", "",
         "roleRef: Invalid value: rbac.RoleRef{APIGroup:'rbac.authorization.k8s.io', Kind:'Role', Name:'b'}: cannot change roleRef"},
        {"an account without a namespace", "clusterrolebindings.rbac.authorization.k8s.io",
         "{'roleRef':{'kind':'ClusterRole','name':'b'},'subjects':[{'kind':'ServiceAccount','name':'s'}]}", NULL, NULL, "subjects[0].namespace: Required value"},
        {"phases", "namespaces", "{'status':{'phase':'Terminating'}}", "{}", "status", "status.Phase: Invalid value: 'Terminating': may only be 'Active' if `deletionTimestamp` is empty"},
    };
    /* clang-format on */
    (void)state;
    kind_check(cases, ARRAY_LEN(cases));
}

static void test_deployments(void **state)
{
    static const struct kind_case cases[] = {
        {"fine", "deployments.apps", DEPLOY(""), NULL, NULL, ""},
        {"nothing", "deployments.apps", "{'spec':{}}", NULL, NULL,
         "spec.selector: Required value\nspec.template.metadata.labels: Invalid value: "
         "map[string]string(nil): "
         "`selector` does not match template `labels`\nspec.template.spec.containers: Required "
         "value"},
        {"an empty selector", "deployments.apps",
         "{'spec':{'selector':{},'template':{'spec':{'containers':[{'name':'c','image':'i'}]}}}}",
         NULL, NULL,
         "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string(nil), "
         "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: empty selector is invalid for "
         "deployment"},
        {"other labels", "deployments.apps",
         "{'spec':{'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'c'}}"
         ",'spec':{'containers':[{'name':'c','image':'i'}]}}}}",
         NULL, NULL,
         "spec.template.metadata.labels: Invalid value: map[string]string{'a':'c'}: `selector` "
         "does not match template `labels`"},
        {"no containers", "deployments.apps",
         "{'spec':{'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}}"
         ",'spec':{}}}}",
         NULL, NULL, "spec.template.spec.containers: Required value"},
        {"fewer than none", "deployments.apps", DEPLOY(",'replicas':-1"), NULL, NULL,
         "spec.replicas: Invalid value: -1: must be greater than or equal to 0"},
        {"neither surge nor gap", "deployments.apps",
         DEPLOY(",'strategy':{'rollingUpdate':{'maxSurge':0,'maxUnavailable':'0%'}}"), NULL, NULL,
         "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString{Type:1, "
         "IntVal:0, StrVal:'0%'}: may not be 0 when `maxSurge` is 0"},
        {"recreate and rolling", "deployments.apps",
         DEPLOY(",'strategy':{'type':'Recreate','rollingUpdate':{}}"), NULL, NULL,
         "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is "
         "'Recreate'"},
        {"too much", "deployments.apps",
         DEPLOY(",'strategy':{'rollingUpdate':{'maxUnavailable':'101%'}}"), NULL, NULL,
         "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString{Type:1, "
         "IntVal:0, StrVal:'101%'}: must not be greater than 100%"},
        {"a deadline", "deployments.apps",
         DEPLOY(",'progressDeadlineSeconds':5,'minReadySeconds':5"), NULL, NULL,
         "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds"},
        {"the selector is fixed", "deployments.apps",
         "{'spec':{'selector':{'matchLabels':{'a':'c'}},'template':{'metadata':{'labels':{'a':'c'}}"
         ",'spec':{'containers':[{'name':'c','image':'i'}]}}}}",
         DEPLOY(""), "",
         "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{'a':'c'}, "
         "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable"},
        {"status counts", "deployments.apps", "{'status':{'replicas':1,'readyReplicas':2}}",
         DEPLOY(""), "status",
         "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas"},
        {"restart never", "replicasets.apps",
         "{'spec':{'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}}"
         ",'spec':{'restartPolicy':'Never','containers':[{'name':'c','image':'i'}]}}}}",
         NULL, NULL,
         "spec.template.spec.restartPolicy: Unsupported value: 'Never': supported values: "
         "'Always'"},
    };
    (void)state;
    kind_check(cases, ARRAY_LEN(cases));
}

/* What an update by an endpoint leaves, at a path. */
static void test_strategies(void **state)
{
    static const struct {
        const char *name, *resource, *object, *old, *subresource, *member, *left;
        /* clang-format off */
    } cases[] = {
        {"spec updates keep status", "deployments.apps", "{'spec':{'replicas':2},'status':{'replicas':9}}", "{'spec':{'replicas':1},'status':{'replicas':1}}", "", "status", "{'replicas':1}"},
        {"status updates keep spec", "deployments.apps", "{'spec':{'replicas':2},'status':{'replicas':9}}", "{'spec':{'replicas':1},'status':{'replicas':1}}", "status", "spec", "{'replicas':1}"},
        {"a namespace's finalizers stay", "namespaces", "{'spec':{}}", "{'spec':{'finalizers':['kubernetes']}}", "", "spec", "{'finalizers':['kubernetes']}"},
        {"but for finalize", "namespaces", "{'spec':{}}", "{'spec':{'finalizers':['kubernetes']}}", "finalize", "spec", "{}"},
        {"a Service keeps its address", "services", "{'spec':{'type':'ClusterIP'}}", "{'spec':{'type':'ClusterIP','clusterIP':'1.1.1.1','clusterIPs':['1.1.1.1']}}", "", "spec",
         "{'type':'ClusterIP','clusterIP':'1.1.1.1','clusterIPs':['1.1.1.1']}"},
        {"and its node ports", "services", "{'spec':{'type':'NodePort','ports':[{'port':80,'protocol':'TCP'}]}}",
         "{'spec':{'type':'NodePort','ports':[{'port':80,'protocol':'TCP','nodePort':30080}]}}", "", "spec", "{'type':'NodePort','ports':[{'port':80,'protocol':'TCP','nodePort':30080}]}"},
        {"which go with the type", "services", "{'spec':{'type':'ClusterIP','ports':[{'port':80,'nodePort':30080}]}}",
         "{'spec':{'type':'NodePort','ports':[{'port':80,'nodePort':30080}]}}", "", "spec", "{'type':'ClusterIP','ports':[{'port':80}]}"},
        {"an approval decides", "certificatesigningrequests.certificates.k8s.io", "{'spec':{'x':1},'status':{'certificate':'c','conditions':[{'type':'Approved'}]}}", "{'spec':{'y':1}}", "approval",
         "status", "{'conditions':[{'type':'Approved'}]}"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_auto_t *object = kind_json(cases[i].object), *old = kind_json(cases[i].old),
                    *want = kind_json(cases[i].left);
        kind_rules(cases[i].resource)->prepare_update(object, old, cases[i].subresource);
        json_t *got = json_object_get(object, cases[i].member);
        if (!json_equal(got, want))
            fail_msg("%s: %s", cases[i].name, json_dumps(got, JSON_ENCODE_ANY));
    }
}

static void test_generations(void **state)
{
    const struct kind_rules *rules = kind_rules("deployments.apps");
    json_auto_t *old =
        kind_json("{'metadata':{'generation':3,'annotations':{'a':'1'}},'spec':{'replicas':1}}");
    static const struct {
        const char *object, *subresource;
        int want;
    } cases[] = {
        {"{'metadata':{'annotations':{'a':'1'}},'spec':{'replicas':1}}", "", 3},
        {"{'metadata':{'annotations':{'a':'1'}},'spec':{'replicas':2}}", "", 4},
        {"{'metadata':{'annotations':{'a':'2'}},'spec':{'replicas':1}}", "", 4},
        {"{'metadata':{'annotations':{'a':'2'}},'spec':{'replicas':1}}", "status", 3},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_auto_t *object = kind_json(cases[i].object);
        rules->prepare_update(object, old, cases[i].subresource);
        assert_int_equal(json_integer_value(json_at(object, "metadata", "generation")),
                         cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),   cmocka_unit_test(test_services),
        cmocka_unit_test(test_validate),   cmocka_unit_test(test_deployments),
        cmocka_unit_test(test_strategies), cmocka_unit_test(test_generations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
