/* APIServices: what is passed on and as whom, what discovery and OpenAPI say, what happens when the
 * server behind is not as it should be. */
#include <string.h>
#include <unistd.h>

#include "apiserver/backend/aggregate_internal.h"
#include "apiserver/documents/discovery_other.h"
#include "apiserver/documents/openapi_merge.h"
#include "apiserver/documents/served.h"
#include "base/codec.h"
#include "schema/api_service.h"
#include "support_backend.h"
#include "support_rude.h"
#include "tests/test.h"

#define GROUP "wardle.example.com"
#define BASE  "/apis/" GROUP "/v1alpha1"
#define NAME  "v1alpha1." GROUP

static struct fixture fixture;
static struct fake_backend backend = {0};

/* ---- pure ---- */

static json_t *json(const char *text)
{
    CLEANUP(free_ptr) char *copy = xstrdup(text);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *value = json_loads(copy, 0, NULL);
    assert_non_null(value);
    return value;
}

static void test_convert(void **state)
{
    json_auto_t *list = json(
        "{'resources':[{'name':'flunders','singularName':'flunder','namespaced':true,'kind':'"
        "Flunder',"
        "'verbs':['get','list'],'shortNames':['fl']},{'name':'flunders/status','namespaced':true,"
        "'kind':'Flunder','verbs':['get']},{'name':'flunders/"
        "scale','group':'autoscaling','version':"
        "'v1','kind':'Scale','verbs':['get']},{'name':'lost/"
        "status','kind':'X','verbs':[]},{'kind':'Y'}]}");
    json_auto_t *want = json(
        "[{'resource':'flunders','responseKind':{'group':'g','version':'v','kind':'Flunder'},'"
        "scope':"
        "'Namespaced','singularResource':'flunder','verbs':['get','list'],'shortNames':['fl'],"
        "'subresources':[{'subresource':'status','responseKind':{'group':'g','version':'v','kind':"
        "'Flunder'},'verbs':['get']},{'subresource':'scale','responseKind':{'group':'autoscaling',"
        "'version':'v1','kind':'Scale'},'verbs':['get']}]}]");
    json_auto_t *got = discovery_convert(list, "g", "v");
    (void)state;
    assert_true(json_equal(got, want));
}

static void test_merge(void **state)
{
    json_auto_t *spec =
        json("{'paths':{'/apis/a/v1/x':{}},'definitions':{'M':{'type':'object'},'S':{'a':1}}}");
    json_auto_t *other =
        json("{'paths':{'/apis/g/v1/y':{'$ref':'#/definitions/S'},'/apis/g/v10/z':{},'/apis/a/v1/"
             "x':{'b':1}},"
             "'definitions':{'S':{'p':{'$ref':'#/definitions/M'},'q':{'$ref':'#/definitions/S'}},"
             "'M':{'type':'object'},'Unused':{}}}");
    json_auto_t *want =
        json("{'paths':{'/apis/a/v1/x':{},'/apis/g/v1/y':{'$ref':'#/definitions/"
             "S_v2'}},'definitions':{'M':"
             "{'type':'object'},'S':{'a':1},'S_v2':{'p':{'$ref':'#/definitions/M'},'q':{'$ref':"
             "'#/definitions/S_v2'}}}}");
    (void)state;
    openapi_merge(spec, other, "/apis/g/v1");
    assert_true(json_equal(spec, want));
}

static void test_room(void **state)
{
    struct room *room = room_new(AGGREGATE_ROOM_MAX);
    (void)state;
    assert_true(room_take(room, AGGREGATE_ROOM_MAX - 1));
    assert_false(room_take(room, 2));
    assert_false(room_take(room, SIZE_MAX));
    assert_true(room_take(room, 1));
    room_give(room, AGGREGATE_ROOM_MAX);
    assert_true(json_tree_bound(STR("[[],[]]")) >= 7 + (size_t)3 * 48 + 80);
    room_unref(room);
}

/* ---- the server behind ---- */

#define WORDY_COUNT 300000
static _Atomic bool wordy; /* its resources are more than a cluster may keep */

static const struct path_row {
    const char *path, *body;
} path_rows[] = {
    {"GET " BASE "/namespaces/default/flunders?watch=true ", NULL},
    {"GET " BASE "/namespaces/default/flunders", "{\"kind\":\"FlunderList\",\"items\":[]}"},
    {"GET " BASE " ",
     "{\"kind\":\"APIResourceList\",\"groupVersion\":\"" GROUP
     "/v1alpha1\",\"resources\":[{\"name\":\"flunders\",\"singularName\":"
     "\"flunder\",\"namespaced\":true,\"kind\":\"Flunder\",\"verbs\":[\"get\"]}]}"},
    {"GET /openapi/v3 ", "{\"paths\":{\"apis/" GROUP "/v1alpha1\":{\"serverRelativeURL\":"
                         "\"/openapi/v3/apis/" GROUP "/v1alpha1?hash=AB\"}}}"},
    {"GET /openapi/v3/apis/", "{\"openapi\":\"3.0.0\"}"},
    {"GET /openapi/v2 ", "{\"paths\":{\"" BASE "/namespaces/{namespace}/flunders\":{}}}"},
    {"POST " BASE "/namespaces/default/flunders", "{\"kind\":\"Flunder\"}"},
};

static void say_json(struct backend_visit *visit, const char *body)
{
    CLEANUP(free_ptr)
    char *text = xasprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                           "%zu\r\nCache-Control: no-store\r\n\r\n%s",
                           strlen(body), body);
    visit_say_text(visit, text);
}

/* Two events, the second once the client has read the first. */
static void say_events(struct backend_visit *visit)
{
    char byte;
    visit_say_text(visit,
                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n");
    (void)visit_hear(visit, &byte, 1); /* until the client goes */
}

/* 900 KB, and some forty times that as a tree. */
static void say_much(struct backend_visit *visit)
{
    struct buf text = BUF_INIT((size_t)4 << 20);
    buf_add_text(&text, "{\"kind\":\"APIResourceList\",\"resources\":[[]");
    for (unsigned i = 0; i < WORDY_COUNT; i++)
        buf_add_text(&text, ",[]");
    buf_add_text(&text, "]}");
    say_json(visit, text.data);
    buf_free(&text);
}

static void serve(struct backend_visit *visit, const char *head)
{
    if (wordy && text_starts(head, "GET " BASE " ")) {
        say_much(visit);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(path_rows); i++) {
        if (!text_starts(head, path_rows[i].path))
            continue;
        if (path_rows[i].body)
            say_json(visit, path_rows[i].body);
        else
            say_events(visit);
        return;
    }
    visit_say_text(visit, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

/* ---- objects ---- */

static void make(const char *resource, const char *ns, const char *text)
{
    struct api_caller caller = fixture_admin(&fixture, fixture.host);
    struct error err = {0};
    json_auto_t *object = json(text);
    if (!api_create(&caller, resource, ns, object, NULL, &err))
        fail_msg("%s", err.message);
}

static void patch(const char *resource, const char *sub, const char *ns, const char *name,
                  json_t *change)
{
    struct api_caller caller = fixture_admin(&fixture, fixture.host);
    struct error err = {0};
    if (!api_patch(&caller, resource, sub, ns, name, change, NULL, &err))
        fail_msg("%s", err.message);
    json_decref(change);
}

static void set_available(const char *status)
{
    patch(API_SERVICES, "status", "", NAME,
          json_pack("{s:{s:[{s:s, s:s}]}}", "status", "conditions", "type", "Available", "status",
                    status));
}

static void set_trust(const char *pem, bool insecure)
{
    struct buf text = BUF_TEXT;
    if (pem)
        base64_encode(&text, pem, strlen(pem), BASE64_STANDARD);
    patch(API_SERVICES, "", "", NAME,
          json_pack("{s:{s:o, s:b}}", "spec", "caBundle",
                    pem ? json_string(text.data) : json_null(), "insecureSkipTLSVerify", insecure));
    buf_free(&text);
}

/* ---- passing on ---- */

static struct answer ask(const char *method, const char *path, const char *accept)
{
    struct answer answer;
    fixture_ask(&fixture,
                &(struct ask){.method = method,
                              .path = path,
                              .accept = accept,
                              .body = strcmp(method, "POST") == 0 ? "{}" : NULL,
                              .header = "X-Remote-Group: system:nodes"},
                &answer);
    return answer;
}

static void expect(const char *what, const char *method, const char *path, long code,
                   const char *body)
{
    struct answer answer = ask(method, path, NULL);
    bool ok = answer.code == code && answer.body.data && strstr(answer.body.data, body);
    if (!ok)
        print_message("%s: %ld %s\n", what, answer.code, answer.body.data);
    assert_true(ok);
    answer_clear(&answer);
}

static void test_unavailable(void **state)
{
    (void)state;
    set_available("False");
    expect("not available", "GET", BASE, 503, "service unavailable");
    expect("its resources", "GET", BASE "/flunders", 503, "service unavailable");
    expect("another version", "GET", "/apis/" GROUP "/v2/x", 404, "");
    set_available("True");
}

static void test_passed_on(void **state)
{
    static const struct head_row {
        const char *heard;
    } rows[] = {
        {"\r\nX-Remote-User: kubernetes-admin\r\n"},
        {"\r\nX-Remote-Group: system:masters\r\nX-Remote-Group: system:authenticated\r\n"},
        {"\r\nHost: 10.0.0.3:8443\r\n"},
        {"\r\nAccept: application/json\r\n"},
    };
    (void)state;
    struct answer answer =
        ask("GET", BASE "/namespaces/default/flunders?limit=5", "application/json");
    assert_int_equal(answer.code, 200);
    assert_string_equal(json_text(answer.json, "kind"), "FlunderList");
    assert_non_null(strcasestr(answer.headers.data, "Cache-Control: no-store"));
    answer_clear(&answer);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!fake_backend_heard(&backend, rows[i].heard))
            fail_msg("%s not in %s", rows[i].heard, backend.head.data);
    assert_false(fake_backend_heard(&backend, "system:nodes"));
    assert_string_equal(backend.client, "front-proxy-client");
    expect("a create", "POST", BASE "/namespaces/default/flunders", 200, "Flunder");
    expect("its discovery", "GET", BASE, 200, "APIResourceList");
    expect("its OpenAPI", "GET", "/openapi/v3" BASE, 200, "3.0.0");
    assert_true(fake_backend_heard(&backend, "\r\nX-Remote-User: system:aggregator\r\n"));
    fixture_ask(&fixture, &(struct ask){.method = "GET", .path = BASE "/flunders", .token = ""},
                &answer);
    assert_int_equal(answer.code, 403);
    answer_clear(&answer);
}

static void test_trust(void **state)
{
    CLEANUP(keypair_clear) struct keypair other = {0};
    struct error err = {0};
    (void)state;
    assert_true(pki_make_ca("other", 3600, &other, &err));
    set_trust(other.cert, false);
    expect("another authority", "GET", BASE "/flunders", 503,
           "error trying to reach service: tls: failed to verify certificate: x509: certificate "
           "signed by unknown authority");
    set_trust(NULL, true);
    expect("no verification", "GET", BASE, 200, "APIResourceList");
    patch(API_SERVICES, "", "", NAME,
          json_pack("{s:{s:{s:s}}}", "spec", "service", "name", "other"));
    set_trust(backend.ca, false);
    expect("another name", "GET", BASE, 503,
           "x509: certificate is not valid for any names, but "
           "wanted to match other.default.svc");
    patch(API_SERVICES, "", "", NAME, json_pack("{s:{s:{s:s}}}", "spec", "service", "name", "s"));
}

static bool hear_text(struct rude *rude, const char *text)
{
    char all[8192] = "";
    size_t len = 0, got;
    for (unsigned tries = 0; tries < 1000 && len < sizeof(all) - 1; tries++) {
        if (curl_easy_recv(rude->curl, all + len, sizeof(all) - 1 - len, &got) == CURLE_OK)
            len += got;
        all[len] = '\0';
        if (strstr(all, text))
            return true;
        usleep(10000);
    }
    return false;
}

/* An event comes while the stream goes on. */
static void test_watch(void **state)
{
    struct rude rude;
    (void)state;
    assert_true(rude_open(&rude, &fixture));
    assert_true(rude_say(&rude, "GET " BASE "/namespaces/default/flunders?watch=true HTTP/1.1\r\n"
                                "Host: x\r\n\r\n"));
    assert_true(hear_text(&rude, "{\"a\":1}"));
    rude_reset(&rude);
}

/* ---- what clients are told ---- */

static enum api_probe probe(char **problem)
{
    enum api_probe result = API_PROBE_PENDING;
    for (unsigned tries = 0; tries < 1000 && result == API_PROBE_PENDING; tries++) {
        result = api_probe_service(fixture.api, fixture.host, NAME, problem);
        usleep(10000);
    }
    return result;
}

static const json_t *group_of(const json_t *list, const char *member)
{
    const json_t *group;
    size_t i;
    json_array_foreach (json_object_get(list, member), i, group)
        if (text_eq(json_text(group, "name"), GROUP) ||
            text_eq(json_text(group, "metadata", "name"), GROUP))
            return group;
    return NULL;
}

static void test_discovery(void **state)
{
    static const char accept[] =
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    char *problem = NULL;
    (void)state;
    struct answer answer = ask("GET", "/apis", NULL);
    const json_t *group = group_of(answer.json, "groups");
    assert_string_equal(json_text(group, "preferredVersion", "version"), "v1alpha1");
    answer_clear(&answer);
    expect("the group", "GET", "/apis/" GROUP, 200, "APIGroup");
    assert_int_equal(probe(&problem), API_PROBE_PASSED);
    answer = ask("GET", "/apis", accept);
    const json_t *version = json_array_get(json_at(group_of(answer.json, "items"), "versions"), 0);
    assert_string_equal(json_text(version, "freshness"), "Current");
    assert_string_equal(
        json_text(json_array_get(json_object_get(version, "resources"), 0), "resource"),
        "flunders");
    answer_clear(&answer);
    set_available("False");
    answer = ask("GET", "/apis", accept);
    version = json_array_get(json_at(group_of(answer.json, "items"), "versions"), 0);
    assert_string_equal(json_text(version, "freshness"), "Stale");
    assert_int_equal(json_array_size(json_object_get(version, "resources")), 1);
    answer_clear(&answer);
    set_available("True");
}

static void test_openapi(void **state)
{
    struct answer answer = ask("GET", "/openapi/v3", NULL);
    (void)state;
    assert_string_equal(
        json_text(json_at(answer.json, "paths", "apis/" GROUP "/v1alpha1"), "serverRelativeURL"),
        "/openapi/v3/apis/" GROUP "/v1alpha1?hash=AB");
    answer_clear(&answer);
    bool found = false;
    for (unsigned tries = 0; tries < 500 && !found; tries++) { /* its answer comes later */
        answer = ask("GET", "/openapi/v2", NULL);
        found = json_at(answer.json, "paths", BASE "/namespaces/{namespace}/flunders") != NULL;
        answer_clear(&answer);
        usleep(10000);
    }
    assert_true(found);
}

static void test_probe(void **state)
{
    char *problem = NULL;
    (void)state;
    patch(API_SERVICES, "", "", NAME,
          json_pack("{s:{s:{s:i}}}", "spec", "service", "port", 444)); /* its endpoint refuses */
    assert_int_equal(probe(&problem), API_PROBE_FAILED);
    assert_string_equal(problem, "failing or missing response from https://10.0.0.3:81" BASE
                                 ": dial tcp 10.0.0.3:81: connect: connection refused");
    free(problem);
    patch(API_SERVICES, "", "", NAME, json_pack("{s:{s:{s:i}}}", "spec", "service", "port", 443));
}

/* So that it is asked anew. */
static void set_port(int port)
{
    patch(API_SERVICES, "", "", NAME, json_pack("{s:{s:{s:i}}}", "spec", "service", "port", port));
}

static void test_too_much(void **state)
{
    static const char words[] = "takes more memory than it may";
    CLEANUP(free_ptr) char *problem = NULL;
    CLEANUP(free_ptr) char *refused = NULL;
    (void)state;
    wordy = true;
    assert_int_equal(probe(&problem), API_PROBE_FAILED);
    wordy = false;
    if (!strstr(problem, words))
        fail_msg("%s", problem);
    set_port(444);
    assert_int_equal(probe(&refused), API_PROBE_FAILED);
    set_port(443);
    assert_int_equal(probe(&problem), API_PROBE_PASSED);
}

/* ---- set-up ---- */

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture);
    backend.serve = serve;
    fake_backend_start(&backend, &fixture, "s.default.svc");
    make("pods", "default",
         "{'metadata':{'name':'p'},'spec':{'nodeName':'n1','containers':[{'name':'c','image':'i'}]}"
         "}");
    patch("pods", "status", "default", "p",
          json("{'status':{'podIP':'10.0.0.3','podIPs':[{'ip':'10.0.0.3'}]}}"));
    static const char *const names[] = {"s", "other"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(free_ptr)
        char *service = xasprintf(
            "{'metadata':{'name':'%s'},'spec':{'ports':[{'name':'a','port':443},{'name':'b',"
            "'port':444}]}}",
            names[i]);
        CLEANUP(free_ptr)
        char *endpoints = xasprintf("{'metadata':{'name':'%s'},'subsets':[{'addresses':[{'ip':'10."
                                    "0.0.3','targetRef':{'kind':"
                                    "'Pod','namespace':'default','name':'p'}}],'ports':[{'name':'a'"
                                    ",'port':8443},{'name':'b','port':81}]}]}",
                                    names[i]);
        make("services", "default", service);
        make("endpoints", "default", endpoints);
    }
    make(API_SERVICES, "",
         "{'metadata':{'name':'" NAME "'},'spec':{'group':'" GROUP
         "','version':'v1alpha1','service':{"
         "'namespace':'default','name':'s'},'insecureSkipTLSVerify':true,'groupPriorityMinimum':"
         "2000,"
         "'versionPriority':15}}");
    set_trust(backend.ca, false);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    fake_backend_stop(&backend);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convert),     cmocka_unit_test(test_merge),
        cmocka_unit_test(test_unavailable), cmocka_unit_test(test_passed_on),
        cmocka_unit_test(test_trust),       cmocka_unit_test(test_watch),
        cmocka_unit_test(test_discovery),   cmocka_unit_test(test_openapi),
        cmocka_unit_test(test_probe),       cmocka_unit_test(test_room),
        cmocka_unit_test(test_too_much),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
