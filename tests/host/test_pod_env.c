/* Environments: expansion, references, what wins over what. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "host/node/pod_env.h"
#include "host/node/pod_files.h"
#include "host/node/services.h"

static void test_expansion(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", ""},          {"plain", "plain"},
        {"$(A)", "1"},     {"x$(A)$(B)y", "x12y"},
        {"$(C)", "3"},     {"$(UNKNOWN)", "$(UNKNOWN)"},
        {"$$(A)", "$(A)"}, {"$$$(A)", "$1"},
        {"$(A", "$(A"},    {"$", "$"},
        {"$A", "$A"},      {"$()", "$()"},
    };
    CLEANUP(env_clear) struct env first = {0}, second = {0};
    assert_true(env_set(&first, "A", "1") && env_set(&first, "B", "2"));
    assert_true(env_set(&second, "A", "hidden") && env_set(&second, "C", "3"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr) char *got = env_expand(rows[i].text, &first, &second);
        assert_string_equal(got, rows[i].want);
    }
}

static bool get_object(void *arg, const char *resource, const char *name, json_t **out,
                       struct error *err)
{
    const json_t *found = json_at(arg, resource, name);
    if (!found)
        return error_not_found(err, resource, name);
    *out = json_deep_copy(found);
    return true;
}

static json_t *parse(const char *text)
{
    CLEANUP(error_clear) struct error err = {0};
    json_t *value = json_parse(str_of(text), JSON_LOAD_STRICT, &err);
    assert_non_null(value);
    return value;
}

static const char *const objects_text = "{\"configmaps\":{\"c\":{\"data\":{\"k\":\"v\",\"b=d\":"
                                        "\"no\"},\"binaryData\":{\"bin\":\"aGk=\"}}},"
                                        "\"secrets\":{\"s\":{\"data\":{\"p\":\"c2VjcmV0\"}}}}";
static const char *const pod_text =
    "{\"metadata\":{\"name\":\"h\",\"namespace\":\"host\",\"uid\":\"u\",\"labels\":{\"b\":\"2\","
    "\"a\":\"x\\\"y\","
    "\"tenancy.warren.dev/cluster\":\"acme\"},\"annotations\":{\"tenancy.warren.dev/"
    "cluster\":\"acme\","
    "\"tenancy.warren.dev/name\":\"web\",\"tenancy.warren.dev/namespace\":\"shop\"}},"
    "\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"name\":\"m\",\"resources\":{\"limits\":{"
    "\"cpu\":\"1500m\"},"
    "\"requests\":{\"memory\":\"64Mi\"}}}]}}";

struct env_row {
    const char *name, *container;
    const char *want;  /* "K=V;K=V", or NULL */
    const char *error; /* or NULL */
};

static const struct env_row env_rows[] = {
    {"later wins, in its place",
     "{\"env\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"B\",\"value\":\"$(A)\"},{\"name\":"
     "\"A\",\"value\":\"3\"}]}",
     "A=3;B=1;SVC=x;", NULL},
    {"service variables expand and yield",
     "{\"env\":[{\"name\":\"SVC\",\"value\":\"mine-$(SVC)\"}]}", "SVC=mine-x;", NULL},
    {"envFrom with a prefix, env over it",
     "{\"envFrom\":[{\"prefix\":\"P_\",\"configMapRef\":{\"name\":\"c\"}},{\"secretRef\":{\"name\":"
     "\"s\"}}],"
     "\"env\":[{\"name\":\"p\",\"value\":\"plain\"}]}",
     "P_k=v;p=plain;SVC=x;", NULL},
    {"keys",
     "{\"env\":[{\"name\":\"K\",\"valueFrom\":{\"configMapKeyRef\":{\"name\":\"c\",\"key\":\"k\"}}}"
     ","
     "{\"name\":\"S\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"s\",\"key\":\"p\"}}}]}",
     "K=v;S=secret;SVC=x;", NULL},
    {"optional and absent",
     "{\"envFrom\":[{\"configMapRef\":{\"name\":\"no\",\"optional\":true}}],\"env\":[{\"name\":"
     "\"K\",\"valueFrom\":"
     "{\"secretKeyRef\":{\"name\":\"no\",\"key\":\"k\",\"optional\":true}}}]}",
     "SVC=x;", NULL},
    {"missing map",
     "{\"env\":[{\"name\":\"K\",\"valueFrom\":{\"configMapKeyRef\":{\"name\":\"no\",\"key\":\"k\"}}"
     "}]}",
     NULL, "configmap \"no\" not found"},
    {"missing secret", "{\"envFrom\":[{\"secretRef\":{\"name\":\"no\"}}]}", NULL,
     "secret \"no\" not found"},
    {"missing key",
     "{\"env\":[{\"name\":\"K\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"s\",\"key\":\"x\"}}}]}",
     NULL, "couldn't find key x in Secret shop/s"},
    {"the Pod's own fields, as its tenant sees them",
     "{\"env\":[{\"name\":\"N\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.name\"}}},"
     "{\"name\":\"NS\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.namespace\"}}},"
     "{\"name\":\"L\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.labels\"}}},"
     "{\"name\":\"LB\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.labels['b']\"}}},"
     "{\"name\":\"T\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.annotations['tenancy."
     "warren.dev/name']\"}}},"
     "{\"name\":\"IP\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"status.podIP\"}}}]}",
     "N=web;NS=shop;L=a=\"x\\\"y\"\nb=\"2\";LB=2;T=;IP=10.0.0.9;SVC=x;", NULL},
    {"bad field",
     "{\"env\":[{\"name\":\"N\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"spec.x\"}}}]}", NULL,
     "unsupported fieldPath: spec.x"},
    {"resources are rounded up",
     "{\"env\":[{\"name\":\"C\",\"valueFrom\":{\"resourceFieldRef\":{\"containerName\":\"m\","
     "\"resource\":\"limits.cpu\"}}},"
     "{\"name\":\"M\",\"valueFrom\":{\"resourceFieldRef\":{\"containerName\":\"m\",\"resource\":"
     "\"requests.memory\","
     "\"divisor\":\"1Mi\"}}},"
     "{\"name\":\"D\",\"valueFrom\":{\"resourceFieldRef\":{\"containerName\":\"m\",\"resource\":"
     "\"limits.memory\"}}}]}",
     "C=2;M=64;D=1000;SVC=x;", NULL},
};

static void test_build(void **state)
{
    (void)state;
    json_auto_t *objects = parse(objects_text), *pod = parse(pod_text);
    struct object_source source = {get_object, objects};
    struct pod_view view;
    pod_view_init(&view, pod);
    view.pod_ip = "10.0.0.9";
    view.allocatable_memory = 1000;
    for (size_t i = 0; i < ARRAY_LEN(env_rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(env_clear) struct env services = {0}, env = {0};
        CLEANUP(buf_free) struct buf got = BUF_TEXT;
        json_auto_t *container = parse(env_rows[i].container);
        assert_true(env_set(&services, "SVC", "x"));
        bool ok = pod_env_build(&view, container, &source, &services, &env, &err);
        for (size_t k = 0; k < env.count; k++)
            buf_printf(&got, "%s;", env.items[k]);
        if (ok != (env_rows[i].error == NULL) || (ok && strcmp(got.data, env_rows[i].want) != 0) ||
            (!ok && strcmp(err.message, env_rows[i].error) != 0))
            fail_msg("%s: got \"%s\" error \"%s\"", env_rows[i].name, got.data ? got.data : "",
                     err.message ? err.message : "");
    }
}

static void test_service_variables(void **state)
{
    (void)state;
    CLEANUP(env_clear) struct env env = {0};
    json_auto_t *ports = parse("[{\"name\":\"http\",\"port\":80,\"protocol\":\"TCP\"},{\"port\":53,"
                               "\"protocol\":\"UDP\"}]");
    service_env_add(&env, "my-svc", "10.96.0.7", ports);
    assert_string_equal(env_get(&env, "MY_SVC_SERVICE_HOST"), "10.96.0.7");
    assert_string_equal(env_get(&env, "MY_SVC_SERVICE_PORT"), "80");
    assert_string_equal(env_get(&env, "MY_SVC_SERVICE_PORT_HTTP"), "80");
    assert_string_equal(env_get(&env, "MY_SVC_PORT"), "tcp://10.96.0.7:80");
    assert_string_equal(env_get(&env, "MY_SVC_PORT_53_UDP"), "udp://10.96.0.7:53");
    assert_string_equal(env_get(&env, "MY_SVC_PORT_80_TCP_ADDR"), "10.96.0.7");
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *pod, *resolv, *hosts_end;
    } rows[] = {
        {"a tenant's Pod", NULL,
         "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver "
         "10.96.0.10\noptions ndots:5\n",
         "10.0.0.9\tweb\n"},
        {"none with config",
         "{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},\"spec\":{\"dnsPolicy\":\"None\","
         "\"hostname\":\"h\","
         "\"subdomain\":\"sub\",\"hostAliases\":[{\"ip\":\"1.2.3.4\",\"hostnames\":[\"a\","
         "\"b\\nevil\"]}],"
         "\"dnsConfig\":{\"nameservers\":[\"1.1.1.1\",\"2.2.2.2\\nevil\"],\"searches\":[\"x.y\"],"
         "\"options\":[{\"name\":\"ndots\",\"value\":\"1\"},{\"name\":\"edns0\"}]}}}",
         "search x.y\nnameserver 1.1.1.1\noptions ndots:1 edns0\n",
         "10.0.0.9\th.sub.n.svc.cluster.local\th\n\n# Entries added by HostAliases.\n1.2.3.4\ta\n"},
        {"the host's own", "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"dnsPolicy\":\"Default\"}}",
         NULL, "10.0.0.9\tp\n"},
        {"the host's network", "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"hostNetwork\":true}}",
         NULL, "# Kubernetes-managed hosts file (host network).\n4.3.2.1\tnode\n"},
    };
    struct dns_settings dns = {"10.96.0.10", "cluster.local"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *pod = parse(rows[i].pod ? rows[i].pod : pod_text);
        struct pod_view view;
        pod_view_init(&view, pod);
        view.pod_ip = "10.0.0.9";
        CLEANUP(free_ptr) char *resolv = pod_resolv_conf(&view, &dns);
        CLEANUP(free_ptr) char *hosts = pod_hosts_file(&view, &dns, "4.3.2.1\tnode\n");
        if (!text_eq(resolv, rows[i].resolv) || !text_ends(hosts, rows[i].hosts_end))
            fail_msg("%s: resolv \"%s\" hosts \"%s\"", rows[i].name, resolv ? resolv : "(none)",
                     hosts);
    }
}

static void test_kernel_hostname(void **state)
{
    static const struct {
        const char *name, *spec, *want; /* NULL: too long */
    } rows[] = {
        {"the Pod's name", "{}", "p"},
        {"no subdomain", "{\"setHostnameAsFQDN\":true}", "p"},
        {"not asked", "{\"hostname\":\"h\",\"subdomain\":\"s\"}", "h"},
        {"whole", "{\"hostname\":\"h\",\"subdomain\":\"s\",\"setHostnameAsFQDN\":true}",
         "h.s.n.svc.cluster.local"},
        {"64",
         "{\"hostname\":\"h\",\"subdomain\":\"sssssssss-sssssssss-sssssssss-sssssssss-ss\","
         "\"setHostnameAsFQDN\":true}",
         "h.sssssssss-sssssssss-sssssssss-sssssssss-ss.n.svc.cluster.local"},
        {"65",
         "{\"hostname\":\"h\",\"subdomain\":\"sssssssss-sssssssss-sssssssss-sssssssss-sss\","
         "\"setHostnameAsFQDN\":true}",
         NULL},
    };
    struct dns_settings dns = {"10.96.0.10", "cluster.local"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pod_view view;
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(free_ptr) char *name = NULL;
        CLEANUP(free_ptr)
        char *text = xasprintf("{\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},\"spec\":%s}",
                               rows[i].spec);
        json_auto_t *pod = parse(text);
        pod_view_init(&view, pod);
        bool ok = pod_kernel_hostname(&view, &dns, &name, &err);
        if (ok != (rows[i].want != NULL) || !text_eq(name, rows[i].want))
            fail_msg("%s: %s", rows[i].name, ok ? name : err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expansion), cmocka_unit_test(test_build),
        cmocka_unit_test(test_service_variables), cmocka_unit_test(test_files),
        cmocka_unit_test(test_kernel_hostname)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
