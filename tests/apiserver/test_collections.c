/* LIST page by page, and WATCH: what a reflector relies on. */
#include <stdio.h>
#include <string.h>

#include "apiserver/list_token.h"
#include "base/clock.h"
#include "base/json.h"
#include "schema/protobuf.h"
#include "support_watch.h"
#include "tests/test.h"

#define CM "/api/v1/namespaces/default/configmaps"

static struct fixture fixture;

static void ask(const char *method, const char *path, const char *body, struct answer *answer)
{
    fixture_send(&fixture, method, path, body, answer);
}

static void make(const char *name, const char *label)
{
    struct answer answer;
    CLEANUP(free_ptr)
    char *body =
        xasprintf("{\"metadata\":{\"name\":\"%s\",\"labels\":{\"l\":\"%s\"}}}", name, label);
    ask("POST", CM, body, &answer);
    assert_int_equal(answer.code, 201);
    answer_clear(&answer);
}

static void relabel(const char *name, const char *label)
{
    struct answer answer;
    CLEANUP(free_ptr) char *path = xasprintf(CM "/%s", name);
    CLEANUP(free_ptr) char *body = xasprintf("{\"metadata\":{\"labels\":{\"l\":\"%s\"}}}", label);
    ask("PATCH", path, body, &answer);
    assert_int_equal(answer.code, 200);
    answer_clear(&answer);
}

static void drop(const char *name)
{
    struct answer answer;
    CLEANUP(free_ptr) char *path = xasprintf(CM "/%s", name);
    ask("DELETE", path, NULL, &answer);
    assert_int_equal(answer.code, 200);
    answer_clear(&answer);
}

static long long revision_of(const struct answer *answer)
{
    long long revision = 0;
    const char *text = json_text(answer->json, "metadata", "resourceVersion");
    assert_non_null(text);
    assert_int_equal(sscanf(text, "%lld", &revision), 1);
    return revision;
}

static void test_pages(void **state)
{
    struct answer answer;
    size_t seen = 0, pages = 0;
    long long revision = 0;
    CLEANUP(free_ptr) char *next = NULL;
    (void)state;
    for (int i = 0; i < 7; i++) {
        CLEANUP(free_ptr) char *name = xasprintf("page-%d", i);
        make(name, "page");
    }
    do {
        CLEANUP(free_ptr)
        char *path = xasprintf(CM "?labelSelector=l%%3Dpage&limit=3%s%s", next ? "&continue=" : "",
                               next ? next : "");
        ask("GET", path, NULL, &answer);
        assert_int_equal(answer.code, 200);
        seen += json_array_size(json_object_get(answer.json, "items"));
        if (pages++ == 0) {
            revision = revision_of(&answer);
            make("page-9", "page"); /* not in a list that began before it */
        }
        assert_int_equal(revision_of(&answer), revision);
        const char *token = json_text(answer.json, "metadata", "continue");
        free(next);
        next = token ? xstrdup(token) : NULL;
        answer_clear(&answer);
    } while (next);
    assert_int_equal(seen, 7);
    assert_int_equal(pages, 3);
}

/* However little a cluster does: what a client reads behind an expired snapshot has another
 * revision. */
static void test_expired_page(void **state)
{
    struct answer answer;
    (void)state;
    make("expired-0", "expired");
    make("expired-1", "expired");
    ask("GET", CM "?labelSelector=l%3Dexpired&limit=1", NULL, &answer);
    long long revision = revision_of(&answer);
    answer_clear(&answer);
    CLEANUP(free_ptr)
    char *old = list_token_make(revision, clock_now_us() / 1000000 - LIST_TOKEN_AGE_S - 1,
                                "default", "expired-0");
    CLEANUP(free_ptr)
    char *path = xasprintf(CM "?labelSelector=l%%3Dexpired&limit=1&continue=%s", old);
    ask("GET", path, NULL, &answer);
    assert_int_equal(answer.code, 410);
    assert_string_equal(json_text(answer.json, "reason"), "Expired");
    CLEANUP(free_ptr)
    char *rest = xasprintf(CM "?labelSelector=l%%3Dexpired&limit=1&continue=%s",
                           json_text(answer.json, "metadata", "continue"));
    answer_clear(&answer);
    ask("GET", rest, NULL, &answer);
    assert_int_equal(answer.code, 200);
    assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 1);
    assert_true(revision_of(&answer) > revision);
    answer_clear(&answer);
}

static void test_list_options(void **state)
{
    static const struct option_row {
        const char *name, *query;
        long code;
        const char *has;
    } rows[] = {
        {"bad label selector", "labelSelector=a%3D%3D%3D", 400, "BadRequest"},
        {"bad field selector", "fieldSelector=spec.x%3Dy", 400, "is not a known field selector"},
        {"by name", "fieldSelector=metadata.name%3Dpage-1", 200, "\"name\":\"page-1\""},
        {"bad token", "continue=xxxx", 400, "continue key is not valid"},
        {"bad revision", "resourceVersion=abc", 500, "resourceVersion: Invalid value"},
        {"bad revision of pages", "limit=1&resourceVersion=abc", 400, "invalid resource version"},
        {"the future", "resourceVersion=999999999", 504, "Too large resource version: 999999999"},
        {"match without revision", "resourceVersionMatch=Exact", 422,
         "resourceVersionMatch is forbidden unless resourceVersion is provided"},
        {"unknown match", "resourceVersion=1&resourceVersionMatch=Nearly", 422,
         "resourceVersionMatch: Unsupported value"},
        {"any", "resourceVersion=0", 200, "ConfigMapList"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer answer;
        CLEANUP(free_ptr) char *path = xasprintf(CM "?%s", rows[i].query);
        ask("GET", path, NULL, &answer);
        bool ok = answer.code == rows[i].code && strstr(answer.body.data, rows[i].has);
        if (!ok)
            print_message("%s: %ld %s\n", rows[i].name, answer.code, answer.body.data);
        answer_clear(&answer);
        assert_true(ok);
    }
}

static void test_list_in_the_past(void **state)
{
    struct answer answer;
    (void)state;
    make("past", "past");
    ask("GET", CM "?labelSelector=l%3Dpast", NULL, &answer);
    CLEANUP(free_ptr)
    char *path =
        xasprintf(CM "?labelSelector=l%%3Dpast&resourceVersionMatch=Exact&resourceVersion=%lld",
                  revision_of(&answer));
    answer_clear(&answer);
    drop("past");
    ask("GET", path, NULL, &answer);
    assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 1);
    answer_clear(&answer);
}

static void expect(struct watcher *watcher, size_t n, const char *type, const char *name)
{
    assert_true(watcher_wait(watcher, n + 1, 10));
    assert_string_equal(watcher_type(watcher, n), type);
    assert_string_equal(watcher_name(watcher, n), name);
}

static void test_watch_selector(void **state)
{
    struct watcher watcher;
    (void)state;
    make("w1", "in");
    watcher_start(&watcher, &fixture, CM "?watch=1&labelSelector=l%3Din");
    expect(&watcher, 0, "ADDED", "w1");
    make("w2", "out");
    make("w3", "in");
    expect(&watcher, 1, "ADDED", "w3");
    relabel("w2", "in"); /* comes in */
    expect(&watcher, 2, "ADDED", "w2");
    relabel("w3", "out"); /* goes out */
    expect(&watcher, 3, "DELETED", "w3");
    drop("w1");
    expect(&watcher, 4, "DELETED", "w1");
    watcher_stop(&watcher);
}

static void test_watch_resumes(void **state)
{
    struct watcher watcher;
    struct answer answer;
    (void)state;
    ask("GET", CM "?limit=1", NULL, &answer);
    CLEANUP(free_ptr)
    char *path = xasprintf(CM "?watch=true&resourceVersion=%lld", revision_of(&answer));
    answer_clear(&answer);
    make("r1", "r");
    relabel("r1", "q");
    drop("r1");
    watcher_start(&watcher, &fixture, path);
    expect(&watcher, 0, "ADDED", "r1");
    expect(&watcher, 1, "MODIFIED", "r1");
    expect(&watcher, 2, "DELETED", "r1");
    watcher_stop(&watcher);
}

static void test_watch_list(void **state)
{
    struct watcher watcher;
    (void)state;
    make("wl", "wl");
    watcher_start(&watcher, &fixture,
                  CM "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&"
                     "allowWatchBookmarks=true&labelSelector=l%3Dwl");
    expect(&watcher, 0, "ADDED", "wl");
    assert_true(watcher_wait(&watcher, 2, 10));
    assert_string_equal(watcher_type(&watcher, 1), "BOOKMARK");
    pthread_mutex_lock(&watcher.lock);
    const char *end = json_text(json_array_get(watcher.events, 1), "object", "metadata",
                                "annotations", "k8s.io/initial-events-end");
    assert_true(text_eq(end, "true"));
    pthread_mutex_unlock(&watcher.lock);
    watcher_stop(&watcher);
}

static void test_watch_ends(void **state)
{
    struct watcher watcher;
    (void)state;
    watcher_start(&watcher, &fixture,
                  CM "?watch=1&timeoutSeconds=1&allowWatchBookmarks=true&labelSelector=l%3Dnone");
    assert_true(watcher_wait_end(&watcher, 15));
    assert_int_equal(watcher.code, 200);
    assert_string_equal(watcher_type(&watcher, 0), "BOOKMARK");
    watcher_stop(&watcher);
}

/* Who takes what there is gets no pages, but of Events, which upstream's cache doesn't hold. */
static void test_whole(void **state)
{
#define EVENTS "/api/v1/namespaces/default/events"
    static const struct {
        const char *path;
        size_t count;
    } rows[] = {
        {CM "?labelSelector=l%3Dwhole&limit=1", 1},
        {CM "?labelSelector=l%3Dwhole&limit=1&resourceVersion=0", 2},
        {CM "?labelSelector=l%3Dwhole&limit=1&resourceVersion=0&resourceVersionMatch=NotOlderThan",
         2},
        {EVENTS "?limit=1&resourceVersion=0", 1},
    };
    struct answer answer;
    (void)state;
    make("whole1", "whole");
    make("whole2", "whole");
    for (int i = 0; i < 2; i++) {
        ask("POST", EVENTS,
            "{\"metadata\":{\"generateName\":\"e\"},\"involvedObject\":{\"namespace\":\"default\"}"
            "}",
            &answer);
        assert_int_equal(answer.code, 201);
        answer_clear(&answer);
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask("GET", rows[i].path, NULL, &answer);
        if (json_array_size(json_object_get(answer.json, "items")) != rows[i].count)
            fail_msg("%s: %s", rows[i].path, answer.body.data);
        answer_clear(&answer);
    }
}

static void test_delete_collection(void **state)
{
    struct answer answer;
    (void)state;
    make("dc1", "dc");
    make("dc2", "dc");
    make("dc3", "stays");
    ask("DELETE", CM "?labelSelector=l%3Ddc", NULL, &answer);
    assert_int_equal(answer.code, 200);
    assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 2);
    answer_clear(&answer);
    ask("GET", CM "?labelSelector=l+in+(dc,stays)", NULL, &answer);
    assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 1);
    answer_clear(&answer);
}

/* ---- protobuf ---- */

#define PROTOBUF "application/vnd.kubernetes.protobuf"

static json_t *from_protobuf(const char *kind, struct str body)
{
    CLEANUP(error_clear) struct error err = {0};
    json_t *object =
        protobuf_decode_object(type_of_kind(STR(""), STR("v1"), str_of(kind)), body, &err);
    if (!object)
        fail_msg("%s", err.message);
    return object;
}

static void ask_protobuf(const char *path, struct answer *answer)
{
    fixture_ask(&fixture, &(struct ask){.method = "GET", .path = path, .accept = PROTOBUF}, answer);
    assert_int_equal(answer->code, 200);
}

/* Twice: made, and kept. A page, whose metadata says more. Nothing. */
static void test_protobuf_lists(void **state)
{
    struct answer as_json, answer;
    (void)state;
    for (int i = 0; i < 3; i++) {
        CLEANUP(free_ptr) char *name = xasprintf("proto-%d", i);
        make(name, "proto");
    }
    static const char *const paths[] = {CM "?labelSelector=l%3Dproto",
                                        CM "?labelSelector=l%3Dproto", CM "?limit=2",
                                        CM "?labelSelector=l%3Dnone"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        ask("GET", paths[i], NULL, &as_json);
        ask_protobuf(paths[i], &answer);
        json_auto_t *list = from_protobuf("ConfigMapList", buf_str(&answer.body));
        assert_string_equal(json_text(list, "kind"), "ConfigMapList");
        size_t count = json_array_size(json_object_get(as_json.json, "items"));
        assert_int_equal(json_array_size(json_object_get(list, "items")), count);
        for (size_t j = 0; j < count; j++) {
            const json_t *item = json_array_get(json_object_get(list, "items"), j),
                         *same = json_array_get(json_object_get(as_json.json, "items"), j);
            assert_true(
                json_equal(json_object_get(item, "metadata"), json_object_get(same, "metadata")));
        }
        assert_true((json_text(list, "metadata", "continue") != NULL) ==
                    (json_text(as_json.json, "metadata", "continue") != NULL));
        answer_clear(&answer);
        answer_clear(&as_json);
    }
}

/* Frames of length, then a WatchEvent around an envelope. */
static void test_protobuf_watch(void **state)
{
    struct answer answer;
    size_t seen = 0;
    (void)state;
    make("proto-watched", "proto-watched");
    ask_protobuf(CM "?watch=1&resourceVersion=0&timeoutSeconds=1&labelSelector=l%3Dproto-watched",
                 &answer);
    struct str rest = buf_str(&answer.body);
    while (rest.len >= 4) {
        CLEANUP(buf_free) struct buf text = BUF_TEXT;
        CLEANUP(error_clear) struct error err = {0};
        const unsigned char *data = (const unsigned char *)rest.data;
        size_t len = (size_t)data[0] << 24 | (size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3];
        assert_true(len <= rest.len - 4);
        assert_true(protobuf_to_json(&text,
                                     type_find("io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent"),
                                     (struct str){rest.data + 4, len}, &err));
        json_auto_t *event = json_parse(buf_str(&text), JSON_LOAD_STRICT, &err);
        assert_string_equal(json_text(event, "type"), "ADDED");
        assert_string_equal(json_text(event, "object", "kind"), "ConfigMap");
        assert_string_equal(json_text(event, "object", "metadata", "name"), "proto-watched");
        rest = (struct str){rest.data + 4 + len, rest.len - 4 - len};
        seen++;
    }
    assert_int_equal(rest.len, 0);
    assert_int_equal(seen, 1);
    answer_clear(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),          cmocka_unit_test(test_expired_page),
        cmocka_unit_test(test_list_options),   cmocka_unit_test(test_list_in_the_past),
        cmocka_unit_test(test_watch_selector), cmocka_unit_test(test_watch_resumes),
        cmocka_unit_test(test_watch_list),     cmocka_unit_test(test_watch_ends),
        cmocka_unit_test(test_whole),          cmocka_unit_test(test_delete_collection),
        cmocka_unit_test(test_protobuf_lists), cmocka_unit_test(test_protobuf_watch),
    };
    return fixture_run(&fixture, tests);
}
