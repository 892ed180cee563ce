/* What crosses from a tenant to the host, and what is refused. */
#include "tests/test.h"

#include <string.h>

#include "host/pod_notes.h"
#include "schema/meta.h"
#include "vcluster/names.h"
#include "vcluster/status.h"
#include "vcluster/translate.h"

static char *name_of(void *arg, const char *kind, const char *ns, const char *name)
{
    (void)arg;
    return xasprintf("%s-x-%s-x-acme-%s", name, ns, kind);
}

static char *claim_of(void *arg, const char *ns, const char *claim, struct error *err)
{
    (void)arg;
    if (strncmp(claim, "foreign", strlen("foreign")) != 0)
        return xasprintf("volume-of-%s-%s", ns, claim);
    error_set(err, ERROR_FORBIDDEN, "a foreign type");
    return NULL;
}

static char *node_of(void *arg, const char *pseudo)
{
    (void)arg;
    return strcmp(pseudo, "node-1") == 0 ? xstrdup("metal-1") : NULL;
}

static const struct translate_context context = {.cluster = "acme",
                                                 .host_ns = "warren-acme",
                                                 .host_name = "web-x-shop-x-acme",
                                                 .cluster_ip = "10.96.0.1",
                                                 .token_secret = "token-web-x-shop-x-acme",
                                                 .name_of = name_of,
                                                 .claim_of = claim_of,
                                                 .node_of = node_of};

static json_t *pod_with(const char *spec)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr)
    char *text =
        xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web\","
                  "\"namespace\":\"shop\",\"uid\":\"u1\","
                  "\"labels\":{\"app\":\"web\",\"tenancy.warren.dev/cluster\":\"globex\"},"
                  "\"annotations\":{\"note\":\"x\",\"tenancy.warren.dev/cluster\":\"globex\"},"
                  "\"ownerReferences\":[{\"kind\":\"Node\",\"name\":\"n\",\"uid\":\"u\","
                  "\"apiVersion\":\"v1\"}],"
                  "\"finalizers\":[\"stay\"]},\"spec\":%s}",
                  spec);
    json_t *pod = json_parse(str_of(text), JSON_LOAD_STRICT, &err);
    if (!pod)
        fail_msg("%s: %s", spec, err.message);
    return pod;
}

static void metadata_is_ours(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *pod =
        pod_with("{\"containers\":[{\"name\":\"c\",\"image\":\"busybox\"}],\"priority\":1000000,"
                 "\"preemptionPolicy\":\"Never\","
                 "\"serviceAccountName\":\"robot\",\"nodeName\":\"node-1\"}");
    json_auto_t *host = translate_pod(&context, pod, &err);
    assert_non_null(host);
    assert_string_equal(meta_name(host), "web-x-shop-x-acme");
    assert_string_equal(meta_namespace(host), "warren-acme");
    assert_string_equal(meta_label(host, NOTE_CLUSTER), "acme");
    assert_string_equal(meta_annotation(host, NOTE_CLUSTER), "acme");
    assert_string_equal(meta_annotation(host, NOTE_SERVICE_ACCOUNT), "robot");
    assert_string_equal(meta_annotation(host, "note"), "x");
    assert_string_equal(meta_annotation(host, POD_NOTE_PRIORITY), "1000000");
    assert_string_equal(meta_annotation(host, POD_NOTE_PREEMPTION), "Never");
    assert_string_equal(meta_label(host, "app"), "web");
    static const char *const absent[] = {"ownerReferences", "finalizers"};
    for (size_t i = 0; i < ARRAY_LEN(absent); i++)
        assert_null(json_at(host, "metadata", absent[i]));
    static const char *const not_crossing[] = {"priority", "nodeName", "priorityClassName",
                                               "preemptionPolicy"};
    for (size_t i = 0; i < ARRAY_LEN(not_crossing); i++)
        assert_null(json_at(host, "spec", not_crossing[i]));
    assert_string_equal(json_text(host, "spec", "serviceAccountName"), "default");
    assert_true(json_is_false(json_at(host, "spec", "automountServiceAccountToken")));
    const json_t *container = json_array_get(json_at(host, "spec", "containers"), 0);
    const json_t *dropped = json_at(container, "securityContext", "capabilities", "drop");
    assert_string_equal(json_string_value(json_array_get(dropped, 0)), "NET_RAW");
}

/* The host takes none with capabilities; its nodes refuse to start it. */
static void another_systems_pod_crosses_as_it_is(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *pod = pod_with("{\"containers\":[{\"name\":\"c\",\"image\":\"busybox\"}],"
                                "\"os\":{\"name\":\"windows\"}}");
    json_auto_t *host = translate_pod(&context, pod, &err);
    assert_non_null(host);
    assert_string_equal(json_text(host, "spec", "os", "name"), "windows");
    assert_null(
        json_object_get(json_array_get(json_at(host, "spec", "containers"), 0), "securityContext"));
}

static void claims_become_the_hosts(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *pod =
        pod_with("{\"volumes\":[{\"name\":\"v\",\"persistentVolumeClaim\":{\"claimName\":\"c\","
                 "\"readOnly\":true}},"
                 "{\"ephemeral\":{\"volumeClaimTemplate\":{\"spec\":{}}},\"name\":\"e\"}]}");
    json_auto_t *host = translate_pod(&context, pod, &err);
    assert_non_null(host);
    const json_t *named = json_array_get(json_at(host, "spec", "volumes"), 0),
                 *ephemeral = json_array_get(json_at(host, "spec", "volumes"), 1);
    assert_string_equal(json_text(named, "persistentVolumeClaim", "claimName"), "volume-of-shop-c");
    assert_true(json_is_true(json_at(named, "persistentVolumeClaim", "readOnly")));
    assert_string_equal(json_text(ephemeral, "persistentVolumeClaim", "claimName"),
                        "volume-of-shop-web-e");
    assert_null(json_at(ephemeral, "ephemeral"));
}

/* Each escape beside the harmless form of the same field. */
static void what_grants_rights_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *spec, *refusal; /* NULL: allowed */
        /* clang-format off */
    } rows[] = {
        {"host network", "{\"hostNetwork\":true}", "hostNetwork"},
        {"no host network", "{\"hostNetwork\":false}", NULL},
        {"host pid", "{\"hostPID\":true}", "hostPID"},
        {"host ipc", "{\"hostIPC\":true}", "hostIPC"},
        {"host path", "{\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/\"}}]}", "hostPath"},
        {"empty dir", "{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}", NULL},
        {"a claim", "{\"volumes\":[{\"name\":\"v\",\"persistentVolumeClaim\":{\"claimName\":\"c\"}}]}", NULL},
        {"a claim of a volume that the tenant made up",
         "{\"volumes\":[{\"name\":\"v\",\"persistentVolumeClaim\":{\"claimName\":\"foreign\"}}]}", "foreign"},
        {"a volume of another driver", "{\"volumes\":[{\"name\":\"v\",\"csi\":{\"driver\":\"d\"}}]}", "csi"},
        {"privileged", "{\"containers\":[{\"name\":\"c\",\"securityContext\":{\"privileged\":true}}]}", "privileged"},
        {"unprivileged", "{\"containers\":[{\"name\":\"c\",\"securityContext\":{\"privileged\":false}}]}", NULL},
        {"capability", "{\"containers\":[{\"name\":\"c\",\"securityContext\":{\"capabilities\":{\"add\":[\"SYS_ADMIN\"]}}}]}",
         "SYS_ADMIN"},
        {"small capability",
         "{\"containers\":[{\"name\":\"c\",\"securityContext\":{\"capabilities\":{\"add\":[\"NET_BIND_SERVICE\"],\"drop\":[\"ALL\"]}}}]}",
         NULL},
        {"unmasked proc", "{\"containers\":[{\"name\":\"c\",\"securityContext\":{\"procMount\":\"Unmasked\"}}]}", "procMount"},
        {"unconfined", "{\"securityContext\":{\"seccompProfile\":{\"type\":\"Unconfined\"}}}", "seccompProfile"},
        {"confined", "{\"securityContext\":{\"seccompProfile\":{\"type\":\"RuntimeDefault\"}}}", NULL},
        {"unsafe sysctl", "{\"securityContext\":{\"sysctls\":[{\"name\":\"kernel.msgmax\",\"value\":\"1\"}]}}", "kernel.msgmax"},
        {"host port", "{\"containers\":[{\"name\":\"c\",\"ports\":[{\"containerPort\":80,\"hostPort\":80}]}]}", "hostPort"},
        {"container port", "{\"containers\":[{\"name\":\"c\",\"ports\":[{\"containerPort\":80}]}]}", NULL},
        {"runtime class", "{\"runtimeClassName\":\"runc\",\"overhead\":{\"cpu\":\"1\"}}", NULL},
        {"reserved toleration", "{\"tolerations\":[{\"key\":\"tenancy.warren.dev/dedicated\",\"operator\":\"Exists\"}]}", "tolerations"},
        {"plain toleration", "{\"tolerations\":[{\"key\":\"gpu\",\"operator\":\"Exists\"}]}", NULL},
        {"other namespaces' pods",
         "{\"affinity\":{\"podAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{\"topologyKey\":\"t\","
         "\"namespaces\":[\"warren-globex\"]}]}}}",
         "affinity"},
        {"mount propagation",
         "{\"containers\":[{\"name\":\"c\",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/v\",\"mountPropagation\":\"Bidirectional\"}]}]}",
         "mountPropagation"},
        {"a host annotation by the downward API",
         "{\"containers\":[{\"name\":\"c\",\"env\":[{\"name\":\"E\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":"
         "\"metadata.annotations['tenancy.warren.dev/uid']\"}}}]}]}",
         "downward API"},
        {"a field of a later version", "{\"brandNewField\":{}}", "brandNewField"},
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        json_auto_t *pod = pod_with(rows[i].spec);
        json_auto_t *host = translate_pod(&context, pod, &err);
        if ((host == NULL) != (rows[i].refusal != NULL))
            fail_msg("%s: %s", rows[i].name, err.message ? err.message : "allowed");
        if (rows[i].refusal && !strstr(err.message, rows[i].refusal))
            fail_msg("%s: %s", rows[i].name, err.message);
    }
}

static void references_get_host_names(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *pod =
        pod_with("{\"containers\":[{\"name\":\"c\",\"envFrom\":[{\"secretRef\":{\"name\":\"s\"}}],"
                 "\"env\":[{\"name\":\"NS\",\"valueFrom\":"
                 "{\"fieldRef\":{\"fieldPath\":\"metadata.namespace\"}}}]}],"
                 "\"volumes\":[{\"name\":\"v\",\"projected\":{\"sources\":[{"
                 "\"serviceAccountToken\":{\"path\":\"token\",\"expirationSeconds\":3607}},"
                 "{\"configMap\":{\"name\":\"kube-root-ca.crt\"}}]}}]}");
    json_auto_t *host = translate_pod(&context, pod, &err);
    assert_non_null(host);
    const json_t *container = json_array_get(json_at(host, "spec", "containers"), 0);
    assert_string_equal(
        json_text(json_array_get(json_object_get(container, "envFrom"), 0), "secretRef", "name"),
        "s-x-shop-x-acme-secrets");
    const json_t *env = json_object_get(container, "env"),
                 *last = json_array_get(env, json_array_size(env) - 1);
    assert_string_equal(json_text(last, "valueFrom", "fieldRef", "fieldPath"),
                        "metadata.namespace");
    assert_string_equal(json_text(json_array_get(env, 0), "name"), "KUBERNETES_SERVICE_HOST");
    const json_t *sources =
        json_at(json_array_get(json_at(host, "spec", "volumes"), 0), "projected", "sources");
    assert_string_equal(json_text(json_array_get(sources, 0), "secret", "name"),
                        "token-web-x-shop-x-acme");
    assert_string_equal(json_text(json_array_get(sources, 1), "configMap", "name"),
                        "kube-root-ca.crt-x-shop-x-acme-configmaps");
    assert_int_equal(translate_pod_token_seconds(pod), 3607);
}

static bool owns_first(void *arg, const char *address)
{
    (void)arg;
    return strcmp(address, "10.244.0.5") == 0;
}

static void only_own_addresses_are_served(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    size_t dropped = 0;
    json_auto_t *slice =
        json_parse(STR("{\"metadata\":{\"name\":\"s\",\"namespace\":\"shop\"},\"addressType\":"
                       "\"IPv4\",\"endpoints\":["
                       "{\"addresses\":[\"10.244.0.5\"]},{\"addresses\":[\"10.244.0.9\"]},"
                       "{\"addresses\":[\"169.254.169.254\"]}],\"ports\":[{\"port\":80}]}"),
                   JSON_LOAD_STRICT, &err);
    json_auto_t *host = translate_endpointslice(&context, slice, "svc", owns_first, NULL, &dropped);
    assert_int_equal(dropped, 2);
    assert_int_equal(json_array_size(json_object_get(host, "endpoints")), 1);
    assert_string_equal(meta_label(host, "kubernetes.io/service-name"), "svc");
}

static void names_fit_and_differ(void **state)
{
    (void)state;
    char a[HOST_NAME_MAX + 1], b[HOST_NAME_MAX + 1];
    names_host_name("acme", "shop", "web", 0, a);
    assert_string_equal(a, "web-x-shop-x-acme");
    names_host_name("acme", "c", "a-x-b", 0, a);
    names_host_name("acme", "b-x-c", "a", 0, b);
    assert_string_equal(a, b); /* the reason for the mapping table */
    names_host_name("acme", "c", "a-x-b", 1, a);
    names_host_name("acme", "b-x-c", "a", 1, b);
    assert_string_not_equal(a, b);
    char longest[254];
    memset(longest, 'n', 253);
    longest[253] = '\0';
    names_host_name("acme", longest, longest, 0, a);
    assert_int_equal(strlen(a), HOST_NAME_MAX);
}

static char *known_name(void *arg, const char *host_name)
{
    (void)arg;
    return strcmp(host_name, "web-x-shop-x-acme") == 0 ? xstrdup("web") : NULL;
}

static void events_do_not_name_the_host(void **state)
{
    (void)state;
    char node[HOST_NAME_MAX + 1];
    names_pseudo_node("acme", "rack7.example", node);
    CLEANUP(free_ptr)
    char *text = status_text(
        "acme", "warren-acme", "shop", "rack7.example",
        "Successfully assigned warren-acme/web-x-shop-x-acme to rack7.example.", known_name, NULL);
    CLEANUP(free_ptr) char *want = xasprintf("Successfully assigned shop/web to %s.", node);
    assert_string_equal(text, want);
}

static void host_addresses_do_not_show(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *tenant = pod_with("{}");
    json_auto_t *host =
        json_parse(STR("{\"status\":{\"phase\":\"Running\",\"hostIP\":\"203.0.113.7\",\"podIP\":"
                       "\"10.244.0.5\","
                       "\"hostIPs\":[{\"ip\":\"203.0.113.7\"}],\"conditions\":[]}}"),
                   JSON_LOAD_STRICT, &err);
    json_auto_t *status = status_from_host("acme", tenant, host);
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_write(&text, status);
    assert_null(strstr(text.data, "203.0.113.7"));
    assert_string_equal(json_text(status, "podIP"), "10.244.0.5");
}

/* Nobody saw how its containers ended: what ran, or was to run, has failed; what had ended keeps
 * how. */
static void a_lost_pod_has_failed(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *tenant = json_parse(
        STR("{\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":"
            "\"True\"},"
            "{\"type\":\"PodScheduled\",\"status\":\"True\"}],"
            "\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{\"terminated\":{\"exitCode\":0}}"
            "},"
            "{\"name\":\"j\",\"state\":{\"waiting\":{}}}],"
            "\"containerStatuses\":[{\"name\":\"a\",\"ready\":true,\"state\":{\"running\":{}}},"
            "{\"name\":\"b\",\"state\":{\"waiting\":{}}},"
            "{\"name\":\"c\",\"state\":{\"terminated\":{\"exitCode\":3}}}]}}"),
        JSON_LOAD_STRICT, &err);
    json_auto_t *status = status_of_lost(tenant, 0);
    const json_t *conditions = json_object_get(status, "conditions"),
                 *containers = json_object_get(status, "containerStatuses"),
                 *inits = json_object_get(status, "initContainerStatuses");
    static const int64_t codes[] = {137, 137, 3};
    assert_string_equal(json_text(status, "phase"), "Failed");
    assert_string_equal(json_text(json_array_get(conditions, 0), "status"), "False");
    assert_string_equal(json_text(json_array_get(conditions, 1), "status"), "True");
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        assert_int_equal(json_integer_value(json_at(json_array_get(containers, i), "state",
                                                    "terminated", "exitCode")),
                         codes[i]);
    assert_true(json_is_false(json_at(json_array_get(containers, 0), "ready")));
    assert_int_equal(
        json_integer_value(json_at(json_array_get(inits, 0), "state", "terminated", "exitCode")),
        0);
    assert_non_null(json_at(json_array_get(inits, 1), "state", "waiting"));
    json_auto_t *after = json_pack("{s:O}", "status", status);
    json_auto_t *again = status_of_lost(after, 1);
    assert_true(json_equal(status, again));
}

/* What a readiness gate names is the tenant's to say: it goes over, and the host's word of it does
 * not come back. */
static void readiness_gates_are_the_tenants(void **state)
{
    (void)state;
    json_auto_t *tenant = json_pack("{s:{s:[{s:s}]}, s:{s:[{s:s, s:s}, {s:s, s:s}]}}", "spec",
                                    "readinessGates", "conditionType", "example.com/ok", "status",
                                    "conditions", "type", "example.com/ok", "status", "True",
                                    "type", "example.com/other", "status", "True");
    json_auto_t *host =
        json_pack("{s:{s:[{s:s, s:s}, {s:s, s:s}]}}", "status", "conditions", "type", "Ready",
                  "status", "False", "type", "example.com/ok", "status", "False");
    json_auto_t *next = status_gates_to_host(tenant, host);
    const json_t *conditions = json_at(next, "status", "conditions");
    assert_int_equal(json_array_size(conditions), 2);
    assert_string_equal(json_text(json_array_get(conditions, 0), "type"), "Ready");
    assert_string_equal(json_text(json_array_get(conditions, 1), "status"), "True");
    assert_null(status_gates_to_host(tenant, next)); /* told once */
    json_auto_t *status = status_from_host("acme", tenant, host);
    conditions = json_object_get(status, "conditions");
    assert_int_equal(json_array_size(conditions), 3);
    assert_string_equal(json_text(json_array_get(conditions, 1), "type"), "example.com/ok");
    assert_string_equal(json_text(json_array_get(conditions, 1), "status"), "True");
}

/* A class is the tenant's own word: the host's API never hears it, and a node learns at most which
 * runtime it lacks. */
static void a_runtime_class_chooses_nothing(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    struct translate_context named = context;
    json_auto_t *pod =
        pod_with("{\"runtimeClassName\":\"sandboxed\",\"overhead\":{\"cpu\":\"250m\"}}");
    json_set_text(json_at(pod, "metadata", "annotations"), POD_NOTE_HANDLER, "mine");
    json_auto_t *host = translate_pod(&context, pod, &err);
    assert_non_null(host);
    assert_null(json_at(host, "spec", "runtimeClassName"));
    assert_null(meta_annotation(host, POD_NOTE_HANDLER));
    assert_string_equal(json_text(host, "spec", "overhead", "cpu"), "250m");
    named.handler = "kata";
    json_auto_t *other = translate_pod(&named, pod, &err);
    assert_string_equal(meta_annotation(other, POD_NOTE_HANDLER), "kata");
}

/* Each audience has a token of its own in the Pod's Secret. */
static void audiences_have_keys(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(strset_clear) struct strset audiences = {0};
    char key[TOKEN_KEY_SIZE];
    json_auto_t *pod = pod_with("{\"volumes\":[{\"name\":\"v\",\"projected\":{\"sources\":[{"
                                "\"serviceAccountToken\":{\"path\":\"own\"}},"
                                "{\"serviceAccountToken\":{\"path\":\"vault\",\"audience\":"
                                "\"vault\",\"expirationSeconds\":7200}}]}}]}");
    json_auto_t *host = translate_pod(&context, pod, &err);
    const json_t *sources =
        json_at(json_array_get(json_at(host, "spec", "volumes"), 0), "projected", "sources");
    const json_t *own = json_array_get(json_at(json_array_get(sources, 0), "secret", "items"), 0),
                 *vault = json_array_get(json_at(json_array_get(sources, 1), "secret", "items"), 0);
    assert_string_equal(json_text(own, "key"), "token");
    translate_token_key("vault", key);
    assert_string_equal(json_text(vault, "key"), key);
    assert_string_equal(json_text(vault, "path"), "vault");
    translate_pod_audiences(pod, &audiences);
    assert_int_equal(audiences.count, 2);
    assert_int_equal(translate_pod_token_seconds(pod), 7200);
}

/* It is of the taints that the tenant sees. */
static void a_toleration_of_all_stays(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *pod = pod_with(
        "{\"tolerations\":[{\"operator\":\"Exists\"},{\"key\":\"gpu\",\"operator\":\"Exists\"}]}");
    json_auto_t *host = translate_pod(&context, pod, &err);
    const json_t *crossed = json_at(host, "spec", "tolerations");
    assert_int_equal(json_array_size(crossed), 1);
    assert_string_equal(json_text(json_array_get(crossed, 0), "key"), "gpu");
    assert_string_equal(meta_annotation(host, POD_NOTE_TOLERATIONS), "[{\"operator\":\"Exists\"}]");
}

/* What every DaemonSet of a chart has, and what would put a Pod onto the operator's machines. */
static void a_toleration_of_a_role_stays(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *pod = pod_with("{\"tolerations\":[{\"key\":\"node-role.kubernetes.io/"
                                "control-plane\",\"operator\":\"Exists\"}]}");
    json_auto_t *host = translate_pod(&context, pod, &err);
    assert_non_null(host);
    assert_int_equal(json_array_size(json_at(host, "spec", "tolerations")), 0);
    assert_non_null(meta_annotation(host, POD_NOTE_TOLERATIONS));
}

static void debuggers_cross_as_containers_do(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *pod =
        pod_with("{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],\"ephemeralContainers\":[{"
                 "\"name\":\"d\","
                 "\"image\":\"i\",\"targetContainerName\":\"c\",\"stdin\":true,\"tty\":true}]}");
    json_auto_t *host = translate_pod(&context, pod, &err);
    const json_t *one = json_array_get(json_at(host, "spec", "ephemeralContainers"), 0);
    assert_string_equal(json_text(one, "targetContainerName"), "c");
    const json_t *dropped = json_at(one, "securityContext", "capabilities", "drop");
    assert_string_equal(json_string_value(json_array_get(dropped, 0)), "NET_RAW");
    json_auto_t *privileged = pod_with(
        "{\"ephemeralContainers\":[{\"name\":\"d\",\"securityContext\":{\"privileged\":true}}]}");
    assert_null(translate_pod(&context, privileged, &err));
    assert_non_null(strstr(err.message, "privileged"));
}

/* A tenant's node names become the host's; the host's own are found by nobody. */
static void nodes_are_named_as_on_the_host(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *pod =
        pod_with("{\"containers\":[{\"name\":\"c\",\"image\":\"busybox\"}],\"nodeSelector\":{"
                 "\"kubernetes.io/hostname\":\"metal-1\"},"
                 "\"affinity\":{\"nodeAffinity\":{"
                 "\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":"
                 "[{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\",\"values\":["
                 "\"node-1\"]}]}]}}}}");
    json_auto_t *host = translate_pod(&context, pod, &err);
    assert_non_null(host);
    const json_t *terms =
        json_at(host, "spec", "affinity", "nodeAffinity",
                "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms");
    const json_t *field = json_array_get(json_at(json_array_get(terms, 0), "matchFields"), 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(field, "values"), 0)),
                        "metal-1");
    assert_string_equal(json_text(host, "spec", "nodeSelector", "kubernetes.io/hostname"),
                        "no-such-node.invalid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_named_as_on_the_host),
        cmocka_unit_test(metadata_is_ours),
        cmocka_unit_test(another_systems_pod_crosses_as_it_is),
        cmocka_unit_test(what_grants_rights_is_refused),
        cmocka_unit_test(references_get_host_names),
        cmocka_unit_test(only_own_addresses_are_served),
        cmocka_unit_test(names_fit_and_differ),
        cmocka_unit_test(events_do_not_name_the_host),
        cmocka_unit_test(host_addresses_do_not_show),
        cmocka_unit_test(claims_become_the_hosts),
        cmocka_unit_test(a_lost_pod_has_failed),
        cmocka_unit_test(readiness_gates_are_the_tenants),
        cmocka_unit_test(a_runtime_class_chooses_nothing),
        cmocka_unit_test(audiences_have_keys),
        cmocka_unit_test(a_toleration_of_all_stays),
        cmocka_unit_test(a_toleration_of_a_role_stays),
        cmocka_unit_test(debuggers_cross_as_containers_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
