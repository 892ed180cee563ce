/* Many clients at once: writers, readers, watchers, clients that vanish and connections that say
 * nothing. Meant for ThreadSanitizer as well: every thread of the server takes part. Each watcher
 * must see each change once, in order. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/parse.h"
#include "support_watch.h"
#include "tests/test.h"

#define WRITERS  6
#define WATCHERS 8
#define ROUNDS   25
#define SILENT   64
#define CM       "/api/v1/namespaces/default/configmaps"

static struct fixture fixture;

struct writer {
    pthread_t thread;
    unsigned number, failures;
};

static bool one(const char *method, const char *path, const char *body, const char *type, long code)
{
    struct answer answer;
    fixture_ask(&fixture, &(struct ask){.method = method, .path = path, .body = body, .type = type},
                &answer);
    bool ok = answer.code == code;
    if (!ok)
        print_message("%s %s: %ld %s\n", method, path, answer.code,
                      answer.body.len ? answer.body.data : "");
    answer_clear(&answer);
    return ok;
}

/* Creates, reads, patches a shared object, lists, deletes. */
static void *write_and_read(void *arg)
{
    struct writer *writer = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        CLEANUP(free_ptr) char *name = xasprintf("w%u-%u", writer->number, i);
        CLEANUP(free_ptr) char *path = xasprintf(CM "/%s", name);
        CLEANUP(free_ptr)
        char *body =
            xasprintf("{\"metadata\":{\"name\":\"%s\",\"labels\":{\"load\":\"yes\"}}}", name);
        CLEANUP(free_ptr) char *patch = xasprintf("{\"data\":{\"w%u\":\"%u\"}}", writer->number, i);
        writer->failures += !one("POST", CM, body, NULL, 201);
        writer->failures += !one("GET", path, NULL, NULL, 200);
        writer->failures += !one("PATCH", CM "/shared", patch, "application/merge-patch+json", 200);
        if (i % 5 == 0)
            writer->failures +=
                !one("GET", CM "?labelSelector=load%3Dyes&limit=10", NULL, NULL, 200);
        writer->failures += !one("DELETE", path, NULL, NULL, 200);
    }
    return NULL;
}

/* Watches that are cut off in the middle. */
static void *come_and_go(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 6; i++) {
        struct watcher watcher;
        watcher_start(&watcher, &fixture, CM "?watch=1");
        watcher_wait(&watcher, 2, 2);
        watcher_stop(&watcher);
    }
    return NULL;
}

/* Connections that never finish their handshake. */
static void open_silent(int *sockets)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)api_port(fixture.api)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    for (size_t i = 0; i < SILENT; i++) {
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(sockets[i], (struct sockaddr *)&address, sizeof(address)), 0);
        if (i % 2)
            assert_int_equal(send(sockets[i], "\x16\x03\x01", 3, MSG_NOSIGNAL), 3);
    }
}

static long long event_revision(const json_t *event)
{
    const char *text = json_text(event, "object", "metadata", "resourceVersion");
    int64_t revision = 0;
    return text && parse_i64(str_of(text), 0, INT64_MAX, &revision) ? revision : -1;
}

static void check_watcher(struct watcher *watcher, size_t expected)
{
    long long last = 0;
    const json_t *event;
    size_t i;
    assert_true(watcher_wait(watcher, expected, 60));
    pthread_mutex_lock(&watcher->lock);
    assert_int_equal(json_array_size(watcher->events), expected);
    json_array_foreach (watcher->events, i, event) {
        long long revision = event_revision(event);
        assert_true(revision > last);
        last = revision;
    }
    pthread_mutex_unlock(&watcher->lock);
}

/* A watch of everything that is written from here on. */
static char *watch_path(void)
{
    struct answer answer;
    fixture_ask(&fixture, &(struct ask){.method = "GET", .path = CM "?limit=1"}, &answer);
    const char *revision = json_text(answer.json, "metadata", "resourceVersion");
    assert_non_null(revision);
    char *path = xasprintf(CM "?watch=1&labelSelector=load%%3Dyes&resourceVersion=%s", revision);
    answer_clear(&answer);
    return path;
}

static void test_load(void **state)
{
    struct writer writers[WRITERS];
    struct watcher watchers[WATCHERS];
    int sockets[SILENT];
    pthread_t visitor;
    (void)state;
    assert_true(one("POST", CM, "{\"metadata\":{\"name\":\"shared\"}}", NULL, 201));
    CLEANUP(free_ptr) char *path = watch_path();
    open_silent(sockets);
    for (size_t i = 0; i < WATCHERS; i++)
        watcher_start(&watchers[i], &fixture, path);
    assert_int_equal(pthread_create(&visitor, NULL, come_and_go, NULL), 0);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_and_read, &writers[i]), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_int_equal(writers[i].failures, 0);
    }
    pthread_join(visitor, NULL);
    for (size_t i = 0; i < WATCHERS; i++) {
        check_watcher(&watchers[i], (size_t)WRITERS * ROUNDS * 2);
        watcher_stop(&watchers[i]);
    }
    for (size_t i = 0; i < SILENT; i++)
        close(sockets[i]);
}

/* ---- a quota that everybody wants the last unit of ---- */

#define QUOTA  5
#define ASKERS 8

struct asker {
    pthread_t thread;
    unsigned number, got, refused;
};

static void *ask_for_pods(void *arg)
{
    struct asker *asker = arg;
    for (unsigned i = 0; i < QUOTA; i++) {
        struct answer answer;
        CLEANUP(free_ptr)
        char *body = xasprintf("{\"metadata\":{\"name\":\"a%u-%u\"},\"spec\":{\"containers\":[{"
                               "\"name\":\"c\",\"image\":\"i\"}]}}",
                               asker->number, i);
        fixture_ask(
            &fixture,
            &(struct ask){.method = "POST", .path = "/api/v1/namespaces/tight/pods", .body = body},
            &answer);
        asker->got += answer.code == 201;
        asker->refused +=
            answer.code == 403 &&
            strstr(answer.body.data,
                   "exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5");
        answer_clear(&answer);
    }
    return NULL;
}

static void test_quota_race(void **state)
{
    struct asker askers[ASKERS];
    unsigned got = 0, refused = 0;
    (void)state;
    assert_true(
        one("POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"tight\"}}", NULL, 201));
    assert_true(one("POST", "/api/v1/namespaces/tight/serviceaccounts",
                    "{\"metadata\":{\"name\":\"default\"}}", NULL, 201));
    assert_true(one("POST", "/api/v1/namespaces/tight/resourcequotas",
                    "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{\"pods\":\"5\"}}}", NULL,
                    201));
    for (unsigned i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.number = i};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_for_pods, &askers[i]), 0);
    }
    for (unsigned i = 0; i < ASKERS; i++) {
        pthread_join(askers[i].thread, NULL);
        got += askers[i].got;
        refused += askers[i].refused;
    }
    assert_int_equal(got, QUOTA);
    assert_int_equal(refused, ASKERS * QUOTA - QUOTA);
}

/* ---- a cluster that falls asleep again and again ---- */

/* What is kept with the cluster goes while others use it. A request that finds its cache cold too
 * often is told to come back; none is told anything else. */
static void *work_and_drop(void *arg)
{
    struct writer *writer = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct answer answer;
        CLEANUP(free_ptr)
        char *body = xasprintf("{\"metadata\":{\"name\":\"d%u-%u\"}}", writer->number, i);
        fixture_ask(&fixture, &(struct ask){.method = "POST", .path = CM, .body = body}, &answer);
        writer->failures += answer.code != 201 && answer.code != 503;
        answer_clear(&answer);
        fixture_ask(&fixture, &(struct ask){.method = "GET", .path = CM "/kube-root-ca.crt"},
                    &answer);
        writer->failures += answer.code != 200 && answer.code != 404 && answer.code != 503;
        answer_clear(&answer);
        (void)cache_drop_idle(fixture.store, -1); /* how many is of no interest */
    }
    return NULL;
}

static void test_asleep_and_awake(void **state)
{
    struct writer writers[WRITERS];
    (void)state;
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, work_and_drop, &writers[i]), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_int_equal(writers[i].failures, 0);
    }
}

/* The server stops with watches open and connections idle. */
static void *ask_until_refused(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 100000; i++) {
        struct answer answer;
        CLEANUP(free_ptr) char *body = xasprintf("{\"metadata\":{\"generateName\":\"s-\"}}");
        fixture_ask(&fixture,
                    &(struct ask){.method = "POST", .path = CM, .body = body, .quiet = true},
                    &answer);
        bool ok = answer.code == 201;
        answer_clear(&answer);
        if (!ok)
            return NULL;
    }
    return NULL;
}

static void test_stop_under_watch(void **state)
{
    struct watcher watcher;
    pthread_t writers[WRITERS];
    (void)state;
    watcher_start(&watcher, &fixture, CM "?watch=1");
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, ask_until_refused, NULL), 0);
    assert_true(watcher_wait(&watcher, 100, 30));
    api_stop(fixture.api);
    fixture.api = NULL;
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    assert_true(watcher_wait_end(&watcher, 20));
    watcher_stop(&watcher);
    fixture_stop(&fixture);
    fixture_start(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load), cmocka_unit_test(test_quota_race),
        cmocka_unit_test(test_asleep_and_awake), cmocka_unit_test(test_stop_under_watch)};
    return fixture_run(&fixture, tests);
}
