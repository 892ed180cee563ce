/* Services and EndpointSlices. The host Service has no selector and no address of its own: the
 * node's proxy serves the tenant's ClusterIP (a note) to the tenant's Pods only, from the slices
 * that the syncer lets over. */
#include "vcluster/translate.h"

#include <string.h>

#include "schema/meta.h"
#include "vcluster/names.h"

static json_t *translate_ports(const json_t *ports)
{
    static const char *const copied[] = {"name", "protocol", "port", "targetPort", "appProtocol"};
    json_t *out = json_array();
    for (size_t i = 0; i < json_array_size(ports); i++) {
        json_t *port = json_object();
        for (size_t j = 0; j < ARRAY_LEN(copied); j++) {
            json_t *value = json_object_get(json_array_get(ports, i), copied[j]);
            if (value)
                json_object_set(port, copied[j], value);
        }
        json_array_append_new(out, port);
    }
    return out;
}

/* "30080,0": what the node's proxy serves at the pseudo node's address, in the order of the ports.
 */
static void note_node_ports(json_t *host, const json_t *ports)
{
    CLEANUP(buf_free) struct buf text = BUF_TEXT;
    bool any = false;
    for (size_t i = 0; i < json_array_size(ports); i++) {
        int64_t port = json_int_or(json_object_get(json_array_get(ports, i), "nodePort"), 0);
        buf_printf(&text, "%s%lld", i ? "," : "", (long long)port);
        any = any || port;
    }
    if (any)
        meta_set_annotation(host, NOTE_PREFIX "node-ports", text.data);
}

json_t *translate_service(const struct translate_context *context, const json_t *service,
                          struct error *err)
{
    const json_t *spec = json_object_get(service, "spec");
    const char *type = json_text(spec, "type"), *address = json_text(spec, "clusterIP");
    if (json_array_size(json_object_get(spec, "externalIPs"))) {
        error_set(err, ERROR_FORBIDDEN, "spec.externalIPs: is not allowed in a virtual cluster");
        return NULL;
    }
    json_t *meta = translate_meta(context, service, "Service");
    json_t *host = json_pack("{s:s, s:s, s:o, s:{}}", "apiVersion", "v1", "kind", "Service",
                             "metadata", meta, "spec");
    json_t *host_spec = json_object_get(host, "spec");
    if (text_eq(type, "ExternalName")) {
        json_set_text(host_spec, "type", "ExternalName");
        json_set_text(host_spec, "externalName", json_text(spec, "externalName"));
        return host;
    }
    json_set_text(host_spec, "type", "ClusterIP");
    json_set_text(host_spec, "clusterIP", "None");
    json_object_set_new(host_spec, "ports", translate_ports(json_object_get(spec, "ports")));
    if (json_object_get(spec, "sessionAffinity"))
        meta_set_annotation(host, NOTE_PREFIX "session-affinity",
                            json_text(spec, "sessionAffinity"));
    int64_t seconds =
        json_int_or(json_at(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds"), 0);
    if (seconds > 0) {
        CLEANUP(free_ptr) char *text = xasprintf("%lld", (long long)seconds);
        meta_set_annotation(host, NOTE_PREFIX "session-affinity-seconds", text);
    }
    if (json_is_true(json_object_get(spec, "publishNotReadyAddresses")))
        json_object_set_new(host_spec, "publishNotReadyAddresses", json_true());
    note_node_ports(host, json_object_get(spec, "ports"));
    meta_set_annotation(host, NOTE_CLUSTER_IP, address ? address : "None");
    return host;
}

/* The addresses of one endpoint that are the tenant's own; NULL when none is. */
static json_t *own_addresses(const json_t *endpoint, bool (*owns)(void *arg, const char *address),
                             void *arg)
{
    const json_t *addresses = json_object_get(endpoint, "addresses");
    json_t *own = NULL;
    for (size_t i = 0; i < json_array_size(addresses); i++) {
        const char *address = json_string_value(json_array_get(addresses, i));
        if (!address || !owns(arg, address))
            continue;
        if (!own)
            own = json_array();
        json_array_append_new(own, json_string(address));
    }
    return own;
}

json_t *translate_endpointslice(const struct translate_context *context, const json_t *slice,
                                const char *host_service,
                                bool (*owns)(void *arg, const char *address), void *arg,
                                size_t *dropped)
{
    const json_t *endpoints = json_object_get(slice, "endpoints");
    const char *family = json_text(slice, "addressType");
    json_t *out = json_array();
    *dropped = 0;
    for (size_t i = 0; i < json_array_size(endpoints); i++) {
        const json_t *endpoint = json_array_get(endpoints, i);
        json_t *addresses = own_addresses(endpoint, owns, arg), *host_endpoint;
        if (!addresses) {
            (*dropped)++;
            continue;
        }
        host_endpoint = json_pack("{s:o}", "addresses", addresses);
        if (json_object_get(endpoint, "conditions"))
            json_object_set(host_endpoint, "conditions", json_object_get(endpoint, "conditions"));
        json_set_text(host_endpoint, "hostname", json_text(endpoint, "hostname"));
        json_array_append_new(out, host_endpoint);
    }
    json_t *ports = json_object_get(slice, "ports");
    json_t *host =
        json_pack("{s:s, s:s, s:o, s:s, s:o, s:o}", "apiVersion", "discovery.k8s.io/v1", "kind",
                  "EndpointSlice", "metadata", translate_meta(context, slice, "EndpointSlice"),
                  "addressType", family ? family : "IPv4", "endpoints", out, "ports",
                  ports ? json_deep_copy(ports) : json_array());
    meta_set_label(host, "kubernetes.io/service-name", host_service);
    meta_set_label(host, "endpointslice.kubernetes.io/managed-by", "warren-syncer");
    return host;
}
