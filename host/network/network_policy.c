#include "host/network/network_policy.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "host/pod_notes.h"
#include "schema/meta.h"
#include "schema/selector.h"

#define WEIGHT_VALUES 16 /* so many values cost as much as a look at a Pod does */

static const struct {
    const char *type, *rules, *peers;
} directions[POLICY_DIRECTIONS] = {{"Ingress", "ingress", "from"}, {"Egress", "egress", "to"}};

static const struct {
    const char *name, *ports; /* in objects; in view_port and in nftables */
    unsigned number;
} protocols[] = {
    {"TCP", "tcp", IPPROTO_TCP}, {"UDP", "udp", IPPROTO_UDP}, {"SCTP", "sctp", IPPROTO_SCTP}};

static bool read_protocol(const char *name, unsigned *number)
{
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
        if (strcmp(name ? name : "TCP", protocols[i].name) == 0) {
            *number = protocols[i].number;
            return true;
        }
    return false;
}

const char *network_policy_protocol(unsigned number)
{
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
        if (protocols[i].number == number)
            return protocols[i].ports;
    return "";
}

static bool read_port(const json_t *object, struct network_policy_port *port)
{
    const json_t *number = json_object_get(object, "port");
    if (!read_protocol(json_text(object, "protocol"), &port->protocol))
        return false;
    if (json_is_string(number)) {
        port->name = xstrdup(json_string_value(number));
        return true;
    }
    int64_t first = number ? json_int_or(number, -1) : 0;
    int64_t last =
        number ? json_int_or(json_object_get(object, "endPort"), first) : (int64_t)UINT16_MAX;
    if (first < 0 || last < first || last > UINT16_MAX)
        return false;
    port->first = (unsigned)first;
    port->last = (unsigned)last;
    return true;
}

static void read_block(const json_t *object, struct address_set *block)
{
    const json_t *except = json_object_get(object, "except");
    const char *cidr = json_text(object, "cidr");
    CLEANUP(address_set_clear) struct address_set holes = {0};
    struct address_range range;
    if (!cidr || !address_parse_block(cidr, &range))
        return; /* IPv6, which no Pod has */
    address_set_add(block, range);
    for (size_t i = 0; i < json_array_size(except); i++) {
        const char *text = json_string_value(json_array_get(except, i));
        if (text && address_parse_block(text, &range))
            address_set_add(&holes, range);
    }
    address_set_seal(&holes);
    address_set_subtract(block, &holes);
}

static size_t count_values(const json_t *selector)
{
    const json_t *expressions = json_object_get(selector, "matchExpressions");
    size_t count = json_object_size(json_object_get(selector, "matchLabels"));
    for (size_t i = 0; i < json_array_size(expressions); i++)
        count += 1 + json_array_size(json_object_get(json_array_get(expressions, i), "values"));
    return count;
}

/* False when there is one that cannot be read. Its cost is added to `*weight`. */
static bool read_selector(const json_t *object, struct selector **selector, size_t *weight)
{
    CLEANUP(error_clear) struct error ignored = {0};
    size_t values = count_values(object);
    if (!object || json_is_null(object))
        return true;
    *weight += 1 + values / WEIGHT_VALUES;
    *selector = values <= POLICY_VALUES_MAX ? selector_from_json(object, &ignored) : NULL;
    return *selector != NULL;
}

static bool read_peer(const json_t *object, struct network_policy_peer *peer)
{
    const json_t *block = json_object_get(object, "ipBlock");
    peer->is_block = json_is_object(block);
    if (peer->is_block) {
        read_block(block, &peer->block);
        return peer->block.count > 0;
    }
    return read_selector(json_object_get(object, "podSelector"), &peer->pods, &peer->weight) &&
           read_selector(json_object_get(object, "namespaceSelector"), &peer->namespaces,
                         &peer->weight) &&
           (peer->pods || peer->namespaces);
}

static void peer_clear(struct network_policy_peer *peer)
{
    selector_free(peer->pods);
    selector_free(peer->namespaces);
    address_set_clear(&peer->block);
    *peer = (struct network_policy_peer){0};
}

static void read_rule(const json_t *object, const char *peers_member,
                      struct network_policy_rule *rule)
{
    const json_t *ports = json_object_get(object, "ports"),
                 *peers = json_object_get(object, peers_member);
    rule->any_port = json_array_size(ports) == 0;
    rule->any_peer = json_array_size(peers) == 0;
    rule->ports = xcalloc(json_array_size(ports), sizeof(*rule->ports));
    rule->peers = xcalloc(json_array_size(peers), sizeof(*rule->peers));
    for (size_t i = 0; i < json_array_size(ports); i++)
        if (read_port(json_array_get(ports, i), &rule->ports[rule->port_count]))
            rule->port_count++;
    for (size_t i = 0; i < json_array_size(peers); i++) {
        struct network_policy_peer *peer = &rule->peers[rule->peer_count];
        if (read_peer(json_array_get(peers, i), peer))
            rule->peer_count++;
        else
            peer_clear(peer);
    }
}

/* The server has filled in policyTypes; without it, egress counts where there are rules for it. */
static bool isolates(const json_t *spec, enum policy_direction direction)
{
    const json_t *types = json_object_get(spec, "policyTypes");
    if (json_array_size(types))
        return json_array_has_text(types, directions[direction].type);
    return direction == POLICY_INGRESS || json_array_size(json_object_get(spec, "egress")) > 0;
}

struct network_policy *network_policy_read(const json_t *object)
{
    const json_t *spec = json_object_get(object, "spec");
    struct network_policy *policy = xcalloc(1, sizeof(*policy));
    policy->ns = xstrdup(meta_namespace(object));
    policy->name = xstrdup(meta_name(object));
    policy->is_tenants = meta_annotation(object, POD_NOTE_CLUSTER) != NULL;
    (void)read_selector(json_object_get(spec, "podSelector"), &policy->pods,
                        &policy->weight); /* NULL selects everything */
    for (int i = 0; i < POLICY_DIRECTIONS; i++) {
        struct network_policy_side *side = &policy->sides[i];
        const json_t *rules = json_object_get(spec, directions[i].rules);
        side->isolates = isolates(spec, (enum policy_direction)i);
        side->rule_count = json_array_size(rules);
        side->rules = xcalloc(side->rule_count, sizeof(*side->rules));
        for (size_t k = 0; k < side->rule_count; k++)
            read_rule(json_array_get(rules, k), directions[i].peers, &side->rules[k]);
    }
    return policy;
}

static void rule_clear(struct network_policy_rule *rule)
{
    for (size_t i = 0; i < rule->port_count; i++)
        free(rule->ports[i].name);
    for (size_t i = 0; i < rule->peer_count; i++)
        peer_clear(&rule->peers[i]);
    free(rule->ports);
    free(rule->peers);
}

void network_policy_free(struct network_policy *policy)
{
    if (!policy)
        return;
    for (int i = 0; i < POLICY_DIRECTIONS; i++) {
        for (size_t k = 0; k < policy->sides[i].rule_count; k++)
            rule_clear(&policy->sides[i].rules[k]);
        free(policy->sides[i].rules);
    }
    selector_free(policy->pods);
    free(policy->ns);
    free(policy->name);
    free(policy);
}
