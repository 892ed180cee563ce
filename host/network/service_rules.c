/* What the table holds, for each cluster NAME that has Pods or Services here:
 *
 *   p-NAME   set: the addresses of its Pods
 *   t-NAME   nat chain: ClusterIP, protocol, port -> a chain s-N that picks an endpoint; the same
 * for a NodePort at the address that a tenant knows its nodes by, and for the address that its API
 * is said to have a-HASH   set: the clients that keep to one endpoint of a Service with ClientIP
 * affinity, until they have been silent for so long; e-HASH is the nat chain that leads there
 *   f-NAME   forward: its own Pods and the world beyond the host's networks; nothing else
 *   i-NAME   input: what was translated from one of its Services, and DNS; nothing else
 *
 * the chain nodeports, for what comes to this machine's own addresses, and maps from a Pod's
 * address to those chains. What comes from the bridge with an address that is in no map is dropped,
 * whatever that address is: the map comes soon, and TCP tries again. Pods have IPv4 only; IPv6 of
 * theirs goes nowhere.
 *
 * A later script empties the table's chains, sets and maps and fills them anew, in one transaction,
 * but for the a-HASH: what is in those came from the traffic. */
#include "host/network/service_rules.h"

#include <string.h>

#include "base/codec.h"
#include "base/strset.h"
#include "host/pseudo_node.h"

#define SCRIPT_PRIORITY_NAT    "-105"
#define SCRIPT_PRIORITY_FILTER "-5"

struct writer {
    struct buf *out;
    const struct network_options *options;
    const struct view *view;
    struct strset clusters;
    struct strmap *names;  /* what the script makes: name -> its kind */
    struct buf node_ports; /* of the host's Services: "tcp . 30080 : goto s-1, ..." */
    size_t chains;
};

struct kind {
    const char *word;
    bool is_chain;
    bool is_ours; /* we fill it: a new script begins with it empty */
};
static const struct kind kind_chain = {"chain", true, false}, kind_set = {"set", false, true},
                         kind_map = {"map", false, true}, kind_affinity = {"set", false, false};

/* "chain NAME {" and the like. */
static void begin(struct writer *writer, const struct kind *kind, const char *name)
{
    (void)strmap_put(writer->names, name, (void *)(uintptr_t)kind);
    buf_printf(writer->out, "%s %s {", kind->word, name);
}

static void begin_for(struct writer *writer, const struct kind *kind, char letter,
                      const char *cluster)
{
    CLEANUP(free_ptr) char *name = xasprintf("%c-%s", letter, cluster);
    begin(writer, kind, name);
}

static void collect_clusters(struct writer *writer)
{
    size_t at = 0;
    const char *key;
    void *value;
    strset_add(&writer->clusters, VIEW_HOST_CLUSTER);
    while (strmap_next(&writer->view->services, &at, &key, &value))
        strset_add(&writer->clusters, ((struct view_service *)value)->cluster);
    for (at = 0; strmap_next(&writer->view->pods, &at, &key, &value);)
        strset_add(&writer->clusters, ((struct view_pod *)value)->cluster);
}

/* What is for this machine's own addresses is looked at after the translation of the host's own
 * Pods, never of tenants'. */
static const char *verdict_of(const char *map, const char *cluster)
{
    return *map == 't' && strcmp(cluster, VIEW_HOST_CLUSTER) != 0 ? "goto" : "jump";
}

/* `elements = { ... }` with the Pods of one cluster (NULL: of all), nothing when there are none;
 * `verdict` makes a map. */
static void write_clients(struct writer *writer, const char *cluster, const char *verdict)
{
    size_t at = 0, count = 0;
    const char *address;
    void *value;
    while (strmap_next(&writer->view->clients, &at, &address, &value)) {
        const struct view_pod *pod = value;
        if (cluster && strcmp(pod->cluster, cluster) != 0)
            continue;
        buf_printf(writer->out, "%s%s", count++ ? ", " : " elements = { ", address);
        if (verdict)
            buf_printf(writer->out, " : %s %s-%s", verdict_of(verdict, pod->cluster), verdict,
                       pod->cluster);
    }
    buf_add_text(writer->out, count ? " };" : "");
}

static void write_maps(struct writer *writer)
{
    static const char *const maps[][2] = {{"clients", "t"}, {"forwards", "f"}, {"inputs", "i"}};
    for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
        begin(writer, &kind_map, maps[i][0]);
        buf_add_text(writer->out, " type ipv4_addr : verdict;");
        write_clients(writer, NULL, maps[i][1]);
        buf_add_text(writer->out, " }\n");
    }
    begin(writer, &kind_set, "hairpins");
    buf_add_text(writer->out, " type ipv4_addr . ipv4_addr;");
    size_t at = 0, count = 0;
    const char *address;
    void *value;
    while (strmap_next(&writer->view->clients, &at, &address, &value))
        buf_printf(writer->out, "%s%s . %s", count++ ? ", " : " elements = { ", address, address);
    buf_add_text(writer->out, count ? " }; }\n" : " }\n");
}

/* The number of the slice's port that serves a Service's port: by name and protocol. 0: none. */
static unsigned target_port(const struct view_slice *slice, const struct view_port *port)
{
    for (size_t i = 0; i < slice->port_count; i++)
        if (strcmp(slice->ports[i].name, port->name) == 0 &&
            strcmp(slice->ports[i].protocol, port->protocol) == 0)
            return slice->ports[i].port;
    return 0;
}

/* A Service port's endpoints as they are found. */
struct targets {
    struct writer *writer;
    const char *service_key;
    const struct view_service *service;
    const struct view_port *port;
    struct buf map;     /* "0 : 10.244.0.5 . 8080, ...", or "0 : goto e-HASH, ..." with affinity */
    struct buf lookups; /* with affinity: a rule for each endpoint */
    size_t count;
};

static void targets_clear(struct targets *targets)
{
    buf_free(&targets->map);
    buf_free(&targets->lookups);
}

/* The set and the chain of an endpoint that clients keep to. The name says all that the set stands
 * for. */
static void add_kept_target(struct targets *targets, const char *address, unsigned number)
{
    char hash[65];
    struct writer *writer = targets->writer;
    const struct view_port *port = targets->port;
    int64_t seconds = targets->service->affinity_s;
    CLEANUP(free_ptr)
    char *facts = xasprintf("%s %s %u %s %u %lld", targets->service_key, port->protocol, port->port,
                            address, number, (long long)seconds);
    sha256_hex(facts, strlen(facts), hash);
    hash[16] = '\0';
    CLEANUP(free_ptr) char *set = xasprintf("a-%s", hash);
    CLEANUP(free_ptr) char *chain = xasprintf("e-%s", hash);
    if (strmap_has(writer->names, set))
        return; /* two slices name it */
    begin(writer, &kind_affinity, set);
    buf_printf(writer->out, " type ipv4_addr; flags dynamic,timeout; timeout %llds; }\n",
               (long long)seconds);
    begin(writer, &kind_chain, chain);
    buf_printf(writer->out, "\n update @%s { ip saddr }\n meta l4proto %s dnat to %s:%u\n}\n", set,
               port->protocol, address, number);
    buf_printf(&targets->lookups, " ip saddr @%s goto %s\n", set, chain);
    buf_printf(&targets->map, "%s%zu : goto %s", targets->count ? ", " : "", targets->count, chain);
    targets->count++;
}

static void add_target(struct targets *targets, const char *address, unsigned number)
{
    if (targets->service->affinity_s) {
        add_kept_target(targets, address, number);
        return;
    }
    buf_printf(&targets->map, "%s%zu : %s . %u", targets->count ? ", " : "", targets->count,
               address, number);
    targets->count++;
}

static bool is_ready(const struct targets *targets, const struct view_endpoint *endpoint)
{
    return endpoint->ready || targets->service->publish_not_ready;
}

static bool is_leaving(const struct targets *targets, const struct view_endpoint *endpoint)
{
    (void)targets;
    return endpoint->leaving;
}

static void find_targets(struct targets *targets,
                         bool (*fits)(const struct targets *targets,
                                      const struct view_endpoint *endpoint))
{
    size_t at = 0;
    const char *key;
    void *value;
    while (strmap_next(&targets->writer->view->slices, &at, &key, &value)) {
        const struct view_slice *slice = value;
        unsigned number = strcmp(slice->service_key, targets->service_key) == 0
                              ? target_port(slice, targets->port)
                              : 0;
        for (size_t i = 0; number && i < slice->endpoint_count; i++)
            if (fits(targets, &slice->endpoints[i]))
                add_target(targets, slice->endpoints[i].address, number);
    }
}

/* The verdict map of t-NAME as it grows. */
struct service_map {
    struct buf entries;
    struct strset places; /* the keys in `entries` */
};

static void service_map_clear(struct service_map *map)
{
    buf_free(&map->entries);
    strset_clear(&map->places);
}

/* What a cluster's Endpoints say of its API is a port that stays: its Pods may come by that, too.
 * The slice that the syncer makes of it has the Service's name. */
static void map_api(const struct view *view, const char *key, const struct view_service *service,
                    size_t chain, struct service_map *map)
{
    bool is_api = strcmp(service->ns, "default") == 0 && strcmp(service->name, "kubernetes") == 0;
    const struct view_slice *slice = is_api ? strmap_get(&view->slices, key) : NULL;
    for (size_t i = 0; slice && i < slice->endpoint_count; i++) {
        CLEANUP(free_ptr)
        char *place = xasprintf("%s . tcp . %d", slice->endpoints[i].address, PSEUDO_API_PORT);
        if (strset_add(&map->places, place))
            buf_printf(&map->entries, ", %s : goto s-%zu", place, chain);
    }
}

static void write_choice(struct writer *writer, const struct targets *targets)
{
    CLEANUP(free_ptr) char *name = xasprintf("s-%zu", ++writer->chains);
    begin(writer, &kind_chain, name);
    if (targets->lookups.len)
        buf_printf(writer->out, "\n%s numgen random mod %zu vmap { %s }\n}\n",
                   targets->lookups.data, targets->count, targets->map.data);
    else
        buf_printf(writer->out, "\n meta l4proto %s dnat to numgen random mod %zu map { %s }\n}\n",
                   targets->port->protocol, targets->count, targets->map.data);
}

/* The host's NodePorts are at this machine's addresses, a tenant's at the one that it knows its
 * nodes by. */
static void map_node_port(struct writer *writer, const struct view_service *service,
                          const struct view_port *port, struct service_map *map)
{
    CLEANUP(free_ptr)
    char *on_node = xasprintf(PSEUDO_NODE_ADDRESS " . %s . %u", port->protocol, port->node_port);
    if (!port->node_port || !strset_add(&map->places, on_node))
        return;
    if (strcmp(service->cluster, VIEW_HOST_CLUSTER) == 0)
        buf_printf(&writer->node_ports, "%s%s . %u : goto s-%zu",
                   writer->node_ports.len ? ", " : "", port->protocol, port->node_port,
                   writer->chains);
    else
        buf_printf(&map->entries, ", %s : goto s-%zu", on_node, writer->chains);
}

/* One chain a Service port that has endpoints; its line for t-NAME goes into `map`. */
static void write_service_port(struct writer *writer, const char *key,
                               const struct view_service *service, const struct view_port *port,
                               struct service_map *map)
{
    CLEANUP(targets_clear)
    struct targets targets = {.writer = writer,
                              .service_key = key,
                              .service = service,
                              .port = port,
                              .map = BUF_TEXT,
                              .lookups = BUF_TEXT};
    CLEANUP(free_ptr)
    char *place = xasprintf("%s . %s . %u", service->address, port->protocol, port->port);
    find_targets(&targets, is_ready);
    if (!targets.count)
        find_targets(&targets, is_leaving);
    /* Two Services share an address for a moment when one follows the other; nftables takes a key
     * once. */
    if (!targets.count || !strset_add(&map->places, place))
        return;
    write_choice(writer, &targets);
    buf_printf(&map->entries, "%s%s : goto s-%zu", map->entries.len ? ", " : "", place,
               writer->chains);
    map_node_port(writer, service, port, map);
    map_api(writer->view, key, service, writer->chains, map);
}

static void write_cluster_services(struct writer *writer, const char *cluster)
{
    CLEANUP(service_map_clear) struct service_map map = {.entries = BUF_TEXT};
    size_t at = 0;
    const char *key;
    void *value;
    while (strmap_next(&writer->view->services, &at, &key, &value)) {
        const struct view_service *service = value;
        if (strcmp(service->cluster, cluster) != 0 || !*service->address)
            continue;
        for (size_t i = 0; i < service->port_count; i++)
            write_service_port(writer, key, service, &service->ports[i], &map);
    }
    begin_for(writer, &kind_chain, 't', cluster);
    buf_printf(
        writer->out,
        "\n ip daddr %s udp dport 53 dnat to %s:53\n ip daddr %s tcp dport 53 dnat to %s:53\n",
        writer->options->dns_service, writer->options->dns_address, writer->options->dns_service,
        writer->options->dns_address);
    if (map.entries.len)
        buf_printf(writer->out, " ip daddr . meta l4proto . th dport vmap { %s }\n",
                   map.entries.data);
    buf_add_text(writer->out, "}\n");
}

/* What a tenant's Pods may reach through and on this machine. The host cluster's own Pods are the
 * operator's. */
static void write_cluster_limits(struct writer *writer, const char *cluster)
{
    const struct network_options *options = writer->options;
    if (strcmp(cluster, VIEW_HOST_CLUSTER) == 0) {
        begin_for(writer, &kind_chain, 'f', cluster);
        buf_add_text(writer->out, "\n accept\n}\n");
        begin_for(writer, &kind_chain, 'i', cluster);
        buf_add_text(writer->out, "\n accept\n}\n");
        return;
    }
    begin_for(writer, &kind_chain, 'f', cluster);
    buf_printf(writer->out,
               "\n ip daddr @p-%s accept\n ip daddr { %s, %s } reject with icmp port-unreachable\n"
               " ip daddr 169.254.0.0/16 drop\n accept\n}\n",
               cluster, options->pod_network, options->service_network);
    begin_for(writer, &kind_chain, 'i', cluster);
    buf_printf(writer->out,
               "\n ct status dnat accept\n ip daddr %s udp dport 53 accept\n ip daddr %s tcp dport "
               "53 accept\n"
               " icmp type echo-request accept\n reject with icmp port-unreachable\n}\n",
               options->dns_address, options->dns_address);
}

static void write_node_ports(struct writer *writer)
{
    begin(writer, &kind_chain, "nodeports");
    if (writer->node_ports.len)
        buf_printf(writer->out, "\n meta l4proto . th dport vmap { %s }", writer->node_ports.data);
    buf_add_text(writer->out, "\n}\n");
}

static void write_hooks(struct writer *writer)
{
    const struct network_options *options = writer->options;
    CLEANUP(buf_free) struct buf masquerade = BUF_TEXT;
    if (!options->bridge_filtered)
        buf_printf(&masquerade, " ct status dnat ip saddr %s ip daddr %s masquerade\n",
                   options->pod_cidr, options->pod_cidr);
    begin(writer, &kind_chain, "prerouting");
    buf_add_text(writer->out,
                 "\n type nat hook prerouting priority " SCRIPT_PRIORITY_NAT "; policy accept;\n"
                 " ip saddr vmap @clients\n fib daddr type local jump nodeports\n}\n");
    begin(writer, &kind_chain, "output");
    buf_printf(writer->out,
               "\n type nat hook output priority " SCRIPT_PRIORITY_NAT "; policy accept;\n"
               " ip daddr %s jump t-" VIEW_HOST_CLUSTER
               "\n ip daddr != 127.0.0.0/8 fib daddr type local jump nodeports\n}\n",
               options->service_network);
    /* What came to a NodePort goes on in this node's name, so that the answer comes back through
     * it. */
    begin(writer, &kind_chain, "hairpin");
    buf_printf(writer->out,
               "\n type nat hook postrouting priority 95; policy accept;\n"
               " ct status dnat ip saddr . ip daddr @hairpins masquerade\n"
               " ct status dnat ip saddr != %s ip daddr %s masquerade\n%s}\n",
               options->pod_network, options->pod_network, masquerade.data ? masquerade.data : "");
    begin(writer, &kind_chain, "forward");
    buf_printf(
        writer->out,
        "\n type filter hook forward priority " SCRIPT_PRIORITY_FILTER "; policy accept;\n"
        " ct state established,related accept\n ip saddr vmap @forwards\n iifname \"%s\" drop\n}\n",
        options->bridge);
    begin(writer, &kind_chain, "input");
    buf_printf(
        writer->out,
        "\n type filter hook input priority " SCRIPT_PRIORITY_FILTER "; policy accept;\n"
        " ct state established,related accept\n ip saddr vmap @inputs\n iifname \"%s\" drop\n}\n",
        options->bridge);
}

void service_rules_remove(struct buf *out, const struct network_options *options)
{
    buf_printf(out, "add table ip %s\ndelete table ip %s\n", options->table, options->table);
}

void service_rules_remove_ipv6(struct buf *out, const struct network_options *options)
{
    buf_printf(out, "add table ip6 %s\ndelete table ip6 %s\n", options->table, options->table);
}

void service_rules_write_ipv6(struct buf *out, const struct network_options *options)
{
    service_rules_remove_ipv6(out, options);
    buf_printf(out,
               "table ip6 %s {\n"
               "chain forward {\n type filter hook forward priority " SCRIPT_PRIORITY_FILTER
               "; policy accept;\n"
               " iifname \"%s\" drop\n oifname \"%s\" drop\n}\n"
               "chain input {\n type filter hook input priority " SCRIPT_PRIORITY_FILTER
               "; policy accept;\n"
               " iifname \"%s\" drop\n}\n}\n",
               options->table, options->bridge, options->bridge, options->bridge);
}

/* Empties what the script before made, but for what clients' affinity has gathered. */
static void write_flush(struct writer *writer, const struct strmap *before)
{
    size_t at = 0;
    const char *name;
    void *value;
    buf_printf(writer->out, "flush table ip %s\n", writer->options->table);
    while (strmap_next(before, &at, &name, &value)) {
        const struct kind *kind = value;
        if (kind->is_ours)
            buf_printf(writer->out, "flush %s ip %s %s\n", kind->word, writer->options->table,
                       name);
    }
}

/* Sets last: the chains that are gone were all that used them. */
static void write_deletes(struct writer *writer, const struct strmap *before, bool chains)
{
    size_t at = 0;
    const char *name;
    void *value;
    while (strmap_next(before, &at, &name, &value)) {
        const struct kind *kind = value;
        if (!strmap_has(writer->names, name) && kind->is_chain == chains)
            buf_printf(writer->out, "delete %s ip %s %s\n", kind->word, writer->options->table,
                       name);
    }
}

static void write_table(struct writer *writer)
{
    buf_printf(writer->out, "table ip %s {\n", writer->options->table);
    for (size_t i = 0; i < writer->clusters.count; i++) {
        const char *cluster = writer->clusters.items[i];
        write_cluster_services(writer, cluster);
        begin_for(writer, &kind_set, 'p', cluster);
        buf_add_text(writer->out, " type ipv4_addr;");
        write_clients(writer, cluster, NULL);
        buf_add_text(writer->out, " }\n");
        write_cluster_limits(writer, cluster);
    }
    write_maps(writer);
    write_node_ports(writer);
    write_hooks(writer);
    buf_add_text(writer->out, "}\n");
}

void service_rules_write(struct buf *out, const struct network_options *options,
                         const struct view *view, const struct strmap *before, struct strmap *names)
{
    struct writer writer = {
        .out = out, .options = options, .view = view, .names = names, .node_ports = BUF_TEXT};
    bool anew = before->count == 0;
    collect_clusters(&writer);
    if (anew)
        service_rules_remove(out, options);
    else
        write_flush(&writer, before);
    write_table(&writer);
    if (!anew) {
        write_deletes(&writer, before, true);
        write_deletes(&writer, before, false);
    }
    strset_clear(&writer.clusters);
    buf_free(&writer.node_ports);
}
