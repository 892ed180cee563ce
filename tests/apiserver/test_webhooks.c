/* Admission webhooks: a server of the test's own on loopback, and what the API server makes of its
 * answers. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support_hook.h"
#include "support_node.h"
#include "tests/test.h"

#define CONFIGURATIONS "/apis/admissionregistration.k8s.io/v1/"
#define MAPS           "/api/v1/namespaces/default/configmaps"

static struct fixture fixture;
static struct hook_server hooks;
static struct fake_node *fixture_node; /* NULL: was not started */

/* ---- answers ---- */

static json_t *allow(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_answer(review, json_pack("{s:b}", "allowed", 1));
}

static json_t *warn(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_answer(
        review, json_pack("{s:b, s:[s, s]}", "allowed", 1, "warnings", "be \"careful\"", "twice"));
}

static json_t *deny(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_answer(review, json_pack("{s:b}", "allowed", 0));
}

static json_t *deny_message(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_answer(review,
                       json_pack("{s:b, s:{s:s, s:i, s:s}}", "allowed", 0, "status", "message",
                                 "not today", "code", 403, "reason", "Forbidden"));
}

static json_t *deny_reason(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_answer(review, json_pack("{s:b, s:{s:s}}", "allowed", 0, "status", "reason",
                                         "the configmap contains unwanted key and value"));
}

static json_t *deny_low_code(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_answer(review, json_pack("{s:b, s:{s:i, s:s}}", "allowed", 0, "status", "code", 200,
                                         "message", "hm"));
}

static json_t *stage_one(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_patch(review,
                      "[{\"op\":\"add\",\"path\":\"/data/mutation-stage-1\",\"value\":\"yes\"}]");
}

/* Needs what the first stage has put there. */
static json_t *stage_two(struct hook_server *server, const json_t *review)
{
    (void)server;
    if (!json_at(review, "request", "object", "data", "mutation-stage-1"))
        return allow(server, review);
    return hook_patch(review,
                      "[{\"op\":\"add\",\"path\":\"/data/mutation-stage-2\",\"value\":\"yes\"}]");
}

static json_t *bad_patch(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_patch(review, "[{\"op\":\"remove\",\"path\":\"/data/not-there\"}]");
}

static json_t *add_container(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_patch(review,
                      "[{\"op\":\"add\",\"path\":\"/spec/initContainers\",\"value\":[{\"name\":"
                      "\"added\",\"image\":\"x\"}]}]");
}

static json_t *ten_replicas(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_patch(review, "[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":10}]");
}

static json_t *slow(struct hook_server *server, const json_t *review)
{
    hook_server_wait(server);
    return allow(server, review);
}

#define MEET_COUNT 3

/* Denies where the others are not called meanwhile. */
static json_t *meet(struct hook_server *server, const json_t *review)
{
    return hook_server_meet(server, MEET_COUNT) ? warn(server, review) : deny(server, review);
}

static json_t *broken(struct hook_server *server, const json_t *review)
{
    (void)server, (void)review;
    return NULL;
}

static json_t *no_json(struct hook_server *server, const json_t *review)
{
    (void)server, (void)review;
    return json_string("<html>");
}

static json_t *redirect(struct hook_server *server, const json_t *review)
{
    (void)server, (void)review;
    return json_string("redirect");
}

static json_t *wrong_uid(struct hook_server *server, const json_t *review)
{
    json_t *answer = allow(server, review);
    json_set_text(json_object_get(answer, "response"), "uid", "other");
    return answer;
}

static json_t *no_response(struct hook_server *server, const json_t *review)
{
    json_t *answer = allow(server, review);
    json_object_del(answer, "response");
    return answer;
}

static json_t *patch_without_type(struct hook_server *server, const json_t *review)
{
    json_t *answer = stage_one(server, review);
    json_object_del(json_object_get(answer, "response"), "patchType");
    return answer;
}

/* What the schema does not know must not stay. */
static json_t *stage_unknown(struct hook_server *server, const json_t *review)
{
    (void)server;
    return hook_patch(
        review, "[{\"op\":\"add\",\"path\":\"/data/mutation-stage-1\",\"value\":\"yes\"},{\"op\":"
                "\"add\",\"path\":\"/data/mutation-stage-2\",\"value\":\"yes\"}]");
}

static json_t *allow_with(struct hook_server *server, const json_t *review, unsigned lists)
{
    json_t *answer = allow(server, review), *list = json_array();
    for (unsigned i = 0; i < lists; i++)
        json_array_append_new(list, json_array());
    json_object_set_new(answer, "more", list);
    return answer;
}

/* 2.1 MB, and more than a hundred as a tree may take. */
static json_t *wordy(struct hook_server *server, const json_t *review)
{
    return allow_with(server, review, 700000);
}

/* Of these, fewer than HEAVY_COUNT have room at once. */
static json_t *heavy(struct hook_server *server, const json_t *review)
{
    return allow_with(server, review, 250000);
}

static const struct hook_path paths[] = {
    {"/allow", allow},
    {"/wordy", wordy},
    {"/heavy", heavy},
    {"/warn", warn},
    {"/deny", deny},
    {"/deny-message", deny_message},
    {"/deny-reason", deny_reason},
    {"/deny-low-code", deny_low_code},
    {"/stage-1", stage_one},
    {"/stage-2", stage_two},
    {"/stage-unknown", stage_unknown},
    {"/bad-patch", bad_patch},
    {"/add-container", add_container},
    {"/ten-replicas", ten_replicas},
    {"/slow", slow},
    {"/meet", meet},
    {"/broken", broken},
    {"/no-json", no_json},
    {"/redirect", redirect},
    {"/wrong-uid", wrong_uid},
    {"/no-response", no_response},
    {"/patch-without-type", patch_without_type},
    {NULL, NULL},
};

/* ---- requests ---- */

static void ask(const char *method, const char *path, const char *body, struct answer *answer)
{
    const char *type = strcmp(method, "PATCH") == 0 ? "application/merge-patch+json" : NULL;
    fixture_ask(&fixture, &(struct ask){.method = method, .path = path, .body = body, .type = type},
                answer);
}

static void expect(const char *name, const char *method, const char *path, const char *body,
                   long code, const char *want)
{
    struct answer answer;
    ask(method, path, body, &answer);
    if (answer.code != code || (want && !strstr(answer.body.data ? answer.body.data : "", want)))
        fail_msg("%s: %s %s: %ld, %s (wanted %ld, %s)", name, method, path, answer.code,
                 answer.body.data, code, want ? want : "anything");
    answer_clear(&answer);
}

/* ---- configurations ---- */

#define ON(group, resource, operation)                                                             \
    "\"rules\":[{\"apiGroups\":[\"" group "\"],\"apiVersions\":[\"*\"],\"resources\":[\"" resource \
    "\"],\"operations\":[\"" operation "\"]}]"

/* `extra`: more members of the webhook, as JSON without braces; those of the same name replace. */
static json_t *webhook(const char *name, const char *path, const char *extra)
{
    struct error err = {0};
    CLEANUP(free_ptr) char *url = xasprintf("%s%s", hooks.url, path);
    CLEANUP(free_ptr) char *text = xasprintf("{%s}", extra);
    json_auto_t *more = json_parse(str_of(text), JSON_LOAD_STRICT, &err);
    if (!more)
        fail_msg("%s: %s", text, err.message);
    json_t *hook = json_pack("{s:s, s:{s:s, s:s}, s:s, s:[s]}", "name", name, "clientConfig", "url",
                             url, "caBundle", hooks.ca_base64, "sideEffects", "None",
                             "admissionReviewVersions", "v1");
    json_object_update(hook, more);
    return hook;
}

/* Takes `list`. */
static void configure(bool mutating, const char *name, json_t *list)
{
    const char *plural =
        mutating ? "mutatingwebhookconfigurations" : "validatingwebhookconfigurations";
    CLEANUP(free_ptr) char *path = xasprintf(CONFIGURATIONS "%s", plural);
    json_auto_t *object = json_pack("{s:{s:s}, s:o}", "metadata", "name", name, "webhooks", list);
    CLEANUP(buf_free) struct buf body = BUF_TEXT;
    json_write(&body, object);
    expect(name, "POST", path, body.data, 201, NULL);
}

static void configure_one(bool mutating, const char *name, const char *path, const char *extra)
{
    CLEANUP(free_ptr) char *full = xasprintf("%s.hooks.test", name);
    configure(mutating, name, json_pack("[o]", webhook(full, path, extra)));
}

static void forget_all(void)
{
    expect("clean", "DELETE", CONFIGURATIONS "mutatingwebhookconfigurations", NULL, 200, NULL);
    expect("clean", "DELETE", CONFIGURATIONS "validatingwebhookconfigurations", NULL, 200, NULL);
    hook_server_clear(&hooks);
}

/* ---- what an answer means ---- */

static void test_answers(void **state)
{
    static const struct row {
        const char *name, *path, *extra;
        bool mutating;
        long code;
        const char *want;
    } rows[] = {
        {"allow", "/allow", "", false, 201, NULL},
        {"deny", "/deny", "", false, 400,
         "admission webhook \\\"deny.hooks.test\\\" denied the request without explanation"},
        {"deny-message", "/deny-message", "", false, 403,
         "\"message\":\"admission webhook \\\"deny-message.hooks.test\\\" denied the request: not "
         "today\",\"reason\":"
         "\"Forbidden\""},
        {"deny-reason", "/deny-reason", "", false, 400,
         "denied the request: the configmap contains unwanted key and value"},
        {"deny-low-code", "/deny-low-code", "", false, 400, "denied the request: hm"},
        {"deny-by-mutating", "/deny-message", "", true, 403, "denied the request: not today"},
        {"broken", "/broken", "", false, 500,
         "failed calling webhook \\\"broken.hooks.test\\\": failed to call webhook: an error on "
         "the server "
         "(\\\"boom\\\") has prevented the request from succeeding"},
        {"missing", "/missing", "", false, 500, "the server could not find the requested resource"},
        {"redirect", "/redirect", "", false, 500, "the server responded with the status code 302"},
        {"wordy", "/wordy", "", false, 500, "the answer takes more memory than it may"},
        {"no-json", "/no-json", "", false, 500, "couldn't get version/kind; json parse error"},
        {"wrong-uid", "/wrong-uid", "", false, 500,
         "received invalid webhook response: expected response.uid="},
        {"no-response", "/no-response", "", false, 500, "webhook response was absent"},
        {"validating-patch", "/stage-1", "", false, 500,
         "validating webhook may not return response.patch"},
        {"patch-without-type", "/patch-without-type", "", true, 500,
         "webhook returned response.patch but not response.patchType"},
        {"bad-patch", "/bad-patch", "", true, 500, "Internal error occurred: "},
        {"broken-open", "/broken", "\"failurePolicy\":\"Ignore\"", false, 201, NULL},
        {"deny-open", "/deny", "\"failurePolicy\":\"Ignore\"", false, 400, "without explanation"},
        {"timeout", "/slow", "\"timeoutSeconds\":1", false, 500,
         "/slow?timeout=1s\\\": context deadline exceeded"},
        {"timeout-open", "/slow", "\"timeoutSeconds\":1,\"failurePolicy\":\"Ignore\"", false, 201,
         NULL},
        {"beta", "/wrong-uid", "\"admissionReviewVersions\":[\"v1beta1\"]", false, 201, NULL},
        {"unknown-first", "/allow", "\"admissionReviewVersions\":[\"v7\",\"v1\"]", false, 201,
         NULL},
        {"refused", "/allow", "\"clientConfig\":{\"url\":\"https://127.0.0.1:1/x\"}", false, 500,
         "Post \\\"https://127.0.0.1:1/x?timeout=10s\\\": dial tcp 127.0.0.1:1: connect: "
         "connection refused"},
        {"no-service", "/allow",
         "\"clientConfig\":{\"service\":{\"name\":\"none\",\"namespace\":\"default\"}}", false, 500,
         "Post \\\"https://none.default.svc:443/?timeout=10s\\\": service \\\"none\\\" not found"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        CLEANUP(free_ptr)
        char *extra =
            xasprintf(ON("", "configmaps", "CREATE") "%s%s", *row->extra ? "," : "", row->extra);
        CLEANUP(free_ptr)
        char *body =
            xasprintf("{\"metadata\":{\"name\":\"%s\"},\"data\":{\"a\":\"b\"}}", row->name);
        configure_one(row->mutating, row->name, row->path, extra);
        expect(row->name, "POST", MAPS, body, row->code, row->want);
        hook_server_release(&hooks);
        forget_all();
    }
}

/* Trust: only the authority that was named, only the name that was asked for. */
static void test_trust(void **state)
{
    (void)state;
    CLEANUP(free_ptr)
    char *other = xasprintf(
        ON("", "configmaps", "*") ",\"clientConfig\":{\"url\":\"%s/allow\",\"caBundle\":\"%s\"}",
        hooks.url, hooks.other_ca_base64);
    CLEANUP(free_ptr)
    char *name = xasprintf(
        ON("", "configmaps", "*") ",\"clientConfig\":{\"url\":\"https://localhost:%u/allow\","
                                  "\"caBundle\":\"%s\"}",
        hooks.port, hooks.ca_base64);
    CLEANUP(free_ptr)
    char *none =
        xasprintf(ON("", "configmaps", "*") ",\"clientConfig\":{\"url\":\"%s/allow\"}", hooks.url);
    const struct row {
        const char *name, *extra, *want;
    } rows[] = {
        {"other", other, "x509: certificate signed by unknown authority"},
        {"name", name, "x509: certificate is not valid"},
        {"none", none, "x509: certificate signed by unknown authority"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        configure_one(false, rows[i].name, "/allow", rows[i].extra);
        expect(rows[i].name, "POST", MAPS, "{\"metadata\":{\"name\":\"trust\"}}", 500,
               rows[i].want);
        assert_int_equal(hook_server_calls(&hooks), 0);
        forget_all();
    }
}

/* ---- which requests ---- */

static void make_objects(void)
{
    expect("make", "POST", "/api/v1/namespaces",
           "{\"metadata\":{\"name\":\"marked\",\"labels\":{\"marked\":\"yes\"}}}", 201, NULL);
    expect("make", "POST", "/api/v1/namespaces/marked/serviceaccounts",
           "{\"metadata\":{\"name\":\"default\"}}", 201, NULL);
    expect("make", "POST", "/apis/apps/v1/namespaces/default/deployments",
           "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
           "\"template\":{"
           "\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\","
           "\"image\":\"i\"}]}}}}",
           201, NULL);
    expect("make", "POST", "/api/v1/namespaces/default/pods",
           "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
           "\"i\"}]}}",
           201, NULL);
    expect("make", "POST", MAPS, "{\"metadata\":{\"name\":\"there\",\"labels\":{\"x\":\"y\"}}}",
           201, NULL);
}

static void test_matching(void **state)
{
    static const struct row {
        const char *name, *extra, *method, *path, *body;
        bool called;
    } rows[] = {
        {"another operation", ON("", "configmaps", "UPDATE"), "POST", MAPS,
         "{\"metadata\":{\"name\":\"m\"}}", false},
        {"update", ON("", "configmaps", "UPDATE"), "PATCH", MAPS "/there",
         "{\"data\":{\"k\":\"v\"}}", true},
        {"delete", ON("", "configmaps", "DELETE"), "DELETE", MAPS "/there", NULL, true},
        {"collection", ON("", "configmaps", "DELETE"), "DELETE", MAPS "?labelSelector=x=y", NULL,
         true},
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
        {"webhook configurations", ON("*", "*", "*"), "POST",
         CONFIGURATIONS "mutatingwebhookconfigurations", "{\"metadata\":{\"name\":\"empty\"}}",
         false},
    };
    (void)state;
    make_objects();
    for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
        const struct row *row = &rows[i / 2];
        bool mutating = i % 2;
        CLEANUP(free_ptr)
        char *dry = xasprintf("%s%sdryRun=All", row->path, strchr(row->path, '?') ? "&" : "?");
        struct answer answer;
        configure_one(mutating, "match", "/deny-message", row->extra);
        ask(row->method, dry, row->body, &answer);
        bool denied = answer.code == 403 && strstr(answer.body.data, "not today");
        if (denied != row->called || (hook_server_calls(&hooks) > 0) != row->called)
            fail_msg("%s: %ld, %s", row->name, answer.code, answer.body.data);
        answer_clear(&answer);
        forget_all();
    }
}

/* matchConditions: refused when they do not compile; evaluated on what the webhook would get. */
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
        configure_one(i % 2, "conditions", "/deny-message", extra);
        expect(row->name, "POST", MAPS "?dryRun=All", row->body, row->code, row->want);
        if ((hook_server_calls(&hooks) > 0) != row->called)
            fail_msg("%s: %zu calls", row->name, hook_server_calls(&hooks));
        forget_all();
    }
    static const char *const plurals[] = {"mutatingwebhookconfigurations",
                                          "validatingwebhookconfigurations"};
    for (size_t i = 0; i < ARRAY_LEN(plurals); i++) {
        json_auto_t *object = json_pack(
            "{s:{s:s}, s:[o]}", "metadata", "name", "bad", "webhooks",
            webhook("bad.hooks.test", "/allow",
                    ON("", "configmaps",
                       "*") ",\"matchConditions\":[{\"name\":\"n\",\"expression\":\"... [] bad "
                            "expression\"}]"));
        CLEANUP(free_ptr) char *path = xasprintf(CONFIGURATIONS "%s", plurals[i]);
        CLEANUP(buf_free) struct buf body = BUF_TEXT;
        json_write(&body, object);
        expect("bad", "POST", path, body.data, 422,
               "webhooks[0].matchConditions[0].expression: Invalid value: ");
        expect("bad", "POST", path, body.data, 422, "compilation failed");
    }
}

/* ---- what is asked ---- */

static void test_review(void **state)
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
    configure_one(false, "ask", "/allow", ON("", "configmaps", "*"));
    expect("review", "PATCH", MAPS "/there?dryRun=All&fieldManager=me",
           "{\"data\":{\"new\":\"1\"}}", 200, NULL);
    const json_t *request = hook_server_request(&hooks);
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
    hook_server_clear(&hooks);
    expect("review", "DELETE", MAPS "/there?dryRun=All", NULL, 200, NULL);
    request = hook_server_request(&hooks);
    assert_true(json_is_null(json_object_get(request, "object")));
    assert_string_equal(json_text(request, "oldObject", "metadata", "name"), "there");
    hook_server_clear(&hooks);
    expect("review", "POST", MAPS "?dryRun=All", "{\"metadata\":{\"generateName\":\"gen-\"}}", 201,
           "gen-");
    assert_non_null(
        json_text(hook_server_request(&hooks), "object", "metadata", "uid")); /* validating */
    forget_all();
    configure_one(true, "ask", "/allow", ON("", "configmaps", "*"));
    expect("review", "POST", MAPS "?dryRun=All", "{\"metadata\":{\"generateName\":\"gen-\"}}", 201,
           "gen-");
    request = hook_server_request(&hooks);
    assert_null(json_at(request, "name"));
    assert_null(json_at(request, "object", "metadata", "name"));
    assert_null(json_at(request, "object", "metadata", "uid"));
    forget_all();
    configure_one(false, "ask", "/allow", ON("apps", "deployments/scale", "*"));
    expect("review", "PATCH", "/apis/apps/v1/namespaces/default/deployments/d/scale",
           "{\"spec\":{\"replicas\":1}}", 200, NULL);
    request = hook_server_request(&hooks);
    assert_string_equal(json_text(request, "kind", "kind"), "Scale");
    assert_string_equal(json_text(request, "kind", "group"), "autoscaling");
    assert_string_equal(json_text(request, "subResource"), "scale");
    assert_string_equal(json_text(request, "object", "kind"), "Scale");
    forget_all();
    configure_one(false, "ask", "/deny", ON("", "pods/exec", "CONNECT"));
    expect("review", "GET",
           "/api/v1/namespaces/default/pods/p/exec?command=a&command=b&tty=true&container=c", NULL,
           400, "without explanation");
    request = hook_server_request(&hooks);
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    json_write(&text, json_object_get(request, "object"));
    assert_string_equal(
        text.data, "{\"kind\":\"PodExecOptions\",\"apiVersion\":\"v1\",\"command\":[\"a\",\"b\"],"
                   "\"tty\":true,\"container\":\"c\"}");
    forget_all();
    configure_one(false, "ask", "/allow", ON("events.k8s.io", "events", "*"));
    expect("review", "POST", "/api/v1/namespaces/default/events?dryRun=All",
           "{\"metadata\":{\"name\":\"e\"},\"message\":\"m\",\"involvedObject\":{\"kind\":\"Pod\","
           "\"namespace\":"
           "\"default\"}}",
           201, NULL);
    request = hook_server_request(&hooks);
    assert_string_equal(json_text(request, "kind", "group"), "events.k8s.io");
    assert_string_equal(json_text(request, "requestKind", "group"), "");
    assert_string_equal(json_text(request, "object", "apiVersion"), "events.k8s.io/v1");
    assert_string_equal(json_text(request, "object", "note"), "m");
    forget_all();
}

/* ---- mutation ---- */

static void test_order(void **state)
{
    struct answer answer;
    (void)state;
    configure(
        true, "b-second",
        json_pack("[o]", webhook("two.hooks.test", "/stage-2", ON("", "configmaps", "CREATE"))));
    configure(
        true, "a-first",
        json_pack("[o]", webhook("one.hooks.test", "/stage-1", ON("", "configmaps", "CREATE"))));
    ask("POST", MAPS "?dryRun=All",
        "{\"metadata\":{\"name\":\"o\"},\"data\":{\"stage-0\":\"yes\"}}", &answer);
    assert_int_equal(answer.code, 201);
    assert_string_equal(json_text(answer.json, "data", "mutation-stage-1"), "yes");
    assert_string_equal(json_text(answer.json, "data", "mutation-stage-2"), "yes");
    answer_clear(&answer);
    assert_int_equal(hook_server_calls(&hooks), 2);
    forget_all();
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
        configure(true, "chain",
                  json_pack("[o, o]", webhook("two.hooks.test", "/stage-2", first),
                            webhook("one.hooks.test", "/stage-1", second)));
        ask("POST", MAPS "?dryRun=All", "{\"metadata\":{\"name\":\"o\"},\"data\":{\"x\":\"y\"}}",
            &answer);
        assert_int_equal(answer.code, 201);
        if (hook_server_calls(&hooks) != rows[i].calls ||
            (json_text(answer.json, "data", "mutation-stage-2") != NULL) != rows[i].staged)
            fail_msg("%s: %zu calls, %s", rows[i].name, hook_server_calls(&hooks),
                     answer.body.data);
        answer_clear(&answer);
        forget_all();
    }
}

/* What a webhook put there gets its defaults, and the other plugins see it. */
static void test_defaults_after(void **state)
{
    struct answer answer;
    (void)state;
    configure_one(true, "pods", "/add-container", ON("", "pods", "CREATE"));
    ask("POST", "/api/v1/namespaces/default/pods?dryRun=All",
        "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]"
        "}}",
        &answer);
    assert_int_equal(answer.code, 201);
    const json_t *added = json_array_get(json_at(answer.json, "spec", "initContainers"), 0);
    assert_string_equal(json_text(added, "terminationMessagePolicy"), "File");
    assert_string_equal(json_text(added, "imagePullPolicy"), "Always");
    assert_int_equal(json_array_size(json_object_get(added, "volumeMounts")), 1); /* the token's */
    answer_clear(&answer);
    forget_all();
    configure_one(true, "scale", "/ten-replicas", ON("apps", "deployments/scale", "UPDATE"));
    expect("scale", "PATCH", "/apis/apps/v1/namespaces/default/deployments/d/scale?dryRun=All",
           "{\"spec\":{\"replicas\":2}}", 200, "\"replicas\":10");
    forget_all();
    configure_one(true, "gone", "/stage-1", ON("", "configmaps", "DELETE"));
    expect("delete", "DELETE", MAPS "/there", NULL, 500,
           "which is not supported for this operation");
    forget_all();
}

static void test_dry_run(void **state)
{
    (void)state;
    configure_one(true, "dry", "/allow",
                  ON("", "configmaps", "CREATE") ",\"sideEffects\":\"NoneOnDryRun\"");
    expect("dry", "POST", MAPS "?dryRun=All", "{\"metadata\":{\"name\":\"dry\"}}", 201, NULL);
    assert_true(json_is_true(json_object_get(hook_server_request(&hooks), "dryRun")));
    forget_all();
}

static void test_warnings(void **state)
{
    struct answer answer;
    (void)state;
    configure_one(false, "warn", "/warn", ON("", "configmaps", "CREATE"));
    ask("POST", MAPS "?dryRun=All", "{\"metadata\":{\"name\":\"w\"}}", &answer);
    assert_non_null(strstr(answer.headers.data, "Warning: 299 - \"be \\\"careful\\\"\""));
    assert_non_null(strstr(answer.headers.data, "Warning: 299 - \"twice\""));
    answer_clear(&answer);
    forget_all();
}

/* A configuration that changes takes effect at once. */
static void check_update(bool mutating)
{
    const char *plural =
        mutating ? "mutatingwebhookconfigurations" : "validatingwebhookconfigurations";
    CLEANUP(free_ptr) char *path = xasprintf(CONFIGURATIONS "%s/live", plural);
    configure_one(mutating, "live", "/deny", ON("", "configmaps", "CREATE"));
    expect("denied", "POST", MAPS "?dryRun=All", "{\"metadata\":{\"name\":\"l\"}}", 400, NULL);
    json_auto_t *patch = json_pack(
        "{s:[o]}", "webhooks", webhook("live.hooks.test", "/deny", ON("", "configmaps", "UPDATE")));
    CLEANUP(buf_free) struct buf body = BUF_TEXT;
    json_write(&body, patch);
    expect("patch", "PATCH", path, body.data, 200, NULL);
    expect("allowed", "POST", MAPS "?dryRun=All", "{\"metadata\":{\"name\":\"l\"}}", 201, NULL);
    forget_all();
}

static void test_updates(void **state)
{
    (void)state;
    check_update(false);
    check_update(true);
}

/* Configurations are listed and deleted by their labels, and heard until they are gone. */
static void check_labelled(bool mutating)
{
    const char *plural =
        mutating ? "mutatingwebhookconfigurations" : "validatingwebhookconfigurations";
    CLEANUP(free_ptr) char *path = xasprintf(CONFIGURATIONS "%s?labelSelector=set%%3Dmine", plural);
    struct answer answer;
    for (int i = 0; i < 3; i++) {
        CLEANUP(free_ptr) char *name = xasprintf("labelled-%d", i);
        CLEANUP(free_ptr) char *at = xasprintf(CONFIGURATIONS "%s/%s", plural, name);
        configure_one(mutating, name, "/deny", ON("", "configmaps", "CREATE"));
        expect("label", "PATCH", at, "{\"metadata\":{\"labels\":{\"set\":\"mine\"}}}", 200, NULL);
    }
    ask("GET", path, NULL, &answer);
    assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 3);
    answer_clear(&answer);
    expect("denied", "POST", MAPS "?dryRun=All", "{\"metadata\":{\"name\":\"l\"}}", 400, NULL);
    expect("delete them", "DELETE", path, NULL, 200, NULL);
    expect("allowed", "POST", MAPS "?dryRun=All", "{\"metadata\":{\"name\":\"l\"}}", 201, NULL);
    hook_server_clear(&hooks);
}

static void test_labelled(void **state)
{
    (void)state;
    check_labelled(false);
    check_labelled(true);
}

/* ---- side by side ---- */

/* Validating webhooks are called at once; all of them, though one of them denies. */
static void test_parallel(void **state)
{
    struct answer answer;
    json_t *list = json_array();
    (void)state;
    for (unsigned i = 0; i < MEET_COUNT; i++) {
        CLEANUP(free_ptr) char *name = xasprintf("meet-%u.hooks.test", i);
        json_array_append_new(list, webhook(name, "/meet", ON("", "configmaps", "CREATE")));
    }
    configure(false, "meet", list);
    ask("POST", MAPS "?dryRun=All", "{\"metadata\":{\"name\":\"p\"}}", &answer);
    assert_int_equal(answer.code, 201);
    assert_non_null(strstr(answer.headers.data, "Warning: 299 - \"twice\""));
    answer_clear(&answer);
    assert_int_equal(hook_server_calls(&hooks), MEET_COUNT);
    forget_all();
    configure(false, "all",
              json_pack("[o, o, o]",
                        webhook("a.hooks.test", "/deny-message", ON("", "configmaps", "CREATE")),
                        webhook("b.hooks.test", "/allow", ON("", "configmaps", "CREATE")),
                        webhook("c.hooks.test", "/deny-message", ON("", "configmaps", "CREATE"))));
    expect("all", "POST", MAPS "?dryRun=All", "{\"metadata\":{\"name\":\"p\"}}", 403,
           "denied the request: not today");
    assert_int_equal(hook_server_calls(&hooks), 3);
    forget_all();
}

/* Answers that have no room beside each other wait for it. */
#define HEAVY_COUNT 4

static void test_heavy(void **state)
{
    json_t *list = json_array();
    (void)state;
    for (unsigned i = 0; i < HEAVY_COUNT; i++) {
        CLEANUP(free_ptr) char *name = xasprintf("heavy-%u.hooks.test", i);
        json_array_append_new(
            list, webhook(name, "/heavy", ON("", "configmaps", "CREATE") ",\"timeoutSeconds\":30"));
    }
    configure(false, "heavy", list);
    expect("heavy", "POST", MAPS "?dryRun=All", "{\"metadata\":{\"name\":\"h\"}}", 201, NULL);
    forget_all();
}

/* The request's own time is the end, whatever the webhooks' and their failurePolicy. */
static void test_request_time(void **state)
{
    static const char *const extras[] = {"", ",\"failurePolicy\":\"Ignore\""};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(extras) * 2; i++) {
        CLEANUP(free_ptr)
        char *extra =
            xasprintf(ON("", "configmaps", "CREATE") ",\"timeoutSeconds\":30%s", extras[i / 2]);
        configure_one(i % 2, "late", "/slow", extra);
        expect("late", "POST", MAPS "?timeout=1s", "{\"metadata\":{\"name\":\"late\"}}", 504,
               "Timeout: request did not complete within requested timeout - context deadline "
               "exceeded");
        hook_server_release(&hooks);
        forget_all();
    }
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

static void test_custom(void **state)
{
    struct answer answer;
    (void)state;
    configure_one(false, "crds", "/deny-message",
                  ON("apiextensions.k8s.io", "customresourcedefinitions", "CREATE"));
    expect("definition", "POST", CRDS, DEFINITION("true", "false"), 403, "not today");
    forget_all();
    expect("definition", "POST", CRDS, DEFINITION("true", "false"), 201, NULL);
    expect("make", "POST", ANTS, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"a\":\"b\"}}", 201,
           NULL);
    configure_one(false, "ants", "/deny-message", ON("ants.test", "ants", "*"));
    expect("create", "POST", ANTS, "{\"metadata\":{\"name\":\"c\"}}", 403, "not today");
    expect("update", "PATCH", ANTS "/a", "{\"data\":{\"a\":\"c\"}}", 403, "not today");
    expect("delete", "DELETE", ANTS "/a", NULL, 403, "not today");
    expect("collection", "DELETE", ANTS, NULL, 403, "not today");
    forget_all();
    configure(
        true, "ants",
        json_pack("[o, o]",
                  webhook("one.hooks.test", "/stage-1", ON("ants.test", "ants", "CREATE")),
                  webhook("two.hooks.test", "/stage-unknown", ON("ants.test", "ants", "CREATE"))));
    ask("POST", ANTS, "{\"metadata\":{\"name\":\"mutated\"},\"data\":{\"a\":\"b\"}}", &answer);
    assert_int_equal(answer.code, 201);
    assert_string_equal(json_text(answer.json, "data", "mutation-stage-1"), "yes");
    assert_null(json_at(answer.json, "data", "mutation-stage-2")); /* pruned */
    answer_clear(&answer);
    forget_all();
    /* Rules for one version see requests of the other, in their own form. */
    configure_one(true, "ants", "/stage-1",
                  "\"rules\":[{\"apiGroups\":[\"ants.test\"],\"apiVersions\":[\"v1\"],"
                  "\"resources\":[\"ants\"],"
                  "\"operations\":[\"*\"]}]");
    expect("stored", "PATCH", CRDS "/ants.ants.test", DEFINITION("false", "true"), 200,
           "\"storedVersions\":[\"v1\",\"v2\"]");
    expect("other", "POST", "/apis/ants.test/v2/namespaces/default/ants",
           "{\"metadata\":{\"name\":\"second\"},\"data\":{\"a\":\"b\"}}", 201,
           "\"mutation-stage-1\":\"yes\"");
    const json_t *request = hook_server_request(&hooks);
    assert_string_equal(json_text(request, "requestKind", "version"), "v2");
    assert_string_equal(json_text(request, "kind", "version"), "v1");
    assert_string_equal(json_text(request, "object", "apiVersion"), "ants.test/v1");
    hook_server_clear(&hooks);
    expect("patch", "PATCH", ANTS "/a", "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}", 200,
           "\"mutation-stage-1\":\"yes\"");
    forget_all();
    expect("gone", "DELETE", CRDS "/ants.ants.test", NULL, 200, NULL);
    expect("discovery", "GET", "/apis/admissionregistration.k8s.io/v1", NULL, 200,
           "mutatingwebhookconfigurations");
    expect("discovery", "GET", "/apis/admissionregistration.k8s.io/v1", NULL, 200,
           "validatingwebhookconfigurations");
    expect("discovery", "GET", "/apis", NULL, 200, "admissionregistration.k8s.io/v1");
}

/* ---- a Service, whose Pod is reached through its node ---- */

static int dial_hooks(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)hooks.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    return fd;
}

/* The node's side: the Pod's port is the webhook's. */
static void serve_port(gnutls_session_t session, const char *request)
{
    static const char accepted[] =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    char bytes[4096];
    ssize_t got = 1;
    assert_non_null(strstr(request, "POST /portForward/default/p-on-host?port=8443 "));
    int fd = dial_hooks();
    struct pollfd both[] = {{.fd = gnutls_transport_get_int(session), .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};
    fake_node_send(session, accepted, sizeof(accepted) - 1);
    while (got > 0 && (gnutls_record_check_pending(session) || poll(both, 2, 20000) > 0)) {
        if (gnutls_record_check_pending(session) || both[0].revents) {
            got = gnutls_record_recv(session, bytes, sizeof(bytes));
            if (got > 0 && write(fd, bytes, (size_t)got) != got)
                break;
        } else {
            got = read(fd, bytes, sizeof(bytes));
            if (got > 0)
                fake_node_send(session, bytes, (size_t)got);
        }
    }
    close(fd);
}

static void test_service(void **state)
{
    static struct fake_node node = {.serve = serve_port};
    struct cluster *tenant = fixture_tenant(&fixture, "served");
    struct api_caller callers[] = {fixture_admin(&fixture, fixture.host),
                                   fixture_admin(&fixture, tenant)};
    CLEANUP(error_clear) struct error err = {0};
    (void)state;
    fake_node_start(&node, &fixture);
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        json_auto_t *pod =
            json_pack("{s:{s:s}, s:{s:s, s:[{s:s, s:s}]}}", "metadata", "name", "p", "spec",
                      "nodeName", "n1", "containers", "name", "c", "image", "i");
        json_auto_t *status = json_pack("{s:{s:s, s:[{s:s}]}}", "status", "podIP", "10.0.0.3",
                                        "podIPs", "ip", "10.0.0.3");
        json_auto_t *service = json_pack("{s:{s:s}, s:{s:[{s:i}]}}", "metadata", "name", "hook",
                                         "spec", "ports", "port", 443);
        json_auto_t *endpoints =
            json_pack("{s:{s:s}, s:[{s:[{s:s, s:{s:s, s:s, s:s}}], s:[{s:i}]}]}", "metadata",
                      "name", "hook", "subsets", "addresses", "ip", "10.0.0.3", "targetRef", "kind",
                      "Pod", "namespace", "default", "name", "p", "ports", "port", 8443);
        json_t *hook =
            webhook("served.hooks.test", "/deny-message", ON("", "configmaps", "CREATE"));
        json_t *client = json_object_get(hook, "clientConfig");
        json_object_del(client, "url");
        json_object_set_new(client, "service",
                            json_pack("{s:s, s:s, s:s}", "namespace", "default", "name", "hook",
                                      "path", "/deny-message"));
        json_auto_t *configuration =
            json_pack("{s:{s:s}, s:[o]}", "metadata", "name", "served", "webhooks", hook);
        json_auto_t *map = json_pack("{s:{s:s}}", "metadata", "name", "served");
        if (!api_delete(&callers[i], "pods", "default", "p",
                        &(struct api_delete_options){.grace_s = 0}, &err))
            error_clear(&err); /* another test's may be there */
        assert_true(api_create(&callers[i], "pods", "default", pod, NULL, &err));
        assert_true(api_patch(&callers[i], "pods", "status", "default", "p", status, NULL, &err));
        assert_true(api_create(&callers[i], "services", "default", service, NULL, &err));
        assert_true(api_create(&callers[i], "endpoints", "default", endpoints, NULL, &err));
        assert_true(api_create(&callers[i],
                               "validatingwebhookconfigurations.admissionregistration.k8s.io", "",
                               configuration, NULL, &err));
        for (size_t again = 0; again < 3; again++) {
            assert_false(api_create(&callers[i], "configmaps", "default", map, NULL, &err));
            if (err.code != 403)
                fail_msg("%zu: %s", i, err.message);
            error_clear(&err);
        }
        assert_true(api_delete(&callers[i],
                               "validatingwebhookconfigurations.admissionregistration.k8s.io", "",
                               "served", &(struct api_delete_options){.grace_s = -1}, &err));
        assert_int_equal(hook_server_calls(&hooks), 3);
        hook_server_clear(&hooks);
    }
    cluster_unref(tenant);
    fixture_node = &node; /* stopped after the server, which keeps connections */
}

/* Calls from inside take the same way, and another cluster has nothing to do with it. */
static void test_inside(void **state)
{
    CLEANUP(error_clear) struct error err = {0};
    struct cluster *tenant = fixture_tenant(&fixture, "inside");
    struct api_caller here = fixture_admin(&fixture, fixture.host),
                      there = fixture_admin(&fixture, tenant);
    json_auto_t *map = json_pack("{s:{s:s}}", "metadata", "name", "inside");
    (void)state;
    configure_one(false, "inside", "/deny-message", ON("", "configmaps", "CREATE"));
    assert_false(api_create(&here, "configmaps", "default", map, NULL, &err));
    assert_int_equal(err.code, 403);
    error_clear(&err);
    assert_true(api_create(&there, "configmaps", "default", map, NULL, &err));
    cluster_unref(tenant);
    forget_all();
}

/* What a tenant must not make the server dial. */
static void test_tenant_addresses(void **state)
{
    static const char *const urls[] = {
        "https://127.0.0.1:%u/deny",
        "https://localhost:%u/deny",
        "https://0.0.0.0:%u/deny",
        "https://[::1]:%u/deny",
        "https://[::ffff:127.0.0.1]:%u/deny",
        "https://169.254.169.254:%u/",
        "https://10.0.0.1:%u/",
        "https://192.168.1.1:%u/",
        "https://[fd00::1]:%u/",
        "https://[fe80::1]:%u/",
        "https://2130706433:%u/deny",
        "https://[64:ff9b::7f00:1]:%u/",
    };
    struct cluster *tenant = fixture_tenant(&fixture, "dialler");
    struct api_caller caller = fixture_admin(&fixture, tenant);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(buf_free) struct buf url = BUF_TEXT;
        CLEANUP(free_ptr) char *name = xasprintf("c%zu", i);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        buf_printf(&url, urls[i], hooks.port);
#pragma GCC diagnostic pop
        json_t *hook = webhook("t.hooks.test", "/deny", ON("", "configmaps", "CREATE"));
        json_set_text(json_object_get(hook, "clientConfig"), "url", url.data);
        json_auto_t *object =
            json_pack("{s:{s:s}, s:[o]}", "metadata", "name", "t", "webhooks", hook);
        json_auto_t *map = json_pack("{s:{s:s}}", "metadata", "name", name);
        assert_true(api_create(&caller,
                               "validatingwebhookconfigurations.admissionregistration.k8s.io", "",
                               object, NULL, &err));
        assert_false(api_create(&caller, "configmaps", "default", map, NULL, &err));
        if (err.code != 500 || !strstr(err.message, "address not allowed"))
            fail_msg("%s: %d %s", url.data, err.code, err.message);
        error_clear(&err);
        assert_true(api_delete(&caller,
                               "validatingwebhookconfigurations.admissionregistration.k8s.io", "",
                               "t", &(struct api_delete_options){.grace_s = -1}, &err));
    }
    assert_int_equal(hook_server_calls(&hooks), 0);
    cluster_unref(tenant);
}

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture);
    hook_server_start(&hooks, paths);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    hook_server_release(&hooks);
    fixture_stop(&fixture);
    hook_server_stop(&hooks);
    if (fixture_node)
        fake_node_stop(fixture_node);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),        cmocka_unit_test(test_trust),
        cmocka_unit_test(test_matching),       cmocka_unit_test(test_review),
        cmocka_unit_test(test_order),          cmocka_unit_test(test_reinvocation),
        cmocka_unit_test(test_defaults_after), cmocka_unit_test(test_dry_run),
        cmocka_unit_test(test_warnings),       cmocka_unit_test(test_updates),
        cmocka_unit_test(test_inside),         cmocka_unit_test(test_tenant_addresses),
        cmocka_unit_test(test_conditions),     cmocka_unit_test(test_custom),
        cmocka_unit_test(test_parallel),       cmocka_unit_test(test_request_time),
        cmocka_unit_test(test_heavy),          cmocka_unit_test(test_service),
        cmocka_unit_test(test_labelled),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
