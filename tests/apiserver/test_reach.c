/* Streams to Pods through a node: which Pod a target means, bytes both ways, refusals, shares. */
#include <poll.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apiserver/backend/reach.h"
#include "apiserver/backend/reach_internal.h"
#include "support_node.h"
#include "tests/test.h"

#define BULK ((size_t)1 << 20)

static struct fixture fixture;
static struct fake_node node;

/* ---- which Pod ---- */

static const char endpoints_text[] =
    "{\"subsets\":["
    "{\"notReadyAddresses\":[{\"ip\":\"10.0.0.9\",\"targetRef\":{\"kind\":\"Pod\",\"namespace\":"
    "\"a\",\"name\":\"unready\"}}],\"ports\":[{\"name\":\"web\",\"port\":8080}]},"
    "{\"addresses\":[{\"ip\":\"169.254.169.254\"},"
    "{\"ip\":\"10.0.0.1\",\"targetRef\":{\"kind\":\"Pod\",\"namespace\":\"b\",\"name\":\"other\"}},"
    "{\"ip\":\"10.0.0.2\",\"targetRef\":{\"kind\":\"Node\",\"namespace\":\"a\",\"name\":\"n\"}},"
    "{\"ip\":\"10.0.0.3\",\"targetRef\":{\"kind\":\"Pod\",\"namespace\":\"a\",\"name\":\"p\"}},"
    "{\"ip\":\"10.0.0.4\",\"targetRef\":{\"kind\":\"Pod\",\"namespace\":\"a\",\"name\":\"q\"}}],"
    "\"ports\":[{\"name\":\"web\",\"port\":8080},{\"port\":9090}]}]}";

static void test_candidates(void **state)
{
    static const struct candidate_row {
        const char *name, *port;
        size_t index;
        const char *pod;
        unsigned number;
    } rows[] = {
        {"the first Pod", "web", 0, "p", 8080}, {"the second", "web", 1, "q", 8080},
        {"no third", "web", 2, NULL, 0},        {"the unnamed port", "", 0, "p", 9090},
        {"no such port", "nope", 0, NULL, 0},
    };
    json_auto_t *endpoints = json_loads(endpoints_text, 0, NULL);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct reach_candidate got = {0};
        bool found = reach_candidate(endpoints, "a", rows[i].port, rows[i].index, &got);
        bool ok = found == (rows[i].pod != NULL) &&
                  (!found || (text_eq(got.pod, rows[i].pod) && got.port == rows[i].number));
        if (!ok)
            print_message("%s: %s %u\n", rows[i].name, got.pod, got.port);
        assert_true(ok);
    }
}

static void test_ports(void **state)
{
    json_auto_t *pod =
        json_loads("{\"spec\":{\"containers\":[{},{\"ports\":[{\"containerPort\":80},"
                   "{\"name\":\"m\",\"containerPort\":81}]}]}}",
                   0, NULL);
    json_auto_t *bare = json_loads("{\"spec\":{\"containers\":[{}]}}", 0, NULL);
    json_auto_t *service = json_loads("{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{"
                                      "\"name\":\"web\",\"port\":80},{\"port\":81}]}}",
                                      0, NULL);
    struct error err = {0};
    (void)state;
    assert_int_equal(reach_pod_port(pod, "", 443), 80);
    assert_int_equal(reach_pod_port(bare, "", 443), 443);
    assert_int_equal(reach_pod_port(pod, "m", 443), 81);
    assert_int_equal(reach_pod_port(pod, "8080", 443), 8080);
    assert_int_equal(reach_pod_port(pod, "70000", 443), 0);
    assert_int_equal(reach_pod_port(pod, "nope", 443), 0);
    assert_string_equal(reach_service_port(service, "80", &err), "web");
    assert_string_equal(reach_service_port(service, "81", &err), "");
    assert_string_equal(reach_service_port(service, "web", &err), "web");
    assert_null(reach_service_port(service, "82", &err));
    assert_int_equal(err.code, 503);
    assert_string_equal(err.message, "no service port 82 found for service \"s\"");
    error_clear(&err);
}

/* ---- a node that echoes, refuses or says nothing ---- */

static void serve(gnutls_session_t session, const char *request)
{
    static const char accepted[] =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello";
    static const char refusal[] = "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n"
                                  "dial tcp4 127.0.0.1:81: connect: Connection refused";
    char bytes[4096];
    ssize_t got;
    if (strstr(request, "port=81 ")) {
        fake_node_send(session, refusal, sizeof(refusal) - 1);
        return;
    }
    fake_node_send(session, accepted, sizeof(accepted) - 1);
    while ((got = gnutls_record_recv(session, bytes, sizeof(bytes))) > 0)
        fake_node_send(session, bytes, (size_t)got);
}

static void post(const char *path, const char *sub_path, const char *body)
{
    struct answer answer;
    fixture_ask(&fixture, &(struct ask){.method = "POST", .path = path, .body = body}, &answer);
    if (answer.code != 201)
        print_message("%s\n", answer.body.data);
    assert_int_equal(answer.code, 201);
    answer_clear(&answer);
    if (!sub_path)
        return;
    fixture_ask(&fixture,
                &(struct ask){.method = "PATCH",
                              .path = sub_path,
                              .type = "application/merge-patch+json",
                              .body = "{\"status\":{\"podIP\":\"10.0.0.3\",\"podIPs\":[{\"ip\":"
                                      "\"10.0.0.3\"}]}}"},
                &answer);
    assert_int_equal(answer.code, 200);
    answer_clear(&answer);
}

static void make_objects(void)
{
    post("/api/v1/namespaces/default/pods", "/api/v1/namespaces/default/pods/p/status",
         "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"name\":"
         "\"c\",\"image\":\"i\",\"ports\":[{\"containerPort\":80}]}]}}");
    post("/api/v1/namespaces/default/services", NULL,
         "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"port\":80}]}}");
    post("/api/v1/namespaces/default/services", NULL,
         "{\"metadata\":{\"name\":\"forged\"},\"spec\":{\"ports\":[{\"port\":80}]}}");
    post("/api/v1/namespaces/default/endpoints", NULL,
         "{\"metadata\":{\"name\":\"s\"},\"subsets\":[{\"addresses\":[{\"ip\":\"10.0.0.3\","
         "\"targetRef\":{\"kind\":\"Pod\",\"namespace\":\"default\",\"name\":\"p\"}}],\"ports\":[{"
         "\"port\":8080}]}]}");
    post("/api/v1/namespaces/default/endpoints", NULL,
         "{\"metadata\":{\"name\":\"forged\"},\"subsets\":[{\"addresses\":[{\"ip\":\"10.99.0.1\","
         "\"targetRef\":{\"kind\":\"Pod\",\"namespace\":\"default\",\"name\":\"p\"}}],\"ports\":[{"
         "\"port\":8080}]}]}");
}

static bool connect_to(enum reach_kind kind, const char *name, const char *port, int *fd,
                       struct error *err)
{
    struct reach_target target = {kind, "default", name, port, 80};
    return reach_connect(fixture.api, fixture.host, &target, fd, err);
}

/* Reads `len` bytes; false after ten seconds of silence, or at the end. */
static bool read_all(int fd, char *into, size_t len)
{
    while (len) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 10000) != 1)
            return false;
        ssize_t got = read(fd, into, len);
        if (got <= 0)
            return false;
        into += got;
        len -= (size_t)got;
    }
    return true;
}

static void test_bytes(void **state)
{
    static const struct bytes_row {
        const char *name;
        enum reach_kind kind;
        const char *target, *port, *asked;
    } rows[] = {
        {"a Pod's first port", REACH_POD, "p", "", "POST /portForward/default/p-on-host?port=80 "},
        {"a Service", REACH_SERVICE, "s", "80", "POST /portForward/default/p-on-host?port=8080 "},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error err = {0};
        char answer[16] = "";
        int fd = -1;
        bool ok = connect_to(rows[i].kind, rows[i].target, rows[i].port, &fd, &err);
        if (!ok)
            print_message("%s: %s\n", rows[i].name, err.message);
        assert_true(ok);
        assert_true(read_all(fd, answer, 5));
        assert_string_equal(answer, "hello");
        assert_int_equal(write(fd, "ping", 4), 4);
        assert_true(read_all(fd, answer, 4));
        assert_memory_equal(answer, "ping", 4);
        assert_non_null(strstr(node.request, rows[i].asked));
        close(fd);
    }
}

/* More than any buffer on the way holds, written and read at once. */
static void test_bulk(void **state)
{
    CLEANUP(free_ptr) char *out = xmalloc(BULK);
    CLEANUP(free_ptr) char *in = xmalloc(BULK + 5);
    struct error err = {0};
    size_t sent = 0, got = 0;
    int fd = -1;
    (void)state;
    for (size_t i = 0; i < BULK; i++)
        out[i] = (char)(i * 7 + i / 251);
    assert_true(connect_to(REACH_POD, "p", "80", &fd, &err));
    while (got < BULK + 5) {
        struct pollfd ready = {.fd = fd, .events = POLLIN | (sent < BULK ? POLLOUT : 0)};
        assert_int_equal(poll(&ready, 1, 10000), 1);
        ssize_t n = ready.revents & POLLOUT ? write(fd, out + sent, BULK - sent) : 0;
        sent += n > 0 ? (size_t)n : 0;
        n = ready.revents & POLLIN ? read(fd, in + got, BULK + 5 - got) : -1;
        got += n > 0 ? (size_t)n : 0;
    }
    assert_memory_equal(in + 5, out, BULK);
    close(fd);
}

static void test_refusals(void **state)
{
    static const struct refusal_row {
        const char *name;
        enum reach_kind kind;
        const char *target, *port;
        int code;
        const char *message;
    } rows[] = {
        {"nobody listens", REACH_POD, "p", "81", 503,
         "dial tcp 10.0.0.3:81: connect: connection refused"},
        {"no such Pod", REACH_POD, "nope", "80", 404, "pods \"nope\" not found"},
        {"no such Service", REACH_SERVICE, "nope", "80", 404, "services \"nope\" not found"},
        {"no such port", REACH_SERVICE, "s", "81", 503,
         "no service port 81 found for service \"s\""},
        {"an address that is not the Pod's", REACH_SERVICE, "forged", "80", 503,
         "no endpoints available for service \"forged\""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        int fd = -1;
        bool ok = !connect_to(rows[i].kind, rows[i].target, rows[i].port, &fd, &err) &&
                  err.code == rows[i].code && text_eq(err.message, rows[i].message);
        if (!ok)
            print_message("%s: %d %s\n", rows[i].name, err.code, err.message);
        assert_true(ok);
    }
}

/* A cluster has its share, and gets it back as streams end. */
static void test_share(void **state)
{
    int fds[REACH_SHARE], more = -1;
    struct error err = {0};
    (void)state;
    for (size_t i = 0; i < REACH_SHARE; i++) {
        fds[i] = -1;
        for (unsigned tries = 0; fds[i] < 0 && tries < 1000; tries++) { /* the last test's end */
            error_clear(&err);
            if (!connect_to(REACH_POD, "p", "80", &fds[i], &err))
                usleep(10000);
        }
        assert_true(fds[i] >= 0);
    }
    assert_false(connect_to(REACH_POD, "p", "80", &more, &err));
    assert_int_equal(err.code, 429);
    error_clear(&err);
    for (size_t i = 0; i < REACH_SHARE; i++)
        close(fds[i]);
    for (unsigned tries = 0; more < 0 && tries < 1000; tries++) {
        error_clear(&err);
        if (!connect_to(REACH_POD, "p", "80", &more, &err))
            usleep(10000);
    }
    assert_true(more >= 0);
    close(more);
}

struct waiting {
    sem_t done;
    int fd;
};

static void on_done(void *arg, int fd, const struct error *err)
{
    struct waiting *waiting = arg;
    (void)err;
    waiting->fd = fd;
    sem_post(&waiting->done);
}

static void test_elsewhere(void **state)
{
    struct waiting waiting = {.fd = -1};
    struct reach_target target = {REACH_SERVICE, "default", "s", "80", 0};
    char answer[5];
    (void)state;
    sem_init(&waiting.done, 0, 0);
    assert_true(reach_start(fixture.api, fixture.host, &target, on_done, &waiting));
    sem_wait(&waiting.done);
    assert_true(waiting.fd >= 0);
    assert_true(read_all(waiting.fd, answer, 5));
    close(waiting.fd);
    sem_destroy(&waiting.done);
}

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture);
    node.serve = serve;
    fake_node_start(&node, &fixture);
    make_objects();
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidates), cmocka_unit_test(test_ports),
        cmocka_unit_test(test_bytes),      cmocka_unit_test(test_bulk),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_share),
        cmocka_unit_test(test_elsewhere),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
