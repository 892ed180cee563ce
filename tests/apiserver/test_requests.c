/* Requests and their answers, in order, against one server: each row is one request. */
#include <string.h>

#include "support_fixture.h"
#include "tests/test.h"

#define CM "/api/v1/namespaces/default/configmaps"

static struct fixture fixture;

struct row {
    const char *name, *method, *path, *body;
    long code;
    const char *message; /* of the Status; NULL: not looked at */
    const char *type;    /* Content-Type of the body */
    const char *has;     /* the body contains this; NULL: not looked at */
};

static void run_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct answer answer;
        struct ask ask = {.method = rows[i].method,
                          .path = rows[i].path,
                          .body = rows[i].body,
                          .type = rows[i].type};
        fixture_ask(&fixture, &ask, &answer);
        const char *message = json_text(answer.json, "message");
        bool ok = answer.code == rows[i].code &&
                  (!rows[i].message || text_eq(message, rows[i].message)) &&
                  (!rows[i].has || (answer.body.len && strstr(answer.body.data, rows[i].has)));
        if (!ok)
            print_message("%s: %ld %s\n", rows[i].name, answer.code,
                          answer.body.len ? answer.body.data : "");
        answer_clear(&answer);
        assert_true(ok);
    }
}

static void test_crud(void **state)
{
    static const struct row rows[] = {
        {"create", "POST", CM, "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"v\"}}", 201, NULL,
         NULL, "\"k\":\"v\""},
        {"create twice", "POST", CM, "{\"metadata\":{\"name\":\"a\"}}", 409,
         "configmaps \"a\" already exists", NULL, "AlreadyExists"},
        {"get", "GET", CM "/a", NULL, 200, NULL, NULL, "\"k\":\"v\""},
        {"get absent", "GET", CM "/nope", NULL, 404, "configmaps \"nope\" not found", NULL,
         "\"kind\":\"configmaps\""},
        {"absent namespace", "POST", "/api/v1/namespaces/nope/configmaps",
         "{\"metadata\":{\"name\":\"a\"}}", 404, "namespaces \"nope\" not found", NULL, NULL},
        {"other namespace in body", "POST", CM,
         "{\"metadata\":{\"name\":\"b\",\"namespace\":\"kube-system\"}}", 400,
         "the namespace of the provided object does not match the namespace sent on the request",
         NULL, NULL},
        {"no name", "POST", CM, "{\"metadata\":{}}", 422, NULL, NULL,
         "metadata.name: Required value: name or generateName is required"},
        {"bad name", "POST", CM, "{\"metadata\":{\"name\":\"A_b\"}}", 422, NULL, NULL,
         "ConfigMap \\\"A_b\\\" is invalid"},
        {"generated name", "POST", CM, "{\"metadata\":{\"generateName\":\"gen-\"}}", 201, NULL,
         NULL, "\"name\":\"gen-"},
        {"put", "PUT", CM "/a", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"w\"}}", 200, NULL,
         NULL, "\"k\":\"w\""},
        {"put stale", "PUT", CM "/a", "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\"}}",
         409,
         "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please "
         "apply your changes to the latest "
         "version and try again",
         NULL, "Conflict"},
        {"put other name", "PUT", CM "/a", "{\"metadata\":{\"name\":\"b\"}}", 400,
         "the name of the object (b) does not match the name on the URL (a)", NULL, NULL},
        {"put absent", "PUT", CM "/new", "{\"metadata\":{\"name\":\"new\"}}", 404,
         "configmaps \"new\" not found", NULL, NULL},
        {"put other uid", "PUT", CM "/a", "{\"metadata\":{\"name\":\"a\",\"uid\":\"x\"}}", 409,
         NULL, NULL, "Precondition failed: UID in precondition: x, UID in object meta: "},
        {"patch other uid", "PATCH", CM "/a", "{\"metadata\":{\"uid\":\"x\"}}", 422,
         "ConfigMap \"a\" is invalid: metadata.uid: Invalid value: \"x\": field is immutable",
         "application/merge-patch+json", NULL},
        {"create with version", "POST", CM,
         "{\"metadata\":{\"name\":\"b\",\"resourceVersion\":\"5\"}}", 500,
         "resourceVersion should not be set on objects to be created", NULL, NULL},
        {"merge patch", "PATCH", CM "/a", "{\"data\":{\"k\":null,\"m\":\"1\"}}", 200, NULL,
         "application/merge-patch+json", "\"data\":{\"m\":\"1\"}"},
        {"json patch", "PATCH", CM "/a",
         "[{\"op\":\"replace\",\"path\":\"/data/m\",\"value\":\"2\"}]", 200, NULL,
         "application/json-patch+json", "\"m\":\"2\""},
        {"json patch that fails", "PATCH", CM "/a",
         "[{\"op\":\"test\",\"path\":\"/data/m\",\"value\":\"9\"}]", 422,
         "the server rejected our request due to an error in our request",
         "application/json-patch+json", NULL},
        {"patch of unknown kind", "PATCH", CM "/a", "{}", 415, NULL, "application/json", NULL},
        {"dry run", "DELETE", CM "/a?dryRun=All", NULL, 200, NULL, NULL, NULL},
        {"still there", "GET", CM "/a", NULL, 200, NULL, NULL, NULL},
        {"bad dry run", "DELETE", CM "/a?dryRun=yes", NULL, 422, NULL, NULL,
         "dryRun: Unsupported value: []string{\\\"yes\\\"}"},
        {"delete of another", "DELETE", CM "/a", "{\"preconditions\":{\"uid\":\"x\"}}", 409, NULL,
         NULL, "the UID in the precondition (x)"},
        {"delete", "DELETE", CM "/a", NULL, 200, NULL, NULL, "\"status\":\"Success\""},
        {"delete again", "DELETE", CM "/a", NULL, 404, "configmaps \"a\" not found", NULL, NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_paths(void **state)
{
    static const struct row rows[] = {
        {"unknown path", "GET", "/nope", NULL, 404, NULL, NULL, "404 page not found"},
        {"unknown group", "GET", "/apis/nope.example/v1/things", NULL, 404, NULL, NULL,
         "404 page not found"},
        {"unknown resource", "GET", "/api/v1/things", NULL, 404,
         "the server could not find the requested resource", NULL, "NotFound"},
        {"unknown subresource", "GET", CM "/a/scale", NULL, 404,
         "the server could not find the requested resource", NULL, NULL},
        {"namespace of a cluster's kind", "GET", "/api/v1/namespaces/default/nodes", NULL, 404,
         NULL, NULL, NULL},
        {"create without namespace", "POST", "/api/v1/configmaps", "{}", 405,
         "the server does not allow this method on the requested resource", NULL,
         "MethodNotAllowed"},
        {"delete of all namespaces", "DELETE", "/api/v1/namespaces", NULL, 405, NULL, NULL, NULL},
        {"escaped slash", "GET", "/api/v1/namespaces/default%2Fconfigmaps/a", NULL, 404, NULL, NULL,
         NULL},
        {"dots", "GET", "/api/v1/namespaces/default/configmaps/../secrets/x", NULL, 404, NULL, NULL,
         NULL},
        {"a name of dots", "GET", CM "/%2e%2e", NULL, 400,
         "Name parameter invalid: \"..\": may not be '..'", NULL, NULL},
        {"a name with %", "GET", CM "/a%25b", NULL, 400,
         "Name parameter invalid: \"a%b\": may not contain '%'", NULL, NULL},
        {"a namespace in a namespace", "GET", "/api/v1/namespaces/default/namespaces", NULL, 404,
         NULL, NULL, NULL},
        {"bad escape", "GET", "/api/v1/namespaces/%zz", NULL, 400, NULL, NULL, NULL},
        {"unknown cluster", "GET", "/clusters/nobody/api/v1/pods", NULL, 404, NULL, NULL, NULL},
        {"versions", "GET", "/api", NULL, 200, NULL, NULL, "\"versions\":[\"v1\"]"},
        {"groups", "GET", "/apis", NULL, 200, NULL, NULL, "\"groupVersion\":\"apps/v1\""},
        {"resources", "GET", "/apis/apps/v1", NULL, 200, NULL, NULL,
         "\"name\":\"deployments/scale\""},
        {"version", "GET", "/version", NULL, 200, NULL, NULL, "\"minor\": \"32\""},
        {"ready", "GET", "/readyz", NULL, 200, NULL, NULL, "ok"},
        {"ready, verbose", "GET", "/readyz?verbose", NULL, 200, NULL, NULL, "[+]ping ok"},
        {"one check", "GET", "/livez/ping", NULL, 200, NULL, NULL, "ok"},
        {"openapi", "GET", "/openapi/v3", NULL, 200, NULL, NULL, "/openapi/v3/apis/apps/v1?hash="},
        {"metrics", "GET", "/metrics", NULL, 200, NULL, NULL, "apiserver_request_total"},
        {"protected namespace", "DELETE", "/api/v1/namespaces/default", NULL, 403,
         "namespaces \"default\" is forbidden: this namespace may not be deleted", NULL, NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_bodies(void **state)
{
    static const struct row rows[] = {
        {"yaml", "POST", CM, "metadata:\n  name: yaml\ndata:\n  a: b\n", 201, NULL,
         "application/yaml", "\"a\":\"b\""},
        {"not json", "POST", CM, "{\"metadata\":", 400, NULL, NULL, "BadRequest"},
        {"array", "POST", CM, "[]", 400, NULL, NULL,
         "the object provided is unrecognized (must be of type ConfigMap): couldn't get "
         "version/kind; "
         "json parse error: json: cannot unmarshal array into Go value of type struct { "},
        {"cut short", "POST", CM, "{", 400,
         "the object provided is unrecognized (must be of type ConfigMap): couldn't get "
         "version/kind; "
         "json parse error: unexpected end of JSON input ({)",
         NULL, NULL},
        {"nothing", "POST", CM, "", 400,
         "the object provided is unrecognized (must be of type ConfigMap): couldn't get "
         "version/kind; "
         "json parse error: unexpected end of JSON input (<empty>)",
         NULL, NULL},
        {"wrong type", "POST", CM, "{\"metadata\":{\"name\":\"x\"},\"data\":5}", 400, NULL, NULL,
         "ConfigMap in version \\\"v1\\\" cannot be handled as a ConfigMap: "},
        {"unknown field, strict", "POST", CM "?fieldValidation=Strict",
         "{\"metadata\":{\"name\":\"x\"},\"foo\":5}", 400, NULL, NULL,
         "strict decoding error: unknown field \\\"foo\\\""},
        {"unknown field", "POST", CM, "{\"metadata\":{\"name\":\"warned\"},\"foo\":5}", 201, NULL,
         NULL, NULL},
        {"other kind", "POST", CM,
         "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"x\"}}", 400, NULL,
         NULL,
         "Secret in version \\\"v1\\\" cannot be handled as a ConfigMap: converting (v1.Secret) to "
         "(core.ConfigMap): unknown conversion"},
        {"unknown kind", "POST", CM,
         "{\"apiVersion\":\"apps/v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\"}}", 400,
         "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: no kind \"ConfigMap\" is "
         "registered for version \"apps/v1\" in scheme \"pkg/api/legacyscheme/scheme.go:30\"",
         NULL, NULL},
        {"other version", "POST", "/apis/apps/v1/namespaces/default/deployments",
         "{\"apiVersion\":\"apps/v1beta1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"x\"}}",
         400,
         "the API version in the data (apps/v1beta1) does not match the expected API version "
         "(apps/v1)",
         NULL, NULL},
        {"unknown media type", "POST", CM, "x", 415, NULL, "text/plain", "UnsupportedMediaType"},
        {"protobuf that is none", "POST", CM, "k8s", 400, NULL,
         "application/vnd.kubernetes.protobuf", NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_negotiation(void **state)
{
    static const struct accept_row {
        const char *name, *accept;
        long code;
        const char *has;
    } rows[] = {
        {"yaml", "application/yaml", 200, "kind: ConfigMap"},
        {"old table", "application/json;as=Table;v=v1beta1;g=meta.k8s.io", 200,
         "\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1beta1\""},
        {"table", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", 200,
         "\"kind\":\"Table\""},
        {"metadata", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", 200,
         "\"kind\":\"PartialObjectMetadata\""},
        {"protobuf or json", "application/vnd.kubernetes.protobuf,application/json", 200, "k8s"},
        {"json or protobuf", "application/json,application/vnd.kubernetes.protobuf", 200,
         "\"kind\":\"ConfigMap\""},
        {"protobuf", "application/vnd.kubernetes.protobuf", 200, "k8s"},
        {"nothing we have", "text/html", 406, "only the following media types are accepted"},
        {"anything", "*/*", 200, "\"kind\":\"ConfigMap\""},
    };
    struct answer answer;
    (void)state;
    fixture_ask(
        &fixture,
        &(struct ask){.method = "POST", .path = CM, .body = "{\"metadata\":{\"name\":\"neg\"}}"},
        &answer);
    assert_int_equal(answer.code, 201);
    answer_clear(&answer);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fixture_ask(&fixture,
                    &(struct ask){.method = "GET", .path = CM "/neg", .accept = rows[i].accept},
                    &answer);
        bool ok = answer.code == rows[i].code &&
                  memmem(answer.body.data, answer.body.len, rows[i].has, strlen(rows[i].has));
        if (!ok)
            print_message("%s: %ld %s\n", rows[i].name, answer.code, answer.body.data);
        answer_clear(&answer);
        assert_true(ok);
    }
}

static void test_too_large(void **state)
{
    struct answer answer;
    CLEANUP(free_ptr) char *body = xmalloc((4 << 20) + 1);
    (void)state;
    memset(body, 'x', 4 << 20);
    body[4 << 20] = '\0';
    fixture_ask(&fixture, &(struct ask){.method = "POST", .path = CM, .body = body}, &answer);
    assert_int_equal(answer.code, 413);
    assert_string_equal(json_text(answer.json, "message"),
                        "Request entity too large: limit is 3145728");
    answer_clear(&answer);
}

/* Fields are so many that their names fit once, and not again in managedFields. */
static void write_wide(struct buf *body, const char *first)
{
    buf_printf(body,
               "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"wide\"},"
               "\"data\":{\"%s\":\"1\"",
               first);
    for (int i = 0; i < 9000; i++)
        buf_printf(
            body, ",\"as-long-as-it-takes-for-the-names-of-all-these-to-be-a-megabyte-%020d\":\"\"",
            i);
    buf_add_text(body, "}}");
}

static void test_too_large_with_owners(void **state)
{
    static const struct {
        const char *method, *path, *type;
        long code;
    } rows[] = {
        {"POST", CM, NULL, 201},
        {"PATCH", CM "/wide", "application/merge-patch+json", 200},
        {"PUT", CM "/wide", NULL, 200},
        {"PATCH", CM "/wide?fieldManager=m", "application/apply-patch+yaml", 413},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_free) struct buf body = BUF_INIT((size_t)4 << 20);
        struct answer answer;
        write_wide(&body, rows[i].method);
        fixture_ask(&fixture,
                    &(struct ask){.method = rows[i].method,
                                  .path = rows[i].path,
                                  .type = rows[i].type,
                                  .body = body.data},
                    &answer);
        if (answer.code != rows[i].code)
            fail_msg("%s: %ld %.300s", rows[i].method, answer.code, answer.body.data);
        assert_null(json_at(answer.json, "metadata", "managedFields"));
        answer_clear(&answer);
    }
}

static void test_finalizers(void **state)
{
    static const struct row rows[] = {
        {"create", "POST", CM,
         "{\"metadata\":{\"name\":\"f\",\"finalizers\":[\"example.com/wait\"]}}", 201, NULL, NULL,
         NULL},
        {"delete waits", "DELETE", CM "/f", NULL, 200, NULL, NULL,
         "\"deletionGracePeriodSeconds\":0"},
        {"still there", "GET", CM "/f", NULL, 200, NULL, NULL, "deletionTimestamp"},
        {"name is taken", "POST", CM, "{\"metadata\":{\"name\":\"f\"}}", 409,
         "object is being deleted: configmaps \"f\" already exists", NULL, NULL},
        {"cascading is told to wait", "DELETE", CM "/f", "{\"orphanDependents\":false}", 202, NULL,
         NULL, "deletionTimestamp"},
        {"also by the query", "DELETE", CM "/f?orphanDependents=false&dryRun=All", NULL, 202, NULL,
         NULL, "deletionTimestamp"},
        {"last finalizer goes", "PATCH", CM "/f", "{\"metadata\":{\"finalizers\":null}}", 200, NULL,
         "application/merge-patch+json", NULL},
        {"gone", "GET", CM "/f", NULL, 404, NULL, NULL, NULL},
        {"orphan", "POST", CM, "{\"metadata\":{\"name\":\"o\"}}", 201, NULL, NULL, NULL},
        {"orphaning waits", "DELETE", CM "/o", "{\"propagationPolicy\":\"Orphan\"}", 200, NULL,
         NULL, "\"finalizers\":[\"orphan\"]"},
        {"nothing depends on an event", "POST", "/api/v1/namespaces/default/events",
         "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"namespace\":\"default\"}}", 201,
         NULL, NULL, NULL},
        {"so that it goes at once", "DELETE", "/api/v1/namespaces/default/events/e",
         "{\"propagationPolicy\":\"Foreground\"}", 200, NULL, NULL, "Success"},
        {"nothing to wait for", "POST", CM, "{\"metadata\":{\"name\":\"n\"}}", 201, NULL, NULL,
         NULL},
        {"cascading at once", "DELETE", CM "/n", "{\"orphanDependents\":false}", 200, NULL, NULL,
         NULL},
        {"both", "DELETE", CM "/o", "{\"propagationPolicy\":\"Orphan\",\"orphanDependents\":true}",
         422, NULL, NULL, "orphanDependents and deletionPropagation cannot be both set"},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_pods(void **state)
{
#define POD                                                                                        \
    "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"
    static const struct row rows[] = {
        {"create", "POST", "/api/v1/namespaces/default/pods", POD, 201, NULL, NULL,
         "kube-api-access-"},
        {"bind", "POST", "/api/v1/namespaces/default/pods/p/binding",
         "{\"metadata\":{\"name\":\"p\"},\"target\":{\"kind\":\"Node\",\"name\":\"n1\"}}", 201,
         NULL, NULL, "Success"},
        {"bind twice", "POST", "/api/v1/namespaces/default/pods/p/binding",
         "{\"metadata\":{\"name\":\"p\"},\"target\":{\"name\":\"n2\"}}", 409,
         "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to node "
         "\"n1\"",
         NULL, NULL},
        {"graceful", "DELETE", "/api/v1/namespaces/default/pods/p", NULL, 200, NULL, NULL,
         "\"deletionGracePeriodSeconds\":30"},
        {"shorter", "DELETE", "/api/v1/namespaces/default/pods/p?gracePeriodSeconds=5", NULL, 200,
         NULL, NULL, "\"deletionGracePeriodSeconds\":5"},
        {"at once", "DELETE", "/api/v1/namespaces/default/pods/p", "{\"gracePeriodSeconds\":0}",
         200, NULL, NULL, NULL},
        {"gone", "GET", "/api/v1/namespaces/default/pods/p", NULL, 404, NULL, NULL, NULL},
        {"unknown account", "POST", "/api/v1/namespaces/default/pods",
         "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"serviceAccountName\":\"no\",\"containers\":[{"
         "\"name\":\"c\",\"image\":\"i\"}]}}",
         403,
         "pods \"q\" is forbidden: error looking up service account default/no: serviceaccount "
         "\"no\" not found",
         NULL, NULL},
        {"unknown class", "POST", "/api/v1/namespaces/default/pods",
         "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"priorityClassName\":\"no\",\"containers\":[{"
         "\"name\":\"c\",\"image\":\"i\"}]}}",
         403, "pods \"q\" is forbidden: no PriorityClass with name no was found", NULL, NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_tokens(void **state)
{
#define ACCOUNTS    "/api/v1/namespaces/default/serviceaccounts"
#define OF_OTHER    ACCOUNTS "/other/token"
#define BOUND(ref)  "{\"spec\":{\"boundObjectRef\":{" ref "}}}"
#define TO(v, k, n) "\"apiVersion\":\"" v "\",\"kind\":\"" k "\",\"name\":\"" n "\""
    static const struct row rows[] = {
        {"account", "POST", ACCOUNTS, "{\"metadata\":{\"name\":\"other\"}}", 201, NULL, NULL, NULL},
        {"its Pod", "POST", "/api/v1/namespaces/default/pods",
         "{\"metadata\":{\"name\":\"its\"},\"spec\":{\"serviceAccountName\":\"other\","
         "\"containers\":[{"
         "\"name\":\"c\",\"image\":\"i\"}]}}",
         201, NULL, NULL, NULL},
        {"for whom", "POST", OF_OTHER, "{\"spec\":{}}", 201, NULL, NULL,
         "\"audiences\":[\"https://kubernetes.default.svc.cluster.local\"]"},
        {"and when", "POST", OF_OTHER, "{}", 201, NULL, NULL, "creationTimestamp"},
        {"another's name", "POST", OF_OTHER, "{\"metadata\":{\"name\":\"x\"},\"spec\":{}}", 422,
         "TokenRequest.authentication.k8s.io \"other\" is invalid: metadata.name: Invalid value: "
         "\"x\": must match the service account name if specified",
         NULL, NULL},
        {"bound to its Pod", "POST", OF_OTHER, BOUND(TO("v1", "Pod", "its")), 201, NULL, NULL,
         NULL},
        {"another's Pod", "POST", ACCOUNTS "/default/token", BOUND(TO("v1", "Pod", "its")), 400,
         "cannot bind token for serviceaccount \"default\" to pod running with different "
         "serviceaccount name.",
         NULL, NULL},
        {"an earlier Pod", "POST", OF_OTHER, BOUND(TO("v1", "Pod", "its") ",\"uid\":\"u\""), 409,
         "Operation cannot be fulfilled on Pod \"its\": the UID in the bound object reference (u) "
         "does "
         "not match the UID in record. The object might have been deleted and then recreated",
         NULL, NULL},
        {"no such Pod", "POST", OF_OTHER, BOUND(TO("v1", "Pod", "none")), 404,
         "pods \"none\" not found", NULL, NULL},
        {"a kind that has none", "POST", OF_OTHER, BOUND(TO("v1", "ConfigMap", "c")), 400,
         "cannot bind token to object of type /v1, Kind=ConfigMap", NULL, NULL},
        {"another group's", "POST", OF_OTHER, BOUND(TO("a/v1", "Pod", "its")), 400,
         "cannot bind token to object of type a/v1, Kind=Pod", NULL, NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_services(void **state)
{
#define SVC "/api/v1/namespaces/default/services"
    static const struct row rows[] = {
        {"fixed address", "POST", SVC,
         "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"clusterIP\":\"10.96.0.77\",\"ports\":[{"
         "\"port\":80}]}}",
         201, NULL, NULL, "\"clusterIPs\":[\"10.96.0.77\"]"},
        {"taken", "POST", SVC,
         "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"clusterIP\":\"10.96.0.77\",\"ports\":[{"
         "\"port\":80}]}}",
         422, NULL, NULL, "provided IP is already allocated"},
        {"out of range", "POST", SVC,
         "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"clusterIP\":\"10.1.0.77\",\"ports\":[{"
         "\"port\":80}]}}",
         422, NULL, NULL, "is not in the valid range"},
        {"any", "POST", SVC, "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"ports\":[{\"port\":80}]}}",
         201, NULL, NULL, "\"clusterIP\":\"10.96."},
        {"headless", "POST", SVC,
         "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"clusterIP\":\"None\",\"ports\":[{\"port\":80}]"
         "}}",
         201, NULL, NULL, "\"clusterIP\":\"None\""},
        {"node port", "POST", SVC,
         "{\"metadata\":{\"name\":\"e\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":80,"
         "\"nodePort\":30100}]}}",
         201, NULL, NULL, "\"nodePort\":30100"},
        {"node port taken", "POST", SVC,
         "{\"metadata\":{\"name\":\"g\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":80,"
         "\"nodePort\":30100}]}}",
         422, NULL, NULL, "provided port is already allocated"},
        {"given back", "DELETE", SVC "/a", NULL, 200, NULL, NULL, NULL},
        {"free again", "POST", SVC,
         "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"clusterIP\":\"10.96.0.77\",\"ports\":[{"
         "\"port\":80}]}}",
         201, NULL, NULL, NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_namespaces(void **state)
{
#define NS "/api/v1/namespaces"
    static const struct row rows[] = {
        {"create", "POST", NS, "{\"metadata\":{\"name\":\"ending\"}}", 201, NULL, NULL,
         "\"finalizers\":[\"kubernetes\"]"},
        {"content", "POST", NS "/ending/configmaps", "{\"metadata\":{\"name\":\"a\"}}", 201, NULL,
         NULL, NULL},
        {"delete", "DELETE", NS "/ending", NULL, 200, NULL, NULL, "\"phase\":\"Terminating\""},
        {"no new content", "POST", NS "/ending/configmaps", "{\"metadata\":{\"name\":\"b\"}}", 403,
         "configmaps \"b\" is forbidden: unable to create new content in namespace ending because "
         "it is being terminated",
         NULL, "NamespaceTerminating"},
        {"delete again", "DELETE", NS "/ending", NULL, 200, NULL, NULL, NULL},
        {"finalize", "PUT", NS "/ending/finalize",
         "{\"metadata\":{\"name\":\"ending\"},\"spec\":{\"finalizers\":[]}}", 200, NULL, NULL,
         NULL},
        {"gone", "GET", NS "/ending", NULL, 404, "namespaces \"ending\" not found", NULL, NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_apply(void **state)
{
#define APPLY "application/apply-patch+yaml"
    static const struct row rows[] = {
        {"no manager", "PATCH", CM "/ssa", "apiVersion: v1\nkind: ConfigMap\n", 422, NULL, APPLY,
         "fieldManager: Required value: is required for apply patch"},
        {"creates", "PATCH", CM "/ssa?fieldManager=one",
         "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa}\ndata: {a: b}\n", 201, NULL, APPLY,
         "\"manager\":\"one\""},
        {"again, nothing changes", "PATCH", CM "/ssa?fieldManager=one",
         "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n", 200, NULL, APPLY, NULL},
        {"another's field", "PATCH", CM "/ssa?fieldManager=two",
         "apiVersion: v1\nkind: ConfigMap\ndata: {a: c}\n", 409,
         "Apply failed with 1 conflict: conflict with \"one\": .data.a", APPLY,
         "FieldManagerConflict"},
        {"by force", "PATCH", CM "/ssa?fieldManager=two&force=true",
         "apiVersion: v1\nkind: ConfigMap\ndata: {a: c}\n", 200, NULL, APPLY, "\"a\":\"c\""},
        {"another kind", "PATCH", CM "/ssa?fieldManager=one", "apiVersion: v1\nkind: Secret\n", 400,
         NULL, APPLY, NULL},
        {"unknown field", "PATCH", CM "/ssa?fieldManager=one&fieldValidation=Strict",
         "apiVersion: v1\nkind: ConfigMap\nfoo: 1\n", 500,
         "failed to create typed patch object (default/ssa; /v1, Kind=ConfigMap): .foo: field not "
         "declared in schema",
         APPLY, NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

/* Warn is the default: the write goes through and the client is told. */
static void test_warnings(void **state)
{
    struct answer answer;
    (void)state;
    fixture_ask(&fixture,
                &(struct ask){.method = "POST",
                              .path = CM,
                              .body = "{\"metadata\":{\"name\":\"warn\"},\"foo\":1}"},
                &answer);
    assert_int_equal(answer.code, 201);
    assert_non_null(
        strcasestr(answer.headers.data, "warning: 299 - \"unknown field \\\"foo\\\"\""));
    answer_clear(&answer);
}

static void test_gzip(void **state)
{
    CLEANUP(free_ptr) char *value = xmalloc(200001);
    struct answer answer;
    (void)state;
    memset(value, 'z', 200000);
    value[200000] = '\0';
    CLEANUP(free_ptr)
    char *body = xasprintf(
        "{\"metadata\":{\"name\":\"big\",\"labels\":{\"big\":\"y\"}},\"data\":{\"v\":\"%s\"}}",
        value);
    fixture_ask(&fixture, &(struct ask){.method = "POST", .path = CM, .body = body}, &answer);
    assert_int_equal(answer.code, 201);
    answer_clear(&answer);
    fixture_ask(&fixture,
                &(struct ask){.method = "GET",
                              .path = CM "?labelSelector=big",
                              .header = "Accept-Encoding: gzip"},
                &answer);
    assert_int_equal(answer.code, 200);
    assert_non_null(strcasestr(answer.headers.data, "content-encoding: gzip"));
    assert_true(answer.body.len > 10 && answer.body.len < 20000);
    answer_clear(&answer);
}

static void test_scale(void **state)
{
#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
    static const struct row rows[] = {
        {"create", "POST", DEPLOYMENTS,
         "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{"
         "\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{"
         "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}",
         201, NULL, NULL, "\"generation\":1"},
        {"zero status", "GET", DEPLOYMENTS "/s", NULL, 200, NULL, NULL, "\"status\":{}"},
        {"scale", "GET", DEPLOYMENTS "/s/scale", NULL, 200, NULL, NULL, "\"kind\":\"Scale\""},
        {"patch scale", "PATCH", DEPLOYMENTS "/s/scale", "{\"spec\":{\"replicas\":5}}", 200, NULL,
         "application/merge-patch+json", "\"replicas\":5"},
        {"scaled", "GET", DEPLOYMENTS "/s", NULL, 200, NULL, NULL, "\"generation\":2"},
        {"status", "PATCH", DEPLOYMENTS "/s/status",
         "{\"spec\":{\"replicas\":9},\"status\":{\"replicas\":3}}", 200, NULL,
         "application/merge-patch+json", "\"replicas\":5"},
        {"zero counts", "POST", "/apis/apps/v1/namespaces/default/daemonsets",
         "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{"
         "\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{"
         "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}},\"status\":{\"numberReady\":3}}",
         201, NULL, NULL,
         "\"status\":{\"currentNumberScheduled\":0,\"numberMisscheduled\":0,"
         "\"desiredNumberScheduled\":0,\"numberReady\":0}"},
        {"negative", "PATCH", DEPLOYMENTS "/s/scale", "{\"spec\":{\"replicas\":-1}}", 422, NULL,
         "application/merge-patch+json", "must be greater than or equal to 0"},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

/* What one tenant has is not there for another, and credentials of one are nobody's at another. */
static void test_tenants(void **state)
{
    static const struct row rows[] = {
        {"host's", "POST", CM, "{\"metadata\":{\"name\":\"mine\"}}", 201, NULL, NULL, NULL},
        {"host's admin is nobody at a tenant's", "GET",
         "/clusters/acme/api/v1/namespaces/default/configmaps/mine", NULL, 401, "Unauthorized",
         NULL, NULL},
    };
    struct cluster *acme = fixture_tenant(&fixture, "acme");
    struct api_caller caller = fixture_admin(&fixture, acme);
    struct error err = {0};
    json_t *found = NULL;
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
    assert_false(api_get(&caller, "configmaps", "default", "mine", &found, &err));
    assert_int_equal(err.reason, ERROR_NOT_FOUND);
    error_clear(&err);
    cluster_unref(acme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crud),       cmocka_unit_test(test_paths),
        cmocka_unit_test(test_bodies),     cmocka_unit_test(test_negotiation),
        cmocka_unit_test(test_too_large),  cmocka_unit_test(test_too_large_with_owners),
        cmocka_unit_test(test_finalizers), cmocka_unit_test(test_pods),
        cmocka_unit_test(test_tokens),     cmocka_unit_test(test_services),
        cmocka_unit_test(test_scale),      cmocka_unit_test(test_tenants),
        cmocka_unit_test(test_namespaces), cmocka_unit_test(test_apply),
        cmocka_unit_test(test_warnings),   cmocka_unit_test(test_gzip),
    };
    return fixture_run(&fixture, tests);
}
