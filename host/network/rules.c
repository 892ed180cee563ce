/* What the table holds, for each cluster NAME that has Pods or Services here:
 *
 *   p-NAME   set: the addresses of its Pods
 *   t-NAME   nat chain: ClusterIP, protocol, port -> a chain s-N that picks an endpoint; the same for a NodePort at
 *            the address that a tenant knows its nodes by, and for the address that its API is said to have
 *   f-NAME   forward: its own Pods and the world beyond the host's networks; nothing else
 *   i-NAME   input: what was translated from one of its Services, and DNS; nothing else
 *
 * and maps from a Pod's address to those chains. What comes from the bridge with an address that is in no map is dropped,
 * whatever that address is: the map comes soon, and TCP tries again. Pods have IPv4 only; IPv6 of theirs goes nowhere. */
#include "host/network/rules.h"

#include <string.h>

#include "base/strset.h"
#include "host/pseudo_node.h"

#define SCRIPT_PRIORITY_NAT    "-105"
#define SCRIPT_PRIORITY_FILTER "-5"

struct writer {
    struct buf *out;
    const struct network_options *options;
    const struct view *view;
    struct strset clusters;
    size_t chains;
};

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

/* `elements = { ... }` with the Pods of one cluster (NULL: of all), nothing when there are none; `verdict` makes a map. */
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
            buf_printf(writer->out, " : jump %s-%s", verdict, pod->cluster);
    }
    buf_add_text(writer->out, count ? " };" : "");
}

static void write_maps(struct writer *writer)
{
    static const char *const maps[][2] = {{"clients", "t"}, {"forwards", "f"}, {"inputs", "i"}};
    for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
        buf_printf(writer->out, "map %s { type ipv4_addr : verdict;", maps[i][0]);
        write_clients(writer, NULL, maps[i][1]);
        buf_add_text(writer->out, " }\n");
    }
    buf_add_text(writer->out, "set hairpins { type ipv4_addr . ipv4_addr;");
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
        if (strcmp(slice->ports[i].name, port->name) == 0 && strcmp(slice->ports[i].protocol, port->protocol) == 0)
            return slice->ports[i].port;
    return 0;
}

/* "0 : 10.244.0.5 . 8080, ..." into `out`; how many there are. */
static size_t write_targets(const struct view *view, const char *service_key, const struct view_service *service,
                            const struct view_port *port, struct buf *out)
{
    size_t at = 0, count = 0;
    const char *key;
    void *value;
    while (strmap_next(&view->slices, &at, &key, &value)) {
        const struct view_slice *slice = value;
        unsigned target = strcmp(slice->service_key, service_key) == 0 ? target_port(slice, port) : 0;
        for (size_t i = 0; target && i < slice->endpoint_count; i++) {
            if (!slice->endpoints[i].ready && !service->publish_not_ready)
                continue;
            buf_printf(out, "%s%zu : %s . %u", count ? ", " : "", count, slice->endpoints[i].address, target);
            count++;
        }
    }
    return count;
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

/* What a cluster's Endpoints say of its API is a port that stays: its Pods may come by that, too. The slice that the syncer
 * makes of it has the Service's name. */
static void map_api(const struct view *view, const char *key, const struct view_service *service, size_t chain,
                    struct service_map *map)
{
    bool is_api = strcmp(service->ns, "default") == 0 && strcmp(service->name, "kubernetes") == 0;
    const struct view_slice *slice = is_api ? strmap_get(&view->slices, key) : NULL;
    for (size_t i = 0; slice && i < slice->endpoint_count; i++) {
        CLEANUP(free_ptr) char *place = xasprintf("%s . tcp . %d", slice->endpoints[i].address, PSEUDO_API_PORT);
        if (strset_add(&map->places, place))
            buf_printf(&map->entries, ", %s : goto s-%zu", place, chain);
    }
}

/* One chain a Service port that has endpoints; its line for t-NAME goes into `map`. */
static void write_service_port(struct writer *writer, const char *key, const struct view_service *service,
                               const struct view_port *port, struct service_map *map)
{
    CLEANUP(buf_free) struct buf targets = BUF_TEXT;
    CLEANUP(free_ptr) char *place = xasprintf("%s . %s . %u", service->address, port->protocol, port->port);
    size_t count = write_targets(writer->view, key, service, port, &targets);
    /* Two Services share an address for a moment when one follows the other; nftables takes a key once. */
    if (!count || !strset_add(&map->places, place))
        return;
    writer->chains++;
    buf_printf(writer->out, "chain s-%zu {\n meta l4proto %s dnat to %s mod %zu map { %s }\n}\n", writer->chains, port->protocol,
               service->client_affinity ? "jhash ip saddr" : "numgen random", count, targets.data);
    buf_printf(&map->entries, "%s%s : goto s-%zu", map->entries.len ? ", " : "", place, writer->chains);
    CLEANUP(free_ptr) char *on_node = xasprintf(PSEUDO_NODE_ADDRESS " . %s . %u", port->protocol, port->node_port);
    if (port->node_port && strset_add(&map->places, on_node))
        buf_printf(&map->entries, ", %s : goto s-%zu", on_node, writer->chains);
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
    buf_printf(writer->out, "chain t-%s {\n", cluster);
    buf_printf(writer->out, " ip daddr %s udp dport 53 dnat to %s:53\n ip daddr %s tcp dport 53 dnat to %s:53\n",
               writer->options->dns_service, writer->options->dns_address, writer->options->dns_service,
               writer->options->dns_address);
    if (map.entries.len)
        buf_printf(writer->out, " ip daddr . meta l4proto . th dport vmap { %s }\n", map.entries.data);
    buf_add_text(writer->out, "}\n");
}

/* What a tenant's Pods may reach through and on this machine. The host cluster's own Pods are the operator's. */
static void write_cluster_limits(struct writer *writer, const char *cluster)
{
    const struct network_options *options = writer->options;
    if (strcmp(cluster, VIEW_HOST_CLUSTER) == 0) {
        buf_printf(writer->out, "chain f-%s {\n accept\n}\nchain i-%s {\n accept\n}\n", cluster, cluster);
        return;
    }
    buf_printf(writer->out,
               "chain f-%s {\n ip daddr @p-%s accept\n ip daddr { %s, %s } reject with icmp port-unreachable\n"
               " ip daddr 169.254.0.0/16 drop\n accept\n}\n",
               cluster, cluster, options->pod_network, options->service_network);
    buf_printf(writer->out,
               "chain i-%s {\n ct status dnat accept\n ip daddr %s udp dport 53 accept\n ip daddr %s tcp dport 53 accept\n"
               " icmp type echo-request accept\n reject with icmp port-unreachable\n}\n",
               cluster, options->dns_address, options->dns_address);
}

static void write_hooks(struct writer *writer)
{
    const struct network_options *options = writer->options;
    CLEANUP(buf_free) struct buf masquerade = BUF_TEXT;
    if (!options->bridge_filtered)
        buf_printf(&masquerade, " ct status dnat ip saddr %s ip daddr %s masquerade\n", options->pod_cidr, options->pod_cidr);
    buf_printf(writer->out,
               "chain prerouting {\n type nat hook prerouting priority " SCRIPT_PRIORITY_NAT "; policy accept;\n"
               " ip saddr vmap @clients\n}\n"
               "chain output {\n type nat hook output priority " SCRIPT_PRIORITY_NAT "; policy accept;\n"
               " ip daddr %s jump t-" VIEW_HOST_CLUSTER "\n}\n",
               options->service_network);
    buf_printf(writer->out,
               "chain hairpin {\n type nat hook postrouting priority 95; policy accept;\n"
               " ct status dnat ip saddr . ip daddr @hairpins masquerade\n%s}\n",
               masquerade.data ? masquerade.data : "");
    buf_printf(writer->out,
               "chain forward {\n type filter hook forward priority " SCRIPT_PRIORITY_FILTER "; policy accept;\n"
               " ct state established,related accept\n ip saddr vmap @forwards\n iifname \"%s\" drop\n}\n",
               options->bridge);
    buf_printf(writer->out,
               "chain input {\n type filter hook input priority " SCRIPT_PRIORITY_FILTER "; policy accept;\n"
               " ct state established,related accept\n ip saddr vmap @inputs\n iifname \"%s\" drop\n}\n",
               options->bridge);
}

void rules_remove(struct buf *out, const struct network_options *options)
{
    buf_printf(out, "add table ip %s\ndelete table ip %s\n", options->table, options->table);
}

void rules_remove_ipv6(struct buf *out, const struct network_options *options)
{
    buf_printf(out, "add table ip6 %s\ndelete table ip6 %s\n", options->table, options->table);
}

void rules_write_ipv6(struct buf *out, const struct network_options *options)
{
    rules_remove_ipv6(out, options);
    buf_printf(out,
               "table ip6 %s {\n"
               "chain forward {\n type filter hook forward priority " SCRIPT_PRIORITY_FILTER "; policy accept;\n"
               " iifname \"%s\" drop\n oifname \"%s\" drop\n}\n"
               "chain input {\n type filter hook input priority " SCRIPT_PRIORITY_FILTER "; policy accept;\n"
               " iifname \"%s\" drop\n}\n}\n",
               options->table, options->bridge, options->bridge, options->bridge);
}

void rules_write(struct buf *out, const struct network_options *options, const struct view *view)
{
    struct writer writer = {.out = out, .options = options, .view = view};
    collect_clusters(&writer);
    rules_remove(out, options);
    buf_printf(out, "table ip %s {\n", options->table);
    for (size_t i = 0; i < writer.clusters.count; i++) {
        write_cluster_services(&writer, writer.clusters.items[i]);
        buf_printf(out, "set p-%s { type ipv4_addr;", writer.clusters.items[i]);
        write_clients(&writer, writer.clusters.items[i], NULL);
        buf_add_text(out, " }\n");
        write_cluster_limits(&writer, writer.clusters.items[i]);
    }
    write_maps(&writer);
    write_hooks(&writer);
    buf_add_text(out, "}\n");
    strset_clear(&writer.clusters);
}
