/* What webhooks are asked, and what becomes of what they change. */
#include <string.h>

#include "support_webhook.h"
#include "tests/test.h"

/* ---- what is asked ---- */

static void test_update_review(void **state)
{
    const char *const wanted[][2] = {
        {"operation", "\"UPDATE\""},
        {"name", "\"there\""},
        {"namespace", "\"default\""},
        {"kind", "{\"group\":\"\",\"version\":\"v1\",\"kind\":\"ConfigMap\"}"},
        {"resource", "{\"group\":\"\",\"version\":\"v1\",\"resource\":\"configmaps\"}"},
        {"requestKind", "{\"group\":\"\",\"version\":\"v1\",\"kind\":\"ConfigMap\"}"},
        {"requestResource", "{\"group\":\"\",\"version\":\"v1\",\"resource\":\"configmaps\"}"},
        {"dryRun", "true"},
        {"options",
         "{\"kind\":\"UpdateOptions\",\"apiVersion\":\"meta.k8s.io/v1\",\"dryRun\":[\"All\"],"
         "\"fieldManager\":\"me\"}"},
    };
    (void)state;
    hooked_configure_one(false, "ask", "/allow", ON("", "configmaps", "*"));
    fixture_expect(&hooked.fixture, "review", "PATCH", MAPS "/there?dryRun=All&fieldManager=me",
                   "{\"data\":{\"new\":\"1\"}}", 200, NULL);
    const json_t *request = hook_server_request(&hooked.hooks);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        CLEANUP(buf_free) struct buf text = BUF_TEXT;
        json_write(&text, json_object_get(request, wanted[i][0]));
        if (strcmp(text.data, wanted[i][1]) != 0)
            fail_msg("%s: %s", wanted[i][0], text.data);
    }
    assert_string_equal(json_text(request, "object", "data", "new"), "1");
    assert_null(json_at(request, "oldObject", "data", "new"));
    assert_string_equal(json_text(request, "oldObject", "kind"), "ConfigMap");
    assert_string_equal(json_text(request, "userInfo", "username"), "kubernetes-admin");
    assert_true(json_array_has_text(json_at(request, "userInfo", "groups"), "system:masters"));
    hooked_forget();
}

static void test_delete_review(void **state)
{
    (void)state;
    hooked_configure_one(false, "ask", "/allow", ON("", "configmaps", "*"));
    fixture_expect(&hooked.fixture, "review", "DELETE", MAPS "/there?dryRun=All", NULL, 200, NULL);
    const json_t *request = hook_server_request(&hooked.hooks);
    assert_true(json_is_null(json_object_get(request, "object")));
    assert_string_equal(json_text(request, "oldObject", "metadata", "name"), "there");
    hooked_forget();
}

/* Each object is shown, under the name that the request has: none. */
static void test_collection_review(void **state)
{
    (void)state;
    hooked_configure_one(true, "ask", "/allow", ON("", "configmaps", "*"));
    fixture_expect(&hooked.fixture, "review", "DELETE",
                   MAPS "?dryRun=All&fieldSelector=metadata.name%3Dthere", NULL, 200, "there");
    const json_t *request = hook_server_request(&hooked.hooks);
    assert_null(json_object_get(request, "name"));
    assert_string_equal(json_text(request, "namespace"), "default");
    assert_string_equal(json_text(request, "operation"), "DELETE");
    assert_string_equal(json_text(request, "oldObject", "metadata", "name"), "there");
    hooked_forget();
}

/* What is said about any of the objects is told, and once, whatever becomes of the request. */
static void test_collection_warnings(void **state)
{
    static const struct row {
        const char *name, *path; /* the webhook's that comes after the one that warns */
        long code;
    } rows[] = {
        {"deleted", "/allow", 200},
        {"refused", "/deny-message", 403},
    };
    static const char *const told[] = {"Warning: 299 - \"be \\\"careful\\\"\"",
                                       "Warning: 299 - \"twice\""};
    (void)state;
    fixture_expect(&hooked.fixture, "another", "POST", MAPS,
                   "{\"metadata\":{\"name\":\"here\",\"labels\":{\"x\":\"y\"}}}", 201, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer answer;
        hooked_configure_one(true, "warn", "/warn", ON("", "configmaps", "DELETE"));
        hooked_configure_one(false, "say", rows[i].path, ON("", "configmaps", "DELETE"));
        fixture_send(&hooked.fixture, "DELETE", MAPS "?dryRun=All&labelSelector=x%3Dy", NULL,
                     &answer);
        const char *careful = strstr(answer.headers.data, told[0]),
                   *twice = strstr(answer.headers.data, told[1]);
        if (answer.code != rows[i].code || !careful || !twice || strstr(careful + 1, told[0]) ||
            strstr(twice + 1, told[1]))
            fail_msg("%s: %ld, %s", rows[i].name, answer.code, answer.headers.data);
        answer_clear(&answer);
        hooked_forget();
    }
    fixture_expect(&hooked.fixture, "gone", "DELETE", MAPS "/here", NULL, 200, NULL);
}

static void test_unnamed_review(void **state)
{
    (void)state;
    hooked_configure_one(false, "ask", "/allow", ON("", "configmaps", "*"));
    fixture_expect(&hooked.fixture, "review", "POST", MAPS "?dryRun=All",
                   "{\"metadata\":{\"generateName\":\"gen-\"}}", 201, "gen-");
    assert_non_null(json_text(hook_server_request(&hooked.hooks), "object", "metadata",
                              "uid")); /* validating */
    hooked_forget();
    hooked_configure_one(true, "ask", "/allow", ON("", "configmaps", "*"));
    fixture_expect(&hooked.fixture, "review", "POST", MAPS "?dryRun=All",
                   "{\"metadata\":{\"generateName\":\"gen-\"}}", 201, "gen-");
    const json_t *request = hook_server_request(&hooked.hooks);
    assert_null(json_at(request, "name"));
    assert_null(json_at(request, "object", "metadata", "name"));
    assert_null(json_at(request, "object", "metadata", "uid"));
    hooked_forget();
}

static void test_scale_review(void **state)
{
    (void)state;
    hooked_configure_one(false, "ask", "/allow", ON("apps", "deployments/scale", "*"));
    fixture_expect(&hooked.fixture, "review", "PATCH",
                   "/apis/apps/v1/namespaces/default/deployments/d/scale",
                   "{\"spec\":{\"replicas\":1}}", 200, NULL);
    const json_t *request = hook_server_request(&hooked.hooks);
    assert_string_equal(json_text(request, "kind", "kind"), "Scale");
    assert_string_equal(json_text(request, "kind", "group"), "autoscaling");
    assert_string_equal(json_text(request, "subResource"), "scale");
    assert_string_equal(json_text(request, "object", "kind"), "Scale");
    hooked_forget();
}

static void test_connect_review(void **state)
{
    (void)state;
    hooked_configure_one(false, "ask", "/deny", ON("", "pods/exec", "CONNECT"));
    fixture_expect(
        &hooked.fixture, "review", "GET",
        "/api/v1/namespaces/default/pods/p/exec?command=a&command=b&tty=true&container=c", NULL,
        400, "without explanation");
    const json_t *request = hook_server_request(&hooked.hooks);
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_write(&text, json_object_get(request, "object"));
    assert_string_equal(
        text.data, "{\"kind\":\"PodExecOptions\",\"apiVersion\":\"v1\",\"command\":[\"a\",\"b\"],"
                   "\"tty\":true,\"container\":\"c\"}");
    hooked_forget();
}

static void test_other_version_review(void **state)
{
    (void)state;
    hooked_configure_one(false, "ask", "/allow", ON("events.k8s.io", "events", "*"));
    fixture_expect(
        &hooked.fixture, "review", "POST", "/api/v1/namespaces/default/events?dryRun=All",
        "{\"metadata\":{\"name\":\"e\"},\"message\":\"m\",\"involvedObject\":{\"kind\":\"Pod\","
        "\"namespace\":"
        "\"default\"}}",
        201, NULL);
    const json_t *request = hook_server_request(&hooked.hooks);
    assert_string_equal(json_text(request, "kind", "group"), "events.k8s.io");
    assert_string_equal(json_text(request, "requestKind", "group"), "");
    assert_string_equal(json_text(request, "object", "apiVersion"), "events.k8s.io/v1");
    assert_string_equal(json_text(request, "object", "note"), "m");
    hooked_forget();
}

/* ---- mutation ---- */

static void test_order(void **state)
{
    struct answer answer;
    (void)state;
    hooked_configure(true, "b-second",
                     json_pack("[o]", hooked_webhook("two.hooks.test", "/stage-2",
                                                     ON("", "configmaps", "CREATE"))));
    hooked_configure(true, "a-first",
                     json_pack("[o]", hooked_webhook("one.hooks.test", "/stage-1",
                                                     ON("", "configmaps", "CREATE"))));
    fixture_send(&hooked.fixture, "POST", MAPS "?dryRun=All",
                 "{\"metadata\":{\"name\":\"o\"},\"data\":{\"stage-0\":\"yes\"}}", &answer);
    assert_int_equal(answer.code, 201);
    assert_string_equal(json_text(answer.json, "data", "mutation-stage-1"), "yes");
    assert_string_equal(json_text(answer.json, "data", "mutation-stage-2"), "yes");
    answer_clear(&answer);
    assert_int_equal(hook_server_calls(&hooked.hooks), 2);
    hooked_forget();
}

static void test_reinvocation(void **state)
{
    static const struct row {
        const char *name, *first, *second;
        size_t calls;
        bool staged;
    } rows[] = {
        {"never", "", "", 2, false},
        {"if needed", ",\"reinvocationPolicy\":\"IfNeeded\"", "", 3, true},
        {"both", ",\"reinvocationPolicy\":\"IfNeeded\"", ",\"reinvocationPolicy\":\"IfNeeded\"", 4,
         true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer answer;
        CLEANUP(free_ptr)
        char *first = xasprintf(ON("", "configmaps", "CREATE") "%s", rows[i].first);
        CLEANUP(free_ptr)
        char *second = xasprintf(ON("", "configmaps", "CREATE") "%s", rows[i].second);
        hooked_configure(true, "chain",
                         json_pack("[o, o]", hooked_webhook("two.hooks.test", "/stage-2", first),
                                   hooked_webhook("one.hooks.test", "/stage-1", second)));
        fixture_send(&hooked.fixture, "POST", MAPS "?dryRun=All",
                     "{\"metadata\":{\"name\":\"o\"},\"data\":{\"x\":\"y\"}}", &answer);
        assert_int_equal(answer.code, 201);
        if (hook_server_calls(&hooked.hooks) != rows[i].calls ||
            (json_text(answer.json, "data", "mutation-stage-2") != NULL) != rows[i].staged)
            fail_msg("%s: %zu calls, %s", rows[i].name, hook_server_calls(&hooked.hooks),
                     answer.body.data);
        answer_clear(&answer);
        hooked_forget();
    }
}

/* What a webhook put there gets its defaults, and the other plugins see it. */
static void test_defaults_after(void **state)
{
    struct answer answer;
    (void)state;
    hooked_configure_one(true, "pods", "/add-container", ON("", "pods", "CREATE"));
    fixture_send(
        &hooked.fixture, "POST", "/api/v1/namespaces/default/pods?dryRun=All",
        "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]"
        "}}",
        &answer);
    assert_int_equal(answer.code, 201);
    const json_t *added = json_array_get(json_at(answer.json, "spec", "initContainers"), 0);
    assert_string_equal(json_text(added, "terminationMessagePolicy"), "File");
    assert_string_equal(json_text(added, "imagePullPolicy"), "Always");
    assert_int_equal(json_array_size(json_object_get(added, "volumeMounts")), 1); /* the token's */
    answer_clear(&answer);
    hooked_forget();
}

static void test_other_mutations(void **state)
{
    (void)state;
    hooked_configure_one(true, "scale", "/ten-replicas", ON("apps", "deployments/scale", "UPDATE"));
    fixture_expect(&hooked.fixture, "scale", "PATCH",
                   "/apis/apps/v1/namespaces/default/deployments/d/scale?dryRun=All",
                   "{\"spec\":{\"replicas\":2}}", 200, "\"replicas\":10");
    hooked_forget();
    hooked_configure_one(true, "gone", "/stage-1", ON("", "configmaps", "DELETE"));
    fixture_expect(&hooked.fixture, "delete", "DELETE", MAPS "/there", NULL, 500,
                   "which is not supported for this operation");
    hooked_forget();
}

/* ---- custom resources ---- */

#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define ANTS "/apis/ants.test/v1/namespaces/default/ants"
#define VERSION(name, stored)                                                                      \
    "{\"name\":\"" name "\",\"served\":true,\"storage\":" stored                                   \
    ",\"schema\":{\"openAPIV3Schema\":{\"type\":"                                                  \
    "\"object\",\"properties\":{\"data\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"    \
    "\"string\"},"                                                                                 \
    "\"mutation-stage-1\":{\"type\":\"string\"}}}}}}}"
#define DEFINITION(v1_stored, v2_stored)                                                           \
    "{\"metadata\":{\"name\":\"ants.ants.test\"},\"spec\":{\"group\":\"ants.test\",\"scope\":"     \
    "\"Namespaced\","                                                                              \
    "\"names\":{\"plural\":\"ants\",\"kind\":\"Ant\"},\"versions\":[" VERSION(                     \
        "v1", v1_stored) "," VERSION("v2", v2_stored) "]}}"

static void test_custom_denied(void **state)
{
    (void)state;
    hooked_configure_one(false, "crds", "/deny-message",
                         ON("apiextensions.k8s.io", "customresourcedefinitions", "CREATE"));
    fixture_expect(&hooked.fixture, "definition", "POST", CRDS, DEFINITION("true", "false"), 403,
                   "not today");
    hooked_forget();
    fixture_expect(&hooked.fixture, "definition", "POST", CRDS, DEFINITION("true", "false"), 201,
                   NULL);
    fixture_expect(&hooked.fixture, "make", "POST", ANTS,
                   "{\"kind\":\"Ant\",\"metadata\":{\"name\":\"a\"},\"data\":{\"a\":\"b\"}}", 201,
                   NULL);
    hooked_configure_one(false, "ants", "/deny-message", ON("ants.test", "ants", "*"));
    fixture_expect(&hooked.fixture, "create", "POST", ANTS,
                   "{\"kind\":\"Ant\",\"metadata\":{\"name\":\"c\"}}", 403, "not today");
    fixture_expect(&hooked.fixture, "update", "PATCH", ANTS "/a", "{\"data\":{\"a\":\"c\"}}", 403,
                   "not today");
    fixture_expect(&hooked.fixture, "delete", "DELETE", ANTS "/a", NULL, 403, "not today");
    fixture_expect(&hooked.fixture, "collection", "DELETE", ANTS, NULL, 403, "not today");
    hooked_forget();
}

static void test_custom_mutated(void **state)
{
    struct answer answer;
    (void)state;
    hooked_configure(
        true, "ants",
        json_pack(
            "[o, o]",
            hooked_webhook("one.hooks.test", "/stage-1", ON("ants.test", "ants", "CREATE")),
            hooked_webhook("two.hooks.test", "/stage-unknown", ON("ants.test", "ants", "CREATE"))));
    fixture_send(&hooked.fixture, "POST", ANTS,
                 "{\"kind\":\"Ant\",\"metadata\":{\"name\":\"mutated\"},\"data\":{\"a\":\"b\"}}",
                 &answer);
    assert_int_equal(answer.code, 201);
    assert_string_equal(json_text(answer.json, "data", "mutation-stage-1"), "yes");
    assert_null(json_at(answer.json, "data", "mutation-stage-2")); /* pruned */
    answer_clear(&answer);
    hooked_forget();
}

#define BEES "/apis/bees.test/v1/namespaces/default/bees"
#define ANY_VERSION(name, stored)                                                                  \
    "{\"name\":\"" name "\",\"served\":true,\"storage\":" stored                                   \
    ",\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-"       \
    "fields\":true}}}"
#define ANY_VERSIONS(v1, v2) "\"versions\":[" ANY_VERSION("v1", v1) "," ANY_VERSION("v2", v2) "]"

/* Nothing is pruned, one stage sees the other's work, also once the other version is stored. */
static void test_custom_whole(void **state)
{
    static const char staged[] = "\"data\":{\"mutation-stage-1\":\"yes\",\"mutation-stage-2\":"
                                 "\"yes\",\"mutation-start\":\"yes\"}";
    struct answer answer;
    (void)state;
    fixture_expect(
        &hooked.fixture, "definition", "POST", CRDS,
        "{\"metadata\":{\"name\":\"bees.bees.test\"},\"spec\":{\"group\":\"bees.test\","
        "\"scope\":\"Namespaced\",\"names\":{\"plural\":\"bees\",\"kind\":\"Bee\"}," ANY_VERSIONS(
            "true", "false") "}}",
        201, NULL);
    fixture_expect(&hooked.fixture, "before", "POST", BEES,
                   "{\"kind\":\"Bee\",\"metadata\":{\"name\":\"b\"},\"data\":{\"mutation-start\":"
                   "\"yes\"}}",
                   201, NULL);
    hooked_configure(
        true, "bees",
        json_pack("[o, o]",
                  hooked_webhook("one.hooks.test", "/stage-1", ON("bees.test", "bees", "*")),
                  hooked_webhook("two.hooks.test", "/stage-2", ON("bees.test", "bees", "*"))));
    fixture_expect(&hooked.fixture, "create", "POST", BEES,
                   "{\"kind\":\"Bee\",\"metadata\":{\"name\":\"c\"},\"data\":{\"mutation-start\":"
                   "\"yes\"}}",
                   201, staged);
    fixture_expect(&hooked.fixture, "stored", "PATCH", CRDS "/bees.bees.test",
                   "{\"spec\":{" ANY_VERSIONS("false", "true") "}}", 200, NULL);
    fixture_ask(&hooked.fixture,
                &(struct ask){.method = "PATCH",
                              .path = "/apis/bees.test/v2/namespaces/default/bees/b",
                              .type = "application/json-patch+json",
                              .body = "[{\"op\":\"add\",\"path\":\"/dummy\",\"value\":\"test\"}]"},
                &answer);
    if (answer.code != 200 || !strstr(answer.body.data, staged) ||
        !strstr(answer.body.data, "\"dummy\":\"test\""))
        fail_msg("%ld, %s", answer.code, answer.body.data);
    answer_clear(&answer);
    hooked_forget();
    fixture_expect(&hooked.fixture, "gone", "DELETE", CRDS "/bees.bees.test", NULL, 200, NULL);
}

/* Rules for one version see requests of the other, in their own form. After test_custom_denied,
 * whose definition and object are there. */
static void test_custom_versions(void **state)
{
    (void)state;
    hooked_configure_one(true, "ants", "/stage-1",
                         "\"rules\":[{\"apiGroups\":[\"ants.test\"],\"apiVersions\":[\"v1\"],"
                         "\"resources\":[\"ants\"],"
                         "\"operations\":[\"*\"]}]");
    fixture_expect(&hooked.fixture, "stored", "PATCH", CRDS "/ants.ants.test",
                   DEFINITION("false", "true"), 200, "\"storedVersions\":[\"v1\",\"v2\"]");
    fixture_expect(&hooked.fixture, "other", "POST", "/apis/ants.test/v2/namespaces/default/ants",
                   "{\"kind\":\"Ant\",\"metadata\":{\"name\":\"second\"},\"data\":{\"a\":\"b\"}}",
                   201, "\"mutation-stage-1\":\"yes\"");
    const json_t *request = hook_server_request(&hooked.hooks);
    assert_string_equal(json_text(request, "requestKind", "version"), "v2");
    assert_string_equal(json_text(request, "kind", "version"), "v1");
    assert_string_equal(json_text(request, "object", "apiVersion"), "ants.test/v1");
    hook_server_clear(&hooked.hooks);
    fixture_expect(&hooked.fixture, "patch", "PATCH", ANTS "/a",
                   "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}", 200,
                   "\"mutation-stage-1\":\"yes\"");
    hooked_forget();
    fixture_expect(&hooked.fixture, "gone", "DELETE", CRDS "/ants.ants.test", NULL, 200, NULL);
}

static void test_discovery(void **state)
{
    (void)state;
    fixture_expect(&hooked.fixture, "group", "GET", "/apis/admissionregistration.k8s.io", NULL, 200,
                   "\"groupVersion\":\"admissionregistration.k8s.io/v1\"");
    fixture_expect(&hooked.fixture, "discovery", "GET", "/apis/admissionregistration.k8s.io/v1",
                   NULL, 200, "mutatingwebhookconfigurations");
    fixture_expect(&hooked.fixture, "discovery", "GET", "/apis/admissionregistration.k8s.io/v1",
                   NULL, 200, "validatingwebhookconfigurations");
    fixture_expect(&hooked.fixture, "discovery", "GET", "/apis", NULL, 200,
                   "admissionregistration.k8s.io/v1");
}

static int start(void **state)
{
    hooked_start(state);
    hooked_make_objects();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update_review),
        cmocka_unit_test(test_delete_review),
        cmocka_unit_test(test_collection_review),
        cmocka_unit_test(test_collection_warnings),
        cmocka_unit_test(test_unnamed_review),
        cmocka_unit_test(test_scale_review),
        cmocka_unit_test(test_connect_review),
        cmocka_unit_test(test_other_version_review),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_reinvocation),
        cmocka_unit_test(test_defaults_after),
        cmocka_unit_test(test_other_mutations),
        cmocka_unit_test(test_custom_denied),
        cmocka_unit_test(test_custom_mutated),
        cmocka_unit_test(test_custom_whole),
        cmocka_unit_test(test_custom_versions),
        cmocka_unit_test(test_discovery),
    };
    return cmocka_run_group_tests(tests, start, hooked_stop);
}
