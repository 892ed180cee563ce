/* How a cluster is reached and who gets in: path, TLS server name, own port; certificates, tokens,
 * impersonation. */
#include <string.h>

#include "support_fixture.h"
#include "tests/test.h"

#define CM "/api/v1/namespaces/default/configmaps"

static struct fixture fixture;
static struct cluster *acme;
static char *acme_ca, *acme_cert, *acme_key; /* files */

static char *put_file(const char *name, const char *text)
{
    char *path = xasprintf("%s/%s", fixture.dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

struct visit {
    const char *url, *path, *ca, *cert, *key, *token, *header;
    bool by_name; /* resolve acme.test.invalid to the server */
};

static size_t take(char *data, size_t size, size_t count, void *into)
{
    buf_add(into, data, size * count);
    return size * count;
}

/* The HTTP code, or minus curl's. The body is appended. */
static long visit(const struct visit *what, struct buf *body)
{
    CURL *curl = curl_easy_init();
    long code = 0;
    CLEANUP(free_ptr) char *url = xasprintf("%s%s", what->url, what->path);
    CLEANUP(free_ptr)
    char *resolve = xasprintf("acme.test.invalid:%u:127.0.0.1", api_port(fixture.api));
    CLEANUP(free_ptr)
    char *bearer = xasprintf("Authorization: Bearer %s", what->token ? what->token : "");
    struct curl_slist *headers = what->token ? curl_slist_append(NULL, bearer) : NULL,
                      *names = curl_slist_append(NULL, resolve);
    if (what->header)
        headers = curl_slist_append(headers, what->header);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, what->ca);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    if (what->by_name)
        curl_easy_setopt(curl, CURLOPT_RESOLVE, names);
    if (what->cert) {
        curl_easy_setopt(curl, CURLOPT_SSLCERT, what->cert);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, what->key);
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    curl_slist_free_all(headers);
    curl_slist_free_all(names);
    curl_easy_cleanup(curl);
    return result == CURLE_OK ? code : -(long)result;
}

static void expect(const char *name, const struct visit *what, long code, const char *has)
{
    struct buf body = BUF_TEXT;
    long got = visit(what, &body);
    bool ok = got == code && (!has || (body.len && strstr(body.data, has)));
    if (!ok)
        print_message("%s: %ld %s\n", name, got, body.len ? body.data : "");
    buf_free(&body);
    assert_true(ok);
}

static void test_ways(void **state)
{
    CLEANUP(free_ptr) char *by_path = xasprintf("%s/clusters/acme", fixture.url);
    CLEANUP(free_ptr)
    char *by_name = xasprintf("https://acme.test.invalid:%u", api_port(fixture.api));
    CLEANUP(free_ptr)
    char *by_port = xasprintf("https://127.0.0.1:%u", api_pod_port(fixture.api, acme));
    CLEANUP(free_ptr) char *told = api_url(fixture.api, acme);
    (void)state;
    assert_string_equal(told, by_name); /* there is a domain: kubeconfigs name it */
    assert_int_equal(api_pod_port(fixture.api, acme), api_pod_port(fixture.api, acme));
    expect("by path",
           &(struct visit){.url = by_path,
                           .path = CM "/who",
                           .ca = fixture.ca_path,
                           .cert = acme_cert,
                           .key = acme_key},
           200, "acme's");
    expect("by name",
           &(struct visit){.url = by_name,
                           .path = CM "/who",
                           .ca = acme_ca,
                           .cert = acme_cert,
                           .key = acme_key,
                           .by_name = true},
           200, "acme's");
    expect(
        "by port",
        &(struct visit){
            .url = by_port, .path = CM "/who", .ca = acme_ca, .cert = acme_cert, .key = acme_key},
        200, "acme's");
    expect("a port serves no other cluster",
           &(struct visit){.url = by_port,
                           .path = "/clusters/acme" CM "/who",
                           .ca = acme_ca,
                           .cert = acme_cert,
                           .key = acme_key},
           404, NULL);
    expect("the host's by its address",
           &(struct visit){.url = fixture.url,
                           .path = CM "/who",
                           .ca = fixture.ca_path,
                           .cert = fixture.cert_path,
                           .key = fixture.key_path},
           200, "host's");
    expect("acme's admin is nobody at the host",
           &(struct visit){.url = fixture.url,
                           .path = CM "/who",
                           .ca = fixture.ca_path,
                           .cert = acme_cert,
                           .key = acme_key},
           401, NULL);
    expect("openapi below the path",
           &(struct visit){.url = by_path,
                           .path = "/openapi/v3",
                           .ca = fixture.ca_path,
                           .cert = acme_cert,
                           .key = acme_key},
           200, "\"/clusters/acme/openapi/v3/apis/apps/v1?hash=");
    expect("a tenant's own metrics",
           &(struct visit){.url = by_path,
                           .path = "/metrics",
                           .ca = fixture.ca_path,
                           .cert = acme_cert,
                           .key = acme_key},
           200, "apiserver_request_total{");
    expect("no tenants for tenants",
           &(struct visit){.url = by_path,
                           .path = "/apis/tenancy.warren.dev/v1/tenants",
                           .ca = fixture.ca_path,
                           .cert = acme_cert,
                           .key = acme_key},
           404, NULL);
}

static void test_anonymous(void **state)
{
    struct visit nobody = {.url = fixture.url, .path = CM, .ca = fixture.ca_path};
    (void)state;
    expect("no credentials", &nobody, 403,
           "configmaps is forbidden: User \\\"system:anonymous\\\" cannot list resource "
           "\\\"configmaps\\\" in API group \\\"\\\" in the namespace \\\"default\\\"");
    nobody.path = "/version";
    expect("public", &nobody, 200, "gitVersion");
    nobody.path = "/metrics";
    expect("not public", &nobody, 403,
           "forbidden: User \\\"system:anonymous\\\" cannot get path \\\"/metrics\\\"");
    nobody.path = CM;
    nobody.token = "nonsense";
    expect("bad token", &nobody, 401, "Unauthorized");
}

static char *account_token(const char *account)
{
    struct api_caller caller = fixture_admin(&fixture, fixture.host);
    struct error err = {0};
    json_t *answer = NULL;
    json_auto_t *request = json_pack("{s:{s:i}}", "spec", "expirationSeconds", 3600);
    assert_true(api_post_sub(&caller, "serviceaccounts", "token", "default", account, request,
                             &answer, &err));
    char *token = xstrdup(json_text(answer, "status", "token"));
    json_decref(answer);
    return token;
}

static void test_token(void **state)
{
    struct api_caller caller = fixture_admin(&fixture, fixture.host);
    struct error err = {0};
    json_auto_t *binding = json_pack(
        "{s:{s:s}, s:{s:s, s:s, s:s}, s:[{s:s, s:s, s:s}]}", "metadata", "name", "v", "roleRef",
        "apiGroup", "rbac.authorization.k8s.io", "kind", "ClusterRole", "name", "view", "subjects",
        "kind", "ServiceAccount", "name", "default", "namespace", "default");
    CLEANUP(free_ptr) char *token = account_token("default");
    CLEANUP(free_ptr) char *by_path = xasprintf("%s/clusters/acme", fixture.url);
    struct visit account = {
        .url = fixture.url, .path = CM "/who", .ca = fixture.ca_path, .token = token};
    (void)state;
    expect("nothing is allowed at first", &account, 403, "system:serviceaccount:default:default");
    assert_true(api_create(&caller, "rolebindings.rbac.authorization.k8s.io", "default", binding,
                           NULL, &err));
    expect("a binding works at once", &account, 200, "host's");
    account.path = "/api/v1/namespaces/default/secrets";
    expect("view shows no Secrets", &account, 403, NULL);
    account.path = CM "/who";
    account.url = by_path;
    expect("another cluster's token is nobody's", &account, 401, NULL);
    account.url = fixture.url;
    assert_true(api_delete(&caller, "serviceaccounts", "default", "default", NULL, &err));
    expect("an account that is gone", &account, 401, NULL);
}

static void test_impersonation(void **state)
{
    struct visit admin = {.url = fixture.url,
                          .path = CM,
                          .ca = fixture.ca_path,
                          .cert = fixture.cert_path,
                          .key = fixture.key_path};
    (void)state;
    admin.header = "Impersonate-User: jane";
    expect("as somebody without rights", &admin, 403, "User \\\"jane\\\" cannot list");
    admin.header = "Impersonate-Group: system:masters";
    expect("a group without a user", &admin, 400,
           "requested to impersonate without impersonating a user");
}

static void test_suspended(void **state)
{
    struct error err = {0};
    CLEANUP(free_ptr) char *by_path = xasprintf("%s/clusters/acme", fixture.url);
    struct visit reader = {.url = by_path,
                           .path = CM "/who",
                           .ca = fixture.ca_path,
                           .cert = acme_cert,
                           .key = acme_key};
    (void)state;
    assert_true(store_cluster_set_state(acme, CLUSTER_SUSPENDED, &err));
    expect("a suspended cluster can be read", &reader, 200, NULL);
    assert_true(store_cluster_set_state(acme, CLUSTER_ACTIVE, &err));
}

static void put_who(struct cluster *cluster, const char *whose)
{
    struct api_caller caller = fixture_admin(&fixture, cluster);
    struct error err = {0};
    json_auto_t *map =
        json_pack("{s:{s:s}, s:{s:s}}", "metadata", "name", "who", "data", "is", whose);
    assert_true(api_create(&caller, "configmaps", "default", map, NULL, &err));
}

static int start(void **state)
{
    static const char *const groups[] = {"system:masters", NULL};
    struct keypair pair = {0};
    struct error err = {0};
    CLEANUP(free_ptr) char *ca = NULL;
    (void)state;
    fixture_start(&fixture);
    acme = fixture_tenant(&fixture, "acme");
    assert_true(auth_warm(acme, &err) && auth_ca_pem(acme, &ca, &err));
    assert_true(auth_issue_client(acme, "acme-admin", groups, 3600, &pair, &err));
    acme_ca = put_file("acme-ca.pem", ca);
    acme_cert = put_file("acme.pem", pair.cert);
    acme_key = put_file("acme.key", pair.key);
    keypair_clear(&pair);
    put_who(fixture.host, "host's");
    put_who(acme, "acme's");
    return 0;
}

static int stop(void **state)
{
    char *const paths[] = {acme_ca, acme_cert, acme_key};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        remove(paths[i]);
        free(paths[i]);
    }
    cluster_unref(acme);
    fixture_stop(&fixture);
    return 0;
}

/* It listens until somebody keeps house. */
static void test_port_of_a_deleted_cluster(void **state)
{
    (void)state;
    struct error err = {0};
    struct buf body = BUF_TEXT;
    CLEANUP(cluster_unref_ptr) struct cluster *brief = fixture_tenant(&fixture, "brief");
    CLEANUP(free_ptr)
    char *url = xasprintf("https://127.0.0.1:%u", api_pod_port(fixture.api, brief));
    const struct visit what = {.url = url, .path = "/livez", .ca = fixture.ca_path};
    assert_int_not_equal(-CURLE_COULDNT_CONNECT, visit(&what, &body));
    assert_true(store_cluster_delete(brief, &err));
    api_expire(fixture.api);
    assert_int_equal(-CURLE_COULDNT_CONNECT, visit(&what, &body));
    assert_int_not_equal(0, api_pod_port(fixture.api, acme)); /* others stay */
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways),      cmocka_unit_test(test_anonymous),
        cmocka_unit_test(test_token),     cmocka_unit_test(test_impersonation),
        cmocka_unit_test(test_suspended), cmocka_unit_test(test_port_of_a_deleted_cluster),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
