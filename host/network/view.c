#include "host/network/view.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "host/network/network_policy.h"
#include "schema/meta.h"

#define NOTE               "tenancy.warren.dev/"
#define AFFINITY_S_DEFAULT 10800 /* upstream's, as the most that it allows */
#define AFFINITY_S_MAX     86400

static void ports_free(struct view_port *ports, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(ports[i].name);
    free(ports);
}

static void service_free(void *value)
{
    struct view_service *service = value;
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

static void slice_free(void *value)
{
    struct view_slice *slice = value;
    if (!slice)
        return;
    free(slice->service_key);
    for (size_t i = 0; i < slice->endpoint_count; i++)
        free(slice->endpoints[i].hostname);
    free(slice->endpoints);
    ports_free(slice->ports, slice->port_count);
    free(slice);
}

static void pod_free(void *value)
{
    struct view_pod *pod = value;
    if (!pod)
        return;
    free(pod->cluster);
    free(pod->ns);
    free(pod->name);
    free(pod->host_ns);
    json_decref(pod->labels);
    ports_free(pod->ports, pod->port_count);
    free(pod);
}

static void namespace_free(void *value)
{
    struct view_namespace *ns = value;
    if (!ns)
        return;
    free(ns->cluster);
    json_decref(ns->labels);
    free(ns);
}

static void policy_free(void *value)
{
    network_policy_free(value);
}

/* ---- from objects ---- */

/* An object's name in its own cluster: the note, or what it is called here. */
static char *own_word(const json_t *object, const char *note, const char *otherwise)
{
    const char *value = meta_annotation(object, note);
    return xstrdup(value ? value : otherwise);
}

static void copy_protocol(struct view_port *port, const char *protocol)
{
    (void)snprintf(port->protocol, sizeof(port->protocol), "%s", protocol ? protocol : "TCP");
    for (char *at = port->protocol; *at; at++)
        *at = (char)tolower((unsigned char)*at);
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
        copy_protocol(&(*ports)[i], protocol);
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

static void *read_service(const json_t *object)
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

static void *read_slice(const json_t *object)
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

static json_t *read_labels(const json_t *object)
{
    const json_t *labels = json_at(object, "metadata", "labels");
    return json_object_size(labels) ? json_deep_copy(labels) : NULL;
}

/* A container that has begun when others begin, and goes on: not an init container that ends. */
static bool keeps_running(const json_t *container, bool is_init)
{
    return !is_init || text_eq(json_text(container, "restartPolicy"), "Always");
}

static void add_named_ports(struct view_pod *pod, const json_t *containers, bool is_init)
{
    for (size_t i = 0; i < json_array_size(containers); i++) {
        const json_t *container = json_array_get(containers, i);
        const json_t *ports = json_object_get(container, "ports");
        for (size_t k = 0; k < json_array_size(ports) && keeps_running(container, is_init); k++) {
            const json_t *port = json_array_get(ports, k);
            const char *name = json_text(port, "name");
            if (!name)
                continue;
            pod->ports = xreallocarray(pod->ports, pod->port_count + 1, sizeof(*pod->ports));
            struct view_port *to = &pod->ports[pod->port_count++];
            *to = (struct view_port){.name = xstrdup(name)};
            to->port = (unsigned)json_int_or(json_object_get(port, "containerPort"), 0) & 0xffff;
            copy_protocol(to, json_text(port, "protocol"));
        }
    }
}

static void *read_pod(const json_t *object)
{
    const char *phase = json_text(object, "status", "phase");
    struct view_pod *pod = xcalloc(1, sizeof(*pod));
    pod->cluster = own_word(object, NOTE "cluster", VIEW_HOST_CLUSTER);
    pod->ns = own_word(object, NOTE "namespace", meta_namespace(object));
    pod->name = own_word(object, NOTE "name", meta_name(object));
    pod->host_ns = xstrdup(meta_namespace(object));
    pod->labels = read_labels(object);
    add_named_ports(pod, json_at(object, "spec", "containers"), false);
    add_named_ports(pod, json_at(object, "spec", "initContainers"), true);
    /* A finished Pod's address may be another's by now; a Pod on the node's network has none of its
     * own. */
    if (!text_eq(phase, "Succeeded") && !text_eq(phase, "Failed") &&
        !json_is_true(json_at(object, "spec", "hostNetwork")))
        (void)copy_address(json_text(object, "status", "podIP"), pod->address);
    return pod;
}

static void *read_namespace(const json_t *object)
{
    const char *cluster = meta_label(object, NOTE "cluster");
    struct view_namespace *ns = xcalloc(1, sizeof(*ns));
    ns->cluster = xstrdup(cluster ? cluster : VIEW_HOST_CLUSTER);
    ns->labels = read_labels(object);
    return ns;
}

static void *read_policy(const json_t *object)
{
    return network_policy_read(object);
}

/* ---- what changes with them; lock held ---- */

static bool same_place(const struct view_pod *before, const struct view_pod *now)
{
    return before && now && strcmp(before->address, now->address) == 0 &&
           strcmp(before->cluster, now->cluster) == 0;
}

static bool same_labels(const json_t *before, const json_t *now)
{
    return before == now || (before && now && json_equal(before, now));
}

/* Most changes of a Pod say nothing about its address: they cost the rules nothing. Its ports never
 * change. */
static void pod_changed(struct view *view, const void *before, const void *now)
{
    const struct view_pod *old = before, *pod = now;
    bool moved = !same_place(old, pod);
    if (old && *old->address && strmap_get(&view->clients, old->address) == old)
        (void)strmap_remove(&view->clients, old->address); /* borrowed */
    if (pod && *pod->address)
        (void)strmap_put(&view->clients, pod->address, (void *)(uintptr_t)pod); /* borrowed */
    view->version += moved;
    view->policy_version += moved || !same_labels(old->labels, pod->labels);
}

static void namespace_changed(struct view *view, const void *before, const void *now)
{
    const struct view_namespace *old = before, *ns = now;
    view->policy_version += !old || !ns || !same_labels(old->labels, ns->labels);
}

static void policy_changed(struct view *view, const void *before, const void *now)
{
    (void)before;
    (void)now;
    view->policy_version++;
}

static void service_changed(struct view *view, const void *before, const void *now)
{
    (void)before;
    (void)now;
    view->version++;
}

/* ---- the lists ---- */

static const struct list {
    size_t map; /* where it is in the view */
    void *(*read)(const json_t *object);
    void (*changed)(struct view *view, const void *before,
                    const void *now); /* either may be NULL */
    void (*free_value)(void *value);
} lists[] = {
    [VIEW_SERVICES] = {offsetof(struct view, services), read_service, service_changed,
                       service_free},
    [VIEW_SLICES] = {offsetof(struct view, slices), read_slice, service_changed, slice_free},
    [VIEW_PODS] = {offsetof(struct view, pods), read_pod, pod_changed, pod_free},
    [VIEW_NAMESPACES] = {offsetof(struct view, namespaces), read_namespace, namespace_changed,
                         namespace_free},
    [VIEW_POLICIES] = {offsetof(struct view, policies), read_policy, policy_changed, policy_free},
};

static struct strmap *map_of(struct view *view, const struct list *list)
{
    return (struct strmap *)((char *)view + list->map);
}

/* `object` NULL: it is gone. Lock held. */
static void apply(struct view *view, const struct list *list, const char *key, const json_t *object)
{
    struct strmap *map = map_of(view, list);
    void *now = object ? list->read(object) : NULL;
    void *before = now ? strmap_put(map, key, now) : strmap_remove(map, key);
    list->changed(view, before, now);
    list->free_value(before);
}

void view_init(struct view *view)
{
    *view = (struct view){0};
    pthread_mutex_init(&view->lock, NULL);
    pthread_cond_init(&view->changed, NULL);
}

void view_deinit(struct view *view)
{
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct strmap *map = map_of(view, &lists[i]);
        const char *key;
        void *value;
        for (size_t at = 0; strmap_next(map, &at, &key, &value);)
            lists[i].free_value(value);
        strmap_clear(map);
    }
    strmap_clear(&view->clients);
    pthread_cond_destroy(&view->changed);
    pthread_mutex_destroy(&view->lock);
}

void view_apply(struct view *view, enum view_kind kind, const json_t *object, bool deleted)
{
    CLEANUP(free_ptr)
    char *key = kind == VIEW_NAMESPACES
                    ? xstrdup(meta_name(object))
                    : xasprintf("%s/%s", meta_namespace(object), meta_name(object));
    pthread_mutex_lock(&view->lock);
    apply(view, &lists[kind], key, deleted ? NULL : object);
    pthread_cond_broadcast(&view->changed);
    pthread_mutex_unlock(&view->lock);
}

void view_synced(struct view *view, enum view_kind kind)
{
    pthread_mutex_lock(&view->lock);
    view->synced |= 1U << kind;
    view->version++;
    view->policy_version++;
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
