/* Which requests webhooks are called for: by rules, selectors and conditions. */
#include <string.h>

#include "support_webhook.h"
#include "tests/test.h"

struct match {
    const char *name, *extra, *method, *path, *body;
    bool called;
};

/* Nothing is kept; what only connects has no dry run. */
static void run_match(const struct match *row, bool mutating)
{
    bool connects = strstr(row->extra, "\"CONNECT\"") != NULL;
    CLEANUP(free_ptr)
    char *path = xasprintf("%s%s%s", row->path, strchr(row->path, '?') ? "&" : "?",
                           connects ? "" : "dryRun=All");
    struct answer answer;
    hooked_configure_one(mutating, "match", "/deny-message", row->extra);
    fixture_send(&hooked.fixture, row->method, path, row->body, &answer);
    bool denied = answer.code == 403 && strstr(answer.body.data, "not today");
    if (denied != row->called || (hook_server_calls(&hooked.hooks) > 0) != row->called)
        fail_msg("%s: %ld, %s", row->name, answer.code, answer.body.data);
    answer_clear(&answer);
    hooked_forget();
}

static void run_matches(const struct match *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        run_match(&rows[i], false);
        run_match(&rows[i], true);
    }
}

static void test_operations(void **state)
{
    static const struct match rows[] = {
        {"another operation", ON("", "configmaps", "UPDATE"), "POST", MAPS,
         "{\"metadata\":{\"name\":\"m\"}}", false},
        {"a ConfigMap", ON("", "configmaps", "CREATE"), "POST", MAPS,
         "{\"metadata\":{\"name\":\"m\"}}", true},
        {"a Pod", ON("", "pods", "CREATE"), "POST", "/api/v1/namespaces/default/pods",
         "{\"metadata\":{\"name\":\"m\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}"
         "]"
         "}}",
         true},
        {"put", ON("", "configmaps", "UPDATE"), "PUT", MAPS "/there",
         "{\"metadata\":{\"name\":\"there\"},\"data\":{\"k\":\"v\"}}", true},
        {"update", ON("", "configmaps", "UPDATE"), "PATCH", MAPS "/there",
         "{\"data\":{\"k\":\"v\"}}", true},
        {"delete", ON("", "configmaps", "DELETE"), "DELETE", MAPS "/there", NULL, true},
        {"collection", ON("", "configmaps", "DELETE"), "DELETE", MAPS "?labelSelector=x=y", NULL,
         true},
    };
    (void)state;
    run_matches(rows, ARRAY_LEN(rows));
}

static void test_resources(void **state)
{
    static const struct match rows[] = {
        {"another resource", ON("", "secrets", "*"), "POST", MAPS,
         "{\"metadata\":{\"name\":\"m\"}}", false},
        {"any resource", ON("*", "*", "*"), "POST", MAPS, "{\"metadata\":{\"name\":\"m\"}}", true},
        {"any is without subresources", ON("*", "*", "*"), "PATCH",
         "/apis/apps/v1/namespaces/default/deployments/d/status", "{\"status\":{\"replicas\":1}}",
         false},
        {"all", ON("*", "*/*", "*"), "PATCH",
         "/apis/apps/v1/namespaces/default/deployments/d/status", "{\"status\":{\"replicas\":1}}",
         true},
        {"any subresource", ON("apps", "deployments/*", "*"), "PATCH",
         "/apis/apps/v1/namespaces/default/deployments/d/scale", "{\"spec\":{\"replicas\":2}}",
         true},
        {"of any resource", ON("apps", "*/scale", "*"), "PATCH",
         "/apis/apps/v1/namespaces/default/deployments/d/scale", "{\"spec\":{\"replicas\":2}}",
         true},
        {"another group", ON("apps", "configmaps", "*"), "POST", MAPS,
         "{\"metadata\":{\"name\":\"m\"}}", false},
        {"other events", ON("events.k8s.io", "events", "*"), "POST",
         "/api/v1/namespaces/default/events",
         "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"kind\":\"Pod\",\"namespace\":"
         "\"default\"}}",
         true},
        {"exactly other events", ON("events.k8s.io", "events", "*") ",\"matchPolicy\":\"Exact\"",
         "POST", "/api/v1/namespaces/default/events",
         "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"kind\":\"Pod\",\"namespace\":"
         "\"default\"}}",
         false},
        {"webhook configurations", ON("*", "*", "*"), "POST",
         CONFIGURATIONS "mutatingwebhookconfigurations", "{\"metadata\":{\"name\":\"empty\"}}",
         false},
        {"validating ones", ON("*", "*", "*"), "POST",
         CONFIGURATIONS "validatingwebhookconfigurations", "{\"metadata\":{\"name\":\"empty\"}}",
         false},
        {"their deletion", ON("*", "*", "*"), "DELETE",
         CONFIGURATIONS "mutatingwebhookconfigurations", NULL, false},
        {"that of validating ones", ON("*", "*", "*"), "DELETE",
         CONFIGURATIONS "validatingwebhookconfigurations", NULL, false},
    };
    (void)state;
    run_matches(rows, ARRAY_LEN(rows));
}

static void test_special(void **state)
{
    static const struct match rows[] = {
        {"binding", ON("", "pods/binding", "CREATE"), "POST",
         "/api/v1/namespaces/default/pods/p/binding",
         "{\"metadata\":{\"name\":\"p\"},\"target\":{\"kind\":\"Node\",\"name\":\"n\"}}", true},
        {"eviction", ON("", "pods/eviction", "CREATE"), "POST",
         "/api/v1/namespaces/default/pods/p/eviction",
         "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":\"p\"}}",
         true},
        {"token", ON("", "serviceaccounts/token", "CREATE"), "POST",
         "/api/v1/namespaces/default/serviceaccounts/default/token", "{\"spec\":{}}", true},
        {"attach", ON("", "pods/attach", "CONNECT"), "POST",
         "/api/v1/namespaces/default/pods/p/attach?container=c", NULL, true},
        {"exec", ON("", "pods/*", "CONNECT"), "GET",
         "/api/v1/namespaces/default/pods/p/exec?command=a&command=b", NULL, true},
        {"review", ON("authorization.k8s.io", "*", "CREATE"), "POST",
         "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
         "{\"spec\":{\"resourceAttributes\":{\"verb\":\"get\",\"resource\":\"pods\"}}}", true},
    };
    (void)state;
    run_matches(rows, ARRAY_LEN(rows));
}

static void test_selection(void **state)
{
    static const struct match rows[] = {
        {"namespaced scope",
         "\"rules\":[{\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"*\"],"
         "\"operations\":[\"*\"],\"scope\":\"Namespaced\"}]",
         "PATCH", "/api/v1/namespaces/marked", "{\"metadata\":{\"labels\":{\"q\":\"r\"}}}", false},
        {"cluster scope",
         "\"rules\":[{\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"*\"],"
         "\"operations\":[\"*\"],\"scope\":\"Cluster\"}]",
         "PATCH", "/api/v1/namespaces/marked", "{\"metadata\":{\"labels\":{\"q\":\"s\"}}}", true},
        {"namespace without the label",
         ON("", "configmaps", "*") ",\"namespaceSelector\":{\"matchLabels\":{\"marked\":\"yes\"}}",
         "POST", MAPS, "{\"metadata\":{\"name\":\"m\"}}", false},
        {"namespace that is to be left alone",
         ON("", "configmaps",
            "*") ",\"namespaceSelector\":{\"matchExpressions\":[{\"key\":\"marked\","
                 "\"operator\":\"NotIn\",\"values\":[\"yes\"]}]}",
         "POST", "/api/v1/namespaces/marked/configmaps", "{\"metadata\":{\"name\":\"m\"}}", false},
        {"namespace with the label",
         ON("", "configmaps", "*") ",\"namespaceSelector\":{\"matchLabels\":{\"marked\":\"yes\"}}",
         "POST", "/api/v1/namespaces/marked/configmaps", "{\"metadata\":{\"name\":\"m\"}}", true},
        {"a new namespace's own label",
         ON("", "namespaces", "*") ",\"namespaceSelector\":{\"matchLabels\":{\"n\":\"w\"}}", "POST",
         "/api/v1/namespaces", "{\"metadata\":{\"name\":\"fresh\",\"labels\":{\"n\":\"w\"}}}",
         true},
        {"object without the label",
         ON("", "configmaps", "*") ",\"objectSelector\":{\"matchLabels\":{\"o\":\"k\"}}", "POST",
         MAPS, "{\"metadata\":{\"name\":\"m\"}}", false},
        {"object with the label",
         ON("", "configmaps", "*") ",\"objectSelector\":{\"matchLabels\":{\"o\":\"k\"}}", "POST",
         MAPS, "{\"metadata\":{\"name\":\"m\",\"labels\":{\"o\":\"k\"}}}", true},
        {"only the old object has it",
         ON("", "configmaps", "*") ",\"objectSelector\":{\"matchLabels\":{\"x\":\"y\"}}", "PATCH",
         MAPS "/there", "{\"metadata\":{\"labels\":{\"x\":null}}}", true},
    };
    (void)state;
    run_matches(rows, ARRAY_LEN(rows));
}

/* Evaluated on what the webhook would get. */
static void test_conditions(void **state)
{
    static const struct row {
        const char *name, *conditions, *more, *body;
        long code;
        bool called;
        const char *want;
    } rows[] = {
        {"true", "{\"name\":\"n\",\"expression\":\"true\"}", "", "{\"metadata\":{\"name\":\"c\"}}",
         403, true, NULL},
        {"skip-me", "{\"name\":\"skip-me\",\"expression\":\"object.metadata.name != 'skip-me'\"}",
         "", "{\"metadata\":{\"name\":\"skip-me\"}}", 201, false, NULL},
        {"user",
         "{\"name\":\"n\",\"expression\":\"request.userInfo.username == 'kubernetes-admin'\"}", "",
         "{\"metadata\":{\"name\":\"c\"}}", 403, true, NULL},
        {"one of two",
         "{\"name\":\"n\",\"expression\":\"object.data.z == "
         "'x'\"},{\"name\":\"m\",\"expression\":\"false\"}",
         "", "{\"metadata\":{\"name\":\"c\"}}", 201, false, NULL},
        {"error", "{\"name\":\"n\",\"expression\":\"object.data.z == 'x'\"}", "",
         "{\"metadata\":{\"name\":\"c\"}}", 403, false,
         "configmaps \\\"c\\\" is forbidden: expression 'object.data.z == 'x'' resulted in error: "
         "no such key: data"},
        {"error, ignored", "{\"name\":\"n\",\"expression\":\"object.data.z == 'x'\"}",
         ",\"failurePolicy\":\"Ignore\"", "{\"metadata\":{\"name\":\"c\"}}", 201, false, NULL},
        {"authorizer",
         "{\"name\":\"n\",\"expression\":\"!authorizer.group('').resource('configmaps').check('"
         "create')."
         "allowed()\"}",
         "", "{\"metadata\":{\"name\":\"c\"}}", 201, false, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
        const struct row *row = &rows[i / 2];
        CLEANUP(free_ptr)
        char *extra = xasprintf(ON("", "configmaps", "CREATE") ",\"matchConditions\":[%s]%s",
                                row->conditions, row->more);
        hooked_configure_one(i % 2, "conditions", "/deny-message", extra);
        fixture_expect(&hooked.fixture, row->name, "POST", MAPS "?dryRun=All", row->body, row->code,
                       row->want);
        if ((hook_server_calls(&hooked.hooks) > 0) != row->called)
            fail_msg("%s: %zu calls", row->name, hook_server_calls(&hooked.hooks));
        hooked_forget();
    }
}

/* They are kept as they were written, and those that an update brings are asked. */
static void test_updated_conditions(void **state)
{
    static const char two[] = "[{\"name\":\"one\",\"expression\":\"true\"},{\"name\":\"two\","
                              "\"expression\":\"object.metadata.name == 'c'\"}]",
                      another[] = "[{\"name\":\"three\",\"expression\":\"false\"}]";
    static const struct row {
        const char *name, *conditions, *kept;
        long code;
    } rows[] = {
        {"two", two, two, 403},
        {"another", another, another, 201},
        {"none", "[]", NULL, 403},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
        const struct row *row = &rows[i / 2];
        CLEANUP(free_ptr)
        char *path = xasprintf(CONFIGURATIONS "%s/live", hooked_plural(i % 2));
        CLEANUP(free_ptr)
        char *extra =
            xasprintf(ON("", "configmaps", "CREATE") ",\"matchConditions\":%s", row->conditions);
        hooked_configure_one(i % 2, "live", "/deny-message",
                             ON("", "configmaps", "CREATE") ",\"matchConditions\":[{\"name\":"
                                                            "\"n\",\"expression\":\"1 == 2\"}]");
        fixture_expect(&hooked.fixture, row->name, "GET", path, NULL, 200,
                       "\"matchConditions\":[{\"name\":\"n\",\"expression\":\"1 == 2\"}]");
        fixture_expect(&hooked.fixture, row->name, "POST", MAPS "?dryRun=All",
                       "{\"metadata\":{\"name\":\"c\"}}", 201, NULL);
        hooked_replace(i % 2, "live", hooked_webhook("live.hooks.test", "/deny-message", extra));
        fixture_expect(&hooked.fixture, row->name, "GET", path, NULL, 200, row->kept);
        fixture_expect(&hooked.fixture, row->name, "POST", MAPS "?dryRun=All",
                       "{\"metadata\":{\"name\":\"c\"}}", row->code, NULL);
        hooked_forget();
    }
}

/* Conditions that do not compile are refused. */
static void test_bad_conditions(void **state)
{
    (void)state;
    for (int mutating = 0; mutating < 2; mutating++) {
        json_auto_t *object = json_pack(
            "{s:{s:s}, s:[o]}", "metadata", "name", "bad", "webhooks",
            hooked_webhook(
                "bad.hooks.test", "/allow",
                ON("", "configmaps",
                   "*") ",\"matchConditions\":[{\"name\":\"n\",\"expression\":\"... [] bad "
                        "expression\"}]"));
        CLEANUP(free_ptr) char *path = xasprintf(CONFIGURATIONS "%s", hooked_plural(mutating));
        CLEANUP(buf_free) struct buf body = BUF_TEXT;
        json_write(&body, object);
        fixture_expect(&hooked.fixture, "bad", "POST", path, body.data, 422,
                       "webhooks[0].matchConditions[0].expression: Invalid value: ");
        fixture_expect(&hooked.fixture, "bad", "POST", path, body.data, 422, "compilation failed");
    }
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
        cmocka_unit_test(test_operations),     cmocka_unit_test(test_resources),
        cmocka_unit_test(test_special),        cmocka_unit_test(test_selection),
        cmocka_unit_test(test_conditions),     cmocka_unit_test(test_updated_conditions),
        cmocka_unit_test(test_bad_conditions),
    };
    return cmocka_run_group_tests(tests, start, hooked_stop);
}
