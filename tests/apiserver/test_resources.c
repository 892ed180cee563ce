/* What single resources do beyond plain storage: each table is a run of requests in order. */
#include <string.h>

#include "support_fixture.h"
#include "tests/test.h"

#define NS          "/api/v1/namespaces/default"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
#define HPA_V1      "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
#define HPA_V2      "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
#define EVENTS      "/apis/events.k8s.io/v1/namespaces/default/events"
#define APPLY       "application/apply-patch+yaml"
#define MERGE       "application/merge-patch+json"

static struct fixture fixture;

struct row {
    const char *name, *method, *path, *body; /* in the body, ' stands for " */
    long code;
    const char *has;  /* the answer contains this; NULL: not looked at */
    const char *type; /* Content-Type of the body */
    const char *lacks;
};

static char *quoted(const char *text)
{
    char *copy = text ? xstrdup(text) : NULL;
    for (char *at = copy; at && *at; at++)
        if (*at == '\'')
            *at = '"';
    return copy;
}

static void run_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct answer answer;
        CLEANUP(free_ptr)
        char *body = quoted(rows[i].body), *has = quoted(rows[i].has),
             *lacks = quoted(rows[i].lacks);
        fixture_ask(
            &fixture,
            &(struct ask){
                .method = rows[i].method, .path = rows[i].path, .body = body, .type = rows[i].type},
            &answer);
        const char *text = answer.body.len ? answer.body.data : "";
        bool ok = answer.code == rows[i].code && (!has || strstr(text, has)) &&
                  (!lacks || !strstr(text, lacks));
        if (!ok)
            print_message("%s: %ld %s\n", rows[i].name, answer.code, text);
        answer_clear(&answer);
        assert_true(ok);
    }
}

#define DEPLOYMENT                                                                                 \
    "{'metadata':{'name':'s'},'spec':{'replicas':2,'selector':{'matchLabels':{'b':'x'},'"          \
    "matchExpressions':"                                                                           \
    "[{'key':'a','operator':'In','values':['z','y']},{'key':'c','operator':'DoesNotExist'}]},'"    \
    "template':{'"                                                                                 \
    "metadata':{'labels':{'b':'x','a':'y'}},'spec':{'containers':[{'name':'c','image':'i'}]}}}}"
#define SCALE(replicas)                                                                            \
    "{'kind':'Scale','apiVersion':'autoscaling/v1','spec':{'replicas':" replicas "}}"

static void test_scale(void **state)
{
    static const struct row rows[] = {
        {"a Deployment", "POST", DEPLOYMENTS, DEPLOYMENT, 201, NULL, NULL, NULL},
        {"its selector as text", "GET", DEPLOYMENTS "/s/scale", NULL, 200,
         "'selector':'a in (y,z),b=x,!c'", NULL, NULL},
        {"apply meets the creator", "PATCH", DEPLOYMENTS "/s/scale?fieldManager=me", SCALE("3"),
         409, ".spec.replicas", APPLY, NULL},
        {"apply by force", "PATCH", DEPLOYMENTS "/s/scale?fieldManager=me&force=true", SCALE("3"),
         200, "'kind':'Scale'", APPLY, NULL},
        {"its field is me's", "GET", DEPLOYMENTS "/s", NULL, 200,
         "{'manager':'me','operation':'Apply','apiVersion':'apps/v1',", NULL, NULL},
        {"through scale", "GET", DEPLOYMENTS "/s", NULL, 200,
         "'fieldsV1':{'f:spec':{'f:replicas':{}}},'subresource':'scale'}", NULL, NULL},
        {"a Deployment is no Scale", "PATCH", DEPLOYMENTS "/s/scale?fieldManager=me",
         "{'kind':'Deployment','apiVersion':'apps/v1'}", 400,
         "do not match the expected ones (autoscaling/v1, Scale)", APPLY, NULL},
        {"nothing to scale", "PATCH", DEPLOYMENTS "/none/scale?fieldManager=me", SCALE("3"), 404,
         NULL, APPLY, NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

#define TARGET "'scaleTargetRef':{'kind':'Deployment','name':'s'},'maxReplicas':5"

static void test_autoscalers(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"v1 with a percentage", "POST", HPA_V1,
         "{'metadata':{'name':'a'},'spec':{" TARGET ",'targetCPUUtilizationPercentage':40}}", 201,
         "'targetCPUUtilizationPercentage':40", NULL, "metrics"},
        {"is a metric in v2", "GET", HPA_V2 "/a", NULL, 200,
         "'averageUtilization':40", NULL, "'targetCPU"},
        {"v2 with more", "POST", HPA_V2,
         "{'metadata':{'name':'b'},'spec':{" TARGET ",'metrics':[{'type':'Resource','resource':{'name':'cpu','target':"
         "{'type':'Utilization','averageUtilization':50}}},{'type':'Pods','pods':{'metric':{'name':'rps'},'target':{"
         "'type':'AverageValue','averageValue':'10'}}}],'behavior':{'scaleDown':{'stabilizationWindowSeconds':60}}}}",
         201, "'rps'", NULL, NULL},
        {"is annotated in v1", "GET", HPA_V1 "/b", NULL, 200,
         "[{\\'type\\':\\'Pods\\',\\'pods\\':{\\'metricName\\':\\'rps\\',\\'targetAverageValue\\':\\'10\\'}}]", NULL,
         "'metrics':"},
        {"its behavior too", "GET", HPA_V1 "/b", NULL, 200, "\\'ScaleDown\\':{\\'StabilizationWindowSeconds\\':60,", NULL,
         NULL},
        {"a v1 patch keeps the rest", "PATCH", HPA_V1 "/b", "{'spec':{'targetCPUUtilizationPercentage':60}}", 200,
         "'targetCPUUtilizationPercentage':60", MERGE, NULL},
        {"in v2", "GET", HPA_V2 "/b", NULL, 200, "'rps'", NULL, "autoscaling.alpha"},
        {"with the new percentage", "GET", HPA_V2 "/b", NULL, 200, "'averageUtilization':60", NULL, NULL},
        {"and the behavior", "GET", HPA_V2 "/b", NULL, 200, "'stabilizationWindowSeconds':60", NULL, NULL},
        {"v1's list", "GET", HPA_V1, NULL, 200, "'status':{'currentReplicas':0,'desiredReplicas':0}", NULL,
         "'metrics':["},
        {"v1's status", "PATCH", HPA_V1 "/a/status",
         "{'status':{'currentReplicas':2,'desiredReplicas':3,'currentCPUUtilizationPercentage':12}}", 200,
         "'currentCPUUtilizationPercentage':12", MERGE, NULL},
        {"is v2's", "GET", HPA_V2 "/a", NULL, 200, "'current':{'averageUtilization':12}", NULL, NULL},
        {"apply in v1", "PATCH", HPA_V1 "/c?fieldManager=me",
         "{'kind':'HorizontalPodAutoscaler','apiVersion':'autoscaling/v1','spec':{" TARGET
         ",'targetCPUUtilizationPercentage':30}}",
         201, "'apiVersion':'autoscaling/v1'", APPLY, NULL},
        {"apply again", "PATCH", HPA_V1 "/c?fieldManager=me",
         "{'kind':'HorizontalPodAutoscaler','apiVersion':'autoscaling/v1','spec':{" TARGET
         ",'targetCPUUtilizationPercentage':31}}",
         200, "'f:targetCPUUtilizationPercentage':{}", APPLY, NULL},
        {"an annotation that is no metrics", "POST", HPA_V1,
         "{'metadata':{'name':'d','annotations':{'autoscaling.alpha.kubernetes.io/metrics':'[[]]'}},'spec':{" TARGET "}}",
         201, "'targetCPUUtilizationPercentage':80", NULL, "alpha"},
    };
    /* clang-format on */
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_events(void **state)
{
    static const struct row rows[] = {
        {"apply of an event", "PATCH", EVENTS "/e?fieldManager=me",
         "{'kind':'Event','apiVersion':'events.k8s.io/"
         "v1','eventTime':'2024-01-01T00:00:00.000000Z','note':'n',"
         "'reason':'r','action':'a','type':'Normal','reportingController':'x.y/"
         "z','reportingInstance':'i',"
         "'regarding':{'kind':'Pod','namespace':'default','name':'p'}}",
         201, "'note':'n'", APPLY, NULL},
        {"in core", "GET", NS "/events/e", NULL, 200, "'message':'n'", NULL, "'note'"},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

#define CLASSES "/apis/node.k8s.io/v1/runtimeclasses"
#define PODS    NS "/pods"
#define POD(name, spec)                                                                            \
    "{'metadata':{'name':'" name "'},'spec':{" spec "'automountServiceAccountToken':false,"        \
    "'containers':[{'name':'c','image':'i'}]}}"
#define FORBIDDEN(name) "pods \\'" name "\\' is forbidden: "
#define MISMATCH        "pod rejected: Pod"

static void test_runtime_classes(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"no class", "POST", PODS, POD("p", "'runtimeClassName':'no',"), 403,
         FORBIDDEN("p") "pod rejected: RuntimeClass \\'no\\' not found", NULL, NULL},
        {"an empty name", "POST", PODS, POD("p", "'runtimeClassName':'',"), 403, "RuntimeClass \\'\\' not found", NULL, NULL},
        {"overhead alone", "POST", PODS, POD("p", "'overhead':{'cpu':'1'},"), 403,
         FORBIDDEN("p") "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead", NULL, NULL},
        {"a plain class", "POST", CLASSES, "{'metadata':{'name':'plain'},'handler':'runc'}", 201, NULL, NULL, NULL},
        {"a Pod of it", "POST", PODS, POD("plain", "'runtimeClassName':'plain',"), 201, "'runtimeClassName':'plain'", NULL,
         "'overhead'"},
        {"which gives no overhead", "POST", PODS, POD("p", "'runtimeClassName':'plain','overhead':{'cpu':'1'},"), 403,
         "without corresponding RuntimeClass", NULL, NULL},
        {"a class that takes room", "POST", CLASSES,
         "{'metadata':{'name':'heavy'},'handler':'h','overhead':{'podFixed':{'cpu':'1','memory':'1Gi'}},'scheduling':{"
         "'nodeSelector':{'runtime':'h'},'tolerations':[{'key':'h','operator':'Exists'},{'key':'g','operator':'Equal',"
         "'value':'v'}]}}",
         201, NULL, NULL, NULL},
        {"fills it in", "POST", PODS, POD("filled", "'runtimeClassName':'heavy','nodeSelector':{'own':'x'},"), 201,
         "'overhead':{'cpu':'1','memory':'1Gi'}", NULL, NULL},
        {"both selectors", "GET", PODS "/filled", NULL, 200, "'nodeSelector':{'own':'x','runtime':'h'}", NULL, NULL},
        {"its tolerations follow", "GET", PODS "/filled", NULL, 200,
         "'tolerationSeconds':300},{'key':'h','operator':'Exists'},{'key':'g','operator':'Equal','value':'v'}]", NULL, NULL},
        {"the same amount", "POST", PODS, POD("same", "'runtimeClassName':'heavy','overhead':{'cpu':'1000m','memory':'1024Mi'},"),
         201, "'overhead':{'cpu':'1','memory':'1Gi'}", NULL, NULL},
        {"another amount", "POST", PODS, POD("p", "'runtimeClassName':'heavy','overhead':{'cpu':'2','memory':'1Gi'},"), 403,
         FORBIDDEN("p") MISMATCH, NULL, NULL},
        {"one amount of two", "POST", PODS, POD("p", "'runtimeClassName':'heavy','overhead':{'cpu':'1'},"), 403, NULL, NULL, NULL},
        {"another node", "POST", PODS, POD("p", "'runtimeClassName':'heavy','nodeSelector':{'runtime':'own'},"), 403,
         FORBIDDEN("p") "conflict: runtimeClass.scheduling.nodeSelector[runtime] = h; pod.spec.nodeSelector[runtime] = own",
         NULL, NULL},
        {"a wider toleration", "POST", PODS,
         POD("wide", "'runtimeClassName':'heavy','tolerations':[{'key':'h','operator':'Exists','effect':'NoSchedule'},"
                     "{'key':'g','operator':'Exists'}],"),
         201, "'tolerations':[{'key':'g','operator':'Exists'},{'key':'node", NULL, "'value':'v'"},
        {"is deleted", "DELETE", CLASSES "/plain", NULL, 200, NULL, NULL, NULL},
        {"and no more", "POST", PODS, POD("p", "'runtimeClassName':'plain',"), 403, "RuntimeClass \\'plain\\' not found", NULL,
         NULL},
    };
    /* clang-format on */
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

#define PRIORITIES "/apis/scheduling.k8s.io/v1/priorityclasses"
#define PRIORITY(name, value)                                                                      \
    "{'metadata':{'name':'" name "','labels':{'set':'mine'}},'value':" value "}"

static void test_priority_classes(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"one", "POST", PRIORITIES, PRIORITY("p1", "5"), 201, "'preemptionPolicy':'PreemptLowerPriority'", NULL, NULL},
        {"another", "POST", PRIORITIES, PRIORITY("p2", "6"), 201, NULL, NULL, NULL},
        {"its value is patched", "PATCH", PRIORITIES "/p1", "{'value':7}", 422, "value: Forbidden: may not be changed in an update.", MERGE, NULL},
        {"its value is put", "PUT", PRIORITIES "/p1", PRIORITY("p1", "7"), 422, "value: Forbidden: may not be changed in an update.", NULL, NULL},
        {"its policy is patched", "PATCH", PRIORITIES "/p1", "{'preemptionPolicy':'Never'}", 422, "preemptionPolicy: Invalid value", MERGE, NULL},
        {"what it is for", "PATCH", PRIORITIES "/p1", "{'description':'mine'}", 200, "'description':'mine'", MERGE, NULL},
        {"put", "PUT", PRIORITIES "/p2", PRIORITY("p2", "6"), 200, NULL, NULL, NULL},
        {"got", "GET", PRIORITIES "/p1", NULL, 200, "'value':5", NULL, NULL},
        {"listed", "GET", PRIORITIES "?labelSelector=set%3Dmine", NULL, 200, "'name':'p2'", NULL, "system-"},
        {"deleted", "DELETE", PRIORITIES "/p1", NULL, 200, NULL, NULL, NULL},
        {"all of them", "DELETE", PRIORITIES "?labelSelector=set%3Dmine", NULL, 200, NULL, NULL, NULL},
        {"are gone", "GET", PRIORITIES "/p2", NULL, 404, NULL, NULL, NULL},
    };
    /* clang-format on */
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_autoscalers),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_runtime_classes),
        cmocka_unit_test(test_priority_classes),
    };
    return fixture_run(&fixture, tests);
}
