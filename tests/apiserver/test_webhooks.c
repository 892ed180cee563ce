/* Admission webhooks: a server of the test's own on loopback, and what the API server makes of its
 * answers. */
#include <string.h>

#include "support_webhook.h"
#include "tests/test.h"

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
        hooked_configure_one(row->mutating, row->name, row->path, extra);
        fixture_expect(&hooked.fixture, row->name, "POST", MAPS, body, row->code, row->want);
        hook_server_release(&hooked.hooks);
        hooked_forget();
    }
}

/* Trust: only the authority that was named, only the name that was asked for. */
static void test_trust(void **state)
{
    (void)state;
    CLEANUP(free_ptr)
    char *other = xasprintf(
        ON("", "configmaps", "*") ",\"clientConfig\":{\"url\":\"%s/allow\",\"caBundle\":\"%s\"}",
        hooked.hooks.url, hooked.hooks.other_ca_base64);
    CLEANUP(free_ptr)
    char *name = xasprintf(
        ON("", "configmaps", "*") ",\"clientConfig\":{\"url\":\"https://localhost:%u/allow\","
                                  "\"caBundle\":\"%s\"}",
        hooked.hooks.port, hooked.hooks.ca_base64);
    CLEANUP(free_ptr)
    char *none = xasprintf(ON("", "configmaps", "*") ",\"clientConfig\":{\"url\":\"%s/allow\"}",
                           hooked.hooks.url);
    const struct row {
        const char *name, *extra, *want;
    } rows[] = {
        {"other", other, "x509: certificate signed by unknown authority"},
        {"name", name, "x509: certificate is not valid"},
        {"none", none, "x509: certificate signed by unknown authority"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        hooked_configure_one(false, rows[i].name, "/allow", rows[i].extra);
        fixture_expect(&hooked.fixture, rows[i].name, "POST", MAPS,
                       "{\"metadata\":{\"name\":\"trust\"}}", 500, rows[i].want);
        assert_int_equal(hook_server_calls(&hooked.hooks), 0);
        hooked_forget();
    }
}

static void test_dry_run(void **state)
{
    (void)state;
    hooked_configure_one(true, "dry", "/allow",
                         ON("", "configmaps", "CREATE") ",\"sideEffects\":\"NoneOnDryRun\"");
    fixture_expect(&hooked.fixture, "dry", "POST", MAPS "?dryRun=All",
                   "{\"metadata\":{\"name\":\"dry\"}}", 201, NULL);
    assert_true(json_is_true(json_object_get(hook_server_request(&hooked.hooks), "dryRun")));
    hooked_forget();
}

static void test_warnings(void **state)
{
    struct answer answer;
    (void)state;
    hooked_configure_one(false, "warn", "/warn", ON("", "configmaps", "CREATE"));
    fixture_send(&hooked.fixture, "POST", MAPS "?dryRun=All", "{\"metadata\":{\"name\":\"w\"}}",
                 &answer);
    assert_non_null(strstr(answer.headers.data, "Warning: 299 - \"be \\\"careful\\\"\""));
    assert_non_null(strstr(answer.headers.data, "Warning: 299 - \"twice\""));
    answer_clear(&answer);
    hooked_forget();
}

/* ---- configurations ---- */

static void expect_denied(const char *name, bool denied)
{
    fixture_expect(&hooked.fixture, name, "POST", MAPS "?dryRun=All",
                   "{\"metadata\":{\"name\":\"l\"}}", denied ? 400 : 201, NULL);
}

static void patch(const char *path, const char *type, const char *body)
{
    struct answer answer;
    fixture_ask(&hooked.fixture,
                &(struct ask){.method = "PATCH", .path = path, .body = body, .type = type},
                &answer);
    if (answer.code != 200)
        fail_msg("%s: %ld, %s", type, answer.code, answer.body.data);
    answer_clear(&answer);
}

/* A configuration that changes takes effect at once: by PUT, JSON patch and merge patch. */
static void check_update(bool mutating)
{
    static const char update[] = ON("", "configmaps", "UPDATE");
    CLEANUP(free_ptr)
    char *path = xasprintf(CONFIGURATIONS "%s/live", hooked_plural(mutating));
    json_auto_t *merged =
        json_pack("{s:[o]}", "webhooks", hooked_webhook("live.hooks.test", "/deny", update));
    CLEANUP(buf_free) struct buf body = BUF_TEXT;
    json_write(&body, merged);
    hooked_configure_one(mutating, "live", "/deny", ON("", "configmaps", "CREATE"));
    expect_denied("made", true);
    hooked_replace(mutating, "live", hooked_webhook("live.hooks.test", "/deny", update));
    expect_denied("put", false);
    patch(path, "application/json-patch+json",
          "[{\"op\":\"replace\",\"path\":\"/webhooks/0/rules/0/operations\",\"value\":["
          "\"CREATE\"]}]");
    expect_denied("JSON patch", true);
    patch(path, "application/merge-patch+json", body.data);
    expect_denied("merge patch", false);
    hooked_forget();
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
    const char *plural = hooked_plural(mutating);
    CLEANUP(free_ptr) char *path = xasprintf(CONFIGURATIONS "%s?labelSelector=set%%3Dmine", plural);
    struct answer answer;
    for (int i = 0; i < 3; i++) {
        CLEANUP(free_ptr) char *name = xasprintf("labelled-%d", i);
        CLEANUP(free_ptr) char *at = xasprintf(CONFIGURATIONS "%s/%s", plural, name);
        hooked_configure_one(mutating, name, "/deny", ON("", "configmaps", "CREATE"));
        fixture_expect(&hooked.fixture, "label", "PATCH", at,
                       "{\"metadata\":{\"labels\":{\"set\":\"mine\"}}}", 200, NULL);
    }
    fixture_send(&hooked.fixture, "GET", path, NULL, &answer);
    assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 3);
    answer_clear(&answer);
    fixture_expect(&hooked.fixture, "denied", "POST", MAPS "?dryRun=All",
                   "{\"metadata\":{\"name\":\"l\"}}", 400, NULL);
    fixture_expect(&hooked.fixture, "delete them", "DELETE", path, NULL, 200, NULL);
    fixture_expect(&hooked.fixture, "allowed", "POST", MAPS "?dryRun=All",
                   "{\"metadata\":{\"name\":\"l\"}}", 201, NULL);
    hook_server_clear(&hooked.hooks);
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
        json_array_append_new(list, hooked_webhook(name, "/meet", ON("", "configmaps", "CREATE")));
    }
    hooked_configure(false, "meet", list);
    fixture_send(&hooked.fixture, "POST", MAPS "?dryRun=All", "{\"metadata\":{\"name\":\"p\"}}",
                 &answer);
    assert_int_equal(answer.code, 201);
    assert_non_null(strstr(answer.headers.data, "Warning: 299 - \"twice\""));
    answer_clear(&answer);
    assert_int_equal(hook_server_calls(&hooked.hooks), MEET_COUNT);
    hooked_forget();
    hooked_configure(
        false, "all",
        json_pack("[o, o, o]",
                  hooked_webhook("a.hooks.test", "/deny-message", ON("", "configmaps", "CREATE")),
                  hooked_webhook("b.hooks.test", "/allow", ON("", "configmaps", "CREATE")),
                  hooked_webhook("c.hooks.test", "/deny-message", ON("", "configmaps", "CREATE"))));
    fixture_expect(&hooked.fixture, "all", "POST", MAPS "?dryRun=All",
                   "{\"metadata\":{\"name\":\"p\"}}", 403, "denied the request: not today");
    assert_int_equal(hook_server_calls(&hooked.hooks), 3);
    hooked_forget();
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
            list, hooked_webhook(name, "/heavy",
                                 ON("", "configmaps", "CREATE") ",\"timeoutSeconds\":30"));
    }
    hooked_configure(false, "heavy", list);
    fixture_expect(&hooked.fixture, "heavy", "POST", MAPS "?dryRun=All",
                   "{\"metadata\":{\"name\":\"h\"}}", 201, NULL);
    hooked_forget();
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
        hooked_configure_one(i % 2, "late", "/slow", extra);
        fixture_expect(
            &hooked.fixture, "late", "POST", MAPS "?timeout=1s",
            "{\"metadata\":{\"name\":\"late\"}}", 504,
            "Timeout: request did not complete within requested timeout - context deadline "
            "exceeded");
        hook_server_release(&hooked.hooks);
        hooked_forget();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),  cmocka_unit_test(test_trust),
        cmocka_unit_test(test_dry_run),  cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_updates),  cmocka_unit_test(test_labelled),
        cmocka_unit_test(test_parallel), cmocka_unit_test(test_request_time),
        cmocka_unit_test(test_heavy),
    };
    return cmocka_run_group_tests(tests, hooked_start, hooked_stop);
}
