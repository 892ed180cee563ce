/* Tables: cells of each kind of source, Pods' status as upstream computes it, durations, what
 * stands around rows. */
#include "tests/schema/support_kind.h"

#include <string.h>

#include "base/clock.h"
#include "schema/table.h"

static int64_t now(void)
{
    int64_t at_us = 0;
    assert_true(time_parse(STR("2026-01-01T12:00:00Z"), &at_us));
    return at_us;
}

static void test_durations(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {-2, "<invalid>"}, {-1, "0s"},     {0, "0s"},        {119, "119s"},      {120, "2m"},
        {185, "3m5s"},     {599, "9m59s"}, {600, "10m"},     {10799, "179m"},    {10800, "3h"},
        {11000, "3h3m"},   {28800, "8h"},  {172799, "47h"},  {172800, "2d"},     {180000, "2d2h"},
        {691199, "7d23h"}, {691200, "8d"}, {63072000, "2y"}, {63158400, "2y1d"}, {252288000, "8y"},
        {300000000, "9y"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[32];
        human_duration(cases[i].seconds * 1000000, out);
        if (strcmp(out, cases[i].text) != 0)
            fail_msg("%lld: %s, want %s", (long long)cases[i].seconds, out, cases[i].text);
    }
}

/* In two steps there is the same row. */
static void check_steps(const struct resource *resource, const struct object *object,
                        struct table_form form, struct str row)
{
    CLEANUP(buf_free) struct buf cells = BUF_TEXT;
    CLEANUP(buf_free) struct buf out = BUF_TEXT;
    table_cells(&cells, resource, object);
    table_row_of_cells(&out, object, buf_str(&cells), form, now());
    assert_true(str_eq(buf_str(&out), row));
}

/* The row of this object, parsed. */
static json_t *row_of(const struct resource *resource, const char *text, enum table_include include)
{
    struct buf body = BUF_TEXT, out = BUF_TEXT;
    struct object_draft draft;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *value = kind_json(text);
    assert_true(object_draft_make(value, &body, &draft, &err));
    struct object *object = object_new(resource->key, &draft, 7, NULL);
    table_row(&out, resource, object, (struct table_form){.include = include}, now());
    if (resource_by_key(resource->key))
        check_steps(resource, object, (struct table_form){.include = include}, buf_str(&out));
    json_t *row = json_loadb(out.data, out.len, 0, NULL);
    if (!row)
        fail_msg("no JSON: %s", out.data);
    object_unref(object);
    buf_free(&body);
    buf_free(&out);
    return row;
}

/* Cells as text with '|' between. */
static char *cells_of(const struct resource *resource, const char *text)
{
    struct buf out = BUF_TEXT;
    json_auto_t *row = row_of(resource, text, TABLE_NONE);
    json_t *cells = json_object_get(row, "cells"), *cell;
    size_t i;
    json_array_foreach (cells, i, cell) {
        buf_add_text(&out, i ? "|" : "");
        if (json_is_string(cell))
            buf_add_text(&out, json_string_value(cell));
        else
            json_write(&out, cell);
    }
    return buf_take(&out);
}

#define META "'metadata':{'name':'x','namespace':'n','creationTimestamp':'2026-01-01T11:00:00Z'}"

/* The cells of one object, with '|' between. */
struct cells_case {
    const char *key, *object, *cells;
};

static void check_cells(const struct cells_case *cases, size_t count)
{
    CLEANUP(buf_free) struct buf wrong = BUF_TEXT;
    for (size_t i = 0; i < count; i++) {
        const struct resource *resource = resource_by_key(cases[i].key);
        assert_non_null(resource);
        CLEANUP(free_ptr) char *got = cells_of(resource, cases[i].object);
        if (strcmp(got, cases[i].cells) != 0)
            buf_printf(&wrong, "%s %s:\n%s\nwant\n%s\n", cases[i].key, cases[i].object, got,
                       cases[i].cells);
    }
    if (wrong.len)
        fail_msg("%s", wrong.data);
}

/* Each kind with all that its cells show, and with nothing. */
/* clang-format off */
static const struct cells_case core_cells[] = {
    {"configmaps", "{" META ",'data':{'a':'1'},'binaryData':{'b':'AA=='}}", "x|2|60m"},
    {"secrets", "{" META ",'type':'Opaque'}", "x|Opaque|0|60m"},
    {"namespaces", "{'metadata':{'name':'x','creationTimestamp':'2026-01-01T11:00:00Z'},'status':{'phase':'Active'}}", "x|Active|60m"},
    {"nodes",
     "{'metadata':{'name':'x','labels':{'node-role.kubernetes.io/worker':'','node-role.kubernetes.io/control-plane':''}},"
     "'spec':{'unschedulable':true},'status':{'conditions':[{'type':'Ready','status':'True'}],'addresses':[{'type':'InternalIP',"
     "'address':'10.0.0.1'}],'nodeInfo':{'kubeletVersion':'v1.32.0','osImage':'Debian'}}}",
     "x|Ready,SchedulingDisabled|control-plane,worker|<unknown>|v1.32.0|10.0.0.1|<none>|Debian|<unknown>|<unknown>"},
    {"events",
     "{" META ",'lastTimestamp':'2026-01-01T11:59:00Z','type':'Normal','reason':'R','involvedObject':{'kind':'Pod','name':'p'},"
     "'source':{'component':'kubelet','host':'h'},'message':' m ','count':4}",
     "60s|Normal|R|pod/p||kubelet, h|m|<unknown>|4|x"},
    {"resourcequotas", "{" META ",'status':{'hard':{'pods':'10','limits.cpu':'2','cpu':'1'},'used':{'pods':'3'}}}",
     "x|60m|cpu: 0/1, pods: 3/10|limits.cpu: 0/2"},
    {"limitranges", "{" META ",'spec':{'limits':null}}",
     "x|2026-01-01T11:00:00Z"},
    {"componentstatuses", "{" META ",'conditions':[{'type':'Healthy','status':'True','message':'ok'}]}",
     "x|Healthy|ok|"},
    {"componentstatuses", "{" META ",'conditions':[{'type':'Healthy','status':'False','error':'e'}]}",
     "x|Unhealthy||e"},
    {"serviceaccounts", "{" META ",'secrets':[{'name':'s'}]}",
     "x|1|60m"},
    {"events", "{" META ",'eventTime':'2026-01-01T11:30:00.000000Z','type':'Warning','reason':'R','involvedObject':{'kind':'Pod','name':'p','fieldPath':'f'},'source':{},'reportingComponent':'c','reportingInstance':'i','message':'m'}",
     "30m|Warning|R|pod/p|f|c, i|m|30m|1|x"},
    {"events", "{" META ",'eventTime':'2026-01-01T11:30:00.000000Z','series':{'count':7,'lastObservedTime':'2026-01-01T11:59:00.000000Z'},'involvedObject':{'kind':'Pod'},'source':{}}",
     "60s|||pod||||30m|7|x"},
};

static const struct cells_case workload_cells[] = {
    {"pods", "{" META ",'spec':{'containers':[{'name':'c'}]},'status':{'phase':'Pending'}}",
     "x|0/1|Pending|0|60m|<none>|<none>|<none>|<none>"},
    {"deployments.apps",
     "{" META ",'spec':{'replicas':3,'selector':{'matchLabels':{'app':'a'}},'template':{'spec':{'containers':[{'name':'c','image':'i'},"
     "{'name':'d','image':'j'}]}}},'status':{'readyReplicas':2,'updatedReplicas':3}}",
     "x|2/3|3|0|60m|c,d|i,j|app=a"},
    {"replicasets.apps",
     "{" META ",'spec':{'replicas':1,'selector':{'matchExpressions':[{'key':'k','operator':'In','values':['b','a']}]},'template':{}}}",
     "x|1|0|0|60m|||k in (a,b)"},
    {"jobs.batch",
     "{" META ",'spec':{'completions':3,'selector':{'matchLabels':{'a':'b'}}},'status':{'succeeded':1,'startTime':'2026-01-01T11:58:00Z'}}",
     "x|Running|1/3|2m|60m|||a=b"},
    {"cronjobs.batch", "{" META ",'spec':{'schedule':'* * * * *','suspend':false}}", "x|* * * * *|<none>|False|0|<none>|60m|||<none>"},
    {"horizontalpodautoscalers.autoscaling",
     "{" META ",'spec':{'scaleTargetRef':{'kind':'Deployment','name':'d'},'maxReplicas':5,'metrics':[{'type':'Resource','resource':{'name':'cpu',"
     "'target':{'type':'Utilization','averageUtilization':80}}}]}}",
     "x|Deployment/d|cpu: <unknown>/80%|<unset>|5|0|60m"},
    {"controllerrevisions.apps", "{" META ",'revision':3}", "x|<none>|3|60m"},
    {"poddisruptionbudgets.policy", "{" META ",'spec':{'minAvailable':'50%'}}", "x|50%|N/A|0|60m"},
    {"daemonsets.apps", "{" META ",'spec':{'selector':{'matchLabels':{'a':'b'}},'template':{'spec':{'nodeSelector':{'n':'o','d':'e'},'containers':[{'name':'c','image':'i'}]}}},'status':{'desiredNumberScheduled':5,'currentNumberScheduled':4,'numberReady':3,'updatedNumberScheduled':2,'numberAvailable':1}}",
     "x|5|4|3|2|1|d=e,n=o|60m|c|i|a=b"},
    {"statefulsets.apps", "{" META ",'spec':{'replicas':3,'template':{'spec':{'containers':[{'name':'c','image':'i'}]}}},'status':{'readyReplicas':2}}",
     "x|2/3|60m|c|i"},
    {"podtemplates", "{" META ",'template':{'metadata':{'labels':{'b':'2','a':'1'}},'spec':{'containers':[{'name':'c','image':'i'},{'name':'d','image':'j'}]}}}",
     "x|c,d|i,j|a=1,b=2"},
    {"replicationcontrollers", "{" META ",'spec':{'replicas':3,'selector':{'a':'b'},'template':{'spec':{'containers':[{'name':'c','image':'i'}]}}},'status':{'replicas':2,'readyReplicas':1}}",
     "x|3|2|1|60m|c|i|a=b"},
    {"pods", "{" META ",'spec':{'nodeName':'o','readinessGates':[{'conditionType':'g'},{'conditionType':'h'}],'containers':[{'name':'c'}]},'status':{'phase':'Running','podIPs':[{'ip':'10.1.2.3'},{'ip':'fd00::3'}],'nominatedNodeName':'p','conditions':[{'type':'g','status':'True'}]}}",
     "x|0/1|Running|0|60m|10.1.2.3|o|p|1/2"},
    {"poddisruptionbudgets.policy", "{" META ",'spec':{'maxUnavailable':1},'status':{'disruptionsAllowed':2}}",
     "x|N/A|1|2|60m"},
    {"jobs.batch", "{" META ",'spec':{'parallelism':2,'selector':{'matchLabels':{'a':'b'}},'template':{'spec':{'containers':[{'name':'c','image':'i'}]}}},'status':{'succeeded':1,'startTime':'2026-01-01T11:50:00Z','completionTime':'2026-01-01T11:55:30Z','conditions':[{'type':'Complete','status':'True'}]}}",
     "x|Complete|1/1 of 2|5m30s|60m|c|i|a=b"},
    {"jobs.batch", "{" META ",'spec':{'completions':1},'status':{'conditions':[{'type':'Failed','status':'True'}]}}",
     "x|Failed|0/1||60m|||<none>"},
    {"jobs.batch", "{" META ",'spec':{'completions':1},'status':{'conditions':[{'type':'Suspended','status':'True'}]}}",
     "x|Suspended|0/1||60m|||<none>"},
    {"jobs.batch", "{" META ",'spec':{'completions':1},'status':{'conditions':[{'type':'FailureTarget','status':'True'}]}}",
     "x|FailureTarget|0/1||60m|||<none>"},
    {"jobs.batch", "{" META ",'spec':{'completions':1},'status':{'conditions':[{'type':'SuccessCriteriaMet','status':'True'}]}}",
     "x|Running|0/1||60m|||<none>"},
    {"cronjobs.batch", "{" META ",'spec':{'schedule':'1 * * * *','timeZone':'UTC','suspend':true,'jobTemplate':{'spec':{'template':{'spec':{'containers':[{'name':'c','image':'i'}]}}}}},'status':{'active':[{},{}],'lastScheduleTime':'2026-01-01T11:59:00Z'}}",
     "x|1 * * * *|UTC|True|2|60s|60m|c|i|<none>"},
    {"horizontalpodautoscalers.autoscaling", "{" META ",'spec':{'scaleTargetRef':{'kind':'Deployment','name':'d'},'minReplicas':2,'maxReplicas':5,'metrics':[{'type':'Resource','resource':{'name':'cpu','target':{'type':'Utilization','averageUtilization':80}}},{'type':'Pods','pods':{'target':{'averageValue':'5'}}},{'type':'External','external':{'target':{'value':'9'}}}]},'status':{'currentReplicas':4,'currentMetrics':[{'type':'Resource','resource':{'name':'cpu','current':{'averageUtilization':40,'averageValue':'4'}}},{'type':'Pods','pods':{'current':{'averageValue':'3'}}}]}}",
     "x|Deployment/d|cpu: 40%/80%, 3/5 + 1 more...|2|5|4|60m"},
    {"controllerrevisions.apps", "{" META ",'revision':3}",
     "x|<none>|3|60m"},
};

static const struct cells_case networking_cells[] = {
    {"services",
     "{" META ",'spec':{'type':'NodePort','clusterIPs':['10.96.0.9'],'selector':{'b':'2','a':'1'},"
     "'ports':[{'port':80,'protocol':'TCP','nodePort':30080},{'port':53,'protocol':'UDP'}]}}",
     "x|NodePort|10.96.0.9|<none>|80:30080/TCP,53/UDP|60m|a=1,b=2"},
    {"services", "{" META ",'spec':{'type':'LoadBalancer','ports':[]}}", "x|LoadBalancer|<none>|<pending>|<none>|60m|<none>"},
    {"endpoints",
     "{" META ",'subsets':[{'addresses':[{'ip':'1.1.1.1'},{'ip':'1.1.1.2'}],'ports':[{'port':80},{'port':81}]}]}",
     "x|1.1.1.1:80,1.1.1.2:80,1.1.1.1:81 + 1 more...|60m"},
    {"endpoints", "{" META "}", "x|<none>|60m"},
    {"endpointslices.discovery.k8s.io",
     "{" META ",'addressType':'IPv4','ports':[{'port':80},{'name':'p'}],'endpoints':[{'addresses':['1.1.1.1']}]}",
     "x|IPv4|80,p|1.1.1.1|60m"},
    {"ingresses.networking.k8s.io",
     "{" META ",'spec':{'tls':[{}],'rules':[{'host':'a'},{'host':'b'},{'host':'c'},{'host':'d'}]},'status':{'loadBalancer':{'ingress':[{'ip':'9.9.9.9'},{'hostname':'h'}]}}}",
     "x|<none>|a,b,c + 1 more...|9.9.9.9,h|80, 443|60m"},
    {"ingressclasses.networking.k8s.io", "{" META ",'spec':{'controller':'c/d','parameters':{'apiGroup':'g','kind':'K','name':'p'}}}",
     "x|c/d|K.g/p|60m"},
    {"ingressclasses.networking.k8s.io", "{" META ",'spec':{'controller':'c/d'}}",
     "x|c/d|<none>|60m"},
    {"networkpolicies.networking.k8s.io", "{" META ",'spec':{'podSelector':{'matchLabels':{'a':'b'}}}}",
     "x|a=b|60m"},
    {"networkpolicies.networking.k8s.io", "{" META ",'spec':{'podSelector':{}}}",
     "x|<none>|60m"},
    {"services", "{" META ",'spec':{'type':'LoadBalancer','clusterIP':'10.96.0.9','clusterIPs':['10.96.0.9'],'externalIPs':['9.9.9.9'],'ports':[{'port':80,'protocol':'TCP'}]},'status':{'loadBalancer':{'ingress':[{'ip':'8.8.8.8'},{'hostname':'h'}]}}}",
     "x|LoadBalancer|10.96.0.9|8.8.8.8,h,9.9.9.9|80/TCP|60m|<none>"},
    {"services", "{" META ",'spec':{'type':'ExternalName','externalName':'e.x'}}",
     "x|ExternalName|<none>|e.x|<none>|60m|<none>"},
    {"services", "{" META ",'spec':{'type':'ClusterIP','clusterIP':'None','clusterIPs':['None'],'externalIPs':['9.9.9.9','7.7.7.7']}}",
     "x|ClusterIP|None|9.9.9.9,7.7.7.7|<none>|60m|<none>"},
    {"ingresses.networking.k8s.io", "{" META ",'spec':{'ingressClassName':'c'}}",
     "x|c|*||80|60m"},
    {"endpointslices.discovery.k8s.io", "{" META ",'addressType':'IPv4','ports':null,'endpoints':null}",
     "x|IPv4|<unset>|<unset>|60m"},
    {"endpointslices.discovery.k8s.io", "{" META ",'addressType':'IPv6','ports':[{'port':1},{'port':2},{'port':3},{'port':4}],'endpoints':[{'addresses':['::1','::2']},{'addresses':['::3','::4']}]}",
     "x|IPv6|1,2,3 + 1 more...|::1,::2,::3 + 1 more...|60m"},
};

static const struct cells_case storage_cells[] = {
    {"persistentvolumeclaims",
     "{" META ",'spec':{'volumeName':'v'},'status':{'phase':'Bound','capacity':{'storage':'1Gi'},'accessModes':['ReadWriteMany','ReadWriteOnce']}}",
     "x|Bound|v|1Gi|RWO,RWX||<unset>|60m|<unset>"},
    {"persistentvolumeclaims", "{" META ",'spec':{},'status':{'phase':'Pending','capacity':{'storage':'1Gi'}}}",
     "x|Pending|||||<unset>|60m|<unset>"},
    {"storageclasses.storage.k8s.io",
     "{'metadata':{'name':'x','annotations':{'storageclass.kubernetes.io/is-default-class':'true'}},'provisioner':'p'}",
     "x (default)|p|Delete|Immediate|false|<unknown>"},
    {"persistentvolumes", "{" META ",'spec':{'capacity':{'storage':'5Gi'},'accessModes':['ReadWriteOncePod','ReadOnlyMany','ReadOnlyMany'],'persistentVolumeReclaimPolicy':'Retain','claimRef':{'namespace':'m','name':'c'},'storageClassName':'s','volumeMode':'Block'},'status':{'phase':'Bound','reason':'R'}}",
     "x|5Gi|ROX,RWOP|Retain|Bound|m/c|s|<unset>|R|60m|Block"},
    {"csidrivers.storage.k8s.io", "{" META ",'spec':{'attachRequired':false,'podInfoOnMount':true,'storageCapacity':true,'tokenRequests':[{'audience':'a'},{'audience':'b'}],'requiresRepublish':true,'volumeLifecycleModes':['Persistent','Ephemeral']}}",
     "x|false|true|true|a,b|true|Persistent,Ephemeral|60m"},
    {"csidrivers.storage.k8s.io", "{" META ",'spec':{}}",
     "x|true|false|false|<unset>|false|<none>|60m"},
    {"csinodes.storage.k8s.io", "{" META ",'spec':{'drivers':[{'name':'d'}]}}",
     "x|1|60m"},
    {"csistoragecapacities.storage.k8s.io", "{" META ",'storageClassName':'s','capacity':'3Gi'}",
     "x|s|3Gi"},
    {"csistoragecapacities.storage.k8s.io", "{" META ",'storageClassName':'s'}",
     "x|s|<unset>"},
    {"volumeattachments.storage.k8s.io", "{" META ",'spec':{'attacher':'a','nodeName':'n','source':{'persistentVolumeName':'v'}},'status':{'attached':true}}",
     "x|a|v|n|true|60m"},
    {"volumeattachments.storage.k8s.io", "{" META ",'spec':{'attacher':'a','nodeName':'n','source':{}},'status':{'attached':false}}",
     "x|a||n|false|60m"},
    {"storageclasses.storage.k8s.io", "{" META ",'provisioner':'p','reclaimPolicy':'Retain','volumeBindingMode':'WaitForFirstConsumer','allowVolumeExpansion':true}",
     "x|p|Retain|WaitForFirstConsumer|true|60m"},
    {"persistentvolumeclaims", "{" META ",'spec':{'storageClassName':'s','volumeMode':'Filesystem','volumeName':'v','accessModes':['ReadWriteOnce']},'status':{'phase':'Bound','accessModes':['ReadWriteOncePod'],'capacity':{'storage':'2Gi'}}}",
     "x|Bound|v|2Gi|RWOP|s|<unset>|60m|Filesystem"},
};

static const struct cells_case administration_cells[] = {
    {"rolebindings.rbac.authorization.k8s.io",
     "{" META ",'roleRef':{'kind':'Role','name':'r'},'subjects':[{'kind':'User','name':'u'},{'kind':'ServiceAccount','namespace':'n',"
     "'name':'s'},{'kind':'User','name':'v'}]}",
     "x|Role/r|60m|u, v||n/s"},
    {"roles.rbac.authorization.k8s.io", "{" META "}", "x|2026-01-01T11:00:00Z"},
    {"leases.coordination.k8s.io", "{" META ",'spec':{'holderIdentity':'me'}}", "x|me|60m"},
    {"priorityclasses.scheduling.k8s.io", "{'metadata':{'name':'x'},'value':5}", "x|5|false|<unknown>|"},
    {"apiservices.apiregistration.k8s.io", "{'metadata':{'name':'x'},'spec':{},'status':{'conditions':[{'type':'Available','status':'False','reason':'R'}]}}",
     "x|Local|False (R)|<unknown>"},
    {"mutatingwebhookconfigurations.admissionregistration.k8s.io", "{" META ",'webhooks':[{'name':'a'},{'name':'b'}]}",
     "x|2|60m"},
    {"validatingwebhookconfigurations.admissionregistration.k8s.io", "{" META "}",
     "x|0|60m"},
    {"validatingadmissionpolicies.admissionregistration.k8s.io", "{" META ",'spec':{'validations':[{'expression':'true'}],'paramKind':{'apiVersion':'g/v1','kind':'K'}}}",
     "x|1|g/v1/K|60m"},
    {"validatingadmissionpolicies.admissionregistration.k8s.io", "{" META ",'spec':{}}",
     "x|0|<unset>|60m"},
    {"validatingadmissionpolicybindings.admissionregistration.k8s.io", "{" META ",'spec':{'policyName':'p','paramRef':{'name':'q'}}}",
     "x|p|*/q|60m"},
    {"validatingadmissionpolicybindings.admissionregistration.k8s.io", "{" META ",'spec':{'policyName':'p','paramRef':{'namespace':'m','name':'q'}}}",
     "x|p|m/q|60m"},
    {"validatingadmissionpolicybindings.admissionregistration.k8s.io", "{" META ",'spec':{'policyName':'p'}}",
     "x|p|<unset>|60m"},
    {"customresourcedefinitions.apiextensions.k8s.io", "{" META "}",
     "x|2026-01-01T11:00:00Z"},
    {"clusterroles.rbac.authorization.k8s.io", "{" META ",'rules':null}",
     "x|2026-01-01T11:00:00Z"},
    {"certificatesigningrequests.certificates.k8s.io", "{" META ",'spec':{'signerName':'a.b/c','username':'u','expirationSeconds':3600},'status':{'conditions':[{'type':'Approved'}],'certificate':'eA=='}}",
     "x|60m|a.b/c|u|60m|Approved,Issued"},
    {"certificatesigningrequests.certificates.k8s.io", "{" META ",'spec':{'signerName':'a.b/c','username':'u'},'status':{'conditions':[{'type':'Denied'},{'type':'Failed'}]}}",
     "x|60m|a.b/c|u|<none>|Denied,Failed"},
    {"certificatesigningrequests.certificates.k8s.io", "{" META ",'spec':{'signerName':'a.b/c','username':'u'},'status':{}}",
     "x|60m|a.b/c|u|<none>|Pending"},
    {"flowschemas.flowcontrol.apiserver.k8s.io", "{" META ",'spec':{'priorityLevelConfiguration':{'name':'p'},'matchingPrecedence':9,'distinguisherMethod':{'type':'ByUser'}},'status':{'conditions':[{'type':'Dangling','status':'False'}]}}",
     "x|p|9|ByUser|60m|False"},
    {"flowschemas.flowcontrol.apiserver.k8s.io", "{" META ",'spec':{'priorityLevelConfiguration':{'name':'p'},'matchingPrecedence':9}}",
     "x|p|9|<none>|60m|?"},
    {"prioritylevelconfigurations.flowcontrol.apiserver.k8s.io", "{" META ",'spec':{'type':'Limited','limited':{'nominalConcurrencyShares':30,'limitResponse':{'type':'Queue','queuing':{'queues':64,'handSize':8,'queueLengthLimit':50}}}}}",
     "x|Limited|30|64|8|50|60m"},
    {"prioritylevelconfigurations.flowcontrol.apiserver.k8s.io", "{" META ",'spec':{'type':'Exempt'}}",
     "x|Exempt|<none>|<none>|<none>|<none>|60m"},
    {"runtimeclasses.node.k8s.io", "{" META ",'handler':'h'}",
     "x|h|60m"},
    {"clusterrolebindings.rbac.authorization.k8s.io", "{" META ",'roleRef':{'kind':'ClusterRole','name':'r'},'subjects':[{'kind':'Group','name':'g'},{'kind':'Group','name':'h'}]}",
     "x|ClusterRole/r|60m||g, h|"},
    {"apiservices.apiregistration.k8s.io", "{" META ",'spec':{'service':{'namespace':'n','name':'s'}},'status':{'conditions':[{'type':'Available','status':'True'}]}}",
     "x|n/s|True|60m"},
    {"priorityclasses.scheduling.k8s.io", "{" META ",'value':5,'globalDefault':true,'preemptionPolicy':'Never'}",
     "x|5|true|60m|Never"},
};
/* clang-format on */

static void test_cells(void **state)
{
    (void)state;
    check_cells(core_cells, ARRAY_LEN(core_cells));
    check_cells(workload_cells, ARRAY_LEN(workload_cells));
    check_cells(networking_cells, ARRAY_LEN(networking_cells));
    check_cells(storage_cells, ARRAY_LEN(storage_cells));
    check_cells(administration_cells, ARRAY_LEN(administration_cells));
}

#define RUNS              "'state':{'running':{}},'ready':true"
#define POD(spec, status) "{" META ",'spec':{" spec "},'status':{" status "}}"
#define TWO               "'containers':[{'name':'a'},{'name':'b'}]"
#define INIT              "'containers':[{'name':'a'}],'initContainers':[{'name':'i'},{'name':'j'}]"
#define SIDE              "'containers':[{'name':'a'}],'initContainers':[{'name':'i','restartPolicy':'Always'}]"

static void test_pods(void **state)
{
    static const struct {
        const char *name, *pod, *cells; /* ready|status|restarts */
        /* clang-format off */
    } cases[] = {
        {"running", POD(TWO, "'phase':'Running','containerStatuses':[{'name':'a'," RUNS "},{'name':'b'," RUNS ",'restartCount':2}]"), "2/2|Running|2"},
        {"restarted lately",
         POD(TWO, "'phase':'Running','containerStatuses':[{'name':'a'," RUNS ",'restartCount':1,'lastState':{'terminated':{'finishedAt':'2026-01-01T11:57:00Z'}}}]"),
         "1/2|Running|1 (3m ago)"},
        {"waiting", POD(TWO, "'phase':'Pending','containerStatuses':[{'name':'a','state':{'waiting':{'reason':'ImagePullBackOff'}}}]"), "0/2|ImagePullBackOff|0"},
        {"crashed", POD(TWO, "'phase':'Running','containerStatuses':[{'name':'a','state':{'terminated':{'exitCode':3}}}]"), "0/2|ExitCode:3|0"},
        {"killed", POD(TWO, "'phase':'Running','containerStatuses':[{'name':'a','state':{'terminated':{'signal':9,'exitCode':137}}}]"), "0/2|Signal:9|0"},
        {"out of memory", POD(TWO, "'phase':'Running','containerStatuses':[{'name':'a','state':{'terminated':{'reason':'OOMKilled'}}}]"), "0/2|OOMKilled|0"},
        {"one completed, one runs, not ready",
         POD(TWO, "'phase':'Running','containerStatuses':[{'name':'a','state':{'terminated':{'reason':'Completed'}}},{'name':'b'," RUNS "}]"), "1/2|NotReady|0"},
        {"one completed, one runs, ready",
         POD(TWO, "'phase':'Running','conditions':[{'type':'Ready','status':'True'}],'containerStatuses':[{'name':'a','state':{'terminated':{'reason':'Completed'}}},{'name':'b'," RUNS "}]"),
         "1/2|Running|0"},
        {"initializing", POD(INIT, "'phase':'Pending','initContainerStatuses':[{'name':'i','state':{'terminated':{'exitCode':0}}},{'name':'j','state':{'running':{}}}]"), "0/1|Init:1/2|0"},
        {"init failed", POD(INIT, "'phase':'Pending','initContainerStatuses':[{'name':'i','restartCount':4,'state':{'terminated':{'exitCode':1,'reason':'Error'}}}]"), "0/1|Init:Error|4"},
        {"init exit code", POD(INIT, "'phase':'Pending','initContainerStatuses':[{'name':'i','state':{'terminated':{'exitCode':2}}}]"), "0/1|Init:ExitCode:2|0"},
        {"init backs off", POD(INIT, "'phase':'Pending','initContainerStatuses':[{'name':'i','state':{'waiting':{'reason':'CrashLoopBackOff'}}}]"), "0/1|Init:CrashLoopBackOff|0"},
        {"init waits", POD(INIT, "'phase':'Pending','initContainerStatuses':[{'name':'i','state':{'waiting':{'reason':'PodInitializing'}}}]"), "0/1|Init:0/2|0"},
        {"a sidecar", POD(SIDE, "'phase':'Running','initContainerStatuses':[{'name':'i','started':true,'restartCount':1," RUNS "}],'containerStatuses':[{'name':'a'," RUNS "}]"), "2/2|Running|1"},
        {"evicted", POD(TWO, "'phase':'Failed','reason':'Evicted'"), "0/2|Evicted|0"},
        {"gated", POD(TWO, "'phase':'Pending','conditions':[{'type':'PodScheduled','status':'False','reason':'SchedulingGated'}]"), "0/2|SchedulingGated|0"},
        {"terminating", "{'metadata':{'name':'x','namespace':'n','deletionTimestamp':'2026-01-01T11:00:00Z'},'spec':{" TWO "},'status':{'phase':'Running'}}", "0/2|Terminating|0"},
        {"on a lost node", "{'metadata':{'name':'x','namespace':'n','deletionTimestamp':'2026-01-01T11:00:00Z'},'spec':{" TWO "},'status':{'phase':'Running','reason':'NodeLost'}}", "0/2|Unknown|0"},
        {"ended and deleted", "{'metadata':{'name':'x','namespace':'n','deletionTimestamp':'2026-01-01T11:00:00Z'},'spec':{" TWO "},'status':{'phase':'Succeeded'}}", "0/2|Succeeded|0"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_auto_t *row = row_of(resource_by_key("pods"), cases[i].pod, TABLE_NONE);
        json_t *cells = json_object_get(row, "cells");
        CLEANUP(free_ptr)
        char *got = xasprintf("%s|%s|%s", json_string_value(json_array_get(cells, 1)),
                              json_string_value(json_array_get(cells, 2)),
                              json_string_value(json_array_get(cells, 3)));
        if (strcmp(got, cases[i].cells) != 0)
            fail_msg("%s: %s, want %s", cases[i].name, got, cases[i].cells);
    }
}

static void test_custom(void **state)
{
    /* clang-format off */
    static const struct column columns[] = {
        {.name = "Name", .type = "string", .format = "name", .description = "", .source = ".metadata.name"},
        {.name = "Size", .type = "integer", .format = "", .description = "", .source = ".spec.size"},
        {.name = "Ready", .type = "string", .format = "", .description = "", .source = ".status.conditions[?(@.type==\"Ready\")].status"},
        {.name = "On", .type = "boolean", .format = "", .description = "", .source = ".spec.on"},
        {.name = "Since", .type = "date", .format = "", .description = "", .source = ".metadata.creationTimestamp"},
        {.name = "Names", .type = "string", .format = "", .description = "", .source = ".spec.list[*].name"},
        {.name = "Dotted", .type = "string", .format = "", .description = "", .source = ".metadata.annotations.a\\.b/c"},
    };
    /* clang-format on */
    static const struct resource widgets = {
        .key = "widgets.example.com", .columns = columns, .column_count = ARRAY_LEN(columns)};
    (void)state;
    CLEANUP(free_ptr)
    char *full = cells_of(&widgets, "{'metadata':{'name':'w','creationTimestamp':'2026-01-01T11:00:"
                                    "00Z','annotations':{'a.b/c':'d'}},'spec':{'size':3,'on':true,"
                                    "'list':[{'name':'p'},{'name':'q'}]},'status':{'conditions':[{'"
                                    "type':'X','status':'1'},{'type':'Ready','status':'True'}]}}");
    assert_string_equal(full, "w|3|True|true|60m|p q|d");
    CLEANUP(free_ptr)
    char *empty = cells_of(&widgets, "{'metadata':{'name':'w'},'spec':{'size':'three'}}");
    assert_string_equal(empty, "w|null|null|null|null|null|null");
}

/* Cells that were made once are of the age that they have when they are sent. */
static void test_ages(void **state)
{
    static const struct {
        const char *resource, *object, *cells[2]; /* at once, and an hour later */
    } cases[] = {
        {"pods",
         POD(TWO, "'phase':'Running','containerStatuses':[{'name':'a','restartCount':1,'lastState':"
                  "{'terminated':{'finishedAt':'2026-01-01T11:57:00Z'}}}]"),
         {"\"0/2\",\"Running\",\"1 (3m ago)\",\"60m\",",
          "\"0/2\",\"Running\",\"1 (63m ago)\",\"120m\","}},
        {"jobs.batch",
         "{" META ",'spec':{'completions':1},'status':{'startTime':'2026-01-01T11:57:00Z'}}",
         {"\"0/1\",\"3m\",\"60m\",", "\"0/1\",\"63m\",\"120m\","}},
    };
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        CLEANUP(buf_free) struct buf cells = BUF_TEXT;
        CLEANUP(buf_free) struct buf out = BUF_TEXT;
        struct object object = {0};
        json_auto_t *value = kind_json(cases[i / 2].object);
        CLEANUP(buf_free) struct buf body = BUF_TEXT;
        json_write(&body, value);
        object.body = buf_str(&body);
        table_cells(&cells, resource_by_key(cases[i / 2].resource), &object);
        table_row_of_cells(&out, &object, buf_str(&cells),
                           (struct table_form){.include = TABLE_NONE},
                           now() + (int64_t)(i % 2) * 3600 * 1000000);
        if (!strstr(out.data, cases[i / 2].cells[i % 2]))
            fail_msg("%s: %s", cases[i / 2].resource, out.data);
    }
}

static void test_frame(void **state)
{
    const struct resource *pods = resource_by_key("pods");
    struct buf out = BUF_TEXT;
    (void)state;
    table_begin(&out, pods, (struct table_form){0}, "{\"resourceVersion\":\"5\"}", true);
    table_end(&out);
    json_auto_t *table = json_loadb(out.data, out.len, 0, NULL);
    assert_string_equal(json_text(table, "kind"), "Table");
    assert_string_equal(json_text(table, "metadata", "resourceVersion"), "5");
    assert_int_equal(json_array_size(json_object_get(table, "columnDefinitions")),
                     pods->column_count);
    buf_clear(&out);
    table_begin(&out, pods, (struct table_form){.beta = true}, NULL, false);
    table_end(&out);
    json_auto_t *later = json_loadb(out.data, out.len, 0, NULL);
    assert_true(json_is_null(json_object_get(later, "columnDefinitions")));
    assert_string_equal(json_text(table, "apiVersion"), "meta.k8s.io/v1");
    assert_string_equal(json_text(later, "apiVersion"), "meta.k8s.io/v1beta1");
    buf_free(&out);
    json_auto_t *row = row_of(pods, POD(TWO, "'phase':'Succeeded'"), TABLE_METADATA);
    assert_string_equal(json_text(row, "object", "kind"), "PartialObjectMetadata");
    assert_string_equal(json_text(row, "object", "metadata", "resourceVersion"), "7");
    assert_string_equal(json_text(json_array_get(json_object_get(row, "conditions"), 0), "reason"),
                        "Succeeded");
    json_auto_t *whole = row_of(pods, POD(TWO, "'phase':'Running'"), TABLE_OBJECT);
    assert_string_equal(json_text(whole, "object", "status", "phase"), "Running");
    assert_null(json_object_get(whole, "conditions"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations), cmocka_unit_test(test_cells),
        cmocka_unit_test(test_pods),      cmocka_unit_test(test_custom),
        cmocka_unit_test(test_ages),      cmocka_unit_test(test_frame)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
