/* Choosing a Service's addresses. Picked at random from the range; two Services that pick the same
 * are told apart by the store, where the charge for an address can be taken once. Source:
 * pkg/registry/core/service. */
#include "apiserver/service_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "apiserver/steps.h"
#include "base/clock.h"
#include "base/parse.h"
#include "schema/meta.h"
#include "schema/service_family.h"

#define RANGE_BASE      0x0a600000u /* 10.96.0.0 */
#define RANGE_SIZE      65536u
#define STATIC_BAND     257u /* the first addresses are for Services that name theirs */
#define NODE_PORT_FIRST 30000
#define NODE_PORT_LAST  32767
#define COUNTER         "services"
#define SCOPE_BYTES     64
#define PORT_TAKEN      "provided port is already allocated"
#define PORT_OUTSIDE                                                                               \
    "provided port is not in the valid range. The range of valid ports is 30000-32767"

static const char *service_type(const json_t *service)
{
    const char *type = json_text(service, "spec", "type");
    return type ? type : "ClusterIP";
}

static bool has_address(const char *ip)
{
    return ip && *ip && strcmp(ip, "None") != 0;
}

static uint32_t dice(uint32_t sides)
{
    uint32_t value;
    random_bytes(&value, sizeof(value));
    return value % sides;
}

/* ---- scopes ---- */

static void address_scope(char out[static SCOPE_BYTES], const char *ip)
{
    (void)snprintf(out, SCOPE_BYTES, "ip/%s", ip); /* what is longer is no address */
}

static void port_scope(char out[static SCOPE_BYTES], int64_t number)
{
    (void)snprintf(out, SCOPE_BYTES, "nodeport/%lld", (long long)number); /* it fits */
}

/* The Service names it itself: when it is taken, no other will do. */
static void ask_address(struct request *request, const char *ip)
{
    char scope[SCOPE_BYTES];
    address_scope(scope, ip);
    strset_add(&request->asked_scopes, scope);
}

static void ask_port(struct request *request, int64_t number)
{
    char scope[SCOPE_BYTES];
    port_scope(scope, number);
    strset_add(&request->asked_scopes, scope);
}

/* ---- cluster IP ---- */

static void set_address(json_t *spec, const char *ip)
{
    json_set_text(spec, "clusterIP", ip);
    json_object_set_new(spec, "clusterIPs", json_pack("[s]", ip));
}

static void pick_address(json_t *spec)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address = {htonl(RANGE_BASE + STATIC_BAND + dice(RANGE_SIZE - STATIC_BAND - 1))};
    inet_ntop(AF_INET, &address, text, sizeof(text));
    set_address(spec, text);
}

static bool in_range(const char *ip)
{
    struct in_addr address;
    return inet_pton(AF_INET, ip, &address) == 1 && ntohl(address.s_addr) > RANGE_BASE &&
           ntohl(address.s_addr) < RANGE_BASE + RANGE_SIZE - 1;
}

static void clear_addresses(json_t *spec)
{
    static const char *const fields[] = {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        json_object_del(spec, fields[i]);
}

/* An update that leaves the address out means the one that is there. */
static void carry_address(json_t *spec, const json_t *old)
{
    const char *ip = json_text(spec, "clusterIP"), *had = json_text(old, "spec", "clusterIP");
    if (old && strcmp(service_type(old), "ExternalName") != 0 && (!ip || !*ip) && had)
        set_address(spec, had);
}

/* Clients that know of one address alone. */
static void list_address(json_t *spec)
{
    const char *ip = json_text(spec, "clusterIP");
    if (ip && *ip && json_array_size(json_object_get(spec, "clusterIPs")) == 0)
        json_object_set_new(spec, "clusterIPs", json_pack("[s]", ip));
}

static bool allocate_address(struct request *request, json_t *spec)
{
    const json_t *old = request->old;
    struct error *err = &request->error;
    if (strcmp(service_type(request->object), "ExternalName") == 0) {
        if (old && strcmp(service_type(old), "ExternalName") != 0)
            clear_addresses(spec);
        return true;
    }
    carry_address(spec, old);
    list_address(spec);
    if (!service_settle_families(request->object, old, err))
        return false;
    const char *ip = json_text(spec, "clusterIP");
    if (!ip || !*ip)
        ip = json_string_value(json_array_get(json_object_get(spec, "clusterIPs"), 0));
    if (!ip || !*ip) {
        pick_address(spec);
    } else {
        bool is_new = has_address(ip) && !text_eq(ip, json_text(old, "spec", "clusterIP"));
        if (is_new)
            ask_address(request, ip);
        if (is_new && !in_range(ip)) {
            error_add_cause(err, CAUSE_INVALID, "spec.clusterIPs",
                            "Invalid value: []string{\"%s\"}: failed to allocate IP %s: the "
                            "provided IP (%s) is not in the valid range. "
                            "The range of valid IPs is 10.96.0.0/16",
                            ip, ip, ip);
            return error_seal_invalid(err, "Service", "", meta_name(request->object));
        }
    }
    return true;
}

/* ---- node ports ---- */

static bool wants_node_ports(const json_t *service)
{
    const char *type = service_type(service);
    if (strcmp(type, "NodePort") == 0)
        return true;
    return strcmp(type, "LoadBalancer") == 0 &&
           json_bool_or(json_at(service, "spec", "allocateLoadBalancerNodePorts"), true);
}

/* The node port that the old Service had for the same port and protocol. */
static int64_t carried_port(const json_t *old, const json_t *port)
{
    const json_t *other;
    size_t i;
    json_array_foreach (json_at(old, "spec", "ports"), i, other)
        if (json_int_or(json_object_get(other, "port"), 0) ==
                json_int_or(json_object_get(port, "port"), -1) &&
            text_eq(json_text(other, "protocol"), json_text(port, "protocol")))
            return json_int_or(json_object_get(other, "nodePort"), 0);
    return 0;
}

/* The numbers that a Service holds: of its ports, and behind them that of its health check; 0:
 * none. */
static int64_t number_at(const json_t *service, size_t i)
{
    const json_t *ports = json_at(service, "spec", "ports");
    return json_int_or(i < json_array_size(ports)
                           ? json_object_get(json_array_get(ports, i), "nodePort")
                           : json_at(service, "spec", "healthCheckNodePort"),
                       0);
}

static bool has_number(const json_t *service, size_t end, int64_t number)
{
    for (size_t i = 0; i < end; i++)
        if (number_at(service, i) == number)
            return true;
    return false;
}

static bool has_port(const json_t *service, int64_t number)
{
    return service &&
           has_number(service, json_array_size(json_at(service, "spec", "ports")) + 1, number);
}

/* A number that the Service itself has not; one that another has is told by the store. */
static int64_t pick_port(const json_t *service)
{
    int64_t number = 0;
    for (unsigned tries = 0; tries < 64 && (!number || has_port(service, number)); tries++)
        number = NODE_PORT_FIRST + (int64_t)dice(NODE_PORT_LAST - NODE_PORT_FIRST + 1);
    return number;
}

static bool needs_health_port(const json_t *service)
{
    return strcmp(service_type(service), "LoadBalancer") == 0 &&
           text_eq(json_text(service, "spec", "externalTrafficPolicy"), "Local");
}

static bool in_port_range(int64_t number)
{
    return number >= NODE_PORT_FIRST && number <= NODE_PORT_LAST;
}

static bool refuse_health_port(struct error *err, int64_t number, const char *why)
{
    return error_internal(err, "failed to allocate requested HealthCheck NodePort %lld: %s",
                          (long long)number, why);
}

static bool allocate_health_port(struct request *request, json_t *spec)
{
    int64_t number = json_int_or(json_object_get(spec, "healthCheckNodePort"), 0);
    size_t port_count = json_array_size(json_object_get(spec, "ports"));
    bool is_asked = number && !has_port(request->old, number);
    if (!needs_health_port(request->object))
        return true;
    if (is_asked && !needs_health_port(request->old) &&
        (!in_port_range(number) || has_number(request->object, port_count, number)))
        return refuse_health_port(&request->error, number,
                                  in_port_range(number) ? PORT_TAKEN : PORT_OUTSIDE);
    if (number == 0)
        number = json_int_or(json_at(request->old, "spec", "healthCheckNodePort"), 0);
    if (is_asked)
        ask_port(request, number);
    json_object_set_new(spec, "healthCheckNodePort",
                        json_integer(number ? number : pick_port(request->object)));
    return true;
}

static bool same_port(const json_t *a, const json_t *b)
{
    return json_int_or(json_object_get(a, "port"), 0) == json_int_or(json_object_get(b, "port"), 0);
}

/* A new Service has one number for a port, whatever the protocol. */
static int64_t shared_port(const json_t *spec, const json_t *port)
{
    const json_t *other;
    size_t i;
    int64_t number;
    json_array_foreach (json_object_get(spec, "ports"), i, other)
        if (same_port(other, port) &&
            (number = json_int_or(json_object_get(other, "nodePort"), 0)) != 0)
            return number;
    return 0;
}

/* What speaks against the number that the port `i` would have; NULL: nothing. */
static const char *port_fault(const struct request *request, const json_t *ports, size_t i,
                              int64_t number)
{
    if (!in_port_range(number))
        return PORT_OUTSIDE;
    for (size_t k = 0; k < i && !request->old; k++)
        if (number_at(request->object, k) == number &&
            !same_port(json_array_get(ports, k), json_array_get(ports, i)))
            return PORT_TAKEN;
    return NULL;
}

static bool refuse_port(struct request *request, size_t i, int64_t number, const char *why)
{
    CLEANUP(free_ptr) char *field = xasprintf("spec.ports[%zu].nodePort", i);
    error_add_cause(&request->error, CAUSE_INVALID, field, "Invalid value: %lld: %s",
                    (long long)number, why);
    return error_seal_invalid(&request->error, "Service", "", meta_name(request->object));
}

static bool allocate_ports(struct request *request, json_t *spec)
{
    json_t *ports = json_object_get(spec, "ports"), *port;
    size_t i;
    json_array_foreach (ports, i, port) {
        int64_t number = json_int_or(json_object_get(port, "nodePort"), 0);
        if (!wants_node_ports(request->object)) {
            if (number && has_port(request->old, number))
                json_object_del(port, "nodePort");
            continue;
        }
        if (number == 0)
            number = request->old ? carried_port(request->old, port) : shared_port(spec, port);
        else if (!has_port(request->old, number))
            ask_port(request, number);
        if (number == 0)
            number = pick_port(request->object);
        const char *why = port_fault(request, ports, i, number);
        if (why)
            return refuse_port(request, i, number, why);
        json_object_set_new(port, "nodePort", json_integer(number));
    }
    return true;
}

enum step_result step_allocate(struct request *request)
{
    if (strcmp(request->storage, "services") != 0 || request->sub)
        return STEP_NEXT;
    json_t *spec = json_ensure_object(request->object, "spec");
    return allocate_address(request, spec) && allocate_ports(request, spec) &&
                   allocate_health_port(request, spec)
               ? STEP_NEXT
               : STEP_FAIL;
}

/* ---- charges ---- */

static void charge_address(const json_t *now, const json_t *old, struct charges *charges)
{
    const char *to = json_text(now, "spec", "clusterIP"),
               *from = json_text(old, "spec", "clusterIP");
    char scope[SCOPE_BYTES];
    if (text_eq(to, from))
        return;
    if (has_address(to)) {
        address_scope(scope, to);
        charges_add(charges, scope, COUNTER, 1, 1);
    }
    if (has_address(from)) {
        address_scope(scope, from);
        charges_add(charges, scope, COUNTER, -1, INT64_MAX);
    }
}

/* Each number once, however many ports of the Service share it. */
static void charge_ports(const json_t *of, const json_t *unless, int64_t delta,
                         struct charges *charges)
{
    size_t count = json_array_size(json_at(of, "spec", "ports")) + 1;
    char scope[SCOPE_BYTES];
    for (size_t i = 0; of && i < count; i++) {
        int64_t number = number_at(of, i);
        if (number == 0 || has_port(unless, number) || has_number(of, i, number))
            continue;
        port_scope(scope, number);
        charges_add(charges, scope, COUNTER, delta, delta > 0 ? 1 : INT64_MAX);
    }
}

void service_charges(const json_t *now, const json_t *old, struct charges *charges)
{
    charge_address(now, old, charges);
    charge_ports(now, old, 1, charges);
    charge_ports(old, now, -1, charges);
}

static bool port_taken(struct request *request, int64_t number)
{
    size_t count = json_array_size(json_at(request->object, "spec", "ports"));
    for (size_t i = 0; i < count; i++)
        if (number_at(request->object, i) == number)
            return refuse_port(request, i, number, PORT_TAKEN);
    return refuse_health_port(&request->error, number, PORT_TAKEN);
}

bool service_taken(struct request *request, const char *scope)
{
    const char *what = strchr(scope, '/') + 1;
    int64_t number = 0;
    if (text_starts(scope, "nodeport/") &&
        parse_i64(str_of(what), NODE_PORT_FIRST, NODE_PORT_LAST, &number))
        return port_taken(request, number);
    error_add_cause(
        &request->error, CAUSE_INVALID, "spec.clusterIPs",
        "Invalid value: []string{\"%s\"}: failed to allocate IP %s: provided IP is already "
        "allocated",
        what, what);
    return error_seal_invalid(&request->error, "Service", "", meta_name(request->object));
}
