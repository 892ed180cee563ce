/* Endpoints and EndpointSlices: addresses that are real, ports that have names. */
#include <arpa/inet.h>

#include "schema/kinds/kinds.h"
#include "schema/meta.h"

#define SLICE_ENDPOINTS_MAX 1000
#define SLICE_ADDRESSES_MAX 100
#define SLICE_PORTS_MAX     20000
#define SLICE_HINTS_MAX     8

const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};

struct special_range {
    int family;
    unsigned char first[2], mask[2];
    const char *detail;
};

/* clang-format off */
static const struct special_range special_ranges[] = {
    {AF_INET, {127, 0}, {0xff, 0}, "may not be in the loopback range (127.0.0.0/8, ::1/128)"},
    {AF_INET, {169, 254}, {0xff, 0xff}, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"},
    {AF_INET, {224, 0}, {0xff, 0xff}, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"},
    {AF_INET6, {0xfe, 0x80}, {0xff, 0xc0}, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"},
    {AF_INET6, {0xff, 0x02}, {0xff, 0x0f}, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"},
};
/* clang-format on */

static bool is_all_zero(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return false;
    return true;
}

void check_non_special_ip(struct error *err, const struct path *path, const char *value)
{
    unsigned char bytes[16] = {0};
    int family = inet_pton(AF_INET, value, bytes) == 1    ? AF_INET
                 : inet_pton(AF_INET6, value, bytes) == 1 ? AF_INET6
                                                          : 0;
    size_t len = family == AF_INET ? 4 : 16;
    if (!family) {
        rule_invalid_text(err, path, value, "must be a valid IP address");
        return;
    }
    if (is_all_zero(bytes, len)) {
        CLEANUP(free_ptr) char *detail = xasprintf("may not be unspecified (%s)", value);
        rule_invalid_text(err, path, value, detail);
    } else if (family == AF_INET6 && is_all_zero(bytes, 15) && bytes[15] == 1) {
        rule_invalid_text(err, path, value, special_ranges[0].detail);
    }
    for (size_t i = 0; i < ARRAY_LEN(special_ranges); i++) {
        const struct special_range *row = &special_ranges[i];
        bool third = row->first[0] != 224 || bytes[2] == 0; /* 224.0.0.0/24 */
        if (row->family == family && (bytes[0] & row->mask[0]) == row->first[0] &&
            (bytes[1] & row->mask[1]) == row->first[1] && third)
            rule_invalid_text(err, path, value, row->detail);
    }
}

static void check_address(struct error *err, const struct path *at, const json_t *address)
{
    const char *ip = rule_text(address, "ip"), *wrong = value_check_ip(ip);
    if (wrong)
        rule_invalid_text(err, PATH(at, "ip"), ip, wrong);
    check_name(err, at, address, "hostname", name_check_dns_label);
    check_name(err, at, address, "nodeName", name_check_dns_subdomain);
    check_non_special_ip(err, PATH(at, "ip"), ip);
}

static void check_port(struct error *err, const struct path *at, const json_t *port,
                       bool needs_name)
{
    if (needs_name || rule_filled(port, "name"))
        check_name_required(err, at, port, "name", name_check_dns_label);
    if (!json_is_integer(json_object_get(port, "port")))
        rule_invalid_raw(err, PATH(at, "port"), "0", "must be between 1 and 65535, inclusive");
    check_range(err, at, port, "port", 1, 65535);
    check_enum_required(err, at, port, "protocol", protocols);
    if (rule_has(port, "appProtocol"))
        rule_named(err, PATH(at, "appProtocol"), rule_text(port, "appProtocol"),
                   name_check_qualified);
}

static void check_subset(struct error *err, const struct path *at, const json_t *subset)
{
    const json_t *ready = member_array(subset, "addresses"),
                 *unready = member_array(subset, "notReadyAddresses");
    const json_t *ports = member_array(subset, "ports"), *item;
    if (json_array_size(ready) == 0 && json_array_size(unready) == 0)
        rule_required(err, at, "must specify `addresses` or `notReadyAddresses`");
    LIST_EACH (ready, i, item)
        check_address(err, PATH_AT(PATH(at, "addresses"), i), item);
    LIST_EACH (unready, i, item)
        check_address(err, PATH_AT(PATH(at, "notReadyAddresses"), i), item);
    LIST_EACH (ports, i, item)
        check_port(err, PATH_AT(PATH(at, "ports"), i), item, json_array_size(ports) > 1);
}

static void validate_endpoints(const json_t *object, struct error *err)
{
    const json_t *subset;
    LIST_EACH (member_array(object, "subsets"), i, subset)
        check_subset(err, PATH_AT(PATH(NULL, "subsets"), i), subset);
}

static void validate_endpoints_update(const json_t *object, const json_t *old,
                                      const char *subresource, struct error *err)
{
    (void)subresource;
    (void)old;
    validate_endpoints(object, err);
}

static void endpoints_defaults(json_t *object)
{
    json_t *subset, *port;
    LIST_EACH (member_array(object, "subsets"), i, subset) {
        LIST_EACH (member_array(subset, "ports"), k, port)
            default_text(port, "protocol", "TCP");
    }
}

const struct kind_rules kind_endpoints = {
    .resource = "endpoints",
    .set_defaults = endpoints_defaults,
    .validate = validate_endpoints,
    .validate_update = validate_endpoints_update,
};

static void slice_defaults(json_t *object)
{
    json_t *port;
    LIST_EACH (member_array(object, "ports"), i, port) {
        if (!rule_has(port, "name"))
            json_object_set_new(port, "name", json_string(""));
        default_text(port, "protocol", "TCP");
    }
}

static const char *const address_types[] = {"FQDN", "IPv4", "IPv6", NULL};

/* At least two labels; a dot may end it. */
static void check_domain(struct error *err, const struct path *path, const char *value)
{
    struct str text = str_of(value);
    if (text.len && text.data[text.len - 1] == '.')
        text.len--;
    CLEANUP(free_ptr) char *domain = str_dup(text);
    const char *wrong = name_check_dns_subdomain(domain);
    if (!*value)
        rule_required(err, path, NULL);
    else if (wrong)
        rule_invalid_text(err, path, domain, wrong);
    else if (!strchr(domain, '.'))
        rule_invalid_text(err, path, domain,
                          "should be a domain with at least two segments separated by dots");
}

static void check_slice_address(struct error *err, const struct path *path, const char *value,
                                const char *type)
{
    unsigned char bytes[16];
    const char *wrong = NULL;
    if (strcmp(type, "IPv4") == 0 && inet_pton(AF_INET, value, bytes) != 1)
        wrong = "must be a valid IPv4 address";
    else if (strcmp(type, "IPv6") == 0 && inet_pton(AF_INET6, value, bytes) != 1)
        wrong = "must be a valid IPv6 address";
    if (strcmp(type, "FQDN") == 0)
        check_domain(err, path, value);
    if (wrong)
        rule_invalid_text(err, path, value, wrong);
    if (wrong && value_check_ip(value))
        rule_invalid_text(err, path, value, "must be a valid IP address");
    else if (strcmp(type, "FQDN") != 0)
        check_non_special_ip(err, path, value);
}

static void check_hints(struct error *err, const struct path *at, const json_t *zones)
{
    const json_t *zone;
    json_auto_t *seen = json_object();
    if (json_array_size(zones) > SLICE_HINTS_MAX) {
        rule_too_many(err, at, json_array_size(zones), SLICE_HINTS_MAX);
        return;
    }
    LIST_EACH (zones, i, zone) {
        const struct path *path = PATH(PATH_AT(at, i), "name");
        if (rule_seen(seen, rule_text(zone, "name")))
            rule_duplicate(err, path, json_object_get(zone, "name"));
        if (name_check_label_value(rule_text(zone, "name")))
            rule_invalid_text(err, path, rule_text(zone, "name"),
                              name_check_label_value(rule_text(zone, "name")));
    }
}

static void check_endpoint(struct error *err, const struct path *at, const json_t *endpoint,
                           const char *type)
{
    const json_t *addresses = member_array(endpoint, "addresses"), *item;
    const struct path *path = PATH(at, "addresses");
    if (json_array_size(addresses) == 0)
        rule_required(err, path, "must contain at least 1 address");
    else if (json_array_size(addresses) > SLICE_ADDRESSES_MAX)
        rule_too_many(err, path, json_array_size(addresses), SLICE_ADDRESSES_MAX);
    LIST_EACH (addresses, i, item)
        check_slice_address(err, PATH_AT(path, i),
                            json_string_value(item) ? json_string_value(item) : "", type);
    check_name(err, at, endpoint, "nodeName", name_check_dns_subdomain);
    check_name(err, at, endpoint, "hostname", name_check_dns_label);
    check_hints(err, PATH(PATH(at, "hints"), "forZones"), json_at(endpoint, "hints", "forZones"));
}

static void check_slice_ports(struct error *err, const json_t *ports)
{
    const struct path *at = PATH(NULL, "ports");
    const json_t *port;
    if (json_array_size(ports) > SLICE_PORTS_MAX) {
        rule_too_many(err, at, json_array_size(ports), SLICE_PORTS_MAX);
        return;
    }
    json_auto_t *seen = json_object();
    LIST_EACH (ports, i, port) {
        const struct path *path = PATH_AT(at, i);
        check_name(err, path, port, "name", name_check_dns_label);
        if (json_object_get(seen, rule_text(port, "name")))
            rule_duplicate(err, PATH(path, "name"), json_object_get(port, "name"));
        json_object_set_new(seen, rule_text(port, "name"), json_true());
        check_enum_required(err, path, port, "protocol", protocols);
        check_name(err, path, port, "appProtocol", name_check_qualified);
    }
}

static void validate_slice(const json_t *object, struct error *err)
{
    const json_t *endpoints = member_array(object, "endpoints"), *endpoint;
    const struct path *path = PATH(NULL, "endpoints");
    check_enum_required(err, NULL, object, "addressType", address_types);
    if (json_array_size(endpoints) > SLICE_ENDPOINTS_MAX) {
        rule_too_many(err, path, json_array_size(endpoints), SLICE_ENDPOINTS_MAX);
        return;
    }
    LIST_EACH (endpoints, i, endpoint)
        check_endpoint(err, PATH_AT(path, i), endpoint, rule_text(object, "addressType"));
    check_slice_ports(err, member_array(object, "ports"));
}

static void validate_slice_update(const json_t *object, const json_t *old, const char *subresource,
                                  struct error *err)
{
    (void)subresource;
    validate_slice(object, err);
    check_immutable(err, NULL, object, old, "addressType");
}

static void prepare_slice_update(json_t *object, const json_t *old, const char *subresource)
{
    static const char *const members[] = {"addressType", "endpoints", "ports"};
    bool changed =
        !rule_equal(json_at(object, "metadata", "labels"), json_at(old, "metadata", "labels"));
    (void)subresource;
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        changed = changed || !rule_equal(json_object_get(object, members[i]),
                                         json_object_get(old, members[i]));
    strategy_generation_update(object, old, changed);
}

const struct kind_rules kind_endpoint_slices = {
    .resource = "endpointslices.discovery.k8s.io",
    .set_defaults = slice_defaults,
    .prepare_create = strategy_generation_create,
    .prepare_update = prepare_slice_update,
    .validate = validate_slice,
    .validate_update = validate_slice_update,
};
