#include "support_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rbac/rbac.h"
#include "schema/kind.h"
#include "schema/meta.h"
#include "tests/test.h"

#define ANSWER_MAX ((size_t)256 << 20)

static struct user admin;

static void must(bool ok, struct error *err)
{
    if (!ok)
        print_message("the fixture failed: %s\n", err->message ? err->message : "?");
    assert_true(ok);
}

struct api_caller fixture_admin(struct fixture *fixture, struct cluster *cluster)
{
    if (!admin.name)
        user_internal(&admin, "kubernetes-admin", true);
    return (struct api_caller){fixture->api, cluster, &admin};
}

static char *write_file(const struct fixture *fixture, const char *name, const char *text)
{
    char *path = xasprintf("%s/%s", fixture->dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* Namespaces and what clients expect in them. */
static void bootstrap(struct fixture *fixture, struct cluster *cluster)
{
    static const char *const namespaces[] = {"default", "kube-system", "kube-public",
                                             "kube-node-lease"};
    struct api_caller caller = fixture_admin(fixture, cluster);
    struct error err = {0};
    for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
        json_auto_t *namespace = json_pack("{s:{s:s}}", "metadata", "name", namespaces[i]);
        json_auto_t *account = json_pack("{s:{s:s}}", "metadata", "name", "default");
        must(api_create(&caller, "namespaces", "", namespace, NULL, &err), &err);
        must(api_create(&caller, "serviceaccounts", namespaces[i], account, NULL, &err), &err);
    }
    const json_t *roles = rbac_bootstrap(), *role;
    size_t i;
    json_array_foreach (roles, i, role) {
        const char *kind = json_text(role, "kind"), *ns = meta_namespace(role);
        const struct resource *row =
            resource_by_kind(STR("rbac.authorization.k8s.io"), STR("v1"), str_of(kind));
        must(api_create(&caller, row->key, ns, (json_t *)(uintptr_t)role, NULL, &err), &err);
    }
}

static void give_secrets(struct fixture *fixture, struct cluster *cluster)
{
    static const char *const addresses[] = {"127.0.0.1", "localhost", NULL};
    struct error err = {0};
    struct buf secrets = BUF_TEXT;
    (void)fixture;
    must(auth_secrets_make(cluster->name, "test.invalid", addresses, &secrets, &err), &err);
    must(store_cluster_set_secrets(cluster, buf_str(&secrets), &err), &err);
    buf_free(&secrets);
}

static void write_credentials(struct fixture *fixture)
{
    static const char *const groups[] = {"system:masters", NULL};
    struct keypair pair = {0};
    struct error err = {0};
    CLEANUP(free_ptr) char *ca = NULL;
    must(auth_warm(fixture->host, &err), &err);
    must(auth_ca_pem(fixture->host, &ca, &err), &err);
    must(auth_issue_client(fixture->host, "kubernetes-admin", groups, 3600, &pair, &err), &err);
    fixture->ca_path = write_file(fixture, "ca.pem", ca);
    fixture->cert_path = write_file(fixture, "client.pem", pair.cert);
    fixture->key_path = write_file(fixture, "client.key", pair.key);
    keypair_clear(&pair);
}

void fixture_start(struct fixture *fixture)
{
    struct error err = {0};
    *fixture = (struct fixture){.dir = "/tmp/warren-api-XXXXXX"};
    assert_non_null(mkdtemp(fixture->dir));
    object_set_index(kind_index);
    fixture->postgres = postgres_temp(&err);
    must(fixture->postgres, &err);
    fixture->store =
        store_open(&(struct store_options){.conninfo = postgres_conninfo(fixture->postgres)}, &err);
    must(fixture->store, &err);
    fixture->host = store_cluster_by_id(fixture->store, CLUSTER_HOST_ID);
    give_secrets(fixture, fixture->host);
    fixture->api = api_start(&(struct api_options){.store = fixture->store,
                                                   .listen = "127.0.0.1:0",
                                                   .domain = "test.invalid",
                                                   .pod_address = "127.0.0.1"},
                             &err);
    must(fixture->api, &err);
    write_credentials(fixture);
    fixture->url = api_url(fixture->api, fixture->host);
    bootstrap(fixture, fixture->host);
}

struct cluster *fixture_tenant(struct fixture *fixture, const char *name)
{
    static const char *const addresses[] = {"127.0.0.1", NULL};
    struct error err = {0};
    char uid[UUID_TEXT_SIZE];
    struct buf secrets = BUF_TEXT;
    struct cluster *cluster = NULL;
    uuid_make(uid);
    must(auth_secrets_make(name, "test.invalid", addresses, &secrets, &err), &err);
    struct cluster_seed seed = {.name = name, .uid = uid, .secrets = buf_str(&secrets)};
    must(store_cluster_create(fixture->store, &seed, &cluster, &err), &err);
    buf_free(&secrets);
    bootstrap(fixture, cluster);
    return cluster;
}

void fixture_stop(struct fixture *fixture)
{
    api_stop(fixture->api);
    cluster_unref(fixture->host);
    store_close(fixture->store);
    postgres_stop(fixture->postgres);
    char *const paths[] = {fixture->ca_path, fixture->cert_path, fixture->key_path};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (paths[i])
            unlink(paths[i]);
        free(paths[i]);
    }
    free(fixture->url);
    rmdir(fixture->dir);
    user_clear(&admin);
}

/* ---- requests ---- */

void answer_clear(struct answer *answer)
{
    buf_free(&answer->body);
    buf_free(&answer->headers);
    json_decref(answer->json);
    *answer = (struct answer){0};
}

static size_t take(char *data, size_t size, size_t count, void *into)
{
    buf_add(into, data, size * count);
    return size * count;
}

static struct curl_slist *headers_of(const struct ask *ask)
{
    struct curl_slist *list = NULL;
    const char *const pairs[][2] = {
        {"Content-Type: ", ask->body && !ask->type ? "application/json" : ask->type},
        {"Accept: ", ask->accept},
        {"Authorization: Bearer ", ask->token && *ask->token ? ask->token : NULL},
        {"", ask->header},
        {"Impersonate-User: ", ask->as},
        {"Impersonate-Group: ", ask->as_group}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (!pairs[i][1])
            continue;
        CLEANUP(free_ptr) char *line = xasprintf("%s%s", pairs[i][0], pairs[i][1]);
        list = curl_slist_append(list, line);
    }
    return curl_slist_append(list, "Expect:");
}

void fixture_ask(struct fixture *fixture, const struct ask *ask, struct answer *answer)
{
    CURL *curl = curl_easy_init();
    CLEANUP(free_ptr) char *url = xasprintf("%s%s", fixture->url, ask->path);
    struct curl_slist *headers = headers_of(ask);
    struct error ignored = {0};
    *answer = (struct answer){.body = BUF_INIT(ANSWER_MAX), .headers = BUF_INIT(ANSWER_MAX)};
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, ask->method);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_CAINFO, fixture->ca_path);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    if (!ask->token) {
        curl_easy_setopt(curl, CURLOPT_SSLCERT, fixture->cert_path);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, fixture->key_path);
    }
    if (ask->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ask->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(ask->body));
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer->body);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer->headers);
    CURLcode result = curl_easy_perform(curl);
    if (result != CURLE_OK && !ask->quiet)
        print_message("%s %s: %s\n", ask->method, ask->path, curl_easy_strerror(result));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->code);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    answer->json = json_parse(buf_str(&answer->body), JSON_LOAD_LENIENT, &ignored);
    error_clear(&ignored);
}

void fixture_send(struct fixture *fixture, const char *method, const char *path, const char *body,
                  struct answer *answer)
{
    const char *type = strcmp(method, "PATCH") == 0 ? "application/merge-patch+json" : NULL;
    fixture_ask(fixture, &(struct ask){.method = method, .path = path, .body = body, .type = type},
                answer);
}

void fixture_expect(struct fixture *fixture, const char *name, const char *method, const char *path,
                    const char *body, long code, const char *want)
{
    struct answer answer;
    fixture_send(fixture, method, path, body, &answer);
    if (answer.code != code || (want && !strstr(answer.body.data ? answer.body.data : "", want)))
        fail_msg("%s: %s %s: %ld, %s (wanted %ld, %s)", name, method, path, answer.code,
                 answer.body.data, code, want ? want : "anything");
    answer_clear(&answer);
}

char *fixture_token(struct fixture *fixture, struct cluster *cluster)
{
    struct api_caller caller = fixture_admin(fixture, cluster);
    struct error err = {0};
    json_t *answer = NULL;
    json_auto_t *account = json_pack("{s:{s:s}}", "metadata", "name", "admin");
    json_auto_t *request = json_pack("{s:{s:i}}", "spec", "expirationSeconds", 3600);
    json_auto_t *binding = json_pack(
        "{s:{s:s}, s:{s:s, s:s, s:s}, s:[{s:s, s:s, s:s}]}", "metadata", "name", "all", "roleRef",
        "apiGroup", "rbac.authorization.k8s.io", "kind", "ClusterRole", "name", "cluster-admin",
        "subjects", "kind", "ServiceAccount", "name", "admin", "namespace", "default");
    if (!api_create(&caller, "serviceaccounts", "default", account, NULL, &err) ||
        !api_create(&caller, "clusterrolebindings.rbac.authorization.k8s.io", "", binding, NULL,
                    &err) ||
        !api_post_sub(&caller, "serviceaccounts", "token", "default", "admin", request, &answer,
                      &err))
        fail_msg("%s", err.message);
    char *token = xstrdup(json_text(answer, "status", "token"));
    json_decref(answer);
    return token;
}
