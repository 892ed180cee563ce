/* The client against a small scripted HTTP server on loopback. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/client.h"

/* One row an expected request, in order; a connection each. */
struct exchange {
    const char *expect; /* must occur in the request's head */
    const char *status, *body;
};

struct script {
    const struct exchange *rows;
    size_t count;
    int listener;
    unsigned port;
    char missed[512];
    pthread_t thread;
};

static void serve_one(struct script *script, const struct exchange *row, int fd)
{
    char head[8192] = "";
    size_t len = 0;
    while (len < sizeof(head) - 1 && !strstr(head, "\r\n\r\n")) {
        ssize_t got = recv(fd, head + len, sizeof(head) - 1 - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        head[len] = 0;
    }
    if (!strstr(head, row->expect) && !script->missed[0])
        snprintf(script->missed, sizeof(script->missed), "wanted %s, got %.300s", row->expect,
                 head);
    CLEANUP(free_ptr)
    char *answer =
        xasprintf("HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n%s",
                  row->status, row->body);
    (void)!send(fd, answer, strlen(answer), MSG_NOSIGNAL);
}

static void *script_run(void *arg)
{
    struct script *script = arg;
    for (size_t i = 0; i < script->count; i++) {
        int fd = accept(script->listener, NULL, NULL);
        if (fd < 0)
            break;
        serve_one(script, &script->rows[i], fd);
        shutdown(fd, SHUT_WR);
        char rest[256];
        while (recv(fd, rest, sizeof(rest), 0) > 0)
            continue;
        close(fd);
    }
    return NULL;
}

static void script_start(struct script *script)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    script->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(script->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(script->listener, 16), 0);
    assert_int_equal(getsockname(script->listener, (struct sockaddr *)&address, &len), 0);
    script->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&script->thread, NULL, script_run, script), 0);
}

static void script_stop(struct script *script)
{
    shutdown(script->listener, SHUT_RDWR);
    pthread_join(script->thread, NULL);
    close(script->listener);
    assert_string_equal(script->missed, "");
}

static struct client *client_of(const struct script *script)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *server = xasprintf("http://127.0.0.1:%u/", script->port);
    struct client_options options = {.server = server, .token = "abc"};
    struct client *client = client_new(&options, &err);
    assert_non_null(client);
    return client;
}

static void test_answers_become_trees_and_errors(void **state)
{
    (void)state;
    static const struct exchange rows[] = {
        {"GET /api/v1/x HTTP/1.1", "200 OK", "{\"kind\":\"X\"}"},
        {"Authorization: Bearer abc", "404 Not Found",
         "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"pods \\\"a\\\" not "
         "found\",\"code\":404,"
         "\"details\":{\"kind\":\"pods\",\"name\":\"a\"}}"},
        {"DELETE /gone", "500 Oops", "not json"},
        {"GET /healthz", "200 OK", "ok"},
    };
    CLEANUP(error_clear) struct error err = {0};
    struct script script = {.rows = rows, .count = ARRAY_LEN(rows)};
    script_start(&script);
    struct client *client = client_of(&script);
    json_auto_t *found = NULL;
    assert_true(client_get(client, "/api/v1/x", &found, &err));
    assert_string_equal(json_text(found, "kind"), "X");
    assert_false(client_get(client, "/api/v1/pods/a", NULL, &err));
    assert_int_equal(err.reason, ERROR_NOT_FOUND);
    assert_string_equal(err.message, "pods \"a\" not found");
    assert_string_equal(err.name, "a");
    error_clear(&err);
    assert_false(client_delete(client, "/gone", NULL, &err));
    assert_int_equal(err.reason, ERROR_INTERNAL);
    error_clear(&err);
    json_auto_t *health = NULL;
    assert_true(client_get(client, "/healthz", &health, &err));
    assert_true(json_is_null(health));
    client_free(client);
    script_stop(&script);
}

static void test_unreachable_is_unavailable(void **state)
{
    (void)state;
    CLEANUP(error_clear) struct error err = {0};
    struct client_options options = {.server = "http://127.0.0.1:1"};
    struct client *client = client_new(&options, &err);
    assert_false(client_get(client, "/", NULL, &err));
    assert_int_equal(err.reason, ERROR_UNAVAILABLE);
    client_free(client);
    error_clear(&err);
    options.server = "ftp://x";
    assert_null(client_new(&options, &err));
}

struct seen {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char text[1024];
    unsigned syncs;
};

static void on_event(void *arg, const char *type, const json_t *object)
{
    struct seen *seen = arg;
    pthread_mutex_lock(&seen->lock);
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof(seen->text) - len, "%s:%s ", type,
             json_text(object, "metadata", "name"));
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static void on_synced(void *arg)
{
    struct seen *seen = arg;
    pthread_mutex_lock(&seen->lock);
    seen->syncs++;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static void wait_syncs(struct seen *seen, unsigned syncs)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&seen->lock);
    while (seen->syncs < syncs && pthread_cond_timedwait(&seen->changed, &seen->lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&seen->lock);
}

#define ITEM(name, uid)                                                                            \
    "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"n\",\"uid\":\"" uid "\"}}"

static void test_reflector_lists_pages_watches_and_relists(void **state)
{
    (void)state;
    static const struct exchange rows[] = {
        {"GET /api/v1/pods?limit=500 ", "200 OK",
         "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"t/1\"},\"items\":[" ITEM(
             "a", "1") "]}"},
        {"continue=t%2F1", "200 OK",
         "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" ITEM("b", "2") "]}"},
        {"resourceVersion=5&", "200 OK",
         "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"c\",\"namespace\":\"n\",\"uid\":"
         "\"3\",\"resourceVersion\":"
         "\"6\"}}}\n{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\"}}}"
         "\n"},
        {"resourceVersion=9&", "410 Gone",
         "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"old\"}"},
        {"GET /api/v1/pods?limit=500 ", "200 OK",
         "{\"metadata\":{\"resourceVersion\":\"20\"},\"items\":[" ITEM("a", "7") "," ITEM(
             "c", "3") "]}"},
    };
    struct seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct script script = {.rows = rows, .count = ARRAY_LEN(rows)};
    script_start(&script);
    struct client *client = client_of(&script);
    struct reflector_handler handler = {on_event, on_synced, &seen};
    struct reflector *reflector = reflector_start(client, "/api/v1/pods", &handler);
    wait_syncs(&seen, 2);
    reflector_stop(reflector);
    assert_string_equal(seen.text,
                        "ADDED:a ADDED:b ADDED:c DELETED:a ADDED:a MODIFIED:c DELETED:b ");
    client_free(client);
    script_stop(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_become_trees_and_errors),
        cmocka_unit_test(test_unreachable_is_unavailable),
        cmocka_unit_test(test_reflector_lists_pages_watches_and_relists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
