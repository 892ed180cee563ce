/* Pods: defaults, validation, updates by each endpoint. */
#include "tests/schema/support_kind.h"

#define POD(spec)                                                                                  \
    "{'metadata':{'name':'p','namespace':'n'},'spec':{'containers':[{'name':'c','image':'i'}]"     \
    "," spec "}}"
#define ONE(container) "{'metadata':{'name':'p'},'spec':{'containers':[" container "]}}"
#define C(rest)        "{'name':'c','image':'i'," rest "}"

static void test_defaults(void **state)
{
    /* clang-format off */
    static const struct default_case cases[] = {
        {"no tag", "pods", ONE("{'name':'c','image':'nginx'}"), "spec.containers.0.imagePullPolicy", "'Always'"},
        {"latest", "pods", ONE("{'name':'c','image':'r:5000/nginx:latest'}"), "spec.containers.0.imagePullPolicy", "'Always'"},
        {"a port is no tag", "pods", ONE("{'name':'c','image':'r:5000/nginx'}"), "spec.containers.0.imagePullPolicy", "'Always'"},
        {"a tag", "pods", ONE("{'name':'c','image':'nginx:1'}"), "spec.containers.0.imagePullPolicy", "'IfNotPresent'"},
        {"a digest", "pods", ONE("{'name':'c','image':'nginx@sha256:aa'}"), "spec.containers.0.imagePullPolicy", "'IfNotPresent'"},
        {"message path", "pods", ONE(C("'x':1")), "spec.containers.0.terminationMessagePath", "'/dev/termination-log'"},
        {"protocol", "pods", ONE(C("'ports':[{'containerPort':80}]")), "spec.containers.0.ports.0.protocol", "'TCP'"},
        {"requests from limits", "pods", ONE(C("'resources':{'limits':{'cpu':'1','memory':'1Gi'}}")),
         "spec.containers.0.resources.requests", "{'cpu':'1','memory':'1Gi'}"},
        {"amounts are rounded", "pods", ONE(C("'resources':{'requests':{'cpu':'0.0001'}}")),
         "spec.containers.0.resources.requests.cpu", "'1m'"},
        {"probe", "pods", ONE(C("'livenessProbe':{'httpGet':{'port':80}}")), "spec.containers.0.livenessProbe",
         "{'httpGet':{'port':80,'path':'/','scheme':'HTTP'},'timeoutSeconds':1,'periodSeconds':10,'successThreshold':1,'failureThreshold':3}"},
        {"restart policy", "pods", ONE(C("'x':1")), "spec.restartPolicy", "'Always'"},
        {"security context", "pods", ONE(C("'x':1")), "spec.securityContext", "{}"},
        {"grace", "pods", ONE(C("'x':1")), "spec.terminationGracePeriodSeconds", "30"},
        {"service links", "pods", ONE(C("'x':1")), "spec.enableServiceLinks", "true"},
        {"volume", "pods", POD("'volumes':[{'name':'v'}]"), "spec.volumes.0.emptyDir", "{}"},
        {"secret volume", "pods", POD("'volumes':[{'name':'v','secret':{'secretName':'s'}}]"), "spec.volumes.0.secret.defaultMode", "420"},
        {"token volume", "pods", POD("'volumes':[{'name':'v','projected':{'sources':[{'serviceAccountToken':{'path':'t'}}]}}]"),
         "spec.volumes.0.projected.sources.0.serviceAccountToken.expirationSeconds", "3600"},
        {"field ref", "pods", ONE(C("'env':[{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'metadata.name'}}}]")),
         "spec.containers.0.env.0.valueFrom.fieldRef.apiVersion", "'v1'"},
        {"host network", "pods", "{'spec':{'hostNetwork':true,'containers':[{'name':'c','ports':[{'containerPort':80}]}]}}",
         "spec.containers.0.ports.0.hostPort", "80"},
        {"account", "pods", POD("'serviceAccount':'sa'"), "spec.serviceAccountName", "'sa'"},
        {"pod ips", "pods", "{'spec':{},'status':{'podIP':'10.0.0.1'}}", "status.podIPs", "[{'ip':'10.0.0.1'}]"},
        {"no spec", "pods", "{}", "spec", "{'containers':null}"},
    };
    /* clang-format on */
    (void)state;
    kind_check_defaults(cases, ARRAY_LEN(cases));
}

static void test_validate(void **state)
{
    /* clang-format off */
    static const struct kind_case cases[] = {
        {"fine", "pods", ONE(C("'ports':[{'name':'http','containerPort':80}]")), NULL, NULL, ""},
        {"nothing", "pods", "{'spec':{}}", NULL, NULL, "spec.containers: Required value"},
        {"no name, no image", "pods", ONE("{}"), NULL, NULL,
         "spec.containers[0].name: Required value\nspec.containers[0].image: Required value"},
        {"same names", "pods", ONE(C("'x':1") "," C("'x':2")), NULL, NULL, "spec.containers[1].name: Duplicate value: 'c'"},
        {"a bad name", "pods", ONE("{'name':'C_','image':'i'}"), NULL, NULL,
         "spec.containers[0].name: Invalid value: 'C_': a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', a"},
        {"policy", "pods", ONE(C("'imagePullPolicy':'Often'")), NULL, NULL,
         "spec.containers[0].imagePullPolicy: Unsupported value: 'Often': supported values: 'Always', 'IfNotPresent', 'Never'"},
        {"restart policy", "pods", POD("'restartPolicy':'Maybe'"), NULL, NULL,
         "spec.restartPolicy: Unsupported value: 'Maybe': supported values: 'Always', 'OnFailure', 'Never'"},
        {"a port too high", "pods", ONE(C("'ports':[{'containerPort':70000}]")), NULL, NULL,
         "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"},
        {"no port", "pods", ONE(C("'ports':[{}]")), NULL, NULL, "spec.containers[0].ports[0].containerPort: Required value"},
        {"host ports twice", "pods", ONE(C("'ports':[{'containerPort':1,'hostPort':9},{'containerPort':2,'hostPort':9}]")), NULL, NULL,
         "spec.containers[0].ports[1].hostPort: Duplicate value: 'TCP//9'"},
        {"no such volume", "pods", ONE(C("'volumeMounts':[{'name':'v','mountPath':'/m'}]")), NULL, NULL,
         "spec.containers[0].volumeMounts[0].name: Not found: 'v'"},
        {"two sources", "pods", POD("'volumes':[{'name':'v','emptyDir':{},'hostPath':{'path':'/'}}]"), NULL, NULL,
         "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"},
        {"request over limit", "pods", ONE(C("'resources':{'limits':{'cpu':'1'},'requests':{'cpu':'2'}}")), NULL, NULL,
         "spec.containers[0].resources.requests: Invalid value: '2': must be less than or equal to cpu limit of 1"},
        {"a negative amount", "pods", ONE(C("'resources':{'requests':{'cpu':'-1'}}")), NULL, NULL,
         "spec.containers[0].resources.requests[cpu]: Invalid value: '-1': must be greater than or equal to 0"},
        {"an unknown resource", "pods", ONE(C("'resources':{'requests':{'frobs':'1'}}")), NULL, NULL,
         "spec.containers[0].resources.requests[frobs]: Invalid value: 'frobs': must be a standard resource type or fully qualified\n"
         "spec.containers[0].resources.requests[frobs]: Invalid value: 'frobs': must be a standard resource for containers"},
        {"two handlers", "pods", ONE(C("'livenessProbe':{'exec':{'command':['a']},'tcpSocket':{'port':1}}")), NULL, NULL,
         "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"},
        {"no handler", "pods", ONE(C("'readinessProbe':{}")), NULL, NULL,
         "spec.containers[0].readinessProbe: Required value: must specify a handler type"},
        {"an init container's probe", "pods", POD("'initContainers':[{'name':'i','image':'i','livenessProbe':{'exec':{'command':['a']}}}]"), NULL, NULL,
         "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always"},
        {"env twice sourced", "pods", ONE(C("'env':[{'name':'A','value':'x','valueFrom':{'configMapKeyRef':{'name':'m','key':'k'}}}]")), NULL, NULL,
         "spec.containers[0].env[0].valueFrom: Invalid value: '': may not be specified when `value` is not empty"},
        {"ephemeral on create", "pods", POD("'ephemeralContainers':[{'name':'e','image':'i'}]"), NULL, NULL,
         "spec.ephemeralContainers: Forbidden: cannot be set on create"},
        {"toleration", "pods", POD("'tolerations':[{'key':'k','operator':'Like'}]"), NULL, NULL,
         "spec.tolerations[0].operator: Unsupported value: 'Like': supported values: 'Equal', 'Exists'"},
        {"dns", "pods", POD("'dnsPolicy':'None'"), NULL, NULL, "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"},
        {"affinity", "pods", POD("'affinity':{'podAntiAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':[{}]}}"), NULL, NULL,
         "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty\n"
         "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: '': name part must be non-empty\n"
         "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: '': name part must consist of"},
        {"privilege", "pods", ONE(C("'securityContext':{'privileged':true,'allowPrivilegeEscalation':false}")), NULL, NULL,
         "spec.containers[0].securityContext: Invalid value: {'privileged':true,'allowPrivilegeEscalation':false}: cannot set `allow"},
        {"an image may change", "pods", ONE("{'name':'c','image':'j:1','imagePullPolicy':'Never'}"),
         ONE("{'name':'c','image':'i:1','imagePullPolicy':'Never'}"), "", ""},
        {"a name may not", "pods", ONE("{'name':'d','image':'i'}"), ONE("{'name':'c','image':'i'}"), "",
         "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].im"},
        {"nor a count", "pods", ONE(C("'x':1") ",{'name':'d','image':'i'}"), ONE("{'name':'c','image':'i'}"), "",
         "spec.containers: Forbidden: pod updates may not add or remove containers"},
        {"status ignores spec", "pods", ONE("{'name':'d'}"), ONE("{'name':'c','image':'i'}"), "status", ""},
        {"tolerations are added", "pods", POD("'tolerations':[{'key':'a','operator':'Exists'},{'key':'b','operator':'Exists'}]"),
         POD("'tolerations':[{'key':'a','operator':'Exists'}]"), "", ""},
        {"not removed", "pods", POD("'tolerations':[]"), POD("'tolerations':[{'key':'a','operator':'Exists'}]"), "",
         "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"},
    };
    /* clang-format on */
    (void)state;
    kind_check(cases, ARRAY_LEN(cases));
}

static void test_qos(void **state)
{
    static const struct {
        const char *resources, *qos;
    } cases[] = {
        {"{}", "BestEffort"},
        {"{'requests':{'cpu':'1'}}", "Burstable"},
        {"{'limits':{'cpu':'1','memory':'1Gi'}}", "Guaranteed"},
        {"{'limits':{'cpu':'1'}}", "Burstable"},
        {"{'limits':{'cpu':'1','memory':'1Gi'},'requests':{'cpu':'500m'}}", "Burstable"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_ptr)
        char *text = xasprintf(ONE("{'name':'c','image':'i','resources':%s}"), cases[i].resources);
        json_auto_t *pod = kind_json(text);
        const struct kind_rules *rules = kind_rules("pods");
        rules->set_defaults(pod);
        rules->prepare_create(pod);
        assert_string_equal(json_text(pod, "status", "qosClass"), cases[i].qos);
        assert_string_equal(json_text(pod, "status", "phase"), "Pending");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults),
                                       cmocka_unit_test(test_validate), cmocka_unit_test(test_qos)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
