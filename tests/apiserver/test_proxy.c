/* pods/proxy, services/proxy, nodes/proxy: what reaches the server behind, and what comes back. */
#include <string.h>
#include <unistd.h>

#include "apiserver/backend/forward.h"
#include "apiserver/backend/framing.h"
#include "apiserver/backend/proxy.h"
#include "apiserver/backend/rewrite.h"
#include "apiserver/route.h"
#include "support_backend.h"
#include "support_rude.h"
#include "tests/test.h"

#define BULK ((size_t)8 << 20)
#define BASE "/api/v1/namespaces/default"

static struct fixture fixture;
static struct fake_backend backend = {0};

/* ---- pure ---- */

static void test_names(void **state)
{
    static const struct name_row {
        const char *text, *scheme, *name, *port;
    } rows[] = {
        {"p", "", "p", ""},
        {"p:80", "", "p", "80"},
        {"https:p:web", "https", "p", "web"},
        {"http:p:", "http", "p", ""},
        {":p:80", "", "p", "80"},
        {"ftp:p:80", NULL, NULL, NULL},
        {"a:b:c:d", NULL, NULL, NULL},
        {":80", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct proxy_name name = {0};
        bool ok = proxy_name_parse(&name, rows[i].text) == (rows[i].name != NULL) &&
                  (!rows[i].name ||
                   (text_eq(name.scheme, rows[i].scheme) && text_eq(name.name, rows[i].name) &&
                    text_eq(name.port, rows[i].port)));
        if (!ok)
            print_message("%s\n", rows[i].text);
        assert_true(ok);
        proxy_name_clear(&name);
    }
}

static void test_rest(void **state)
{
    static const struct rest_row {
        const char *target, *rest, *query;
    } rows[] = {
        {BASE "/pods/p/proxy", "", NULL},
        {BASE "/pods/p/proxy/", "/", NULL},
        {BASE "/pods/p/proxy/?a=%zz", "/", "a=%zz"},
        {BASE "/pods/p/proxy/a%2Fb//../c/?x=1&x=2", "/a%2Fb//../c/", "x=1&x=2"},
        {"/clusters/t" BASE "/services/https:s:1/proxy/a", "/a", NULL},
        {"/api/v1/nodes/n/proxy/metrics", "/metrics", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(error_clear) struct error err = {0};
        CLEANUP(route_clear) struct route route;
        bool ok = route_parse(&route, "GET", rows[i].target, &err) && route_is_proxy(&route) &&
                  text_eq(route.rest, rows[i].rest) && text_eq(route.query, rows[i].query);
        if (!ok)
            print_message("%s: %s\n", rows[i].target, route.rest);
        assert_true(ok);
    }
}

static void test_urls(void **state)
{
    static const struct url_row {
        const char *url, *want;
    } rows[] = {
        {"/x/", "/pre/x/"},
        {"x", "x"},
        {"?q", "?q"},
        {"/pre/x", "/pre/x"},
        {"http://10.0.0.3:80/x?q", "/pre/x?q"},
        {"//10.0.0.3:80/x", "/pre/x"},
        {"https://client:6443/x", "https://client:6443/pre/x"},
        {"http://elsewhere/x", "http://elsewhere/x"},
        {"/x?u=http://y/z", "/pre/x?u=http://y/z"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr)
        char *got = forward_url(rows[i].url, "/pre", "10.0.0.3:80", "client:6443");
        assert_string_equal(got, rows[i].want);
    }
}

static char *marked(const void *arg, const char *url)
{
    (void)arg;
    return xasprintf("[%s]", url);
}

static void test_pages(void **state)
{
    static const struct page_row {
        const char *name, *page, *want;
    } rows[] = {
        {"a link", "<p><a class=x href=\"/a?b\">/c</a>", "<p><a class=x href=\"[/a?b]\">/c</a>"},
        {"single quotes", "<IMG SRC = '/a'/>", "<IMG SRC = '[/a]'/>"},
        {"no quotes", "<link href=/a/b rel=x>", "<link href=[/a/b] rel=x>"},
        {"another tag's", "<p href=\"/a\"><a src=\"/b\">", "<p href=\"/a\"><a src=\"/b\">"},
        {"a script", "<script src=\"/a\">'<a href=\"/b\">'</script><a href=\"/c\">",
         "<script src=\"[/a]\">'<a href=\"/b\">'</script><a href=\"[/c]\">"},
        {"a comment", "<!-- <a href=\"/a\"> --><a href=\"/b\">",
         "<!-- <a href=\"/a\"> --><a href=\"[/b]\">"},
        {"an angle in a value", "<a title=\">\" href=\"/a\">", "<a title=\">\" href=\"[/a]\">"},
        {"no value", "<a href><a href=>", "<a href><a href=[]>"},
        {"cut off", "<a href=\"/a", "<a href=\"/a"},
        {"no tag", "1 < 2 <", "1 < 2 <"},
        {"empty", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = BUF_TEXT;
        rewrite_html(&out, str_of(rows[i].page), marked, NULL);
        if (!str_is(buf_str(&out), rows[i].want))
            fail_msg("%s: %s", rows[i].name, out.data);
        buf_free(&out);
    }
}

/* The body that is in `wire`, taken in pieces of `step` bytes. */
static enum framing_result unframe(const char *head_text, const char *wire, size_t step,
                                   struct buf *body)
{
    struct buf head = BUF_TEXT;
    struct framing framing;
    enum framing_result result = FRAMING_BROKEN;
    buf_add_text(&head, head_text);
    bool ok = framing_init(&framing, &head, false);
    buf_free(&head);
    if (ok)
        result = FRAMING_MORE;
    for (size_t at = 0, all = strlen(wire); at < all && result == FRAMING_MORE;) {
        char piece[64];
        size_t len = step < all - at ? step : all - at;
        memcpy(piece, wire + at, len);
        at += len;
        result = framing_take(&framing, piece, &len);
        buf_add(body, piece, len);
    }
    return result == FRAMING_MORE ? framing_close(&framing) : result;
}

static void test_framing(void **state)
{
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
    static const struct framing_row {
        const char *name, *head, *wire, *body;
        enum framing_result result;
    } rows[] = {
        {"a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", "abcdef", "abc", FRAMING_END},
        {"too short", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", "ab", "ab", FRAMING_BROKEN},
        {"until the end", "HTTP/1.1 200 OK\r\n", "abc", "abc", FRAMING_END},
        {"chunks", CHUNKED, "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", "abc0123456789",
         FRAMING_END},
        {"a trailer", CHUNKED, "1\r\na\r\n0\r\nX: y\r\n\r\n", "a", FRAMING_END},
        {"no last chunk", CHUNKED, "1\r\na\r\n", "a", FRAMING_BROKEN},
        {"no size", CHUNKED, "\r\na\r\n", "", FRAMING_BROKEN},
        {"not a size", CHUNKED, "1g\r\na", "", FRAMING_BROKEN},
        {"an absurd size", CHUNKED, "fffffffffffffffffff\r\n", "", FRAMING_BROKEN},
        {"more than its size", CHUNKED, "1\r\nab\r\n", "a", FRAMING_BROKEN},
        {"no body", "HTTP/1.1 204 No Content\r\n", "abc", "", FRAMING_END},
        {"an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", "abc", "",
         FRAMING_BROKEN},
    };
#undef CHUNKED
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t step = 1; step <= 64; step += 9) {
            struct buf body = BUF_TEXT;
            enum framing_result result = unframe(rows[i].head, rows[i].wire, step, &body);
            bool ok = result == rows[i].result && str_is(buf_str(&body), rows[i].body);
            if (!ok)
                print_message("%s by %zu: %d\n", rows[i].name, step, (int)result);
            assert_true(ok);
            buf_free(&body);
        }
    }
}

/* ---- the server behind ---- */

static void count_body(struct backend_visit *visit)
{
    char bytes[16384];
    struct buf text = BUF_TEXT;
    size_t all = 0, got;
    bool chunked = fake_backend_heard(&backend, "\r\ntransfer-encoding: chunked\r\n");
    while ((chunked || all < BULK) && (got = visit_hear(visit, bytes, sizeof(bytes))) > 0) {
        all += got;
        if (chunked && got >= 5 && memcmp(bytes + got - 5, "0\r\n\r\n", 5) == 0)
            break;
    }
    buf_printf(&text, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%zu %s", all,
               chunked ? "chunked" : "plain");
    visit_say(visit, text.data, text.len);
    buf_free(&text);
}

static void say_bulk(struct backend_visit *visit)
{
    CLEANUP(free_ptr) char *bytes = xmalloc(BULK);
    memset(bytes, 'x', BULK);
    visit_say_text(visit, "HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n");
    visit_say(visit, bytes, BULK);
}

static void echo(struct backend_visit *visit)
{
    char bytes[1024];
    size_t got;
    visit_say_text(visit, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                          "Upgrade: echo\r\nX-Kept: yes\r\n\r\nhello");
    while ((got = visit_hear(visit, bytes, sizeof(bytes))) > 0)
        visit_say(visit, bytes, got);
}

static const struct path_row {
    const char *path, *answer;
    void (*serve)(struct backend_visit *visit);
} path_rows[] = {
    {" /teapot",
     "HTTP/1.1 418 Teapot\r\nContent-Length: 5\r\nX-Mine: yes\r\nKeep-Alive: 5\r\n"
     "Access-Control-Allow-Origin: *\r\n\r\nshort",
     NULL},
    {" /odd",
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding : chunked\r\n"
     "Connection : X-Mine\r\nX-Mine: yes\r\n\r\nodd",
     NULL},
    {" /chunks",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", NULL},
    {" /close", "HTTP/1.1 200 OK\r\n\r\nuntil the end", NULL},
    {" /moved", "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n", NULL},
    {" /interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
     NULL},
    {" /page",
     "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: "
     "19\r\n\r\n<a href=\"/a\">b</a>\n",
     NULL},
    {" /chunkedpage",
     "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
     "7\r\n<a href\r\nC\r\n=\"/a\">b</a>\n\r\n0\r\n\r\n",
     NULL},
    {" /nothing", "", NULL},
    {" /broken", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", NULL},
    {" /head", "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n", NULL},
    {" /count", NULL, count_body},
    {" /bulk", NULL, say_bulk},
    {" /echo", NULL, echo},
    {" /", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nroot", NULL},
};

static void serve(struct backend_visit *visit, const char *head)
{
    for (size_t i = 0; i < ARRAY_LEN(path_rows); i++) {
        if (!strstr(head, path_rows[i].path))
            continue;
        if (path_rows[i].serve)
            path_rows[i].serve(visit);
        else
            visit_say_text(visit, path_rows[i].answer);
        return;
    }
}

static void test_answers(void **state)
{
    static const struct answer_row {
        const char *name, *method, *path;
        int code;
        const char *body, *header; /* parts of them */
    } rows[] = {
        {"a length", "GET", BASE "/pods/p/proxy/teapot", 418, "short", "X-Mine: yes"},
        {"names that are none", "GET", BASE "/pods/p/proxy/odd", 200, "odd", "X-Mine: yes"},
        {"chunks", "GET", BASE "/pods/p/proxy/chunks", 200, "abcde", NULL},
        {"until the end", "GET", BASE "/pods/p:80/proxy/close", 200, "until the end", NULL},
        {"an interim answer", "GET", BASE "/pods/p/proxy/interim", 200, "ok", NULL},
        {"a Service", "GET", BASE "/services/s/proxy/", 200, "root", NULL},
        {"with TLS", "GET", BASE "/services/https:s:80/proxy/", 200, "root", NULL},
        {"a PUT", "PUT", BASE "/pods/p/proxy/", 200, "root", NULL},
        {"a PATCH", "PATCH", BASE "/pods/p/proxy/", 200, "root", NULL},
        {"a DELETE", "DELETE", BASE "/pods/p/proxy/", 200, "root", NULL},
        {"OPTIONS", "OPTIONS", BASE "/pods/p/proxy/", 200, "root", NULL},
        {"no slash", "GET", BASE "/pods/p/proxy?a=b", 301, "",
         "Location: " BASE "/pods/p/proxy/?a=b"},
        {"no slash, a HEAD", "HEAD", BASE "/pods/p/proxy?a=b", 301, "",
         "Location: " BASE "/pods/p/proxy/?a=b"},
        {"no slash, nothing that reads", "DELETE", BASE "/pods/p/proxy?a=b", 200, "root", NULL},
        {"a redirect", "GET", BASE "/pods/p/proxy/moved", 302, "",
         "Location: " BASE "/pods/p/proxy/there"},
        {"a page", "GET", BASE "/pods/p/proxy/page", 200,
         "<a href=\"" BASE "/pods/p/proxy/a\">b</a>\n", NULL},
        {"a page in chunks", "GET", BASE "/pods/p/proxy/chunkedpage", 200,
         "<a href=\"" BASE "/pods/p/proxy/a\">b</a>\n", NULL},
        {"a page of a cluster by its path", "GET", "/clusters/host" BASE "/pods/p/proxy/page", 200,
         "<a href=\"" BASE "/pods/p/proxy/a\">b</a>\n", NULL},
        {"a redirect of one", "GET", "/clusters/host" BASE "/pods/p/proxy/moved", 302, "",
         "Location: /clusters/host" BASE "/pods/p/proxy/there"},
        {"no answer", "GET", BASE "/pods/p/proxy/nothing", 503,
         "error trying to reach service: EOF", NULL},
        {"nobody listens", "GET", BASE "/pods/p:81/proxy/", 503,
         "error trying to reach service: dial tcp 10.0.0.3:81: connect: connection refused", NULL},
        {"no such Pod", "GET", BASE "/pods/nope/proxy/", 404, "pods \\\"nope\\\" not found", NULL},
        {"no such port", "GET", BASE "/services/s:9/proxy/", 503,
         "no service port 9 found for service \\\"s\\\"", NULL},
        {"a bad name", "GET", BASE "/services/a:b:c/proxy/", 400,
         "invalid service request \\\"a:b:c\\\"", NULL},
        {"a bad method", "BREW", BASE "/pods/p/proxy/", 405, "MethodNotAllowed", NULL},
        {"no such node", "GET", "/api/v1/nodes/nope/proxy/", 404, "nodes \\\"nope\\\" not found",
         NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer answer;
        fixture_ask(&fixture, &(struct ask){.method = rows[i].method, .path = rows[i].path},
                    &answer);
        const char *body = answer.body.data ? answer.body.data : "";
        bool ok = answer.code == rows[i].code && strstr(body, rows[i].body) &&
                  (!rows[i].header || strstr(answer.headers.data, rows[i].header)) &&
                  !strcasestr(answer.headers.data, "keep-alive: 5") &&
                  !strstr(answer.headers.data, " :") &&
                  !strcasestr(answer.headers.data, "access-control");
        if (!ok)
            print_message("%s: %ld %s\n%s\n", rows[i].name, answer.code, body, answer.headers.data);
        assert_true(ok);
        answer_clear(&answer);
    }
}

static void test_request(void **state)
{
    static const struct header_row {
        const char *header, *seen, *unseen;
    } rows[] = {
        {"X-Thing: 1", "\r\nX-Thing: 1\r\n", "\r\nauthorization:"},
        {"X-Remote-User: root", "GET /x/y%20z?q=%41 HTTP/1.1\r\n", "x-remote-"},
        {"Proxy-Authorization: x", "\r\nX-Forwarded-Uri: " BASE "/pods/p/proxy/x/y%20z\r\n",
         "proxy-auth"},
        {"Connection: X-Gone\r\nX-Gone: 1", "\r\nConnection: close\r\n", "x-gone"},
        {"Impersonate-User: kubernetes-admin\r\nImpersonate-Group: system:masters",
         "\r\nX-Forwarded-For: 127.0.0.1\r\n", "impersonate"},
        {"X-Thing: 2\r\nTransfer-Encoding : chunked", "\r\nX-Thing: 2\r\n", "transfer-encoding"},
        {"X-Thing: 3\r\nContent-Length\t: 40", "\r\nX-Thing: 3\r\n", "content-length"},
        {"X-Thing: 4\r\nAuthorization : Bearer x", "\r\nX-Thing: 4\r\n", "authorization"},
        {"X-Thing: 5\r\nX(y): z", "\r\nX-Thing: 5\r\n", "x(y)"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer answer;
        fixture_ask(&fixture,
                    &(struct ask){.method = "GET",
                                  .path = BASE "/pods/p/proxy/x/y%20z?q=%41",
                                  .header = rows[i].header},
                    &answer);
        bool ok = answer.code == 200 && fake_backend_heard(&backend, rows[i].seen) &&
                  !fake_backend_heard(&backend, rows[i].unseen);
        if (!ok)
            print_message("%s: %ld %s\n", rows[i].header, answer.code, backend.head.data);
        assert_true(ok);
        answer_clear(&answer);
    }
}

static void test_bulk(void **state)
{
    CLEANUP(free_ptr) char *body = xmalloc(BULK + 1);
    static const struct bulk_row {
        const char *name, *header, *answer, *path;
        long code;
    } rows[] = {
        {"a length", NULL, "8388608 plain", BASE "/pods/p/proxy/count", 200},
        {"chunks", "Transfer-Encoding: chunked", "chunked", BASE "/pods/p/proxy/count", 200},
        {"nobody takes it", NULL, "connection refused", BASE "/pods/p:81/proxy/count", 503},
        {"taken by nobody after the head", NULL, "EOF", BASE "/pods/p/proxy/nothing", 503},
        {"not allowed", NULL, "cannot create resource", BASE "/pods/p/proxy/count", 403},
    };
    (void)state;
    memset(body, 'x', BULK);
    body[BULK] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct answer answer;
        fixture_ask(&fixture,
                    &(struct ask){.method = "POST",
                                  .path = rows[i].path,
                                  .body = body,
                                  .type = "text/plain",
                                  .header = rows[i].header,
                                  .token = rows[i].code == 403 ? "" : NULL},
                    &answer);
        bool ok = answer.code == rows[i].code && answer.body.data &&
                  strstr(answer.body.data, rows[i].answer);
        if (!ok)
            print_message("%s: %ld %s\n", rows[i].name, answer.code, answer.body.data);
        assert_true(ok);
        answer_clear(&answer);
    }
    struct answer answer;
    fixture_ask(&fixture, &(struct ask){.method = "GET", .path = BASE "/pods/p/proxy/bulk"},
                &answer);
    assert_int_equal(answer.code, 200);
    assert_int_equal(answer.body.len, BULK);
    answer_clear(&answer);
}

/* A connection of which we see every byte: until `text` has come, or ten seconds. */
static bool hear_text(struct rude *rude, const char *text)
{
    char all[8192] = "";
    size_t len = 0, got;
    for (unsigned tries = 0; tries < 1000 && len < sizeof(all) - 1; tries++) {
        if (curl_easy_recv(rude->curl, all + len, sizeof(all) - 1 - len, &got) == CURLE_OK)
            len += got;
        all[len] = '\0';
        if (strstr(all, text))
            return true;
        usleep(10000);
    }
    print_message("heard: %s\n", all);
    return false;
}

static void test_upgrade(void **state)
{
    struct rude rude;
    (void)state;
    assert_true(rude_open(&rude, &fixture));
    assert_true(rude_say(&rude, "GET " BASE "/pods/https:p:80/proxy/echo HTTP/1.1\r\nHost: x\r\n"
                                "Connection: Upgrade\r\nUpgrade: echo\r\nX-Mine: 1\r\n\r\n"));
    assert_true(hear_text(&rude, "X-Kept: yes"));
    assert_true(rude_say(&rude, "ping"));
    assert_true(hear_text(&rude, "ping"));
    assert_true(fake_backend_heard(&backend, "\r\nX-Mine: 1\r\n"));
    rude_reset(&rude);
}

static void test_head(void **state)
{
    struct rude rude;
    (void)state;
    assert_true(rude_open(&rude, &fixture));
    assert_true(rude_say(&rude, "HEAD " BASE "/pods/p/proxy/head HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(hear_text(&rude, "Content-Length: 77"));
    rude_reset(&rude);
}

/* A tenant's node is shared: it tells of the tenant's own Pods, and refuses all else. */
static void test_tenant_node(void **state)
{
    static const struct node_row {
        const char *rest;
        long code;
        const char *body;
    } rows[] = {
        {"/healthz", 200, "ok"},
        {"/pods", 200, "\"mine\""},
        {"/metrics", 403, "shared with other clusters"},
        {"/run/a/b/c", 403, "shared with other clusters"},
        {"", 403, "shared with other clusters"},
    };
    struct cluster *tenant = fixture_tenant(&fixture, "t1");
    struct api_caller caller = fixture_admin(&fixture, tenant);
    struct error err = {0};
    json_auto_t *node = json_pack("{s:{s:s}}", "metadata", "name", "n1");
    json_auto_t *pod = json_pack("{s:{s:s}, s:{s:s, s:[{s:s, s:s}]}}", "metadata", "name", "mine",
                                 "spec", "nodeName", "n1", "containers", "name", "c", "image", "i");
    static const char *const groups[] = {"system:masters", NULL};
    struct keypair pair = {0};
    (void)state;
    assert_true(api_create(&caller, "nodes", "", node, NULL, &err));
    assert_true(api_create(&caller, "pods", "default", pod, NULL, &err));
    assert_true(auth_issue_client(tenant, "admin", groups, 600, &pair, &err));
    CLEANUP(free_ptr) char *cert = xasprintf("%s/tenant.pem", fixture.dir);
    CLEANUP(free_ptr) char *key = xasprintf("%s/tenant.key", fixture.dir);
    FILE *file = fopen(cert, "we");
    assert_true(file && fputs(pair.cert, file) >= 0 && fclose(file) == 0);
    file = fopen(key, "we");
    assert_true(file && fputs(pair.key, file) >= 0 && fclose(file) == 0);
    struct fixture as = fixture;
    as.cert_path = cert;
    as.key_path = key;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(free_ptr)
        char *path = xasprintf("/clusters/t1/api/v1/nodes/n1/proxy%s", rows[i].rest);
        struct answer answer;
        fixture_ask(&as, &(struct ask){.method = "GET", .path = path}, &answer);
        bool ok = answer.code == rows[i].code && answer.body.data &&
                  strstr(answer.body.data, rows[i].body);
        if (!ok)
            print_message("%s: %ld %s\n", rows[i].rest, answer.code, answer.body.data);
        assert_true(ok);
        answer_clear(&answer);
    }
    unlink(cert);
    unlink(key);
    keypair_clear(&pair);
    cluster_unref(tenant);
}

/* ---- set-up ---- */

static void make(const char *resource, const char *sub, const char *ns, const char *text)
{
    struct api_caller caller = fixture_admin(&fixture, fixture.host);
    struct error err = {0};
    json_auto_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    bool ok = sub ? api_patch(&caller, resource, sub, ns, "p", object, NULL, &err)
                  : api_create(&caller, resource, ns, object, NULL, &err);
    if (!ok)
        print_message("%s\n", err.message);
    assert_true(ok);
}

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture);
    backend.serve = serve;
    fake_backend_start(&backend, &fixture, "s.default.svc");
    make("pods", NULL, "default",
         "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"name\":"
         "\"c\",\"image\":\"i\",\"ports\":[{\"containerPort\":80}]}]}}");
    make("pods", "status", "default",
         "{\"status\":{\"podIP\":\"10.0.0.3\",\"podIPs\":[{\"ip\":\"10.0.0.3\"}]}}");
    make("services", NULL, "default",
         "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"port\":80}]}}");
    make("endpoints", NULL, "default",
         "{\"metadata\":{\"name\":\"s\"},\"subsets\":[{\"addresses\":[{\"ip\":\"10.0.0.3\","
         "\"targetRef\":{\"kind\":\"Pod\",\"namespace\":\"default\",\"name\":\"p\"}}],\"ports\":[{"
         "\"port\":8080}]}]}");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    fake_backend_stop(&backend);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),       cmocka_unit_test(test_rest),
        cmocka_unit_test(test_urls),        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_pages),       cmocka_unit_test(test_answers),
        cmocka_unit_test(test_request),     cmocka_unit_test(test_bulk),
        cmocka_unit_test(test_upgrade),     cmocka_unit_test(test_head),
        cmocka_unit_test(test_tenant_node),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
