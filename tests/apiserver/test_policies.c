/* ValidatingAdmissionPolicies and their bindings, over HTTP. */
#include <string.h>

#include "support_fixture.h"
#include "tests/test.h"

#define POLICIES    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
#define BINDINGS    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
#define MAPS        "/api/v1/namespaces/default/configmaps"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"

static struct fixture fixture;

static void ask(const char *method, const char *path, const char *body, struct answer *answer)
{
    fixture_send(&fixture, method, path, body, answer);
}

static void expect(const char *name, const char *method, const char *path, const char *body,
                   long code, const char *want)
{
    fixture_expect(&fixture, name, method, path, body, code, want);
}

#define ON_MAPS                                                                                    \
    "\"matchConstraints\":{\"resourceRules\":[{\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],"     \
    "\"operations\":[\"CREATE\",\"UPDATE\",\"DELETE\"],\"resources\":[\"configmaps\"]}]}"
#define DENY "\"validationActions\":[\"Deny\"]"

/* `spec` and `binding` are JSON without braces. */
static void put(const char *name, const char *spec, const char *binding)
{
    CLEANUP(free_ptr)
    char *policy = xasprintf("{\"metadata\":{\"name\":\"p.test\"},\"spec\":{%s}}", spec);
    CLEANUP(free_ptr)
    char *bound = xasprintf(
        "{\"metadata\":{\"name\":\"b.test\"},\"spec\":{\"policyName\":\"p.test\",%s}}", binding);
    expect(name, "POST", POLICIES, policy, 201, NULL);
    expect(name, "POST", BINDINGS, bound, 201, NULL);
}

static void forget_all(void)
{
    expect("clean", "DELETE", BINDINGS, NULL, 200, NULL);
    expect("clean", "DELETE", POLICIES, NULL, 200, NULL);
}

/* ---- what policies decide ---- */

#define SAYS                                                                                       \
    "configmaps \\\"c\\\" is forbidden: ValidatingAdmissionPolicy 'p.test' with binding 'b.test' " \
    "denied request: "

struct decision {
    const char *name, *spec, *binding;
    long code;
    const char *want;
};

static void run_decisions(const struct decision *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(free_ptr) char *spec = xasprintf(ON_MAPS ",%s", rows[i].spec);
        put(rows[i].name, spec, rows[i].binding);
        expect(rows[i].name, "POST", MAPS "?dryRun=All",
               "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"b\"}}", rows[i].code,
               rows[i].want);
        forget_all();
    }
}

static void test_decisions(void **state)
{
    static const struct decision rows[] = {
        {"true", "\"validations\":[{\"expression\":\"object.data.a == 'b'\"}]", DENY, 201, NULL},
        {"false", "\"validations\":[{\"expression\":\"object.data.a == 'x'\"}]", DENY, 422,
         "\"message\":\"" SAYS
         "failed expression: object.data.a == 'x'\",\"reason\":\"Invalid\",\"details\":{\"name\":"
         "\"c\",\"kind\":\"configmaps\",\"causes\":[{\"message\":\"ValidatingAdmissionPolicy "
         "'p.test' with binding "
         "'b.test' denied request: failed expression: object.data.a == 'x'\"}]},\"code\":422"},
        {"message", "\"validations\":[{\"expression\":\"false\",\"message\":\"no\"}]", DENY, 422,
         SAYS "no\""},
        {"dynamic message",
         "\"validations\":[{\"expression\":\"false\",\"message\":\"no\",\"messageExpression\":\"'"
         "not ' + object.data.a\"}]",
         DENY, 422, SAYS "not b\""},
        {"dynamic message that fails",
         "\"validations\":[{\"expression\":\"false\",\"message\":\"no\",\"messageExpression\":\"'"
         "not ' + object.data.z\"}]",
         DENY, 422, SAYS "no\""},
        {"reason", "\"validations\":[{\"expression\":\"false\",\"reason\":\"Forbidden\"}]", DENY,
         403, "\"reason\":\"Forbidden\""},
        {"too large",
         "\"validations\":[{\"expression\":\"false\",\"reason\":\"RequestEntityTooLarge\"}]", DENY,
         413, NULL},
        {"error", "\"validations\":[{\"expression\":\"object.data.z == 'x'\"}]", DENY, 422,
         SAYS "expression 'object.data.z == 'x'' resulted in error: no such key: z"},
        {"error, ignored",
         "\"failurePolicy\":\"Ignore\",\"validations\":[{\"expression\":\"object.data.z == 'x'\"}]",
         DENY, 201, NULL},
        {"false, not ignored",
         "\"failurePolicy\":\"Ignore\",\"validations\":[{\"expression\":\"false\"}]", DENY, 422,
         NULL},
        {"audit only", "\"validations\":[{\"expression\":\"false\"}]",
         "\"validationActions\":[\"Audit\"]", 201, NULL},
    };
    (void)state;
    run_decisions(rows, ARRAY_LEN(rows));
}

static void test_variables(void **state)
{
    static const struct decision rows[] = {
        {"variables",
         "\"variables\":[{\"name\":\"a\",\"expression\":\"object.data.a\"},{\"name\":\"b\","
         "\"expression\":"
         "\"variables.a + '!'\"}],\"validations\":[{\"expression\":\"variables.b == "
         "'b!'\"},{\"expression\":"
         "\"variables.b != 'b!'\"}]",
         DENY, 422, SAYS "failed expression: variables.b != 'b!'"},
        {"request",
         "\"validations\":[{\"expression\":\"request.operation == 'CREATE' && "
         "request.userInfo.username == "
         "'kubernetes-admin' && request.resource.resource == 'configmaps' && request.namespace == "
         "'default'\"}]",
         DENY, 201, NULL},
        {"no old object", "\"validations\":[{\"expression\":\"oldObject == null\"}]", DENY, 201,
         NULL},
        {"namespace",
         "\"validations\":[{\"expression\":\"namespaceObject.metadata.name == 'default'\"}]", DENY,
         201, NULL},
        {"authorizer",
         "\"validations\":[{\"expression\":\"authorizer.group('').resource('configmaps').namespace("
         "'default').check("
         "'create').allowed()\"},{\"expression\":\"authorizer.requestResource.check('frob')."
         "allowed()\"},{\"expression\":"
         "\"!authorizer.serviceAccount('default', 'nobody').path('/x').check('get').allowed()\"}]",
         DENY, 201, NULL},
    };
    (void)state;
    run_decisions(rows, ARRAY_LEN(rows));
}

static void test_match_conditions(void **state)
{
    static const struct decision rows[] = {
        {"condition that is false",
         "\"matchConditions\":[{\"name\":\"n\",\"expression\":\"false\"}],\"validations\":[{"
         "\"expression\":\"false\"}]",
         DENY, 201, NULL},
        {"condition that is true",
         "\"matchConditions\":[{\"name\":\"n\",\"expression\":\"true\"}],\"validations\":[{"
         "\"expression\":\"false\"}]",
         DENY, 422, NULL},
        {"condition that fails",
         "\"matchConditions\":[{\"name\":\"n\",\"expression\":\"object.data.z == "
         "'x'\"}],\"validations\":[{\"expression\":"
         "\"true\"}]",
         DENY, 422, "resulted in error: no such key: z"},
        {"condition that fails, ignored",
         "\"failurePolicy\":\"Ignore\",\"matchConditions\":[{\"name\":\"n\",\"expression\":"
         "\"object.data.z == 'x'\"}],"
         "\"validations\":[{\"expression\":\"false\"}]",
         DENY, 201, NULL},
    };
    (void)state;
    run_decisions(rows, ARRAY_LEN(rows));
}

static void test_audit_annotations(void **state)
{
    static const struct decision rows[] = {
        {"audit annotations", "\"auditAnnotations\":[{\"key\":\"k\",\"valueExpression\":\"'v'\"}]",
         DENY, 201, NULL},
        {"audit annotation that fails",
         "\"auditAnnotations\":[{\"key\":\"k\",\"valueExpression\":\"string(object.data.z)\"}]",
         DENY, 422, "resulted in error: no such key: z"},
    };
    (void)state;
    run_decisions(rows, ARRAY_LEN(rows));
}

static void test_selection(void **state)
{
    static const struct decision rows[] = {
        {"another namespace", "\"validations\":[{\"expression\":\"false\"}]",
         DENY ",\"matchResources\":{\"namespaceSelector\":{\"matchLabels\":{\"n\":\"w\"}}}", 201,
         NULL},
        {"another object", "\"validations\":[{\"expression\":\"false\"}]",
         DENY ",\"matchResources\":{\"objectSelector\":{\"matchLabels\":{\"n\":\"w\"}}}", 201,
         NULL},
        {"excluded by name", "\"validations\":[{\"expression\":\"false\"}]",
         DENY ",\"matchResources\":{\"excludeResourceRules\":[{\"apiGroups\":[\"\"],"
              "\"apiVersions\":[\"*\"],\"operations\":"
              "[\"*\"],\"resources\":[\"configmaps\"],\"resourceNames\":[\"c\"]}]}",
         201, NULL},
        {"too expensive",
         "\"validations\":[{\"expression\":\"[1,2,3,4,5,6,7,8,9,0].all(a, "
         "[1,2,3,4,5,6,7,8,9,0].all(b, "
         "[1,2,3,4,5,6,7,8,9,0].all(c, [1,2,3,4,5,6,7,8,9,0].all(d, [1,2,3,4,5,6,7,8,9,0].all(e, "
         "[1,2,3,4,5,6,7,8,9,0].all(f, a + b + c + d + e + f >= 0))))))\"}]",
         DENY, 422, "cost"},
    };
    (void)state;
    run_decisions(rows, ARRAY_LEN(rows));
}

static void test_warning(void **state)
{
    struct answer answer;
    (void)state;
    put("warn", ON_MAPS ",\"validations\":[{\"expression\":\"false\",\"message\":\"mind this\"}]",
        "\"validationActions\":[\"Warn\",\"Audit\"]");
    ask("POST", MAPS "?dryRun=All", "{\"metadata\":{\"name\":\"c\"}}", &answer);
    assert_int_equal(answer.code, 201);
    assert_non_null(strstr(answer.headers.data,
                           "Warning: 299 - \"Validation failed for ValidatingAdmissionPolicy "
                           "'p.test' with binding 'b.test': mind this\""));
    answer_clear(&answer);
    forget_all();
}

static void test_operations(void **state)
{
    (void)state;
    expect("make", "POST", MAPS, "{\"metadata\":{\"name\":\"there\"},\"data\":{\"a\":\"b\"}}", 201,
           NULL);
    put("old",
        ON_MAPS ",\"validations\":[{\"expression\":\"oldObject == null || object == null || "
                "object.data.a == "
                "oldObject.data.a\",\"message\":\"a stays\"},{\"expression\":\"object != "
                "null\",\"message\":"
                "\"it stays\"}]",
        DENY);
    expect("update", "PATCH", MAPS "/there", "{\"data\":{\"a\":\"c\"}}", 422, "a stays");
    expect("update", "PATCH", MAPS "/there", "{\"data\":{\"b\":\"c\"}}", 200, NULL);
    expect("delete", "DELETE", MAPS "/there", NULL, 422, "it stays");
    /* The objects that configure it are never subject to it. */
    expect("all", "PATCH", POLICIES "/p.test",
           "{\"spec\":{\"matchConstraints\":{\"resourceRules\":[{\"apiGroups\":[\"*\"],"
           "\"apiVersions\":[\"*\"],"
           "\"operations\":[\"*\"],\"resources\":[\"*\"]}]}}}",
           200, NULL);
    expect("delete", "DELETE", MAPS "/there", NULL, 422, "it stays");
    forget_all();
    expect("delete", "DELETE", MAPS "/there", NULL, 200, NULL);
}

/* A collection's objects are deleted in the version that the client asked in. */
static void test_collections(void **state)
{
    static const char core[] = "/api/v1/namespaces/default/events",
                      other[] = "/apis/events.k8s.io/v1/namespaces/default/events",
                      v1[] = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
                      v2[] = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
                      event[] = "{\"metadata\":{\"name\":\"c\"},\"involvedObject\":{"
                                "\"namespace\":\"default\"}}",
                      scaler[] = "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"maxReplicas\":1,"
                                 "\"scaleTargetRef\":{\"kind\":\"A\",\"name\":\"a\"}}}";
    static const struct row {
        const char *made_at, *body, *asked_at, *group, *version, *plural, *unasked_at;
    } rows[] = {
        {core, event, core, "", "v1", "events", other},
        {core, event, other, "events.k8s.io", "v1", "events", core},
        {v1, scaler, v1, "autoscaling", "v1", "horizontalpodautoscalers", v2},
        {v1, scaler, v2, "autoscaling", "v2", "horizontalpodautoscalers", v1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        CLEANUP(free_ptr)
        char *spec = xasprintf(
            "\"matchConstraints\":{\"matchPolicy\":\"Exact\",\"resourceRules\":[{\"apiGroups\":["
            "\"%s\"],\"apiVersions\":[\"%s\"],\"operations\":[\"DELETE\"],\"resources\":[\"%s\"]}"
            "]},\"validations\":[{\"expression\":\"false\",\"messageExpression\":"
            "\"request.resource.group + '/' + oldObject.apiVersion\"}]",
            row->group, row->version, row->plural);
        CLEANUP(free_ptr)
        char *want = xasprintf("denied request: %s/%s%s%s\"", row->group, row->group,
                               *row->group ? "/" : "", row->version);
        expect(row->asked_at, "POST", row->made_at, row->body, 201, NULL);
        put(row->asked_at, spec, DENY);
        expect(row->asked_at, "DELETE", row->asked_at, NULL, 422, want);
        expect(row->asked_at, "DELETE", row->unasked_at, NULL, 200, "\"name\":\"c\"");
        forget_all();
    }
}

/* What is never stored: a policy for everything is asked about it, but for reviews. */
static void test_transient(void **state)
{
#define REVIEWS(group, plural) "/apis/" group ".k8s.io/v1/" plural
#define ACCOUNT                "/api/v1/namespaces/default/serviceaccounts/default/token"
    static const struct row {
        const char *path, *body;
        long code;
        const char *want;
    } rows[] = {
        {REVIEWS("authentication", "selfsubjectreviews"), "{}", 201, NULL},
        {REVIEWS("authentication", "tokenreviews"), "{\"spec\":{\"token\":\"x\"}}", 201, NULL},
        {REVIEWS("authorization", "selfsubjectrulesreviews"),
         "{\"spec\":{\"namespace\":\"default\"}}", 201, NULL},
        {REVIEWS("authorization", "subjectaccessreviews"),
         "{\"spec\":{\"user\":\"u\",\"nonResourceAttributes\":{\"path\":\"/\"}}}", 201, NULL},
        {ACCOUNT, "{\"spec\":{}}", 422, "authentication.k8s.io/v1 TokenRequest"},
        {"/api/v1/namespaces/default/pods/p/eviction",
         "{\"apiVersion\":\"policy/v1beta1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":\"p\"}}",
         422, "denied request: policy/v1 Eviction"},
    };
    (void)state;
    put("transient",
        "\"matchConstraints\":{\"resourceRules\":[{\"apiGroups\":[\"*\"],\"apiVersions\":[\"*\"],"
        "\"operations\":[\"*\"],\"resources\":[\"*/"
        "*\"]}]},\"validations\":[{\"expression\":\"false\","
        "\"messageExpression\":\"object.apiVersion + ' ' + object.kind\"}]",
        DENY);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(rows[i].path, "POST", rows[i].path, rows[i].body, rows[i].code, rows[i].want);
    forget_all();
}

#define DEPLOYMENT(replicas)                                                                       \
    "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":" replicas                              \
    ",\"selector\":{\"matchLabels\":{\"a\":"                                                       \
    "\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{"    \
    "\"name\":\"c\","                                                                              \
    "\"image\":\"i\"}]}}}}"

/* As upstream's conformance test has it. */
static void test_deployment(void **state)
{
    (void)state;
    put("replicas",
        "\"matchConstraints\":{\"resourceRules\":[{\"apiGroups\":[\"apps\"],\"apiVersions\":["
        "\"v1\"],\"operations\":["
        "\"CREATE\",\"UPDATE\"],\"resources\":[\"deployments\"]}]},\"variables\":[{\"name\":"
        "\"replicas\",\"expression\":"
        "\"object.spec.replicas\"},{\"name\":\"oddReplicas\",\"expression\":\"variables.replicas % "
        "2 == 1\"}],"
        "\"validations\":[{\"expression\":\"variables.replicas > "
        "1\"},{\"expression\":\"variables.oddReplicas\"}]",
        DENY);
    expect("one", "POST", DEPLOYMENTS "?dryRun=All", DEPLOYMENT("1"), 422,
           "failed expression: variables.replicas \\u003e 1");
    expect("two", "POST", DEPLOYMENTS "?dryRun=All", DEPLOYMENT("2"), 422,
           "failed expression: variables.oddReplicas");
    expect("three", "POST", DEPLOYMENTS "?dryRun=All", DEPLOYMENT("3"), 201, NULL);
    forget_all();
}

/* ---- params ---- */

#define TAKES_MAPS "\"paramKind\":{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}"
#define BY_PARAM                                                                                   \
    ON_MAPS "," TAKES_MAPS                                                                         \
            ",\"validations\":[{\"expression\":\"object.data.a == params.data.wanted\"}]"

static void test_params(void **state)
{
    static const struct row {
        const char *name, *spec, *ref;
        long code;
        const char *want;
    } rows[] = {
        {"holds", BY_PARAM, "{\"name\":\"limit-b\",\"parameterNotFoundAction\":\"Deny\"}", 201,
         NULL},
        {"does not hold", BY_PARAM, "{\"name\":\"limit-x\",\"parameterNotFoundAction\":\"Deny\"}",
         422, "failed expression"},
        {"all that are selected", BY_PARAM,
         "{\"selector\":{\"matchLabels\":{\"of\":\"limits\"}},\"parameterNotFoundAction\":"
         "\"Deny\"}",
         422, "failed expression"},
        {"some that are selected", BY_PARAM,
         "{\"selector\":{\"matchLabels\":{\"is\":\"b\"}},\"parameterNotFoundAction\":"
         "\"Deny\"}",
         201, NULL},
        {"none, denied", BY_PARAM, "{\"name\":\"gone\",\"parameterNotFoundAction\":\"Deny\"}", 422,
         "failed to configure binding: no params found for policy binding with `Deny` "
         "parameterNotFoundAction"},
        {"none, allowed", BY_PARAM, "{\"name\":\"gone\",\"parameterNotFoundAction\":\"Allow\"}",
         201, NULL},
        {"another namespace", BY_PARAM,
         "{\"name\":\"limit-x\",\"namespace\":\"kube-system\",\"parameterNotFoundAction\":"
         "\"Allow\"}",
         201, NULL},
        {"namespace of what has none",
         ON_MAPS ",\"paramKind\":{\"apiVersion\":\"v1\",\"kind\":\"Namespace\"},\"validations\":[{"
                 "\"expression\":\"true\"}]",
         "{\"name\":\"default\",\"namespace\":\"default\",\"parameterNotFoundAction\":\"Deny\"}",
         422, "paramRef.namespace must not be provided for a cluster-scoped `paramKind`"},
        {"unknown kind",
         ON_MAPS ",\"paramKind\":{\"apiVersion\":\"none.test/"
                 "v1\",\"kind\":\"None\"},\"validations\":[{\"expression\":"
                 "\"true\"}]",
         "{\"name\":\"default\",\"parameterNotFoundAction\":\"Deny\"}", 422,
         "failed to find resource referenced by paramKind"},
    };
    (void)state;
    expect(
        "make", "POST", MAPS,
        "{\"metadata\":{\"name\":\"limit-b\",\"labels\":{\"of\":\"limits\",\"is\":\"b\"}},\"data\":"
        "{\"wanted\":\"b\"}}",
        201, NULL);
    expect(
        "make", "POST", MAPS,
        "{\"metadata\":{\"name\":\"limit-x\",\"labels\":{\"of\":\"limits\",\"is\":\"x\"}},\"data\":"
        "{\"wanted\":\"x\"}}",
        201, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr) char *binding = xasprintf(DENY ",\"paramRef\":%s", rows[i].ref);
        put(rows[i].name, rows[i].spec, binding);
        expect(rows[i].name, "POST", MAPS "?dryRun=All",
               "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"b\"}}", rows[i].code,
               rows[i].want);
        forget_all();
    }
}

/* ---- what all of a request's together may cost ---- */

#define DEAR_COUNT  20
#define DEAR_FIELDS 10
/* 900,000 of the 1,000,000 that one expression may cost, and quickly done. */
#define DEAR      "{\"expression\":\"!object.data.a.contains(object.data.b)\"}"
#define DEAR_HAY  100000
#define DEAR_NEED 900

static void bind_dear(const char *name, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        CLEANUP(free_ptr)
        char *bound = xasprintf("{\"metadata\":{\"name\":\"dear-%u\"},\"spec\":{\"policyName\":"
                                "\"p.test\"," DENY "}}",
                                i);
        expect(name, "POST", BINDINGS, bound, 201, NULL);
    }
}

/* Each within its own limit: a few are well, many end. */
static void test_request_budget(void **state)
{
    struct buf spec = BUF_TEXT;
    (void)state;
    buf_add_text(&spec, ON_MAPS ",\"validations\":[");
    for (unsigned i = 0; i < DEAR_FIELDS; i++)
        buf_printf(&spec, "%s" DEAR, i ? "," : "");
    buf_add_text(&spec, "]");
    put("dear", spec.data, DENY);
    buf_free(&spec);
    CLEANUP(free_ptr) char *hay = xmalloc(DEAR_HAY + 1);
    memset(hay, 'x', DEAR_HAY);
    hay[DEAR_HAY] = '\0';
    CLEANUP(free_ptr)
    char *body =
        xasprintf("{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"%s\",\"b\":\"%.*sy\"}}", hay,
                  DEAR_NEED - 1, hay);
    expect("one", "POST", MAPS "?dryRun=All", body, 201, NULL);
    bind_dear("many", DEAR_COUNT);
    expect("many", "POST", MAPS "?dryRun=All", body, 422,
           "validation failed due to running out of cost budget");
    expect("another kind", "POST", "/api/v1/namespaces/default/secrets?dryRun=All",
           "{\"metadata\":{\"name\":\"c\"}}", 201, NULL);
    forget_all();
}

/* ---- the objects themselves ---- */

static void test_validation(void **state)
{
    static const struct row {
        const char *name, *spec, *want;
    } rows[] = {
        {"syntax", ON_MAPS ",\"validations\":[{\"expression\":\"object.x =\"}]",
         "spec.validations[0].expression: Invalid value: \\\"object.x =\\\": compilation failed: "
         "ERROR: \\u003cinput\\u003e:1:"},
        {"type", ON_MAPS ",\"validations\":[{\"expression\":\"1 + 1\"}]",
         "spec.validations[0].expression: Invalid value: \\\"1 + 1\\\": must evaluate to bool"},
        {"message type",
         ON_MAPS ",\"validations\":[{\"expression\":\"true\",\"messageExpression\":\"1\"}]",
         "spec.validations[0].messageExpression: Invalid value: \\\"1\\\": must evaluate to "
         "string"},
        {"condition",
         ON_MAPS
         ",\"matchConditions\":[{\"name\":\"n\",\"expression\":\"nothing\"}],\"validations\":[{"
         "\"expression\":\"true\"}]",
         "undeclared reference to 'nothing'"},
        {"variable",
         ON_MAPS ",\"variables\":[{\"name\":\"v\",\"expression\":\"1 "
                 "+\"}],\"validations\":[{\"expression\":"
                 "\"true\"}]",
         "spec.variables[0].expression: Invalid value"},
        {"variable name",
         ON_MAPS ",\"variables\":[{\"name\":\"a-b\",\"expression\":\"1\"}],\"validations\":[{"
                 "\"expression\":"
                 "\"true\"}]",
         "spec.variables[0].name: Invalid value: \\\"a-b\\\": name is not a valid CEL identifier"},
        {"unknown variable", ON_MAPS ",\"validations\":[{\"expression\":\"variables.none\"}]",
         "undefined field 'none'"},
        {"later variable",
         ON_MAPS ",\"variables\":[{\"name\":\"a\",\"expression\":\"variables.b\"},{\"name\":\"b\","
                 "\"expression\":\"true\"}],\"validations\":[{\"expression\":\"true\"}]",
         "undefined field 'b'"},
        {"params without a kind", ON_MAPS ",\"validations\":[{\"expression\":\"params == null\"}]",
         "undeclared reference to 'params'"},
        {"request", ON_MAPS ",\"validations\":[{\"expression\":\"request.foo == 'x'\"}]",
         "undefined field 'foo'"},
        {"annotation", ON_MAPS ",\"auditAnnotations\":[{\"key\":\"k\",\"valueExpression\":\"1\"}]",
         "spec.auditAnnotations[0].valueExpression: Invalid value: \\\"1\\\": must evaluate to one "
         "of [string null_type]"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr)
        char *body = xasprintf("{\"metadata\":{\"name\":\"p.test\"},\"spec\":{%s}}", rows[i].spec);
        expect(rows[i].name, "POST", POLICIES, body, 422, rows[i].want);
    }
}

/* Create, get, list, watch, patch, update, status, delete. */
static void test_api(void **state)
{
    struct answer answer;
    (void)state;
    put("api", ON_MAPS ",\"validations\":[{\"expression\":\"true\"}]", DENY);
    expect("get", "GET", POLICIES "/p.test", NULL, 200, "\"failurePolicy\":\"Fail\"");
    expect("list", "GET", POLICIES, NULL, 200, "ValidatingAdmissionPolicyList");
    expect("patch", "PATCH", POLICIES "/p.test", "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}", 200,
           "\"generation\":1");
    expect("spec", "PATCH", POLICIES "/p.test", "{\"spec\":{\"failurePolicy\":\"Ignore\"}}", 200,
           "\"generation\":2");
    expect("status", "PATCH", POLICIES "/p.test/status",
           "{\"status\":{\"observedGeneration\":2,\"conditions\":[{\"type\":\"T\",\"status\":"
           "\"True\",\"reason\":\"R\","
           "\"message\":\"m\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}}",
           200, "\"observedGeneration\":2");
    ask("GET", BINDINGS "/b.test", NULL, &answer);
    assert_string_equal(json_text(answer.json, "spec", "policyName"), "p.test");
    answer_clear(&answer);
    expect("patch", "PATCH", BINDINGS "/b.test", "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}", 200,
           NULL);
    expect("discovery", "GET", "/apis/admissionregistration.k8s.io/v1", NULL, 200,
           "validatingadmissionpolicies/status");
    forget_all();
}

/* A policy's spec of so many validations, the first of which asks for another value than "x". */
static void many_validations(struct buf *spec, unsigned count)
{
    buf_add_text(spec, ON_MAPS ",\"validations\":[{\"expression\":\"object.data.a != 'x'\"}");
    while (--count)
        buf_add_text(spec,
                     ",{\"expression\":\"object.data.a in ['a long word, so that there is much "
                     "to compile', 'and another one of that kind', 'x', object.data.a]\"}");
    buf_add_char(spec, ']');
}

/* A configuration that takes a while to compile: for clients, and for calls from inside. */
static void test_large(void **state)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf spec = BUF_TEXT;
    struct api_caller here = fixture_admin(&fixture, fixture.host);
    json_auto_t *map =
        json_pack("{s:{s:s}, s:{s:s}}", "metadata", "name", "large", "data", "a", "x");
    (void)state;
    many_validations(&spec, 1000);
    assert_true(spec.len > (size_t)64 << 10); /* more than is little */
    put("large", spec.data, DENY);
    assert_false(api_create(&here, "configmaps", "default", map, NULL, &err));
    if (err.code != 422 || !strstr(err.message, "failed expression: object.data.a != 'x'"))
        fail_msg("%d: %s", err.code, err.message);
    expect("large", "PATCH", POLICIES "/p.test", "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}", 200,
           NULL);
    expect("large", "POST", MAPS, "{\"metadata\":{\"name\":\"l\"},\"data\":{\"a\":\"x\"}}", 422,
           "failed expression");
    forget_all();
}

/* More than are compiled must not be as good as none. */
static void test_too_many(void **state)
{
    CLEANUP(buf_free) struct buf spec = BUF_TEXT;
    (void)state;
    many_validations(&spec, 1001);
    CLEANUP(free_ptr)
    char *policy = xasprintf("{\"metadata\":{\"name\":\"p.test\"},\"spec\":{%s}}", spec.data);
    expect("too many", "POST", POLICIES, policy, 422,
           "compilation failed: there are more than 1000 expressions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_match_conditions),
        cmocka_unit_test(test_audit_annotations),
        cmocka_unit_test(test_selection),
        cmocka_unit_test(test_warning),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_collections),
        cmocka_unit_test(test_transient),
        cmocka_unit_test(test_deployment),
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_request_budget),
        cmocka_unit_test(test_validation),
        cmocka_unit_test(test_api),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_too_many),
    };
    return fixture_run(&fixture, tests);
}
