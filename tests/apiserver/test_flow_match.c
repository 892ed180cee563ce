/* Which FlowSchema an answer names, and what a cluster's own metrics show. */
#include <string.h>

#include "support_fixture.h"
#include "tests/test.h"

#define FLOW "/clusters/flow/apis/flowcontrol.apiserver.k8s.io/v1/"

static struct fixture fixture;
static struct cluster *tenant;
static char *tenant_token;

static char *made(const char *kind, const char *body)
{
    struct answer answer;
    CLEANUP(free_ptr) char *path = xasprintf(FLOW "%s", kind);
    fixture_ask(&fixture,
                &(struct ask){.method = "POST", .path = path, .body = body, .token = tenant_token},
                &answer);
    if (answer.code != 201)
        fail_msg("%s: %ld %s", kind, answer.code, answer.body.data);
    char *uid = xstrdup(json_text(answer.json, "metadata", "uid"));
    answer_clear(&answer);
    return uid;
}

static char *schema(const char *name, const char *level, int precedence, const char *subject,
                    const char *rules)
{
    CLEANUP(free_ptr)
    char *body = xasprintf("{\"metadata\":{\"name\":\"%s\"},\"spec\":{"
                           "\"priorityLevelConfiguration\":{\"name\":\"%s\"},"
                           "\"matchingPrecedence\":%d,\"rules\":[{\"subjects\":[%s],%s}]}}",
                           name, level, precedence, subject, rules);
    return made("flowschemas", body);
}

#define GROUP(name) "{\"kind\":\"Group\",\"group\":{\"name\":\"" name "\"}}"
#define ACCOUNTS                                                                                   \
    "{\"kind\":\"ServiceAccount\",\"serviceAccount\":{\"namespace\":\"a\",\"name\":\"*\"}}"
#define USER(name) "{\"kind\":\"User\",\"user\":{\"name\":\"" name "\"}}"
#define RESOURCE(verbs, resources, scope)                                                          \
    "\"resourceRules\":[{\"verbs\":[\"" verbs                                                      \
    "\"],\"apiGroups\":[\"\"],\"resources\":[\"" resources "\"]," scope "}]"
#define PATHS(paths)                                                                               \
    "\"nonResourceRules\":[{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"" paths "\"]}]"

static void ask_as(const char *path, const char *user, struct answer *answer)
{
    CLEANUP(free_ptr) char *header = user ? xasprintf("Impersonate-User: %s", user) : NULL;
    CLEANUP(free_ptr) char *whole = xasprintf("/clusters/flow%s", path);
    fixture_ask(
        &fixture,
        &(struct ask){.method = "GET", .path = whole, .header = header, .token = tenant_token},
        answer);
}

/* The uid in a header; "" for none. Borrowed from the answer. */
static struct str told(const struct answer *answer, const char *name)
{
    const char *at = strcasestr(answer->headers.data, name);
    at = at ? at + strlen(name) : "";
    return (struct str){at, strcspn(at, "\r")};
}

static void test_schemas(void **state)
{
    CLEANUP(free_ptr)
    char *level = made("prioritylevelconfigurations",
                       "{\"metadata\":{\"name\":\"l\"},\"spec\":{\"type\":\"Limited\",\"limited\":{"
                       "\"limitResponse\":{\"type\":\"Reject\"}}}}");
    char *uids[] = {
        schema("nowhere", "none", 2, GROUP("system:authenticated"),
               RESOURCE("*", "*", "\"clusterScope\":true")),
        schema("accounts", "l", 20, ACCOUNTS, RESOURCE("*", "*", "\"clusterScope\":true")),
        schema("pods", "l", 10, USER("jane"), RESOURCE("list", "pods", "\"namespaces\":[\"a\"]")),
        schema("logs", "l", 11, USER("*"),
               RESOURCE("get", "pods/status", "\"namespaces\":[\"*\"]")),
        schema("paths", "l", 12, USER("jane"), PATHS("/apis/*")),
        schema("a-rest", "l", 12, USER("jane"), PATHS("/apis/apps")),
    };
    enum { NOWHERE, ACCOUNT, PODS, LOGS, URLS, FIRST, NONE };
    const struct {
        const char *path, *user;
        int wanted;
    } rows[] = {
        {"/api/v1/pods", NULL, NONE}, /* a schema without a level does not count */
        {"/api/v1/namespaces/a/pods", "jane", PODS},
        {"/api/v1/namespaces/a/pods?watch=1", "jane", NONE},
        {"/api/v1/namespaces/b/pods", "jane", NONE},
        {"/api/v1/pods", "jane", NONE},
        {"/api/v1/namespaces/b/pods/p/status", "joe", LOGS},
        {"/api/v1/namespaces/b/pods/p/log", "joe", NONE},
        {"/api/v1/pods", "system:serviceaccount:a:x", ACCOUNT},
        {"/api/v1/pods", "system:serviceaccount:ab:x", NONE},
        {"/apis/batch", "jane", URLS},
        {"/apis/apps", "jane", FIRST}, /* of equal ones, by name */
        {"/apis", "jane", NONE},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer answer;
        bool none = rows[i].wanted == NONE;
        ask_as(rows[i].path, rows[i].user, &answer);
        if (!str_is(told(&answer, "X-Kubernetes-PF-FlowSchema-UID: "),
                    none ? "" : uids[rows[i].wanted]) ||
            !str_is(told(&answer, "X-Kubernetes-PF-PriorityLevel-UID: "), none ? "" : level))
            fail_msg("row %zu: %ld\n%s", i, answer.code, answer.headers.data);
        answer_clear(&answer);
    }
    struct answer answer;
    fixture_ask(
        &fixture,
        &(struct ask){.method = "DELETE", .path = FLOW "flowschemas/pods", .token = tenant_token},
        &answer);
    assert_int_equal(answer.code, 200);
    answer_clear(&answer);
    ask_as("/api/v1/namespaces/a/pods", "jane", &answer);
    assert_int_equal(told(&answer, "X-Kubernetes-PF-FlowSchema-UID: ").len, 0);
    answer_clear(&answer);
    for (size_t i = 0; i < ARRAY_LEN(uids); i++)
        free(uids[i]);
}

/* Of two clusters, each sees its own requests and objects alone; the host sees the process. */
static void test_metrics(void **state)
{
    struct answer answer;
    struct cluster *other = fixture_tenant(&fixture, "other");
    CLEANUP(free_ptr) char *other_token = fixture_token(&fixture, other);
    (void)state;
    ask_as("/api/v1/namespaces/a/secrets/none", NULL, &answer);
    answer_clear(&answer);
    ask_as("/metrics", "jane", &answer);
    assert_int_equal(answer.code, 403);
    answer_clear(&answer);
    ask_as("/metrics", NULL, &answer);
    assert_int_equal(answer.code, 200);
    assert_non_null(strstr(answer.headers.data, "text/plain; version=0.0.4"));
    assert_non_null(
        strstr(answer.body.data,
               "apiserver_request_total{code=\"404\",component=\"apiserver\",dry_run=\"\","
               "group=\"\",resource=\"secrets\",scope=\"resource\",subresource=\"\","
               "verb=\"GET\",version=\"v1\"} 1\n"));
    assert_non_null(strstr(answer.body.data, "apiserver_request_duration_seconds_count{"));
    assert_non_null(strstr(answer.body.data,
                           "apiserver_storage_objects{resource=\"prioritylevelconfigurations."
                           "flowcontrol.apiserver.k8s.io\"} 1\n"));
    assert_non_null(strstr(answer.body.data, "kubernetes_build_info{git_version=\"v1.32"));
    answer_clear(&answer);
    fixture_ask(
        &fixture,
        &(struct ask){.method = "GET", .path = "/clusters/other/metrics", .token = other_token},
        &answer);
    assert_int_equal(answer.code, 200);
    assert_null(strstr(answer.body.data, "secrets\",scope"));
    assert_null(strstr(answer.body.data, "prioritylevelconfigurations"));
    answer_clear(&answer);
    fixture_ask(&fixture, &(struct ask){.method = "GET", .path = "/metrics"}, &answer);
    assert_non_null(strstr(answer.body.data, "resource=\"secrets\",scope=\"resource\""));
    answer_clear(&answer);
    cluster_unref(other);
}

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture);
    tenant = fixture_tenant(&fixture, "flow");
    tenant_token = fixture_token(&fixture, tenant);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cluster_unref(tenant);
    free(tenant_token);
    fixture_stop(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schemas),
        cmocka_unit_test(test_metrics),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
