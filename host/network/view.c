#include "host/network/view.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "schema/meta.h"

#define NOTE               "tenancy.warren.dev/"
#define AFFINITY_S_DEFAULT 10800 /* upstream's, as the most that it allows */
#define AFFINITY_S_MAX     86400

void view_init(struct view *view)
{
    *view = (struct view){0};
    pthread_mutex_init(&view->lock, NULL);
    pthread_cond_init(&view->changed, NULL);
}

static void ports_free(struct view_port *ports, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(ports[i].name);
    free(ports);
}

static void service_free(struct view_service *service)
{
    if (!service)
        return;
    free(service->cluster);
    free(service->ns);
    free(service->name);
    free(service->address);
    free(service->external_name);
    ports_free(service->ports, service->port_count);
    free(service);
}

static void slice_free(struct view_slice *slice)
{
    if (!slice)
        return;
    free(slice->service_key);
    for (size_t i = 0; i < slice->endpoint_count; i++)
        free(slice->endpoints[i].hostname);
    free(slice->endpoints);
    ports_free(slice->ports, slice->port_count);
    free(slice);
}

static void pod_free(struct view_pod *pod)
{
    if (!pod)
        return;
    free(pod->cluster);
    free(pod->ns);
    free(pod->name);
    free(pod);
}

void view_deinit(struct view *view)
{
    size_t at = 0;
    const char *key;
    void *value;
    while (strmap_next(&view->services, &at, &key, &value))
        service_free(value);
    for (at = 0; strmap_next(&view->slices, &at, &key, &value);)
        slice_free(value);
    for (at = 0; strmap_next(&view->pods, &at, &key, &value);)
        pod_free(value);
    strmap_clear(&view->services);
    strmap_clear(&view->slices);
    strmap_clear(&view->pods);
    strmap_clear(&view->clients);
    pthread_cond_destroy(&view->changed);
    pthread_mutex_destroy(&view->lock);
}

/* ---- from objects ---- */

/* An object's name in its own cluster: the note, or what it is called here. */
static char *own_word(const json_t *object, const char *note, const char *otherwise)
{
    const char *value = meta_annotation(object, note);
    return xstrdup(value ? value : otherwise);
}

static void read_ports(const json_t *list, struct view_port **ports, size_t *count)
{
    *count = json_array_size(list);
    *ports = xcalloc(*count, sizeof(**ports));
    for (size_t i = 0; i < *count; i++) {
        const json_t *port = json_array_get(list, i);
        const char *name = json_text(port, "name"), *protocol = json_text(port, "protocol");
        (*ports)[i].name = xstrdup(name ? name : "");
        (*ports)[i].node_port =
            (unsigned)json_int_or(json_object_get(port, "nodePort"), 0) & 0xffff;
        (*ports)[i].port = (unsigned)json_int_or(json_object_get(port, "port"), 0) & 0xffff;
        (void)snprintf((*ports)[i].protocol, sizeof((*ports)[i].protocol), "%s",
                       protocol ? protocol : "TCP");
        for (char *at = (*ports)[i].protocol; *at; at++)
            *at = (char)tolower((unsigned char)*at);
    }
}

/* Addresses go into a rule set: only what is one, in canonical form. */
static bool copy_address(const char *text, char out[ADDRESS_TEXT_SIZE])
{
    struct in_addr address;
    out[0] = '\0';
    return text && inet_pton(AF_INET, text, &address) == 1 &&
           inet_ntop(AF_INET, &address, out, ADDRESS_TEXT_SIZE);
}

/* What each port is on every node: "30080,0", in the order of the ports. */
static void read_node_ports(struct view_service *service, const char *note)
{
    struct str rest = str_of(note);
    for (size_t i = 0; i < service->port_count && rest.data; i++) {
        int64_t port;
        if (parse_i64(str_cut(&rest, ','), 1, 65535, &port))
            service->ports[i].node_port = (unsigned)port;
    }
}

static int64_t read_affinity_seconds(const json_t *object)
{
    int64_t seconds;
    const char *note = meta_annotation(object, NOTE "session-affinity-seconds");
    if (!note || !parse_i64(str_of(note), 1, AFFINITY_S_MAX, &seconds))
        seconds = json_int_or(
            json_at(object, "spec", "sessionAffinityConfig", "clientIP", "timeoutSeconds"), 0);
    return seconds >= 1 && seconds <= AFFINITY_S_MAX ? seconds : AFFINITY_S_DEFAULT;
}

static struct view_service *read_service(const json_t *object)
{
    struct view_service *service = xcalloc(1, sizeof(*service));
    const char *note = meta_annotation(object, NOTE "cluster-ip"),
               *external = json_text(object, "spec", "externalName");
    const char *affinity = meta_annotation(object, NOTE "session-affinity");
    char address[ADDRESS_TEXT_SIZE];
    (void)copy_address(note ? note : json_text(object, "spec", "clusterIP"),
                       address); /* "" when it is none */
    service->cluster = own_word(object, NOTE "cluster", VIEW_HOST_CLUSTER);
    service->ns = own_word(object, NOTE "namespace", meta_namespace(object));
    service->name = own_word(object, NOTE "name", meta_name(object));
    service->address = xstrdup(address);
    service->external_name = text_eq(json_text(object, "spec", "type"), "ExternalName") && external
                                 ? xstrdup(external)
                                 : NULL;
    service->publish_not_ready = json_is_true(json_at(object, "spec", "publishNotReadyAddresses"));
    if (text_eq(affinity ? affinity : json_text(object, "spec", "sessionAffinity"), "ClientIP"))
        service->affinity_s = read_affinity_seconds(object);
    read_ports(json_at(object, "spec", "ports"), &service->ports, &service->port_count);
    if (meta_annotation(object, NOTE "node-ports"))
        read_node_ports(service, meta_annotation(object, NOTE "node-ports"));
    return service;
}

static void read_endpoint(struct view_slice *slice, const json_t *endpoint)
{
    const json_t *addresses = json_object_get(endpoint, "addresses");
    const char *hostname = json_text(endpoint, "hostname");
    const json_t *conditions = json_object_get(endpoint, "conditions");
    bool ready = json_bool_or(json_object_get(conditions, "ready"), true);
    bool leaving = json_is_true(json_object_get(conditions, "serving")) &&
                   json_is_true(json_object_get(conditions, "terminating"));
    for (size_t i = 0; i < json_array_size(addresses); i++) {
        struct view_endpoint *to = &slice->endpoints[slice->endpoint_count];
        if (!copy_address(json_string_value(json_array_get(addresses, i)), to->address))
            continue;
        to->hostname = hostname ? xstrdup(hostname) : NULL;
        to->ready = ready;
        to->leaving = leaving;
        slice->endpoint_count++;
    }
}

static struct view_slice *read_slice(const json_t *object)
{
    const char *service = meta_label(object, "kubernetes.io/service-name");
    const json_t *endpoints = json_object_get(object, "endpoints");
    size_t total = 0;
    if (!service || !text_eq(json_text(object, "addressType"), "IPv4"))
        return NULL;
    struct view_slice *slice = xcalloc(1, sizeof(*slice));
    for (size_t i = 0; i < json_array_size(endpoints); i++)
        total += json_array_size(json_object_get(json_array_get(endpoints, i), "addresses"));
    slice->service_key = xasprintf("%s/%s", meta_namespace(object), service);
    slice->endpoints = xcalloc(total, sizeof(*slice->endpoints));
    for (size_t i = 0; i < json_array_size(endpoints); i++)
        read_endpoint(slice, json_array_get(endpoints, i));
    read_ports(json_object_get(object, "ports"), &slice->ports, &slice->port_count);
    return slice;
}

static struct view_pod *read_pod(const json_t *object)
{
    const char *phase = json_text(object, "status", "phase");
    struct view_pod *pod = xcalloc(1, sizeof(*pod));
    pod->cluster = own_word(object, NOTE "cluster", VIEW_HOST_CLUSTER);
    pod->ns = own_word(object, NOTE "namespace", meta_namespace(object));
    pod->name = own_word(object, NOTE "name", meta_name(object));
    /* A finished Pod's address may be another's by now; a Pod on the node's network has none of its
     * own. */
    if (!text_eq(phase, "Succeeded") && !text_eq(phase, "Failed") &&
        !json_is_true(json_at(object, "spec", "hostNetwork")))
        (void)copy_address(json_text(object, "status", "podIP"), pod->address);
    return pod;
}

/* ---- applying; lock held ---- */

static void put_pod(struct view *view, const char *key, struct view_pod *pod)
{
    struct view_pod *before =
        pod ? strmap_put(&view->pods, key, pod) : strmap_remove(&view->pods, key);
    if (before && *before->address && strmap_get(&view->clients, before->address) == before)
        (void)strmap_remove(&view->clients, before->address); /* borrowed */
    if (pod && *pod->address)
        (void)strmap_put(&view->clients, pod->address, pod); /* borrowed */
    pod_free(before);
}

static bool same_pod(const struct view_pod *before, const struct view_pod *now)
{
    return before && strcmp(before->address, now->address) == 0 &&
           strcmp(before->cluster, now->cluster) == 0;
}

static void apply(struct view *view, enum view_kind kind, const char *key, const json_t *object,
                  bool deleted)
{
    if (kind == VIEW_SERVICES) {
        service_free(deleted ? strmap_remove(&view->services, key)
                             : strmap_put(&view->services, key, read_service(object)));
    } else if (kind == VIEW_SLICES) {
        struct view_slice *slice = deleted ? NULL : read_slice(object);
        slice_free(slice ? strmap_put(&view->slices, key, slice)
                         : strmap_remove(&view->slices, key));
    } else {
        struct view_pod *pod = deleted ? NULL : read_pod(object);
        /* Most changes of a Pod say nothing about its address: they cost the rules nothing. */
        if (pod && same_pod(strmap_get(&view->pods, key), pod)) {
            pod_free(pod);
            return;
        }
        put_pod(view, key, pod);
    }
    view->version++;
    pthread_cond_broadcast(&view->changed);
}

void view_apply(struct view *view, enum view_kind kind, const json_t *object, bool deleted)
{
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", meta_namespace(object), meta_name(object));
    pthread_mutex_lock(&view->lock);
    apply(view, kind, key, object, deleted);
    pthread_mutex_unlock(&view->lock);
}

void view_synced(struct view *view)
{
    pthread_mutex_lock(&view->lock);
    view->synced++;
    view->version++;
    pthread_cond_broadcast(&view->changed);
    pthread_mutex_unlock(&view->lock);
}

const char *view_cluster_of(const struct view *view, const char *address)
{
    const struct view_pod *pod = strmap_get(&view->clients, address);
    return pod ? pod->cluster : NULL;
}

const struct view_service *view_find_service(const struct view *view, const char *cluster,
                                             const char *ns, const char *name, const char **key)
{
    size_t at = 0;
    const char *host_key;
    void *value;
    while (strmap_next(&view->services, &at, &host_key, &value)) {
        const struct view_service *service = value;
        if (strcmp(service->name, name) != 0 || strcmp(service->ns, ns) != 0 ||
            strcmp(service->cluster, cluster) != 0)
            continue;
        if (key)
            *key = host_key;
        return service;
    }
    return NULL;
}
