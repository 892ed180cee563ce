/* The front door: codes, headers and forms of answers that clients, probes and caches look at. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "schema/protobuf.h"
#include "support_rude.h"
#include "tests/test.h"

#define PROTOBUF            "application/vnd.kubernetes.protobuf"
#define TABLE               ";as=Table;g=meta.k8s.io;v=v1"
#define AGGREGATED(version) ";g=apidiscovery.k8s.io;v=" version ";as=APIGroupDiscoveryList"

static struct fixture fixture;

static struct answer ask(const char *method, const char *path, const char *header,
                         const char *accept)
{
    struct answer answer;
    fixture_ask(&fixture,
                &(struct ask){.method = method, .path = path, .header = header, .accept = accept},
                &answer);
    return answer;
}

struct header_row {
    const char *name, *method, *path, *header, *accept;
    long code;
    const char *has, *body; /* parts of headers and of the body; NULL: any */
};

static void run_header_rows(const struct header_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct answer answer = ask(rows[i].method, rows[i].path, rows[i].header, rows[i].accept);
        const char *body = answer.body.data ? answer.body.data : "";
        bool ok = answer.code == rows[i].code &&
                  (!rows[i].has || strstr(answer.headers.data, rows[i].has)) &&
                  (!rows[i].body || strstr(body, rows[i].body));
        if (!ok)
            fail_msg("%s: %ld\n%s%s", rows[i].name, answer.code, answer.headers.data, body);
        answer_clear(&answer);
    }
}

static void test_headers(void **state)
{
    static const struct header_row rows[] = {
        {"an audit id of ours", "GET", "/version", NULL, NULL, 200, "Audit-Id: ", NULL},
        {"one of the client's", "GET", "/version", "Audit-Id: mine", NULL, 200,
         "Audit-Id: mine\r\n", NULL},
        {"errors have one", "GET", "/nope", NULL, NULL, 404, "Audit-Id: ", "404 page not found\n"},
        {"no guessing of types", "GET", "/nope", NULL, NULL, 404, "X-Content-Type-Options: nosniff",
         NULL},
        {"not to be kept", "GET", "/api/v1/namespaces", NULL, NULL, 200,
         "Cache-Control: no-cache, private", NULL},
        {"no such form", "GET", "/api/v1/namespaces", NULL, "image/png", 406, NULL,
         "NotAcceptable"},
        {"no such form of OpenAPI", "GET", "/openapi/v2", NULL, "image/png", 406, NULL, NULL},
        {"OPTIONS", "OPTIONS", "/api/v1/namespaces", NULL, NULL, 405, NULL, "MethodNotAllowed"},
        {"another hash", "GET", "/openapi/v3/apis/apps/v1?hash=AB", NULL, NULL, 301,
         "Location: /openapi/v3/apis/apps/v1?hash=", NULL},
    };
    (void)state;
    run_header_rows(rows, ARRAY_LEN(rows));
}

static void test_checks(void **state)
{
    static const struct header_row rows[] = {
        {"a check", "GET", "/readyz/poststarthook/rbac/bootstrap-roles", NULL, NULL, 200, NULL,
         "ok"},
        {"no such check", "GET", "/livez/nope", NULL, NULL, 404, NULL, "404 page not found\n"},
        {"all checks", "GET", "/readyz?verbose", NULL, NULL, 200, NULL, "[+]informer-sync ok\n"},
        {"without one", "GET", "/livez?verbose&exclude=ping", NULL, NULL, 200, NULL,
         "[+]ping excluded: ok\n"},
        {"the index", "GET", "/", NULL, NULL, 200, NULL, "\"/apis/apps/v1\""},
        {"with one that is none", "GET", "/livez?verbose&exclude=b&exclude=a", NULL, NULL, 200,
         NULL,
         "warn: some health checks cannot be excluded: no matches for \"a\",\"b\"\nlivez check "
         "passed"},
    };
    (void)state;
    run_header_rows(rows, ARRAY_LEN(rows));
}

static void test_methods_and_slashes(void **state)
{
    static const struct header_row rows[] = {
        {"a probe by any method", "POST", "/healthz", NULL, NULL, 200, "nosniff", "ok"},
        {"a version by one", "HEAD", "/version", NULL, NULL, 405, NULL, NULL},
        {"discovery by one", "PUT", "/apis", NULL, NULL, 405, NULL, "MethodNotAllowed"},
        {"nowhere by any", "POST", "/nope", NULL, NULL, 404, NULL, "404 page not found\n"},
        {"a version for people", "GET", "/version/", NULL, "application/yaml", 200, NULL,
         "{\n  \"major\": \"1\""},
        {"keys may be kept", "GET", "/openid/v1/jwks", NULL, NULL, 200,
         "Cache-Control: public, max-age=3600", "\"keys\""},
        {"a slash behind a probe", "GET", "/healthz/", NULL, NULL, 404, NULL, NULL},
        {"a slash behind discovery", "GET", "/apis/apps/v1/", NULL, NULL, 200, NULL, "deployments"},
        {"a slash behind a collection", "GET", "/api/v1/namespaces/", NULL, NULL, 200, NULL,
         "NamespaceList"},
        {"two slashes", "GET", "/api//v1/namespaces", NULL, NULL, 404, NULL, NULL},
        {"two slashes in front", "GET", "//api", NULL, NULL, 404, NULL, NULL},
    };
    (void)state;
    run_header_rows(rows, ARRAY_LEN(rows));
}

static void test_documents(void **state)
{
    static const struct header_row rows[] = {
        {"discovery in YAML", "GET", "/apis", NULL, "application/yaml", 200,
         "Content-Type: application/yaml", "groups:\n- name: "},
        {"discovery in protobuf", "GET", "/apis/apps", NULL, PROTOBUF, 200,
         "Content-Type: " PROTOBUF, "k8s"},
        {"aggregated discovery in protobuf", "GET", "/apis", NULL, PROTOBUF AGGREGATED("v2"), 200,
         "Content-Type: " PROTOBUF AGGREGATED("v2") "\r\n", "k8s"},
        {"aggregated discovery in protobuf, beta", "GET", "/api", NULL,
         PROTOBUF AGGREGATED("v2beta1"), 200,
         "Content-Type: " PROTOBUF AGGREGATED("v2beta1") "\r\n", "k8s"},
        {"aggregated discovery in YAML", "GET", "/apis", NULL,
         "application/yaml" AGGREGATED("v2") ",application/json", 200,
         "Content-Type: application/yaml" AGGREGATED("v2") "\r\n", "kind: APIGroupDiscoveryList"},
        {"no such form of discovery", "GET", "/api", NULL, "image/png", 406, NULL, "NotAcceptable"},
        {"OpenAPI v3 in protobuf", "GET", "/openapi/v3/apis/apps/v1", NULL,
         "application/com.github.proto-openapi.spec.v3@v1.0+protobuf", 200,
         "Content-Type: application/com.github.proto-openapi.spec.v3.v1.0+protobuf", NULL},
        {"OpenAPI in YAML", "GET", "/openapi/v3/apis/apps/v1", NULL, "application/yaml", 406, NULL,
         NULL},
    };
    (void)state;
    run_header_rows(rows, ARRAY_LEN(rows));
}

static void test_negotiation(void **state)
{
    static const struct header_row rows[] = {
        {"Tables have no protobuf", "GET", "/api/v1/namespaces", NULL, PROTOBUF TABLE, 406,
         "Content-Type: application/json", "  \"reason\": \"NotAcceptable\""},
        {"what comes next", "GET", "/api/v1/namespaces", NULL,
         PROTOBUF TABLE ",application/json" TABLE ",application/json", 200, NULL,
         "\"kind\":\"Table\""},
        {"the first that fits", "GET", "/api/v1/namespaces", NULL, PROTOBUF ",application/json",
         200, "Content-Type: " PROTOBUF, "k8s"},
        {"by quality", "GET", "/api/v1/namespaces", NULL,
         "application/json;q=0.2,application/yaml;q=.9", 200, "Content-Type: application/yaml",
         "apiVersion: v1\nitems:\n- metadata:"},
        {"errors have no columns", "GET", "/api/v1/namespaces/nope", NULL,
         "application/json" TABLE ",application/yaml", 404, "Content-Type: application/yaml",
         "code: 404\n"},
        {"no watch in YAML", "GET", "/api/v1/namespaces?watch=1", NULL, "application/yaml", 406,
         NULL, "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"},
    };
    (void)state;
    run_header_rows(rows, ARRAY_LEN(rows));
}

static void test_for_people(void **state)
{
    static const struct header_row rows[] = {
        {"for people", "GET", "/api/v1/namespaces?pretty=true", NULL, NULL, 200, NULL,
         "{\n  \"kind\": \"NamespaceList\""},
        {"for people at a terminal", "GET", "/api/v1/namespaces/default", "User-Agent: curl/8",
         NULL, 200, NULL, "{\n  \"kind\": \"Namespace\""},
        {"not for them", "GET", "/api/v1/namespaces?pretty=0", "User-Agent: Wget/1", NULL, 200,
         NULL, "{\"kind\":\"NamespaceList\""},
    };
    (void)state;
    run_header_rows(rows, ARRAY_LEN(rows));
}

static void test_queries(void **state)
{
    static const struct header_row rows[] = {
        {"behind a subresource", "GET", "/api/v1/namespaces/default/status/more", NULL, NULL, 404,
         NULL, "the server could not find the requested resource"},
        {"a timeout", "GET", "/api/v1/namespaces?timeout=1m30s", NULL, NULL, 200, NULL, NULL},
        {"a timeout that is none", "GET", "/api/v1/namespaces?timeout=5", NULL, NULL, 400, NULL,
         "invalid timeout specified in the request URL - time: "},
        {"what a column shows", "GET", "/api/v1/namespaces", NULL, "application/json" TABLE, 200,
         NULL, "\"description\":\"CreationTimestamp is"},
        {"extra without a user", "GET", "/api", "Impersonate-Extra-a: b", NULL, 400, NULL,
         "without impersonating a user"},
    };
    (void)state;
    run_header_rows(rows, ARRAY_LEN(rows));
}

/* The URL of the index leads to a document that may be kept for ever. */
static void test_immutable(void **state)
{
    struct answer index = ask("GET", "/openapi/v3", NULL, NULL);
    const char *url = json_text(json_at(index.json, "paths", "apis/apps/v1"), "serverRelativeURL");
    (void)state;
    assert_non_null(url);
    struct answer answer = ask("GET", url, NULL, NULL);
    assert_int_equal(answer.code, 200);
    assert_non_null(strstr(answer.headers.data, "Cache-Control: public, immutable\r\n"));
    assert_non_null(strstr(answer.headers.data, "Expires: "));
    assert_non_null(strstr(answer.headers.data, "Vary: Accept\r\n"));
    answer_clear(&answer);
    answer_clear(&index);
}

static void test_not_modified(void **state)
{
    static const char *const paths[] = {"/openapi/v2", "/apis"};
    static const char accept[] =
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const char *form = i ? accept : NULL;
        struct answer first = ask("GET", paths[i], NULL, form);
        const char *etag = strcasestr(first.headers.data, "ETag: ");
        assert_non_null(etag);
        CLEANUP(free_ptr)
        char *header = xasprintf("If-None-Match: %.*s", (int)strcspn(etag + 6, "\r"), etag + 6);
        struct answer second = ask("GET", paths[i], header, form);
        assert_int_equal(second.code, 304);
        assert_int_equal(second.body.len, 0);
        answer_clear(&first);
        answer_clear(&second);
    }
}

/* The aggregated form says the same in each encoding. */
static void test_aggregated_protobuf(void **state)
{
    CLEANUP(error_clear) struct error err = {0};
    struct answer answer = ask("GET", "/apis", NULL, PROTOBUF AGGREGATED("v2")),
                  as_json = ask("GET", "/apis", NULL, "application/json" AGGREGATED("v2"));
    (void)state;
    json_auto_t *list = protobuf_decode_object(
        type_find("io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList"), buf_str(&answer.body), &err);
    if (!list)
        fail_msg("%s", err.message);
    const json_t *items = json_object_get(list, "items"),
                 *same = json_object_get(as_json.json, "items");
    assert_true(json_array_size(items) > 10);
    assert_int_equal(json_array_size(items), json_array_size(same));
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *group = json_array_get(items, i), *other = json_array_get(same, i);
        assert_string_equal(json_text(group, "metadata", "name"),
                            json_text(other, "metadata", "name"));
        assert_true(
            json_equal(json_object_get(group, "versions"), json_object_get(other, "versions")));
    }
    answer_clear(&answer);
    answer_clear(&as_json);
}

static void test_impersonation(void **state)
{
    static const struct as_row {
        const char *name, *headers, *has;
    } rows[] = {
        {"extra", "Impersonate-User: jane\r\nImpersonate-Extra-Acme.com%2FScopes: a",
         "\"extra\":{\"acme.com/scopes\":[\"a\"]}"},
        {"a uid", "Impersonate-User: jane\r\nImpersonate-Uid: u1", "\"uid\":\"u1\""},
        {"a service account", "Impersonate-User: system:serviceaccount:n:a",
         "[\"system:serviceaccounts\",\"system:serviceaccounts:n\",\"system:authenticated\"]"},
        {"with a group of its own",
         "Impersonate-User: system:serviceaccount:n:a\r\nImpersonate-Group: g",
         "[\"g\",\"system:authenticated\"]"},
        {"groups as they come",
         "Impersonate-User: jane\r\nImpersonate-Group: z\r\nImpersonate-Group: a",
         "[\"z\",\"a\",\"system:authenticated\"]"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer answer;
        fixture_ask(&fixture,
                    &(struct ask){.method = "POST",
                                  .path = "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                                  .body = "{}",
                                  .header = rows[i].headers},
                    &answer);
        bool ok = answer.code == 201 && answer.body.data && strstr(answer.body.data, rows[i].has) &&
                  json_text(answer.json, "metadata", "creationTimestamp");
        if (!ok)
            print_message("%s: %ld %s\n", rows[i].name, answer.code, answer.body.data);
        assert_true(ok);
        answer_clear(&answer);
    }
}

/* Extra values need a right of their own. */
static void test_impersonation_rights(void **state)
{
    struct api_caller caller = fixture_admin(&fixture, fixture.host);
    struct error err = {0};
    json_auto_t *role = json_loads("{\"metadata\":{\"name\":\"imp\"},\"rules\":[{\"apiGroups\":["
                                   "\"\"],\"resources\":[\"users\"],"
                                   "\"verbs\":[\"impersonate\"]}]}",
                                   0, NULL);
    json_auto_t *binding = json_loads(
        "{\"metadata\":{\"name\":\"imp\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\","
        "\"kind\":\"ClusterRole\",\"name\":\"imp\"},\"subjects\":[{\"apiGroup\":"
        "\"rbac.authorization.k8s.io\",\"kind\":\"Group\",\"name\":\"system:unauthenticated\"}]}",
        0, NULL);
    (void)state;
    assert_true(
        api_create(&caller, "clusterroles.rbac.authorization.k8s.io", "", role, NULL, &err));
    assert_true(api_create(&caller, "clusterrolebindings.rbac.authorization.k8s.io", "", binding,
                           NULL, &err));
    struct answer answer;
    fixture_ask(&fixture,
                &(struct ask){.method = "GET",
                              .path = "/version",
                              .token = "",
                              .header = "Impersonate-User: jane\r\nImpersonate-Extra-Scopes: a"},
                &answer);
    assert_int_equal(answer.code, 403);
    assert_non_null(strstr(answer.body.data, "userextras"));
    answer_clear(&answer);
}

static void test_head(void **state)
{
    static const struct head_row {
        const char *path, *has;
    } rows[] = {{"/api/v1/namespaces", "HTTP/1.1 405"}, {"/healthz", "HTTP/1.1 200"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rude rude;
        size_t got = 0;
        char text[64] = "";
        assert_true(rude_open(&rude, &fixture));
        CLEANUP(free_ptr)
        char *request = xasprintf("HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n", rows[i].path);
        assert_true(rude_say(&rude, request));
        for (unsigned tries = 0; tries < 1000 && !got; tries++) {
            if (curl_easy_recv(rude.curl, text, sizeof(text) - 1, &got) != CURLE_OK)
                usleep(10000);
        }
        assert_true(text_starts(text, rows[i].has));
        rude_reset(&rude);
    }
}

/* Nothing on the way holds an answer back: the kernel would, for 200 ms, below a corked socket. */
static void test_prompt(void **state)
{
    int64_t best_ns = INT64_MAX;
    struct rude rude;
    (void)state;
    assert_true(rude_open(&rude, &fixture));
    for (unsigned i = 0; i < 10; i++) {
        char text[4096];
        size_t got = 0;
        int64_t before = clock_mono_ns();
        assert_true(rude_say(
            &rude, "POST /apis/authentication.k8s.io/v1/selfsubjectreviews HTTP/1.1\r\nHost: x\r\n"
                   "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"));
        for (unsigned tries = 0; tries < 20000 && !got; tries++)
            if (curl_easy_recv(rude.curl, text, sizeof(text), &got) != CURLE_OK)
                usleep(500);
        assert_true(got > 0);
        int64_t took_ns = clock_mono_ns() - before;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    rude_reset(&rude);
    assert_true(best_ns < 150000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_methods_and_slashes),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_negotiation),
        cmocka_unit_test(test_for_people),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_immutable),
        cmocka_unit_test(test_not_modified),
        cmocka_unit_test(test_aggregated_protobuf),
        cmocka_unit_test(test_impersonation),
        cmocka_unit_test(test_impersonation_rights),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_prompt),
    };
    return fixture_run(&fixture, tests);
}
