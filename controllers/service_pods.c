#include "controllers/service_pods.h"

#include <string.h>

#include "base/mem.h"
#include "controllers/pod_state.h"
#include "schema/meta.h"

bool service_pod_listed(const json_t *pod, bool include_terminating)
{
    const char *ip = json_text(pod, "status", "podIP");
    if (pod_is_terminal(pod) || !ip || !ip[0])
        return false;
    return include_terminating || !meta_deleting(pod);
}

static bool is_family(const char *ip, const char *family)
{
    return (strchr(ip, ':') != NULL) == (strcmp(family, "IPv6") == 0);
}

const char *service_pod_address(const json_t *pod, const char *family)
{
    const json_t *ips = json_at(pod, "status", "podIPs");
    for (size_t i = 0; i < json_array_size(ips); i++) {
        const char *ip = json_text(json_array_get(ips, i), "ip");
        if (ip && is_family(ip, family))
            return ip;
    }
    const char *ip = json_text(pod, "status", "podIP");
    return ip && is_family(ip, family) ? ip : NULL;
}

static int64_t named_port_in(const json_t *containers, const char *name, const char *protocol)
{
    for (size_t i = 0; i < json_array_size(containers); i++) {
        const json_t *ports = json_object_get(json_array_get(containers, i), "ports");
        for (size_t j = 0; j < json_array_size(ports); j++) {
            const json_t *port = json_array_get(ports, j);
            const char *own = json_text(port, "protocol");
            if (text_eq(json_text(port, "name"), name) && strcmp(own ? own : "TCP", protocol) == 0)
                return json_int_or(json_object_get(port, "containerPort"), 0);
        }
    }
    return 0;
}

static int64_t find_port(const json_t *service_port, const json_t *pod, const char *protocol)
{
    const json_t *target = json_object_get(service_port, "targetPort");
    if (json_is_string(target))
        return named_port_in(json_at(pod, "spec", "containers"), json_string_value(target),
                             protocol);
    int64_t number = json_int_or(target, 0);
    return number ? number : json_int_or(json_object_get(service_port, "port"), 0);
}

json_t *service_pod_ports(const json_t *service, const json_t *pod, bool name_always)
{
    const json_t *ports = json_at(service, "spec", "ports");
    json_t *out = json_array();
    for (size_t i = 0; i < json_array_size(ports); i++) {
        const json_t *port = json_array_get(ports, i);
        const char *name = json_text(port, "name"), *protocol = json_text(port, "protocol");
        int64_t number = find_port(port, pod, protocol ? protocol : "TCP");
        if (!number)
            continue;
        json_t *entry = json_object();
        if (name_always || (name && name[0]))
            json_object_set_new(entry, "name", json_string(name ? name : ""));
        json_object_set_new(entry, "port", json_integer(number));
        json_set_text(entry, "protocol", protocol ? protocol : "TCP");
        if (json_object_get(port, "appProtocol"))
            json_object_set(entry, "appProtocol", json_object_get(port, "appProtocol"));
        json_array_append_new(out, entry);
    }
    return out;
}

const char *service_pod_hostname(const json_t *service, const json_t *pod)
{
    const char *hostname = json_text(pod, "spec", "hostname"),
               *subdomain = json_text(pod, "spec", "subdomain");
    bool ours = hostname && hostname[0] && text_eq(subdomain, meta_name(service)) &&
                strcmp(meta_namespace(service), meta_namespace(pod)) == 0;
    return ours ? hostname : NULL;
}

json_t *service_pod_reference(const json_t *pod)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "kind", "Pod", "namespace", meta_namespace(pod),
                     "name", meta_name(pod), "uid", meta_uid(pod));
}

bool service_is_headless(const json_t *service)
{
    const char *ip = json_text(service, "spec", "clusterIP");
    return !ip || !ip[0] || strcmp(ip, "None") == 0;
}

bool service_publishes_unready(const json_t *service)
{
    return json_is_true(json_at(service, "spec", "publishNotReadyAddresses"));
}

bool service_has_selector(const json_t *service)
{
    return json_object_size(json_at(service, "spec", "selector")) > 0;
}

/* ---- which Services ---- */

static bool has_address(const struct object *pod)
{
    static const char mark[] = "\"podIP\":";
    return pod && memmem(pod->body.data, pod->body.len, mark, sizeof(mark) - 1);
}

static bool selects(const json_t *service, const struct object *pod)
{
    struct selector *selector = selector_from_map(json_at(service, "spec", "selector"));
    bool yes = selector && selector_matches_labels(selector, pod);
    selector_free(selector);
    return yes;
}

void service_map_pod(struct cluster *cluster, const struct object *pod, const struct object *before,
                     void (*add)(void *arg, const char *key), void *arg)
{
    CLEANUP(object_list_free) struct object_list services = {0};
    if (!has_address(pod) && !has_address(before))
        return;
    if (cache_list_peek(cluster, "services", &(struct cache_range){.ns = pod->ns}, &services) !=
        CACHE_LIST_OK) {
        CLEANUP(free_ptr) char *every = xasprintf("%s/*", pod->ns);
        add(arg, every);
        return;
    }
    for (size_t i = 0; i < services.count; i++) {
        json_auto_t *service = object_json(services.items[i]);
        if (!service_has_selector(service) ||
            !(selects(service, pod) || (before && selects(service, before))))
            continue;
        CLEANUP(free_ptr) char *key = xasprintf("%s/%s", pod->ns, services.items[i]->name);
        add(arg, key);
    }
}

bool service_observe_pods(struct cluster *cluster, const json_t *service, struct json_list *out,
                          struct error *err)
{
    struct selector *selector = selector_from_map(json_at(service, "spec", "selector"));
    const struct observe_query query = {
        .resource = "pods", .ns = meta_namespace(service), .selector = selector};
    bool ok = observe_list(cluster, &query, out, err);
    selector_free(selector);
    return ok;
}
