/* metrics.k8s.io: what a node's agent says, and what is made of it for clients. */
#include <stdatomic.h>
#include <string.h>

#include "apiserver/backend/usage_text.h"
#include "base/clock.h"
#include "support_node.h"
#include "tests/test.h"

/* ---- the text ---- */

static void test_lines(void **state)
{
    static const struct {
        const char *name, *text;
        size_t rows;
        int64_t cpu_ns, memory_bytes, start_us, at_us; /* of the first */
    } rows[] = {
        {"nothing", "", 0, 0, 0, 0, 0},
        {"one",
         "# HELP x y\n"
         "container_cpu_usage_seconds_total{container=\"c\",namespace=\"n\",pod=\"p\"} 1.5 2000\n"
         "container_memory_working_set_bytes{container=\"c\",namespace=\"n\",pod=\"p\"} 4096 2000\n"
         "container_start_time_seconds{container=\"c\",namespace=\"n\",pod=\"p\"} 1.25\n",
         1, 1500000000, 4096, 1250000, 2000000},
        {"labels in another order, more of them, exponents, no time",
         "container_memory_working_set_bytes{pod=\"p\",x=\"y\",container=\"c\",namespace=\"n\"} "
         "4.096e+03\n"
         "container_cpu_usage_seconds_total{pod=\"p\",namespace=\"n\",container=\"c\"} 2e-3\n",
         1, 2000000, 4096, 0, 77},
        {"only one of the two",
         "container_cpu_usage_seconds_total{container=\"c\",namespace=\"n\",pod=\"p\"} 1\n", 0, 0,
         0, 0, 0},
        {"not the container's",
         "pod_cpu_usage_seconds_total{namespace=\"n\",pod=\"p\"} 1\n"
         "container_cpu_usage_seconds_total{namespace=\"n\",pod=\"p\"} 1\n"
         "container_memory_working_set_bytes{namespace=\"n\",pod=\"p\"} 1\n",
         0, 0, 0, 0, 0},
        {"values that are none",
         "container_cpu_usage_seconds_total{container=\"c\",namespace=\"n\",pod=\"p\"} NaN 1\n"
         "container_cpu_usage_seconds_total{container=\"c\",namespace=\"n\",pod=\"p\"} -1\n"
         "container_cpu_usage_seconds_total{container=\"c\",namespace=\"n\",pod=\"p\"} 1 x\n"
         "container_memory_working_set_bytes{container=\"c\",namespace=\"n\",pod=\"p\"} 1e30\n",
         0, 0, 0, 0, 0},
        {"names that are none",
         "container_cpu_usage_seconds_total{container=\"c\",namespace=\"n/m\",pod=\"p\"} 1\n"
         "container_cpu_usage_seconds_total{container=\"c\\\"\",namespace=\"n\",pod=\"p\"} 1\n"
         "container_cpu_usage_seconds_total{container=\"c\",namespace=\"n\n"
         "container_cpu_usage_seconds_total{\ncontainer_cpu_usage_seconds_total\n",
         0, 0, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct usage_scrape *scrape = usage_parse(str_of(rows[i].text), 77);
        const struct usage_point *point = &scrape->rows[0].point;
        if (scrape->count != rows[i].rows ||
            (scrape->count &&
             (strcmp(scrape->rows[0].key, "n/p/c") != 0 || point->cpu_ns != rows[i].cpu_ns ||
              point->memory_bytes != rows[i].memory_bytes || point->start_us != rows[i].start_us ||
              point->at_us != rows[i].at_us)))
            fail_msg("%s: %zu rows", rows[i].name, scrape->count);
        usage_scrape_unref(scrape);
    }
}

static void test_rates(void **state)
{
    static const struct usage_point then = {1000000000, 10, 5, 10000000},
                                    now = {2000000000, 20, 5, 14000000};
    static const struct {
        const char *name;
        struct usage_point before, now;
        bool was, told;
        int64_t cpu_nano, window_us;
    } rows[] = {
        {"a quarter of a CPU", then, now, true, true, 250000000, 4000000},
        {"the same instant", now, now, true, false, 0, 0},
        {"less than before", {3000000000, 1, 5, 10000000}, now, true, false, 0, 0},
        {"began in between",
         {0},
         {1000000000, 1, 12000000, 14000000},
         false,
         true,
         500000000,
         2000000},
        {"began again", then, {500000000, 1, 13000000, 14000000}, true, true, 500000000, 1000000},
        {"began a moment ago", {0}, {1000, 1, 13900000, 14000000}, false, false, 0, 0},
        {"nobody knows when", {0}, {1000, 1, 0, 14000000}, false, false, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct usage_rate rate = {0};
        bool told = usage_between(rows[i].was ? &rows[i].before : NULL, &rows[i].now, &rate);
        if (told != rows[i].told || rate.cpu_nano != rows[i].cpu_nano ||
            rate.window_us != rows[i].window_us)
            fail_msg("%s", rows[i].name);
    }
}

/* ---- served ---- */

static struct fixture fixture;
static struct fake_node node;
static atomic_uint scrapes;

/* Every time a second later, for half a second more of CPU. */
static void serve(gnutls_session_t session, const char *request)
{
    unsigned number = atomic_fetch_add(&scrapes, 1);
    long long at_ms = 1700000000000 + 1000LL * number;
    CLEANUP(free_ptr)
    char *text =
        xasprintf("HTTP/1.0 200 OK\r\n\r\n"
                  "container_cpu_usage_seconds_total{container=\"c\",namespace=\"default\",pod=\"p-"
                  "on-host\"} "
                  "%u.%u00000000 %lld\n"
                  "container_memory_working_set_bytes{container=\"c\",namespace=\"default\",pod="
                  "\"p-on-host\"} "
                  "1048576 %lld\n"
                  "container_cpu_usage_seconds_total{container=\"x\",namespace=\"other\",pod="
                  "\"secret\"} 1 1\n"
                  "container_memory_working_set_bytes{container=\"x\",namespace=\"other\",pod="
                  "\"secret\"} 1 1\n"
                  "node_cpu_usage_seconds_total %u %lld\nnode_memory_working_set_bytes 4096 %lld\n",
                  number / 2, number % 2 * 5, at_ms, at_ms, number, at_ms, at_ms);
    if (text_starts(request, "GET /metrics/resource "))
        fake_node_send(session, text, strlen(text));
}

#define POD_USAGE                                                                                  \
    "Z\",\"window\":\"1s\",\"containers\":[{\"name\":\"c\","                                       \
    "\"usage\":{\"cpu\":\"500m\",\"memory\":\"1Mi\"}}]"
#define NODE_USAGE                                                                                 \
    "Z\",\"window\":\"1s\",\"usage\":{\"cpu\":\"1\",\"memory\":"                                   \
    "\"4Ki\"}"
#define METRICS "/apis/metrics.k8s.io/v1beta1"

static void make_objects(void)
{
    static const char pod[] =
        "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"app\":\"%s\"}},\"spec\":{%s\"containers\":[{"
        "\"name\":\"c\",\"image\":\"x\"}]}}";
    static const char *const pods[][2] = {
        {"p", "\"nodeName\":\"n1\","}, {"silent", "\"nodeName\":\"n1\","}, {"unplaced", ""}};
    CLEANUP(free_ptr)
    char *status = xasprintf(
        "{\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"127.0.0.1\"}],"
        "\"daemonEndpoints\":{\"kubeletEndpoint\":{\"Port\":%u}}}}",
        node.port);
    for (size_t i = 0; i < ARRAY_LEN(pods); i++) {
        CLEANUP(free_ptr) char *body = NULL;
        struct buf text = BUF_TEXT;
        buf_printf(&text, pod, pods[i][0], pods[i][0], pods[i][1]);
        body = buf_take(&text);
        fixture_expect(&fixture, pods[i][0], "POST", "/api/v1/namespaces/default/pods", body, 201,
                       NULL);
    }
    fixture_expect(&fixture, "a node", "POST", "/api/v1/nodes", "{\"metadata\":{\"name\":\"n1\"}}",
                   201, NULL);
    fixture_expect(&fixture, "its address", "PATCH", "/api/v1/nodes/n1/status", status, 200, NULL);
}

static void test_served(void **state)
{
    static const struct {
        const char *name, *method, *path;
        long code;
        const char *want;
    } rows[] = {
        {"a list", "GET", METRICS "/namespaces/default/pods", 200,
         "{\"kind\":\"PodMetricsList\",\"apiVersion\":\"metrics.k8s.io/v1beta1\",\"metadata\":{},"
         "\"items\":[{\"metadata\":{\"name\":\"p\",\"namespace\":\"default\","
         "\"creationTimestamp\":"},
        {"what is in it", "GET", METRICS "/pods", 200,
         "\"labels\":{\"app\":\"p\"}},\"timestamp\":\"2023-11-14T22:1"},
        {"and further", "GET", METRICS "/pods", 200, POD_USAGE "}]}"},
        {"by label", "GET", METRICS "/pods?labelSelector=app%3Dp", 200, POD_USAGE},
        {"by another", "GET", METRICS "/pods?labelSelector=app%3Dq", 200, "\"items\":[]"},
        {"by name", "GET", METRICS "/pods?fieldSelector=metadata.name%3Dp", 200, POD_USAGE},
        {"by what cannot be", "GET", METRICS "/pods?fieldSelector=spec.x%3Dp", 400, "spec.x"},
        {"in another namespace", "GET", METRICS "/namespaces/kube-system/pods", 200,
         "\"items\":[]"},
        {"one", "GET", METRICS "/namespaces/default/pods/p", 200,
         "{\"kind\":\"PodMetrics\",\"apiVersion\":\"metrics.k8s.io/"
         "v1beta1\",\"metadata\":{\"name\":"
         "\"p\""},
        {"one of which nothing is known", "GET", METRICS "/namespaces/default/pods/silent", 404,
         "podmetrics.metrics.k8s.io \\\"default/silent\\\" not found"},
        {"one that is nowhere", "GET", METRICS "/namespaces/default/pods/unplaced", 404,
         "podmetrics.metrics.k8s.io \\\"default/unplaced\\\" not found"},
        {"one that is not there", "GET", METRICS "/namespaces/default/pods/none", 404,
         "pods \\\"none\\\" not found"},
        {"nodes", "GET", METRICS "/nodes", 200, NODE_USAGE "}]}"},
        {"a node", "GET", METRICS "/nodes/n1", 200, NODE_USAGE "}"},
        {"a node that is not there", "GET", METRICS "/nodes/n2", 404, "nodes \\\"n2\\\" not found"},
        {"cannot be made", "POST", METRICS "/namespaces/default/pods", 405, "MethodNotAllowed"},
        {"or watched", "GET", METRICS "/pods?watch=1", 405, "MethodNotAllowed"},
        {"discovery", "GET", METRICS, 200,
         "{\"name\":\"pods\",\"singularName\":\"\",\"namespaced\":true,\"kind\":\"PodMetrics\","
         "\"verbs\":[\"get\",\"list\"]}"},
        {"the group", "GET", "/apis/metrics.k8s.io", 200,
         "\"groupVersion\":\"metrics.k8s.io/v1beta1\""},
        {"its document", "GET", "/openapi/v3" METRICS, 200, METRICS "/namespaces/{namespace}/pods"},
    };
    (void)state;
    make_objects();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        fixture_expect(&fixture, rows[i].name, rows[i].method, rows[i].path,
                       strcmp(rows[i].method, "POST") == 0 ? "{}" : NULL, rows[i].code,
                       rows[i].want);
    assert_in_range(atomic_load(&scrapes), 2, 10); /* the node is not asked for each request */
}

static void test_forms(void **state)
{
    static const struct {
        const char *name, *accept, *want;
    } rows[] = {
        {"a table", "application/json;as=Table;g=meta.k8s.io;v=v1",
         "\"rows\":[{\"cells\":[\"p\",\"500m\",\"1Mi\",\"1s\"],\"object\":{\"kind\":"
         "\"PartialObjectMetadata\""},
        {"metadata", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
         "\"labels\":{\"app\":\"p\"}"},
        {"YAML", "application/yaml", "window: 1s"},
        {"protobuf", "application/vnd.kubernetes.protobuf", "k8s"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer answer;
        fixture_ask(&fixture,
                    &(struct ask){.method = "GET",
                                  .path = METRICS "/namespaces/default/pods",
                                  .accept = rows[i].accept},
                    &answer);
        if (answer.code != 200 ||
            !memmem(answer.body.data, answer.body.len, rows[i].want, strlen(rows[i].want)))
            fail_msg("%s: %ld %s", rows[i].name, answer.code, answer.body.data);
        answer_clear(&answer);
    }
}

/* A tenant sees its own Pods, and of a node what these use. */
static void test_tenant(void **state)
{
    static const struct {
        const char *name, *method, *path, *body;
        long code;
        const char *want;
    } rows[] = {
        {"a node", "POST", "/api/v1/nodes", "{\"metadata\":{\"name\":\"n1\"}}", 201, ""},
        {"uses nothing", "GET", METRICS "/nodes/n1", NULL, 200,
         "\"window\":\"15s\",\"usage\":{\"cpu\":\"0\",\"memory\":\"0\"}}"},
        {"no Pods", "GET", METRICS "/pods", NULL, 200, "\"items\":[]"},
        {"a Pod", "POST", "/api/v1/namespaces/default/pods",
         "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"name\":"
         "\"c\",\"image\":\"x\"}]}}",
         201, ""},
        {"is told", "GET", METRICS "/pods", NULL, 200, POD_USAGE},
        {"is all that its node uses", "GET", METRICS "/nodes", NULL, 200,
         "\"window\":\"1s\",\"usage\":{\"cpu\":\"500m\",\"memory\":\"1Mi\"}}]}"},
    };
    struct cluster *tenant = fixture_tenant(&fixture, "acme");
    CLEANUP(free_ptr) char *token = fixture_token(&fixture, tenant);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer answer;
        CLEANUP(free_ptr) char *path = xasprintf("/clusters/acme%s", rows[i].path);
        fixture_ask(
            &fixture,
            &(struct ask){
                .method = rows[i].method, .path = path, .body = rows[i].body, .token = token},
            &answer);
        if (answer.code != rows[i].code || !strstr(answer.body.data, rows[i].want))
            fail_msg("%s: %ld %s", rows[i].name, answer.code, answer.body.data);
        answer_clear(&answer);
    }
    cluster_unref(tenant);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines), cmocka_unit_test(test_rates),  cmocka_unit_test(test_served),
        cmocka_unit_test(test_forms), cmocka_unit_test(test_tenant),
    };
    fixture_start(&fixture);
    node.serve = serve;
    fake_node_start(&node, &fixture);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_stop(&fixture);
    fake_node_stop(&node);
    return failed;
}
