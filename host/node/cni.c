#include "host/node/cni.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/spawn.h"

#define CNI_VERSION    "1.0.0"
#define ANSWER_MAX     (64 << 10)
#define PLUGIN_TIME_MS 30000

/* ---- pure parts ---- */

char *cni_gateway(const char *cidr)
{
    struct in_addr address;
    int64_t bits;
    struct str rest = str_of(cidr);
    CLEANUP(free_ptr) char *base = str_dup(str_cut(&rest, '/'));
    char text[INET_ADDRSTRLEN];
    if (!parse_i64(rest, 1, 30, &bits) || inet_pton(AF_INET, base, &address) != 1)
        return NULL;
    uint32_t network = ntohl(address.s_addr) & ~(uint32_t)((UINT64_C(1) << (32 - bits)) - 1);
    address.s_addr = htonl(network + 1);
    return xstrdup(inet_ntop(AF_INET, &address, text, sizeof(text)));
}

static bool add_address(struct cni_result *result, const char *text)
{
    unsigned char raw[16];
    struct str rest = str_of(text);
    struct str address = str_cut(&rest, '/');
    if (result->count == CNI_ADDRESSES_MAX || address.len == 0 || address.len >= CNI_ADDRESS_SIZE)
        return false;
    char *out = result->addresses[result->count];
    memcpy(out, address.data, address.len);
    out[address.len] = 0;
    if (inet_pton(AF_INET, out, raw) != 1 && inet_pton(AF_INET6, out, raw) != 1)
        return false;
    result->count++;
    return true;
}

bool cni_parse_result(struct str text, struct cni_result *result, struct error *err)
{
    size_t i;
    const json_t *ip;
    CLEANUP(error_clear) struct error why = {0};
    *result = (struct cni_result){0};
    if (text.len > ANSWER_MAX)
        return error_set(err, ERROR_INVALID, "the network plugin's answer is too large");
    json_auto_t *answer = json_parse(text, JSON_LOAD_LENIENT, &why);
    if (!json_is_object(answer))
        return error_set(err, ERROR_INVALID, "the network plugin's answer is not a JSON object");
    if (json_object_get(answer, "code"))
        return error_unavailable(err, "the network plugin failed: %.500s",
                                 json_text(answer, "msg") ? json_text(answer, "msg")
                                                          : "no reason given");
    json_array_foreach (json_at(answer, "ips"), i, ip)
        if (!json_text(ip, "address") || !add_address(result, json_text(ip, "address")))
            return error_set(err, ERROR_INVALID,
                             "the network plugin's answer has a "
                             "malformed address");
    if (!result->count)
        return error_set(err, ERROR_INVALID, "the network plugin gave no address");
    return true;
}

/* ---- configuration ---- */

bool cni_init(struct cni *cni, const char *bin_dir, const char *state_dir, const char *bridge,
              const char *pod_cidr, struct error *err)
{
    char *gateway = cni_gateway(pod_cidr);
    if (!gateway)
        return error_bad_request(err, "the Pod CIDR %s is not an IPv4 range of /30 or wider",
                                 pod_cidr);
    if (mkdir(state_dir, 0755) != 0 && errno != EEXIST) {
        free(gateway);
        return error_internal(err, "%s cannot be made: %s", state_dir, strerrordesc_np(errno));
    }
    *cni = (struct cni){xstrdup(bin_dir), xstrdup(state_dir), xstrdup(bridge), xstrdup(pod_cidr),
                        gateway};
    return true;
}

void cni_deinit(struct cni *cni)
{
    free(cni->bin_dir);
    free(cni->state_dir);
    free(cni->bridge);
    free(cni->pod_cidr);
    free(cni->gateway);
    *cni = (struct cni){0};
}

/* Masquerading is the node's own nftables rule, made once: the plugin's would run iptables for
 * every Pod. */
static json_t *bridge_config(const struct cni *cni)
{
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:{s:s, s:s, s:[[{s:s, s:s}]], s:[{s:s}]}}",
        "cniVersion", CNI_VERSION, "name", "warren", "type", "bridge", "bridge", cni->bridge,
        "isGateway", 1, "ipMasq", 0, "hairpinMode", 1, "ipam", "type", "host-local", "dataDir",
        cni->state_dir, "ranges", "subnet", cni->pod_cidr, "gateway", cni->gateway, "routes", "dst",
        "0.0.0.0/0");
}

static json_t *portmap_config(const struct cni_pod *pod)
{
    json_t *ports = json_array();
    for (size_t i = 0; i < pod->port_count; i++) {
        const struct cni_port *port = &pod->ports[i];
        json_t *one = json_pack("{s:i, s:i, s:s}", "hostPort", (int)port->host, "containerPort",
                                (int)port->container, "protocol", port->protocol);
        if (port->host_ip[0])
            json_object_set_new(one, "hostIP", json_string(port->host_ip));
        json_array_append_new(ports, one);
    }
    return json_pack("{s:s, s:s, s:s, s:b, s:{s:b}, s:{s:o}}", "cniVersion", CNI_VERSION, "name",
                     "warren", "type", "portmap", "snat", 1, "capabilities", "portMappings", 1,
                     "runtimeConfig", "portMappings", ports);
}

/* ---- running a plugin ---- */

struct plugin_call {
    const char *command, *plugin, *interface;
    const json_t *config;
};

static bool run_plugin(const struct cni *cni, const struct cni_pod *pod,
                       const struct plugin_call *call, struct buf *answer, struct error *err)
{
    int status = 0;
    CLEANUP(buf_free) struct buf input = BUF_TEXT;
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s", cni->bin_dir, call->plugin);
    CLEANUP(free_ptr) char *command = xasprintf("CNI_COMMAND=%s", call->command);
    CLEANUP(free_ptr) char *id = xasprintf("CNI_CONTAINERID=%s", pod->id);
    CLEANUP(free_ptr) char *netns = xasprintf("CNI_NETNS=%s", pod->netns ? pod->netns : "");
    CLEANUP(free_ptr) char *interface = xasprintf("CNI_IFNAME=%s", call->interface);
    CLEANUP(free_ptr) char *plugins = xasprintf("CNI_PATH=%s", cni->bin_dir);
    json_write(&input, call->config);
    struct spawn_options options = {
        .argv = (const char *const[]){path, NULL},
        .envp = (const char *const[]){command, id, netns, interface, plugins,
                                      "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL},
        .input = buf_str(&input),
        .timeout_ms = PLUGIN_TIME_MS,
        .output_max = ANSWER_MAX,
    };
    if (!spawn_run(&options, &status, answer, NULL, err))
        return error_wrap(err, "network plugin %s", call->plugin);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    CLEANUP(error_clear) struct error why = {0};
    json_auto_t *told = json_parse(buf_str(answer), JSON_LOAD_LENIENT, &why);
    const char *message = json_text(told, "msg");
    return error_unavailable(err, "network plugin %s failed: %.500s", call->plugin,
                             message ? message : "no reason given");
}

static bool add_ports(struct cni *cni, const struct cni_pod *pod, struct str previous,
                      struct error *err)
{
    CLEANUP(buf_free) struct buf answer = BUF_INIT(ANSWER_MAX);
    json_auto_t *config = portmap_config(pod);
    json_t *result = json_parse(previous, JSON_LOAD_LENIENT, err);
    if (!result)
        return false;
    json_object_set_new(config, "prevResult", result);
    return run_plugin(cni, pod, &(struct plugin_call){"ADD", "portmap", "eth0", config}, &answer,
                      err);
}

bool cni_add(struct cni *cni, const struct cni_pod *pod, struct cni_result *result,
             struct error *err)
{
    CLEANUP(buf_free) struct buf answer = BUF_INIT(ANSWER_MAX), ignored = BUF_INIT(ANSWER_MAX);
    json_auto_t *config = bridge_config(cni);
    json_auto_t *loopback =
        json_pack("{s:s, s:s, s:s}", "cniVersion", CNI_VERSION, "name", "lo", "type", "loopback");
    return run_plugin(cni, pod, &(struct plugin_call){"ADD", "loopback", "lo", loopback}, &ignored,
                      err) &&
           run_plugin(cni, pod, &(struct plugin_call){"ADD", "bridge", "eth0", config}, &answer,
                      err) &&
           cni_parse_result(buf_str(&answer), result, err) &&
           (!pod->port_count || add_ports(cni, pod, buf_str(&answer), err));
}

bool cni_delete(struct cni *cni, const struct cni_pod *pod, struct error *err)
{
    CLEANUP(buf_free) struct buf answer = BUF_INIT(ANSWER_MAX), ignored = BUF_INIT(ANSWER_MAX);
    CLEANUP(error_clear) struct error why = {0};
    json_auto_t *config = bridge_config(cni);
    json_auto_t *ports = portmap_config(pod);
    bool ports_gone = !pod->port_count ||
                      run_plugin(cni, pod, &(struct plugin_call){"DEL", "portmap", "eth0", ports},
                                 &ignored, &why);
    if (!run_plugin(cni, pod, &(struct plugin_call){"DEL", "bridge", "eth0", config}, &answer, err))
        return false;
    if (!ports_gone)
        error_move(err, &why);
    return ports_gone;
}

/* ---- the end ---- */

/* The leases are small files, one an address, below DIR/warren. */
static void remove_leases(const struct cni *cni)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/warren", cni->state_dir);
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(folder), entry->d_name,
                           0); /* what stays makes rmdir fail: harmless */
    closedir(folder);
    (void)rmdir(path);
}

void cni_destroy(struct cni *cni)
{
    CLEANUP(error_clear) struct error err = {0};
    int status;
    struct spawn_options options = {
        .argv = (const char *const[]){"ip", "link", "delete", cni->bridge, NULL},
        .timeout_ms = 10000,
    };
    if (!spawn_run(&options, &status, NULL, NULL, &err))
        error_clear(&err); /* nobody is left to be told: the bridge is empty either way */
    remove_leases(cni);
}
