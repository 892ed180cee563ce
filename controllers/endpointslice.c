#include "controllers/endpointslice.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "controllers/controller.h"
#include "controllers/pod_state.h"
#include "controllers/service_pods.h"
#include "schema/meta.h"

#define HEADLESS_LABEL "service.kubernetes.io/headless"

/* ---- decide: Services with a selector ---- */

static const char *zone_of(const struct endpointslice_seen *seen, const char *node_name)
{
    for (size_t i = 0; node_name && i < seen->node_count; i++)
        if (strcmp(meta_name(seen->nodes[i]), node_name) == 0)
            return meta_label(seen->nodes[i], "topology.kubernetes.io/zone");
    return NULL;
}

static json_t *endpoint_of(const struct endpointslice_seen *seen, const json_t *pod, const char *ip)
{
    const char *node = json_text(pod, "spec", "nodeName");
    bool serving = pod_is_ready(pod), terminating = meta_deleting(pod);
    bool ready = service_publishes_unready(seen->service) || (serving && !terminating);
    json_t *endpoint = json_pack("{s:[s], s:{s:b, s:b, s:b}}", "addresses", ip, "conditions",
                                 "ready", ready, "serving", serving, "terminating", terminating);
    json_set_text(endpoint, "hostname", service_pod_hostname(seen->service, pod));
    json_object_set_new(endpoint, "targetRef", service_pod_reference(pod));
    json_set_text(endpoint, "nodeName", node && node[0] ? node : NULL);
    json_set_text(endpoint, "zone", zone_of(seen, node));
    return endpoint;
}

static void add_pod(const struct endpointslice_seen *seen, const json_t *pod, const char *family,
                    struct slice_want *want)
{
    const char *ip = service_pod_address(pod, family);
    if (!ip || !service_pod_listed(pod, true))
        return;
    json_auto_t *ports = service_pod_ports(seen->service, pod, true);
    struct slice_group *group = slice_group_of(want, family, ports);
    json_array_append_new(group->endpoints, endpoint_of(seen, pod, ip));
}

/* The Service's labels without those that slices set themselves. */
static json_t *make_labels(const json_t *service)
{
    static const char *const own[] = {SLICE_SERVICE_LABEL, SLICE_MANAGED_LABEL, HEADLESS_LABEL};
    const json_t *theirs = json_at(service, "metadata", "labels");
    json_t *labels = theirs ? json_deep_copy(theirs) : json_object();
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        (void)json_object_del(labels, own[i]); /* may be absent */
    if (service_is_headless(service))
        json_set_text(labels, HEADLESS_LABEL, "");
    return labels;
}

void endpointslice_decide(const struct endpointslice_seen *seen, struct plan *plan)
{
    const json_t *families = json_at(seen->service, "spec", "ipFamilies");
    const char *first = json_string_value(json_array_get(families, 0));
    json_auto_t *labels = make_labels(seen->service);
    CLEANUP(slice_want_free)
    struct slice_want want = {
        .owner = seen->service,
        .owner_kind = "Service",
        .service_name = meta_name(seen->service),
        .managed_by = SLICE_BY_CONTROLLER,
        .labels = labels,
        .placeholder = true,
        .placeholder_type = first ? first : "IPv4",
    };
    size_t family_count = json_array_size(families) ? json_array_size(families) : 1;
    if (meta_deleting(seen->service) ||
        text_eq(json_text(seen->service, "spec", "type"), "ExternalName"))
        return;
    for (size_t i = 0; i < family_count; i++) {
        const char *family = json_string_value(json_array_get(families, i));
        for (size_t j = 0; j < seen->pod_count; j++)
            add_pod(seen, seen->pods[j], family ? family : "IPv4", &want);
    }
    slice_decide(&want, seen->slices, seen->slice_count, plan);
}

/* ---- decide: Endpoints of Services without a selector ---- */

static void mirror_addresses(const json_t *addresses, bool ready, const json_t *ports,
                             struct slice_want *want, size_t *room)
{
    json_auto_t *none = json_array();
    for (size_t i = 0; i < json_array_size(addresses) && *room; i++, (*room)--) {
        static const char *const kept[] = {"hostname", "nodeName", "targetRef"};
        const json_t *address = json_array_get(addresses, i);
        const char *ip = json_text(address, "ip");
        if (!ip)
            continue;
        struct slice_group *group = slice_group_of(want, strchr(ip, ':') ? "IPv6" : "IPv4",
                                                   ports ? (json_t *)(uintptr_t)ports : none);
        json_t *endpoint =
            json_pack("{s:[s], s:{s:b}}", "addresses", ip, "conditions", "ready", ready);
        for (size_t j = 0; j < ARRAY_LEN(kept); j++)
            if (json_object_get(address, kept[j]))
                json_object_set(endpoint, kept[j], json_object_get(address, kept[j]));
        json_array_append_new(group->endpoints, endpoint);
    }
}

static json_t *mirrored_ports(const json_t *ports)
{
    json_t *out = json_array();
    for (size_t i = 0; i < json_array_size(ports); i++) {
        json_t *port = json_deep_copy(json_array_get(ports, i));
        if (!json_object_get(port, "name"))
            json_set_text(port, "name", "");
        json_array_append_new(out, port);
    }
    return out;
}

static bool is_mirrored(const struct mirroring_seen *seen)
{
    if (!seen->service || !seen->endpoints || service_has_selector(seen->service) ||
        meta_deleting(seen->endpoints))
        return false;
    return !text_eq(meta_label(seen->endpoints, "endpointslice.kubernetes.io/skip-mirror"),
                    "true") &&
           !meta_annotation(seen->endpoints, "control-plane.alpha.kubernetes.io/leader");
}

void mirroring_decide(const struct mirroring_seen *seen, struct plan *plan)
{
    const json_t *subsets = json_object_get(seen->endpoints, "subsets");
    if (!is_mirrored(seen)) {
        for (size_t i = 0; i < seen->slice_count; i++)
            plan_delete(plan, SLICES, seen->slices[i]);
        return;
    }
    CLEANUP(slice_want_free)
    struct slice_want want = {
        .owner = seen->endpoints,
        .owner_kind = "Endpoints",
        .service_name = meta_name(seen->service),
        .managed_by = SLICE_BY_MIRRORING,
        .labels = json_at(seen->endpoints, "metadata", "labels"),
    };
    for (size_t i = 0; i < json_array_size(subsets); i++) {
        const json_t *subset = json_array_get(subsets, i);
        json_auto_t *ports = mirrored_ports(json_object_get(subset, "ports"));
        size_t room = SLICE_MIRRORED_MAX;
        mirror_addresses(json_object_get(subset, "addresses"), true, ports, &want, &room);
        mirror_addresses(json_object_get(subset, "notReadyAddresses"), false, ports, &want, &room);
    }
    slice_decide(&want, seen->slices, seen->slice_count, plan);
}

/* ---- observe and do ---- */

static bool observe_slices(const struct reconcile *reconcile, const char *managed_by,
                           struct json_list *out, struct error *err)
{
    json_auto_t *labels = json_pack("{s:s, s:s}", SLICE_SERVICE_LABEL, reconcile->name,
                                    SLICE_MANAGED_LABEL, managed_by);
    struct selector *selector = selector_from_map(labels);
    const struct observe_query query = {
        .resource = SLICES, .ns = reconcile->ns, .selector = selector};
    bool ok = observe_list(reconcile->cluster, &query, out, err);
    selector_free(selector);
    return ok;
}

static enum reconcile_result finish(const struct reconcile *reconcile, const struct plan *plan,
                                    const json_t *service, struct error *err)
{
    if (plan_apply(&reconcile->caller, plan, NULL, err) || error_is_terminating(err))
        return RECONCILE_DONE;
    if (service && err->reason != ERROR_CONFLICT)
        controller_event(&reconcile->caller, service, "Warning", "FailedToUpdateEndpointSlices",
                         "Error updating Endpoint Slices for Service %s/%s: %s", reconcile->ns,
                         reconcile->name, err->message ? err->message : "");
    return RECONCILE_RETRY;
}

static enum reconcile_result reconcile_slices(void *arg, struct reconcile *reconcile,
                                              int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *service = NULL;
    CLEANUP(json_list_free) struct json_list pods = {0}, nodes = {0}, slices = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, "services", reconcile->ns, reconcile->name, &service, err))
        return RECONCILE_RETRY;
    if (!service || !service_has_selector(service))
        return RECONCILE_DONE; /* what a deleted Service leaves goes with its owner */
    if (!service_observe_pods(reconcile->cluster, service, &pods, err) ||
        !observe_list(reconcile->cluster, &(struct observe_query){.resource = "nodes"}, &nodes,
                      err) ||
        !observe_slices(reconcile, SLICE_BY_CONTROLLER, &slices, err))
        return RECONCILE_RETRY;
    const struct endpointslice_seen seen = {service,     pods.items,   pods.count,  nodes.items,
                                            nodes.count, slices.items, slices.count};
    endpointslice_decide(&seen, &plan);
    return finish(reconcile, &plan, service, err);
}

static enum reconcile_result reconcile_mirroring(void *arg, struct reconcile *reconcile,
                                                 int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *service = NULL, *endpoints = NULL;
    CLEANUP(json_list_free) struct json_list slices = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, "services", reconcile->ns, reconcile->name, &service,
                     err) ||
        !observe_get(reconcile->cluster, "endpoints", reconcile->ns, reconcile->name, &endpoints,
                     err) ||
        !observe_slices(reconcile, SLICE_BY_MIRRORING, &slices, err))
        return RECONCILE_RETRY;
    mirroring_decide(&(struct mirroring_seen){service, endpoints, slices.items, slices.count},
                     &plan);
    return finish(reconcile, &plan, NULL, err);
}

/* ---- what wakes them ---- */

static void map_slice(const struct object *slice, const char *managed_by,
                      void (*add)(void *arg, const char *key), void *arg)
{
    const char *service = object_label(slice, SLICE_SERVICE_LABEL),
               *by = object_label(slice, SLICE_MANAGED_LABEL);
    char key[512];
    if (!service || !by || strcmp(by, managed_by) != 0)
        return;
    (void)snprintf(key, sizeof(key), "%s/%s", slice->ns, service);
    add(arg, key);
}

static void map_controlled(struct cluster *cluster, const struct object *slice,
                           const struct object *before, void (*add)(void *arg, const char *key),
                           void *arg)
{
    (void)cluster;
    map_slice(slice, SLICE_BY_CONTROLLER, add, arg);
    if (before)
        map_slice(before, SLICE_BY_CONTROLLER, add, arg);
}

static void map_mirrored(struct cluster *cluster, const struct object *slice,
                         const struct object *before, void (*add)(void *arg, const char *key),
                         void *arg)
{
    (void)cluster;
    map_slice(slice, SLICE_BY_MIRRORING, add, arg);
    if (before)
        map_slice(before, SLICE_BY_MIRRORING, add, arg);
}

static const struct controller_source slice_sources[] = {
    {"services", NULL}, {"pods", service_map_pod}, {SLICES, map_controlled}, {NULL, NULL}};
static const struct controller_source mirroring_sources[] = {
    {"endpoints", NULL}, {"services", NULL}, {SLICES, map_mirrored}, {NULL, NULL}};

const struct controller endpointslice_controller = {
    .name = "endpointslice-controller",
    .sources = slice_sources,
    .reconcile = reconcile_slices,
};
const struct controller mirroring_controller = {
    .name = "endpointslicemirroring-controller",
    .sources = mirroring_sources,
    .reconcile = reconcile_mirroring,
};
