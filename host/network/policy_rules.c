#include "host/network/policy_rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"

static void set_free(struct policy_set *set)
{
    address_set_clear(&set->addresses);
    free(set->ports);
    free(set);
}

static void side_clear(struct policy_side *side)
{
    for (size_t i = 0; i < side->policy_count; i++) {
        free(side->policies[i]->name);
        free(side->policies[i]->lines);
        free(side->policies[i]);
    }
    for (size_t i = 0; i < side->choice_count; i++)
        free(side->choices[i].policies);
    free(side->policies);
    free(side->choices);
    free(side->pods);
}

void policy_rules_clear(struct policy_rules *rules)
{
    for (int tier = 0; tier < POLICY_TIERS; tier++)
        for (int i = 0; i < POLICY_DIRECTIONS; i++)
            side_clear(&rules->sides[tier][i]);
    for (size_t i = 0; i < rules->set_count; i++)
        set_free(rules->sets[i]);
    free(rules->sets);
    strmap_clear(&rules->by_name);
    address_set_clear(&rules->known);
    *rules = (struct policy_rules){0};
}

static int compare_ports(const void *a, const void *b)
{
    const struct policy_port *left = a, *right = b;
    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    if (left->protocol != right->protocol)
        return left->protocol < right->protocol ? -1 : 1;
    return (left->first > right->first) - (left->first < right->first);
}

static void join_ports(struct policy_set *set)
{
    size_t kept = 0;
    if (!set->port_count)
        return;
    qsort(set->ports, set->port_count, sizeof(*set->ports), compare_ports);
    for (size_t i = 1; i < set->port_count; i++) {
        struct policy_port *last = &set->ports[kept], next = set->ports[i];
        if (next.address != last->address || next.protocol != last->protocol ||
            next.first > last->last)
            set->ports[++kept] = next;
        else if (next.last > last->last)
            last->last = next.last;
    }
    set->port_count = kept + 1;
}

static void name_set(struct policy_set *set)
{
    static const char letters[] = {'a', 'p', 'e'};
    char hash[65];
    _Static_assert(sizeof(struct address_range) == 8 && sizeof(struct policy_port) == 12,
                   "what is hashed has no holes");
    if (set->kind == POLICY_PEERS)
        sha256_hex(set->addresses.ranges, set->addresses.count * sizeof(*set->addresses.ranges),
                   hash);
    else
        sha256_hex(set->ports, set->port_count * sizeof(*set->ports), hash);
    (void)snprintf(set->name, sizeof(set->name), "%c-%.*s", letters[set->kind], POLICY_DIGITS,
                   hash);
}

const struct policy_set *policy_rules_share(struct policy_rules *rules, struct policy_set *set)
{
    struct policy_set *kept = xcalloc(1, sizeof(*kept));
    *kept = *set;
    *set = (struct policy_set){0};
    join_ports(kept);
    name_set(kept);
    struct policy_set *before = strmap_get(&rules->by_name, kept->name);
    if (before) {
        set_free(kept);
        return before;
    }
    rules->sets = xreallocarray(rules->sets, rules->set_count + 1, sizeof(*rules->sets));
    rules->sets[rules->set_count++] = kept;
    (void)strmap_put(&rules->by_name, kept->name, kept);
    return kept;
}
