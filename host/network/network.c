/* The parts together: reflectors feed the view, one thread turns Services into rules, one
 * NetworkPolicies, and another answers names. */
#include "host/network.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/spawn.h"
#include "host/network/dns.h"
#include "host/network/enforcer.h"
#include "host/network/proxy.h"
#include "host/network/view.h"

#define LISTS 5

static const struct list {
    const char *path; /* with the node's name for %s */
    enum view_kind kind;
} lists[LISTS] = {
    {"/api/v1/services", VIEW_SERVICES},
    {"/apis/discovery.k8s.io/v1/endpointslices", VIEW_SLICES},
    {"/api/v1/pods?fieldSelector=spec.nodeName%3D%s", VIEW_PODS}, /* whose traffic begins here */
    {"/api/v1/namespaces", VIEW_NAMESPACES},
    {"/apis/networking.k8s.io/v1/networkpolicies", VIEW_POLICIES},
};

struct feed {
    struct view *view;
    enum view_kind kind;
    struct reflector *reflector;
    bool synced; /* owned by the reflector's thread */
};

struct network {
    struct network_options options;
    struct view view;
    struct feed feeds[LISTS];
    struct proxy *proxy;
    struct enforcer *enforcer;
    struct dns *dns;
};

static char *list_path(const struct list *list, const char *node_name)
{
    const char *hole = strstr(list->path, "%s");
    if (!hole)
        return xstrdup(list->path);
    return xasprintf("%.*s%s", (int)(hole - list->path), list->path, node_name);
}

static void on_event(void *arg, const char *type, const json_t *object)
{
    struct feed *feed = arg;
    view_apply(feed->view, feed->kind, object, strcmp(type, "DELETED") == 0);
}

static void on_synced(void *arg)
{
    struct feed *feed = arg;
    if (!feed->synced)
        view_synced(feed->view, feed->kind);
    feed->synced = true;
}

/* Debian has it as a module, which nothing else asks for. */
static void load_bridge_filter(void)
{
    static const char *const argv[] = {"modprobe", "-q", "br_netfilter", NULL};
    CLEANUP(error_clear) struct error ignored = {0};
    int status;
    (void)!spawn_run(&(struct spawn_options){.argv = argv}, &status, NULL, NULL,
                     &ignored); /* the switches tell */
}

/* Frames that the bridge passes between Pods go through the ip hooks only when the kernel is told
 * so. */
static bool filter_bridges(void)
{
    static const char *const switches[] = {"/proc/sys/net/bridge/bridge-nf-call-ip6tables",
                                           "/proc/sys/net/bridge/bridge-nf-call-iptables"};
    bool on = false;
    if (access(switches[1], F_OK) != 0)
        load_bridge_filter();
    for (size_t i = 0; i < ARRAY_LEN(switches); i++) {
        CLEANUP(close_fd) int fd = open(switches[i], O_WRONLY | O_CLOEXEC);
        on = fd >= 0 && write(fd, "1", 1) == 1;
    }
    return on; /* as the last one says: Pods have IPv4 */
}

struct network *network_start(const struct network_options *options, struct error *err)
{
    struct network *network = xcalloc(1, sizeof(*network));
    network->options = *options;
    network->options.bridge_filtered = filter_bridges();
    if (!network->options.bridge_filtered)
        log_warn("network", "the kernel has no br_netfilter (modprobe br_netfilter): Pods of "
                            "different tenants on this node are not kept apart, and "
                            "NetworkPolicies do not hold between its Pods");
    view_init(&network->view);
    network->dns = dns_start(&network->options, &network->view, err);
    network->proxy = network->dns ? proxy_start(&network->options, &network->view, err) : NULL;
    network->enforcer =
        network->proxy ? enforcer_start(&network->options, &network->view, err) : NULL;
    if (!network->enforcer) {
        network_stop(network);
        return NULL;
    }
    for (size_t i = 0; i < LISTS; i++) {
        struct feed *feed = &network->feeds[i];
        *feed = (struct feed){.view = &network->view, .kind = lists[i].kind};
        const struct reflector_handler handler = {
            .on_event = on_event, .on_synced = on_synced, .arg = feed};
        CLEANUP(free_ptr) char *path = list_path(&lists[i], options->node_name);
        feed->reflector = reflector_start(options->client, path, &handler);
    }
    return network;
}

void network_stop(struct network *network)
{
    if (!network)
        return;
    for (size_t i = 0; i < LISTS; i++)
        if (network->feeds[i].reflector)
            reflector_stop(network->feeds[i].reflector);
    enforcer_stop(network->enforcer);
    proxy_stop(network->proxy);
    dns_stop(network->dns);
    view_deinit(&network->view);
    free(network);
}
