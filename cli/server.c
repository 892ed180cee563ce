/* warren server: the API endpoints of all clusters, their controllers, the scheduler and the
 * syncer, in one process. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apiserver/api.h"
#include "auth/auth.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/commands.h"
#include "cli/confine.h"
#include "cli/paths.h"
#include "cli/ready.h"
#include "controllers/controller.h"
#include "host/scheduler.h"
#include "tenancy/tenancy.h"
#include "vcluster/vcluster.h"

#define YEAR_S          ((int64_t)365 * 24 * 3600)
#define IDLE_MS         60000
#define HOUSEKEEPING_MS 15000
#define EVENT_TTL_MAX_S YEAR_S
#define HISTORY_MAX_MIB (INT64_C(1) << 20)
#define MIB             (INT64_C(1) << 20)
#define POD_GATEWAY     "10.244.0.1"

static const char *data_dir, *listen_address = "127.0.0.1:6443", *domain, *advertise, *postgres_url,
                             *pod_address, *node_name, *node_address, *ready_fd;
static const char *supervisor, *user_name, *credentials_dir;
static bool webhooks_anywhere;
static const char *event_ttl;
static int64_t event_ttl_s, history_mib;
static const char *history_memory;
static const char *audit_policy_file, *audit_log_path, *audit_maxsize, *audit_maxbackup,
    *audit_maxage;
static struct api_audit_options audit;

/* clang-format off */
static const struct option options[] = {
    {"data-dir", 'd', OPTION_TEXT, &data_dir, "DIR", "admin.kubeconfig and credentials go there (default: " PATHS_DEFAULT_DIR ")", NULL},
    {"listen", 'l', OPTION_TEXT, &listen_address, "ADDR:PORT", "of the API (default: 127.0.0.1:6443)", NULL},
    {"postgres", 0, OPTION_TEXT, &postgres_url, "URL", "PostgreSQL 15 or later; needed", NULL},
    {"domain", 0, OPTION_TEXT, &domain, "NAME", "tenants' endpoints are TENANT.NAME; without it a path of the same address", NULL},
    {"advertise", 0, OPTION_TEXT, &advertise, "HOST:PORT", "what kubeconfigs name (default: the address that it listens on)", NULL},
    {"pod-address", 0, OPTION_TEXT, &pod_address, "ADDR", "where Pods reach this server (default: " POD_GATEWAY ")", NULL},
    {"webhooks-anywhere", 0, OPTION_FLAG, &webhooks_anywhere, NULL, "URLs of tenants' webhooks may lead to private addresses and this machine", NULL},
    {"event-ttl", 0, OPTION_TEXT, &event_ttl, "SECONDS", "how long Events are kept after they were last written (default: 3600)", NULL},
    {"history-memory", 0, OPTION_TEXT, &history_memory, "MIB", "what past events may take in memory, of all clusters together (default: 128)", NULL},
    {"audit-policy-file", 0, OPTION_TEXT, &audit_policy_file, "FILE", "a Policy of audit.k8s.io/v1: which requests the audit log tells of", NULL},
    {"audit-log-path", 0, OPTION_TEXT, &audit_log_path, "FILE", "where audit events go, a line of JSON each; - for standard output", NULL},
    {"audit-log-maxsize", 0, OPTION_TEXT, &audit_maxsize, "MIB", "then the file is put aside (default: 100)", NULL},
    {"audit-log-maxbackup", 0, OPTION_TEXT, &audit_maxbackup, "N", "files that were put aside and are kept (default: all)", NULL},
    {"audit-log-maxage", 0, OPTION_TEXT, &audit_maxage, "DAYS", "how long they are kept (default: for ever)", NULL},
    {"node", 0, OPTION_TEXT, &node_name, "NAME", "write credentials for a node of that name under DIR/node", NULL},
    {"node-address", 0, OPTION_TEXT, &node_address, "ADDR", "what that node is given as --address (default: 127.0.0.1)", NULL},
    {"user", 0, OPTION_TEXT, &user_name, "NAME", "become this user, when started by root; DIR/server is given to him", NULL},
    {"credentials-dir", 0, OPTION_TEXT, &credentials_dir, "DIR", "where admin.kubeconfig and node/ go (default: the data directory)", NULL},
    {"supervised", 0, OPTION_TEXT, &supervisor, "PID", "end when this process, the parent, ends", NULL},
    {"ready-fd", 0, OPTION_TEXT, &ready_fd, "FD", "write \"ready\" to this descriptor once requests are answered", NULL},
    {0},
};
/* clang-format on */

struct server {
    int socket; /* listens; taken by api_start() */
    struct store *store;
    struct cluster *host;
    struct api *api;
    struct controllers *controllers;
    struct vcluster *vcluster;
    struct scheduler *scheduler;
    struct tenancy *tenancy;
};

/* ---- credentials on disk ---- */

static bool write_kubeconfig(struct server *server, const char *path, const char *user,
                             const char *const *groups, struct error *err)
{
    CLEANUP(keypair_clear) struct keypair client = {0};
    CLEANUP(free_ptr) char *ca = NULL, *url = api_url(server->api, server->host);
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    if (!auth_issue_client(server->host, user, groups, YEAR_S, &client, err) ||
        !auth_ca_pem(server->host, &ca, err))
        return false;
    kubeconfig_write(&text, &(struct kubeconfig){
                                .context = "host", .server = url, .ca_pem = ca, .client = &client});
    return paths_write(path, text.data, 0600, err);
}

static bool write_admin(struct server *server, struct error *err)
{
    CLEANUP(free_ptr) char *path = paths_join(credentials_dir, "admin.kubeconfig");
    const char *const groups[] = {"system:masters", NULL};
    return paths_make(credentials_dir, err) &&
           write_kubeconfig(server, path, "kubernetes-admin", groups, err);
}

/* What `warren node` wants: a kubeconfig as system:node:NAME, a serving certificate, the CA that
 * may call it. */
static bool write_node(struct server *server, struct error *err)
{
    CLEANUP(free_ptr)
    char *dir = paths_join(credentials_dir, "node"), *user = xasprintf("system:node:%s", node_name);
    CLEANUP(free_ptr)
    char *kubeconfig = xasprintf("%s/kubeconfig", dir), *cert = xasprintf("%s/serving.crt", dir);
    CLEANUP(free_ptr)
    char *key = xasprintf("%s/serving.key", dir), *ca_path = xasprintf("%s/ca.crt", dir),
         *ca = NULL;
    CLEANUP(keypair_clear) struct keypair serving = {0};
    const char *const groups[] = {"system:nodes", NULL};
    const char *const names[] = {node_name, "localhost", NULL};
    const char *const addresses[] = {"127.0.0.1", POD_GATEWAY, node_address, NULL};
    const struct cert_request request = {.common_name = user,
                                         .dns_names = names,
                                         .addresses = addresses,
                                         .server = true,
                                         .valid_s = YEAR_S};
    return paths_make(dir, err) && write_kubeconfig(server, kubeconfig, user, groups, err) &&
           auth_issue(server->host, &request, &serving, err) &&
           auth_ca_pem(server->host, &ca, err) && paths_write(cert, serving.cert, 0644, err) &&
           paths_write(key, serving.key, 0600, err) && paths_write(ca_path, ca, 0644, err);
}

/* ---- life ---- */

/* What takes the starter's rights, then without them: the directory, the socket, the rest of the
 * rights. */
static bool settle_in(struct server *server, struct error *err)
{
    CLEANUP(free_ptr) char *keys = paths_join(data_dir, "server");
    struct confine_user user;
    if (!paths_make(keys, err) || (server->socket = api_listen(listen_address, err)) < 0)
        return false;
    bool becomes = user_name && geteuid() == 0;
    if (becomes &&
        !(confine_find_user(user_name, false, &user, err) && confine_give(keys, &user, err)))
        return false;
    if (!confine(becomes ? &user : NULL, err))
        return false;
    if (access(keys, R_OK | W_OK | X_OK) != 0)
        return error_set(
            err, ERROR_FORBIDDEN,
            "%s cannot be used by the server's user (%s): give another --data-dir, or --user root",
            keys, strerror(errno));
    return true;
}

static bool start(struct server *server, struct error *err)
{
    CLEANUP(free_ptr) char *key_file = paths_join(data_dir, "server/encryption.key");
    if (!store_key_file_make(key_file, err))
        return false;
    const struct store_options store_options = {
        .conninfo = postgres_url, .kek_file = key_file, .event_bytes_max = history_mib * MIB};
    const struct api_options api_options = {.listen = listen_address,
                                            .socket = server->socket,
                                            .domain = domain,
                                            .advertise = advertise,
                                            .pod_address = pod_address ? pod_address : POD_GATEWAY,
                                            .audit = audit,
                                            .webhooks_anywhere = webhooks_anywhere};
    if (!(server->store = store_open(&store_options, err)))
        return false;
    struct api_options with_store = api_options;
    with_store.store = server->store;
    if (!tenancy_bootstrap_host(
            &(struct tenancy_host){server->store, listen_address, advertise, domain}, err))
        return false;
    server->host = store_cluster_by_id(server->store, CLUSTER_HOST_ID);
    if (!(server->api = api_start(&with_store, err)))
        return false;
    server->controllers = controllers_new(
        &(struct controllers_options){.api = server->api, .event_ttl_s = event_ttl_s});
    controllers_add_kubernetes(server->controllers);
    if (!(server->vcluster = vcluster_new(server->api, server->controllers, err)))
        return false;
    server->scheduler = scheduler_new(NULL, server->controllers);
    scheduler_serve_tenants(server->scheduler, vcluster_tenants(server->vcluster));
    server->tenancy = tenancy_new(
        &(struct tenancy_options){server->api, server->controllers, server->vcluster, domain});
    return controllers_start(server->controllers, err) && write_admin(server, err) &&
           (!node_name || write_node(server, err));
}

static void stop(struct server *server)
{
    if (server->controllers)
        controllers_stop(server->controllers);
    if (server->api)
        api_stop(server->api);
    tenancy_free(server->tenancy);
    scheduler_free(server->scheduler);
    vcluster_free(server->vcluster);
    cluster_unref(server->host);
    if (server->store)
        store_close(server->store);
}

/* Now and then. What idle clusters held lies between what others hold: the allocator gives whole
 * pages of it back only when it is told. */
static void keep_house(struct server *server)
{
    api_expire(server->api);
    if (cache_drop_idle(server->store, IDLE_MS))
        (void)malloc_trim(0);
}

/* Of the options that are numbers; false when one is none. */
static bool read_audit(void)
{
    const struct {
        const char *text;
        int64_t max, *to;
    } rows[] = {{audit_maxsize, HISTORY_MAX_MIB, &audit.log_size_max_mib},
                {audit_maxbackup, INT32_MAX, &audit.log_backups_max},
                {audit_maxage, YEAR_S, &audit.log_age_max_days}};
    audit.policy_file = audit_policy_file;
    audit.log_path = audit_log_path;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].text && !parse_i64(str_of(rows[i].text), 0, rows[i].max, rows[i].to))
            return false;
    return true;
}

static int run(const char *const *args, size_t count)
{
    static struct server server;
    CLEANUP(error_clear) struct error err = {0};
    (void)args;
    (void)count;
    if (!postgres_url)
        return command_usage(
            &command_server,
            "--postgres URL is needed; 'warren up' brings a PostgreSQL of its own");
    if (event_ttl && !parse_i64(str_of(event_ttl), 1, EVENT_TTL_MAX_S, &event_ttl_s))
        return command_usage(&command_server, "--event-ttl must be a number of seconds");
    if (history_memory && !parse_i64(str_of(history_memory), 1, HISTORY_MAX_MIB, &history_mib))
        return command_usage(&command_server, "--history-memory must be a number of MiB");
    if (!read_audit())
        return command_usage(&command_server, "--audit-log-max... must be numbers");
    if (!credentials_dir)
        credentials_dir = data_dir ? data_dir : PATHS_DEFAULT_DIR;
    ready_block_signals();
    if (!settle_in(&server, &err))
        return command_fail(&err);
    if (supervisor && !ready_die_with_parent(supervisor))
        return EXIT_FAILED;
    bool started = start(&server, &err);
    if (started) {
        ready_tell(ready_fd);
        log_info("server", "listening on %s", listen_address);
        for (int got = 0; got != SIGINT && got != SIGTERM && got != SIGHUP;
             got = ready_wait_signal(HOUSEKEEPING_MS))
            keep_house(&server);
    }
    stop(&server);
    return started ? EXIT_DONE : command_fail(&err);
}

const struct command command_server = {
    .name = "server",
    .args = "",
    .summary = "run the control plane of every cluster, on a PostgreSQL",
    .about = "  warren server --postgres postgresql://warren@db/warren --listen 0.0.0.0:6443 "
             "--data-dir /var/lib/warren\n\n"
             "Needs no root; started by root, it keeps nothing of it with --user. Several replicas "
             "may run on one database.",
    .options = options,
    .run = run,
};
