#include "apiserver/health.h"

#include <string.h>

#include "apiserver/api_internal.h"
#include "auth/auth.h"
#include "base/metrics.h"

#define KUBERNETES_MAJOR "1"
#define KUBERNETES_MINOR "32"
#define KUBERNETES_LEVEL "v1.32.4+warren.1"
#define METRICS_MAX      ((size_t)16 << 20)

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

static const struct check_row {
    const char *name;
    unsigned probes;
    bool (*check)(const struct request *request);
} checks[] = {
    {"ping", PROBE_HEALTHZ | PROBE_LIVEZ | PROBE_READYZ, check_ping},
    {"log", PROBE_HEALTHZ | PROBE_LIVEZ | PROBE_READYZ, check_ping},
    {"etcd", PROBE_HEALTHZ | PROBE_READYZ,
     check_store}, /* upstream's name, for its clients; the store is PostgreSQL */
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

static bool excluded(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->route.arg_count; i++)
        if (strcmp(request->route.args[i].key, "exclude") == 0 &&
            strcmp(request->route.args[i].value, name) == 0)
            return true;
    return false;
}

static enum step_result run_checks(struct request *request, const struct probe_row *probe)
{
    struct buf text = BUF_TEXT;
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (!(checks[i].probes & probe->probe))
            continue;
        bool skipped = excluded(request, checks[i].name),
             passed = skipped || checks[i].check(request);
        ok = ok && passed;
        if (skipped)
            buf_printf(&text, "[+]%s excluded: ok\n", checks[i].name);
        else
            buf_printf(&text, passed ? "[+]%s ok\n" : "[-]%s failed: reason withheld\n",
                       checks[i].name);
    }
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

static enum step_result serve_version(struct request *request)
{
    return reply_json(request, 200,
                      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "major",
                                KUBERNETES_MAJOR, "minor", KUBERNETES_MINOR, "gitVersion",
                                KUBERNETES_LEVEL, "gitCommit", "", "gitTreeState", "clean",
                                "buildDate", "1970-01-01T00:00:00Z", "goVersion", "", "compiler",
                                "gcc", "platform", "linux/amd64"));
}

/* The process is shared by all clusters, so only the host cluster shows its metrics. */
static enum step_result serve_metrics(struct request *request)
{
    if (request->cluster->id != CLUSTER_HOST_ID)
        return STEP_NEXT;
    struct buf text = BUF_INIT(METRICS_MAX);
    metrics_render(&text);
    return reply_bytes(request, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
}

static enum step_result serve_paths(struct request *request)
{
    static const char *const paths[] = {
        "/api",        "/api/v1",     "/apis",
        "/healthz",    "/livez",      "/metrics",
        "/openapi/v2", "/openapi/v3", "/openid/v1/jwks",
        "/readyz",     "/version",    "/.well-known/openid-configuration"};
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        json_array_append_new(list, json_string(paths[i]));
    return reply_json(request, 200, json_pack("{s:o}", "paths", list));
}

/* What verifies this cluster's service-account tokens elsewhere. */
static enum step_result serve_openid(struct request *request)
{
    CLEANUP(free_ptr) char *url = api_url(request->api, request->cluster);
    return reply_json(request, 200, auth_openid_configuration(url));
}

static enum step_result serve_jwks(struct request *request)
{
    if (!request->may_block)
        return STEP_BLOCK;
    json_auto_t *keys = auth_openid_keys(request->cluster, &request->error);
    if (!keys)
        return STEP_FAIL;
    struct buf text = BUF_TEXT;
    json_write(&text, keys);
    return reply_bytes(request, 200, "application/jwk-set+json", &text);
}

static const struct path_row {
    const char *path;
    step_fn serve;
} path_rows[] = {
    {"/version", serve_version},
    {"/metrics", serve_metrics},
    {"/", serve_paths},
    {"/.well-known/openid-configuration", serve_openid},
    {"/openid/v1/jwks", serve_jwks},
};

enum step_result health_serve(struct request *request)
{
    const char *path = request->route.path;
    for (size_t i = 0; i < ARRAY_LEN(path_rows); i++)
        if (strcmp(path, path_rows[i].path) == 0)
            return path_rows[i].serve(request);
    for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
        if (strcmp(path, probes[i].path) == 0)
            return run_checks(request, &probes[i]);
        size_t len = strlen(probes[i].path);
        if (text_starts(path, probes[i].path) && path[len] == '/')
            return run_check(request, &probes[i], path + len + 1);
    }
    return STEP_NEXT;
}
