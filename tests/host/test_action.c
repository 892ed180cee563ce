/* grpc probes against a server of a few frames: HTTP/2 without TLS, the standard health service. */
#include "tests/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/node/action.h"

#define HEAD 9 /* of a frame: length, type, flags, stream */
enum { FRAME_DATA, FRAME_HEADERS, FRAME_SETTINGS = 4 };

struct server {
    int listener;
    const char *headers; /* HPACK */
    size_t headers_len;
    const char *body; /* a gRPC message with its prefix; NULL: the headers end the answer */
    size_t body_len;
    char asked[256]; /* the request's message */
    size_t asked_len;
};

static bool read_all(int fd, void *bytes, size_t len)
{
    return recv(fd, bytes, len, MSG_WAITALL) == (ssize_t)len;
}

static void write_frame(int fd, char type, char flags, char stream, const char *bytes, size_t len)
{
    const char head[HEAD] = {0, 0, (char)len, type, flags, 0, 0, 0, stream};
    struct iovec parts[2] = {{(void *)(uintptr_t)head, HEAD}, {(void *)(uintptr_t)bytes, len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    assert_true(sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)(HEAD + len));
}

/* Until the request's message is there. */
static bool read_request(struct server *server, int fd)
{
    unsigned char head[HEAD], bytes[16384];
    char preface[24];
    if (!read_all(fd, preface, sizeof(preface)))
        return false;
    for (;;) {
        if (!read_all(fd, head, sizeof(head)))
            return false;
        size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        if (len > sizeof(bytes) || (len && !read_all(fd, bytes, len)))
            return false;
        if (head[3] != FRAME_DATA || !len)
            continue;
        server->asked_len = len < sizeof(server->asked) ? len : sizeof(server->asked);
        memcpy(server->asked, bytes, server->asked_len);
        return true;
    }
}

static void *serve(void *arg)
{
    struct server *server = arg;
    int fd = accept(server->listener, NULL, NULL);
    char rest[256];
    write_frame(fd, FRAME_SETTINGS, 0, 0, "", 0);
    if (read_request(server, fd)) {
        write_frame(fd, FRAME_HEADERS, server->body ? 4 : 5, 1, server->headers,
                    server->headers_len);
        if (server->body)
            write_frame(fd, FRAME_DATA, 1, 1, server->body, server->body_len);
    }
    while (recv(fd, rest, sizeof(rest), 0) > 0)
        continue;
    close(fd);
    return NULL;
}

static unsigned listen_on(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->listener, 1), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

static bool probe(unsigned port, const char *service, char output[ACTION_OUTPUT_SIZE])
{
    struct pod_worker worker = {.lock = PTHREAD_MUTEX_INITIALIZER, .pod_ip = "127.0.0.1"};
    json_auto_t *pod = json_pack("{s:{s:s}}", "metadata", "name", "p");
    json_auto_t *spec = json_pack("{s:{s:i, s:s}}", "grpc", "port", (int)port, "service", service);
    const struct action action = {.worker = &worker, .pod = pod, .spec = spec, .timeout_ms = 5000};
    return action_run(&action, output);
}

#define OK         "\x88" /* :status 200 */
#define BODY(code) "\0\0\0\0\2\x08" code, 7

static void health_decides(void **state)
{
    (void)state;
    static const char unimplemented[] = "\x88\x00\x0bgrpc-status\x02"
                                        "12";
    static const struct {
        const char *name, *service, *headers;
        size_t headers_len;
        const char *body;
        size_t body_len;
        const char *want; /* NULL: it passes */
    } rows[] = {
        {"serves", "", OK, 1, BODY("\1"), NULL},
        {"serves by name", "db", OK, 1, BODY("\1"), NULL},
        {"does not serve", "", OK, 1, BODY("\2"),
         "service unhealthy (responded with \"NOT_SERVING\")"},
        {"says nothing", "", OK, 1, "\0\0\0\0", 5,
         "service unhealthy (responded with \"UNKNOWN\")"},
        {"has no health service", "", unimplemented, sizeof(unimplemented) - 1, NULL, 0,
         "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        pthread_t thread;
        char output[ACTION_OUTPUT_SIZE] = "";
        struct server server = {.headers = rows[i].headers,
                                .headers_len = rows[i].headers_len,
                                .body = rows[i].body,
                                .body_len = rows[i].body_len};
        unsigned port = listen_on(&server);
        assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
        bool passed = probe(port, rows[i].service, output);
        (void)shutdown(server.listener, SHUT_RDWR);
        pthread_join(thread, NULL);
        close(server.listener);
        if (passed != !rows[i].want || (rows[i].want && strcmp(output, rows[i].want) != 0))
            fail_msg("%s: %s", rows[i].name, output);
        size_t len = strlen(rows[i].service);
        assert_int_equal(server.asked_len, 5 + (len ? len + 2 : 0));
        assert_memory_equal(server.asked + server.asked_len - len, rows[i].service, len);
    }
}

static void nobody_listens(void **state)
{
    (void)state;
    struct server server = {0};
    char output[ACTION_OUTPUT_SIZE] = "";
    unsigned port = listen_on(&server);
    close(server.listener);
    assert_false(probe(port, "", output));
    assert_non_null(strstr(output, "failed to connect service"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(health_decides),
                                       cmocka_unit_test(nobody_listens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
