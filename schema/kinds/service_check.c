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
    else
        rule_named(err, PATH(SPEC, "externalName"), cname, name_check_dns_subdomain);
}

static void check_topology(struct error *err, const json_t *object)
{
    static const char mode[] = "service.kubernetes.io/topology-mode",
                      hints[] = "service.kubernetes.io/topology-aware-hints";
    const char *now = meta_annotation(object, mode), *older = meta_annotation(object, hints);
    if (now && older && strcmp(now, older) != 0)
        rule_invalid_text(err, PATH_KEY(PATH(PATH(NULL, "metadata"), "annotations"), mode), now,
                          "must match annotations[service.kubernetes.io/topology-aware-hints] when "
                          "both are specified");
}

static void check_type(struct error *err, const json_t *spec)
{
    const json_t *ports = member_array(spec, "ports"), *port;
    bool balancer = is_type(spec, "LoadBalancer");
    if (json_array_size(ports) == 0 && !is_headless(spec) && !service_is_external_name(spec))
        rule_required(err, PATH(SPEC, "ports"), NULL);
    LIST_EACH (ports, i, port) {
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
    if (*name && rule_seen(names, name))
        rule_duplicate(err, PATH(at, "name"), json_object_get(port, "name"));
    if (!json_is_integer(json_object_get(port, "port")))
        rule_invalid_raw(err, PATH(at, "port"), "0", "must be between 1 and 65535, inclusive");
    check_range(err, at, port, "port", 1, 65535);
    check_enum_required(err, at, port, "protocol", protocols);
    check_port_or_name(err, PATH(at, "targetPort"), json_object_get(port, "targetPort"));
    if (rule_has(port, "appProtocol"))
        rule_named(err, PATH(at, "appProtocol"), rule_text(port, "appProtocol"),
                   name_check_qualified);
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
    LIST_EACH (ports, i, port)
        check_port(err, PATH_AT(PATH(SPEC, "ports"), i), port, json_array_size(ports) > 1, names);
}

static void check_node_ports(struct error *err, const json_t *spec)
{
    const json_t *ports = member_array(spec, "ports"), *port;
    LIST_EACH (ports, i, port)
        if (is_type(spec, "ClusterIP") && rule_int(port, "nodePort", 0) != 0)
            rule_forbidden(err, PATH(PATH_AT(PATH(SPEC, "ports"), i), "nodePort"),
                           "may not be used when `type` is 'ClusterIP'");
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

/* Each address is one, or the only one is "None"; false: there is no more to be said of them. */
static bool check_each_ip(struct error *err, const struct path *path, const json_t *ips)
{
    const json_t *item;
    bool sound = true;
    LIST_EACH (ips, i, item) {
        const char *text = json_string_value(item) ? json_string_value(item) : "";
        if (i == 0 && strcmp(text, "None") == 0) {
            if (json_array_size(ips) == 1)
                continue;
            rule_invalid_list(err, path, "string", ips, "'None' must be the first and only value");
            sound = false;
        } else if (value_check_ip(text)) {
            rule_invalid_text(err, PATH_AT(path, i), text, value_check_ip(text));
            sound = false;
        }
    }
    if (json_array_size(ips) > 2)
        rule_invalid_list(err, path, "string", ips, "may only hold up to 2 values");
    return sound;
}

static void check_ip_families(struct error *err, const struct path *path, const json_t *spec)
{
    const json_t *ips = member_array(spec, "clusterIPs"), *item,
                 *list = member_array(spec, "ipFamilies");
    if (json_array_size(ips) > 1 && !value_is_dual_stack(ips))
        rule_invalid_list(err, path, "string", ips,
                          "may specify no more than one IP for each IP family");
    LIST_EACH (ips, i, item) {
        const char *family = json_string_value(json_array_get(list, i)),
                   *ip = json_string_value(item) ? json_string_value(item) : "";
        bool is_v6 = strchr(ip, ':') != NULL;
        if (!family || is_headless(spec) || !rule_one_of(family, families) ||
            is_v6 == (strcmp(family, "IPv6") == 0))
            continue;
        CLEANUP(free_ptr)
        char *detail =
            xasprintf("expected an %s value as indicated by `ipFamilies[%zu]`", family, i);
        rule_invalid_text(err, PATH_AT(path, i), ip, detail);
    }
}

void service_check_addresses(struct error *err, const json_t *spec)
{
    const json_t *ips = member_array(spec, "clusterIPs");
    const struct path *path = PATH(SPEC, "clusterIPs");
    const char *ip = rule_text(spec, "clusterIP");
    const char *first = json_string_value(json_array_get(ips, 0));
    if (service_is_external_name(spec))
        return;
    if (*ip && !first)
        rule_required(err, path, NULL);
    else if (!*ip && first)
        rule_invalid_list(err, path, "string", ips,
                          "must be empty when `clusterIP` is not specified");
    else if (*ip && strcmp(ip, first) != 0)
        rule_invalid_list(err, path, "string", ips, "first value must match `clusterIP`");
    check_families(err, spec);
    if (check_each_ip(err, path, ips))
        check_ip_families(err, path, spec);
}

static void check_external_ips(struct error *err, const json_t *spec)
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
}

/* A range may have space around it, from when the annotation had a list of them. */
static void check_range_text(struct error *err, const struct path *path, struct str text)
{
    struct str trimmed = str_trim(text);
    CLEANUP(free_ptr) char *range = xstrndup(trimmed.data ? trimmed.data : "", trimmed.len);
    if (value_check_cidr(range))
        rule_invalid_text(err, path, range, value_check_cidr(range));
}

static void check_source_ranges(struct error *err, const json_t *object)
{
    static const char annotation[] = "service.beta.kubernetes.io/load-balancer-source-ranges";
    const json_t *spec = json_object_get(object, "spec"), *item,
                 *ranges = member_array(spec, "loadBalancerSourceRanges");
    const char *text = meta_annotation(object, annotation);
    const struct path *annotated =
                          PATH_KEY(PATH(PATH(NULL, "metadata"), "annotations"), annotation),
                      *path = json_array_size(ranges)
                                  ? PATH(SPEC, "LoadBalancerSourceRanges") /* sic */
                                  : annotated;
    if (json_array_size(ranges))
        text = NULL;
    if ((json_array_size(ranges) || text) && !is_type(spec, "LoadBalancer"))
        rule_forbidden(err, path, ONLY_BALANCER);
    LIST_EACH (ranges, i, item)
        check_range_text(err, PATH_AT(path, i), str_of(json_string_value(item)));
    struct str rest = text ? str_trim(str_of(text)) : (struct str){NULL, 0};
    if (rest.len == 0)
        return;
    while (rest.data)
        check_range_text(err, path, str_cut(&rest, ','));
}

static void check_class(struct error *err, const json_t *spec)
{
    const char *class = rule_text(spec, "loadBalancerClass");
    if (!rule_has(spec, "loadBalancerClass"))
        return;
    if (!is_type(spec, "LoadBalancer"))
        rule_forbidden(err, PATH(SPEC, "loadBalancerClass"), ONLY_BALANCER);
    else
        rule_named(err, PATH(SPEC, "loadBalancerClass"), class, name_check_qualified);
}

static void check_balancer(struct error *err, const json_t *spec)
{
    bool balancer = is_type(spec, "LoadBalancer");
    if (rule_has(spec, "allocateLoadBalancerNodePorts") && !balancer)
        rule_forbidden(err, PATH(SPEC, "allocateLoadBalancerNodePorts"), ONLY_BALANCER);
    check_class(err, spec);
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
    check_topology(err, object);
    check_type(err, spec);
    check_ports(err, spec);
    check_labels(err, PATH(SPEC, "selector"), member_object(spec, "selector"));
    check_affinity_config(err, spec);
    service_check_addresses(err, spec);
    check_external_ips(err, spec);
    check_enum_required(err, SPEC, spec, "type", types);
    check_node_ports(err, spec);
    check_source_ranges(err, object);
    check_balancer(err, spec);
    check_policies(err, spec);
}

void check_balancer_address(struct error *err, const struct path *at, const json_t *item)
{
    const char *ip = rule_text(item, "ip"), *host = rule_text(item, "hostname");
    if (*ip && value_check_ip(ip))
        rule_invalid_text(err, PATH(at, "ip"), ip, value_check_ip(ip));
    check_name(err, at, item, "hostname", name_check_dns_subdomain);
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

/* A list whose first value is the Service's for good, and what to say when it goes. */
static const struct primary_row {
    const char *member, *unset, *released;
    bool each; /* values after the first are blamed by their own place */
} primary_rows[] = {
    {"clusterIPs", "primary clusterIP can not be unset",
     "must be set to 'SingleStack' when releasing the secondary clusterIP", true},
    {"ipFamilies", "primary ipFamily can not be unset",
     "must be set to 'SingleStack' when releasing the secondary ipFamily", false},
};

static const char *text_at(const json_t *list, size_t i)
{
    const char *text = json_string_value(json_array_get(list, i));
    return text ? text : "";
}

static void check_primary(struct error *err, const json_t *spec, const json_t *before,
                          const struct primary_row *row)
{
    const json_t *now = member_array(spec, row->member), *then = member_array(before, row->member);
    const char *type = row->each ? "string" : "core.IPFamily";
    const struct path *path = PATH(SPEC, row->member);
    size_t count = json_array_size(now), had = json_array_size(then);
    if (had > count && json_array_size(member_array(spec, "clusterIPs")) == 0)
        rule_invalid_list(err, PATH_AT(path, 0), type, now, row->unset);
    for (size_t i = 0; i < had && i < count && (i == 0 || had == count); i++)
        if (strcmp(text_at(now, i), text_at(then, i)) != 0)
            rule_invalid_list(err, PATH_AT(path, row->each ? i : 0), type, now,
                              "may not change once set");
    if (had > count && count == 1 && strcmp(rule_text(spec, "ipFamilyPolicy"), "SingleStack") != 0)
        rule_invalid(err, PATH(SPEC, "ipFamilyPolicy"), json_object_get(spec, "ipFamilyPolicy"),
                     "%s", row->released);
}

/* Primary values stay, second ones come and go. Headless Services have addresses of no family. */
static void check_primaries(struct error *err, const json_t *spec, const json_t *before)
{
    bool headless = is_headless(spec), was = is_headless(before);
    if (service_is_external_name(spec) || service_is_external_name(before))
        return;
    if (!headless || !was)
        check_primary(err, spec, before, &primary_rows[0]);
    if (!headless && !was)
        check_primary(err, spec, before, &primary_rows[1]);
}

void service_validate_update(const json_t *object, const json_t *old, const char *subresource,
                             struct error *err)
{
    const json_t *spec = json_object_get(object, "spec"), *before = json_object_get(old, "spec");
    if (is_sub(subresource, "status")) {
        check_status_update(object, err);
        return;
    }
    check_primaries(err, spec, before);
    if (is_type(spec, "LoadBalancer") && is_type(before, "LoadBalancer") &&
        !rule_equal(json_object_get(spec, "loadBalancerClass"),
                    json_object_get(before, "loadBalancerClass")))
        rule_invalid(err, PATH(SPEC, "loadBalancerClass"),
                     json_object_get(spec, "loadBalancerClass"), "may not change once set");
    check_class(err, spec);
    if (service_needs_health_port(spec) && service_needs_health_port(before) &&
        rule_int(spec, "healthCheckNodePort", 0) != rule_int(before, "healthCheckNodePort", 0))
        rule_forbidden(err, PATH(SPEC, "healthCheckNodePort"), RULE_IMMUTABLE);
    service_validate(object, err);
}
