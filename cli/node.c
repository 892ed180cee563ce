/* warren node: the node agent, in the foreground. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/paths.h"
#include "cli/ready.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "client/client.h"
#include "host/network.h"
#include "host/node.h"
#include "runtime/image.h"
#include "runtime/image_base.h"

#define LOCK_PATIENCE_MS 10000 /* one that was killed takes a moment to end */
#define BRIDGE           "warren0"
#define POD_NETWORK      "10.244.0.0/16"
#define SERVICE_NETWORK  "10.96.0.0/16"
#define DNS_SERVICE      "10.96.0.10"
#define DOMAIN           "cluster.local"

static const char *data_dir, *name, *address = "127.0.0.1", *port_text = "0",
                                    *pod_cidr = "10.244.0.0/24", *ready_fd;
static struct option_list http_registries;
static const char *supervisor;
static bool stop_pods;

/* clang-format off */
static const struct option options[] = {
    {"data-dir", 'd', OPTION_TEXT, &data_dir, "DIR",
     "holds kubeconfig, serving.crt, serving.key, ca.crt; images, Pods and logs go there", NULL},
    {"name", 'n', OPTION_TEXT, &name, "NAME", "of the Node (default: the host name)", NULL},
    {"address", 0, OPTION_TEXT, &address, "ADDR", "that the server and Pods reach this node by (default: 127.0.0.1)", NULL},
    {"port", 0, OPTION_TEXT, &port_text, "PORT", "for logs, exec and port-forward (default: any free one)", NULL},
    {"pod-cidr", 0, OPTION_TEXT, &pod_cidr, "CIDR", "addresses of this node's Pods (default: 10.244.0.0/24)", NULL},
    {"http-registry", 0, OPTION_LIST, &http_registries, "HOST:PORT", "a registry without TLS; may be given again", NULL},
    {"stop-pods", 0, OPTION_FLAG, &stop_pods, NULL, "on SIGINT or SIGTERM, stop every Pod and clean up after it", NULL},
    {"supervised", 0, OPTION_TEXT, &supervisor, "PID", "end when this process, the parent, ends", NULL},
    {"ready-fd", 0, OPTION_TEXT, &ready_fd, "FD", "write \"ready\" to this descriptor once Pods can come", NULL},
    {0},
};
/* clang-format on */

static struct node *start(const char *shim, unsigned port, struct error *err)
{
    CLEANUP(free_ptr) char *dir = paths_join(data_dir, "node");
    CLEANUP(free_ptr)
    char *kubeconfig = xasprintf("%s/kubeconfig", dir),
         *cert_path = xasprintf("%s/serving.crt", dir);
    CLEANUP(free_ptr)
    char *key_path = xasprintf("%s/serving.key", dir), *ca_path = xasprintf("%s/ca.crt", dir);
    CLEANUP(free_ptr) char *cert = NULL, *key = NULL, *ca = NULL;
    if (!(cert = paths_read(cert_path, err)) || !(key = paths_read(key_path, err)) ||
        !(ca = paths_read(ca_path, err))) {
        error_wrap(err, "'warren server --node NAME' writes what a node needs");
        return NULL;
    }
    const struct node_options node_options = {.kubeconfig = kubeconfig,
                                              .name = name,
                                              .data_dir = dir,
                                              .address = address,
                                              .port = port,
                                              .serving_cert_pem = cert,
                                              .serving_key_pem = key,
                                              .client_ca_pem = ca,
                                              .pod_cidr = pod_cidr,
                                              .shim_path = shim,
                                              .http_registries = http_registries.items};
    return node_start(&node_options, err);
}

/* The busybox image that the examples use, made without a registry; fine when there is one of that
 * name. */
static void provide_base_image(struct node *node)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *digest = NULL;
    json_auto_t *config = NULL;
    if (access("/bin/busybox", X_OK) == 0 &&
        !image_config(node_runtime(node), "busybox", &config, &digest, &err) &&
        !image_build_base(node_runtime(node), NULL, NULL, &err))
        log_warn("node", "no busybox image: %s", err.message);
}

/* The first address of "a.b.c.d/n" after the network's own: the bridge's. Owned. */
static char *gateway_of(const char *cidr)
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    return sscanf(cidr, "%u.%u.%u.%u", &a, &b, &c, &d) == 4
               ? xasprintf("%u.%u.%u.%u", a, b, c, d + 1)
               : xstrdup("");
}

struct agent {
    struct client *client;
    struct network *network;
    struct node *node;
    char *gateway;
};

static bool start_agent(struct agent *agent, const char *shim, unsigned port, struct error *err)
{
    CLEANUP(free_ptr) char *kubeconfig = paths_join(data_dir, "node/kubeconfig");
    char host_name[64] = "localhost";
    (void)gethostname(host_name, sizeof(host_name) - 1);
    if (!name)
        name = host_name;
    agent->gateway = gateway_of(pod_cidr);
    const struct network_options network = {.node_name = name,
                                            .table = BRIDGE,
                                            .bridge = BRIDGE,
                                            .pod_cidr = pod_cidr,
                                            .pod_network = POD_NETWORK,
                                            .service_network = SERVICE_NETWORK,
                                            .dns_address = agent->gateway,
                                            .dns_service = DNS_SERVICE,
                                            .domain = DOMAIN,
                                            .resolv_conf = "/etc/resolv.conf"};
    struct network_options with_client = network;
    if (!(agent->client = client_from_kubeconfig(kubeconfig, NULL, err)))
        return false;
    with_client.client = agent->client;
    agent->network = network_start(&with_client, err);
    return agent->network && (agent->node = start(shim, port, err));
}

static void stop_agent(struct agent *agent, bool with_pods)
{
    if (agent->node)
        node_stop(agent->node, with_pods);
    network_stop(agent->network);
    client_free(agent->client);
    free(agent->gateway);
}

static int run(const char *const *args, size_t count)
{
    CLEANUP(error_clear) struct error err = {0};
    struct agent agent = {0};
    char shim[4096] = "";
    int64_t port;
    (void)args;
    (void)count;
    if (!parse_i64(str_of(port_text), 0, 65535, &port))
        return command_usage(&command_node, "--port does not take \"%s\"", port_text);
    if (supervisor && !ready_die_with_parent(supervisor))
        return EXIT_FAILED;
    ready_block_signals();
    if (readlink("/proc/self/exe", shim, sizeof(shim) - 1) < 0)
        return error_internal(&err, "cannot find this program's own path: %m"), command_fail(&err);
    CLEANUP(free_ptr) char *dir = paths_join(data_dir, "node");
    CLEANUP(close_fd) int lock = paths_lock(dir, LOCK_PATIENCE_MS, &err);
    bool started = lock >= 0 && start_agent(&agent, shim, (unsigned)port, &err);
    int got = 0;
    if (started) {
        provide_base_image(agent.node);
        ready_tell(ready_fd);
    }
    while (started && got != SIGINT && got != SIGTERM && got != SIGHUP)
        got = ready_wait_signal(-1);
    stop_agent(&agent, stop_pods && got != SIGHUP);
    return started ? EXIT_DONE : command_fail(&err);
}

const struct command command_node = {
    .name = "node",
    .args = "",
    .summary = "run the node agent: containers, Pod network, Services, DNS",
    .about = "Needs root. 'warren server --data-dir DIR --node NAME' writes the credentials that "
             "it wants under DIR/node;\n"
             "copy them to another machine to run a node there. SIGHUP ends it and leaves the Pods "
             "running.",
    .options = options,
    .run = run,
};
