/* What is warned of, in upstream's words. */
#include "schema/advice.h"

#include "tests/test.h"

#define TERM "{'matchExpressions':[{'key':'beta.kubernetes.io/os','operator':'Exists'}]}"

static const struct row {
    const char *name, *storage, *object, *old, *wanted; /* joined by newlines */
} rows[] = {
    {"nothing", "pods", "{'metadata':{'name':'a'},'spec':{'containers':[{'name':'c'}]}}", NULL, ""},
    {"another kind", "services", "{'metadata':{'name':'a.b'}}", NULL, ""},
    {"a dotted Pod", "pods", "{'metadata':{'name':'a.b'}}", NULL,
     "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
     "a DNS "
     "label is recommended: [must not contain dots]\n"},
    {"no word about updates of Pods", "pods",
     "{'metadata':{'name':'a.b'},'spec':{'nodeSelector':{'beta.kubernetes.io/os':'x'}}}", "{}", ""},
    {"labels", "pods",
     "{'spec':{'nodeSelector':{'beta.kubernetes.io/"
     "os':'linux','a':'b'},'affinity':{'nodeAffinity':{"
     "'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':[" TERM "]},"
     "'preferredDuringSchedulingIgnoredDuringExecution':[{'preference':" TERM "}]}}}}",
     NULL,
     "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" "
     "instead\n"
     "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms["
     "0]."
     "matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use "
     "\"kubernetes.io/os\" instead\n"
     "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference."
     "matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use "
     "\"kubernetes.io/os\" instead\n"},
    {"selectors that are not there", "deployments.apps",
     "{'metadata':{'name':'d'},'spec':{'template':{'spec':{'topologySpreadConstraints':[{'"
     "topologyKey':'k'}],"
     "'affinity':{'podAntiAffinity':{'preferredDuringSchedulingIgnoredDuringExecution':[{'"
     "podAffinityTerm':{}}]}}}}}}",
     NULL,
     "spec.template.spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results "
     "in matching no pod\n"
     "spec.template.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution["
     "0].podAffinityTerm."
     "labelSelector: a null labelSelector results in matching no pod\n"},
    {"the same template", "deployments.apps",
     "{'spec':{'template':{'spec':{'terminationGracePeriodSeconds':-1}}}}",
     "{'spec':{'template':{'spec':{'terminationGracePeriodSeconds':-1}}}}", ""},
    {"another template", "deployments.apps",
     "{'metadata':{'name':'a.b'},'spec':{'template':{'spec':{'terminationGracePeriodSeconds':-1}}}"
     "}",
     "{'spec':{'template':{'spec':{}}}}",
     "spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid "
     "and will be treated as 1\n"},
    {"containers", "cronjobs.batch",
     "{'metadata':{'name':'c'},'spec':{'jobTemplate':{'spec':{'template':{'spec':{'containers':[{'"
     "resources':{'limits':"
     "{'memory':'1500m'},'requests':{'cpu':'1500m'}},'env':[{'name':'A','value':'1'},{'name':'A','"
     "value':'$(A)2'},"
     "{'name':'A','value':'3'}],'ports':[{'containerPort':1},{'containerPort':1}]}]}}}}}}",
     NULL,
     "spec.jobTemplate.spec.template.spec.containers[0].resources.limits[memory]: fractional byte "
     "value \"1500m\" is invalid, "
     "must be an integer\n"
     "spec.jobTemplate.spec.template.spec.containers[0].env[2]: hides previous definition of "
     "\"A\", which may be dropped "
     "when using apply\n"
     "spec.jobTemplate.spec.template.spec.containers[0].ports[1]: duplicate port definition with "
     "spec.jobTemplate.spec.template.spec.containers[0].ports[0]\n"},
    {"lists", "podtemplates",
     "{'template':{'metadata':{'annotations':{'scheduler.alpha.kubernetes.io/"
     "critical-pod':''}},'spec':{'volumes':[{'gitRepo':{}}],"
     "'imagePullSecrets':[{'name':'a'},{'name':'a'},{}],'hostAliases':[{'ip':'::1'},{'ip':'::1'}]}}"
     "}",
     NULL,
     "template.metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in "
     "v1.16+; use the "
     "\"priorityClassName\" field instead\n"
     "template.spec.volumes[0].gitRepo: deprecated in v1.11\n"
     "template.spec.hostAliases[1].ip: duplicate ip \"::1\"\n"
     "template.spec.imagePullSecrets[1].name: duplicate name \"a\"\n"
     "template.spec.imagePullSecrets[2].name: invalid empty name \"\"\n"},
    {"a volume", "persistentvolumes",
     "{'spec':{'persistentVolumeReclaimPolicy':'Recycle','rbd':{}}}", NULL,
     "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the "
     "recommended approach is to use "
     "dynamic provisioning.\nspec.rbd: deprecated in v1.28, non-functional in v1.31+\n"},
    {"a claim", "persistentvolumeclaims",
     "{'metadata':{'annotations':{'volume.beta.kubernetes.io/storage-class':'x'}}}", NULL,
     "metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "
     "\"storageClassName\" attribute "
     "instead\n"},
    {"an Ingress", "ingresses.networking.k8s.io",
     "{'metadata':{'annotations':{'kubernetes.io/ingress.class':'x'}}}", NULL,
     "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' "
     "instead\n"},
};

/* With apostrophes for quotes. */
static json_t *tree(const char *text)
{
    CLEANUP(free_ptr) char *json = xstrdup(text ? text : "null");
    for (char *at = json; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    return json_loads(json, JSON_DECODE_ANY, NULL);
}

static void warnings_in_upstreams_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *object = tree(rows[i].object);
        json_auto_t *old = tree(rows[i].old);
        CLEANUP(buf_free) struct buf text = BUF_TEXT;
        struct warnings warnings = {0};
        assert_non_null(object);
        advise(rows[i].storage, object, json_is_object(old) ? old : NULL, &warnings);
        buf_add(&text, "", 0);
        for (size_t k = 0; k < warnings.count; k++)
            buf_printf(&text, "%s\n", warnings.items[k]);
        if (strcmp(text.data ? text.data : "", rows[i].wanted) != 0)
            fail_msg("%s: %s", rows[i].name, text.data);
        warnings_free(&warnings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(warnings_in_upstreams_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
