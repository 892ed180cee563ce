/* The agent against a small API server: real sandboxes, real containers, a real network; nothing
 * may be left. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <curl/curl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/pki.h"
#include "base/clock.h"
#include "base/log.h"
#include "client/client.h"
#include "host/node.h"
#include "host/node/folder.h"
#include "host/node/stream_spdy.h"
#include "runtime/image_base.h"
#include "runtime/runtime.h"
#include "tests/host/support_api.h"

#define BRIDGE "warrentest0"
#define PODS   "/api/v1/namespaces/default/pods"

struct fixture {
    char *dir, *kubeconfig;
    struct fake_api *api;
    struct node *node;
    struct keypair ca, serving, caller;
};

/* This program is its own shim; WARREN_TEST_SHIM names another, for sanitizers that a shim does not
 * bear. */
static char self[4096];

static void make_certificates(struct fixture *fixture)
{
    CLEANUP(error_clear) struct error err = {0};
    const char *const addresses[] = {"127.0.0.1", NULL},
                      *const masters[] = {"system:masters", NULL}, *const none[] = {NULL};
    struct cert_request serving = {.common_name = "system:node:n1",
                                   .organizations = none,
                                   .addresses = addresses,
                                   .server = true,
                                   .valid_s = 3600};
    struct cert_request caller = {
        .common_name = "admin", .organizations = masters, .client = true, .valid_s = 3600};
    assert_true(pki_make_ca("test", 3600, &fixture->ca, &err));
    assert_true(pki_issue(&fixture->ca, &serving, &fixture->serving, &err));
    assert_true(pki_issue(&fixture->ca, &caller, &fixture->caller, &err));
}

static void start_node(struct fixture *fixture)
{
    CLEANUP(error_clear) struct error err = {0};
    struct node_options options = {
        .kubeconfig = fixture->kubeconfig,
        .name = "n1",
        .data_dir = fixture->dir,
        .address = "127.0.0.1",
        .serving_cert_pem = fixture->serving.cert,
        .serving_key_pem = fixture->serving.key,
        .client_ca_pem = fixture->ca.cert,
        .pod_cidr = "10.199.77.0/24",
        .bridge = BRIDGE,
        .cgroup_parent = "warren-node-test",
        .shim_path = getenv("WARREN_TEST_SHIM") ? getenv("WARREN_TEST_SHIM") : self,
    };
    fixture->node = node_start(&options, &err);
    if (!fixture->node)
        fail_msg("node_start: %s", err.message);
}

static int set_up(void **state)
{
    CLEANUP(error_clear) struct error err = {0};
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    char path[] = "/tmp/warren-node-XXXXXX";
    *state = fixture;
    fixture->dir = xstrdup(mkdtemp(path));
    fixture->api = fake_api_start();
    fixture->kubeconfig = xasprintf("%s/kubeconfig", fixture->dir);
    CLEANUP(free_ptr)
    char *text = xasprintf("{\"current-context\":\"c\",\"contexts\":[{\"name\":\"c\",\"context\":{"
                           "\"cluster\":\"k\",\"user\":\"u\"}}],"
                           "\"clusters\":[{\"name\":\"k\",\"cluster\":{\"server\":\"http://"
                           "127.0.0.1:%u\"}}],\"users\":[]}",
                           fake_api_port(fixture->api));
    assert_true(folder_write_file(fixture->kubeconfig, text, strlen(text), 0600, &err));
    make_certificates(fixture);
    start_node(fixture);
    if (!image_build_base(node_runtime(fixture->node), NULL, "busybox:test", &err))
        fail_msg("image: %s", err.message);
    return 0;
}

static bool nothing_left(const struct fixture *fixture)
{
    bool found = if_nametoindex(BRIDGE) != 0;
    char *line = NULL;
    size_t size = 0;
    FILE *mounts = fopen("/proc/self/mounts", "re");
    while (mounts && getline(&line, &size, mounts) > 0)
        found = found || strstr(line, fixture->dir);
    free(line);
    if (mounts)
        fclose(mounts);
    return !found && access("/sys/fs/cgroup/pids/warren-node-test", F_OK) != 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(error_clear) struct error err = {0};
    node_stop(fixture->node, true);
    fake_api_stop(fixture->api);
    bool clean = nothing_left(fixture);
    folder_unmount(fixture->dir);
    clean = folder_remove(fixture->dir, &err) && clean;
    keypair_clear(&fixture->ca);
    keypair_clear(&fixture->serving);
    keypair_clear(&fixture->caller);
    free(fixture->kubeconfig);
    free(fixture->dir);
    free(fixture);
    return clean ? 0 : -1;
}

/* ---- helpers ---- */

/* A Pod of one container that runs `script`; `more` is further members of its spec, `of_container`
 * of the container. */
static void create_pod(struct fixture *fixture, const char *name, const char *script,
                       const char *more, const char *of_container)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf quoted = BUF_TEXT;
    json_write_string(&quoted, str_of(script));
    CLEANUP(free_ptr)
    char *text = xasprintf("{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\","
                           "\"namespace\":\"default\"},"
                           "\"spec\":{\"nodeName\":\"n1\",\"terminationGracePeriodSeconds\":2%s,"
                           "\"containers\":[{\"name\":\"main\","
                           "\"image\":\"busybox:test\",\"imagePullPolicy\":\"IfNotPresent\","
                           "\"command\":[\"sh\",\"-c\",%s]%s}]},"
                           "\"status\":{\"phase\":\"Pending\",\"qosClass\":\"BestEffort\"}}",
                           name, more, quoted.data, of_container);
    json_auto_t *pod = json_parse(str_of(text), JSON_LOAD_STRICT, &err);
    assert_non_null(pod);
    fake_api_put(fixture->api, PODS, pod);
}

static const json_t *first_status(const json_t *pod)
{
    return json_array_get(json_at(pod, "status", "containerStatuses"), 0);
}

static bool is_running(const json_t *pod)
{
    return text_eq(json_text(pod, "status", "phase"), "Running") &&
           json_at(first_status(pod), "state", "running");
}

static bool is_ready(const json_t *pod)
{
    return is_running(pod) && json_bool_or(json_at(first_status(pod), "ready"), false);
}

static bool has_failed(const json_t *pod)
{
    return text_eq(json_text(pod, "status", "phase"), "Failed");
}

static bool has_succeeded(const json_t *pod)
{
    return text_eq(json_text(pod, "status", "phase"), "Succeeded");
}

static bool has_restarted(const json_t *pod)
{
    return json_int_or(json_at(first_status(pod), "restartCount"), 0) >= 1 && is_running(pod);
}

static bool loops(const json_t *pod)
{
    return text_eq(json_text(first_status(pod), "state", "waiting", "reason"), "CrashLoopBackOff");
}

static bool is_gone(const json_t *pod)
{
    return pod == NULL;
}

static void expect(struct fixture *fixture, const char *name, bool (*done)(const json_t *),
                   const char *what)
{
    CLEANUP(free_ptr) char *path = xasprintf(PODS "/%s", name);
    if (fake_api_wait(fixture->api, path, done, 30))
        return;
    json_auto_t *pod = fake_api_get(fixture->api, path);
    CLEANUP(free_ptr) char *text = json_dumps(pod, JSON_INDENT(1));
    fail_msg("%s is not %s: %s", name, what, text ? text : "(absent)");
}

static void delete_pod(struct fixture *fixture, const char *name)
{
    CLEANUP(free_ptr) char *path = xasprintf(PODS "/%s", name);
    json_auto_t *patch = json_pack("{s:{s:s, s:i}}", "metadata", "deletionTimestamp",
                                   "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds", 2);
    assert_true(fake_api_merge(fixture->api, path, patch));
    expect(fixture, name, is_gone, "gone");
}

static size_t take_bytes(char *data, size_t size, size_t count, void *arg)
{
    buf_add(arg, data, size * count);
    return size * count;
}

/* GET over HTTPS with our certificate. Owned body. */
static char *get_from_node(struct fixture *fixture, const struct keypair *caller, const char *path,
                           long *code)
{
    CLEANUP(free_ptr)
    char *url = xasprintf("https://127.0.0.1:%u%s", node_port(fixture->node), path);
    struct curl_blob ca = {fixture->ca.cert, strlen(fixture->ca.cert), CURL_BLOB_COPY};
    struct buf body = BUF_TEXT;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    if (caller) {
        struct curl_blob cert = {caller->cert, strlen(caller->cert), CURL_BLOB_COPY};
        struct curl_blob key = {caller->key, strlen(caller->key), CURL_BLOB_COPY};
        curl_easy_setopt(curl, CURLOPT_SSLCERT_BLOB, &cert);
        curl_easy_setopt(curl, CURLOPT_SSLKEY_BLOB, &key);
    }
    *code = 0;
    CURLcode why = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, code);
    curl_easy_cleanup(curl);
    if (why != CURLE_OK)
        *code = -(long)why;
    return buf_take(&body);
}

/* The log of the container "main" once it has `part` in it, or as it is after five seconds. Owned.
 */
static char *wait_log(struct fixture *fixture, const char *pod, const char *part)
{
    long code = 0;
    char *log = NULL;
    CLEANUP(free_ptr) char *path = xasprintf("/containerLogs/default/%s/main?tailLines=100", pod);
    for (int i = 0; i < 100 && (!log || !strstr(log, part)); i++) {
        if (i)
            usleep(50000);
        free(log);
        log = get_from_node(fixture, &fixture->caller, path, &code);
    }
    assert_int_equal(code, 200);
    return log;
}

/* ---- streams: a WebSocket client of a few lines over curl's TLS ---- */

struct stream {
    CURL *curl;
    struct buf in;
    size_t taken;
};

static void stream_send(struct stream *stream, const char *data, size_t len)
{
    size_t put = 0;
    for (size_t done = 0; done < len; done += put) {
        put = 0;
        CURLcode why = curl_easy_send(stream->curl, data + done, len - done, &put);
        if (why == CURLE_AGAIN)
            usleep(1000);
        else
            assert_int_equal(why, CURLE_OK);
    }
}

/* False at the connection's end. */
static bool stream_more(struct stream *stream)
{
    char bytes[16384];
    size_t got = 0;
    for (int i = 0; i < 10000; i++) {
        CURLcode why = curl_easy_recv(stream->curl, bytes, sizeof(bytes), &got);
        if (why == CURLE_OK) {
            buf_add(&stream->in, bytes, got);
            return got > 0;
        }
        if (why != CURLE_AGAIN)
            return false;
        usleep(1000);
    }
    fail_msg("nothing came for ten seconds");
    return false;
}

static void stream_open(struct fixture *fixture, struct stream *stream, const char *path,
                        const char *headers)
{
    CLEANUP(free_ptr) char *url = xasprintf("https://127.0.0.1:%u", node_port(fixture->node));
    struct curl_blob ca = {fixture->ca.cert, strlen(fixture->ca.cert), CURL_BLOB_COPY};
    struct curl_blob cert = {fixture->caller.cert, strlen(fixture->caller.cert), CURL_BLOB_COPY};
    struct curl_blob key = {fixture->caller.key, strlen(fixture->caller.key), CURL_BLOB_COPY};
    *stream = (struct stream){.curl = curl_easy_init(), .in = BUF_TEXT};
    curl_easy_setopt(stream->curl, CURLOPT_URL, url);
    curl_easy_setopt(stream->curl, CURLOPT_CAINFO_BLOB, &ca);
    curl_easy_setopt(stream->curl, CURLOPT_SSLCERT_BLOB, &cert);
    curl_easy_setopt(stream->curl, CURLOPT_SSLKEY_BLOB, &key);
    curl_easy_setopt(stream->curl, CURLOPT_CONNECT_ONLY, 1L);
    assert_int_equal(curl_easy_perform(stream->curl), CURLE_OK);
    CLEANUP(free_ptr)
    char *head =
        xasprintf("GET %s HTTP/1.1\r\nHost: n1\r\nConnection: Upgrade\r\n%s\r\n", path, headers);
    stream_send(stream, head, strlen(head));
    while (!stream->in.data || !strstr(stream->in.data, "\r\n\r\n"))
        assert_true(stream_more(stream));
    if (!text_starts(stream->in.data, "HTTP/1.1 101"))
        fail_msg("no upgrade: %s", stream->in.data);
    stream->taken = (size_t)(strstr(stream->in.data, "\r\n\r\n") - stream->in.data) + 4;
}

static void stream_close(struct stream *stream)
{
    curl_easy_cleanup(stream->curl);
    buf_free(&stream->in);
}

#define WS_HEADERS(protocol)                                                                       \
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "                       \
    "dGhlIHNhbXBsZSBub25jZQ==\r\n"                                                                 \
    "Sec-WebSocket-Protocol: " protocol "\r\n"

/* One masked binary message. */
static void ws_send(struct stream *stream, const char *data, size_t len)
{
    char frame[256];
    assert_true(len < 126);
    memcpy(frame, (const char[]){(char)0x82, (char)(0x80 | len), 0, 0, 0, 0}, 6);
    memcpy(frame + 6, data, len);
    stream_send(stream, frame, len + 6);
}

/* The next message, borrowed; empty at the end or at a close frame. */
static struct str ws_receive(struct stream *stream)
{
    for (;;) {
        const unsigned char *at = (const unsigned char *)stream->in.data + stream->taken;
        size_t have = stream->in.len - stream->taken, head = 2, len = have >= 2 ? at[1] & 0x7f : 0;
        if (have >= 4 && len == 126) {
            len = (size_t)at[2] << 8 | at[3];
            head = 4;
        }
        if (have >= head && have >= head + len) {
            stream->taken += head + len;
            return (at[0] & 15) == 8 ? (struct str){NULL, 0}
                                     : (struct str){(const char *)at + head, len};
        }
        if (!stream_more(stream))
            return (struct str){NULL, 0};
    }
}

/* Everything that came on each channel until the end. */
static void ws_collect(struct stream *stream, struct buf channels[5])
{
    for (struct str message; (message = ws_receive(stream)).len;) {
        unsigned channel = (unsigned char)message.data[0];
        assert_true(channel < 5);
        buf_add(&channels[channel], message.data + 1, message.len - 1);
    }
}

/* ---- tests ---- */

static void test_pod_runs_logs_and_goes(void **state)
{
    struct fixture *fixture = *state;
    long code;
    int64_t began_us = clock_now_us();
    create_pod(fixture, "hello", "echo hi from $HOSTNAME; cat /etc/hosts; exec sleep 1000", "", "");
    expect(fixture, "hello", is_ready, "ready");
    print_message("created to running: %lld ms\n", (long long)(clock_now_us() - began_us) / 1000);
    json_auto_t *pod = fake_api_get(fixture->api, PODS "/hello");
    const char *ip = json_text(pod, "status", "podIP");
    assert_true(ip && text_starts(ip, "10.199.77."));
    assert_string_equal(json_text(pod, "status", "hostIP"), "127.0.0.1");
    assert_string_equal(json_text(pod, "status", "qosClass"), "BestEffort");
    assert_true(text_starts(json_text(first_status(pod), "containerID"), "warren://"));
    CLEANUP(free_ptr) char *log = wait_log(fixture, "hello", ip);
    assert_true(text_starts(log, "hi from "));
    assert_non_null(strstr(log, ip));
    CLEANUP(free_ptr)
    char *refused = get_from_node(fixture, NULL, "/containerLogs/default/hello/main", &code);
    assert_int_equal(code, 401);
    assert_null(strstr(refused ? refused : "", "hi from"));
    CLEANUP(free_ptr)
    char *missing =
        get_from_node(fixture, &fixture->caller, "/containerLogs/default/none/main", &code);
    assert_int_equal(code, 404);
    assert_null(strstr(missing ? missing : "", "hi from"));
    delete_pod(fixture, "hello");
    assert_int_equal(fake_api_events(fixture->api, "Killing"), 1);
}

static void test_usage_is_told(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(error_clear) struct error err = {0};
    long code = 0;
    create_pod(fixture, "busy", "while :; do :; done", "", "");
    expect(fixture, "busy", is_ready, "ready");
    CLEANUP(free_ptr)
    char *metrics = get_from_node(fixture, &fixture->caller, "/metrics/resource", &code);
    assert_int_equal(code, 200);
    static const char *const said[] = {
        "\nnode_cpu_usage_seconds_total ",
        "\nnode_memory_working_set_bytes ",
        "\ncontainer_cpu_usage_seconds_total{container=\"main\",namespace=\"default\",pod=\"busy\"}"
        " ",
        "\ncontainer_memory_working_set_bytes{container=\"main\",namespace=\"default\",pod="
        "\"busy\"} ",
        "\ncontainer_start_time_seconds{container=\"main\",namespace=\"default\",pod=\"busy\"} ",
        "\npod_cpu_usage_seconds_total{namespace=\"default\",pod=\"busy\"} ",
        "\nresource_scrape_error 0\n"};
    for (size_t i = 0; i < ARRAY_LEN(said); i++)
        if (!strstr(metrics, said[i]))
            fail_msg("no %s in:\n%s", said[i], metrics);
    CLEANUP(free_ptr)
    char *text = get_from_node(fixture, &fixture->caller, "/stats/summary", &code);
    assert_int_equal(code, 200);
    json_auto_t *summary = json_parse(str_of(text), JSON_LOAD_STRICT, &err);
    const json_t *pod = json_array_get(json_object_get(summary, "pods"), 0);
    assert_string_equal(json_text(pod, "podRef", "name"), "busy");
    assert_string_equal(json_text(summary, "node", "nodeName"), "n1");
    CLEANUP(free_ptr)
    char *other = get_from_node(fixture, &fixture->caller, "/metrics/none", &code);
    assert_int_equal(code, 404);
    CLEANUP(free_ptr) char *refused = get_from_node(fixture, NULL, "/metrics/resource", &code);
    assert_int_equal(code, 401);
    delete_pod(fixture, "busy");
}

static void test_exit_codes_decide(void **state)
{
    struct fixture *fixture = *state;
    create_pod(fixture, "good", "exit 0", ",\"restartPolicy\":\"Never\"", "");
    create_pod(fixture, "bad", "echo because > /dev/termination-log; exit 3",
               ",\"restartPolicy\":\"Never\"",
               ",\"terminationMessagePath\":\"/dev/termination-log\"");
    expect(fixture, "good", has_succeeded, "Succeeded");
    expect(fixture, "bad", has_failed, "Failed");
    json_auto_t *pod = fake_api_get(fixture->api, PODS "/bad");
    assert_int_equal(json_int_or(json_at(first_status(pod), "state", "terminated", "exitCode"), 0),
                     3);
    assert_string_equal(json_text(first_status(pod), "state", "terminated", "reason"), "Error");
    assert_string_equal(json_text(first_status(pod), "state", "terminated", "message"),
                        "because\n");
    delete_pod(fixture, "good");
    delete_pod(fixture, "bad");
}

static void test_crash_restarts_then_backs_off(void **state)
{
    struct fixture *fixture = *state;
    create_pod(fixture, "crash", "sleep 1; exit 1", ",\"restartPolicy\":\"Always\"", "");
    expect(fixture, "crash", has_restarted, "restarted");
    expect(fixture, "crash", loops, "in CrashLoopBackOff");
    json_auto_t *pod = fake_api_get(fixture->api, PODS "/crash");
    assert_int_equal(
        json_int_or(json_at(first_status(pod), "lastState", "terminated", "exitCode"), 0), 1);
    delete_pod(fixture, "crash");
}

static void test_agent_restart_keeps_containers(void **state)
{
    struct fixture *fixture = *state;
    create_pod(fixture, "stay", "exec sleep 1000", "", "");
    expect(fixture, "stay", is_ready, "ready");
    json_auto_t *before = fake_api_get(fixture->api, PODS "/stay");
    node_stop(fixture->node, false);
    start_node(fixture);
    create_pod(fixture, "later", "exec sleep 1000", "", "");
    expect(fixture, "later", is_ready, "ready");
    json_auto_t *after = fake_api_get(fixture->api, PODS "/stay");
    assert_string_equal(json_text(first_status(before), "containerID"),
                        json_text(first_status(after), "containerID"));
    assert_string_equal(json_text(first_status(before), "state", "running", "startedAt"),
                        json_text(first_status(after), "state", "running", "startedAt"));
    assert_int_equal(json_int_or(json_at(first_status(after), "restartCount"), -1), 0);
    delete_pod(fixture, "stay");
    delete_pod(fixture, "later");
}

/* What the API says of a container when the agent died between starting it and telling. */
static void forget_container(struct fixture *fixture, const char *path)
{
    json_auto_t *stale =
        json_pack("{s:{s:s, s:[{s:s, s:b, s:b, s:i, s:{s:{s:s}}}]}}", "status", "phase", "Pending",
                  "containerStatuses", "name", "main", "ready", 0, "started", 0, "restartCount", 0,
                  "state", "waiting", "reason", "ContainerCreating");
    assert_true(fake_api_merge(fixture->api, path, stale));
}

static void test_agent_killed_before_it_told(void **state)
{
    struct fixture *fixture = *state;
    create_pod(fixture, "untold", "exec sleep 1000", "", "");
    create_pod(fixture, "probed2", "exec sleep 1000", "",
               ",\"readinessProbe\":{\"exec\":{\"command\":[\"true\"]},\"periodSeconds\":1}");
    expect(fixture, "untold", is_ready, "ready");
    expect(fixture, "probed2", is_ready, "ready");
    node_stop(fixture->node, false);
    forget_container(fixture, PODS "/untold");
    forget_container(fixture, PODS "/probed2");
    start_node(fixture);
    expect(fixture, "untold", is_ready, "ready again");
    expect(fixture, "probed2", is_ready, "ready again");
    delete_pod(fixture, "untold");
    delete_pod(fixture, "probed2");
}

static void test_volumes_and_environment(void **state)
{
    struct fixture *fixture = *state;
    json_auto_t *map = json_pack("{s:{s:s}, s:{s:s, s:s}}", "metadata", "name", "settings", "data",
                                 "color", "green", "size", "7");
    json_auto_t *secret =
        json_pack("{s:{s:s}, s:{s:s}}", "metadata", "name", "keys", "data", "k", "c2VjcmV0");
    fake_api_put(fixture->api, "/api/v1/namespaces/default/configmaps", map);
    fake_api_put(fixture->api, "/api/v1/namespaces/default/secrets", secret);
    create_pod(
        fixture, "vol",
        "cat /c/color /s/k /one; echo $COLOR; cat /t/token; echo x > /e/f && cat /e/f; mount | "
        "grep -c ' /m '; "
        "exec sleep 1000",
        ",\"volumes\":[{\"name\":\"c\",\"configMap\":{\"name\":\"settings\"}},"
        "{\"name\":\"s\",\"secret\":{\"secretName\":\"keys\"}},{\"name\":\"e\",\"emptyDir\":{}},"
        "{\"name\":\"m\",\"emptyDir\":{\"medium\":\"Memory\"}},"
        "{\"name\":\"t\",\"projected\":{\"sources\":[{\"serviceAccountToken\":{\"path\":\"token\"}}"
        "]}}]",
        ",\"env\":[{\"name\":\"COLOR\",\"valueFrom\":{\"configMapKeyRef\":{\"name\":\"settings\","
        "\"key\":"
        "\"color\"}}}],\"volumeMounts\":[{\"name\":\"c\",\"mountPath\":\"/"
        "c\"},{\"name\":\"s\",\"mountPath\":"
        "\"/s\"},{\"name\":\"e\",\"mountPath\":\"/e\"},{\"name\":\"m\",\"mountPath\":\"/m\"},"
        "{\"name\":\"t\",\"mountPath\":\"/t\",\"readOnly\":true},"
        "{\"name\":\"c\",\"mountPath\":\"/one\",\"subPath\":\"size\"}]");
    expect(fixture, "vol", is_ready, "ready");
    CLEANUP(free_ptr) char *log = wait_log(fixture, "vol", "x\n1\n");
    assert_string_equal(log, "greensecret7green\na-tokenx\n1\n");
    delete_pod(fixture, "vol");
}

/* A tenant's Pod: names of its own, a user namespace, volumes readable and writable in it. */
static void test_tenant(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *secret =
        json_pack("{s:{s:s}, s:{s:s}}", "metadata", "name", "keys", "data", "k", "c2VjcmV0");
    fake_api_put(fixture->api, "/api/v1/namespaces/default/secrets", secret);
    json_auto_t *pod = json_parse(
        STR("{\"metadata\":{\"name\":\"web-x-shop-x-acme\",\"namespace\":\"default\","
            "\"annotations\":{"
            "\"tenancy.warren.dev/cluster\":\"acme\",\"tenancy.warren.dev/name\":\"web\","
            "\"tenancy.warren.dev/"
            "namespace\":\"shop\"}},\"spec\":{\"nodeName\":\"n1\",\"hostNetwork\":true,"
            "\"terminationGracePeriodSeconds\":1,\"securityContext\":{\"fsGroup\":2000},"
            "\"volumes\":[{\"name\":\"s\",\"secret\":{\"secretName\":\"keys\",\"defaultMode\":256}}"
            ","
            "{\"name\":\"e\",\"emptyDir\":{}},{\"name\":\"m\",\"emptyDir\":{\"medium\":\"Memory\"}}"
            "],"
            "\"containers\":[{\"name\":\"main\",\"image\":\"busybox:test\",\"securityContext\":{"
            "\"runAsUser\":1000,"
            "\"runAsNonRoot\":true,\"privileged\":true},\"volumeMounts\":[{\"name\":\"s\","
            "\"mountPath\":\"/s\"},"
            "{\"name\":\"e\",\"mountPath\":\"/e\"},{\"name\":\"m\",\"mountPath\":\"/m\"}],"
            "\"command\":[\"sh\",\"-c\",\"hostname; id -u; cat /s/k; echo; echo 1 > /e/f; echo 2 > "
            "/m/f; "
            "cat /e/f /m/f; stat -c %g /e/f; grep search /etc/resolv.conf; awk '{print $1, ($2 > "
            "0)}' "
            "/proc/self/uid_map; exec sleep 1000\"]}]},\"status\":{\"phase\":\"Pending\"}}"),
        JSON_LOAD_STRICT, &err);
    assert_non_null(pod);
    fake_api_put(fixture->api, PODS, pod);
    expect(fixture, "web-x-shop-x-acme", is_ready, "ready");
    CLEANUP(free_ptr) char *log = wait_log(fixture, "web-x-shop-x-acme", "0 1\n");
    assert_string_equal(
        log, "web\n1000\nsecret\n1\n2\n2000\nsearch shop.svc.cluster.local svc.cluster.local "
             "cluster.local\n0 1\n");
    delete_pod(fixture, "web-x-shop-x-acme");
}

static bool lacks_config(const json_t *pod)
{
    return text_eq(json_text(first_status(pod), "state", "waiting", "reason"),
                   "CreateContainerConfigError");
}

static void test_missing_config_waits(void **state)
{
    struct fixture *fixture = *state;
    create_pod(fixture, "wait", "exec sleep 1000", "",
               ",\"env\":[{\"name\":\"A\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"none\","
               "\"key\":\"k\"}}}]");
    expect(fixture, "wait", lacks_config, "waiting for its Secret");
    for (int i = 0; i < 200 && !fake_api_events(fixture->api, "Failed"); i++)
        usleep(50000);
    assert_true(fake_api_events(fixture->api, "Failed") > 0);
    json_auto_t *pod = fake_api_get(fixture->api, PODS "/wait");
    assert_string_equal(json_text(first_status(pod), "state", "waiting", "message"),
                        "secret \"none\" not found");
    delete_pod(fixture, "wait");
}

static void test_probes(void **state)
{
    struct fixture *fixture = *state;
    create_pod(fixture, "probed",
               "sleep 2; touch /tmp/ok; sleep 4; touch /tmp/sick; exec sleep 1000", "",
               ",\"readinessProbe\":{\"exec\":{\"command\":[\"test\",\"-f\",\"/tmp/"
               "ok\"]},\"periodSeconds\":1},"
               "\"livenessProbe\":{\"exec\":{\"command\":[\"sh\",\"-c\",\"! test -f "
               "/tmp/sick\"]},\"periodSeconds\":1,"
               "\"failureThreshold\":2}");
    expect(fixture, "probed", is_running, "running");
    json_auto_t *pod = fake_api_get(fixture->api, PODS "/probed");
    assert_false(is_ready(pod));
    expect(fixture, "probed", is_ready, "ready");
    expect(fixture, "probed", has_restarted, "restarted");
    assert_true(fake_api_events(fixture->api, "Unhealthy") >= 1);
    delete_pod(fixture, "probed");
}

static void run_exec(struct fixture *fixture, const char *protocol_headers, const char *query,
                     const char *input, struct buf channels[5])
{
    struct stream stream;
    CLEANUP(free_ptr) char *path = xasprintf("/exec/default/streams/main?%s", query);
    for (int i = 0; i < 5; i++)
        channels[i] = BUF_TEXT;
    stream_open(fixture, &stream, path, protocol_headers);
    if (input) {
        char bytes[100] = {0};
        memcpy(bytes + 1, input, strlen(input));
        ws_send(&stream, bytes, strlen(input) + 1);
        ws_send(&stream, "\xff\0", 2);
    }
    ws_collect(&stream, channels);
    stream_close(&stream);
}

static void test_exec(void **state)
{
    static const struct {
        const char *name, *query, *input, *out, *err, *status;
    } rows[] = {
        {"output", "output=1&error=1&command=sh&command=-c&command=echo+a;echo+b+%3E%262", NULL,
         "a\n", "b\n", "{\"metadata\":{},\"status\":\"Success\"}"},
        {"exit code", "stdout=true&stderr=true&command=sh&command=-c&command=exit+7", NULL, "", "",
         "{\"metadata\":{},\"status\":\"Failure\",\"message\":\"command terminated with non-zero "
         "exit code: exit "
         "status "
         "7\",\"reason\":\"NonZeroExitCode\",\"details\":{\"causes\":[{\"reason\":\"ExitCode\","
         "\"message\":\"7\"}]}}"},
        {"stdin and its end", "stdin=1&stdout=1&command=wc&command=-c", "hello", "5\n", "",
         "{\"metadata\":{},\"status\":\"Success\"}"},
        {"much output",
         "stdout=1&command=sh&command=-c&command=head+-c+300000+/dev/zero+|+tr+'\\0'+x+|+wc+-c",
         NULL, "300000\n", "", "{\"metadata\":{},\"status\":\"Success\"}"},
    };
    struct fixture *fixture = *state;
    create_pod(fixture, "streams", "exec sleep 1000", "", "");
    expect(fixture, "streams", is_ready, "ready");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf channels[5];
        run_exec(fixture, WS_HEADERS("v5.channel.k8s.io, v4.channel.k8s.io"), rows[i].query,
                 rows[i].input, channels);
        const char *out = channels[1].data ? channels[1].data : "",
                   *err = channels[2].data ? channels[2].data : "",
                   *status = channels[3].data ? channels[3].data : "";
        if (strcmp(out, rows[i].out) != 0 || strcmp(err, rows[i].err) != 0 ||
            strcmp(status, rows[i].status) != 0)
            fail_msg("%s: out \"%s\" err \"%s\" status %s", rows[i].name, out, err, status);
        for (int k = 0; k < 5; k++)
            buf_free(&channels[k]);
    }
    delete_pod(fixture, "streams");
}

/* Opens both streams of one connection, sends a line, and wants it back. */
static void test_port_forward_tunnel(void **state)
{
    struct fixture *fixture = *state;
    struct stream stream;
    struct spdy client;
    struct spdy_event event = {0};
    struct buf wire = BUF_TEXT, got = BUF_TEXT;
    create_pod(fixture, "port", "while true; do nc -l -p 8080 -e cat; done", "", "");
    expect(fixture, "port", is_ready, "ready");
    usleep(300000); /* for nc to listen: it cannot tell us */
    assert_true(spdy_init(&client));
    stream_open(fixture, &stream, "/portForward/default/port",
                WS_HEADERS("SPDY/3.1+portforward.k8s.io"));
    assert_true(spdy_write_open(
        &client, &wire, 1,
        (const char *const[]){"streamtype", "error", "port", "8080", "requestid", "0", NULL}));
    ws_send(&stream, wire.data, wire.len);
    buf_clear(&wire);
    assert_true(spdy_write_open(
        &client, &wire, 3,
        (const char *const[]){"streamtype", "data", "port", "8080", "requestid", "0", NULL}));
    ws_send(&stream, wire.data, wire.len);
    buf_clear(&wire);
    spdy_write_data(&wire, 3, false, STR("ping\n"));
    ws_send(&stream, wire.data, wire.len);
    while (!got.data || !strstr(got.data, "ping\n")) {
        struct str message = ws_receive(&stream);
        assert_true(message.len > 0 && spdy_feed(&client, message.data, message.len));
        while (spdy_next(&client, &event) == SPDY_EVENT)
            if (event.type == SPDY_DATA && event.stream == 3)
                buf_add_str(&got, event.data);
            else if (event.type == SPDY_DATA && event.stream == 1 && event.data.len)
                fail_msg("error stream: " STR_FMT, STR_ARG(event.data));
    }
    stream_close(&stream);
    spdy_deinit(&client);
    buf_free(&wire);
    buf_free(&got);
    delete_pod(fixture, "port");
}

/* The older protocol: two channels a port, each begins with the port's number. */
static void test_port_forward_channels(void **state)
{
    struct fixture *fixture = *state;
    struct stream stream;
    create_pod(fixture, "ports", "nc -l -p 8081 -e cat; exec sleep 1000", "", "");
    expect(fixture, "ports", is_ready, "ready");
    usleep(300000); /* for nc to listen: it cannot tell us */
    stream_open(fixture, &stream, "/portForward/default/ports?ports=8081",
                WS_HEADERS("v4.channel.k8s.io"));
    assert_memory_equal(ws_receive(&stream).data, "\0\x91\x1f", 3);
    assert_memory_equal(ws_receive(&stream).data, "\1\x91\x1f", 3);
    ws_send(&stream, "\0pong\n", 6);
    struct str message = ws_receive(&stream);
    assert_int_equal(message.len, 6);
    assert_memory_equal(message.data, "\0pong\n", 6);
    stream_close(&stream);
    delete_pod(fixture, "ports");
}

/* preStop runs before SIGTERM, within the grace period, and SIGTERM ends what heeds it. */
static void test_hooks(void **state)
{
    struct fixture *fixture = *state;
    create_pod(fixture, "hooked",
               "trap 'exit 0' TERM; while ! test -f /started; do sleep 0.1; done; echo saw-start; "
               "while true; do sleep 0.1; "
               "done",
               "",
               ",\"lifecycle\":{\"postStart\":{\"exec\":{\"command\":[\"touch\",\"/"
               "started\"]}},\"preStop\":{\"exec\":{"
               "\"command\":[\"sh\",\"-c\",\"sleep 1\"]}}}");
    expect(fixture, "hooked", is_ready, "ready");
    CLEANUP(free_ptr) char *log = wait_log(fixture, "hooked", "saw-start");
    assert_string_equal(log, "saw-start\n");
    int64_t began_us = clock_now_us();
    delete_pod(fixture, "hooked");
    assert_true(clock_now_us() - began_us >= 1000000);
    assert_int_equal(fake_api_events(fixture->api, "FailedPreStopHook"), 0);
}

static bool pull_fails(const json_t *pod)
{
    return text_eq(json_text(first_status(pod), "state", "waiting", "reason"), "ErrImagePull");
}

static bool pull_backs_off(const json_t *pod)
{
    return text_eq(json_text(first_status(pod), "state", "waiting", "reason"), "ImagePullBackOff");
}

static void test_absent_image(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(error_clear) struct error err = {0};
    json_auto_t *pod =
        json_parse(STR("{\"metadata\":{\"name\":\"absent\",\"namespace\":\"default\"},\"spec\":{"
                       "\"nodeName\":\"n1\","
                       "\"containers\":[{\"name\":\"main\",\"image\":\"127.0.0.1:1/none:1\"}]}}"),
                   JSON_LOAD_STRICT, &err);
    fake_api_put(fixture->api, PODS, pod);
    expect(fixture, "absent", pull_fails, "failing to pull");
    expect(fixture, "absent", pull_backs_off, "backing off");
    delete_pod(fixture, "absent");
}

/* Left running: the end of the group stops it and must leave nothing. */
static void test_one_is_left(void **state)
{
    struct fixture *fixture = *state;
    create_pod(fixture, "left", "exec sleep 1000",
               ",\"volumes\":[{\"name\":\"m\",\"emptyDir\":{\"medium\":\"Memory\"}}]", "");
    expect(fixture, "left", is_ready, "ready");
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "shim") == 0)
        return shim_main(argc, argv);
    if (geteuid() != 0)
        return 77;
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pod_runs_logs_and_goes),
        cmocka_unit_test(test_usage_is_told),
        cmocka_unit_test(test_exit_codes_decide),
        cmocka_unit_test(test_crash_restarts_then_backs_off),
        cmocka_unit_test(test_agent_restart_keeps_containers),
        cmocka_unit_test(test_agent_killed_before_it_told),
        cmocka_unit_test(test_volumes_and_environment),
        cmocka_unit_test(test_tenant),
        cmocka_unit_test(test_missing_config_waits),
        cmocka_unit_test(test_probes),
        cmocka_unit_test(test_exec),
        cmocka_unit_test(test_port_forward_tunnel),
        cmocka_unit_test(test_port_forward_channels),
        cmocka_unit_test(test_hooks),
        cmocka_unit_test(test_absent_image),
        cmocka_unit_test(test_one_is_left),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
