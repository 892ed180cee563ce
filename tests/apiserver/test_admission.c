/* The default admission plugins, one by one, over HTTP. No controller runs. */
#include "support_steps.h"
#include "tests/test.h"

#define SPACES    "/api/v1/namespaces"
#define DEFAULT   SPACES "/default"
#define STRATEGIC "application/strategic-merge-patch+json"

static struct fixture fixture;

static void run_steps(const struct step *steps, size_t count)
{
    steps_run(&fixture, steps, count);
}

#define NAMED(name, more)        "{\"metadata\":{\"name\":\"" name "\"}" more "}"
#define CONTAINER(name, more)    "{\"name\":\"" name "\",\"image\":\"i\"" more "}"
#define POD(name, spec)          NAMED(name, ",\"spec\":{" spec "\"containers\":[" CONTAINER("c", "") "]}")
#define POD_OF(name, containers) NAMED(name, ",\"spec\":{\"containers\":[" containers "]}")
#define MADE(name, path, body)                                                                     \
    {                                                                                              \
        name, "POST", path, body, 201, NULL, NULL, NULL, NULL                                      \
    }
#define SAID(name, path, body, want)                                                               \
    {                                                                                              \
        name, "POST", path, body, 201, want, NULL, NULL, NULL                                      \
    }
#define DENIED(name, path, body, want)                                                             \
    {                                                                                              \
        name, "POST", path, body, 403, want, NULL, NULL, NULL                                      \
    }

/* ---- NamespaceLifecycle ---- */

static void test_terminating(void **state)
{
    static const struct step steps[] = {
        {"nowhere", "POST", SPACES "/nowhere/configmaps", NAMED("c", ""), 404,
         "namespaces \\\"nowhere\\\" not found", NULL, NULL, NULL},
        MADE("a namespace that stays", SPACES,
             NAMED("going", ",\"spec\":{\"finalizers\":[\"x/y\"]}")),
        MADE("account", SPACES "/going/serviceaccounts", NAMED("default", "")),
        MADE("a Pod in it", SPACES "/going/pods", POD("p", "")),
        {"goes", "DELETE", SPACES "/going", NULL, 200, "Terminating", NULL, NULL, NULL},
        DENIED(
            "takes nothing more", SPACES "/going/configmaps", NAMED("c", ""),
            "configmaps \\\"c\\\" is forbidden: unable to create new content in namespace going "
            "because it is being terminated\",\"reason\":\"Forbidden\",\"details\":{\"name\":\"c\","
            "\"kind\":\"configmaps\",\"causes\":[{\"reason\":\"NamespaceTerminating\",\"message\":"
            "\"namespace going is being terminated\",\"field\":\"metadata.namespace\"}]}"),
        DENIED("nor evictions", SPACES "/going/pods/p/eviction", NAMED("p", ""),
               "unable to create new content in namespace going"),
        DENIED("nor bindings", SPACES "/going/pods/p/binding",
               NAMED("p", ",\"target\":{\"kind\":\"Node\",\"name\":\"n\"}"),
               "unable to create new content in namespace going"),
        DENIED("nor tokens", SPACES "/going/serviceaccounts/default/token", "{\"spec\":{}}",
               "serviceaccounts \\\"default\\\" is forbidden: unable to create new content"),
        {"but changes", "PATCH", SPACES "/going/pods/p",
         "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}", 200, NULL, NULL, NULL, NULL},
        SAID("and questions",
             "/apis/authorization.k8s.io/v1/namespaces/going/localsubjectaccessreviews",
             "{\"metadata\":{\"namespace\":\"going\"},\"spec\":{\"user\":\"u\","
             "\"resourceAttributes\":{\"namespace\":\"going\",\"verb\":\"get\",\"resource\":"
             "\"pods\"}}}",
             "\"allowed\":false"),
        {"never default", "DELETE", DEFAULT, NULL, 403,
         "namespaces \\\"default\\\" is forbidden: this namespace may not be deleted", NULL, NULL,
         NULL},
    };
    (void)state;
    run_steps(steps, ARRAY_LEN(steps));
}

/* ---- LimitRanger ---- */

static void test_limits(void **state)
{
    static const struct step steps[] = {
        MADE("namespace", SPACES, NAMED("limits", "")),
        MADE("account", SPACES "/limits/serviceaccounts", NAMED("default", "")),
        MADE("range", SPACES "/limits/limitranges",
             NAMED("l",
                   ",\"spec\":{\"limits\":[{\"type\":\"Container\",\"default\":{\"cpu\":\"1\"},"
                   "\"max\":{\"cpu\":\"2\"}},{\"type\":\"PersistentVolumeClaim\",\"max\":{"
                   "\"storage\":\"2Gi\"}}]}")),
        SAID("default", SPACES "/limits/pods", POD("p", ""),
             "LimitRanger plugin set: cpu request for container c; cpu limit for container c"),
        DENIED("too much", SPACES "/limits/pods",
               POD_OF("q", CONTAINER("c", ",\"resources\":{\"limits\":{\"cpu\":\"3\"}}")),
               "pods \\\"q\\\" is forbidden: maximum cpu usage per Container is 2, but limit is 3"),
        MADE("claim", SPACES "/limits/persistentvolumeclaims",
             NAMED("v",
                   ",\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{"
                   "\"storage\":\"1Gi\"}}}")),
        {"bound", "PATCH", SPACES "/limits/persistentvolumeclaims/v/status",
         "{\"status\":{\"phase\":\"Bound\"}}", 200, NULL, NULL, NULL, NULL},
        {"that may not grow so far", "PATCH", SPACES "/limits/persistentvolumeclaims/v",
         "{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"3Gi\"}}}}", 403,
         "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi", NULL, NULL,
         NULL},
    };
    (void)state;
    run_steps(steps, ARRAY_LEN(steps));
}

/* ---- ServiceAccount ---- */

#define MIRROR(name, spec)                                                                         \
    "{\"metadata\":{\"name\":\"" name                                                              \
    "\",\"annotations\":{\"kubernetes.io/config.mirror\":\"x\"}},"                                 \
    "\"spec\":{\"nodeName\":\"n\"," spec "\"containers\":[" CONTAINER("c", "") "]}}"
#define AS(account, more) "\"serviceAccountName\":\"" account "\"," more
#define PODS              DEFAULT "/pods"

static void test_accounts(void **state)
{
    static const struct step steps[] = {
        DENIED("no such account", PODS, POD("a1", AS("nobody", "")),
               "pods \\\"a1\\\" is forbidden: error looking up service account default/nobody: "
               "serviceaccount \\\"nobody\\\" not found"),
        MADE("quiet account", DEFAULT "/serviceaccounts",
             NAMED("quiet",
                   ",\"automountServiceAccountToken\":false,\"imagePullSecrets\":[{\"name\":"
                   "\"pull\"}]")),
        SAID("its pull secrets", PODS, POD("a2", AS("quiet", "")),
             "\"imagePullSecrets\":[{\"name\":\"pull\"}]"),
        SAID("the Pod decides of its token", PODS,
             POD("a3", AS("quiet", "\"automountServiceAccountToken\":true,")), "kube-api-access-"),
        DENIED("a mirror Pod has no account", PODS, MIRROR("m1", AS("quiet", "")),
               "a mirror pod may not reference service accounts"),
        DENIED("nor secrets", PODS,
               MIRROR("m2", "\"volumes\":[{\"name\":\"v\",\"secret\":{\"secretName\":\"s\"}}],"),
               "a mirror pod may not reference secrets"),
        DENIED("nor tokens", PODS,
               MIRROR("m3", "\"volumes\":[{\"name\":\"v\",\"projected\":{\"sources\":[{"
                            "\"serviceAccountToken\":{\"path\":\"t\"}}]}}],"),
               "a mirror pod may not use ServiceAccountToken volume projections"),
        MADE("mirror", PODS, MIRROR("m4", "")),
    };
    (void)state;
    run_steps(steps, ARRAY_LEN(steps));
}

#define FROM_SECRET(name)                                                                          \
    ",\"env\":[{\"name\":\"E\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"" name                  \
    "\",\"key\":\"k\"}}}]"
#define NOT_ITS "is not allowed because service account tight does not reference that "

static void test_mountable_secrets(void **state)
{
    static const struct step steps[] = {
        MADE("account", DEFAULT "/serviceaccounts",
             "{\"metadata\":{\"name\":\"tight\",\"annotations\":{"
             "\"kubernetes.io/"
             "enforce-mountable-secrets\":\"true\"}},\"secrets\":[{\"name\":\"mine\"}]}"),
        DENIED("volume", PODS,
               POD("s1", AS("tight",
                            "\"volumes\":[{\"name\":\"v\",\"secret\":{\"secretName\":\"s\"}}],")),
               "volume with secret.secretName=\\\"s\\\" " NOT_ITS "secret"),
        DENIED("variable", PODS,
               NAMED("s2", ",\"spec\":{" AS("tight", "") "\"containers\":[" CONTAINER(
                               "c", FROM_SECRET("s")) "]}"),
               "container c with envVar E referencing secret.secretName=\\\"s\\\" " NOT_ITS
               "secret"),
        DENIED(
            "all of a secret", PODS,
            NAMED(
                "s3",
                ",\"spec\":{" AS("tight", "") "\"initContainers\":[" CONTAINER(
                    "i",
                    ",\"envFrom\":[{\"secretRef\":{\"name\":\"s\"}}]") "],"
                                                                       "\"containers\":[" CONTAINER(
                                                                           "c", "") "]}"),
            "init container i with envFrom referencing secret.secretName=\\\"s\\\" " NOT_ITS
            "secret"),
        DENIED("pull secret", PODS,
               POD("s4", AS("tight", "\"imagePullSecrets\":[{\"name\":\"s\"}],")),
               "imagePullSecrets[0].name=\\\"s\\\" " NOT_ITS "imagePullSecret"),
        MADE("its own", PODS,
             NAMED("s5", ",\"spec\":{" AS("tight", "") "\"containers\":[" CONTAINER(
                             "c", FROM_SECRET("mine")) "]}")),
        {"a container for debugging", "PATCH", PODS "/s5/ephemeralcontainers",
         "{\"spec\":{\"ephemeralContainers\":[" CONTAINER("e", FROM_SECRET("s")) "]}}", 403,
         "ephemeral container e with envVar E referencing secret.secretName=\\\"s\\\" " NOT_ITS
         "secret",
         NULL, STRATEGIC, NULL},
        {"one that is fine", "PATCH", PODS "/s5/ephemeralcontainers",
         "{\"spec\":{\"ephemeralContainers\":[" CONTAINER("e", FROM_SECRET("mine")) "]}}", 200,
         NULL, NULL, STRATEGIC, NULL},
    };
    (void)state;
    run_steps(steps, ARRAY_LEN(steps));
}

/* ---- Priority ---- */

#define CLASSES             "/apis/scheduling.k8s.io/v1/priorityclasses"
#define CLASS(name, fields) NAMED(name, "," fields)

static void test_priority(void **state)
{
    static const struct step steps[] = {
        MADE("class", CLASSES, CLASS("calm", "\"value\":10,\"preemptionPolicy\":\"Never\"")),
        SAID("of it", PODS, POD("p1", "\"priorityClassName\":\"calm\","),
             "\"preemptionPolicy\":\"Never\""),
        DENIED("no such class", PODS, POD("p2", "\"priorityClassName\":\"none\","),
               "pods \\\"p2\\\" is forbidden: no PriorityClass with name none was found"),
        DENIED("another number", PODS, POD("p2", "\"priorityClassName\":\"calm\",\"priority\":5,"),
               "the integer value of priority (5) must not be provided in pod spec; priority "
               "admission controller computed 10 from the given PriorityClass name"),
        DENIED(
            "another policy", PODS,
            POD("p2",
                "\"priorityClassName\":\"calm\",\"preemptionPolicy\":\"PreemptLowerPriority\","),
            "the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in "
            "pod spec; priority admission controller computed Never from the given PriorityClass "
            "name"),
        DENIED("a policy without a class", PODS, POD("p2", "\"preemptionPolicy\":\"Never\","),
               "(Never) must not be provided in pod spec; priority admission controller computed "
               "PreemptLowerPriority"),
        {"a reserved name", "POST", CLASSES, CLASS("system-mine", "\"value\":1"), 422,
         "priority class names with 'system-' prefix are reserved for system use only", NULL, NULL,
         NULL},
        MADE("default", CLASSES, CLASS("usual", "\"value\":3,\"globalDefault\":true")),
        DENIED(
            "a second default", CLASSES, CLASS("other", "\"value\":4,\"globalDefault\":true"),
            "priorityclasses.scheduling.k8s.io \\\"other\\\" is forbidden: PriorityClass usual is "
            "already marked as default. Only one default can exist"),
        {"made one later", "PATCH", CLASSES "/calm", "{\"globalDefault\":true}", 403,
         "PriorityClass usual is already marked as default", NULL, NULL, NULL},
        {"itself again", "PATCH", CLASSES "/usual", "{\"description\":\"d\"}", 200, NULL, NULL,
         NULL, NULL},
        SAID("who says nothing", PODS, POD("p3", ""), "\"priorityClassName\":\"usual\""),
        {"put back without", "PATCH", PODS "/p3", "{\"spec\":{\"priority\":null}}", 200,
         "\"priority\":3", NULL, NULL, NULL},
        {"no default any more", "DELETE", CLASSES "/usual", NULL, 200, NULL, NULL, NULL, NULL},
    };
    (void)state;
    run_steps(steps, ARRAY_LEN(steps));
}

/* ---- tolerations, taints, classes, finalizers ---- */

#define NOT_READY "\"key\":\"node.kubernetes.io/not-ready\""

static void test_defaults(void **state)
{
    static const struct step steps[] = {
        SAID("tolerations", PODS, POD("t1", ""),
             "{" NOT_READY
             ",\"operator\":\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":300}"),
        SAID("but not those that are there", PODS,
             POD("t2", "\"tolerations\":[{\"operator\":\"Exists\"}],"),
             "\"tolerations\":[{\"operator\":\"Exists\"}]"),
        SAID("a new node's taint", "/api/v1/nodes", NAMED("t1", ""),
             "\"taints\":[{" NOT_READY ",\"effect\":\"NoSchedule\"}]"),
        SAID("beside one of another effect", "/api/v1/nodes",
             NAMED("t2", ",\"spec\":{\"taints\":[{" NOT_READY ",\"effect\":\"NoExecute\"}]}"),
             "{" NOT_READY ",\"effect\":\"NoSchedule\"}"),
        MADE("storage class", "/apis/storage.k8s.io/v1/storageclasses",
             "{\"metadata\":{\"name\":\"fast\",\"annotations\":{"
             "\"storageclass.kubernetes.io/is-default-class\":\"true\"}},\"provisioner\":\"x/y\"}"),
        SAID("a claim is of it", DEFAULT "/persistentvolumeclaims",
             NAMED("v",
                   ",\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{"
                   "\"storage\":\"1Gi\"}}}"),
             "\"storageClassName\":\"fast\""),
        {"and is kept while it is used", "GET", DEFAULT "/persistentvolumeclaims/v", NULL, 200,
         "\"finalizers\":[\"kubernetes.io/pvc-protection\"]", NULL, NULL, NULL},
        {"bound", "PATCH", DEFAULT "/persistentvolumeclaims/v/status",
         "{\"status\":{\"phase\":\"Bound\"}}", 200, NULL, NULL, NULL, NULL},
        {"and does not grow when its class does not let it", "PATCH",
         DEFAULT "/persistentvolumeclaims/v",
         "{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"2Gi\"}}}}", 403,
         "only dynamically provisioned pvc can be resized and the storageclass that provisions the "
         "pvc must support resize",
         NULL, NULL, NULL},
        MADE("ingress class", "/apis/networking.k8s.io/v1/ingressclasses",
             "{\"metadata\":{\"name\":\"front\",\"annotations\":{"
             "\"ingressclass.kubernetes.io/is-default-class\":\"true\"}},\"spec\":{\"controller\":"
             "\"x/y\"}}"),
        SAID("an Ingress is of it", "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
             NAMED("i", ",\"spec\":{\"defaultBackend\":{\"service\":{\"name\":\"s\",\"port\":{"
                        "\"number\":80}}}}"),
             "\"ingressClassName\":\"front\""),
    };
    (void)state;
    run_steps(steps, ARRAY_LEN(steps));
}

/* ---- NodeRestriction ---- */

#define LABELLED(name, label)                                                                      \
    "{\"metadata\":{\"name\":\"" name "\",\"labels\":{\"" label "\":\"x\"}}}"
#define NODES "/api/v1/nodes"

static void test_nodes(void **state)
{
    static const struct step steps[] = {
        {"another's Node", "POST", NODES, NAMED("n2", ""), 403,
         "node \\\"n1\\\" is not allowed to modify node \\\"n2\\\"", NULL, NULL, "n1"},
        {"a label that steers", "POST", NODES, LABELLED("n1", "node-restriction.kubernetes.io/a"),
         403,
         "node \\\"n1\\\" is not allowed to set the following labels: "
         "node-restriction.kubernetes.io/a",
         NULL, NULL, "n1"},
        {"a role", "POST", NODES, LABELLED("n1", "node-role.kubernetes.io/control-plane"), 403,
         "is not allowed to set the following labels: node-role.kubernetes.io/control-plane", NULL,
         NULL, "n1"},
        {"labels of its own", "POST", NODES, LABELLED("n1", "topology.kubernetes.io/zone"), 201,
         NULL, NULL, NULL, "n1"},
        {"others are free", "PATCH", NODES "/n1",
         "{\"metadata\":{\"labels\":{\"example.com/a\":\"b\"}}}", 200, NULL, NULL, NULL, "n1"},
        {"later, too", "PATCH", NODES "/n1",
         "{\"metadata\":{\"labels\":{\"node-role.kubernetes.io/x\":\"\"}}}", 403,
         "is not allowed to modify labels: node-role.kubernetes.io/x", NULL, NULL, "n1"},
        {"taints", "PATCH", NODES "/n1", "{\"spec\":{\"taints\":null}}", 403,
         "node \\\"n1\\\" is not allowed to modify taints", NULL, NULL, "n1"},
        MADE("a Pod of its own", PODS, POD("n1", "\"nodeName\":\"n1\",")),
        MADE("and of another", PODS, POD("n2", "\"nodeName\":\"n2\",")),
        {"a token for nothing", "POST", DEFAULT "/serviceaccounts/default/token", "{\"spec\":{}}",
         403,
         "serviceaccounts \\\"default\\\" is forbidden: node requested token not bound to a pod",
         NULL, NULL, "n1"},
        {"without a uid", "POST", DEFAULT "/serviceaccounts/default/token",
         "{\"spec\":{\"boundObjectRef\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"n1\"}}}",
         403, "node requested token with a pod binding without a uid", NULL, NULL, "n1"},
        {"of another Pod", "POST", DEFAULT "/serviceaccounts/default/token",
         "{\"spec\":{\"boundObjectRef\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"n1\","
         "\"uid\":\"x\"}}}",
         403, "the UID in the bound object reference (x) does not match the UID in record", NULL,
         NULL, "n1"},
    };
    (void)state;
    run_steps(steps, ARRAY_LEN(steps));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminating), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_accounts),    cmocka_unit_test(test_mountable_secrets),
        cmocka_unit_test(test_priority),    cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_nodes),
    };
    return fixture_run(&fixture, tests);
}
