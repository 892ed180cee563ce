/* Logs, exec and port-forward through the API server, against a small node of the test's own. */
#include <string.h>
#include <unistd.h>

#include "support_node.h"
#include "tests/test.h"

#define LOG_BYTES ((size_t)3 << 20) /* more than the queue between node and client holds */

static struct fixture fixture;

static struct fake_node node;

static void serve_log(gnutls_session_t session)
{
    static const char head[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n";
    CLEANUP(free_ptr) char *bytes = xmalloc(LOG_BYTES);
    memset(bytes, 'l', LOG_BYTES);
    fake_node_send(session, head, sizeof(head) - 1);
    fake_node_send(session, bytes, LOG_BYTES);
}

/* Echoes in capitals until the client ends. */
static void serve_echo(gnutls_session_t session)
{
    static const char head[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\nhello";
    char bytes[1024];
    ssize_t got;
    fake_node_send(session, head, sizeof(head) - 1);
    while ((got = gnutls_record_recv(session, bytes, sizeof(bytes))) > 0) {
        for (ssize_t i = 0; i < got; i++)
            bytes[i] = bytes[i] >= 'a' && bytes[i] <= 'z' ? (char)(bytes[i] - 32) : bytes[i];
        fake_node_send(session, bytes, (size_t)got);
    }
}

static void serve_refusal(gnutls_session_t session)
{
    static const char text[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\ncontainer "
                               "\"c\" in pod \"p-on-host\" is waiting to start: ContainerCreating";
    fake_node_send(session, text, sizeof(text) - 1);
}

static void serve(gnutls_session_t session, const char *request)
{
    if (strstr(request, "previous="))
        serve_refusal(session);
    else if (text_starts(request, "GET /containerLogs/"))
        serve_log(session);
    else
        serve_echo(session);
}

static void make_pod(const char *name, const char *containers)
{
    struct answer answer;
    CLEANUP(free_ptr)
    char *body = xasprintf(
        "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"nodeName\":\"n1\",\"containers\":[%s]}}", name,
        containers);
    fixture_ask(
        &fixture,
        &(struct ask){.method = "POST", .path = "/api/v1/namespaces/default/pods", .body = body},
        &answer);
    if (answer.code != 201)
        print_message("%s\n", answer.body.data);
    assert_int_equal(answer.code, 201);
    answer_clear(&answer);
}

static void test_log(void **state)
{
    struct answer answer;
    (void)state;
    fixture_ask(
        &fixture,
        &(struct ask){.method = "GET",
                      .path = "/api/v1/namespaces/default/pods/p/log?follow=true&tailLines=5"},
        &answer);
    assert_int_equal(answer.code, 200);
    assert_int_equal(answer.body.len, LOG_BYTES);
    assert_non_null(strstr(
        node.request, "GET /containerLogs/default/p-on-host/c?follow=true&tailLines=5 HTTP/1.0"));
    answer_clear(&answer);
}

static void test_errors(void **state)
{
    static const struct error_row {
        const char *name, *path, *message;
        long code;
    } rows[] = {
        {"no such pod", "/api/v1/namespaces/default/pods/nope/log", "pods \"nope\" not found", 404},
        {"which container", "/api/v1/namespaces/default/pods/two/log",
         "a container name must be specified for pod two, choose one of: [a b]", 400},
        {"no such container", "/api/v1/namespaces/default/pods/two/log?container=z",
         "container z is not valid for pod two", 400},
        {"the node refuses", "/api/v1/namespaces/default/pods/p/log?previous=true",
         "container \"c\" in pod \"p\" is waiting to start: ContainerCreating", 400},
        {"exec without upgrade", "/api/v1/namespaces/default/pods/p/exec?command=ls", NULL, 400},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer answer;
        fixture_ask(&fixture, &(struct ask){.method = "GET", .path = rows[i].path}, &answer);
        const char *message = json_text(answer.json, "message");
        bool ok =
            answer.code == rows[i].code && (!rows[i].message || text_eq(message, rows[i].message));
        if (!ok)
            print_message("%s: %ld %s\n", rows[i].name, answer.code, answer.body.data);
        answer_clear(&answer);
        assert_true(ok);
    }
}

/* ---- exec: a raw client, since curl would not let go of the connection ---- */

static CURL *connect_raw(void)
{
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, fixture.url);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(curl, CURLOPT_CAINFO, fixture.ca_path);
    curl_easy_setopt(curl, CURLOPT_SSLCERT, fixture.cert_path);
    curl_easy_setopt(curl, CURLOPT_SSLKEY, fixture.key_path);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    return curl;
}

static void send_raw(CURL *curl, const char *text)
{
    size_t sent = 0;
    assert_int_equal(curl_easy_send(curl, text, strlen(text), &sent), CURLE_OK);
    assert_int_equal(sent, strlen(text));
}

/* Reads until `wanted` is there; false after ten seconds. */
static bool read_until(CURL *curl, char *into, size_t max, const char *wanted)
{
    size_t len = strlen(into);
    for (unsigned i = 0; i < 1000 && !strstr(into, wanted); i++) {
        size_t got = 0;
        CURLcode result = curl_easy_recv(curl, into + len, max - 1 - len, &got);
        if (result == CURLE_OK && got == 0)
            break;
        if (result == CURLE_AGAIN)
            usleep(10000);
        else if (result != CURLE_OK)
            break;
        len += got;
        into[len] = '\0';
    }
    return strstr(into, wanted);
}

static void test_exec(void **state)
{
    char answer[8192] = "";
    CURL *curl = connect_raw();
    (void)state;
    send_raw(curl,
             "GET "
             "/api/v1/namespaces/default/pods/p/"
             "exec?command=echo&command=a%20b&stdin=true&stdout=true&tty=false HTTP/1.1\r\n"
             "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: "
             "dGhlIHNhbXBsZSBub25jZQ==\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n");
    assert_true(read_until(curl, answer, sizeof(answer), "hello"));
    assert_non_null(strstr(answer, "HTTP/1.1 101"));
    assert_non_null(strstr(answer, "v5.channel.k8s.io"));
    assert_non_null(strstr(
        node.request,
        "GET /exec/default/p-on-host/c?command=echo&command=a%20b&input=1&output=1&tty=false "
        "HTTP/1.1"));
    assert_non_null(strstr(node.request, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
    assert_null(strstr(node.request, "Authorization"));
    send_raw(curl, "ping");
    assert_true(read_until(curl, answer, sizeof(answer), "PING"));
    send_raw(curl, "again");
    assert_true(read_until(curl, answer, sizeof(answer), "AGAIN"));
    curl_easy_cleanup(curl);
}

static void test_exec_cut(void **state)
{
    char answer[8192] = "";
    CURL *curl = connect_raw();
    (void)state;
    send_raw(curl, "POST /api/v1/namespaces/default/pods/p/portforward HTTP/1.1\r\nHost: "
                   "x\r\nConnection: Upgrade\r\n"
                   "Upgrade: websocket\r\nContent-Length: 0\r\n\r\n");
    bool ok = read_until(curl, answer, sizeof(answer), "hello");
    if (!ok)
        print_message("%s\n", answer);
    assert_true(ok);
    assert_non_null(strstr(node.request, "POST /portForward/default/p-on-host HTTP/1.1"));
    curl_easy_cleanup(curl); /* the server is stopped right behind it */
}

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture);
    node.serve = serve;
    fake_node_start(&node, &fixture);
    make_pod("p", "{\"name\":\"c\",\"image\":\"i\"}");
    make_pod("two", "{\"name\":\"a\",\"image\":\"i\"},{\"name\":\"b\",\"image\":\"i\"}");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    fake_node_stop(&node);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_log), cmocka_unit_test(test_errors),
                                       cmocka_unit_test(test_exec),
                                       cmocka_unit_test(test_exec_cut)};
    return cmocka_run_group_tests(tests, start, stop);
}
