/* Custom resources that a webhook converts: read, listed, watched and written in two versions. */
#include <string.h>

#include "support_fixture.h"
#include "support_hook.h"
#include "support_watch.h"
#include "tests/test.h"

#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define V1   "/apis/stable.example.com/v1/namespaces/default/e2e-tests"
#define V2   "/apis/stable.example.com/v2/namespaces/default/e2e-tests"

static struct fixture fixture;
static struct hook_server hooks;

/* ---- the webhook: hostPort "host:port" of v1 is host and port of v2 ---- */

static json_t *convert_one(const json_t *object, const char *wanted)
{
    json_t *out = json_deep_copy(object);
    const char *joined = json_text(object, "hostPort"), *host = json_text(object, "host"),
               *port = json_text(object, "port");
    json_set_text(out, "apiVersion", wanted);
    json_object_del(out, "hostPort");
    json_object_del(out, "host");
    json_object_del(out, "port");
    if (text_ends(wanted, "/v2") && joined) {
        struct str rest = str_of(joined), first = str_cut(&rest, ':');
        CLEANUP(free_ptr) char *left = str_dup(first);
        CLEANUP(free_ptr) char *right = str_dup(rest);
        json_set_text(out, "host", left);
        json_set_text(out, "port", right);
    } else if (text_ends(wanted, "/v1")) {
        json_object_set_new(out, "hostPort",
                            json_sprintf("%s:%s", host ? host : "", port ? port : ""));
    }
    return out;
}

static json_t *answer_with(const json_t *review, json_t *objects)
{
    return json_pack("{s:s, s:O, s:{s:O, s:{s:s}, s:o}}", "kind", "ConversionReview", "apiVersion",
                     json_object_get(review, "apiVersion"), "response", "uid",
                     json_at(review, "request", "uid"), "result", "status", "Success",
                     "convertedObjects", objects);
}

static json_t *convert_all(const json_t *review)
{
    json_t *objects = json_array(), *object;
    size_t i;
    json_array_foreach (json_at(review, "request", "objects"), i, object)
        json_array_append_new(
            objects, convert_one(object, json_text(review, "request", "desiredAPIVersion")));
    return objects;
}

static json_t *convert(struct hook_server *server, const json_t *review)
{
    (void)server;
    return answer_with(review, convert_all(review));
}

static json_t *fail_with(struct hook_server *server, const json_t *review)
{
    json_t *answer = convert(server, review);
    json_object_set_new(json_object_get(answer, "response"), "result",
                        json_pack("{s:s, s:s}", "status", "Failed", "message", "no such thing"));
    return answer;
}

static json_t *fail_silently(struct hook_server *server, const json_t *review)
{
    json_t *answer = convert(server, review);
    json_object_set_new(json_object_get(answer, "response"), "result",
                        json_pack("{s:s}", "status", "Failed"));
    return answer;
}

static json_t *wrong_uid(struct hook_server *server, const json_t *review)
{
    json_t *answer = convert(server, review);
    json_set_text(json_object_get(answer, "response"), "uid", "x");
    return answer;
}

static json_t *too_few(struct hook_server *server, const json_t *review)
{
    (void)server;
    return answer_with(review, json_array());
}

static json_t *other_version(struct hook_server *server, const json_t *review)
{
    (void)server;
    json_t *objects = convert_all(review);
    json_set_text(json_array_get(objects, 0), "apiVersion", "stable.example.com/v3");
    return answer_with(review, objects);
}

static json_t *other_name(struct hook_server *server, const json_t *review)
{
    (void)server;
    json_t *objects = convert_all(review);
    json_set_text(json_object_get(json_array_get(objects, 0), "metadata"), "name", "other");
    return answer_with(review, objects);
}

/* Labels may change, generation may not. */
static json_t *change_metadata(struct hook_server *server, const json_t *review)
{
    (void)server;
    json_t *objects = convert_all(review),
           *metadata = json_object_get(json_array_get(objects, 0), "metadata");
    json_object_set_new(metadata, "labels", json_pack("{s:s}", "by", "webhook"));
    json_object_set_new(metadata, "generation", json_integer(77));
    return answer_with(review, objects);
}

/* Gives the first object metadata of its own; takes `value`. */
static json_t *answer_metadata(const json_t *review, const char *key, json_t *value)
{
    json_t *objects = convert_all(review);
    json_object_set_new(json_object_get(json_array_get(objects, 0), "metadata"), key, value);
    return answer_with(review, objects);
}

static json_t *bad_label(struct hook_server *server, const json_t *review)
{
    (void)server;
    return answer_metadata(review, "labels", json_pack("{s:s}", "a", "no such value"));
}

static json_t *bad_annotations(struct hook_server *server, const json_t *review)
{
    (void)server;
    return answer_metadata(review, "annotations", json_pack("{s:s, s:s}", "-a", "", "-b", ""));
}

static json_t *label_number(struct hook_server *server, const json_t *review)
{
    (void)server;
    return answer_metadata(review, "labels", json_pack("{s:i}", "a", 1));
}

static json_t *label_list(struct hook_server *server, const json_t *review)
{
    (void)server;
    return answer_metadata(review, "labels", json_array());
}

/* Each object's label "in": the version that it is in. */
static json_t *label_versions(struct hook_server *server, const json_t *review)
{
    (void)server;
    json_t *objects = convert_all(review), *object;
    size_t i;
    json_array_foreach (objects, i, object)
        json_object_set_new(
            json_object_get(object, "metadata"), "labels",
            json_pack("{s:s}", "in",
                      text_ends(json_text(object, "apiVersion"), "/v2") ? "v2" : "v1"));
    return answer_with(review, objects);
}

static json_t *broken(struct hook_server *server, const json_t *review)
{
    (void)server, (void)review;
    return NULL;
}

static const struct hook_path paths[] = {
    {"/convert", convert},
    {"/fail", fail_with},
    {"/fail-silently", fail_silently},
    {"/wrong-uid", wrong_uid},
    {"/too-few", too_few},
    {"/other-version", other_version},
    {"/other-name", other_name},
    {"/change-metadata", change_metadata},
    {"/bad-label", bad_label},
    {"/bad-annotations", bad_annotations},
    {"/label-number", label_number},
    {"/label-list", label_list},
    {"/label-versions", label_versions},
    {"/broken", broken},
    {NULL, NULL},
};

/* ---- requests ---- */

static void ask(const char *method, const char *path, const char *body, struct answer *answer)
{
    fixture_send(&fixture, method, path, body, answer);
}

static void expect(const char *method, const char *path, const char *body, long code,
                   const char *want)
{
    fixture_expect(&fixture, "conversion", method, path, body, code, want);
}

static json_t *version(const char *name, bool stored, json_t *properties, json_t *selectable)
{
    return json_pack("{s:s, s:b, s:b, s:{s:{}}, s:{s:{s:s, s:o}}, s:o}", "name", name, "served", 1,
                     "storage", stored, "subresources", "status", "schema", "openAPIV3Schema",
                     "type", "object", "properties", properties, "selectableFields", selectable);
}

static json_t *versions(bool second_stored)
{
    json_t *first = json_pack("{s:{s:s}, s:{s:s}, s:{s:s, s:s}}", "hostPort", "type", "string",
                              "note", "type", "string", "kept", "type", "string", "default", "v1");
    json_t *second = json_pack("{s:{s:s}, s:{s:s}, s:{s:s}}", "host", "type", "string", "port",
                               "type", "string", "note", "type", "string");
    return json_pack(
        "[o, o]",
        version("v1", !second_stored, first, json_pack("[{s:s}]", "jsonPath", ".hostPort")),
        version("v2", second_stored, second,
                json_pack("[{s:s}, {s:s}]", "jsonPath", ".host", "jsonPath", ".port")));
}

static json_t *conversion(const char *path, const char *review_version)
{
    CLEANUP(free_ptr) char *url = xasprintf("%s%s", hooks.url, path);
    return json_pack("{s:s, s:{s:{s:s, s:s}, s:[s]}}", "strategy", "Webhook", "webhook",
                     "clientConfig", "url", url, "caBundle", hooks.ca_base64,
                     "conversionReviewVersions", review_version);
}

/* Takes `change`, a patch of the spec. */
static void change_definition(json_t *change)
{
    CLEANUP(buf_free) struct buf body = BUF_TEXT;
    json_auto_t *patch = json_pack("{s:o}", "spec", change);
    json_write(&body, patch);
    expect("PATCH", CRDS "/e2e-tests.stable.example.com", body.data, 200, NULL);
}

static void use(const char *path, const char *review_version)
{
    change_definition(json_pack("{s:o}", "conversion", conversion(path, review_version)));
    hook_server_clear(&hooks);
}

/* ---- tests ---- */

static void test_write_and_read(void **state)
{
    (void)state;
    expect("POST", V1,
           "{\"kind\":\"E2eTest\",\"metadata\":{\"name\":\"one\"},\"hostPort\":\"localhost:80\","
           "\"note\":\"n\"}",
           201, "\"hostPort\":\"localhost:80\"");
    assert_int_equal(hook_server_calls(&hooks), 0); /* written and answered as it is stored */
    expect("GET", V1 "/one", NULL, 200, "\"hostPort\":\"localhost:80\"");
    assert_int_equal(hook_server_calls(&hooks), 0);
    expect("GET", V2 "/one", NULL, 200, "\"port\":\"80\"}");
    assert_int_equal(hook_server_calls(&hooks), 1);
    const json_t *request = hook_server_request(&hooks);
    assert_string_equal(json_text(request, "desiredAPIVersion"), "stable.example.com/v2");
    assert_string_equal(
        json_text(json_array_get(json_object_get(request, "objects"), 0), "apiVersion"),
        "stable.example.com/v1");
    expect("POST", V2,
           "{\"kind\":\"E2eTest\",\"metadata\":{\"name\":\"two\"},\"host\":\"a\",\"port\":\"1\"}",
           201, "\"port\":\"1\"}");
    expect("GET", V1 "/two", NULL, 200, "\"hostPort\":\"a:1\"");
    expect("PATCH", V2 "/two", "{\"port\":\"2\"}", 200, "\"port\":\"2\"");
    expect("GET", V1 "/two", NULL, 200, "\"hostPort\":\"a:2\"");
    expect("PATCH", V1 "/two", "{\"hostPort\":\"b:3\"}", 200, "\"hostPort\":\"b:3\"");
    expect("GET", V2 "/two", NULL, 200, "\"port\":\"3\"}");
    expect("DELETE", V2 "/two?dryRun=All", NULL, 200, NULL);
}

/* Objects that were stored in both versions, in one list. */
static void test_mixed(void **state)
{
    struct answer answer;
    (void)state;
    change_definition(json_pack("{s:o}", "versions", versions(true)));
    expect("GET", CRDS "/e2e-tests.stable.example.com", NULL, 200,
           "\"storedVersions\":[\"v1\",\"v2\"]");
    expect("POST", V2,
           "{\"kind\":\"E2eTest\",\"metadata\":{\"name\":\"three\"},\"host\":\"c\",\"port\":\"4\"}",
           201, NULL);
    hook_server_clear(&hooks);
    ask("GET", V2, NULL, &answer);
    assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *item = json_array_get(json_object_get(answer.json, "items"), i);
        assert_non_null(json_text(item, "host"));
        assert_null(json_text(item, "hostPort"));
        assert_string_equal(json_text(item, "apiVersion"), "stable.example.com/v2");
    }
    answer_clear(&answer);
    assert_int_equal(hook_server_calls(&hooks), 1); /* one review for both old ones */
    assert_int_equal(json_array_size(json_object_get(hook_server_request(&hooks), "objects")), 2);
    hook_server_clear(&hooks);
    ask("GET", V1, NULL, &answer);
    for (size_t i = 0; i < 3; i++)
        assert_non_null(
            json_text(json_array_get(json_object_get(answer.json, "items"), i), "hostPort"));
    answer_clear(&answer);
    assert_int_equal(hook_server_calls(&hooks), 1);
    /* What is read has the defaults of the version that it is stored in, not of the one asked for.
     */
    ask("GET", V1 "/three", NULL, &answer);
    assert_null(json_text(answer.json, "kept"));
    answer_clear(&answer);
    expect("GET", V1 "/two", NULL, 200, "\"kept\":\"v1\"");
    /* What changes nothing still moves the object to the version that is stored now. */
    ask("GET", V2 "/one", NULL, &answer);
    CLEANUP(buf_free) struct buf body = BUF_TEXT;
    json_write(&body, answer.json);
    answer_clear(&answer);
    expect("PUT", V2 "/one", body.data, 200, "\"host\":\"localhost\"");
    hook_server_clear(&hooks);
    expect("GET", V2 "/one", NULL, 200, "\"host\":\"localhost\"");
    assert_int_equal(hook_server_calls(&hooks), 0);
    change_definition(json_pack("{s:o}", "versions", versions(false)));
}

static void test_watch(void **state)
{
    struct watcher watcher;
    (void)state;
    watcher_start(&watcher, &fixture, V2 "?watch=true&timeoutSeconds=20");
    assert_true(watcher_wait(&watcher, 3, 20)); /* what is there already */
    expect("POST", V1,
           "{\"kind\":\"E2eTest\",\"metadata\":{\"name\":\"seen\"},\"hostPort\":\"w:1\"}", 201,
           NULL);
    expect("PATCH", V1 "/seen", "{\"hostPort\":\"w:2\"}", 200, NULL);
    expect("DELETE", V1 "/seen", NULL, 200, NULL);
    static const struct {
        const char *type, *port;
    } rows[] = {{"ADDED", "1"}, {"MODIFIED", "2"}, {"DELETED", "2"}};
    assert_true(watcher_wait(&watcher, 3 + ARRAY_LEN(rows), 20));
    for (size_t i = 0; i < 3 + ARRAY_LEN(rows); i++) {
        const json_t *object = json_object_get(json_array_get(watcher.events, i), "object");
        assert_non_null(json_text(object, "host"));
        assert_string_equal(json_text(object, "apiVersion"), "stable.example.com/v2");
        if (i >= 3) {
            assert_string_equal(watcher_type(&watcher, i), rows[i - 3].type);
            assert_string_equal(json_text(object, "port"), rows[i - 3].port);
        }
    }
    watcher_stop(&watcher);
}

/* ---- fields that a version has, whichever is stored ---- */

#define SELECTED "?fieldSelector="

/* Each event's type and name, and the field that is given. */
static void expect_events(struct watcher *watcher, const char *const *wanted, size_t count)
{
    assert_true(watcher_wait(watcher, count, 20));
    for (size_t i = 0; i < count; i++) {
        const json_t *object = json_object_get(json_array_get(watcher->events, i), "object");
        const char *host = json_text(object, "host"), *joined = json_text(object, "hostPort");
        CLEANUP(free_ptr)
        char *got = xasprintf("%s %s %s", watcher_type(watcher, i),
                              json_text(object, "metadata", "name"), host ? host : joined);
        assert_string_equal(got, wanted[i]);
    }
    watcher_stop(watcher);
}

static void watch_from(struct watcher *watcher, const char *path, const char *revision)
{
    CLEANUP(free_ptr)
    char *whole = xasprintf("%s&watch=true&timeoutSeconds=20&resourceVersion=%s", path, revision);
    watcher_start(watcher, &fixture, whole);
}

static void expect_names(const char *path, const char *wanted)
{
    CLEANUP(buf_free) struct buf names = BUF_TEXT;
    struct answer answer;
    const json_t *item;
    size_t i;
    ask("GET", path, NULL, &answer);
    assert_int_equal(answer.code, 200);
    json_array_foreach (json_object_get(answer.json, "items"), i, item)
        buf_printf(&names, "%s ", json_text(item, "metadata", "name"));
    if (strcmp(names.len ? names.data : "", wanted) != 0)
        fail_msg("%s: %s", path, names.data);
    answer_clear(&answer);
}

static void select_fields(bool second_stored)
{
    static const char *const of_host[] = {"ADDED sa s", "ADDED sb s", "DELETED sa s",
                                          "DELETED sb s"},
                             *const of_port[] = {"ADDED sa s", "DELETED sa s"},
                             *const of_both[] = {"ADDED sa s:80", "DELETED sa s:80"};
    struct watcher host, port, both;
    struct answer answer;
    change_definition(json_pack("{s:o}", "versions", versions(second_stored)));
    ask("GET", V2, NULL, &answer);
    CLEANUP(free_ptr) char *since = xstrdup(json_text(answer.json, "metadata", "resourceVersion"));
    answer_clear(&answer);
    watch_from(&host, V2 SELECTED "host%3Ds", since);
    watch_from(&port, V2 SELECTED "host%3Ds,port%3D80", since);
    watch_from(&both, V1 SELECTED "hostPort%3Ds:80", since);
    expect("POST", V2,
           "{\"kind\":\"E2eTest\",\"metadata\":{\"name\":\"sa\"},\"host\":\"s\",\"port\":\"80\"}",
           201, NULL);
    expect("POST", V1,
           "{\"kind\":\"E2eTest\",\"metadata\":{\"name\":\"sb\"},\"hostPort\":\"s:81\"}", 201,
           NULL);
    expect("POST", V2, "{\"kind\":\"E2eTest\",\"metadata\":{\"name\":\"sc\"},\"host\":\"t\"}", 201,
           NULL);
    expect_names(V2 SELECTED "host%3Ds", "sa sb ");
    expect_names(V2 SELECTED "host%3Ds&limit=500", "sa sb ");
    expect_names(V2 SELECTED "host%3Ds,port%3D80", "sa ");
    expect_names(V1 SELECTED "hostPort%3Ds:80", "sa ");
    expect_names(V1 SELECTED "hostPort%3Ds:81", "sb ");
    expect_names(V1 SELECTED "hostPort%3Dnone", "");
    expect("GET", V1 SELECTED "host%3Ds", NULL, 400, "field label not supported: host");
    expect("DELETE", V2 SELECTED "host%3Ds,port%3D80", NULL, 200, "\"name\":\"sa\"");
    expect("PATCH", V2 "/sb", "{\"host\":\"t\"}", 200, NULL);
    expect_names(V2 SELECTED "host%3Ds", "");
    expect_names(V2 SELECTED "host%3Dt", "sb sc ");
    expect_events(&host, of_host, ARRAY_LEN(of_host));
    expect_events(&port, of_port, ARRAY_LEN(of_port));
    expect_events(&both, of_both, ARRAY_LEN(of_both));
    expect("DELETE", V1 SELECTED "hostPort%3Dt:81", NULL, 200, "\"name\":\"sb\"");
    expect("DELETE", V2 "/sc", NULL, 200, NULL);
}

static void test_selected(void **state)
{
    (void)state;
    select_fields(true);
    select_fields(false);
}

/* Labels are those of the version that is asked for, too. */
static void test_labels(void **state)
{
    static const char *const of_v1[] = {"ADDED la l:1", "DELETED la l:1"}, *const of_v2[] = {
                                                                               "ADDED la l",
                                                                               "MODIFIED la l",
                                                                               "DELETED la l"};
    struct watcher first, second;
    struct answer answer;
    (void)state;
    use("/label-versions", "v1");
    ask("GET", V1, NULL, &answer);
    CLEANUP(free_ptr) char *since = xstrdup(json_text(answer.json, "metadata", "resourceVersion"));
    answer_clear(&answer);
    watch_from(&first, V1 "?labelSelector=in%3Dv1", since);
    watch_from(&second, V2 "?labelSelector=in%3Dv2", since);
    expect("POST", V1,
           "{\"kind\":\"E2eTest\",\"metadata\":{\"name\":\"la\",\"labels\":{\"in\":\"v1\"}},"
           "\"hostPort\":\"l:1\"}",
           201, NULL);
    expect_names(V1 "?labelSelector=in%3Dv1", "la one three "); /* two of them stored in v2 */
    expect_names(V1 "?labelSelector=in%3Dv1&limit=1", "la ");
    expect_names(V1 "?labelSelector=in%3Dv2", "");
    expect_names(V2 "?labelSelector=in%3Dv1", "");
    expect_names(V2 "?labelSelector=in%3Dv2,in&fieldSelector=host%3Dl", "la ");
    expect("PATCH", V1 "/la", "{\"metadata\":{\"labels\":null}}", 200, NULL);
    expect_names(V1 "?labelSelector=in%3Dv1", "one three ");
    expect("DELETE", V2 "?labelSelector=in%3Dv2&fieldSelector=host%3Dl", NULL, 200,
           "\"name\":\"la\"");
    expect_events(&first, of_v1, ARRAY_LEN(of_v1));
    expect_events(&second, of_v2, ARRAY_LEN(of_v2));
    use("/convert", "v1");
}

static void test_failures(void **state)
{
    static const struct row {
        const char *path, *want;
    } rows[] = {
        {"/fail", "\"message\":\"conversion webhook for stable.example.com/v1, Kind=E2eTest "
                  "failed: no such thing\""},
        {"/fail-silently", "failed: response.result.status was 'Failed', not 'Success'"},
        {"/wrong-uid", "failed: expected response.uid="},
        {"/too-few", "conversion webhook for stable.example.com/v1, Kind=E2eTest returned 0 "
                     "objects, expected 1"},
        {"/other-version", "returned invalid object at index 0: invalid groupVersion "
                           "(expected stable.example.com/v2, "
                           "received stable.example.com/v3)"},
        {"/other-name", "Kind=E2eTest returned invalid object: must have the same name: two != "
                        "other"},
        {"/bad-label", "returned invalid metadata: metadata.labels: Invalid value: \\\"no such "
                       "value\\\": a valid label must be"},
        {"/bad-annotations", "returned invalid metadata: [metadata.annotation: Invalid value: "
                             "\\\"-a\\\": "},
        {"/label-number", "returned invalid metadata: metadata.labels[a] must be a string, but is "
                          "int64 in converted object"},
        {"/label-list", "returned invalid metadata: invalid metadata.labels of type []interface {} "
                        "in converted object"},
        {"/broken",
         "failed: an error on the server (\\\"boom\\\") has prevented the request from succeeding"},
        {"/missing", "failed: the server could not find the requested resource"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        use(rows[i].path, "v1");
        expect("GET", V2 "/two", NULL, 500, rows[i].want);
        expect("GET", V1 "/two", NULL, 200, NULL);
    }
    expect("GET", V2, NULL, 500, "conversion webhook for");
    expect("POST", V2,
           "{\"kind\":\"E2eTest\",\"metadata\":{\"name\":\"never\"},\"host\":\"c\",\"port\":\"4\"}",
           500, "conversion webhook for stable.example.com/v2");
    expect("GET", V1 "/never", NULL, 404, NULL);
    use("/wrong-uid", "v1beta1"); /* which did not say whom it is for */
    expect("GET", V2 "/two", NULL, 200, "\"host\":\"b\"");
    use("/change-metadata", "v1");
    struct answer answer;
    ask("GET", V2 "/two", NULL, &answer);
    assert_string_equal(json_text(answer.json, "metadata", "labels", "by"), "webhook");
    assert_int_not_equal(json_int_or(json_at(answer.json, "metadata", "generation"), 0), 77);
    answer_clear(&answer);
    use("/convert", "v1");
}

static void test_validation(void **state)
{
    static const struct row {
        const char *conversion, *want;
    } rows[] = {
        {"{\"strategy\":\"Magic\"}", "supported values: \\\"None\\\", \\\"Webhook\\\""},
        {"{\"strategy\":\"Webhook\"}",
         "spec.conversion.webhookClientConfig: Required value: required when strategy"},
        {"{\"strategy\":\"Webhook\",\"webhook\":{\"clientConfig\":{},\"conversionReviewVersions\":["
         "\"v1\"]}}",
         "exactly one of url or service is required"},
        {"{\"strategy\":\"Webhook\",\"webhook\":{\"clientConfig\":{\"url\":\"http://"
         "x\"},\"conversionReviewVersions\":"
         "[\"v1\"]}}",
         "'https' is the only allowed URL scheme"},
        {"{\"strategy\":\"Webhook\",\"webhook\":{\"clientConfig\":{\"url\":\"https://"
         "x\"},\"conversionReviewVersions\":"
         "[\"v9\"]}}",
         "must include at least one of v1, v1beta1"},
        {"{\"strategy\":\"None\",\"webhook\":{\"clientConfig\":{\"url\":\"https://"
         "x\"},\"conversionReviewVersions\":"
         "[\"v1\"]}}",
         "spec.conversion.webhookClientConfig: Forbidden: should not be set when strategy is not "
         "set to Webhook"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr)
        char *body = xasprintf("{\"spec\":{\"conversion\":%s}}", rows[i].conversion);
        expect("PATCH", CRDS "/e2e-tests.stable.example.com", "{\"spec\":{\"conversion\":null}}",
               200, NULL);
        expect("PATCH", CRDS "/e2e-tests.stable.example.com", body, 422, rows[i].want);
    }
}

static int start(void **state)
{
    CLEANUP(buf_free) struct buf body = BUF_TEXT;
    (void)state;
    fixture_start(&fixture);
    hook_server_start(&hooks, paths);
    json_auto_t *definition =
        json_pack("{s:{s:s}, s:{s:s, s:s, s:{s:s, s:s}, s:o, s:o}}", "metadata", "name",
                  "e2e-tests.stable.example.com", "spec", "group", "stable.example.com", "scope",
                  "Namespaced", "names", "plural", "e2e-tests", "kind", "E2eTest", "versions",
                  versions(false), "conversion", conversion("/convert", "v1"));
    json_write(&body, definition);
    expect("POST", CRDS, body.data, 201, "\"type\":\"Established\"");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    hook_server_stop(&hooks);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read), cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_watch),          cmocka_unit_test(test_selected),
        cmocka_unit_test(test_labels),         cmocka_unit_test(test_failures),
        cmocka_unit_test(test_validation),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
