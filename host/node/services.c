#include "host/node/services.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"

#define WAIT_SECONDS 2

struct service {
    char *cluster, *namespace, *name, *address; /* cluster "": the host's own */
    json_t *ports;
};

struct service_cache {
    struct reflector *reflector;
    pthread_mutex_t lock;
    pthread_cond_t ready;
    bool synced;            /* guarded by lock, as the map */
    struct strmap services; /* host "namespace/name" -> struct service */
};

/* ---- variables ---- */

static char *variable_name(const char *service, const char *rest)
{
    char *name = xasprintf("%s%s", service, rest);
    for (char *c = name; *c; c++)
        *c = *c == '-' || *c == '.' ? '_' : (char)toupper((unsigned char)*c);
    return name;
}

static void set(struct env *out, const char *service, const char *rest, const char *value)
{
    CLEANUP(free_ptr) char *name = variable_name(service, rest);
    (void)env_set(out, name, value); /* past the limit the rest is left out */
}

static void add_port(struct env *out, const char *service, const char *address, const json_t *port)
{
    static const char *const parts[] = {"", "_PROTO", "_PORT", "_ADDR"};
    const char *protocol = json_text(port, "protocol");
    if (!protocol)
        protocol = "TCP";
    CLEANUP(free_ptr) char *lower = xstrdup(protocol);
    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    long long number = (long long)json_int_or(json_at(port, "port"), 0);
    CLEANUP(free_ptr) char *text = xasprintf("%lld", number);
    CLEANUP(free_ptr) char *url = xasprintf("%s://%s:%lld", lower, address, number);
    const char *values[] = {url, lower, text, address};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        CLEANUP(free_ptr) char *rest = xasprintf("_PORT_%lld_%s%s", number, protocol, parts[i]);
        set(out, service, rest, values[i]);
    }
}

void service_env_add(struct env *out, const char *name, const char *address, const json_t *ports)
{
    size_t i;
    const json_t *port;
    long long first = (long long)json_int_or(json_at(json_array_get(ports, 0), "port"), 0);
    const char *protocol = json_text(json_array_get(ports, 0), "protocol");
    CLEANUP(free_ptr) char *number = xasprintf("%lld", first);
    CLEANUP(free_ptr) char *lower = xstrdup(protocol ? protocol : "TCP");
    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    CLEANUP(free_ptr) char *url = xasprintf("%s://%s:%lld", lower, address, first);
    set(out, name, "_SERVICE_HOST", address);
    if (!json_array_size(ports))
        return;
    set(out, name, "_SERVICE_PORT", number);
    json_array_foreach (ports, i, port) {
        const char *port_name = json_text(port, "name");
        CLEANUP(free_ptr) char *rest = xasprintf("_SERVICE_PORT_%s", port_name ? port_name : "");
        CLEANUP(free_ptr)
        char *value = xasprintf("%lld", (long long)json_int_or(json_at(port, "port"), 0));
        if (port_name && *port_name)
            set(out, name, rest, value);
    }
    set(out, name, "_PORT", url);
    json_array_foreach (ports, i, port)
        add_port(out, name, address, port);
}

/* ---- the cache ---- */

static void service_free(struct service *service)
{
    if (!service)
        return;
    free(service->cluster);
    free(service->namespace);
    free(service->name);
    free(service->address);
    json_decref(service->ports);
    free(service);
}

static const char *text_or(const char *text, const char *other)
{
    return text ? text : other ? other : "";
}

/* NULL for a headless one: those have no variables. */
static struct service *service_from(const json_t *object)
{
    const json_t *notes = json_at(object, "metadata", "annotations");
    const char *cluster = json_text(notes, TENANCY_PREFIX "cluster");
    const char *address = cluster ? json_text(notes, TENANCY_PREFIX "cluster-ip") : NULL;
    if (!address)
        address = json_text(object, "spec", "clusterIP");
    if (!address || !*address || strcmp(address, "None") == 0)
        return NULL;
    const char *name = json_text(object, "metadata", "name"),
               *namespace = json_text(object, "metadata", "namespace");
    struct service *service = xcalloc(1, sizeof(*service));
    service->cluster = xstrdup(text_or(cluster, ""));
    service->name =
        xstrdup(text_or(cluster ? json_text(notes, TENANCY_PREFIX "name") : NULL, name));
    service->namespace =
        xstrdup(text_or(cluster ? json_text(notes, TENANCY_PREFIX "namespace") : NULL, namespace));
    service->address = xstrdup(address);
    service->ports = json_deep_copy(json_at(object, "spec", "ports"));
    return service;
}

static void on_event(void *arg, const char *type, const json_t *object)
{
    struct service_cache *cache = arg;
    CLEANUP(free_ptr)
    char *key = xasprintf("%s/%s", text_or(json_text(object, "metadata", "namespace"), ""),
                          text_or(json_text(object, "metadata", "name"), ""));
    struct service *now = strcmp(type, "DELETED") == 0 ? NULL : service_from(object);
    pthread_mutex_lock(&cache->lock);
    struct service *old =
        now ? strmap_put(&cache->services, key, now) : strmap_remove(&cache->services, key);
    pthread_mutex_unlock(&cache->lock);
    service_free(old);
}

static void on_synced(void *arg)
{
    struct service_cache *cache = arg;
    pthread_mutex_lock(&cache->lock);
    cache->synced = true;
    pthread_cond_broadcast(&cache->ready);
    pthread_mutex_unlock(&cache->lock);
}

struct service_cache *service_cache_new(struct client *client)
{
    struct service_cache *cache = xcalloc(1, sizeof(*cache));
    pthread_mutex_init(&cache->lock, NULL);
    cond_init(&cache->ready);
    struct reflector_handler handler = {on_event, on_synced, cache};
    cache->reflector = reflector_start(client, "/api/v1/services", &handler);
    return cache;
}

void service_cache_free(struct service_cache *cache)
{
    const char *key;
    void *value;
    if (!cache)
        return;
    reflector_stop(cache->reflector);
    for (size_t i = 0; strmap_next(&cache->services, &i, &key, &value);)
        service_free(value);
    strmap_clear(&cache->services);
    pthread_cond_destroy(&cache->ready);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* Links to the Pod's own namespace; the API server's own Service for every Pod. */
static bool concerns(const struct service *service, const struct pod_view *view, bool links)
{
    bool same_cluster = strcmp(service->cluster, view->cluster ? view->cluster : "") == 0;
    bool master =
        strcmp(service->namespace, "default") == 0 && strcmp(service->name, "kubernetes") == 0;
    return same_cluster && (master || (links && strcmp(service->namespace, view->namespace) == 0));
}

void service_cache_env(struct service_cache *cache, const struct pod_view *view, struct env *out)
{
    const char *key;
    void *value;
    bool links = json_bool_or(json_at(view->pod, "spec", "enableServiceLinks"), true);
    int64_t until_mono_ns = clock_mono_ns() + WAIT_SECONDS * INT64_C(1000000000);
    pthread_mutex_lock(&cache->lock);
    while (!cache->synced && cond_wait_until(&cache->ready, &cache->lock, until_mono_ns))
        continue;
    for (size_t i = 0; strmap_next(&cache->services, &i, &key, &value);) {
        const struct service *service = value;
        if (concerns(service, view, links))
            service_env_add(out, service->name, service->address, service->ports);
    }
    pthread_mutex_unlock(&cache->lock);
    if (!env_get(out, "KUBERNETES_SERVICE_HOST")) { /* upstream's Pods always have it */
        json_auto_t *ports =
            json_pack("[{s:s, s:i, s:s}]", "name", "https", "port", 443, "protocol", "TCP");
        service_env_add(out, "kubernetes", "10.96.0.1", ports);
    }
}
