/* Bad input and rude clients: each request here is wrong in its own way, gets a Status that says
 * how, and the server goes on answering others. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"
#include "support_fixture.h"
#include "support_rude.h"
#include "support_watch.h"
#include "tests/test.h"

#define CM          "/api/v1/namespaces/default/configmaps"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
#define WATCHERS    500
#define STALLED     40 /* objects of 512 KiB that nobody reads */

static struct fixture fixture;

struct row {
    const char *name, *method, *path, *body, *type;
    long code;
    const char *has; /* the body contains this */
};

/* Every refusal is a Status object whose code is the response's. */
static bool is_status(const struct answer *answer)
{
    return text_eq(json_text(answer->json, "kind"), "Status") &&
           json_integer_value(json_object_get(answer->json, "code")) == answer->code &&
           json_text(answer->json, "message");
}

static void run_rows(const struct row *rows, size_t count)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct answer answer;
        fixture_ask(
            &fixture,
            &(struct ask){
                .method = row->method, .path = row->path, .body = row->body, .type = row->type},
            &answer);
        bool ok = answer.code == row->code && (row->code < 400 || is_status(&answer)) &&
                  (!row->has || (answer.body.len && strstr(answer.body.data, row->has)));
        if (!ok)
            print_message("%s: %ld %.600s\n", row->name, answer.code,
                          answer.body.len ? answer.body.data : "");
        wrong += !ok;
        answer_clear(&answer);
    }
    assert_int_equal(wrong, 0);
}

static void test_fields(void **state)
{
#define STRICT "?fieldValidation=Strict"
    static const struct row rows[] = {
        {"unknown", "POST", CM STRICT, "{\"metadata\":{\"name\":\"x\"},\"foo\":5}", NULL, 400,
         "strict decoding error: unknown field \\\"foo\\\""},
        {"unknown, ignored", "POST", CM "?fieldValidation=Ignore",
         "{\"metadata\":{\"name\":\"x1\"},\"foo\":5}", NULL, 201, NULL},
        {"unknown, deep", "POST", DEPLOYMENTS STRICT,
         "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
         "\"template\":{\"metadata\":{"
         "\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\","
         "\"imagee\":1}]}}}}",
         NULL, 400, "unknown field \\\"spec.template.spec.containers[0].imagee\\\""},
        {"twice", "POST", CM STRICT,
         "{\"metadata\":{\"name\":\"x\"},\"data\":{\"k\":\"1\"},\"data\":{\"k\":\"2\"}}", NULL, 400,
         "duplicate field \\\"data\\\""},
        {"twice, the last wins", "POST", CM,
         "{\"metadata\":{\"name\":\"x2\"},\"data\":{\"k\":\"1\",\"k\":\"2\"}}", NULL, 201,
         "\"k\":\"2\""},
        {"twice in YAML", "POST", CM STRICT, "metadata: {name: x}\ndata: {k: a}\ndata: {k: b}\n",
         "application/yaml", 400, "already set"},
        {"odd validation", "POST", CM "?fieldValidation=Sloppy", "{\"metadata\":{\"name\":\"x\"}}",
         NULL, 422, "Unsupported value: \\\"Sloppy\\\""},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

static void test_text(void **state)
{
    static const struct row rows[] = {
        {"invalid UTF-8 in a value", "POST", CM,
         "{\"metadata\":{\"name\":\"x\"},\"data\":{\"k\":\"\xff\xfe\"}}", NULL, 400, NULL},
        {"invalid UTF-8 in a key", "POST", CM,
         "{\"metadata\":{\"name\":\"x\"},\"data\":{\"\xc3\":\"v\"}}", NULL, 400, NULL},
        {"overlong UTF-8", "POST", CM,
         "{\"metadata\":{\"name\":\"x\"},\"data\":{\"k\":\"\xc0\xaf\"}}", NULL, 400, NULL},
        {"lone surrogate", "POST", CM,
         "{\"metadata\":{\"name\":\"x\"},\"data\":{\"k\":\"\\ud800\"}}", NULL, 400, NULL},
        {"invalid UTF-8 in YAML", "POST", CM, "metadata:\n  name: \"\xff\"\n", "application/yaml",
         400, NULL},
        {"invalid UTF-8 in a patch", "PATCH", CM "/x1", "{\"data\":{\"k\":\"\xff\"}}",
         "application/merge-patch+json", 400, NULL},
        {"rest after the body", "POST", CM, "{\"metadata\":{\"name\":\"x\"}}{}", NULL, 400, NULL},
        {"cut off", "POST", CM, "{\"metadata\":{\"name\":\"x", NULL, 400, NULL},
        {"nothing", "POST", CM, "", NULL, 400, "unexpected end of JSON input"},
        {"null", "POST", CM, "null", NULL, 422, NULL},
        {"text", "POST", CM, "\"x\"", NULL, 400, NULL},
        {"protobuf cut off", "POST", CM, "k8s", "application/vnd.kubernetes.protobuf", 400, NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

#define DEPLOYMENT(replicas)                                                                       \
    "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"replicas\":" replicas                              \
    ",\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":" \
    "\"b\"}},\"spec\":{"                                                                           \
    "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}"
#define SERVICE(port) "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"ports\":[{\"port\":" port "}]}}"

static void test_numbers(void **state)
{
    static const struct row rows[] = {
        {"above int32", "POST", DEPLOYMENTS, DEPLOYMENT("2147483648"), NULL, 400,
         "cannot unmarshal"},
        {"above int64", "POST", DEPLOYMENTS, DEPLOYMENT("99999999999999999999999"), NULL, 400,
         NULL},
        {"below int64", "POST", DEPLOYMENTS, DEPLOYMENT("-99999999999999999999999"), NULL, 400,
         NULL},
        {"above double", "POST", DEPLOYMENTS, DEPLOYMENT("1e999"), NULL, 400, NULL},
        {"fraction", "POST", DEPLOYMENTS, DEPLOYMENT("1.5"), NULL, 400, NULL},
        {"no number", "POST", DEPLOYMENTS, DEPLOYMENT("NaN"), NULL, 400, NULL},
        {"text", "POST", DEPLOYMENTS, DEPLOYMENT("\"3\""), NULL, 400, "cannot unmarshal string"},
        {"negative", "POST", DEPLOYMENTS, DEPLOYMENT("-1"), NULL, 422,
         "must be greater than or equal to 0"},
        {"port above", "POST", "/api/v1/namespaces/default/services", SERVICE("65536"), NULL, 422,
         "must be between 1 and 65535"},
        {"port 0", "POST", "/api/v1/namespaces/default/services", SERVICE("0"), NULL, 422,
         "must be between 1 and 65535"},
        {"quantity", "POST", "/api/v1/namespaces/default/resourcequotas",
         "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"hard\":{\"cpu\":\"1x\"}}}", NULL, 400, NULL},
        {"limit", "GET", CM "?limit=99999999999999999999", NULL, NULL, 400, NULL},
        {"negative limit", "GET", CM "?limit=-1", NULL, NULL, 200, NULL},
        {"revision", "GET", CM "?limit=1&resourceVersion=abc", NULL, NULL, 400,
         "invalid resource version"},
        {"watch revision", "GET", CM "?watch=1&resourceVersion=-5", NULL, NULL, 500, NULL},
        {"watch timeout", "GET", CM "?watch=1&timeoutSeconds=soon", NULL, NULL, 400, NULL},
        {"continue", "GET", CM "?continue=garbage", NULL, NULL, 400, "continue key is not valid"},
        {"label selector", "GET", CM "?labelSelector=a%20in", NULL, NULL, 400, NULL},
        {"field selector", "GET", CM "?fieldSelector=a.b%3Dc", NULL, NULL, 400,
         "is not a known field selector"},
        {"grace", "DELETE", CM "/x1?gracePeriodSeconds=abc", NULL, NULL, 400, "strconv.ParseInt"},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

/* `count` times `text`, owned. */
static char *repeated(const char *text, size_t count)
{
    size_t len = strlen(text);
    char *out = xmalloc(len * count + 1);
    for (size_t i = 0; i < count; i++)
        memcpy(out + i * len, text, len);
    out[len * count] = '\0';
    return out;
}

static void ask_deep(const char *path, const char *method, const char *type, const char *head,
                     const char *open, const char *close, const char *tail, size_t depth)
{
    CLEANUP(free_ptr) char *up = repeated(open, depth);
    CLEANUP(free_ptr) char *down = repeated(close, depth);
    CLEANUP(free_ptr) char *body = xasprintf("%s%s1%s%s", head, up, down, tail);
    const struct row row = {path, method, path, body, type, 400, NULL};
    run_rows(&row, 1);
}

static void test_depth(void **state)
{
    static const size_t depths[] = {101, 10000, 400000};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(depths); i++) {
        ask_deep(CM, "POST", NULL, "{\"metadata\":{\"name\":\"x\"},\"foo\":", "[", "]", "}",
                 depths[i]);
        ask_deep(CM, "POST", NULL, "{\"metadata\":{\"name\":\"x\"},\"foo\":", "{\"a\":", "}", "}",
                 depths[i]);
        ask_deep(CM, "POST", "application/yaml", "metadata: {name: x}\nfoo: ", "[", "]", "\n",
                 depths[i]);
        ask_deep(CM "/x1", "PATCH", "application/merge-patch+json", "{\"data\":", "{\"a\":", "}",
                 "}", depths[i]);
        ask_deep(CM "/x1", "PATCH", "application/strategic-merge-patch+json",
                 "{\"data\":", "{\"a\":", "}", "}", depths[i]);
        ask_deep(CM "/x1?fieldManager=m", "PATCH", "application/apply-patch+yaml",
                 "apiVersion: v1\nkind: ConfigMap\ndata: ", "[", "]", "\n", depths[i]);
    }
}

static void test_yaml_bombs(void **state)
{
    static const char bomb[] =
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c "
        "[*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
        "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f "
        "[*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: "
        "[*g,*g,*g,*g,*g,*g,*g,*g,*g]\n";
    static const struct row rows[] = {
        {"anchors of anchors", "POST", CM, bomb, "application/yaml", 400, NULL},
        {"anchors of anchors, applied", "PATCH", CM "/x1?fieldManager=m", bomb,
         "application/apply-patch+yaml", 400, NULL},
        {"an anchor within itself", "POST", CM, "a: &a [*a]\n", "application/yaml", 400, NULL},
        {"an unknown anchor", "POST", CM, "a: *nope\n", "application/yaml", 400, NULL},
        {"a merge within itself", "POST", CM, "a: &a\n  <<: *a\n", "application/yaml", 400, NULL},
    };
    (void)state;
    int64_t start = clock_mono_ns();
    run_rows(rows, ARRAY_LEN(rows));
    assert_true(clock_mono_ns() - start < (int64_t)30 * 1000000000);
}

static void test_sizes(void **state)
{
    CLEANUP(free_ptr) char *three = repeated("xxxxxxxx", (3 << 20) / 8);
    CLEANUP(free_ptr) char *huge = repeated("xxxxxxxx", (12 << 20) / 8);
    CLEANUP(free_ptr) char *just = xasprintf("%s}", three);
    const struct row rows[] = {
        {"one byte above 3 MiB", "POST", CM, just, NULL, 413, "limit is 3145728"},
        {"far above", "POST", CM, huge, NULL, 413, "limit is 3145728"},
        {"patch above", "PATCH", CM "/x1", just, "application/merge-patch+json", 413,
         "limit is 3145728"},
        {"3 MiB of nothing", "POST", CM, three, NULL, 400, NULL},
    };
    (void)state;
    run_rows(rows, ARRAY_LEN(rows));
}

/* ---- rude clients ---- */

/* What the server has open: clients of this process are counted too, so they must be gone. */
static size_t open_fds(void)
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static bool settles(size_t most, unsigned seconds)
{
    for (unsigned i = 0; i < seconds * 20; i++) {
        if (open_fds() <= most)
            return true;
        usleep(50000);
    }
    return false;
}

static void assert_served(void)
{
    struct answer answer;
    int64_t start = clock_mono_ns();
    fixture_ask(&fixture, &(struct ask){.method = "GET", .path = CM "/x1"}, &answer);
    assert_int_equal(answer.code, 200);
    assert_true(clock_mono_ns() - start < (int64_t)10 * 1000000000);
    answer_clear(&answer);
}

static void test_tls(void **state)
{
    static const struct hello_row {
        const char *name, *bytes;
        size_t len;
    } rows[] = {
        {"nothing", "", 0},
        {"half a record", "\x16\x03\x01\x02\x00\x01\x00", 7},
        {"a record that is none", "\x16\x03\x01\xff\xff\x01\x02\x03", 8},
        {"plain HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27},
        {"noise", "\x00\xff\x80\x7f\x01\x02\x03\x04\x05\x06", 10},
    };
    size_t before = open_fds();
    (void)state;
    for (unsigned round = 0; round < 20; round++)
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            int fd = rude_connect(&fixture);
            assert_true(send(fd, rows[i].bytes, rows[i].len, MSG_NOSIGNAL) == (ssize_t)rows[i].len);
            close(fd);
        }
    assert_served();
    assert_true(settles(before + 4, 10));
}

/* They close with data on the way and without a word. */
static void test_watchers_gone(void **state)
{
    static struct rude watchers[WATCHERS];
    struct answer answer;
    size_t before;
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        assert_served();
        before = open_fds();
        for (size_t i = 0; i < WATCHERS; i++) {
            assert_true(rude_open(&watchers[i], &fixture));
            assert_true(rude_say(
                &watchers[i], "GET " CM "?watch=1&resourceVersion=0 HTTP/1.1\r\nHost: x\r\n\r\n"));
        }
        fixture_ask(&fixture,
                    &(struct ask){.method = "POST",
                                  .path = CM,
                                  .body = "{\"metadata\":{\"generateName\":\"w-\"}}"},
                    &answer);
        assert_int_equal(answer.code, 201);
        answer_clear(&answer);
        for (size_t i = 0; i < WATCHERS; i++)
            rude_reset(&watchers[i]);
        fixture_ask(&fixture,
                    &(struct ask){.method = "POST",
                                  .path = CM,
                                  .body = "{\"metadata\":{\"generateName\":\"w-\"}}"},
                    &answer);
        answer_clear(&answer);
        assert_true(settles(before + 4, 30));
    }
}

static long resident_kib(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &pages, &resident), 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Many times what its socket and the server's history hold. */
static void test_watcher_that_never_reads(void **state)
{
    struct rude rude;
    struct answer answer;
    CLEANUP(free_ptr) char *value = repeated("0123456789abcdef", (512 << 10) / 16);
    (void)state;
    assert_true(rude_open(&rude, &fixture));
    assert_true(rude_say(&rude, "GET " CM "?watch=1&fieldSelector=metadata.name=big "
                                "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    for (unsigned i = 0; i < STALLED; i++) {
        CLEANUP(free_ptr)
        char *body = xasprintf(
            "{\"metadata\":{\"name\":\"big\"},\"data\":{\"n\":\"%u\",\"v\":\"%s\"}}", i, value);
        fixture_ask(
            &fixture,
            &(struct ask){.method = i ? "PUT" : "POST", .path = i ? CM "/big" : CM, .body = body},
            &answer);
        assert_in_range(answer.code, 200, 201);
        answer_clear(&answer);
    }
    print_message("resident with a stalled watcher: %ld MiB\n", resident_kib() / 1024);
    assert_served();
    size_t got = 0;
    bool ended = rude_drain(&rude, 20, &got);
    print_message("it read %zu MiB late; %s\n", got >> 20, ended ? "cut" : "still open");
    assert_true(ended);
    assert_true(got < (size_t)STALLED * (512 << 10));
    rude_reset(&rude);
}

/* Connections that were made before the other tests and have been dribbling since. */
static struct rude_dribbler dribblers[] = {
    {.name = "handshake",
     .plain = true,
     .text = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
     .each = "\x01"},
    {.name = "head", .text = "GET " CM " HTTP/1.1\r\nHost: x\r\n", .each = "X-A: b\r\n"},
    {.name = "body",
     .text = "POST " CM " HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{",
     .each = " "},
    {.name = "nothing at all", .text = "", .each = ""},
};

static void test_dribblers(void **state)
{
    (void)state;
    assert_served();
    for (size_t i = 0; i < ARRAY_LEN(dribblers); i++) {
        bool cut = rude_dribbler_wait(&dribblers[i], 75);
        print_message("%s: cut after %.0f s\n", dribblers[i].name, dribblers[i].lasted_s);
        assert_true(cut);
    }
    assert_served();
}

static int start(void **state)
{
    (void)state;
    struct answer answer;
    fixture_start(&fixture);
    fixture_ask(&fixture, &(struct ask){.method = "GET", .path = "/readyz"}, &answer);
    answer_clear(&answer);
    for (size_t i = 0; i < ARRAY_LEN(dribblers); i++)
        rude_dribbler_start(&dribblers[i], &fixture);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(dribblers); i++)
        rude_dribbler_stop(&dribblers[i]);
    fixture_stop(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),        cmocka_unit_test(test_text),
        cmocka_unit_test(test_numbers),       cmocka_unit_test(test_depth),
        cmocka_unit_test(test_yaml_bombs),    cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_tls),           cmocka_unit_test(test_watcher_that_never_reads),
        cmocka_unit_test(test_watchers_gone), cmocka_unit_test(test_dribblers),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
