#include "host/network/policy_rules_decide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "host/pod_notes.h"
#include "schema/selector.h"

#define NAME_LEN_MAX  160 /* of a chain; the kernel takes 255 */
#define DNS_NAMESPACE "kube-system"

struct decider {
    const struct view *view;
    struct policy_rules *rules;
    const struct network_policy **policies; /* by namespace, then name */
    const struct view_pod **pods;           /* those with an address; after them the two of `dns` */
    size_t policy_count, pod_count;
    struct strmap budgets;  /* cluster -> struct budget, owned */
    struct view_pod dns[2]; /* the server as a Pod: of the host's, and of the cluster at work */
};

struct budget {
    size_t left;
    bool cut_short;
};

/* One policy in one direction. */
struct work {
    struct decider *decider;
    const struct network_policy *policy;
    enum policy_direction direction;
    const char *cluster;
    struct budget *budget;
};

/* ---- what it costs ---- */

static const char *cluster_of(const struct decider *decider, const struct network_policy *policy)
{
    const struct view_namespace *ns = strmap_get(&decider->view->namespaces, policy->ns);
    return ns ? ns->cluster : VIEW_HOST_CLUSTER;
}

static struct budget *budget_of(struct decider *decider, const char *cluster)
{
    struct budget *budget = strmap_get(&decider->budgets, cluster);
    if (!budget) {
        budget = xcalloc(1, sizeof(*budget));
        budget->left =
            strcmp(cluster, VIEW_HOST_CLUSTER) == 0 ? POLICY_COST_MAX_HOST : POLICY_COST_MAX;
        (void)strmap_put(&decider->budgets, cluster, budget);
    }
    return budget;
}

/* False when the cluster has spent what it has. */
static bool spend(struct budget *budget, size_t cost)
{
    if (budget->left >= cost) {
        budget->left -= cost;
        return true;
    }
    budget->left = 0;
    budget->cut_short = true;
    return false;
}

/* ---- who is meant ---- */

static bool is_in_namespaces(const struct work *work, const struct network_policy_peer *peer,
                             const struct view_pod *pod)
{
    if (!peer->namespaces)
        return strcmp(pod->host_ns, work->policy->ns) == 0;
    const struct view_namespace *ns = strmap_get(&work->decider->view->namespaces, pod->host_ns);
    return ns && selector_matches_json(peer->namespaces, ns->labels);
}

static bool is_peer(const struct work *work, const struct network_policy_peer *peer,
                    const struct view_pod *pod)
{
    return spend(work->budget, peer->weight) && is_in_namespaces(work, peer, pod) &&
           selector_matches_json(peer->pods, pod->labels);
}

static bool is_about(const struct network_policy *policy, const struct view_pod *pod)
{
    return strcmp(pod->host_ns, policy->ns) == 0 &&
           selector_matches_json(policy->pods, pod->labels);
}

/* Names are asked for, and nobody asks back. */
static size_t peer_count(const struct work *work)
{
    size_t dns_count = work->direction == POLICY_EGRESS ? ARRAY_LEN(work->decider->dns) : 0;
    return work->decider->pod_count + dns_count;
}

/* ---- a rule's sets ---- */

static void set_clear(struct policy_set *set)
{
    address_set_clear(&set->addresses);
    free(set->ports);
    *set = (struct policy_set){0};
}

static void add_address(struct address_set *set, const char *text)
{
    uint32_t address;
    if (address_parse(text, &address))
        address_set_add(set, (struct address_range){address, address});
}

static void add_peers(const struct work *work, const struct network_policy_rule *rule,
                      struct address_set *addresses)
{
    for (size_t i = 0; i < rule->peer_count; i++) {
        const struct network_policy_peer *peer = &rule->peers[i];
        for (size_t k = 0; k < peer->block.count; k++)
            if (spend(work->budget, POLICY_ELEMENT_COST))
                address_set_add(addresses, peer->block.ranges[k]);
        for (size_t k = 0; !peer->is_block && k < peer_count(work); k++) {
            const struct view_pod *pod = work->decider->pods[k];
            if (is_peer(work, peer, pod) && spend(work->budget, POLICY_ELEMENT_COST))
                add_address(addresses, pod->address);
        }
    }
    address_set_seal(addresses);
}

static void add_port(const struct work *work, struct policy_set *set, struct policy_port port)
{
    if (!spend(work->budget, POLICY_ELEMENT_COST))
        return;
    set->ports = xreallocarray(set->ports, set->port_count + 1, sizeof(*set->ports));
    set->ports[set->port_count++] = port;
}

/* What a name means is up to the Pod that the traffic goes to. */
static void add_named_port(const struct work *work, const struct network_policy_port *named,
                           const struct view_pod *pod, struct policy_set *set)
{
    const char *protocol = network_policy_protocol(named->protocol);
    uint32_t address;
    if (!address_parse(pod->address, &address))
        return;
    for (size_t i = 0; i < pod->port_count; i++) {
        const struct view_port *port = &pod->ports[i];
        if (port->port && strcmp(port->protocol, protocol) == 0 &&
            strcmp(port->name, named->name) == 0)
            add_port(work, set,
                     (struct policy_port){address, named->protocol, (uint16_t)port->port,
                                          (uint16_t)port->port});
    }
}

/* `peers` NULL: all Pods of the cluster. */
static bool may_be_target(const struct work *work, const struct address_set *peers,
                          const struct view_pod *pod)
{
    uint32_t address;
    if (work->direction == POLICY_INGRESS)
        return is_about(work->policy, pod);
    if (!peers)
        return strcmp(pod->cluster, work->cluster) == 0;
    return address_parse(pod->address, &address) && address_set_has(peers, address);
}

static void add_named_ports(const struct work *work, const struct network_policy_port *named,
                            const struct address_set *peers, struct policy_set *set)
{
    for (size_t i = 0; i < peer_count(work) && spend(work->budget, 1); i++)
        if (may_be_target(work, peers, work->decider->pods[i]))
            add_named_port(work, named, work->decider->pods[i], set);
}

static void add_line(struct policy_chain *out, const struct policy_set *peers,
                     const struct policy_set *ports)
{
    out->lines = xreallocarray(out->lines, out->line_count + 1, sizeof(*out->lines));
    out->lines[out->line_count++] = (struct policy_line){peers, ports};
}

static void decide_ports(const struct work *work, const struct network_policy_rule *rule,
                         const struct policy_set *peers, struct policy_chain *out)
{
    CLEANUP(set_clear) struct policy_set numbers = {.kind = POLICY_PORTS};
    CLEANUP(set_clear) struct policy_set names = {.kind = POLICY_POD_PORTS};
    for (size_t i = 0; i < rule->port_count; i++) {
        const struct network_policy_port *port = &rule->ports[i];
        if (port->name)
            add_named_ports(work, port, peers ? &peers->addresses : NULL, &names);
        else
            add_port(work, &numbers,
                     (struct policy_port){0, port->protocol, (uint16_t)port->first,
                                          (uint16_t)port->last});
    }
    if (numbers.port_count)
        add_line(out, peers, policy_rules_share(work->decider->rules, &numbers));
    if (names.port_count)
        add_line(out, peers, policy_rules_share(work->decider->rules, &names));
}

static void decide_rule(const struct work *work, const struct network_policy_rule *rule,
                        struct policy_chain *out)
{
    CLEANUP(set_clear) struct policy_set set = {.kind = POLICY_PEERS};
    const struct policy_set *peers = NULL;
    if (!spend(work->budget, POLICY_ELEMENT_COST))
        return;
    if (!rule->any_peer) {
        add_peers(work, rule, &set.addresses);
        if (!set.addresses.count)
            return;
        if (!address_set_is_all(&set.addresses))
            peers = policy_rules_share(work->decider->rules, &set);
    }
    if (rule->any_port)
        add_line(out, peers, NULL);
    else
        decide_ports(work, rule, peers, out);
}

/* ---- policies and Pods ---- */

/* "in-NAMESPACE/NAME", or its front and a hash where that is too long for a chain. */
static char *chain_name(const struct network_policy *policy, enum policy_direction direction)
{
    CLEANUP(free_ptr)
    char *name =
        xasprintf("%s-%s/%s", direction == POLICY_INGRESS ? "in" : "out", policy->ns, policy->name);
    char hash[65];
    if (strlen(name) <= NAME_LEN_MAX)
        return TAKE(name);
    sha256_hex(name, strlen(name), hash);
    return xasprintf("%.*s-%.*s", NAME_LEN_MAX - POLICY_DIGITS - 1, name, POLICY_DIGITS, hash);
}

/* The server's labels, as those of Pods of that cluster are on the host. */
static void be_dns_of(struct view_pod *dns, const char *ns, const char *cluster)
{
    json_decref(dns->labels);
    dns->labels = json_pack("{s:s}", "k8s-app", "kube-dns");
    if (strcmp(cluster, VIEW_HOST_CLUSTER) != 0) {
        json_set_text(dns->labels, POD_NOTE_CLUSTER, cluster);
        json_set_text(dns->labels, POD_NOTE_NAMESPACE, DNS_NAMESPACE);
    }
    free(dns->host_ns);
    free(dns->cluster);
    dns->host_ns = xstrdup(ns);
    dns->cluster = xstrdup(cluster);
}

static enum policy_tier tier_of(const struct network_policy *policy)
{
    return policy->is_tenants ? POLICY_TENANT : POLICY_OPERATOR;
}

static struct policy_chain *decide_policy(struct decider *decider,
                                          const struct network_policy *policy,
                                          enum policy_direction direction)
{
    struct policy_side *side = &decider->rules->sides[tier_of(policy)][direction];
    struct policy_chain *out = xcalloc(1, sizeof(*out));
    const char *cluster = cluster_of(decider, policy);
    const struct work work = {decider, policy, direction, cluster, budget_of(decider, cluster)};
    out->name = chain_name(policy, direction);
    side->policies = xreallocarray(side->policies, side->policy_count + 1, sizeof(*side->policies));
    side->policies[side->policy_count++] = out;
    if (strcmp(cluster, VIEW_HOST_CLUSTER) != 0)
        be_dns_of(&decider->dns[1], policy->ns, cluster);
    else
        be_dns_of(&decider->dns[1], DNS_NAMESPACE, VIEW_HOST_CLUSTER);
    for (size_t i = 0; i < policy->sides[direction].rule_count; i++)
        decide_rule(&work, &policy->sides[direction].rules[i], out);
    return out;
}

/* Where the choice of these policies, given by their places, is; made when it is new. */
static size_t find_choice(struct policy_side *side, struct strmap *choices, const char *places,
                          const struct policy_choice *choice)
{
    uintptr_t known = (uintptr_t)strmap_get(choices, places); /* its place, and one */
    if (known)
        return known - 1;
    side->choices = xreallocarray(side->choices, side->choice_count + 1, sizeof(*side->choices));
    struct policy_choice *made = &side->choices[side->choice_count++];
    made->count = choice->count;
    made->policies = xreallocarray(NULL, choice->count, sizeof(const struct policy_chain *));
    memcpy(made->policies, choice->policies, choice->count * sizeof(*made->policies));
    (void)strmap_put(choices, places, (void *)(uintptr_t)side->choice_count);
    return side->choice_count - 1;
}

/* One direction while Pods find their policies. */
struct side_work {
    struct decider *decider;
    enum policy_tier tier;
    enum policy_direction direction;
    struct policy_chain **made; /* for each policy, once it is about a Pod; NULL before */
    struct strmap choices;
};

/* A policy of a cluster that has spent what it has is about all Pods of its namespace. */
static bool chooses(struct decider *decider, const struct network_policy *policy,
                    const struct view_pod *pod)
{
    return strcmp(pod->host_ns, policy->ns) == 0 &&
           (!spend(budget_of(decider, cluster_of(decider, policy)), policy->weight) ||
            is_about(policy, pod));
}

static void decide_pod(struct side_work *work, const struct view_pod *pod)
{
    struct decider *decider = work->decider;
    struct policy_side *side = &decider->rules->sides[work->tier][work->direction];
    CLEANUP(buf_free) struct buf places = BUF_TEXT;
    struct policy_choice choice = {
        xreallocarray(NULL, decider->policy_count, sizeof(const struct policy_chain *)), 0};
    uint32_t address;
    for (size_t i = 0; i < decider->policy_count; i++) {
        const struct network_policy *policy = decider->policies[i];
        if (tier_of(policy) != work->tier || !policy->sides[work->direction].isolates ||
            !chooses(decider, policy, pod))
            continue;
        if (!work->made[i])
            work->made[i] = decide_policy(decider, policy, work->direction);
        choice.policies[choice.count++] = work->made[i];
        buf_printf(&places, "%zu ", i);
    }
    if (choice.count && address_parse(pod->address, &address)) {
        side->pods = xreallocarray(side->pods, side->pod_count + 1, sizeof(*side->pods));
        side->pods[side->pod_count++] =
            (struct policy_pod){address, find_choice(side, &work->choices, places.data, &choice)};
    }
    free(choice.policies);
}

static int compare_pods(const void *a, const void *b)
{
    const struct view_pod *const *left = a, *const *right = b;
    return strcmp((*left)->address, (*right)->address);
}

static void decide_side(struct decider *decider, enum policy_tier tier,
                        enum policy_direction direction)
{
    struct side_work work = {.decider = decider, .tier = tier, .direction = direction};
    work.made = xcalloc(decider->policy_count, sizeof(struct policy_chain *));
    for (size_t i = 0; i < decider->pod_count; i++)
        decide_pod(&work, decider->pods[i]);
    free(work.made);
    strmap_clear(&work.choices);
}

static int compare_policies(const void *a, const void *b)
{
    const struct network_policy *const *left = a, *const *right = b;
    int order = strcmp((*left)->ns, (*right)->ns);
    return order ? order : strcmp((*left)->name, (*right)->name);
}

/* The values of a map, in order, and room for `more`. Owned array. */
static void *sorted_values(const struct strmap *map, size_t more,
                           int (*compare)(const void *a, const void *b))
{
    void **values = xcalloc(map->count + more + 1, sizeof(void *));
    size_t at = 0, count = 0;
    const char *key;
    while (strmap_next(map, &at, &key, &values[count]))
        count++;
    qsort(values, count, sizeof(void *), compare);
    return values;
}

static void count_cut_short(struct decider *decider)
{
    size_t at = 0;
    const char *key;
    void *value;
    while (strmap_next(&decider->budgets, &at, &key, &value)) {
        struct budget *budget = value;
        decider->rules->cut_short += budget->cut_short;
        free(budget);
    }
    strmap_clear(&decider->budgets);
}

static void decider_init(struct decider *decider, const char *dns_address,
                         struct view_port *dns_ports, size_t dns_port_count)
{
    const struct view *view = decider->view;
    decider->policies = sorted_values(&view->policies, 0, compare_policies);
    decider->policy_count = view->policies.count;
    decider->pods = sorted_values(&view->clients, ARRAY_LEN(decider->dns), compare_pods);
    decider->pod_count = view->clients.count;
    for (size_t i = 0; i < ARRAY_LEN(decider->dns); i++) {
        struct view_pod *dns = &decider->dns[i];
        (void)snprintf(dns->address, sizeof(dns->address), "%s", dns_address);
        dns->ports = dns_ports;
        dns->port_count = dns_port_count;
        be_dns_of(dns, DNS_NAMESPACE, VIEW_HOST_CLUSTER);
        decider->pods[decider->pod_count + i] = dns;
    }
}

static void decider_deinit(struct decider *decider)
{
    for (size_t i = 0; i < ARRAY_LEN(decider->dns); i++) {
        json_decref(decider->dns[i].labels);
        free(decider->dns[i].host_ns);
        free(decider->dns[i].cluster);
    }
    free(decider->policies);
    free(decider->pods);
}

void policy_rules_decide(const struct view *view, const char *dns_address,
                         struct policy_rules *rules)
{
    char udp_name[] = "dns", tcp_name[] = "dns-tcp";
    struct view_port dns_ports[] = {{.name = udp_name, .protocol = "udp", .port = 53},
                                    {.name = tcp_name, .protocol = "tcp", .port = 53}};
    struct decider decider = {.view = view, .rules = rules};
    decider_init(&decider, dns_address, dns_ports, ARRAY_LEN(dns_ports));
    for (int tier = 0; tier < POLICY_TIERS; tier++)
        for (int i = 0; i < POLICY_DIRECTIONS; i++)
            decide_side(&decider, (enum policy_tier)tier, (enum policy_direction)i);
    for (size_t i = 0; i < decider.pod_count; i++)
        add_address(&rules->known, decider.pods[i]->address);
    address_set_seal(&rules->known);
    rules->any = decider.policy_count > 0;
    count_cut_short(&decider);
    decider_deinit(&decider);
}
