#include "host/network/ruleset.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"

static void set_free(struct ruleset_set *set)
{
    address_set_clear(&set->addresses);
    free(set->ports);
    free(set);
}

static void side_clear(struct ruleset_side *side)
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

void ruleset_clear(struct ruleset *ruleset)
{
    for (int tier = 0; tier < RULESET_TIERS; tier++)
        for (int i = 0; i < POLICY_DIRECTIONS; i++)
            side_clear(&ruleset->sides[tier][i]);
    for (size_t i = 0; i < ruleset->set_count; i++)
        set_free(ruleset->sets[i]);
    free(ruleset->sets);
    strmap_clear(&ruleset->by_name);
    address_set_clear(&ruleset->known);
    *ruleset = (struct ruleset){0};
}

static int compare_ports(const void *a, const void *b)
{
    const struct ruleset_port *left = a, *right = b;
    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    if (left->protocol != right->protocol)
        return left->protocol < right->protocol ? -1 : 1;
    return (left->first > right->first) - (left->first < right->first);
}

static void join_ports(struct ruleset_set *set)
{
    size_t kept = 0;
    if (!set->port_count)
        return;
    qsort(set->ports, set->port_count, sizeof(*set->ports), compare_ports);
    for (size_t i = 1; i < set->port_count; i++) {
        struct ruleset_port *last = &set->ports[kept], next = set->ports[i];
        if (next.address != last->address || next.protocol != last->protocol ||
            next.first > last->last)
            set->ports[++kept] = next;
        else if (next.last > last->last)
            last->last = next.last;
    }
    set->port_count = kept + 1;
}

static void name_set(struct ruleset_set *set)
{
    static const char letters[] = {'a', 'p', 'e'};
    char hash[65];
    _Static_assert(sizeof(struct address_range) == 8 && sizeof(struct ruleset_port) == 12,
                   "what is hashed has no holes");
    if (set->kind == RULESET_PEERS)
        sha256_hex(set->addresses.ranges, set->addresses.count * sizeof(*set->addresses.ranges),
                   hash);
    else
        sha256_hex(set->ports, set->port_count * sizeof(*set->ports), hash);
    (void)snprintf(set->name, sizeof(set->name), "%c-%.*s", letters[set->kind], RULESET_DIGITS,
                   hash);
}

const struct ruleset_set *ruleset_share(struct ruleset *ruleset, struct ruleset_set *set)
{
    struct ruleset_set *kept = xcalloc(1, sizeof(*kept));
    *kept = *set;
    *set = (struct ruleset_set){0};
    join_ports(kept);
    name_set(kept);
    struct ruleset_set *before = strmap_get(&ruleset->by_name, kept->name);
    if (before) {
        set_free(kept);
        return before;
    }
    ruleset->sets = xreallocarray(ruleset->sets, ruleset->set_count + 1, sizeof(*ruleset->sets));
    ruleset->sets[ruleset->set_count++] = kept;
    (void)strmap_put(&ruleset->by_name, kept->name, kept);
    return kept;
}
