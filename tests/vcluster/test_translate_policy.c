/* A tenant's NetworkPolicies as ones of its host namespace: they select nobody else's Pods. */
#include "tests/test.h"

#include <string.h>

#include "schema/meta.h"
#include "vcluster/names.h"
#include "vcluster/translate.h"

static const struct translate_context context = {
    .cluster = "acme", .host_ns = "warren-acme", .host_name = "web-x-shop-x-acme"};

#define WITHIN(ns) "{key: tenancy.warren.dev/namespace, operator: In, values: [" ns "]}"
#define ANY        "{key: tenancy.warren.dev/namespace, operator: Exists}"
#define ABOUT_SHOP "podSelector: {matchExpressions: [" WITHIN("shop") "]}"
#define NAMESPACES                                                                                 \
    "[{metadata: {name: shop, labels: {team: red}}}, {metadata: {name: test, labels: {team: "      \
    "blue}}}, {metadata: {name: prod, labels: {team: blue, tier: one}}}]"

/* clang-format off */
static const struct {
    const char *name, *spec, *host; /* NULL: is refused */
} rows[] = {
    {"default deny", "{podSelector: {}, policyTypes: [Ingress]}", "{" ABOUT_SHOP ", policyTypes: [Ingress]}"},
    {"its subject", "{podSelector: {matchLabels: {app: web}, matchExpressions: [{key: a, operator: Exists}]}}",
     "{podSelector: {matchLabels: {app: web}, matchExpressions: [{key: a, operator: Exists}, " WITHIN("shop") "]}}"},
    {"everything", "{podSelector: {}, ingress: [{}], egress: [{ports: [], to: []}]}", "{" ABOUT_SHOP ", ingress: [{}], egress: [{}]}"},
    {"Pods of its own namespace", "{podSelector: {}, ingress: [{from: [{podSelector: {}}, {podSelector: {matchLabels: {a: b}}}]}]}",
     "{" ABOUT_SHOP ", ingress: [{from: [{" ABOUT_SHOP "}, {podSelector: {matchLabels: {a: b}, matchExpressions: [" WITHIN("shop") "]}}]}]}"},
    {"all namespaces", "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}", "{" ABOUT_SHOP ", ingress: [{from: [{podSelector: {matchExpressions: [" ANY "]}}]}]}"},
    {"some namespaces", "{podSelector: {}, egress: [{to: [{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {a: b}}}]}]}",
     "{" ABOUT_SHOP ", egress: [{to: [{podSelector: {matchLabels: {a: b}, matchExpressions: [" WITHIN("test, prod") "]}}]}]}"},
    {"no namespace", "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: green}}}]}]}",
     "{" ABOUT_SHOP ", ingress: [{from: [{podSelector: {matchExpressions: [" WITHIN("''") "]}}]}]}"},
    {"namespaces by the host's words", "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {tenancy.warren.dev/cluster: globex}}}]}]}",
     "{" ABOUT_SHOP ", ingress: [{from: [{podSelector: {matchExpressions: [" WITHIN("''") "]}}]}]}"},
    {"blocks and ports", "{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16], other: 1}}], ports: [{protocol: TCP, port: 80, endPort: 90, other: 1}, {port: http}]}]}",
     "{" ABOUT_SHOP ", egress: [{ports: [{protocol: TCP, port: 80, endPort: 90}, {port: http}], to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]}"},
    {"a subject by our labels", "{podSelector: {matchLabels: {tenancy.warren.dev/cluster: globex}}}", NULL},
    {"a peer by our labels", "{podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: [{key: tenancy.warren.dev/namespace, operator: DoesNotExist}]}}]}]}", NULL},
    {"an unknown member", "{podSelector: {}, nodeSelector: {a: b}}", "{" ABOUT_SHOP "}"},
};
/* clang-format on */

static json_t *parse(const char *text)
{
    CLEANUP(error_clear) struct error err = {0};
    json_t *value = yaml_parse(str_of(text), JSON_LOAD_STRICT, &err);
    if (!value)
        fail_msg("%s: %s", text, err.message);
    return value;
}

static void policies_stay_in_the_cluster(void **state)
{
    json_auto_t *namespaces = parse(NAMESPACES);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(free_ptr)
        char *text =
            xasprintf("{metadata: {name: web, namespace: shop, uid: u1}, spec: %s}", rows[i].spec);
        json_auto_t *policy = parse(text);
        json_auto_t *host = translate_network_policy(&context, policy, namespaces, &err);
        json_auto_t *want = rows[i].host ? parse(rows[i].host) : NULL;
        CLEANUP(buf_free) struct buf got = BUF_TEXT;
        if (host)
            json_write(&got, json_object_get(host, "spec"));
        if (!want != !host || (want && !json_equal(want, json_object_get(host, "spec"))))
            fail_msg("%s: %s %s", rows[i].name, host ? got.data : "",
                     err.message ? err.message : "");
        if (!want)
            assert_int_equal(err.reason, ERROR_FORBIDDEN);
    }
}

static void it_says_whose_it_is(void **state)
{
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *policy = parse("{metadata: {name: web, namespace: shop, uid: u1, annotations: "
                                "{tenancy.warren.dev/cluster: globex}}, spec: {podSelector: {}}}");
    json_auto_t *host = translate_network_policy(&context, policy, NULL, &err);
    (void)state;
    assert_non_null(host);
    assert_string_equal(meta_namespace(host), "warren-acme");
    assert_string_equal(meta_name(host), "web-x-shop-x-acme");
    assert_string_equal(meta_annotation(host, NOTE_CLUSTER), "acme");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(policies_stay_in_the_cluster),
                                       cmocka_unit_test(it_says_whose_it_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
