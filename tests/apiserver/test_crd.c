/* CustomResourceDefinitions and what they make, over HTTP: of two clusters only one has them. */
#include <string.h>

#include "support_fixture.h"
#include "tests/test.h"

#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define BEES "/apis/example.com/v1/namespaces/default/bees"

static struct fixture fixture;
static struct cluster *tenant; /* has no definitions */

static const char definition[] =
    "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
    "\"metadata\":{\"name\":\"bees.example.com\"},\"spec\":{\"group\":\"example.com\","
    "\"scope\":\"Namespaced\",\"names\":{\"plural\":\"bees\",\"kind\":\"Bee\",\"shortNames\":"
    "[\"bz\"],\"categories\":[\"all\"]},\"versions\":[{\"name\":\"v1\",\"served\":true,"
    "\"storage\":true,\"subresources\":{\"status\":{},\"scale\":{\"specReplicasPath\":"
    "\".spec.replicas\",\"statusReplicasPath\":\".status.replicas\"}},"
    "\"additionalPrinterColumns\":[{\"name\":\"Replicas\",\"type\":\"integer\",\"jsonPath\":"
    "\".spec.replicas\"}],\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{"
    "\"spec\":{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{\"name\":{\"type\":"
    "\"string\",\"pattern\":\"^[a-z]+$\"},\"replicas\":{\"type\":\"integer\",\"minimum\":1,"
    "\"default\":3},\"port\":{\"x-kubernetes-int-or-string\":true}}},\"status\":{\"type\":"
    "\"object\",\"properties\":{\"replicas\":{\"type\":\"integer\"}}}}}}},{\"name\":\"v1beta1\","
    "\"served\":true,\"storage\":false,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\","
    "\"x-kubernetes-preserve-unknown-fields\":true}}}]}}";

static void ask(const char *method, const char *path, const char *body, const char *type,
                const char *accept, struct answer *answer)
{
    fixture_ask(
        &fixture,
        &(struct ask){.method = method, .path = path, .body = body, .type = type, .accept = accept},
        answer);
}

/* One request to the cluster that has the definition; its body holds `want`. */
static void expect(const char *method, const char *path, const char *body, long code,
                   const char *want)
{
    fixture_expect(&fixture, "definitions", method, path, body, code, want);
}

static void test_define(void **state)
{
    (void)state;
    expect("GET", BEES, NULL, 404, NULL);
    expect("POST", CRDS, definition, 201, "\"type\":\"Established\"");
    expect("GET", BEES, NULL, 200, "BeeList");
    expect("GET", "/apis/example.com/v1", NULL, 200, "\"shortNames\":[\"bz\"]");
    expect("GET", "/apis", NULL, 200, "\"name\":\"example.com\"");
    expect("GET", "/openapi/v3/apis/example.com/v1", NULL, 200, "com.example.v1.Bee");
    struct api_caller caller = fixture_admin(&fixture, tenant);
    CLEANUP(error_clear) struct error err = {0};
    assert_false(api_get(&caller, "bees.example.com", "default", "a", NULL, &err));
    assert_int_equal(err.code, 404);
}

static void test_objects(void **state)
{
    struct answer answer;
    (void)state;
    expect("POST", BEES,
           "{\"kind\":\"Bee\",\"metadata\":{\"name\":\"a\"},\"spec\":{\"name\":\"maja\","
           "\"unknown\":1,\"port\":\"x\"},"
           "\"status\":{\"replicas\":7}}",
           201, "\"replicas\":3");
    ask("GET", BEES "/a", NULL, NULL, NULL, &answer);
    assert_null(json_at(answer.json, "spec", "unknown"));
    assert_null(json_at(answer.json, "status"));
    assert_int_equal(json_int_or(json_at(answer.json, "metadata", "generation"), 0), 1);
    answer_clear(&answer);
    expect("POST", BEES, "{\"kind\":\"Bee\",\"metadata\":{\"name\":\"b\"},\"spec\":{}}", 422,
           "spec.name: Required value");
    expect("POST", BEES,
           "{\"kind\":\"Bee\",\"metadata\":{\"name\":\"b\"},\"spec\":{\"name\":\"m\",\"replicas\":"
           "\"x\"}}",
           422,
           "spec.replicas: Invalid value: \\\"string\\\": spec.replicas in body must be of type "
           "integer: \\\"string\\\"");
    expect("POST", BEES,
           "{\"kind\":\"Bee\",\"metadata\":{\"name\":\"b\"},\"spec\":{\"name\":\"M\"}}", 422,
           "spec.name in body should match '^[a-z]+$'");
    expect("PATCH", BEES "/a", "{\"spec\":{\"replicas\":5}}", 200, "\"generation\":2");
    expect("PATCH", BEES "/a/status", "{\"spec\":{\"replicas\":9},\"status\":{\"replicas\":5}}",
           200, "\"generation\":2");
    expect("GET", BEES "/a/scale", NULL, 200, "\"spec\":{\"replicas\":5}");
    expect("PATCH", BEES "/a/scale", "{\"spec\":{\"replicas\":6}}", 200, "\"replicas\":6");
    expect("GET", "/apis/example.com/v1beta1/namespaces/default/bees/a", NULL, 200,
           "\"apiVersion\":\"example.com/v1beta1\"");
    expect(
        "GET", BEES, NULL, 200,
        "{\"apiVersion\":\"example.com/v1\",\"items\":[{\"apiVersion\":\"example.com/v1\",\"kind\":"
        "\"Bee\",");
    expect("GET", BEES, NULL, 200,
           "],\"kind\":\"BeeList\",\"metadata\":{\"continue\":\"\",\"resourceVersion\":");
    ask("GET", BEES, NULL, NULL, "application/vnd.kubernetes.protobuf", &answer);
    assert_int_equal(answer.code, 406);
    answer_clear(&answer);
    ask("PATCH", BEES "/a", "{}", "application/strategic-merge-patch+json", NULL, &answer);
    assert_int_equal(answer.code, 415);
    answer_clear(&answer);
}

static void test_apply(void **state)
{
    struct answer answer;
    (void)state;
    ask("PATCH", BEES "/applied?fieldManager=me",
        "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Bee\",\"metadata\":{\"name\":\"applied\"},"
        "\"spec\":{\"name\":\"willi\"}}",
        "application/apply-patch+yaml", NULL, &answer);
    assert_int_equal(answer.code, 201);
    assert_non_null(strstr(answer.body.data, "\"f:name\":{}"));
    answer_clear(&answer);
    ask("GET", BEES, NULL, NULL, "application/json;as=Table;v=v1;g=meta.k8s.io", &answer);
    assert_non_null(strstr(answer.body.data, "\"cells\":[\"applied\",3]"));
    answer_clear(&answer);
}

static void test_invalid_definitions(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *want;
    } rows[] = {
        {"{\"properties\":{}}", "must not be empty at the root"},
        {"{\"type\":\"object\",\"properties\":{\"a\":{}}}",
         "spec.validation.openAPIV3Schema.properties[a].type: Required value: must not be "
         "empty for specified object fields"},
        {"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"(\"}}}",
         "must be a valid regular expression"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr)
        char *body = xasprintf(
            "{\"metadata\":{\"name\":\"ants.example.com\"},\"spec\":{\"group\":\"example.com\","
            "\"scope\":\"Cluster\",\"names\":{\"plural\":\"ants\",\"kind\":\"Ant\"},\"versions\":"
            "[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":"
            "%s}}]}}",
            rows[i].schema);
        expect("POST", CRDS, body, 422, rows[i].want);
    }
}

static void test_delete(void **state)
{
    (void)state;
    expect("DELETE", CRDS "/bees.example.com", NULL, 200,
           "customresourcecleanup.apiextensions.k8s.io");
    expect("DELETE", BEES, NULL, 200, NULL);
    expect("PATCH", CRDS "/bees.example.com", "{\"metadata\":{\"finalizers\":null}}", 200, NULL);
    expect("GET", CRDS "/bees.example.com", NULL, 404, NULL);
    expect("GET", BEES, NULL, 404, NULL);
}

/* A group version that is built in is not another's, whatever is defined. */
static void test_built_in(void **state)
{
#define NETWORKING "/apis/networking.k8s.io"
    static const char foos[] =
        "{\"metadata\":{\"name\":\"foos.networking.k8s.io\",\"annotations\":{"
        "\"api-approved.kubernetes.io\":\"unapproved, for a test\"}},\"spec\":{\"group\":"
        "\"networking.k8s.io\",\"scope\":\"Cluster\",\"names\":{\"plural\":\"foos\",\"kind\":"
        "\"Foo\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{"
        "\"openAPIV3Schema\":{\"type\":\"object\"}}},{\"name\":\"v7\",\"served\":true,"
        "\"storage\":false,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}}]}}";
    static const struct {
        const char *path;
        bool there;
    } rows[] = {
        {NETWORKING "/v1", false},
        {NETWORKING "/v7", true},
        {"/openapi/v3" NETWORKING "/v1", false},
        {"/openapi/v3" NETWORKING "/v7", true},
    };
    struct answer answer;
    (void)state;
    expect("POST", CRDS, foos, 201, "\"type\":\"Established\"");
    expect("GET", NETWORKING "/v1/foos", NULL, 404, NULL);
    expect("GET", NETWORKING "/v1/networkpolicies", NULL, 200, "NetworkPolicyList");
    expect(
        "POST", NETWORKING "/v7/foos",
        "{\"kind\":\"Foo\",\"apiVersion\":\"networking.k8s.io/v7\",\"metadata\":{\"name\":\"f\"}}",
        201, NULL);
    expect("GET", NETWORKING "/v7/foos", NULL, 200, "\"name\":\"f\"");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask("GET", rows[i].path, NULL, NULL, NULL, &answer);
        if (answer.code != 200 || (strstr(answer.body.data, "foos") != NULL) != rows[i].there)
            fail_msg("%s: %ld", rows[i].path, answer.code);
        answer_clear(&answer);
    }
    expect("DELETE", NETWORKING "/v7/foos", NULL, 200, NULL);
    expect("PATCH", CRDS "/foos.networking.k8s.io", "{\"metadata\":{\"finalizers\":null}}", 200,
           NULL);
    expect("DELETE", CRDS "/foos.networking.k8s.io", NULL, 200, NULL);
}

/* What has the storage key of a built-in resource would lie among its objects: unchecked, and in a
 * tenant's cluster with what only the host's resources do. */
static void test_built_in_names(void **state)
{
    static const struct {
        const char *plural, *group;
    } rows[] = {
        {"tenants", "tenancy.warren.dev"},
        {"roles", "rbac.authorization.k8s.io"},
        {"ingresses", "networking.k8s.io"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr)
        char *body = xasprintf(
            "{\"metadata\":{\"name\":\"%s.%s\",\"annotations\":{\"api-approved.kubernetes.io\":"
            "\"unapproved, for a test\"}},\"spec\":{\"group\":\"%s\",\"scope\":\"Cluster\","
            "\"names\":{\"plural\":\"%s\",\"kind\":\"Thing\"},\"versions\":[{\"name\":\"v7\","
            "\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":"
            "\"object\"}}}]}}",
            rows[i].plural, rows[i].group, rows[i].group, rows[i].plural);
        CLEANUP(free_ptr) char *path = xasprintf("/apis/%s/v7/%s", rows[i].group, rows[i].plural);
        expect("POST", CRDS, body, 422, "is the name of a built-in resource");
        expect("GET", path, NULL, 404, NULL);
    }
}

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture);
    tenant = fixture_tenant(&fixture, "two");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_unref(tenant);
    fixture_stop(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_define),   cmocka_unit_test(test_objects),
        cmocka_unit_test(test_apply),    cmocka_unit_test(test_invalid_definitions),
        cmocka_unit_test(test_built_in), cmocka_unit_test(test_built_in_names),
        cmocka_unit_test(test_delete),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
