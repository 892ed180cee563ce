/* The Node object: registered once, its status every five minutes or when it changes, its Lease
 * every ten seconds. */
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/node/folder.h"
#include "host/node/node_internal.h"
#include "host/node/server.h"
#include "runtime/image.h"

#define STATUS_MS     INT64_C(300000)
#define CHECK_MS      INT64_C(60000) /* for pressure, which makes a change */
#define LEASE_MS      INT64_C(10000)
#define LEASE_SECONDS 40
#define IMAGES_MAX    50
#define MEMORY_LOW    (INT64_C(100) << 20) /* upstream's memory.available hard eviction threshold */
#define PATH_NODES    "/api/v1/nodes"
#define PATH_LEASES   "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"

bool node_patch(struct node *node, const char *path, const json_t *patch, json_t **out,
                struct error *err)
{
    return client_request(node->client, "PATCH", path, "application/strategic-merge-patch+json",
                          patch, out, err);
}

void node_measure(struct node *node)
{
    struct sysinfo info;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    node->cpu_milli = processors > 0 ? processors * 1000 : 1000;
    node->memory_bytes =
        sysinfo(&info) == 0 ? (int64_t)info.totalram * info.mem_unit : INT64_C(1) << 30;
}

/* ---- what the machine is ---- */

static char *read_line(const char *path)
{
    CLEANUP(error_clear) struct error err = {0};
    struct buf text = BUF_INIT(4096);
    if (!folder_read_file(path, &text, &err)) {
        buf_free(&text);
        return xstrdup("");
    }
    struct str rest = buf_str(&text);
    char *line = str_dup(str_trim(str_cut(&rest, '\n')));
    buf_free(&text);
    return line;
}

static char *os_image(void)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(16384);
    if (!folder_read_file("/etc/os-release", &text, &err))
        return xstrdup("Linux");
    struct str rest = buf_str(&text);
    while (rest.data) {
        struct str line = str_cut(&rest, '\n');
        if (str_starts(line, STR("PRETTY_NAME=\"")) && line.len > 14)
            return str_dup((struct str){line.data + 13, line.len - 14});
    }
    return xstrdup("Linux");
}

static const char *architecture(const char *machine)
{
    static const char *const names[][2] = {
        {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"riscv64", "riscv64"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(machine, names[i][0]) == 0)
            return names[i][1];
    return machine;
}

static json_t *node_info(void)
{
    struct utsname name;
    uname(&name);
    CLEANUP(free_ptr) char *machine = read_line("/etc/machine-id");
    CLEANUP(free_ptr) char *system = read_line("/sys/class/dmi/id/product_uuid");
    CLEANUP(free_ptr) char *boot = read_line("/proc/sys/kernel/random/boot_id");
    CLEANUP(free_ptr) char *image = os_image();
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "machineID", machine,
                     "systemUUID", *system ? system : machine, "bootID", boot, "kernelVersion",
                     name.release, "osImage", image, "containerRuntimeVersion",
                     "warren://" WARREN_VERSION, "kubeletVersion", KUBELET_VERSION,
                     "kubeProxyVersion", KUBELET_VERSION, "operatingSystem", "linux",
                     "architecture", architecture(name.machine));
}

static json_t *resources(const struct node *node)
{
    struct statvfs disk = {0};
    (void)statvfs(node->data_dir, &disk); /* zeros say enough */
    int64_t disk_kib = (int64_t)(disk.f_blocks * disk.f_frsize) / 1024;
    CLEANUP(free_ptr) char *cpu = xasprintf("%lld", (long long)node->cpu_milli / 1000);
    CLEANUP(free_ptr) char *memory = xasprintf("%lldKi", (long long)node->memory_bytes / 1024);
    CLEANUP(free_ptr) char *storage = xasprintf("%lldKi", (long long)disk_kib);
    CLEANUP(free_ptr) char *pods = xasprintf("%u", node->max_pods);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "cpu", cpu, "ephemeral-storage", storage,
                     "hugepages-1Gi", "0", "hugepages-2Mi", "0", "memory", memory, "pods", pods);
}

static json_t *images_json(struct node *node)
{
    struct image *images = NULL;
    size_t count = 0;
    CLEANUP(error_clear) struct error err = {0};
    json_t *list = json_array();
    if (!image_list(node->runtime, &images, &count, &err))
        return list;
    for (size_t i = 0; i < count && i < IMAGES_MAX; i++) {
        json_t *names = json_array();
        for (char **name = images[i].references; name && *name; name++)
            json_array_append_new(names, json_string(*name));
        json_array_append_new(list, json_pack("{s:o, s:I}", "names", names, "sizeBytes",
                                              (json_int_t)images[i].size_bytes));
    }
    images_free(images, count);
    return list;
}

/* ---- conditions ---- */

static int64_t available_memory(void)
{
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(65536);
    if (!folder_read_file("/proc/meminfo", &text, &err))
        return INT64_MAX;
    const char *at = strstr(text.data, "MemAvailable:");
    return at ? (int64_t)strtoull(at + 13, NULL, 10) * 1024 : INT64_MAX;
}

static bool disk_is_full(const struct node *node)
{
    struct statvfs disk;
    return statvfs(node->data_dir, &disk) == 0 && disk.f_blocks &&
           disk.f_bavail * 10 < disk.f_blocks;
}

struct condition_row {
    const char *type;
    bool on;
    const char *reasons[2], *messages[2]; /* off, on */
};

/* Keeps the transition time of a condition that stays as it was. */
static json_t *condition_json(const struct condition_row *row, const json_t *old, const char *now)
{
    size_t i;
    const json_t *one;
    const char *status = row->on ? "True" : "False", *since = now;
    json_array_foreach (json_at(old, "status", "conditions"), i, one)
        if (text_eq(json_text(one, "type"), row->type) &&
            text_eq(json_text(one, "status"), status) && json_text(one, "lastTransitionTime"))
            since = json_text(one, "lastTransitionTime");
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", row->type, "status", status,
                     "lastHeartbeatTime", now, "lastTransitionTime", since, "reason",
                     row->reasons[row->on], "message", row->messages[row->on]);
}

static json_t *conditions_json(const struct node *node, const json_t *old)
{
    char now[TIME_TEXT_SIZE];
    time_format(clock_now_us(), now);
    const struct condition_row rows[] = {
        {"MemoryPressure",
         available_memory() < MEMORY_LOW,
         {"KubeletHasSufficientMemory", "KubeletHasInsufficientMemory"},
         {"kubelet has sufficient memory available", "kubelet has insufficient memory available"}},
        {"DiskPressure",
         disk_is_full(node),
         {"KubeletHasNoDiskPressure", "KubeletHasDiskPressure"},
         {"kubelet has no disk pressure", "kubelet has disk pressure"}},
        {"PIDPressure",
         false,
         {"KubeletHasSufficientPID", "KubeletHasInsufficientPID"},
         {"kubelet has sufficient PID available", "kubelet has insufficient PID available"}},
        {"Ready",
         true,
         {"KubeletNotReady", "KubeletReady"},
         {"kubelet is not ready", "kubelet is posting ready status"}},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        json_array_append_new(list, condition_json(&rows[i], old, now));
    return list;
}

static json_t *status_json(struct node *node, const json_t *old)
{
    return json_pack("{s:o, s:o, s:o, s:[{s:s, s:s}, {s:s, s:s}], s:{s:{s:i}}, s:o, s:o}",
                     "capacity", resources(node), "allocatable", resources(node), "conditions",
                     conditions_json(node, old), "addresses", "type", "InternalIP", "address",
                     node->address, "type", "Hostname", "address", node->name, "daemonEndpoints",
                     "kubeletEndpoint", "Port", (int)server_port(node->server), "nodeInfo",
                     node_info(), "images", images_json(node));
}

/* ---- the Node ---- */

static json_t *labels_json(const struct node *node)
{
    struct utsname name;
    uname(&name);
    const char *arch = architecture(name.machine);
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "beta.kubernetes.io/arch", arch,
                     "beta.kubernetes.io/os", "linux", "kubernetes.io/arch", arch,
                     "kubernetes.io/hostname", node->name, "kubernetes.io/os", "linux");
}

static bool write_status(struct node *node, const json_t *old, struct error *err)
{
    CLEANUP(free_ptr) char *path = xasprintf(PATH_NODES "/%s/status", node->name);
    json_auto_t *patch = json_pack("{s:o}", "status", status_json(node, old));
    return node_patch(node, path, patch, NULL, err);
}

bool node_register(struct node *node, struct error *err)
{
    json_auto_t *old = NULL, *made = NULL;
    CLEANUP(free_ptr) char *path = xasprintf(PATH_NODES "/%s", node->name);
    struct error why = {0};
    if (!client_get(node->client, path, &old, &why)) {
        if (why.reason != ERROR_NOT_FOUND) {
            error_move(err, &why);
            return false;
        }
        error_clear(&why);
        json_auto_t *object =
            json_pack("{s:s, s:s, s:{s:s, s:o}, s:{s:s}, s:o}", "kind", "Node", "apiVersion", "v1",
                      "metadata", "name", node->name, "labels", labels_json(node), "spec",
                      "podCIDR", node->cni.pod_cidr, "status", status_json(node, NULL));
        if (!client_create(node->client, PATH_NODES, object, &made, err))
            return false;
    } else {
        json_auto_t *patch = json_pack("{s:{s:o}}", "metadata", "labels", labels_json(node));
        if (!node_patch(node, path, patch, NULL, err))
            return false;
    }
    return write_status(node, old ? old : made, err);
}

/* What a change of means a write before its time: the conditions without their times. */
static bool conditions_differ(const struct node *node, const json_t *old)
{
    size_t i, k;
    const json_t *mine, *theirs;
    size_t same = 0;
    json_auto_t *now = conditions_json(node, old);
    json_array_foreach (now, i, mine)
        json_array_foreach (json_at(old, "status", "conditions"), k, theirs)
            same += text_eq(json_text(mine, "type"), json_text(theirs, "type")) &&
                    text_eq(json_text(mine, "status"), json_text(theirs, "status"));
    return same != json_array_size(now);
}

/* The age of what is written there now, by the Ready condition's heartbeat. */
static int64_t status_age_ms(const json_t *old)
{
    int64_t at_us = 0;
    const char *beat =
        json_text(json_array_get(json_at(old, "status", "conditions"), 3), "lastHeartbeatTime");
    if (!beat || !time_parse(str_of(beat), &at_us))
        return STATUS_MS;
    return (clock_now_us() - at_us) / 1000;
}

int64_t node_status_job(void *arg, const char *key)
{
    struct node *node = arg;
    json_auto_t *old = NULL;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *path = xasprintf(PATH_NODES "/%s", key);
    if (!client_get(node->client, path, &old, &err)) {
        bool gone = err.reason == ERROR_NOT_FOUND;
        error_clear(&err);
        if (!gone || !node_register(node, &err))
            return CREW_RETRY;
        return CHECK_MS;
    }
    if (status_age_ms(old) + CHECK_MS / 2 < STATUS_MS && !conditions_differ(node, old))
        return CHECK_MS;
    if (write_status(node, old, &err))
        return CHECK_MS;
    log_warn("node", "the node's status cannot be written: %s", err.message);
    return CREW_RETRY;
}

/* ---- the Lease ---- */

static json_t *lease_spec(const struct node *node)
{
    char now[TIME_TEXT_SIZE];
    time_format_micro(clock_now_us(), now);
    return json_pack("{s:s, s:i, s:s}", "holderIdentity", node->name, "leaseDurationSeconds",
                     LEASE_SECONDS, "renewTime", now);
}

int64_t node_lease_job(void *arg, const char *key)
{
    struct node *node = arg;
    CLEANUP(error_clear) struct error err = {0};
    CLEANUP(free_ptr) char *path = xasprintf(PATH_LEASES "/%s", key);
    json_auto_t *patch = json_pack("{s:o}", "spec", lease_spec(node));
    if (client_patch(node->client, path, patch, NULL, &err))
        return LEASE_MS;
    if (err.reason == ERROR_NOT_FOUND) {
        error_clear(&err);
        json_auto_t *lease =
            json_pack("{s:s, s:s, s:{s:s, s:s}, s:o}", "kind", "Lease", "apiVersion",
                      "coordination.k8s.io/v1", "metadata", "name", node->name, "namespace",
                      "kube-node-lease", "spec", lease_spec(node));
        if (client_create(node->client, PATH_LEASES, lease, NULL, &err))
            return LEASE_MS;
    }
    log_warn("node", "the node's lease cannot be renewed: %s", err.message);
    return 2000; /* well before the lease ends */
}
