/* Services: defaults, and what of the old object's allocated values an update keeps. Checks are in
 * service_check.c. */
#include "schema/kinds/service.h"

bool service_has_nodeports(const json_t *spec)
{
    return rule_one_of(rule_text(spec, "type"),
                       (const char *const[]){"NodePort", "LoadBalancer", NULL});
}

bool service_is_external_name(const json_t *spec)
{
    return strcmp(rule_text(spec, "type"), "ExternalName") == 0;
}

bool service_is_external(const json_t *spec)
{
    return service_has_nodeports(spec) ||
           (strcmp(rule_text(spec, "type"), "ClusterIP") == 0 && rule_filled(spec, "externalIPs"));
}

static void affinity_defaults(json_t *spec)
{
    default_text(spec, "sessionAffinity", "None");
    if (strcmp(rule_text(spec, "sessionAffinity"), "None") == 0)
        strategy_drop(spec, "sessionAffinityConfig");
    if (strcmp(rule_text(spec, "sessionAffinity"), "ClientIP") == 0)
        default_int(default_object(default_object(spec, "sessionAffinityConfig"), "clientIP"),
                    "timeoutSeconds", 10800);
}

static void port_defaults(json_t *port)
{
    const json_t *target = json_object_get(port, "targetPort");
    bool unset =
        !json_int_or(target, 0) && !(json_string_value(target) && *json_string_value(target));
    default_text(port, "protocol", "TCP");
    if (unset && json_object_get(port, "port"))
        json_object_set(port, "targetPort", json_object_get(port, "port"));
}

static void set_defaults(json_t *object)
{
    json_t *spec = member_object(object, "spec"), *item;
    if (!spec)
        return;
    affinity_defaults(spec);
    default_text(spec, "type", "ClusterIP");
    LIST_EACH (member_array(spec, "ports"), i, item)
        port_defaults(item);
    if (service_is_external(spec))
        default_text(spec, "externalTrafficPolicy", "Cluster");
    if (!service_is_external_name(spec))
        default_text(spec, "internalTrafficPolicy", "Cluster");
    if (strcmp(rule_text(spec, "type"), "LoadBalancer") != 0)
        return;
    default_bool(spec, "allocateLoadBalancerNodePorts", true);
    LIST_EACH (json_at(object, "status", "loadBalancer", "ingress"), i, item) {
        if (*rule_text(item, "ip"))
            default_text(item, "ipMode", "VIP");
    }
}

static void prepare_create(json_t *object)
{
    json_t *spec = member_object(object, "spec");
    json_object_set_new(object, "status", json_pack("{s:{}}", "loadBalancer"));
    if (*rule_text(spec, "clusterIP") && !rule_filled(spec, "clusterIPs"))
        json_object_set_new(spec, "clusterIPs", json_pack("[s]", rule_text(spec, "clusterIP")));
}

/* Clients that know only clusterIP change that; clusterIPs follows. */
static void normalize_cluster_ips(json_t *spec, const json_t *before)
{
    const char *ip = rule_text(spec, "clusterIP");
    bool changed = strcmp(ip, rule_text(before, "clusterIP")) != 0;
    bool follows =
        !rule_filled(spec, "clusterIPs") ||
        rule_equal(json_object_get(spec, "clusterIPs"), json_object_get(before, "clusterIPs"));
    if (!changed || !follows)
        return;
    if (!*ip)
        strategy_drop(spec, "clusterIPs");
    else if (json_array_size(member_array(spec, "clusterIPs")))
        json_array_set_new(member_array(spec, "clusterIPs"), 0, json_string(ip));
    else
        json_object_set_new(spec, "clusterIPs", json_pack("[s]", ip));
}

/* A port's identity: protocol and number; owned. */
static char *port_id(const json_t *port)
{
    return xasprintf("%s %lld", rule_text(port, "protocol"), (long long)rule_int(port, "port", 0));
}

static void keep_node_ports(json_t *spec, const json_t *before)
{
    json_auto_t *index = json_object();
    json_t *port;
    LIST_EACH (member_array(before, "ports"), i, port) {
        CLEANUP(free_ptr) char *id = port_id(port);
        json_object_set(index, id, port);
    }
    LIST_EACH (member_array(spec, "ports"), i, port) {
        CLEANUP(free_ptr) char *id = port_id(port);
        const json_t *old = json_object_get(index, id);
        if (rule_int(port, "nodePort", 0) == 0 && rule_int(old, "nodePort", 0) != 0)
            json_object_set(port, "nodePort", json_object_get(old, "nodePort"));
    }
}

/* What was allocated stays when the update does not mention it. */
static void keep_allocated(json_t *spec, const json_t *before)
{
    static const char *const kept[] = {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"};
    if (!service_is_external_name(spec) && !service_is_external_name(before))
        for (size_t i = 0; i < ARRAY_LEN(kept); i++)
            if (!rule_filled(spec, kept[i]))
                strategy_keep(spec, before, kept[i]);
    if (service_has_nodeports(spec) && service_has_nodeports(before))
        keep_node_ports(spec, before);
    if (service_needs_health_port(spec) && service_needs_health_port(before) &&
        !rule_filled(spec, "healthCheckNodePort"))
        strategy_keep(spec, before, "healthCheckNodePort");
}

bool service_needs_health_port(const json_t *spec)
{
    return strcmp(rule_text(spec, "type"), "LoadBalancer") == 0 &&
           strcmp(rule_text(spec, "externalTrafficPolicy"), "Local") == 0;
}

static bool unchanged(const json_t *spec, const json_t *before, const char *member)
{
    return rule_equal(json_object_get(spec, member), json_object_get(before, member));
}

static bool same_node_ports(const json_t *spec, const json_t *before)
{
    const json_t *now = member_array(spec, "ports"), *then = member_array(before, "ports"), *port;
    if (json_array_size(now) != json_array_size(then))
        return false;
    LIST_EACH (now, i, port) {
        if (rule_int(port, "nodePort", 0) != rule_int(json_array_get(then, i), "nodePort", 0))
            return false;
    }
    return true;
}

static void drop_node_ports(json_t *spec)
{
    json_t *port;
    LIST_EACH (member_array(spec, "ports"), i, port)
        strategy_drop(port, "nodePort");
}

/* A new type sheds what the old one needed, unless the update itself says so. */
static void drop_for_type(json_t *spec, const json_t *before)
{
    static const char *const cluster[] = {"clusterIP", "clusterIPs", "ipFamilies",
                                          "ipFamilyPolicy"};
    bool was_balancer = strcmp(rule_text(before, "type"), "LoadBalancer") == 0;
    bool is_balancer = strcmp(rule_text(spec, "type"), "LoadBalancer") == 0;
    bool leaves = service_is_external_name(spec) && !service_is_external_name(before);
    for (size_t i = 0; leaves && i < ARRAY_LEN(cluster); i++)
        if (unchanged(spec, before, cluster[i]))
            strategy_drop(spec, cluster[i]);
    if (service_has_nodeports(before) && !service_has_nodeports(spec) &&
        same_node_ports(spec, before))
        drop_node_ports(spec);
    if (service_needs_health_port(before) && !service_needs_health_port(spec) &&
        unchanged(spec, before, "healthCheckNodePort"))
        strategy_drop(spec, "healthCheckNodePort");
    if (was_balancer && !is_balancer && unchanged(spec, before, "allocateLoadBalancerNodePorts"))
        strategy_drop(spec, "allocateLoadBalancerNodePorts");
    if (was_balancer && !is_balancer && unchanged(spec, before, "loadBalancerClass"))
        strategy_drop(spec, "loadBalancerClass");
    if (service_is_external(before) && !service_is_external(spec) &&
        unchanged(spec, before, "externalTrafficPolicy"))
        strategy_drop(spec, "externalTrafficPolicy");
}

static void prepare_update(json_t *object, const json_t *old, const char *subresource)
{
    json_t *spec = member_object(object, "spec");
    const json_t *before = member_object(old, "spec");
    strategy_status_update(object, old, subresource);
    if (is_sub(subresource, "status") || !spec)
        return;
    normalize_cluster_ips(spec, before);
    drop_for_type(spec, before);
    keep_allocated(spec, before);
    if (strcmp(rule_text(spec, "type"), "LoadBalancer") != 0)
        json_object_set_new(json_ensure_object(object, "status"), "loadBalancer", json_object());
}

static void index_fields(const json_t *object, index_add_fn add, void *arg)
{
    index_paths(object, (const char *const[]){"spec.clusterIP", "spec.type", NULL}, add, arg);
}

const struct kind_rules kind_services = {
    .resource = "services",
    .set_defaults = set_defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = service_validate,
    .validate_update = service_validate_update,
    .index = index_fields,
    .name_format = "dns-1035-label",
};
