/* Checks of Services.
 * Source: ValidateService and ValidateServiceUpdate in pkg/apis/core/validation. */
#include "schema/kinds/service.h"
#include "schema/meta.h"

#define SPEC          PATH(NULL, "spec")
#define KUBELET_PORT  10250
#define AFFINITY_MAX  86400
#define ONLY_BALANCER "may only be used when `type` is 'LoadBalancer'"
#define NOT_EXTERNAL  "may not be set for ExternalName services"

static const char *const types[] = {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort", NULL};
static const char *const families[] = {"IPv4", "IPv6", NULL};
static const char *const family_policies[] = {"PreferDualStack", "RequireDualStack", "SingleStack",
                                              NULL};
static const char *const traffic_policies[] = {"Cluster", "Local", NULL};

static bool is_type(const json_t *spec, const char *type)
{
    return strcmp(rule_text(spec, "type"), type) == 0;
}

static bool is_headless(const json_t *spec)
{
    const char *first = json_string_value(json_array_get(member_array(spec, "clusterIPs"), 0));
    return strcmp(first ? first : rule_text(spec, "clusterIP"), "None") == 0;
}

/* []string{"a", "b"} */
static char *list_go(const json_t *list)
{
    struct buf out = BUF_TEXT;
    const json_t *item;
    if (!list)
        return xstrdup("[]string(nil)");
    buf_add_text(&out, "[]string{");
    LIST_EACH (list, i, item)
        buf_printf(&out, "%s\"%s\"", i ? ", " : "",
                   json_string_value(item) ? json_string_value(item) : "");
    buf_add_char(&out, '}');
    return buf_take(&out);
}

static void invalid_list(struct error *err, const struct path *path, const json_t *list,
                         const char *detail)
{
    CLEANUP(free_ptr) char *shown = list_go(list);
    rule_invalid_raw(err, path, shown, detail);
}

static void check_external_name(struct error *err, const json_t *spec)
{
    static const char *const members[] = {"clusterIPs", "ipFamilies", "ipFamilyPolicy"};
    const char *name = rule_text(spec, "externalName");
    size_t len = strlen(name);
    CLEANUP(free_ptr) char *cname = xstrndup(name, len && name[len - 1] == '.' ? len - 1 : len);
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (rule_filled(spec, members[i]))
            rule_forbidden(err, PATH(SPEC, members[i]), NOT_EXTERNAL);
    if (!*cname)
        rule_required(err, PATH(SPEC, "externalName"), NULL);
    else if (name_check_dns_subdomain(cname))
        rule_invalid_text(err, PATH(SPEC, "externalName"), cname, name_check_dns_subdomain(cname));
}

static void check_type(struct error *err, const json_t *spec)
{
    const json_t *port;
    bool balancer = is_type(spec, "LoadBalancer");
    LIST_EACH (member_array(spec, "ports"), i, port) {
        if (balancer && rule_int(port, "port", 0) == KUBELET_PORT)
            rule_invalid(err, PATH_AT(PATH(SPEC, "ports"), i), json_object_get(port, "port"),
                         "may not expose port %d externally since it is used by kubelet",
                         KUBELET_PORT);
    }
    if (service_has_nodeports(spec) && is_headless(spec)) {
        CLEANUP(free_ptr)
        char *detail =
            xasprintf("may not be set to 'None' for %s services", rule_text(spec, "type"));
        rule_invalid_text(err, PATH_AT(PATH(SPEC, "clusterIPs"), 0), "None", detail);
    }
    if (service_is_external_name(spec))
        check_external_name(err, spec);
}

static void check_port(struct error *err, const struct path *at, const json_t *port,
                       bool needs_name, json_t *names)
{
    const char *name = rule_text(port, "name");
    if (needs_name || *name)
        check_name_required(err, at, port, "name", name_check_dns_label);
    if (*name && json_object_get(names, name))
        rule_duplicate(err, PATH(at, "name"), json_object_get(port, "name"));
    json_object_set_new(names, name, json_true());
    if (!json_is_integer(json_object_get(port, "port")))
        rule_invalid_raw(err, PATH(at, "port"), "0", "must be between 1 and 65535, inclusive");
    check_range(err, at, port, "port", 1, 65535);
    check_enum_required(err, at, port, "protocol", protocols);
    check_port_or_name(err, PATH(at, "targetPort"), json_object_get(port, "targetPort"));
    check_name(err, at, port, "appProtocol", name_check_qualified);
}

/* (protocol, number) pairs of `member` are distinct. */
static void check_pairs(struct error *err, const json_t *ports, const char *member, bool whole)
{
    json_auto_t *seen = json_object();
    const json_t *port;
    LIST_EACH (ports, i, port) {
        const struct path *at = PATH_AT(PATH(SPEC, "ports"), i);
        int64_t number = rule_int(port, member, 0);
        if (number == 0)
            continue;
        CLEANUP(free_ptr)
        char *pair = xasprintf("%s %lld", rule_text(port, "protocol"), (long long)number);
        if (json_object_get(seen, pair) && whole) {
            CLEANUP(free_ptr) char *where = path_text(at);
            error_add_cause(err, CAUSE_DUPLICATE, where,
                            "Duplicate value: core.ServicePort{Name:\"\", Protocol:\"%s\", "
                            "AppProtocol:(*string)(nil), "
                            "Port:%lld, TargetPort:intstr.IntOrString{Type:0, IntVal:0, "
                            "StrVal:\"\"}, NodePort:0}",
                            rule_text(port, "protocol"), (long long)number);
        } else if (json_object_get(seen, pair)) {
            rule_duplicate(err, PATH(at, member), json_object_get(port, member));
        }
        json_object_set_new(seen, pair, json_true());
    }
}

static void check_ports(struct error *err, const json_t *spec)
{
    const json_t *ports = member_array(spec, "ports"), *port;
    json_auto_t *names = json_object();
    if (json_array_size(ports) == 0 && !is_headless(spec) && !service_is_external_name(spec))
        rule_required(err, PATH(SPEC, "ports"), NULL);
    LIST_EACH (ports, i, port) {
        const struct path *at = PATH_AT(PATH(SPEC, "ports"), i);
        check_port(err, at, port, json_array_size(ports) > 1, names);
        if (is_type(spec, "ClusterIP") && rule_int(port, "nodePort", 0) != 0)
            rule_forbidden(err, PATH(at, "nodePort"), "may not be used when `type` is 'ClusterIP'");
    }
    check_pairs(err, ports, "nodePort", false);
    check_pairs(err, ports, "port", true);
}

static void check_affinity_config(struct error *err, const json_t *spec)
{
    static const char *const affinities[] = {"ClientIP", "None", NULL};
    const struct path *path = PATH(SPEC, "sessionAffinityConfig");
    const json_t *config = member_object(spec, "sessionAffinityConfig");
    const json_t *seconds = json_at(config, "clientIP", "timeoutSeconds");
    check_enum_required(err, SPEC, spec, "sessionAffinity", affinities);
    if (strcmp(rule_text(spec, "sessionAffinity"), "None") == 0 && config)
        rule_forbidden(err, path, "must not be set when session affinity is None");
    if (strcmp(rule_text(spec, "sessionAffinity"), "ClientIP") != 0)
        return;
    path = PATH(PATH(path, "clientIP"), "timeoutSeconds");
    if (!json_is_integer(seconds))
        rule_required(err, path, "when session affinity type is ClientIP");
    else if (json_integer_value(seconds) <= 0 || json_integer_value(seconds) > AFFINITY_MAX)
        rule_invalid(err, path, seconds, "must be greater than 0 and less than %d", AFFINITY_MAX);
}

static void check_families(struct error *err, const json_t *spec)
{
    const json_t *list = member_array(spec, "ipFamilies"), *item;
    const struct path *path = PATH(SPEC, "ipFamilies");
    json_auto_t *seen = json_object();
    LIST_EACH (list, i, item) {
        const char *family = json_string_value(item) ? json_string_value(item) : "";
        if (!rule_one_of(family, families))
            rule_not_supported(err, PATH_AT(path, i), item, families);
        if (rule_seen(seen, family))
            rule_duplicate(err, PATH_AT(path, i), item);
    }
    check_enum(err, SPEC, spec, "ipFamilyPolicy", family_policies);
}

static void check_cluster_ips(struct error *err, const json_t *spec)
{
    const json_t *ips = member_array(spec, "clusterIPs"), *item;
    const struct path *path = PATH(SPEC, "clusterIPs");
    const char *ip = rule_text(spec, "clusterIP");
    const char *first = json_string_value(json_array_get(ips, 0));
    if (service_is_external_name(spec))
        return;
    if (!*ip && first)
        invalid_list(err, path, ips, "must be empty when `clusterIP` is not specified");
    else if (*ip && first && strcmp(ip, first) != 0)
        invalid_list(err, path, ips, "first value must match `clusterIP`");
    check_families(err, spec);
    LIST_EACH (ips, i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "";
        if (i == 0 && strcmp(text, "None") == 0) {
            if (json_array_size(ips) > 1)
                invalid_list(err, path, ips, "'None' must be the first and only value");
        } else if (value_check_ip(text)) {
            rule_invalid_text(err, PATH_AT(path, i), text, value_check_ip(text));
        }
    }
    if (json_array_size(ips) > 2)
        invalid_list(err, path, ips, "may only hold up to 2 values");
    if (json_array_size(ips) > 1 && first && !value_check_ip(first) && !value_is_dual_stack(ips))
        invalid_list(err, path, ips, "may specify no more than one IP for each IP family");
}

static void check_addresses(struct error *err, const json_t *spec)
{
    const json_t *item;
    LIST_EACH (member_array(spec, "externalIPs"), i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "";
        const struct path *path = PATH_AT(PATH(SPEC, "externalIPs"), i);
        if (value_check_ip(text))
            rule_invalid_text(err, path, text, value_check_ip(text));
        else
            check_non_special_ip(err, path, text);
    }
    const json_t *ranges = member_array(spec, "loadBalancerSourceRanges");
    if (json_array_size(ranges) && !is_type(spec, "LoadBalancer"))
        rule_forbidden(err, PATH(SPEC, "loadBalancerSourceRanges"), ONLY_BALANCER);
    LIST_EACH (ranges, i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "";
        if (value_check_cidr(text))
            rule_invalid_text(err, PATH_AT(PATH(SPEC, "loadBalancerSourceRanges"), i), text,
                              value_check_cidr(text));
    }
}

static void check_balancer(struct error *err, const json_t *spec)
{
    bool balancer = is_type(spec, "LoadBalancer");
    if (rule_has(spec, "allocateLoadBalancerNodePorts") && !balancer)
        rule_forbidden(err, PATH(SPEC, "allocateLoadBalancerNodePorts"), ONLY_BALANCER);
    if (rule_has(spec, "loadBalancerClass") && !balancer)
        rule_forbidden(err, PATH(SPEC, "loadBalancerClass"), ONLY_BALANCER);
    check_name(err, SPEC, spec, "loadBalancerClass", name_check_qualified);
}

static void check_policies(struct error *err, const json_t *spec)
{
    static const char *const distributions[] = {"PreferClose", NULL};
    const char *external = rule_text(spec, "externalTrafficPolicy");
    const json_t *health = json_object_get(spec, "healthCheckNodePort");
    if (!service_is_external(spec) && *external)
        rule_invalid_text(err, PATH(SPEC, "externalTrafficPolicy"), external,
                          "may only be set for externally-accessible services");
    else if (service_is_external(spec))
        check_enum_required(err, SPEC, spec, "externalTrafficPolicy", traffic_policies);
    if (!service_needs_health_port(spec) && json_int_or(health, 0) != 0)
        rule_invalid(
            err, PATH(SPEC, "healthCheckNodePort"), health,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
    check_enum(err, SPEC, spec, "internalTrafficPolicy", traffic_policies);
    check_enum(err, SPEC, spec, "trafficDistribution", distributions);
}

void service_validate(const json_t *object, struct error *err)
{
    const json_t *spec = json_object_get(object, "spec");
    check_type(err, spec);
    check_ports(err, spec);
    check_labels(err, PATH(SPEC, "selector"), member_object(spec, "selector"));
    check_affinity_config(err, spec);
    check_cluster_ips(err, spec);
    check_addresses(err, spec);
    check_enum_required(err, SPEC, spec, "type", types);
    check_balancer(err, spec);
    check_policies(err, spec);
}

/* The first of a list is there and was another. */
static bool first_changed(const json_t *spec, const json_t *before, const char *member)
{
    const json_t *now = json_array_get(member_array(spec, member), 0),
                 *then = json_array_get(member_array(before, member), 0);
    return then && !json_equal(now, then);
}

void check_balancer_address(struct error *err, const struct path *at, const json_t *item)
{
    const char *ip = rule_text(item, "ip"), *host = rule_text(item, "hostname");
    if (*ip && value_check_ip(ip))
        rule_invalid_text(err, PATH(at, "ip"), ip, value_check_ip(ip));
    if (*host && name_check_dns_subdomain(host))
        rule_invalid_text(err, PATH(at, "hostname"), host, name_check_dns_subdomain(host));
    if (*host && !value_check_ip(host))
        rule_invalid_text(err, PATH(at, "hostname"), host, "must be a DNS name, not an IP address");
}

static void check_ip_mode(struct error *err, const struct path *at, const json_t *item)
{
    static const char *const modes[] = {"Proxy", "VIP", NULL};
    const struct path *path = PATH(at, "ipMode");
    bool has_ip = *rule_text(item, "ip") != 0;
    if (has_ip && !rule_has(item, "ipMode"))
        rule_required(err, path, "must be specified when `ip` is set");
    else if (!has_ip && rule_has(item, "ipMode"))
        rule_forbidden(err, path, "may not be specified when `ip` is not set");
    else
        check_enum(err, at, item, "ipMode", modes);
}

static void check_status_update(const json_t *object, struct error *err)
{
    const struct path *path = PATH(PATH(PATH(NULL, "status"), "loadBalancer"), "ingress");
    const json_t *list = json_at(object, "status", "loadBalancer", "ingress"), *item;
    if (json_array_size(list) && !is_type(json_object_get(object, "spec"), "LoadBalancer")) {
        rule_forbidden(err, path, "may only be used when `spec.type` is 'LoadBalancer'");
        return;
    }
    LIST_EACH (list, i, item) {
        check_balancer_address(err, PATH_AT(path, i), item);
        check_ip_mode(err, PATH_AT(path, i), item);
    }
}

void service_validate_update(const json_t *object, const json_t *old, const char *subresource,
                             struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *before = json_object_get(old, "spec");
    if (is_sub(subresource, "status")) {
        check_status_update(object, err);
        return;
    }
    if (!service_is_external_name(spec) && !service_is_external_name(before)) {
        if (first_changed(spec, before, "clusterIPs"))
            invalid_list(err, PATH_AT(PATH(SPEC, "clusterIPs"), 0),
                         member_array(spec, "clusterIPs"), "may not change once set");
        if (first_changed(spec, before, "ipFamilies"))
            invalid_list(err, PATH_AT(PATH(SPEC, "ipFamilies"), 0),
                         member_array(spec, "ipFamilies"), "may not change once set");
    }
    if (is_type(spec, "LoadBalancer") && is_type(before, "LoadBalancer") &&
        strcmp(rule_text(spec, "loadBalancerClass"), rule_text(before, "loadBalancerClass")) != 0)
        rule_invalid_text(err, PATH(SPEC, "loadBalancerClass"),
                          rule_text(spec, "loadBalancerClass"), "may not change once set");
    if (service_needs_health_port(spec) && service_needs_health_port(before))
        check_immutable(err, SPEC, spec, before, "healthCheckNodePort");
    service_validate(object, err);
}
