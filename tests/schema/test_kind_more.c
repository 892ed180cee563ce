/* Workloads, batch, networking, policy, storage, admission and the rest: defaults and checks. */
#include "tests/schema/support_kind.h"

#include <string.h>

#include "schema/kinds/job.h"

#define POD_TEMPLATE(policy)                                                                       \
    "'template':{'metadata':{'labels':{'a':'b'}},'spec':{'restartPolicy':'" policy                 \
    "','containers':[{'name':'c','image':'i'}]}}"
#define SELECTOR  "'selector':{'matchLabels':{'a':'b'}},"
#define SET(rest) "{'metadata':{'name':'s'},'spec':{" SELECTOR POD_TEMPLATE("Always") rest "}}"
#define JOB(rest) "{'metadata':{'name':'j','uid':'u'},'spec':{" POD_TEMPLATE("Never") rest "}}"
#define CRON(rest)                                                                                 \
    "{'metadata':{'name':'j'},'spec':{'schedule':'*/5 * * * "                                      \
    "*','jobTemplate':{'spec':{" POD_TEMPLATE("Never") "}}" rest "}}"
#define INGRESS(path) "{'spec':{'rules':[{'host':'a.b','http':{'paths':[" path "]}}]}}"
#define BACKEND       "'backend':{'service':{'name':'s','port':{'number':80}}}"
#define POLICY(rest)  "{'spec':{'podSelector':{}," rest "}}"
#define HOOK(rest)                                                                                 \
    "{'webhooks':[{'name':'a.b.c','sideEffects':'None','admissionReviewVersions':['v1'],'"         \
    "clientConfig':{'url':'https://h'}" rest "}]}"
#define RULE(rest)                                                                                 \
    "'rules':[{'operations':['CREATE'],'apiGroups':[''],'apiVersions':['v1'],'resources':['pods'"  \
    "]" rest "}]"
#define CSRS          "certificatesigningrequests.certificates.k8s.io"
#define DECIDED(type) "{'status':{'conditions':[{'type':'" type "','status':'True'}]}}"
#define HPA(rest)                                                                                  \
    "{'spec':{'scaleTargetRef':{'kind':'Deployment','name':'d'},'maxReplicas':3" rest "}}"

static void test_defaults(void **state)
{
    /* clang-format off */
    static const struct default_case cases[] = {
        {"stateful set", "statefulsets.apps", "{'spec':{}}", "spec.updateStrategy", "{'type':'RollingUpdate','rollingUpdate':{'partition':0}}"},
        {"management", "statefulsets.apps", "{'spec':{}}", "spec.podManagementPolicy", "'OrderedReady'"},
        {"retention", "statefulsets.apps", "{'spec':{}}", "spec.persistentVolumeClaimRetentionPolicy", "{'whenDeleted':'Retain','whenScaled':'Retain'}"},
        {"claims", "statefulsets.apps", "{'spec':{'volumeClaimTemplates':[{'spec':{}}]}}", "spec.volumeClaimTemplates.0.spec.volumeMode", "'Filesystem'"},
        {"daemon set", "daemonsets.apps", "{'spec':{}}", "spec.updateStrategy", "{'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':1,'maxSurge':0}}"},
        {"controller", "replicationcontrollers", "{'spec':{'template':{'metadata':{'labels':{'a':'b'}}}}}", "spec.selector", "{'a':'b'}"},
        {"job", "jobs.batch", "{'spec':{}}", "spec.completions", "1"},
        {"job with parallelism", "jobs.batch", "{'spec':{'parallelism':2}}", "spec.completions", ""},
        {"back-off", "jobs.batch", "{'spec':{}}", "spec.backoffLimit", "6"},
        {"back-off by index", "jobs.batch", "{'spec':{'backoffLimitPerIndex':1}}", "spec.backoffLimit", "2147483647"},
        {"replacement", "jobs.batch", "{'spec':{'podFailurePolicy':{}}}", "spec.podReplacementPolicy", "'Failed'"},
        {"cron job", "cronjobs.batch", "{'spec':{}}", "spec.successfulJobsHistoryLimit", "3"},
        {"a cron job's job", "cronjobs.batch", "{'spec':{'jobTemplate':{'spec':{}}}}", "spec.jobTemplate.spec.completionMode", "'NonIndexed'"},
        {"autoscaler", "horizontalpodautoscalers.autoscaling", "{'spec':{}}", "spec.metrics",
         "[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization','averageUtilization':80}}}]"},
        {"policy types", "networkpolicies.networking.k8s.io", "{'spec':{}}", "spec.policyTypes", "['Ingress']"},
        {"both types", "networkpolicies.networking.k8s.io", "{'spec':{'egress':[{}]}}", "spec.policyTypes", "['Ingress','Egress']"},
        {"priority", "priorityclasses.scheduling.k8s.io", "{}", "preemptionPolicy", "'PreemptLowerPriority'"},
        {"storage class", "storageclasses.storage.k8s.io", "{}", "volumeBindingMode", "'Immediate'"},
        {"volume", "persistentvolumes", "{'spec':{}}", "spec.persistentVolumeReclaimPolicy", "'Retain'"},
        {"driver", "csidrivers.storage.k8s.io", "{'spec':{}}", "spec.volumeLifecycleModes", "['Persistent']"},
        {"webhook", "mutatingwebhookconfigurations.admissionregistration.k8s.io", "{'webhooks':[{}]}", "webhooks.0.reinvocationPolicy", "'Never'"},
        {"webhook's time", "validatingwebhookconfigurations.admissionregistration.k8s.io", "{'webhooks':[{}]}", "webhooks.0.timeoutSeconds", "10"},
        {"scope", "validatingwebhookconfigurations.admissionregistration.k8s.io", "{'webhooks':[{'rules':[{}]}]}", "webhooks.0.rules.0.scope", "'*'"},
        {"flow", "flowschemas.flowcontrol.apiserver.k8s.io", "{'spec':{}}", "spec.matchingPrecedence", "1000"},
        {"level", "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io", "{'spec':{'limited':{}}}", "spec.limited.nominalConcurrencyShares", "30"},
        {"definition", "customresourcedefinitions.apiextensions.k8s.io", "{'spec':{'names':{'kind':'Foo'}}}", "spec.names", "{'kind':'Foo','singular':'foo','listKind':'FooList','plural':''}"},
    };
    /* clang-format on */
    (void)state;
    kind_check_defaults(cases, ARRAY_LEN(cases));
}

static void test_workloads(void **state)
{
    /* clang-format off */
    static const struct kind_case cases[] = {
        {"a stateful set", "statefulsets.apps", SET(""), NULL, NULL, ""},
        {"on delete and rolling", "statefulsets.apps", SET(",'updateStrategy':{'type':'OnDelete','rollingUpdate':{}}"), NULL, NULL,
         "spec.updateStrategy.rollingUpdate: Invalid value: {}: only allowed for updateStrategy 'RollingUpdate'"},
        {"its service name is fixed", "statefulsets.apps", SET(",'serviceName':'b'"), SET(",'serviceName':'a'"), "",
         "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template',"},
        {"its replicas are not", "statefulsets.apps", SET(",'replicas':4"), SET(",'replicas':1"), "", ""},
        {"a daemon set", "daemonsets.apps", SET(""), NULL, NULL, ""},
        {"surge and gap", "daemonsets.apps", SET(",'updateStrategy':{'rollingUpdate':{'maxSurge':1}}"), NULL, NULL,
         "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: intstr.IntOrString{Type:0, IntVal:1, StrVal:''}: may not be set when maxUnavailable is non-zero"},
        {"a controller", "replicationcontrollers", "{'spec':{" POD_TEMPLATE("Always") "}}", NULL, NULL, ""},
        {"a job", "jobs.batch", JOB(""), NULL, NULL, ""},
        {"an eager job", "jobs.batch", "{'metadata':{'name':'j','uid':'u'},'spec':{" POD_TEMPLATE("Always") "}}", NULL, NULL,
         "spec.template.spec.restartPolicy: Required value: valid values: 'OnFailure', 'Never'"},
        {"indexed without completions", "jobs.batch", JOB(",'completionMode':'Indexed','parallelism':1"), NULL, NULL,
         "spec.completions: Required value: when completion mode is Indexed"},
        {"a failure rule", "jobs.batch", JOB(",'podFailurePolicy':{'rules':[{'action':'Ignore','onExitCodes':{'operator':'In','values':[0]}}]}"), NULL, NULL,
         "spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator"},
        {"a cron job", "cronjobs.batch", CRON(""), NULL, NULL, ""},
        {"a schedule", "cronjobs.batch", CRON(",'timeZone':'Mars/Olympus'"), NULL, NULL, "spec.timeZone: Invalid value: 'Mars/Olympus': unknown time zone Mars/Olympus"},
        {"concurrency", "cronjobs.batch", CRON(",'concurrencyPolicy':'Maybe'"), NULL, NULL,
         "spec.concurrencyPolicy: Unsupported value: 'Maybe': supported values: 'Allow', 'Forbid', 'Replace'"},
    };
    /* clang-format on */
    (void)state;
    kind_check(cases, ARRAY_LEN(cases));
}

static void test_job_selector(void **state)
{
    json_auto_t *job = kind_json(JOB(""));
    const struct kind_rules *rules = kind_rules("jobs.batch");
    (void)state;
    rules->set_defaults(job);
    rules->prepare_create(job);
    assert_string_equal(
        json_text(job, "spec", "selector", "matchLabels", "batch.kubernetes.io/controller-uid"),
        "u");
    assert_string_equal(json_text(job, "spec", "template", "metadata", "labels", "job-name"), "j");
    assert_string_equal(json_text(job, "spec", "template", "metadata", "labels", "controller-uid"),
                        "u");
}

static void test_cron(void **state)
{
    static const struct {
        const char *schedule, *wrong; /* NULL: fine */
    } cases[] = {
        {"* * * * *", NULL},
        {"0 05 1,15 * *", NULL},
        {"*/10 0-5 * jan-mar mon", NULL},
        {"@hourly", NULL},
        {"@every 1h30m", NULL},
        {"  0 0 * * 0 ", NULL},
        {"? ? ? ? ?", NULL},
        {"5/15 * * * *", NULL},
        {"* * * *", "expected exactly 5 fields, found 4: [* * * *]"},
        {"* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]"},
        {"60 * * * *", "end of range (60) above maximum (59): 60"},
        {"* * 0 * *", "beginning of range (0) below minimum (1): 0"},
        {"5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"},
        {"*/0 * * * *", "step of range should be a positive number: */0"},
        {"a * * * *", "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax"},
        {"@often", "unrecognized descriptor: @often"},
        {"", "expected exactly 5 fields, found 0: []"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_ptr) char *wrong = cron_check(cases[i].schedule);
        if (!text_eq(wrong, cases[i].wrong))
            fail_msg("\"%s\": %s", cases[i].schedule, wrong ? wrong : "fine");
    }
}

static void test_network(void **state)
{
    /* clang-format off */
    static const struct kind_case cases[] = {
        {"an ingress", "ingresses.networking.k8s.io", INGRESS("{'path':'/','pathType':'Prefix'," BACKEND "}"), NULL, NULL, ""},
        {"no type", "ingresses.networking.k8s.io", INGRESS("{'path':'/'," BACKEND "}"), NULL, NULL, "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"},
        {"a relative path", "ingresses.networking.k8s.io", INGRESS("{'path':'a','pathType':'Exact'," BACKEND "}"), NULL, NULL,
         "spec.rules[0].http.paths[0].path: Invalid value: 'a': must be an absolute path"},
        {"two slashes", "ingresses.networking.k8s.io", INGRESS("{'path':'/a//b','pathType':'Exact'," BACKEND "}"), NULL, NULL,
         "spec.rules[0].http.paths[0].path: Invalid value: '/a//b': must not contain '//'"},
        {"no backend", "ingresses.networking.k8s.io", INGRESS("{'path':'/','pathType':'Exact'}"), NULL, NULL, "spec.rules[0].http.paths[0].backend: Invalid value: '': resource or service backend is required"},
        {"nothing", "ingresses.networking.k8s.io", "{'spec':{}}", NULL, NULL, "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"},
        {"an address for a host", "ingresses.networking.k8s.io", "{'spec':{'rules':[{'host':'1.2.3.4'}]}}", NULL, NULL,
         "spec.rules[0].host: Invalid value: '1.2.3.4': must be a DNS name, not an IP address"},
        {"a policy", "networkpolicies.networking.k8s.io", POLICY("'ingress':[{'from':[{'podSelector':{}}],'ports':[{'port':80}]}]"), NULL, NULL, ""},
        {"an empty peer", "networkpolicies.networking.k8s.io", POLICY("'ingress':[{'from':[{}]}]"), NULL, NULL, "spec.ingress[0].from[0]: Required value: must specify a peer"},
        {"a block and a selector", "networkpolicies.networking.k8s.io", POLICY("'egress':[{'to':[{'ipBlock':{'cidr':'10.0.0.0/8'},'podSelector':{}}]}]"), NULL, NULL,
         "spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer"},
        {"an exception outside", "networkpolicies.networking.k8s.io", POLICY("'egress':[{'to':[{'ipBlock':{'cidr':'10.0.0.0/8','except':['11.0.0.0/16']}}]}]"), NULL, NULL,
         "spec.egress[0].to[0].ipBlock.except[0]: Invalid value: '11.0.0.0/16': must be a strict subset of `cidr`"},
        {"an end before the start", "networkpolicies.networking.k8s.io", POLICY("'egress':[{'ports':[{'port':80,'endPort':79}]}]"), NULL, NULL,
         "spec.egress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`"},
        {"a class", "ingressclasses.networking.k8s.io", "{'spec':{'controller':'nginx'}}", NULL, NULL, "spec.controller: Invalid value: 'nginx': must be a domain-prefixed path (such as 'acme.io/foo')"},
    };
    /* clang-format on */
    (void)state;
    kind_check(cases, ARRAY_LEN(cases));
}

static void test_rest(void **state)
{
    /* clang-format off */
    static const struct kind_case cases[] = {
        {"an autoscaler", "horizontalpodautoscalers.autoscaling", HPA(""), NULL, NULL, ""},
        {"min over max", "horizontalpodautoscalers.autoscaling", HPA(",'minReplicas':5"), NULL, NULL,
         "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"},
        {"no target", "horizontalpodautoscalers.autoscaling", HPA(",'metrics':[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization'}}}]"), NULL, NULL,
         "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization"},
        {"a budget", "poddisruptionbudgets.policy", "{'spec':{'minAvailable':1}}", NULL, NULL, ""},
        {"both", "poddisruptionbudgets.policy", "{'spec':{'minAvailable':1,'maxUnavailable':1}}", NULL, NULL, "spec: Invalid value: {'minAvailable':1,'maxUnavailable':1}: minAvailable and maxUnavailable cannot be both set"},
        {"a high priority", "priorityclasses.scheduling.k8s.io", "{'metadata':{'name':'p'},'value':1000000001}", NULL, NULL,
         "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"},
        {"a reserved name", "priorityclasses.scheduling.k8s.io", "{'metadata':{'name':'system-x'},'value':1}", NULL, NULL, "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved"},
        {"a system class", "priorityclasses.scheduling.k8s.io", "{'metadata':{'name':'system-node-critical'},'value':2000001000}", NULL, NULL, ""},
        {"its value stays", "priorityclasses.scheduling.k8s.io", "{'metadata':{'name':'p'},'value':2}", "{'metadata':{'name':'p'},'value':1}", "", "value: Forbidden: may not be changed in an update."},
        {"a storage class", "storageclasses.storage.k8s.io", "{'provisioner':'a/b'}", NULL, NULL, ""},
        {"no provisioner", "storageclasses.storage.k8s.io", "{}", NULL, NULL, "provisioner: Required value"},
        {"its parameters stay", "storageclasses.storage.k8s.io", "{'provisioner':'a/b','parameters':{'a':'b'}}", "{'provisioner':'a/b'}", "", "parameters: Forbidden: updates to parameters are forbidden."},
        {"a volume", "persistentvolumes", "{'spec':{'accessModes':['ReadWriteOnce'],'capacity':{'storage':'1Gi'},'hostPath':{'path':'/a'}}}", NULL, NULL, ""},
        {"an empty volume", "persistentvolumes", "{'spec':{}}", NULL, NULL, "spec.accessModes: Required value\nspec.capacity: Required value\nspec.capacity: Unsupported value\nspec: Required value: must specify a volume type"},
        {"another source", "persistentvolumes", "{'spec':{'accessModes':['ReadWriteOnce'],'capacity':{'storage':'1Gi'},'hostPath':{'path':'/b'}}}",
         "{'spec':{'accessModes':['ReadWriteOnce'],'capacity':{'storage':'1Gi'},'hostPath':{'path':'/a'}}}", "",
         "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation"},
        {"an attachment", "volumeattachments.storage.k8s.io", "{'spec':{'attacher':'a.b','nodeName':'n','source':{'persistentVolumeName':'p'}}}", NULL, NULL, ""},
        {"its overhead", "runtimeclasses.node.k8s.io", "{'handler':'runc','overhead':{'podFixed':{'cpu':'-1'}}}", NULL, NULL,
         "overhead.podFixed.limits[cpu]: Invalid value: \"-1\": must be greater than or equal to 0"},
        {"a runtime class", "runtimeclasses.node.k8s.io", "{'handler':'Run_c'}", NULL, NULL, "handler: Invalid value: 'Run_c': a lowercase RFC 1123 label"},
        {"a revision", "controllerrevisions.apps", "{'revision':1,'data':{'a':1}}", "{'revision':1,'data':{'a':2}}", "", "data: Invalid value: {'a':1}: field is immutable"},
        {"a webhook", "validatingwebhookconfigurations.admissionregistration.k8s.io", HOOK("," RULE("")), NULL, NULL, ""},
        {"a short name", "validatingwebhookconfigurations.admissionregistration.k8s.io", "{'webhooks':[{'name':'a.b','sideEffects':'None','admissionReviewVersions':['v1'],'clientConfig':{'url':'https://h'}}]}", NULL, NULL,
         "webhooks[0].name: Invalid value: 'a.b': should be a domain with at least three segments separated by dots"},
        {"plain http", "validatingwebhookconfigurations.admissionregistration.k8s.io", "{'webhooks':[{'name':'a.b.c','sideEffects':'None','admissionReviewVersions':['v1'],'clientConfig':{'url':'http://h'}}]}", NULL, NULL,
         "webhooks[0].clientConfig.url: Invalid value: 'http': 'https' is the only allowed URL scheme; desired format: https://host[/path]"},
        {"no effects, no versions", "mutatingwebhookconfigurations.admissionregistration.k8s.io", "{'webhooks':[{'name':'a.b.c','clientConfig':{'url':'https://h'}}]}", NULL, NULL,
         "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun\nwebhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1"},
        {"a slow one", "validatingwebhookconfigurations.admissionregistration.k8s.io", HOOK(",'timeoutSeconds':31"), NULL, NULL,
         "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds"},
        {"a policy binding", "validatingadmissionpolicybindings.admissionregistration.k8s.io", "{'spec':{'policyName':'p','validationActions':['Deny','Warn']}}", NULL, NULL,
         "spec.validationActions: Invalid value: ['Deny','Warn']: must not contain both Deny and Warn"},
        {"an API service", "apiservices.apiregistration.k8s.io", "{'metadata':{'name':'v1.a.b'},'spec':{'group':'a.b','version':'v1','groupPriorityMinimum':10,'versionPriority':10}}", NULL, NULL, ""},
        {"another name", "apiservices.apiregistration.k8s.io", "{'metadata':{'name':'x'},'spec':{'group':'a.b','version':'v1','groupPriorityMinimum':10,'versionPriority':10}}", NULL, NULL,
         "metadata.name: Invalid value: 'x': must be `spec.version+'.'+spec.group`: 'v1.a.b'"},
        {"a request that is none", "certificatesigningrequests.certificates.k8s.io", "{'spec':{'request':'eA==','signerName':'a.b/c','usages':['client auth']}}", NULL, NULL,
         "spec.request: Invalid value: 'eA==': PEM block type must be CERTIFICATE REQUEST"},
        {"decided by status", CSRS, DECIDED("Approved"), "{}", "status", "status.conditions: Forbidden: updates may not add a condition of type 'Approved'"},
        {"failed by status", CSRS, DECIDED("Failed"), "{}", "status", ""},
        {"decided by approval", CSRS, DECIDED("Denied"), "{}", "approval", ""},
        {"undecided by status", CSRS, "{'status':{}}", DECIDED("Denied"), "status", "status.conditions: Forbidden: updates may not remove a condition of type 'Denied'"},
        {"undecided by approval", CSRS, "{'status':{}}", DECIDED("Failed"), "approval", "status.conditions: Forbidden: updates may not remove a condition of type 'Failed'"},
        {"a level", "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io", "{'spec':{'type':'Limited','limited':{'limitResponse':{'type':'Reject'}}}}", NULL, NULL, ""},
        {"a level without", "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io", "{'spec':{'type':'Limited'}}", NULL, NULL, "spec.limited: Required value: must not be empty when type is Limited"},
    };
    /* clang-format on */
    (void)state;
    kind_check(cases, ARRAY_LEN(cases));
}

#define JOBS          "jobs.batch"
#define INDEXED(rest) JOB(",'completionMode':'Indexed','completions':4" rest)
#define MANY(rest)                                                                                 \
    JOB(",'completionMode':'Indexed','completions':200000,'backoffLimitPerIndex':1" rest)
#define SUCCESS(rule) INDEXED(",'successPolicy':{'rules':[" rule "]}")
#define WRONG_INDEXES "spec.successPolicy.rules[0].succeededIndexes: Invalid value: "
#define STATUS(rest)  "{'status':{" rest "}}"
#define IS(type)      "{'type':'" type "','status':'True'}"

static void test_job_policies(void **state)
{
    /* clang-format off */
    static const struct kind_case cases[] = {
        {"a host name that is too long", JOBS, "{'metadata':{'name':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','uid':'u'},'spec':{'completionMode':'Indexed','completions':11,"
         POD_TEMPLATE("Never") "}}", NULL, NULL, "metadata.name: Invalid value: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa': will not able to create pod with invalid DNS label: a"},
        {"many completions", JOBS, MANY(",'maxFailedIndexes':10,'parallelism':10"), NULL, NULL, ""},
        {"many completions, without a limit", JOBS, MANY(",'parallelism':10"), NULL, NULL, "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000"},
        {"many completions, too many at once", JOBS, MANY(",'maxFailedIndexes':10,'parallelism':10001"), NULL, NULL,
         "spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index"},
        {"all indexes", JOBS, SUCCESS("{'succeededIndexes':'0-1,3','succeededCount':3}"), NULL, NULL, ""},
        {"an index too many", JOBS, SUCCESS("{'succeededIndexes':'1,4'}"), NULL, NULL, WRONG_INDEXES "'1,4': error parsing succeededIndexes: too large index: '4'"},
        {"no index", JOBS, SUCCESS("{'succeededIndexes':'x'}"), NULL, NULL, WRONG_INDEXES "'x': error parsing succeededIndexes: cannot convert string to integer for index: 'x'"},
        {"backwards", JOBS, SUCCESS("{'succeededIndexes':'2,1'}"), NULL, NULL, WRONG_INDEXES "'2,1': error parsing succeededIndexes: non-increasing order, previous: 2, current: 1"},
        {"a range backwards", JOBS, SUCCESS("{'succeededIndexes':'2-1'}"), NULL, NULL, WRONG_INDEXES "'2-1': error parsing succeededIndexes: non-increasing order, previous: 2, current: 1"},
        {"three ends", JOBS, SUCCESS("{'succeededIndexes':'0-1-2'}"), NULL, NULL, WRONG_INDEXES "'0-1-2': error parsing succeededIndexes: the fragment '0-1-2' violates"},
        {"more than there are", JOBS, SUCCESS("{'succeededCount':5}"), NULL, NULL,
         "spec.successPolicy.rules[0].succeededCount: Invalid value: 5: must be less than or equal to 4 (the number of specified completions)"},
        {"more than are named", JOBS, SUCCESS("{'succeededIndexes':'1','succeededCount':2}"), NULL, NULL,
         "spec.successPolicy.rules[0].succeededCount: Invalid value: 2: must be less than or equal to 1 (the number of indexes"},
        {"whose exit code", JOBS, JOB(",'podFailurePolicy':{'rules':[{'action':'Ignore','onExitCodes':{'containerName':'x','operator':'In','values':[1]}}]}"), NULL, NULL,
         "spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: 'x': must be one of the container or initContainer names in the pod template"},
        {"no action", JOBS, JOB(",'podFailurePolicy':{'rules':[{'action':'','onExitCodes':{'operator':'In','values':[1]}}]}"), NULL, NULL,
         "spec.podFailurePolicy.rules[0].action: Required value: valid values: ['Count' 'FailIndex' 'FailJob' 'Ignore']"},
        {"a CronJob's", "cronjobs.batch", "{'metadata':{'name':'j'},'spec':{'schedule':'@daily','jobTemplate':{'spec':{'completionMode':'Indexed','parallelism':1," POD_TEMPLATE("Never") "}}}}", NULL, NULL,
         "spec.jobTemplate.spec.completions: Required value: when completion mode is Indexed"},
    };
    /* clang-format on */
    (void)state;
    kind_check(cases, ARRAY_LEN(cases));
}

static void test_job_status(void **state)
{
    /* clang-format off */
    static const struct kind_case cases[] = {
        {"ended", JOBS, STATUS("'startTime':'2026-01-01T00:00:00Z','completionTime':'2026-01-01T00:00:01Z','conditions':[" IS("SuccessCriteriaMet") "," IS("Complete") "]"), STATUS(""), "status", ""},
        {"ended without a time", JOBS, STATUS("'startTime':'2026-01-01T00:00:00Z','conditions':[" IS("SuccessCriteriaMet") "," IS("Complete") "]"), STATUS(""), "status", "status.completionTime: Required value: completionTime is required for Complete jobs"},
        {"a time without an end", JOBS, STATUS("'completionTime':'2026-01-01T00:00:01Z'"), STATUS(""), "status",
         "status.completionTime: Invalid value: '2026-01-01T00:00:01Z': cannot set completionTime when there is no Complete=True condition"},
        {"ended before it began", JOBS, STATUS("'startTime':'2026-01-01T00:00:02Z','completionTime':'2026-01-01T00:00:01Z','conditions':[" IS("SuccessCriteriaMet") "," IS("Complete") "]"), STATUS(""), "status",
         "status.completionTime: Invalid value: '2026-01-01T00:00:01Z': completionTime cannot be set before startTime"},
        {"another time", JOBS, STATUS("'completionTime':'2026-01-01T00:00:02Z','conditions':[" IS("Complete") "]"), STATUS("'completionTime':'2026-01-01T00:00:01Z','conditions':[" IS("Complete") "]"), "status",
         "status.completionTime: Invalid value: '2026-01-01T00:00:02Z': completionTime cannot be mutated"},
        {"both", JOBS, STATUS("'startTime':'2026-01-01T00:00:00Z','completionTime':'2026-01-01T00:00:01Z','conditions':[" IS("SuccessCriteriaMet") "," IS("Complete") "," IS("Failed") "]"), STATUS(""), "status",
         "status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions\n"
         "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition\n"
         "status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and Failed=true conditions"},
        {"ended, but why", JOBS, STATUS("'startTime':'2026-01-01T00:00:00Z','completionTime':'2026-01-01T00:00:01Z','conditions':[" IS("Complete") "]"), STATUS(""), "status",
         "status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition"},
        {"ended, but runs", JOBS, STATUS("'active':1,'terminating':1,'conditions':[" IS("FailureTarget") "," IS("Failed") "]"), STATUS(""), "status",
         "status.active: Invalid value: 1: active>0 is invalid for finished job\nstatus.startTime: Required value: startTime is required for finished job\n"
         "status.terminating: Invalid value: 1: terminating>0 is invalid for finished job"},
        {"more ready than there are", JOBS, STATUS("'ready':1"), STATUS(""), "status", "status.ready: Invalid value: 1: cannot set more ready pods than active"},
        {"never started", JOBS, STATUS(""), STATUS("'startTime':'2026-01-01T00:00:00Z'"), "status", "status.startTime: Required value: startTime cannot be removed for unsuspended job"},
        {"indexes of none", JOBS, STATUS("'completedIndexes':'0'"), STATUS(""), "status",
         "status.completedIndexes: Invalid value: '0': cannot set non-empty completedIndexes when non-indexed completion mode"},
        {"failing and met", JOBS, STATUS("'conditions':[" IS("SuccessCriteriaMet") "," IS("FailureTarget") "]"), STATUS(""), "status",
         "status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"},
        {"failed no more", JOBS, STATUS(""), STATUS("'conditions':[" IS("Failed") "]"), "status", "status.conditions: Invalid value: cannot disable the terminal Failed=True condition"},
        {"fewer failed", JOBS, STATUS("'failed':1"), STATUS("'failed':2"), "status", "status.failed: Invalid value: 1: cannot decrease the failed counter"},
        {"wrong before", JOBS, STATUS("'succeeded':1,'conditions':[" IS("Complete") "]"), STATUS("'conditions':[" IS("Complete") "]"), "status", ""},
    };
    /* clang-format on */
    (void)state;
    kind_check(cases, ARRAY_LEN(cases));
}

#define CRDS "customresourcedefinitions.apiextensions.k8s.io"
#define VERSION(name, stored, rest)                                                                \
    "{'name':'" name "','served':true,'storage':" stored "," rest "}"
#define SCHEMA(spec) "'schema':{'openAPIV3Schema':{'type':'object','properties':{'spec':" spec "}}}"
#define CRD(versions)                                                                              \
    "{'metadata':{'name':'foos.a.b'},'spec':{'group':'a.b','scope':'Cluster','names':{'plural':'"  \
    "foos','kind':'Foo'},'versions':[" versions "]}}"
#define ANY "{'type':'object','x-kubernetes-preserve-unknown-fields':true}"
#define KEYED(item)                                                                                \
    "{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['k'],'items':{'" \
    "type':'object','properties':{" item "}}}"
#define TEXT SCHEMA("{'type':'object','properties':{'s':{'type':'string'},'o':{'type':'object'}}}")

static void test_definitions(void **state)
{
    /* clang-format off */
    static const struct kind_case cases[] = {
        {"columns", CRDS, CRD(VERSION("v1", "true", SCHEMA(ANY) ",'additionalPrinterColumns':[{'name':'a','type':'string','format':'date','jsonPath':'.spec.a'}]")), NULL, NULL, ""},
        {"a column of no type", CRDS, CRD(VERSION("v1", "true", SCHEMA(ANY) ",'additionalPrinterColumns':[{'name':'a','type':'text','jsonPath':'.a'}]")), NULL, NULL,
         "spec.additionalPrinterColumns[0].type: Invalid value: 'text': must be one of boolean,date,integer,number,string"},
        {"all that is wrong at once", CRDS, CRD(VERSION("v1", "true", SCHEMA("{'type':'array'}") ",'additionalPrinterColumns':[{'name':'a','type':'text','jsonPath':'.a'}],"
         "'subresources':{'scale':{'specReplicasPath':'.r','statusReplicasPath':'.status.r'}}") "],'conversion':{'strategy':'x'},'x':["), NULL, NULL,
         "spec.validation.openAPIV3Schema.properties[spec].items: Required value: must be specified\n"
         "spec.subresources.scale.specReplicasPath: Invalid value: '.r': should be a json path under .spec\n"
         "spec.additionalPrinterColumns[0].type: Invalid value: 'text': must be one of\nspec.conversion.strategy: Unsupported value: 'x'"},
        {"a column of one version", CRDS, CRD(VERSION("v1", "true", SCHEMA(ANY) ",'additionalPrinterColumns':[{'name':'a','type':'string','jsonPath':'a'}]") "," VERSION("v2", "false", SCHEMA(ANY))), NULL, NULL,
         "spec.versions[0].additionalPrinterColumns[0].JSONPath: Invalid value: 'a': must be a simple json path starting with ."},
        {"a field to select by", CRDS, CRD(VERSION("v1", "true", TEXT ",'selectableFields':[{'jsonPath':'.spec.s'}]")), NULL, NULL, ""},
        {"the same one in other schemas", CRDS, CRD(VERSION("v1", "true", TEXT ",'selectableFields':[{'jsonPath':'.spec.s'}]") "," VERSION("v2", "false", SCHEMA("{'type':'object'}") ",'selectableFields':[{'jsonPath':'.spec.s'}]")), NULL, NULL,
         "spec.versions[1].selectableFields[0].jsonPath: Invalid value: '.spec.s': is an invalid path: does not refer to a valid field"},
        {"one that is not there", CRDS, CRD(VERSION("v1", "true", TEXT ",'selectableFields':[{'jsonPath':'.spec.t'}]")), NULL, NULL,
         "spec.selectableFields[0].jsonPath: Invalid value: '.spec.t': is an invalid path: does not refer to a valid field"},
        {"one that is an object", CRDS, CRD(VERSION("v1", "true", TEXT ",'selectableFields':[{'jsonPath':'.spec.o'}]")), NULL, NULL,
         "spec.selectableFields[0].jsonPath: Invalid value: '.spec.o': must point to a field of type string, boolean or integer."},
        {"scale", CRDS, CRD(VERSION("v1", "true", SCHEMA(ANY) ",'subresources':{'scale':{'specReplicasPath':'.spec.r','statusReplicasPath':'.status.r','labelSelectorPath':'.status.s'}}")), NULL, NULL, ""},
        {"scale of nothing", CRDS, CRD(VERSION("v1", "true", SCHEMA(ANY) ",'subresources':{'scale':{'specReplicasPath':'.r'}}")), NULL, NULL,
         "spec.subresources.scale.specReplicasPath: Invalid value: '.r': should be a json path under .spec\nspec.subresources.scale.statusReplicasPath: Required value"},
        {"a key that may be missing", CRDS, CRD(VERSION("v1", "true", SCHEMA(KEYED("'k':{'type':'string'}")))), NULL, NULL,
         "spec.validation.openAPIV3Schema.properties[spec].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys"},
        {"it was so before", CRDS, CRD(VERSION("v1", "true", SCHEMA(KEYED("'k':{'type':'string'}")))), CRD(VERSION("v1", "true", SCHEMA(KEYED("'k':{'type':'string'}")))), NULL, ""},
        {"a key with a default", CRDS, CRD(VERSION("v1", "true", SCHEMA(KEYED("'k':{'type':'string','default':'x'}")))), NULL, NULL, ""},
        {"a key that is none", CRDS, CRD(VERSION("v1", "true", SCHEMA(KEYED("'l':{'type':'string'}")))), NULL, NULL,
         "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-list-map-keys: Invalid value: []string{'k'}: entries must all be names of item properties"},
    };
    /* clang-format on */
    (void)state;
    kind_check(cases, ARRAY_LEN(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),     cmocka_unit_test(test_workloads),
        cmocka_unit_test(test_job_selector), cmocka_unit_test(test_cron),
        cmocka_unit_test(test_network),      cmocka_unit_test(test_rest),
        cmocka_unit_test(test_job_policies), cmocka_unit_test(test_job_status),
        cmocka_unit_test(test_definitions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
