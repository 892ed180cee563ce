/* Putting the server together, and taking it down. */
#include "apiserver/audit/audit.h"
#include "apiserver/api.h"

#include <string.h>

#include "apiserver/admission/callout.h"
#include "apiserver/credentials_tls.h"
#include "apiserver/custom.h"
#include "apiserver/documents/documents.h"
#include "apiserver/flow_match.h"
#include "apiserver/message_cache.h"
#include "apiserver/admission/admission_config.h"
#include "apiserver/admission/lanes.h"
#include "apiserver/backend/node_tls.h"
#include "apiserver/patience.h"
#include "apiserver/backend/reach.h"
#include "apiserver/server.h"
#include "apiserver/backend/tunnel.h"
#include "apiserver/backend/usage.h"
#include "base/clock.h"
#include "schema/kind.h"

#define POOL_THREADS   4
#define POOL_QUEUE_MAX 4096

/* What is kept with a cluster is made anew when what it was made from changes. */
static void on_change(void *arg, struct cluster *cluster, enum event_type type,
                      struct object *object, struct object *before)
{
    admission_config_changed(cluster, object->resource);
    flow_changed(cluster, object->resource);
    custom_changed(arg, cluster, type, object, before);
}

static struct api *api_new(const struct api_options *options)
{
    struct api *api = xcalloc(1, sizeof(*api));
    api->store = options->store;
    api->domain = options->domain ? xstrdup(options->domain) : NULL;
    api->pool =
        pool_new(options->pool_threads ? options->pool_threads : POOL_THREADS, POOL_QUEUE_MAX);
    api->credentials = credentials_cache_new();
    api->documents = documents_new();
    api->tunnels = tunnels_new();
    api->node_identity = node_identity_new();
    api->reach = reach_new();
    api->lanes = lanes_new();
    api->messages = message_cache_new();
    api->usages = usages_new(api);
    api->callouts = callouts_new(options->webhooks_anywhere);
    api->patience = patience_start();
    api->ports = ports_start(api, options->pod_address);
    pthread_mutex_init(&api->lock, NULL);
    pthread_cond_init(&api->idle, NULL);
    streams_start(&api->streams);
    store_listen(api->store, on_change, api);
    return api;
}

/* "0.0.0.0:6443" with the port that was really taken. */
static char *listen_text(const char *listen, unsigned port)
{
    const char *colon = strrchr(listen, ':');
    return xasprintf("%.*s:%u", (int)(colon - listen), listen, port);
}

struct api *api_start(const struct api_options *options, struct error *err)
{
    unsigned port = 0;
    object_set_index(kind_index); /* before anything is cached */
    int fd = options->socket ? options->socket : server_listen(options->listen, 0, &port, err);
    if (fd < 0)
        return NULL;
    if (options->socket)
        port = server_local_port(fd);
    struct api *api = api_new(options);
    api->port = port;
    api->advertise =
        options->advertise ? xstrdup(options->advertise) : listen_text(options->listen, port);
    if (!audit_open(&options->audit, &api->audit, err))
        close(fd);
    else if (server_start(api, fd, options, err))
        return api;
    api_stop(api);
    return NULL;
}

void api_stop(struct api *api)
{
    if (!api)
        return;
    ports_stop(api->ports);
    callouts_stop(api->callouts);
    usages_stop(api->usages);
    server_stop(api);
    streams_stop(&api->streams);
    store_listen(api->store, NULL, api);
    ports_free(api->ports);
    pool_free(api->pool);
    lanes_free(api->lanes);
    callouts_free(api->callouts);
    reach_free(api->reach);
    credentials_cache_free(api->credentials);
    documents_free(api->documents);
    message_cache_free(api->messages);
    usages_free(api->usages);
    tunnels_free(api->tunnels);
    audit_close(api->audit);
    patience_stop(api->patience);
    node_identity_free(api->node_identity);
    pthread_cond_destroy(&api->idle);
    pthread_mutex_destroy(&api->lock);
    free(api->domain);
    free(api->advertise);
    free(api);
}

void api_expire(struct api *api)
{
    message_cache_expire(api->messages, clock_mono_ns());
    ports_expire(api->ports);
    usages_expire(api->usages, clock_mono_ns());
}

unsigned api_port(const struct api *api)
{
    return api->port;
}

const char *api_pod_address(const struct api *api)
{
    return ports_address(api->ports);
}

struct store *api_store(struct api *api)
{
    return api->store;
}

char *api_url(struct api *api, struct cluster *cluster)
{
    if (cluster->id == CLUSTER_HOST_ID)
        return xasprintf("https://%s", api->advertise);
    if (!api->domain)
        return xasprintf("https://%s/clusters/%s", api->advertise, cluster->name);
    const char *port = strrchr(api->advertise, ':');
    return xasprintf("https://%s.%s%s", cluster->name, api->domain, port ? port : "");
}

char *api_tls_server_name(struct api *api, struct cluster *cluster)
{
    if (api->domain || cluster->id == CLUSTER_HOST_ID)
        return NULL;
    return xasprintf("%s.%s", cluster->name, API_CLUSTERS_DOMAIN);
}

unsigned api_pod_port(struct api *api, struct cluster *cluster)
{
    return ports_open(api->ports, cluster);
}

void api_set_pod_target(struct api *api, api_pod_target_fn fn, void *arg)
{
    api->pod_target = fn;
    api->pod_target_arg = arg;
}

char *api_node_url(const json_t *node)
{
    const json_t *address;
    size_t i;
    int64_t port =
        json_integer_value(json_at(node, "status", "daemonEndpoints", "kubeletEndpoint", "Port"));
    json_array_foreach (json_at(node, "status", "addresses"), i, address) {
        const char *text = json_text(address, "address");
        bool six = text && strchr(text, ':');
        if (text_eq(json_text(address, "type"), "InternalIP") && text)
            return xasprintf("https://%s%s%s:%lld", six ? "[" : "", text, six ? "]" : "",
                             (long long)(port ? port : 10250));
    }
    return NULL;
}
