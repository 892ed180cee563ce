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
 *   egress, ingress, egress-names
 *                   the hooks
 *
 * and the same once more, called own-..., for what tenants say of their own Pods.
 *
 * A packet passes each hook: to accept in one says nothing about the others. They come after the
 * translation of Services, so what counts is the Pod behind; what this machine itself sends passes
 * none.
 *
 * Answers pass whatever the rules say, and so does what a Pod sends to itself. A Pod that the table
 * does not know yet gets and sends nothing: it is known soon. So the table is there before the
 * first Pod that a policy is about. */
#include "host/network/policy_rules_script.h"

#define ADDRESS_FMT    "%u.%u.%u.%u"
#define ADDRESS_ARG(a) (a) >> 24, (a) >> 16 & 0xff, (a) >> 8 & 0xff, (a)&0xff

/* clang-format off */
static const struct side_words {
    const char *prefix, *map;
    const char *own, *peer;       /* the Pod's address in a packet, and the other side's */
    const char *hook, *device;    /* where the Pod is */
    int priority;
} words[POLICY_TIERS][POLICY_DIRECTIONS] = {
    {{"in", "incoming", "daddr", "saddr", "ingress", "oifname", -2},
     {"out", "outgoing", "saddr", "daddr", "egress", "iifname", -4}},
    {{"own-in", "own-incoming", "daddr", "saddr", "own-ingress", "oifname", -1},
     {"own-out", "own-outgoing", "saddr", "daddr", "own-egress", "iifname", -3}},
};
/* clang-format on */

/* ---- sets ---- */

static bool has_ranges(const struct policy_set *set)
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

static void write_ports(struct buf *out, const struct policy_set *set)
{
    for (size_t i = 0; i < set->port_count; i++) {
        const struct policy_port *port = &set->ports[i];
        buf_add_text(out, i ? ", " : "");
        if (set->kind == POLICY_POD_PORTS)
            buf_printf(out, ADDRESS_FMT " . ", ADDRESS_ARG(port->address));
        buf_printf(out, "%s . %u", network_policy_protocol(port->protocol), port->first);
        if (port->last != port->first)
            buf_printf(out, "-%u", port->last);
    }
}

static void write_set(struct buf *out, const struct policy_set *set)
{
    static const char *const types[] = {"ipv4_addr", "inet_proto . inet_service",
                                        "ipv4_addr . inet_proto . inet_service"};
    buf_printf(out, "set %s { type %s;%s elements = { ", set->name, types[set->kind],
               has_ranges(set) ? " flags interval;" : "");
    if (set->kind == POLICY_PEERS)
        write_addresses(out, &set->addresses);
    else
        write_ports(out, set);
    buf_add_text(out, " }; }\n");
}

/* ---- chains ---- */

static void write_policy(struct buf *out, const struct policy_chain *policy, const char *peer)
{
    buf_printf(out, "chain %s {\n", policy->name);
    for (size_t i = 0; i < policy->line_count; i++) {
        const struct policy_line *line = &policy->lines[i];
        if (line->peers)
            buf_printf(out, " ip %s @%s", peer, line->peers->name);
        if (line->ports)
            buf_printf(out, "%s meta l4proto . th dport @%s",
                       line->ports->kind == POLICY_POD_PORTS ? " ip daddr ." : "",
                       line->ports->name);
        buf_add_text(out, " accept\n");
    }
    buf_add_text(out, "}\n");
}

static void write_choice(struct buf *out, const struct policy_choice *choice, const char *prefix,
                         size_t number)
{
    buf_printf(out, "chain %s-%zu {\n", prefix, number);
    for (size_t i = 0; i < choice->count; i++)
        buf_printf(out, " jump %s\n", choice->policies[i]->name);
    buf_add_text(out, " reject with icmp admin-prohibited\n}\n");
}

static void write_side(struct buf *out, const struct policy_side *side,
                       const struct side_words *say)
{
    for (size_t i = 0; i < side->policy_count; i++)
        write_policy(out, side->policies[i], say->peer);
    for (size_t i = 0; i < side->choice_count; i++)
        write_choice(out, &side->choices[i], say->prefix, i);
    buf_printf(out, "map %s { type ipv4_addr : verdict;", say->map);
    for (size_t i = 0; i < side->pod_count; i++)
        buf_printf(out, "%s" ADDRESS_FMT " : goto %s-%zu", i ? ", " : " elements = { ",
                   ADDRESS_ARG(side->pods[i].address), say->prefix, side->pods[i].choice);
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

static void write_hook(struct buf *out, const struct side_words *say, const char *bridge)
{
    buf_printf(out,
               "chain %s {\n"
               " type filter hook forward priority %d; policy accept;\n"
               " ct state established,related accept\n"
               " %s \"%s\" ip %s != @pods drop\n"
               " ip saddr . ip daddr @selves accept\n"
               " ip %s vmap @%s\n}\n",
               say->hook, say->priority, say->device, bridge, say->own, say->own, say->map);
}

/* A Pod may always reach its node, but for names: those are elsewhere with upstream. */
static void write_names(struct buf *out, const struct side_words *say, const char *dns_address)
{
    buf_printf(out,
               "chain %s-names {\n"
               " type filter hook input priority %d; policy accept;\n"
               " ct state established,related accept\n"
               " ip daddr %s meta l4proto { tcp, udp } th dport 53 ip saddr vmap @%s\n}\n",
               say->hook, say->priority, dns_address, say->map);
}

void policy_rules_script_write(struct buf *out, const struct network_options *options,
                               const struct policy_rules *rules)
{
    policy_rules_script_remove(out, options);
    if (!rules->any)
        return;
    buf_printf(out, "table ip %s_policy {\n", options->table);
    for (size_t i = 0; i < rules->set_count; i++)
        write_set(out, rules->sets[i]);
    write_known(out, &rules->known);
    for (int tier = 0; tier < POLICY_TIERS; tier++)
        for (int i = 0; i < POLICY_DIRECTIONS; i++) {
            write_side(out, &rules->sides[tier][i], &words[tier][i]);
            write_hook(out, &words[tier][i], options->bridge);
        }
    for (int tier = 0; tier < POLICY_TIERS; tier++)
        write_names(out, &words[tier][POLICY_EGRESS], options->dns_address);
    buf_add_text(out, "}\n");
}

void policy_rules_script_remove(struct buf *out, const struct network_options *options)
{
    buf_printf(out, "add table ip %s_policy\ndelete table ip %s_policy\n", options->table,
               options->table);
}
