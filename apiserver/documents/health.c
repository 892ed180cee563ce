#include "apiserver/documents/health.h"

#include <string.h>

#include "apiserver/backend/aggregate.h"
#include "apiserver/api_internal.h"
#include "apiserver/custom.h"
#include "apiserver/meter.h"
#include "apiserver/version.h"
#include "apiserver/documents/documents.h"
#include "apiserver/documents/served.h"
#include "auth/auth.h"

#define OPENID_CACHING "public, max-age=3600"
#define METRICS_MAX    ((size_t)16 << 20)

/* ---- checks ---- */

static bool check_ping(const struct request *request)
{
    (void)request;
    return true;
}

static bool check_store(const struct request *request)
{
    return store_healthy(request->api->store);
}

static bool check_stopping(const struct request *request)
{
    pthread_mutex_lock(&request->api->lock);
    bool stopping = request->api->stopping;
    pthread_mutex_unlock(&request->api->lock);
    return !stopping;
}

enum probe { PROBE_HEALTHZ = 1, PROBE_LIVEZ = 2, PROBE_READYZ = 4 };

#define EVERY_PROBE (PROBE_HEALTHZ | PROBE_LIVEZ | PROBE_READYZ)
#define HOOK(name)  "poststarthook/" name

/* Upstream's names, since probes and tools ask for them one by one. What stands behind a name that
 * upstream gives to a part of its start is done here before a cluster is served at all. */
static const struct check_row {
    const char *name;
    unsigned probes;
    bool (*check)(const struct request *request);
} checks[] = {
    {"ping", EVERY_PROBE, check_ping},
    {"log", EVERY_PROBE, check_ping},
    {"etcd", PROBE_HEALTHZ | PROBE_READYZ,
     check_store}, /* upstream's name, for its clients; the store is PostgreSQL */
    {"etcd-readiness", PROBE_READYZ, check_store},
    {"informer-sync", PROBE_READYZ, check_ping},
    {HOOK("start-apiserver-admission-initializer"), EVERY_PROBE, check_ping},
    {HOOK("generic-apiserver-start-informers"), EVERY_PROBE, check_ping},
    {HOOK("priority-and-fairness-config-consumer"), EVERY_PROBE, check_ping},
    {HOOK("priority-and-fairness-filter"), EVERY_PROBE, check_ping},
    {HOOK("storage-object-count-tracker-hook"), EVERY_PROBE, check_ping},
    {HOOK("start-apiextensions-informers"), EVERY_PROBE, check_ping},
    {HOOK("start-apiextensions-controllers"), EVERY_PROBE, check_ping},
    {HOOK("crd-informer-synced"), EVERY_PROBE, check_ping},
    {HOOK("start-system-namespaces-controller"), EVERY_PROBE, check_ping},
    {HOOK("start-cluster-authentication-info-controller"), EVERY_PROBE, check_ping},
    {HOOK("start-kube-apiserver-identity-lease-controller"), EVERY_PROBE, check_ping},
    {HOOK("start-kube-apiserver-identity-lease-garbage-collector"), EVERY_PROBE, check_ping},
    {HOOK("start-legacy-token-tracking-controller"), EVERY_PROBE, check_ping},
    {HOOK("start-service-ip-repair-controllers"), EVERY_PROBE, check_ping},
    {HOOK("rbac/bootstrap-roles"), EVERY_PROBE, check_ping},
    {HOOK("scheduling/bootstrap-system-priority-classes"), EVERY_PROBE, check_ping},
    {HOOK("priority-and-fairness-config-producer"), EVERY_PROBE, check_ping},
    {HOOK("bootstrap-controller"), EVERY_PROBE, check_ping},
    {HOOK("start-kubernetes-service-cidr-controller"), EVERY_PROBE, check_ping},
    {HOOK("aggregator-reload-proxy-client-cert"), EVERY_PROBE, check_ping},
    {HOOK("start-kube-aggregator-informers"), EVERY_PROBE, check_ping},
    {HOOK("apiservice-status-local-available-controller"), EVERY_PROBE, check_ping},
    {HOOK("apiservice-status-remote-available-controller"), EVERY_PROBE, check_ping},
    {HOOK("apiservice-registration-controller"), EVERY_PROBE, check_ping},
    {HOOK("apiservice-discovery-controller"), EVERY_PROBE, check_ping},
    {HOOK("kube-apiserver-autoregistration"), EVERY_PROBE, check_ping},
    {"autoregister-completion", EVERY_PROBE, check_ping},
    {HOOK("apiservice-openapi-controller"), EVERY_PROBE, check_ping},
    {HOOK("apiservice-openapiv3-controller"), EVERY_PROBE, check_ping},
    {"shutdown", PROBE_READYZ, check_stopping},
};

static const struct probe_row {
    const char *path, *name;
    unsigned probe;
} probes[] = {
    {"/healthz", "healthz", PROBE_HEALTHZ},
    {"/livez", "livez", PROBE_LIVEZ},
    {"/readyz", "readyz", PROBE_READYZ},
};

static void read_excluded(const struct request *request, struct strset *names)
{
    for (size_t i = 0; i < request->route.arg_count; i++)
        if (strcmp(request->route.args[i].key, "exclude") == 0)
            strset_add(names, request->route.args[i].value);
}

static void add_unmatched(struct buf *text, const struct strset *names)
{
    for (size_t i = 0; i < names->count; i++)
        buf_printf(text, "%s\"%s\"",
                   i ? "," : "warn: some health checks cannot be excluded: no matches for ",
                   names->items[i]);
    buf_add_text(text, names->count ? "\n" : "");
}

static enum step_result run_checks(struct request *request, const struct probe_row *probe)
{
    CLEANUP(strset_clear) struct strset excluded = {0};
    struct buf text = BUF_TEXT;
    bool ok = true;
    read_excluded(request, &excluded);
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (!(checks[i].probes & probe->probe))
            continue;
        bool skipped = strset_remove(&excluded, checks[i].name),
             passed = skipped || checks[i].check(request);
        ok = ok && passed;
        if (!skipped)
            meter_check(request, checks[i].name, probe->name, passed);
        if (skipped)
            buf_printf(&text, "[+]%s excluded: ok\n", checks[i].name);
        else
            buf_printf(&text, passed ? "[+]%s ok\n" : "[-]%s failed: reason withheld\n",
                       checks[i].name);
    }
    add_unmatched(&text, &excluded);
    bool verbose = !ok || route_arg(&request->route, "verbose");
    if (!verbose)
        buf_clear(&text);
    if (!verbose)
        buf_add_text(&text, "ok");
    else
        buf_printf(&text, "%s check %s\n", probe->name, ok ? "passed" : "failed");
    return reply_bytes(request, ok ? 200 : 500, "text/plain; charset=utf-8", &text);
}

static enum step_result run_check(struct request *request, const struct probe_row *probe,
                                  const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(checks); i++)
        if ((checks[i].probes & probe->probe) && strcmp(checks[i].name, name) == 0)
            return checks[i].check(request)
                       ? reply_text(request, 200, "ok")
                       : reply_text(request, 500, "internal server error: reason withheld\n");
    return STEP_NEXT;
}

/* ---- the rest ---- */

#ifdef __aarch64__
#define PLATFORM "linux/arm64"
#else
#define PLATFORM "linux/amd64"
#endif

static enum step_result serve_version(struct request *request)
{
    request->accept = (struct accept){.pretty = true}; /* whatever was asked for */
    return reply_json(request, 200,
                      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "major",
                                KUBERNETES_MAJOR, "minor", KUBERNETES_MINOR, "gitVersion",
                                KUBERNETES_LEVEL, "gitCommit", GIT_COMMIT, "gitTreeState",
                                GIT_TREE_STATE, "buildDate", BUILD_DATE, "goVersion", KUBERNETES_GO,
                                "compiler", KUBERNETES_COMPILER, "platform", PLATFORM));
}

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The process is shared by all clusters, so only the host cluster shows its metrics. */
static enum step_result serve_metrics(struct request *request)
{
    struct buf text = BUF_INIT(METRICS_MAX);
    if (!request->may_block)
        return STEP_BLOCK;
    if (!meter_render(request, &text)) {
        buf_free(&text);
        return STEP_FAIL;
    }
    return reply_bytes(request, 200, METRICS_TYPE, &text);
}

static enum step_result serve_slis(struct request *request)
{
    struct buf text = BUF_INIT(METRICS_MAX);
    meter_render_checks(request, &text);
    return reply_bytes(request, 200, METRICS_TYPE, &text);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

static json_t *sorted(json_t *list)
{
    size_t count = json_array_size(list);
    CLEANUP(free_ptr) json_t **items = xcalloc(count + 1, sizeof(*items));
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++)
        items[i] = json_array_get(list, i);
    qsort(items, count, sizeof(*items), compare_paths);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare_paths(&items[i - 1], &items[i]) != 0)
            json_array_append(out, items[i]);
    json_decref(list);
    return out;
}

static void add_path(json_t *list, char *path)
{
    json_array_append_new(list, json_string(path));
    free(path);
}

static void add_groups(json_t *list, const struct request *request)
{
    const struct edition edition = {.host = request->cluster->id == CLUSTER_HOST_ID,
                                    .rows = request->custom->rows,
                                    .row_count = request->custom->row_count,
                                    .aggregates = request->aggregates};
    CLEANUP(served_clear) struct served served = {0};
    served_list(&served, &edition);
    for (size_t i = 0; i < served.count; i++) {
        add_path(list, xasprintf("/apis/%s", served.items[i].group));
        add_path(list, xasprintf("/apis/%s/%s", served.items[i].group, served.items[i].version));
    }
}

static enum step_result serve_paths(struct request *request)
{
    static const char *const paths[] = {"/.well-known/openid-configuration",
                                        "/api",
                                        "/api/v1",
                                        "/apis",
                                        "/apis/",
                                        "/healthz",
                                        "/livez",
                                        "/metrics",
                                        "/metrics/slis",
                                        "/openapi/v2",
                                        "/openapi/v3",
                                        "/openapi/v3/",
                                        "/openid/v1/jwks",
                                        "/readyz",
                                        "/version"};
    enum step_result result = custom_load(request);
    if (result == STEP_NEXT)
        result = aggregates_load(request);
    if (result != STEP_NEXT)
        return result;
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        json_array_append_new(list, json_string(paths[i]));
    for (size_t i = 0; i < ARRAY_LEN(probes); i++)
        for (size_t k = 0; k < ARRAY_LEN(checks); k++)
            if (checks[k].probes & probes[i].probe)
                add_path(list, xasprintf("%s/%s", probes[i].path, checks[k].name));
    add_groups(list, request);
    request->accept = (struct accept){.pretty = true};
    return reply_json(request, 200, json_pack("{s:o}", "paths", sorted(list)));
}

/* As it is, without the line break that ends objects. */
static enum step_result reply_openid(struct request *request, const char *type, const json_t *json)
{
    struct buf text = BUF_TEXT;
    json_write(&text, json);
    request->reply.cache_control = OPENID_CACHING;
    return reply_bytes(request, 200, type, &text);
}

/* What verifies this cluster's service-account tokens elsewhere. */
static enum step_result serve_openid(struct request *request)
{
    CLEANUP(free_ptr) char *url = api_url(request->api, request->cluster);
    json_auto_t *configuration = auth_openid_configuration(url);
    return reply_openid(request, "application/json", configuration);
}

static enum step_result serve_jwks(struct request *request)
{
    if (!request->may_block)
        return STEP_BLOCK;
    json_auto_t *keys = auth_openid_keys(request->cluster, &request->error);
    return keys ? reply_openid(request, "application/jwk-set+json", keys) : STEP_FAIL;
}

static const struct path_row {
    const char *path;
    step_fn serve;
    bool restful; /* for GET alone, and also with a slash behind it */
} path_rows[] = {
    {"/version", serve_version, true},
    {"/metrics", serve_metrics, false},
    {"/metrics/slis", serve_slis, false},
    {"/", serve_paths, false},
    {"/index.html", serve_paths, false},
    {"/.well-known/openid-configuration", serve_openid, true},
    {"/openid/v1/jwks", serve_jwks, true},
};

static bool is_row(const struct path_row *row, const char *path)
{
    size_t len = strlen(row->path);
    return strncmp(path, row->path, len) == 0 &&
           (!path[len] || (row->restful && strcmp(path + len, "/") == 0));
}

enum step_result health_serve(struct request *request)
{
    const char *path = request->route.path;
    for (size_t i = 0; i < ARRAY_LEN(path_rows); i++)
        if (is_row(&path_rows[i], path))
            return path_rows[i].restful && strcmp(request->method, "GET") != 0
                       ? document_get_only(request)
                       : path_rows[i].serve(request);
    for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
        if (strcmp(path, probes[i].path) == 0)
            return run_checks(request, &probes[i]);
        size_t len = strlen(probes[i].path);
        if (text_starts(path, probes[i].path) && path[len] == '/')
            return run_check(request, &probes[i], path + len + 1);
    }
    return STEP_NEXT;
}
