#include "controllers/endpoints.h"

#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "controllers/controller.h"
#include "controllers/pod_state.h"
#include "controllers/service_pods.h"
#include "schema/meta.h"

#define HEADLESS_LABEL "service.kubernetes.io/headless"
#define OVER_CAPACITY  "endpoints.kubernetes.io/over-capacity"

/* ---- subsets: addresses with the same ports stand together ---- */

static const char *family_of(const json_t *service)
{
    const char *family =
        json_string_value(json_array_get(json_at(service, "spec", "ipFamilies"), 0));
    return family ? family : "IPv4";
}

static json_t *address_of(const struct endpoints_seen *seen, const json_t *pod, const char *ip)
{
    json_t *address = json_pack("{s:s}", "ip", ip);
    json_set_text(address, "hostname", service_pod_hostname(seen->service, pod));
    if (json_text(pod, "spec", "nodeName"))
        json_set_text(address, "nodeName", json_text(pod, "spec", "nodeName"));
    json_object_set_new(address, "targetRef", service_pod_reference(pod));
    return address;
}

static json_t *subset_of(json_t *subsets, json_t *ports)
{
    for (size_t i = 0; i < json_array_size(subsets); i++) {
        json_t *subset = json_array_get(subsets, i);
        json_t *own = json_object_get(subset, "ports");
        if (own ? json_equal(own, ports) : !json_array_size(ports))
            return subset;
    }
    json_t *subset = json_object();
    if (json_array_size(ports))
        json_object_set(subset, "ports", ports);
    json_array_append_new(subsets, subset);
    return subset;
}

static bool has_ports(const json_t *service)
{
    return json_array_size(json_at(service, "spec", "ports")) > 0;
}

/* Pods come by name, which keeps the order steady. */
static json_t *make_subsets(const struct endpoints_seen *seen, bool *truncated)
{
    json_t *subsets = json_array();
    size_t count = 0;
    for (size_t i = 0; i < seen->pod_count; i++) {
        const json_t *pod = seen->pods[i];
        const char *ip = service_pod_address(pod, family_of(seen->service));
        bool unready_too = service_publishes_unready(seen->service);
        if (!ip || !service_pod_listed(pod, unready_too))
            continue;
        json_auto_t *ports = service_pod_ports(seen->service, pod, false);
        if (has_ports(seen->service) && !json_array_size(ports))
            continue;
        if (++count > ENDPOINTS_MAX) {
            *truncated = true;
            break;
        }
        const char *member = unready_too || pod_is_ready(pod) ? "addresses" : "notReadyAddresses";
        json_array_append_new(json_ensure_array(subset_of(subsets, ports), member),
                              address_of(seen, pod, ip));
    }
    return subsets;
}

/* ---- decide ---- */

static json_t *make_labels(const json_t *service)
{
    const json_t *own = json_at(service, "metadata", "labels");
    json_t *labels = own ? json_deep_copy(own) : json_object();
    if (service_is_headless(service))
        json_set_text(labels, HEADLESS_LABEL, "");
    else
        (void)json_object_del(labels, HEADLESS_LABEL); /* may be absent */
    return labels;
}

static json_t *make_endpoints(const struct endpoints_seen *seen)
{
    bool truncated = false;
    json_t *endpoints = seen->endpoints
                            ? json_deep_copy(seen->endpoints)
                            : json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1", "kind",
                                        "Endpoints", "metadata", "name", meta_name(seen->service),
                                        "namespace", meta_namespace(seen->service));
    json_t *metadata = json_ensure_object(endpoints, "metadata");
    json_object_set_new(endpoints, "subsets", make_subsets(seen, &truncated));
    json_object_set_new(metadata, "labels", make_labels(seen->service));
    if (truncated)
        meta_set_annotation(endpoints, OVER_CAPACITY, "truncated");
    else
        (void)json_object_del(json_object_get(metadata, "annotations"),
                              OVER_CAPACITY); /* may be absent */
    return endpoints;
}

void endpoints_decide(const struct endpoints_seen *seen, struct plan *plan)
{
    if (!seen->service) {
        if (seen->endpoints)
            plan_delete(plan, "endpoints", seen->endpoints);
        return;
    }
    if (!service_has_selector(seen->service) ||
        text_eq(json_text(seen->service, "spec", "type"), "ExternalName"))
        return;
    json_t *endpoints = make_endpoints(seen);
    if (!seen->endpoints) {
        struct plan_action *action =
            plan_create(plan, "endpoints", meta_namespace(seen->service), endpoints);
        action->about = json_incref(endpoints);
        action->fail_reason = "FailedToCreateEndpoint";
        action->fail_text = "Failed to create endpoint for service: ";
    } else if (semantic_equal(endpoints, seen->endpoints)) {
        json_decref(endpoints);
    } else {
        plan_update(plan, "endpoints", "", endpoints);
    }
}

/* ---- observe and do ---- */

static enum reconcile_result reconcile_endpoints(void *arg, struct reconcile *reconcile,
                                                 int64_t *again_ms, struct error *err)
{
    (void)arg;
    (void)again_ms;
    json_auto_t *service = NULL, *endpoints = NULL;
    CLEANUP(json_list_free) struct json_list pods = {0};
    CLEANUP(plan_clear) struct plan plan = {0};
    if (!observe_get(reconcile->cluster, "services", reconcile->ns, reconcile->name, &service,
                     err) ||
        !observe_get(reconcile->cluster, "endpoints", reconcile->ns, reconcile->name, &endpoints,
                     err))
        return RECONCILE_RETRY;
    if (service && service_has_selector(service) &&
        !service_observe_pods(reconcile->cluster, service, &pods, err))
        return RECONCILE_RETRY;
    endpoints_decide(&(struct endpoints_seen){service, endpoints, pods.items, pods.count}, &plan);
    return plan_apply(&reconcile->caller, &plan, NULL, err) || error_is_terminating(err)
               ? RECONCILE_DONE
               : RECONCILE_RETRY;
}

/* Endpoints that a user makes before their Service, or without one, are none of our business. */
static void map_endpoints(struct cluster *cluster, const struct object *endpoints,
                          const struct object *before, void (*add)(void *arg, const char *key),
                          void *arg)
{
    CLEANUP(object_unref_ptr) struct object *service = NULL;
    (void)before;
    if (cache_peek(cluster, "services", endpoints->ns, endpoints->name, &service) != CACHE_HIT)
        return;
    CLEANUP(free_ptr) char *key = xasprintf("%s/%s", endpoints->ns, endpoints->name);
    add(arg, key);
}

static const struct controller_source sources[] = {
    {"services", NULL}, {"pods", service_map_pod}, {"endpoints", map_endpoints}, {NULL, NULL}};

const struct controller endpoints_controller = {
    .name = "endpoint-controller",
    .sources = sources,
    .reconcile = reconcile_endpoints,
};
