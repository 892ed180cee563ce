/* What the table TABLE_policy holds:
 *
 *   a-HASH          addresses: the peers of a rule
 *   p-HASH, e-HASH  its ports; its named ports, each of one Pod
 *   in-NS/NAME      what a policy lets in, out-NS/NAME what it lets out: accept, or go on
 *   in-N, out-N     the policies that are about the same Pods, one after the other; what none of
 *                   them accepts is rejected
 *   incoming, outgoing
 *                   maps from a Pod's address to those: what a packet costs does not depend on
 *                   the number of Pods
 *   egress, ingress, names
 *                   the hooks
 *
 * A packet passes `egress`, then `ingress`: to accept in one says nothing about the other. They
 * come after the translation of Services, so what counts is the Pod behind; what this machine
 * itself sends passes neither.
 *
 * Answers pass whatever the rules say, and so does what a Pod sends to itself. A Pod that the table
 * does not know yet gets and sends nothing: it is known soon. */
#include "host/network/ruleset_script.h"

#define PRIORITY_EGRESS  "-4"
#define PRIORITY_INGRESS "-3"

#define ADDRESS_FMT    "%u.%u.%u.%u"
#define ADDRESS_ARG(a) (a) >> 24, (a) >> 16 & 0xff, (a) >> 8 & 0xff, (a)&0xff

static const struct {
    const char *prefix, *map, *peer;
} directions[POLICY_DIRECTIONS] = {{"in", "incoming", "saddr"}, {"out", "outgoing", "daddr"}};

/* ---- sets ---- */

static bool has_ranges(const struct ruleset_set *set)
{
    for (size_t i = 0; i < set->addresses.count; i++)
        if (set->addresses.ranges[i].first != set->addresses.ranges[i].last)
            return true;
    for (size_t i = 0; i < set->port_count; i++)
        if (set->ports[i].first != set->ports[i].last)
            return true;
    return false;
}

static void write_addresses(struct buf *out, const struct address_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct address_range *range = &set->ranges[i];
        buf_printf(out, "%s" ADDRESS_FMT, i ? ", " : "", ADDRESS_ARG(range->first));
        if (range->last != range->first)
            buf_printf(out, "-" ADDRESS_FMT, ADDRESS_ARG(range->last));
    }
}

static void write_ports(struct buf *out, const struct ruleset_set *set)
{
    for (size_t i = 0; i < set->port_count; i++) {
        const struct ruleset_port *port = &set->ports[i];
        buf_add_text(out, i ? ", " : "");
        if (set->kind == RULESET_POD_PORTS)
            buf_printf(out, ADDRESS_FMT " . ", ADDRESS_ARG(port->address));
        buf_printf(out, "%s . %u", network_policy_protocol(port->protocol), port->first);
        if (port->last != port->first)
            buf_printf(out, "-%u", port->last);
    }
}

static void write_set(struct buf *out, const struct ruleset_set *set)
{
    static const char *const types[] = {"ipv4_addr", "inet_proto . inet_service",
                                        "ipv4_addr . inet_proto . inet_service"};
    buf_printf(out, "set %s { type %s;%s elements = { ", set->name, types[set->kind],
               has_ranges(set) ? " flags interval;" : "");
    if (set->kind == RULESET_PEERS)
        write_addresses(out, &set->addresses);
    else
        write_ports(out, set);
    buf_add_text(out, " }; }\n");
}

/* ---- chains ---- */

static void write_policy(struct buf *out, const struct ruleset_policy *policy, const char *peer)
{
    buf_printf(out, "chain %s {\n", policy->name);
    for (size_t i = 0; i < policy->line_count; i++) {
        const struct ruleset_line *line = &policy->lines[i];
        if (line->peers)
            buf_printf(out, " ip %s @%s", peer, line->peers->name);
        if (line->ports)
            buf_printf(out, "%s meta l4proto . th dport @%s",
                       line->ports->kind == RULESET_POD_PORTS ? " ip daddr ." : "",
                       line->ports->name);
        buf_add_text(out, " accept\n");
    }
    buf_add_text(out, "}\n");
}

static void write_choice(struct buf *out, const struct ruleset_choice *choice, const char *prefix,
                         size_t number)
{
    buf_printf(out, "chain %s-%zu {\n", prefix, number);
    for (size_t i = 0; i < choice->count; i++)
        buf_printf(out, " jump %s\n", choice->policies[i]->name);
    buf_add_text(out, " reject with icmp admin-prohibited\n}\n");
}

static void write_side(struct buf *out, const struct ruleset_side *side, int direction)
{
    const char *prefix = directions[direction].prefix;
    for (size_t i = 0; i < side->policy_count; i++)
        write_policy(out, side->policies[i], directions[direction].peer);
    for (size_t i = 0; i < side->choice_count; i++)
        write_choice(out, &side->choices[i], prefix, i);
    buf_printf(out, "map %s { type ipv4_addr : verdict;", directions[direction].map);
    for (size_t i = 0; i < side->pod_count; i++)
        buf_printf(out, "%s" ADDRESS_FMT " : goto %s-%zu", i ? ", " : " elements = { ",
                   ADDRESS_ARG(side->pods[i].address), prefix, side->pods[i].choice);
    buf_add_text(out, side->pod_count ? " }; }\n" : " }\n");
}

static void write_known(struct buf *out, const struct address_set *known)
{
    buf_add_text(out, "set pods { type ipv4_addr; elements = { ");
    write_addresses(out, known);
    buf_add_text(out, " }; }\nset selves { type ipv4_addr . ipv4_addr; elements = { ");
    for (size_t i = 0; i < known->count; i++)
        buf_printf(out, "%s" ADDRESS_FMT " . " ADDRESS_FMT, i ? ", " : "",
                   ADDRESS_ARG(known->ranges[i].first), ADDRESS_ARG(known->ranges[i].first));
    buf_add_text(out, " }; }\n");
}

static void write_hooks(struct buf *out, const struct network_options *options)
{
    buf_printf(out,
               "chain egress {\n"
               " type filter hook forward priority " PRIORITY_EGRESS "; policy accept;\n"
               " ct state established,related accept\n"
               " iifname \"%s\" ip saddr != @pods drop\n"
               " ip saddr . ip daddr @selves accept\n"
               " ip saddr vmap @outgoing\n}\n",
               options->bridge);
    buf_printf(out,
               "chain ingress {\n"
               " type filter hook forward priority " PRIORITY_INGRESS "; policy accept;\n"
               " ct state established,related accept\n"
               " oifname \"%s\" ip daddr != @pods drop\n"
               " ip saddr . ip daddr @selves accept\n"
               " ip daddr vmap @incoming\n}\n",
               options->bridge);
    /* A Pod may always reach its node, but for names: those are elsewhere with upstream. */
    buf_printf(out,
               "chain names {\n"
               " type filter hook input priority " PRIORITY_EGRESS "; policy accept;\n"
               " ct state established,related accept\n"
               " ip daddr %s meta l4proto { tcp, udp } th dport 53 ip saddr vmap @outgoing\n}\n",
               options->dns_address);
}

static bool is_empty(const struct ruleset *ruleset)
{
    return !ruleset->sides[POLICY_INGRESS].pod_count && !ruleset->sides[POLICY_EGRESS].pod_count;
}

void ruleset_script_write(struct buf *out, const struct network_options *options,
                          const struct ruleset *ruleset)
{
    ruleset_script_remove(out, options);
    if (is_empty(ruleset))
        return;
    buf_printf(out, "table ip %s_policy {\n", options->table);
    for (size_t i = 0; i < ruleset->set_count; i++)
        write_set(out, ruleset->sets[i]);
    for (int i = 0; i < POLICY_DIRECTIONS; i++)
        write_side(out, &ruleset->sides[i], i);
    write_known(out, &ruleset->known);
    write_hooks(out, options);
    buf_add_text(out, "}\n");
}

void ruleset_script_remove(struct buf *out, const struct network_options *options)
{
    buf_printf(out, "add table ip %s_policy\ndelete table ip %s_policy\n", options->table,
               options->table);
}
